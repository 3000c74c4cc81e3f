//! `RuleSet::UpgradeGraph`: the rows of `docs/behaviour/operators-archive.md` 2.6 and 2.7, with the decisions of its
//! section 10.

use fbc_catalog::{RuleSet, select};

use crate::notation::{A, catalog, outcome, request, rest};

#[track_caller]
fn check(source: &str, wanted: &str, expected: &str) {
    assert_eq!(outcome(&catalog(source), wanted, RuleSet::UpgradeGraph), expected, "{wanted}");
}

/// Where the page gives a part of a message.
#[track_caller]
fn check_error(source: &str, wanted: &str, part: &str) {
    let actual = outcome(&catalog(source), wanted, RuleSet::UpgradeGraph);
    assert!(actual.starts_with("error: ") && actual.contains(part), "{wanted}: {actual}");
}

#[track_caller]
fn check_rest(wanted: &str, expected: &str) {
    let selected = select(&catalog(A), &request(wanted), RuleSet::UpgradeGraph).unwrap();
    assert_eq!(rest(&selected), expected, "{wanted}");
}

#[test]
fn scenarios() {
    check(A, "", "stable: 2.0.0; fast: 2.1.0; main: 0.2.0 | 2.0.0 2.1.0 0.2.0"); // 1
    check(
        A,
        "full",
        "stable: 1.0.0 1.1.0 1.2.0 2.0.0; fast: 2.0.0 2.1.0; main: 0.1.0 0.2.0 | 1.0.0 1.1.0 1.2.0 2.0.0 2.0.5 2.1.0 0.1.0 0.2.0",
    ); // 2
    check(A, "apple", "stable: 2.0.0; fast: 2.1.0 | 2.0.0 2.1.0"); // 3
    check(A, "full apple", "stable: 1.0.0 1.1.0 1.2.0 2.0.0; fast: 2.0.0 2.1.0 | 1.0.0 1.1.0 1.2.0 2.0.0 2.1.0"); // 4
    // 5: upstream also keeps bundle 2.0.5, which no channel lists (quirk 4: fixed).
    check(A, "apple >=1.2.0", "stable: 1.2.0 2.0.0; fast: 2.0.0 2.1.0 | 1.2.0 2.0.0 2.1.0");
    check(A, "apple <=1.2.0", "stable: 1.0.0 1.1.0 1.2.0 | 1.0.0 1.1.0 1.2.0"); // 6
    check(A, "apple >=1.1.0 <=1.2.0", "stable: 1.1.0 1.2.0 | 1.1.0 1.2.0"); // 7
    check_error(A, "apple fast", "the default channel \"stable\" was filtered out, a new default channel must be"); // 8
    check(A, "apple default=fast fast", "fast: 2.1.0 | 2.1.0"); // 8'
    check(A, "full apple stable", "stable: 1.0.0 1.1.0 1.2.0 2.0.0 | 1.0.0 1.1.0 1.2.0 2.0.0"); // 9
    check(A, "apple stable fast", "stable: 2.0.0; fast: 2.1.0 | 2.0.0 2.1.0"); // 10
    check(A, "apple stable[>=1.1.0]", "stable: 1.1.0 1.2.0 2.0.0 | 1.1.0 1.2.0 2.0.0"); // 11
    check(A, "apple stable[<=1.1.0]", "stable: 1.0.0 1.1.0 | 1.0.0 1.1.0"); // 12
    check(A, "apple stable[>=1.1.0,<=1.2.0]", "stable: 1.1.0 1.2.0 | 1.1.0 1.2.0"); // 13
    check(A, "apple stable[>=1.1.0,<=1.2.0] fast", "stable: 1.1.0 1.2.0; fast: 2.1.0 | 1.1.0 1.2.0 2.1.0"); // 13'
    check_error(A, "apple >=1.1.0 stable[<=1.2.0]", "mixing both filtering by minVersion/maxVersion and filtering by"); // 14
    check(A, "apple >=1.1.0 <=1.2.0 stable", "stable: 1.1.0 1.2.0 | 1.1.0 1.2.0"); // 14'
    check_error(A, "full apple >=1.1.0", "Full: true cannot be mixed with versionRange"); // 15
    check_error(A, "full apple stable[>=1.0.0]", "Full: true cannot be mixed with versionRange"); // 16
    // 17: the library's answers, where a team keeps `bundles`.
    check(A, "apple bundles=apple.v1.2.0,apple.v2.0.0", "stable: 1.2.0 2.0.0; fast: 2.0.0 | 1.2.0 2.0.0");
    check(
        A,
        "apple bundles=apple.v1.0.0,apple.v2.0.0",
        "stable: 1.0.0 1.1.0 1.2.0 2.0.0; fast: 2.0.0 | 1.0.0 1.1.0 1.2.0 2.0.0",
    );
    check_error(
        A,
        "strict apple bundles=apple.v1.0.0,apple.v2.0.0",
        "filtering on the selected bundles leads to invalidating channel \"stable\" for package \"apple\": multiple channel heads found: [apple.v1.0.0 apple.v2.0.0]",
    );
    check_error(
        A,
        "apple bundles=apple.v2.1.0",
        "package \"apple\": none of the selected bundles is in the default channel \"stable\"; set `defaultChannel: fast` (there is [fast])",
    );
}

