//! The worked cases of `docs/behaviour/release.md` 2.8, and what section 2 says around them.

use cincinnati_graph::{Architectures, BoundsRule, Channel, Request, Selection, Service, VersionFilter};

use crate::mock::{Mock, request};

/// `arch: versions` lines, then the error or the warnings that count.
fn outcome(selection: Selection) -> String {
    use std::fmt::Write as _;
    let mut text = String::new();
    let mut arch = String::new();
    for release in &selection.releases {
        if release.arch != arch {
            arch.clone_from(&release.arch);
            write!(text, "{}{arch}:", if text.is_empty() { "" } else { "\n" }).unwrap();
        }
        write!(text, " {}", release.version).unwrap();
    }
    for warning in &selection.warnings {
        write!(text, "\nwarning: {warning}").unwrap();
    }
    if let Err(error) = selection.into_releases() {
        write!(text, "\nerror: {error}").unwrap();
    }
    text.trim_start().to_owned()
}

/// Selects with the mock service, then once more from the files that the first run left (case 39), then with
/// conditional edges that offer shorter paths (case 40).
fn check_request(number: u32, request: &Request, expected: &str) {
    let mut mock = Mock::default();
    let first = outcome(mock.select(request.clone()).0);
    assert_eq!(first, expected.trim(), "case {number}");
    if !expected.contains("404") {
        assert_eq!(outcome(mock.replay(request.clone()).0), first, "case {number} from disk");
    }
    let extra = r#", "conditionalEdges": [{"edges": [{"from": "4.14.0", "to": "4.14.3"}, {"from": "1.0.0", "to": "1.0.4"},
        {"from": "4.13.9", "to": "4.14.3"}], "risks": [{"url": "u", "name": "N", "message": "m", "matchingRules": []}]}]"#;
    let mut mock = Mock { extra, ..Mock::default() };
    assert_eq!(outcome(mock.select(request.clone()).0), first, "case {number} with conditional edges");
}

fn check(number: u32, channels: &str, expected: &str) {
    check_request(number, &request(channels), expected);
}

#[test]
fn one_channel() {
    let none = "error: [GetReleaseReferenceImages] no release images found: no version lies between the bounds of the \
                configured channels";
    check(1, "stable-4.14", "amd64: 4.14.3");
    check(2, "stable-4.14 [4.14.1,]", "amd64: 4.14.1 4.14.2 4.14.3");
    check(3, "stable-4.14 [,4.14.2]", "amd64: 4.13.9 4.14.0 4.14.1 4.14.2");
    check(4, "stable-4.14 [,4.14.2] short", "amd64: 4.13.9 4.14.2");
    check(5, "stable-4.14 [4.14.3,4.14.1]", none);
    check(6, "stable-4.14 [4.14.3,4.14.1] short", "amd64: 4.14.1 4.14.3");
    check(7, "stable-4.14 [4.14.1,4.14.1]", "amd64: 4.14.1");
    check(8, "stable-4.14 full", "amd64: 4.13.9 4.14.0 4.14.1 4.14.2 4.14.3");
    check(9, "stable-4.14 [4.14.1,] full", "amd64: 4.14.1 4.14.2 4.14.3");
    check(10, "stable-4.14 full short", "amd64: 4.13.9 4.14.1 4.14.3");
    check(11, "stable-4.14 [4.14.0,4.14.3] short", "amd64: 4.14.0 4.14.2 4.14.3");
    check(12, "stable-4.14 short", "amd64: 4.14.3");
    check(
        13,
        "stable-4.14 [4.14.9,] short",
        "error: [GetReleaseReferenceImages] no release images found: VersionNotFound: current version 4.14.9 not found \
         in the \"stable-4.14\" channel",
    );
    check(
        14,
        "stable-4.14 [,4.14.9] short",
        "error: [GetReleaseReferenceImages] no release images found: VersionNotFound: requested version 4.14.9 not \
         found in the \"stable-4.14\" channel",
    );
    check(15, "stable-4.14 [4.13.10,4.14.2]", "amd64: 4.14.0 4.14.1 4.14.2");
    check(16, "stable-4.14 [4.14.7,]", none);
    check(17, "tie-1.0 [1.0.0,1.0.3] short", "amd64: 1.0.0 1.0.2 1.0.3");
    check(18, "cyc-1.0 [1.0.0,1.0.4] short", "amd64: 1.0.0 1.0.1 1.0.4");
    check(26, "candidate-4.18", "amd64: 4.18.0-rc.1");
    check(27, "candidate-4.18 [4.18.0,]", none);
    check(28, "candidate-4.18 [4.18.0-ec.2,4.18.0-rc.1]", "amd64: 4.18.0-ec.2 4.18.0-ec.10 4.18.0-rc.1");
    check(
        29,
        "stable-9.9",
        "error: [GetReleaseReferenceImages] no release images found: APIRequestError: channel \"stable-9.9\": \
         GetGraphDataFailed: unexpected HTTP status 404 Not Found (not_found: no such channel)",
    );
    check(
        35,
        "eus-4.16 [4.14.3,4.16.1] short",
        "amd64: 4.14.3 4.15.2 4.16.1\nwarning: channel eus-4.16: from 4.14.3 to 4.16.1 is an update between extended \
         support releases; the releases in between may be needed, see the report on update paths",
    );
    check(38, "", "");
}

