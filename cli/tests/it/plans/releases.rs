//! The releases of a plan: their channels, and how clusters get from one to the next.

use serde_json::{Value, json};
use test_support::{Registry, Release};

use super::PLAIN;
use crate::harness::Home;
use crate::releases::{Outside, carry, enclave, graph};

const CHANNELS: &str = "platform:\n  channels:\n  - name: stable-4.99\n    full: true\n  - name: fast-4.99\n    minVersion: 4.99.2\n    maxVersion: 4.99.3\n";

/// The releases of a plan, lowest first: version, architecture, channels, updates; `?` is a conditional one.
fn releases(document: &Value) -> Vec<String> {
    let images = document["images"].as_array().unwrap().iter().filter(|image| image["kind"] == "ocpRelease");
    let mut lines: Vec<String> = images
        .map(|image| {
            let release = &image["release"];
            let words = |value: &Value| {
                let list = value.as_array().into_iter().flatten().map(|one| one.as_str().unwrap());
                list.collect::<Vec<_>>().join(" ")
            };
            let updates = release["updates"].as_array().map(|all| {
                let update = |update: &Value| {
                    let condition = if update["conditional"] == true { "?" } else { "" };
                    format!("{}{condition}{}", update["to"].as_str().unwrap(), words(&update["risks"]))
                };
                all.iter().map(update).collect::<Vec<_>>().join(" ")
            });
            let text = |name: &str| release[name].as_str().unwrap_or("-");
            let updates = updates.unwrap_or_else(|| "unknown".to_owned());
            format!("{} {} [{}] > {updates}", text("version"), text("architecture"), words(&release["channels"]))
        })
        .collect();
    lines.sort();
    lines
}

/// Four releases in two channels; one of them is in the plan without an update.
pub(super) fn outside() -> Option<(Outside, Vec<Release>)> {
    let outside = Outside::new()?;
    let releases: Vec<Release> =
        ["4.99.1", "4.99.2", "4.99.3", "4.99.4"].map(|version| Release::new(version, 2, 1)).into();
    outside.channel(&releases[..2].iter().chain(&releases[3..]).collect::<Vec<_>>());
    outside.publish(&releases[2]);
    let mut stable = graph(&[&releases[0], &releases[1], &releases[3]]);
    // 4.99.1 to 4.99.2 for all, 4.99.2 to 4.99.4 for none, 4.99.1 to 4.99.4 for those without a risk.
    stable["edges"] = json!([[0, 1]]);
    stable["conditionalEdges"] = json!([{
        "edges": [{"from": "4.99.1", "to": "4.99.4"}, {"from": "4.99.1", "to": "4.99.9"}],
        "risks": [{"name": "DiskFire", "message": "Disks may burn.", "url": "https://example.com/1", "matchingRules": []}],
    }]);
    outside.service.graph("amd64", "stable-4.99", &stable);
    outside.service.graph("amd64", "fast-4.99", &graph(&[&releases[1], &releases[2]]));
    outside.home.configuration(CHANNELS);
    Some((outside, releases))
}

const EXPECTED: [&str; 4] = [
    "4.99.1 amd64 [stable-4.99] > 4.99.2 4.99.4?DiskFire",
    "4.99.2 amd64 [stable-4.99 fast-4.99] > 4.99.3",
    "4.99.3 amd64 [fast-4.99] > ",
    "4.99.4 amd64 [stable-4.99] > ",
];

#[test]
fn every_workflow_plans_the_same_updates() {
    let Some((outside, _)) = outside() else { return };
    let (home, destination) = (&outside.home, Registry::start_blocking());
    home.plan_to_mirror(&format!("{}/m", destination.host()), "m2m.json", &[]).code(0);
    assert_eq!(releases(&home.document("m2m.json")), EXPECTED);
    home.plan_to_disk("m2d.json", &[]).code(0);
    assert_eq!(releases(&home.document("m2d.json")), EXPECTED);
    // Inside the gap the graphs are those that the archive brings.
    home.to_disk(&[]).code(0);
    let inside = enclave(home);
    carry(home, &inside);
    let (disk, to) = (format!("file://{}", inside.disk().display()), format!("docker://{}/m", destination.host()));
    let args = ["plan", "-c", "isc.yaml", "--from", &disk, &to, "--out", "d2m.json"];
    inside.run(&[&args[..], &PLAIN].concat()).code(0);
    assert_eq!(releases(&inside.document("d2m.json")), EXPECTED);
    inside.run(&["plan", "show", "d2m.json", "--html", "page.html"]).code(0);
    let page = std::fs::read_to_string(inside.path().join("page.html")).unwrap();
    for part in [
        "<title>4.99.1 to 4.99.2</title>",
        "<title>4.99.1 to 4.99.4: conditional: DiskFire</title>",
        "<title>4.99.2 to 4.99.3</title>",
        "<summary>3 updates, 1 of them conditional</summary>",
    ] {
        assert!(page.contains(part), "{part}");
    }
}

