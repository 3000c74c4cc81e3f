//! The schema of the result document (`docs/formats/result.schema.json`). The harness holds every document of every test
//! against it, and a reader of format 1 that knows nothing of later members still reads what is written today.

use std::sync::LazyLock;

use boon::{Compiler, SchemaIndex, Schemas};
use serde::Deserialize;
use serde_json::{Value, json};
use test_support::{ImageBuilder, Layer, Registry};

use crate::harness::Home;

const TEXT: &str = include_str!("../../../docs/formats/result.schema.json");

/// The published schema, and one that also refuses members that the published schema does not name: whoever adds a member
/// describes it there.
static COMPILED: LazyLock<(Schemas, [SchemaIndex; 2])> = LazyLock::new(|| {
    let published: Value = serde_json::from_str(TEXT).unwrap();
    let mut closed = published.clone();
    close(&mut closed);
    let mut schemas = Schemas::new();
    let mut compiler = Compiler::new();
    let indexes = [("published", published), ("closed", closed)].map(|(name, schema)| {
        let url = format!("schema:///{name}");
        compiler.add_resource(&url, schema).unwrap();
        compiler.compile(&url, &mut schemas).unwrap()
    });
    (schemas, indexes)
});

/// Forbids, in every object that lists its members, all others.
fn close(schema: &mut Value) {
    match schema {
        Value::Object(members) => {
            if members.contains_key("properties") && !members.contains_key("additionalProperties") {
                members.insert("additionalProperties".to_owned(), false.into());
            }
            members.values_mut().for_each(close);
        }
        Value::Array(items) => items.iter_mut().for_each(close),
        _ => {}
    }
}

/// Whether a document of standard output is a result document; `list`, `describe` and others print documents of their own.
fn is_result(document: &Value) -> bool {
    let has = |member: &str| document.get(member).is_some();
    has("exitCode") && has("warnings")
}

/// Panics unless `stdout` holds something else than a result document, or one that the schema describes in full.
#[track_caller]
pub(crate) fn check(stdout: &str) {
    if !stdout.starts_with('{') {
        return;
    }
    let Ok(document) = serde_json::from_str::<Value>(stdout) else { return };
    if !is_result(&document) {
        return;
    }
    let (schemas, [published, closed]) = &*COMPILED;
    for (name, index) in [("the schema", published), ("the schema without other members", closed)] {
        if let Err(error) = schemas.validate(&document, *index) {
            panic!("{name} refuses a result document: {error:#}\n{document:#}");
        }
    }
}

/// What a script of the first version of the document reads. It knows no member that was added since.
#[derive(Debug, Deserialize, PartialEq)]
#[serde(rename_all = "camelCase")]
struct OldReader {
    format: u32,
    mode: String,
    images: Vec<OldImage>,
    families: Vec<OldFamily>,
    bytes_moved: u64,
    bytes_saved: u64,
    exit_code: u8,
    #[serde(default)]
    error: Option<String>,
}

#[derive(Debug, Deserialize, PartialEq)]
struct OldImage {
    kind: String,
    origin: String,
    digest: Option<String>,
    outcome: String,
    #[serde(default)]
    error: Option<OldError>,
}

#[derive(Debug, Deserialize, PartialEq)]
#[serde(rename_all = "camelCase")]
struct OldError {
    condition: String,
    retry_can_help: bool,
}

#[derive(Debug, Deserialize, PartialEq)]
struct OldFamily {
    family: String,
    mirrored: usize,
    total: usize,
}

#[test]
fn a_reader_of_the_first_version_reads_todays_document() {
    let source = Registry::start_blocking();
    let image = ImageBuilder::oci().layer(Layer::random(1, 5_000)).build();
    source.push("ns/there", "v1", &image);
    let home = Home::new();
    let names = ["there", "gone"].map(|name| format!("{}/ns/{name}:v1", source.host()));
    home.additional_images(names.clone());
    let outcome = home.to_disk(&["--output=json"]);
    let read: OldReader = serde_json::from_str(&outcome.code(8).stdout).unwrap();
    let error = OldError { condition: "not-found".to_owned(), retry_can_help: false };
    let [there, gone] = names;
    let images = vec![
        OldImage {
            kind: "generic".to_owned(),
            origin: there,
            digest: Some(image.digest.to_string()),
            outcome: "copied".to_owned(),
            error: None,
        },
        OldImage {
            kind: "generic".to_owned(),
            origin: gone,
            digest: None,
            outcome: "failed".to_owned(),
            error: Some(error),
        },
    ];
    let families = vec![OldFamily { family: "additional".to_owned(), mirrored: 1, total: 2 }];
    assert!(read.bytes_moved > 5_000 && read.bytes_saved == 0, "{read:?}");
    let expected = OldReader {
        format: 1,
        mode: "mirrorToDisk".to_owned(),
        images,
        families,
        bytes_moved: read.bytes_moved,
        bytes_saved: 0,
        exit_code: 8,
        error: read.error.clone(),
    };
    assert_eq!(read, expected);
}

/// The documents that a change of the schema must not shut out, and mistakes that the schema must see.
#[test]
fn the_schema_takes_old_documents_and_refuses_mistakes() {
    fn check(document: &Value, taken: bool) {
        let (schemas, [published, _]) = &*COMPILED;
        let result = schemas.validate(document, *published);
        assert_eq!(result.is_ok(), taken, "{result:?}\n{document:#}");
    }
    let run = json!({
        "format": 1, "mode": "mirrorToMirror", "families": [{"family": "additional", "mirrored": 1, "total": 1}],
        "images": [{
            "kind": "generic", "origin": "quay.io/a/b:v1", "source": "docker://quay.io/a/b:v1",
            "destination": "docker://reg.lan/a/b:v1", "digest": null, "bytesMoved": 7, "bytesSaved": 0, "retries": 0,
            "outcome": "copied"
        }],
        "bytesMoved": 7, "bytesSaved": 0, "files": [], "warnings": [], "exitCode": 0
    });
    check(&run, true);
    let with = |pointer: &str, value: Value| {
        let mut changed = run.clone();
        let (parent, name) = pointer.rsplit_once('/').unwrap();
        changed.pointer_mut(parent).unwrap().as_object_mut().unwrap().insert(name.to_owned(), value);
        changed
    };
    // Members of later versions are no mistake.
    check(&with("/later", json!(true)), true);
    check(&with("/images/0/later", json!([])), true);
    check(&with("/format", json!(2)), false);
    check(&with("/images/0/outcome", json!("lost")), false);
    check(&with("/images/0/digest", json!("sha256:1")), false);
    check(&with("/bytesMoved", json!(-1)), false);
    check(&with("/exitCode", json!(256)), false);
    check(&json!({"format": 1, "exitCode": 1, "error": "no", "warnings": []}), true);
    check(&json!({"format": 1, "exitCode": 1, "warnings": []}), false);
    check(&json!({"format": 1, "items": [], "files": [], "warnings": [], "exitCode": 0}), true);
}
