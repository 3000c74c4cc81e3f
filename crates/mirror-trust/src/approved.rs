//! The artifacts of an approved plan: read by digest, so that no tag is asked of any source.

use std::collections::HashMap;
use std::future::Future;

use image_ref::Digest;
use mirror_plan::PlannedImage;
use oci_manifest::{Attached, TreeError, VerifiedManifest, walk};
use plan_document::{AttachedArtifact, Document};

use mirror_content::root::root_with;
use mirror_job::failure::{Condition, CopyError};

/// What is attached to each image of a plan, by the image's name.
#[derive(Debug, Default)]
pub(crate) struct Artifacts(HashMap<String, Vec<AttachedArtifact>>);

impl Artifacts {
    pub(super) fn of(document: &Document) -> Self {
        let images = document.images.iter();
        Self(images.filter_map(|image| Some((image.name.clone(), image.attached.clone()?))).collect())
    }

    pub(super) fn get(&self, image: &PlannedImage) -> &[AttachedArtifact] {
        self.0.get(&image.cache.to_string()).map_or(&[], Vec::as_slice)
    }
}

/// Reads artifacts whose manifests `fetch` brings.
///
/// # Errors
/// When one of them cannot be had: the plan says that it arrives.
pub async fn read_artifacts<F, R>(artifacts: &[AttachedArtifact], fetch: F) -> Result<Vec<Attached>, CopyError>
where
    F: Fn(Digest) -> R,
    R: Future<Output = Result<VerifiedManifest, CopyError>>,
{
    let mut attached = Vec::with_capacity(artifacts.len());
    for artifact in artifacts {
        let name = artifact.tag.clone().unwrap_or_else(|| artifact.digest.to_string());
        let missing = |mut error: CopyError| {
            error.message = format!("its artifact {name} cannot be read: {}", error.message);
            error
        };
        let root = root_with(&artifact.digest, fetch(artifact.digest.clone()).await.map_err(missing)?)?;
        let tree = walk(root, &[], |child| fetch(child.digest)).await.map_err(|error| match error {
            TreeError::Fetch(error) => missing(error),
            other => CopyError::from_error(Condition::Manifest, false, &other),
        })?;
        attached.push(Attached { tag: artifact.tag.clone(), tree });
    }
    Ok(attached)
}
