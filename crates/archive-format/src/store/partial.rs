//! A blob on its way into the cache: hashed while it is written, invisible until it is verified.

use std::io;
use std::path::PathBuf;

use image_ref::Digest;

use super::{Store, StoreError, partial_name};
use crate::hashed_file::HashedFile;
use crate::layout;

/// A blob being written, at `partial/<algorithm>/<hex>` of the cache.
///
/// Dropping it keeps what was written, like [`PartialBlob::suspend`]; only [`PartialBlob::finish`] makes it a blob.
#[derive(Debug)]
pub struct PartialBlob {
    store: Store,
    digest: Digest,
    size: Option<u64>,
    path: PathBuf,
    content: HashedFile,
}

impl PartialBlob {
    pub(super) fn begin(store: &Store, digest: &Digest, size: Option<u64>) -> Result<Self, StoreError> {
        let claim = Claim::take(store, digest)?;
        let name = partial_name(digest);
        let path = store.root().join(&name);
        let failed = |source| StoreError::io("open", &path, source);
        store.folder().create_dir_all(name.parent().expect("partials have a folder")).map_err(failed)?;
        let file = store.folder().open_or_create(&name).map_err(failed)?;
        let content = HashedFile::resume(file, size, digest.algorithm());
        let content = content.map_err(|source| StoreError::io("read", &path, source))?;
        claim.keep();
        let (store, digest) = (store.clone(), digest.clone());
        Ok(Self { store, digest, size, path, content })
    }

    /// The digest it will have.
    pub fn digest(&self) -> &Digest {
        &self.digest
    }

    /// The digest of the bytes here so far, so that whoever fetches them need not hash them a second time.
    pub fn running_digest(&self) -> Digest {
        self.content.digest()
    }

    /// How many bytes are here already: where the source is to be asked to go on. When it equals the size, nothing is
    /// to be asked and [`PartialBlob::finish`] decides.
    pub fn offset(&self) -> u64 {
        self.content.offset()
    }

    /// Adds the next bytes.
    ///
    /// # Errors
    /// When the disk refuses (full), or more bytes come than the blob is to have; what was written before stays
    /// resumable.
    pub fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let after = self.offset() + bytes.len() as u64;
        if let Some(size) = self.size.filter(|size| after > *size) {
            let message = format!("blob {} is longer than its {size} bytes", self.digest);
            return Err(io::Error::new(io::ErrorKind::InvalidData, message));
        }
        self.content.write(bytes).map_err(|source| self.explain(source))
    }

    /// Forgets what is here: the source cannot go on in the middle, or gave wrong bytes.
    ///
    /// # Errors
    /// When the file cannot be truncated.
    pub fn restart(&mut self) -> io::Result<()> {
        self.content.restart()
    }

    /// Verifies size and digest and gives the blob its final name. Not synced to disk: after a loss of power it may be short, and
    /// counts as absent then.
    ///
    /// # Errors
    /// [`StoreError::Size`] when bytes are missing (they can still be resumed); [`StoreError::Digest`] when the bytes
    /// are wrong (they are thrown away).
    pub fn finish(mut self) -> Result<(), StoreError> {
        let needed = self.needed();
        self.content.flush().map_err(|source| StoreError::write(&self.path, needed, source))?;
        if let Some(expected) = self.size.filter(|size| self.offset() != *size) {
            return Err(StoreError::Size { digest: self.digest.clone(), expected, found: self.offset() });
        }
        let found = self.content.digest();
        if found != self.digest {
            self.store.remove_partial(&self.digest)?;
            return Err(StoreError::Digest { expected: self.digest.clone(), found });
        }
        self.store.publish(&partial_name(&self.digest), &layout::blob_name(&self.digest))
    }

    /// Keeps what is here for the next writer, of this or a later run.
    ///
    /// # Errors
    /// When the last buffered bytes cannot be written.
    pub fn suspend(mut self) -> io::Result<()> {
        self.content.flush()
    }

    /// Bytes that are not in the file yet.
    fn needed(&self) -> u64 {
        self.size.unwrap_or(self.offset()) - self.content.flushed()
    }

    /// Says of a full disk for what and how much room was missing; the kind of the error stays.
    fn explain(&self, source: io::Error) -> io::Error {
        match StoreError::write(&self.path, self.needed(), source) {
            full @ StoreError::NoSpace { kind, .. } => io::Error::new(kind, full),
            StoreError::Io { source, .. } => source,
            other => io::Error::other(other),
        }
    }
}

impl Drop for PartialBlob {
    fn drop(&mut self) {
        let _ = self.content.flush();
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
