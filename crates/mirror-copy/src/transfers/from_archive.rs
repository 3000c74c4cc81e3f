//! Archive to destination registry: the copy phase of disk to mirror.
//!
//! Layers are never unpacked: each is pushed from its place in the chunk it lies in. What a blob is asked of, in order:
//! the destination (it may have it, in this repository or in another of this plan), the archive, the cache of earlier
//! runs, and any repository of the destination that an earlier archive has filled: those that the cache knows of, and
//! those of the other images of this plan, for a machine whose cache knows nothing.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use archive_format::Archive;
use futures_util::StreamExt as _;
use image_ref::Digest;
use mirror_plan::{CacheName, PlannedImage, older};
use oci_manifest::{Descriptor, ImageTree, VerifiedManifest, walk};
use oci_transport::{BlobSource, Endpoint};
use tokio::sync::OnceCell;

use super::destination::{DestinationRegistry, Offer, repository_path};
use super::earlier::Earlier;
use super::{bounded, destination_name, image_at, left_out};
use crate::{BlobJob, Resolved, Transfer, Transferred};
use mirror_content::image::{ReadError, read_image};
use mirror_content::root::{pinned, root_digest, root_of};
use mirror_content::source::{Brought, ContentSource, LocalContent as _, Remote};
use mirror_job::event::Event;
use mirror_job::failure::{Condition, CopyError, transport, tree as tree_error};
use mirror_job::lacking::Lacking;
use mirror_trust::{ArchiveIndex, SignatureBytes, Trust};

/// How many images are asked for at once when earlier archives' blobs are looked for.
const ASKED_AT_ONCE: usize = 16;

/// Pushes images out of an archive and the cache.
pub struct FromArchive {
    /// The images of the plan.
    pub images: Arc<Vec<PlannedImage>>,
    /// The archive.
    pub archive: Arc<Archive>,
    /// What the archive lacks; none for a complete one.
    pub lacking: Option<Lacking>,
    /// What the archive and earlier ones have brought.
    pub content: Brought,
    /// Where the images go.
    pub destination: DestinationRegistry,
    /// Bound of one transfer, attempts included; zero for none.
    pub image_timeout: Duration,
    /// What earlier archives of the sequence have brought to the destination.
    pub earlier: Earlier,
    /// Repositories of this plan's images, by the blobs of manifests that came with earlier archives. Asked of the
    /// destination when it is first needed.
    pub planned: OnceCell<HashMap<Digest, BTreeSet<String>>>,
    /// Blobs that were found at the destination.
    pub found: Mutex<HashSet<Digest>>,
    /// Whether signatures travel, and the policy.
    pub trust: Trust,
    /// Where signatures are found; none when nobody wants any.
    pub index: Option<ArchiveIndex>,
}

impl FromArchive {
    /// What the image's name stood for when the archive was made, else in an earlier archive of the sequence; then the same
    /// for the name that older versions gave it.
    fn named(&self, image: &PlannedImage) -> Result<Option<Digest>, CopyError> {
        for name in std::iter::once(image.cache.clone()).chain(older::name_of(image)) {
            if let Some(digest) = self.content.resolve_tag(&name.repository, &name.tag)? {
                return Ok(Some(digest));
            }
        }
        Ok(None)
    }

    /// The repository of the image at the destination, where an earlier archive may have put it.
    fn at_destination(&self, image: &PlannedImage) -> Result<Remote, CopyError> {
        self.remote(image, &repository_path(image))
    }

    fn remote(&self, image: &PlannedImage, path: &str) -> Result<Remote, CopyError> {
        let at = self.destination.endpoint(image, path)?;
        Ok(Remote { client: self.destination.client.clone(), at })
    }

    /// The digest of the image's first manifest.
    fn digest(&self, image: &PlannedImage) -> Result<Digest, CopyError> {
        let name = &image.cache;
        root_digest(image, || self.named(image))?.ok_or_else(|| {
            CopyError::permanent(
                Condition::NotInArchive,
                format!(
                    "{name} is neither in the archive nor in the cache of earlier runs; \
                     was the archive made with this configuration, and was every earlier archive loaded?"
                ),
            )
        })
    }

