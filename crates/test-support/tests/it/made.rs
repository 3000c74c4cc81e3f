//! What the makers make: the same each time, consistent, and in the shape that was asked for.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read as _;

use image_ref::Digest;
use serde_json::Value;
use test_support::{
    CatalogBuilder, DebianRegistry, Image, IndexBuilder, Layer, Registry, Storage, World, cosign_signature_tag,
    media_type, release_shaped, sha256,
};

use crate::support::Asker;

/// Every descriptor has the right size and digest, and everything named is there.
fn consistent(image: &Image) {
    for manifest in image.manifests() {
        let json: Value = serde_json::from_slice(&manifest.bytes).unwrap();
        let blobs: BTreeMap<String, usize> =
            manifest.blobs.iter().map(|blob| (blob.digest.to_string(), blob.bytes.len())).collect();
        for blob in &manifest.blobs {
            assert_eq!(sha256(&blob.bytes), blob.digest);
        }
        let descriptors = json["layers"].as_array().into_iter().flatten().chain(json.get("config"));
        for descriptor in descriptors {
            let size = blobs[descriptor["digest"].as_str().unwrap()];
            assert_eq!(descriptor["size"], size);
        }
        for (descriptor, child) in json["manifests"].as_array().into_iter().flatten().zip(&manifest.children) {
            assert_eq!(descriptor["digest"], child.digest.to_string());
            assert_eq!(descriptor["size"], child.bytes.len());
            assert_eq!(descriptor["mediaType"], child.media_type);
        }
    }
}

#[test]
fn worlds_are_deterministic_and_consistent() {
    for make in [World::small, World::odd] {
        let (one, same, other) = (make(1), make(1), make(2));
        let digests = |world: &World| world.images.iter().map(|found| found.digest().clone()).collect::<Vec<_>>();
        assert_eq!(digests(&one), digests(&same));
        assert_ne!(digests(&one), digests(&other));
        one.images.iter().for_each(|found| consistent(&found.image));
    }
    let world = World::small(1);
    assert!((100_000..1_000_000).contains(&world.size()), "{}", world.size());
    let references = world.references("127.0.0.1:5000");
    assert_eq!(references[0], "127.0.0.1:5000/apps/single:v1");
    assert!(references[4].starts_with("127.0.0.1:5000/apps/pinned@sha256:"));
    assert!(references[6].starts_with("127.0.0.1:5000/apps/both:stable@sha256:"));
    let digest = world.images[0].digest();
    assert_eq!(cosign_signature_tag(digest), format!("sha256-{}.sig", digest.hex()));
}

#[test]
fn lists_name_their_platforms() {
    let list = IndexBuilder::docker().architectures(&["amd64", "arm64"], 1, 2000).build();
    consistent(&list);
    let json: Value = serde_json::from_slice(&list.bytes).unwrap();
    assert_eq!(list.media_type, media_type::DOCKER_LIST);
    assert_eq!(json["manifests"][1]["platform"]["architecture"], "arm64");
    assert_eq!(json["manifests"][1]["platform"]["os"], "linux");
}

#[test]
fn catalogs() {
    let builder = CatalogBuilder::new().file("foo/catalog.json", "{\"schema\":\"olm.package\",\"name\":\"foo\"}");
    let single = builder.clone().removed_file("bar/catalog.json").build();
    consistent(&single);
    let config: Value = serde_json::from_slice(&single.blobs[0].bytes).unwrap();
    assert_eq!(config["config"]["Labels"]["operators.operatorframework.io.index.configs.v1"], "/configs");
    assert_eq!(config["config"]["Entrypoint"][0], "/bin/opm");
    let mut names = Vec::new();
    for layer in &single.blobs[1..] {
        let mut tar = Vec::new();
        flate2::read::GzDecoder::new(&*layer.bytes).read_to_end(&mut tar).unwrap();
        for entry in tar::Archive::new(tar.as_slice()).entries().unwrap() {
            names.push(entry.unwrap().path().unwrap().display().to_string());
        }
    }
    let whiteout = names.iter().position(|name| name == "configs/bar/.wh.catalog.json").unwrap();
    assert!(names[..whiteout].contains(&"configs/bar/catalog.json".to_owned()));
    assert!(names.contains(&"configs/foo/catalog.json".to_owned()));

    let list = builder.oci().architectures(&["amd64", "s390x"]).build();
    consistent(&list);
    assert_eq!(list.media_type, media_type::OCI_INDEX);
    let configs = |image: &Image| image.blobs[2].digest.clone();
    assert_eq!(configs(&list.children[0]), configs(&list.children[1]), "the files are shared");
}

#[tokio::test]
async fn release_shaped_workloads_are_served_from_disk() {
    let folder = tempfile::tempdir().unwrap();
    let total = 6_000_000;
    let workload = release_shaped(folder.path(), 40, total, 7).unwrap();
    let made = workload.total_bytes();
    assert!(made > total * 9 / 10 && made < total * 12 / 10, "{made}");
    assert_eq!(workload.images.len(), 40);
    let distinct: BTreeSet<&Digest> = workload.images.iter().flat_map(|image| &image.blobs).collect();
    assert_eq!(distinct.len(), workload.blobs.len());
    let named: usize = workload.images.iter().map(|image| image.blobs.len()).sum();
    assert!(named > distinct.len() * 3 / 2, "layers are shared");
    let again = tempfile::tempdir().unwrap();
    assert_eq!(release_shaped(again.path(), 40, total, 7).unwrap().blobs, workload.blobs);

    let registry = Registry::builder().storage(Storage::Dir(folder.path().to_owned())).start().await;
    let ask = Asker::of(&registry);
    for image in &workload.images {
        assert_eq!(registry.manifest(&image.repository, "v1").unwrap().digest, image.digest);
    }
    let image = &workload.images[0];
    for digest in &image.blobs {
        let path = format!("/v2/{}/blobs/{digest}", image.repository);
        assert_eq!(sha256(&ask.ask("GET", &path).await.bytes().await.unwrap()), *digest);
    }
}

#[test]
fn layers_of_all_sizes_reach_a_real_registry() {
    let Some(debian) = DebianRegistry::start() else { return };
    let image = test_support::ImageBuilder::oci().layers((0..4).map(|n| Layer::random(n, 1 << (10 + 3 * n)))).build();
    debian.push("sizes", "v1", &image);
    if let Some(skopeo) = test_support::Skopeo::find() {
        skopeo.verify(&format!("{}/sizes:v1", debian.host())).unwrap();
    }
}
