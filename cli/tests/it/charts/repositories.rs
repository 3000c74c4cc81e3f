//! Where charts come from: indexes, ranges, credentials, certificates, registries.

use test_support::{ChartBuilder, ImageBuilder, Layer, Registry, TestCa, WebServer, artifact};

use super::Charts;
use crate::harness::tunnel::Tunnel;
use crate::harness::{Home, auths};

/// The layer of a chart in a registry.
const LAYER: &str = "application/vnd.cncf.helm.chart.content.v1.tar+gzip";

/// Without `charts` every version of every chart that renders anything is mirrored, and the index travels.
#[test]
fn a_whole_repository_is_mirrored() {
    let world = Charts::new(&["ns/web:v1", "ns/web:v2", "ns/side:v1"]);
    let side = ChartBuilder::new("side", "0.1.0").deployment("side", &world.image("ns/side:v1"));
    let library = ChartBuilder::new("common", "1.0.0").library();
    world.publish(&[&world.app("1.0.0", "ns/web:v1"), &world.app("v2.0.0", "ns/web:v2"), &side, &library]);
    world.home.configuration(&world.repository(""));
    world.home.to_disk(&[]).code(0).says("3 / 3 helm images mirrored successfully");
    let host = world.web.host();
    assert!(world.kept(&format!("indexes/{host}/demo/index.yaml")).is_file());
    assert!(world.kept("charts/app-v2.0.0.tgz").is_file() && !world.kept("charts/common-1.0.0.tgz").exists());
    let (_, found) = world.elsewhere(&[]);
    found.code(0).says("3 / 3 helm images mirrored successfully");
    assert_eq!(world.mirrored(), ["ns/side:v1", "ns/web:v1", "ns/web:v2"]);
    // None is none.
    world.home.configuration(&world.repository("charts: []\n"));
    world.home.to_disk(&[]).code(1).says("no images to copy");
}

/// Ranges and empty versions mean on the second side what they meant on the first, whatever else lies there; an archive of
/// oc-mirror, which has no record, is searched by the names of the files.
#[test]
fn ranges_and_the_newest_are_the_same_on_both_sides() {
    let images = ["ns/web:v1", "ns/web:v2", "ns/web:v3"];
    let world = Charts::new(&images);
    let charts = [world.app("1.0.0", "ns/web:v1"), world.app("1.5.0", "ns/web:v2"), world.app("2.0.0", "ns/web:v3")];
    let configure = |version: &str| {
        let version = if version.is_empty() { String::new() } else { format!("  version: '{version}'\n") };
        world.home.configuration(&world.repository(&format!("charts:\n- name: app\n{version}")))
    };
    let check = |version: &str, publish: &[&ChartBuilder], image: &str| {
        world.publish(publish);
        configure(version);
        world.home.to_disk(&[]).code(0);
        world.elsewhere(&[]).1.code(0);
        assert_eq!(world.mirrored(), [image], "{version}");
        world.destination.remove("m/ns/web", image.split_once(':').unwrap().1);
    };
    let all: Vec<&ChartBuilder> = charts.iter().collect();
    check("", &all, "ns/web:v3");
    check("^1", &all, "ns/web:v2");
    check("<1.5", &all, "ns/web:v1");
    check("1.0.0", &all, "ns/web:v1");
    check("v1.0.0", &all, "ns/web:v1");
    // The newest was taken back: what an earlier run kept of it is not what this run means.
    check("", &all[..2], "ns/web:v2");

    // Without the record the names of the files decide.
    std::fs::remove_file(world.kept("charts.json")).unwrap();
    let (workspace, to) = (format!("file://{}", world.home.disk().display()), format!("docker://{}", world.to()));
    for (version, image) in [("", "ns/web:v3"), ("~1.0", "ns/web:v1"), ("^1", "ns/web:v2"), ("v2", "ns/web:v3")] {
        let text = std::fs::read_to_string(configure(version)).unwrap();
        let text =
            text.replace("ImageSetConfiguration", "DeleteImageSetConfiguration").replace("mirror:\n", "delete:\n");
        world.home.write("disc.yaml", text);
        world.home.run(&["delete", "--generate", "-c", "disc.yaml", "--workspace", &workspace, &to]).code(0);
        let list = world.home.disk().join("working-dir/delete/delete-images.yaml");
        let list = std::fs::read_to_string(list).unwrap();
        assert!(list.contains(image) && list.matches("imageName").count() == 1, "{version} {list}");
    }
}