#[test]
fn defaults_deprecations_and_others() {
    let all = "apple/my.schema pear/my.schema";
    check_rest(
        "",
        &format!("default stable main | deprecated package, channel fast, bundle 2.0.0 | others /root.schema {all}"),
    );
    check_rest(
        "apple",
        "default stable | deprecated package, channel fast, bundle 2.0.0 | others /root.schema apple/my.schema",
    );
    check_rest(
        "full apple",
        "default stable | deprecated package, channel fast, bundle 1.0.0, bundle 2.0.0 | others /root.schema apple/my.schema",
    );
    check_rest(
        "apple >=1.2.0",
        "default stable | deprecated package, channel fast, bundle 2.0.0 | others /root.schema apple/my.schema",
    );
    // Channel fast is gone, and so is its deprecation (quirk 3: fixed).
    check_rest(
        "apple <=1.2.0",
        "default stable | deprecated package, bundle 1.0.0 | others /root.schema apple/my.schema",
    );
    check_rest(
        "apple default=fast fast",
        "default fast | deprecated package, channel fast | others /root.schema apple/my.schema",
    );
    check_rest(
        "full apple stable",
        "default stable | deprecated package, bundle 1.0.0, bundle 2.0.0 | others /root.schema apple/my.schema",
    );
}

#[test]
fn worked_cases_on_a() {
    check(A, "apple default=fast", "stable: 2.0.0; fast: 2.1.0 | 2.0.0 2.1.0"); // W1
    check_rest(
        "apple default=fast",
        "default fast | deprecated package, channel fast, bundle 2.0.0 | others /root.schema apple/my.schema",
    );
    check_error(
        A,
        "apple default=nope",
        "specified default channel override \"nope\" does not exist in the filtered output",
    ); // W2
    // W3: stable is empty but is not the default any more (quirk 2: fixed).
    check(A, "apple default=fast stable[>=9.0.0] fast", "fast: 2.1.0 | 2.1.0");
    // W4: the override is empty, which would leave a dangling default (quirk 2: fixed).
    check_error(
        A,
        "apple default=fast stable fast[>=9.0.0]",
        "channel \"fast\" has version range \">=9.0.0\" that results in an empty channel",
    );
    check_error(
        A,
        "apple >=2.1.0",
        "package \"apple\" channel \"stable\" has version range \">=2.1.0\" that results in an empty channel",
    ); // W5
    // W6: fast does not hold it and goes (quirk 1: fixed).
    check(A, "apple >=1.1.0 <=1.1.0", "stable: 1.1.0 | 1.1.0");
    check(A, "apple stable[>=1.1.0,<=1.1.0]", "stable: 1.1.0 | 1.1.0"); // W7
    check_error(A, "apple stable[>=7.7.7,<=7.7.7]", "specific version 7.7.7 not found in bundles"); // W8
    // W9: the version exists, but not in this channel (quirk 1: fixed).
    check_error(A, "apple stable[>=2.1.0,<=2.1.0]", "that results in an empty channel");
    check(A, "apple stable[>=2,<=2]", "stable: 2.0.0 | 2.0.0"); // W10
    check_error(
        A,
        "apple stable[>=1.2.0,<=1.1.0]",
        "has version range \">=1.2.0 <=1.1.0\" that results in an empty channel",
    ); // W11
    check(A, "zzz", " | "); // W12
    check_rest("zzz", "default  | deprecated  | others /root.schema");
    check(A, "zzz; pear", "main: 0.2.0 | 0.2.0"); // W13
    check(A, "apple stable nope", "stable: 2.0.0 | 2.0.0"); // W14
    check(A, "apple stable[<=1.1]", "stable: 1.0.0 1.1.0 | 1.0.0 1.1.0"); // W15
    check(A, "apple stable[<=1]", "stable: 1.0.0 1.1.0 1.2.0 | 1.0.0 1.1.0 1.2.0");
    check(A, "apple stable[>=1.1]", "stable: 1.1.0 1.2.0 2.0.0 | 1.1.0 1.2.0 2.0.0");
    check_error(A, "apple <=abc", "maxVersion \"abc\" must respect semantic versioning notation");
}

