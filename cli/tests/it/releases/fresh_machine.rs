//! Disk to mirror on a machine that has the archive, the configuration and the release key, and nothing else: no cache, no
//! working directory, nobody to ask.

use serde_json::Value;
use test_support::{IndexBuilder, Layer, Registry, Release};

use super::*;
use crate::operators::{assert_there, filtered, served};

/// The catalog's part of a configuration.
fn operators(host: &str, packages: &str) -> String {
    format!("operators:\n- catalog: {host}/cat/index:v1\n  packages:\n{packages}")
}

const WIDE: &str = "  - name: foo\n    minVersion: 0.2.0\n  - name: bar\n";
const NARROW: &str = "  - name: foo\n    minVersion: 0.3.0\n";

/// Every blob and manifest of the graph image is there.
#[track_caller]
fn assert_graph_image(destination: &Registry, repository: &str) {
    let list: Value = serde_json::from_slice(&destination.manifest(repository, "latest").unwrap().bytes).unwrap();
    let instances = list["manifests"].as_array().unwrap();
    assert_eq!(instances.len(), 2);
    for instance in instances {
        let image = destination.manifest(repository, instance["digest"].as_str().unwrap()).unwrap();
        let image: Value = serde_json::from_slice(&image.bytes).unwrap();
        for blob in image["layers"].as_array().unwrap().iter().chain([&image["config"]]) {
            assert!(destination.has_blob(repository, &blob["digest"].as_str().unwrap().parse().unwrap()), "{blob}");
        }
    }
}

/// Writes the archive with and without a cache, and loads it where nothing is known.
#[test]
fn the_archive_is_enough() {
    let Some(outside) = Outside::new() else { return };
    let release = Release::new("4.99.1", 6, 3);
    outside.channel(&[&release]);
    let base = IndexBuilder::docker().architectures(&["amd64", "arm64"], 40, 5000).build();
    outside.source.push("ubi9/ubi", "latest", &base);
    outside.service.graph_data(Layer::tar_gz([("channels/stable-4.99.yaml", b"name: stable-4.99".as_slice())]).bytes);
    let host = outside.source.host();
    crate::operators::world(&outside.source, &[]);
    let key = std::fs::read(outside.home.path().join("key.asc")).unwrap();
    let by_name = format!("platform:\n  graph: true\n  release: {}\n", release.by_tag());
    let channel = "platform:\n  channels:\n  - name: stable-4.99\n";

    let check = |platform: &str, how: &[&str], has_graph: bool| {
        // Building the graph image asks for graph data, which an update service of one's own forbids.
        let home = if has_graph {
            home_without_override(&outside.service, host, &key)
        } else {
            home(&outside.service, host, &key)
        };
        home.configuration(&format!("{platform}{}", operators(host, WIDE)));
        home.to_disk(how).code(0);
        assert_eq!(home.cache().exists(), how.is_empty(), "a cache is there when it was not forbidden");
        let rebuilt = std::fs::read_to_string(&filtered(&home)[0]).unwrap();
        outside.source.clear_requests();
        outside.service.clear_requests();

        let (inside, destination) = (enclave(&home), Registry::start_blocking());
        carry(&home, &inside);
        let images = if has_graph { 8 } else { 7 };
        inside
            .to_mirror(&format!("{}/m", destination.host()), &[])
            .code(0)
            .says(&format!("{images} / {images} release images mirrored successfully"))
            .says("8 / 8 operator images mirrored successfully");
        assert_arrived(&release, &destination, "m/");
        for image in release.components.iter().map(|(_, image)| image).chain([&release.payload]) {
            for blob in image.all_blobs() {
                assert_eq!(destination.blob(&blob.digest).as_ref(), Some(&blob.bytes));
            }
        }
        assert_eq!(served(&destination, "m/cat/index", "v1"), ["bar.v1.1.0", "foo.v0.2.0", "foo.v0.3.0"]);
        assert_there(&destination, "m/", &[("foo", "0.2.0"), ("foo", "0.3.0"), ("bar", "1.1.0")]);
        assert_eq!(destination.manifest("m/cat/index", "v1").unwrap().digest.hex(), rebuilt, "the same catalog");
        let working_dir = inside.disk().join("working-dir");
        let signature = format!("signatures/4.99.1-x86_64-sha256-{}", release.digest().hex());
        for name in [&signature, "cluster-resources/signature-configmap.json", "cluster-resources/idms-oc-mirror.yaml"]
        {
            assert!(working_dir.join(name).is_file(), "{name} is missing");
        }
        assert!(
            std::fs::read_to_string(working_dir.join("cluster-resources/signature-configmap.json"))
                .unwrap()
                .contains(release.digest().hex())
        );
        if has_graph {
            assert_graph_image(&destination, "m/openshift/graph-image");
            let service = std::fs::read_to_string(working_dir.join("cluster-resources/updateService.yaml")).unwrap();
            assert!(service.contains("/m/openshift/graph-image:latest"), "{service}");
        }

        // Another machine, which selects less: its catalog is made of what the archive brought.
        let (narrow, other) = (enclave(&home), Registry::start_blocking());
        carry(&home, &narrow);
        narrow.configuration(&operators(host, NARROW));
        narrow.to_mirror(other.host(), &[]).code(0).says("4 / 4 operator images mirrored successfully");
        assert_eq!(served(&other, "cat/index", "v1"), ["foo.v0.3.0"]);
        assert_there(&other, "", &[("foo", "0.3.0")]);
        assert!(other.manifest("openshift/release-images", &release.tag).is_none());

        assert_eq!(outside.source.request_count(), 0, "{:#?}", outside.source.requests());
        assert!(outside.service.requests().is_empty(), "{:?}", outside.service.requests());
    };
    for how in [&[][..], &["--no-cache"]] {
        check(&by_name, how, true);
        check(channel, how, false);
    }
}
