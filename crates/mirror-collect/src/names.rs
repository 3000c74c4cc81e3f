//! Names that several images of a plan claim: brings the planner the digests that decide whether they are one image.
//!
//! Names carry no registry, see [`mirror_plan::Collision`]. The configuration's own lines are compared before anything is
//! collected, since collecting catalogs writes into the cache under their names; all images once everything is collected.

use std::collections::BTreeMap;

use futures_util::StreamExt as _;
use image_ref::{Digest, ImageRef, Transport};
use mirror_plan::{CacheName, Collision, Draft, Plan, PlannedImage, additional, operators};
use oci_transport::ImageSource;

use super::Collecting;
use mirror_content::source::{Brought, LocalContent as _};
use mirror_job::failure::{CopyError, chain};

/// How many digests are looked up together.
const AT_ONCE: usize = 16;

/// Compares the lines of the configuration. Lines that ask for the same digests, and names that are nobody else's, cost no
/// request.
///
/// # Errors
/// Every line that cannot have its name.
pub(super) async fn check_configuration(at: &Collecting<'_>) -> Result<(), Vec<Collision>> {
    let mirror = &at.job.configuration.mirror;
    let catalogs = mirror.operators.iter().enumerate();
    let catalogs = catalogs.map(|(index, entry)| operators::as_configured(index, entry, at.destination));
    // What cannot have a name at all is told when it is collected.
    let mut lines: Vec<PlannedImage> = catalogs.filter_map(Result::ok).collect();
    lines.extend(additional::plan(&mirror.additional_images, at.destination).unwrap_or_default().images);
    let draft = Draft::new(at.mode(), lines, &mirror.blocked_images, at.destination);
    settle(at, draft).await.map(drop)
}

/// Gives every name to one image.
///
/// # Errors
/// Every line of the configuration that cannot have its name.
pub(super) async fn settle(at: &Collecting<'_>, draft: Draft) -> Result<Plan, Vec<Collision>> {
    let asked = draft.undecided().into_iter().map(|number| {
        let image = draft.image(number);
        async move { (number, digest_of(at, image).await.map_err(|error| error.to_string())) }
    });
    let asked: Vec<_> = asked.collect();
    let looked_up: BTreeMap<usize, Result<Digest, String>> =
        futures_util::stream::iter(asked).buffer_unordered(AT_ONCE).collect().await;
    draft.settle(&looked_up, at.job.options.policy.is_some())
}

/// Why nobody knows which digest an image has now.
#[derive(Debug, thiserror::Error)]
enum LookupError {
    #[error("{}", .0.message)]
    Content(Box<CopyError>),
    #[error("{0} is neither in the archive nor in the cache")]
    NotBrought(CacheName),
    #[error("{}", chain(.0))]
    Transport(Box<oci_transport::Error>),
    #[error("{0} is not there")]
    Absent(ImageRef),
}

impl From<oci_transport::Error> for LookupError {
    fn from(error: oci_transport::Error) -> Self {
        Self::Transport(Box::new(error))
    }
}

/// The digest that an image has now: at its source, or in the archive that is being loaded.
async fn digest_of(at: &Collecting<'_>, image: &PlannedImage) -> Result<Digest, LookupError> {
    let name = &image.cache;
    if !at.asks_sources() || image.built {
        let brought = Brought::of(at.archive(), at.store).resolve_tag(&name.repository, &name.tag);
        let digest = brought.map_err(|error| LookupError::Content(Box::new(error)))?;
        return digest.ok_or_else(|| LookupError::NotBrought(name.clone()));
    }
    let client = &at.job.source;
    if image.source.transport() == &Transport::Docker {
        let found = client.head_manifest(&image.source).await?;
        return found.map(|found| found.digest).ok_or_else(|| LookupError::Absent(image.source.clone()));
    }
    let opened = ImageSource::open(client, &image.source).await?;
    Ok(opened.1.digest().clone())
}
