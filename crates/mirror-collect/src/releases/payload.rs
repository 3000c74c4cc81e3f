//! What a release consists of: the payload image's own list of components.
//!
//! Payload and layers go through the store, so that copying finds them there, and the list is read from the verified layers in
//! every run. What stands below `hold-release/` is for upstream and for people: it may have come with an archive, and
//! whoever made that could have written any list.

mod error;

use std::collections::{BTreeMap, HashSet};
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;

use archive_format::Store;
use image_ref::{Digest, ImageRef};
use mirror_plan::CacheName;
use mirror_plan::release::{
    BOOTIMAGES_FILE, Bootimages, Component, IMAGE_REFERENCES_FILE, ImageReferences, KubevirtKeys, MAX_INDEX_DEPTH,
    RELEASE_REPOSITORY, ReleaseName,
};
use oci_manifest::{Descriptor, Image, Index, ManifestView, VerifiedManifest};
use oci_transport::{Endpoint, Hasher};
use rooted_folder::RootedFolder;

use super::extract::Extraction;
use crate::{Collecting, Facts};
use mirror_content::source::{Brought, ContentSource as _, LocalContent as _, Remote};
use mirror_content::stored::{fetch_blob, import_blob};
use mirror_job::event::{Event, NoObserver, Observer};
use mirror_job::failure::chain;
use mirror_job::guard::blocking;

pub(super) use error::PayloadError;

/// The file beside `release-manifests` that says which payload they were read from.
const MARKER: &str = "payload-digest";

type Files = BTreeMap<String, Vec<u8>>;

/// The components of a payload, boot images included when they are configured.
pub(super) async fn components(
    at: &Collecting<'_>,
    name: &ReleaseName,
    digest: &Digest,
) -> Result<Vec<Component>, PayloadError> {
    let platform = &at.job.configuration.mirror.platform;
    let mut needed = vec![IMAGE_REFERENCES_FILE];
    if platform.kube_virt_container {
        needed.push(BOOTIMAGES_FILE);
    }
    let files = files(at, name, digest, &needed).await?;
    let references = files.get(IMAGE_REFERENCES_FILE).ok_or(PayloadError::NoReferences)?;
    let mut components = ImageReferences::parse(references)?.components;
    if platform.kube_virt_container {
        components.extend(boot_images(at, &files)?);
    }
    Ok(components)
}

fn boot_images(at: &Collecting<'_>, files: &Files) -> Result<Vec<Component>, PayloadError> {
    let platform = &at.job.configuration.mirror.platform;
    let keys = KubevirtKeys::new(&platform.platforms, &platform.architectures);
    for skipped in &keys.skipped {
        at.tell(Event::Warning(format!("kubeVirtContainer: there is no KubeVirt image for {skipped}, it is left out")));
    }
    let text = files.get(BOOTIMAGES_FILE).ok_or(PayloadError::NoBootimages)?;
    let images = Bootimages::parse(&String::from_utf8_lossy(text))?;
    Ok(images.kubevirt(&keys)?)
}

/// The files of a payload, read from its layers. They are left in the working directory too, where upstream looks for them;
/// nobody here reads them: whoever makes an archive decides what is in its working directory.
async fn files(
    at: &Collecting<'_>,
    name: &ReleaseName,
    digest: &Digest,
    needed: &[&str],
) -> Result<Files, PayloadError> {
    let extracted = extract(at, name, digest, needed).await?;
    let folder = at.working_dir.hold_release().join(name.folder());
    let within = at.working_dir.folder();
    if !at.asks_nobody() && !is_current(within, &folder, digest, &extracted) {
        keep(within, &folder, digest, &extracted).map_err(|error| PayloadError::Keep { folder, error })?;
    }
    Ok(extracted)
}

/// Whether a folder has exactly these files of the payload.
fn is_current(within: &RootedFolder, folder: &Path, digest: &Digest, files: &Files) -> bool {
    let marker = within.read_to_string(folder.join(MARKER)).unwrap_or_default();
    marker.trim() == digest.to_string()
        && files.iter().all(|(path, content)| within.read(folder.join(path)).is_ok_and(|found| found == *content))
}

/// Whether an earlier run has read the payload under exactly this name.
pub(super) fn is_kept(at: &Collecting<'_>, payload: &ImageRef) -> bool {
    let held = at.working_dir.hold_release();
    ReleaseName::new(payload.clone()).is_ok_and(|name| at.working_dir.folder().is_dir(held.join(name.folder())))
}

