//! The ways of moving images: into the cache, straight into an archive, out of an archive, from registry to registry.

pub mod borrowing;
pub mod destination;
pub mod earlier;
pub mod from_archive;
pub mod into_archive;
pub mod into_store;
pub mod registry_to_registry;

use std::time::Duration;

use mirror_plan::PlannedImage;

use mirror_job::failure::{Condition, CopyError};
use oci_manifest::Descriptor;

/// An image by its place in the plan, as jobs name it.
pub(crate) fn image_at(images: &[PlannedImage], at: usize) -> &PlannedImage {
    images.get(at).expect("a job names images of the plan")
}

/// `host/namespace/` of an image's destination, without its last path element (`docs/behaviour/config-cli.md` 6.2).
pub(crate) fn destination_name(image: &PlannedImage) -> String {
    match &image.destination {
        None => "cache".to_owned(),
        Some(destination) => match destination.name().rsplit_once('/') {
            Some((parent, _)) => format!("{parent}/"),
            None => format!("{}/", destination.name()),
        },
    }
}

/// What is told of a layer that the source does not serve and that names other places.
pub(crate) fn left_out(image: &PlannedImage, layer: &Descriptor) -> String {
    format!(
        "{}: layer {} is left out: the source does not serve it, and its publisher offers it at {}",
        image.origin,
        layer.digest,
        layer.urls.join(", ")
    )
}

/// Gives a transfer, attempts included, at most `bound`; zero means any time.
pub(crate) fn bounded<T>(
    bound: Duration,
    transfer: impl Future<Output = Result<T, CopyError>>,
) -> impl Future<Output = Result<T, CopyError>> {
    bounded_or(bound, "what arrived is kept, run again to go on", transfer)
}

/// The same, with its own `advice` for a transfer that takes longer.
pub(crate) async fn bounded_or<T>(
    bound: Duration,
    advice: &str,
    transfer: impl Future<Output = Result<T, CopyError>>,
) -> Result<T, CopyError> {
    if bound.is_zero() {
        return transfer.await;
    }
    tokio::time::timeout(bound, transfer).await.map_err(|_| timed_out(bound, advice))?
}

/// The overall bound of a transfer was reached.
fn timed_out(bound: Duration, advice: &str) -> CopyError {
    CopyError {
        message: format!("not finished within {} s; {advice}, or raise `--image-timeout`", bound.as_secs()),
        condition: Condition::TIMEOUT,
        retry_can_help: true,
    }
}
