//! `RuleSet::VersionRange`: the published table of oc-mirror v2, all 17 scenarios, and what follows from it.

use fbc_catalog::{Catalog, RuleSet, select};

use crate::notation::{A, catalog, outcome, request, rest};

#[track_caller]
fn check(source: &str, wanted: &str, expected: &str) {
    assert_eq!(outcome(&catalog(source), wanted, RuleSet::VersionRange), expected, "{wanted}");
}

#[track_caller]
fn check_error(source: &str, wanted: &str, expected: &str) {
    let outcome = outcome(&catalog(source), wanted, RuleSet::VersionRange);
    assert!(outcome.starts_with("error: ") && outcome.contains(expected), "{wanted}: {outcome}");
}

fn remarks(source: &str, wanted: &str) -> Vec<String> {
    let selected = select(&catalog(source), &request(wanted), RuleSet::VersionRange).unwrap();
    let warnings = selected.report.warnings.iter().map(ToString::to_string);
    warnings.chain(selected.report.not_found.iter().map(ToString::to_string)).collect()
}

#[test]
fn the_table() {
    // 1: for each package one bundle, the head of the default channel.
    check(A, "", "stable: 2.0.0; main: 0.2.0 | 2.0.0 0.2.0");
    // 2: all bundles of all channels of the catalog.
    check(
        A,
        "full",
        "stable: 1.0.0 1.1.0 1.2.0 2.0.0; fast: 2.0.0 2.1.0; main: 0.1.0 0.2.0 | 1.0.0 1.1.0 1.2.0 2.0.0 2.0.5 2.1.0 0.1.0 0.2.0",
    );
    // 3: the head of the default channel of that package.
    check(A, "apple", "stable: 2.0.0 | 2.0.0");
    // 4: all bundles of all channels of the packages specified.
    check(A, "full apple", "stable: 1.0.0 1.1.0 1.2.0 2.0.0; fast: 2.0.0 2.1.0 | 1.0.0 1.1.0 1.2.0 2.0.0 2.1.0");
    // 5: all bundles in the default channel from the minimum up to the head.
    check(A, "apple >=1.2.0", "stable: 1.2.0 2.0.0 | 1.2.0 2.0.0");
    // 6: all bundles in the default channel up to the maximum.
    check(A, "apple <=1.2.0", "stable: 1.0.0 1.1.0 1.2.0 | 1.0.0 1.1.0 1.2.0");
    // 7: all bundles in the default channel between the two.
    check(A, "apple >=1.1.0 <=1.2.0", "stable: 1.1.0 1.2.0 | 1.1.0 1.2.0");
    // 8: the head of the selected channel.
    check(A, "apple fast", "fast: 2.1.0 | 2.1.0");
    check(A, "apple stable", "stable: 2.0.0 | 2.0.0");
    // 9: all bundles of the packages and channels specified.
    check(A, "full apple stable", "stable: 1.0.0 1.1.0 1.2.0 2.0.0 | 1.0.0 1.1.0 1.2.0 2.0.0");
    // 10: the head of each selected channel.
    check(A, "apple stable fast", "stable: 2.0.0; fast: 2.1.0 | 2.0.0 2.1.0");
    // 11, 12, 13: within the selected channel, from the minimum, up to the maximum, between both.
    check(A, "apple stable[>=1.1.0]", "stable: 1.1.0 1.2.0 2.0.0 | 1.1.0 1.2.0 2.0.0");
    check(A, "apple stable[<=1.1.0]", "stable: 1.0.0 1.1.0 | 1.0.0 1.1.0");
    check(A, "apple stable[>=1.1.0,<=1.2.0]", "stable: 1.1.0 1.2.0 | 1.1.0 1.2.0");
    // 14: only the bundles specified.
    check(A, "apple bundles=apple.v1.2.0; pear bundles=pear.v0.1.0", "stable: 1.2.0; main: 0.1.0 | 1.2.0 0.1.0");
    check(A, "apple bundles=apple.v1.2.0,apple.v2.0.0", "stable: 1.2.0 2.0.0; fast: 2.0.0 | 1.2.0 2.0.0");
    // 15: channels together with a range on the package.
    check(
        A,
        "apple >=1.1.0 <=1.2.0 stable",
        "error: operator \"apple\": cannot use channels/full and min/max versions at the same time; write the versions below the channel they are meant for",
    );
    // 16, 17: full together with a range of the package, or of a channel.
    check(A, "full apple >=1.1.0", "error: operator \"apple\": Full: true cannot be mixed with versionRange");
    check(
        A,
        "full apple stable[>=1.1.0,<=1.2.0]",
        "error: operator \"apple\": Full: true cannot be mixed with versionRange",
    );
}

