//! A blob that arrives while its entry is written.

use std::fs;

use image_ref::{Digest, Hasher};

use super::write_error::WriteError;
use super::writer::ArchiveWriter;

/// A blob on its way into an archive. Dropped before [`BlobEntry::finish`], it leaves nothing behind.
#[derive(Debug)]
pub struct BlobEntry<'w> {
    writer: &'w mut ArchiveWriter,
    index: usize,
    digest: Digest,
    size: u64,
    received: u64,
    hasher: Hasher,
    complete: bool,
}

impl<'w> BlobEntry<'w> {
    /// The header is written already.
    pub(super) fn new(writer: &'w mut ArchiveWriter, index: usize, digest: &Digest, size: u64) -> Self {
        let hasher = Hasher::new(digest.algorithm());
        Self { writer, index, digest: digest.clone(), size, received: 0, hasher, complete: false }
    }

    /// Adds the next bytes.
    ///
    /// # Errors
    /// [`WriteError::Size`] when more come than announced; [`WriteError::NoSpace`].
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), WriteError> {
        self.received += bytes.len() as u64;
        if self.received > self.size {
            return Err(self.wrong_size());
        }
        self.hasher.update(bytes);
        self.writer.chunks[self.index].append_bytes(bytes)
    }

    /// Completes the entry.
    ///
    /// # Errors
    /// [`WriteError::Size`], [`WriteError::Digest`]: the entry is taken back then.
    pub fn finish(mut self) -> Result<(), WriteError> {
        if self.received != self.size {
            return Err(self.wrong_size());
        }
        let found = std::mem::replace(&mut self.hasher, Hasher::new(self.digest.algorithm())).finish();
        if found != self.digest {
            return Err(WriteError::Digest { expected: self.digest.clone(), found });
        }
        self.writer.chunks[self.index].end_entry(self.size)?;
        self.complete = true;
        self.writer.content += self.size;
        self.writer.blobs.insert(self.digest.clone());
        self.writer.after(self.index)
    }

    fn wrong_size(&self) -> WriteError {
        WriteError::Size { digest: self.digest.clone(), expected: self.size, found: self.received }
    }
}

impl Drop for BlobEntry<'_> {
    fn drop(&mut self) {
        if self.complete {
            return;
        }
        // When this fails the chunk stays marked as broken, and the archive cannot be finished.
        let taken_back = self.writer.chunks[self.index].abandon_entry().is_ok();
        if taken_back && self.index != self.writer.current {
            let chunk = self.writer.chunks.pop().expect("an oversized entry has the last chunk");
            let _ = fs::remove_file(&chunk.path);
            self.writer.oversized.pop();
        }
    }
}
