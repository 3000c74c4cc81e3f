//! What a release consists of: the payload image's own list of components, read once and kept.
//!
//! The payload goes through the store, so that copying finds it there. What was read of it is kept below
//! `hold-release/` and trusted only with its marker, which names the digest it was read from and appears together
//! with the files.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;

use archive_format::Store;
use image_ref::{Digest, ImageRef};
use mirror_plan::Mode;
use mirror_plan::release::{
    BOOTIMAGES_FILE, Bootimages, Component, IMAGE_REFERENCES_FILE, ImageReferences, KubevirtKeys, MAX_INDEX_DEPTH,
    RELEASE_REPOSITORY, ReleaseName,
};
use oci_manifest::{Descriptor, Image, Index, ManifestView, VerifiedManifest};
use oci_transport::{Endpoint, Hasher};
use rooted_folder::RootedFolder;

use super::extract::Extraction;
use crate::carrier::blocking;
use crate::carrier::into_store::{fetch_blob, stored_manifest};
use crate::collect::Collecting;
use crate::event::{Event, NoObserver, Observer};

/// The file beside `release-manifests` that says which payload they were read from.
const MARKER: &str = "payload-digest";

type Files = BTreeMap<String, Vec<u8>>;

/// The components of a payload, boot images included when they are configured.
pub(super) async fn components(
    at: &Collecting<'_>,
    name: &ReleaseName,
    digest: &Digest,
) -> Result<Vec<Component>, String> {
    let platform = &at.job.configuration.mirror.platform;
    let mut needed = vec![IMAGE_REFERENCES_FILE];
    if platform.kube_virt_container {
        needed.push(BOOTIMAGES_FILE);
    }
    let about = |message: String| format!("release {}: {message}", name.image());
    let files = files(at, name, digest, &needed).await.map_err(about)?;
    let references = files
        .get(IMAGE_REFERENCES_FILE)
        .ok_or_else(|| about(format!("the image holds no `{IMAGE_REFERENCES_FILE}`; is it a release payload?")))?;
    let mut components = ImageReferences::parse(references).map_err(|error| about(error.to_string()))?.components;
    if platform.kube_virt_container {
        components.extend(boot_images(at, &files).map_err(about)?);
    }
    Ok(components)
}

fn boot_images(at: &Collecting<'_>, files: &Files) -> Result<Vec<Component>, String> {
    let platform = &at.job.configuration.mirror.platform;
    let keys = KubevirtKeys::new(&platform.platforms, &platform.architectures);
    for skipped in &keys.skipped {
        at.tell(Event::Warning(format!("kubeVirtContainer: there is no KubeVirt image for {skipped}, it is left out")));
    }
    let missing = || format!("could not find kubevirt image in this release: it holds no `{BOOTIMAGES_FILE}`");
    let text = files.get(BOOTIMAGES_FILE).ok_or_else(missing)?;
    let images = Bootimages::parse(&String::from_utf8_lossy(text)).map_err(|error| error.to_string())?;
    images.kubevirt(&keys).map_err(|error| error.to_string())
}

async fn files(at: &Collecting<'_>, name: &ReleaseName, digest: &Digest, needed: &[&str]) -> Result<Files, String> {
    let folder = at.working_dir.hold_release().join(name.folder());
    let within = at.working_dir.folder();
    let read =
        |folder: &Path| read_kept(within, folder, needed).map_err(|error| format!("{}: {error}", folder.display()));
    let marker = within.read_to_string(folder.join(MARKER)).unwrap_or_default();
    if marker.trim() == digest.to_string() {
        let kept = read(&folder)?;
        if needed.iter().all(|path| kept.contains_key(*path)) {
            return Ok(kept);
        }
    }
    let extracted = match extract(at, name, digest, needed).await {
        Ok(extracted) => extracted,
        // An archive of oc-mirror v2 brings the files without a marker, and was made only after they were complete.
        Err(error) if at.mode == Mode::DiskToMirror => {
            let kept = read(&folder)?;
            return if kept.contains_key(IMAGE_REFERENCES_FILE) { Ok(kept) } else { Err(error) };
        }
        Err(error) => return Err(error),
    };
    keep(within, &folder, digest, &extracted).map_err(|error| format!("{}: {error}", folder.display()))?;
    Ok(extracted)
}

/// Whether an earlier run has read the payload under exactly this name.
pub(super) fn is_kept(at: &Collecting<'_>, payload: &ImageRef) -> bool {
    let held = at.working_dir.hold_release();
    ReleaseName::new(payload.clone()).is_ok_and(|name| at.working_dir.folder().is_dir(held.join(name.folder())))
}

