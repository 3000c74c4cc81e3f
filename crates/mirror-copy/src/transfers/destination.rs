//! The destination registry: the half that disk to mirror and mirror to mirror have in common.
//!
//! Whether an image is there, where to look for a blob before uploading it (this repository, another repository of the same
//! registry), and the order in which manifests become visible.

use std::sync::Arc;

use archive_format::Store;
use image_ref::{Digest, ImageRef, Repository};
use mirror_plan::PlannedImage;
use oci_transport::{BlobSource, Client, Endpoint, Reference};

use crate::BlobJob;
use mirror_content::advance::Advance;
use mirror_job::event::Observer;
use mirror_job::failure::{Condition, CopyError, transport};
use mirror_job::job::Job;
use mirror_trust::{Attaching, Refused};
use oci_manifest::ImageTree;

/// Where images are pushed.
pub struct DestinationRegistry {
    /// Talks to the registry.
    pub client: Client,
    /// Hears how far transfers are.
    pub observer: Arc<dyn Observer>,
    /// Artifacts that it does not take.
    pub refused: Refused,
    /// Whether a policy holds, so that signatures must arrive.
    pub strict: bool,
}

/// What may be wrong when a list is refused of which `platforms` left something behind.
const SPARSE_HINT: &str = ". Manifest list with only the images of `platforms`: the registry has to accept lists with \
                           missing children (of docker-registry, `validation.manifests.indexes.platforms: none`), or \
                           configure no `platforms`";

/// What became of a blob that was offered.
pub(crate) enum Offer {
    /// The repository has it now, and nothing travelled.
    There,
    /// It has to be sent.
    Wanted,
}

/// The name of an image that goes to a registry.
///
/// # Errors
/// When the image has none: the plan is wrong.
fn destination_of(image: &PlannedImage) -> Result<&ImageRef, CopyError> {
    image.destination.as_ref().ok_or_else(|| {
        CopyError::permanent(
            Condition::Internal,
            format!("{} has no place at the destination in this plan", image.origin),
        )
    })
}

fn repository(image: &PlannedImage) -> Result<Repository, CopyError> {
    destination_of(image)?.repository().map_err(|error| CopyError::from_error(Condition::Reference, false, &error))
}

/// The path of the repository that an image goes to; empty when it goes to none.
pub(crate) fn repository_path(image: &PlannedImage) -> String {
    repository(image).map(|repository| repository.path().to_owned()).unwrap_or_default()
}

impl DestinationRegistry {
    /// The destination of a run with this cache.
    pub fn of(job: &Job, store: &Store, observer: &Arc<dyn Observer>) -> Self {
        let version = format!("{} {}", job.version.git_version, job.version.git_commit);
        Self {
            client: job.destination.clone(),
            observer: Arc::clone(observer),
            refused: Refused::new(store, version, observer),
            strict: job.options.policy.is_some(),
        }
    }

    /// Another repository of the registry that `image` goes to.
    pub(crate) fn endpoint(&self, image: &PlannedImage, path: &str) -> Result<Endpoint, CopyError> {
        let registry = repository(image)?.registry().to_owned();
        let repository = Repository::new(registry, path)
            .map_err(|error| CopyError::from_error(Condition::Reference, false, &error))?;
        Ok(self.client.endpoint(&repository))
    }

    /// The digest that the image's name has there now. The first question about every image.
    ///
    /// # Errors
    /// When the registry does not answer, or registries.conf blocks this place: that holds for writing too (
    /// `docs/behaviour/release.md` 7.2).
    pub(crate) async fn tagged(&self, image: &PlannedImage) -> Result<Option<Digest>, CopyError> {
        let repository = repository(image)?;
        if let Some(blocked) = self.client.options().registries.blocked(&repository.to_string()) {
            return Err(CopyError::permanent(Condition::BLOCKED, blocked.to_string()));
        }
        self.head(&self.client.endpoint(&repository), &tag(image)).await
    }

    /// Whether the image is there with all its manifests and artifacts, when its name has the digest `tagged` there. A
    /// registry that has a manifest has its blobs; but of a list an earlier run may have brought other instances only.
    pub(crate) async fn has_image(
        &self,
        image: &PlannedImage,
        tree: &ImageTree,
        tagged: Option<&Digest>,
    ) -> Result<bool, CopyError> {
        // Registries name manifests by SHA-256, whatever digest the image is pinned to.
        if !tagged.is_some_and(|digest| tree.root.has_digest(digest)) {
            return Ok(false);
        }
        let endpoint = self.client.endpoint(&repository(image)?);
        for child in &tree.children {
            if self.head(&endpoint, &Reference::Digest(child.digest().clone())).await?.is_none() {
                return Ok(false);
            }
        }
        self.attaching(image, &endpoint).are_there(&tree.attached).await
    }

    fn attaching<'a>(&'a self, image: &'a PlannedImage, endpoint: &'a Endpoint) -> Attaching<'a> {
        let own_tag = image.destination.as_ref().and_then(ImageRef::tag);
        Attaching { client: &self.client, endpoint, refused: &self.refused, strict: self.strict, own_tag }
    }

    async fn head(&self, at: &Endpoint, reference: &Reference) -> Result<Option<Digest>, CopyError> {
        let found = self.client.probe_manifest_at(at, reference).await.map_err(|error| transport(&error))?;
        Ok(found.map(|descriptor| descriptor.digest))
    }

    /// Asks the registry for the blob: by a mount from a repository that has it, else whether this repository does.
    pub(crate) async fn offer(&self, at: &Endpoint, job: &BlobJob) -> Result<Offer, CopyError> {
        let there = self.client.offer_blob(at, &job.blob.digest, job.mount_from.as_deref()).await;
        Ok(if there.map_err(|error| transport(&error))? { Offer::There } else { Offer::Wanted })
    }

    /// Sends a blob. Gives the bytes that travelled.
    pub(crate) async fn send(
        &self,
        at: &Endpoint,
        job: &BlobJob,
        source: Arc<dyn BlobSource>,
    ) -> Result<u64, oci_transport::Error> {
        let advance = Advance::new(&self.observer, &job.blob.digest, job.blob.size);
        self.client.push_blob(at, &job.blob, source, &|bytes| advance.by(bytes)).await?;
        Ok(advance.told())
    }

    /// Pushes an image's manifests: children by digest, artifacts, then the root by its tag. All blobs are there.
    pub(crate) async fn push_manifests(&self, image: &PlannedImage, tree: &ImageTree) -> Result<(), CopyError> {
        let endpoint = self.client.endpoint(&repository(image)?);
        for child in &tree.children {
            let reference = Reference::Digest(child.digest().clone());
            self.client.push_manifest(&endpoint, &reference, child).await.map_err(|error| transport(&error))?;
        }
        self.attaching(image, &endpoint).push(&tree.attached).await?;
        self.client.push_manifest(&endpoint, &tag(image), &tree.root).await.map_err(|error| {
            let mut failed = transport(&error);
            if !image.platforms.is_empty() && !tree.children.is_empty() && !failed.retry_can_help {
                failed.message.push_str(SPARSE_HINT);
            }
            failed
        })
    }
}

fn tag(image: &PlannedImage) -> Reference {
    let tag = image.destination.as_ref().and_then(ImageRef::tag).unwrap_or("latest");
    Reference::Tag(tag.to_owned())
}
