//! Reading an archive in place: all headers once, then any blob from its (chunk, offset, length).

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use image_ref::{Digest, Hasher};
use oci_manifest::{MAX_MANIFEST_BYTES, VerifiedManifest};

use super::confine::{Tainted, clean_name};
use super::diagnostics::{ArchiveError, Warning};
use super::missing::MissingFiles;
use super::replace::{chunk_files, chunk_number};
use super::scan::{End, ScanError, Scanner};
use crate::layout::{self, Place};

/// More entries than this are an attack: an archive of this many links would serve a million images.
const ENTRY_LIMIT: u64 = 8_000_000;

/// Bytes of all names together that are kept in memory, foreign ones included.
const NAMES_LIMIT: u64 = 1024 * 1024 * 1024;

/// Links are 71 bytes; more is none.
pub(crate) const LINK_LIMIT: u64 = 1024;

/// An indexed archive: all chunks of one folder. Content stays on disk.
///
/// Where the same name occurs twice, the last one counts, in the lexical order of chunks: what extraction in upstream's
/// order leaves on disk.
#[derive(Debug)]
pub struct Archive {
    dir: PathBuf,
    chunks: Vec<ArchiveChunk>,
    entries: Vec<Entry>,
    blobs: HashMap<Digest, BlobLocation>,
    tags: BTreeMap<(String, String), Digest>,
    foreign: Vec<String>,
    warnings: Vec<Warning>,
    damage: Vec<ArchiveError>,
    scanned: u64,
    name_bytes: u64,
}

/// One chunk file.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ArchiveChunk {
    /// Its name, such as `mirror_000001.tar`.
    pub name: String,
    /// Where it is.
    pub path: PathBuf,
    /// Its size in bytes.
    pub bytes: u64,
    /// How many entries it has, those that are skipped included.
    pub entries: u64,
}

/// One entry with content that oc-mirror may use.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Entry {
    /// Its name, cleaned: no leading `./`, no `..`, no doubled separators.
    pub name: String,
    /// Index into [`Archive::chunks`].
    pub chunk: usize,
    /// Where its content begins in the chunk, in bytes.
    pub offset: u64,
    /// Bytes of content.
    pub len: u64,
    /// The mode its header states; not to be trusted.
    pub mode: u32,
}

/// Where the bytes of a blob are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct BlobLocation {
    /// Index into [`Archive::chunks`].
    pub chunk: usize,
    /// Bytes from the start of the chunk.
    pub offset: u64,
    /// Bytes of the blob.
    pub len: u64,
}

/// One tag of one repository.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub struct TagLink {
    /// Repository path, such as `openshift/release`.
    pub repository: String,
    /// Tag.
    pub tag: String,
    /// What it names.
    pub digest: Digest,
}

impl Archive {
    /// Looks whether `dir` holds an archive, and reads nothing of it.
    ///
    /// # Errors
    /// When there is no chunk, or the folder cannot be read.
    pub fn find(dir: &Path) -> Result<(), ArchiveError> {
        let files = chunk_files(dir).map_err(|source| ArchiveError::Folder { dir: dir.to_owned(), source })?;
        if files.chunks.is_empty() { Err(ArchiveError::NoArchives(dir.to_owned())) } else { Ok(()) }
    }

    /// Indexes all chunks of `dir`: files whose name ends in `mirror_NNNNNN.tar`, in lexical order.
    ///
    /// # Errors
    /// When there is none, one is empty, unreadable or truncated, or an entry's name leads out of its folder.
    pub fn open(dir: &Path) -> Result<Self, ArchiveError> {
        let mut archive = Self::open_damaged(dir)?;
        if archive.damage.is_empty() { Ok(archive) } else { Err(archive.damage.remove(0)) }
    }

