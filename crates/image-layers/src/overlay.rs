//! What upper layers hide of lower ones (OCI image layer specification, "Whiteouts"), and what a layer is packed in.
//!
//! Layers are read from the top down. A layer's own marks concern the layers below it, whatever the order of its entries:
//! collect them in an [`Overlay`] of its own, and [`Overlay::add`] it when the layer has been read.

use std::collections::HashSet;
use std::io::{self, BufRead as _, BufReader, Read};

/// Prefix of a file that says that its namesake in a lower layer is gone.
const WHITEOUT: &str = ".wh.";

/// Name of a file that says that nothing of its folder in lower layers shows.
const OPAQUE: &str = ".wh..wh..opq";

/// What does not show of the layers below. Paths have no slashes around them; the empty path is the root.
#[derive(Debug, Default)]
pub struct Overlay {
    /// Paths that show nothing of lower layers, themselves or anything below.
    hidden: HashSet<String>,
    /// Folders of which lower layers show nothing, though the folder itself stays.
    opaque: HashSet<String>,
}

impl Overlay {
    /// Takes note of an entry that is a mark; false when it is none.
    pub fn mark(&mut self, path: &str) -> bool {
        let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
        if name == OPAQUE {
            self.opaque.insert(folder.to_owned());
        } else if let Some(gone) = name.strip_prefix(WHITEOUT) {
            self.hidden.insert(if folder.is_empty() { gone.to_owned() } else { format!("{folder}/{gone}") });
        } else {
            return false;
        }
        true
    }

    /// Hides what lower layers have at a path: something else stands there.
    pub fn hide(&mut self, path: String) {
        self.hidden.insert(path);
    }

    /// Adds what the next lower layer says.
    pub fn add(&mut self, lower: Self) {
        self.hidden.extend(lower.hidden);
        self.opaque.extend(lower.opaque);
    }

    /// Whether what a lower layer has at a path does not show.
    pub fn hides(&self, path: &str) -> bool {
        self.opaque.contains("")
            || is_or_is_below(path, |path| self.hidden.contains(path))
            || parent(path).is_some_and(|parent| is_or_is_below(parent, |path| self.opaque.contains(path)))
    }

    /// Whether nothing that lower layers have below a folder shows.
    pub fn ends(&self, folder: &str) -> bool {
        let ends = |path: &str| self.hidden.contains(path) || self.opaque.contains(path);
        ends("") || is_or_is_below(folder, ends)
    }
}

/// The tar inside a blob, plain or compressed with gzip or zstd. The first bytes tell: publishers get media types wrong.
///
/// # Errors
/// When the blob cannot be read.
pub fn unpacked<'a>(blob: impl Read + 'a) -> io::Result<Box<dyn Read + 'a>> {
    let mut blob = BufReader::with_capacity(128 * 1024, blob);
    let start = blob.fill_buf()?;
    Ok(if start.starts_with(&[0x1f, 0x8b]) {
        Box::new(flate2::bufread::MultiGzDecoder::new(blob))
    } else if start.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]) {
        Box::new(zstd::stream::read::Decoder::with_buffer(blob)?)
    } else {
        Box::new(blob)
    })
}

fn parent(path: &str) -> Option<&str> {
    path.rsplit_once('/').map(|(parent, _)| parent)
}

/// Whether the path or one of the folders it lies in is what is asked for.
pub fn is_or_is_below(path: &str, asked: impl Fn(&str) -> bool) -> bool {
    std::iter::successors(Some(path), |path| parent(path)).any(asked)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Marks and hidden paths of a layer, and which paths of lower layers show beneath it.
    fn check(marks: &[&str], hidden: &[&str], shows: &[&str], gone: &[&str]) {
        let mut overlay = Overlay::default();
        assert!(marks.iter().all(|mark| overlay.mark(mark)), "{marks:?}");
        for path in hidden {
            overlay.hide((*path).to_owned());
        }
        let mut stack = Overlay::default();
        stack.add(overlay);
        for path in shows {
            assert!(!stack.hides(path), "{marks:?} {hidden:?} hide {path}");
        }
        for path in gone {
            assert!(stack.hides(path), "{marks:?} {hidden:?} show {path}");
        }
    }

    #[test]
    fn what_upper_layers_hide() {
        check(&[], &[], &["a", "a/b"], &[]);
        check(&["a/.wh.b"], &[], &["a", "a/c", "a/bc", "b"], &["a/b", "a/b/c"]);
        check(&[".wh.a"], &[], &["b", "b/a"], &["a", "a/b/c"]);
        check(&["a/.wh..wh..opq"], &[], &["a", "b", "ab/c"], &["a/b", "a/b/c"]);
        check(&[".wh..wh..opq"], &[], &[], &["a", "a/b"]);
        check(&[], &["a/b"], &["a", "a/c"], &["a/b", "a/b/c"]);
        let mut overlay = Overlay::default();
        assert!(!overlay.mark("a/b") && !overlay.mark("wh.a") && !overlay.hides("a"));
    }

    #[test]
    fn when_lower_layers_add_nothing_to_a_folder() {
        let of = |mark: &str| {
            let mut overlay = Overlay::default();
            overlay.mark(mark);
            overlay
        };
        for (mark, ends) in [
            (".wh..wh..opq", true),
            (".wh.a", true),
            ("a/.wh..wh..opq", true),
            ("a/b/.wh..wh..opq", true),
            ("a/b/.wh.c", false),
            ("b/.wh.a", false),
        ] {
            assert_eq!(of(mark).ends("a/b"), ends, "{mark}");
        }
    }

    #[test]
    fn the_first_bytes_tell_how_a_layer_is_packed() {
        use std::io::Write as _;
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(b"layer").unwrap();
        for blob in [b"layer".to_vec(), gzip.finish().unwrap(), zstd::encode_all(&b"layer"[..], 1).unwrap(), Vec::new()]
        {
            let mut text = String::new();
            unpacked(&blob[..]).unwrap().read_to_string(&mut text).unwrap();
            assert_eq!(text, if blob.is_empty() { "" } else { "layer" });
        }
    }
}
