//! `mirror.blockedImages` applied to a planned image (contract `config-cli.md` 1.6).

use image_ref::ImageRef;
use isc_schema::BlockedImage;

use crate::PlannedImage;

/// The entry of `blockedImages` that matches the image's source or its destination, both without `scheme://`.
///
/// In mirror to disk the place of the destination is taken by the name in the cache, so that the same expression keeps
/// the same image out on both sides of the gap.
pub(crate) fn blocking<'a>(blocked: &'a [BlockedImage], image: &PlannedImage) -> Option<&'a BlockedImage> {
    if blocked.is_empty() {
        return None;
    }
    let source = without_scheme(&image.source);
    let destination = image.destination.as_ref().map_or_else(|| image.cache.to_string(), without_scheme);
    blocked.iter().find(|entry| entry.is_match(&source) || entry.is_match(&destination))
}

fn without_scheme(image: &ImageRef) -> String {
    let text = image.to_string();
    match text.split_once("://") {
        Some((_, rest)) => rest.to_owned(),
        None => text,
    }
}
