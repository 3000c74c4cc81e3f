//! Writing an archive: entries in, numbered chunks out, the previous archive untouched until the new one is complete.

// Nothing is read here, and each index comes from `open_chunk`.
#![allow(clippy::indexing_slicing)]

use std::collections::HashSet;
use std::fmt::Write as _;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use image_ref::Digest;
use rooted_folder::RootedFolder;

use super::blob_slot::{BlobSlot, EmptySlots};
use super::open_chunk::OpenChunk;
use super::replace::{self, archive_file_name};
use super::write_error::{WriteError, too_small};
use super::{Archive, GIB};
use crate::layout;

/// Choices of [`ArchiveWriter`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ArchiveOptions {
    /// Most bytes of content in one chunk; headers and padding are not counted (`docs/behaviour/operators-archive.md` 6.3).
    pub max_chunk_bytes: u64,
    /// A file larger than a chunk is an error instead of a chunk of its own (`--strict-archive`).
    pub strict: bool,
    /// Chunks are on disk (`fsync`) before the previous archive goes. Off, a loss of power may cost both.
    pub durable: bool,
}

impl Default for ArchiveOptions {
    fn default() -> Self {
        Self { max_chunk_bytes: 500 * GIB, strict: false, durable: true }
    }
}

impl ArchiveOptions {
    /// The options of a configuration: `archiveSize` in GiB, 500 when absent or 0, and `--strict-archive`.
    pub fn from_archive_size(gib: Option<u64>, strict: bool) -> Self {
        let max_chunk_bytes = match gib {
            None | Some(0) => 500 * GIB,
            Some(gib) => gib.saturating_mul(GIB),
        };
        Self { max_chunk_bytes, strict, ..Self::default() }
    }

    /// Refuses a file that a strict archive may not hold, named by its last component. [`ArchiveWriter`] asks for each
    /// entry; who knows the sizes before may ask earlier.
    ///
    /// # Errors
    /// [`WriteError::TooLarge`].
    pub fn admit(&self, name: &str, size: u64) -> Result<(), WriteError> {
        if !self.strict || size <= self.max_chunk_bytes {
            return Ok(());
        }
        let name = Path::new(name).file_name().map_or(name.into(), |base| base.to_string_lossy());
        Err(WriteError::TooLarge { max_gib: self.max_chunk_bytes / GIB, name: name.into(), gib: size / GIB })
    }
}

/// Writes the chunks of a new archive.
///
/// Until [`ArchiveWriter::finish`] everything lies in hidden partial files; dropping the writer removes them. The same
/// entries in the same order give the same bytes.
#[derive(Debug)]
pub struct ArchiveWriter {
    folder: RootedFolder,
    options: ArchiveOptions,
    /// Index is chunk number minus one.
    chunks: Vec<OpenChunk>,
    /// The chunk that takes the next entry.
    current: usize,
    blobs: HashSet<Digest>,
    empty_slots: EmptySlots,
    content: u64,
    oversized: Vec<(String, u64)>,
    skipped: Vec<PathBuf>,
    finished: bool,
}

