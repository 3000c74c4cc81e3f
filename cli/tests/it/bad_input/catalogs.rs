//! Catalogs that cannot be used: documents, layers, labels and indexes. Each ends the run with the bit of operators, names
//! the catalog and what is wrong with it, and mirrors nothing.

use std::fmt::Write as _;

use serde_json::{Value, json};
use tar::EntryType;
use test_support::{CatalogBuilder, Image, ImageBuilder, Layer, Registry, artifact, schema1};

use super::leaves;
use crate::catalog_image::CONFIGS_LABEL;
use crate::harness::{Home, Outcome};

const INDEX: &str = "application/vnd.oci.image.index.v1+json";

/// A package `foo` of one version, whose bundle nobody has to have: the catalog fails before.
const DOCUMENTS: &str = r#"{"schema":"olm.package","name":"foo","defaultChannel":"c"}
{"schema":"olm.channel","package":"foo","name":"c","entries":[{"name":"foo.v1"}]}
{"schema":"olm.bundle","package":"foo","name":"foo.v1","image":"127.0.0.1:1/foo:1","properties":[{"type":"olm.package","value":{"packageName":"foo","version":"1.0.0"}}]}
"#;

/// What comes of mirroring `foo` of the catalog `cat/index:v1` of a registry.
fn mirror(source: &Registry, home: &Home) -> Outcome {
    let catalog = format!("{}/cat/index:v1", source.host());
    home.configuration(&format!("operators:\n- catalog: {catalog}\n  packages:\n  - name: foo\n"));
    home.to_disk(&["--retry-times=1"])
}

/// The catalog is refused with these words; gives the registry it lies in to `publish`.
#[track_caller]
fn refused(publish: impl FnOnce(&Registry), texts: &[&str]) {
    let source = Registry::start_blocking();
    publish(&source);
    let home = Home::new();
    let outcome = mirror(&source, &home);
    outcome.code(4).says(&format!("collection error: collect catalog \"{}/cat/index:v1\": ", source.host()));
    for text in texts {
        outcome.says(text);
    }
    leaves(&home, &[]);
}

fn push(image: &Image) -> impl FnOnce(&Registry) {
    |source| source.push("cat/index", "v1", image)
}

/// Where in which file, and in which document of it.
#[test]
fn documents() {
    let check = |path: &str, content: &[u8], expected: &str| {
        let catalog = CatalogBuilder::new().file("foo/catalog.json", DOCUMENTS).file(path, content).build();
        refused(push(&catalog), &[&format!("failed to load catalog config: {path}:{expected}")]);
    };
    check("bar/a.json", b"{\"schema\":\"s\"}\n{\"schema\":}", "2 (document 2): invalid JSON: ");
    check("bar/a.yaml", b"schema: s\n---\nschema: s\n a: [\n", "4 (document 2): invalid YAML: ");
    check("bar/text", b"schema: s\nname: \xff\n", "2 (document 1): not UTF-8 text");
    check("bar/nothing", b"{\"name\":\"x\"}", "1 (document 1): object '{\"name\":\"x\"}' is missing root schema field");
    let mut laughs = "schema: s\na0: &a0 [lol]\n".to_owned();
    for level in 1..=12 {
        let ten = vec![format!("*a{}", level - 1); 10].join(", ");
        writeln!(laughs, "a{level}: &a{level} [{ten}]").unwrap();
    }
    check("bar/laughs.yaml", laughs.as_bytes(), "");
    // A name that would lead out of the folder it is written to.
    let outside = DOCUMENTS.replace("\"foo\"", "\"../../outside\"");
    let catalog = CatalogBuilder::new().file("catalog.json", outside).build();
    let source = Registry::start_blocking();
    source.push("cat/index", "v1", &catalog);
    let home = Home::new();
    home.configuration(&format!("operators:\n- catalog: {}/cat/index:v1\n", source.host()));
    home.to_disk(&[])
        .code(4)
        .says("failed to filter catalog: invalid package name \"../../outside\": must be a single local path element");
    leaves(&home, &[]);
}

/// A layer of one entry that the test support does not make.
fn raw(kind: EntryType, name: &str, link: &str) -> Layer {
    let mut tar = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(0o644);
    let content = if kind == EntryType::Symlink { "" } else { link };
    header.set_size(content.len() as u64);
    if kind == EntryType::Symlink {
        tar.append_link(&mut header, name, link).unwrap();
    } else {
        header.set_path(name).unwrap();
        header.set_cksum();
        tar.append(&header, content.as_bytes()).unwrap();
    }
    let bytes = tar.into_inner().unwrap();
    Layer { diff_id: test_support::sha256(&bytes), bytes: bytes.into(), ..Layer::tar([]) }
}

