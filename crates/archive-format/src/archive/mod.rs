//! Archives: the numbered tar files `mirror_000001.tar`, … that carry a mirror across the gap
//! (`docs/behaviour/operators-archive.md` 6).

mod blob_slot;
mod confine;
mod diagnostics;
mod extract;
mod header;
mod missing;
mod open_chunk;
mod reader;
mod replace;
mod scan;
mod write_error;
mod writer;

pub use blob_slot::{BlobSlot, SlotWriter};
pub use confine::{Tainted, confine};
pub use diagnostics::{ArchiveError, Warning};
pub use extract::Extracted;
pub use missing::MissingFiles;
pub(crate) use reader::LINK_LIMIT;
pub use reader::{Archive, ArchiveChunk, BlobLocation, BlobReader, Entry, TagLink};
pub use replace::{archive_file_name, is_archive_name};
pub use write_error::WriteError;
pub use writer::{ArchiveOptions, ArchiveSummary, ArchiveWriter, Chunk};

/// Bytes of a GiB, the unit of `archiveSize`.
pub const GIB: u64 = 1024 * 1024 * 1024;
