//! Folders that others can write to. Whoever can change them decides what a run loads, mirrors or deletes; the operator is told, and no
//! more: root loads disks that others wrote.

use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

/// What to tell about folders that are there already, for a run of `user`. What root owns is nobody's surprise. `done` is what
/// the run does with their content: `mirrored`, `deleted`.
pub(crate) fn warnings<'a>(folders: impl IntoIterator<Item = &'a Path>, user: u32, done: &str) -> Vec<String> {
    let mut told = Vec::new();
    for folder in folders {
        // A folder that is not there yet is made by this run.
        let Ok(about) = std::fs::metadata(folder) else { continue };
        let shown = folder.display();
        let mut tell = |text: String| {
            if !told.contains(&text) {
                told.push(text);
            }
        };
        let owner = about.uid();
        if owner != user && owner != 0 {
            tell(format!(
                "`{shown}` belongs to user {owner}, and this run is user {user}: that user can change what is {done}. If \
                 you do not trust that user, copy the files into a folder of your own"
            ));
        }
        if about.mode() & 0o002 != 0 {
            tell(format!(
                "every user of this machine can write to `{shown}` (mode {:04o}) and can change what is {done}; `chmod o-w` \
                 takes that away",
                about.mode() & 0o7777
            ));
        }
    }
    told
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn folders_that_others_can_change() {
        let folder = tempfile::tempdir().unwrap();
        let (path, absent) = (folder.path(), folder.path().join("absent"));
        let owner = fs::metadata(path).unwrap().uid();
        let told = |mode: u32, user: u32| {
            fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
            warnings([path, &absent, path], user, "loaded")
        };
        assert!(told(0o755, owner).is_empty());
        assert!(told(0o775, owner).is_empty());
        let open = told(0o1777, owner);
        assert_eq!(open.len(), 1, "{open:?}");
        assert!(open[0].contains("(mode 1777) and can change what is loaded;"), "{open:?}");
        let foreign = told(0o700, owner + 1);
        let expected = usize::from(owner != 0);
        assert_eq!(foreign.len(), expected, "{foreign:?}");
    }
}
