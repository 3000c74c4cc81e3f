//! Archives: the numbered tar files `mirror_000001.tar`, … that carry a mirror across the gap
//! (contract `operators-archive.md` 6).

mod confine;
mod extract;
mod header;
mod reader;
mod replace;
mod scan;
mod writer;

pub use confine::{Tainted, confine};
pub use extract::Extracted;
pub use reader::{Archive, ArchiveChunk, ArchiveError, BlobLocation, BlobReader, Entry, TagLink, Warning};
pub use replace::{PastArchivesError, archive_file_name, is_archive_name, remove_past_archives};
pub use writer::{ArchiveOptions, ArchiveSummary, ArchiveWriter, BlobEntry, Chunk, WriteError};

/// Bytes of a GiB, the unit of `archiveSize`.
pub const GIB: u64 = 1024 * 1024 * 1024;
