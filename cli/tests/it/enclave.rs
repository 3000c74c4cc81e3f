//! Enclaves: internet -> disk -> enterprise registry -> disk -> enclave registry (`docs/behaviour/release.md` 7.9), the part
//! that registries.conf plays in it, and what must not be asked for on the far side of the gap.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Read as _;
use std::net::TcpListener;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use test_support::{
    Auth, DebianRegistry, Effect, Fault, ImageBuilder, Kind, Layer, Nowhere, Registry, Skopeo, When, World, WorldImage,
};

use crate::harness::{Home, auths, plain};

/// Carries the archive to another place, as someone with a disk would.
fn carry(from: &Home, to: &Home) {
    std::fs::create_dir_all(to.disk()).unwrap();
    for name in to_names(to) {
        std::fs::remove_file(to.disk().join(name)).unwrap();
    }
    for name in from.archives() {
        std::fs::copy(from.disk().join(&name), to.disk().join(&name)).unwrap();
    }
}

fn to_names(home: &Home) -> Vec<String> {
    if home.disk().exists() { home.archives() } else { Vec::new() }
}

/// Digests of blobs that the registry served more than once.
fn served_twice(registry: &Registry) -> Vec<String> {
    let mut count: BTreeMap<String, usize> = BTreeMap::new();
    for request in registry.requests_matching(&When::kind(Kind::Blob).method("GET")) {
        *count.entry(request.reference).or_default() += 1;
    }
    count.into_iter().filter(|(_, count)| *count > 1).map(|(digest, _)| digest).collect()
}

fn tag(image: &WorldImage) -> String {
    image.tag.clone().unwrap_or_else(|| image.digest().as_tag())
}

/// A registries.conf that sends what is asked of `internet` to `enterprise` below `m`.
fn redirect(internet: &str, enterprise: &str) -> String {
    format!(
        "[[registry]]\nlocation = \"{internet}\"\n[[registry.mirror]]\nlocation = \"{enterprise}/m\"\ninsecure = true\n"
    )
}

fn resource(home: &Home, name: &str) -> String {
    std::fs::read_to_string(home.disk().join("working-dir/cluster-resources").join(name)).unwrap()
}

#[test]
fn two_enclaves_share_one_enterprise_registry_and_one_cache() {
    let (internet, enterprise) = (Registry::start_blocking(), Registry::start_blocking());
    let world = World::small(31);
    world.push_to(&internet);
    let host = internet.host().to_owned();

    // Phase 1: internet to the enterprise registry.
    let outside = Home::new();
    outside.additional_images(world.references(&host));
    outside.to_disk(&[]).code(0);
    assert_eq!(served_twice(&internet), Vec::<String>::new());
    let inside = Home::new();
    inside.additional_images(world.references(&host));
    carry(&outside, &inside);
    inside.to_mirror(&format!("{}/m", enterprise.host()), &[]).code(0);
    drop(internet);

    // Phase 2: for each enclave an archive out of the enterprise registry, through one cache.
    let shared = tempfile::tempdir().unwrap();
    let parts = [&world.images[..6], &world.images[2..]];
    let mut archives = Vec::new();
    for part in parts {
        let station = Home::new().variable("OC_MIRROR_CACHE", shared.path());
        let conf = station.write("registries.conf", redirect(&host, enterprise.host()));
        let station = station.variable("CONTAINERS_REGISTRIES_CONF", conf);
        station.additional_images(part.iter().map(|image| image.reference(&host)));
        station.to_disk(&[]).code(0);
        archives.push(station);
    }
    assert_eq!(served_twice(&enterprise), Vec::<String>::new(), "the second enclave takes from the cache");

    // Phase 3: into each enclave, which knows nothing of the others.
    for (station, part) in archives.iter().zip(parts) {
        let (enclave, home) = (Registry::start_blocking(), Home::new());
        home.additional_images(part.iter().map(|image| image.reference(&host)));
        carry(station, &home);
        home.to_mirror(enclave.host(), &[]).code(0);
        for image in part {
            assert_eq!(enclave.manifest(&image.repository, &tag(image)).unwrap().digest, *image.digest());
        }
        let expected: std::collections::BTreeSet<&str> = part.iter().map(|image| image.repository.as_str()).collect();
        assert_eq!(enclave.repositories(), expected.into_iter().collect::<Vec<_>>());
        // Clusters go on asking for the original names.
        let tags = resource(&home, "itms-oc-mirror.yaml");
        assert!(tags.contains(&format!("source: {host}/apps\n")), "{tags}");
        assert!(!tags.contains(enterprise.host()), "{tags}");
        assert!(resource(&home, "idms-oc-mirror.yaml").contains(&format!("source: {host}/apps\n")));
    }
}

