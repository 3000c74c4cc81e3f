//! Where blobs go and where they come from: the two small traits between this crate and whoever owns the disk.

use std::fmt;
use std::fs::File;
use std::io::{self, Read, Seek as _, SeekFrom, Write as _};
use std::path::PathBuf;

use bytes::Bytes;
use futures_util::stream::BoxStream;
use image_ref::Digest;

/// Receives a blob in order. A sink may begin with bytes of an earlier run: the transfer then continues behind them.
///
/// Calls come from an async task and should return quickly: a write into the page cache is fine.
pub trait BlobSink: Send {
    /// How many bytes are already in place, from the beginning of the blob.
    fn offset(&self) -> u64;

    /// Appends `chunk`.
    ///
    /// # Errors
    /// Any error ends the transfer; nothing is retried.
    fn write(&mut self, chunk: &[u8]) -> io::Result<()>;

    /// Throws everything away and begins again at offset 0.
    ///
    /// # Errors
    /// Any error ends the transfer.
    fn restart(&mut self) -> io::Result<()>;

    /// The digest of the bytes in place, for a sink that hashes what it writes; `None` when it does not.
    ///
    /// A sink that answers is believed, and the transport does not hash a second time. For a sink that answers `None`
    /// the transport hashes, and can therefore not continue a partial blob of an earlier run: it calls
    /// [`BlobSink::restart`] first.
    fn digest(&self) -> Option<Digest> {
        None
    }
}

/// Gives a blob, again and again if need be, and from any offset.
pub trait BlobSource: Send + Sync {
    /// The size of the blob in bytes.
    fn size(&self) -> u64;

    /// Opens the blob at `offset` bytes from its beginning. Called and read on a blocking thread.
    ///
    /// # Errors
    /// Any error ends the transfer; nothing is retried.
    fn open(&self, offset: u64) -> io::Result<Box<dyn Read + Send>>;

    /// The blob from `offset` as a stream, for a source that is asynchronous by nature. Used instead of
    /// [`BlobSource::open`] when it answers.
    fn stream(&self, offset: u64) -> Option<BoxStream<'static, io::Result<Bytes>>> {
        let _ = offset;
        None
    }

    /// The file that holds the blob in one piece, and the place there of the blob's byte `offset`; `None` for a source
    /// that is no file. Used instead of [`BlobSource::open`] when it answers: what the page cache has is then read without
    /// another thread, which halves what an upload costs. Called on a blocking thread.
    ///
    /// # Errors
    /// Any error ends the transfer; nothing is retried.
    fn file(&self, offset: u64) -> io::Result<Option<(File, u64)>> {
        let _ = offset;
        Ok(None)
    }

    /// Whether the bytes are verified on their way out of this source, so that hashing them again would be waste.
    fn is_verified(&self) -> bool {
        false
    }
}

impl BlobSink for Vec<u8> {
    fn offset(&self) -> u64 {
        self.len() as u64
    }

    fn write(&mut self, chunk: &[u8]) -> io::Result<()> {
        self.extend_from_slice(chunk);
        Ok(())
    }

    fn restart(&mut self) -> io::Result<()> {
        self.clear();
        Ok(())
    }
}

impl BlobSource for Bytes {
    fn size(&self) -> u64 {
        self.len() as u64
    }

    fn open(&self, offset: u64) -> io::Result<Box<dyn Read + Send>> {
        let start = usize::try_from(offset).unwrap_or(usize::MAX).min(self.len());
        Ok(Box::new(io::Cursor::new(self.slice(start..))))
    }
}

/// A file written from its beginning, for callers without a store of their own. An existing file is truncated.
#[derive(Debug)]
pub struct FileSink {
    file: File,
    offset: u64,
}

impl FileSink {
    /// Creates or truncates the file.
    ///
    /// # Errors
    /// When the file cannot be created.
    pub fn create(path: impl Into<PathBuf>) -> io::Result<Self> {
        Ok(Self { file: File::create(path.into())?, offset: 0 })
    }
}

impl BlobSink for FileSink {
    fn offset(&self) -> u64 {
        self.offset
    }

    fn write(&mut self, chunk: &[u8]) -> io::Result<()> {
        self.file.write_all(chunk)?;
        self.offset += chunk.len() as u64;
        Ok(())
    }

    fn restart(&mut self) -> io::Result<()> {
        self.file.set_len(0)?;
        self.file.seek(SeekFrom::Start(0))?;
        self.offset = 0;
        Ok(())
    }
}

/// A blob that lies in a file as a whole, or as a part of it.
#[derive(Clone, PartialEq, Eq)]
pub struct FileSource {
    path: PathBuf,
    start: u64,
    size: u64,
}

impl FileSource {
    /// A whole file.
    ///
    /// # Errors
    /// When the file's size cannot be read.
    pub fn new(path: impl Into<PathBuf>) -> io::Result<Self> {
        let path = path.into();
        let size = std::fs::metadata(&path)?.len();
        Ok(Self { path, start: 0, size })
    }

    /// `size` bytes of a file, `start` bytes from its beginning.
    pub fn part(path: impl Into<PathBuf>, start: u64, size: u64) -> Self {
        Self { path: path.into(), start, size }
    }
}

impl BlobSource for FileSource {
    fn size(&self) -> u64 {
        self.size
    }

    fn open(&self, offset: u64) -> io::Result<Box<dyn Read + Send>> {
        let mut file = File::open(&self.path)?;
        file.seek(SeekFrom::Start(self.start + offset))?;
        Ok(Box::new(file.take(self.size.saturating_sub(offset))))
    }

    fn file(&self, offset: u64) -> io::Result<Option<(File, u64)>> {
        Ok(Some((File::open(&self.path)?, self.start + offset)))
    }
}

impl fmt::Debug for FileSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FileSource({} at {} for {})", self.path.display(), self.start, self.size)
    }
}
