//! What reading an archive may have to say: warnings and errors.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use image_ref::Digest;

use super::archive_file_name;
use super::confine::Tainted;

/// Something odd in an archive that does not keep it from being used.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Warning {
    /// Numbers below the highest that no chunk has (the first hundred). Perhaps a chunk was left behind.
    MissingChunks(Vec<u32>),
    /// The run that replaced the previous archive was interrupted; the new archive is complete and is read: these hidden
    /// files count instead of the files whose names they are to get.
    InterruptedReplacement(Vec<String>),
    /// Names of files that claim one number: the entries of the last one count.
    EqualNumbers(Vec<String>),
    /// The chunk ends without tar's end mark: it may have been cut between two entries.
    NoEndMark {
        /// Index into [`Archive::chunks`](super::Archive::chunks).
        chunk: usize,
    },
    /// An entry that is neither file nor folder; it is ignored.
    NotRegular {
        /// Index into [`Archive::chunks`](super::Archive::chunks).
        chunk: usize,
        /// Its name as written.
        name: String,
        /// Tar's type letter.
        kind: char,
    },
    /// A file that oc-mirror has no place for; it is ignored.
    ForeignEntry {
        /// Index into [`Archive::chunks`](super::Archive::chunks).
        chunk: usize,
        /// Its name.
        name: String,
    },
    /// A tag whose link holds no digest; it is ignored.
    BadLink {
        /// Index into [`Archive::chunks`](super::Archive::chunks).
        chunk: usize,
        /// Its name.
        name: String,
    },
    /// Entries occur again later; the last of each counts.
    DuplicateEntries {
        /// How many are passed over.
        count: u64,
        /// Names of the files whose entries count instead.
        files: Vec<String>,
    },
    /// A blob occurs twice with different lengths in bytes; the last counts.
    ConflictingBlob {
        /// The blob.
        digest: Digest,
        /// Bytes of the earlier and the later one.
        lengths: (u64, u64),
    },
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MissingChunks(numbers) => {
                let names: Vec<String> = numbers.iter().map(|number| archive_file_name(*number)).collect();
                write!(f, "the archive has gaps: {} not found; was every file copied?", names.join(", "))
            }
            Self::InterruptedReplacement(hidden) => {
                f.write_str(
                    "the run that wrote this archive was interrupted after completing it; reading the new chunks",
                )?;
                if hidden.is_empty() {
                    return Ok(());
                }
                write!(f, ": the hidden {} instead of the files without dot and `.partial`. If", quoted(hidden))?;
                f.write_str(
                    " checksums that came with the archive do not know these files, remove `.mirror.commit` and run again",
                )
            }
            Self::EqualNumbers(names) => write!(
                f,
                "the files {} have one number: where both hold an entry, the last file counts. If only one of them was \
                 sent, remove the other and run again",
                quoted(names)
            ),
            Self::NoEndMark { chunk } => {
                write!(f, "chunk {}: no end mark; the file may have been cut", chunk + 1)
            }
            Self::NotRegular { chunk, name, kind } => {
                write!(f, "chunk {}: ignored entry `{name}` of type `{}`", chunk + 1, kind.escape_default())
            }
            Self::ForeignEntry { chunk, name } => write!(f, "chunk {}: ignored foreign entry `{name}`", chunk + 1),
            Self::BadLink { chunk, name } => write!(f, "chunk {}: `{name}` holds no digest", chunk + 1),
            Self::DuplicateEntries { count, files } => {
                write!(f, "{count} entries occur again later; the last of each counts, which is in {}", quoted(files))
            }
            Self::ConflictingBlob { digest, lengths: (first, last) } => {
                write!(f, "blob {digest} occurs with {first} and with {last} bytes; the last counts")
            }
        }
    }
}

/// A list of names in backticks, not all of very many.
fn quoted(names: &[String]) -> String {
    let mut shown: Vec<String> = names.iter().take(10).map(|name| format!("`{name}`")).collect();
    if let Some(more) = names.len().checked_sub(shown.len()).filter(|more| *more > 0) {
        shown.push(format!("{more} more"));
    }
    shown.join(", ")
}

/// Why an archive cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the message is the documentation")]
pub enum ArchiveError {
    #[error("no tar archives matching \"mirror_[0-9]{{6}}\\\\.tar\" found in {:?}", .0.display().to_string())]
    NoArchives(PathBuf),
    #[error("empty archive file {:?}", .0.display().to_string())]
    Empty(PathBuf),
    #[error("error reading archive {}: {reason}", path.display())]
    Unreadable { path: PathBuf, reason: Box<dyn std::error::Error + Send + Sync> },
    #[error("cannot read the archive folder `{}`", dir.display())]
    Folder { dir: PathBuf, source: io::Error },
    #[error(transparent)]
    Tainted(#[from] Tainted),
    #[error("blob {0} is not in the archive; it may be in an earlier archive of the sequence")]
    MissingBlob(Digest),
    #[error("archive entry `{name}` has {len} bytes, at most {limit} are read here")]
    TooLarge { name: String, len: u64, limit: u64 },
    #[error("archive {} is damaged: content of {expected} has digest {found}", path.display())]
    Digest { path: PathBuf, expected: Digest, found: Digest },
    #[error("cannot write `{}`", path.display())]
    Extract { path: PathBuf, source: io::Error },
}

impl ArchiveError {
    pub(super) fn unreadable(path: &Path, reason: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Unreadable { path: path.to_owned(), reason: reason.into() }
    }
}