/// The same through real registries and in one step, mirror to mirror.
/// The first hop writes the registries.conf of the second one: catalogs, operators and images are found by their public
/// names although the registry of these names is gone.
#[test]
fn the_first_hop_tells_the_second_where_images_are() {
    let (internet, enterprise, last) =
        (Registry::start_blocking(), Registry::start_blocking(), Registry::start_blocking());
    crate::operators::world(&internet, &[]);
    let single = ImageBuilder::oci().layer(Layer::random(1, 1000)).build();
    internet.push("ns/single", "v1", &single);
    let host = internet.host().to_owned();
    let home = Home::new();
    home.configuration(&format!(
        "operators:\n- catalog: {host}/cat/index:v1\n  packages:\n  - name: foo\nadditionalImages:\n- name: \
         {host}/ns/single:v1\n- name: {host}/ns/single@{}\n  targetRepo: moved/single\n",
        single.digest
    ));
    home.to_disk(&[]).code(0);
    home.to_mirror(&format!("{}/m", enterprise.host()), &[]).code(0).says("registries.conf file created");
    drop(internet);

    let written = resource(&home, "registries.conf");
    assert!(written.contains(&format!("location = \"{}/m/cat\"\ninsecure = true\n", enterprise.host())), "{written}");
    let next = Home::new();
    let conf = next.write("registries.conf", &written);
    let next = next.variable("CONTAINERS_REGISTRIES_CONF", conf);
    std::fs::copy(home.path().join("isc.yaml"), next.path().join("isc.yaml")).unwrap();
    next.to_disk(&["--retry-times=0"]).code(0);
    next.to_mirror(&format!("{}/n", last.host()), &[]).code(0);
    // The second hop rebuilds the catalog, and so gives the catalog another digest.
    assert!(last.manifest("n/cat/index", "v1").is_some());
    for (repository, tag) in [("ns/single", "v1"), ("ns/foo-bundle", "0.3.0")] {
        let found = last.manifest(&format!("n/{repository}"), tag).unwrap_or_else(|| panic!("{repository}"));
        assert_eq!(found.digest, enterprise.manifest(&format!("m/{repository}"), tag).unwrap().digest, "{repository}");
    }
    // The second hop writes its own, with the same public names.
    assert!(resource(&next, "registries.conf").contains(&format!("location = \"{host}/cat\"\n")));
    // Clusters of the enclave ask for public names too, never for the enterprise registry.
    assert!(!resource(&next, "idms-oc-mirror.yaml").contains(enterprise.host()));
}

#[test]
fn mirror_to_mirror_out_of_an_enterprise_registry() {
    let (Some(enterprise), Some(enclave), Some(skopeo)) =
        (DebianRegistry::start(), DebianRegistry::start(), Skopeo::find())
    else {
        return;
    };
    let internet = Registry::start_blocking();
    let world = World::small(32);
    world.push_to(&internet);
    let host = internet.host().to_owned();
    let home = Home::new();
    home.additional_images(world.references(&host));
    home.mirror_to_mirror(&format!("{}/m", enterprise.host()), &[]).code(0);
    drop(internet);

    let station = Home::new();
    let conf = station.write("registries.conf", redirect(&host, enterprise.host()));
    let station = station.variable("CONTAINERS_REGISTRIES_CONF", conf);
    station.additional_images(world.references(&host));
    station.mirror_to_mirror(&format!("{}/e", enclave.host()), &[]).code(0);
    for image in &world.images {
        let at = |host: &str, namespace: &str| format!("{host}/{namespace}/{}:{}", image.repository, tag(image));
        let (there, here) = (at(enclave.host(), "e"), at(enterprise.host(), "m"));
        assert_eq!(skopeo.digest(&there).unwrap(), *image.digest());
        assert_eq!(skopeo.inspect_raw(&there).unwrap(), skopeo.inspect_raw(&here).unwrap());
        skopeo.verify(&there).unwrap();
    }
}

