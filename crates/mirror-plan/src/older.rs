//! Names that oc-mirror v2 up to 4.17 gave to images, in caches, in archives and at destinations.
//!
//! Those versions left release images in the repository that they come from, and tagged an image without a tag with the
//! bare digits of its digest. An image whose digest is known is found by that digest, whatever its name is. The older name
//! is for the rest: an image that is known by its tag alone, and what lies at a destination that an older version filled.

use image_ref::{Digest, ImageRef, is_valid_tag};

use crate::release::{COMPONENT_REPOSITORY, RELEASE_REPOSITORY};
use crate::{CacheName, PlannedImage};

/// The name that an older version gave to an image; none where it is today's name. `source` is where the image comes from at
/// first, `cache` its name today.
///
/// ```
/// use image_ref::ImageRef;
/// use mirror_plan::{CacheName, older};
///
/// let source = ImageRef::parse("quay.io/openshift-release-dev/ocp-release:4.16.4-x86_64").unwrap();
/// let today = CacheName { repository: "openshift/release-images".into(), tag: "4.16.4-x86_64".into() };
/// assert_eq!(older::name(&source, &today).unwrap().to_string(), "openshift-release-dev/ocp-release:4.16.4-x86_64");
/// ```
pub fn name(source: &ImageRef, cache: &CacheName) -> Option<CacheName> {
    let older = match cache.repository.as_str() {
        RELEASE_REPOSITORY => CacheName { repository: source.path().to_owned(), tag: cache.tag.clone() },
        COMPONENT_REPOSITORY => CacheName { repository: source.path().to_owned(), tag: source.digest()?.as_tag() },
        _ => CacheName { repository: cache.repository.clone(), tag: Digest::from_tag(&cache.tag)?.hex().to_owned() },
    };
    (older != *cache && is_valid_tag(&older.tag)).then_some(older)
}

/// The name that an older version gave to an image of a plan; none where that is today's name, and for what this program
/// makes itself.
pub fn name_of(image: &PlannedImage) -> Option<CacheName> {
    if image.built { None } else { name(&image.source, &image.cache) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn older_names() {
        let hex = "1".repeat(64);
        let rows = [
            (
                "quay.io/openshift-release-dev/ocp-release:4.16.4-x86_64",
                "openshift/release-images:4.16.4-x86_64",
                Some("openshift-release-dev/ocp-release:4.16.4-x86_64".to_owned()),
            ),
            (
                "quay.io/openshift-release-dev/ocp-v4.0-art-dev@sha256:H",
                "openshift/release:4.16.4-x86_64-cli",
                Some("openshift-release-dev/ocp-v4.0-art-dev:sha256-H".to_owned()),
            ),
            ("quay.io/a/component:v1", "openshift/release:4.16.4-x86_64-cli", None),
            ("quay.io/a/b@sha256:H", "a/b:sha256-H", Some("a/b:H".to_owned())),
            // With `targetRepo`, the name below the destination is not that of the source.
            ("quay.io/a/b@sha256:H", "c/d:sha256-H", Some("c/d:H".to_owned())),
            ("quay.io/a/b:v1", "a/b:v1", None),
            ("quay.io/a/b:v1@sha256:H", "a/b:v1", None),
            ("localhost:55000/openshift/graph-image:latest", "openshift/graph-image:latest", None),
        ];
        for (source, cache, expected) in rows {
            let source = ImageRef::parse(&source.replace('H', &hex)).unwrap();
            let cache = cache.replace('H', &hex);
            let (repository, tag) = cache.rsplit_once(':').unwrap();
            let cache = CacheName { repository: repository.to_owned(), tag: tag.to_owned() };
            let found = name(&source, &cache).map(|name| name.to_string());
            assert_eq!(found, expected.map(|name| name.replace('H', &hex)), "{source}");
        }
    }
}
