//! Where the parts of a catalog come from: a registry through the cache, a folder with an OCI layout, or the archive.

use std::collections::{HashMap, HashSet};
use std::io::{self, Read};
use std::sync::{Arc, Mutex};
use std::time::SystemTime;

use archive_format::Store;
use fbc_catalog::Catalog;
use image_ref::{Digest, ImageRef};
use oci_manifest::{Descriptor, ImageTree, VerifiedManifest, walk};
use oci_transport::{Client, Endpoint, Hasher, ImageSource, PulledManifest};
use serde_json::Value;

use super::contents::Contents;
use super::read;
use super::unreadable::UnreadableCatalog;
use catalog_image::{CONFIGS_LABEL, ConfigsFolder, ConfigsReader, Instance, Limits, configs_folder, layers_to_read};
use image_layers::image_json;
use mirror_content::root::root_with;
use mirror_content::source::{Archived, Cached, ContentSource, LocalContent as _, Remote};
use mirror_content::stored::{fetch_blob, import_blob};
use mirror_job::event::Observer;
use mirror_job::failure::{Condition, CopyError, chain, store as store_error, transport};
use mirror_job::guard::blocking;

/// How large the configuration of an image may be, in bytes.
const CONFIG_LIMIT: u64 = 8 << 20;

const NO_IMAGE: &str = "no image found in oci index";

/// Reads one catalog. Whatever comes over the network lands in the store, so that copying finds it there.
#[derive(Clone)]
pub(super) struct CatalogSource {
    pub(super) store: Store,
    pub(super) from: From,
}

/// What stands behind the store.
#[derive(Clone)]
pub(super) enum From {
    /// A registry; the endpoint is known when something was asked of it. Clones share the endpoint.
    Registry { client: Client, image: ImageRef, endpoint: Arc<Mutex<Option<Endpoint>>>, observer: Arc<dyn Observer> },
    /// A folder.
    Layout(ImageSource),
    /// The archive that is being loaded. What an earlier one of the sequence brought is at the destination, if it is not in
    /// the store.
    Archive { archive: Archived, destination: Option<Remote>, observer: Arc<dyn Observer> },
    /// Nothing: what is not in the store cannot be had.
    Nothing,
}

/// What the catalog holds and what the image around it is made of.
pub(super) struct CatalogContent {
    pub(super) instances: Vec<Instance>,
    pub(super) catalog: Catalog,
    /// Whether an earlier run had read the layers, so that none was opened now.
    pub(super) was_read_before: bool,
}

/// One image of a catalog.
pub(super) struct CatalogInstance {
    instance: Instance,
    layers: Vec<Descriptor>,
    /// In how many indexes it lies.
    depth: usize,
}

impl From {
    /// A registry that has the catalog under this name; `endpoint` is where something was found already.
    pub(super) fn registry(
        client: Client,
        image: ImageRef,
        endpoint: Option<Endpoint>,
        observer: Arc<dyn Observer>,
    ) -> Self {
        Self::Registry { client, image, endpoint: Arc::new(Mutex::new(endpoint)), observer }
    }
}

impl CatalogSource {
    fn cached(&self) -> Cached {
        Cached(self.store.clone())
    }

    /// A manifest by digest.
    async fn manifest(&self, digest: &Digest) -> Result<VerifiedManifest, CopyError> {
        if let Some(manifest) = self.cached().read_manifest(digest)? {
            return Ok(manifest);
        }
        let manifest = match &self.from {
            From::Registry { client, image, endpoint, .. } => {
                let pulled = client.pull_manifest(&image.with_digest(digest.clone())).await;
                let pulled = pulled.map_err(|error| transport(&error))?;
                *endpoint.lock().expect("no holder panics") = Some(pulled.endpoint);
                pulled.manifest
            }
            From::Layout(layout) => found(ContentSource::manifest(layout, digest).await?, digest)?,
            From::Archive { archive, destination, .. } => match (archive.read_manifest(digest)?, destination) {
                (Some(manifest), _) => manifest,
                (None, Some(destination)) => found(destination.manifest(digest).await?, digest)?,
                (None, None) => return Err(missing("manifest", digest)),
            },
            From::Nothing => return Err(missing("manifest", digest)),
        };
        self.store.keep_manifest(&manifest).map_err(|error| store_error(&error))?;
        Ok(manifest)
    }

