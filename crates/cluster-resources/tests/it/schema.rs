//! Every golden file against the part of its resource's schema that we rely on.

use std::fs;

use serde_json::Value;

use crate::fixtures;

#[test]
fn golden_files_follow_the_schemas() {
    let mut checked = 0;
    let mut kinds = std::collections::BTreeSet::new();
    for directory in ["worked-example", "template", "max-nested-paths"] {
        for entry in fs::read_dir(fixtures().join(directory)).unwrap() {
            let path = entry.unwrap().path();
            if path.ends_with("template.yaml") {
                continue;
            }
            let objects: Vec<Value> = serde_saphyr::from_multiple(&fs::read_to_string(&path).unwrap()).unwrap();
            for object in objects {
                let kind = object["kind"].as_str().unwrap();
                let schema = fs::read_to_string(fixtures().join(format!("schemas/{kind}.json"))).unwrap();
                let schema: Value = serde_json::from_str(&schema).unwrap();
                check(&object, &schema["schema"], &path.display().to_string());
                checked += 1;
                kinds.insert(kind.to_owned());
            }
        }
    }
    assert!(checked > 15, "only {checked} objects were checked");
    // Every schema there is was used: no kind of resource goes unchecked.
    let mut schemas: Vec<String> = fs::read_dir(fixtures().join("schemas"))
        .unwrap()
        .map(|entry| entry.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned())
        .collect();
    schemas.sort();
    assert_eq!(schemas, kinds.into_iter().collect::<Vec<_>>());
    assert_eq!(schemas.len(), 6);
}

#[test]
fn the_checker_finds_mistakes() {
    let schema: Value = serde_json::from_str(
        r#"{"type": "object", "required": ["a"], "properties": {"a": {"type": "string", "enum": ["x"]}, "b": {"type": "array", "minItems": 1, "items": {"type": "integer"}}}}"#,
    )
    .unwrap();
    for (object, good) in [
        (r#"{"a": "x"}"#, true),
        (r#"{"a": "x", "b": [1]}"#, true),
        (r#"{"b": [1]}"#, false),
        (r#"{"a": "y"}"#, false),
        (r#"{"a": 1}"#, false),
        (r#"{"a": "x", "b": []}"#, false),
        (r#"{"a": "x", "b": ["1"]}"#, false),
        (r#"{"a": "x", "c": 1}"#, false),
    ] {
        let object: Value = serde_json::from_str(object).unwrap();
        let outcome = std::panic::catch_unwind(|| check(&object, &schema, ""));
        assert_eq!(outcome.is_ok(), good, "{object}");
    }
}

/// The keywords our schema files use: type, required, properties (closed unless additionalProperties says what else),
/// items, minItems, enum.
fn check(value: &Value, schema: &Value, place: &str) {
    let kind = schema["type"].as_str().unwrap_or("any");
    let right = match kind {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "integer" => value.is_i64(),
        _ => true,
    };
    assert!(right, "{place}: {value} is no {kind}");
    if let Some(allowed) = schema["enum"].as_array() {
        assert!(allowed.contains(value), "{place}: {value} is none of {allowed:?}");
    }
    for required in schema["required"].as_array().into_iter().flatten() {
        assert!(value.get(required.as_str().expect("a name")).is_some(), "{place}: {required} is missing");
    }
    for (key, inner) in value.as_object().into_iter().flatten() {
        let place = format!("{place}.{key}");
        let known = &schema["properties"][key];
        let other = &schema["additionalProperties"];
        assert!(kind == "any" || !known.is_null() || !other.is_null(), "{place} is unknown");
        check(inner, if known.is_null() { other } else { known }, &place);
    }
    let items = value.as_array().into_iter().flatten();
    let minimum = usize::try_from(schema["minItems"].as_u64().unwrap_or(0)).expect("a small number");
    assert!(items.clone().count() >= minimum, "{place}: fewer than {minimum} items");
    for (i, item) in items.enumerate() {
        check(item, &schema["items"], &format!("{place}[{i}]"));
    }
}
