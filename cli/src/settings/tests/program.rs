//! The program as a whole: what it prints where, and with which exit code it ends.

use std::fmt::Write as _;

use super::*;
use crate::log::Streams;

#[test]
fn a_whole_refusal() {
    let (streams, written) = Streams::captured();
    let status = crate::run(
        words("-c isc.yaml --dry-run-manifest-lists --dry-run file:///d"),
        &Snapshot::for_test(WORLD),
        streams,
    );
    assert_eq!((status, written.stdout().as_str()), (1, ""));
    let stderr = written.stderr();
    let lines: Vec<_> = stderr.lines().collect();
    assert!(lines[0].ends_with("[INFO]   : 👋 Hello, welcome to oc-mirror"), "{stderr}");
    assert!(lines[1].contains("environment version: v"), "{stderr}");
    let error = "  [ERROR]  : [Executor] --dry-run and --dry-run-manifest-lists cannot be used together ";
    assert!(lines[2].ends_with(error), "{stderr}");
    assert_eq!(&lines[3..], ["Usage: oc-mirror [FLAGS] DESTINATION", "See `oc-mirror --help`."]);
}

#[test]
fn flag_errors_come_before_the_greeting_and_delete_errors_without_usage() {
    for (line, greeting, usage) in [
        ("", false, true),
        ("--nonsense", false, true),
        ("delete", true, false),
        ("version --output x", true, false),
        ("list operators", true, true),
        ("list releases --channels", true, true),
        ("list releases --nonsense", false, true),
    ] {
        let (streams, written) = Streams::captured();
        assert_eq!(crate::run(words(line), &Snapshot::for_test(WORLD), streams), 1);
        assert_eq!(written.stderr().contains("Hello"), greeting, "{line}");
        assert_eq!(written.stderr().contains("Usage:"), usage, "{line}");
    }
}

#[test]
fn v1_ends_with_255() {
    let mut text = String::new();
    for line in ["--v1", "--v1 --v2", "delete --v1 --v2", "-- --v1"] {
        let (streams, written) = Streams::captured();
        let status = crate::run(words(line), &Snapshot::for_test(WORLD), streams);
        let stderr = written.stderr();
        let _ = writeln!(
            text,
            "{line}: {status} {}",
            stderr
                .lines()
                .rfind(|line| line.contains("[ERROR]"))
                .and_then(|line| line.split(": ").last())
                .unwrap_or_default()
        );
    }
    insta::assert_snapshot!(text, @r"
    --v1: 255 this program is oc-mirror v2 and contains no v1; leave the flag out, or use an older oc-mirror
    --v1 --v2: 255 --v1 and --v2 are mutually exclusive; this program is v2, with or without the flag
    delete --v1 --v2: 255 --v1 and --v2 are mutually exclusive; this program is v2, with or without the flag
    -- --v1: 1 [Executor] use the --config flag, it is mandatory
    ");
}

#[test]
fn an_odd_umask_is_told_and_a_quiet_level_keeps_the_greeting() {
    let mut env = Snapshot::for_test(WORLD);
    env.umask = 0o077;
    let (streams, written) = Streams::captured();
    assert_eq!(crate::run(words("version --short --log-level error"), &env, streams), 0);
    let stderr = written.stderr();
    assert!(stderr.contains("Hello") && stderr.contains("Detected bad umask 0077"), "{stderr}");
    assert!(!stderr.contains("environment version"), "{stderr}");
    assert_eq!(written.stdout(), format!("Client Version: {}\n", version::GIT_VERSION));
}

#[test]
fn completions_and_manual_pages() {
    for shell in ["bash", "fish", "powershell", "zsh"] {
        let (streams, written) = Streams::captured();
        assert_eq!(crate::run(words(&format!("completion {shell}")), &Snapshot::for_test(WORLD), streams), 0);
        assert!(written.stdout().contains("dry-run-manifest-lists"), "{shell}");
    }
    let directory = tempfile::tempdir().unwrap();
    let (streams, _) = Streams::captured();
    let line = format!("man {}", directory.path().display());
    assert_eq!(crate::run(words(&line), &Snapshot::for_test(WORLD), streams), 0);
    let page = std::fs::read_to_string(directory.path().join("oc-mirror-delete.1")).unwrap();
    assert!(page.contains("delete\\-yaml\\-file"), "{page}");
}