/// The far side has a cache of its own, which holds no layers: a layer that a new image shares with one that came with
/// an earlier archive is neither in the new archive nor there.
#[test]
fn layers_of_earlier_archives_are_found_at_the_destination() {
    let source = Registry::start_blocking();
    let shared = || Layer::random(99, 200_000);
    for n in 0..3 {
        let image = ImageBuilder::oci().layer(shared()).layer(Layer::random(n, 1000)).build();
        source.push(&format!("ns/app{n}"), "v1", &image);
    }
    // Mounts work, or never, or the first one that is asked for comes before the blob does.
    for (mounts, early) in [(true, false), (true, true), (false, false)] {
        let destination = Registry::builder().mounts(mounts).start_blocking();
        if early {
            destination
                .fault(Fault::new(When::any().digest(&shared().digest()).query("mount=").once(), Effect::RefuseMount));
        }
        let (outside, inside) = (Home::new(), Home::new());
        // The old image is not even in the new configuration.
        for n in 0..3 {
            for home in [&outside, &inside] {
                home.additional_images([format!("{}/ns/app{n}:v1", source.host())]);
            }
            outside.to_disk(&[]).code(0);
            carry(&outside, &inside);
            inside.to_mirror(&format!("{}/m", destination.host()), &[]).code(0);
            assert!(destination.has_blob(&format!("m/ns/app{n}"), &shared().digest()));
        }
        let received = destination.bytes_received();
        assert_eq!(received < 300_000, mounts, "{received} bytes received");
    }
}

/// The far side has lost its cache, or a second machine loads the next archive: what earlier archives brought is taken
/// from the destination, when the configuration still names who has it. What cannot be found is told with its archive.
#[test]
fn a_lost_cache_is_made_good_by_the_destination() {
    let source = Registry::start_blocking();
    let shared = || Layer::random(99, 200_000);
    let names: Vec<String> = (0..4).map(|n| format!("{}/ns/app{n}:v1", source.host())).collect();
    for n in 0..4 {
        let image = ImageBuilder::oci().layer(shared()).layer(Layer::random(n, 3000)).build();
        source.push(&format!("ns/app{n}"), "v1", &image);
    }
    for mounts in [true, false] {
        let destination = Registry::builder().mounts(mounts).start_blocking();
        let outside = Home::new();
        let load = |images: &[String]| {
            // A new machine each time.
            let inside = Home::new();
            for home in [&outside, &inside] {
                home.additional_images(images);
            }
            outside.to_disk(&[]).code(0);
            carry(&outside, &inside);
            inside.to_mirror(&format!("{}/m", destination.host()), &[])
        };
        load(&names[..1]).code(0);
        load(&names[..3]).code(0);
        for n in 0..3 {
            assert!(destination.has_blob(&format!("m/ns/app{n}"), &shared().digest()));
        }
        let received = destination.bytes_received();
        assert_eq!(received < 300_000, mounts, "{received} bytes received");

        let lost = load(&names[3..]);
        let histories = std::fs::read_dir(outside.disk().join("working-dir/.history")).unwrap();
        let mut moments: Vec<String> =
            histories.map(|entry| entry.unwrap().file_name().to_str().unwrap().replace(".history-", "")).collect();
        moments.sort();
        let shared = shared().digest();
        lost.code(8).says(&format!(
            "blob {shared} is not at the destination, not in the archive and not in the cache; it is needed by {}. An \
             earlier archive of this sequence is missing, that of {}: load it first, or make a new archive with `--since {}`",
            names[3],
            moments[0],
            &moments[0][..10],
        ));
    }
}