/// What the update service says later is a difference of the plans, update by update.
#[test]
fn changed_updates_are_a_difference() {
    let Some((outside, releases)) = outside() else { return };
    let (home, destination) = (&outside.home, Registry::start_blocking());
    let to = format!("{}/m", destination.host());
    home.plan_to_mirror(&to, "old.json", &[]).code(0);
    let mut stable = graph(&[&releases[0], &releases[1], &releases[3]]);
    stable["edges"] = json!([[1, 2]]);
    stable["conditionalEdges"] = json!([{
        "edges": [{"from": "4.99.1", "to": "4.99.2"}, {"from": "4.99.1", "to": "4.99.4"}],
        "risks": [{"name": "ColdNode", "message": "Nodes may freeze.", "url": "https://example.com/2"}],
    }]);
    outside.service.graph("amd64", "stable-4.99", &stable);
    home.plan_to_mirror(&to, "new.json", &[]).code(0);
    let shown = home.run(&["plan", "diff", "old.json", "new.json"]);
    let text = &shown.code(1).stdout;
    let updates: Vec<&str> = text.lines().filter(|line| line.contains("update")).collect();
    assert_eq!(
        updates,
        [
            "~ update 4.99.1 -> 4.99.2 (amd64): conditional: ColdNode",
            "~ update 4.99.1 -> 4.99.4 (amd64): conditional: ColdNode",
            "+ update 4.99.2 -> 4.99.4 (amd64): without condition",
        ]
    );
    assert!(text.contains("0 images added, 0 removed, 0 changed."), "{text}");
    let answer = home.run(&["plan", "diff", "new.json", "old.json", "--output=json"]);
    let diff: Value = serde_json::from_str(&answer.code(1).stdout).unwrap();
    let last = json!({"change": "removed", "architecture": "amd64", "from": "4.99.2", "to": "4.99.4"});
    assert_eq!(diff["updates"][2], last);
    home.run(&["plan", "show", "new.json", "--html", "page.html", "--against", "old.json"]).code(0);
    let page = std::fs::read_to_string(home.path().join("page.html")).unwrap();
    assert!(page.contains("update 4.99.1 -&gt; 4.99.2 (amd64)"), "{page}");
}

/// A release by name has no channel and no graph; a release that is blocked is nowhere to go.
#[test]
fn updates_lead_to_what_is_planned() {
    let Some((outside, published)) = outside() else { return };
    let (home, destination) = (&outside.home, Registry::start_blocking());
    let to = format!("{}/m", destination.host());
    home.configuration(&format!("{CHANNELS}blockedImages:\n- name: release-images.*4\\.99\\.2-x86_64$\n"));
    home.plan_to_mirror(&to, "blocked.json", &[]).code(0);
    let planned = releases(&home.document("blocked.json"));
    assert_eq!(planned, [EXPECTED[0].replace("4.99.2 ", "").as_str(), EXPECTED[2], EXPECTED[3]]);
    home.configuration(&format!("platform:\n  release: {}\n", published[0].by_tag()));
    home.plan_to_mirror(&to, "one.json", &[]).code(0);
    assert_eq!(releases(&home.document("one.json")), ["4.99.1 amd64 [] > unknown"]);
    home.run(&["plan", "show", "one.json", "--html", "page.html"]).code(0);
    let page = std::fs::read_to_string(home.path().join("page.html")).unwrap();
    assert!(page.contains("No update graph was read for 4.99.1: the plan does not know the updates from there."));
}

/// Bundles with their catalog, version and channels.
#[test]
fn bundles_say_what_they_are() {
    let (_source, _destination, home): (Registry, Registry, Home) = super::site();
    let document = home.document("plan.json");
    let bundle = document["images"].as_array().unwrap().iter().find(|image| image["kind"] == "operatorBundle").unwrap();
    let facts = &bundle["bundles"][0];
    assert_eq!(
        (&facts["package"], &facts["name"], &facts["version"]),
        (&json!("foo"), &json!("foo.v0.1.0"), &json!("0.1.0"))
    );
    // In the catalog that clusters get, no later version is left.
    assert_eq!(facts["channels"], json!([{"name": "stable", "head": true}]));
    assert!(facts["catalog"].as_str().unwrap().ends_with("/cat/index:v1"));
}
