//! `RuleSet::VersionRange`: the worked cases of `docs/behaviour/operators-archive.md` 2.7, by the published rules. What the
//! page expects there is of the other rule set (`upgrade_graph.rs`); where the two differ, a comment says why.

use fbc_catalog::{RuleSet, select};

use crate::notation::{A, catalog, outcome, request, rest};

#[track_caller]
fn check(source: &str, wanted: &str, expected: &str) {
    assert_eq!(outcome(&catalog(source), wanted, RuleSet::VersionRange), expected, "{wanted}");
}

#[track_caller]
fn check_error(source: &str, wanted: &str, part: &str) {
    let actual = outcome(&catalog(source), wanted, RuleSet::VersionRange);
    assert!(actual.starts_with("error: ") && actual.contains(part), "{wanted}: {actual}");
}

#[track_caller]
fn check_rest(source: &str, wanted: &str, expected: &str) {
    let selected = select(&catalog(source), &request(wanted), RuleSet::VersionRange).unwrap();
    assert_eq!(rest(&selected), expected, "{wanted}");
}

/// A package `x` with one channel `c`; the expected entries only.
#[track_caller]
fn check_channel(entries: &str, more: &str, range: &str, expected: &str) {
    let source = format!("package x default=c\n c: {entries}\n{more}");
    if let Some(part) = expected.strip_prefix("error ") {
        check_error(&source, &format!("x {range}"), part);
        return;
    }
    let mut bundles: Vec<&str> = expected.split(' ').collect();
    bundles.sort_unstable();
    check(&source, &format!("x {range}"), &format!("c: {expected} | {}", bundles.join(" ")));
}

#[test]
fn on_a() {
    // W1: heads come from the default channel, and that is the requested one.
    check(A, "apple default=fast", "fast: 2.1.0 | 2.1.0");
    check_rest(
        A,
        "apple default=fast",
        "default fast | deprecated package, channel fast | others /root.schema apple/my.schema",
    );
    check_error(A, "apple default=nope", "specified default channel override \"nope\" does not exist in the filtered"); // W2
    check(A, "apple default=fast stable[>=9.0.0] fast", "fast: 2.1.0 | 2.1.0"); // W3
    check_error(
        A,
        "apple default=fast stable fast[>=9.0.0]",
        "channel \"fast\" has version range \">=9.0.0\" that results in an empty channel",
    ); // W4
    check_error(
        A,
        "apple >=2.1.0",
        "channel \"stable\" has version range \">=2.1.0\" that results in an empty channel",
    ); // W5
    check(A, "apple >=1.1.0 <=1.1.0", "stable: 1.1.0 | 1.1.0"); // W6
    check(A, "apple stable[>=1.1.0,<=1.1.0]", "stable: 1.1.0 | 1.1.0"); // W7
    // W8, W9: a range like any other, and nothing of the channel lies in it.
    for version in ["7.7.7", "2.1.0"] {
        check_error(
            A,
            &format!("apple stable[>={version},<={version}]"),
            &format!(
                "channel \"stable\" has version range \">={version} <={version}\" that results in an empty channel"
            ),
        );
    }
    check(A, "apple stable[>=2,<=2]", "stable: 2.0.0 | 2.0.0"); // W10
    check_error(A, "apple stable[>=1.2.0,<=1.1.0]", "has version range \">=1.2.0 <=1.1.0\" that results in an empty"); // W11
    check(A, "zzz", " | "); // W12
    check_rest(A, "zzz", "default  | deprecated  | others /root.schema");
    check(A, "zzz; pear", "main: 0.2.0 | 0.2.0"); // W13
    check(A, "apple stable nope", "stable: 2.0.0 | 2.0.0"); // W14
    check(A, "apple stable[<=1.1]", "stable: 1.0.0 1.1.0 | 1.0.0 1.1.0"); // W15
    check(A, "apple stable[<=1]", "stable: 1.0.0 1.1.0 1.2.0 | 1.0.0 1.1.0 1.2.0");
    check(A, "apple stable[>=1.1]", "stable: 1.1.0 1.2.0 2.0.0 | 1.1.0 1.2.0 2.0.0");
}