/// An image whose label says that the catalog is at `label`.
fn labelled(label: &str, layers: impl IntoIterator<Item = Layer>) -> Image {
    ImageBuilder::oci().label(CONFIGS_LABEL, label).layers(layers).build()
}

#[test]
fn labels() {
    let files = || Layer::tar_gz([("configs/foo/c.json", DOCUMENTS.as_bytes()), ("etc/passwd", b"root")]);
    let check = |image: &Image, text: &str| {
        refused(push(image), &["no related images found: ", text]);
    };
    let unlabelled = format!("the image has no label `{CONFIGS_LABEL}`, so it is not a file-based catalog");
    check(&ImageBuilder::oci().layer(files()).build(), &unlabelled);
    check(&labelled("", [files()]), &unlabelled);
    for label in ["/", "/../configs", "/configs/../../etc"] {
        let text = format!("the image has the label `{CONFIGS_LABEL}`, but `{label}` is no folder in it");
        check(&labelled(label, [files()]), &text);
    }
    let nothing = |folder: &str| {
        format!("the image has no files in `/{folder}`, where its label `{CONFIGS_LABEL}` says that the catalog is")
    };
    check(&labelled("/var/catalog", [files()]), &nothing("var/catalog"));
    check(&labelled("/configs/foo/c.json", [files()]), &nothing("configs/foo/c.json"));
    // Links are not followed, neither within the image nor out of it.
    check(&labelled("/link", [files(), raw(EntryType::Symlink, "link", "configs")]), &nothing("link"));
    check(&labelled("/link", [files(), raw(EntryType::Symlink, "link", "/etc")]), &nothing("link"));
    check(&labelled("/configs", [files(), raw(EntryType::Symlink, "configs", "/etc")]), &nothing("configs"));
}

#[test]
fn layers() {
    let whole = Layer::tar_gz([("configs/foo/c.json", DOCUMENTS.as_bytes())]);
    let cut = Layer { bytes: whole.bytes.slice(..whole.bytes.len() / 2), ..whole.clone() };
    let no_tar = Layer { bytes: vec![b'x'; 4096].into(), ..Layer::tar([]) };
    // Names take memory before anybody knows what they are of.
    let name = raw(EntryType::GNULongName, "name", &"n".repeat(2 << 20));
    for (layer, text) in [
        (cut, "the layer cannot be read"),
        (no_tar, "the layer cannot be read"),
        (name, "the layer is refused: more than 1048576 bytes of headers for one entry"),
    ] {
        let digest = layer.digest();
        let text = format!("layer {digest} of the catalog: {text}");
        refused(push(&labelled("/configs", [layer])), &[&text]);
    }
}

/// An index of these manifests, published without asking whether they are there.
fn put_index(source: &Registry, entries: &[Value]) -> Value {
    let body = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": entries}).to_string();
    let size = body.len();
    let digest = source.put_manifest("cat/index", INDEX, body);
    source.tag("cat/index", "v1", &digest);
    json!({"mediaType": INDEX, "digest": digest.to_string(), "size": size})
}

fn descriptor(image: &Image) -> Value {
    json!({"mediaType": image.media_type, "digest": image.digest.to_string(), "size": image.bytes.len()})
}

#[test]
fn indexes() {
    let image = labelled("/configs", [Layer::tar_gz([("configs/foo/c.json", b"{\"name\":1}".as_slice())])]);
    let nest = |source: &Registry, levels: usize, copies: usize| {
        source.push("cat/index", None, &image);
        (0..levels).fold(descriptor(&image), |inner, _| put_index(source, &vec![inner; copies]))
    };
    // The image is found in the innermost of five indexes: its documents are what is wrong.
    refused(|source| drop(nest(source, 5, 1)), &["failed to load catalog config: foo/c.json:1 (document 1): "]);
    refused(|source| drop(nest(source, 6, 1)), &["nests deeper than 5 levels"]);
    // A thousand times a thousand times a thousand ways lead to it.
    refused(|source| drop(nest(source, 4, 1000)), &["failed to load catalog config: foo/c.json:1 (document 1): "]);
    refused(|source| drop(put_index(source, &[])), &["no manifests found for oci index \"sha256:"]);
    let other = artifact("application/vnd.example", "text/plain", b"x", None);
    refused(
        |source| {
            source.push("cat/index", None, &other);
            put_index(source, &[descriptor(&other)]);
        },
        &["no image found in oci index"],
    );
    refused(push(&other), &["no image found in oci index"]);
    let old = schema1("cat/index", "v1", &[Layer::random(1, 2000)]);
    refused(push(&old), &["unsupported manifest format \"application/vnd.docker.distribution.manifest.v1+"]);
}

