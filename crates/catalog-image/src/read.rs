//! Reading the files of a folder out of a stack of layers.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashSet};
use std::io::{self, Read};

use tar::EntryType;

use image_layers::bounded_tar::{OverBound, TarLimits, Used, each_entry};
use image_layers::overlay::{Overlay, is_or_is_below, unpacked};

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
    /// What does not show of the layers below.
    overlay: Overlay,
}

/// What one layer says; it takes effect on the layers below when the layer has been read whole.
#[derive(Default)]
struct Layer {
    files: BTreeMap<String, Vec<u8>>,
    folders: HashSet<String>,
    overlay: Overlay,
}

impl Layer {
    /// Takes away the files that cannot be beside a new entry of this name, which comes later and counts: the one of the same name,
    /// those in whose place a folder has to be, and, when asked for, those below. Gives the bytes of their contents.
    fn clear(&mut self, path: &str, below: bool) -> u64 {
        let mut bytes = 0;
        let mut remove = |files: &mut BTreeMap<String, Vec<u8>>, path: &str| {
            bytes += files.remove(path).map_or(0, |content| content.len() as u64);
        };
        for (at, _) in path.match_indices('/') {
            remove(&mut self.files, path.split_at(at).0);
        }
        remove(&mut self.files, path);
        while let Some(lower) = first_below(&self.files, path).filter(|_| below) {
            remove(&mut self.files, &lower);
        }
        bytes
    }
}

/// The first of the files in the folder of this name.
fn first_below(files: &BTreeMap<String, Vec<u8>>, folder: &str) -> Option<String> {
    let prefix = format!("{folder}/");
    let (first, _) = files.range(prefix.clone()..).next()?;
    first.starts_with(&prefix).then(|| first.clone())
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
            overlay: Overlay::default(),
        }
    }

    /// Reads the next lower layer: a tar, plain or compressed with gzip or zstd. The blob is read to its end, so that a
    /// reader that hashes has seen all of it.
    ///
    /// # Errors
    /// See `ReadConfigsError`. The reader is of no use afterwards.
    pub fn layer(&mut self, blob: impl Read) -> Result<(), ReadConfigsError> {
        let mut blob = blob;
        let layer = self.tar(unpacked(&mut blob)?)?;
        io::copy(&mut blob, &mut io::sink())?;
        for (path, content) in layer.files {
            // A folder of an upper layer stands where this file was, whether an entry names the folder or only what is in it.
            if !self.folders.contains(&path) && first_below(&self.files, &path).is_none() {
                self.files.entry(path).or_insert(content);
            }
        }
        self.folders.extend(layer.folders);
        self.overlay.add(layer.overlay);
        Ok(())
    }

    /// Whether lower layers cannot add anything.
    pub fn is_complete(&self) -> bool {
        self.overlay.ends(&self.folder)
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

    fn tar(&mut self, tar: impl Read) -> Result<Layer, ReadConfigsError> {
        let mut layer = Layer::default();
        let mut used = self.used;
        each_entry(tar, self.limits.layers, &mut used, |entry| -> Result<(), ReadConfigsError> {
            let Some(path) = clean(&entry.path_bytes()) else { return Ok(()) };
            if layer.overlay.mark(&path) {
                return self.keep(path.len());
            }
            let above = is_or_is_below(&self.folder, |parent| parent == path);
            let inside = path.strip_prefix(&self.folder).is_some_and(|rest| rest.starts_with('/'));
            if !(above || inside) || self.overlay.hides(&path) {
                return Ok(());
            }
            self.keep(path.len())?;
            match entry.header().entry_type() {
                EntryType::Directory => {
                    self.kept_bytes -= layer.clear(&path, false);
                    layer.folders.insert(path);
                }
                EntryType::Regular | EntryType::Continuous if inside => {
                    let content = self.content(entry)?;
                    self.kept_bytes -= layer.clear(&path, true);
                    layer.files.insert(path.clone(), content);
                    layer.overlay.hide(path);
                }
                // Links are no files of the catalog (`docs/behaviour/operators-archive.md` 1.1), but they hide what was
                // below their name.
                _ => {
                    self.kept_bytes -= layer.clear(&path, true);
                    layer.overlay.hide(path);
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

/// The path without `.`, empty parts and slashes around it; none for the root, and for a path that leaves it. What is no
/// text is escaped: it only has to differ from other names.
pub(super) fn clean(path: &[u8]) -> Option<String> {
    let path = std::str::from_utf8(path).map_or_else(|_| path.escape_ascii().to_string().into(), Cow::Borrowed);
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty() && *part != ".").collect();
    (!parts.is_empty() && !parts.contains(&"..")).then(|| parts.join("/"))
}

#[cfg(test)]
mod tests;