/// Two repositories may have a chart of the same name and version.
#[test]
fn charts_of_one_name_keep_apart() {
    let world = Charts::new(&["ns/web:v1", "ns/web:v2"]);
    world.publish(&[&world.app("1.0.0", "ns/web:v1")]);
    world.publish_at("/more", &[&world.app("1.0.0", "ns/web:v2")]);
    let second = format!("  - name: more\n    url: {}/more\n    charts:\n    - name: app\n", world.web.url());
    let first = world.repository("charts:\n- name: app\n  version: 1.0.0\n");
    world.home.configuration(&(first + &second));
    world.home.to_disk(&[]).code(0).says("2 / 2 helm images mirrored successfully");
    world.elsewhere(&[]).1.code(0).says("2 / 2 helm images mirrored successfully");
    assert_eq!(world.mirrored(), ["ns/web:v1", "ns/web:v2"]);
}

/// A repository that asks for a user gets the one of the auth file, or of its address; neither is printed or kept.
#[test]
fn repositories_with_users() {
    let world = Charts::new(&["ns/web:v1"]);
    world.publish(&[&world.app("1.0.0", "ns/web:v1")]);
    world.web.login("user", "s3cret-word");
    let charts = "charts:\n- name: app\n";
    world.home.configuration(&world.repository(charts));
    world.home.to_disk(&["--retry-times=0"]).code(16).says("answered with status 401; check `url` and the credentials");
    let auth = world.home.write("auth.json", auths(&[(world.web.host(), "user:s3cret-word")])).display().to_string();
    world.home.to_disk(&["--authfile", &auth]).code(0);

    std::fs::remove_file(&auth).unwrap();
    let stanza = world.repository(charts).replace("http://", "http://user:s3cret-word@");
    world.home.configuration(&stanza);
    let found = world.home.to_disk(&[]);
    found.code(0);
    let wrong = world.repository("charts:\n- name: none\n").replace("http://", "http://user:s3cret-word@");
    world.home.configuration(&wrong);
    let failed = world.home.to_disk(&[]);
    failed.code(16).says("no chart name found");
    for outcome in [&found, &failed] {
        assert!(!format!("{}{}", outcome.stdout, outcome.stderr).contains("s3cret"), "{outcome:?}");
    }
    let record = std::fs::read_to_string(world.kept("charts.json")).unwrap();
    assert!(record.contains("/demo\"") && !record.contains("s3cret"), "{record}");
}

/// Certificates are those of registries: `certs.d`, or none with `--src-tls-verify=false`.
#[test]
fn repositories_with_certificates_of_their_own() {
    let ca = TestCa::new();
    let mut world = Charts::new(&[]);
    world.web = WebServer::start_tls_blocking(&ca);
    let source = Registry::builder().tls(&ca).start_blocking();
    world.source = source;
    let layer = Layer::random(1, 2_000);
    world.source.push("ns/web", "v1", &ImageBuilder::oci().layer(layer).build());
    world.publish(&[&world.app("1.0.0", "ns/web:v1")]);
    world.home.configuration(&world.repository("charts:\n- name: app\n"));
    let disk = format!("file://{}", world.home.disk().display());
    let run = |more: &[&str]| {
        let mut args = vec!["-c", "isc.yaml", &disk, "--retry-times=0"];
        args.extend(more);
        world.home.run(&args)
    };
    run(&[]).code(16).says("invalid chart repository").says("signed by an authority that is not trusted");
    run(&["--src-tls-verify=false"]).code(0);
    for host in [world.web.host(), world.source.host()] {
        ca.write_certs_d(&world.home.path().join(".config/containers/certs.d"), host, false).unwrap();
    }
    run(&[]).code(0).says("1 / 1 helm images mirrored successfully");
}

