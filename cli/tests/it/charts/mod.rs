//! Helm charts end to end (`docs/behaviour/operators-archive.md` 8.2): from repositories, registries and folders, in
//! all modes.

mod failures;
mod list;
mod repositories;
mod values;

use std::path::PathBuf;

use test_support::{ChartBuilder, ImageBuilder, Layer, Registry, WebServer};

use crate::harness::{Home, Outcome};

/// Two registries, a chart repository with the charts of a test, and a home.
struct Charts {
    home: Home,
    source: Registry,
    destination: Registry,
    web: WebServer,
}

impl Charts {
    /// A world whose source registry has these images, `path:tag`.
    fn new(images: &[&str]) -> Self {
        let (source, destination) = (Registry::start_blocking(), Registry::start_blocking());
        for (seed, image) in images.iter().enumerate() {
            let (path, tag) = image.split_once(':').unwrap();
            source.push(path, tag, &ImageBuilder::oci().layer(Layer::random(seed as u64, 5_000)).build());
        }
        Self { home: Home::new(), source, destination, web: WebServer::start_blocking() }
    }

    /// An image of the source registry.
    fn image(&self, name: &str) -> String {
        format!("{}/{name}", self.source.host())
    }

    /// A chart with one deployment of an image of the source registry.
    fn app(&self, version: &str, image: &str) -> ChartBuilder {
        ChartBuilder::new("app", version).deployment("web", &self.image(image))
    }

    /// Serves charts at `/demo/`.
    fn publish(&self, charts: &[&ChartBuilder]) {
        self.publish_at("/demo", charts);
    }

    fn publish_at(&self, path: &str, charts: &[&ChartBuilder]) {
        self.web.file(&format!("{path}/index.yaml"), ChartBuilder::index(charts.iter().copied()));
        for chart in charts {
            self.web.file(&format!("{path}/{}", chart.package_name()), chart.package());
        }
    }

    /// The stanza `helm` with this repository, and more lines below it.
    fn repository(&self, more: &str) -> String {
        let url = format!("{}/demo/", self.web.url());
        format!("helm:\n  repositories:\n  - name: demo\n    url: {url}\n{}", indented(more, 4))
    }

    /// Writes a chart's folder.
    fn write(&self, folder: &str, chart: &ChartBuilder) {
        for (path, content) in chart.files() {
            self.home.write(&format!("{folder}/{path}"), content);
        }
    }

    fn to(&self) -> String {
        format!("{}/m", self.destination.host())
    }

    /// Disk to mirror on a machine that has the archive and the configuration, and nothing else.
    fn elsewhere(&self, more: &[&str]) -> (Home, Outcome) {
        let home = Home::new();
        for name in self.home.archives() {
            home.write(&format!("disk/{name}"), std::fs::read(self.home.disk().join(&name)).unwrap());
        }
        home.write("isc.yaml", std::fs::read(self.home.path().join("isc.yaml")).unwrap());
        let outcome = home.to_mirror(&self.to(), more);
        (home, outcome)
    }

    /// The names of the images at the destination, `path:tag`, sorted.
    fn mirrored(&self) -> Vec<String> {
        let mut names: Vec<String> = Vec::new();
        for repository in self.destination.repositories() {
            let tags = self.destination.tags(&repository);
            names.extend(tags.iter().map(|tag| format!("{}:{tag}", repository.trim_start_matches("m/"))));
        }
        names.sort();
        names
    }

    fn kept(&self, name: &str) -> PathBuf {
        self.home.disk().join("working-dir/helm").join(name)
    }
}

fn indented(text: &str, by: usize) -> String {
    text.lines().fold(String::new(), |all, line| all + &" ".repeat(by) + line + "\n")
}

