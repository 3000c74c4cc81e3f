//! The least that garbage collection and verification need to know of a manifest: what it names.

use image_ref::{Digest, Platform};
use serde::Deserialize;

/// What a manifest or index names. A view of the bytes; unknown fields and media types are no error.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ManifestView {
    /// Child manifests of an index or manifest list.
    pub children: Vec<Child>,
    /// Config and layers, with their size in bytes when the manifest says it. Layers that live elsewhere by
    /// declaration (`urls`, "foreign layers") are marked.
    pub blobs: Vec<Named>,
    /// The manifest this one is about (signature, attestation), OCI 1.1 `subject`.
    pub subject: Option<Digest>,
}

/// A child manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Child {
    /// Its digest.
    pub digest: Digest,
    /// Its size in bytes.
    pub size: Option<u64>,
    /// Its platform, when the index says it.
    pub platform: Option<Platform>,
}

/// A config or layer.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Named {
    /// Its digest.
    pub digest: Digest,
    /// Its size in bytes.
    pub size: Option<u64>,
    /// Whether it may be absent because it is fetched from `urls`.
    pub foreign: bool,
}

impl ManifestView {
    /// Reads a manifest: OCI image or index, docker schema 2 or list, schema 1, OCI artifact.
    ///
    /// # Errors
    /// When `bytes` is no JSON object or a digest in it is malformed.
    pub fn parse(bytes: &[u8]) -> Result<Self, serde_json::Error> {
        let wire: Wire = serde_json::from_slice(bytes)?;
        let children = wire
            .manifests
            .into_iter()
            .flatten()
            .map(|d| Child { digest: d.digest, size: d.size, platform: d.platform })
            .collect();
        let mut blobs: Vec<Named> = wire
            .config
            .into_iter()
            .chain(wire.layers.into_iter().flatten())
            .chain(wire.blobs.into_iter().flatten())
            .map(|d| Named {
                digest: d.digest,
                size: d.size,
                foreign: !d.urls.unwrap_or_default().is_empty()
                    && d.media_type.is_some_and(|kind| kind.contains("foreign") || kind.contains("nondistributable")),
            })
            .collect();
        let schema1 = wire.fs_layers.into_iter().flatten();
        blobs.extend(schema1.map(|layer| Named { digest: layer.blob_sum, size: None, foreign: false }));
        Ok(Self { children, blobs, subject: wire.subject.map(|d| d.digest) })
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wire {
    manifests: Option<Vec<WireDescriptor>>,
    config: Option<WireDescriptor>,
    layers: Option<Vec<WireDescriptor>>,
    blobs: Option<Vec<WireDescriptor>>,
    subject: Option<WireDescriptor>,
    fs_layers: Option<Vec<WireSchema1Layer>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireDescriptor {
    digest: Digest,
    size: Option<u64>,
    media_type: Option<String>,
    platform: Option<Platform>,
    urls: Option<Vec<String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireSchema1Layer {
    blob_sum: Digest,
}
