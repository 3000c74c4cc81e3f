//! Keeping entry names below the folder they are meant for.

use std::path::{Component, Path, PathBuf};

/// Where an entry `name` lies below `parent`, or a refusal (`docs/behaviour/operators-archive.md` 6.7): the two are
/// joined and cleaned (`.`, `..` and doubled separators resolved without asking the disk), and the outcome must lie
/// below the cleaned `parent`.
///
/// A relative `parent` is compared as it is, so `.` accepts every name that does not climb. `/` itself is accepted as a
/// parent, where upstream could extract nothing.
///
/// # Errors
/// [`Tainted`] when the name leads out of `parent`, or to `parent` itself.
pub fn confine(parent: &Path, name: &str) -> Result<PathBuf, Tainted> {
    let tainted = || Tainted::new(parent, name);
    if name.contains('\0') {
        return Err(tainted());
    }
    // A leading `/` of the name is no root: Go's join gives it no meaning either.
    let joined = format!("{}/{name}", parent.to_str().ok_or_else(tainted)?);
    let (base, path) = (clean(parent), clean(Path::new(&joined)));
    let (base, path) = (base.ok_or_else(tainted)?, path.ok_or_else(tainted)?);
    if path != base && path.starts_with(&base) { Ok(path) } else { Err(tainted()) }
}

/// An entry's name in its shortest form, `/` between the parts; `None` when it is absolute or climbs out of the folder
/// it is relative to.
pub(super) fn clean_name(name: &str) -> Option<String> {
    if name.starts_with('/') || name.contains('\0') {
        return None;
    }
    let mut parts: Vec<&str> = Vec::new();
    for part in name.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

/// `None` when a relative path climbs above where it starts.
fn clean(path: &Path) -> Option<PathBuf> {
    let mut cleaned = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir => {
                if !cleaned.pop() && !cleaned.has_root() {
                    return None;
                }
            }
            other => cleaned.push(other),
        }
    }
    Some(cleaned)
}

/// A name that leads out of the folder it is meant for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("content filepath is tainted: {}", path.display())]
pub struct Tainted {
    path: PathBuf,
}

impl Tainted {
    pub(super) fn new(parent: &Path, name: &str) -> Self {
        Self { path: parent.join(name.trim_start_matches('/')) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_of_the_behaviour_pages() {
        let rows = [
            ("/workdir", "a", Some("/workdir/a")),
            ("/workdir", "../workdir/a", Some("/workdir/a")),
            ("/workdir", "a/../b", Some("/workdir/b")),
            ("/workdir", "/a", Some("/workdir/a")),
            (".", "./.hidden", Some(".hidden")),
            (".", "a/b", Some("a/b")),
            ("/", "a", Some("/a")),
            ("/workdir", "../../etc/shadow", None),
            ("/workdir", "../etc/shadow", None),
            ("/workdir", "../workdir2/a", None),
            ("/workdir", "..", None),
            ("/workdir", ".", None),
            ("/workdir", "", None),
            ("/workdir", "a\0b", None),
            (".", "../a", None),
            (".", "../../etc/shadow", None),
        ];
        for (parent, name, expected) in rows {
            let found = confine(Path::new(parent), name);
            assert_eq!(found.as_deref().ok(), expected.map(Path::new), "{parent} + {name}");
        }
        let error = confine(Path::new("/workdir"), "../../etc/shadow").unwrap_err();
        insta::assert_snapshot!(error, @"content filepath is tainted: /workdir/../../etc/shadow");
    }

    #[test]
    fn clean_names() {
        let rows = [
            ("working-dir/a", Some("working-dir/a")),
            ("./working-dir//a/.", Some("working-dir/a")),
            ("x/../working-dir/a", Some("working-dir/a")),
            ("/working-dir/a", None),
            ("../working-dir/a", None),
            ("working-dir/../../a", None),
        ];
        for (name, expected) in rows {
            assert_eq!(clean_name(name).as_deref(), expected, "{name}");
        }
    }
}
