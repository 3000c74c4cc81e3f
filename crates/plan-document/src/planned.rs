//! From planned images to the document and back, and what a document must not say.

use std::collections::{HashMap, HashSet};

use image_ref::{Digest, ImageRef, Transport};
use mirror_plan::{Destination, ImageId, Mode, PlannedImage};

use crate::model::{Document, Image};
use crate::releases::{label, update_to_elsewhere};

/// A member of the plan contradicts another one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the message is the documentation")]
pub enum InvalidPlan {
    #[error("destination `{0}` does not fit the mode; mirrorToDisk has `file://DIR`, the others have `docker://HOST`")]
    Destination(String),
    #[error("image `{0}` has no name of the form `repository:tag`")]
    Name(String),
    #[error("two images have the name `{0}` and one destination")]
    Twice(String),
    #[error("image `{image}` needs `{need}`, which does not stand before it")]
    Need { image: String, need: String },
    #[error("image `{image}` has blob {blob}, whose size the plan does not say")]
    Blob { image: String, blob: Digest },
    #[error("image `{0}` begins with another manifest than its digest names")]
    Root(String),
    #[error("release {from} can update to {to}, which is not in the plan")]
    Update { from: String, to: String },
    #[error("image `{image}` would go to `{to}`, which is not below the plan's destination")]
    Outside { image: String, to: Box<ImageRef> },
}

impl Image {
    /// What the plan says of an image. Manifests, blobs and artifacts are added by whoever has read them.
    ///
    /// `names` gives the name of each image of the plan.
    pub fn of(planned: &PlannedImage, names: &HashMap<&ImageId, String>) -> Self {
        Self {
            name: planned.cache.to_string(),
            kind: planned.kind,
            origin: planned.origin.clone(),
            named: planned.named.clone(),
            source: planned.source.clone(),
            destination: planned.destination.clone(),
            digest: planned.digest().cloned(),
            platforms: planned.platforms.clone(),
            built: planned.built,
            needs: planned.needs.iter().filter_map(|need| names.get(need).cloned()).collect(),
            operators: planned.operators.clone(),
            bundles: planned.bundles.clone(),
            release: planned.release.clone(),
            entry: planned.entry,
            catalog: planned.catalog.clone(),
            twins: planned.twins.clone(),
            tag_may_give_way: planned.tag_may_give_way,
            why: planned.why.clone(),
            manifests: Vec::new(),
            blobs: Vec::new(),
            attached: None,
            error: None,
        }
    }

    /// What makes it this image. An original catalog goes to the cache and to a destination under one name.
    fn id(&self) -> ImageId {
        let destination = self.destination.as_ref().map(ToString::to_string).unwrap_or_default();
        ImageId::from(format!("{} {destination}", self.name))
    }

    /// The image as a run moves it, pinned to its digest. A registry is asked for the digest and never for a tag.
    fn planned(&self, ids: &HashMap<&str, ImageId>) -> Option<PlannedImage> {
        let digest = self.digest.clone()?;
        let cache = self.cache_name()?;
        let pins = !self.built && self.source.transport() == &Transport::Docker;
        let source = if pins { self.source.with_digest(digest.clone()) } else { self.source.clone() };
        let planned = PlannedImage::new(self.kind, self.origin.clone(), source, cache, None, self.why.clone()).ok()?;
        Some(PlannedImage {
            id: self.id(),
            named: self.named.clone(),
            destination: self.destination.clone(),
            platforms: self.platforms.clone(),
            built: self.built,
            needs: self.needs.iter().filter_map(|need| ids.get(need.as_str()).cloned()).collect(),
            operators: self.operators.clone(),
            bundles: self.bundles.clone(),
            release: self.release.clone(),
            entry: self.entry,
            root: Some(digest),
            catalog: self.catalog.clone(),
            twins: self.twins.clone(),
            tag_may_give_way: self.tag_may_give_way,
            ..planned
        })
    }
}

impl Document {
    /// The images as a run moves them, each pinned to its digest; none when the plan is for reading only, because an image
    /// has no digest.
    pub fn planned_images(&self) -> Option<Vec<PlannedImage>> {
        // Where two images have one name, the one that goes to the destination is needed there.
        let mut ids: HashMap<&str, ImageId> = HashMap::new();
        for image in &self.images {
            if image.destination.is_some() || !ids.contains_key(image.name.as_str()) {
                ids.insert(&image.name, image.id());
            }
        }
        self.images.iter().map(|image| image.planned(&ids)).collect()
    }

