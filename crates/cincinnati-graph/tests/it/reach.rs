//! Upgrade safety.

use cincinnati_graph::{Report, Request};

use crate::mock::{Mock, request};

fn report_of(extra: &'static str, request: Request) -> String {
    let mut mock = Mock { extra, ..Mock::default() };
    let (selection, selector) = mock.select(request);
    let reports = Report::all(&selection.releases, selector.graphs());
    reports.iter().map(Report::to_string).collect::<Vec<_>>().join("\n")
}

fn report(channels: &str) -> String {
    report_of("", request(channels))
}

#[test]
fn verdicts() {
    insta::assert_snapshot!(report("stable-4.14"), @"amd64: 4.14.3 is the only release selected");
    insta::assert_snapshot!(
        report("stable-4.14 full"),
        @"amd64: 4.14.3 can be reached from 4.13.9 with the selected releases: 4.13.9 -> 4.14.1 -> 4.14.3"
    );
    insta::assert_snapshot!(
        report("stable-4.14 [,4.14.2] short"),
        @"amd64: 4.14.2 cannot be reached from 4.13.9: the graphs of the channels hold no path"
    );
    // Blocked, but 4.16.0 goes to 4.17.0.
    insta::assert_snapshot!(
        report("stable-4.16 [4.16.0,4.16.1] + stable-4.17 [4.17.0,4.17.0]"),
        @"amd64: 4.17.0 can be reached from 4.16.0 with the selected releases: 4.16.0 -> 4.17.0"
    );
    // Same minor, other stream: 4.14.2 is not in fast-4.15, and so no path was selected.
    insta::assert_snapshot!(
        report("stable-4.15 [4.14.2,4.14.2] + fast-4.15 [4.15.3,4.15.3]"),
        @"amd64: 4.15.3 cannot be reached from 4.14.2 with the selected releases; the path 4.14.2 -> 4.15.1 -> 4.15.3 needs 4.15.1 as well"
    );
}

#[test]
fn risks_are_named() {
    let risk = r#", "conditionalEdges": [{"edges": [{"from": "4.13.9", "to": "4.14.2"}], "risks": [
        {"url": "https://bugs.example/1", "name": "DiskFire", "message": "Disks may burn."},
        {"url": "https://bugs.example/0", "name": "ColdNode", "message": "Nodes may freeze."}]}]"#;
    insta::assert_snapshot!(report_of(risk, request("stable-4.14 [,4.14.2] short")), @r"
    amd64: 4.14.2 can be reached from 4.13.9 only by updates with known risks: 4.13.9 -> 4.14.2
      4.13.9 -> 4.14.2: ColdNode: Nodes may freeze. (https://bugs.example/0)
      4.13.9 -> 4.14.2: DiskFire: Disks may burn. (https://bugs.example/1)
    ");
}

#[test]
fn intermediate_releases_are_added_on_request() {
    let check = |channels: &str, expected: &str| {
        let wanted = Request { add_intermediate_releases: true, ..request(channels) };
        let (selection, selector) = Mock::default().select(wanted);
        let reports = Report::all(&selection.releases, selector.graphs());
        let versions: Vec<String> = selection.releases.iter().map(|r| r.version.to_string()).collect();
        assert_eq!(versions.join(" "), expected, "{channels}");
        assert!(selection.failures.is_empty(), "{channels}: {:?}", selection.failures);
        assert!(!reports[0].needs_attention(), "{channels}: {}", reports[0]);
    };
    check("stable-4.15 [4.14.2,4.14.2] + fast-4.15 [4.15.3,4.15.3]", "4.14.2 4.15.1 4.15.3");
    // There is no eus-4.15; eus-4.16 holds what is in between.
    check("eus-4.14 [4.14.3,4.14.3] + eus-4.16 [4.16.1,4.16.1]", "4.14.3 4.15.2 4.16.1");
    check("stable-4.14 full", "4.13.9 4.14.0 4.14.1 4.14.2 4.14.3");
}
