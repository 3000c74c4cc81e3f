//! Manifests: the bytes as they came, and views on them.

use std::fmt;

use bytes::Bytes;
use image_ref::{Digest, Hasher, Platform};
use serde::Deserialize;

use crate::descriptor::Descriptor;
use crate::{media_type, schema1};

/// How many bytes a manifest may have: 4 MiB, the limit that the distribution specification asks registries to support
/// and that registries enforce on upload.
pub const MAX_MANIFEST_BYTES: usize = 4 * 1024 * 1024;

/// A manifest as it travels: bytes, media type and digest. The bytes are the truth; parsing is a view.
#[derive(Clone, PartialEq, Eq)]
pub struct Manifest {
    /// The bytes as received, never re-serialised.
    pub bytes: Bytes,
    /// The media type under which it was received, or would be pushed.
    pub media_type: String,
    /// The digest of the bytes; for signed schema 1, of the payload that was signed.
    pub digest: Digest,
}

impl Manifest {
    /// A manifest of known media type. Computes the SHA-256 digest.
    pub fn new(bytes: impl Into<Bytes>, media_type: impl Into<String>) -> Self {
        let (bytes, media_type) = (bytes.into(), media_type.into());
        let digest = digest_of(image_ref::Algorithm::Sha256, &bytes, &media_type);
        Self { bytes, media_type, digest }
    }

    /// A manifest whose media type is read from its body, because nothing outside the body told.
    pub fn guessed(bytes: impl Into<Bytes>) -> Self {
        let bytes = bytes.into();
        let media_type = guess_media_type(&bytes);
        Self::new(bytes, media_type)
    }

    /// Whether the bytes have this digest.
    pub fn matches(&self, digest: &Digest) -> bool {
        self.digest == *digest || digest_of(digest.algorithm(), &self.bytes, &self.media_type) == *digest
    }

    /// The descriptor of this manifest.
    pub fn descriptor(&self) -> Descriptor {
        Descriptor::new(self.media_type.clone(), self.digest.clone(), self.bytes.len() as u64)
    }

    /// Reads the manifest.
    ///
    /// # Errors
    /// When the bytes are too many, are no JSON, or lack what their media type requires.
    pub fn view(&self) -> Result<ManifestView, ManifestError> {
        if self.bytes.len() > MAX_MANIFEST_BYTES {
            return Err(ManifestError::TooLarge { bytes: self.bytes.len() as u64, limit: MAX_MANIFEST_BYTES });
        }
        let body: Body = serde_json::from_slice(&self.bytes)
            .map_err(|error| ManifestError::Json { media_type: self.media_type.clone(), message: error.to_string() })?;
        let missing = |property: &'static str| ManifestError::Missing { media_type: self.media_type.clone(), property };
        match Kind::of(&self.media_type, &body) {
            Kind::Index => Ok(ManifestView::Index(Index {
                manifests: body.manifests.ok_or_else(|| missing("manifests"))?,
                subject: body.subject,
            })),
            Kind::Schema1 => Ok(ManifestView::Schema1(Schema1 {
                layers: unique(body.fs_layers.ok_or_else(|| missing("fsLayers"))?.into_iter().map(|l| l.blob_sum)),
            })),
            Kind::Artifact => Ok(ManifestView::Artifact(Artifact {
                blobs: body.blobs.unwrap_or_default(),
                artifact_type: body.artifact_type,
                subject: body.subject,
            })),
            Kind::Image => Ok(ManifestView::Image(Image {
                config: body.config.ok_or_else(|| missing("config"))?,
                layers: body.layers.unwrap_or_default(),
                artifact_type: body.artifact_type,
                subject: body.subject,
            })),
            Kind::Unknown => Err(ManifestError::Unknown(self.media_type.clone())),
        }
    }
}

impl fmt::Debug for Manifest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Manifest({}, {}, {} bytes)", self.digest, self.media_type, self.bytes.len())
    }
}

/// What a manifest says.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ManifestView {
    /// One image: configuration and layers.
    Image(Image),
    /// A list of manifests, one per platform.
    Index(Index),
    /// A Docker schema 1 image: layers by digest only, without sizes and without configuration blob.
    Schema1(Schema1),
    /// An OCI artifact manifest.
    Artifact(Artifact),
}

