//! Garbage collection: mark from the tags, then sweep.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::path::Path;

use image_ref::Digest;
use oci_manifest::{MAX_MANIFEST_BYTES, ManifestView, VerifiedManifest};

use super::{Store, StoreError, remove_tree, repository_path};
use crate::layout;

/// What [`Store::garbage_collect`] removed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Collected {
    /// Manifests and indexes that no tag led to, counted once per repository.
    pub manifests: u64,
    /// Blobs that nothing names, manifests included.
    pub blobs: u64,
    /// Bytes of those blobs and of partial blobs.
    pub bytes: u64,
}

pub(super) fn garbage_collect(store: &Store) -> Result<Collected, StoreError> {
    let mut views: HashMap<Digest, ManifestView> = HashMap::new();
    let mut kept_blobs: HashSet<Digest> = HashSet::new();
    let mut sweep: Vec<(String, BTreeSet<Digest>)> = Vec::new();

    // Mark. Nothing is removed before everything was read.
    for repository in store.repositories()? {
        let mut kept: HashSet<Digest> = HashSet::new();
        let mut open = Vec::new();
        for tag in store.tags(&repository)? {
            open.extend(store.resolve_tag(&repository, &tag)?);
        }
        let revisions = store.revisions(&repository)?;
        loop {
            while let Some(digest) = open.pop() {
                if kept.insert(digest.clone())
                    && let Some(view) = view(store, &repository, &digest, &mut views)?
                {
                    open.extend(view.children().iter().map(|child| child.descriptor.digest.clone()));
                    kept_blobs.extend(view.named_blobs().into_iter().map(|blob| blob.digest));
                }
            }
            for digest in revisions.iter().filter(|digest| !kept.contains(digest)) {
                // An untagged manifest that cannot be read is about nothing.
                if let Ok(Some(view)) = view(store, &repository, digest, &mut views)
                    && view.subject().is_some_and(|subject| kept.contains(&subject.digest))
                {
                    open.push(digest.clone());
                }
            }
            if open.is_empty() {
                break;
            }
        }
        sweep.push((repository, revisions.into_iter().filter(|digest| !kept.contains(digest)).collect()));
        kept_blobs.extend(kept);
    }

    // Sweep: links first, then what they named, so that a kill in between leaves no link to nothing.
    let mut collected = Collected::default();
    for (repository, revisions) in sweep {
        for digest in revisions {
            store.delete_revision(&repository, &digest)?;
            collected.manifests += 1;
        }
        for digest in store.layers(&repository)? {
            if !kept_blobs.contains(&digest) {
                store.remove_folder_of(&layout::layer_link_name(&repository, &digest))?;
            }
        }
        remove_tree(store.folder(), repository_path(&repository).join("_uploads"))?;
    }
    let blobs = Path::new(layout::BLOBS_ROOT);
    for algorithm in store.list(blobs)? {
        for shard in store.list(&blobs.join(&algorithm))? {
            let shard_path = blobs.join(&algorithm).join(&shard);
            for hex in store.list(&shard_path)? {
                let Ok(digest) = format!("{algorithm}:{hex}").parse::<Digest>() else { continue };
                if !kept_blobs.contains(&digest) {
                    collected.bytes += store.blob_size(&digest).unwrap_or(0);
                    collected.blobs += 1;
                    remove_tree(store.folder(), shard_path.join(&hex))?;
                }
            }
            // Only succeeds when it became empty.
            let _ = store.folder().remove_dir(&shard_path);
        }
    }
    for (digest, bytes) in store.partials()? {
        collected.bytes += bytes;
        store.remove_partial(&digest)?;
    }
    Ok(collected)
}

/// What a manifest names; `None` when its bytes are not here (sparse index, interrupted run).
fn view<'v>(
    store: &Store,
    repository: &str,
    digest: &Digest,
    views: &'v mut HashMap<Digest, ManifestView>,
) -> Result<Option<&'v ManifestView>, StoreError> {
    if !views.contains_key(digest) {
        let bytes = match store.read_small_blob(digest, MAX_MANIFEST_BYTES as u64) {
            Ok(bytes) => bytes,
            Err(StoreError::Missing(_)) => return Ok(None),
            Err(error) => return Err(error),
        };
        let manifest = VerifiedManifest::verify(bytes, None, digest)
            .map_err(|wrong| StoreError::Digest { expected: wrong.expected, found: wrong.found })?;
        let view = manifest.view().map_err(|source| StoreError::Manifest {
            repository: repository.to_owned(),
            digest: digest.clone(),
            source,
        })?;
        views.insert(digest.clone(), view);
    }
    Ok(views.get(digest))
}
