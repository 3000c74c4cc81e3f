//! Reading the files of a folder out of a stack of layers.

use std::borrow::Cow;
use std::cell::Cell;
use std::collections::{BTreeMap, HashSet};
use std::io::{self, BufRead, BufReader, Read};
use std::rc::Rc;

use tar::EntryType;

/// Prefix of a file that says that its namesake in a lower layer is gone (OCI image layer specification, "Whiteouts").
const WHITEOUT: &str = ".wh.";
/// Name of a file that says that nothing of its folder in lower layers shows.
const OPAQUE: &str = ".wh..wh..opq";

/// How many bytes may stand between the content of one entry and that of the next. A header has 512; names that are too
/// long for it, and other extensions, are held in memory by whoever reads them.
const MOST_HEADER_BYTES: u64 = 1 << 20;

/// Bounds against layers that are small on the wire and huge unpacked.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// Bytes of all files kept.
    pub(crate) kept_bytes: u64,
    /// Entries of one layer.
    pub(crate) entries: u64,
    /// Bytes of one unpacked layer.
    pub(crate) layer_bytes: u64,
}

impl Default for Limits {
    /// 2 GiB of catalog, thirty times the largest that is published; 32 GiB and four million entries a layer.
    fn default() -> Self {
        Self { kept_bytes: 2 << 30, entries: 4 << 20, layer_bytes: 32 << 30 }
    }
}

/// Why a layer cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum ReadConfigsError {
    /// The layer is damaged, or its blob cannot be read.
    #[error("the layer cannot be read")]
    Io(#[from] io::Error),
    /// A bound was reached.
    #[error("the layer is refused: more than {limit} {what}")]
    TooLarge {
        /// The bound.
        limit: u64,
        /// What it bounds.
        what: &'static str,
    },
}

/// Collects the files of one folder from layers that are given from the top down.
#[derive(Debug)]
pub(crate) struct ConfigsReader {
    folder: String,
    limits: Limits,
    kept_bytes: u64,
    /// Content by path, folder included.
    files: BTreeMap<String, Vec<u8>>,
    /// Paths that a layer read so far defines as a folder.
    folders: HashSet<String>,
    /// Paths that show nothing of lower layers, themselves or anything below.
    hidden: HashSet<String>,
    /// Folders of which lower layers show nothing, though the folder itself stays.
    opaque: HashSet<String>,
}

/// What one layer says; it takes effect on the layers below when the layer has been read whole.
#[derive(Default)]
struct Layer {
    files: BTreeMap<String, Vec<u8>>,
    folders: HashSet<String>,
    hidden: HashSet<String>,
    opaque: HashSet<String>,
}

impl ConfigsReader {
    /// A reader for the files below `folder`, which has no slashes around it.
    pub(crate) fn new(folder: &str, limits: Limits) -> Self {
        Self {
            folder: folder.to_owned(),
            limits,
            kept_bytes: 0,
            files: BTreeMap::new(),
            folders: HashSet::new(),
            hidden: HashSet::new(),
            opaque: HashSet::new(),
        }
    }

    /// Reads the next lower layer: a tar, plain or compressed with gzip or zstd. The blob is read to its end, so that a
    /// reader that hashes has seen all of it.
    ///
    /// # Errors
    /// See [`ReadConfigsError`]. The reader is of no use afterwards.
    pub(crate) fn layer(&mut self, blob: impl Read) -> Result<(), ReadConfigsError> {
        let mut blob = BufReader::with_capacity(128 * 1024, blob);
        let layer = match compression(&mut blob)? {
            Compression::Gzip => self.tar(flate2::bufread::MultiGzDecoder::new(&mut blob))?,
            Compression::Zstd => self.tar(zstd::stream::read::Decoder::with_buffer(&mut blob)?)?,
            Compression::None => self.tar(&mut blob)?,
        };
        io::copy(&mut blob, &mut io::sink())?;
        for (path, content) in layer.files {
            // A folder of an upper layer stands where this file was.
            if !self.folders.contains(&path) {
                self.files.entry(path).or_insert(content);
            }
        }
        self.folders.extend(layer.folders);
        self.hidden.extend(layer.hidden);
        self.opaque.extend(layer.opaque);
        Ok(())
    }