/// A package `x` with one channel `c`; the expected entries only.
#[track_caller]
fn check_channel(entries: &str, more: &str, range: &str, expected: &str) {
    let source = format!("package x default=c\n c: {entries}\n{more}");
    let catalog = catalog(&source);
    let actual = outcome(&catalog, &format!("x {range}"), RuleSet::UpgradeGraph);
    if let Some(part) = expected.strip_prefix("error ") {
        assert!(actual.starts_with("error: ") && actual.contains(part), "{entries} {range}: {actual}");
        return;
    }
    let mut bundles: Vec<&str> = expected.split(' ').collect();
    bundles.sort_unstable();
    assert_eq!(actual, format!("c: {expected} | {}", bundles.join(" ")), "{entries} {range}");
}

#[test]
fn worked_cases_of_ranges() {
    let skips = "1.0.0 | 1.0.1 | 1.1.0>1.0.0!1.0.1 | 1.2.0 | 2.0.0>1.1.0!1.2.0";
    check_channel(skips, "", "<=1.1.0", "1.0.0 1.0.1 1.1.0"); // W16
    check_channel(skips, "", "<=1.2.0", "1.0.0 1.0.1 1.1.0 1.2.0 2.0.0"); // W17
    check_channel(skips, "", ">=1.2.0 <=1.3.0", "1.2.0 2.0.0"); // W18
    check_channel(skips, "", ">=1.0.1 <=1.0.9", "1.0.1 1.1.0"); // W19
    check_channel(skips, "", ">=1.1.0", "1.1.0 1.2.0 2.0.0"); // W20
    let skip_of_skip = "1.0.0 | 1.0.1!1.0.0 | 1.0.2!1.0.1";
    check_channel(skip_of_skip, "", ">=1.0.0", "1.0.1 1.0.2"); // W21
    check_channel(skip_of_skip, "", "<=1.0.0", "error empty channel"); // W22
    check_channel("0.1.0 | 1.0.0>0.1.0 | 2.0.0>1.0.0 | 1.1.0>2.0.0", "", ">=1.0.0 <=1.9.9", "1.0.0 2.0.0 1.1.0"); // W23
}