#[test]
fn the_default_channel_is_always_there() {
    let check = |wanted: &str, expected: &str| {
        let selected = select(&catalog(A), &request(wanted), RuleSet::VersionRange).unwrap();
        assert_eq!(selected.catalog.packages[0].default_channel, expected, "{wanted}");
        assert!(selected.catalog.channels.iter().any(|channel| channel.name == expected), "{wanted}");
    };
    check("apple", "stable");
    check("apple stable fast", "stable");
    check("apple fast", "fast");
    check("apple default=fast", "fast");
    check("apple default=fast stable fast", "fast");
    check("apple bundles=apple.v2.1.0", "fast");
    check("apple bundles=apple.v2.0.0", "stable");
    assert_eq!(
        remarks(A, "apple fast"),
        [
            "package \"apple\": the default channel \"stable\" is not selected, \"fast\" becomes the default; set `defaultChannel` to choose"
        ]
    );
    // Of several, the one with the highest head; of equals, the first by name.
    let three = "package x default=a\n a: 1.0.0\n b: 1.0.0 | 2.0.0>1.0.0\n c: 3.0.0\n d: 3.0.0";
    let selected = select(&catalog(three), &request("x b d c"), RuleSet::VersionRange).unwrap();
    assert_eq!(rest(&selected), "default c | deprecated  | others ");
}

/// What stands in a catalog about a package that it does not have.
#[test]
fn metadata_of_a_package_that_is_not_there_is_dropped() {
    let ghost = r#"{"schema":"my.schema","package":"ghost"}
        {"schema":"olm.deprecations","package":"ghost","entries":[{"reference":{"schema":"olm.package"},"message":"m"}]}"#;
    let sound = catalog("other root\npackage x default=c\nc: 1.0.0\nother my.schema");
    let mut files = fbc_catalog::write(&sound).unwrap();
    files.push(("ghost/catalog.json".to_owned(), ghost.into()));
    let source = Catalog::read(files).unwrap();
    for rules in [RuleSet::VersionRange, RuleSet::UpgradeGraph] {
        for text in ["", "x", "full x", "x; ghost"] {
            let selected = select(&source, &request(text), rules).unwrap();
            let found = fbc_catalog::write(&selected.catalog).unwrap();
            assert!(found.iter().all(|(_, content)| !String::from_utf8_lossy(content).contains("ghost")), "{text}");
            assert_eq!(rest(&selected), "default c | deprecated  | others /root x/my.schema", "{text} {rules:?}");
        }
        // A catalog that travels whole is not changed.
        let whole = select(&source, &request("full"), rules).unwrap();
        assert_eq!((whole.catalog.others.len(), whole.catalog.deprecations.len()), (3, 1));
    }
}

#[test]
fn what_does_not_exist_is_named() {
    assert_eq!(remarks(A, "aple; pear"), ["package \"aple\" does not exist in the catalog, is one of [apple] meant?"]);
    assert_eq!(
        remarks(A, "apple stable stabel"),
        ["package \"apple\" has no channel \"stabel\", is one of [stable] meant?"]
    );
    assert_eq!(
        remarks(A, "apple bundles=apple.v2.0.0,apple.v2.0.9"),
        ["package \"apple\" has no bundle \"apple.v2.0.9\", is one of [apple.v2.0.0 apple.v2.0.5 apple.v1.0.0] meant?"]
    );
    check(
        A,
        "apple nope",
        "error: package \"apple\": none of the requested channels [nope] exists (there is [fast stable])",
    );
    check(
        A,
        "apple default=fsat",
        "error: invalid default channel configuration for package \"apple\": specified default channel override \"fsat\" does not exist in the filtered output (there is [stable fast])",
    );
}