#[test]
fn of_ranges() {
    let skips = "1.0.0 | 1.0.1 | 1.1.0>1.0.0!1.0.1 | 1.2.0 | 2.0.0>1.1.0!1.2.0";
    check_channel(skips, "", "<=1.1.0", "1.0.0 1.0.1 1.1.0"); // W16
    // W17: 2.0.0 lies outside, and without it there are two heads.
    check_channel(
        skips,
        "",
        "<=1.2.0",
        "error multiple channel heads found: [1.1.0 1.2.0]; raise maxVersion to \"2.0.0\"",
    );
    // W18, W19: what an upgrade passes through is not kept.
    check_channel(skips, "", ">=1.2.0 <=1.3.0", "1.2.0");
    check_channel(skips, "", ">=1.0.1 <=1.0.9", "1.0.1");
    check_channel(skips, "", ">=1.1.0", "1.1.0 1.2.0 2.0.0"); // W20
    // W21, W22: a version counts although no chain reaches it.
    let skip_of_skip = "1.0.0 | 1.0.1!1.0.0 | 1.0.2!1.0.1";
    check_channel(skip_of_skip, "", ">=1.0.0", "1.0.0 1.0.1 1.0.2");
    check_channel(skip_of_skip, "", "<=1.0.0", "1.0.0");
    // W23: 2.0.0, which joins the two, lies outside.
    check_channel(
        "0.1.0 | 1.0.0>0.1.0 | 2.0.0>1.0.0 | 1.1.0>2.0.0",
        "",
        ">=1.0.0 <=1.9.9",
        "error multiple channel heads found: [1.0.0 1.1.0]; raise maxVersion to \"2.0.0\"",
    );
}

/// Pre-releases compare like any version, whether or not a bound is one.
#[test]
fn of_pre_releases() {
    let suffixed = "1.42.0-5 | 1.47.1-5>1.42.0-5 | 1.51.0-1>1.47.1-5";
    check_channel(suffixed, "", ">=1.42.0", "1.47.1-5 1.51.0-1"); // W24
    check_channel(suffixed, "", ">=1.42.0-5", "1.42.0-5 1.47.1-5 1.51.0-1"); // W25
    check_channel(suffixed, "", "<=1.47.1-5", "1.42.0-5 1.47.1-5");
    check_channel(suffixed, "", ">=1.0.0 <=1.47.1-5", "1.42.0-5 1.47.1-5");
    check_channel(suffixed, "", ">=1.42.0-0 <=1.50.0", "1.42.0-5 1.47.1-5");
    check_channel("5.2.3-9 | 5.2.3-31>5.2.3-9 | 5.2.3>5.2.3-31", "", ">=5.2.3-10 <=5.2.3-31", "5.2.3-31"); // W26
    let mas = "0.9.1 | 0.9.1-0.166>0.9.1 | 0.10.0-mas>0.9.1-0.166 | 0.11.0-mas>0.10.0-mas";
    let build = "+0.9.1-0.166=0.9.1+0.166.p";
    check_channel(mas, build, ">=0.9.1", "0.9.1 0.9.1-0.166 0.10.0-mas 0.11.0-mas"); // W27
    check_channel(mas, build, ">=0.9.1 <=0.10.0-mas", "0.9.1 0.9.1-0.166 0.10.0-mas"); // W28
    check_channel(mas, build, ">=0.10.0-mas", "0.10.0-mas 0.11.0-mas");
    check_channel(mas, build, "<=0.9.1", "0.9.1 0.9.1-0.166");
    // W29: build metadata makes no difference, so both are that version.
    check_channel(mas, build, ">=0.9.1 <=0.9.1", "0.9.1 0.9.1-0.166");
    let opr = "26.0.7-opr.1 | 26.0.8-opr.1>26.0.7-opr.1 | 26.0.9-opr.1>26.0.8-opr.1";
    check_channel(opr, "", ">=26.0.8-opr.1 <=26.0.8-opr.1", "26.0.8-opr.1"); // W30
}

