//! What a container sees of a stack of layers, worked out from the bottom up as a container engine does.

use std::collections::BTreeMap;
use std::io::Read as _;

/// A path that a container sees.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FlatEntry {
    /// The permission bits.
    pub mode: u32,
    /// The owner.
    pub user: u64,
    /// The content of a file; none for folders, links and devices.
    pub content: Option<Vec<u8>>,
    /// Whether it is a folder.
    pub is_folder: bool,
    /// The layer that it is from, counted from 0 at the bottom.
    pub layer: usize,
}

/// Stacks layers, the lowest first, each a tar that may be compressed with gzip or zstd; paths without slashes around
/// them. Whiteouts take effect on the layers below theirs (OCI image layer specification, "Whiteouts").
///
/// # Errors
/// When a layer is no tar.
pub fn flatten<'a>(layers: impl IntoIterator<Item = &'a [u8]>) -> std::io::Result<BTreeMap<String, FlatEntry>> {
    let mut flat: BTreeMap<String, FlatEntry> = BTreeMap::new();
    for (layer, blob) in layers.into_iter().enumerate() {
        let tar = unpack(blob)?;
        let mut added = Vec::new();
        for entry in tar::Archive::new(tar.as_slice()).entries()? {
            let mut entry = entry?;
            let path = entry.path()?.display().to_string();
            let path = path.trim_start_matches("./").trim_matches('/').to_owned();
            let (folder, name) = path.rsplit_once('/').unwrap_or(("", &path));
            if name == ".wh..wh..opq" {
                remove_below(&mut flat, folder);
            } else if let Some(gone) = name.strip_prefix(".wh.") {
                let gone = if folder.is_empty() { gone.to_owned() } else { format!("{folder}/{gone}") };
                remove_below(&mut flat, &gone);
                flat.remove(&gone);
            } else {
                let header = entry.header();
                let kind = header.entry_type();
                // Some writers leave the owner empty, which is as good as zero.
                let (mode, user) = (header.mode()? & 0o7777, header.uid().unwrap_or_default());
                let mut content = None;
                if kind.is_file() {
                    entry.read_to_end(content.insert(Vec::new()))?;
                }
                added.push((path, FlatEntry { mode, user, content, is_folder: kind.is_dir(), layer }));
            }
        }
        for (path, entry) in added {
            if !entry.is_folder {
                remove_below(&mut flat, &path);
            }
            flat.insert(path, entry);
        }
    }
    Ok(flat)
}

fn remove_below(flat: &mut BTreeMap<String, FlatEntry>, folder: &str) {
    let prefix = if folder.is_empty() { String::new() } else { format!("{folder}/") };
    flat.retain(|path, _| !path.starts_with(&prefix));
}

fn unpack(blob: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut tar = Vec::new();
    match blob {
        [0x1f, 0x8b, ..] => flate2::read::MultiGzDecoder::new(blob).read_to_end(&mut tar)?,
        [0x28, 0xb5, 0x2f, 0xfd, ..] => zstd::stream::read::Decoder::new(blob)?.read_to_end(&mut tar)?,
        _ => return Ok(blob.to_vec()),
    };
    Ok(tar)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Layer;

    #[test]
    fn whiteouts_take_effect_on_lower_layers() {
        let base: &[(&str, &str)] = &[("a/x", "1"), ("a/y", "2"), ("b/z", "3"), ("c", "4")];
        let check = |layers: &[&[(&str, &str)]], expected: &[&str]| {
            let tar = |files: &[(&str, &str)]| Layer::tar_gz(files.iter().map(|(path, text)| (*path, text.as_bytes())));
            let blobs: Vec<Layer> = layers.iter().map(|files| tar(files)).collect();
            let flat = flatten(blobs.iter().map(|layer| &layer.bytes[..])).unwrap();
            let files: Vec<&str> =
                flat.iter().filter(|(_, entry)| entry.content.is_some()).map(|(path, _)| path.as_str()).collect();
            assert_eq!(files, expected);
        };
        check(&[base], &["a/x", "a/y", "b/z", "c"]);
        check(&[base, &[("a/.wh.x", "")]], &["a/y", "b/z", "c"]);
        check(&[base, &[(".wh.a", ""), (".wh.c", "")]], &["b/z"]);
        check(&[base, &[("a/.wh..wh..opq", ""), ("a/n", "")]], &["a/n", "b/z", "c"]);
        check(&[base, &[("a/n", ""), (".wh.a", "")]], &["a/n", "b/z", "c"]);
        check(&[base, &[("a", "")]], &["a", "b/z", "c"]);
    }
}
