//! What belongs to an image beside its manifests and tags: folders of simple-signing signatures.

use std::collections::BTreeSet;
use std::path::PathBuf;

use image_ref::ImageRef;
use registries_conf::{Lookaside, RegistriesD};

use super::{ItemOutcome, ItemReport};
use mirror_trust::signature_folder;

/// The folders in which registries.d keeps simple-signing signatures of images that were deleted, as far as there are
/// any on this machine. They may belong to several mirrors, and to a web server, so they are not ours to delete.
pub(super) fn signature_folders(registries_d: &RegistriesD, items: &[ItemReport]) -> Vec<PathBuf> {
    let deleted = items.iter().filter(|item| item.outcome == ItemOutcome::Deleted);
    let folders: BTreeSet<PathBuf> = deleted
        .filter_map(|item| {
            let image = ImageRef::parse(&item.reference).ok()?;
            let (repository, digest) = (image.repository().ok()?, item.digest.as_ref()?);
            let Ok(Some(Lookaside::Directory(base))) = registries_d.lookaside_staging(&image) else { return None };
            Some(signature_folder(&base, &repository, digest)).filter(|folder| folder.is_dir())
        })
        .collect();
    folders.into_iter().collect()
}