#[test]
fn empty_ranges() {
    check(
        A,
        "apple >=9.0.0",
        "error: package \"apple\" channel \"stable\" has version range \">=9.0.0\" that results in an empty channel (it holds 1.0.0 to 2.0.0); no version of the package lies in the range; nearest: 2.1.0",
    );
    let empty = |range: &str, rest: &str| {
        let range = format!(
            "package \"apple\" channel \"stable\" has version range \"{range}\" that results in an empty channel"
        );
        format!("error: {range} (it holds 1.0.0 to 2.0.0){rest}")
    };
    let nearest = |range: &str, versions: &str| {
        empty(range, &format!("; no version of the package lies in the range; nearest: {versions}"))
    };
    check(
        A,
        "apple >=1.1.5 <=1.1.5",
        &empty(">=1.1.5 <=1.1.5", "; version 1.1.5 does not exist; nearest: 1.1.0, 1.2.0"),
    );
    check(A, "apple >=2.0.1 <=2.0.4", &nearest(">=2.0.1 <=2.0.4", "2.0.0, 2.1.0"));
    check(A, "apple <=0.9", &nearest(" <=0.9", "1.0.0"));
    check(A, "apple >=1.2.0 <=1.1.0", &nearest(">=1.2.0 <=1.1.0", "1.1.0, 1.2.0"));
    // Another channel has it: the way there, not a moved bound.
    check(
        A,
        "apple >=2.0.1 <=2.5.0",
        &empty(
            ">=2.0.1 <=2.5.0",
            "; channel \"fast\" has such versions: write `channels: [{name: fast, minVersion: \"2.0.1\", maxVersion: \"2.5.0\"}]` and remove minVersion and maxVersion of the package",
        ),
    );
    let several = "package x default=stable-2\n stable-2: v2.0.0\n 4.10: v1.0.0\n b: v1.0.0 | v1.1.0>v1.0.0\n c: v1.0.0\n d: v1.0.0";
    check_error(
        several,
        "x <=1",
        "; channels \"b\", \"4.10\", \"c\" and 1 more have such versions: write `channels: [{name: b, maxVersion: \"1\"}]` and",
    );
    check_error(several, "x >=1.0.0 <=1.0.0 stable-2", "cannot use channels/full and min/max versions");
    check_error(
        "package x default=c\n c: v2.0.0\n 4.10: v1.0.0",
        "x <=1",
        "write `channels: [{name: \"4.10\", maxVersion:",
    );
    // A version that exists with a suffix only.
    check_error(
        "package x default=c\n c: v26.0.8-opr.1 | v26.0.9>v26.0.8-opr.1 | v26.0.7",
        "x >=26.0.8 <=26.0.8",
        "; version 26.0.8 does not exist; nearest: 26.0.8-opr.1",
    );
    assert_eq!(
        outcome(&catalog(A), "apple bundles=apple.v1.0.9,apple.v1.0.8", RuleSet::VersionRange)
            .matches("apple.v1.0.0")
            .count(),
        1,
        "a near name is told once"
    );
    check(A, "apple stable fast[<=1.0.0]", "stable: 2.0.0 | 2.0.0");
    assert_eq!(
        remarks(A, "apple stable fast[<=1.0.0]"),
        [
            "package \"apple\": nothing in channel \"fast\" lies in the version range \" <=1.0.0\", the channel is left out"
        ]
    );
}

