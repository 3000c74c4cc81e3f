//! Reading a manifest never changes its bytes. Its digest is that of the bytes that are read, and no other digest verifies.

#![no_main]

use image_ref::{Algorithm, Hasher};
use libfuzzer_sys::fuzz_target;
use oci_manifest::{VerifiedManifest, media_type};

fuzz_target!(|bytes: &[u8]| {
    let manifest = VerifiedManifest::named(bytes.to_vec(), None);
    assert_eq!(&manifest.bytes()[..], bytes);
    assert!(manifest.has_digest(manifest.digest()));
    assert_eq!(*manifest.digest(), Hasher::of(Algorithm::Sha256, manifest.hashed_bytes()));
    if manifest.media_type() != media_type::DOCKER_SCHEMA1_SIGNED {
        assert_eq!(manifest.hashed_bytes(), manifest.bytes());
    }
    let again = VerifiedManifest::verify(bytes.to_vec(), None, manifest.digest());
    assert_eq!(again.as_ref(), Ok(&manifest));
    assert!(VerifiedManifest::verify(bytes.to_vec(), None, &Hasher::of(Algorithm::Sha512, b"other")).is_err());
    if let Ok(view) = manifest.view() {
        assert!(view.named_blobs().len() + view.children().len() <= bytes.len());
    }
});