#[test]
fn worked_cases_of_pre_releases() {
    let suffixed = "1.42.0-5 | 1.47.1-5>1.42.0-5 | 1.51.0-1>1.47.1-5";
    // W24: a bound with a pre-release part is what lets pre-releases in.
    check_channel(
        suffixed,
        "",
        ">=1.42.0",
        "error empty channel (it holds 1.42.0-5 to 1.51.0-1); no version of the package lies in the range; nearest: 1.42.0-5",
    );
    check_channel(suffixed, "", ">=1.42.0-5", "1.42.0-5 1.47.1-5 1.51.0-1"); // W25
    check_channel(suffixed, "", "<=1.47.1-5", "1.42.0-5 1.47.1-5");
    check_channel(suffixed, "", ">=1.0.0 <=1.47.1-5", "1.42.0-5 1.47.1-5");
    check_channel(suffixed, "", ">=1.42.0-0 <=1.50.0", "1.42.0-5 1.47.1-5");
    check_channel("5.2.3-9 | 5.2.3-31>5.2.3-9 | 5.2.3>5.2.3-31", "", ">=5.2.3-10 <=5.2.3-31", "5.2.3-31"); // W26
    let mas = "0.9.1 | 0.9.1-0.166>0.9.1 | 0.10.0-mas>0.9.1-0.166 | 0.11.0-mas>0.10.0-mas";
    let build = "+0.9.1-0.166=0.9.1+0.166.p";
    let sorted = |entries: &str, bundles: &str, range: &str| {
        let catalog = catalog(&format!("package x default=c\n c: {mas}\n{build}"));
        let actual = outcome(&catalog, &format!("x {range}"), RuleSet::UpgradeGraph);
        assert_eq!(actual, format!("c: {entries} | {bundles}"), "{range}");
    };
    sorted("0.9.1 0.9.1-0.166", "0.9.1 0.9.1-0.166", ">=0.9.1"); // W27
    sorted("0.9.1 0.9.1-0.166 0.10.0-mas", "0.10.0-mas 0.9.1 0.9.1-0.166", ">=0.9.1 <=0.10.0-mas"); // W28
    sorted("0.10.0-mas 0.11.0-mas", "0.10.0-mas 0.11.0-mas", ">=0.10.0-mas");
    sorted("0.9.1 0.9.1-0.166", "0.9.1 0.9.1-0.166", "<=0.9.1");
    // W29: upstream picks one at random; here the one written alike, else the one higher on the chain.
    sorted("0.9.1", "0.9.1", ">=0.9.1 <=0.9.1");
    sorted("0.9.1-0.166", "0.9.1-0.166", ">=0.9.1+0.166.p <=0.9.1+0.166.p");
    sorted("0.9.1-0.166", "0.9.1-0.166", ">=v0.9.1 <=v0.9.1");
    let opr = "26.0.7-opr.1 | 26.0.8-opr.1>26.0.7-opr.1 | 26.0.9-opr.1>26.0.8-opr.1";
    check_channel(opr, "", ">=26.0.8-opr.1 <=26.0.8-opr.1", "26.0.8-opr.1"); // W30
}