impl ManifestView {
    /// The blobs that the manifest names directly: configuration first, then layers, each once. Empty for an index and
    /// for schema 1, whose layers have no sizes.
    pub fn blobs(&self) -> Vec<&Descriptor> {
        let mut blobs: Vec<&Descriptor> = Vec::new();
        let all = match self {
            Self::Image(image) => std::iter::once(&image.config).chain(&image.layers).collect(),
            Self::Artifact(artifact) => artifact.blobs.iter().collect(),
            Self::Index(_) | Self::Schema1(_) => Vec::new(),
        };
        let mut seen = std::collections::HashSet::new();
        blobs.extend(all.into_iter().filter(|blob| seen.insert(&blob.digest)));
        blobs
    }

    /// The manifest that this one is about, such as the image that a signature signs.
    pub fn subject(&self) -> Option<&Descriptor> {
        match self {
            Self::Image(image) => image.subject.as_ref(),
            Self::Index(index) => index.subject.as_ref(),
            Self::Artifact(artifact) => artifact.subject.as_ref(),
            Self::Schema1(_) => None,
        }
    }
}

/// An OCI image manifest, or Docker's schema 2, which has the same shape.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    /// The configuration blob. REQUIRED.
    pub config: Descriptor,
    /// The layers, base first. The same layer may stand more than once.
    pub layers: Vec<Descriptor>,
    /// What the artifact is, when this is none of an image. OPTIONAL.
    pub artifact_type: Option<String>,
    /// The manifest this one is about. OPTIONAL.
    pub subject: Option<Descriptor>,
}

/// An OCI image index, or Docker's manifest list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Index {
    /// The entries, in the order of the file.
    pub manifests: Vec<IndexEntry>,
    /// The manifest this one is about. OPTIONAL.
    pub subject: Option<Descriptor>,
}

/// One entry of an index.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct IndexEntry {
    /// The manifest.
    #[serde(flatten)]
    pub descriptor: Descriptor,
    /// The platform it is for. OPTIONAL.
    #[serde(default)]
    pub platform: Option<Platform>,
}

/// A Docker schema 1 image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schema1 {
    /// The layers, newest first as in the file, each digest once. Sizes are not in the manifest: ask with
    /// [`crate::Client::head_blob`].
    pub layers: Vec<Digest>,
}

/// An OCI artifact manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Artifact {
    /// Its blobs.
    pub blobs: Vec<Descriptor>,
    /// What it is.
    pub artifact_type: Option<String>,
    /// The manifest this one is about. OPTIONAL.
    pub subject: Option<Descriptor>,
}

/// The digest of a manifest's bytes: of the signed payload for signed schema 1, of all bytes otherwise.
pub(crate) fn digest_of(algorithm: image_ref::Algorithm, bytes: &[u8], media_type: &str) -> Digest {
    if media_type == media_type::DOCKER_SCHEMA1_SIGNED
        && let Some(payload) = schema1::signed_payload(bytes)
    {
        return Hasher::of(algorithm, &payload);
    }
    Hasher::of(algorithm, bytes)
}

/// The media type that a body claims or, if it claims none, has by its shape; `application/octet-stream` when it has
/// none that is known.
pub(crate) fn guess_media_type(bytes: &[u8]) -> String {
    let Ok(body) = serde_json::from_slice::<Shape>(bytes) else { return "application/octet-stream".to_owned() };
    if let Some(media_type) = body.media_type {
        return media_type;
    }
    let guess = if body.schema_version == Some(1) || body.fs_layers.is_some() {
        if body.signatures.is_some() { media_type::DOCKER_SCHEMA1_SIGNED } else { media_type::DOCKER_SCHEMA1 }
    } else if body.manifests.is_some() {
        media_type::OCI_INDEX
    } else if body.config.is_some() {
        media_type::OCI_MANIFEST
    } else {
        "application/octet-stream"
    };
    guess.to_owned()
}

enum Kind {
    Image,
    Index,
    Schema1,
    Artifact,
    Unknown,
}

impl Kind {
    fn of(media_type: &str, body: &Body) -> Self {
        match media_type {
            media_type::OCI_INDEX | media_type::DOCKER_LIST => Self::Index,
            media_type::OCI_MANIFEST | media_type::DOCKER_MANIFEST => Self::Image,
            media_type::DOCKER_SCHEMA1 | media_type::DOCKER_SCHEMA1_SIGNED => Self::Schema1,
            media_type::OCI_ARTIFACT => Self::Artifact,
            // Some registries serve manifests as `application/json` or `text/plain`; then the shape decides.
            _ if body.manifests.is_some() => Self::Index,
            _ if body.config.is_some() => Self::Image,
            _ if body.fs_layers.is_some() => Self::Schema1,
            _ => Self::Unknown,
        }
    }
}

