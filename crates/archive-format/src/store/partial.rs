//! A blob on its way into the cache: hashed while it is written, invisible until it is verified.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::PathBuf;

use image_ref::{Digest, Hasher};

use super::{Store, StoreError, publish};

/// Writes below this are gathered first.
const BUFFER: usize = 128 * 1024;

/// A blob being written, at `partial/<algorithm>/<hex>` of the cache.
///
/// Dropping it keeps what was written, like [`PartialBlob::suspend`]; only [`PartialBlob::finish`] makes it a blob.
#[derive(Debug)]
pub struct PartialBlob {
    store: Store,
    digest: Digest,
    size: Option<u64>,
    path: PathBuf,
    file: File,
    hasher: Hasher,
    offset: u64,
    buffer: Vec<u8>,
}

impl PartialBlob {
    pub(super) fn begin(store: &Store, digest: &Digest, size: Option<u64>) -> Result<Self, StoreError> {
        let claim = Claim::take(store, digest)?;
        let path = store.partial_path(digest);
        let failed = |source| StoreError::io("open", &path, source);
        fs::create_dir_all(path.parent().expect("partials have a folder")).map_err(failed)?;
        let mut file =
            OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path).map_err(failed)?;
        let mut hasher = Hasher::new(digest.algorithm());
        let mut offset = 0;
        let left = file.metadata().map_err(failed)?.len();
        if size.is_some_and(|size| left > size) {
            file.set_len(0).map_err(failed)?;
        } else if left > 0 {
            let mut buffer = vec![0; 1024 * 1024];
            loop {
                match file.read(&mut buffer) {
                    Ok(0) => break,
                    Ok(count) => {
                        hasher.update(&buffer[..count]);
                        offset += count as u64;
                    }
                    Err(source) if source.kind() == io::ErrorKind::Interrupted => {}
                    Err(source) => return Err(StoreError::io("read", &path, source)),
                }
            }
        }
        claim.keep();
        let (store, digest) = (store.clone(), digest.clone());
        Ok(Self { store, digest, size, path, file, hasher, offset, buffer: Vec::new() })
    }

    /// The digest it will have.
    pub fn digest(&self) -> &Digest {
        &self.digest
    }

    /// The digest of the bytes here so far, so that whoever fetches them need not hash them a second time.
    pub fn running_digest(&self) -> Digest {
        self.hasher.clone().finish()
    }

    /// How many bytes are here already: where the source is to be asked to go on. When it equals the size, nothing is
    /// to be asked and [`PartialBlob::finish`] decides.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// Adds the next bytes.
    ///
    /// # Errors
    /// When the disk refuses (full), or more bytes come than the blob is to have; what was written before stays
    /// resumable.
    pub fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let after = self.offset + bytes.len() as u64;
        if let Some(size) = self.size.filter(|size| after > *size) {
            let message = format!("blob {} is longer than its {size} bytes", self.digest);
            return Err(io::Error::new(io::ErrorKind::InvalidData, message));
        }
        if self.buffer.len() + bytes.len() > BUFFER {
            self.flush().map_err(|source| self.explain(source))?;
        }
        if bytes.len() >= BUFFER {
            self.write_through(bytes).map_err(|source| self.explain(source))?;
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
    /// When the file cannot be truncated.
    pub fn restart(&mut self) -> io::Result<()> {
        self.buffer.clear();
        self.file.set_len(0)?;
        self.file.rewind()?;
        self.hasher = Hasher::new(self.digest.algorithm());
        self.offset = 0;
        Ok(())
    }

    /// Verifies size and digest and gives the blob its final name. Not synced to disk: after a loss of power it may be short, and
    /// counts as absent then.
    ///
    /// # Errors
    /// [`StoreError::Size`] when bytes are missing (they can still be resumed); [`StoreError::Digest`] when the bytes
    /// are wrong (they are thrown away).
    pub fn finish(mut self) -> Result<(), StoreError> {
        let needed = self.needed();
        self.flush().map_err(|source| StoreError::write(&self.path, needed, source))?;
        if let Some(expected) = self.size.filter(|size| self.offset != *size) {
            return Err(StoreError::Size { digest: self.digest.clone(), expected, found: self.offset });
        }
        let hasher = std::mem::replace(&mut self.hasher, Hasher::new(self.digest.algorithm()));
        let found = hasher.finish();
        if found != self.digest {
            self.store.remove_partial(&self.digest)?;
            return Err(StoreError::Digest { expected: self.digest.clone(), found });
        }
        publish(&self.path, &self.store.blob_path(&self.digest))
    }

    /// Keeps what is here for the next writer, of this or a later run.
    ///
    /// # Errors
    /// When the last buffered bytes cannot be written.
    pub fn suspend(mut self) -> io::Result<()> {
        self.flush()
    }

    /// Removes what is here.
    ///
    /// # Errors
    /// [`StoreError::Io`].
    pub fn discard(mut self) -> Result<(), StoreError> {
        self.buffer.clear();
        self.store.remove_partial(&self.digest)
    }

    /// Bytes that are not in the file yet.
    fn needed(&self) -> u64 {
        let flushed = self.offset - self.buffer.len() as u64;
        self.size.unwrap_or(self.offset) - flushed
    }

    /// Says of a full disk for what and how much room was missing; the kind of the error stays.
    fn explain(&self, source: io::Error) -> io::Error {
        match StoreError::write(&self.path, self.needed(), source) {
            full @ StoreError::NoSpace { kind, .. } => io::Error::new(kind, full),
            StoreError::Io { source, .. } => source,
            other => io::Error::other(other),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        let buffer = std::mem::take(&mut self.buffer);
        let written = self.write_through(&buffer);
        self.buffer = buffer;
        if written.is_ok() {
            self.buffer.clear();
        }
        written
    }

    /// On failure the file is cut back to whole writes, so that a retry appends at the right place.
    fn write_through(&mut self, bytes: &[u8]) -> io::Result<()> {
        let start = self.file.stream_position()?;
        self.file.write_all(bytes).inspect_err(|_| {
            let _ = self.file.set_len(start).and_then(|()| self.file.seek(SeekFrom::Start(start)));
        })
    }
}

impl Drop for PartialBlob {
    fn drop(&mut self) {
        let _ = self.flush();
        release(&self.store, &self.digest);
    }
}

/// The right to write a digest, given back unless kept.
struct Claim<'a> {
    store: &'a Store,
    digest: &'a Digest,
    kept: bool,
}

impl<'a> Claim<'a> {
    fn take(store: &'a Store, digest: &'a Digest) -> Result<Self, StoreError> {
        let mut writing = store.inner.writing.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if writing.insert(digest.clone()) {
            Ok(Self { store, digest, kept: false })
        } else {
            Err(StoreError::Busy(digest.clone()))
        }
    }

    fn keep(mut self) {
        self.kept = true;
    }
}

impl Drop for Claim<'_> {
    fn drop(&mut self) {
        if !self.kept {
            release(self.store, self.digest);
        }
    }
}

fn release(store: &Store, digest: &Digest) {
    store.inner.writing.lock().unwrap_or_else(std::sync::PoisonError::into_inner).remove(digest);
}