    /// Whether lower layers cannot add anything.
    pub(crate) fn is_complete(&self) -> bool {
        let ends = |path: &str| self.hidden.contains(path) || self.opaque.contains(path);
        ends("") || is_or_is_below(&self.folder, ends)
    }

    /// Whether nothing was found so far.
    pub(crate) fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// The files, sorted by their paths below the folder.
    pub(crate) fn into_files(self) -> Vec<(String, Vec<u8>)> {
        let prefix = self.folder.len() + 1;
        self.files.into_iter().map(|(path, content)| (path[prefix..].to_owned(), content)).collect()
    }

    /// Whether upper layers hide what a lower one has at `path`.
    fn is_hidden(&self, path: &str) -> bool {
        self.opaque.contains("")
            || is_or_is_below(path, |path| self.hidden.contains(path))
            || parent(path).is_some_and(|parent| is_or_is_below(parent, |path| self.opaque.contains(path)))
    }

    fn tar(&mut self, unpacked: impl Read) -> Result<Layer, ReadConfigsError> {
        let until_content = Rc::new(Cell::new(MOST_HEADER_BYTES));
        let bounded = Bounded { inner: unpacked, left: self.limits.layer_bytes, left_here: Rc::clone(&until_content) };
        let mut archive = tar::Archive::new(bounded);
        let mut layer = Layer::default();
        let mut count = 0;
        for entry in archive.entries().map_err(|error| self.explain(error))? {
            let mut entry = entry.map_err(|error| self.explain(error))?;
            count += 1;
            if count > self.limits.entries {
                return Err(ReadConfigsError::TooLarge { limit: self.limits.entries, what: "entries" });
            }
            until_content.set(stored_bytes(&entry)?.saturating_add(MOST_HEADER_BYTES));
            let Some(path) = clean(&entry.path_bytes()) else { continue };
            let (folder, name) = path.rsplit_once('/').unwrap_or(("", &path));
            if name == OPAQUE {
                layer.opaque.insert(folder.to_owned());
                continue;
            }
            if let Some(gone) = name.strip_prefix(WHITEOUT) {
                layer.hidden.insert(if folder.is_empty() { gone.to_owned() } else { format!("{folder}/{gone}") });
                continue;
            }
            let above = is_or_is_below(&self.folder, |parent| parent == path);
            let inside = path.strip_prefix(&self.folder).is_some_and(|rest| rest.starts_with('/'));
            if !(above || inside) || self.is_hidden(&path) {
                continue;
            }
            match entry.header().entry_type() {
                EntryType::Directory => {
                    layer.folders.insert(path);
                }
                EntryType::Regular | EntryType::Continuous if inside => {
                    let content = self.content(&mut entry)?;
                    if let Some(earlier) = layer.files.insert(path.clone(), content) {
                        self.kept_bytes -= earlier.len() as u64;
                    }
                    layer.hidden.insert(path);
                }
                // Links are no files of the catalog (contract 1.1), but they hide what was below their name.
                _ => {
                    if let Some(earlier) = layer.files.remove(&path) {
                        self.kept_bytes -= earlier.len() as u64;
                    }
                    layer.hidden.insert(path);
                }
            }
        }
        // Tar archives end with zeros that nobody reads; a compressed stream has its checksum behind them.
        until_content.set(u64::MAX);
        io::copy(&mut archive.into_inner(), &mut io::sink()).map_err(|error| self.explain(error))?;
        Ok(layer)
    }