/// Nothing answers on the far side but the destination: neither the sources nor a proxy.
#[test]
fn disk_to_mirror_asks_nobody_but_the_destination() {
    let (source, destination) = (Registry::start_blocking(), Registry::start_blocking());
    let world = World::small(33);
    world.push_to(&source);
    let names: Vec<String> = world.images.iter().map(|image| image.reference("registry.example.com")).collect();
    let outside = Home::new();
    let conf = outside.write(
        "registries.conf",
        format!("[[registry]]\nprefix = \"registry.example.com\"\nlocation = \"{}\"\n", source.host()),
    );
    let outside = outside.variable("CONTAINERS_REGISTRIES_CONF", conf);
    outside.additional_images(&names);
    outside.to_disk(&[]).code(0);
    drop(source);

    // Whoever wants to leave has to go through the proxy, which counts.
    let proxy = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", proxy.local_addr().unwrap());
    let visits = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&visits);
    std::thread::spawn(move || {
        for visitor in proxy.incoming().map_while(Result::ok) {
            counter.fetch_add(1, Ordering::SeqCst);
            drop(visitor.take(0).read(&mut []));
        }
    });
    let inside = Home::new().variable("HTTP_PROXY", &address).variable("HTTPS_PROXY", &address);
    inside.additional_images(&names);
    carry(&outside, &inside);
    inside.to_mirror(destination.host(), &[]).code(0);
    inside.to_mirror(destination.host(), &[]).code(0);
    assert_eq!(visits.load(Ordering::SeqCst), 0, "somebody wanted to leave");
    // The proxy is no decoration: mirror to disk does go there.
    inside.to_disk(&["--retry-times=0"]).code(8);
    assert!(visits.load(Ordering::SeqCst) > 0);
}