/// Keeps the files under their final name all at once.
fn keep(within: &RootedFolder, folder: &Path, digest: &Digest, files: &Files) -> io::Result<()> {
    let parent = folder.parent().unwrap_or(Path::new(""));
    within.create_dir_all(parent)?;
    let temporary = within.create_temporary_dir(parent, ".tmp-")?;
    let written = files
        .iter()
        .try_for_each(|(path, content)| within.write_whole(temporary.join(path), content))
        .and_then(|()| within.write_whole(temporary.join(MARKER), format!("{digest}\n").as_bytes()))
        .and_then(|()| within.remove_dir_all_if_there(folder))
        .and_then(|_| within.rename(&temporary, folder));
    written.inspect_err(|_| {
        // The error that is told is the first one.
        let _ = within.remove_dir_all(&temporary);
    })
}

/// Reads the payload: its manifests, then layers from the newest down until every needed file was found.
async fn extract(
    at: &Collecting<'_>,
    name: &ReleaseName,
    digest: &Digest,
    needed: &[&str],
) -> Result<Files, PayloadError> {
    let source = Source { at, name, digest, endpoint: tokio::sync::OnceCell::new() };
    let image = source.image().await?;
    let (mut extraction, mut seen) = (Extraction::default(), HashSet::new());
    // A layer that an upper place had already has nothing to add.
    for layer in image.layers.iter().rev().filter(|layer| seen.insert(&layer.digest)) {
        if needed.iter().all(|path| extraction.has(path)) {
            break;
        }
        let blob = source.open(layer).await?;
        let (result, after) = blocking(move || {
            let mut blob = blob;
            let result = extraction.layer(&mut blob).map_err(PayloadError::from).and_then(|()| blob.verify());
            (result, extraction)
        })
        .await;
        result?;
        extraction = after;
    }
    Ok(extraction.into_files())
}

/// Where manifests and layers of one payload are had from: the store, the archive, the registry.
struct Source<'a> {
    at: &'a Collecting<'a>,
    name: &'a ReleaseName,
    digest: &'a Digest,
    endpoint: tokio::sync::OnceCell<Endpoint>,
}