#[test]
fn several_channels() {
    check(19, "stable-4.14 + stable-4.15", "amd64: 4.14.3 4.15.1 4.15.2");
    let both = "amd64: 4.14.0 4.14.2 4.14.3 4.15.1 4.15.2";
    check(20, "stable-4.14 [4.14.0,4.14.0] + stable-4.15 [4.15.2,4.15.2]", both);
    check(20, "stable-4.15 [4.15.2,4.15.2] + stable-4.14 [4.14.0,4.14.0]", both);
    check(
        21,
        "stable-4.14 [4.14.1,4.14.3] short + stable-4.15 [4.15.0,4.15.2] short",
        "amd64: 4.14.1 4.14.3 4.15.0 4.15.1 4.15.2",
    );
    check(
        22,
        "stable-4.14 [4.14.1,4.14.1] + stable-4.16 [4.16.1,4.16.1]",
        "amd64: 4.14.1 4.14.3 4.15.1 4.15.2 4.16.0 4.16.1",
    );
    check(
        23,
        "stable-4.16 [4.16.0,4.16.1] + stable-4.17 [4.17.0,4.17.0]",
        "amd64: 4.16.0 4.16.1 4.17.0\nwarning: update path is blocked for amd64: 4.16.1 is not in channel stable-4.17, \
         so only 4.17.0 is added from there",
    );
    check(24, "stable-4.15 [4.15.1,4.15.1] + fast-4.15 [4.15.3,4.15.3]", "amd64: 4.15.1 4.15.3");
    check(25, "fast-4.15 [4.15.0,4.15.0] + stable-4.15 [4.15.2,4.15.2]", "amd64: 4.15.0 4.15.2");
    check(
        30,
        "stable-9.9 + stable-4.14",
        "amd64: 4.14.3\nerror: [GetReleaseReferenceImages] error list [APIRequestError: channel \"stable-9.9\": \
         GetGraphDataFailed: unexpected HTTP status 404 Not Found (not_found: no such channel); failed to find minimum \
         release version: Version string empty]",
    );
    check(36, "stable-4.14 + stable-4.15 + stable-4.16", "amd64: 4.14.3 4.15.1 4.15.2 4.16.0 4.16.1");
    check(37, "stable-4.15 [4.14.2,4.15.0] + stable-4.14 [4.14.3,4.14.3]", "amd64: 4.14.2 4.14.3 4.15.0");
}

#[test]
fn several_architectures() {
    let check = |number, channels, archs: &[&str], expected: &str| {
        let archs: Vec<String> = archs.iter().map(|arch| (*arch).to_owned()).collect();
        let request = Request { architectures: Architectures::new(false, &archs), ..request(channels) };
        check_request(number, &request, expected);
    };
    let deprecated = "warning: platform.architectures is deprecated: use platform.platforms instead";
    check(
        31,
        "stable-4.14",
        &["amd64", "arm64"],
        &format!(
            "amd64: 4.14.3\n{deprecated}\nwarning: channel stable-4.14 selects nothing for arm64: none of its releases \
             is between 4.14.3 and 4.14.3, the bounds settled for amd64"
        ),
    );
    check(
        32,
        "stable-4.14",
        &["arm64", "amd64"],
        &format!(
            "arm64: 4.14.4\n{deprecated}\nwarning: channel stable-4.14 selects nothing for amd64: none of its releases \
             is between 4.14.4 and 4.14.4, the bounds settled for arm64"
        ),
    );
    check(
        33,
        "stable-4.14 [4.14.1,]",
        &["amd64", "arm64"],
        &format!("amd64: 4.14.1 4.14.2 4.14.3\narm64: 4.14.1 4.14.2\n{deprecated}"),
    );
    check(31, "stable-4.14", &["multi", "amd64", "multi"], &format!("multi: 4.14.3\namd64: 4.14.3\n{deprecated}"));
    check(
        31,
        "stable-4.14 short",
        &["amd64", "arm64"],
        &format!(
            "amd64: 4.14.3\n{deprecated}\nerror: [GetReleaseReferenceImages] error list [VersionNotFound: current \
             version 4.14.3 not found in the \"stable-4.14\" channel]"
        ),
    );
    check(
        31,
        "stable-4.14",
        &["riscv"],
        &format!(
            "{deprecated}\nerror: [GetReleaseReferenceImages] no release images found: NoVersionsFound: no cluster \
             versions found for \"riscv\" in the \"stable-4.14\" channel"
        ),
    );
}

