//! Cluster resources: when they are written, what they cover, and what a run says of them.

use test_support::{Effect, Fault, ImageBuilder, Kind, Layer, OperatorWorld, Registry, When};

use crate::harness::Home;

/// A source with `ns/app0`..`ns/app4`, tag `v1`, and their digests.
fn source() -> (Registry, Vec<String>) {
    let registry = Registry::start_blocking();
    let digests = (0..5).map(|n| {
        let image = ImageBuilder::oci().layer(Layer::random(n, 1000)).build();
        registry.push(&format!("ns/app{n}"), "v1", &image);
        image.digest.to_string()
    });
    let digests = digests.collect();
    (registry, digests)
}

fn resource(home: &Home, name: &str) -> Option<String> {
    std::fs::read_to_string(home.disk().join("working-dir/cluster-resources").join(name)).ok()
}

/// The pairs of a file of mirrors, `source -> mirror`.
fn pairs(text: &str) -> Vec<String> {
    let mut pairs = Vec::new();
    let mut mirror = "";
    for line in text.lines().map(str::trim) {
        if let Some(source) = line.strip_prefix("source: ") {
            pairs.push(format!("{source} -> {mirror}"));
        } else if let Some(found) = line.strip_prefix("- ").filter(|found| *found != "mirrors:") {
            mirror = found;
        }
    }
    pairs
}

#[test]
fn tags_and_digests_have_a_file_each() {
    let (source, digests) = source();
    let destination = Registry::start_blocking();
    let (from, to) = (source.host(), destination.host());
    let home = Home::new();
    home.configuration(&format!(
        "additionalImages:\n- name: {from}/ns/app0:v1\n- name: {from}/ns/app1@{}\n- name: {from}/ns/app2:v1\n  \
         targetRepo: moved/app\n",
        digests[1]
    ));
    home.to_disk(&[]).code(0);
    // Mirror to disk has nothing to tell a cluster.
    assert_eq!(resource(&home, "itms-oc-mirror.yaml"), None);
    home.to_mirror(&format!("{to}/m"), &[])
        .code(0)
        .says("📄 Generating cluster resources...")
        .says("📄 Generating IDMS file...")
        .says("cluster-resources/idms-oc-mirror.yaml file created")
        .says("📄 Generating ITMS file...")
        .says("📄 No catalogs mirrored. Skipping CatalogSource file generation.")
        .says("📄 No catalogs mirrored. Skipping ClusterCatalog file generation.");
    assert_eq!(pairs(&resource(&home, "idms-oc-mirror.yaml").unwrap()), [format!("{from}/ns -> {to}/m/ns")]);
    assert_eq!(
        pairs(&resource(&home, "itms-oc-mirror.yaml").unwrap()),
        [format!("{from}/ns -> {to}/m/ns"), format!("{from}/ns/app2 -> {to}/m/moved/app")]
    );
    assert_eq!(resource(&home, "updateService.yaml"), None);
    assert_eq!(resource(&home, "signature-configmap.yaml"), None);

    // Only tags: no file of digests, and the old one is gone.
    home.additional_images([format!("{from}/ns/app0:v1")]);
    home.to_disk(&[]).code(0);
    home.to_mirror(&format!("{to}/m"), &[])
        .code(0)
        .says("📄 No images by digests were mirrored. Skipping IDMS generation.");
    assert_eq!(resource(&home, "idms-oc-mirror.yaml"), None);

    // Only digests: the other way round.
    home.additional_images([format!("{from}/ns/app1@{}", digests[1])]);
    home.to_disk(&[]).code(0);
    home.to_mirror(&format!("{to}/m"), &[])
        .code(0)
        .says("📄 No images by tag were mirrored. Skipping ITMS generation.");
    assert_eq!(resource(&home, "itms-oc-mirror.yaml"), None);
    assert!(resource(&home, "idms-oc-mirror.yaml").is_some());

    // Both in one name: pulled by digest, whatever the tag is at the source, called by the tag, and in both files.
    home.additional_images([format!("{from}/ns/app3:ours@{}", digests[3])]);
    let both = "has both tag and digest : using digest to pull, but tag only for mirroring";
    home.to_disk(&[]).code(0).says(both);
    home.to_mirror(&format!("{to}/m"), &[]).code(0).says(both);
    home.mirror_to_mirror(&format!("{to}/n"), &[]).code(0).says(both);
    for (namespace, folder) in [("m", home.disk()), ("n", home.workspace())] {
        assert_eq!(destination.tags(&format!("{namespace}/ns/app3")), ["ours"]);
        let found = destination.manifest(&format!("{namespace}/ns/app3"), "ours").unwrap();
        assert_eq!(found.digest.to_string(), digests[3]);
        for name in ["idms-oc-mirror.yaml", "itms-oc-mirror.yaml"] {
            let text = std::fs::read_to_string(folder.join("working-dir/cluster-resources").join(name)).unwrap();
            assert_eq!(pairs(&text), [format!("{from}/ns -> {to}/{namespace}/ns")], "{name}");
        }
    }
}

