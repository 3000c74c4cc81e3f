//! Files of simple-signing signatures: where they lie, what they are called, how much of them is read.

use std::path::{Path, PathBuf};

use image_ref::{Digest, Repository};
use registries_conf::Lookaside;

/// How large one signature, or one file of keys, may be in bytes.
pub(super) const MAX_SIGNATURE_BYTES: u64 = 4 * 1024 * 1024;

/// How many signatures of one manifest are considered.
pub(super) const MAX_SIGNATURES: usize = 128;

/// The folder of the signatures of a manifest below `base`.
pub fn folder_of(base: &Path, repository: &Repository, digest: &Digest) -> PathBuf {
    match Lookaside::Directory(base.to_owned()).signature(repository, digest, 1) {
        Lookaside::Directory(path) => path.parent().map(Path::to_owned).unwrap_or_default(),
        Lookaside::Web(_) => unreachable!("below a folder there are only folders"),
    }
}

/// The name of a signature's file.
pub(super) fn file_name(number: usize) -> String {
    format!("signature-{number}")
}

/// Reads a file of signatures or keys that the operator has named.
pub(super) fn read_small(path: &Path) -> std::io::Result<Vec<u8>> {
    use std::io::Read as _;
    let mut bytes = Vec::new();
    let mut file = std::fs::File::open(path)?.take(MAX_SIGNATURE_BYTES + 1);
    file.read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_SIGNATURE_BYTES {
        return Err(std::io::Error::other(format!("it has more than {MAX_SIGNATURE_BYTES} bytes")));
    }
    Ok(bytes)
}