#[test]
fn bounds_of_each_architecture_on_request() {
    let architectures = Architectures::new(false, &["amd64".into(), "arm64".into()]);
    let request = Request { architectures, bounds: BoundsRule::PerArchitecture, ..request("stable-4.14") };
    check_request(
        31,
        &request,
        "amd64: 4.14.3\narm64: 4.14.4\nwarning: platform.architectures is deprecated: use platform.platforms instead",
    );
}

#[test]
fn platforms_ask_for_multi() {
    let request = Request { architectures: Architectures::new(true, &["amd64".into()]), ..request("stable-4.14") };
    let mut mock = Mock::default();
    let (selection, _) = mock.select(request);
    assert_eq!(mock.log, ["stable-4.14 (multi)"]);
    insta::assert_snapshot!(outcome(selection), @r"
    multi: 4.14.3
    warning: platform.platforms copies manifest lists without all of their images: the registry must accept manifest lists with missing children
    ");
}

/// The log of case 22, each graph once: the channel in between is asked for though it is not configured.
#[test]
fn requests() {
    let check = |channels: &str, expected: &[&str]| {
        let mut mock = Mock::default();
        mock.select(request(channels));
        assert_eq!(mock.log, expected, "{channels}");
    };
    check(
        "stable-4.14 [4.14.1,4.14.1] + stable-4.16 [4.16.1,4.16.1]",
        &["stable-4.14 (amd64)", "stable-4.16 (amd64)", "stable-4.15 (amd64)"],
    );
    check("", &[]);
    check("stable-4.14 [nope,]", &[]);
    // Nothing is asked of channels beyond a blocked step.
    check(
        "stable-4.14 [4.14.0,4.14.0] + stable-4.17 [4.17.0,4.17.0]",
        &["stable-4.14 (amd64)", "stable-4.17 (amd64)", "stable-4.15 (amd64)", "stable-4.16 (amd64)"],
    );
}

#[test]
fn bounds_that_are_no_versions() {
    let error = |channels| Mock::default().select(request(channels)).0.into_releases().unwrap_err().to_string();
    insta::assert_snapshot!(
        error("stable-4.14 [4.14,]"),
        @r#"[GetReleaseReferenceImages] no release images found: min semver parsing `4.14` of channel "stable-4.14": unexpected end of input while parsing minor version number; expected three numbers, like `4.16.2`"#
    );
    insta::assert_snapshot!(
        error("stable-4.14 [v4.14.1,4.14.x]"),
        @r#"[GetReleaseReferenceImages] no release images found: min semver parsing `v4.14.1` of channel "stable-4.14": unexpected character 'v' while parsing major version number; expected three numbers, like `4.16.2`; max semver parsing `4.14.x` of channel "stable-4.14": unexpected character 'x' while parsing patch version number; expected three numbers, like `4.16.2`"#
    );
}

#[test]
fn names_that_are_refused_before_any_request() {
    let check = |name: &str, arch: &str, expected: &str| {
        let request = Request {
            channels: vec![Channel::head(name)],
            architectures: Architectures::List(vec![arch.into()]),
            ..Request::default()
        };
        let mut mock = Mock::default();
        let error = mock.select(request).0.into_releases().unwrap_err().to_string();
        assert_eq!(error, format!("[GetReleaseReferenceImages] no release images found: {expected}"));
        assert!(mock.log.is_empty());
    };
    let slash = "cannot be a channel or an architecture: it holds a slash or a control character";
    check("", "amd64", "channel value must be set");
    check("../../x", "amd64", &format!("`../../x` {slash}"));
    check("stable-4.14", "/etc", &format!("`/etc` {slash}"));
}

#[test]
fn channel_types() {
    assert_eq!("okd".parse(), Ok(Service::Okd));
    assert_eq!("ocp".parse(), Ok(Service::Ocp));
    assert_eq!("".parse(), Ok(Service::Ocp));
    insta::assert_snapshot!(
        "OKD4".parse::<Service>().unwrap_err(),
        @"unknown release channel type `OKD4`: expected `ocp` or `okd`"
    );
}

/// OKD channels take no part in the path across channels; one remaining channel is a path of its own.
#[test]
fn okd_channels() {
    let not_found = "APIRequestError: channel \"okd-4\": GetGraphDataFailed: unexpected HTTP status 404 Not Found \
                     (not_found: no such channel)";
    check(
        0,
        "stable-4.14 [4.14.0,4.14.3] + okd-4 okd",
        &format!("amd64: 4.14.0 4.14.1 4.14.2 4.14.3\nerror: [GetReleaseReferenceImages] error list [{not_found}]"),
    );
    check(
        0,
        "okd-4 okd + stable-4.14 [4.13.10,4.14.3]",
        &format!(
            "amd64: 4.14.0 4.14.1 4.14.2 4.14.3\nerror: [GetReleaseReferenceImages] error list [{not_found}; \
             VersionNotFound: current version 4.13.10 not found in the \"stable-4.14\" channel]"
        ),
    );
}

#[test]
fn across_channels_that_do_not_lead_there() {
    let error = |channels: &str| Mock::default().select(request(channels)).0.into_releases().unwrap_err().to_string();
    insta::assert_snapshot!(
        error("stable-4.14 + tie-1.0x"),
        @r#"[GetReleaseReferenceImages] error list [APIRequestError: channel "tie-1.0x": GetGraphDataFailed: unexpected HTTP status 404 Not Found (not_found: no such channel); failed to find minimum release version: Version string empty]"#
    );
    insta::assert_snapshot!(
        error("tie-1.0 + stable [4.14.3,4.14.3]"),
        @r#"[GetReleaseReferenceImages] error list [APIRequestError: channel "stable": GetGraphDataFailed: unexpected HTTP status 404 Not Found (not_found: no such channel); invalid channel name stable: expected a name that ends in `-X.Y`, like `stable-4.16`]"#
    );
    insta::assert_snapshot!(
        error("tie-1.0 + stable-4.14"),
        @r#"[GetReleaseReferenceImages] error list [APIRequestError: channel "tie-1.1": GetGraphDataFailed: unexpected HTTP status 404 Not Found (not_found: no such channel)]"#
    );
    insta::assert_snapshot!(
        error("empty-1.0 full"),
        @r#"[GetReleaseReferenceImages] no release images found: NoVersionsFound: no cluster versions found for "amd64" in the "empty-1.0" channel"#
    );
    insta::assert_snapshot!(
        error("empty-1.0 [1.0.0,1.0.1]"),
        @r#"[GetReleaseReferenceImages] no release images found: NoVersionsFound: no cluster versions found in the "empty-1.0" channel"#
    );
}

#[test]
fn no_upgrade_path_to_the_target_channel() {
    check(
        24,
        "stable-4.15 [4.14.2,4.15.0] + fast-4.15 [4.15.3,4.15.3]",
        "amd64: 4.14.2 4.14.3 4.15.0 4.15.3\nwarning: No upgrade path for 4.14.2 in target channel fast-4.15",
    );
}

#[test]
fn version_filter() {
    let version_filter = Some(VersionFilter::parse(r"^4\.14\.[012]$").unwrap());
    let filtered = |channels| Request { version_filter: version_filter.clone(), ..request(channels) };
    check_request(1, &filtered("stable-4.14"), "amd64: 4.14.2");
    check_request(8, &filtered("stable-4.14 full"), "amd64: 4.14.0 4.14.1 4.14.2");
    check_request(2, &filtered("stable-4.14 [4.13.0,4.14.3]"), "amd64: 4.13.9 4.14.0 4.14.1 4.14.2 4.14.3");
    assert!(VersionFilter::parse("(").unwrap_err().to_string().starts_with("InvalidVersionFilter: `(`"));
}

#[test]
fn reasons() {
    let (selection, _) = Mock::default().select(request("stable-4.14 + stable-4.15"));
    let reasons = |release: &cincinnati_graph::Release| {
        let reasons: Vec<_> = release.reasons.iter().map(|r| format!("{} ({})", r.why, r.channel)).collect();
        format!("{}: {}", release.version, reasons.join(", "))
    };
    let text: Vec<String> = selection.releases.iter().map(reasons).collect();
    insta::assert_snapshot!(text.join("\n"), @r"
    4.14.3: head of the channel (stable-4.14), on the path across channels (stable-4.14), on the path across channels (stable-4.15)
    4.15.1: on the path across channels (stable-4.15)
    4.15.2: head of the channel (stable-4.15), on the path across channels (stable-4.15)
    ");
}

#[cfg(feature = "client")]
#[tokio::test]
async fn asynchronous() {
    use crate::mock::AsyncMock;
    let source = AsyncMock(Mock::default().into());
    let (selection, reports) = cincinnati_graph::client::select(request("stable-4.14 + stable-4.16"), &source).await;
    assert_eq!(outcome(selection), "amd64: 4.14.3 4.15.1 4.15.2 4.16.0 4.16.1");
    insta::assert_snapshot!(
        reports[0],
        @"amd64: 4.16.1 can be reached from 4.14.3 with the selected releases: 4.14.3 -> 4.15.1 -> 4.15.2 -> 4.16.0 -> 4.16.1"
    );
}
