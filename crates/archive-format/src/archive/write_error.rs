//! Why an archive could not be written.

use std::io;
use std::path::{Path, PathBuf};

use image_ref::Digest;

/// Why an archive could not be written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the message is the documentation")]
pub enum WriteError {
    #[error("{}\n Aborting archive generation", too_small(*max_gib, name, *gib))]
    TooLarge { max_gib: u64, name: String, gib: u64 },
    #[error("cannot read `{}` for the archive", path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error("cannot write the archive `{}`", path.display())]
    Write { path: PathBuf, source: io::Error },
    #[error("cannot copy `{}` into the archive `{}`", from.display(), path.display())]
    Copy { path: PathBuf, from: PathBuf, source: io::Error },
    #[error("no space left for the archive `{}`: {needed} bytes were still to be written for this entry; free space or choose another destination", path.display())]
    NoSpace { path: PathBuf, needed: u64, kind: io::ErrorKind },
    #[error("cannot prepare the archive folder `{}`", dir.display())]
    Folder { dir: PathBuf, source: io::Error },
    #[error("archive `{}` was left in the middle of an entry by an earlier error", path.display())]
    Broken { path: PathBuf },
    #[error("blob {digest} has {found} bytes, expected {expected}")]
    Size { digest: Digest, expected: u64, found: u64 },
    #[error("content has digest {found}, expected {expected}")]
    Digest { expected: Digest, found: Digest },
    #[error("blob {digest} did not arrive ({count} did not in all), so the archive is not complete")]
    Empty { digest: Digest, count: usize },
    #[error("the archive needs more than 999999 chunks; raise archiveSize")]
    TooManyChunks,
}

impl WriteError {
    /// An error of copying from `source_path`, of which `needed` bytes were missing; which side refused shows in its
    /// kind only.
    pub(super) fn copy(path: &Path, source_path: &Path, needed: u64, source: io::Error) -> Self {
        match Self::write(path, needed, source) {
            Self::Write { source, .. } => Self::Copy { path: path.to_owned(), from: source_path.to_owned(), source },
            other => other,
        }
    }

    pub(super) fn write(path: &Path, needed: u64, source: io::Error) -> Self {
        let path = path.to_owned();
        match source.kind() {
            kind @ (io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded) => Self::NoSpace { path, needed, kind },
            _ => Self::Write { path, source },
        }
    }
}

/// Upstream's words about a file larger than a chunk (`docs/behaviour/operators-archive.md` 6.3).
pub(super) fn too_small(max_gib: u64, name: &str, gib: u64) -> String {
    format!(
        "maxArchiveSize {max_gib}G is too small compared to sizes of files that need to be included in the archive.\n{name}: {gib}G"
    )
}