fn read_kept(within: &RootedFolder, folder: &Path, needed: &[&str]) -> io::Result<Files> {
    let mut files = Files::new();
    for path in needed {
        match within.read(folder.join(path)) {
            Ok(content) => drop(files.insert((*path).to_owned(), content)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(files)
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
        .and_then(|()| match within.remove_dir_all(folder) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => within.rename(&temporary, folder),
        });
    written.inspect_err(|_| {
        // The error that is told is the first one.
        let _ = within.remove_dir_all(&temporary);
    })
}

/// Reads the payload: its manifests, then layers from the newest down until every needed file was found.
async fn extract(at: &Collecting<'_>, name: &ReleaseName, digest: &Digest, needed: &[&str]) -> Result<Files, String> {
    let source = Source { at, name, digest, endpoint: tokio::sync::OnceCell::new() };
    let image = source.image().await?;
    let mut extraction = Extraction::default();
    for layer in image.layers.iter().rev() {
        if needed.iter().all(|path| extraction.has(path)) {
            break;
        }
        let blob = source.open(layer).await?;
        let (result, after) = blocking(move || {
            let mut blob = blob;
            let result = extraction.layer(&mut blob).map_err(|error| error.to_string()).and_then(|()| blob.verify());
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
    async fn image(&self) -> Result<Image, String> {
        let mut digest = self.digest.clone();
        for _ in 0..=MAX_INDEX_DEPTH {
            let manifest = self.manifest(&digest).await?;
            match manifest.view().map_err(|error| error.to_string())? {
                ManifestView::Image(image) => return Ok(image),
                ManifestView::Index(index) => {
                    let next = self.choose(&index);
                    digest = next.ok_or_else(|| format!("index {digest} names neither an image nor another index"))?;
                }
                _ => return Err(format!("{digest} is no image with layers ({})", manifest.media_type())),
            }
        }
        Err(format!("its indexes nest deeper than {MAX_INDEX_DEPTH} levels"))
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

    async fn manifest(&self, digest: &Digest) -> Result<VerifiedManifest, String> {
        if let Some(manifest) = stored_manifest(self.at.store, digest).map_err(|error| error.message)? {
            return Ok(manifest);
        }
        if self.at.mode == Mode::DiskToMirror {
            return Err(format!("manifest {digest} of the payload is neither in the archive nor in the cache"));
        }
        let image = self.name.image().with_digest(digest.clone());
        let pulled = self.at.job.source.pull_manifest(&image).await.map_err(|error| crate::copy::chain(&error))?;
        // Whoever serves the first manifest serves the layers.
        let _ = self.endpoint.set(pulled.endpoint);
        let (store, manifest) = (self.at.store.clone(), pulled.manifest);
        blocking(move || {
            store.put_manifest(RELEASE_REPOSITORY, &manifest)?;
            Ok::<_, archive_format::StoreError>(manifest)
        })
        .await
        .map_err(|error| crate::copy::chain(&error))
    }

    async fn open(&self, layer: &Descriptor) -> Result<Blob, String> {
        let digest = &layer.digest;
        if self.at.store.blob_size(digest) != Some(layer.size) {
            if let Some(archive) = self.at.archive {
                let reader = archive
                    .open_blob(digest, 0)
                    .map_err(|error| format!("layer {digest} of the payload is not in the archive: {error}"))?;
                return Ok(Blob {
                    inner: Box::new(reader),
                    check: Some((Hasher::new(digest.algorithm()), digest.clone())),
                });
            }
            if self.at.mode == Mode::DiskToMirror {
                return Err(format!("layer {digest} of the payload is not in the cache"));
            }
            self.pull(self.at.store, layer).await?;
        }
        let file = self.at.store.open_blob(digest).map_err(|error| crate::copy::chain(&error))?;
        Ok(Blob { inner: Box::new(file), check: None })
    }

    async fn pull(&self, store: &Store, layer: &Descriptor) -> Result<(), String> {
        let endpoint = self
            .endpoint
            .get_or_try_init(|| async {
                // The manifests came from the store; ask who serves them.
                let pulled =
                    self.at.job.source.pull_manifest(&self.name.image().with_digest(self.digest.clone())).await;
                pulled.map(|pulled| pulled.endpoint).map_err(|error| crate::copy::chain(&error))
            })
            .await?;
        let silent = Arc::new(NoObserver) as Arc<dyn Observer>;
        let outcome = fetch_blob(&self.at.job.source, store, endpoint, layer, &silent).await;
        outcome.map_err(|error| error.message)
    }
}

/// A layer being read. What the store holds was verified on arrival; what comes out of an archive is verified here.
struct Blob {
    inner: Box<dyn Read + Send>,
    check: Option<(Hasher, Digest)>,
}

impl Read for Blob {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        if let Some((hasher, _)) = &mut self.check {
            hasher.update(&buffer[..count]);
        }
        Ok(count)
    }
}

impl Blob {
    /// Reads to the end and compares the digest.
    fn verify(mut self) -> Result<(), String> {
        if self.check.is_none() {
            return Ok(());
        }
        io::copy(&mut self, &mut io::sink()).map_err(|error| error.to_string())?;
        let Some((hasher, digest)) = self.check else { return Ok(()) };
        if hasher.finish() == digest {
            Ok(())
        } else {
            Err(format!("layer {digest} in the archive is damaged (it does not have its digest)"))
        }
    }
}
