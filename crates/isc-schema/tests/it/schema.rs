//! The committed JSON Schemas are what the code makes, and they accept and refuse what the parser does.

use std::path::Path;

use isc_schema::{Kind, json_schema};

/// `UPDATE_SCHEMA=1 cargo test -p isc-schema` writes the files anew.
#[test]
fn committed_schemas_are_fresh() {
    #[expect(clippy::disallowed_methods, reason = "a switch of the test itself")]
    let update = std::env::var_os("UPDATE_SCHEMA").is_some();
    for (kind, file) in
        [(Kind::ImageSet, "image-set-configuration.json"), (Kind::Delete, "delete-image-set-configuration.json")]
    {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("schema").join(file);
        let made = json_schema(kind);
        if update {
            std::fs::write(&path, format!("{}\n", serde_json::to_string_pretty(&made).unwrap())).unwrap();
        }
        let committed: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
        assert_eq!(committed, made, "run `UPDATE_SCHEMA=1 cargo test -p isc-schema` to write {file}");
    }
}

/// Every field that editors are told of is read from a valid file; with `additionalProperties: false` and strict
/// parsing, schema and parser know the same names.
#[test]
fn every_field_of_the_schema_is_in_a_valid_file() {
    let texts = crate::fixtures::files("valid");
    for kind in [Kind::ImageSet, Kind::Delete] {
        let schema = json_schema(kind);
        for object in schema["$defs"].as_object().unwrap().values().chain([&schema]) {
            assert_eq!(object["additionalProperties"], false);
            for name in object["properties"].as_object().unwrap().keys() {
                let key = format!("{name}:");
                assert!(texts.iter().any(|(_, text)| text.contains(&key)), "{name}");
            }
        }
    }
}