/// Where nothing up to `maxVersion` holds the parts together, the answer is the smallest change that does.
#[test]
fn a_range_without_a_bridge_says_what_to_change() {
    let refused = |package: &str, wanted: &str, range: &str, heads: &str, mend: &str| {
        let text = format!(
            "error: package \"x\" channel \"c\": version range \"{range}\" breaks the upgrade graph: multiple channel heads found: [{heads}]; {mend}"
        );
        check(package, wanted, &text);
        check(package, &format!("strict {wanted}"), &text);
    };
    let skips = "package x default=c\n c: 1.0.0 | 1.0.1 | 1.1.0>1.0.0!1.0.1 | 1.2.0 | 2.0.0>1.1.0!1.2.0";
    check(skips, "x <=1.1.0", "c: 1.0.0 1.0.1 1.1.0 | 1.0.0 1.0.1 1.1.0");
    refused(skips, "x <=1.2.0", " <=1.2.0", "1.1.0 1.2.0", "raise maxVersion to \"2.0.0\"");
    refused(skips, "x >=1.0.0 <=1.0.1", ">=1.0.0 <=1.0.1", "1.0.0 1.0.1", "raise maxVersion to \"1.1.0\"");
    // A partial maximum includes all that it leaves open; nothing of that is a change.
    let partial = "package x default=c\n c: 1.1.0 | 1.1.1 | 1.1.2 | 1.2.0>1.1.0!1.1.1,1.1.2";
    refused(partial, "x <=1.1", " <=1.1", "1.1.0 1.1.1 1.1.2", "raise maxVersion to \"1.2.0\"");
    // 2.0.0 replaces 1.0.0 directly; without it 1.5.0 hangs in the air.
    let above = "package x default=c\n c: 0.9.0 | 1.0.0>0.9.0 | 1.5.0>0.9.0 | 2.0.0>1.0.0!1.5.0";
    refused(above, "x >=1.0.0 <=1.5.0", ">=1.0.0 <=1.5.0", "1.0.0 1.5.0", "raise maxVersion to \"2.0.0\"");
    let apart = "package x default=c\n c: 1.0.0 | 2.0.0";
    let broken = "no other range helps: the catalog itself has a broken channel";
    refused(apart, "x >=1.0.0", ">=1.0.0", "1.0.0 2.0.0", broken);
    // Raised, a bridge below makes it whole.
    let both = "package x default=c\n c: 0.5.0 | 1.0.0 | 1.1.0>0.5.0 | 2.0.0>1.1.0!1.0.0";
    check_error(both, "x >=1.0.0 <=1.1.0", "; raise maxVersion to \"2.0.0\"");
}

/// The parts of a range or a list of bundles are held together by the fewest entries, none of them above `maxVersion`.
#[test]
fn bridges() {
    let bridged = |package: &str,
                   wanted: &str,
                   expected: &str,
                   asked: &str,
                   faults: &str,
                   added: &str,
                   refused: &str| {
        check(package, wanted, expected);
        let (name, channel) = if package == A { ("apple", "stable") } else { ("x", "c") };
        let warning = format!(
            "package \"{name}\" channel \"{channel}\": the {asked} breaks the upgrade graph ({faults}). Added [{added}], so that clusters can upgrade through the channel. --strict-selection refuses instead"
        );
        let remarks = remarks(package, wanted);
        assert!(remarks.contains(&warning), "{wanted}: {remarks:?}");
        check_error(package, &format!("strict {wanted}"), refused);
    };
    let joined_below = "package x default=c\n c: 1.0.0 | 1.5.0>1.0.0 | 0.5.0>1.5.0 | 2.0.0>0.5.0";
    bridged(
        joined_below,
        "x >=1.0.0",
        "c: 1.0.0 1.5.0 0.5.0 2.0.0 | 0.5.0 1.0.0 1.5.0 2.0.0",
        "version range \">=1.0.0\"",
        "multiple channel heads found: [1.5.0 2.0.0]",
        "0.5.0",
        "breaks the upgrade graph: multiple channel heads found: [1.5.0 2.0.0]; lower minVersion to \"0.5.0\"",
    );
    // The long way down is not taken where one entry does.
    let short = "package x default=c\n c: 0.1.0 | 0.2.0>0.1.0 | 0.3.0!1.0.0 | 1.0.0 | 1.1.0>0.2.0!0.3.0";
    bridged(
        short,
        "x >=1.0.0 <=1.1.0",
        "c: 0.3.0 1.0.0 1.1.0 | 0.3.0 1.0.0 1.1.0",
        "version range \">=1.0.0 <=1.1.0\"",
        "multiple channel heads found: [1.0.0 1.1.0]",
        "0.3.0",
        "; lower minVersion to \"0.3.0\"",
    );
    bridged(
        A,
        "apple bundles=apple.v1.0.0,apple.v2.0.0",
        "stable: 1.0.0 1.1.0 1.2.0 2.0.0; fast: 2.0.0 | 1.0.0 1.1.0 1.2.0 2.0.0",
        "list of bundles",
        "multiple channel heads found: [apple.v1.0.0 apple.v2.0.0]",
        "apple.v1.1.0 apple.v1.2.0",
        "filtering on the selected bundles leads to invalidating channel \"stable\" for package \"apple\": multiple channel heads found: [apple.v1.0.0 apple.v2.0.0]; select [apple.v1.1.0 apple.v1.2.0] as well",
    );
    // Above the highest selected bundle only where nothing else helps.
    let head =
        "package x default=c\n c: 1.0.0 | 1.1.0>1.0.0 | 1.2.0>1.1.0 | 1.3.0>1.2.0 | 2.0.0>1.3.0!1.0.0,1.1.0,1.2.0";
    check(head, "x bundles=1.0.0,1.3.0", "c: 1.0.0 1.1.0 1.2.0 1.3.0 | 1.0.0 1.1.0 1.2.0 1.3.0");
    let fork = "package x default=c\n c: 1.0.0 | 1.1.0 | 2.0.0>1.0.0!1.1.0";
    check(fork, "x bundles=1.0.0,1.1.0", "c: 1.0.0 1.1.0 2.0.0 | 1.0.0 1.1.0 2.0.0");
    check_error("package x default=c\n c: 1.0.0 | 1.1.0", "x bundles=1.0.0,1.1.0", "; no other range helps:");
}

