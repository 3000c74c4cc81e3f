//! How many bytes may travel in a second, over all transfers of a run: a token bucket that lends.
//!
//! Who has received or is about to send a piece takes its bytes from the bucket, in the order of coming, and waits until the
//! bucket has been filled again. A pause here is no stall: nobody counts it as time without movement.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// After a pause, the bytes of this time may go at once.
const BURST: Duration = Duration::from_millis(250);

/// Where the time comes from.
pub trait Clock: Send + Sync {
    /// The time since some fixed moment.
    fn now(&self) -> Duration;

    /// Ends at this moment, counted as [`Clock::now`] does.
    fn sleep_until(&self, moment: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>>;
}

/// The clock of the machine.
struct Machine(Instant);

impl Clock for Machine {
    fn now(&self) -> Duration {
        self.0.elapsed()
    }

    fn sleep_until(&self, moment: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        Box::pin(tokio::time::sleep(moment.saturating_sub(self.now())))
    }
}

/// A bound on what all clients that share it receive and send together. Clones share one bucket.
#[derive(Clone)]
pub struct Bandwidth {
    bytes_per_second: u64,
    /// When the bucket will have been filled up for everything that was taken from it.
    filled: Arc<Mutex<Duration>>,
    clock: Arc<dyn Clock>,
}

impl fmt::Debug for Bandwidth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bandwidth").field("bytes_per_second", &self.bytes_per_second).finish_non_exhaustive()
    }
}

impl Bandwidth {
    /// At most so many bytes in a second. Zero counts as one.
    pub fn new(bytes_per_second: u64) -> Self {
        Self::with_clock(bytes_per_second, Arc::new(Machine(Instant::now())))
    }

    /// Like [`Bandwidth::new`], with a clock of the caller's choice.
    pub fn with_clock(bytes_per_second: u64, clock: Arc<dyn Clock>) -> Self {
        Self { bytes_per_second: bytes_per_second.max(1), filled: Arc::default(), clock }
    }

    /// Takes so many bytes out of the bucket, and waits until they are paid for.
    pub async fn take(&self, bytes: u64) {
        let now = self.clock.now();
        let pause = self.book(now, bytes);
        if !pause.is_zero() {
            self.clock.sleep_until(now + pause).await;
        }
    }

    /// Books so many bytes at `now`; how long to wait for them.
    fn book(&self, now: Duration, bytes: u64) -> Duration {
        let mut filled = self.filled.lock().unwrap_or_else(PoisonError::into_inner);
        *filled = (*filled).max(now) + Duration::from_secs_f64(bytes as f64 / self.bytes_per_second as f64);
        filled.saturating_sub(now + BURST)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Time that passes only while somebody sleeps.
    #[derive(Default)]
    struct Fake(Mutex<Duration>);

    impl Clock for Fake {
        fn now(&self) -> Duration {
            *self.0.lock().unwrap()
        }

        fn sleep_until(&self, moment: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>> {
            let mut now = self.0.lock().unwrap();
            *now = (*now).max(moment);
            Box::pin(std::future::ready(()))
        }
    }

    #[tokio::test]
    async fn as_many_bytes_as_seconds_allow() {
        for (rate, piece, pieces, seconds) in [
            (1000_u64, 100_u64, 100_u32, 10.0_f64),
            (1_000_000, 1000, 5000, 5.0),
            (100, 1000, 3, 30.0),
            (0, 1, 10, 10.0),
        ] {
            let clock = Arc::new(Fake::default());
            let bandwidth = Bandwidth::with_clock(rate, Arc::clone(&clock) as Arc<dyn Clock>);
            for _ in 0..pieces {
                bandwidth.clone().take(piece).await;
            }
            let took = clock.now().as_secs_f64();
            assert!((took - (seconds - 0.25)).abs() < 0.01, "{rate} {piece} {pieces}: {took}");
        }
    }

    #[test]
    fn nobody_saves_up_while_nothing_moves() {
        let bandwidth = Bandwidth::with_clock(100, Arc::new(Fake::default()));
        assert_eq!(bandwidth.book(Duration::from_secs(3600), 25), Duration::ZERO, "a quarter of a second at once");
        assert_eq!(bandwidth.book(Duration::from_secs(3600), 100), Duration::from_secs(1));
        assert_eq!(bandwidth.book(Duration::from_secs(3601), 0), Duration::ZERO);
    }
}
