//! `init` and `schema`: a configuration to start from, and what editors check it against.

use crate::harness::Home;
use crate::list::catalog;
use crate::operators::write_layout;

#[test]
fn a_configuration_to_start_from() {
    let home = Home::new();
    let printed = home.run(&["init"]);
    printed.code(0);
    let text = &printed.stdout;
    for field in ["channels:", "operators:", "additionalImages:", "#blockedImages:", "#minVersion:", "#archiveSize: 4"]
    {
        assert!(text.contains(field), "{field}: {text}");
    }
    // The file says what the program reads: only the network is missing.
    home.write("isc.yaml", text.replace("registry.redhat.io", "registry.invalid"));
    let found = home.run(&["-c", "isc.yaml", "--from", "file://absent", "docker://registry.invalid:5000"]);
    found.code(1).says("no tar archives matching");
    assert!(!found.stderr.contains("isc.yaml:"), "the configuration has no mistake: {}", found.stderr);
}

#[test]
fn the_packages_of_a_catalog_to_choose_from() {
    let home = Home::new();
    write_layout(&home.path().join("idx"), &catalog(""));
    let found = home.run(&["init", "--from-catalog", "oci://idx", "--schema", "isc.schema.json"]);
    found.code(0).says("`isc.schema.json` does not exist yet: `oc-mirror schema --out isc.schema.json` writes it");
    let text = &found.stdout;
    assert_eq!(text.lines().next(), Some("# yaml-language-server: $schema=isc.schema.json"));
    let section = "  operators:\n  - catalog: oci://idx\n    #packages:\n    #- name: bar # channels stable\n    \
                   #- name: foo # Foo of the day; channels alpha, beta\n";
    assert!(text.contains(section), "{text}");
    home.run(&["init", "--from-catalog", "oci://absent"]).code(1).says("`absent` is no OCI layout");
    home.run(&["init", "--from-catalog", "idx"]).code(1).says("[Executor]");
}

#[test]
fn the_schema_for_editors() {
    let home = Home::new();
    home.run(&["schema", "--out", "isc.schema.json"]).code(0);
    let written = std::fs::read_to_string(home.path().join("isc.schema.json")).unwrap();
    assert_eq!(written, home.run(&["schema"]).code(0).stdout);
    let schema: serde_json::Value = serde_json::from_str(&written).unwrap();
    assert_eq!(schema["title"], "ImageSetConfiguration");
    assert!(schema["properties"]["mirror"].is_object(), "{schema}");
    let found = home.run(&["schema", "--kind", "delete-image-set-configuration"]);
    let schema: serde_json::Value = serde_json::from_str(&found.code(0).stdout).unwrap();
    assert_eq!(schema["title"], "DeleteImageSetConfiguration");
    let found = home.run(&["init", "--schema", "isc.schema.json"]);
    assert!(!found.code(0).stderr.contains("does not exist"), "{}", found.stderr);
    home.run(&["schema", "--out", "no/such/folder.json"]).code(1).says("cannot write").says("no/such/folder.json");
}
