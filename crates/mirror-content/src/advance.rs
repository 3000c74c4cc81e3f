//! How far transfers are, as events.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use image_ref::Digest;
use mirror_job::event::{Event, Observer};

/// Turns the bytes of one blob into [`Event::Advanced`], so that the sum of a finished blob is what had to move.
///
/// The transport tells what moved, and tells bytes twice when a transfer starts again; a display that counted them
/// twice would be done before the work is. So no more than the blob's share is told.
pub struct Advance {
    observer: Arc<dyn Observer>,
    blob: Digest,
    /// Bytes that have to move.
    share: AtomicU64,
    told: AtomicU64,
}

impl Advance {
    /// Of a blob of which `share` bytes have to move.
    pub fn new(observer: &Arc<dyn Observer>, blob: &Digest, share: u64) -> Self {
        Self { observer: Arc::clone(observer), blob: blob.clone(), share: share.into(), told: 0.into() }
    }

    /// `bytes` more have moved.
    pub fn by(&self, bytes: u64) {
        self.to(self.told.load(Ordering::Relaxed).saturating_add(bytes));
    }

    /// `moved` bytes have moved in all. One that was reached before is not told again.
    pub fn to(&self, moved: u64) {
        let moved = moved.min(self.share.load(Ordering::Relaxed));
        let before = self.told.fetch_max(moved, Ordering::Relaxed);
        if moved > before {
            self.observer.event(Event::Advanced { blob: self.blob.clone(), bytes: moved - before });
        }
    }

    /// `bytes` that were in place before have to move too.
    pub fn expect_more(&self, bytes: u64) {
        self.share.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Bytes told so far.
    pub fn told(&self) -> u64 {
        self.told.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default)]
    struct Sum(AtomicU64);

    impl Observer for Sum {
        fn event(&self, event: Event) {
            if let Event::Advanced { bytes, .. } = event {
                self.0.fetch_add(bytes, Ordering::Relaxed);
            }
        }
    }

    fn blob() -> Digest {
        Digest::sha256(&"0".repeat(64)).unwrap()
    }

    #[test]
    fn the_sum_is_what_had_to_move() {
        fn check(share: u64, steps: &[u64], expected: u64) {
            let sum = Arc::new(Sum::default());
            let advance = Advance::new(&(Arc::clone(&sum) as Arc<dyn Observer>), &blob(), share);
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
        let advance = Advance::new(&(Arc::clone(&sum) as Arc<dyn Observer>), &blob(), 60);
        // 40 of 100 bytes are here; the source cannot go on in the middle and sends everything.
        advance.to(30);
        advance.expect_more(40);
        for position in [10, 30, 50, 100] {
            advance.to(position);
        }
        assert_eq!(sum.0.load(Ordering::Relaxed), 100);
    }
}