    /// A manifest from what archives brought or, when an earlier archive brought it, the destination itself.
    async fn manifest(&self, digest: &Digest, image: &PlannedImage) -> Result<VerifiedManifest, CopyError> {
        if let Some(manifest) = self.content.read_manifest(digest)? {
            return Ok(manifest);
        }
        if let Some(manifest) = self.at_destination(image)?.manifest(digest).await? {
            return Ok(manifest);
        }
        if let Some(path) = self.earlier.older_repository(image)
            && let Some(manifest) = self.remote(image, &path)?.manifest(digest).await?
        {
            return Ok(manifest);
        }
        if pinned(image) == Some(digest)
            && let Some(other) = self.named(image)?.filter(|other| other != digest)
        {
            return Err(substituted(image, digest, &other));
        }
        let mut missing = self.earlier.missing("manifest", digest, &image.origin).await;
        // An instance of a list that is here itself.
        if self.digest(image).is_ok_and(|root| root != *digest) {
            missing.message.push_str(
                ". If the archive was made with fewer `platforms` than the configuration names now, name the same",
            );
        }
        Err(missing)
    }

    async fn push(&self, job: &BlobJob) -> Result<u64, CopyError> {
        let image = image_at(&self.images, *job.images.first().expect("a job has an image"));
        let endpoint = self.destination.endpoint(image, &job.repository)?;
        if let Offer::There = self.destination.offer(&endpoint, job).await? {
            return Ok(0);
        }
        if let Some(source) = self.content.open_blob(&job.blob)? {
            return self.destination.send(&endpoint, job, source).await.map_err(|error| self.explain(job, &error));
        }
        let digest = &job.blob.digest;
        let cached = self.earlier.repositories(digest).await?;
        if let Some(moved) = self.take_from(cached, image, &endpoint, job).await? {
            return Ok(moved);
        }
        let planned = self.planned.get_or_init(|| Box::pin(self.ask_for_planned())).await;
        let planned = planned.get(digest).into_iter().flatten().cloned().collect();
        if let Some(moved) = self.take_from(planned, image, &endpoint, job).await? {
            return Ok(moved);
        }
        let origins: Vec<&str> = job.images.iter().map(|at| image_at(&self.images, *at).origin.as_str()).collect();
        Err(self.earlier.missing("blob", digest, &origins.join(", ")).await)
    }

    /// What the manifests say that this archive names and an earlier one brought. What cannot be had is left out: its
    /// own image fails for it.
    async fn ask_for_planned(&self) -> HashMap<Digest, BTreeSet<String>> {
        let manifests = futures_util::stream::iter(0..self.images.len()).map(|at| self.blobs_from_earlier(at));
        let mut planned: HashMap<Digest, BTreeSet<String>> = HashMap::new();
        let mut manifests = std::pin::pin!(manifests.buffer_unordered(ASKED_AT_ONCE));
        while let Some((repositories, blobs)) = manifests.next().await {
            for blob in blobs {
                planned.entry(blob).or_default().extend(repositories.iter().cloned());
            }
        }
        planned
    }

    /// The repositories that an image may be in, and the blobs of those of its manifests that are not in this archive.
    async fn blobs_from_earlier(&self, at: usize) -> (Vec<String>, Vec<Digest>) {
        let image = image_at(&self.images, at);
        let repositories =
            std::iter::once(repository_path(image)).chain(self.earlier.older_repository(image)).collect();
        let tree = async {
            let root = self.manifest(&self.digest(image)?, image).await?;
            let child = |child: Descriptor| async move { self.manifest(&child.digest, image).await };
            walk(root_of(image, root)?, &image.platforms, child).await.map_err(tree_error)
        };
        let Ok(tree) = tree.await else { return (repositories, Vec::new()) };
        let earlier = tree.image_manifests().filter(|manifest| self.archive.blob(manifest.digest()).is_none());
        let blobs = earlier.filter_map(|manifest| manifest.view().ok()).flat_map(|view| view.named_blobs());
        (repositories, blobs.map(|blob| blob.digest).collect())
    }

    /// Takes a blob from one of these repositories of the destination, where an earlier archive has brought it; the bytes
    /// that travelled, or none when it is not there.
    async fn take_from(
        &self,
        repositories: Vec<String>,
        image: &PlannedImage,
        at: &Endpoint,
        job: &BlobJob,
    ) -> Result<Option<u64>, CopyError> {
        let client = &self.destination.client;
        for path in repositories.iter().filter(|path| **path != job.repository) {
            if client.mount_blob(at, &job.blob.digest, path).await.map_err(|error| transport(&error))? {
                return Ok(Some(0));
            }
        }
        // A registry without mounts: through this machine, then.
        for path in repositories {
            let from = self.destination.endpoint(image, &path)?;
            if client.head_blob(&from, &job.blob.digest).await.map_err(|error| transport(&error))?.is_none() {
                continue;
            }
            // The first mount may have come too early: this run is bringing other images the same blob. A request more is
            // nothing beside the blob.
            let there = path == job.repository
                || client.mount_blob(at, &job.blob.digest, &path).await.map_err(|error| transport(&error))?;
            if there {
                return Ok(Some(0));
            }
            let sent = self.destination.send(at, job, client.blob_source(&from, &job.blob)).await;
            return sent.map(Some).map_err(|error| transport(&error));
        }
        client.cancel_sessions(at).await;
        Ok(None)
    }

