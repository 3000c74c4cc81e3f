//! Finding the payload's manifests in an image: which entry of an index to read, which files to keep
//! (`docs/behaviour/release.md` 3.1).

use image_ref::Digest;
use serde::Deserialize;

/// How many indexes inside each other are followed.
pub const MAX_INDEX_DEPTH: usize = 5;

/// The entry of an index to go on with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IndexEntry {
    /// An image manifest: the one to read.
    Manifest(Digest),
    /// Another index to look into.
    Index(Digest),
}

const MANIFESTS: [&str; 2] =
    ["application/vnd.oci.image.manifest.v1+json", "application/vnd.docker.distribution.manifest.v2+json"];
const INDEXES: [&str; 2] =
    ["application/vnd.oci.image.index.v1+json", "application/vnd.docker.distribution.manifest.list.v2+json"];

/// Chooses from an `index.json` or an index inside it: the first image manifest, otherwise the first index.
///
/// # Errors
/// When the bytes are no index, or it holds neither.
pub fn choose_entry(index: &[u8]) -> Result<IndexEntry, LayoutError> {
    let index: WireIndex = serde_json::from_slice(index)?;
    let entries = index.manifests.unwrap_or_default();
    let first = |types: &[&str]| entries.iter().find(|entry| types.contains(&entry.media_type.as_str()));
    if let Some(entry) = first(&MANIFESTS) {
        return Ok(IndexEntry::Manifest(entry.digest.clone()));
    }
    first(&INDEXES).map(|entry| IndexEntry::Index(entry.digest.clone())).ok_or(LayoutError::Empty)
}

/// Where a file of the payload's file system is kept below the directory that the payload is extracted to; `None` for
/// files that are not kept. Kept is what has `release-manifests` in its path.
///
/// # Errors
/// When the path would leave that directory.
pub fn extracted_path(path: &str) -> Result<Option<String>, LayoutError> {
    if !path.contains("release-manifests") {
        return Ok(None);
    }
    let mut parts = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => return Err(LayoutError::Leaves(path.to_owned())),
            part if part.contains(['\\', '\0']) => return Err(LayoutError::Leaves(path.to_owned())),
            part => parts.push(part),
        }
    }
    Ok(Some(parts.join("/")))
}

#[derive(Deserialize)]
struct WireIndex {
    manifests: Option<Vec<WireDescriptor>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireDescriptor {
    #[serde(default)]
    media_type: String,
    digest: Digest,
}

/// Why the payload's manifests cannot be found.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the message is the documentation")]
pub enum LayoutError {
    #[error("the image index is not the expected JSON: {0}")]
    Json(#[from] serde_json::Error),
    #[error("the image index names neither an image manifest nor another index")]
    Empty,
    #[error("path `{0}` of the release image leaves its directory")]
    Leaves(String),
}
