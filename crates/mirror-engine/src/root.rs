//! The rule that everything stands on: **a source with a digest has that digest as its root, or the image fails.**
//!
//! Tags, links and file names are hints that others wrote. Whatever they say, the first manifest of an image whose source
//! names a digest is the one of that digest, wherever the image is read: registry, layout, cache, archive or destination.

use image_ref::Digest;
use mirror_plan::PlannedImage;
use oci_manifest::{Root, VerifiedManifest, WrongRoot};

use crate::copy::CopyError;

/// The digest that an image begins with, where its source names one. What this program built is not what its source names:
/// there the source is the original.
pub(crate) fn pinned(image: &PlannedImage) -> Option<&Digest> {
    if image.built { None } else { image.source.digest() }
}

/// Lets `manifest` be the first manifest of `image`.
///
/// # Errors
/// When the image is pinned to another one.
pub(crate) fn root_of(image: &PlannedImage, manifest: VerifiedManifest) -> Result<Root, CopyError> {
    Root::of(manifest, pinned(image)).map_err(|wrong| refused(&wrong))
}

/// Lets `manifest` be the first manifest of what is named by `digest`.
///
/// # Errors
/// When it has another digest.
pub(crate) fn root_with(digest: &Digest, manifest: VerifiedManifest) -> Result<Root, CopyError> {
    Root::of(manifest, Some(digest)).map_err(|wrong| refused(&wrong))
}

fn refused(wrong: &WrongRoot) -> CopyError {
    CopyError::from_error("digest-mismatch", false, wrong)
}
