//! Content descriptors (OCI image specification, "descriptor").

use std::collections::BTreeMap;

use image_ref::Digest;
use serde::{Deserialize, Serialize};

use crate::media_type;

/// What a manifest says about a piece of content: enough to fetch and to verify it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Descriptor {
    /// Media type of the content. REQUIRED by the specification; empty when a registry omits it.
    #[serde(default)]
    pub media_type: String,
    /// Digest of the content. REQUIRED.
    pub digest: Digest,
    /// Size of the content in bytes. REQUIRED.
    pub size: u64,
    /// Places outside the registry where the content may be downloaded. OPTIONAL.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub urls: Vec<String>,
    /// Arbitrary metadata. OPTIONAL.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
    /// What an artifact of an index or a referrers list is. OPTIONAL.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub artifact_type: Option<String>,
}

impl Descriptor {
    /// A descriptor with nothing but the three required properties; `size` in bytes.
    pub fn new(media_type: impl Into<String>, digest: Digest, size: u64) -> Self {
        Self {
            media_type: media_type.into(),
            digest,
            size,
            urls: Vec::new(),
            annotations: BTreeMap::new(),
            artifact_type: None,
        }
    }

    /// Whether this is a layer that its publisher forbids to distribute. Registries may not have it at all.
    pub fn is_foreign(&self) -> bool {
        media_type::is_foreign_layer(&self.media_type)
    }
}
