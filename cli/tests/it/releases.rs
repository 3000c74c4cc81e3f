//! Releases: an update service, a signature server and a source registry on loopback, then nothing but the disk.

use test_support::{
    COMPONENTS, DebianRegistry, IndexBuilder, Kind, Layer, PAYLOADS, Registry, Release, Skopeo, UpdateService, When,
    update_graph,
};

use crate::gpg::Gpg;
use crate::harness::Home;

/// Everything that mirror to disk asks, and a home that is told where it is.
struct Outside {
    source: Registry,
    service: UpdateService,
    gpg: Gpg,
    home: Home,
}

const USER: &str = "release@test";

/// Points the names of `quay.io` to a registry on loopback.
fn registries_conf(home: &Home, host: &str) -> std::path::PathBuf {
    let text = format!(
        "[[registry]]\nprefix = \"quay.io/openshift-release-dev\"\nlocation = \"{host}/openshift-release-dev\"\n"
    );
    home.write("registries.conf", text)
}

fn home(service: &UpdateService, host: &str, key: &[u8]) -> Home {
    home_without_override(service, host, key).variable("UPDATE_URL_OVERRIDE", service.graph_url())
}

fn home_without_override(service: &UpdateService, host: &str, key: &[u8]) -> Home {
    let home = Home::new();
    let (conf, key) = (registries_conf(&home, host), home.write("key.asc", key));
    home.variable("CONTAINERS_REGISTRIES_CONF", conf)
        .variable("OCP_SIGNATURE_VERIFICATION_PK", key)
        .variable("OCP_SIGNATURE_URL", service.signature_url())
        .variable("OC_MIRROR_GRAPH_DATA_URL", service.graph_data_url())
        .variable("OC_MIRROR_GRAPH_BASE_IMAGE", format!("{host}/ubi9/ubi:latest"))
}

impl Outside {
    /// `None` when there is no gpg.
    fn new() -> Option<Self> {
        let gpg = Gpg::new()?;
        let key = gpg.key(USER);
        let (source, service) = (Registry::start_blocking(), UpdateService::start_blocking());
        let home = home(&service, source.host(), &key);
        Some(Self { source, service, gpg, home })
    }

    /// Publishes a release with a good signature.
    fn publish(&self, release: &Release) {
        release.push_to(&self.source);
        self.service.signature(release.digest(), 1, self.gpg.sign(USER, &release.identity(), &[]));
    }

    /// Publishes releases, each an update of the one before, as channel `stable-4.99`.
    fn channel(&self, releases: &[&Release]) {
        for release in releases {
            self.publish(release);
        }
        self.service.graph("amd64", "stable-4.99", &graph(releases));
    }
}

fn graph(releases: &[&Release]) -> serde_json::Value {
    let version = |release: &Release| release.tag.trim_end_matches("-x86_64").to_owned();
    let versions: Vec<String> = releases.iter().map(|release| version(release)).collect();
    let nodes = versions.iter().zip(releases).map(|(version, release)| (version.as_str(), release.by_digest()));
    update_graph(nodes, versions.windows(2).map(|pair| (pair[0].as_str(), pair[1].as_str())))
}

/// Carries the archive into another home, and nothing else.
fn carry(from: &Home, to: &Home) {
    std::fs::create_dir_all(to.disk()).unwrap();
    for name in from.archives() {
        std::fs::copy(from.disk().join(&name), to.disk().join(&name)).unwrap();
    }
    std::fs::copy(from.path().join("isc.yaml"), to.path().join("isc.yaml")).unwrap();
}

/// A home inside the gap: it knows the key, and servers that are not there.
fn enclave(key_of: &Home) -> Home {
    let home = Home::new();
    let key = home.write("key.asc", std::fs::read(key_of.path().join("key.asc")).unwrap());
    home.variable("OCP_SIGNATURE_VERIFICATION_PK", key)
        .variable("OCP_SIGNATURE_URL", "http://127.0.0.1:1/")
        .variable("HTTP_PROXY", "http://127.0.0.1:1")
        .variable("HTTPS_PROXY", "http://127.0.0.1:1")
}

#[track_caller]
fn assert_arrived(release: &Release, destination: &Registry, namespace: &str) {
    let payload = destination.manifest(&format!("{namespace}openshift/release-images"), &release.tag);
    assert_eq!(payload.expect("the payload is there").digest, *release.digest());
    for (name, image) in &release.components {
        let tag = format!("{}-{name}", release.tag);
        let found = destination.manifest(&format!("{namespace}openshift/release"), &tag);
        assert_eq!(found.unwrap_or_else(|| panic!("{tag} is missing")).digest, image.digest);
    }
}

