//! The on-disk layout shared by cache and archive: store, chunks, index, history, verify.
//!
//! oc-mirror keeps what it mirrors in a *cache*, in docker distribution's filesystem layout, and carries parts of it
//! over a gap in an *archive*: numbered tar files whose entries have the same names. This crate reads and writes both,
//! byte-compatible with upstream in both directions.
//!
//! - [`Store`] is the cache. Blobs grow in a [`PartialBlob`] outside the layout and appear under their digest only when
//!   they are complete and verified; links follow.
//! - [`ArchiveWriter`] writes chunks beside a previous archive and replaces it when the new one is complete.
//! - [`Archive`] indexes the chunks by their headers and gives any blob from its place; layers are never unpacked.
//! - [`verify`](fn@verify) reads every digest of an archive, [`contents`] lists it by image.
//! - [`History`] says what earlier archives carried.
//!
//! ```
//! use archive_format::{Archive, ArchiveOptions, ArchiveWriter, Hasher, Store};
//! use image_ref::Algorithm;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let scratch = tempfile::tempdir()?;
//! # let (cache, destination) = (scratch.path().join("cache"), scratch.path().join("out"));
//! let store = Store::open(&cache)?;
//! let layer = b"a layer";
//! let digest = Hasher::of(Algorithm::Sha256, layer);
//! let mut blob = store.begin_blob(&digest, Some(7))?;
//! blob.write(&layer[3..]).unwrap_or_default(); // a wrong start ...
//! blob.restart()?;
//! blob.write(layer)?; // ... and the right bytes
//! blob.finish()?;
//!
//! let mut writer = ArchiveWriter::create(&destination, &ArchiveOptions::default())?;
//! writer.add_blob(&digest, &store.blob_path(&digest), 7)?;
//! writer.finish()?;
//!
//! let archive = Archive::open(&destination)?;
//! assert_eq!(archive.read_small_blob(&digest, 1024)?, layer);
//! # Ok(())
//! # }
//! ```
//!
//! It knows nothing of registries, image references beyond their vocabulary, the clock, the environment and the
//! terminal. It blocks: callers in an async program give it a thread.
//!
//! ## Deviations
//!
//! See `docs/formats/cache.md` and `docs/formats/archive.md`; in short: the previous archive is removed when the new one
//! is complete and not at start-up; headers are reproducible (mode 0644, owner 0, one fixed time); abandoned uploads and
//! symbolic links are left out of archives; entry prefixes are anchored; names with text behind `.tar` are no chunks;
//! the cache has a lock file and a folder of partial blobs.

// What is read here was written by others: a wrong number must be an error, not the end of the program.
#![cfg_attr(not(test), warn(clippy::indexing_slicing, clippy::string_slice))]

mod archive;
mod hashed_file;
pub mod history;
pub mod layout;
mod lock;
mod space;
mod store;
mod verify;
mod version;

pub use archive::*;
pub use history::{History, HistoryError};
pub use image_ref::Hasher;
pub use lock::{Holder, LockError, LockFile, WorkspaceLock};
pub use space::free_bytes;
pub use store::{Collected, PartialBlob, Store, StoreError};
pub use verify::{ImageContents, Problem, ProblemKind, Verification, VerifyObserver, contents, lacks, verify};
pub use version::{VERSION_FILE, VersionMetadata, VersionWarning};
