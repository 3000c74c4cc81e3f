//! Links, pipes, sockets and folders where files belong: refused, in words, at once.

use std::io;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;
use std::path::Path;

use proptest::prelude::*;
use rooted_folder::{RootedFolder, is_refused, open_regular};

use crate::both;

/// A way to reach a path, and its name.
type Act = (&'static str, fn(&RootedFolder, &Path) -> io::Result<()>);

/// Every way to reach a path.
const ACTS: &[Act] = &[
    ("open", |folder, path| folder.open(path).map(drop)),
    ("open_or_create", |folder, path| folder.open_or_create(path).map(drop)),
    ("create", |folder, path| folder.create(path).map(drop)),
    ("read", |folder, path| folder.read(path).map(drop)),
    ("read_bounded", |folder, path| folder.read_bounded(path, 9).map(drop)),
    ("read_to_string", |folder, path| folder.read_to_string(path).map(drop)),
    ("read_dir", |folder, path| folder.read_dir(path).map(drop)),
    ("create_dir_all", |folder, path| folder.create_dir_all(path)),
    ("remove_dir_all", |folder, path| folder.remove_dir_all(path)),
    ("remove_dir_all_if_there", |folder, path| folder.remove_dir_all_if_there(path).map(drop)),
];

/// Those that name something in the folder at a path.
const ACTS_BELOW: &[Act] = &[
    ("create_new", |folder, path| folder.create_new(path).map(drop)),
    ("create_private", |folder, path| folder.create_private(path).map(drop)),
    ("write_whole", |folder, path| folder.write_whole(path, b"x")),
    ("write_whole_private", |folder, path| folder.write_whole_private(path, b"x")),
    ("create_temporary", |folder, path| folder.create_temporary(path, "x").map(drop)),
    ("create_temporary_dir", |folder, path| folder.create_temporary_dir(path, "x").map(drop)),
    ("create_dir", |folder, path| folder.create_dir(path)),
    ("about", |folder, path| folder.about(path).map(drop)),
    ("remove_file", |folder, path| folder.remove_file(path)),
    ("remove_file_if_there", |folder, path| folder.remove_file_if_there(path).map(drop)),
    ("remove_dir", |folder, path| folder.remove_dir(path)),
    ("rename from", |folder, path| folder.rename(path, "elsewhere")),
    ("rename to", |folder, path| folder.rename("file", path)),
    ("sync_dir", |folder, path| folder.sync_dir(path)),
];

fn refused(act: &str, done: io::Result<()>, what: &str) {
    let error = done.expect_err(&format!("{act}: {what}"));
    assert!(is_refused(&error), "{act}: {what}: {error:?}");
}

#[test]
fn links_are_not_followed() {
    both(|folder| {
        let root = folder.path();
        let outside = root.parent().unwrap().join("outside");
        folder.write_whole("file", b"x").unwrap();
        folder.create_dir("real").unwrap();
        symlink(&outside, root.join("absolute")).unwrap();
        symlink("../outside", root.join("climbing")).unwrap();
        symlink("real", root.join("inside")).unwrap();
        symlink(outside.join("secret"), root.join("to-file")).unwrap();
        symlink("nowhere", root.join("dangling")).unwrap();
        symlink("loop", root.join("loop")).unwrap();
        for link in ["absolute", "climbing", "inside", "to-file", "dangling", "loop"] {
            for (act, run) in ACTS {
                refused(act, run(folder, Path::new(link)), link);
            }
        }
        for link in ["absolute", "climbing", "inside", "loop"] {
            let below = Path::new(link).join("secret");
            for (act, run) in ACTS.iter().chain(ACTS_BELOW) {
                refused(act, run(folder, &below), link);
            }
        }
        for link in ["absolute", "to-file"] {
            assert!(!folder.is_file(link) && !folder.is_dir(link) && folder.exists(link));
        }
        assert!(!folder.is_file("absolute/secret") && !folder.exists("absolute/secret"));
        // A link itself can be replaced and removed.
        folder.write_whole("to-file", b"new").unwrap();
        assert_eq!(folder.read("to-file").unwrap(), b"new");
        folder.rename("file", "dangling").unwrap();
        assert_eq!(folder.read("dangling").unwrap(), b"x");
        folder.create_dir("tree").unwrap();
        symlink(&outside, root.join("tree/link")).unwrap();
        folder.remove_dir_all("tree").unwrap();
        folder.remove_file("absolute").unwrap();
        assert!(!folder.exists("absolute") && outside.exists());
    });
}

#[test]
fn special_files_do_not_hang_and_are_not_touched() {
    both(|folder| {
        let root = folder.path();
        let pipe = root.join("pipe");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        let _socket = UnixListener::bind(root.join("socket")).unwrap();
        folder.create_dir("folder").unwrap();
        for special in ["pipe", "socket", "folder"] {
            for (act, run) in ACTS.iter().filter(|(act, _)| !act.contains("dir")) {
                refused(act, run(folder, Path::new(special)), special);
            }
            assert!(is_refused(&open_regular(&root.join(special)).unwrap_err()), "{special}");
        }
        for special in ["pipe", "socket"] {
            for (act, run) in ACTS.iter().filter(|(act, _)| act.contains("dir")) {
                refused(act, run(folder, Path::new(special)), special);
            }
        }
        assert!(is_refused(&open_regular(Path::new("/dev/null")).unwrap_err()));
        assert!(is_refused(&folder.write_whole("folder", b"x").unwrap_err()));
    });
}

#[test]
fn paths_that_lead_out_are_refused() {
    both(|folder| {
        let outside = folder.path().parent().unwrap().join("outside/secret");
        let paths = ["../outside/secret", "a/../../outside/secret", "/etc/hosts", outside.to_str().unwrap()];
        for path in paths {
            for (act, run) in ACTS.iter().chain(ACTS_BELOW) {
                refused(act, run(folder, Path::new(path)), path);
            }
        }
    });
}

#[test]
fn a_regular_file_may_be_reached_by_a_link_where_the_caller_says_so() {
    let scratch = tempfile::tempdir().unwrap();
    std::fs::write(scratch.path().join("chunk"), "bytes").unwrap();
    symlink("chunk", scratch.path().join("link")).unwrap();
    assert!(open_regular(&scratch.path().join("link")).is_ok());
    assert_eq!(open_regular(&scratch.path().join("none")).unwrap_err().kind(), io::ErrorKind::NotFound);
}

#[test]
fn a_tree_without_end_is_left() {
    both(|folder| {
        let mut path = std::path::PathBuf::new();
        for _ in 0..200 {
            path.push("d");
        }
        folder.create_dir_all(&path).unwrap();
        refused("remove_dir_all", folder.remove_dir_all("d"), "200 folders");
    });
}

#[test]
fn the_words() {
    both(|folder| {
        let root = folder.path();
        symlink("/etc", root.join("logs")).unwrap();
        symlink("/etc/hosts", root.join("lock")).unwrap();
        folder.create_dir("taken").unwrap();
        let said = |error: io::Error| error.to_string().replace(root.to_str().unwrap(), "/w");
        insta::allow_duplicates! {
            insta::assert_snapshot!(said(folder.create("logs/a.log").unwrap_err()), @"`/w/logs` is a symbolic link, and oc-mirror follows no links there; put a real folder in its place, or name the folder that the link leads to on the command line");
            insta::assert_snapshot!(said(folder.create("lock").unwrap_err()), @"`/w/lock` is a symbolic link, and oc-mirror follows no links there; remove the link and run again");
            insta::assert_snapshot!(said(folder.create("taken").unwrap_err()), @"`/w/taken` is a folder where a regular file is needed; move it away and run again");
            insta::assert_snapshot!(said(folder.create("../x").unwrap_err()), @"`../x` leads out of `/w`");
        }
    });
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Both ways to resolve come to the same, whatever lies on the way.
    #[test]
    fn both_ways_agree(parts in prop::collection::vec(prop::sample::select(vec!["a", "b", "link", "out", "file", "none", "."]), 1..5)) {
        let scratch = tempfile::tempdir().unwrap();
        let root = scratch.path().join("root");
        for folder in ["a/a", "a/b/a", "b/a"] {
            std::fs::create_dir_all(root.join(folder)).unwrap();
        }
        std::fs::write(root.join("a/file"), "x").unwrap();
        std::fs::write(root.join("file"), "x").unwrap();
        symlink("a", root.join("link")).unwrap();
        symlink("../b", root.join("a/link")).unwrap();
        symlink("/", root.join("out")).unwrap();
        let path: std::path::PathBuf = parts.iter().collect();
        let told = |folder: RootedFolder| {
            let kind = |done: io::Result<()>| done.map_err(|error| (error.kind(), is_refused(&error)));
            (
                kind(folder.open(&path).map(drop)),
                kind(folder.read_dir(&path).map(drop)),
                kind(folder.about(&path).map(drop)),
                folder.exists(&path),
            )
        };
        prop_assert_eq!(told(RootedFolder::at(&root)), told(RootedFolder::step_by_step(&root)));
    }
}