#[test]
fn a_channel_crosses_the_gap_and_the_next_z_stream_follows() {
    let Some(outside) = Outside::new() else { return };
    let first = Release::new("4.99.1", 190, 5);
    outside.channel(&[&first]);
    outside.home.configuration(
        "platform:\n  channels:\n  - name: stable-4.99\n    minVersion: 4.99.1\n    maxVersion: 4.99.1\n",
    );
    outside.home.to_disk(&[]).code(0).says("191 / 191 release images mirrored successfully");
    assert_eq!(
        outside.service.requests(),
        [
            "/graph?arch=amd64&channel=stable-4.99".to_owned(),
            format!("/signatures/sha256={}/signature-1", first.digest().hex())
        ]
    );
    let working_dir = outside.home.disk().join("working-dir");
    let kept = |name: &str| assert!(working_dir.join(name).is_file(), "{name} is missing");
    kept("hold-release/cincinnati-graph-data/amd64-stable-4.99.json");
    kept("hold-release/ocp-release/4.99.1-x86_64/release-manifests/image-references");
    kept(&format!("signatures/4.99.1-x86_64-sha256-{}", first.digest().hex()));

    // Again: the graph may have changed and is asked for; nothing else is.
    outside.service.clear_requests();
    outside.source.clear_requests();
    outside.home.to_disk(&["--since", "2015-01-01"]).code(0);
    assert_eq!(outside.service.requests(), ["/graph?arch=amd64&channel=stable-4.99"]);
    assert_eq!(outside.source.request_count(), 0, "{:#?}", outside.source.requests());

    let inside = enclave(&outside.home);
    carry(&outside.home, &inside);
    let destination = Registry::start_blocking();
    let to = format!("{}/m", destination.host());
    inside.to_mirror(&to, &[]).code(0).says("191 / 191 release images mirrored successfully");
    assert_arrived(&first, &destination, "m/");

    // The next z-stream brings five new components and a payload; the rest stays where it is.
    let second = Release::new("4.99.2", 190, 5);
    outside.channel(&[&first, &second]);
    outside.home.configuration("platform:\n  channels:\n  - name: stable-4.99\n    minVersion: 4.99.1\n");
    outside.source.clear_requests();
    outside.home.to_disk(&[]).code(0).says("382 / 382 release images mirrored successfully");
    assert!(outside.source.blob_bytes_served() < 60_000, "{} bytes served", outside.source.blob_bytes_served());
    let archive = &outside.home.archives()[0];
    let blobs = outside.home.entries(archive).iter().filter(|name| name.ends_with("/data")).count();
    // Each new image: a manifest, a config and a layer; configs of tiny images may be the same.
    assert!((10..=18).contains(&blobs), "{blobs} blobs in the second archive");

    carry(&outside.home, &inside);
    destination.clear_requests();
    // A whole archive for another enclave, which has nothing yet.
    outside.home.to_disk(&["--since", "2015-01-01"]).code(0);
    let other = enclave(&outside.home);
    carry(&outside.home, &other);
    // Nothing outside is there any more.
    drop(outside);
    inside.to_mirror(&to, &[]).code(0).says("382 / 382 release images mirrored successfully");
    // At most a layer and a config for each changed component and the payload; all other requests are about names.
    let uploads = destination.requests_matching(&When::kind(Kind::Upload).method("PUT"));
    assert!((6..=12).contains(&uploads.len()), "{uploads:#?}");
    assert_arrived(&first, &destination, "m/");
    assert_arrived(&second, &destination, "m/");

    // A narrower configuration into a second registry takes what it names.
    let narrow = Registry::start_blocking();
    other.configuration("platform:\n  channels:\n  - name: stable-4.99\n    minVersion: 4.99.2\n");
    other.to_mirror(narrow.host(), &[]).code(0).says("191 / 191 release images mirrored successfully");
    assert_arrived(&second, &narrow, "");
    assert!(narrow.manifest("openshift/release-images", &first.tag).is_none());
    other.configuration("platform:\n  channels:\n  - name: stable-4.98\n");
    other.to_mirror(narrow.host(), &[]).code(2).says("no release images found").says("No graph data found on disk");
}

