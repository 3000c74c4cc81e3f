//! Images made to measure: manifests of every kind, with layers of given sizes and sharing.

mod artifact;
mod builder;
mod index;
mod layer;
mod schema1;

use std::collections::BTreeMap;

use bytes::Bytes;
use image_ref::{Digest, Platform};

pub use self::artifact::{artifact, cosign_signature, cosign_signature_tag};
pub use self::builder::ImageBuilder;
pub use self::index::IndexBuilder;
pub use self::layer::{Layer, LayerCompression};
pub use self::schema1::{schema1, schema1_signed};
use crate::{manifest_digest, sha256};

/// The two families of manifests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Format {
    /// OCI image manifest and index.
    Oci,
    /// Docker schema 2 manifest and list.
    Docker,
}

/// A blob with its digest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blob {
    /// The digest of the bytes.
    pub digest: Digest,
    /// The bytes.
    pub bytes: Bytes,
}

impl Blob {
    /// A blob of these bytes.
    pub fn new(bytes: impl Into<Bytes>) -> Self {
        let bytes = bytes.into();
        Self { digest: sha256(&bytes), bytes }
    }
}

/// A manifest with everything it names: an image with its blobs, or a list with its images.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    /// The bytes of the manifest.
    pub bytes: Bytes,
    /// The media type to push it with.
    pub media_type: String,
    /// The digest that a registry knows it by.
    pub digest: Digest,
    /// The platform; none for lists and artifacts.
    pub platform: Option<Platform>,
    /// What an index that lists it says about it.
    pub about: BTreeMap<String, String>,
    /// Configuration and layers, in the order of the manifest.
    pub blobs: Vec<Blob>,
    /// The manifests of a list, in its order.
    pub children: Vec<Image>,
}

impl Image {
    pub(crate) fn new(bytes: impl Into<Bytes>, media_type: &str) -> Self {
        let bytes = bytes.into();
        Self {
            digest: manifest_digest(&bytes),
            bytes,
            media_type: media_type.to_owned(),
            platform: None,
            about: BTreeMap::new(),
            blobs: Vec::new(),
            children: Vec::new(),
        }
    }

    /// This manifest and all below it, parents first.
    pub fn manifests(&self) -> Vec<&Self> {
        let mut all = vec![self];
        for child in &self.children {
            all.extend(child.manifests());
        }
        all
    }

    /// The blobs of this manifest and of all below it, each once, in order of appearance.
    pub fn all_blobs(&self) -> Vec<&Blob> {
        let mut seen = std::collections::HashSet::new();
        let blobs = self.manifests().into_iter().flat_map(|image| &image.blobs);
        blobs.filter(|blob| seen.insert(&blob.digest)).collect()
    }

    /// The bytes of all blobs, each counted once.
    pub fn size(&self) -> u64 {
        self.all_blobs().iter().map(|blob| blob.bytes.len() as u64).sum()
    }

    pub(crate) fn descriptor(&self) -> serde_json::Value {
        serde_json::json!({ "mediaType": self.media_type, "digest": self.digest, "size": self.bytes.len() })
    }
}
