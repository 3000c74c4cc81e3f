//! Registry to registry: the copy phase of mirror to mirror.
//!
//! A blob streams from its source into the destination and never touches the disk. Two kinds of images need the cache
//! all the same: what this program built is taken from there, and an original catalog is put there, because `delete`
//! will look for it (`docs/behaviour/config-cli.md` 4.2).

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use archive_format::Store;
use image_ref::{Digest, Transport};
use mirror_plan::{CacheName, PlannedImage};
use oci_manifest::{Attached, Descriptor, ImageTree, VerifiedManifest};
use oci_transport::{BlobSource, Client, ImageSource};

use super::destination::{DestinationRegistry, Offer, repository_path};
use super::into_store::IntoStore;
use super::{bounded, destination_name, image_at, left_out};
use crate::{BlobJob, Resolved, Transfer, Transferred};
use mirror_content::image::read_image;
use mirror_content::root::root_digest;
use mirror_content::source::{Cached, ContentSource, LocalContent as _, Remote};
use mirror_job::event::Event;
use mirror_job::failure::{Condition, CopyError, chain, store as store_error, transport};
use mirror_trust::{Coverage, FoundArtifacts, NoBytes, RegistryBytes};

/// Copies images from registry to registry.
pub struct RegistryToRegistry {
    /// The images of the plan.
    pub images: Arc<Vec<PlannedImage>>,
    /// Where the images go.
    pub destination: DestinationRegistry,
    /// For the images that go into the cache: those without a destination.
    pub cache: IntoStore,
    /// Whether a plan is made: what the sources know counts, and not what the destination has.
    pub plans: bool,
    /// Where the manifests of an image, and so its blobs, were found.
    pub places: Mutex<HashMap<usize, FoundAt>>,
}

/// Where an image is read from.
#[derive(Debug, Clone)]
pub enum FoundAt {
    /// This program built it.
    Cache(Cached),
    /// Its source registry, or a mirror of it, or an image layout.
    Source(ImageSource),
    /// The destination itself has it: the source need not be asked.
    Destination(Remote),
}

impl ContentSource for FoundAt {
    async fn manifest(&self, digest: &Digest) -> Result<Option<VerifiedManifest>, CopyError> {
        match self {
            Self::Cache(cache) => cache.manifest(digest).await,
            Self::Source(source) => ContentSource::manifest(source, digest).await,
            Self::Destination(remote) => remote.manifest(digest).await,
        }
    }

    async fn blob(&self, blob: &Descriptor) -> Result<Option<Arc<dyn BlobSource>>, CopyError> {
        match self {
            Self::Cache(cache) => cache.blob(blob).await,
            Self::Source(source) => ContentSource::blob(source, blob).await,
            Self::Destination(remote) => remote.blob(blob).await,
        }
    }

    async fn size(&self, blob: &Descriptor) -> Result<Option<u64>, CopyError> {
        match self {
            Self::Cache(cache) => cache.size(blob).await,
            Self::Source(source) => source.size(blob).await,
            Self::Destination(remote) => remote.size(blob).await,
        }
    }

    async fn tag(&self, name: &CacheName) -> Result<Option<Digest>, CopyError> {
        match self {
            Self::Cache(cache) => cache.tag(name).await,
            Self::Source(source) => source.tag(name).await,
            Self::Destination(remote) => remote.tag(name).await,
        }
    }
}

impl RegistryToRegistry {
    fn source(&self) -> &Client {
        &self.cache.source
    }

    fn store(&self) -> &Store {
        &self.cache.store
    }

    fn cached(&self) -> Cached {
        Cached(self.store().clone())
    }

    /// Finds the image and notes where.
    async fn open(
        &self,
        at: usize,
        image: &PlannedImage,
        tagged: Option<&Digest>,
    ) -> Result<(FoundAt, VerifiedManifest), CopyError> {
        let (place, manifest) = if image.built {
            (FoundAt::Cache(self.cached()), self.built(image)?)
        } else if let Some(found) = self.at_destination(image, tagged).await? {
            found
        } else {
            let opened = ImageSource::open(self.source(), &image.source).await;
            let (source, manifest) = opened.map_err(|error| transport(&error))?;
            (FoundAt::Source(source), manifest)
        };
        self.places.lock().expect("no holder panics").insert(at, place.clone());
        Ok((place, manifest))
    }