    /// As [`Archive::open`], but goes on after a chunk that cannot be read to its end: what is wrong is listed by
    /// [`Archive::damage`], and what came before it can be used. For `archive list` and `archive verify`.
    ///
    /// # Errors
    /// When there is no chunk, or the folder cannot be read.
    pub fn open_damaged(dir: &Path) -> Result<Self, ArchiveError> {
        let files = chunk_files(dir).map_err(|source| ArchiveError::Folder { dir: dir.to_owned(), source })?;
        if files.chunks.is_empty() {
            return Err(ArchiveError::NoArchives(dir.to_owned()));
        }
        let mut archive = Self {
            dir: dir.to_owned(),
            chunks: Vec::new(),
            entries: Vec::new(),
            blobs: HashMap::new(),
            tags: BTreeMap::new(),
            foreign: files.foreign,
            warnings: Vec::new(),
            damage: Vec::new(),
            scanned: 0,
            name_bytes: 0,
        };
        if let Some(hidden) = files.interrupted {
            archive.warnings.push(Warning::InterruptedReplacement(hidden));
        }
        archive.note_equal_numbers(&files.chunks);
        archive.note_gaps(&files.chunks.iter().filter_map(|(name, _)| chunk_number(name)).collect());
        for (name, path) in files.chunks {
            archive.chunks.push(ArchiveChunk { name, path, bytes: 0, entries: 0 });
            if let Err(error) = archive.scan(archive.chunks.len() - 1) {
                archive.damage.push(error);
            }
        }
        archive.keep_last_of_each_name();
        Ok(archive)
    }

    /// The folder.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The chunks in reading order.
    pub fn chunks(&self) -> &[ArchiveChunk] {
        &self.chunks
    }

    /// All usable entries in reading order, names being unique: blobs, links, working directory, the configuration.
    /// Entries that oc-mirror has no place for are in [`Archive::warnings`].
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Other names in the folder.
    pub fn foreign_files(&self) -> &[String] {
        &self.foreign
    }

    /// What is odd and harmless.
    pub fn warnings(&self) -> &[Warning] {
        &self.warnings
    }

    /// What made chunks unreadable; always empty after [`Archive::open`].
    pub fn damage(&self) -> &[ArchiveError] {
        &self.damage
    }

    /// Where a blob is, if this archive has it.
    pub fn blob(&self, digest: &Digest) -> Option<BlobLocation> {
        self.blobs.get(digest).copied()
    }

    /// All blobs, in no order.
    pub fn blobs(&self) -> impl Iterator<Item = (&Digest, BlobLocation)> {
        self.blobs.iter().map(|(digest, location)| (digest, *location))
    }

