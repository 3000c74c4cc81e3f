//! Several catalogs in one run, catalogs of other makers, and selections that an earlier run left behind.

use std::path::PathBuf;
use std::process::Command;

use serde_json::{Value, json};
use test_support::{CatalogBuilder, Image, ImageBuilder, Layer, Registry, cosign_signature, cosign_signature_tag};

use crate::harness::Home;
use crate::operators::{FOO_FROM_0_2, filtered, operators, served, world};

/// A small image that belongs to a name.
fn small(name: &str) -> Image {
    let seed = name.bytes().fold(3, |seed, byte| seed * 31 % 1_000_003 + u64::from(byte));
    ImageBuilder::oci().layer(Layer::random(seed, 2000)).build()
}

/// A catalog of one package `foo` with one bundle `foo.v1.0.0`; bundle and operand are those of `maker`.
fn catalog_of(registry: &Registry, maker: &str) -> CatalogBuilder {
    let host = registry.host();
    for name in ["bundle", "operand"] {
        registry.push(&format!("{maker}/{name}"), "v1", &small(&format!("{maker}/{name}")));
    }
    let related = |name: &str| json!({"name": name, "image": format!("{host}/{maker}/{name}:v1")});
    let property = json!({"packageName": "foo", "version": "1.0.0"});
    let documents = [
        json!({"schema": "olm.package", "name": "foo", "defaultChannel": "c"}),
        json!({"schema": "olm.channel", "package": "foo", "name": "c", "entries": [{"name": "foo.v1.0.0"}]}),
        json!({
            "schema": "olm.bundle", "package": "foo", "name": "foo.v1.0.0", "image": related("bundle")["image"],
            "properties": [{"type": "olm.package", "value": property}],
            // The operand is named twice, as happens.
            "relatedImages": [related("bundle"), related("operand"), related("operand")],
        }),
    ];
    CatalogBuilder::new().file("foo/catalog.json", documents.iter().map(Value::to_string).collect::<String>())
}

/// Upstream knows bundles by name alone, and the images of the first catalog are lost.
#[test]
fn two_catalogs_with_bundles_of_one_name() {
    let (source, destination) = (Registry::start_blocking(), Registry::start_blocking());
    let host = source.host();
    for maker in ["red", "blue"] {
        source.push(&format!("{maker}/index"), "v1", &catalog_of(&source, maker).build());
    }
    let home = Home::new();
    let entry = |maker: &str| format!("- catalog: {host}/{maker}/index:v1\n  packages:\n  - name: foo\n");
    home.configuration(&format!("operators:\n{}{}", entry("red"), entry("blue")));
    // Of each: bundle, operand, the catalog and what was made of it.
    home.to_disk(&[]).code(0).says("8 / 8 operator images mirrored successfully");
    std::fs::remove_dir_all(home.cache()).unwrap();
    home.to_mirror(destination.host(), &[]).code(0).says("6 / 6 operator images mirrored successfully");
    for maker in ["red", "blue"] {
        for name in ["bundle", "operand"] {
            let repository = format!("{maker}/{name}");
            assert_eq!(destination.manifest(&repository, "v1").unwrap().digest, small(&repository).digest);
        }
        assert_eq!(served(&destination, &format!("{maker}/index"), "v1"), ["foo.v1.0.0"]);
    }
    // Where one of them cannot be had, only the bundle of its own catalog is given up.
    source.remove("red/operand", "v1");
    let home = Home::new();
    home.configuration(&format!("operators:\n{}{}", entry("red"), entry("blue")));
    let outcome = home.to_disk(&[]);
    outcome.code(4).says("6 / 8 operator images mirrored").says("(Operator bundles: [foo.v1.0.0] - Operators: [foo])");
    let skipped = |maker: &str| format!("skipping operator bundle docker://{host}/{maker}/bundle:v1");
    outcome.says(&skipped("red"));
    assert!(!format!("{}{}", outcome.stdout, outcome.stderr).contains(&skipped("blue")));
}

