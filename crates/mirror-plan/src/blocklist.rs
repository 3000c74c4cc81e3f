//! `mirror.blockedImages` applied to planned images, and to texts that name no image (`docs/behaviour/config-cli.md` 1.6).

use image_ref::ImageRef;
use isc_schema::BlockedImage;

use crate::PlannedImage;

/// The entry of `blockedImages` that matches the image: its source as it is written, what is pulled for it, that reference
/// in full (`nginx:1` is `docker.io/library/nginx:1`), or its destination, all without `scheme://`.
///
/// In mirror to disk the place of the destination is taken by the name in the cache, so that the same expression keeps
/// the same image out on both sides of the gap.
pub(crate) fn blocking<'a>(blocked: &'a [BlockedImage], image: &PlannedImage) -> Option<&'a BlockedImage> {
    if blocked.is_empty() {
        return None;
    }
    let destination = image.destination.as_ref().map_or_else(|| image.cache.to_string(), ImageRef::to_string);
    let names = [image.origin.clone(), image.source.to_string(), image.source.normalized().to_string(), destination];
    matching(blocked, &names)
}

/// The entry of `blockedImages` that matches a text of a catalog, whether or not the text names an image: as it is written,
/// and as a reference in full, with the tag `latest` if it has neither tag nor digest.
pub(crate) fn blocking_text<'a>(blocked: &'a [BlockedImage], text: &str) -> Option<&'a BlockedImage> {
    if blocked.is_empty() {
        return None;
    }
    let mut names = vec![text.to_owned()];
    if let Ok(image) = ImageRef::parse_name(text) {
        let image = image.normalized();
        if image.tag().is_none() && image.digest().is_none() {
            names.push(image.with_tag("latest").to_string());
        }
        names.push(image.to_string());
    }
    matching(blocked, &names)
}

fn matching<'a>(blocked: &'a [BlockedImage], names: &[String]) -> Option<&'a BlockedImage> {
    blocked.iter().find(|entry| names.iter().any(|name| entry.is_match(without_scheme(name))))
}

/// The entry of `blockedImages` that matches an image and nothing else, as YAML.
pub fn blocking_exactly(image: &str) -> String {
    let pattern = format!("^{}$", regex::escape(without_scheme(image)));
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "^$\\./:@_+-".contains(c);
    // Elsewhere YAML reads signs of its own into the text.
    if pattern.chars().all(is_plain) { pattern } else { serde_json::Value::from(pattern).to_string() }
}

/// What `blockedImages` is matched against.
pub(crate) fn without_scheme(text: &str) -> &str {
    text.split_once("://").map_or(text, |(_, rest)| rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_that_are_blocked() {
        let check = |pattern: &str, text: &str, expected: bool| {
            let blocked = [BlockedImage::new(pattern).unwrap()];
            assert_eq!(blocking_text(&blocked, text).is_some(), expected, "{pattern} {text:?}");
        };
        check("^$", "", true);
        check("^$", "r.io/a", false);
        check("^r.io/ns/own$", "r.io/ns/own", true);
        check("^r.io/ns/own$", "docker://r.io/ns/own", true);
        check("^r.io/ns/own:latest$", "r.io/ns/own", true);
        check("^r.io/ns/own:latest$", "r.io/ns/own:v1", false);
        check("^nginx$", "nginx", true);
        check("^docker.io/library/nginx:latest$", "nginx", true);
        check("^docker.io/acme/", "acme/app", true);
        check("^/srv/x$", "oci:///srv/x", true);
        check("sha256:12$", "r.io/ns/image@sha256:12", true);
        check("a b", "a b c", true);
        assert!(blocking_text(&[], "").is_none());
    }
}