#[test]
fn nested_paths_make_repository_pairs() {
    let (source, _) = source();
    let destination = Registry::start_blocking();
    let (from, to) = (source.host(), destination.host());
    let home = Home::new();
    home.additional_images([format!("{from}/ns/app0:v1")]);
    home.to_disk(&[]).code(0);
    home.to_mirror(&format!("{to}/a/b"), &["--max-nested-paths", "2"]).code(0);
    assert!(destination.manifest("a/b-ns-app0", "v1").is_some());
    assert_eq!(
        pairs(&resource(&home, "itms-oc-mirror.yaml").unwrap()),
        [format!("{from}/ns/app0 -> {to}/a/b-ns-app0")]
    );
}

/// The second run copies one image and tells of both.
#[test]
fn the_full_set_is_covered_not_the_increment() {
    let (source, _) = source();
    let destination = Registry::start_blocking();
    let (from, to) = (source.host(), destination.host());
    let home = Home::new();
    home.configuration(&format!("additionalImages:\n- name: {from}/ns/app0:v1\n  targetRepo: x/y\n"));
    home.to_disk(&[]).code(0);
    home.to_mirror(to, &[]).code(0);
    home.configuration(&format!(
        "additionalImages:\n- name: {from}/ns/app0:v1\n  targetRepo: x/y\n- name: {from}/ns/app1:v1\n"
    ));
    home.to_disk(&[]).code(0);
    let outcome = home.to_mirror(to, &[]);
    outcome.code(0);
    assert_eq!(
        pairs(&resource(&home, "itms-oc-mirror.yaml").unwrap()),
        [format!("{from}/ns -> {to}/ns"), format!("{from}/ns/app0 -> {to}/x/y")]
    );
    assert!(!outcome.complaints().contains("lack"), "{}", outcome.complaints());
}

#[test]
fn entries_that_the_run_before_had_are_missed() {
    let (source, _) = source();
    let destination = Registry::start_blocking();
    let from = source.host();
    let home = Home::new();
    home.configuration(&format!("additionalImages:\n- name: {from}/ns/app0:v1\n  targetRepo: x/y\n"));
    home.mirror_to_mirror(destination.host(), &[]).code(0);
    home.additional_images([format!("{from}/ns/app1:v1")]);
    let outcome = home.mirror_to_mirror(destination.host(), &["--output", "json"]);
    outcome.code(0);
    let document: serde_json::Value = serde_json::from_str(&outcome.stdout).unwrap();
    let warning = document["warnings"][0].as_str().unwrap();
    let to = destination.host();
    assert!(warning.contains(&format!("\n- ImageTagMirrorSet: {from}/ns/app0 -> {to}/x/y")), "{warning}");
    let files: Vec<&str> = document["files"].as_array().unwrap().iter().filter_map(|file| file.as_str()).collect();
    assert!(files.contains(&"cluster-resources/itms-oc-mirror.yaml"), "{files:?}");
}

/// A run that fails before it copies takes nothing from those who have yet to apply what the run before has written, and
/// mirror to disk in the same folder neither.
#[test]
fn those_of_the_run_before_stay_until_there_are_new_ones() {
    let (source, _) = source();
    let destination = Registry::start_blocking();
    let (from, to) = (source.host(), destination.host());
    let home = Home::new();
    let first = format!("additionalImages:\n- name: {from}/ns/app0:v1\n  targetRepo: x/y\n");
    home.configuration(&first);
    home.to_disk(&[]).code(0);
    home.to_mirror(to, &[]).code(0);
    let written = resource(&home, "itms-oc-mirror.yaml").unwrap();
    let still_there = || assert_eq!(resource(&home, "itms-oc-mirror.yaml").as_ref(), Some(&written));

    home.to_mirror("127.0.0.1:1", &["--retry-times=0"]).code(1).says("checking registry");
    still_there();
    home.configuration(&format!("{first}operators:\n- catalog: {from}/cat/index:v1\n"));
    home.to_mirror(to, &[]).code(4).says("collection error");
    still_there();
    home.additional_images([format!("{from}/ns/app1:v1")]);
    home.to_disk(&["--dry-run"]).code(0);
    home.to_disk(&[]).code(0);
    still_there();
    let archived = home.entries("mirror_000001.tar");
    assert!(!archived.iter().any(|name| name.contains("cluster-resources")), "{archived:#?}");
    // What the new files lack is known although an archive was made in between.
    home.to_mirror(to, &[]).code(0).says(&format!("ImageTagMirrorSet: {from}/ns/app0 -> {to}/x/y"));
    assert_eq!(pairs(&resource(&home, "itms-oc-mirror.yaml").unwrap()), [format!("{from}/ns -> {to}/ns")]);
}