    /// All manifests of the catalog's instances for these platforms; empty means all.
    pub(super) async fn tree(&self, root: &Digest, platforms: &[image_ref::Platform]) -> Result<ImageTree, CopyError> {
        let root = root_with(root, self.manifest(root).await?)?;
        let fetch = |child: Descriptor| async move { self.manifest(&child.digest).await };
        walk(root, platforms, fetch).await.map_err(mirror_job::failure::tree)
    }

    /// Makes sure that a blob can be opened.
    async fn ensure(&self, blob: &Descriptor) -> Result<(), CopyError> {
        if self.cached().blob_size(blob).is_some() {
            return Ok(());
        }
        match &self.from {
            From::Registry { client, image, endpoint, observer } => {
                let known = endpoint.lock().expect("no holder panics").clone();
                let at = if let Some(at) = known {
                    at
                } else {
                    let pulled = client.pull_manifest(image).await.map_err(|error| transport(&error))?;
                    endpoint.lock().expect("no holder panics").insert(pulled.endpoint).clone()
                };
                fetch_blob(client, &self.store, &at, blob, observer).await
            }
            From::Layout(layout) => {
                let source = layout.blob(blob).map_err(|error| transport(&error))?;
                let (store, blob) = (self.store.clone(), blob.clone());
                blocking(move || import_blob(&store, &blob, source.as_ref())).await
            }
            From::Archive { archive, .. } if archive.blob_size(blob).is_some() => Ok(()),
            From::Archive { destination: Some(remote), observer, .. } => match remote.size(blob).await? {
                Some(_) => fetch_blob(&remote.client, &self.store, &remote.at, blob, observer).await,
                None => Err(missing("layer", &blob.digest)),
            },
            From::Archive { .. } | From::Nothing => Err(missing("layer", &blob.digest)),
        }
    }

    /// Opens a blob that [`CatalogSource::ensure`] has seen.
    fn open(&self, digest: &Digest) -> io::Result<Box<dyn Read + Send>> {
        match &self.from {
            // Nobody has verified the bytes of an archive yet.
            From::Archive { archive, .. } if self.store.blob_size(digest).is_none() => {
                Ok(Box::new(Verified::new(archive.0.open_blob(digest, 0)?, digest.clone())))
            }
            _ => Ok(Box::new(self.store.open_blob(digest).map_err(io::Error::other)?)),
        }
    }

    /// A small blob. It stays in the store, because an archive does not bring again what an earlier one brought.
    async fn small(&self, blob: &Descriptor) -> Result<Vec<u8>, CopyError> {
        self.ensure(blob).await?;
        let mut bytes = Vec::new();
        let read = self.open(&blob.digest).and_then(|reader| reader.take(CONFIG_LIMIT + 1).read_to_end(&mut bytes));
        read.map_err(|error| CopyError::from_error(Condition::Cache, true, &error))?;
        if bytes.len() as u64 > CONFIG_LIMIT {
            let message = format!("the configuration {} is refused: more than {CONFIG_LIMIT} bytes", blob.digest);
            return Err(CopyError::permanent(Condition::Manifest, message));
        }
        if self.store.blob_size(&blob.digest).is_none() {
            self.store.put_blob(&blob.digest, &bytes).map_err(|error| store_error(&error))?;
        }
        Ok(bytes)
    }

