//! `mirror.additionalImages` (`docs/behaviour/operators-archive.md` 8.1, `docs/behaviour/config-cli.md` 4.3).

use image_ref::{ImageRef, Transport, is_valid_path, is_valid_tag};
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
/// One error per image that cannot be planned, with its place in the list; the others are left out of the answer as well, since any collection
/// error ends the run before copying (`docs/behaviour/config-cli.md` 1.5).
pub fn plan(
    images: &[AdditionalImage],
    destination: Option<&Destination>,
) -> Result<Collected, Vec<(usize, DestinationError)>> {
    let mut collected = Collected::default();
    let mut errors = Vec::new();
    for (index, image) in images.iter().enumerate() {
        collected.warnings.extend(tag_and_digest_warning(&image.name));
        match plan_one(index, image, destination) {
            Ok(planned) => collected.images.push(planned),
            Err(error) => errors.push((index, error)),
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
        tag_may_give_way: image.target_tag.is_none() && has_tag_and_digest(&image.name),
        ..planned
    })
}

/// The name an image gets in the cache: its path and tag, unless others are asked for. A digest stands in as the tag
/// `sha256-<hex>`; the leading `/` of a local path is dropped.
pub(crate) fn cache_name(image: &ImageRef, repository: Option<&str>, tag: Option<&str>) -> CacheName {
    let (own, own_tag) = match image.place() {
        Some((place, name)) => (path_of_place(place), tag_of_place(name).unwrap_or_else(|| image.tag_or_digest_tag())),
        None => (image.path().trim_matches('/').to_owned(), image.tag_or_digest_tag()),
    };
    CacheName { repository: repository.map_or(own, str::to_owned), tag: tag.map_or(own_tag, str::to_owned) }
}

/// The repository path for a folder or file: its own path where registries accept it (`docs/behaviour/config-cli.md` 4.3),
/// otherwise the nearest path that they accept. Registries know neither blanks nor upper case nor `..`.
pub(crate) fn path_of_place(place: &str) -> String {
    let own = place.trim_matches('/');
    if is_valid_path(own) {
        return own.to_owned();
    }
    let components = own.split('/').map(|component| {
        let mut path = String::with_capacity(component.len());
        for c in component.chars().flat_map(char::to_lowercase) {
            if c.is_ascii_lowercase() || c.is_ascii_digit() {
                path.push(c);
            } else if path.ends_with(|last: char| last.is_ascii_alphanumeric()) {
                path.push(if matches!(c, '.' | '_') { c } else { '-' });
            }
        }
        path.trim_end_matches(['.', '_', '-']).to_owned()
    });
    let path = components.filter(|component| !component.is_empty()).collect::<Vec<_>>().join("/");
    if path.is_empty() { "image".to_owned() } else { path }
}

/// The tag for the name of an image in a folder: the name itself, or the tag at its end when it is a whole reference.
pub(crate) fn tag_of_place(name: Option<&str>) -> Option<String> {
    let name = name?;
    let tag = name.rsplit(':').next().unwrap_or(name);
    is_valid_tag(tag).then(|| tag.to_owned())
}

/// Whether an image is named by tag and digest.
pub(crate) fn has_tag_and_digest(image: &ImageRef) -> bool {
    image.tag().is_some() && image.digest().is_some()
}

/// What is said of an image that is named by tag and digest.
pub(crate) fn tag_and_digest_warning(image: &ImageRef) -> Option<String> {
    has_tag_and_digest(image).then(|| {
        format!("{} has both tag and digest : using digest to pull, but tag only for mirroring", image.as_written())
    })
}

/// What is pulled for an image: by digest when there is one, whatever the tag says.
pub fn source(image: &ImageRef) -> ImageRef {
    match (image.transport(), image.tag(), image.digest()) {
        (Transport::Docker, Some(_), Some(digest)) => image.with_digest(digest.clone()),
        _ => image.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_places() {
        for (image, expected) in [
            ("oci:///srv/img/app", "srv/img/app:latest"),
            ("oci://srv/img/app", "srv/img/app:latest"),
            ("oci:///srv/two:v2", "srv/two:v2"),
            ("oci:///srv/two:quay.io/ns/app:v3", "srv/two:v3"),
            ("oci:///srv/two:not a tag", "srv/two:latest"),
            ("oci://./two:v2", "two:v2"),
            ("oci://../up/two", "up/two:latest"),
            ("oci:///srv/My Images/App (1)", "srv/my-images/app-1:latest"),
            ("oci:///srv/a..b/_x_", "srv/a.b/x:latest"),
            ("oci://..", "image:latest"),
            ("oci-archive:///srv/app.tar:v1", "srv/app.tar:v1"),
            ("docker-archive:///srv/app.tar:ns/app:v1", "srv/app.tar:v1"),
            ("dir:///srv/app", "srv/app:latest"),
            ("quay.io/ns/app:1", "ns/app:1"),
        ] {
            let image = ImageRef::parse(image).unwrap();
            let name = cache_name(&image, None, None);
            assert_eq!(name.to_string(), expected, "{image}");
            assert!(is_valid_path(&name.repository), "{image}");
            assert_eq!(cache_name(&image, Some("t/x"), Some("y")).to_string(), "t/x:y");
        }
    }
}