    /// What this program built for the image, from the cache.
    fn built(&self, image: &PlannedImage) -> Result<VerifiedManifest, CopyError> {
        let name = &image.cache;
        let named = || self.store().resolve_tag(&name.repository, &name.tag);
        let digest = root_digest(image, named).map_err(|e| store_error(&e))?;
        let manifest = digest.as_ref().map(|digest| self.cached().read_manifest(digest)).transpose()?.flatten();
        manifest.ok_or_else(|| {
            CopyError::permanent(
                Condition::NotInCache,
                format!("{name} was built by this run and is not in the cache any more"),
            )
        })
    }

    /// An image that is pinned to a digest and lies at the destination under its name already: its source is left in
    /// peace, which is what makes a second run quick and cheap.
    async fn at_destination(
        &self,
        image: &PlannedImage,
        tagged: Option<&Digest>,
    ) -> Result<Option<(FoundAt, VerifiedManifest)>, CopyError> {
        let (Transport::Docker, Some(digest)) = (image.source.transport(), image.source.digest()) else {
            return Ok(None);
        };
        if tagged != Some(digest) {
            return Ok(None);
        }
        let at = self.destination.endpoint(image, &repository_path(image))?;
        let remote = Remote { client: self.destination.client.clone(), at };
        // A registry that says it has the image and cannot give it will hear of it when the image is pushed again.
        let pulled = remote.manifest(digest).await.ok().flatten();
        Ok(pulled.map(|manifest| (FoundAt::Destination(remote), manifest)))
    }

    /// Reads the image's manifests from where it is.
    async fn read(
        &self,
        place: &FoundAt,
        root: VerifiedManifest,
        image: &PlannedImage,
    ) -> Result<ImageTree, CopyError> {
        let read = read_image(place, image, root).await.map_err(|error| error.of(image))?;
        for layer in &read.left_out {
            self.cache.observer.event(Event::Warning(left_out(image, layer)));
        }
        Ok(read.tree)
    }

    /// What is attached to an image whose own parts are known. For an image that is `complete` at the destination, the
    /// source is asked one question, and none when the image is pinned: see [`mirror_trust`].
    async fn attached(
        &self,
        at: usize,
        place: &FoundAt,
        image: &PlannedImage,
        tree: &ImageTree,
        complete: bool,
    ) -> Result<FoundArtifacts, CopyError> {
        let index = &self.cache.index;
        if let Some(artifacts) = self.cache.trust.approved(image) {
            let fetch = |digest: Digest| self.artifact(at, place, image, digest);
            return mirror_trust::read_artifacts(artifacts, fetch).await.map(FoundArtifacts::known);
        }
        if let Some(signed) = self.cache.trust.sign(self.store(), image, tree, &self.cache.observer)? {
            return Ok(FoundArtifacts::known(signed));
        }
        let name = mirror_trust::place_of(image, tree.root.digest());
        let unasked = complete && index.notes.contains(&name);
        let late = complete && !unasked && index.notes.may_be_signed_by_now(&name);
        let opened;
        let (client, endpoint) = match place {
            FoundAt::Cache(_) => {
                return mirror_trust::find_in_index(index, &image.cache.repository, tree)
                    .await
                    .map(FoundArtifacts::known);
            }
            FoundAt::Source(ImageSource::Registry(client, endpoint)) => (client, endpoint),
            FoundAt::Destination(_) if unasked || late => {
                opened = match ImageSource::open(self.source(), &image.source).await {
                    Ok((opened, _)) => opened,
                    // What is there stays as it is.
                    Err(error) if late => {
                        let text = format!("whether {} is signed could not be asked: {}", image.source, chain(&error));
                        self.cache.observer.event(Event::Debug(text));
                        return Ok(FoundArtifacts::known(Vec::new()));
                    }
                    Err(error) => return Err(transport(&error)),
                };
                let ImageSource::Registry(client, endpoint) = &opened else {
                    return Ok(FoundArtifacts::known(Vec::new()));
                };
                (client, endpoint)
            }
            // A layout has no neighbours; and what was pinned and there had its artifacts brought along.
            _ => return Ok(FoundArtifacts::known(Vec::new())),
        };
        if complete && !unasked {
            let digest = tree.root.digest();
            let there = self.destination.endpoint(image, &repository_path(image))?;
            let (unchanged, signed) = match self.cache.trust.signature_at_source(client, endpoint, image, digest).await
            {
                Err(_) => (true, None),
                Ok(None) => (true, Some(false)),
                Ok(now) => {
                    let ours = mirror_trust::signature_digest(&self.destination.client, &there, digest).await;
                    (ours.is_ok_and(|ours| ours == now), Some(true))
                }
            };
            if unchanged {
                return Ok(FoundArtifacts::known(Vec::new()).and_signed(signed));
            }
        }
        let found = self.cache.trust.find_online(client, endpoint, image, tree, &self.cache.observer).await;
        if matches!(place, FoundAt::Destination(_)) && !found.attached.is_empty() {
            // The image is there, and what belongs to it is at its source.
            let source = FoundAt::Source(ImageSource::Registry(client.clone(), endpoint.clone()));
            self.places.lock().expect("no holder panics").insert(at, source);
        }
        Ok(found)
    }