    /// The instances of the catalog. What is no image, such as an attestation, is left out; what several indexes list is
    /// there once, and once more for every other platform that it is listed for.
    pub(super) async fn instances(&self, tree: &ImageTree) -> Result<Vec<CatalogInstance>, CopyError> {
        let children: HashMap<String, &VerifiedManifest> =
            tree.children.iter().map(|child| (child.digest().to_string(), child)).collect();
        let mut found = Vec::new();
        let mut empty = None;
        // Whoever made the indexes decides how many ways lead to the same image.
        let mut seen: HashSet<(&Digest, String)> = HashSet::new();
        let mut opened: HashSet<&Digest> = HashSet::new();
        let mut open = vec![(&tree.root, Value::Null, 0_usize)];
        while let Some((manifest, platform, depth)) = open.pop() {
            if opened.contains(manifest.digest()) || !seen.insert((manifest.digest(), platform.to_string())) {
                continue;
            }
            let view = manifest.view().map_err(|error| CopyError::from_error(Condition::Manifest, false, &error))?;
            match view {
                oci_manifest::ManifestView::Index(_) => {
                    opened.insert(manifest.digest());
                    let index: Value = serde_json::from_slice(manifest.bytes()).unwrap_or_default();
                    let entries =
                        index.get("manifests").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
                    if entries.is_empty() {
                        empty.get_or_insert(manifest.digest());
                    }
                    // Reversed, because the last one pushed is looked at first.
                    for entry in entries
                        .iter()
                        .rev()
                        .filter(|entry| entry.pointer("/platform/os").and_then(Value::as_str) != Some("unknown"))
                    {
                        if let Some(child) = entry["digest"].as_str().and_then(|digest| children.get(digest)) {
                            open.push((child, entry["platform"].clone(), depth + 1));
                        }
                    }
                }
                oci_manifest::ManifestView::Image(image)
                    if image.config.media_type.contains("image") && image.artifact_type.is_none() =>
                {
                    let config = self.small(&image.config).await?;
                    let instance = Instance { manifest: manifest.clone(), config, platform };
                    found.push(CatalogInstance { instance, layers: image.layers, depth });
                }
                oci_manifest::ManifestView::Schema1(_) => {
                    return Err(CopyError::permanent(
                        Condition::Manifest,
                        format!("unsupported manifest format \"{}\"", manifest.media_type()),
                    ));
                }
                _ => {}
            }
        }
        match empty {
            _ if !found.is_empty() => Ok(found),
            Some(index) => {
                Err(CopyError::permanent(Condition::Manifest, format!("no manifests found for oci index \"{index}\"")))
            }
            None => Err(CopyError::permanent(Condition::Manifest, NO_IMAGE)),
        }
    }

    /// Reads the catalog out of one instance, the first of the outermost index that lists any; all are assumed to carry
    /// the same (`docs/behaviour/operators-archive.md` 1.1). What an earlier run read out of the same layers is not
    /// read again. `repository` is where the cache has the catalog, if it does.
    pub(super) async fn content(
        &self,
        tree: &ImageTree,
        repository: Option<&str>,
    ) -> Result<CatalogContent, UnreadableCatalog> {
        let mut found = self.instances(tree).await?;
        let Some(outermost) = found.iter_mut().min_by_key(|found| found.depth) else {
            return Err(UnreadableCatalog::Image(NO_IMAGE.to_owned()));
        };
        let layers = std::mem::take(&mut outermost.layers);
        let config = image_json::parse(&outermost.instance.config).map(Value::Object).map_err(|error| {
            let digest = outermost.instance.manifest.digest();
            UnreadableCatalog::Image(format!(
                "the configuration of instance {digest} of the catalog is broken: {error}"
            ))
        })?;
        let instances = found.into_iter().map(|found| found.instance).collect();
        let folder = match configs_folder(&config) {
            ConfigsFolder::At(folder) => folder,
            ConfigsFolder::Nowhere(label) => {
                return Err(UnreadableCatalog::Image(format!(
                    "no related images found: the image has the label `{CONFIGS_LABEL}`, but `{label}` is no folder in it"
                )));
            }
            ConfigsFolder::Unlabelled => {
                return Err(UnreadableCatalog::Image(format!(
                    "no related images found: the image has no label `{CONFIGS_LABEL}`, so it is not a file-based catalog"
                )));
            }
        };
        let likely = layers_to_read(&config, &folder, layers.len());
        // What the likely layers hold counts, unless they hold nothing: then all do.
        let (below, above) = layers.split_at_checked(likely.start).unwrap_or_default();
        let choices = [above, layers.as_slice()].map(|layers| Contents::of(self.store.folder(), &folder, layers));
        let kept = choices.clone();
        let read_before = || kept.into_iter().find_map(|contents| Some((contents.read()?, contents)));
        if let Some((catalog, contents)) = blocking(read_before).await {
            note_use(&contents, tree, repository);
            return Ok(CatalogContent { instances, catalog, was_read_before: true });
        }
        let mut reader = ConfigsReader::new(&folder, Limits::default());
        reader = self.read_layers(reader, above).await?;
        let [mut contents, of_all] = choices;
        if reader.is_empty() {
            reader = self.read_layers(reader, below).await?;
            contents = of_all;
        }
        if reader.is_empty() {
            return Err(UnreadableCatalog::Image(format!(
                "no related images found: the image has no files in `/{folder}`, where its label `{CONFIGS_LABEL}` says \
                 that the catalog is"
            )));
        }
        let catalog = read(reader.into_files()).await?;
        let (written, into) = (catalog.clone(), contents.clone());
        // Whoever cannot keep it reads it again, and that is all.
        if blocking(move || into.write(&written)).await.is_ok() {
            note_use(&contents, tree, repository);
        }
        Ok(CatalogContent { instances, catalog, was_read_before: false })
    }

