//! Names that others chose steer no terminal and forge no line: in the log, on the screen, in tables and in lists of errors.

use std::fs;
use std::path::Path;

use test_support::Registry;

use super::Site;
use crate::harness::{Outcome, walk};
use crate::tape::{Entry, read, write};

/// A line of the log as the program writes it, and what moves a cursor or turns the direction of text.
const FORGED: &str = "x\n2026/08/01 12:00:05  [INFO]  : \u{1b}[2Jall is well\r\u{9b}2J\u{202e}\u{2028}\u{7}";

/// No line begins as a forged one, and nothing steers: the program's own colours aside.
#[track_caller]
fn is_tame(text: &str, what: &str) {
    let without_colours = text.split("\u{1b}[").enumerate().map(|(at, part)| match part.split_once('m') {
        Some((colour, rest)) if at > 0 && colour.bytes().all(|byte| byte.is_ascii_digit() || byte == b';') => rest,
        _ => part,
    });
    let left: String = without_colours.collect();
    let steering = |c: char| (c.is_control() && c != '\n') || matches!(c, '\u{202e}' | '\u{2028}');
    assert!(!left.contains(steering), "{what}: {left:?}");
    assert!(!left.contains("[2J") || left.contains("\\u{1b}[2J"), "{what}: {left:?}");
    assert!(!left.lines().any(|line| line.starts_with("2026/08/01 12:00:05")), "{what}: {left}");
}

#[track_caller]
fn tame(outcome: &Outcome, folder: &Path, what: &str) {
    is_tame(&outcome.stdout, what);
    is_tame(&outcome.stderr, what);
    for path in walk(folder) {
        let name = path.file_name().unwrap().to_str().unwrap();
        let is_text = path.extension().is_some_and(|ending| ending == "log" || ending == "txt");
        if is_text {
            is_tame(&fs::read_to_string(&path).unwrap(), &format!("{what}: {name}"));
        }
    }
}

fn add(site: &Site, entries: &[(&str, &str)]) {
    let path = site.home.disk().join("mirror_000001.tar");
    let mut all = read(&path);
    let tail = all.pop().unwrap();
    all.retain(|entry| !entries.iter().any(|(name, _)| entry.name == *name));
    all.extend(entries.iter().map(|(name, text)| Entry::file(name, *text)));
    all.push(tail);
    write(&path, &all);
}

#[test]
fn names_and_metadata_of_an_archive() {
    let foreign = format!("somewhere/{FORGED}");
    let brought = format!("working-dir/helm/charts/{FORGED}");
    let version = serde_json::json!({ "gitVersion": FORGED, "gitCommit": FORGED, "buildDate": FORGED }).to_string();
    let rows: [(&str, &str); 3] =
        [(&foreign, "x"), (&brought, "x"), ("working-dir/internal/oc-mirror-version.json", &version)];
    for (name, text) in rows {
        let site = Site::mirrored();
        add(&site, &[(name, text)]);
        let disk = site.home.disk();
        let destination = Registry::start_blocking();
        tame(site.home.to_mirror(destination.host(), &["--log-level=debug"]).code(0), &disk, name);
        for command in [&["archive", "list", "disk"][..], &["archive", "verify", "disk"], &["describe", "disk"]] {
            tame(site.home.run(command).code(0), &disk, name);
        }
    }
}

#[test]
fn what_a_lock_says() {
    let site = Site::mirrored();
    let lock = site.home.cache().join("oc-mirror.lock");
    let held = fs::File::options().read(true).write(true).open(&lock).unwrap();
    held.lock().unwrap();
    let text = FORGED.replace('\n', "\u{2028}");
    fs::write(&lock, format!("pid: 1\ncommand: {text}\nstarted: {text}\n")).unwrap();
    let outcome = site.home.to_disk(&[]);
    outcome.code(1).says("all is well");
    tame(&outcome, &site.home.disk(), "lock");
}

/// Labels, platforms and media types of images.
#[test]
fn what_images_say_of_themselves() {
    for (key, value) in [
        ("mediaType", serde_json::json!(FORGED)),
        ("config", serde_json::json!({ "mediaType": FORGED, "digest": FORGED, "size": 1 })),
        ("schemaVersion", serde_json::json!(FORGED)),
    ] {
        let site = Site::new();
        let mut manifest: serde_json::Value = serde_json::from_slice(&site.image.bytes).unwrap();
        manifest[key] = value;
        let bytes = serde_json::to_vec(&manifest).unwrap();
        let digest = site.source.put_manifest("ns/app", &site.image.media_type, bytes);
        site.source.tag("ns/app", "forged", &digest);
        site.home.additional_images([format!("{}/ns/app:forged", site.source.host())]);
        let outcome = site.home.to_disk(&["--log-level=debug", "--retry-times=1"]);
        // The media type in the document does not count where the answer names one, and nobody reads the version.
        assert!(key != "config" || outcome.code != Some(0), "{key}");
        tame(&outcome, &site.home.disk(), key);
    }
}
