//! The rule that everything stands on: **a source with a digest has that digest as its root, or the image fails.**
//!
//! Tags, links and file names are hints that others wrote. Whatever they say, the first manifest of an image whose source
//! names a digest is the one of that digest, wherever the image is read: registry, layout, cache, archive or destination.

use image_ref::Digest;
use mirror_plan::PlannedImage;
use oci_manifest::{Root, VerifiedManifest, WrongRoot};

use mirror_job::failure::{Condition, CopyError};

/// The digest of an image's first manifest, where the plan knows it: written in the configuration, in a release or in a
/// catalog, or read by collecting. Such an image is read by this digest, never by its name.
pub fn pinned(image: &PlannedImage) -> Option<&Digest> {
    image.digest()
}

/// The digest of an image's first manifest: the one that the plan knows, else the one that its name stands for. What
/// `named` finds counts for an image without a digest, and for no other.
///
/// # Errors
/// As `named`.
pub fn root_digest<E>(
    image: &PlannedImage,
    named: impl FnOnce() -> Result<Option<Digest>, E>,
) -> Result<Option<Digest>, E> {
    match pinned(image) {
        Some(digest) => Ok(Some(digest.clone())),
        None => named(),
    }
}

/// Lets `manifest` be the first manifest of `image`.
///
/// # Errors
/// When the image is pinned to another one.
pub fn root_of(image: &PlannedImage, manifest: VerifiedManifest) -> Result<Root, CopyError> {
    Root::of(manifest, pinned(image)).map_err(|wrong| refused(&wrong))
}

/// Lets `manifest` be the first manifest of what is named by `digest`.
///
/// # Errors
/// When it has another digest.
pub fn root_with(digest: &Digest, manifest: VerifiedManifest) -> Result<Root, CopyError> {
    Root::of(manifest, Some(digest)).map_err(|wrong| refused(&wrong))
}

fn refused(wrong: &WrongRoot) -> CopyError {
    CopyError::from_error(Condition::DIGEST_MISMATCH, false, wrong)
}

#[cfg(test)]
mod tests {
    use image_ref::{Algorithm, Hasher};
    use mirror_plan::{CacheName, ImageKind, Why};

    use super::*;

    const INDEX: &str = "application/vnd.oci.image.index.v1+json";

    fn manifest(text: &str) -> VerifiedManifest {
        VerifiedManifest::made(&serde_json::json!({"manifests": [], "annotations": {"text": text}}), INDEX)
    }

    fn image(source: &str, built: bool, root: Option<&Digest>) -> PlannedImage {
        let cache = CacheName { repository: "a/b".into(), tag: "v1".into() };
        let source = source.parse().expect("the row is a reference");
        let planned = PlannedImage::new(ImageKind::Additional, "origin", source, cache, None, Why::default());
        PlannedImage { built, root: root.cloned(), ..planned.expect("without a destination every name is possible") }
    }

    #[test]
    fn a_digest_that_the_plan_knows_counts_and_a_name_does_not() {
        let (good, evil) = (manifest("good"), manifest("evil"));
        let (of_good, of_evil) = (good.digest(), evil.digest());
        let pinned_source = format!("r.io/a/b@{of_good}");
        // The image, and the digest that it begins with when its name stands for the evil one.
        let rows = [
            (image("r.io/a/b:v1", false, None), of_evil),
            (image("r.io/a/b:v1", true, None), of_evil),
            (image(&pinned_source, false, None), of_good),
            // What was built of an image is another one.
            (image(&pinned_source, true, None), of_evil),
            (image("r.io/a/b:v1", false, Some(of_good)), of_good),
            (image("r.io/a/b:v1", true, Some(of_good)), of_good),
            (image(&format!("r.io/a/b@{of_evil}"), true, Some(of_good)), of_good),
        ];
        for (image, expected) in rows {
            let named = || Ok::<_, ()>(Some(of_evil.clone()));
            assert_eq!(root_digest(&image, named), Ok(Some(expected.clone())), "{image:?}");
            let is_pinned = expected == of_good;
            assert_eq!(pinned(&image), is_pinned.then_some(of_good), "{image:?}");
            // A pinned image asks for no name; every other one has what the name has, errors included.
            assert_eq!(
                root_digest(&image, || Err("asked")),
                if is_pinned { Ok(Some(of_good.clone())) } else { Err("asked") }
            );
            let nothing = || Ok::<_, ()>(None);
            assert_eq!(root_digest(&image, nothing), Ok(is_pinned.then(|| of_good.clone())));
            assert_eq!(root_of(&image, good.clone()).map(|root| root.manifest().clone()).ok(), Some(good.clone()));
            let refused = root_of(&image, evil.clone()).err();
            assert_eq!(refused.is_some(), is_pinned, "{image:?}");
            if let Some(refused) = refused {
                assert_eq!((refused.condition, refused.retry_can_help), (Condition::DIGEST_MISMATCH, false));
                let message = format!("the image is pinned to {of_good}, and what was found for it is {of_evil}");
                assert_eq!(refused.message, message);
            }
        }
    }

    #[test]
    fn what_is_named_by_a_digest_has_it() {
        let (good, evil) = (manifest("good"), manifest("evil"));
        assert_eq!(root_with(good.digest(), good.clone()).ok().map(|root| root.manifest().clone()), Some(good.clone()));
        let refused = root_with(good.digest(), evil).err().map(|error| error.condition);
        assert_eq!(refused.map(Condition::as_str), Some("digest-mismatch"));
        // Whatever the algorithm.
        let other = Hasher::of(Algorithm::Sha512, good.bytes());
        assert!(root_with(&other, good).is_ok());
        assert!(root_with(&other, manifest("evil")).is_err());
    }
}