/// The id of a selection leaves targets out, so both entries have one folder; upstream mirrors the last one only.
#[test]
fn one_catalog_twice_under_other_names() {
    let (source, destination) = (Registry::start_blocking(), Registry::start_blocking());
    world(&source, &[]);
    let home = Home::new();
    let host = source.host();
    home.configuration(&format!(
        "operators:\n\
         - catalog: {host}/cat/index:v1\n  packages:\n  - name: foo\n\
         - catalog: {host}/cat/index:v1\n  targetCatalog: n/c\n  packages:\n  - name: foo\n\
         - catalog: {host}/cat/index:v1\n  targetTag: t\n  packages:\n  - name: foo\n\
         - catalog: {host}/cat/index:v1\n  targetTag: all\n  full: true\n"
    ));
    home.to_disk(&[]).code(0);
    std::fs::remove_dir_all(home.cache()).unwrap();
    home.to_mirror(destination.host(), &[]).code(0);
    let digests = [("cat/index", "v1"), ("n/c", "v1"), ("cat/index", "t")].map(|(repository, tag)| {
        assert_eq!(served(&destination, repository, tag), ["foo.v0.3.0"]);
        destination.manifest(repository, tag).unwrap().digest
    });
    assert!(digests.iter().all(|digest| *digest == digests[0]));
    let whole = destination.manifest("cat/index", "all").unwrap();
    assert_eq!(whole.digest, source.manifest("cat/index", "v1").unwrap().digest);
}

/// What upstream leaves behind has no file `rules`; it is used by whoever asks for upstream's rules.
#[test]
fn selections_of_upstream_are_used() {
    let source = Registry::start_blocking();
    world(&source, &[]);
    let home = Home::new();
    operators(&home, source.host(), FOO_FROM_0_2);
    let upgrade_graph = ["--operator-selection", "upgrade-graph", "--log-level", "debug"];
    home.to_disk(&upgrade_graph).code(0);
    let [digest] = <[PathBuf; 1]>::try_from(filtered(&home)).unwrap();
    let folder = digest.parent().unwrap().to_owned();
    std::fs::remove_file(folder.join("rules")).unwrap();
    source.clear_requests();
    home.to_disk(&upgrade_graph).code(0).says("nothing to read");
    assert_eq!(source.blob_bytes_served(), 0);

    // An older id is that of the entry as it is written. Such a folder counts as long as there is no other.
    let text = format!(
        "{{\"packages\":[{{\"name\":\"foo\",\"minVersion\":\"0.2.0\"}},{{\"name\":\"bar\"}}],\"catalog\":\"{}/cat/index:v1\"}}",
        source.host()
    );
    let written = home.write("entry.json", text);
    let sum = Command::new("md5sum").arg(written).output().unwrap();
    let id = String::from_utf8(sum.stdout).unwrap()[..32].to_owned();
    let tags = home.cache().join("docker/registry/v2/repositories/cat/index/_manifests/tags");
    std::fs::rename(tags.join(folder.file_name().unwrap()), tags.join(&id)).unwrap();
    std::fs::rename(&folder, folder.with_file_name(&id)).unwrap();
    home.to_disk(&upgrade_graph).code(0).says(&format!("selection {id} was made by an earlier run"));

    // By the other rules something else may come out, so it is made anew.
    let other = home.to_disk(&["--log-level", "debug"]);
    other.code(0).says("rebuilding catalogs");
    assert!(!format!("{}{}", other.stdout, other.stderr).contains("nothing to read"));
    // A digest of something that the cache does not have is not believed.
    std::fs::write(&filtered(&home)[0], "0".repeat(64)).unwrap();
    home.to_disk(&["--log-level", "debug"]).code(0).says("rebuilding catalogs");
}

