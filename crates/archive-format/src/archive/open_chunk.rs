//! A chunk while it is written.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::num::NonZeroU64;
use std::path::{Path, PathBuf};

use rooted_folder::RootedFolder;

use super::header::{self, BLOCK};
use super::replace::partial_file_name;
use super::write_error::WriteError;

/// Headers and small files are gathered up to this many bytes; larger files are copied by the kernel.
const BUFFER: usize = 256 * 1024;

/// After so many bytes the kernel is asked to start bringing them to the disk, so that the sync at the end, which has to
/// wait for the disk, has little left to do: 32 MiB.
const WRITE_BACK: u64 = 32 * 1024 * 1024;

/// A chunk that still grows, or that waits for its name.
#[derive(Debug)]
pub(super) struct OpenChunk {
    pub(super) number: u32,
    pub(super) path: PathBuf,
    /// `None` once closed.
    file: Option<File>,
    /// Bytes not yet in the file.
    buffer: Vec<u8>,
    /// Length of the chunk, the buffer included.
    pub(super) length: u64,
    /// Bytes of content.
    pub(super) content: u64,
    pub(super) entries: u64,
    entry_start: u64,
    /// Where the content of the entry ends when it is complete.
    entry_end: u64,
    /// An entry was begun and neither ended nor taken back.
    pub(super) in_entry: bool,
    /// Up to where the kernel was asked to write to the disk.
    written_back: u64,
}

impl OpenChunk {
    /// Starts the hidden file of chunk `number` in `folder`.
    pub(super) fn create(number: u32, folder: &RootedFolder) -> Result<Self, WriteError> {
        let path = folder.path().join(partial_file_name(number));
        let file = folder.create(&path).map_err(|source| WriteError::write(&path, 0, source))?;
        Ok(Self {
            number,
            path,
            file: Some(file),
            buffer: Vec::new(),
            length: 0,
            content: 0,
            entries: 0,
            entry_start: 0,
            entry_end: 0,
            in_entry: false,
            written_back: 0,
        })
    }

    pub(super) fn begin_entry(&mut self, name: &str, size: u64) -> Result<(), WriteError> {
        if self.in_entry {
            return Err(WriteError::Broken { path: self.path.clone() });
        }
        self.entry_start = self.length;
        self.in_entry = true;
        let header = header::encode(name, size);
        self.entry_end = self.length + header.len() as u64 + size;
        self.append_bytes(&header)
    }

    pub(super) fn end_entry(&mut self, size: u64) -> Result<(), WriteError> {
        let padding = usize::try_from(header::padding(size)).expect("less than a block");
        self.append_bytes([0; BLOCK].get(..padding).expect("less than a block"))?;
        self.content += size;
        self.entries += 1;
        self.in_entry = false;
        Ok(())
    }

    /// Takes the entry begun last back.
    pub(super) fn abandon_entry(&mut self) -> Result<(), WriteError> {
        self.flush()?;
        let (start, path) = (self.entry_start, &self.path);
        let mut file = self.file.as_ref().expect("an open entry has an open file");
        file.set_len(start)
            .and_then(|()| file.seek(SeekFrom::Start(start)))
            .map_err(|source| WriteError::write(path, 0, source))?;
        self.length = start;
        self.in_entry = false;
        Ok(())
    }

    pub(super) fn append_bytes(&mut self, bytes: &[u8]) -> Result<(), WriteError> {
        if self.buffer.len() + bytes.len() > BUFFER {
            self.flush()?;
        }
        self.buffer.extend_from_slice(bytes);
        self.length += bytes.len() as u64;
        if self.buffer.len() > BUFFER {
            self.flush()?;
        }
        Ok(())
    }

    /// Appends up to `size` bytes of `source` and says how many there were.
    pub(super) fn append_file(&mut self, source: &File, path: &Path, size: u64) -> Result<u64, WriteError> {
        if size <= BUFFER as u64 / 4 {
            let mut bytes = Vec::with_capacity(usize::try_from(size).expect("small"));
            let read = source.take(size).read_to_end(&mut bytes);
            read.map_err(|source| WriteError::Read { path: path.to_owned(), source })?;
            self.append_bytes(&bytes)?;
            return Ok(bytes.len() as u64);
        }
        self.flush()?;
        let mut file = self.file.as_ref().expect("a closed chunk takes no entries");
        // On Linux this is `copy_file_range` in the kernel, with reads and writes where the filesystems have none.
        let copied = io::copy(&mut source.take(size), &mut file)
            .map_err(|error| WriteError::copy(&self.path, path, self.needed(), error))?;
        self.length += copied;
        self.start_write_back();
        Ok(copied)
    }

    /// Starts to bring what has come to the disk, without waiting for it. Only advice: where it is not taken, the sync
    /// at the end takes longer.
    fn start_write_back(&mut self) {
        let fresh = self.length.saturating_sub(self.written_back);
        if let (Some(file), Some(fresh)) = (&self.file, NonZeroU64::new(fresh).filter(|_| fresh >= WRITE_BACK)) {
            // Pages that are still dirty, as these are, are not dropped but written.
            let _ = rustix::fs::fadvise(file, self.written_back, Some(fresh), rustix::fs::Advice::DontNeed);
            self.written_back = self.length;
        }
    }

    /// Leaves a hole of `size` bytes for content that comes later, and says where it begins.
    pub(super) fn skip(&mut self, size: u64) -> Result<u64, WriteError> {
        self.flush()?;
        let start = self.length;
        let mut file = self.file.as_ref().expect("a closed chunk takes no entries");
        file.seek(SeekFrom::Start(start + size)).map_err(|source| WriteError::write(&self.path, size, source))?;
        self.length += size;
        Ok(start)
    }

    /// Bytes that the file lacks to hold the present entry.
    fn needed(&self) -> u64 {
        self.entry_end.max(self.length) - (self.length - self.buffer.len() as u64)
    }

    fn flush(&mut self) -> Result<(), WriteError> {
        if let (Some(mut file), false) = (self.file.as_ref(), self.buffer.is_empty()) {
            let written = file.write_all(&self.buffer);
            written.map_err(|source| WriteError::write(&self.path, self.needed(), source))?;
            self.buffer.clear();
        }
        Ok(())
    }

    /// Writes the end mark. Asked again with `durable`, it only syncs.
    pub(super) fn close(&mut self, durable: bool) -> Result<(), WriteError> {
        if self.file.is_some() {
            self.append_bytes(&[0; 2 * BLOCK])?;
            self.flush()?;
            self.buffer = Vec::new();
        }
        let file = self.file.take();
        if durable {
            let file = file.map_or_else(|| File::open(&self.path), Ok);
            file.and_then(|file| file.sync_all()).map_err(|source| WriteError::write(&self.path, 0, source))?;
        }
        Ok(())
    }
}
