//! `apply(plan)` leaves what `run(configuration)` leaves: the registry, the archive, the cluster resources.

use std::collections::BTreeSet;

use test_support::{OperatorWorld, Registry, Release, World};

use super::resources_of;
use crate::harness::Home;
use crate::releases::Outside;

/// A configuration, as a function of the source's host.
struct Row {
    name: &'static str,
    body: fn(&str) -> String,
    flags: &'static [&'static str],
}

const ROWS: &[Row] = &[
    Row { name: "additional images", body: additional, flags: &[] },
    Row { name: "odd images", body: odd, flags: &[] },
    Row { name: "operators", body: operators, flags: &[] },
    Row { name: "short paths", body: both, flags: &["--max-nested-paths=2"] },
    Row { name: "without signatures", body: additional, flags: &["--remove-signatures"] },
    Row { name: "platforms", body: platforms, flags: &[] },
    Row { name: "blocked", body: blocked, flags: &[] },
];

fn names(world: &World, host: &str) -> String {
    world.references(host).iter().fold("additionalImages:\n".to_owned(), |text, name| text + "- name: " + name + "\n")
}

fn additional(host: &str) -> String {
    names(&World::small(31), host)
}

fn odd(host: &str) -> String {
    names(&World::odd(32), host)
}

fn operators(host: &str) -> String {
    let stanza = "  packages:\n  - name: foo\n    minVersion: 0.2.0\n  - name: bar\n";
    format!(
        "operators:\n- catalog: {host}/cat/index:v1\n{stanza}- catalog: {host}/cat/index:v1\n  full: true\n  targetCatalog: other/second\n"
    )
}

fn both(host: &str) -> String {
    format!("operators:\n- catalog: {host}/cat/index:v1\n  packages:\n  - name: bar\n{}", additional(host))
}

fn platforms(host: &str) -> String {
    let pick = "  platforms:\n  - os: linux\n    architecture: amd64\n";
    format!("additionalImages:\n- name: {host}/apps/multi:v1\n{pick}- name: {host}/apps/single:v1\n")
}

fn blocked(host: &str) -> String {
    format!("{}blockedImages:\n- name: {host}/apps/single:v1\n", additional(host))
}

fn source() -> Registry {
    let source = Registry::start_blocking();
    World::small(31).push_to(&source);
    World::odd(32).push_to(&source);
    OperatorWorld::new(source.host(), &[("foo", &["0.1.0", "0.2.0", "0.3.0"]), ("bar", &["1.0.0"])]).push_to(&source);
    source
}

fn registry() -> Registry {
    Registry::builder().sparse(true).start_blocking()
}

#[test]
fn mirror_to_mirror() {
    let source = source();
    for row in ROWS {
        let (by_run, by_plan) = (registry(), registry());
        let homes = [Home::new(), Home::new()];
        for home in &homes {
            home.configuration(&(row.body)(source.host()));
        }
        let [ran, planned] = &homes;
        let (to_run, to_plan) = (format!("{}/m", by_run.host()), format!("{}/m", by_plan.host()));
        let outcome = ran.mirror_to_mirror(&to_run, row.flags);
        assert_eq!(outcome.code, Some(0), "{}: {}", row.name, outcome.stderr);
        planned.plan_to_mirror(&to_plan, "plan.json", row.flags).code(0);
        planned.apply_to_mirror("plan.json", &[&format!("docker://{to_plan}/")]).code(0);
        assert_eq!(by_plan.snapshot(), by_run.snapshot(), "{}", row.name);
        let expected = resources_of(&ran.workspace(), by_run.host());
        assert!(!expected.is_empty());
        assert_eq!(resources_of(&planned.workspace(), by_plan.host()), expected, "{}", row.name);
        // Planned again where everything is there already, it is the same plan.
        planned.plan_to_mirror(&to_plan, "again.json", row.flags).code(0);
        assert_eq!(planned.document("again.json")["id"], planned.document("plan.json")["id"], "{}", row.name);
    }
}

/// What an archive says of images, without the files of the working directory.
fn content(home: &Home) -> BTreeSet<String> {
    let entries = home.entries("mirror_000001.tar").into_iter();
    entries.filter(|name| name.starts_with("docker/")).collect()
}

#[test]
fn mirror_to_disk_and_disk_to_mirror() {
    let source = source();
    for row in ROWS.iter().filter(|row| row.name != "short paths") {
        let (by_run, by_plan) = (registry(), registry());
        let homes = [Home::new(), Home::new()];
        for home in &homes {
            home.configuration(&(row.body)(source.host()));
        }
        let [ran, planned] = &homes;
        ran.to_disk(row.flags).code(0);
        planned.plan_to_disk("plan.json", row.flags).code(0);
        planned.with_flags(&["apply", "plan.json"]).code(0);
        assert_eq!(content(planned), content(ran), "{}", row.name);

        let (from, to) = (format!("file://{}", planned.disk().display()), format!("docker://{}/m", by_plan.host()));
        ran.to_mirror(&format!("{}/m", by_run.host()), row.flags).code(0);
        let plan = ["plan", "-c", "isc.yaml", "--from", &from, &to, "--out", "in.json"];
        planned.with_flags(&[&plan[..], row.flags].concat()).code(0);
        assert!(by_plan.repositories().is_empty());
        planned.with_flags(&["apply", "in.json", "--from", &from]).code(0);
        assert_eq!(by_plan.snapshot(), by_run.snapshot(), "{}", row.name);
        let expected = resources_of(&ran.disk(), by_run.host());
        assert_eq!(resources_of(&planned.disk(), by_plan.host()), expected, "{}", row.name);
    }
}

#[test]
fn releases_with_their_signatures() {
    let Some(outside) = Outside::new() else { return };
    let (first, second) = (Release::new("4.99.1", 3, 1), Release::new("4.99.2", 3, 1));
    outside.mirrors(&[&first, &second]);
    let home = &outside.home;
    let (by_run, by_plan) = (registry(), registry());
    home.mirror_to_mirror(by_run.host(), &[]).code(0);
    let expected = resources_of(&home.workspace(), by_run.host());
    home.plan_to_mirror(by_plan.host(), "plan.json", &[]).code(0);
    // Somewhere else, where nothing is known.
    let elsewhere = home.path().join("elsewhere");
    let workspace = format!("file://{}", elsewhere.display());
    home.with_flags(&["apply", "plan.json", "--workspace", &workspace]).code(0);
    assert_eq!(by_plan.snapshot(), by_run.snapshot());
    assert_eq!(resources_of(&elsewhere, by_plan.host()), expected);
    assert!(expected.keys().any(|name| name.starts_with("signature-configmap")), "{:?}", expected.keys());
}