    /// The registry of the plan; none for a plan that goes to disk.
    pub fn registry(&self) -> Option<Destination> {
        let place = self.destination.strip_prefix("docker://")?;
        Destination::parse(place).ok().map(|parsed| parsed.with_max_nested_paths(self.max_nested_paths))
    }

    /// The folder of the plan; none for a plan that goes to a registry.
    pub fn folder(&self) -> Option<&str> {
        self.destination.strip_prefix("file://").filter(|folder| !folder.is_empty())
    }

    /// Looks for contradictions.
    pub(crate) fn check(&self) -> Result<(), InvalidPlan> {
        let registry = self.registry();
        let fits = if self.mode == Mode::MirrorToDisk { self.folder().is_some() } else { registry.is_some() };
        if !fits {
            return Err(InvalidPlan::Destination(self.destination.clone()));
        }
        let mut before: HashSet<&str> = HashSet::new();
        let mut ids: HashSet<ImageId> = HashSet::new();
        for image in &self.images {
            let name = || image.name.clone();
            if image.cache_name().is_none_or(|cache| cache.repository.is_empty() || cache.tag.is_empty()) {
                return Err(InvalidPlan::Name(name()));
            }
            if let Some(need) = image.needs.iter().find(|need| !before.contains(need.as_str())) {
                return Err(InvalidPlan::Need { image: name(), need: need.clone() });
            }
            // An image that lost its name to another one is in the plan to say so.
            if image.error.is_none() {
                if !ids.insert(image.id()) {
                    return Err(InvalidPlan::Twice(name()));
                }
                before.insert(&image.name);
            }
            if let Some(blob) = image.all_blobs().find(|blob| !self.blobs.contains_key(*blob)) {
                return Err(InvalidPlan::Blob { image: name(), blob: blob.clone() });
            }
            let artifacts = image.attached.iter().flatten().map(|one| (Some(&one.digest), &one.manifests));
            let mut parts = artifacts.chain([(image.digest.as_ref(), &image.manifests)]);
            if parts.any(|(digest, manifests)| manifests.first().is_some_and(|first| Some(&first.digest) != digest)) {
                return Err(InvalidPlan::Root(name()));
            }
            if let Some(to) = &image.destination
                && !registry.as_ref().is_some_and(|registry| is_below(registry, to))
            {
                return Err(InvalidPlan::Outside { image: name(), to: Box::new(to.clone()) });
            }
        }
        if let Some((from, update)) = update_to_elsewhere(self) {
            return Err(InvalidPlan::Update { from: label(from).to_owned(), to: update.to.clone() });
        }
        Ok(())
    }
}

/// Whether a reference names something below a destination. Where paths are limited, elements are joined with dashes.
fn is_below(destination: &Destination, image: &ImageRef) -> bool {
    let Ok(repository) = image.repository() else { return false };
    if image.transport() != &Transport::Docker || repository.registry() != destination.registry() {
        return false;
    }
    let (path, namespace) = (repository.path(), destination.namespace());
    let below = |path: &str, namespace: &str, slash: char| {
        namespace.is_empty() || path.strip_prefix(namespace).is_some_and(|rest| rest.starts_with(slash))
    };
    let joined = || below(&path.replace('/', "-"), &namespace.replace('/', "-"), '-');
    below(path, namespace, '/') || (destination.max_nested_paths() > 0 && joined())
}

#[cfg(test)]
mod tests {
    use mirror_plan::PlannedRelease;

    use super::*;
    use crate::diff::tests::bundle;
    use crate::shards::tests::plan;

