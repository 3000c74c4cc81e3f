//! Documents of Docker's schema 1, signed or not: only the bytes that the digest is of say what is in the image.

#![no_main]

use libfuzzer_sys::fuzz_target;
use oci_manifest::{ManifestView, VerifiedManifest, media_type};

fuzz_target!(|bytes: &[u8]| {
    for told in [media_type::DOCKER_SCHEMA1, media_type::DOCKER_SCHEMA1_SIGNED] {
        let manifest = VerifiedManifest::named(bytes.to_vec(), Some(told));
        assert!(manifest.hashed_bytes().len() <= bytes.len() + 1);
        let Ok(view) = manifest.view() else { continue };
        let ManifestView::Schema1(image) = &view else { continue };
        // The same document, of which only the hashed bytes are left.
        let hashed = VerifiedManifest::verify(manifest.hashed_bytes().clone(), Some(media_type::DOCKER_SCHEMA1), manifest.digest());
        let hashed = hashed.expect("the digest is of these bytes");
        let Ok(ManifestView::Schema1(same)) = hashed.view() else { panic!("the hashed bytes are no image") };
        assert_eq!(&same, image);
    }
});
