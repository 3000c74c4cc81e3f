//! `mirror.additionalImages` (contract `operators-archive.md` 8.1, `config-cli.md` 4.3).

use image_ref::{ImageRef, Transport};
use isc_schema::AdditionalImage;

use crate::{Blocked, CacheName, ConfigEntry, Destination, DestinationError, ImageKind, PlannedImage, Why};

/// Images and warnings of one family.
#[derive(Debug, Default)]
pub struct Collected {
    /// The images, in the order of the configuration.
    pub images: Vec<PlannedImage>,
    /// What `blockedImages` kept out already, because no image can be planned for it.
    pub blocked: Vec<Blocked>,
    /// Things a person should know.
    pub warnings: Vec<String>,
}

/// Plans every additional image. `destination` is none in mirror to disk.
///
/// # Errors
/// One error per image that cannot be planned; the others are left out of the answer as well, since any collection
/// error ends the run before copying (contract `config-cli.md` 1.5).
pub fn plan(images: &[AdditionalImage], destination: Option<&Destination>) -> Result<Collected, Vec<DestinationError>> {
    let mut collected = Collected::default();
    let mut errors = Vec::new();
    for (index, image) in images.iter().enumerate() {
        if image.name.tag().is_some() && image.name.digest().is_some() {
            collected.warnings.push(format!(
                "{} has both tag and digest : using digest to pull, but tag only for mirroring",
                image.name.as_written()
            ));
        }
        match plan_one(index, image, destination) {
            Ok(planned) => collected.images.push(planned),
            Err(error) => errors.push(error),
        }
    }
    if errors.is_empty() { Ok(collected) } else { Err(errors) }
}

fn plan_one(
    index: usize,
    image: &AdditionalImage,
    destination: Option<&Destination>,
) -> Result<PlannedImage, DestinationError> {
    let cache = cache_name(&image.name, image.target_repo.as_deref(), image.target_tag.as_deref());
    let why = Why { path: format!("mirror.additionalImages[{index}]"), line: image.span.line, steps: Vec::new() };
    let (origin, source) = (image.name.as_written(), source(&image.name));
    let planned = PlannedImage::new(ImageKind::Additional, origin, source, cache, destination, why)?;
    Ok(PlannedImage {
        named: image.name.clone(),
        entry: Some(ConfigEntry::Additional(index)),
        platforms: image.platforms.clone(),
        ..planned
    })
}

/// The name an image gets in the cache: its path and tag, unless others are asked for. A digest stands in as the tag
/// `sha256-<hex>`; the leading `/` of a local path is dropped.
pub(crate) fn cache_name(image: &ImageRef, repository: Option<&str>, tag: Option<&str>) -> CacheName {
    CacheName {
        repository: repository.map_or_else(|| image.path().trim_matches('/').to_owned(), str::to_owned),
        tag: tag.map_or_else(|| image.tag_or_digest_tag(), str::to_owned),
    }
}

/// What is pulled for an image: by digest when there is one, whatever the tag says.
pub fn source(image: &ImageRef) -> ImageRef {
    match (image.transport(), image.tag(), image.digest()) {
        (Transport::Docker, Some(_), Some(digest)) => image.with_digest(digest.clone()),
        _ => image.clone(),
    }
}