fn unique(digests: impl Iterator<Item = Digest>) -> Vec<Digest> {
    let mut seen = std::collections::HashSet::new();
    digests.filter(|digest| seen.insert(digest.clone())).collect()
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Body {
    config: Option<Descriptor>,
    layers: Option<Vec<Descriptor>>,
    manifests: Option<Vec<IndexEntry>>,
    fs_layers: Option<Vec<FsLayer>>,
    blobs: Option<Vec<Descriptor>>,
    artifact_type: Option<String>,
    subject: Option<Descriptor>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct FsLayer {
    blob_sum: Digest,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Shape {
    media_type: Option<String>,
    schema_version: Option<u64>,
    config: Option<serde::de::IgnoredAny>,
    manifests: Option<serde::de::IgnoredAny>,
    fs_layers: Option<serde::de::IgnoredAny>,
    signatures: Option<serde::de::IgnoredAny>,
}

/// Why a manifest cannot be read. It can still be stored and pushed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the message is the documentation")]
pub enum ManifestError {
    #[error("manifest has {bytes} bytes, more than the {} MiB that manifests may have", limit / 1024 / 1024)]
    TooLarge { bytes: u64, limit: usize },
    #[error("manifest of type `{media_type}` cannot be read: {message}")]
    Json { media_type: String, message: String },
    #[error("manifest of type `{media_type}` has no `{property}`")]
    Missing { media_type: String, property: &'static str },
    #[error("`{0}` is no manifest type that can be read, expected an OCI or Docker image or list")]
    Unknown(String),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn guesses() {
        fn check(body: &str, expected: &str) {
            assert_eq!(guess_media_type(body.as_bytes()), expected, "{body}");
        }
        check(r#"{"mediaType":"application/vnd.oci.image.index.v1+json"}"#, media_type::OCI_INDEX);
        check(r#"{"schemaVersion":2,"config":{}}"#, media_type::OCI_MANIFEST);
        check(r#"{"schemaVersion":2,"manifests":[]}"#, media_type::OCI_INDEX);
        check(r#"{"schemaVersion":1,"fsLayers":[]}"#, media_type::DOCKER_SCHEMA1);
        check(r#"{"schemaVersion":1,"fsLayers":[],"signatures":[]}"#, media_type::DOCKER_SCHEMA1_SIGNED);
        check("{}", "application/octet-stream");
        check("[]", "application/octet-stream");
        check("not json", "application/octet-stream");
    }

    #[test]
    fn what_cannot_be_read_says_why() {
        fn check(body: &str, media_type: &str, expected: &str) {
            let error = Manifest::new(body.as_bytes().to_vec(), media_type).view().expect_err(body);
            assert_eq!(error.to_string(), expected);
        }
        let image = media_type::OCI_MANIFEST;
        check(
            "{",
            image,
            &format!("manifest of type `{image}` cannot be read: EOF while parsing an object at line 1 column 1"),
        );
        check("{}", image, &format!("manifest of type `{image}` has no `config`"));
        let index = media_type::OCI_INDEX;
        check("{}", index, &format!("manifest of type `{index}` has no `manifests`"));
        check(
            "{}",
            "text/plain",
            "`text/plain` is no manifest type that can be read, expected an OCI or Docker image or list",
        );
        let bad = r#"{"config":{"mediaType":"x","digest":"sha256:00","size":1}}"#;
        check(
            bad,
            image,
            &format!(
                "manifest of type `{image}` cannot be read: invalid digest: sha256 needs 64 hex digits, found 2 characters at line 1 column 47"
            ),
        );
        check(
            &" ".repeat(MAX_MANIFEST_BYTES + 1),
            image,
            "manifest has 4194305 bytes, more than the 4 MiB that manifests may have",
        );
    }

    #[test]
    fn a_layer_that_stands_twice_is_one_blob() {
        let layer = format!(r#"{{"mediaType":"x","digest":"sha256:{}","size":1}}"#, "a".repeat(64));
        let config = format!(r#"{{"mediaType":"x","digest":"sha256:{}","size":1}}"#, "b".repeat(64));
        let body = format!(r#"{{"config":{config},"layers":[{layer},{layer}]}}"#);
        let view = Manifest::new(body, media_type::OCI_MANIFEST).view().expect("well formed");
        assert_eq!(view.blobs().len(), 2);
    }
}
