//! The updates between the releases of a selection.

use cincinnati_graph::{Request, Update};

use crate::mock::{Mock, request};

/// The updates of what is selected, with their risks; every release is named.
fn updates(extra: &'static str, request: &Request) -> String {
    let mut mock = Mock { extra, ..Mock::default() };
    let (selection, selector) = mock.select(request.clone());
    let updates = Update::all(&selection.releases, selector.graphs());
    assert_eq!(updates.len(), selection.releases.len());
    let of_release = |(release, updates): (&cincinnati_graph::Release, &Vec<Update>)| {
        let update = |update: &Update| {
            let risks: Vec<&str> = update.risks.iter().map(|risk| risk.name.as_str()).collect();
            format!("{}{}", update.to, if update.conditional { format!(" if not {risks:?}") } else { String::new() })
        };
        let updates: Vec<String> = updates.iter().map(update).collect();
        format!("{} {}: {}", release.arch, release.version, updates.join(", ")).trim_end().to_owned()
    };
    selection.releases.iter().zip(&updates).map(of_release).collect::<Vec<_>>().join("\n")
}

#[test]
fn every_edge_between_selected_releases() {
    insta::assert_snapshot!(updates("", &request("stable-4.14 full")), @r"
    amd64 4.13.9: 4.14.1
    amd64 4.14.0: 4.14.1, 4.14.2
    amd64 4.14.1: 4.14.3
    amd64 4.14.2: 4.14.3
    amd64 4.14.3:
    ");
    // 4.15.0 has no edge to or from what is selected with it.
    insta::assert_snapshot!(updates("", &request("stable-4.14 [4.14.3,4.14.3] + fast-4.15 [4.15.0,4.15.1]")), @r"
    amd64 4.14.3: 4.15.1
    amd64 4.15.0:
    amd64 4.15.1:
    ");
    insta::assert_snapshot!(updates("", &request("stable-4.14")), @"amd64 4.14.3:");
    insta::assert_snapshot!(updates("", &request("candidate-4.18 full")), @r"
    amd64 4.17.9: 4.18.0-rc.1
    amd64 4.18.0-ec.2: 4.18.0-ec.10
    amd64 4.18.0-ec.10: 4.18.0-rc.1
    amd64 4.18.0-rc.1:
    ");
    insta::assert_snapshot!(updates("", &request("cyc-1.0 full")), @r"
    amd64 1.0.0: 1.0.1, 1.0.2
    amd64 1.0.1: 1.0.4
    amd64 1.0.2: 1.0.3
    amd64 1.0.3: 1.0.4
    amd64 1.0.4: 1.0.0
    ");
}

#[test]
fn conditional_edges_are_marked() {
    let conditional = r#", "conditionalEdges": [
        {"edges": [{"from": "4.13.9", "to": "4.14.2"}, {"from": "4.13.9", "to": "4.14.1"}], "risks": [
            {"url": "u", "name": "DiskFire", "message": "m"}, {"url": "u", "name": "ColdNode", "message": "m"}]},
        {"edges": [{"from": "4.14.0", "to": "4.14.3"}, {"from": "4.14.0", "to": "4.99.0"}], "risks": []}]"#;
    insta::assert_snapshot!(updates(conditional, &request("stable-4.14 full")), @r#"
    amd64 4.13.9: 4.14.1, 4.14.2 if not ["ColdNode", "DiskFire"]
    amd64 4.14.0: 4.14.1, 4.14.2, 4.14.3 if not []
    amd64 4.14.1: 4.14.3
    amd64 4.14.2: 4.14.3
    amd64 4.14.3:
    "#);
}
