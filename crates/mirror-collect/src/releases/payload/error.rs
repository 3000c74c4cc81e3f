//! Why nobody can say what a release consists of.

use std::io;
use std::path::PathBuf;

use archive_format::StoreError;
use image_ref::{Digest, ParseRepositoryError};
use mirror_job::failure::{CopyError, chain};
use mirror_plan::DestinationError;
use mirror_plan::release::{
    BOOTIMAGES_FILE, BootimagesError, IMAGE_REFERENCES_FILE, ImageReferencesError, MAX_INDEX_DEPTH,
    NoKubevirtImageError,
};
use oci_manifest::ManifestError;

use crate::releases::extract::ExtractError;

/// Why nobody can say what a release consists of.
///
/// Where another library's error has causes, its whole chain is part of the message.
#[derive(Debug, thiserror::Error)]
pub(in crate::releases) enum PayloadError {
    /// The payload has no list of its components.
    #[error("the image holds no `{IMAGE_REFERENCES_FILE}`; is it a release payload?")]
    NoReferences,
    /// The list of components is broken.
    #[error(transparent)]
    References(#[from] ImageReferencesError),
    /// `kubeVirtContainer` is set, and the payload has no list of boot images.
    #[error("could not find kubevirt image in this release: it holds no `{BOOTIMAGES_FILE}`")]
    NoBootimages,
    /// The list of boot images is broken.
    #[error(transparent)]
    Bootimages(#[from] BootimagesError),
    /// There is no KubeVirt image for what is asked for.
    #[error(transparent)]
    Kubevirt(#[from] NoKubevirtImageError),
    /// The files of the payload cannot be left in the working directory.
    #[error("{}: {error}", folder.display())]
    Keep { folder: PathBuf, error: io::Error },
    /// A manifest of the payload is broken.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// An index of the payload is empty.
    #[error("index {0} names neither an image nor another index")]
    EmptyIndex(Digest),
    /// The payload is something else than an image.
    #[error("{digest} is no image with layers ({media_type})")]
    NoImage { digest: Digest, media_type: String },
    /// The indexes of the payload nest too deeply.
    #[error("its indexes nest deeper than {MAX_INDEX_DEPTH} levels")]
    Deep,
    /// Archive, cache or registry do not give a part of the payload.
    #[error("{}", .0.message)]
    Content(Box<CopyError>),
    /// The registry of the release cannot be asked.
    #[error("{}", chain(.0))]
    Transport(Box<oci_transport::Error>),
    /// A part of the payload is where nobody may look for it.
    #[error(
        "{what} {digest} of the payload is not {place}{reason}. The list of its components is read from there and from \
         nowhere else: load the archive that brought this release first"
    )]
    Missing { what: &'static str, digest: Digest, place: &'static str, reason: String },
    /// The cache cannot take or give a part of the payload.
    #[error("{}", chain(.0))]
    Store(StoreError),
    /// The payload cannot have a name at the destination.
    #[error(transparent)]
    Destination(#[from] DestinationError),
    /// The name of the payload at the destination has no repository.
    #[error(transparent)]
    Repository(#[from] ParseRepositoryError),
    /// A layer in the archive is damaged.
    #[error("layer {digest} of the payload in the archive cannot be used: {}", error.message)]
    Archived { digest: Digest, error: Box<CopyError> },
    /// A layer holds what cannot be read.
    #[error(transparent)]
    Extract(#[from] ExtractError),
    /// A layer in the cache cannot be read.
    #[error(transparent)]
    Read(#[from] io::Error),
    /// A layer in the cache is damaged.
    #[error("layer {0} of the payload in the cache is damaged: it does not have its digest; remove it from the cache")]
    Damaged(Digest),
}

impl From<CopyError> for PayloadError {
    fn from(error: CopyError) -> Self {
        Self::Content(Box::new(error))
    }
}

impl From<oci_transport::Error> for PayloadError {
    fn from(error: oci_transport::Error) -> Self {
        Self::Transport(Box::new(error))
    }
}

impl From<StoreError> for PayloadError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}
