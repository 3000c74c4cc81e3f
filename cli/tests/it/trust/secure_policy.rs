//! The rows `secure_policy` of upstream's integration tests (`docs/behaviour/config-cli.md` 8).

use image_signature::cosign::SigningKey;
use serde_json::json;
use test_support::{CatalogBuilder, Image, ImageBuilder, Layer, OperatorWorld, Registry, cosign_signature_tag};

use super::policy::{KEY, signature};
use crate::harness::Home;

/// Pushes an image with the signature of each of its manifests.
fn push_signed(registry: &Registry, repository: &str, tag: &str, image: &Image) {
    registry.push(repository, tag, image);
    let name = format!("{}/{repository}", registry.host());
    for manifest in image.manifests() {
        let signed = signature(KEY, &name, manifest, false);
        registry.push(repository, cosign_signature_tag(&manifest.digest).as_str(), &signed);
    }
}

fn app(seed: u64) -> Image {
    ImageBuilder::oci().layer(Layer::random(seed, 5000)).build()
}

/// `permissive`: what is accepted travels with its signatures; a catalog that was rebuilt has none.
#[test]
fn everything_is_accepted() {
    let (source, destination) = (Registry::start_blocking(), Registry::start_blocking());
    let operators = OperatorWorld::new(source.host(), &[("foo", &["0.1.0", "0.2.0"])]);
    operators.push_to(&source);
    push_signed(&source, "cat/index", "v1", &operators.catalog.image);
    let image = app(1);
    push_signed(&source, "apps/signed", "v1", &image);
    let home = Home::new();
    home.write("policy.json", json!({ "default": [{ "type": "insecureAcceptAnything" }] }).to_string());
    home.configuration(&format!(
        "operators:\n- catalog: {0}/cat/index:v1\n  packages:\n  - name: foo\nadditionalImages:\n- name: {0}/apps/signed:v1\n",
        source.host()
    ));
    let policy = ["--secure-policy=true", "--policy=policy.json"];
    home.to_disk(&policy).code(0);
    home.to_mirror(destination.host(), &policy).code(0);
    let cached = |repository: &str, tag: &str| {
        let tags = home.cache().join("docker/registry/v2/repositories").join(repository).join("_manifests/tags");
        tags.join(tag).is_dir()
    };
    assert!(cached("apps/signed", "v1") && cached("apps/signed", &cosign_signature_tag(&image.digest)));
    assert!(destination.manifest("apps/signed", &cosign_signature_tag(&image.digest)).is_some());
    let rebuilt = destination.manifest("cat/index", "v1").unwrap();
    assert_ne!(rebuilt.digest, operators.catalog.image.digest);
    assert!(!cached("cat/index", &cosign_signature_tag(&rebuilt.digest)));
    assert_eq!(destination.tags("cat/index"), ["v1"]);
}

/// `reject-all`: the catalog is read, so that the selection is known, and nothing is mirrored.
#[test]
fn everything_is_refused() {
    let (source, destination) = (Registry::start_blocking(), Registry::start_blocking());
    OperatorWorld::new(source.host(), &[("foo", &["0.1.0", "0.2.0"])]).push_to(&source);
    let home = Home::new();
    home.write("policy.json", json!({ "default": [{ "type": "reject" }] }).to_string());
    home.configuration(&format!("operators:\n- catalog: {}/cat/index:v1\n  packages:\n  - name: foo\n", source.host()));
    let policy = ["--secure-policy=true", "--policy=policy.json"];
    home.to_disk(&policy).code(4).says("is rejected by policy");
    assert!(home.archives().is_empty());
    home.mirror_to_mirror(destination.host(), &policy).code(4).says("is rejected by policy");
    assert!(destination.repositories().is_empty(), "{:?}", destination.repositories());
}

/// `sigstoreSigned`: a signed catalog that travels untouched is mirrored whole, an unsigned image beside it is not.
#[test]
fn what_is_signed_is_mirrored_and_the_rest_is_not() {
    let source = Registry::start_blocking();
    let host = source.host();
    let bundle = format!("{host}/ns/foo-bundle:0.1.0");
    let text = [
        json!({ "schema": "olm.package", "name": "foo", "defaultChannel": "stable" }),
        json!({ "schema": "olm.channel", "name": "stable", "package": "foo", "entries": [{ "name": "foo.v0.1.0" }] }),
        json!({
            "schema": "olm.bundle", "name": "foo.v0.1.0", "package": "foo", "image": bundle,
            "properties": [{ "type": "olm.package", "value": { "packageName": "foo", "version": "0.1.0" } }],
            "relatedImages": [{ "name": "", "image": bundle }],
        }),
    ];
    let text = text.iter().fold(String::new(), |text, meta| text + &meta.to_string() + "\n");
    let catalog = CatalogBuilder::new().oci().file("foo/catalog.json", text).build();
    push_signed(&source, "cat/index", "v1", &catalog);
    push_signed(&source, "ns/foo-bundle", "0.1.0", &app(2));
    source.push("apps/unsigned", "v1", &app(3));
    let home = Home::new();
    home.write("key.pub", SigningKey::from_pem(KEY).unwrap().public_pem());
    let rule = json!({
        "type": "sigstoreSigned", "keyPath": home.path().join("key.pub"),
        "signedIdentity": { "type": "matchRepository" },
    });
    home.write("policy.json", json!({ "default": [rule] }).to_string());
    home.configuration(&format!(
        "operators:\n- catalog: {host}/cat/index:v1\n  full: true\nadditionalImages:\n- name: {host}/apps/unsigned:v1\n"
    ));
    home.to_disk(&["--secure-policy=true", "--policy=policy.json"])
        .code(8)
        .says("2 / 2 operator images mirrored successfully")
        .says("0 / 1 additional images mirrored: Some additional images failed to be mirrored")
        .says("is rejected by policy");
    let repositories = home.cache().join("docker/registry/v2/repositories");
    assert!(repositories.join("cat/index/_manifests/tags/v1").is_dir());
    assert!(!repositories.join("apps/unsigned").exists());
    assert!(home.archives().is_empty());
}
