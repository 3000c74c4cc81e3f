//! The files below `release-manifests` of an image, from its layers, newest first.
//!
//! Reading stops as soon as the files asked for are there: in real payloads the newest layer has them all.

use std::collections::BTreeMap;
use std::io::{self, Read};

use mirror_plan::release::{LayoutError, MAX_PAYLOAD_FILE_BYTES, extracted_path};

use image_layers::bounded_tar::{TarLimits, Used, each_entry};
use image_layers::overlay::{Overlay, unpacked};

/// All kept files and names together, in bytes. A real payload has about 20 MiB of them.
const MAX_TOTAL_BYTES: usize = 256 * 1024 * 1024;

/// Collects files, layer by layer from the newest down.
#[derive(Debug, Default)]
pub(super) struct Extraction {
    /// What the layers so far had, unpacked.
    used: Used,
    files: BTreeMap<String, Vec<u8>>,
    /// What newer layers have settled.
    overlay: Overlay,
    total: usize,
}

/// Why the files of a payload cannot be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum ExtractError {
    #[error("a layer of the release image cannot be read: {0}")]
    Layer(#[from] io::Error),
    #[error("{0}")]
    Path(#[from] LayoutError),
    #[error(
        "file `{path}` of the release image has {bytes} bytes, more than the {MAX_PAYLOAD_FILE_BYTES} that are read"
    )]
    TooLong { path: String, bytes: u64 },
    #[error("the manifests of the release image have more than {MAX_TOTAL_BYTES} bytes in all")]
    TooMuch,
}

impl Extraction {
    /// Whether a file has been found.
    pub(super) fn has(&self, path: &str) -> bool {
        self.files.contains_key(path)
    }

    /// The files: path and content.
    pub(super) fn into_files(self) -> BTreeMap<String, Vec<u8>> {
        self.files
    }

    /// Reads one layer: a tar, plain or compressed with gzip or zstd.
    pub(super) fn layer(&mut self, blob: impl Read) -> Result<(), ExtractError> {
        // What this layer removes concerns lower layers only, whatever the order of its entries.
        let mut overlay = Overlay::default();
        let mut used = self.used;
        each_entry(unpacked(blob)?, TarLimits::LAYER, &mut used, |entry| -> Result<(), ExtractError> {
            let path = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
            let path = path.trim_start_matches("./").trim_matches('/').to_owned();
            if overlay.mark(&path) {
                return self.keep(path.len());
            }
            let Some(kept) = extracted_path(&path)? else { return Ok(()) };
            if self.overlay.hides(&kept) || entry.header().entry_type().is_dir() {
                return Ok(());
            }
            self.keep(kept.len())?;
            if !entry.header().entry_type().is_file() {
                // A link or device in the place of a file: upstream keeps neither, and lower layers do not count.
                overlay.hide(kept);
                return Ok(());
            }
            let bytes = entry.size();
            if bytes > MAX_PAYLOAD_FILE_BYTES as u64 {
                return Err(ExtractError::TooLong { path: kept, bytes });
            }
            let mut content = Vec::new();
            entry.read_to_end(&mut content)?;
            self.keep(content.len())?;
            overlay.hide(kept.clone());
            // Twice in one layer: the later entry wins, as it does when a tar is unpacked.
            self.files.insert(kept, content);
            Ok(())
        })?;
        self.used = used;
        self.overlay.add(overlay);
        Ok(())
    }

    /// Counts what is kept in memory.
    fn keep(&mut self, bytes: usize) -> Result<(), ExtractError> {
        self.total += bytes;
        if self.total > MAX_TOTAL_BYTES { Err(ExtractError::TooMuch) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use test_support::Layer;

    use super::*;

    /// Extracts layers, given oldest first, and lists what is there as `path=content`.
    #[track_caller]
    fn check(layers: &[Layer], expected: &[&str]) {
        let mut extraction = Extraction::default();
        for layer in layers.iter().rev() {
            extraction.layer(&*layer.bytes).unwrap();
        }
        let files: Vec<String> = extraction
            .into_files()
            .into_iter()
            .map(|(path, content)| format!("{path}={}", String::from_utf8(content).unwrap()))
            .collect();
        assert_eq!(files, expected);
    }

    fn layer(files: &[(&str, &str)]) -> Layer {
        Layer::tar_gz(files.iter().map(|(path, content)| (*path, content.as_bytes())))
    }

    #[test]
    fn the_newest_file_counts() {
        let old = layer(&[("release-manifests/image-references", "old"), ("usr/bin/x", "no")]);
        check(std::slice::from_ref(&old), &["release-manifests/image-references=old"]);
        let new = layer(&[("release-manifests/image-references", "new")]);
        check(&[old.clone(), new.clone()], &["release-manifests/image-references=new"]);
        check(&[new, old.clone()], &["release-manifests/image-references=old"]);
        let other = layer(&[("release-manifests/other", "o")]);
        check(&[old, other], &["release-manifests/image-references=old", "release-manifests/other=o"]);
    }

    #[test]
    fn whiteouts() {
        let old = || layer(&[("release-manifests/a", "1"), ("release-manifests/sub/b", "2")]);
        check(&[old(), layer(&[("release-manifests/.wh.a", "")])], &["release-manifests/sub/b=2"]);
        check(&[old(), layer(&[("release-manifests/.wh.sub", "")])], &["release-manifests/a=1"]);
        check(&[old(), layer(&[(".wh.release-manifests", "")])], &[]);
        check(&[old(), layer(&[("release-manifests/.wh..wh..opq", "")])], &[]);
        check(&[old(), layer(&[(".wh..wh..opq", "")])], &[]);
        // What the layer itself brings is not touched by its own whiteouts.
        let both = layer(&[("release-manifests/a", "new"), ("release-manifests/.wh..wh..opq", "")]);
        check(&[old(), both], &["release-manifests/a=new"]);
        // Removed, and brought again by a newer layer.
        let removed = layer(&[("release-manifests/.wh.a", "")]);
        check(
            &[old(), removed, layer(&[("release-manifests/a", "3")])],
            &["release-manifests/a=3", "release-manifests/sub/b=2"],
        );
    }

    #[test]
    fn every_compression() {
        let files = [("release-manifests/a", b"1".as_slice())];
        for layer in [Layer::tar(files), Layer::tar_gz(files), Layer::zstd(files)] {
            check(&[layer], &["release-manifests/a=1"]);
        }
    }

    #[test]
    fn damage_is_an_error() {
        let whole = layer(&[("release-manifests/a", "1")]);
        let mut extraction = Extraction::default();
        assert!(extraction.layer(&whole.bytes[..whole.bytes.len() / 2]).is_err());
        let big = vec![0; MAX_PAYLOAD_FILE_BYTES + 1];
        let layer = Layer::tar_gz([("release-manifests/a", big.as_slice())]);
        let error = Extraction::default().layer(&*layer.bytes).unwrap_err();
        assert!(error.to_string().contains("more than the"), "{error}");
        // All files together, and the names of what is gone.
        for path in ["release-manifests/a", "usr/.wh.a"] {
            let layer = Layer::zstd([(path, [0; 200].as_slice())]);
            let mut full = Extraction { total: MAX_TOTAL_BYTES - 5, ..Extraction::default() };
            let error = full.layer(&*layer.bytes).unwrap_err();
            assert_eq!(
                error.to_string(),
                "the manifests of the release image have more than 268435456 bytes in all",
                "{path}"
            );
        }
    }
}