#[test]
fn real_registries_on_both_sides() {
    let (Some(source), Some(destination), Some(skopeo), Some(gpg)) =
        (DebianRegistry::start(), DebianRegistry::start(), Skopeo::find(), Gpg::new())
    else {
        return;
    };
    let service = UpdateService::start_blocking();
    let key = gpg.key(USER);
    let home = home(&service, source.host(), &key);
    let release = Release::new("4.99.1", 12, 3);
    release.push_to_debian(&source);
    service.signature(release.digest(), 1, gpg.sign(USER, &release.identity(), &[]));
    service.graph("amd64", "stable-4.99", &graph(&[&release]));
    home.configuration("platform:\n  channels:\n  - name: stable-4.99\n");
    home.to_disk(&[]).code(0);
    drop((source, service));
    home.to_mirror(destination.host(), &[]).code(0).says("13 / 13 release images mirrored successfully");
    let payload = format!("{}/openshift/release-images:{}", destination.host(), release.tag);
    assert_eq!(skopeo.digest(&payload).unwrap(), *release.digest());
    skopeo.verify(&payload).unwrap();
    for (name, image) in &release.components {
        let component = format!("{}/openshift/release:{}-{name}", destination.host(), release.tag);
        assert_eq!(skopeo.digest(&component).unwrap(), image.digest);
    }
}

#[test]
fn only_good_signatures_count() {
    let Some(outside) = Outside::new() else { return };
    outside.gpg.key("stranger@test");
    let (release, other) = (Release::new("4.99.1", 3, 1), Release::new("4.99.2", 3, 1));
    outside.channel(&[&release]);
    outside.home.configuration("platform:\n  channels:\n  - name: stable-4.99\n");
    let good = || outside.gpg.sign(USER, &release.identity(), &[]);
    let refused = |messages: &[Vec<u8>], expected: &str| {
        outside.service.forget();
        outside.service.graph("amd64", "stable-4.99", &graph(&[&release]));
        for (number, message) in (1..).zip(messages) {
            outside.service.signature(release.digest(), number, message.clone());
        }
        outside.home.to_disk(&[]).code(2).says("collection error: [GenerateReleaseSignatures]").says(expected);
    };
    refused(&[], "no signature found for");
    // Not compressed, so that the text can be altered where it stands.
    let mut altered = outside.gpg.sign(USER, &release.identity(), &["-z", "0"]);
    let at = altered.windows(8).position(|window| window == b"critical").unwrap();
    altered[at] ^= 1;
    refused(&[altered], "signature error for");
    refused(&[outside.gpg.sign("stranger@test", &release.identity(), &[])], "invalid signature for");
    refused(&[outside.gpg.sign(USER, &other.identity(), &[])], "it signs sha256:");
    refused(&[outside.gpg.sign(USER, b"{}", &[])], "unmarshal json");
    let text = String::from_utf8(release.identity()).unwrap();
    let cosign = text.replace("atomic container signature", "cosign container image signature");
    refused(&[outside.gpg.sign(USER, cosign.as_bytes(), &[])], "signature error for");
    refused(&[good()[..40].to_vec()], "unable to read signature message for");
    refused(&[b"no signature".to_vec()], "unable to read signature message for");
    refused(&[vec![0x90; 5 << 20]], "http request");
    // Nothing of these was kept, and the second signature counts when the first does not.
    assert_eq!(std::fs::read_dir(outside.home.disk().join("working-dir/signatures")).unwrap().count(), 0);
    outside.service.signature(release.digest(), 1, outside.gpg.sign("stranger@test", &release.identity(), &[]));
    outside.service.signature(release.digest(), 2, good());
    outside.home.to_disk(&[]).code(0);

    // A kept signature that was altered later is replaced from the server, and refused where there is none.
    let kept =
        outside.home.disk().join(format!("working-dir/signatures/{}-sha256-{}", release.tag, release.digest().hex()));
    std::fs::write(&kept, b"altered").unwrap();
    outside.home.to_disk(&[]).code(0);
    assert_ne!(std::fs::read(&kept).unwrap(), b"altered");
}

#[test]
fn a_dead_server_is_named() {
    let Some(outside) = Outside::new() else { return };
    let release = Release::new("4.99.1", 2, 1);
    outside.channel(&[&release]);
    outside.home.configuration("platform:\n  channels:\n  - name: stable-4.99\n");
    let Outside { source, service, gpg: _gpg, home } = outside;
    let home = home.variable("OCP_SIGNATURE_URL", "http://127.0.0.1:1/");
    home.to_disk(&[]).code(2).says("collection error").says("http request").says("127.0.0.1:1");
    drop(service);
    home.to_disk(&[]).code(2).says("no release images found").says("request failed");
    drop(source);
}

