//! `diagnostics` of documents: what is wrong with the configuration, at its line, for programs that show it there.

use serde_json::Value;
use test_support::Registry;

use crate::harness::{Home, Outcome};
use crate::operators::world;

/// What a document says of one item.
#[derive(Debug)]
struct Told {
    path: String,
    /// The line of the file, trimmed.
    line: String,
    message: String,
    /// Empty without help.
    help: String,
}

/// The diagnostics of a run.
#[track_caller]
fn told(home: &Home, outcome: &Outcome) -> Vec<Told> {
    let document: Value = serde_json::from_str(&outcome.stdout).unwrap();
    let text = std::fs::read_to_string(home.path().join("isc.yaml")).unwrap();
    let found = document["diagnostics"].as_array().unwrap_or_else(|| panic!("{document:#}"));
    let diagnostic = |found: &Value| {
        let line = usize::try_from(found["line"].as_u64().unwrap()).unwrap();
        assert!(found["column"].as_u64().unwrap() > 0, "{found}");
        let line = line.checked_sub(1).and_then(|at| text.lines().nth(at)).unwrap_or_default().trim().to_owned();
        let word = |name: &str| found[name].as_str().unwrap_or_default().to_owned();
        Told { path: word("path"), line, message: word("message"), help: word("help") }
    };
    found.iter().map(diagnostic).collect()
}

/// A run whose diagnostics are these: path, line, a part of the message, a part of the help.
#[track_caller]
fn check(home: &Home, outcome: &Outcome, code: i32, expected: &[(&str, &str, &str, &str)]) {
    outcome.code(code);
    let found = told(home, outcome);
    assert_eq!(found.len(), expected.len(), "{found:#?}");
    for (found, (path, line, message, help)) in found.iter().zip(expected) {
        assert_eq!((found.path.as_str(), found.line.as_str()), (*path, *line), "{found:?}");
        assert!(found.message.contains(message) && found.help.contains(help), "{found:?}");
        assert_eq!(found.help.is_empty(), help.is_empty(), "{found:?}");
    }
}

#[test]
fn mistakes_of_the_file() {
    let home = Home::new();
    home.configuration(
        "additionalImages:\n- name: reg.example/a:v1\n- nome: reg.example/b:v1\noperators:\n- catalog: 7\n",
    );
    let outcome = home.run(&["-c", "isc.yaml", "file://disk", "--output=json"]);
    let document: Value = serde_json::from_str(&outcome.code(1).stdout).unwrap();
    let found = document["diagnostics"].as_array().unwrap();
    assert!(found.len() >= 2, "{document:#}");
    let misspelt = found.iter().find(|found| found["line"] == 6).unwrap();
    assert!(misspelt["help"].as_str().is_some_and(|help| help.contains("name")), "{misspelt}");
    assert!(
        found.iter().all(|found| found["column"].as_u64() > Some(0) && found["message"].is_string()),
        "{document:#}"
    );
}