    /// A reader of a blob's bytes beginning at byte `from`, with a file handle of its own. The bytes are not hashed.
    ///
    /// # Errors
    /// `NotFound` when the archive has no such blob, `InvalidInput` when `from` is behind its end.
    pub fn open_blob(&self, digest: &Digest, from: u64) -> io::Result<BlobReader> {
        let location = self
            .blob(digest)
            .ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, format!("blob {digest} is not in the archive")))?;
        self.reader(location, from)
    }

    /// A reader of an entry's content.
    ///
    /// # Errors
    /// When the chunk cannot be opened.
    pub fn open_entry(&self, entry: &Entry) -> io::Result<BlobReader> {
        self.reader(BlobLocation { chunk: entry.chunk, offset: entry.offset, len: entry.len }, 0)
    }

    fn reader(&self, location: BlobLocation, from: u64) -> io::Result<BlobReader> {
        if from > location.len {
            let message = format!("byte {from} is behind the end of an entry of {} bytes", location.len);
            return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
        }
        let file = rooted_folder::open_regular(self.path_of(location.chunk))?;
        Ok(BlobReader { file, position: location.offset + from, end: location.offset + location.len })
    }

    /// Reads a manifest or another small blob and verifies its digest.
    ///
    /// # Errors
    /// [`ArchiveError::MissingBlob`], [`ArchiveError::TooLarge`], and [`ArchiveError::Digest`] when the bytes are not
    /// what their name says.
    pub fn read_small_blob(&self, digest: &Digest, limit: u64) -> Result<Vec<u8>, ArchiveError> {
        let location = self.blob(digest).ok_or_else(|| ArchiveError::MissingBlob(digest.clone()))?;
        let bytes = self.read_location(location, &digest.to_string(), limit)?;
        let found = Hasher::of(digest.algorithm(), &bytes);
        if found == *digest {
            return Ok(bytes);
        }
        let path = self.path_of(location.chunk).to_owned();
        Err(ArchiveError::Digest { path, expected: digest.clone(), found })
    }

    /// Reads a manifest or index. Unlike in a cache, a damaged one is an error: nobody can bring it again but whoever has
    /// the archive.
    ///
    /// # Errors
    /// As [`Archive::read_small_blob`].
    pub fn manifest(&self, digest: &Digest) -> Result<VerifiedManifest, ArchiveError> {
        let bytes = self.read_small_blob(digest, MAX_MANIFEST_BYTES as u64)?;
        VerifiedManifest::verify(bytes, None, digest).map_err(|wrong| {
            let path = self.blob(digest).map(|place| self.path_of(place.chunk).to_owned()).unwrap_or_default();
            ArchiveError::Digest { path, expected: wrong.expected, found: wrong.found }
        })
    }

    /// Reads the content of a small entry.
    ///
    /// # Errors
    /// [`ArchiveError::TooLarge`] when it has more than `limit` bytes, [`ArchiveError::Unreadable`].
    pub fn read_entry(&self, entry: &Entry, limit: u64) -> Result<Vec<u8>, ArchiveError> {
        let location = BlobLocation { chunk: entry.chunk, offset: entry.offset, len: entry.len };
        self.read_location(location, &entry.name, limit)
    }

    /// The file of a chunk. Places of blobs and entries name chunks of this archive alone.
    fn path_of(&self, chunk: usize) -> &Path {
        self.chunks.get(chunk).map_or(&self.dir, |chunk| &chunk.path)
    }

    fn read_location(&self, location: BlobLocation, name: &str, limit: u64) -> Result<Vec<u8>, ArchiveError> {
        if location.len > limit {
            return Err(ArchiveError::TooLarge { name: name.to_owned(), len: location.len, limit });
        }
        let mut bytes = Vec::new();
        let read = self.reader(location, 0).and_then(|mut reader| reader.read_to_end(&mut bytes));
        read.map_err(|source| ArchiveError::unreadable(self.path_of(location.chunk), source))?;
        Ok(bytes)
    }

    /// The entry of this name.
    pub fn entry(&self, name: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.name == name)
    }

    /// Every tag of every repository, sorted. The archive carries the links of the whole cache it was made from, so
    /// some name manifests that an earlier archive of the sequence has.
    pub fn tag_links(&self) -> impl Iterator<Item = TagLink> {
        self.tags.iter().map(|((repository, tag), digest)| TagLink {
            repository: repository.clone(),
            tag: tag.clone(),
            digest: digest.clone(),
        })
    }

    /// Every manifest and index that a repository is said to have, by its link: repository and digest. As with
    /// [`Archive::tag_links`], the bytes may be in an earlier archive.
    pub fn revisions(&self) -> impl Iterator<Item = (String, Digest)> {
        self.entries.iter().filter_map(|entry| match Place::parse(&entry.name) {
            Some(Place::Revision { repository, digest }) => Some((repository, digest)),
            _ => None,
        })
    }

    /// All repositories that have a tag, sorted.
    pub fn repositories(&self) -> Vec<&str> {
        let names: BTreeSet<&str> = self.tags.keys().map(|(repository, _)| repository.as_str()).collect();
        names.into_iter().collect()
    }

    /// The tags of a repository, sorted, with what they name.
    pub fn tags(&self, repository: &str) -> Vec<(&str, &Digest)> {
        let from = (repository.to_owned(), String::new());
        let own = self.tags.range(from..).take_while(|((name, _), _)| name == repository);
        own.map(|((_, tag), digest)| (tag.as_str(), digest)).collect()
    }

    /// The digest a tag names.
    pub fn resolve_tag(&self, repository: &str, tag: &str) -> Option<&Digest> {
        self.tags.get(&(repository.to_owned(), tag.to_owned()))
    }

    /// The copy of the user's configuration that the archive was made with: the name of its entry, `isc_<time>`.
    pub fn configuration(&self) -> Option<&Entry> {
        self.entries.iter().rev().find(|entry| entry.name.starts_with("isc_"))
    }

    /// The files that were left behind, as far as that can be seen: numbers that no file has, and the end of the archive,
    /// which is [`Archive::configuration`].
    pub fn missing_files(&self) -> Option<MissingFiles> {
        let gaps = self.warnings.iter().find_map(|warning| match warning {
            Warning::MissingChunks(numbers) => Some(numbers.as_slice()),
            _ => None,
        });
        let numbered = self.chunks.iter().filter_map(|chunk| Some((chunk_number(&chunk.name)?, chunk.name.clone())));
        let last = numbered.max().filter(|_| self.configuration().is_none());
        MissingFiles::of(gaps.unwrap_or_default(), last.map(|(number, name)| (name, number)))
    }

    fn note_gaps(&mut self, numbers: &BTreeSet<u32>) {
        let last = numbers.last().copied().unwrap_or(0);
        let missing: Vec<u32> = (1..=last).filter(|number| !numbers.contains(number)).take(100).collect();
        if !missing.is_empty() {
            self.warnings.push(Warning::MissingChunks(missing));
        }
    }

    /// A name in front is accepted, so that two files may claim one number: `mirror_000001.tar` and
    /// `zz-mirror_000001.tar`.
    fn note_equal_numbers(&mut self, files: &[(String, PathBuf)]) {
        let mut by_number: BTreeMap<u32, Vec<String>> = BTreeMap::new();
        for (name, _) in files {
            if let Some(number) = chunk_number(name) {
                by_number.entry(number).or_default().push(name.clone());
            }
        }
        let equal = by_number.into_values().filter(|names| names.len() > 1);
        self.warnings.extend(equal.take(100).map(Warning::EqualNumbers));
    }

    fn scan(&mut self, chunk: usize) -> Result<(), ArchiveError> {
        let path = self.path_of(chunk).to_owned();
        let unreadable = |source: ScanError| ArchiveError::unreadable(&path, source);
        let opened = rooted_folder::open_regular(&path);
        let file = opened.map_err(|source| ArchiveError::unreadable(&path, source))?;
        let mut scanner = Scanner::new(&file).map_err(|source| ArchiveError::unreadable(&path, source))?;
        let bytes = file.metadata().map_or(0, |meta| meta.len());
        if let Some(own) = self.chunks.get_mut(chunk) {
            own.bytes = bytes;
        }
        if bytes == 0 {
            return Err(ArchiveError::Empty(path));
        }
        while let Some(scanned) = scanner.next_entry().map_err(unreadable)? {
            if let Some(own) = self.chunks.get_mut(chunk) {
                own.entries += 1;
            }
            self.scanned += 1;
            self.name_bytes += scanned.name.len() as u64;
            if self.scanned > ENTRY_LIMIT || self.name_bytes > NAMES_LIMIT {
                return Err(ArchiveError::unreadable(
                    &path,
                    format!("more than {ENTRY_LIMIT} entries or too long names"),
                ));
            }
            let name = match clean_name(&scanned.name) {
                Some(name) => name,
                None if is_ours(&scanned.name) => return Err(Tainted::new(&self.dir, &scanned.name).into()),
                None => {
                    self.warnings.push(Warning::ForeignEntry { chunk, name: scanned.name });
                    continue;
                }
            };
            if !matches!(scanned.kind, b'0' | 0 | b'7') || scanned.name.ends_with('/') {
                // Folders are made as files need them; the rest could lead out of the target.
                if !matches!(scanned.kind, b'5') {
                    self.warnings.push(Warning::NotRegular { chunk, name: scanned.name, kind: scanned.kind as char });
                }
                continue;
            }
            let (offset, len) = (scanned.offset, scanned.len);
            match Place::parse(&name) {
                Some(Place::Blob(digest)) => {
                    let location = BlobLocation { chunk, offset, len };
                    if let Some(before) = self.blobs.insert(digest.clone(), location)
                        && before.len != len
                    {
                        self.warnings.push(Warning::ConflictingBlob { digest, lengths: (before.len, len) });
                    }
                }
                Some(Place::TagCurrent { repository, tag }) => {
                    let mut bytes = vec![0; usize::try_from(len.min(LINK_LIMIT)).expect("limited")];
                    scanner.read_at(&mut bytes, offset).map_err(unreadable)?;
                    let key = (repository, tag);
                    if let Some(digest) = layout::parse_link(&bytes) {
                        self.tags.insert(key, digest);
                    } else {
                        // The last entry of a name counts, also when it is worthless.
                        self.tags.remove(&key);
                        self.warnings.push(Warning::BadLink { chunk, name: name.clone() });
                    }
                }
                Some(_) => {}
                None if name.starts_with("working-dir/") || (name.starts_with("isc_") && !name.contains('/')) => {}
                None => {
                    self.warnings.push(Warning::ForeignEntry { chunk, name });
                    continue;
                }
            }
            self.entries.push(Entry { name, chunk, offset, len, mode: scanned.mode });
        }
        if scanner.end() == Some(End::Unmarked) {
            self.warnings.push(Warning::NoEndMark { chunk });
        }
        Ok(())
    }

    fn keep_last_of_each_name(&mut self) {
        let mut last: HashMap<&str, usize> = HashMap::with_capacity(self.entries.len());
        let mut overriding: BTreeSet<usize> = BTreeSet::new();
        for (index, entry) in self.entries.iter().enumerate() {
            if last.insert(&entry.name, index).is_some() {
                overriding.insert(entry.chunk);
            }
        }
        if overriding.is_empty() {
            return;
        }
        let keep: Vec<bool> = self
            .entries
            .iter()
            .enumerate()
            .map(|(index, entry)| last.get(entry.name.as_str()) == Some(&index))
            .collect();
        let mut keep = keep.into_iter();
        let mut dropped = 0;
        self.entries.retain(|_| {
            let kept = keep.next().unwrap_or(true);
            dropped += u64::from(!kept);
            kept
        });
        let files = overriding.into_iter().filter_map(|chunk| Some(self.chunks.get(chunk)?.name.clone())).collect();
        self.warnings.push(Warning::DuplicateEntries { count: dropped, files });
    }
}

/// Whether a name that cannot be cleaned was meant for a place of ours, so that it is an attack and no stray file.
fn is_ours(name: &str) -> bool {
    name.contains(layout::WORKING_DIR) || name.contains(layout::REGISTRY_ROOT)
}

/// The bytes of one entry.
#[derive(Debug)]
pub struct BlobReader {
    file: File,
    position: u64,
    end: u64,
}

impl BlobReader {
    /// Bytes still to come.
    pub fn remaining(&self) -> u64 {
        self.end - self.position
    }

    /// The chunk, and the place in it of the next byte, for who reads by position.
    pub fn into_file(self) -> (File, u64) {
        (self.file, self.position)
    }
}

impl Read for BlobReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let wanted = usize::try_from(self.remaining()).map_or(buffer.len(), |left| left.min(buffer.len()));
        if wanted == 0 {
            return Ok(0);
        }
        let buffer = buffer.get_mut(..wanted).unwrap_or_default();
        match self.file.read_at(buffer, self.position)? {
            0 => Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the archive became shorter while it was read")),
            count => {
                self.position += count as u64;
                Ok(count)
            }
        }
    }
}
