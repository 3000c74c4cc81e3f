//! The update graph image of an earlier run, for enclaves with an update service of their own: from the cache, else from
//! the image layout that oc-mirror v2 leaves in the working directory, else from beside the releases in the registry that
//! registries.conf names for them.

use std::path::Path;

use archive_format::Store;
use image_ref::{Digest, ImageRef};
use mirror_plan::release::{GRAPH_REPOSITORY, GRAPH_TAG, RELEASE_REPOSITORY};
use mirror_plan::{ImageKind, PlannedImage};
use oci_manifest::{Descriptor, ManifestView};
use oci_transport::Layout;

use crate::Collecting;
use mirror_content::source::{Cached, LocalContent as _};
use mirror_content::stored::import_blob;
use mirror_job::event::Event;
use mirror_job::failure::chain;
use mirror_job::guard::blocking;

/// How many indexes inside each other are followed.
const MAX_DEPTH: usize = 5;

/// Makes sure that the cache has the image, or finds the registry that has it. The reference is none for the cache.
pub(super) async fn find(at: &Collecting<'_>, planned: &[PlannedImage]) -> Result<Option<ImageRef>, String> {
    let content = Cached(at.store.clone());
    let cached = content.resolve_tag(GRAPH_REPOSITORY, GRAPH_TAG).map_err(|error| error.message)?;
    if let Some(digest) = cached
        && is_complete(&content, &digest)?
    {
        return Ok(None);
    }
    let (store, folder) = (at.store.clone(), at.working_dir.graph_preparation());
    let prepared = blocking(move || import(&store, &folder)).await;
    let Err(reason) = prepared else {
        let folder = at.working_dir.graph_preparation();
        at.tell(Event::Info(format!("the update graph image is taken from {}", folder.display())));
        return Ok(None);
    };
    if let Some(image) = beside_releases(at, planned).await? {
        at.tell(Event::Info(format!("the update graph image is taken from {image}")));
        return Ok(Some(image));
    }
    Err(format!(
        "no graph image in cache (nor working-dir): {reason}. With UPDATE_URL_OVERRIDE it is not built, but taken from the \
         cache of the run that has built it, from `graph-preparation` in the working directory, or from the registry that \
         registries.conf names for {RELEASE_REPOSITORY}; where there is a network, run without UPDATE_URL_OVERRIDE first"
    ))
}

/// Whether the store has every part of an image.
fn is_complete(content: &Cached, digest: &Digest) -> Result<bool, String> {
    let Some(manifest) = content.read_manifest(digest).map_err(|error| error.message)? else { return Ok(false) };
    let view = manifest.view().map_err(|error| error.to_string())?;
    if let ManifestView::Index(index) = &view {
        for entry in &index.manifests {
            if !is_complete(content, &entry.descriptor.digest)? {
                return Ok(false);
            }
        }
    }
    Ok(view.blobs().iter().all(|blob| content.blob_size(blob).is_some()))
}

/// Takes the only image of an OCI image layout into the cache, verified; its name appears last.
fn import(store: &Store, folder: &Path) -> Result<(), String> {
    let layout = Layout::open(folder).map_err(|error| chain(&error))?;
    let root = layout.resolve(None).map_err(|error| chain(&error))?;
    import_manifest(store, &layout, &root, 0)?;
    store.tag(GRAPH_REPOSITORY, GRAPH_TAG, &root.digest).map_err(|error| chain(&error))
}

fn import_manifest(store: &Store, layout: &Layout, descriptor: &Descriptor, depth: usize) -> Result<(), String> {
    if depth > MAX_DEPTH {
        return Err(format!("index {} nests deeper than {MAX_DEPTH} levels", descriptor.digest));
    }
    let manifest = layout.manifest(descriptor).map_err(|error| chain(&error))?;
    let view = manifest.view().map_err(|error| format!("manifest {}: {error}", manifest.digest()))?;
    if let ManifestView::Index(index) = &view {
        for entry in &index.manifests {
            import_manifest(store, layout, &entry.descriptor, depth + 1)?;
        }
    }
    for blob in view.blobs() {
        if blob.may_be_left_out() && layout.blob_size(&blob.digest).is_none() {
            continue;
        }
        if store.blob_size(&blob.digest) != Some(blob.size) {
            let source = layout.blob(&blob.digest).map_err(|error| chain(&error))?;
            import_blob(store, blob, source.as_ref()).map_err(|error| error.message)?;
        }
        store.link_layer(GRAPH_REPOSITORY, &blob.digest).map_err(|error| chain(&error))?;
    }
    store.put_manifest(GRAPH_REPOSITORY, &manifest).map_err(|error| chain(&error))
}

/// The graph image in the registry that registries.conf names for the releases, where an earlier run has put it beside
/// them. Upstream finds it in the cache, because its disk to mirror unpacks all layers there.
async fn beside_releases(at: &Collecting<'_>, planned: &[PlannedImage]) -> Result<Option<ImageRef>, String> {
    let Some(payload) = planned.iter().find(|image| image.kind == ImageKind::ReleasePayload) else { return Ok(None) };
    let sources = at.job.source.sources(&payload.source).map_err(|error| chain(&error))?;
    for source in sources {
        let name = source.repository().to_string();
        let Some(place) = name.strip_suffix(RELEASE_REPOSITORY).filter(|place| place.ends_with('/')) else { continue };
        let image = format!("{place}{GRAPH_REPOSITORY}:{GRAPH_TAG}");
        let image = ImageRef::parse(&image).map_err(|error| format!("{image}: {error}"))?;
        match at.job.source.head_manifest(&image).await {
            Ok(Some(_)) => return Ok(Some(image)),
            Ok(None) => {}
            Err(error) => at.tell(Event::Debug(format!("looking for {image}: {}", chain(&error)))),
        }
    }
    Ok(None)
}
