//! Reading the files of a folder out of a stack of layers.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashSet};
use std::io::{self, BufRead, BufReader, Read};

use tar::EntryType;

use image_layers::bounded_tar::{OverBound, TarLimits, Used, each_entry};

/// Prefix of a file that says that its namesake in a lower layer is gone (OCI image layer specification, "Whiteouts").
const WHITEOUT: &str = ".wh.";
/// Name of a file that says that nothing of its folder in lower layers shows.
const OPAQUE: &str = ".wh..wh..opq";

/// Bounds against layers that are small on the wire and huge unpacked.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Bytes of all files kept, with their paths.
    pub kept_bytes: u64,
    /// All layers together.
    pub layers: TarLimits,
}

impl Default for Limits {
    /// 2 GiB of catalog, thirty times the largest that is published.
    fn default() -> Self {
        Self { kept_bytes: 2 << 30, layers: TarLimits::LAYER }
    }
}

/// Why a layer cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadConfigsError {
    /// The layer is damaged, or its blob cannot be read.
    #[error("the layer cannot be read")]
    Io(#[source] io::Error),
    /// A bound was reached.
    #[error("the layer is refused: {0}")]
    TooLarge(OverBound),
}

impl From<io::Error> for ReadConfigsError {
    fn from(error: io::Error) -> Self {
        match OverBound::of(&error) {
            Some(bound) => Self::TooLarge(bound),
            None => Self::Io(error),
        }
    }
}

/// Collects the files of one folder from layers that are given from the top down.
#[derive(Debug)]
pub struct ConfigsReader {
    folder: String,
    limits: Limits,
    kept_bytes: u64,
    used: Used,
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
    pub fn new(folder: &str, limits: Limits) -> Self {
        Self {
            folder: folder.to_owned(),
            limits,
            kept_bytes: 0,
            used: Used::default(),
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
    /// See `ReadConfigsError`. The reader is of no use afterwards.
    pub fn layer(&mut self, blob: impl Read) -> Result<(), ReadConfigsError> {
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
    pub fn is_complete(&self) -> bool {
        let ends = |path: &str| self.hidden.contains(path) || self.opaque.contains(path);
        ends("") || is_or_is_below(&self.folder, ends)
    }

    /// Whether nothing was found so far.
    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// The files, sorted by their paths below the folder.
    pub fn into_files(self) -> Vec<(String, Vec<u8>)> {
        let below = |path: &str| Some(path.strip_prefix(&self.folder)?.strip_prefix('/')?.to_owned());
        self.files.into_iter().filter_map(|(path, content)| Some((below(&path)?, content))).collect()
    }

    /// Whether upper layers hide what a lower one has at `path`.
    fn is_hidden(&self, path: &str) -> bool {
        self.opaque.contains("")
            || is_or_is_below(path, |path| self.hidden.contains(path))
            || parent(path).is_some_and(|parent| is_or_is_below(parent, |path| self.opaque.contains(path)))
    }

    fn tar(&mut self, unpacked: impl Read) -> Result<Layer, ReadConfigsError> {
        let mut layer = Layer::default();
        let mut used = self.used;
        each_entry(unpacked, self.limits.layers, &mut used, |entry| -> Result<(), ReadConfigsError> {
            let Some(path) = clean(&entry.path_bytes()) else { return Ok(()) };
            let (folder, name) = path.rsplit_once('/').unwrap_or(("", &path));
            if name == OPAQUE {
                self.keep(path.len())?;
                layer.opaque.insert(folder.to_owned());
                return Ok(());
            }
            if let Some(gone) = name.strip_prefix(WHITEOUT) {
                self.keep(path.len())?;
                layer.hidden.insert(if folder.is_empty() { gone.to_owned() } else { format!("{folder}/{gone}") });
                return Ok(());
            }
            let above = is_or_is_below(&self.folder, |parent| parent == path);
            let inside = path.strip_prefix(&self.folder).is_some_and(|rest| rest.starts_with('/'));
            if !(above || inside) || self.is_hidden(&path) {
                return Ok(());
            }
            self.keep(path.len())?;
            match entry.header().entry_type() {
                EntryType::Directory => {
                    layer.folders.insert(path);
                }
                EntryType::Regular | EntryType::Continuous if inside => {
                    let content = self.content(entry)?;
                    if let Some(earlier) = layer.files.insert(path.clone(), content) {
                        self.kept_bytes -= earlier.len() as u64;
                    }
                    layer.hidden.insert(path);
                }
                // Links are no files of the catalog (`docs/behaviour/operators-archive.md` 1.1), but they hide what was
                // below their name.
                _ => {
                    if let Some(earlier) = layer.files.remove(&path) {
                        self.kept_bytes -= earlier.len() as u64;
                    }
                    layer.hidden.insert(path);
                }
            }
            Ok(())
        })?;
        self.used = used;
        Ok(layer)
    }

    fn content(&mut self, entry: &mut impl Read) -> Result<Vec<u8>, ReadConfigsError> {
        let left = self.limits.kept_bytes - self.kept_bytes;
        let mut content = Vec::new();
        entry.take(left + 1).read_to_end(&mut content)?;
        self.keep(content.len())?;
        Ok(content)
    }

    /// Counts what is kept in memory.
    fn keep(&mut self, bytes: usize) -> Result<(), ReadConfigsError> {
        self.kept_bytes += bytes as u64;
        if self.kept_bytes > self.limits.kept_bytes {
            let bound = OverBound { limit: self.limits.kept_bytes, what: "bytes of catalog" };
            return Err(ReadConfigsError::TooLarge(bound));
        }
        Ok(())
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
pub(super) fn is_or_is_below(path: &str, asked: impl Fn(&str) -> bool) -> bool {
    std::iter::successors(Some(path), |path| parent(path)).any(asked)
}

#[cfg(test)]
mod tests;
