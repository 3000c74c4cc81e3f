//! Reading the files of a folder out of a stack of layers.

use std::collections::{BTreeMap, HashSet};
use std::io::{self, BufRead, BufReader, Read};

use tar::EntryType;

/// Prefix of a file that says that its namesake in a lower layer is gone (OCI image layer specification, "Whiteouts").
const WHITEOUT: &str = ".wh.";
/// Name of a file that says that nothing of its folder in lower layers shows.
const OPAQUE: &str = ".wh..wh..opq";

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
        let bounded = Bounded { inner: unpacked, left: self.limits.layer_bytes };
        let mut archive = tar::Archive::new(bounded);
        let mut layer = Layer::default();
        let mut count = 0;
        for entry in archive.entries().map_err(|error| self.explain(error))? {
            let mut entry = entry.map_err(|error| self.explain(error))?;
            count += 1;
            if count > self.limits.entries {
                return Err(ReadConfigsError::TooLarge { limit: self.limits.entries, what: "entries" });
            }
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
        if error.get_ref().is_some_and(|inner| inner.to_string() == OVER_BOUND) {
            return ReadConfigsError::TooLarge { limit: self.limits.layer_bytes, what: "bytes unpacked" };
        }
        ReadConfigsError::Io(error)
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

const OVER_BOUND: &str = "more bytes than allowed";

/// A reader that fails behind a bound.
struct Bounded<R> {
    inner: R,
    left: u64,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        match self.left.checked_sub(count as u64) {
            Some(left) => {
                self.left = left;
                Ok(count)
            }
            None => Err(io::Error::other(OVER_BOUND)),
        }
    }
}

/// The path without `.`, empty parts and slashes around it; none for the root, and for a path that leaves it.
fn clean(path: &[u8]) -> Option<String> {
    let path = std::str::from_utf8(path).ok()?;
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
mod tests {
    use test_support::Layer;

    use super::*;

    type Files<'a> = &'a [(&'a str, &'a str)];

    fn layer(files: Files<'_>) -> Layer {
        Layer::tar_gz(files.iter().map(|(path, content)| (*path, content.as_bytes())))
    }

    fn read(layers: &[Layer]) -> Vec<(String, String)> {
        let mut reader = ConfigsReader::new("configs", Limits::default());
        for layer in layers.iter().rev() {
            if reader.is_complete() {
                break;
            }
            reader.layer(&layer.bytes[..]).unwrap();
        }
        let text = |bytes| String::from_utf8(bytes).unwrap();
        reader.into_files().into_iter().map(|(path, bytes)| (path, text(bytes))).collect()
    }

    #[track_caller]
    fn check(layers: &[Files<'_>], expected: Files<'_>) {
        let layers: Vec<Layer> = layers.iter().map(|files| layer(files)).collect();
        let found = read(&layers);
        let found: Vec<(&str, &str)> = found.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn layers_are_stacked() {
        check(&[], &[]);
        check(&[&[("bin/opm", "x")]], &[]);
        check(&[&[("configs/a/c.json", "1")]], &[("a/c.json", "1")]);
        check(&[&[("configs/a", "1"), ("configs/b", "2")], &[("configs/a", "3")]], &[("a", "3"), ("b", "2")]);
        // Only the folder itself counts, not names that look like it.
        check(&[&[("usr/share/configs-doc/x", "1"), ("configs2/x", "2"), ("etc/configs/x", "3")]], &[]);
    }

    #[test]
    fn whiteouts() {
        let base: Files<'_> = &[("configs/a/c", "1"), ("configs/b/c", "2"), ("tmp/x", "3")];
        check(&[base, &[("configs/.wh.a", "")]], &[("b/c", "2")]);
        check(&[base, &[("configs/a/.wh.c", "")]], &[("b/c", "2")]);
        check(&[base, &[(".wh.configs", "")]], &[]);
        check(&[base, &[(".wh.configs", "")], &[("configs/n", "4")]], &[("n", "4")]);
        check(&[base, &[(".wh.configs", ""), ("configs/n", "4")]], &[("n", "4")]);
        check(&[base, &[("configs/.wh..wh..opq", ""), ("configs/n", "4")]], &[("n", "4")]);
        check(&[base, &[("configs/a/.wh..wh..opq", ""), ("configs/a/n", "4")]], &[("a/n", "4"), ("b/c", "2")]);
        check(&[base, &[(".wh..wh..opq", "")]], &[]);
        // A whiteout takes away what lower layers have, not what comes back above it.
        check(&[base, &[("configs/.wh.a", "")], &[("configs/a/c", "5")]], &[("a/c", "5"), ("b/c", "2")]);
    }

    #[test]
    fn files_and_folders_replace_each_other() {
        check(&[&[("configs/a/c", "1")], &[("configs/a", "2")]], &[("a", "2")]);
        check(&[&[("configs/a", "1")], &[("configs/a/c", "2")]], &[("a/c", "2")]);
        check(&[&[("configs/a", "1")], &[("configs", "2")]], &[]);
    }

    #[test]
    fn compressions() {
        let files = || [("configs/a", b"1".as_slice())];
        for layer in [Layer::tar_gz(files()), Layer::zstd(files()), Layer::tar(files())] {
            assert_eq!(read(&[layer]), [("a".to_owned(), "1".to_owned())]);
        }
    }

    #[test]
    fn bounds() {
        let refused =
            |limits: Limits, bytes: &[u8]| ConfigsReader::new("configs", limits).layer(bytes).unwrap_err().to_string();
        let zeros = vec![0; 1 << 20];
        let bomb = Layer::tar_gz([("configs/a", zeros.as_slice()), ("configs/b", b"1")]);
        let kept = Limits { kept_bytes: 1000, ..Limits::default() };
        assert_eq!(refused(kept, &bomb.bytes), "the layer is refused: more than 1000 bytes of catalog");
        let unpacked = Limits { layer_bytes: 10_000, ..Limits::default() };
        assert_eq!(refused(unpacked, &bomb.bytes), "the layer is refused: more than 10000 bytes unpacked");
        let entries = Limits { entries: 1, ..Limits::default() };
        assert_eq!(refused(entries, &bomb.bytes), "the layer is refused: more than 1 entries");
        // Cut off in the middle.
        assert_eq!(refused(Limits::default(), &bomb.bytes[..bomb.bytes.len() / 2]), "the layer cannot be read");
    }
}