    /// A blob that does not hash to its digest is damage of the archive: say in which chunk.
    fn explain(&self, job: &BlobJob, error: &oci_transport::Error) -> CopyError {
        let mut explained = transport(error);
        if explained.condition == Condition::DIGEST_MISMATCH
            && let Some(place) = self.archive.blob(&job.blob.digest)
            && let Some(chunk) = self.archive.chunks().get(place.chunk)
        {
            let origins: Vec<&str> = job.images.iter().map(|at| image_at(&self.images, *at).origin.as_str()).collect();
            explained.message = format!(
                "blob {} in {} is damaged (it does not have its digest), so nothing that needs it was pushed: {}; \
                 bring the archive file again. {}",
                job.blob.digest,
                chunk.path.display(),
                origins.join(", "),
                explained.message
            );
            explained.retry_can_help = false;
        }
        explained
    }
}

/// A pinned image is not there, and its name stands for another one.
fn substituted(image: &PlannedImage, digest: &Digest, other: &Digest) -> CopyError {
    CopyError::permanent(
        Condition::DIGEST_MISMATCH,
        format!(
            "the image has to be {digest}, which is neither in the archive, the cache nor at the destination. In the \
             archive, `{}` names another image, {other}, which is not pushed; make a new archive with this configuration",
            image.cache
        ),
    )
}

/// The payloads of signatures: from the archive, the cache, or, when an earlier archive brought them, the destination.
struct ArchiveBytes<'a> {
    transfer: &'a FromArchive,
    image: &'a PlannedImage,
}

impl SignatureBytes for ArchiveBytes<'_> {
    async fn read(&self, blob: &Descriptor) -> Result<Vec<u8>, CopyError> {
        let (archive, store) = (&self.transfer.archive, &self.transfer.content.cache.0);
        if archive.blob(&blob.digest).is_some() {
            let read = archive.read_small_blob(&blob.digest, blob.size);
            return read.map_err(|error| CopyError::from_error(Condition::Archive, false, &error));
        }
        if store.blob_size(&blob.digest) == Some(blob.size)
            && let Ok(bytes) = store.read_small_blob(&blob.digest, blob.size)
        {
            return Ok(bytes);
        }
        let Remote { client, at } = self.transfer.at_destination(self.image)?;
        let mut bytes = Vec::new();
        match client.pull_blob(&at, blob, &mut bytes, &|_| ()).await {
            Ok(()) => Ok(bytes),
            Err(error) if error.is_not_found() => {
                Err(self.transfer.earlier.missing("signature", &blob.digest, &self.image.origin).await)
            }
            Err(error) => Err(transport(&error)),
        }
    }
}

/// An image of the plan as a place that its parts are read from.
struct OfImage<'a> {
    transfer: &'a FromArchive,
    image: &'a PlannedImage,
}

impl ContentSource for OfImage<'_> {
    async fn manifest(&self, digest: &Digest) -> Result<Option<VerifiedManifest>, CopyError> {
        self.transfer.manifest(digest, self.image).await.map(Some)
    }

    async fn blob(&self, blob: &Descriptor) -> Result<Option<Arc<dyn BlobSource>>, CopyError> {
        self.transfer.content.open_blob(blob)
    }

    async fn size(&self, blob: &Descriptor) -> Result<Option<u64>, CopyError> {
        Ok(self.transfer.content.blob_size(blob))
    }

    async fn tag(&self, name: &CacheName) -> Result<Option<Digest>, CopyError> {
        self.transfer.content.resolve_tag(&name.repository, &name.tag)
    }
}