/// Chart repositories and their charts are reached through the proxy of the environment, as registries are.
#[test]
fn repositories_behind_a_proxy() {
    let ca = TestCa::new();
    let mut world = Charts::new(&[]);
    world.web = WebServer::start_tls_blocking(&ca);
    world.source = Registry::builder().tls(&ca).start_blocking();
    world.source.push("ns/web", "v1", &ImageBuilder::oci().layer(Layer::random(1, 2_000)).build());
    world.publish(&[&ChartBuilder::new("app", "1.0.0").deployment("web", "registry.example.com/ns/web:v1")]);
    let tunnel =
        Tunnel::by_host(&[("charts.example.com", world.web.host()), ("registry.example.com", world.source.host())]);
    world.home = Home::new().variable("HTTPS_PROXY", &tunnel.address);
    let stanza =
        "helm:\n  repositories:\n  - name: demo\n    url: https://charts.example.com/demo\n    charts: [{name: app}]\n";
    world.home.configuration(stanza);
    world.home.to_disk(&["--retry-times=0"]).code(0).says("1 / 1 helm images mirrored successfully");
    let asked = ["CONNECT charts.example.com:443", "CONNECT registry.example.com:443"];
    assert_eq!(tunnel.hosts(), asked);
    assert_eq!(world.web.paths(), ["/demo/index.yaml", "/demo/app-1.0.0.tgz"]);
    world.elsewhere(&[]).1.code(0);
    assert_eq!(world.mirrored(), ["ns/web:v1"]);

    let home = Home::new().variable("HTTPS_PROXY", &tunnel.address).variable("NO_PROXY", "charts.example.com");
    home.configuration(stanza);
    home.to_disk(&["--retry-times=0"]).code(16).says("invalid chart repository \"https://charts.example.com/demo\"");
    assert_eq!(tunnel.hosts(), asked, "nobody asked the proxy again for a host that is left out");
}

/// Charts of a registry: a tag, a range and the newest; build metadata; no chart; no list of charts.
#[test]
fn charts_of_registries() {
    let world = Charts::new(&["ns/web:v1", "ns/web:v2"]);
    let push = |version: &str, image: &str| {
        let chart = world.app(version, image);
        let config = "application/vnd.cncf.helm.config.v1+json";
        world.source.push(
            "charts/app",
            version.replace('+', "_").as_str(),
            &artifact(config, LAYER, &chart.package(), None),
        );
    };
    push("1.0.0", "ns/web:v1");
    push("1.4.0+build.1", "ns/web:v2");
    world.source.push("charts/app", "2.0.0", &artifact("a/b", "text/plain", b"no chart", None));
    world.source.push("charts/app", "latest", &artifact("a/b", "text/plain", b"no chart", None));
    let stanza = |charts: &str| {
        let url = format!("oci://{}/charts", world.source.host());
        format!("helm:\n  repositories:\n  - name: demo\n    url: {url}\n{}", super::indented(charts, 4))
    };
    let check = |version: &str, file: &str, image: &str| {
        world.home.configuration(&stanza(&format!("charts:\n- name: app\n  version: '{version}'\n")));
        world.home.to_disk(&[]).code(0).says("1 / 1 helm images mirrored successfully");
        assert!(world.kept(file).is_file(), "{file}");
        world.source.clear_requests();
        world.elsewhere(&[]).1.code(0);
        assert!(world.source.requests().is_empty());
        assert!(world.mirrored().contains(&image.to_owned()), "{:?}", world.mirrored());
        world.destination.remove("m/ns/web", image.split_once(':').unwrap().1);
    };
    check("1.0.0", "charts/app-1.0.0.tgz", "ns/web:v1");
    check("1.4.0+build.1", "charts/app-1.4.0+build.1.tgz", "ns/web:v2");
    check("^1", "charts/app-1.4.0+build.1.tgz", "ns/web:v2");

    let fails = |charts: &str, text: &str| {
        world.home.configuration(&stanza(charts));
        world.home.to_disk(&["--retry-times=0"]).code(16).says(text);
    };
    fails("charts:\n- name: app\n", "2.0.0 is no Helm chart: it has no layer of the type");
    fails("charts:\n- name: app\n  version: '>3'\n", "could not locate a version matching provided version string >3");
    fails("charts:\n- name: none\n", "cannot list the versions of");
    fails("", "a registry has no index, so nobody knows which charts there are: name the charts of oci://");
}