#[test]
fn pre_releases_compare_by_precedence() {
    let suffixed = "package x default=c\n c: 1.42.0-5 | 1.47.1-5>1.42.0-5 | 1.51.0-1>1.47.1-5";
    check(suffixed, "x >=1.42.0", "c: 1.47.1-5 1.51.0-1 | 1.47.1-5 1.51.0-1");
    check(suffixed, "x <=1.47.1-5", "c: 1.42.0-5 1.47.1-5 | 1.42.0-5 1.47.1-5");
    let builds = "package x default=c\n c: 5.2.3-9 | 5.2.3-31>5.2.3-9 | 5.2.3>5.2.3-31";
    check(builds, "x >=5.2.3-10 <=5.2.3-31", "c: 5.2.3-31 | 5.2.3-31");
    check(builds, "x >=5.2.3-10", "c: 5.2.3-31 5.2.3 | 5.2.3 5.2.3-31");
    let mas = "package x default=c\n c: 0.9.1 | 0.10.0-mas>0.9.1 | 0.11.0-mas>0.10.0-mas";
    check(mas, "x >=0.9.1 <=0.10.0-mas", "c: 0.9.1 0.10.0-mas | 0.10.0-mas 0.9.1");
    check(mas, "x bundles=0.10.0-mas", "c: 0.10.0-mas | 0.10.0-mas");
}

#[test]
fn contradictions_come_in_one_answer() {
    check(
        A,
        "apple >=x stable stable; apple; pear bundles=a main",
        "error: operator \"apple\": duplicate channel entry \"stable\"\n\
         operator \"apple\": minVersion \"x\" must respect semantic versioning notation\n\
         operator \"apple\": cannot use channels/full and min/max versions at the same time; write the versions below the channel they are meant for\n\
         duplicate package entry \"apple\"\n\
         operator \"pear\": mixing both filtering by bundles and filtering by channels or minVersion/maxVersion is not allowed",
    );
    check(
        A,
        "full apple bundles=a",
        "error: operator \"apple\": mixing both filtering by bundles and full: true is not allowed",
    );
    check(
        A,
        "apple >=1.0.0 stable[<=2.0.0]",
        "error: operator \"apple\": mixing both filtering by minVersion/maxVersion and filtering by channel minVersion/maxVersion is not allowed",
    );
}