/// The same where the kernel itself has no route: in a network namespace with nothing but loopback.
#[test]
fn disk_to_mirror_in_a_namespace_without_a_route() {
    let may = Command::new("unshare").args(["-n", "ip", "link", "set", "lo", "up"]).output();
    let Some(skopeo) = Skopeo::find() else { return };
    if !may.is_ok_and(|output| output.status.success()) || DebianRegistry::start().is_none() {
        eprintln!("skipped: no network namespace can be made here");
        return;
    }
    let source = Registry::start_blocking();
    let world = World::small(34);
    world.push_to(&source);
    let (outside, inside) = (Home::new(), Home::new());
    for home in [&outside, &inside] {
        home.additional_images(world.references(source.host()));
    }
    outside.to_disk(&[]).code(0);
    carry(&outside, &inside);

    let root = inside.path().join("registry");
    let config = serde_json::json!({
        "version": "0.1",
        "storage": { "filesystem": { "rootdirectory": root } },
        "http": { "addr": "127.0.0.1:5000" },
    });
    let config = inside.write("registry.yml", config.to_string());
    let from = format!("file://{}", inside.disk().display());
    let args = ["-c", "isc.yaml", "--from", &from, "docker://127.0.0.1:5000/m", "--dest-tls-verify=false"];
    let tool = inside.command(&args);
    let mut command = Command::new("unshare");
    command.args(["-n", "bash", "-c"]).arg(
        "ip link set lo up; docker-registry serve \"$0\" >/dev/null 2>&1 & registry=$!
         for i in $(seq 100); do (: </dev/tcp/127.0.0.1/5000) 2>/dev/null && break; sleep 0.1; done
         \"$@\"; code=$?
         kill $registry; wait $registry; exit $code",
    );
    command.arg(config).arg(tool.get_program()).args(tool.get_args()).current_dir(inside.path()).env_clear();
    command.envs(tool.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let output = command.output().unwrap();
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{}", plain(&said));
    let served = DebianRegistry::builder().root(&root).start().unwrap();
    for image in &world.images {
        skopeo.verify(&format!("{}/m/{}:{}", served.host(), image.repository, tag(image))).unwrap();
    }
}

/// Rows of registries.conf, as a run meets them.
mod registries_conf {
    use super::*;

    /// Mirrors `image` with this registries.conf, in which `REAL` is a registry with `real/app:v1`, `OTHER` one without,
    /// and `DOWN` an address where nobody listens. `expected` is a text of the run, or none when it succeeds.
    #[track_caller]
    fn check(conf: &str, image: &str, expected: Option<&str>) {
        let (real, other) = (Registry::start_blocking(), Registry::start_blocking());
        let built = ImageBuilder::oci().layer(Layer::random(1, 1000)).build();
        real.push("real/app", "v1", &built);
        let down = Nowhere::hold();
        let fill = |text: &str| {
            text.replace("REAL", real.host())
                .replace("OTHER", other.host())
                .replace("DOWN", down.host())
                .replace("DIGEST", &built.digest.to_string())
        };
        let home = Home::new();
        let path = home.write("registries.conf", fill(conf));
        let home = home.variable("CONTAINERS_REGISTRIES_CONF", path);
        home.additional_images([fill(image)]);
        let outcome = home.to_disk(&["--retry-times=0"]);
        match expected {
            None => {
                outcome.code(0);
                assert!(real.requests().iter().any(|request| request.repository == "real/app"), "{conf}");
            }
            Some(text) => {
                outcome.code(8).says(text);
            }
        }
    }

    fn table(lines: &[&str]) -> String {
        lines.iter().fold(String::new(), |mut text, line| {
            writeln!(text, "{line}").unwrap();
            text
        })
    }

    #[test]
    fn prefix_and_location() {
        let whole = table(&["[[registry]]", "prefix = \"logical.example/team\"", "location = \"REAL/real\""]);
        check(&whole, "logical.example/team/app:v1", None);
        check(&whole, "logical.example/team/app@DIGEST", None);
        let one = table(&["[[registry]]", "prefix = \"logical.example/a/b\"", "location = \"REAL/real/app\""]);
        check(&one, "logical.example/a/b:v1", None);
        let wild = table(&["[[registry]]", "prefix = \"*.example\"", "location = \"REAL\""]);
        check(&wild, "any.example/real/app:v1", None);
        // The longest prefix counts.
        let two = table(&[
            "[[registry]]",
            "prefix = \"logical.example\"",
            "location = \"DOWN\"",
            "[[registry]]",
            "prefix = \"logical.example/team\"",
            "location = \"REAL/real\"",
        ]);
        check(&two, "logical.example/team/app:v1", None);
    }

    /// A name without a host means Docker Hub, and nothing that is said about short names.
    #[test]
    fn names_without_a_host() {
        let hub = |place: &str| table(&["[[registry]]", "prefix = \"docker.io\"", &format!("location = \"{place}\"")]);
        check(&hub("REAL"), "real/app:v1", None);
        let short = |more: &str| table(&["unqualified-search-registries = [\"REAL\"]"]) + &hub("DOWN") + more;
        check(&short(""), "real/app:v1", Some("refused"));
        check(&short("[aliases]\n\"real/app\" = \"REAL/real/app\"\n"), "real/app:v1", Some("refused"));
    }

    /// Credentials of auth files are looked up by the name of the mirror; those of the command line never go there.
    #[test]
    fn credentials_for_mirrors() {
        let secured = || {
            let registry = Registry::builder().auth(Auth::basic("me", "secret")).start_blocking();
            registry.push("ns/app", "v1", &ImageBuilder::oci().layer(Layer::random(1, 1000)).build());
            registry
        };
        let (mirror, primary) = (secured(), secured());
        let conf = table(&[
            "[[registry]]",
            &format!("location = \"{}\"", primary.host()),
            "[[registry.mirror]]",
            &format!("location = \"{}\"", mirror.host()),
        ]);
        let served = |registry: &Registry| {
            registry.requests().iter().any(|request| request.repository == "ns/app" && request.status() == 200)
        };
        let check = |auth: &str, more: &[&str], by_mirror: bool| {
            let home = Home::new();
            let path = home.write("registries.conf", &conf);
            let home = home.variable("CONTAINERS_REGISTRIES_CONF", path);
            home.write(".config/containers/auth.json", auth);
            home.additional_images([format!("{}/ns/app:v1", primary.host())]);
            [&mirror, &primary].into_iter().for_each(Registry::clear_requests);
            home.to_disk(more).code(0);
            assert_eq!((served(&mirror), served(&primary)), (by_mirror, !by_mirror), "{more:?}");
            mirror.requests().iter().filter(|request| request.header("authorization").is_some()).count()
        };
        let of = |registry: &Registry| auths(&[(registry.host(), "me:secret")]);
        assert!(check(&of(&mirror), &[], true) > 0);
        assert_eq!(check(&of(&primary), &[], false), 0);
        assert_eq!(check("{}", &["--src-creds=me:secret"], false), 0);
        assert_eq!(check("{}", &["--src-username=me", "--src-password=secret"], false), 0);
    }

    /// A policy goes by the name that was asked for, wherever it was found.
    #[test]
    fn policies_know_nothing_of_mirrors() {
        let real = Registry::start_blocking();
        real.push("real/app", "v1", &ImageBuilder::oci().layer(Layer::random(1, 1000)).build());
        let conf = table(&["[[registry]]", "prefix = \"logical.example\"", &format!("location = \"{}\"", real.host())]);
        let check = |accepted: &str, code: i32| {
            let home = Home::new();
            let path = home.write("registries.conf", &conf);
            let home = home.variable("CONTAINERS_REGISTRIES_CONF", path);
            let scope = serde_json::json!({ accepted: [{ "type": "insecureAcceptAnything" }] });
            let policy = serde_json::json!({ "default": [{ "type": "reject" }], "transports": { "docker": scope } });
            home.write("policy.json", policy.to_string());
            home.additional_images(["logical.example/real/app:v1"]);
            let outcome = home.to_disk(&["--secure-policy", "--policy=policy.json"]);
            outcome.code(code);
            if code != 0 {
                outcome.says("logical.example/real/app:v1 is rejected by policy");
            }
        };
        check("logical.example/real", 0);
        check(real.host(), 8);
    }

    /// However many images there are, and whoever asks.
    #[test]
    fn a_mirror_that_is_down_is_told_of_once() {
        let real = Registry::start_blocking();
        for n in 0..12 {
            let image = ImageBuilder::oci().layer(Layer::random(n, 1000)).build();
            real.push(&format!("real/app{n}"), "v1", &image);
        }
        let down = Nowhere::hold();
        let home = Home::new();
        let conf = table(&[
            "[[registry]]",
            &format!("location = \"{}\"", real.host()),
            "[[registry.mirror]]",
            &format!("location = \"{down}\""),
        ]);
        let path = home.write("registries.conf", conf);
        let home = home.variable("CONTAINERS_REGISTRIES_CONF", path);
        home.additional_images((0..12).map(|n| format!("{}/real/app{n}:v1", real.host())));
        let outcome = home.to_disk(&["--retry-times=2", "--retry-delay=1h"]);
        let said = plain(&format!("{}{}", outcome.code(0).stdout, outcome.stderr));
        let told = format!(
            "mirror `{down}` is passed over after 3 attempts: cannot connect to `https://{down}`: connection refused (os error 111); the next"
        );
        assert_eq!(said.matches(&told).count(), 1, "{said}");
        assert_eq!(said.matches("is passed over").count(), 1, "{said}");
    }

    #[test]
    fn mirrors_in_order() {
        let mirrors = |places: &[&str], more: &str| {
            let mut text = table(&["[[registry]]", "location = \"DOWN\"", more]);
            for place in places {
                text.push_str(&table(&["[[registry.mirror]]", &format!("location = \"{place}\"")]));
            }
            text
        };
        check(&mirrors(&["DOWN/real", "REAL/real"], ""), "DOWN/app:v1", None);
        check(&mirrors(&["OTHER/real", "REAL/real"], ""), "DOWN/app:v1", None);
        check(&mirrors(&["OTHER/real"], ""), "DOWN/app:v1", Some("Mirrors also failed"));
        check(&mirrors(&["REAL/real"], "mirror-by-digest-only = true"), "DOWN/app@DIGEST", None);
        check(&mirrors(&["REAL/real"], "mirror-by-digest-only = true"), "DOWN/app:v1", Some("refused"));
    }

    #[test]
    fn blocked_registries() {
        let blocked = table(&["[[registry]]", "location = \"REAL\"", "blocked = true"]);
        check(&blocked, "REAL/real/app:v1", Some("is blocked in"));
        let with_mirror = table(&[
            "[[registry]]",
            "location = \"logical.example\"",
            "blocked = true",
            "[[registry.mirror]]",
            "location = \"REAL/real\"",
        ]);
        check(&with_mirror, "logical.example/app:v1", None);
    }

    /// A blocked destination is refused before anything is sent: all of it at once, or the images that go there.
    #[test]
    fn blocked_destinations() {
        let (source, destination) = (Registry::start_blocking(), Registry::start_blocking());
        for name in ["ns/app", "other/app"] {
            source.push(name, "v1", &ImageBuilder::oci().layer(Layer::random(1, 1000)).build());
        }
        for (place, code) in [("", 1), ("/ns", 8)] {
            let home = Home::new();
            let blocked = format!("location = \"{}{place}\"", destination.host());
            let path = home.write("registries.conf", table(&["[[registry]]", &blocked, "blocked = true"]));
            let home = home.variable("CONTAINERS_REGISTRIES_CONF", path);
            home.additional_images(["ns", "other"].map(|name| format!("{}/{name}/app:v1", source.host())));
            home.mirror_to_mirror(destination.host(), &[]).code(code).says("is blocked in");
            assert!(destination.manifest("ns/app", "v1").is_none());
        }
        assert!(destination.manifest("other/app", "v1").is_some());
    }

    /// Writing is never redirected: the destination is what the command line says.
    #[test]
    fn destinations_are_not_rewritten() {
        let (source, destination, elsewhere) =
            (Registry::start_blocking(), Registry::start_blocking(), Registry::start_blocking());
        source.push("ns/app", "v1", &ImageBuilder::oci().layer(Layer::random(1, 1000)).build());
        let home = Home::new();
        let path = home.write("registries.conf", redirect(destination.host(), elsewhere.host()));
        let home = home.variable("CONTAINERS_REGISTRIES_CONF", path);
        home.additional_images([format!("{}/ns/app:v1", source.host())]);
        for _ in 0..2 {
            home.mirror_to_mirror(destination.host(), &[]).code(0);
            home.to_disk(&["--since", "2015-01-01"]).code(0);
            home.to_mirror(destination.host(), &[]).code(0);
        }
        assert!(destination.manifest("ns/app", "v1").is_some());
        assert_eq!(elsewhere.request_count(), 0, "{:#?}", elsewhere.requests());
    }

    /// A mirror that fails in the middle of a blob: the run goes on with what retries allow.
    #[test]
    fn a_mirror_that_stumbles() {
        let real = Registry::start_blocking();
        let destination = Registry::start_blocking();
        let built = ImageBuilder::oci().layer(Layer::random(1, 300_000)).build();
        real.push("real/app", "v1", &built);
        real.fault(Fault::new(When::kind(Kind::Blob).method("GET").times(2), Effect::status(503)));
        let home = Home::new();
        let text = table(&["[[registry]]", "prefix = \"logical.example\"", &format!("location = \"{}\"", real.host())]);
        let path = home.write("registries.conf", text);
        let home = home.variable("CONTAINERS_REGISTRIES_CONF", path);
        home.additional_images(["logical.example/real/app:v1"]);
        home.mirror_to_mirror(destination.host(), &[]).code(0);
        assert_eq!(destination.manifest("real/app", "v1").unwrap().digest, built.digest);
    }
}
