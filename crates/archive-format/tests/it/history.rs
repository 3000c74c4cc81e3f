//! Histories: every row of `docs/behaviour/operators-archive.md` 6.5.

use std::collections::HashSet;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use archive_format::{History, HistoryError, VersionMetadata, VersionWarning};
use image_ref::Digest;
use jiff::Timestamp;
use rooted_folder::RootedFolder;

use crate::digest_of;

fn digests(names: &str) -> HashSet<Digest> {
    names.chars().map(|name| digest_of(name.to_string().as_bytes())).collect()
}

fn put(working_dir: &Path, time: &str, names: &str) {
    fs::create_dir_all(working_dir.join(".history")).unwrap();
    let lines: String = digests(names).iter().map(|digest| digest.to_string() + "\n").collect();
    fs::write(working_dir.join(format!(".history/.history-{time}")), lines).unwrap();
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

#[test]
fn the_worked_example() {
    // (--since, base, added, new history)
    let rows = [
        (None, "abc", "d", "abcd"),
        (Some("2026-06-15T00:00:00Z"), "ab", "cd", "abcd"),
        (Some("2026-01-01T00:00:00Z"), "", "bcd", "bcd"),
        (Some("2126-01-01T00:00:00Z"), "abc", "d", "abcd"),
    ];
    for (since, base, added, new) in rows {
        let dir = tempfile::tempdir().unwrap();
        let folder = RootedFolder::at(dir.path());
        put(dir.path(), "2026-05-01T10:00:00Z", "a");
        put(dir.path(), "2026-06-01T10:00:00Z", "ab");
        put(dir.path(), "2026-07-01T10:00:00Z", "abc");
        let history = History::read(&folder, since.map(at)).unwrap();
        assert_eq!(history.digests, digests(base), "{since:?}");
        let now_added: HashSet<Digest> =
            digests("bcd").into_iter().filter(|digest| !history.contains(digest)).collect();
        assert_eq!(now_added, digests(added), "{since:?}");
        let path = history.write(&folder, &now_added, at("2026-08-21T10:11:12.987Z")).unwrap();
        assert_eq!(path, dir.path().join(".history/.history-2026-08-21T10:11:12Z"));
        assert_eq!(History::read(&folder, None).unwrap().digests, digests(new), "{since:?}");
        let text = fs::read_to_string(path).unwrap();
        assert!(text.ends_with('\n'));
        assert!(text.lines().all(|line| line.len() == 71) && text.lines().is_sorted());
        assert_eq!(fs::read_dir(dir.path().join(".history")).unwrap().count(), 4, "nothing else is left");
    }
}

#[test]
fn which_history_is_read() {
    let dir = tempfile::tempdir().unwrap();
    let folder = RootedFolder::at(dir.path());
    assert_eq!(History::read(&folder, None).unwrap(), History::default(), "no folder");
    fs::create_dir(dir.path().join(".history")).unwrap();
    assert_eq!(History::read(&folder, None).unwrap(), History::default(), "empty folder");
    fs::write(dir.path().join(".history/notes"), "no prefix").unwrap();
    fs::write(dir.path().join(".history/.partial"), "left by a killed run").unwrap();
    assert_eq!(History::read(&folder, None).unwrap(), History::default(), "other files");
    // By the time in the name, wherever on earth it was written, and not by the order of names or of writing.
    put(dir.path(), "2026-06-15T00:00:00Z", "b");
    put(dir.path(), "2026-06-14T23:59:59Z", "a");
    put(dir.path(), "2026-06-15T01:00:00+02:00", "c");
    let rows = [
        (None, "b"),
        (Some("2026-06-16T00:00:00Z"), "b"),
        (Some("2026-06-15T00:00:00Z"), "a"), // strictly before
        (Some("2026-06-14T00:00:00Z"), ""),
    ];
    for (since, expected) in rows {
        let history = History::read(&folder, since.map(at)).unwrap();
        assert_eq!(history.digests, digests(expected), "{since:?}");
        assert_eq!(history.file.is_some(), !expected.is_empty(), "{since:?}");
    }
}

#[test]
fn histories_that_cannot_be_read() {
    let dir = tempfile::tempdir().unwrap();
    let folder = RootedFolder::at(dir.path());
    put(dir.path(), "2026-06-15T00:00:00Z", "a");
    let lines = dir.path().join(".history/.history-2026-06-16T00:00:00Z");
    fs::write(&lines, format!("{}\n\nsha256:nothex\n", digest_of(b"a"))).unwrap();
    let error = History::read(&folder, None).unwrap_err().to_string();
    assert!(error.starts_with("unable to read history metadata from working-dir : "), "{error}");
    assert!(error.contains("line 3: `sha256:nothex` is no digest"), "{error}");
    fs::remove_file(lines).unwrap();

    fs::write(dir.path().join(".history/.history-yesterday"), "").unwrap();
    let error = History::read(&folder, None).unwrap_err();
    assert!(matches!(error, HistoryError::Time { .. }), "{error:?}");
    assert!(error.to_string().starts_with("unable to read history metadata from working-dir : "), "{error}");
}

#[test]
fn versions() {
    let dir = tempfile::tempdir().unwrap();
    let folder = RootedFolder::at(dir.path());
    let ours = VersionMetadata { git_version: "v1".into(), git_commit: "abc".into() };
    assert_eq!(ours.compare(&folder), Some(VersionWarning::Missing));
    ours.write(&folder).unwrap();
    let text = fs::read_to_string(dir.path().join("internal/oc-mirror-version.json")).unwrap();
    assert_eq!(text, "{\n  \"gitVersion\": \"v1\",\n  \"gitCommit\": \"abc\"\n}");
    assert_eq!(ours.compare(&folder), None);
    let newer = VersionMetadata { git_version: "v2".into(), ..ours.clone() };
    insta::assert_snapshot!(newer.compare(&folder).unwrap(), @"oc-mirror version mismatch: the archive was made by v1 (abc), this is v2 (abc)");
    let other_commit = VersionMetadata { git_commit: "def".into(), ..ours.clone() };
    assert!(matches!(other_commit.compare(&folder), Some(VersionWarning::Mismatch { .. })));
    assert!(matches!(ours.compare_json(b"{"), Some(VersionWarning::Unreadable(_))));
    let missing = VersionWarning::Missing.to_string();
    assert!(missing.starts_with("No oc-mirror version metadata found in this archive. "), "{missing}");
}

#[test]
fn links_in_the_place_of_histories_are_neither_read_nor_written() {
    let dir = tempfile::tempdir().unwrap();
    let (working_dir, outside) = (dir.path().join("working-dir"), dir.path().join("outside"));
    let check = |name: &str, read: bool| {
        let folder = RootedFolder::at(&working_dir);
        fs::create_dir_all(working_dir.join(".history")).unwrap();
        fs::write(&outside, "mine").unwrap();
        let link = working_dir.join(name);
        if link.is_dir() {
            fs::remove_dir(&link).unwrap();
        }
        symlink(if read { &outside } else { dir.path() }, &link).unwrap();
        let history = History::read(&folder, None);
        let written = History::default().write(&folder, [&digest_of(b"a")], at("2026-08-21T10:11:12Z"));
        let errors = [history.err(), written.err()];
        let said = errors.iter().flatten().find_map(|error| std::error::Error::source(error)).map(ToString::to_string);
        assert!(said.unwrap().contains("is a symbolic link"), "{name}: {errors:?}");
        assert_eq!(fs::read_to_string(&outside).unwrap(), "mine", "{name}");
        fs::remove_dir_all(&working_dir).unwrap();
    };
    check(".history", false);
    check(".history/.partial", true);
    check(".history/.history-2026-08-20T10:11:12Z", true);
}

#[test]
fn the_version_is_not_read_through_a_link() {
    let dir = tempfile::tempdir().unwrap();
    let folder = RootedFolder::at(dir.path());
    let ours = VersionMetadata { git_version: "v1".into(), git_commit: "abc".into() };
    let target = dir.path().join("target");
    fs::write(&target, ours.to_json()).unwrap();
    fs::create_dir(dir.path().join("internal")).unwrap();
    symlink(&target, dir.path().join("internal/oc-mirror-version.json")).unwrap();
    let warning = ours.compare(&folder).unwrap().to_string();
    assert!(warning.contains("is a symbolic link"), "{warning}");
    fs::remove_file(&target).unwrap();
    ours.write(&folder).unwrap();
    assert!(!target.exists(), "the link was replaced and not followed");
    assert_eq!(ours.compare(&folder), None);
}
