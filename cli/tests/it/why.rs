//! `oc-mirror why`.

use test_support::{ImageBuilder, Layer, Registry};

use crate::harness::Home;

#[test]
fn the_line_that_brought_an_image_in() {
    let source = Registry::start_blocking();
    source.push("ns/app", "v1", &ImageBuilder::oci().layer(Layer::random(1, 2000)).build());
    let home = Home::new();
    let host = source.host().to_owned();
    home.configuration(&format!(
        "additionalImages:\n\
         - name: {host}/ns/other:v1\n\
         - name: {host}/ns/app:v1\n  targetRepo: moved/app\n\
         - name: {host}/ns/kept-out:v1\n\
         blockedImages:\n- name: kept-out\n"
    ));
    let expected = format!("6 |   - name: {host}/ns/app:v1");
    for name in [
        format!("{host}/ns/app:v1"),
        format!("docker://{host}/ns/app:v1"),
        format!("{host}/ns/app"),
        "moved/app:v1".to_owned(),
        "reg.lan:5000/m/moved/app:v1".to_owned(),
    ] {
        home.run(&["why", &name, "-c", "isc.yaml"])
            .code(0)
            .says("isc.yaml:6, mirror.additionalImages[1]")
            .says(&expected)
            .says("kept as moved/app:v1");
    }
    home.run(&["why", &format!("{host}/ns/kept-out:v1"), "-c", "isc.yaml"])
        .code(0)
        .says("kept out by blockedImages `kept-out`");
    home.run(&["why", "quay.io/other/app:v1", "-c", "isc.yaml"])
        .code(1)
        .says("No line of")
        .says(&format!("did you mean {host}/ns/app:v1?"));
    let found = home.run(&["why", "moved/app", "-c", "isc.yaml", "--output=json"]);
    let found: serde_json::Value = serde_json::from_str(&found.code(0).stdout).unwrap();
    assert_eq!(found["reasons"][0]["kind"], "generic");
    assert_eq!(found["reasons"][0]["why"]["line"], 6);

    // From an archive, with no source in reach.
    home.additional_images([format!("{host}/ns/app:v1")]);
    home.to_disk(&[]).code(0);
    drop(source);
    home.run(&["why", &format!("{host}/ns/app:v1"), "-c", "isc.yaml", "--from", "disk"])
        .code(0)
        .says("isc.yaml:5, mirror.additionalImages[0]");
    // The archive knows the configuration that it was made with, and the answer is all that is printed.
    for from in ["disk", "file://disk", "disk/mirror_000001.tar"] {
        let found = home.run(&["why", &format!("{host}/ns/app:v1"), "--from", from]);
        found.code(0).says("isc.yaml (of the archive):5, mirror.additionalImages[0]");
        assert_eq!(found.stderr, "", "{from}");
        assert!(!found.stdout.contains("[INFO]"), "{}", found.stdout);
    }
    home.run(&["why", "app", "--from", "nowhere"]).code(1).says("nowhere");
    let left: Vec<_> = std::fs::read_dir(home.cache())
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .filter(|name| name.to_string_lossy().starts_with(".why"))
        .collect();
    assert!(left.is_empty(), "{left:?}");
}

/// An operator is found by its package and by its bundle.
#[test]
fn parts_are_found_by_name() {
    let source = Registry::start_blocking();
    crate::operators::world(&source, &[]);
    let home = Home::new();
    home.configuration(&format!("operators:\n- catalog: {}/cat/index:v1\n  packages:\n  - name: foo\n", source.host()));
    home.to_disk(&[]).code(0);
    drop(source);
    home.run(&["why", "foo", "--from", "disk"]).code(0).says("operatorBundle").says("mirror.operators[0].packages[0]");
    home.run(&["why", "fo", "--from", "disk"]).code(1).says("No line of");
}

#[test]
fn it_needs_a_configuration() {
    Home::new().run(&["why", "quay.io/ns/app:v1"]).code(1).says("--config");
}