/// Each mistake at the item that is meant, with the names that exist or the command that lists them.
#[test]
fn what_a_catalog_does_not_have() {
    let source = Registry::start_blocking();
    world(&source, &[]);
    let (home, host) = (Home::new(), source.host());
    let catalog = format!("operators:\n- catalog: {host}/cat/index:v1\n  packages:\n");
    let list = |rest: &str| format!("`oc-mirror list operators --catalog {host}/cat/index:v1{rest}` lists the");
    let run = |body: &str| {
        home.configuration(&format!("{catalog}{body}"));
        home.to_disk(&["--output=json", "--retry-times=0"])
    };
    let package = "mirror.operators[0].packages[0]";
    let at = |part: &str| format!("{package}{part}");

    let outcome = run("  - name: foo\n    channels:\n    - name: gone\n    - name: betta\n");
    let (channels, near) = (list(" --package foo"), "channels that exist: beta\n");
    check(
        &home,
        &outcome,
        4,
        &[
            (&at(".channels[0]"), "- name: gone", "none of the requested channels", &format!("{near}{channels}")),
            (&at(".channels[1]"), "- name: betta", "none of the requested channels", &format!("{near}{channels}")),
        ],
    );
    // A person reads the same.
    outcome.says(&format!("line 9 of the configuration ({})", at(".channels[0]"))).says(&format!("help: {channels}"));

    let outcome = run("  - name: foo\n    bundles:\n    - name: foo.v7.0.0\n");
    check(&home, &outcome, 4, &[(&at(".bundles[0]"), "- name: foo.v7.0.0", "bundles", &channels)]);

    let outcome = run("  - name: foo\n    minVersion: 9.0.0\n");
    let versions = list(" --package foo --channel beta");
    check(&home, &outcome, 4, &[(&at(".minVersion"), "minVersion: 9.0.0", "empty channel", &versions)]);

    let outcome = run("  - name: foo\n    channels:\n    - name: beta\n      maxVersion: 0.0.1\n");
    check(&home, &outcome, 4, &[(&at(".channels[0].maxVersion"), "maxVersion: 0.0.1", "empty channel", &versions)]);

    let outcome = run("  - name: foo\n    defaultChannel: gone\n");
    check(&home, &outcome, 4, &[(package, "- name: foo", "default channel", "set `defaultChannel` to one of: beta")]);

    // Packages that do not exist, when nothing else is selected.
    let outcome = run("  - name: fop\n  - name: unheard-of\n");
    check(
        &home,
        &outcome,
        4,
        &[
            (
                package,
                "- name: fop",
                "\"fop\" does not exist",
                &format!("packages with a similar name: foo\n{}", list("")),
            ),
            ("mirror.operators[0].packages[1]", "- name: unheard-of", "\"unheard-of\" does not exist", &list("")),
        ],
    );

    // Two catalogs, three mistakes, one run.
    home.configuration(&format!(
        "{catalog}  - name: foo\n    minVersion: 9.0.0\n  - name: bar\n    channels:\n    - name: gone\n- catalog: \
         {host}/cat/index:v2\n"
    ));
    let outcome = home.to_disk(&["--output=json", "--retry-times=0"]);
    check(
        &home,
        &outcome,
        4,
        &[
            (&at(".minVersion"), "minVersion: 9.0.0", "foo", &versions),
            ("mirror.operators[0].packages[1].channels[0]", "- name: gone", "bar", &list(" --package bar")),
            ("mirror.operators[1]", &format!("- catalog: {host}/cat/index:v2"), "404 Not Found", ""),
        ],
    );
}

/// Images that sources do not have, or that may not be asked for: the line that asks for them, and how to go on without.
#[test]
fn images_that_cannot_be_had() {
    let source = Registry::start_blocking();
    let host = source.host();
    let lost = format!("{host}/ns/lost:v1");
    world(&source, &[&lost]);
    let home = Home::new();
    let run = |home: &Home, body: &str| {
        home.configuration(body);
        home.to_disk(&["--output=json", "--retry-times=0"])
    };
    let outcome = run(&home, &format!("additionalImages:\n- name: {host}/ns/gone:v1\n- name: {host}/ns/other:v1\n"));
    let rows = [format!("- name: {host}/ns/gone:v1"), format!("- name: {host}/ns/other:v1")];
    let (not_there, correct) = ("404 Not Found", "correct the name");
    check(
        &home,
        &outcome,
        8,
        &[
            ("mirror.additionalImages[0]", &rows[0], not_there, correct),
            ("mirror.additionalImages[1]", &rows[1], not_there, correct),
        ],
    );

    let operators = format!("operators:\n- catalog: {host}/cat/index:v1\n  packages:\n  - name: bar\n  - name: foo\n");
    let outcome = run(&home, &operators);
    outcome.code(4);
    let found = told(&home, &outcome);
    let missing =
        found.iter().find(|found| found.message.contains("404 Not Found")).unwrap_or_else(|| panic!("{found:?}"));
    assert_eq!((missing.path.as_str(), missing.line.as_str()), ("mirror.operators[0].packages[1]", "- name: foo"));
    assert!(missing.help.contains("take package foo out of `packages`"), "{missing:?}");
    // The advice works as it stands.
    let pattern = missing.help.split('`').nth(1).unwrap();
    home.configuration(&format!("{operators}blockedImages:\n{pattern}\n"));
    home.to_disk(&["--retry-times=0"]).code(0);

    // Blocked, and needed all the same.
    let blocked =
        home.write("registries.conf", format!("[[registry]]\nlocation = \"{host}/ns/shared\"\nblocked = true\n"));
    let enclave = Home::new().variable("CONTAINERS_REGISTRIES_CONF", blocked);
    let outcome = run(&enclave, &operators.replace("  - name: foo\n", ""));
    outcome.code(4);
    let found = told(&enclave, &outcome);
    let kept_out =
        found.iter().find(|found| found.message.contains("is blocked in")).unwrap_or_else(|| panic!("{found:?}"));
    assert_eq!((kept_out.path.as_str(), kept_out.line.as_str()), ("mirror.operators[0].packages[0]", "- name: bar"));
    assert!(kept_out.help.starts_with("allow the registry in registries.conf\n"), "{kept_out:?}");

    let outcome = run(&home, "helm:\n  local:\n  - name: gone\n    path: ./gone.tgz\n");
    check(&home, &outcome, 16, &[("mirror.helm.local[0]", "- name: gone", "no such file", "")]);
}

