//! What was read out of the layers of a catalog, kept in the cache: the layers are neither fetched nor parsed again, for
//! whatever selection and under whatever digest of the image they come back.

use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use fbc_catalog::Catalog;
use image_ref::Algorithm;
use oci_transport::{Descriptor, Hasher};

use crate::workdir::write_whole;

/// Folder of the kept contents in the cache.
const FOLDER: &str = "catalogs";
/// Changes when layers are read in another way, so that other files come out of them.
const FORMAT: u32 = 1;
/// Snapshots are JSON, which is at most a little longer than the 2 GiB of YAML that a catalog may have.
const MOST_BYTES: u64 = 4 << 30;

/// The file for what a folder holds in a stack of layers.
#[derive(Debug, Clone)]
pub(super) struct Contents {
    path: PathBuf,
}

impl Contents {
    pub(super) fn of(cache: &Path, folder: &str, layers: &[Descriptor]) -> Self {
        let mut key = format!("{FORMAT}\n{folder}\n");
        for layer in layers {
            key.push_str(&layer.digest.to_string());
            key.push('\n');
        }
        let key = Hasher::of(Algorithm::Sha256, key.as_bytes());
        Self { path: cache.join(FOLDER).join(format!("{}.zst", key.hex())) }
    }

    /// What an earlier run wrote; none when it is damaged or of another version.
    pub(super) fn read(&self) -> Option<Catalog> {
        let file = std::fs::File::open(&self.path).ok()?;
        let mut snapshot = String::new();
        // The frame carries a checksum, so what is damaged does not unpack.
        zstd::stream::read::Decoder::new(file).ok()?.take(MOST_BYTES).read_to_string(&mut snapshot).ok()?;
        Catalog::from_snapshot(&snapshot)
    }

    /// Keeps what was read.
    pub(super) fn write(&self, catalog: &Catalog) -> io::Result<()> {
        // The lowest level: this is done once for every catalog, and the layers lie beside it in the cache anyway.
        let mut frame = zstd::stream::write::Encoder::new(Vec::new(), 1)?;
        frame.include_checksum(true)?;
        catalog.write_snapshot(io::BufWriter::with_capacity(1 << 17, &mut frame))?;
        write_whole(&self.path, &frame.finish()?)
    }
}

/// Forgets everything kept, for a cache whose garbage is collected.
pub(crate) fn forget(cache: &Path) -> io::Result<()> {
    match std::fs::remove_dir_all(cache.join(FOLDER)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layers(numbers: &[u8]) -> Vec<Descriptor> {
        let digest = |number: &u8| Hasher::of(Algorithm::Sha256, &[*number]);
        numbers.iter().map(|number| Descriptor::new("", digest(number), 1)).collect()
    }

    #[test]
    fn one_file_for_a_folder_in_a_stack() {
        let path = |folder: &str, numbers: &[u8]| Contents::of(Path::new("c"), folder, &layers(numbers)).path;
        assert_eq!(path("configs", &[1, 2]), path("configs", &[1, 2]));
        for (folder, numbers) in [("configs", [2, 1].as_slice()), ("configs", &[1]), ("other", &[1, 2])] {
            assert_ne!(path("configs", &[1, 2]), path(folder, numbers), "{folder} {numbers:?}");
        }
    }

    #[test]
    fn what_is_damaged_is_not_there() {
        let cache = tempfile::tempdir().unwrap();
        let contents = Contents::of(cache.path(), "configs", &layers(&[1]));
        assert!(contents.read().is_none());
        let catalog = Catalog::read([("a/c.yaml", "schema: olm.package\nname: a\n")]).unwrap();
        contents.write(&catalog).unwrap();
        let whole = std::fs::read(&contents.path).unwrap();
        assert_eq!(format!("{:?}", contents.read().unwrap()), format!("{catalog:?}"));
        for at in 0..whole.len() {
            let mut damaged = whole.clone();
            damaged[at] ^= 0x10;
            std::fs::write(&contents.path, &damaged).unwrap();
            let read = contents.read().map(|catalog| format!("{catalog:?}"));
            // A bit that says nothing, such as a reserved one, may flip.
            assert!(read.is_none() || read == Some(format!("{catalog:?}")), "byte {at}");
            std::fs::write(&contents.path, &whole[..at]).unwrap();
            assert!(contents.read().is_none(), "cut off at {at}");
        }
        let other = zstd::encode_all(&b"fbc-catalog snapshot 0\n"[..], 1).unwrap();
        std::fs::write(&contents.path, other).unwrap();
        assert!(contents.read().is_none());
        forget(cache.path()).unwrap();
        forget(cache.path()).unwrap();
        assert!(!contents.path.exists());
    }
}
