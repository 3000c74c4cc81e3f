//! Exit codes of mirroring (`docs/behaviour/config-cli.md` 3, and the row `exit_codes` of its section 8).

use test_support::{ImageBuilder, Layer, OperatorWorld, Registry};

use crate::harness::Home;

const COPYING_FAILED: &str = "some errors occurred during the mirroring";

/// Mirrors to disk with this `mirror` stanza; the run ends with `code` and says all of `texts`. It leaves no archive, unless only copying failed.
#[track_caller]
fn check(stanza: &str, code: i32, texts: &[&str]) {
    let home = Home::new().variable("UPDATE_URL_OVERRIDE", "http://127.0.0.1:1/graph");
    home.configuration(stanza);
    let found = home.to_disk(&["--retry-times=0"]);
    found.code(code);
    for text in texts {
        found.says(text);
    }
    let archived = home.files().into_iter().filter(|name| name.contains("mirror_0")).count();
    let copied = texts.contains(&COPYING_FAILED);
    assert_eq!(archived, usize::from(copied), "an archive of a failed run");
}

#[test]
fn one_bit_for_each_family() {
    let source = Registry::start_blocking();
    let host = source.host();
    source.push("ns/app", "v1", &ImageBuilder::oci().layer(Layer::random(1, 1000)).build());
    let operators = OperatorWorld::new(host, &[("foo", &["0.1.0"])]);
    operators.push_to(&source);
    source.remove("ns/foo-bundle", "0.1.0");
    let release = "platform:\n  channels:\n  - name: stable-4.99\n";
    let catalog = "operators:\n- catalog: registry.invalid.example.com/ns/index:v1\n";
    let foo = format!("operators:\n- catalog: {host}/cat/index:v1\n");
    let images =
        format!("additionalImages:\n- name: {host}/ns/app:v1\n- name: {host}/ns/no:v1\n- name: {host}/ns/nor:v2\n");
    let bad_name = "additionalImages:\n- name: docker://\n";

    check("storage: {}\n", 1, &["unknown field"]);
    check(bad_name, 8, &["could not parse config: 1 mistake(s)"]);
    // Mistakes that oc-mirror comes to while it collects have the bits of their families; loading and releases come first.
    let platforms = "platforms: [{os: '', architecture: amd64}]";
    let bad_release = "platform:\n  channels:\n  - name: stable-4.99\n    minVersion: '4.99'\n";
    let bad_catalog = format!("operators:\n- catalog: {host}/cat/index:v1\n  {platforms}\n");
    check(
        &format!("platform:\n  {platforms}\n"),
        2,
        &["invalid platform for the release: platform OS must not be empty"],
    );
    check(bad_release, 2, &["is no release version"]);
    check(&bad_catalog, 4, &["invalid platform for catalog", "platform OS must not be empty"]);
    check(&format!("{bad_catalog}{bad_name}"), 4 | 8, &["could not parse config: 2 mistake(s)"]);
    check(&format!("{bad_release}{bad_catalog}"), 2, &["could not parse config: 2 mistake(s)"]);
    check(&format!("{bad_catalog}storage: {{}}\n"), 1, &["unknown field"]);
    check("additionalImages: []\n", 1, &["No images to mirror...", "no images to copy"]);
    check(release, 2, &["collection error", "no release images found"]);
    check(catalog, 4, &["collection error", "registry.invalid.example.com"]);
    let failed = COPYING_FAILED;
    check(&images, 8, &[failed, &format!("{host}/ns/no:v1"), &format!("{host}/ns/nor:v2")]);
    check(&foo, 4, &[failed, "ns/foo-bundle:0.1.0"]);
    let charts = "helm:\n  local:\n  - name: chart\n    path: ./charts/chart\n";
    let repository = "helm:\n  repositories:\n  - name: demo\n    url: http://127.0.0.1:1/demo/\n";
    check(charts, 16, &["collection error", "no such file or directory"]);
    check(repository, 16, &["collection error", "invalid chart repository \"http://127.0.0.1:1/demo\""]);
    // Several families in one run.
    check(&format!("{foo}{images}"), 4 | 8, &[failed]);
    check(&format!("{catalog}{charts}"), 4 | 16, &["registry.invalid.example.com", "no such file or directory"]);
    check(&format!("{catalog}{images}{charts}"), 4 | 16, &["registry.invalid.example.com"]);
    // A release error ends collecting: the catalog is not even asked for.
    check(&format!("{release}{catalog}"), 2, &["no release images found"]);
}

/// After a copy that failed in part, what is told of are the images that are there (`docs/behaviour/config-cli.md` 3).
#[test]
fn mirror_to_mirror_tells_of_what_succeeded() {
    let (source, destination) = (Registry::start_blocking(), Registry::start_blocking());
    let host = source.host();
    source.push("ns/app", "v1", &ImageBuilder::oci().layer(Layer::random(1, 1000)).build());
    let home = Home::new();
    home.additional_images([format!("{host}/ns/app:v1"), format!("{host}/other/no:v1")]);
    home.mirror_to_mirror(destination.host(), &["--retry-times=0"])
        .code(8)
        .says("1 / 2 additional images mirrored: Some");
    let folder = home.workspace().join("working-dir");
    let tags = std::fs::read_to_string(folder.join("cluster-resources/itms-oc-mirror.yaml")).unwrap();
    assert!(tags.contains(&format!("source: {host}/ns\n")), "{tags}");
    assert!(!tags.contains("other"), "{tags}");
    let pinned = |prefix: &str| {
        let names = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.filter(|name| name.starts_with(prefix)).count()
    };
    assert_eq!((pinned("isc_pinned_"), pinned("disc_pinned_")), (1, 1));
}
