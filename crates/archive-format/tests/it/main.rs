//! The integration tests of `archive-format`.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics, in helpers too")]

mod archive;
mod history;
mod properties;
mod slots;
mod small_disk;
mod store;
mod verify;

use archive_format::Hasher;
use image_ref::{Algorithm, Digest};

/// The SHA-256 digest of some content.
fn digest_of(bytes: &[u8]) -> Digest {
    Hasher::of(Algorithm::Sha256, bytes)
}