/// A chart of a repository goes the whole way, is counted, and the second side needs neither web server nor index.
#[test]
fn a_chart_of_a_repository_goes_the_whole_way() {
    let world = Charts::new(&["ns/web:v1", "ns/init:v1"]);
    let chart = world.app("1.2.3", "ns/web:v1").file(
        "templates/pod.yaml",
        format!(
            "kind: Pod\nspec:\n  initContainers:\n  - image: {init}\n  containers:\n  - image: {web}\n  - image: {init}\n",
            init = world.image("ns/init:v1"),
            web = world.image("ns/web:v1"),
        ),
    );
    world.publish(&[&chart, &world.app("1.3.0", "ns/none:v1")]);
    world.home.configuration(&world.repository("charts:\n- name: app\n  version: 1.2.3\n"));
    let found = world.home.to_disk(&[]);
    found.code(0).says("collecting helm images...").says("images to copy 2 ");
    found.says("2 / 2 helm images mirrored successfully").says("Collected chart app 1.2.3 of http");
    assert_eq!(world.web.paths(), ["/demo/index.yaml", "/demo/app-1.2.3.tgz"]);
    assert_eq!(std::fs::read(world.kept("charts/app-1.2.3.tgz")).unwrap(), chart.package());
    let entries = world.home.entries("mirror_000001.tar");
    assert!(entries.iter().any(|entry| entry == "working-dir/helm/charts/app-1.2.3.tgz"), "{entries:?}");

    world.web.clear_requests();
    world.source.clear_requests();
    let (home, found) = world.elsewhere(&[]);
    found.code(0).says("2 / 2 helm images mirrored successfully");
    assert_eq!(world.mirrored(), ["ns/init:v1", "ns/web:v1"]);
    assert!(world.web.paths().is_empty() && world.source.requests().is_empty(), "disk to mirror asks no source");
    let tags = std::fs::read_to_string(home.disk().join("working-dir/cluster-resources/itms-oc-mirror.yaml")).unwrap();
    assert!(tags.contains("name: itms-generic-0") && tags.contains(&format!("source: {}/ns", world.source.host())));

    // A chart that is here already, with the digest of the index, is not fetched again.
    world.home.to_disk(&[]).code(0);
    assert_eq!(world.web.paths(), ["/demo/index.yaml"]);
}

/// Mirror to mirror, dry run, `why` and `delete` see the same images.
#[test]
fn every_command_sees_the_images_of_charts() {
    let world = Charts::new(&["ns/web:v1"]);
    world.publish(&[&world.app("1.2.3", "ns/web:v1")]);
    world.home.configuration(&world.repository("charts:\n- name: app\n"));
    let origin = format!("docker://{}", world.image("ns/web:v1"));

    world.home.to_disk(&["--dry-run"]).code(0);
    let mapping = std::fs::read_to_string(world.home.disk().join("working-dir/dry-run/mapping.txt")).unwrap();
    assert_eq!(mapping, format!("{origin}=docker://localhost:55000/ns/web:v1\n"));

    let why = world.home.run(&["why", "-c", "isc.yaml", "--src-tls-verify=false", "ns/web:v1"]);
    why.code(0).says("- name: app").says("chart app 1.2.3 of http").says("template app/templates/web.yaml");

    world.home.mirror_to_mirror(&world.to(), &[]).code(0).says("1 / 1 helm images mirrored successfully");
    assert_eq!(world.mirrored(), ["ns/web:v1"]);

    // The workspace knows which version "the newest" was.
    world.web.remove("/demo/index.yaml");
    let configuration = std::fs::read_to_string(world.home.path().join("isc.yaml")).unwrap();
    let configuration = configuration.replace("ImageSetConfiguration", "DeleteImageSetConfiguration");
    world.home.write("disc.yaml", configuration.replace("mirror:\n", "delete:\n"));
    let workspace = format!("file://{}", world.home.workspace().display());
    let to = format!("docker://{}", world.to());
    world.home.run(&["delete", "--generate", "-c", "disc.yaml", "--workspace", &workspace, &to]).code(0);
    let list = world.home.workspace().join("working-dir/delete/delete-images.yaml");
    let text = std::fs::read_to_string(&list).unwrap();
    assert!(text.contains(&format!("imageName: {origin}")) && text.contains("type: helmImage"), "{text}");
    let list = list.display().to_string();
    world.home.run(&["delete", "--delete-yaml-file", &list, "--dest-tls-verify=false", &to]).code(0);
    assert!(world.mirrored().is_empty());
}

