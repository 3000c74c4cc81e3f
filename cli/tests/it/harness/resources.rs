//! The cluster resources that a run has written: each is held against the schema of its kind
//! (`fixtures/cluster-resources/schemas`), whatever the test is about.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;

/// Every object in `cluster-resources` of a working directory, by the file that holds it. `registries.conf` holds none.
#[track_caller]
pub(crate) fn read(working_dir: &Path) -> BTreeMap<String, Vec<Value>> {
    let folder = working_dir.join("cluster-resources");
    // Where a link leads, nothing was written.
    if folder.is_symlink() {
        return BTreeMap::new();
    }
    let Ok(entries) = std::fs::read_dir(&folder) else { return BTreeMap::new() };
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names
        .filter(|name| name != "registries.conf")
        .map(|name| {
            let text = std::fs::read_to_string(folder.join(&name)).unwrap();
            assert!(text.ends_with(['\n', '}']), "{name} ends within a line");
            // JSON is YAML too.
            let objects: Vec<Value> =
                serde_saphyr::from_multiple(&text).unwrap_or_else(|error| panic!("{name}: {error}:\n{text}"));
            assert!(!objects.is_empty(), "{name} is empty");
            for object in &objects {
                check(&name, object);
            }
            (name, objects)
        })
        .collect()
}

#[track_caller]
fn check(name: &str, object: &Value) {
    let kind = object["kind"].as_str().unwrap_or_else(|| panic!("{name}: no kind in {object:#}"));
    let schemas = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/cluster-resources/schemas");
    let schema = std::fs::read_to_string(schemas.join(kind).with_extension("json"))
        .unwrap_or_else(|error| panic!("{name}: {kind} has no schema: {error}"));
    let schema: Value = serde_json::from_str(&schema).unwrap();
    test_support::follows(object, &schema["schema"], name).unwrap();
    if kind.ends_with("MirrorSet") {
        nothing_is_empty(name, object);
    }
}

/// `docs/behaviour/config-cli.md` 8, `[idms]`: no empty text, list or map anywhere.
#[track_caller]
fn nothing_is_empty(place: &str, value: &Value) {
    match value {
        Value::Null => panic!("{place} is null"),
        Value::String(text) => assert!(!text.is_empty(), "{place} is an empty text"),
        Value::Array(items) => {
            assert!(!items.is_empty(), "{place} is an empty list");
            for item in items {
                nothing_is_empty(place, item);
            }
        }
        Value::Object(fields) => {
            assert!(!fields.is_empty(), "{place} is an empty map");
            for (key, value) in fields {
                nothing_is_empty(&format!("{place}.{key}"), value);
            }
        }
        Value::Bool(_) | Value::Number(_) => {}
    }
}
