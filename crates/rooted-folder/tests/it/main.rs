//! What a hostile folder cannot do, with `openat2` and without it.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod hostile;
mod plain;

use std::path::Path;

use rooted_folder::RootedFolder;

/// Runs a test with each way to resolve paths, in a folder of its own.
fn both(test: impl Fn(&RootedFolder)) {
    let ways: [fn(&Path) -> RootedFolder; 2] =
        [|path: &Path| RootedFolder::at(path), |path: &Path| RootedFolder::step_by_step(path)];
    for way in ways {
        let scratch = tempfile::tempdir().unwrap();
        let root = scratch.path().join("root");
        std::fs::create_dir(&root).unwrap();
        std::fs::create_dir(scratch.path().join("outside")).unwrap();
        std::fs::write(scratch.path().join("outside/secret"), "mine").unwrap();
        test(&way(&root));
        std::fs::remove_dir_all(&root).unwrap();
        std::fs::create_dir_all(root.join("view/of")).unwrap();
        std::os::unix::fs::symlink("../outside", root.join("outside")).unwrap();
        std::os::unix::fs::symlink("../../outside", root.join("view/outside")).unwrap();
        test(&way(&root).below("view").below("of"));
        assert_eq!(std::fs::read_to_string(scratch.path().join("outside/secret")).unwrap(), "mine");
        assert_eq!(
            std::fs::read_dir(scratch.path().join("outside")).unwrap().count(),
            1,
            "nothing came or went outside"
        );
    }
}
