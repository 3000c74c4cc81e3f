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
                test_support::follows(&object, &schema["schema"], &path.display().to_string()).unwrap();
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
