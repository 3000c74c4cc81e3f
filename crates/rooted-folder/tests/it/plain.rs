//! Files and folders that are what they seem.

use std::io::{ErrorKind, Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};

use rooted_folder::{Kind, RootedFolder};

use crate::both;

#[test]
fn files_are_written_read_and_replaced_whole() {
    both(|folder| {
        assert_eq!(folder.read("a/b/c").unwrap_err().kind(), ErrorKind::NotFound);
        folder.write_whole("a/b/c", b"one").unwrap();
        let inode = std::fs::metadata(folder.path().join("a/b/c")).unwrap().ino();
        folder.write_whole(folder.path().join("a/b/c"), b"two").unwrap();
        let about = std::fs::metadata(folder.path().join("a/b/c")).unwrap();
        assert_ne!(about.ino(), inode, "a new file took the place of the old one");
        assert_eq!(about.permissions().mode() & 0o111, 0);
        folder.write_whole_private("a/p/private", b"one").unwrap();
        let private = std::fs::metadata(folder.path().join("a/p/private")).unwrap();
        assert_eq!(private.permissions().mode() & 0o777, 0o600);
        assert_eq!(folder.read_to_string("./a/b/c").unwrap(), "two");
        assert_eq!(folder.read_bounded("a/b/c", 3).unwrap(), b"two");
        assert_eq!(folder.read_bounded("a/b/c", 2).unwrap_err().kind(), ErrorKind::FileTooLarge);
        let names: Vec<_> = folder.read_dir("a/b").unwrap().iter().map(|entry| entry.name().to_owned()).collect();
        assert_eq!(names, ["c"], "no temporary file is left");
        assert!(folder.is_file("a/b/c") && !folder.is_dir("a/b/c") && folder.is_dir("a/b") && folder.is_dir(""));
        assert_eq!(folder.about("a/b/c").unwrap().len(), 3);
    });
}

#[test]
fn what_is_opened_keeps_or_loses_its_content() {
    both(|folder| {
        folder.create_new("log").unwrap().write_all(b"12345").unwrap();
        assert_eq!(folder.create_new("log").unwrap_err().kind(), ErrorKind::AlreadyExists);
        let mut text = String::new();
        folder.open_or_create("log").unwrap().read_to_string(&mut text).unwrap();
        assert_eq!(text, "12345");
        folder.create("log").unwrap().write_all(b"6").unwrap();
        assert_eq!(folder.read("log").unwrap(), b"6");
        let (temporary, _file) = folder.create_temporary("", ".tmp-").unwrap();
        folder.rename(&temporary, "log").unwrap();
        assert_eq!(folder.about("log").unwrap().len(), 0);
        folder.remove_file("log").unwrap();
        assert!(!folder.exists("log"));
    });
}

#[test]
fn folders_are_made_listed_and_removed() {
    both(|folder| {
        folder.create_dir_all("a/b/c").unwrap();
        folder.create_dir_all("a/b/c").unwrap();
        folder.write_whole("a/b/file", b"").unwrap();
        let found: Vec<_> = folder
            .read_dir("a/b")
            .unwrap()
            .iter()
            .map(|entry| (entry.text().unwrap().to_owned(), entry.kind()))
            .collect();
        assert_eq!(found, [("c".to_owned(), Kind::Folder), ("file".to_owned(), Kind::File)]);
        assert_eq!(folder.remove_dir("a").unwrap_err().kind(), ErrorKind::DirectoryNotEmpty);
        folder.remove_dir_all("a").unwrap();
        assert_eq!(folder.remove_dir_all("a").unwrap_err().kind(), ErrorKind::NotFound);
        let scratch = folder.create_temporary_dir("", ".why-").unwrap();
        assert!(folder.is_dir(&scratch));
    });
}

#[test]
fn what_is_removed_need_not_be_there() {
    let place = tempfile::tempdir().unwrap();
    let folder = RootedFolder::at(place.path());
    folder.write_whole("a/file", b"text").unwrap();
    assert!(folder.remove_file_if_there("a/file").unwrap());
    assert!(!folder.remove_file_if_there("a/file").unwrap());
    assert!(!folder.remove_file_if_there("none/file").unwrap());
    assert!(folder.remove_dir_all_if_there("a").unwrap());
    assert!(!folder.remove_dir_all_if_there("a").unwrap());
    // A folder is no file, and says so.
    folder.create_dir("b").unwrap();
    assert!(folder.remove_file_if_there("b").is_err());
}

#[test]
fn a_root_may_come_late_and_may_be_a_link() {
    let scratch = tempfile::tempdir().unwrap();
    let late = RootedFolder::at(scratch.path().join("x/y"));
    assert_eq!(late.read("z").unwrap_err().kind(), ErrorKind::NotFound);
    late.write_whole("z", b"here").unwrap();
    std::os::unix::fs::symlink(scratch.path().join("x"), scratch.path().join("link")).unwrap();
    for way in [RootedFolder::at, RootedFolder::step_by_step] {
        assert_eq!(way(scratch.path().join("link")).read("y/z").unwrap(), b"here");
    }
}
