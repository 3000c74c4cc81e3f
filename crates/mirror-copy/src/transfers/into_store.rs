//! Source registries into the store: the copy phase of mirror to disk.

use std::collections::HashMap;
use std::io::{self, Read as _};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use archive_format::Store;
use image_ref::{Digest, ImageRef, Transport};
use mirror_plan::{CacheName, PlannedImage};
use oci_manifest::{Attached, Descriptor, ImageTree, VerifiedManifest};
use oci_transport::{BlobSink, BlobSource, Client, Endpoint, ImageSource};

use super::{bounded, image_at};
use crate::{BlobJob, Resolved, Transfer, Transferred};
use mirror_content::image::{ReadImage, read_image};
use mirror_content::root::root_digest;
use mirror_content::source::{Cached, ContentSource, FirstOf, LocalContent as _, Remote};
use mirror_content::stored::StoreSink;
use mirror_job::event::{Event, Observer};
use mirror_job::failure::{Condition, CopyError, store as store_error, transport};
use mirror_job::guard::blocking;
use mirror_trust::{ArtifactIndex as _, CacheIndex, Coverage, FoundArtifacts, RegistryBytes, SignatureBytes, Trust};

/// Pulls images into the store.
pub struct IntoStore {
    /// The images of the plan.
    pub images: Arc<Vec<PlannedImage>>,
    /// Asks source registries.
    pub source: Client,
    /// Where the images go.
    pub store: Store,
    /// Hears how far transfers are.
    pub observer: Arc<dyn Observer>,
    /// Bound of one transfer, attempts included; zero for none.
    pub image_timeout: Duration,
    /// Where the manifests of an image, and so its blobs, were found.
    pub endpoints: Mutex<HashMap<usize, Endpoint>>,
    /// Whether signatures travel, and the policy.
    pub trust: Trust,
    /// Where signatures of complete images are found.
    pub index: CacheIndex,
    /// Who reads from the store while it fills.
    pub follower: Arc<dyn Follower>,
}

/// Follows what arrives in the store: the archive, which is written at the same time.
pub trait Follower: Send + Sync {
    /// Every image has been resolved or has failed; the trees in plan order.
    /// An error stops the run.
    ///
    /// # Errors
    /// Why the run is not to go on.
    fn all_resolved(&self, trees: &[Option<Arc<ImageTree>>]) -> Result<(), CopyError>;

    /// As [`Transfer::resolves_first`].
    fn resolves_first(&self) -> bool {
        false
    }

    /// A blob or manifest is in the store.
    fn ready(&self, digest: &Digest);

    /// As [`Transfer::blob_lost`].
    fn lost(&self, _digest: &Digest) {}
}

/// Follows nothing: there is no archive.
pub struct NoFollower;

impl Follower for NoFollower {
    fn all_resolved(&self, _: &[Option<Arc<ImageTree>>]) -> Result<(), CopyError> {
        Ok(())
    }

    fn ready(&self, _: &Digest) {}
}

impl IntoStore {
    /// The manifest that the image's name stands for now, without a request when it is pinned and already here.
    async fn root(&self, at: usize, image: &PlannedImage) -> Result<VerifiedManifest, CopyError> {
        let cached = root_digest(image, || {
            // What this program built has no other place; of everything else its source knows what the name stands for.
            if image.built { self.store.resolve_tag(&image.cache.repository, &image.cache.tag) } else { Ok(None) }
        });
        let cached = cached.map_err(|e| store_error(&e))?;
        if let Some(digest) = cached
            && let Some(manifest) = self.cached().read_manifest(&digest)?
        {
            return Ok(manifest);
        }
        self.pull(at, &image.source).await
    }

    async fn pull(&self, at: usize, image: &ImageRef) -> Result<VerifiedManifest, CopyError> {
        if *image.transport() != Transport::Docker {
            let opened = ImageSource::open(&self.source, image).await;
            return opened.map(|(_, manifest)| manifest).map_err(|error| transport(&error));
        }
        let pulled = self.source.pull_manifest(image).await.map_err(|error| transport(&error))?;
        self.endpoints.lock().expect("no holder panics").entry(at).or_insert(pulled.endpoint);
        Ok(pulled.manifest)
    }

    fn cached(&self) -> Cached {
        Cached(self.store.clone())
    }

    /// The cache and, behind it, the source of an image.
    fn content<'a>(&'a self, at: usize, image: &'a PlannedImage) -> FirstOf<Cached, OfImage<'a>> {
        FirstOf(self.cached(), OfImage { transfer: self, at, image })
    }