#[test]
fn channels_that_select_nothing() {
    let Some(outside) = Outside::new() else { return };
    let release = Release::new("4.99.1", 2, 1);
    outside.channel(&[&release]);
    let check = |body: &str, expected: &[&str]| {
        outside.home.configuration(&format!("platform:\n  channels:\n{body}"));
        let outcome = outside.home.to_disk(&[]);
        outcome.code(2).says("collection error: [GetReleaseReferenceImages]");
        for text in expected {
            outcome.says(text);
        }
    };
    check(
        "  - name: stable-4.98\n",
        &["no release images found", "404 Not Found", "there is nothing for amd64 stable-4.98"],
    );
    check("  - name: stable-4.99\n    minVersion: 4.99.7\n", &["no release images found"]);
    check("  - name: stable-4.98\n  - name: stable-4.99\n", &["error list", "404"]);
    assert!(outside.home.archives().is_empty());
}

#[test]
fn a_release_by_reference() {
    let Some(outside) = Outside::new() else { return };
    let release = Release::new("4.99.1", 4, 1);
    outside.publish(&release);
    let destination = Registry::start_blocking();

    // By tag: the digest is asked for once, and disk to mirror takes it from the archive.
    outside.home.configuration(&format!("platform:\n  release: {}\n", release.by_tag()));
    outside.home.to_disk(&[]).code(0).says("5 / 5 release images mirrored successfully");
    let inside = enclave(&outside.home);
    carry(&outside.home, &inside);
    inside.to_mirror(&format!("{}/tag", destination.host()), &[]).code(0);
    assert_arrived(&release, &destination, "tag/");
    assert!(outside.service.requests().iter().all(|request| !request.starts_with("/graph")));

    // By digest, and without signature: the digest is the tag.
    outside.service.forget();
    for (place, reference) in [("by-digest", release.by_digest()), ("by-tag", release.by_tag())] {
        let home = home(&outside.service, outside.source.host(), &outside.gpg.key(place));
        home.configuration(&format!("platform:\n  release: {reference}\n"));
        home.to_disk(&[]).code(2).says("no signature found for");
        home.to_disk(&["--ignore-release-signature"]).code(0);
        let inside = enclave(&home);
        carry(&home, &inside);
        let to = format!("{}/{place}", destination.host());
        inside.to_mirror(&to, &["--ignore-release-signature"]).code(0);
        let hex = release.digest().hex();
        let payload = destination.manifest(&format!("{place}/openshift/release-images"), hex);
        assert_eq!(payload.unwrap().digest, *release.digest());
        let component = format!("{hex}-{}", release.components[0].0);
        assert!(destination.manifest(&format!("{place}/openshift/release"), &component).is_some());
    }
}

#[test]
fn what_an_upgrade_needs_is_told_or_added() {
    let Some(outside) = Outside::new() else { return };
    let releases: Vec<Release> = ["4.99.1", "4.99.2", "4.99.3"].map(|version| Release::new(version, 2, 1)).into();
    let [first, second, third] = releases.as_slice() else { unreachable!() };
    outside.channel(&[first, second, third]);
    // Another channel for the ends only, so that the middle is missing.
    outside.service.graph("amd64", "fast-4.99", &graph(&[third]));
    outside.home.configuration(
        "platform:\n  channels:\n  - name: stable-4.99\n    minVersion: 4.99.1\n    maxVersion: 4.99.1\n  - name: fast-4.99\n    minVersion: 4.99.3\n    maxVersion: 4.99.3\n",
    );
    let outcome = outside.home.to_disk(&[]);
    outcome.code(0).says("4.99.3 cannot be reached from 4.99.1").says("--add-intermediate-releases").says("4.99.2");
    outcome.says("6 / 6 release images mirrored successfully");
    outside.home.to_disk(&["--add-intermediate-releases"]).code(0).says("9 / 9 release images mirrored successfully");
}

#[test]
fn half_of_an_extraction_is_not_trusted() {
    let Some(outside) = Outside::new() else { return };
    let release = Release::new("4.99.1", 4, 1);
    outside.channel(&[&release]);
    outside.home.configuration("platform:\n  channels:\n  - name: stable-4.99\n");
    let folder = "disk/working-dir/hold-release/ocp-release/4.99.1-x86_64/release-manifests";
    outside.home.write(&format!("{folder}/image-references"), "{\"spec\":{\"tags\":[]}}");
    outside.home.to_disk(&[]).code(0).says("5 / 5 release images mirrored successfully");
    let kept = outside.home.path().join(folder).join("image-references");
    assert!(std::fs::read_to_string(kept).unwrap().contains("component-003"));
}