/// Of an index the catalog is read from the first image that it lists itself, whatever inner indexes list before.
#[test]
fn the_outermost_image_counts() {
    let of = |text: &str| labelled("/configs", [Layer::tar_gz([("configs/c.json", text.as_bytes())])]);
    let (inner, outer, last) = (of("{\"name\":\"inner\"}"), of("{\"name\":\"outer\"}"), of("{\"name\":\"last\"}"));
    refused(
        |source| {
            for image in [&inner, &outer, &last] {
                source.push("cat/index", None, image);
            }
            let inner = put_index(source, &[descriptor(&inner)]);
            put_index(source, &[inner, descriptor(&outer), descriptor(&last)]);
        },
        &["object '{\"name\":\"outer\"}' is missing root schema field"],
    );
}

/// What keeps the new image from being written is nobody's fault among the operators (`docs/behaviour/config-cli.md` 3).
#[test]
fn a_catalog_that_cannot_be_rebuilt() {
    let source = Registry::start_blocking();
    source.push("cat/index", "v1", &CatalogBuilder::new().file("foo/catalog.json", DOCUMENTS).build());
    let home = Home::new();
    home.write("disk/working-dir/operator-catalogs/index", "in the way");
    let catalog = format!("docker://{}/cat/index:v1", source.host());
    mirror(&source, &home)
        .code(1)
        .says(&format!("Rebuilding catalog {catalog}"))
        .says(&format!("unable to rebuild catalog {catalog}: "));
    leaves(&home, &[]);
    // With other mistakes, all bits are told.
    let entry = |name: &str| format!("- catalog: {}/cat/{name}:v1\n  packages:\n  - name: foo\n", source.host());
    home.configuration(&format!("operators:\n{}{}", entry("index"), entry("absent")));
    home.to_disk(&["--retry-times=1"]).code(5).says("unable to rebuild catalog").says("cat/absent:v1");
}

/// The image with another configuration, named by a manifest that may be changed as well.
fn with_config(mut image: Image, config: Vec<u8>, change: impl FnOnce(Value) -> Value) -> Image {
    let config = test_support::Blob::new(config);
    let mut manifest: Value = serde_json::from_slice(&image.bytes).unwrap();
    assert_eq!(manifest["config"]["digest"], image.blobs[0].digest.to_string());
    manifest["config"]["digest"] = json!(config.digest);
    manifest["config"]["size"] = json!(config.bytes.len());
    image.bytes = change(manifest).to_string().into();
    image.digest = test_support::manifest_digest(&image.bytes);
    image.blobs[0] = config;
    image
}