    async fn endpoint(&self, at: usize) -> Result<Endpoint, CopyError> {
        let known = self.endpoints.lock().expect("no holder panics").get(&at).cloned();
        if let Some(endpoint) = known {
            return Ok(endpoint);
        }
        // Every manifest came from the store, a blob did not: ask the source where the image is.
        self.pull(at, &image_at(&self.images, at).source).await?;
        let endpoints = self.endpoints.lock().expect("no holder panics");
        Ok(endpoints.get(&at).cloned().expect("a pull notes its endpoint"))
    }

    /// What is attached to an image whose own parts are known. For an image that is here already, the source is asked
    /// one question at most, and none when the image is pinned and signed: see [`mirror_trust`].
    async fn attached(&self, at: usize, image: &PlannedImage, tree: &ImageTree) -> Result<FoundArtifacts, CopyError> {
        let (index, repository) = (&self.index, &image.cache.repository);
        if let Some(artifacts) = self.trust.approved(image) {
            let fetch = |digest: Digest| async move {
                match self.cached().read_manifest(&digest)? {
                    Some(manifest) => Ok(manifest),
                    None => self.pull(at, &image.source.with_digest(digest)).await,
                }
            };
            return mirror_trust::read_artifacts(artifacts, fetch).await.map(FoundArtifacts::known);
        }
        if let Some(signed) = self.trust.sign(&self.store, image, tree, &self.observer)? {
            return Ok(FoundArtifacts::known(signed));
        }
        // Images of our own making have the signature that we gave them, and a layout has no neighbours.
        if image.built || *image.source.transport() != Transport::Docker {
            return mirror_trust::find_in_index(index, repository, tree).await.map(FoundArtifacts::known);
        }
        // A cache that was filled without signatures cannot answer for the policy.
        let place = mirror_trust::place_of(image, tree.root.digest());
        let trusted = (self.trust.travels_with(image) || self.trust.gate.is_none()) && !index.notes.contains(&place);
        if trusted && is_complete(&self.store, &image.cache, tree).map_err(|error| store_error(&error))? {
            let asks = image.source.digest().is_none() || index.notes.may_be_signed_by_now(&place);
            let answer = if asks { Some(self.signature_of(at, image, tree.root.digest()).await) } else { None };
            let ours = index.content().resolve_tag(repository, &mirror_trust::cosign_tag(tree.root.digest(), "sig"))?;
            // Without an answer it stays as it is.
            let (unchanged, signed) = match answer {
                None => (true, None),
                Some(Err(error)) => {
                    let text = format!("whether {} is signed could not be asked: {}", image.source, error.message);
                    self.observer.event(Event::Debug(text));
                    (true, None)
                }
                Some(Ok(now)) => (now.is_none() || now == ours, Some(now.is_some())),
            };
            if unchanged {
                let found = mirror_trust::find_in_index(index, repository, tree).await.map(FoundArtifacts::of_cache)?;
                return Ok(found.and_signed(signed));
            }
        }
        let endpoint = self.endpoint(at).await?;
        Ok(self.trust.find_online(&self.source, &endpoint, image, tree, &self.observer).await)
    }

    /// The signature that an image has at its source now, if it has one.
    async fn signature_of(
        &self,
        at: usize,
        image: &PlannedImage,
        digest: &Digest,
    ) -> Result<Option<Digest>, CopyError> {
        let endpoint = self.endpoint(at).await?;
        self.trust.signature_at_source(&self.source, &endpoint, image, digest).await.map_err(|error| transport(&error))
    }

    /// Asks the policy. Of a rebuilt catalog, the original is judged: the rest is ours.
    pub(crate) async fn check(
        &self,
        at: usize,
        image: &PlannedImage,
        tree: &ImageTree,
        attached: &[Attached],
    ) -> Result<(), CopyError> {
        let Some(gate) = self.trust.gate_for(image) else { return Ok(()) };
        let bytes = SourceBytes { transfer: self, at };
        if !image.built || *image.source.transport() != Transport::Docker {
            return gate.check(image, tree, attached, &bytes).await;
        }
        let original = PlannedImage { built: false, root: None, ..image.clone() };
        let root = self.root(at, &original).await?;
        let read = read_image(&self.content(at, &original), &original, root).await;
        let tree = read.map_err(|error| error.of(&original))?.tree;
        let attached = if gate.needs_signatures(image) {
            let endpoint = self.endpoint(at).await?;
            self.trust.find_online(&self.source, &endpoint, image, &tree, &self.observer).await.attached
        } else {
            Vec::new()
        };
        gate.check(&original, &tree, &attached, &bytes).await
    }

    /// Fetches a blob into the store; the bytes that travelled.
    async fn fetch(&self, job: &BlobJob) -> Result<u64, CopyError> {
        let mut sink = StoreSink::begin(&self.store, &job.blob, &self.observer).await?;
        let outcome = bounded(self.image_timeout, self.pull_from_any(job, &mut sink)).await;
        sink.settle(outcome).await
    }