impl Source<'_> {
    /// The image whose layers hold the manifests: the payload itself, or one of its instances.
    async fn image(&self) -> Result<Image, PayloadError> {
        let mut digest = self.digest.clone();
        for _ in 0..=MAX_INDEX_DEPTH {
            let manifest = self.manifest(&digest).await?;
            match manifest.view()? {
                ManifestView::Image(image) => return Ok(image),
                ManifestView::Index(index) => {
                    let next = self.choose(&index);
                    digest = next.ok_or(PayloadError::EmptyIndex(digest))?;
                }
                _ => {
                    let media_type = manifest.media_type().to_owned();
                    return Err(PayloadError::NoImage { digest, media_type });
                }
            }
        }
        Err(PayloadError::Deep)
    }

    /// The instance to read: one that is mirrored anyway, else the first. They all list the same components.
    fn choose(&self, index: &Index) -> Option<Digest> {
        let platforms = &self.at.job.configuration.mirror.platform.platforms;
        let is_index = |descriptor: &Descriptor| {
            descriptor.media_type.contains("image.index") || descriptor.media_type.contains("manifest.list")
        };
        let images = || index.manifests.iter().filter(|entry| !is_index(&entry.descriptor));
        let mirrored = images().find(|entry| {
            entry.platform.as_ref().is_some_and(|instance| platforms.iter().any(|wanted| wanted.selects(instance)))
        });
        let chosen = mirrored.or_else(|| images().next()).or_else(|| index.manifests.first())?;
        Some(chosen.descriptor.digest.clone())
    }

    async fn manifest(&self, digest: &Digest) -> Result<VerifiedManifest, PayloadError> {
        if let Some(manifest) = self.brought().read_manifest(digest)? {
            return Ok(manifest);
        }
        let pulled = match self.place()? {
            Fallback::Source => {
                let image = self.name.image().with_digest(digest.clone());
                let pulled = self.at.job.source.pull_manifest(&image).await?;
                // Whoever serves the first manifest serves the layers.
                let _ = self.endpoint.set(pulled.endpoint);
                pulled.manifest
            }
            Fallback::Destination(remote) => {
                let pulled = remote.pull(digest).await;
                pulled.map_err(|error| self.missing("manifest", digest, Some(&error)))?
            }
            Fallback::Nowhere => return Err(self.missing("manifest", digest, None)),
        };
        let store = self.at.store.clone();
        blocking(move || {
            store.put_manifest(RELEASE_REPOSITORY, &pulled)?;
            Ok(pulled)
        })
        .await
    }

    /// What archives have brought, and the cache.
    fn brought(&self) -> Brought {
        Brought::of(self.at.archive(), self.at.store)
    }

    /// Where to ask for what is in neither cache nor archive.
    fn place(&self) -> Result<Fallback, PayloadError> {
        match (self.at.facts, self.at.destination) {
            // Earlier archives of the sequence may have brought the payload.
            (Facts::Archive(_), Some(destination)) => {
                let tag = self.name.image().tag_or_digest_tag();
                let name = CacheName { repository: RELEASE_REPOSITORY.to_owned(), tag };
                let image = destination.image(&name)?;
                let repository = image.repository()?;
                let client = self.at.job.destination.clone();
                Ok(Fallback::Destination(Remote { at: client.endpoint(&repository), client }))
            }
            (Facts::Archive(_) | Facts::Mirrored, _) => Ok(Fallback::Nowhere),
            (Facts::Online, _) => Ok(Fallback::Source),
        }
    }

    fn missing(&self, what: &'static str, digest: &Digest, error: Option<&oci_transport::Error>) -> PayloadError {
        let place = if self.at.asks_nobody() { "in the cache" } else { "in the archive, the cache or the destination" };
        let reason = error.map(|error| format!(" ({})", chain(error))).unwrap_or_default();
        PayloadError::Missing { what, digest: digest.clone(), place, reason }
    }

    /// Makes sure that the cache has a layer, and opens it there. It stays in the cache, because an archive does not bring
    /// again what an earlier one brought.
    async fn open(&self, layer: &Descriptor) -> Result<Blob, PayloadError> {
        let digest = &layer.digest;
        let Brought { archive, cache } = self.brought();
        if cache.blob_size(layer).is_none() {
            let archived = archive.map(|archive| archive.open_blob(layer)).transpose()?;
            match (archived.flatten(), self.place()?) {
                (Some(source), _) => {
                    let (store, layer) = (self.at.store.clone(), layer.clone());
                    let imported = blocking(move || import_blob(&store, &layer, source.as_ref())).await;
                    imported
                        .map_err(|error| PayloadError::Archived { digest: digest.clone(), error: Box::new(error) })?;
                }
                (None, Fallback::Source) => self.pull(self.at.store, layer).await?,
                (None, Fallback::Destination(remote)) => {
                    if remote.size(layer).await?.is_none() {
                        return Err(self.missing("layer", digest, None));
                    }
                    let silent = Arc::new(NoObserver) as Arc<dyn Observer>;
                    fetch_blob(&remote.client, self.at.store, &remote.at, layer, &silent).await?;
                }
                (None, Fallback::Nowhere) => return Err(self.missing("layer", digest, None)),
            }
        }
        let file = self.at.store.open_blob(digest)?;
        Ok(Blob { inner: file, hasher: Hasher::new(digest.algorithm()), digest: digest.clone() })
    }

    async fn pull(&self, store: &Store, layer: &Descriptor) -> Result<(), PayloadError> {
        let endpoint = self
            .endpoint
            .get_or_try_init(|| async {
                // The manifests came from the store; ask who serves them.
                let pulled =
                    self.at.job.source.pull_manifest(&self.name.image().with_digest(self.digest.clone())).await;
                pulled.map(|pulled| pulled.endpoint)
            })
            .await?;
        let silent = Arc::new(NoObserver) as Arc<dyn Observer>;
        Ok(fetch_blob(&self.at.job.source, store, endpoint, layer, &silent).await?)
    }
}

/// Who has what is in neither cache nor archive.
enum Fallback {
    /// The registry that releases come from.
    Source,
    /// The registry that releases go to.
    Destination(Remote),
    /// Nobody may be asked.
    Nowhere,
}

/// A layer being read. What is in it counts only when all of it has its digest.
struct Blob {
    inner: File,
    hasher: Hasher,
    digest: Digest,
}

impl Read for Blob {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.hasher.update(buffer.get(..count).unwrap_or_default());
        Ok(count)
    }
}

impl Blob {
    /// Reads to the end and compares the digest.
    fn verify(mut self) -> Result<(), PayloadError> {
        io::copy(&mut self, &mut io::sink())?;
        if self.hasher.finish() == self.digest {
            return Ok(());
        }
        Err(PayloadError::Damaged(self.digest))
    }
}
