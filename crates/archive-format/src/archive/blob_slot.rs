//! Blobs whose place in an archive is decided before their bytes arrive (`--no-cache`).
//!
//! The sizes of all blobs are known from their descriptors, so the layout of the chunks is: headers are written, the
//! room between them stays a hole, and as many blobs as wanted stream into their places at the same time.

use std::collections::BTreeSet;
use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use image_ref::Digest;

use super::write_error::WriteError;
use crate::hashed_file::HashedFile;

/// The slots of a writer that nobody has filled yet.
#[derive(Debug, Clone, Default)]
pub(super) struct EmptySlots(Arc<Mutex<BTreeSet<Digest>>>);

impl EmptySlots {
    fn change<T>(&self, change: impl FnOnce(&mut BTreeSet<Digest>) -> T) -> T {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The first empty slot and how many there are.
    pub(super) fn first(&self) -> Option<(Digest, usize)> {
        self.change(|empty| Some((empty.first()?.clone(), empty.len())))
    }
}

/// A place in an archive for a blob that arrives later, given by
/// [`ArchiveWriter::reserve_blob`](super::ArchiveWriter::reserve_blob). It is filled once, by any thread; an archive with
/// an empty slot cannot be finished.
#[derive(Debug)]
pub struct BlobSlot {
    /// The hidden file of the chunk.
    path: PathBuf,
    /// Where the content begins in the chunk, in bytes.
    start: u64,
    digest: Digest,
    size: u64,
    empty: EmptySlots,
}

impl BlobSlot {
    pub(super) fn new(path: &Path, start: u64, digest: &Digest, size: u64, empty: &EmptySlots) -> Self {
        empty.change(|empty| empty.insert(digest.clone()));
        Self { path: path.to_owned(), start, digest: digest.clone(), size, empty: empty.clone() }
    }

    /// The digest that the content must have.
    pub fn digest(&self) -> &Digest {
        &self.digest
    }

    /// How many bytes the content must have.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Begins to fill the slot with bytes that arrive bit by bit.
    ///
    /// # Errors
    /// When the chunk cannot be opened: the writer was dropped, or the disk is gone.
    pub fn open(self) -> Result<SlotWriter, WriteError> {
        let content = self.file().and_then(|file| HashedFile::part(file, self.start, self.digest.algorithm()));
        let content = content.map_err(|source| WriteError::write(&self.path, self.size, source))?;
        Ok(SlotWriter { slot: self, content })
    }

    /// A handle for each writer, opened late: an archive has more slots than a process may have files open.
    fn file(&self) -> io::Result<File> {
        OpenOptions::new().write(true).open(&self.path)
    }

    /// Fills the slot with bytes that are at hand, such as a manifest.
    ///
    /// # Errors
    /// As [`SlotWriter::finish`].
    pub fn fill(self, bytes: &[u8]) -> Result<(), WriteError> {
        let mut writer = self.open()?;
        if bytes.len() as u64 != writer.slot.size {
            return Err(writer.wrong_size(bytes.len() as u64));
        }
        writer.content.write(bytes).map_err(|source| writer.failed(source))?;
        writer.finish()
    }

    /// Fills the slot from a file that holds the whole blob and was verified before: its bytes are not hashed again.
    ///
    /// # Errors
    /// [`WriteError::Read`] when the file has another size or cannot be read, [`WriteError::NoSpace`].
    pub fn copy_from(self, path: &Path) -> Result<(), WriteError> {
        let failed = |source| WriteError::Read { path: path.to_owned(), source };
        let source = rooted_folder::open_regular(path).map_err(failed)?;
        let found = source.metadata().map_err(failed)?.len();
        if found != self.size {
            let message = format!("blob has {found} bytes, expected {}", self.size);
            return Err(failed(io::Error::new(io::ErrorKind::InvalidData, message)));
        }
        let place = self.file().and_then(|mut file| file.seek(SeekFrom::Start(self.start)).map(|_| file));
        let mut place = place.map_err(|source| WriteError::write(&self.path, self.size, source))?;
        // On Linux this is `copy_file_range` in the kernel.
        let copied = io::copy(&mut (&source).take(found), &mut place);
        let copied = copied.map_err(|error| WriteError::copy(&self.path, path, found, error))?;
        if copied != found {
            let message = format!("blob ended after {copied} of {found} bytes");
            return Err(failed(io::Error::new(io::ErrorKind::UnexpectedEof, message)));
        }
        self.filled();
        Ok(())
    }

    fn filled(&self) {
        self.empty.change(|empty| empty.remove(&self.digest));
    }
}

/// A blob on its way into its slot. It is hashed on the way; dropped before [`SlotWriter::finish`], the slot stays empty.
#[derive(Debug)]
pub struct SlotWriter {
    slot: BlobSlot,
    content: HashedFile,
}

impl SlotWriter {
    /// How many bytes are here: where the source is to go on.
    pub fn offset(&self) -> u64 {
        self.content.offset()
    }

    /// The digest of the bytes here so far, so that whoever fetches them need not hash them a second time.
    pub fn running_digest(&self) -> Digest {
        self.content.digest()
    }

    /// Adds the next bytes.
    ///
    /// # Errors
    /// When the disk refuses, or more bytes come than the slot has room for: nothing of them is written then.
    pub fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let after = self.offset() + bytes.len() as u64;
        if after > self.slot.size {
            // The next entry begins behind the slot.
            return Err(io::Error::new(io::ErrorKind::InvalidData, self.wrong_size(after)));
        }
        self.content.write(bytes).map_err(|source| into_io(self.failed(source)))
    }

    /// Forgets what is here: the source cannot go on in the middle, or gave wrong bytes.
    ///
    /// # Errors
    /// When the file cannot be positioned.
    pub fn restart(&mut self) -> io::Result<()> {
        self.content.restart()
    }

    /// Verifies size and digest: the slot is filled.
    ///
    /// # Errors
    /// [`WriteError::Size`], [`WriteError::Digest`], [`WriteError::NoSpace`].
    pub fn finish(mut self) -> Result<(), WriteError> {
        if self.offset() != self.slot.size {
            return Err(self.wrong_size(self.offset()));
        }
        self.content.flush().map_err(|source| self.failed(source))?;
        let found = self.content.digest();
        if found != self.slot.digest {
            return Err(WriteError::Digest { expected: self.slot.digest, found });
        }
        self.slot.filled();
        Ok(())
    }

    /// Says of a full disk for what and how much room was missing.
    fn failed(&self, source: io::Error) -> WriteError {
        WriteError::write(&self.slot.path, self.slot.size - self.content.flushed(), source)
    }

    fn wrong_size(&self, found: u64) -> WriteError {
        WriteError::Size { digest: self.slot.digest.clone(), expected: self.slot.size, found }
    }
}

/// The kind of the error stays.
fn into_io(error: WriteError) -> io::Error {
    match error {
        full @ WriteError::NoSpace { kind, .. } => io::Error::new(kind, full),
        WriteError::Write { source, .. } => source,
        other => io::Error::other(other),
    }
}