impl ArchiveWriter {
    /// Starts an archive in `dir`, which is made when missing. What a killed run left there is cleaned up or completed.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub fn create(dir: &Path, options: &ArchiveOptions) -> Result<Self, WriteError> {
        let failed = |source| WriteError::Folder { dir: dir.to_owned(), source };
        let folder = RootedFolder::at(dir);
        folder.create_root().map_err(failed)?;
        replace::recover(&folder).map_err(failed)?;
        let mut writer = Self {
            folder,
            options: options.clone(),
            chunks: Vec::new(),
            current: 0,
            blobs: HashSet::new(),
            empty_slots: EmptySlots::default(),
            content: 0,
            oversized: Vec::new(),
            skipped: Vec::new(),
            finished: false,
        };
        writer.open_chunk()?;
        Ok(writer)
    }

    /// Adds a regular file under an entry name. A link to one is followed.
    ///
    /// # Errors
    /// [`WriteError::Read`] when the file cannot be read, is not regular, or shrinks meanwhile; [`WriteError::TooLarge`]
    /// in strict mode; [`WriteError::NoSpace`].
    pub fn add_file(&mut self, entry_name: &str, path: &Path) -> Result<(), WriteError> {
        self.add_opened(entry_name, path, rooted_folder::open_regular(path))
    }

    /// Adds a regular file of a folder under an entry name; no link is followed.
    ///
    /// # Errors
    /// As [`ArchiveWriter::add_file`].
    pub fn add_file_in(&mut self, entry_name: &str, folder: &RootedFolder, path: &Path) -> Result<(), WriteError> {
        self.add_opened(entry_name, &folder.path().join(path), folder.open(path))
    }

    fn add_opened(&mut self, entry_name: &str, path: &Path, opened: io::Result<File>) -> Result<(), WriteError> {
        let failed = |source| WriteError::Read { path: path.to_owned(), source };
        let file = opened.map_err(failed)?;
        let size = file.metadata().map_err(failed)?.len();
        self.add_open_file(entry_name, path, &file, size)
    }

    /// Adds bytes under an entry name.
    ///
    /// # Errors
    /// As [`ArchiveWriter::add_file`].
    pub fn add_bytes(&mut self, entry_name: &str, bytes: &[u8]) -> Result<(), WriteError> {
        let index = self.place(entry_name, entry_name, bytes.len() as u64)?;
        let chunk = &mut self.chunks[index];
        chunk.append_bytes(bytes)?;
        chunk.end_entry(bytes.len() as u64)?;
        self.content += bytes.len() as u64;
        self.after(index)
    }

    /// Adds a blob of `size` bytes from the file that holds it, unless it was added before; says whether it was added.
    /// The bytes are not hashed again.
    ///
    /// # Errors
    /// As [`ArchiveWriter::add_file`]; also when the file has another size.
    pub fn add_blob(&mut self, digest: &Digest, path: &Path, size: u64) -> Result<bool, WriteError> {
        if self.blobs.contains(digest) {
            return Ok(false);
        }
        let failed = |source| WriteError::Read { path: path.to_owned(), source };
        let file = rooted_folder::open_regular(path).map_err(failed)?;
        let found = file.metadata().map_err(failed)?.len();
        if found != size {
            let message = format!("blob has {found} bytes, expected {size}");
            return Err(failed(io::Error::new(io::ErrorKind::InvalidData, message)));
        }
        self.add_open_file(&layout::blob_name(digest), path, &file, size)?;
        self.blobs.insert(digest.clone());
        Ok(true)
    }

    /// Adds a small blob from memory, such as a manifest, unless it was added before; says whether it was added.
    ///
    /// # Errors
    /// As [`ArchiveWriter::add_bytes`].
    pub fn add_blob_bytes(&mut self, digest: &Digest, bytes: &[u8]) -> Result<bool, WriteError> {
        if self.blobs.contains(digest) {
            return Ok(false);
        }
        self.add_bytes(&layout::blob_name(digest), bytes)?;
        self.blobs.insert(digest.clone());
        Ok(true)
    }

    /// Writes the header of a blob and leaves room for its `size` bytes, which come later (`--no-cache`); `None` when it
    /// was added before. The entry stands where [`ArchiveWriter::add_blob`] would have put it; slots are filled in any
    /// order, at the same time, while further entries are added.
    ///
    /// # Errors
    /// As [`ArchiveWriter::add_bytes`].
    pub fn reserve_blob(&mut self, digest: &Digest, size: u64) -> Result<Option<BlobSlot>, WriteError> {
        if self.blobs.contains(digest) {
            return Ok(None);
        }
        let name = layout::blob_name(digest);
        let index = self.place(&name, &name, size)?;
        let chunk = &mut self.chunks[index];
        let start = chunk.skip(size)?;
        chunk.end_entry(size)?;
        let slot = BlobSlot::new(&chunk.path, start, digest, size, &self.empty_slots);
        self.content += size;
        self.blobs.insert(digest.clone());
        self.after(index)?;
        Ok(Some(slot))
    }

    /// Adds all regular files below `dir`, under `prefix` and their path: names of each folder sorted, folders entered
    /// in place, hidden files included. Symbolic links and special files are left out and listed in the summary.
    ///
    /// # Errors
    /// As [`ArchiveWriter::add_file`].
    pub fn add_tree(&mut self, prefix: &str, dir: &Path) -> Result<(), WriteError> {
        self.add_folder(prefix, &RootedFolder::at(dir))
    }

    fn add_folder(&mut self, prefix: &str, folder: &RootedFolder) -> Result<(), WriteError> {
        let failed = |source| WriteError::Read { path: folder.path().to_owned(), source };
        for entry in folder.read_dir("").map_err(failed)? {
            match entry.text() {
                Some(name) if entry.kind().is_dir() => {
                    self.add_folder(&format!("{prefix}/{name}"), &folder.below(name))?;
                }
                Some(name) if entry.kind().is_file() => {
                    self.add_file_in(&format!("{prefix}/{name}"), folder, name.as_ref())?;
                }
                _ => self.skipped.push(folder.path().join(entry.name())),
            }
        }
        Ok(())
    }

    /// Whether a blob was added already.
    pub fn has_blob(&self, digest: &Digest) -> bool {
        self.blobs.contains(digest)
    }

    /// Blobs added so far: what the next history gets.
    pub fn blobs(&self) -> &HashSet<Digest> {
        &self.blobs
    }

    /// Completes all chunks and puts them in the place of the previous archive.
    ///
    /// # Errors
    /// [`WriteError::Empty`] when a reserved blob did not arrive. When the disk refuses; the previous archive is untouched
    /// then, unless the error came between the renames, which the next writer or reader completes.
    pub fn finish(mut self) -> Result<ArchiveSummary, WriteError> {
        if let Some((digest, count)) = self.empty_slots.first() {
            return Err(WriteError::Empty { digest, count });
        }
        if let Some(broken) = self.chunks.iter().find(|chunk| chunk.in_entry) {
            return Err(WriteError::Broken { path: broken.path.clone() });
        }
        for chunk in &mut self.chunks {
            chunk.close(self.options.durable)?;
        }
        let count = u32::try_from(self.chunks.len()).expect("chunk numbers have six digits");
        replace::commit(&self.folder, count, self.options.durable)
            .map_err(|source| WriteError::Folder { dir: self.folder.path().to_owned(), source })?;
        self.finished = true;
        let chunks = self.chunks.iter().map(|chunk| Chunk {
            path: self.folder.path().join(archive_file_name(chunk.number)),
            bytes: chunk.length,
            entries: chunk.entries,
        });
        Ok(ArchiveSummary {
            chunks: chunks.collect(),
            content_bytes: self.content,
            oversized: std::mem::take(&mut self.oversized),
            skipped: std::mem::take(&mut self.skipped),
            max_chunk_bytes: self.options.max_chunk_bytes,
        })
    }

    fn add_open_file(&mut self, name: &str, path: &Path, file: &File, size: u64) -> Result<(), WriteError> {
        let index = self.place(name, &path.to_string_lossy(), size)?;
        let chunk = &mut self.chunks[index];
        let copied = chunk.append_file(file, path, size)?;
        if copied != size {
            let message = format!("file changed while it was archived: {copied} of {size} bytes could be read");
            let source = io::Error::new(io::ErrorKind::UnexpectedEof, message);
            chunk.abandon_entry()?;
            return Err(WriteError::Read { path: path.to_owned(), source });
        }
        chunk.end_entry(size)?;
        self.content += size;
        self.after(index)
    }

    /// Chooses the chunk of the next entry and writes its header there.
    fn place(&mut self, name: &str, shown: &str, size: u64) -> Result<usize, WriteError> {
        self.options.admit(shown, size)?;
        let max = self.options.max_chunk_bytes;
        let index = if size > max {
            self.oversized.push((shown.to_owned(), size));
            self.open_chunk()?;
            self.chunks.len() - 1
        } else {
            if self.chunks[self.current].content + size > max {
                self.chunks[self.current].close(false)?;
                self.open_chunk()?;
                self.current = self.chunks.len() - 1;
            }
            self.current
        };
        self.chunks[index].begin_entry(name, size)?;
        Ok(index)
    }

    /// Chunks of one oversized file are complete at once.
    fn after(&mut self, index: usize) -> Result<(), WriteError> {
        if index == self.current { Ok(()) } else { self.chunks[index].close(false) }
    }

    fn open_chunk(&mut self) -> Result<(), WriteError> {
        let number = u32::try_from(self.chunks.len() + 1).ok().filter(|number| *number <= replace::MOST_CHUNKS);
        let number = number.ok_or(WriteError::TooManyChunks)?;
        self.chunks.push(OpenChunk::create(number, &self.folder)?);
        Ok(())
    }
}

