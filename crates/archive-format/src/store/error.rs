//! Why the cache could not do what was asked.

use std::io;
use std::path::{Path, PathBuf};

use image_ref::Digest;

use crate::lock::LockError;

/// Why the cache could not do what was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the message is the documentation")]
pub enum StoreError {
    #[error(transparent)]
    Lock(#[from] LockError),
    #[error("cannot {action} `{}` in the cache", path.display())]
    Io { action: &'static str, path: PathBuf, source: io::Error },
    #[error("no space left for `{}`: {needed} bytes were still to be written; free space or choose another --cache-dir", path.display())]
    NoSpace { path: PathBuf, needed: u64, kind: io::ErrorKind },
    #[error("blob {0} is not in the cache")]
    Missing(Digest),
    #[error("blob {0} is being written by another task")]
    Busy(Digest),
    #[error("blob {digest} has more than the {limit} bytes allowed here")]
    TooLarge { digest: Digest, limit: u64 },
    #[error("content has digest {found}, expected {expected}")]
    Digest { expected: Digest, found: Digest },
    #[error("blob {digest} has {found} bytes, expected {expected}")]
    Size { digest: Digest, expected: u64, found: u64 },
    #[error("link `{}` holds no digest; remove the file and mirror again", path.display())]
    Link { path: PathBuf },
    #[error("invalid repository path `{0}`: expected lower-case components separated by `/`")]
    Repository(String),
    #[error("invalid tag `{0}`: expected letters, digits, `_`, `.` and `-`, at most 128")]
    Tag(String),
    #[error("manifest {digest} of `{repository}` in the cache cannot be read; nothing was removed")]
    Manifest { repository: String, digest: Digest, source: oci_manifest::ManifestError },
}

impl StoreError {
    pub(super) fn io(action: &'static str, path: &Path, source: io::Error) -> Self {
        Self::Io { action, path: path.to_owned(), source }
    }

    /// An error of writing to `path`, of which `needed` bytes were missing.
    pub(super) fn write(path: &Path, needed: u64, source: io::Error) -> Self {
        let path = path.to_owned();
        match source.kind() {
            kind @ (io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded) => Self::NoSpace { path, needed, kind },
            _ => Self::Io { action: "write", path, source },
        }
    }

    /// Whether another run holds the cache.
    pub fn is_locked(&self) -> bool {
        matches!(self, Self::Lock(LockError::Locked { .. }))
    }
}