#[test]
fn of_broken_channels() {
    let two_heads = "v1.0.0 | v2.0.0";
    let message = "multiple channel heads found: [v1.0.0 v2.0.0]";
    check_channel(two_heads, "", "", &format!("error unable to filter head of channel: {message}")); // W31
    check_channel(two_heads, "", ">=1.0.0", &format!("error {message}"));
    check_channel(two_heads, "", ">=1.0.0 <=1.0.0", "1.0.0");
    check("package x default=c\n c: v1.0.0 | v2.0.0", "full x", "c: 1.0.0 2.0.0 | 1.0.0 2.0.0");
    check_channel("1.0.0 | 1.1.0~\"<1.1.0\"", "", "", "error multiple channel heads found: [1.0.0 1.1.0]"); // W32
    let versions = "+a=1.0.0\n+b=2.0.0\n+c=3.0.0\n+h=4.0.0";
    check_channel("a>b | b>c | c>b | h>a", versions, "", "error detected a cycle in the upgrade graph of the channel"); // W33
    check_channel("a>b | b>a", "+a=1.0.0\n+b=2.0.0", "", "error no channel heads found"); // W34
    check_channel("a | a", "+a=1.0.0", "", "error duplicate channel entry \"a\"\nmultiple channel heads found: [a a]"); // W35
    check_channel("a>a", "+a=1.0.0", "", "error invalid channel entry \"a\": replaces itself");
    check_channel("a!a", "+a=1.0.0", "", "error invalid channel entry \"a\": skips itself");
    check_channel("", "", "", "error channel has no entries");
}

#[test]
fn of_missing_things() {
    let dangling = "v2.0.0>v1.0.0 | v3.0.0>v2.0.0!v0.1.0";
    check_channel(dangling, "", ">=2.0.0", "2.0.0 3.0.0"); // W36
    check_channel(dangling, "+v1.0.0\n+v0.1.0", ">=0.0.1", "2.0.0 3.0.0"); // W37
    check("package x default=c\n c: v1.0.0 | v2.0.0>v1.0.0\n-v2.0.0", "", "c: 2.0.0 | "); // W38
    // W39 and W40: upstream writes both, and OLM refuses the catalog.
    check("package x default=c\n c: v1.0.0\n c: v1.0.0", "", "c: 1.0.0 | 1.0.0");
    let two = "package x default=c\n c: v1.0.0\n c: v2.0.0";
    let refused = outcome(&catalog(two), "", RuleSet::VersionRange);
    assert!(refused.starts_with("error: package \"x\": olm.channel \"c\" is defined in two documents"), "{refused}");
    let twice = "package x default=c\npackage x default=c\n c: v1.0.0";
    check_rest(twice, "", "default c | deprecated  | others ");
    // W41: there is nothing to take the head of.
    let without_default = "package x default=zz\n c: v1.0.0";
    let message =
        "package \"x\": the catalog's default channel \"zz\" does not exist; set `defaultChannel` to one of [c]";
    check_error(without_default, "", message);
    check_error(without_default, "x", message);
    check(without_default, "x c", "c: 1.0.0 | 1.0.0");
    let deprecated = "package x default=s\n s: v1.0.0\n t: v2.0.0\n deprecated channel t\n deprecated bundle v1.0.0\n deprecated bundle v2.0.0";
    check(deprecated, "x <=1.0.0", "s: 1.0.0 | 1.0.0"); // W42
    check_rest(deprecated, "x <=1.0.0", "default s | deprecated bundle 1.0.0 | others ");
}

#[test]
fn integration_fixture() {
    // W43
    let foo =
        r#"0.1.0~"<0.1.0" | 0.2.0>0.1.0!0.1.1,0.1.2~"<0.2.0" | 0.3.0>0.2.0~"<0.3.0" | 0.3.1>0.2.0!0.3.0~"<0.3.1""#;
    check_channel(foo, "", "", "0.3.1");
    check_channel(foo, "", ">=0.2.0 <=0.3.1", "0.2.0 0.3.0 0.3.1");
    check_channel(foo, "", ">=0.3.1 <=0.3.1", "0.3.1");
    check_channel(foo, "", ">=0.3.1 <=0.2.0", "error empty channel");
    check_channel(foo, "", ">=0.2.9 <=0.3.0", "0.3.0");
    check_channel(foo, "", "<=0.2.5", "0.1.0 0.2.0");
}

/// Versions are looked at where a range asks for them, and where the highest head has to be found.
#[test]
fn bundle_versions_count_only_where_looked_at() {
    let broken = "package x default=c\n c: v1.0.0 | b>v1.0.0\n d: v1.0.0\n+b=1.0";
    check(broken, "x", "c: b | b");
    check(broken, "x d[>=1.0.0]", "d: 1.0.0 | 1.0.0");
    check_error(
        broken,
        "x >=1.0.0",
        "bundle \"b\" in package \"x\" has an unusable version: invalid semantic version `1.0`",
    );
    // In a channel that loses its default a head without a version is the lowest.
    check_rest(&format!("{broken}\n e: b"), "x d e", "default d | deprecated  | others ");
}