impl Drop for ArchiveWriter {
    fn drop(&mut self) {
        if !self.finished {
            for chunk in &self.chunks {
                let _ = self.folder.remove_file(&chunk.path);
            }
        }
    }
}

/// A finished chunk.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Chunk {
    /// The file.
    pub path: PathBuf,
    /// Its size in bytes, headers included.
    pub bytes: u64,
    /// How many entries it has.
    pub entries: u64,
}

/// What was written.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ArchiveSummary {
    /// The chunks in order of their number.
    pub chunks: Vec<Chunk>,
    /// Bytes of content, headers and padding not counted.
    pub content_bytes: u64,
    /// Files larger than a chunk may be (path or entry name, bytes), each alone in a chunk.
    pub oversized: Vec<(String, u64)>,
    /// Symbolic links and special files that [`ArchiveWriter::add_tree`] left out.
    pub skipped: Vec<PathBuf>,
    /// The limit that `oversized` exceed, in bytes.
    pub max_chunk_bytes: u64,
}

impl ArchiveSummary {
    /// The warning for each oversized file, in upstream's words (`docs/behaviour/operators-archive.md` 6.3).
    pub fn oversized_warnings(&self) -> Vec<String> {
        let warning = |(name, bytes): &(String, u64)| too_small(self.max_chunk_bytes / GIB, name, bytes / GIB);
        self.oversized.iter().map(warning).collect()
    }

    /// The closing warning, in upstream's words; `None` when nothing was oversized.
    pub fn closing_warning(&self) -> Option<String> {
        let largest = self.oversized.iter().map(|(_, bytes)| bytes / GIB).max()?;
        let mut text = "The following files exceed the archiveSize configured: \n".to_owned();
        for (name, bytes) in &self.oversized {
            let _ = writeln!(text, "{name}: {}", bytes / GIB);
        }
        let _ = write!(text, "Please consider updating archiveSize to at least {largest}");
        Some(text)
    }

    /// Opens what was written.
    ///
    /// # Errors
    /// As [`Archive::open`].
    pub fn open(&self) -> Result<Archive, super::ArchiveError> {
        Archive::open(self.chunks.first().and_then(|chunk| chunk.path.parent()).expect("chunks lie in a folder"))
    }
}
