//! A name that a template filled in with nothing: an error with its line, which says so.

use std::fmt::Write as _;

use isc_schema::{Kind, parse};

/// What stands behind the key of an empty name.
const EMPTY: [&str; 6] = ["", " ''", " \"\"", " '  '", " \"\\t\"", " # {{ .Image }}"];

/// The configuration with `stanza` in `mirror`, where `EMPTY` stands for nothing, is refused once, at that line.
#[track_caller]
fn check(stanza: &str, subject: &str) {
    for empty in EMPTY {
        let mut text = "kind: ImageSetConfiguration\napiVersion: mirror.openshift.io/v2alpha1\nmirror:\n".to_owned();
        for line in stanza.lines() {
            writeln!(text, "  {}", line.replace(" EMPTY", empty)).unwrap();
        }
        let line = 4 + stanza.lines().position(|line| line.contains("EMPTY")).unwrap();
        let parsed = parse(&text, Kind::ImageSet);
        let errors: Vec<_> = parsed.diagnostics.iter().filter(|found| found.is_error()).collect();
        let [error] = &errors[..] else { panic!("{text}\n{errors:#?}") };
        assert!(
            error.message.contains(subject) && error.message.ends_with("and this one is empty"),
            "{text}\n{error:?}"
        );
        assert_eq!(error.line as usize, line, "{text}");
        let help = error.help.as_deref().unwrap();
        assert!(help.contains("if a template wrote this file, the template filled in nothing here"), "{text}\n{help}");
    }
}

#[test]
fn an_empty_name_is_said_to_be_one() {
    check("additionalImages:\n- name: EMPTY\n", "image");
    check("additionalImages:\n- name: r.lab/a:1\n- targetTag: x\n  name: EMPTY\n", "image");
    check("blockedImages:\n- name: EMPTY\n", "image");
    check("operators:\n- catalog: EMPTY\n", "catalog");
    check("operators:\n- catalog: r.lab/i:1\n  packages:\n  - name: EMPTY\n", "package");
    check(
        "operators:\n- catalog: r.lab/i:1\n  packages:\n  - name: foo\n    channels:\n    - name: EMPTY\n",
        "channel",
    );
    check("platform:\n  channels:\n  - name: EMPTY\n", "channel");
    check(
        "helm:\n  repositories:\n  - name: demo\n    url: EMPTY\n    charts:\n    - name: a\n      version: 1.0.0\n",
        "repository",
    );
    check(
        "helm:\n  repositories:\n  - name: demo\n    url: https://r.lab\n    charts:\n    - name: EMPTY\n      version: 1.0.0\n",
        "chart",
    );
}