    /// A manifest of an artifact that an approved plan names. What the destination lacks is at the source.
    async fn artifact(
        &self,
        at: usize,
        place: &FoundAt,
        image: &PlannedImage,
        digest: Digest,
    ) -> Result<VerifiedManifest, CopyError> {
        let gone = || {
            let message = format!("{digest}, an artifact of {}, is not at its source any more", image.source);
            CopyError::permanent(Condition::NOT_FOUND, message)
        };
        let found = place.manifest(&digest).await;
        let FoundAt::Destination(_) = place else { return found?.ok_or_else(gone) };
        if let Ok(Some(manifest)) = found {
            return Ok(manifest);
        }
        let opened = ImageSource::open(self.source(), &image.source).await;
        let source = FoundAt::Source(opened.map_err(|error| transport(&error))?.0);
        let manifest = source.manifest(&digest).await?.ok_or_else(gone)?;
        self.places.lock().expect("no holder panics").insert(at, source);
        Ok(manifest)
    }

    /// Asks the policy. Signatures that travel are at hand; otherwise the source is asked for them, also for an image
    /// that is at the destination already.
    async fn check(
        &self,
        at: usize,
        image: &PlannedImage,
        place: &FoundAt,
        tree: &ImageTree,
        attached: &[Attached],
    ) -> Result<(), CopyError> {
        let Some(gate) = self.cache.trust.gate_for(image) else { return Ok(()) };
        if image.built {
            return self.cache.check(at, image, tree, attached).await;
        }
        let source = match place {
            FoundAt::Source(source) => source.clone(),
            _ if !gate.needs_signatures(image) => return gate.check(image, tree, &[], &NoBytes).await,
            _ => ImageSource::open(self.source(), &image.source).await.map_err(|error| transport(&error))?.0,
        };
        let ImageSource::Registry(client, endpoint) = &source else {
            return gate.check(image, tree, &[], &NoBytes).await;
        };
        let bytes = RegistryBytes { client, endpoint };
        if gate.needs_signatures(image) && attached.is_empty() {
            let found =
                self.cache.trust.find_online(client, endpoint, image, tree, &self.cache.observer).await.attached;
            return gate.check(image, tree, &found, &bytes).await;
        }
        gate.check(image, tree, attached, &bytes).await
    }

    async fn push(&self, job: &BlobJob) -> Result<u64, CopyError> {
        let mut images = job.images.iter().map(|at| image_at(&self.images, *at));
        let image = images.find(|image| image.destination.is_some());
        let image = image.ok_or_else(|| CopyError::permanent(Condition::Internal, "a blob without a destination"))?;
        let endpoint = self.destination.endpoint(image, &job.repository)?;
        if let Offer::There = self.destination.offer(&endpoint, job).await? {
            return Ok(0);
        }
        let registry = endpoint.repository().registry().to_owned();
        let mut last = None;
        // Any image that contains the blob can provide it; usually the first does.
        for source in self.providers(job) {
            match self.destination.send(&endpoint, job, source?).await {
                Ok(moved) => return Ok(moved),
                // Where the bytes come from does not matter to a destination that refuses them.
                Err(error) if error.registry() == registry => return Err(transport(&error)),
                Err(error) => last = Some(transport(&error)),
            }
        }
        for original in self.originals(job) {
            let opened = ImageSource::open(self.source(), &original.source).await;
            let source = opened.and_then(|(source, _)| source.blob(&job.blob)).map_err(|error| transport(&error))?;
            match self.destination.send(&endpoint, job, source).await {
                Ok(moved) => return Ok(moved),
                Err(error) if error.registry() == registry => return Err(transport(&error)),
                Err(error) => last = Some(transport(&error)),
            }
        }
        Err(last.unwrap_or_else(|| {
            CopyError::permanent(Condition::NOT_FOUND, format!("no image provides blob {}", job.blob.digest))
        }))
    }