#[test]
fn worked_cases_of_broken_channels() {
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
fn worked_cases_of_missing_things() {
    let dangling = "v2.0.0>v1.0.0 | v3.0.0>v2.0.0!v0.1.0";
    check_channel(dangling, "", ">=2.0.0", "2.0.0 3.0.0"); // W36
    // W37: upstream keeps the two bundles that no channel lists (quirk 4: fixed).
    check_channel(dangling, "+v1.0.0\n+v0.1.0", ">=0.0.1", "2.0.0 3.0.0");
    check("package x default=c\n c: v1.0.0 | v2.0.0>v1.0.0\n-v2.0.0", "", "c: 2.0.0 | "); // W38
    // W39 and W40: upstream writes both, and OLM refuses the catalog.
    check_error(
        "package x default=c\n c: v1.0.0\n c: v2.0.0",
        "",
        "package \"x\": olm.channel \"c\" is defined in two",
    );
    check("package x default=c\n c: v1.0.0\n c: v1.0.0", "", "c: 1.0.0 | 1.0.0");
    let twice =
        select(&catalog("package x default=c\npackage x default=c\n c: v1.0.0"), &request(""), RuleSet::UpgradeGraph);
    assert_eq!(twice.unwrap().catalog.packages.len(), 1);
    let without_default = "package x default=zz\n c: v1.0.0";
    check(without_default, "", "c: 1.0.0 | 1.0.0"); // W41
    check_error(without_default, "x", "the default channel \"zz\" was filtered out");
    let deprecated = "package x default=s\n s: v1.0.0\n t: v2.0.0\n deprecated channel t\n deprecated bundle v1.0.0\n deprecated bundle v2.0.0";
    let selected = select(&catalog(deprecated), &request("x <=1.0.0"), RuleSet::UpgradeGraph).unwrap();
    assert_eq!(rest(&selected), "default s | deprecated bundle 1.0.0 | others "); // W42, quirk 3: fixed
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
    check_channel(foo, "", ">=0.2.9 <=0.3.0", "0.3.0 0.3.1");
    check_channel(foo, "", "<=0.2.5", "0.1.0 0.2.0");
}

#[test]
fn bundle_versions_count_only_where_looked_at() {
    let broken = "package x default=c\n c: v1.0.0\npackage y default=c\n c: b\n+b=1.0";
    check(broken, "x", "c: 1.0.0 | 1.0.0");
    check_error(broken, "y", "invalid semantic version");
    check_error(broken, "", "invalid semantic version");
}

#[test]
fn what_the_page_says_besides() {
    // 2.2: two bounds are "exactly this one" when their texts are equal; otherwise they are a range, which needs one head.
    let two_heads = "package x default=c\n c: v1.0.0 | v2.0.0";
    check(two_heads, "x >=1.0.0 <=1.0.0", "c: 1.0.0 | 1.0.0");
    check_error(two_heads, "x >=1.0 <=1.0.0", "multiple channel heads found: [v1.0.0 v2.0.0]");
    // 2.3, row b.
    check_error(A, "full apple bundles=apple.v1.0.0", "mixing both filtering by bundles and full: true is not allowed");
    // 2.5: an entry between others stays, although it has no bundle and so no version.
    let gap = "package x default=c\n c: v1.0.0 | v2.0.0>v1.0.0 | v3.0.0>v2.0.0\n-v2.0.0";
    check(gap, "x >=1.0.0", "c: 1.0.0 2.0.0 3.0.0 | 1.0.0 3.0.0");
    // The walk goes through names that are no entries, and ends there.
    check(
        "package x default=c\n c: v3.0.0>v2.0.0\n+v2.0.0",
        "x >=1.0.0 <=2.0.0",
        "error: package \"x\" channel \"c\" has version range \">=1.0.0 <=2.0.0\" that results in an empty channel (it holds 3.0.0 to 3.0.0); no version of the package lies in the range; nearest: 3.0.0",
    );
    // 2.3, step 3: no default channel in the catalog and none asked for leaves it so, which OLM will object to.
    let without = "package x\n c: v1.0.0";
    let selected = select(&catalog(without), &request("x"), RuleSet::UpgradeGraph).unwrap();
    assert_eq!(rest(&selected), "default  | deprecated  | others ");
    let violations: Vec<String> = selected.report.violations.iter().map(ToString::to_string).collect();
    assert_eq!(violations, ["package \"x\": the default channel must be set"]);
    check(without, "x default=c", "c: 1.0.0 | 1.0.0");
    // Step 6: of bundles with one name upstream takes the first, which OLM would not: it refuses both.
    let bundle = |image: &str| {
        format!(
            r#"{{"schema":"olm.bundle","package":"x","name":"b","image":"q.io/{image}:1","properties":[{{"type":"olm.package","value":{{"packageName":"x","version":"1.0.0"}}}}]}}"#
        )
    };
    let source = |second: &str| {
        let catalog = crate::notation::catalog_json("package x default=c\n c: b\n-b\npackage y default=c\n c: v1.0.0");
        fbc_catalog::Catalog::read([("x", format!("{catalog}{}{}", bundle("first"), bundle(second)))]).unwrap()
    };
    for rules in [RuleSet::VersionRange, RuleSet::UpgradeGraph] {
        let kept = select(&source("first"), &request("x <=1.0.0"), rules).unwrap().catalog.bundles;
        assert_eq!(kept.iter().map(|bundle| bundle.image.as_str()).collect::<Vec<_>>(), ["q.io/first:1"]);
        let refused = select(&source("second"), &request("x <=1.0.0"), rules).unwrap_err();
        insta::allow_duplicates! {
            insta::assert_snapshot!(refused, @r#"package "x": olm.bundle "b" is defined in two documents that differ: x:1 (document 6) and x:1 (document 7). OLM does not load such a package. Leave the package out, or ask the maker of the catalog to remove one of the documents"#);
        }
        // The other packages of the catalog are none the worse.
        select(&source("second"), &request("y"), rules).unwrap();
    }
    // Step 7: a blob of deprecations stays when nothing in it does.
    let deprecated = catalog("package x default=c\n c: v1.0.0 | v2.0.0>v1.0.0\n deprecated bundle v1.0.0");
    let selected = select(&deprecated, &request("x"), RuleSet::UpgradeGraph).unwrap().catalog;
    assert_eq!(selected.deprecations.len(), 1);
    let written = String::from_utf8(fbc_catalog::write(&selected).unwrap().remove(0).1).unwrap();
    assert!(written.ends_with("\"package\": \"x\",\n    \"entries\": []\n}\n"), "{written}");
}
