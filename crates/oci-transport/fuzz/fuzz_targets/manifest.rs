//! Reading a manifest never changes its bytes, and its digest is that of the bytes unless it is signed schema 1.

#![no_main]

use libfuzzer_sys::fuzz_target;
use oci_transport::{Hasher, Manifest, media_type};

fuzz_target!(|bytes: &[u8]| {
    let manifest = Manifest::guessed(bytes.to_vec());
    assert_eq!(manifest.bytes, bytes);
    assert!(manifest.matches(&manifest.digest));
    if manifest.media_type != media_type::DOCKER_SCHEMA1_SIGNED {
        assert_eq!(manifest.digest, Hasher::of(manifest.digest.algorithm(), bytes));
    }
    if let Ok(view) = manifest.view() {
        assert!(view.blobs().len() <= bytes.len());
    }
});
