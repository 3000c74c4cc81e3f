//! Layers: random ones of a given size, and real ones with files.

use std::io::Write as _;

use bytes::Bytes;
use flate2::{Compression, Crc, GzBuilder};
use image_ref::Digest;

use crate::{Random, sha256};

/// How a layer's tar is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum LayerCompression {
    /// Not at all.
    None,
    /// gzip.
    Gzip,
    /// zstd.
    Zstd,
}

/// A layer: a tar, most often compressed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layer {
    /// The bytes of the blob.
    pub bytes: Bytes,
    /// Its compression.
    pub compression: LayerCompression,
    /// The digest of the uncompressed tar, for the image configuration.
    pub diff_id: Digest,
}

/// The least size of [`Layer::random`]: a tar with one empty file and the gzip around it.
const LEAST_RANDOM: usize = 1600;

/// How many random bytes tell seeds apart.
const TELLING: usize = 16;

impl Layer {
    /// A gzip layer of exactly `size` bytes (at least 1600), with one file that no compressor makes smaller. Each seed has
    /// its own, whatever the size.
    pub fn random(seed: u64, size: usize) -> Self {
        let size = size.max(LEAST_RANDOM);
        // Stored deflate blocks cost 5 bytes per 65535, gzip 18 and an extra field 2 + n: the extra field takes up
        // what the tar, which comes in steps of 512 bytes, leaves.
        let mut content = size - LEAST_RANDOM + 512;
        loop {
            let padded = content.div_ceil(512) * 512 + 512 + 1024;
            let around = 18 + 2 + padded.div_ceil(65535) * 5;
            if padded + around <= size {
                let extra = size - padded - around;
                // A file too small to tell seeds apart has a name that does.
                let name = if content < TELLING { format!("random-{seed:016x}") } else { "random".to_owned() };
                let tar = tar([(name.as_str(), Random::new(seed).bytes(content).as_slice())]);
                debug_assert_eq!(tar.len(), padded);
                return Self {
                    diff_id: sha256(&tar),
                    bytes: stored_gzip(&tar, extra).into(),
                    compression: LayerCompression::Gzip,
                };
            }
            content = content.saturating_sub(512);
        }
    }

    /// A layer of these files, compressed with gzip.
    pub fn tar_gz<'a>(files: impl IntoIterator<Item = (&'a str, &'a [u8])>) -> Self {
        let tar = tar(files);
        let mut gzip = GzBuilder::new().mtime(0).write(Vec::new(), Compression::fast());
        gzip.write_all(&tar).expect("memory takes it");
        let bytes = gzip.finish().expect("memory takes it").into();
        Self { bytes, compression: LayerCompression::Gzip, diff_id: sha256(&tar) }
    }

    /// A layer of these files, compressed with zstd.
    pub fn zstd<'a>(files: impl IntoIterator<Item = (&'a str, &'a [u8])>) -> Self {
        let tar = tar(files);
        let bytes = zstd::encode_all(tar.as_slice(), 1).expect("memory takes it").into();
        Self { bytes, compression: LayerCompression::Zstd, diff_id: sha256(&tar) }
    }

    /// A layer of these files, not compressed.
    pub fn tar<'a>(files: impl IntoIterator<Item = (&'a str, &'a [u8])>) -> Self {
        let tar = tar(files);
        Self { diff_id: sha256(&tar), bytes: tar.into(), compression: LayerCompression::None }
    }

    /// The digest of the blob.
    pub fn digest(&self) -> Digest {
        sha256(&self.bytes)
    }
}

/// A tar of regular files, with the folders above them, without clock or user.
fn tar<'a>(files: impl IntoIterator<Item = (&'a str, &'a [u8])>) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    let mut folders = std::collections::BTreeSet::new();
    let mut add = |path: &str, kind: tar::EntryType, mode, bytes: &[u8]| {
        let mut header = tar::Header::new_ustar();
        header.set_entry_type(kind);
        header.set_mode(mode);
        header.set_size(bytes.len() as u64);
        header.set_mtime(0);
        builder.append_data(&mut header, path, bytes).expect("a test writes valid paths");
    };
    for (path, bytes) in files {
        let path = path.trim_start_matches('/');
        for (at, _) in path.match_indices('/') {
            if folders.insert(path[..at].to_owned()) {
                add(&path[..=at], tar::EntryType::Directory, 0o755, &[]);
            }
        }
        add(path, tar::EntryType::Regular, 0o644, bytes);
    }
    builder.into_inner().expect("memory takes it")
}

/// gzip (RFC 1952) with stored blocks and an extra field of `extra` bytes (up to 65535).
fn stored_gzip(data: &[u8], extra: usize) -> Vec<u8> {
    let extra_length = u16::try_from(extra).expect("the extra field is small");
    let mut out = vec![0x1f, 0x8b, 8, 4, 0, 0, 0, 0, 0, 255];
    out.extend(extra_length.to_le_bytes());
    out.resize(out.len() + extra, 0);
    let count = data.len().div_ceil(65535);
    for (number, block) in data.chunks(65535).enumerate() {
        out.push(u8::from(number + 1 == count));
        let length = u16::try_from(block.len()).expect("chunks are at most 65535 long");
        out.extend(length.to_le_bytes());
        out.extend((!length).to_le_bytes());
        out.extend(block);
    }
    let mut crc = Crc::new();
    crc.update(data);
    out.extend(crc.sum().to_le_bytes());
    out.extend(crc.amount().to_le_bytes());
    out
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    #[test]
    fn random_layers_have_the_asked_size_and_are_real_gzip_tars() {
        for size in [1600, 1601, 4096, 65_535, 70_001, 1 << 20] {
            let layer = Layer::random(3, size);
            assert_eq!(layer.bytes.len(), size);
            let mut tar = Vec::new();
            flate2::read::GzDecoder::new(&*layer.bytes).read_to_end(&mut tar).unwrap();
            assert_eq!(sha256(&tar), layer.diff_id);
            assert_eq!(tar::Archive::new(tar.as_slice()).entries().unwrap().count(), 1);
        }
        for size in [0, 1600, 2000, 2069, 2070, 2073, 2080, 2100, 5000] {
            assert_eq!(Layer::random(3, size), Layer::random(3, size));
            let [one, other] = [3, u64::MAX].map(|seed| Layer::random(seed, size));
            assert_eq!(one.bytes.len(), other.bytes.len());
            assert!(one.digest() != other.digest() && one.diff_id != other.diff_id, "{size}");
        }
    }

    #[test]
    fn layers_of_files_can_be_read_back() {
        let files = [("configs/a/catalog.json", b"{}".as_slice()), ("configs/b", b"b")];
        let zstd = zstd::decode_all(&*Layer::zstd(files).bytes).unwrap();
        let mut gzip = Vec::new();
        flate2::read::GzDecoder::new(&*Layer::tar_gz(files).bytes).read_to_end(&mut gzip).unwrap();
        assert_eq!(zstd, gzip);
        assert_eq!(zstd, Layer::tar(files).bytes);
        let names: Vec<String> = tar::Archive::new(zstd.as_slice())
            .entries()
            .unwrap()
            .map(|entry| entry.unwrap().path().unwrap().display().to_string())
            .collect();
        assert_eq!(names, ["configs/", "configs/a/", "configs/a/catalog.json", "configs/b"]);
    }
}