    #[test]
    fn images_come_back_pinned() {
        let mut document = plan(&[(&[1, 2], &[]), (&[2, 3], &[0])], |blob| blob);
        document.images[0].release =
            Some(PlannedRelease { version: Some("4.20.1".into()), ..PlannedRelease::default() });
        document.images[1].bundles = vec![bundle("foo.v1", true)];
        let planned = document.planned_images().unwrap();
        let digest = document.images[1].digest.clone().unwrap();
        assert_eq!(planned[1].source.digest(), Some(&digest));
        assert_eq!(planned[1].source.tag(), None, "no tag is asked of any source");
        assert_eq!(planned[1].named, document.images[1].named);
        assert_eq!(planned[1].digest(), Some(&digest));
        assert_eq!(planned[1].needs, [planned[0].id.clone()]);
        assert_eq!(planned[1].destination, document.images[1].destination);
        // And so they become the same members again.
        let names = planned.iter().map(|image| (&image.id, image.cache.to_string())).collect();
        for (image, planned) in document.images.iter().zip(&planned) {
            let again = Image::of(planned, &names);
            assert_eq!((&again.name, &again.needs, &again.digest), (&image.name, &image.needs, &image.digest));
            assert_eq!((&again.release, &again.bundles), (&image.release, &image.bundles));
        }
    }

    #[test]
    fn one_name_in_the_cache_and_at_the_destination() {
        let mut document = plan(&[(&[1], &[]), (&[1], &[]), (&[2], &[0])], |blob| blob);
        document.images[1].name = document.images[0].name.clone();
        document.images[0].destination = None;
        assert_eq!(document.check(), Ok(()));
        let planned = document.planned_images().unwrap();
        assert_ne!(planned[0].id, planned[1].id);
        assert_eq!(planned[2].needs, [planned[1].id.clone()]);
    }

    #[test]
    fn an_image_that_could_not_be_read_makes_no_run() {
        let mut document = plan(&[(&[1], &[]), (&[2], &[])], |blob| blob);
        document.images[1].digest = None;
        document.images[1].manifests.clear();
        document.images[1].error = Some("gone".to_owned());
        assert!(document.check().is_ok());
        assert!(document.planned_images().is_none());
    }

    #[test]
    fn contradictions_are_named() {
        type Edit = fn(&mut Document);
        let outside = |to: &str| to.parse::<ImageRef>().unwrap();
        let rows: [(Edit, &str); 9] = [
            (|plan| plan.destination = "file:///m".into(), "destination `file:///m` does not fit the mode"),
            (|plan| plan.mode = Mode::MirrorToDisk, "destination `docker://reg.lan:5000/m` does not fit the mode"),
            (|plan| plan.images[0].name = "a".into(), "image `a` has no name of the form"),
            (
                |plan| {
                    plan.images[1].name = plan.images[0].name.clone();
                    plan.images[1].destination = plan.images[0].destination.clone();
                },
                "two images have the name `ns/app0:v1` and one destination",
            ),
            (
                |plan| plan.images[0].needs = vec!["ns/app1:v1".into()],
                "image `ns/app0:v1` needs `ns/app1:v1`, which does",
            ),
            (|plan| plan.blobs.clear(), "image `ns/app0:v1` has blob sha256:"),
            (|plan| plan.images.swap(0, 1), "image `ns/app1:v1` needs `ns/app0:v1`, which does"),
            (
                |plan| plan.images[0].digest = plan.images[1].digest.clone(),
                "image `ns/app0:v1` begins with another manifest than its digest names",
            ),
            (|plan| plan.images[0].destination = None, ""),
        ];
        for (edit, expected) in rows {
            let mut document = plan(&[(&[1], &[]), (&[2], &[0])], |blob| blob);
            edit(&mut document);
            let said = document.check().err().map(|error| error.to_string()).unwrap_or_default();
            assert!(said.starts_with(expected) && said.is_empty() == expected.is_empty(), "{expected:?}: {said:?}");
        }
        for (to, nested, allowed) in [
            ("reg.lan:5000/m/ns/app0:v1", 0, true),
            ("reg.lan:5000/m2/ns/app0:v1", 0, false),
            ("reg.lan:5000/m:v1", 0, false),
            ("reg.lan:5000/ns/app0:v1", 0, false),
            ("evil.lan:5000/m/ns/app0:v1", 0, false),
            ("dir:///m/ns", 0, false),
            ("reg.lan:5000/m-ns-app0:v1", 0, false),
            ("reg.lan:5000/m-ns-app0:v1", 1, true),
            ("reg.lan:5000/m/ns-app0:v1", 2, true),
            ("reg.lan:5000/other-ns-app0:v1", 1, false),
        ] {
            let mut document = plan(&[(&[1], &[])], |blob| blob);
            document.max_nested_paths = nested;
            document.images[0].destination = Some(outside(to));
            assert_eq!(document.check().is_ok(), allowed, "{to} {nested}: {:?}", document.check());
        }
    }
}