/// Two lines for one name: the second one loses, and its field gives it another name.
#[test]
fn names_that_collide() {
    let source = Registry::start_blocking();
    world(&source, &[]);
    let other = Registry::start_blocking();
    other.push("ns/foo", "0.3.0", &test_support::ImageBuilder::oci().build());
    let (home, host) = (Home::new(), source.host());
    home.configuration(&format!(
        "additionalImages:\n- name: {host}/ns/foo:0.3.0\n- name: {}/ns/foo:0.3.0\n",
        other.host()
    ));
    let outcome = home.to_disk(&["--output=json", "--retry-times=0"]);
    let line = format!("- name: {}/ns/foo:0.3.0", other.host());
    let help = "Set `targetRepo` or `targetTag` of mirror.additionalImages[1]";
    check(&home, &outcome, 1, &[("mirror.additionalImages[1]", &line, "would both be named", help)]);
}

#[test]
fn channels_of_releases() {
    let Some(outside) = crate::releases::Outside::new() else { return };
    let release = test_support::Release::new("4.99.1", 2, 1);
    outside.mirrors(&[&release]);
    let home = &outside.home;
    let run = |body: &str| {
        home.configuration(&format!("platform:\n  channels:\n{body}"));
        home.to_disk(&["--output=json", "--retry-times=0"])
    };
    let versions = "channel stable-4.99 holds 4.99.1 to 4.99.1\n`oc-mirror list releases --channel stable-4.99` lists the versions";
    let first = "mirror.platform.channels[0]";
    let outcome = run("  - name: stable-4.99\n    minVersion: 4.99.7\n");
    check(
        home,
        &outcome,
        2,
        &[(&format!("{first}.minVersion"), "minVersion: 4.99.7", "no release images found", versions)],
    );
    outcome.says("line 7 of the configuration (mirror.platform.channels[0].minVersion)");

    let outcome = run("  - name: stable-4.98\n  - name: stable-4.99\n  - name: fas-4.97\n");
    let list = |version| format!("`oc-mirror list releases --channels --version {version}` lists the channels");
    let similar = format!("channels with a similar name: fast-4.97\n{}", list("4.97"));
    check(
        home,
        &outcome,
        2,
        &[
            (first, "- name: stable-4.98", "404", &list("4.98")),
            ("mirror.platform.channels[2]", "- name: fas-4.97", "404", &similar),
        ],
    );

    // The server has no signature of this release.
    let unsigned = test_support::Release::new("4.99.2", 2, 2);
    unsigned.push_to(&outside.source);
    home.configuration(&format!("platform:\n  release: {}\n", unsigned.by_digest()));
    let outcome = home.to_disk(&["--output=json", "--retry-times=0"]);
    let line = format!("release: {}", unsigned.by_digest());
    check(home, &outcome, 2, &[("mirror.platform.release", &line, "no signature found", "")]);
}

/// An update service that cannot be reached, and channels that cannot be asked for: each channel has its line.
#[test]
fn a_channel_that_cannot_be_asked_for() {
    let home = Home::new().variable("UPDATE_URL_OVERRIDE", "http://127.0.0.1:1/graph");
    home.configuration("platform:\n  channels:\n  - name: stable-4.18\n  - name: stable-4.19\n");
    let outcome = home.to_disk(&["--output=json", "--retry-times=0"]);
    check(
        &home,
        &outcome,
        2,
        &[
            ("mirror.platform.channels[0]", "- name: stable-4.18", "stable-4.18", ""),
            ("mirror.platform.channels[1]", "- name: stable-4.19", "stable-4.19", ""),
        ],
    );
}
