//! A second mirror to disk into the folder of an archive that nobody has carried: what is said of it, and how to get its
//! content again.

use test_support::{ImageBuilder, Layer, Registry};

use crate::harness::Home;

/// What the run warns of, without the sizes of this run and the moment of the earlier one.
fn warning(home: &Home, more: &[&str]) -> Option<String> {
    let outcome = home.to_disk(more);
    outcome.code(0);
    outcome.line_with("The new archive replaces")
}

/// Whether the archive holds the layer of the image.
fn holds_layer(home: &Home) -> bool {
    let hex = Layer::random(1, 300_000).digest().hex().to_owned();
    home.entries("mirror_000001.tar").iter().any(|name| name.contains("/v2/blobs/") && name.contains(&hex))
}

#[test]
fn an_archive_that_nobody_has_carried_is_not_replaced_without_a_word() {
    let (source, home) = (Registry::start_blocking(), Home::new());
    source.push("ns/app", "v1", &ImageBuilder::oci().layer(Layer::random(1, 300_000)).build());
    source.push("ns/new", "v1", &ImageBuilder::oci().layer(Layer::random(2, 1000)).build());
    home.additional_images([format!("{}/ns/app:v1", source.host())]);
    assert_eq!(warning(&home, &[]), None, "there is no archive");
    assert_eq!(warning(&home, &["--dry-run"]), None, "a dry run replaces nothing");

    home.additional_images([format!("{}/ns/app:v1", source.host()), format!("{}/ns/new:v1", source.host())]);
    let said = warning(&home, &[]).expect("the archive holds what the next one leaves out");
    for part in ["[WARN]", "of 20", "mirror_000001.tar (", "leaves out 29", " KiB of its content", "press Ctrl-C"] {
        assert!(said.contains(part), "{part}: {said}");
    }
    assert!(!holds_layer(&home), "the history says that the layer was carried");

    // The advice works as it stands.
    let since = said.split('`').find(|part| part.starts_with("--since ")).expect("the advice names the day");
    let day = since.split_once(' ').unwrap().1;
    let outcome = home.to_disk(&["--since", day]);
    outcome.code(0);
    assert_eq!(outcome.line_with("The new archive replaces"), None, "all of it is in the new archive");
    assert!(holds_layer(&home));

    // Only files of the name that the new archive takes are replaced.
    let archive = home.disk().join("mirror_000001.tar");
    std::fs::rename(&archive, home.disk().join("carried-mirror_000001.tar")).unwrap();
    assert_eq!(warning(&home, &[]), None, "the archive was renamed");
    std::fs::remove_file(&archive).unwrap();
    std::fs::remove_file(home.disk().join("carried-mirror_000001.tar")).unwrap();
    assert_eq!(warning(&home, &[]), None, "the archive was moved away");
}

/// The result document holds the warning too.
#[test]
fn the_document_tells_of_it() {
    let (source, home) = (Registry::start_blocking(), Home::new());
    source.push("ns/app", "v1", &ImageBuilder::oci().layer(Layer::random(1, 1000)).build());
    home.additional_images([format!("{}/ns/app:v1", source.host())]);
    home.to_disk(&[]).code(0);
    let document: serde_json::Value = serde_json::from_str(&home.to_disk(&["--output=json"]).code(0).stdout).unwrap();
    let warnings = document["warnings"].as_array().unwrap();
    let tells = |text: &serde_json::Value| text.as_str().unwrap().contains("The new archive replaces");
    assert_eq!(warnings.iter().filter(|text| tells(text)).count(), 1, "{warnings:?}");
}