/// Whoever made the catalog decides what its configuration holds. Each of these is an error of the catalog: the run goes on
/// to its end, says which image is broken and where, and sets the bit of operators.
#[test]
fn configurations_that_are_broken() {
    let catalog = || CatalogBuilder::new().file("foo/catalog.json", DOCUMENTS).build();
    let check = |change: &dyn Fn(&mut Value), texts: &[&str]| {
        let image = catalog();
        let mut config: Value = serde_json::from_slice(&image.blobs[0].bytes).unwrap();
        change(&mut config);
        refused(push(&with_config(image, config.to_string().into_bytes(), |manifest| manifest)), texts);
    };
    let broken = "the configuration of instance sha256:";
    for (value, found) in [(json!("x"), "a text"), (json!(5), "a number"), (json!(true), "a boolean")] {
        let wrong = |field: &str, expected: &str| {
            format!("of the catalog is broken: its `{field}` must be {expected}, found {found}")
        };
        check(&|config| config["rootfs"] = value.clone(), &[broken, &wrong("rootfs", "an object")]);
        check(&|config| config["rootfs"]["diff_ids"] = value.clone(), &[broken, &wrong("diff_ids", "a list")]);
        check(&|config| config["history"] = value.clone(), &[broken, &wrong("history", "a list")]);
    }
    check(&|config| config["rootfs"] = json!(["x"]), &[broken, "its `rootfs` must be an object, found a list"]);
    check(&|config| config["rootfs"] = Value::Null, &[broken, "it has no `rootfs.diff_ids`"]);
    check(&|config| *config = json!([config]), &[broken, "it must be a JSON object, found a list"]);
    check(&|config| *config = json!("x"), &[broken, "it must be a JSON object, found a text"]);
    // Without its label nobody knows where the catalog is.
    for value in [json!(["x"]), json!("x"), Value::Null] {
        check(&|config| config["config"] = value.clone(), &["the image has no label `"]);
        check(&|config| config["config"]["Labels"] = value.clone(), &["the image has no label `"]);
    }
    refused(push(&with_config(catalog(), b"{".to_vec(), |manifest| manifest)), &[broken, "it is no JSON: "]);

    // The image that the catalog is read from is sound, another one of its list is not.
    let bad = with_config(catalog(), br#"{"rootfs":"x","config":{}}"#.to_vec(), |manifest| manifest);
    let publish = |source: &Registry| {
        let good = catalog();
        for image in [&good, &bad] {
            source.push("cat/index", None, image);
        }
        put_index(source, &[descriptor(&good), descriptor(&bad)]);
    };
    refused(publish, &[&format!("instance {} of the catalog is broken: its `rootfs` must be", bad.digest)]);

    // Other catalogs of the run are not held up: the report is written, and it tells of both.
    let source = Registry::start_blocking();
    let home = Home::new();
    source.push("cat/bad", "v1", &bad);
    home.configuration(&format!(
        "operators:\n- catalog: {0}/cat/bad:v1\n  packages:\n  - name: foo\n- catalog: {0}/cat/absent:v1\n",
        source.host()
    ));
    home.to_disk(&["--retry-times=1"]).code(4).says("cat/bad:v1\": ").says("cat/absent:v1\": ");
}

#[test]
fn manifests_that_are_broken() {
    let check = |change: &dyn Fn(Value) -> Value| {
        let image = CatalogBuilder::new().file("foo/catalog.json", DOCUMENTS).build();
        let config = image.blobs[0].bytes.to_vec();
        let image = with_config(image, config, change);
        let publish = |source: &Registry| {
            for blob in &image.blobs {
                source.put_blob("cat/index", blob.bytes.clone());
            }
            let digest = source.put_manifest("cat/index", &image.media_type, image.bytes.clone());
            source.tag("cat/index", "v1", &digest);
        };
        refused(publish, &[]);
    };
    check(&|manifest| json!([manifest]));
    check(&|manifest| json!([manifest["config"], manifest["layers"], null, null, null, null, null]));
    check(&|_| json!("x"));
    for (field, value) in
        [("layers", Value::Null), ("layers", json!("x")), ("config", json!("x")), ("config", Value::Null)]
    {
        check(&|mut manifest| {
            manifest[field] = value.clone();
            manifest
        });
    }
    // A descriptor as a list of its values.
    check(&|mut manifest| {
        let config = manifest["config"].take();
        manifest["config"] = json!([config["mediaType"], config["digest"], config["size"]]);
        manifest
    });
}

/// The configuration of a catalog image is read whole, so it is bounded.
#[test]
fn a_configuration_without_end() {
    let check = |spaces: usize, expected: Option<&str>| {
        let source = Registry::start_blocking();
        let image = CatalogBuilder::new().file("foo/catalog.json", DOCUMENTS).build();
        // The same JSON with blanks behind it, and the manifest that names it.
        let mut bytes = image.blobs[0].bytes.to_vec();
        bytes.resize(bytes.len() + spaces, b' ');
        let image = with_config(image, bytes, |manifest| manifest);
        let said = format!("the configuration {} is refused: more than 8388608 bytes", image.blobs[0].digest);
        source.push("cat/index", "v1", &image);
        let home = Home::new();
        let outcome = mirror(&source, &home);
        // Its bundle is not there, which fails the run all the same, but not because of the catalog.
        assert_eq!(outcome.code(4).line_with(&said).is_some(), expected.is_some(), "{spaces} blanks");
        if let Some(text) = expected {
            outcome.says(text);
        }
        leaves(&home, if expected.is_some() { &[] } else { &["mirror_000001.tar"] });
    };
    check(8 << 20, Some("collection error: collect catalog"));
    check(1 << 20, None);
}