impl FromArchive {
    /// Reads the image's manifests, and looks whether everything that has to be brought can be.
    async fn read(&self, image: &PlannedImage) -> Result<Resolved, CopyError> {
        if let Some(reason) = self.lacking.as_ref().and_then(|lacking| lacking.reason(image)) {
            let message = format!("not in the archive, because mirror to disk could not copy the image: {reason}");
            return Err(CopyError::permanent(Condition::NotInArchive, message));
        }
        let digest = self.digest(image)?;
        let root = self.manifest(&digest, image).await?;
        let read = match read_image(&OfImage { transfer: self, image }, image, root).await {
            Ok(read) => read,
            Err(ReadError::NoLayer(digest)) => {
                return Err(self.earlier.missing("layer", &digest, &image.origin).await);
            }
            Err(error) => return Err(error.of(image)),
        };
        let mut tree = read.tree;
        for layer in &read.left_out {
            self.destination.observer.event(Event::Warning(left_out(image, layer)));
        }
        let approved = self.trust.approved(image);
        let mut attached = if let Some(artifacts) = approved {
            let fetch = |digest: Digest| async move { self.manifest(&digest, image).await };
            mirror_trust::read_artifacts(artifacts, fetch).await?
        } else {
            match (self.trust.sign(&self.content.cache.0, image, &tree, &self.destination.observer)?, &self.index) {
                (Some(signed), _) => signed,
                (None, Some(index)) => mirror_trust::find_in_index(index, &image.cache.repository, &tree).await?,
                (None, None) => Vec::new(),
            }
        };
        if image.built && !self.trust.signs() && approved.is_none() {
            // Every archive names what belongs to its images. A signature that only the cache has is of an earlier run.
            let repository = &image.cache.repository;
            attached
                .retain(|one| one.tag.as_ref().is_none_or(|tag| self.archive.resolve_tag(repository, tag).is_some()));
        }
        if let Some(gate) = self.trust.gate_for(image) {
            gate.check(image, &tree, &attached, &ArchiveBytes { transfer: self, image }).await?;
        }
        self.trust.carry(image, &tree, &self.destination.observer).await;
        if self.trust.travel {
            tree.attach(attached);
        }
        let tagged = self.destination.tagged(image).await?;
        let complete = self.destination.has_image(image, &tree, tagged.as_ref()).await?;
        if !complete && self.earlier.exist() {
            for blob in &tree.blobs {
                if !self.can_be_had(image, &blob.digest).await? {
                    return Err(self.earlier.missing("blob", &blob.digest, &image.origin).await);
                }
            }
        }
        Ok(Resolved { tree: Arc::new(tree), complete })
    }

    /// Whether a blob is in the archive, in the cache, or where an earlier archive may have put it at the destination.
    async fn can_be_had(&self, image: &PlannedImage, blob: &Digest) -> Result<bool, CopyError> {
        let is_known = || self.found.lock().unwrap_or_else(PoisonError::into_inner).contains(blob);
        if self.archive.blob(blob).is_some() || self.content.cache.0.blob_size(blob).is_some() || is_known() {
            return Ok(true);
        }
        let own = std::iter::once(repository_path(image)).collect();
        let found = self.is_in(image, own, blob).await?
            || self.is_in(image, self.earlier.repositories(blob).await?, blob).await?
            || {
                let planned = self.planned.get_or_init(|| Box::pin(self.ask_for_planned())).await;
                self.is_in(image, planned.get(blob).into_iter().flatten().cloned().collect(), blob).await?
            };
        if found {
            self.found.lock().unwrap_or_else(PoisonError::into_inner).insert(blob.clone());
        }
        Ok(found)
    }

    /// Whether one of these repositories of the destination has the blob.
    async fn is_in(&self, image: &PlannedImage, paths: Vec<String>, blob: &Digest) -> Result<bool, CopyError> {
        for path in paths {
            let at = self.destination.endpoint(image, &path)?;
            let there = self.destination.client.head_blob(&at, blob).await;
            if there.map_err(|error| transport(&error))?.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

impl Transfer for FromArchive {
    async fn resolve(&self, at: usize, image: &PlannedImage) -> Result<Resolved, CopyError> {
        let outcome = self.read(image).await;
        if let Err(error) = &outcome
            && self.told_together(error)
        {
            self.earlier.note(at, &image.origin, error);
        }
        outcome
    }

    fn all_resolved(&self, _: &[Option<Arc<ImageTree>>]) -> Result<(), CopyError> {
        self.earlier.refuse()
    }

    fn told_together(&self, error: &CopyError) -> bool {
        error.condition == Condition::EarlierArchiveMissing && self.earlier.exist()
    }

    fn resolves_first(&self) -> bool {
        self.earlier.exist()
    }

    fn blob_repository(&self, image: &PlannedImage) -> String {
        repository_path(image)
    }

    fn has_blob(&self, _: &Descriptor) -> bool {
        false
    }

    async fn transfer(&self, job: &BlobJob) -> Result<Transferred, CopyError> {
        let moved = bounded(self.image_timeout, Box::pin(self.push(job))).await?;
        Ok(Transferred { moved })
    }

    async fn finish(&self, image: &PlannedImage, tree: &ImageTree) -> Result<(), CopyError> {
        self.destination.push_manifests(image, tree).await
    }

    fn target_name(&self, image: &PlannedImage) -> String {
        destination_name(image)
    }
}