    /// The catalogs whose layers a rebuilt catalog may have. A machine that applies the plan of another machine does not have
    /// these layers in its cache.
    fn originals<'a>(&'a self, job: &'a BlobJob) -> impl Iterator<Item = &'a PlannedImage> + 'a {
        let is_built = job.images.iter().any(|at| image_at(&self.images, *at).built);
        self.images.iter().filter(move |image| is_built && image.destination.is_none() && !image.built)
    }

    /// Who can provide the blob: the cache when it has it, else each place once.
    fn providers<'a>(&'a self, job: &'a BlobJob) -> impl Iterator<Item = Result<Arc<dyn BlobSource>, CopyError>> + 'a {
        let cached = self.cached().open_blob(&job.blob).transpose();
        let mut asked = Vec::new();
        let places = job.images.iter().filter_map(move |at| {
            let places = self.places.lock().expect("no holder panics");
            let Some(FoundAt::Source(source)) = places.get(at) else { return None };
            let name = match source {
                ImageSource::Registry(_, endpoint) => endpoint.to_string(),
                other => format!("{other:?}"),
            };
            if asked.contains(&name) {
                return None;
            }
            asked.push(name);
            Some(source.blob(&job.blob).map_err(|error| transport(&error)))
        });
        cached.into_iter().chain(places)
    }
}

impl Transfer for RegistryToRegistry {
    async fn resolve(&self, at: usize, image: &PlannedImage) -> Result<Resolved, CopyError> {
        if image.destination.is_none() || self.plans {
            return self.cache.resolve(at, image).await;
        }
        let tagged = self.destination.tagged(image).await?;
        let (mut place, root) = self.open(at, image, tagged.as_ref()).await?;
        let mut tree = self.read(&place, root, image).await;
        let mut complete = false;
        if let Ok(tree) = &tree {
            complete = self.destination.has_image(image, tree, tagged.as_ref()).await?;
        }
        // An earlier run may have brought other instances of a list than this one wants: those are at the source.
        if !complete && matches!(place, FoundAt::Destination(_)) {
            let opened = ImageSource::open(self.source(), &image.source).await;
            let (source, root) = opened.map_err(|error| transport(&error))?;
            place = FoundAt::Source(source);
            self.places.lock().expect("no holder panics").insert(at, place.clone());
            tree = self.read(&place, root, image).await;
        }
        let mut tree = tree?;
        let (mut found, mut coverage) = (FoundArtifacts::known(Vec::new()), Coverage::NotAsked);
        if self.cache.trust.travel {
            found = self.attached(at, &place, image, &tree, complete).await?;
            coverage = if found.all { Coverage::All } else { Coverage::InPart };
            if let (Some(signed), Some(_)) = (found.signed, image.source.digest()) {
                self.cache.index.notes.is_signed(&mirror_trust::place_of(image, tree.root.digest()), signed)?;
            }
        }
        self.check(at, image, &place, &tree, &found.attached).await?;
        self.cache.trust.carry(image, &tree, &self.cache.observer).await;
        if !found.attached.is_empty() {
            tree.attach(found.attached);
            complete = complete && self.destination.has_image(image, &tree, tagged.as_ref()).await?;
        }
        self.cache.index.notes.resolved(&mirror_trust::place_of(image, tree.root.digest()), coverage, complete)?;
        Ok(Resolved { tree: Arc::new(tree), complete })
    }

    fn blob_repository(&self, image: &PlannedImage) -> String {
        repository_path(image)
    }

    fn has_blob(&self, _: &Descriptor) -> bool {
        false
    }

    async fn transfer(&self, job: &BlobJob) -> Result<Transferred, CopyError> {
        // The cache has no repositories.
        if job.repository.is_empty() {
            return self.transfer_into_cache(job).await;
        }
        let moved = bounded(self.cache.image_timeout, Box::pin(self.push(job))).await?;
        Ok(Transferred { moved })
    }

    async fn finish(&self, image: &PlannedImage, tree: &ImageTree) -> Result<(), CopyError> {
        if image.destination.is_none() {
            return self.cache.finish(image, tree).await;
        }
        self.destination.push_manifests(image, tree).await?;
        self.cache.index.notes.finished(&mirror_trust::place_of(image, tree.root.digest()))
    }

    fn target_name(&self, image: &PlannedImage) -> String {
        destination_name(image)
    }
}

impl RegistryToRegistry {
    async fn transfer_into_cache(&self, job: &BlobJob) -> Result<Transferred, CopyError> {
        if self.cache.has_blob(&job.blob) {
            return Ok(Transferred { moved: 0 });
        }
        // Only images that go into the cache were found by the cache's own transfer.
        let images =
            job.images.iter().copied().filter(|at| image_at(&self.images, *at).destination.is_none()).collect();
        self.cache.transfer(&BlobJob { images, ..job.clone() }).await
    }
}