/// The pinned configuration does the same again although the tag has moved, and is right for the archive of the other.
#[test]
fn pinned_configurations_do_the_same_again() {
    let (source, destination) = (Registry::start_blocking(), Registry::start_blocking());
    world(&source, &[]);
    let home = Home::new();
    operators(&home, source.host(), FOO_FROM_0_2);
    home.to_disk(&[]).code(0);
    let digest = std::fs::read_to_string(&filtered(&home)[0]).unwrap();
    let pinned = |home: &Home, prefix: &str| {
        let mut names: Vec<PathBuf> = std::fs::read_dir(home.disk().join("working-dir"))
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.file_name().unwrap().to_str().unwrap().starts_with(prefix))
            .collect();
        names.sort();
        std::fs::read_to_string(names.last().unwrap()).unwrap()
    };
    source.push("cat/index", "v1", &catalog_of(&source, "moved").build());
    home.write("isc.yaml", pinned(&home, "isc_pinned_"));
    home.to_disk(&["--log-level", "debug"]).code(0).says("nothing to read");
    assert_eq!(filtered(&home).len(), 1);
    home.to_mirror(destination.host(), &[]).code(0);
    assert_eq!(destination.manifest("cat/index", "v1").unwrap().digest.hex(), digest);

    home.write("disc.yaml", pinned(&home, "disc_pinned_"));
    let workspace = format!("file://{}", home.disk().display());
    let to = format!("docker://{}", destination.host());
    home.run(&["delete", "--generate", "-c", "disc.yaml", "--workspace", &workspace, &to, "--dest-tls-verify=false"])
        .code(0);
    let list = std::fs::read_to_string(home.disk().join("working-dir/delete/delete-images.yaml")).unwrap();
    assert!(list.contains(&format!("{}/ns/foo-bundle:0.3.0", destination.host())), "{list}");
    assert!(!list.contains("foo-bundle:0.1.0"), "{list}");
}

/// A full catalog is the very image, so its signature still holds; what was rebuilt has none.
#[test]
fn signatures_of_catalogs() {
    let (source, destination) = (Registry::start_blocking(), Registry::start_blocking());
    let catalog = world(&source, &[]);
    let tag = cosign_signature_tag(&catalog.digest);
    source.push("cat/index", tag.as_str(), &cosign_signature("registry.lab/cat/index", &catalog));
    for (body, prefix, signed) in [("full: true", "whole", true), ("packages:\n- name: bar", "part", false)] {
        let home = Home::new();
        operators(&home, source.host(), body);
        home.to_disk(&[]).code(0);
        std::fs::remove_dir_all(home.cache()).unwrap();
        home.to_mirror(&format!("{}/{prefix}", destination.host()), &[]).code(0);
        let tags = destination.tags(&format!("{prefix}/cat/index"));
        // Besides the tag of the catalog itself.
        assert_eq!(tags.len(), if signed { 2 } else { 1 }, "{prefix}: {tags:?}");
        assert_eq!(tags.contains(&tag), signed, "{prefix}: {tags:?}");
    }
}

/// Texts of `relatedImages` that name no image: the whole catalog fails, with the bundle named (contract section 4).
#[test]
fn related_images_that_are_none() {
    let check = |image: &str, text: &str| {
        let source = Registry::start_blocking();
        world(&source, &[image]);
        let home = Home::new();
        operators(&home, source.host(), "packages:\n- name: foo");
        home.to_disk(&[])
            .code(4)
            .says("collection error")
            .says(text)
            .says("SKIPPING bundle foo.v0.3.0 of operator foo");
        assert!(home.archives().is_empty());
        // The bundle is not selected: nothing is wrong.
        operators(&home, source.host(), "packages:\n- name: foo\n  maxVersion: 0.2.0");
        home.to_disk(&[]).code(0);
    };
    check("", "error parsing image : ");
    check("oci:///srv/image", "invalid image: oci:///srv/image 'oci' is not supported in operator catalogs");
    check("r.io/ns/image@sha256:12", "error parsing image r.io/ns/image@sha256:12: ");
    check("r.io/ns/image", "tag and digest are empty");
}
