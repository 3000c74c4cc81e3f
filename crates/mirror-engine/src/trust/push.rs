//! Artifacts beside the image at the destination.

use oci_transport::{Client, Endpoint, Reference};

use crate::carrier::transport;
use crate::copy::CopyError;
use crate::tree::Attached;

/// Pushes the manifests of artifacts: children by digest, then each root by its tag, or by digest when it has none.
/// Their blobs are there, and so is what they are about, except for the image's own tag.
pub(crate) async fn push_attached(
    client: &Client,
    endpoint: &Endpoint,
    attached: &[Attached],
) -> Result<(), CopyError> {
    for artifact in attached {
        for child in &artifact.tree.children {
            let reference = Reference::Digest(child.digest.clone());
            client.push_manifest(endpoint, &reference, child).await.map_err(|error| transport(&error))?;
        }
        let root = &artifact.tree.root;
        client.push_manifest(endpoint, &name_of(artifact), root).await.map_err(|error| transport(&error))?;
    }
    Ok(())
}

/// Whether all artifacts are at the destination under their names.
pub(crate) async fn are_attached(
    client: &Client,
    endpoint: &Endpoint,
    attached: &[Attached],
) -> Result<bool, CopyError> {
    for artifact in attached {
        let found = client.head_manifest_at(endpoint, &name_of(artifact)).await.map_err(|error| transport(&error))?;
        if found.is_none_or(|found| found.digest != artifact.tree.root.digest) {
            return Ok(false);
        }
    }
    Ok(true)
}

fn name_of(artifact: &Attached) -> Reference {
    match &artifact.tag {
        Some(tag) => Reference::Tag(tag.clone()),
        None => Reference::Digest(artifact.tree.root.digest.clone()),
    }
}
