//! Bytes that grow in a file and are hashed as they come: what a blob on its way into a cache or an archive has in common.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};

use image_ref::{Algorithm, Digest, Hasher};

/// Writes below this are gathered first.
const BUFFER: usize = 128 * 1024;

/// A file that is written from some place on, in order.
#[derive(Debug)]
pub(crate) struct HashedFile {
    /// Stands behind what was flushed.
    file: File,
    /// Where the bytes begin in the file.
    start: u64,
    /// Nothing else is in the file, so that it may be cut.
    alone: bool,
    algorithm: Algorithm,
    hasher: Hasher,
    /// Bytes taken in, the buffer included.
    offset: u64,
    /// Bytes not yet in the file.
    buffer: Vec<u8>,
}

impl HashedFile {
    /// From `start` on, in a file that holds other things too.
    ///
    /// # Errors
    /// When the file cannot be positioned.
    pub(crate) fn part(mut file: File, start: u64, algorithm: Algorithm) -> io::Result<Self> {
        file.seek(SeekFrom::Start(start))?;
        Ok(Self::new(file, start, false, algorithm))
    }

    /// A file of its own, behind what is in it: at most `most` bytes of an earlier run, which are hashed. More than that
    /// is not believed, and thrown away.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub(crate) fn resume(file: File, most: Option<u64>, algorithm: Algorithm) -> io::Result<Self> {
        let left = file.metadata()?.len();
        let mut this = Self::new(file, 0, true, algorithm);
        if most.is_some_and(|most| left > most) {
            this.file.set_len(0)?;
        } else if left > 0 {
            let mut buffer = vec![0; 1024 * 1024];
            loop {
                match this.file.read(&mut buffer) {
                    Ok(0) => break,
                    Ok(count) => {
                        this.hasher.update(buffer.get(..count).unwrap_or_default());
                        this.offset += count as u64;
                    }
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    Err(error) => return Err(error),
                }
            }
        }
        Ok(this)
    }

    fn new(file: File, start: u64, alone: bool, algorithm: Algorithm) -> Self {
        Self { file, start, alone, algorithm, hasher: Hasher::new(algorithm), offset: 0, buffer: Vec::new() }
    }

    /// How many bytes were taken in.
    pub(crate) fn offset(&self) -> u64 {
        self.offset
    }

    /// How many of them are in the file.
    pub(crate) fn flushed(&self) -> u64 {
        self.offset - self.buffer.len() as u64
    }

    /// The digest of what was taken in.
    pub(crate) fn digest(&self) -> Digest {
        self.hasher.clone().finish()
    }

    /// Takes in the next bytes. After an error they were not, and can be written again.
    ///
    /// # Errors
    /// When the disk refuses.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.buffer.len() + bytes.len() > BUFFER {
            self.flush()?;
        }
        if bytes.len() >= BUFFER {
            self.write_through(bytes)?;
        } else {
            self.buffer.extend_from_slice(bytes);
        }
        self.hasher.update(bytes);
        self.offset += bytes.len() as u64;
        Ok(())
    }

    /// Brings what was gathered into the file.
    ///
    /// # Errors
    /// When the disk refuses; it is still gathered then.
    pub(crate) fn flush(&mut self) -> io::Result<()> {
        let buffer = std::mem::take(&mut self.buffer);
        let written = if buffer.is_empty() { Ok(()) } else { self.write_through(&buffer) };
        self.buffer = buffer;
        if written.is_ok() {
            self.buffer.clear();
        }
        written
    }

    /// Forgets everything and begins again.
    ///
    /// # Errors
    /// When the file cannot be cut or positioned.
    pub(crate) fn restart(&mut self) -> io::Result<()> {
        self.buffer.clear();
        if self.alone {
            self.file.set_len(self.start)?;
        }
        self.file.seek(SeekFrom::Start(self.start))?;
        self.hasher = Hasher::new(self.algorithm);
        self.offset = 0;
        Ok(())
    }

    /// On failure the file ends, or at least stands, where it stood, so that the same bytes can be written again.
    fn write_through(&mut self, bytes: &[u8]) -> io::Result<()> {
        let start = self.file.stream_position()?;
        self.file.write_all(bytes).inspect_err(|_| {
            // The error that is told is the first one.
            let cut = if self.alone { self.file.set_len(start) } else { Ok(()) };
            let _ = cut.and_then(|()| self.file.seek(SeekFrom::Start(start)));
        })
    }
}
