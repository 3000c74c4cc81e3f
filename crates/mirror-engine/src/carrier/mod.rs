//! The three ways of moving images: into the cache, out of an archive, from registry to registry.

pub(crate) mod destination;
pub(crate) mod earlier;
pub(crate) mod from_archive;
pub(crate) mod into_store;
pub(crate) mod registry_to_registry;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use mirror_plan::PlannedImage;

use crate::copy::{CopyError, chain};
use crate::event::{Event, Observer};
use crate::tree::TreeError;

/// A transport error as the copy engine keeps it.
pub(crate) fn transport(error: &oci_transport::Error) -> CopyError {
    CopyError { message: chain(error), condition: error.condition().to_string(), retry_can_help: error.is_retryable() }
}

/// An error of walking an image whose manifests come over the network.
pub(crate) fn tree(error: TreeError<CopyError>) -> CopyError {
    match error {
        TreeError::Fetch(error) => error,
        TreeError::NoInstance { .. } => CopyError::from_error("no-instance", false, &error),
        _ => CopyError::from_error("manifest", false, &error),
    }
}

/// An error of the store.
pub(crate) fn store(error: &archive_format::StoreError) -> CopyError {
    CopyError::from_error("cache", true, error)
}

/// A closure that turns positions in a blob into arriving bytes. A transfer that starts again counts once: its bytes
/// are told when it is past the point it had reached before. `resumed` bytes were there when the transfer began.
pub(crate) fn advance(observer: &Arc<dyn Observer>, resumed: u64) -> impl Fn(u64) + Send + Sync {
    let observer = Arc::clone(observer);
    let reached = AtomicU64::new(resumed);
    move |position| {
        let before = reached.fetch_max(position, Ordering::Relaxed);
        if position > before {
            observer.event(Event::Advanced { bytes: position - before });
        }
    }
}

/// `host/namespace/` of an image's destination, without its last path element (contract `config-cli.md` 6.2).
pub(crate) fn destination_name(image: &PlannedImage) -> String {
    match &image.destination {
        None => "cache".to_owned(),
        Some(destination) => match destination.name().rsplit_once('/') {
            Some((parent, _)) => format!("{parent}/"),
            None => format!("{}/", destination.name()),
        },
    }
}

/// Runs blocking work on the blocking pool.
pub(crate) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(work).await.expect("blocking work neither panics nor is aborted")
}

/// Gives a transfer, attempts included, at most `bound`; zero means any time.
pub(crate) async fn bounded<T>(
    bound: Duration,
    transfer: impl Future<Output = Result<T, CopyError>>,
) -> Result<T, CopyError> {
    if bound.is_zero() {
        return transfer.await;
    }
    tokio::time::timeout(bound, transfer).await.map_err(|_| timed_out(bound))?
}

/// The overall bound of a transfer was reached.
fn timed_out(bound: Duration) -> CopyError {
    CopyError {
        message: format!(
            "not finished within {} s; what arrived is kept, run again to go on, or raise `--image-timeout`",
            bound.as_secs()
        ),
        condition: "timeout".into(),
        retry_can_help: true,
    }
}