    /// Reads layers from the top down, as many as are needed.
    async fn read_layers(&self, mut reader: ConfigsReader, layers: &[Descriptor]) -> Result<ConfigsReader, CopyError> {
        let mut seen = HashSet::new();
        // A layer that an upper place had already has nothing to add.
        for layer in layers.iter().rev().filter(|layer| seen.insert(&layer.digest)) {
            if reader.is_complete() {
                break;
            }
            self.ensure(layer).await?;
            let (source, digest) = (self.clone(), layer.digest.clone());
            reader = blocking(move || -> Result<ConfigsReader, CopyError> {
                let failed = |error: &dyn std::error::Error| {
                    CopyError::permanent(
                        Condition::CatalogLayer,
                        format!("layer {digest} of the catalog: {}", chain(error)),
                    )
                };
                let blob = source.open(&digest).map_err(|error| failed(&error))?;
                reader.layer(blob).map_err(|error| failed(&error))?;
                Ok(reader)
            })
            .await?;
        }
        Ok(reader)
    }

    /// Brings every blob of the catalog into the store, for a source that copying cannot ask.
    pub(super) async fn import_all(&self, tree: &ImageTree) -> Result<(), CopyError> {
        for blob in &tree.blobs {
            self.ensure(blob).await?;
        }
        Ok(())
    }
}

/// Says that contents are of use. Where that cannot be written, they may have to be read from the layers again one day.
fn note_use(contents: &Contents, tree: &ImageTree, repository: Option<&str>) {
    let _ = contents.note_use(repository, tree.root.digest(), SystemTime::now());
}

/// A catalog at a registry, whose manifest was pulled. What is read stays in the store.
///
/// # Errors
/// What cannot be read.
pub async fn registry_catalog(
    store: Store,
    client: Client,
    image: &ImageRef,
    pulled: PulledManifest,
    observer: Arc<dyn Observer>,
) -> Result<Catalog, UnreadableCatalog> {
    let digest = pulled.manifest.digest().clone();
    store.keep_manifest(&pulled.manifest).map_err(|error| store_error(&error))?;
    let image = image.with_digest(digest.clone());
    let source = CatalogSource { store, from: From::registry(client, image, Some(pulled.endpoint), observer) };
    let tree = source.tree(&digest, &[]).await?;
    Ok(source.content(&tree, None).await?.catalog)
}

/// A catalog in a folder. What is read stays in the store.
///
/// # Errors
/// What cannot be read.
pub async fn folder_catalog(
    store: Store,
    folder: ImageSource,
    manifest: &VerifiedManifest,
) -> Result<Catalog, UnreadableCatalog> {
    store.keep_manifest(manifest).map_err(|error| store_error(&error))?;
    let source = CatalogSource { store, from: From::Layout(folder) };
    let tree = source.tree(manifest.digest(), &[]).await?;
    Ok(source.content(&tree, None).await?.catalog)
}

fn found(manifest: Option<VerifiedManifest>, digest: &Digest) -> Result<VerifiedManifest, CopyError> {
    manifest.ok_or_else(|| missing("manifest", digest))
}

fn missing(what: &str, digest: &Digest) -> CopyError {
    CopyError::permanent(
        Condition::NotInArchive,
        format!(
            "{what} {digest} of the catalog is neither in the archive nor in the cache of earlier runs nor at the destination; \
             an earlier archive of the sequence may have brought it: load that one first, use the configuration that the \
             archive was made with, or make a new archive with `--since` set before the first one"
        ),
    )
}

/// Hashes what it reads, and fails at the end when it is not what the digest says.
struct Verified<R> {
    inner: R,
    hasher: Option<Hasher>,
    expected: Digest,
}

impl<R: Read> Verified<R> {
    fn new(inner: R, expected: Digest) -> Self {
        Self { inner, hasher: Some(Hasher::new(expected.algorithm())), expected }
    }
}

impl<R: Read> Read for Verified<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        if count > 0 {
            if let Some(hasher) = &mut self.hasher {
                hasher.update(buffer.get(..count).unwrap_or_default());
            }
        } else if !buffer.is_empty()
            && let Some(hasher) = self.hasher.take()
            && hasher.finish() != self.expected
        {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                format!("blob {} in the archive is damaged: it does not have its digest", self.expected),
            ));
        }
        Ok(count)
    }
}
