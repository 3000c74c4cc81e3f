//! The update graph image (`docs/behaviour/release.md` 5).

use std::path::Path;

use test_support::{Image, IndexBuilder, Layer, Registry, Release};

use super::*;

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

/// Writes an image as oc-mirror v2 leaves the graph image in the working directory: an OCI layout whose index names it.
pub(super) fn write_layout(folder: &Path, images: &[&Image]) {
    let blobs = folder.join("blobs/sha256");
    std::fs::create_dir_all(&blobs).unwrap();
    std::fs::write(folder.join("oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#).unwrap();
    let entry = |image: &&Image| serde_json::json!({ "mediaType": image.media_type, "digest": image.digest, "size": image.bytes.len() });
    let index = serde_json::json!({ "schemaVersion": 2, "manifests": images.iter().map(entry).collect::<Vec<_>>() });
    std::fs::write(folder.join("index.json"), index.to_string()).unwrap();
    for image in images {
        for manifest in image.manifests() {
            std::fs::write(blobs.join(manifest.digest.hex()), &manifest.bytes).unwrap();
        }
        for blob in image.all_blobs() {
            std::fs::write(blobs.join(blob.digest.hex()), &blob.bytes).unwrap();
        }
    }
}

/// In an enclave whose cache has no graph image, that of the working directory counts (`docs/behaviour/release.md` 5.2).
#[test]
fn the_layout_in_the_working_directory_stands_in() {
    let Some(outside) = Outside::new() else { return };
    let release = Release::new("4.99.1", 2, 1);
    outside.publish(&release);
    outside.home.configuration(&format!("platform:\n  graph: true\n  release: {}\n", release.by_tag()));
    let folder = outside.home.disk().join("working-dir/graph-preparation");
    let refused = |expected: &str| {
        outside.home.to_disk(&[]).code(2).says("no graph image in cache (nor working-dir)").says(expected);
        assert!(outside.home.archives().is_empty());
    };
    refused("is no OCI layout: there is no such folder");
    let image = IndexBuilder::docker().architectures(&["amd64", "arm64"], 41, 5000).build();
    let other = IndexBuilder::docker().architectures(&["s390x"], 42, 5000).build();
    write_layout(&folder, &[&image, &other]);
    refused("holds 2 images");
    write_layout(&folder, &[]);
    refused("its index lists no image");
    // A damaged layer is not taken for the real one.
    write_layout(&folder, &[&image]);
    let layer = &image.children[1].blobs[1];
    let path = folder.join("blobs/sha256").join(layer.digest.hex());
    let mut damaged = layer.bytes.to_vec();
    damaged[700] ^= 1;
    std::fs::write(&path, damaged).unwrap();
    refused(layer.digest.hex());
    std::fs::remove_file(&path).unwrap();
    refused("cannot read");
    std::fs::write(&path, &layer.bytes).unwrap();

    outside.home.to_disk(&[]).code(0).says("the update graph image is taken from").says("4 / 4 release images");
    let destination = Registry::start_blocking();
    let inside = enclave(&outside.home);
    carry(&outside.home, &inside);
    inside.to_mirror(&format!("{}/d", destination.host()), &[]).code(0);
    // From then on it is in the cache.
    std::fs::remove_dir_all(&folder).unwrap();
    outside.home.mirror_to_mirror(&format!("{}/m", destination.host()), &[]).code(0);
    for namespace in ["d", "m"] {
        let there = destination.manifest(&format!("{namespace}/openshift/graph-image"), "latest").unwrap();
        assert_eq!(there.digest, image.digest);
        for blob in image.all_blobs() {
            assert!(destination.has_blob(&format!("{namespace}/openshift/graph-image"), &blob.digest));
        }
    }
    outside.service.forget();
}

/// Registry to registry it goes along like any other image; a dry run pushes nothing.
#[test]
fn registry_to_registry() {
    let Some(outside) = Outside::new() else { return };
    let release = Release::new("4.99.1", 2, 1);
    outside.publish(&release);
    outside.source.push(
        "ubi9/ubi",
        "latest",
        &IndexBuilder::oci().architectures(&["amd64", "s390x"], 43, 5000).build(),
    );
    outside.service.graph_data(Layer::tar_gz([("LICENSE", b"free".as_slice())]).bytes);
    let key = std::fs::read(outside.home.path().join("key.asc")).unwrap();
    let home = home_without_override(&outside.service, outside.source.host(), &key);
    // `platforms` of releases are not its platforms.
    home.configuration(&format!(
        "platform:\n  graph: true\n  platforms:\n  - {{os: linux, architecture: amd64}}\n  release: {}\n",
        release.by_tag()
    ));
    let destination = Registry::start_blocking();
    home.mirror_to_mirror(destination.host(), &["--dry-run"]).code(0);
    assert!(destination.repositories().is_empty(), "{:?}", destination.repositories());
    home.mirror_to_mirror(destination.host(), &[]).code(0).says("4 / 4 release images mirrored successfully");
    let image = destination.manifest("openshift/graph-image", "latest").unwrap();
    assert_eq!(image.media_type, "application/vnd.oci.image.index.v1+json");
    let list: serde_json::Value = serde_json::from_slice(&image.bytes).unwrap();
    assert_eq!(list["manifests"].as_array().unwrap().len(), 2);

    // A base that is no list, and data that are no tar.
    outside.source.push("ubi9/ubi", "latest", &release.payload);
    home.mirror_to_mirror(destination.host(), &[])
        .code(2)
        .says("error processing graph image")
        .says("it is no manifest list");
    // A base whose configuration is not what it should be: an error of that image, and the run ends as it should.
    for (config, expected) in [
        (r#"{"rootfs":"x"}"#, "its `rootfs` must be an object, found a text"),
        (r#"{"rootfs":{"diff_ids":5}}"#, "its `diff_ids` must be a list, found a number"),
        (r#"{"history":{}}"#, "its `history` must be a list, found an object"),
        (r#"{"config":[]}"#, "its `config` must be an object, found a list"),
        ("[{}]", "it must be a JSON object, found a list"),
    ] {
        outside.source.push("ubi9/ubi", "latest", &base_with_config(config));
        home.mirror_to_mirror(destination.host(), &[])
            .code(2)
            .says("error processing graph image: base image ")
            .says("the configuration of sha256:")
            .says(expected);
    }
    outside.service.graph_data("no tar");
    home.mirror_to_mirror(destination.host(), &[]).code(2).says("error processing graph image: graph data of");

    // Alone it can be mirrored too.
    outside.service.graph_data(Layer::tar_gz([("LICENSE", b"free".as_slice())]).bytes);
    outside.source.push("ubi9/ubi", "latest", &IndexBuilder::oci().architectures(&["amd64"], 44, 5000).build());
    home.configuration("platform:\n  graph: true\n");
    home.mirror_to_mirror(destination.host(), &[]).code(0).says("1 / 1 release images mirrored successfully");
}

/// A list of one image with this configuration.
fn base_with_config(config: &str) -> Image {
    let mut base = IndexBuilder::oci().architectures(&["amd64"], 45, 2000).build();
    let child = &mut base.children[0];
    let (old, new) = (child.blobs[0].digest.to_string(), test_support::Blob::new(config.as_bytes().to_vec()));
    let mut manifest: serde_json::Value = serde_json::from_slice(&child.bytes).unwrap();
    assert_eq!(manifest["config"]["digest"], old);
    manifest["config"]["digest"] = serde_json::json!(new.digest);
    manifest["config"]["size"] = serde_json::json!(new.bytes.len());
    child.blobs[0] = new;
    child.bytes = manifest.to_string().into();
    child.digest = test_support::manifest_digest(&child.bytes);
    let mut list: serde_json::Value = serde_json::from_slice(&base.bytes).unwrap();
    list["manifests"][0]["digest"] = serde_json::json!(base.children[0].digest);
    list["manifests"][0]["size"] = serde_json::json!(base.children[0].bytes.len());
    base.bytes = list.to_string().into();
    base.digest = test_support::manifest_digest(&base.bytes);
    base
}
