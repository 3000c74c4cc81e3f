//! Why a path is not opened, and what the operator can do.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use crate::Kind;

/// A path that is not opened because of what lies there. It travels inside an [`io::Error`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct Refused {
    /// What is in the way: the link or pipe itself, not what would have been opened behind it.
    pub path: PathBuf,
    found: Found,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Found {
    /// It lies there in place of a file.
    InPlaceOfAFile(Kind),
    /// It lies there in place of a folder.
    InPlaceOfAFolder(Kind),
    /// The path leads out of this root.
    Outside(PathBuf),
    /// More folders in each other than are removed.
    TooDeep,
}

impl Refused {
    pub(crate) fn file(path: &Path, kind: Kind) -> Self {
        Self { path: path.to_owned(), found: Found::InPlaceOfAFile(kind) }
    }

    pub(crate) fn folder(path: &Path, kind: Kind) -> Self {
        Self { path: path.to_owned(), found: Found::InPlaceOfAFolder(kind) }
    }

    pub(crate) fn outside(root: &Path, path: &Path) -> Self {
        Self { path: path.to_owned(), found: Found::Outside(root.to_owned()) }
    }

    pub(crate) fn too_deep(path: &Path) -> Self {
        Self { path: path.to_owned(), found: Found::TooDeep }
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path.display();
        match &self.found {
            Found::InPlaceOfAFile(Kind::Link) => {
                write!(
                    f,
                    "`{path}` is a symbolic link, and oc-mirror follows no links there; remove the link and run again"
                )
            }
            Found::InPlaceOfAFolder(Kind::Link) => write!(
                f,
                "`{path}` is a symbolic link, and oc-mirror follows no links there; put a real folder in its place, or \
                 name the folder that the link leads to on the command line"
            ),
            Found::InPlaceOfAFile(kind) => {
                write!(f, "`{path}` is {kind} where a regular file is needed; move it away and run again")
            }
            Found::InPlaceOfAFolder(kind) => {
                write!(f, "`{path}` is {kind} where a folder is needed; move it away and run again")
            }
            Found::Outside(root) => write!(f, "`{path}` leads out of `{}`", root.display()),
            Found::TooDeep => write!(f, "`{path}` lies too deep; remove it by hand"),
        }
    }
}

impl From<Refused> for io::Error {
    fn from(refused: Refused) -> Self {
        Self::new(io::ErrorKind::InvalidInput, refused)
    }
}

/// Whether this error is about what lies at a path ([`Refused`]): trying again does not help, and no file of that name
/// should be made in its place.
pub fn is_refused(error: &io::Error) -> bool {
    error.get_ref().is_some_and(<dyn std::error::Error + Send + Sync>::is::<Refused>)
}