    /// A blob of an image that lies on this machine.
    async fn local_blob(&self, image: &PlannedImage, blob: &Descriptor) -> Result<Arc<dyn BlobSource>, CopyError> {
        let (source, _) = ImageSource::open(&self.source, &image.source).await.map_err(|error| transport(&error))?;
        source.blob(blob).map_err(|error| transport(&error))
    }

    /// Reads a blob from any image that contains it, the first that can; usually that is the first one. The sink goes on
    /// where the attempt before ended.
    pub(crate) async fn pull_from_any(&self, job: &BlobJob, sink: &mut dyn BlobSink) -> Result<(), CopyError> {
        let mut last = None;
        for at in &job.images {
            let image = image_at(&self.images, *at);
            if !image.built && *image.source.transport() != Transport::Docker {
                match self.local_blob(image, &job.blob).await {
                    Ok(source) => return pour(source, sink).await,
                    Err(error) => {
                        last = Some(error);
                        continue;
                    }
                }
            }
            let endpoint = match self.endpoint(*at).await {
                Ok(endpoint) => endpoint,
                Err(error) => {
                    last = Some(error);
                    continue;
                }
            };
            // The sink knows the position, and so what really moved.
            match self.source.pull_blob(&endpoint, &job.blob, sink, &|_| {}).await.map_err(|e| transport(&e)) {
                Ok(()) => return Ok(()),
                // Another source would write to the same disk.
                Err(error) if error.condition == Condition::LOCAL => return Err(error),
                Err(error) => last = Some(error),
            }
        }
        Err(last.unwrap_or_else(|| CopyError::permanent(Condition::Internal, "no image provides this blob")))
    }
}

/// Pours a blob of this machine into a sink, piece by piece; whoever keeps the sink verifies it.
async fn pour(source: Arc<dyn BlobSource>, sink: &mut dyn BlobSink) -> Result<(), CopyError> {
    const PIECE: u64 = 1024 * 1024;
    let local = |error: io::Error| CopyError::from_error(Condition::LOCAL, false, &error);
    let offset = sink.offset();
    let mut reader = blocking(move || source.open(offset)).await.map_err(local)?;
    loop {
        let read = move || {
            let mut piece = Vec::new();
            reader.by_ref().take(PIECE).read_to_end(&mut piece).map(|_| (reader, piece))
        };
        let (rest, piece) = blocking(read).await.map_err(local)?;
        if piece.is_empty() {
            return Ok(());
        }
        sink.write(&piece).map_err(local)?;
        reader = rest;
    }
}

/// The source of one image. It is asked by the image's name, so that all mirrors of registries.conf count.
struct OfImage<'a> {
    transfer: &'a IntoStore,
    at: usize,
    image: &'a PlannedImage,
}

impl ContentSource for OfImage<'_> {
    async fn manifest(&self, digest: &Digest) -> Result<Option<VerifiedManifest>, CopyError> {
        self.transfer.pull(self.at, &self.image.source.with_digest(digest.clone())).await.map(Some)
    }

    async fn blob(&self, blob: &Descriptor) -> Result<Option<Arc<dyn BlobSource>>, CopyError> {
        if *self.image.source.transport() != Transport::Docker {
            return self.transfer.local_blob(self.image, blob).await.map(Some);
        }
        let endpoint = self.transfer.endpoint(self.at).await?;
        Ok(Some(self.transfer.source.blob_source(&endpoint, blob)))
    }

    async fn size(&self, blob: &Descriptor) -> Result<Option<u64>, CopyError> {
        if *self.image.source.transport() != Transport::Docker {
            return Ok(self.transfer.local_blob(self.image, blob).await.ok().map(|found| found.size()));
        }
        let at = self.transfer.endpoint(self.at).await?;
        Remote { client: self.transfer.source.clone(), at }.size(blob).await
    }

    async fn tag(&self, _: &CacheName) -> Result<Option<Digest>, CopyError> {
        Ok(None)
    }
}

/// The payloads of signatures: from the store, else from where the image is.
struct SourceBytes<'a> {
    transfer: &'a IntoStore,
    at: usize,
}

impl SignatureBytes for SourceBytes<'_> {
    async fn read(&self, blob: &Descriptor) -> Result<Vec<u8>, CopyError> {
        let store = &self.transfer.store;
        if store.blob_size(&blob.digest) == Some(blob.size)
            && let Ok(bytes) = store.read_small_blob(&blob.digest, blob.size)
        {
            return Ok(bytes);
        }
        let endpoint = self.transfer.endpoint(self.at).await?;
        RegistryBytes { client: &self.transfer.source, endpoint: &endpoint }.read(blob).await
    }
}

