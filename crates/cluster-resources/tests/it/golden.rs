//! Whole directories of files, byte for byte.

use std::fs;

use cluster_resources::{CatalogTemplate, Document, Mirrored, Request, SignatureFile, emit, flatten};
use image_ref::ImageRef;

use crate::{fixtures, request, worked_example};

/// Each golden directory and what it holds.
fn directories() -> Vec<(&'static str, Vec<Document>)> {
    let signatures =
        [SignatureFile { name: format!("4.16.2-x86_64-sha256-{}", "1".repeat(64)), content: b"signature".to_vec() }];
    let whole = Request { signatures: &signatures, update_service: Some("mirror.lab:5000/ns"), ..request() };
    let template = fs::read_to_string(fixtures().join("template/template.yaml")).expect("a fixture");
    let templates = [CatalogTemplate {
        catalog: "registry.redhat.io/redhat/redhat-operator-index:v4.16".into(),
        text: Ok(template),
    }];
    let rows = worked_example("mirror.lab:5000/ns");
    let catalog: Vec<_> = rows.iter().filter(|row| row.kind == cluster_resources::Kind::Catalog).cloned().collect();
    vec![
        ("worked-example", emit(&rows, &whole).documents),
        ("template", emit(&catalog, &Request { templates: &templates, ..request() }).documents),
        ("max-nested-paths", emit(&flattened(&rows, 2), &Request { max_nested_paths: Some(2), ..whole }).documents),
    ]
}

fn flattened(rows: &[Mirrored], most: u32) -> Vec<Mirrored> {
    let flat = |image: &ImageRef| image.with_name(&flatten(image.name(), Some(most)));
    rows.iter().map(|row| Mirrored { destination: flat(&row.destination), ..row.clone() }).collect()
}

#[test]
fn files_are_as_committed() {
    for (directory, documents) in directories() {
        let mut committed: Vec<String> = fs::read_dir(fixtures().join(directory))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| name != "template.yaml")
            .collect();
        committed.sort();
        let mut made: Vec<&str> = documents.iter().map(|document| document.file_name.as_str()).collect();
        made.sort_unstable();
        assert_eq!(committed, made, "{directory}");
        for document in documents {
            let path = fixtures().join(directory).join(&document.file_name);
            if update_wanted() {
                fs::write(&path, &document.text).unwrap();
            }
            let golden = fs::read_to_string(&path).unwrap();
            assert_eq!(document.text, golden, "{} differs", path.display());
        }
    }
}

/// `UPDATE_GOLDEN=1` writes the golden files anew; they are to be read before they are committed.
#[expect(clippy::disallowed_methods, reason = "tests take their switch from the environment")]
fn update_wanted() -> bool {
    std::env::var_os("UPDATE_GOLDEN").is_some()
}

#[test]
fn the_order_of_rows_does_not_matter() {
    let mut rows = worked_example("mirror.lab:5000/ns");
    let forward = emit(&rows, &request());
    rows.reverse();
    assert_eq!(emit(&rows, &request()), forward);
    rows.extend(worked_example("mirror.lab:5000/ns"));
    assert_eq!(emit(&rows, &request()), forward, "rows given twice");
}