#[test]
fn a_failed_image_is_not_told_of() {
    let (source, _) = source();
    let destination = Registry::start_blocking();
    let (from, to) = (source.host(), destination.host());
    let home = Home::new();
    home.configuration(&format!(
        "additionalImages:\n- name: {from}/ns/app0:v1\n  targetRepo: x/y\n- name: {from}/gone/app:v1\n"
    ));
    home.mirror_to_mirror(to, &[]).code(8);
    let text = std::fs::read_to_string(home.workspace().join("working-dir/cluster-resources/itms-oc-mirror.yaml"));
    assert_eq!(pairs(&text.unwrap()), [format!("{from}/ns/app0 -> {to}/x/y")]);
}

/// A catalog that did not arrive has no resources, and the others have theirs (`docs/behaviour/release.md` 6.4).
#[test]
fn a_failed_catalog_is_not_told_of() {
    let (source, destination) = (Registry::start_blocking(), Registry::start_blocking());
    let host = source.host();
    OperatorWorld::new(host, &[("foo", &["0.1.0"])]).push_to(&source);
    let home = Home::new();
    let entry = |more: &str| format!("- catalog: {host}/cat/index:v1\n  packages:\n  - name: foo\n{more}");
    home.configuration(&format!("operators:\n{}{}", entry(""), entry("  targetCatalog: other/idx\n")));
    let push = When::kind(Kind::Manifest).method("PUT").repository("m/other/idx");
    destination.fault(Fault::new(push, Effect::status(400)));
    let to = format!("{}/m", destination.host());
    let check = |working_dir: &std::path::Path, names: &[&str]| {
        let found = crate::harness::resources::read(working_dir);
        let found: Vec<&str> = found.keys().map(String::as_str).filter(|name| name.starts_with('c')).collect();
        assert_eq!(found, names);
        assert!(working_dir.join("cluster-resources/idms-oc-mirror.yaml").is_file());
    };
    home.mirror_to_mirror(&to, &["--retry-times=0"]).code(4).says("[Worker] error mirroring image");
    check(&home.workspace().join("working-dir"), &["cc-index-v1.yaml", "cs-index-v1.yaml"]);
    home.to_disk(&[]).code(0);
    home.to_mirror(&to, &["--retry-times=0"]).code(4).says("[Worker] error mirroring image");
    check(&home.disk().join("working-dir"), &["cc-index-v1.yaml", "cs-index-v1.yaml"]);
    destination.clear_faults();
    home.to_mirror(&to, &[]).code(0);
    let all = ["cc-idx-v1.yaml", "cc-index-v1.yaml", "cs-idx-v1.yaml", "cs-index-v1.yaml"];
    check(&home.disk().join("working-dir"), &all);
}

#[test]
fn nothing_is_told_when_nothing_is_there() {
    let (source, destination) = (Registry::start_blocking(), Registry::start_blocking());
    let home = Home::new();
    home.additional_images([format!("{}/gone/app:v1", source.host())]);
    home.mirror_to_mirror(destination.host(), &[])
        .code(8)
        .says("📄 Nothing mirrored. Skipping IDMS and ITMS files generation.");
    let folder = home.workspace().join("working-dir/cluster-resources");
    assert_eq!(std::fs::read_dir(folder).unwrap().count(), 0);
}

/// A dry run writes the files for what it would mirror, beside those of earlier runs.
#[test]
fn a_dry_run_shows_the_files_of_the_whole_plan() {
    let (source, digests) = source();
    let destination = Registry::start_blocking();
    let from = source.host();
    let home = Home::new();
    home.additional_images([format!("{from}/ns/app0:v1")]);
    home.mirror_to_mirror(destination.host(), &[]).code(0);
    home.additional_images([format!("{from}/ns/app1@{}", digests[1])]);
    let folder = home.workspace().join("working-dir/cluster-resources");
    let outcome = home.mirror_to_mirror(destination.host(), &["--dry-run"]);
    outcome.code(0).says("idms-oc-mirror.yaml file created");
    assert!(folder.join("itms-oc-mirror.yaml").is_file() && folder.join("idms-oc-mirror.yaml").is_file());
    assert!(!outcome.complaints().contains("lack"), "{}", outcome.complaints());
    assert!(destination.manifest("ns/app1", &digests[1]).is_none());

    // Mirror to disk shows none, disk to mirror those of the archive.
    home.to_disk(&["--dry-run"]).code(0);
    assert_eq!(resource(&home, "idms-oc-mirror.yaml"), None);
    home.to_disk(&[]).code(0);
    let other = Registry::start_blocking();
    home.to_mirror(other.host(), &["--dry-run"]).code(0).says("idms-oc-mirror.yaml file created");
    let shown = resource(&home, "idms-oc-mirror.yaml").unwrap();
    assert_eq!(pairs(&shown), [format!("{from}/ns -> {}/ns", other.host())]);
    assert!(other.repositories().is_empty(), "{:?}", other.repositories());
}
