//! Blobs whose place in an archive is decided before their bytes arrive (`--no-cache`).
//!
//! The sizes of all blobs are known from their descriptors, so the layout of the chunks is: headers are written, the
//! room between them stays a hole, and as many blobs as wanted stream into their places at the same time.

use std::collections::BTreeSet;
use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use image_ref::{Digest, Hasher};

use super::write_error::WriteError;

/// Writes below this are gathered first.
const BUFFER: usize = 128 * 1024;

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
        // A handle for each writer, opened late: an archive has more slots than a process may have files open.
        let file = OpenOptions::new().write(true).open(&self.path);
        let file = file.and_then(|mut file| file.seek(SeekFrom::Start(self.start)).map(|_| file));
        let file = file.map_err(|source| WriteError::write(&self.path, self.size, source))?;
        let hasher = Hasher::new(self.digest.algorithm());
        Ok(SlotWriter { slot: self, file, hasher, offset: 0, buffer: Vec::new() })
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
        writer.hasher.update(bytes);
        writer.write_through(bytes).map_err(|source| writer.failed(source))?;
        writer.offset = bytes.len() as u64;
        writer.finish()
    }

    /// Fills the slot from a file that holds the whole blob and was verified before: its bytes are not hashed again.
    ///
    /// # Errors
    /// [`WriteError::Read`] when the file has another size or cannot be read, [`WriteError::NoSpace`].
    pub fn copy_from(self, path: &Path) -> Result<(), WriteError> {
        let failed = |source| WriteError::Read { path: path.to_owned(), source };
        let source = File::open(path).map_err(failed)?;
        let found = source.metadata().map_err(failed)?.len();
        let mut writer = self.open()?;
        if found == writer.slot.size {
            // On Linux this is `copy_file_range` in the kernel.
            let copied = io::copy(&mut (&source).take(found), &mut writer.file);
            writer.offset = copied.map_err(|error| WriteError::copy(&writer.slot.path, path, found, error))?;
        }
        if writer.offset != writer.slot.size {
            let message = format!("blob has {found} bytes, expected {}", writer.slot.size);
            return Err(failed(io::Error::new(io::ErrorKind::InvalidData, message)));
        }
        writer.slot.filled();
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
    /// Stands behind what was flushed.
    file: File,
    hasher: Hasher,
    /// Bytes taken in, the buffer included.
    offset: u64,
    /// Bytes not yet in the file.
    buffer: Vec<u8>,
}

impl SlotWriter {
    /// How many bytes are here: where the source is to go on.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// The digest of the bytes here so far, so that whoever fetches them need not hash them a second time.
    pub fn running_digest(&self) -> Digest {
        self.hasher.clone().finish()
    }

    /// Adds the next bytes.
    ///
    /// # Errors
    /// When the disk refuses, or more bytes come than the slot has room for: nothing of them is written then.
    pub fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let after = self.offset + bytes.len() as u64;
        if after > self.slot.size {
            // The next entry begins behind the slot.
            return Err(io::Error::new(io::ErrorKind::InvalidData, self.wrong_size(after)));
        }
        if self.buffer.len() + bytes.len() > BUFFER {
            self.flush().map_err(into_io)?;
        }
        if bytes.len() >= BUFFER {
            self.write_through(bytes).map_err(|source| into_io(self.failed(source)))?;
        } else {
            self.buffer.extend_from_slice(bytes);
        }
        self.hasher.update(bytes);
        self.offset = after;
        Ok(())
    }

    /// Forgets what is here: the source cannot go on in the middle, or gave wrong bytes.
    ///
    /// # Errors
    /// When the file cannot be positioned.
    pub fn restart(&mut self) -> io::Result<()> {
        self.buffer.clear();
        self.file.seek(SeekFrom::Start(self.slot.start))?;
        self.hasher = Hasher::new(self.slot.digest.algorithm());
        self.offset = 0;
        Ok(())
    }

    /// Verifies size and digest: the slot is filled.
    ///
    /// # Errors
    /// [`WriteError::Size`], [`WriteError::Digest`], [`WriteError::NoSpace`].
    pub fn finish(mut self) -> Result<(), WriteError> {
        if self.offset != self.slot.size {
            return Err(self.wrong_size(self.offset));
        }
        self.flush()?;
        let found = self.hasher.finish();
        if found != self.slot.digest {
            return Err(WriteError::Digest { expected: self.slot.digest, found });
        }
        self.slot.filled();
        Ok(())
    }

    fn flush(&mut self) -> Result<(), WriteError> {
        let buffer = std::mem::take(&mut self.buffer);
        let written = self.write_through(&buffer);
        self.buffer = buffer;
        written.map_err(|source| self.failed(source))?;
        self.buffer.clear();
        Ok(())
    }

    /// On failure the file stands where it stood, so that the same bytes can be written again.
    fn write_through(&mut self, bytes: &[u8]) -> io::Result<()> {
        let start = self.file.stream_position()?;
        self.file.write_all(bytes).inspect_err(|_| {
            let _ = self.file.seek(SeekFrom::Start(start));
        })
    }

    /// Says of a full disk for what and how much room was missing.
    fn failed(&self, source: io::Error) -> WriteError {
        let flushed = self.offset - self.buffer.len() as u64;
        WriteError::write(&self.slot.path, self.slot.size - flushed, source)
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