#[test]
fn a_missing_component_fails_the_release() {
    let Some(outside) = Outside::new() else { return };
    let release = Release::new("4.99.1", 4, 1);
    outside.channel(&[&release]);
    outside.source.remove(COMPONENTS, &release.components[2].1.digest.to_string());
    outside.home.configuration("platform:\n  channels:\n  - name: stable-4.99\n");
    let missing = &release.components[2].1.digest;
    let outcome = outside.home.to_disk(&[]);
    outcome.code(2).says(&format!("Failed to copy ocpReleaseContent quay.io/{COMPONENTS}@{missing}"));
    assert!(outside.home.archives().is_empty());
    assert!(outside.source.manifest(PAYLOADS, &release.tag).is_some());
}

#[test]
fn the_graph_image_is_built_once_and_travels() {
    let Some(outside) = Outside::new() else { return };
    let release = Release::new("4.99.1", 2, 1);
    outside.publish(&release);
    let base = IndexBuilder::docker().architectures(&["amd64", "arm64"], 40, 5000).build();
    outside.source.push("ubi9/ubi", "latest", &base);
    let data = Layer::tar_gz([("channels/stable-4.99.yaml", b"name: stable-4.99".as_slice()), ("LICENSE", b"free")]);
    let body = format!("platform:\n  graph: true\n  release: {}\n", release.by_tag());
    let key = std::fs::read(outside.home.path().join("key.asc")).unwrap();
    let built = || {
        let home = home_without_override(&outside.service, outside.source.host(), &key);
        home.configuration(&body);
        home
    };
    let home = built();
    home.to_disk(&[]).code(2).says("error processing graph image").says("status 404");
    outside.service.graph_data(data.bytes);
    home.to_disk(&[]).code(0).says("4 / 4 release images mirrored successfully");
    let tag =
        home.cache().join("docker/registry/v2/repositories/openshift/graph-image/_manifests/tags/latest/current/link");
    let digest = std::fs::read_to_string(&tag).unwrap();

    // Elsewhere, at another time: the same bytes.
    let again = built();
    again.to_disk(&[]).code(0);
    assert_eq!(std::fs::read_to_string(again.path().join(tag.strip_prefix(home.path()).unwrap())).unwrap(), digest);

    // With an update service of one's own it is taken from the cache, or said to be missing.
    let again = again.variable("UPDATE_URL_OVERRIDE", outside.service.graph_url());
    outside.service.clear_requests();
    again.to_disk(&[]).code(0).says("4 / 4 release images mirrored successfully");
    assert!(outside.service.requests().is_empty(), "{:#?}", outside.service.requests());
    outside.home.configuration(&body);
    outside.home.to_disk(&[]).code(2).says("no graph image in cache (nor working-dir)");

    let inside = enclave(&home);
    carry(&home, &inside);
    let destination = Registry::start_blocking();
    inside.to_mirror(&format!("{}/m", destination.host()), &[]).code(0);
    let image = destination.manifest("m/openshift/graph-image", "latest").unwrap();
    assert_eq!(image.digest.to_string(), digest);
    let list: serde_json::Value = serde_json::from_slice(&image.bytes).unwrap();
    let architectures: Vec<_> =
        list["manifests"].as_array().unwrap().iter().map(|entry| &entry["platform"]["architecture"]).collect();
    assert_eq!(architectures, ["amd64", "arm64"]);
    for entry in list["manifests"].as_array().unwrap() {
        let child = destination.manifest("m/openshift/graph-image", entry["digest"].as_str().unwrap()).unwrap();
        let child: serde_json::Value = serde_json::from_slice(&child.bytes).unwrap();
        let blob = |value: &serde_json::Value| {
            destination.blob(&value["digest"].as_str().unwrap().parse().unwrap()).expect("the blob is there")
        };
        let config: serde_json::Value = serde_json::from_slice(&blob(&child["config"])).unwrap();
        assert_eq!(config["config"]["Cmd"][0], "/bin/bash");
        let layers = child["layers"].as_array().unwrap();
        assert_eq!(config["rootfs"]["diff_ids"].as_array().unwrap().len(), layers.len());
        blob(layers.last().unwrap());
    }
    let service = inside.disk().join("working-dir/cluster-resources/updateService.yaml");
    assert!(std::fs::read_to_string(service).unwrap().contains("/m/openshift/graph-image:latest"));

    // An archive without it is told.
    let without = built();
    without.configuration(&format!("platform:\n  release: {}\n", release.by_tag()));
    without.to_disk(&[]).code(0);
    let inside = enclave(&home);
    carry(&without, &inside);
    inside.configuration(&body);
    inside.to_mirror(destination.host(), &[]).code(2).says("unable to find graph image in local cache");
}