/// Local charts, a folder and a package, travel: the second side does not need the paths.
#[test]
fn local_charts_travel_with_the_archive() {
    let world = Charts::new(&["ns/web:v1", "ns/web:v2", "ns/web:v3"]);
    world.write("charts/app", &world.app("1.0.0", "ns/web:v1"));
    world.home.write("packed/app.tgz", world.app("2.0.0", "ns/web:v2").package());
    // Beside the configuration, which is not where the program runs.
    world.write("beside/charts/near", &world.app("3.0.0", "ns/web:v3"));
    let stanza =
        "helm:\n  local:\n  - name: a\n    path: ./charts/app\n  - path: packed/app.tgz\n  - path: charts/near\n";
    let path = world.home.configuration(stanza);
    std::fs::rename(path, world.home.path().join("beside/isc.yaml")).unwrap();
    let disk = format!("file://{}", world.home.disk().display());
    let found = world.home.run(&["-c", "beside/isc.yaml", &disk, "--src-tls-verify=false"]);
    found.code(0).says("3 / 3 helm images mirrored successfully").says("Collected chart app 1.0.0 (./charts/app)");
    std::fs::copy(world.home.path().join("beside/isc.yaml"), world.home.path().join("isc.yaml")).unwrap();
    let (_, found) = world.elsewhere(&[]);
    found.code(0).says("3 / 3 helm images mirrored successfully");
    assert_eq!(world.mirrored(), ["ns/web:v1", "ns/web:v2", "ns/web:v3"]);
}

/// `blockedImages` keeps images of charts out, on both sides; images that cannot be mirrored are named.
#[test]
fn blocked_and_impossible_images_stay_behind() {
    let world = Charts::new(&["ns/web:v1", "ns/other:v1"]);
    let chart = world.app("1.0.0", "ns/web:v1").deployment("other", &world.image("ns/other:v1"));
    let chart = chart.deployment("untagged", &world.image("ns/untagged")).deployment("address", "0.0.0.0:8080");
    world.write("app", &chart);
    world.home.configuration("helm:\n  local:\n  - path: app\nblockedImages:\n- name: ns/other\n");
    let found = world.home.to_disk(&[]);
    found.code(0).says("1 / 1 helm images mirrored successfully");
    insta::assert_snapshot!(found.complaints(), @r"
    [WARN]   : [Helm] chart app 1.0.0 (app): `0.0.0.0:8080` in app/templates/address.yaml is left out: it is the address of a server, not an image
    [WARN]   : [Helm] chart app 1.0.0 (app): `127.0.0.1:PORT/ns/untagged` in app/templates/untagged.yaml is left out: it has neither tag nor digest; set a tag in the chart's `values`, or add the image to `additionalImages`
    ");
    let (_, found) = world.elsewhere(&[]);
    found.code(0).says("1 / 1 helm images mirrored successfully");
    assert_eq!(world.mirrored(), ["ns/web:v1"]);
}

/// Only the instances of the asked platforms travel; other charts' images are whole.
#[test]
fn platforms_of_a_chart_are_those_of_its_images() {
    let mut world = Charts::new(&[]);
    world.destination = Registry::builder().sparse(true).start_blocking();
    let list = test_support::IndexBuilder::oci().architectures(&["amd64", "arm64"], 7, 3_000).build();
    world.source.push("ns/list", "v1", &list);
    world.write("app", &world.app("1.0.0", "ns/list:v1"));
    let stanza = "helm:\n  local:\n  - path: app\n    platforms: [{os: linux, architecture: arm64}]\n";
    world.home.configuration(stanza);
    world.home.to_disk(&[]).code(0);
    world.elsewhere(&[]).1.code(0);
    let there: Vec<bool> = list
        .children
        .iter()
        .map(|child| world.destination.manifest("m/ns/list", &child.digest.to_string()).is_some())
        .collect();
    assert_eq!(there, [false, true]);
}
