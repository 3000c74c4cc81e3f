//! The ways of moving images: into the cache, straight into an archive, out of an archive, from registry to registry.

pub(crate) mod destination;
pub(crate) mod earlier;
pub(crate) mod from_archive;
pub(crate) mod into_archive;
pub(crate) mod into_store;
pub(crate) mod registry_to_registry;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use mirror_plan::PlannedImage;

use crate::copy::{CopyError, NO_INSTANCE, chain};
use crate::event::{Event, Observer};
use oci_manifest::{Descriptor, TreeError};

/// A transport error as the copy engine keeps it.
pub(crate) fn transport(error: &oci_transport::Error) -> CopyError {
    let condition = error.condition();
    // Wrong content is tried twice; who sends it twice will send it a third time.
    let retry_can_help = condition.is_retryable() && condition != oci_transport::Condition::Digest;
    CopyError { message: chain(error), condition: condition.to_string(), retry_can_help }
}

/// An error of walking an image whose manifests come over the network.
pub(crate) fn tree(error: TreeError<CopyError>) -> CopyError {
    match error {
        TreeError::Fetch(error) => error,
        TreeError::NoInstance { .. } => CopyError::from_error(NO_INSTANCE, false, &error),
        _ => CopyError::from_error("manifest", false, &error),
    }
}

/// An error of the store.
pub(crate) fn store(error: &archive_format::StoreError) -> CopyError {
    CopyError::from_error("cache", true, error)
}

/// Turns the bytes of one blob into [`Event::Advanced`], so that the sum of a finished blob is what had to move.
///
/// The transport tells what moved, and tells bytes twice when a transfer starts again; a display that counted them
/// twice would be done before the work is. So no more than the blob's share is told.
pub(crate) struct Advance {
    observer: Arc<dyn Observer>,
    /// Bytes that have to move.
    share: AtomicU64,
    told: AtomicU64,
}

impl Advance {
    /// Of a blob of which `share` bytes have to move.
    pub(crate) fn new(observer: &Arc<dyn Observer>, share: u64) -> Self {
        Self { observer: Arc::clone(observer), share: share.into(), told: 0.into() }
    }

    /// `bytes` more have moved.
    pub(crate) fn by(&self, bytes: u64) {
        self.to(self.told.load(Ordering::Relaxed).saturating_add(bytes));
    }

    /// `moved` bytes have moved in all. One that was reached before is not told again.
    pub(crate) fn to(&self, moved: u64) {
        let moved = moved.min(self.share.load(Ordering::Relaxed));
        let before = self.told.fetch_max(moved, Ordering::Relaxed);
        if moved > before {
            self.observer.event(Event::Advanced { bytes: moved - before });
        }
    }

    /// `bytes` that were in place before have to move too.
    pub(crate) fn expect_more(&self, bytes: u64) {
        self.share.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Bytes told so far.
    pub(crate) fn told(&self) -> u64 {
        self.told.load(Ordering::Relaxed)
    }
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

/// Runs blocking work on the blocking pool. A panic there is one here.
pub(crate) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    let ended = tokio::task::spawn_blocking(work).await;
    ended.unwrap_or_else(|error| match error.try_into_panic() {
        Ok(payload) => std::panic::resume_unwind(payload),
        Err(error) => panic!("blocking work is not aborted: {error}"),
    })
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
        condition: "timeout".into(),
        retry_can_help: true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default)]
    struct Sum(AtomicU64);

    impl Observer for Sum {
        fn event(&self, event: Event) {
            if let Event::Advanced { bytes } = event {
                self.0.fetch_add(bytes, Ordering::Relaxed);
            }
        }
    }

    #[test]
    fn the_sum_is_what_had_to_move() {
        fn check(share: u64, steps: &[u64], expected: u64) {
            let sum = Arc::new(Sum::default());
            let advance = Advance::new(&(Arc::clone(&sum) as Arc<dyn Observer>), share);
            for bytes in steps {
                advance.by(*bytes);
            }
            assert_eq!(sum.0.load(Ordering::Relaxed), expected, "{share} {steps:?}");
            assert_eq!(advance.told(), expected);
        }
        check(100, &[], 0);
        check(100, &[40, 60], 100);
        check(100, &[10, 0, 10], 20);
        // Begun again after 40: told up to the share, not 140.
        check(100, &[40, 40, 60], 100);
        check(0, &[5], 0);
        check(100, &[u64::MAX, 5], 100);
    }

    #[test]
    fn positions_that_were_reached_before_are_not_told_again() {
        let sum = Arc::new(Sum::default());
        let advance = Advance::new(&(Arc::clone(&sum) as Arc<dyn Observer>), 60);
        // 40 of 100 bytes are here; the source cannot go on in the middle and sends everything.
        advance.to(30);
        advance.expect_more(40);
        for position in [10, 30, 50, 100] {
            advance.to(position);
        }
        assert_eq!(sum.0.load(Ordering::Relaxed), 100);
    }
}
