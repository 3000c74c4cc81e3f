//! Upgrade safety.

use cincinnati_graph::{MissingRelease, Report, Request, Service, Verdict};

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

/// The YAML that is printed selects, once it is configured, all that was missing.
#[test]
fn advice() {
    let check = |channels: &str| {
        let before = request(channels);
        let (selection, selector) = Mock::default().select(before.clone());
        let reports = Report::all(&selection.releases, selector.graphs());
        let advice = reports[0].advice(&before.channels).expect("something is missing");

        let mut after = before;
        after.channels.retain(|channel| advice.replace.iter().all(|new| new.name != channel.name));
        after.channels.extend(advice.replace.iter().chain(&advice.add).cloned());
        let (selection, selector) = Mock::default().select(after);
        assert!(selection.failures.is_empty(), "{:?}", selection.failures);
        let reports = Report::all(&selection.releases, selector.graphs());
        assert!(!reports[0].needs_attention(), "{}", reports[0]);
        advice.to_string()
    };
    // Both channels that hold 4.15.1 are configured already, so one of them gets wider bounds.
    insta::assert_snapshot!(check("stable-4.15 [4.14.2,4.14.2] + fast-4.15 [4.15.3,4.15.3]"), @r"
    mirror:
      platform:
        channels:
        - name: fast-4.15 # replaces the entry of the same name
          minVersion: 4.15.1
          maxVersion: 4.15.3
          shortestPath: true
    ");
}

#[test]
fn advice_prefers_channels_that_are_not_configured() {
    let missing = |version: &str, channels: &[&str]| MissingRelease {
        version: version.parse().unwrap(),
        payload: String::new(),
        channel: "eus-4.16".into(),
        channels: channels.iter().map(|name| (*name).to_owned()).collect(),
    };
    let report = Report {
        service: Service::Ocp,
        arch: "amd64".into(),
        from: "4.14.20".parse().unwrap(),
        to: "4.16.5".parse().unwrap(),
        verdict: Verdict::Missing {
            path: Vec::new(),
            missing: vec![
                missing("4.15.8", &["candidate-4.15", "eus-4.16", "fast-4.15", "stable-4.15"]),
                missing("4.15.9", &["candidate-4.15", "eus-4.16", "fast-4.15", "stable-4.15"]),
                missing("4.16.1", &["candidate-4.16", "eus-4.16"]),
            ],
            conditional: Vec::new(),
        },
    };
    insta::assert_snapshot!(report.advice(&request("eus-4.14 + eus-4.16").channels).unwrap(), @r"
    mirror:
      platform:
        channels:
        - name: stable-4.15 # add
          minVersion: 4.15.8
          maxVersion: 4.15.9
          shortestPath: true
        - name: candidate-4.16 # add
          minVersion: 4.16.1
          maxVersion: 4.16.1
    ");
}

/// Without the flag, the missing channel between two extended support channels is an error that says what to do.
#[test]
fn a_missing_channel_in_between() {
    let (selection, _) = Mock::default().select(request("eus-4.14 [4.14.3,4.14.3] + eus-4.16 [4.16.1,4.16.1]"));
    insta::assert_snapshot!(selection.into_releases().unwrap_err(), @r#"[GetReleaseReferenceImages] error list [APIRequestError: channel "eus-4.15": GetGraphDataFailed: unexpected HTTP status 404 Not Found (not_found: no such channel); there is no channel "eus-4.15", but "eus-4.16" holds 4.14.3: add `--add-intermediate-releases`, or configure "eus-4.16" with `minVersion: 4.14.3`, `maxVersion: 4.16.1` and `shortestPath: true` in place of the channels of its path]"#);
}
