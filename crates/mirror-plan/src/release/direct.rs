//! `platform.release`: one release by reference (`docs/behaviour/release.md` 2.7).

use image_ref::{Digest, ImageRef, ParseError};

/// A release that the configuration names itself. Channels are then ignored, and no update service is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DirectRelease {
    /// The digest is known: `repository@sha256:…`.
    Known(ImageRef),
    /// The source registry, or a cached answer, has to be asked for the digest of this tag first; then
    /// [`DirectRelease::with_digest`] goes on.
    NeedsDigest(ImageRef),
}

impl DirectRelease {
    /// Parses the value of `platform.release`.
    ///
    /// # Errors
    /// When it is no reference with a tag or a digest.
    pub fn parse(text: &str) -> Result<Self, DirectReleaseError> {
        let image = ImageRef::parse(text)?;
        // Of a tag and a digest the digest counts: it is what gets verified.
        Ok(match image.digest().cloned() {
            Some(digest) => Self::Known(image.with_digest(digest)),
            None => Self::NeedsDigest(image),
        })
    }

    /// The release by digest, given the digest of its (list) manifest. A known digest stays.
    pub fn with_digest(self, digest: Digest) -> ImageRef {
        match self {
            Self::Known(image) => image,
            Self::NeedsDigest(image) => image.with_digest(digest),
        }
    }
}

/// `platform.release` is no usable reference.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("platform.release: {0}")]
pub struct DirectReleaseError(#[from] ParseError);
