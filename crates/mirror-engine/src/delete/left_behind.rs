//! What belongs to an image beside its manifests: tags of cosign, and folders of simple-signing signatures.

use std::collections::BTreeSet;
use std::path::PathBuf;

use image_ref::{Digest, ImageRef};
use registries_conf::{Lookaside, RegistriesD};

use super::{ItemOutcome, ItemReport};
use crate::trust::{COSIGN_ENDINGS, signature_folder};

/// The manifest that a tag of cosign, such as `sha256-<hex>.sig`, is attached to; none for every other tag.
pub(super) fn attached_to(tag: &str) -> Option<Digest> {
    let (digest, ending) = tag.rsplit_once('.')?;
    COSIGN_ENDINGS.contains(&ending).then(|| digest.replacen('-', ":", 1).parse().ok())?
}

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_of_cosign() {
        let hex = "1".repeat(64);
        for (tag, attached) in [
            (format!("sha256-{hex}.sig"), true),
            (format!("sha256-{hex}.att"), true),
            (format!("sha256-{hex}.sbom"), true),
            (format!("sha256-{hex}.txt"), false),
            (format!("sha256-{hex}"), false),
            ("sha256-1234.sig".to_owned(), false),
            ("v1.sig".to_owned(), false),
        ] {
            assert_eq!(attached_to(&tag).is_some_and(|digest| digest.hex() == hex), attached, "{tag}");
        }
    }
}