    fn content(&mut self, entry: &mut impl Read) -> Result<Vec<u8>, ReadConfigsError> {
        let left = self.limits.kept_bytes - self.kept_bytes;
        let mut content = Vec::new();
        entry.take(left + 1).read_to_end(&mut content).map_err(|error| self.explain(error))?;
        if content.len() as u64 > left {
            return Err(ReadConfigsError::TooLarge { limit: self.limits.kept_bytes, what: "bytes of catalog" });
        }
        self.kept_bytes += content.len() as u64;
        Ok(content)
    }

    fn explain(&self, error: io::Error) -> ReadConfigsError {
        match refusal(&error) {
            Some(Refusal::Layer) => {
                ReadConfigsError::TooLarge { limit: self.limits.layer_bytes, what: "bytes unpacked" }
            }
            Some(Refusal::Header) => {
                ReadConfigsError::TooLarge { limit: MOST_HEADER_BYTES, what: "bytes of headers for one entry" }
            }
            None => ReadConfigsError::Io(error),
        }
    }
}

/// The bytes that the content of an entry takes in the archive. Only of sparse files that is not their size.
fn stored_bytes<R: Read>(entry: &tar::Entry<'_, R>) -> io::Result<u64> {
    match entry.header().entry_type() {
        EntryType::GNUSparse => entry.header().entry_size(),
        _ => Ok(entry.size()),
    }
}

enum Compression {
    Gzip,
    Zstd,
    None,
}

/// Goes by the first bytes: media types are not always right about the compression.
fn compression(blob: &mut impl BufRead) -> io::Result<Compression> {
    let start = blob.fill_buf()?;
    Ok(match start {
        [0x1f, 0x8b, ..] => Compression::Gzip,
        [0x28, 0xb5, 0x2f, 0xfd, ..] => Compression::Zstd,
        _ => Compression::None,
    })
}

/// Why [`Bounded`] stops.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
enum Refusal {
    #[error("more bytes than a layer may have")]
    Layer,
    #[error("more bytes than the headers of an entry may have")]
    Header,
}

/// What stopped a reader, however deep readers above it have wrapped the reason.
fn refusal(error: &io::Error) -> Option<Refusal> {
    let mut cause = error.get_ref().map(|inner| inner as &(dyn std::error::Error + 'static));
    while let Some(inner) = cause {
        let nested = || inner.downcast_ref::<io::Error>().and_then(refusal);
        if let Some(refusal) = inner.downcast_ref().copied().or_else(nested) {
            return Some(refusal);
        }
        cause = inner.source();
    }
    None
}

/// A reader that fails behind bounds.
struct Bounded<R> {
    inner: R,
    /// How much the layer may still have.
    left: u64,
    /// How much may come until somebody says how long the next content is.
    left_here: Rc<Cell<u64>>,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        let less = |left: u64| left.checked_sub(count as u64);
        self.left = less(self.left).ok_or_else(|| io::Error::other(Refusal::Layer))?;
        self.left_here.set(less(self.left_here.get()).ok_or_else(|| io::Error::other(Refusal::Header))?);
        Ok(count)
    }
}

/// The path without `.`, empty parts and slashes around it; none for the root, and for a path that leaves it. What is no
/// text is escaped: it only has to differ from other names.
pub(super) fn clean(path: &[u8]) -> Option<String> {
    let path = std::str::from_utf8(path).map_or_else(|_| path.escape_ascii().to_string().into(), Cow::Borrowed);
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty() && *part != ".").collect();
    (!parts.is_empty() && !parts.contains(&"..")).then(|| parts.join("/"))
}

fn parent(path: &str) -> Option<&str> {
    path.rsplit_once('/').map(|(parent, _)| parent)
}

/// Whether the path or one of the folders it lies in is what is asked for.
fn is_or_is_below(path: &str, asked: impl Fn(&str) -> bool) -> bool {
    std::iter::successors(Some(path), |path| parent(path)).any(asked)
}

#[cfg(test)]
mod tests;
