//! `release-manifests/image-references`: the components of a payload (`docs/behaviour/release.md` 3.1).

use std::collections::BTreeMap;

use serde::Deserialize;

/// Where the component list lies, below the directory that a payload is extracted to.
pub const IMAGE_REFERENCES_FILE: &str = "release-manifests/image-references";

/// The longest file of a payload that is parsed, in bytes. A real `image-references` has 120 thousand.
pub const MAX_PAYLOAD_FILE_BYTES: usize = 16 * 1024 * 1024;

/// The component images of a release payload: an OpenShift `ImageStream`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageReferences {
    /// The version that the payload gives itself, `metadata.name`; empty when it gives none.
    pub version: String,
    /// `metadata.creationTimestamp`, RFC 3339, as written.
    pub created: Option<String>,
    /// Every tag of the stream, in file order. Two that name the same image are two components.
    pub components: Vec<Component>,
}

/// One component image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Component {
    /// Its name, such as `etcd`. Empty in degenerate payloads.
    pub name: String,
    /// Its image as written, normally `quay.io/openshift-release-dev/ocp-v4.0-art-dev@sha256:…`. Also its origin.
    pub image: String,
    /// What the payload says about it, such as the commit it was built from.
    pub annotations: BTreeMap<String, String>,
}

impl ImageReferences {
    /// Reads the file.
    ///
    /// # Errors
    /// When it is too long, is no JSON of this shape, or its creation time is not RFC 3339.
    pub fn parse(json: &[u8]) -> Result<Self, ImageReferencesError> {
        if json.len() > MAX_PAYLOAD_FILE_BYTES {
            return Err(ImageReferencesError::TooLong(json.len()));
        }
        let wire: WireImageStream = serde_json::from_slice(json)?;
        let metadata = wire.metadata.unwrap_or_default();
        if let Some(created) = &metadata.creation_timestamp {
            created.parse::<jiff::Timestamp>().map_err(|source| ImageReferencesError::CreationTimestamp {
                text: created.clone(),
                reason: source.to_string(),
            })?;
        }
        let tags = wire.spec.unwrap_or_default().tags.unwrap_or_default();
        let components = tags.into_iter().map(|tag| Component {
            name: tag.name.unwrap_or_default(),
            image: tag.from.and_then(|from| from.name).unwrap_or_default(),
            annotations: tag.annotations.unwrap_or_default(),
        });
        Ok(Self {
            version: metadata.name.unwrap_or_default(),
            created: metadata.creation_timestamp,
            components: components.collect(),
        })
    }
}

#[derive(Deserialize)]
struct WireImageStream {
    metadata: Option<WireMetadata>,
    spec: Option<WireSpec>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireMetadata {
    name: Option<String>,
    creation_timestamp: Option<String>,
}

#[derive(Default, Deserialize)]
struct WireSpec {
    tags: Option<Vec<WireTag>>,
}

#[derive(Deserialize)]
struct WireTag {
    name: Option<String>,
    from: Option<WireFrom>,
    annotations: Option<BTreeMap<String, String>>,
}

#[derive(Deserialize)]
struct WireFrom {
    name: Option<String>,
}

/// Why a file is no component list.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the message is the documentation")]
pub enum ImageReferencesError {
    #[error("image-references has {0} bytes, more than the {MAX_PAYLOAD_FILE_BYTES} that are read")]
    TooLong(usize),
    #[error("image-references is not the expected JSON of an ImageStream: {0}")]
    Json(#[from] serde_json::Error),
    #[error("image-references was created at `{text}`, expected a time like `2026-01-02T03:04:05Z`: {reason}")]
    CreationTimestamp { text: String, reason: String },
}
