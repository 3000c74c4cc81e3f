//! `diagnostics` of documents: what is wrong with the configuration, at its line, for programs that show it there.

use serde_json::Value;
use test_support::Registry;

use crate::harness::{Home, Outcome};
use crate::operators::world;

/// The diagnostics of a run: each as its path, its line of the file, and its message.
#[track_caller]
fn told(home: &Home, outcome: &Outcome) -> Vec<(String, String, String)> {
    let document: Value = serde_json::from_str(&outcome.stdout).unwrap();
    let text = std::fs::read_to_string(home.path().join("isc.yaml")).unwrap();
    let found = document["diagnostics"].as_array().unwrap_or_else(|| panic!("{document:#}"));
    let diagnostic = |found: &Value| {
        let line = usize::try_from(found["line"].as_u64().unwrap()).unwrap();
        assert!(found["column"].as_u64().unwrap() > 0, "{found}");
        let line = line.checked_sub(1).and_then(|at| text.lines().nth(at)).unwrap_or_default();
        let word = |name: &str| found[name].as_str().unwrap().to_owned();
        (word("path"), line.trim().to_owned(), word("message"))
    };
    found.iter().map(diagnostic).collect()
}

/// A run whose diagnostics are these: path, line, a part of the message. Its text for people names the lines too.
#[track_caller]
fn check(home: &Home, outcome: &Outcome, code: i32, expected: &[(&str, &str, &str)]) {
    outcome.code(code);
    let found = told(home, outcome);
    assert_eq!(found.len(), expected.len(), "{found:#?}");
    for (found, (path, line, message)) in found.iter().zip(expected) {
        assert_eq!((found.0.as_str(), found.1.as_str()), (*path, *line), "{found:?}");
        assert!(found.2.contains(message), "{found:?}");
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

#[test]
fn what_the_sources_do_not_have() {
    let source = Registry::start_blocking();
    world(&source, &[]);
    let (home, host) = (Home::new(), source.host());
    let catalog = format!("operators:\n- catalog: {host}/cat/index:v1\n  packages:\n");
    let run = |body: &str| {
        home.configuration(body);
        home.to_disk(&["--output=json", "--retry-times=0"])
    };
    let outcome = run(&format!("{catalog}  - name: foo\n    channels:\n    - name: gone\n"));
    check(&home, &outcome, 4, &[("mirror.operators[0].packages[0].channels[0]", "- name: gone", "gone")]);
    outcome.says("line 9 of the configuration (mirror.operators[0].packages[0].channels[0])");

    let outcome = run(&format!("additionalImages:\n- name: {host}/ns/gone:v1\n- name: {host}/ns/lost:v1\n"));
    let rows = [format!("- name: {host}/ns/gone:v1"), format!("- name: {host}/ns/lost:v1")];
    let not_there = "404 Not Found";
    check(
        &home,
        &outcome,
        8,
        &[
            ("mirror.additionalImages[0]", rows[0].as_str(), not_there),
            ("mirror.additionalImages[1]", rows[1].as_str(), not_there),
        ],
    );

    let outcome = run("helm:\n  local:\n  - name: gone\n    path: ./gone.tgz\n");
    check(&home, &outcome, 16, &[("mirror.helm.local[0]", "- name: gone", "no such file")]);
}

#[test]
fn a_channel_that_cannot_be_asked_for() {
    let home = Home::new().variable("UPDATE_URL_OVERRIDE", "http://127.0.0.1:1/graph");
    home.configuration("platform:\n  channels:\n  - name: stable-4.18\n  - name: stable-4.19\n");
    let outcome = home.to_disk(&["--output=json", "--retry-times=0"]);
    outcome.code(2);
    let found = told(&home, &outcome);
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].0.starts_with("mirror.platform"), "{found:?}");
}