impl Transfer for IntoStore {
    async fn resolve(&self, at: usize, image: &PlannedImage) -> Result<Resolved, CopyError> {
        let root = self.root(at, image).await?;
        let read = read_image(&self.content(at, image), image, root).await;
        let ReadImage { mut tree, left_out } = read.map_err(|error| error.of(image))?;
        for layer in &left_out {
            self.observer.event(Event::Warning(super::left_out(image, layer)));
        }
        let mut coverage = Coverage::NotAsked;
        if self.trust.wants_signatures(image) {
            let mut found = self.attached(at, image, &tree).await?;
            if let Err(refusal) = self.check(at, image, &tree, &found.attached).await {
                // What the cache has may be older than the signature that the policy wants.
                if !found.is_of_cache || !self.trust.needs_signatures(image) {
                    return Err(refusal);
                }
                let endpoint = self.endpoint(at).await?;
                found = self.trust.find_online(&self.source, &endpoint, image, &tree, &self.observer).await;
                self.check(at, image, &tree, &found.attached).await?;
            }
            if self.trust.travels_with(image) {
                tree.attach(found.attached);
                coverage = if found.all { Coverage::All } else { Coverage::InPart };
                if let (Some(signed), Some(_)) = (found.signed, image.source.digest()) {
                    self.index.notes.is_signed(&mirror_trust::place_of(image, tree.root.digest()), signed)?;
                }
            }
        } else {
            self.check(at, image, &tree, &[]).await?;
        }
        self.trust.carry(image, &tree, &self.observer).await;
        let tree = Arc::new(tree);
        let (store, name, parts) = (self.store.clone(), image.cache.clone(), Arc::clone(&tree));
        let complete = blocking(move || is_complete(&store, &name, &parts)).await.map_err(|e| store_error(&e))?;
        self.index.notes.resolved(&mirror_trust::place_of(image, tree.root.digest()), coverage, complete)?;
        if complete {
            tree.manifests().for_each(|manifest| self.follower.ready(manifest.digest()));
        }
        Ok(Resolved { tree, complete })
    }

    fn blob_repository(&self, _: &PlannedImage) -> String {
        String::new()
    }

    fn has_blob(&self, blob: &Descriptor) -> bool {
        self.store.blob_size(&blob.digest) == Some(blob.size)
    }

    async fn transfer(&self, job: &BlobJob) -> Result<Transferred, CopyError> {
        Ok(Transferred { moved: self.fetch(job).await? })
    }

    async fn finish(&self, image: &PlannedImage, tree: &ImageTree) -> Result<(), CopyError> {
        let (store, name, tree) = (self.store.clone(), image.cache.clone(), tree.clone());
        let tree = blocking(move || {
            for blob in &tree.blobs {
                store.link_layer(&name.repository, &blob.digest)?;
            }
            for manifest in tree.manifests() {
                store.put_manifest(&name.repository, manifest)?;
            }
            for attached in &tree.attached {
                if let Some(tag) = &attached.tag {
                    store.tag(&name.repository, tag, attached.tree.root.digest())?;
                }
            }
            store.tag(&name.repository, &name.tag, tree.root.digest())?;
            Ok(tree)
        })
        .await
        .map_err(|e| store_error(&e))?;
        self.index.notes.finished(&mirror_trust::place_of(image, tree.root.digest()))?;
        tree.manifests().for_each(|manifest| self.follower.ready(manifest.digest()));
        Ok(())
    }

    fn all_resolved(&self, trees: &[Option<Arc<ImageTree>>]) -> Result<(), CopyError> {
        self.follower.all_resolved(trees)
    }

    fn resolves_first(&self) -> bool {
        self.follower.resolves_first()
    }

    fn blob_ready(&self, digest: &Digest) {
        self.follower.ready(digest);
    }

    fn blob_lost(&self, digest: &Digest) {
        self.follower.lost(digest);
    }

    fn target_name(&self, _: &PlannedImage) -> String {
        "cache".to_owned()
    }
}

/// Whether the store holds the image under its name with everything that belongs to it.
fn is_complete(store: &Store, name: &CacheName, tree: &ImageTree) -> Result<bool, archive_format::StoreError> {
    if store.resolve_tag(&name.repository, &name.tag)?.as_ref() != Some(tree.root.digest()) {
        return Ok(false);
    }
    for attached in &tree.attached {
        if let Some(tag) = &attached.tag
            && store.resolve_tag(&name.repository, tag)?.as_ref() != Some(attached.tree.root.digest())
        {
            return Ok(false);
        }
    }
    for manifest in tree.manifests() {
        let size = manifest.hashed_bytes().len() as u64;
        if !store.has_revision(&name.repository, manifest.digest())? || store.blob_size(manifest.digest()) != Some(size)
        {
            return Ok(false);
        }
    }
    for blob in &tree.blobs {
        if !store.has_layer(&name.repository, &blob.digest)? || store.blob_size(&blob.digest) != Some(blob.size) {
            return Ok(false);
        }
    }
    Ok(true)
}
