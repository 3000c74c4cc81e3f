//! Counting: how much is done, how fast it goes, how long it may still take. Time is handed in, so that tests need no
//! clock.

use std::cmp::Reverse;
use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use image_ref::Digest;
use mirror_engine::Totals;

/// How many transfers are told by name.
const NAMED: usize = 3;

/// Rates are measured over this much of the recent past.
const WINDOW: Duration = Duration::from_secs(15);

/// Counts of a running copy phase. Sizes are bytes.
#[derive(Debug, Default)]
pub(super) struct Meter {
    /// What there is to do, as far as known.
    pub(super) totals: Totals,
    /// Images that ended, whatever the outcome.
    pub(super) images_done: usize,
    /// Images that failed.
    pub(super) images_failed: usize,
    /// Bytes that travelled.
    pub(super) bytes: u64,
    samples: VecDeque<(Duration, u64)>,
    transfers: HashMap<Digest, Transfer>,
}

/// A blob under way. Sizes are bytes.
#[derive(Debug, Clone)]
pub(super) struct Transfer {
    /// What has moved.
    pub(super) bytes: u64,
    /// The whole blob.
    pub(super) size: u64,
    /// An image that it belongs to.
    pub(super) origin: String,
}

impl Meter {
    /// Counts of so much work, of which nothing is done.
    #[cfg(test)]
    pub(super) fn of(totals: Totals) -> Self {
        Self { totals, ..Self::default() }
    }

    /// Notes where things stand at `now`, time since the start.
    pub(super) fn sample(&mut self, now: Duration) {
        self.samples.push_back((now, self.bytes));
        while self.samples.len() > 2 && now.saturating_sub(self.samples[0].0) > WINDOW {
            self.samples.pop_front();
        }
    }

    /// A blob begins to travel.
    pub(super) fn started(&mut self, blob: Digest, size: u64, origin: String) {
        self.transfers.insert(blob, Transfer { bytes: 0, size, origin });
    }

    /// A blob has moved by so many bytes.
    pub(super) fn advanced(&mut self, blob: &Digest, bytes: u64) {
        self.bytes += bytes;
        if let Some(transfer) = self.transfers.get_mut(blob) {
            transfer.bytes += bytes;
        }
    }

    /// A blob is no longer under way.
    pub(super) fn ended(&mut self, blob: &Digest) {
        self.transfers.remove(blob);
    }

    /// The largest blobs of which something has moved.
    pub(super) fn largest(&self) -> Vec<Transfer> {
        let mut moving: Vec<_> = self.transfers.iter().filter(|(_, transfer)| transfer.bytes > 0).collect();
        // The digest keeps blobs of one size in their order from one drawing to the next.
        moving.sort_by_key(|(blob, transfer)| (Reverse(transfer.size), (*blob).clone()));
        moving.into_iter().take(NAMED).map(|(_, transfer)| transfer.clone()).collect()
    }

    /// Bytes per second over the recent past; none before there are two samples.
    pub(super) fn rate(&self) -> Option<f64> {
        let (start, first) = self.samples.front()?;
        let (end, last) = self.samples.back()?;
        let seconds = end.saturating_sub(*start).as_secs_f64();
        (seconds > 0.0).then(|| last.saturating_sub(*first) as f64 / seconds)
    }

    /// Time left at the present rate; none while the amount of work or the rate is unknown.
    pub(super) fn time_left(&self) -> Option<Duration> {
        let rate = self.rate().filter(|rate| *rate > 1.0)?;
        let left = self.totals.bytes.saturating_sub(self.bytes);
        self.totals.complete.then(|| Duration::from_secs_f64((left as f64 / rate).min(1e9)))
    }

    /// Whether nothing is left to travel: what remains is writing manifests or the archive.
    pub(super) fn transfers_done(&self) -> bool {
        self.totals.complete && self.bytes >= self.totals.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meter(bytes: u64, complete: bool) -> Meter {
        Meter::of(Totals { bytes, complete, ..Totals::default() })
    }

    #[test]
    fn rate_and_time_left() {
        let mut meter = meter(1000, true);
        meter.sample(Duration::ZERO);
        assert_eq!(meter.rate(), None);
        meter.bytes = 200;
        meter.sample(Duration::from_secs(2));
        assert_eq!(meter.rate(), Some(100.0));
        assert_eq!(meter.time_left(), Some(Duration::from_secs(8)));
        assert!(!meter.transfers_done());
    }

    #[test]
    fn old_samples_fade() {
        let mut meter = meter(10_000, true);
        meter.sample(Duration::ZERO);
        meter.bytes = 8000;
        meter.sample(Duration::from_secs(1));
        meter.sample(Duration::from_secs(40));
        meter.bytes = 8010;
        meter.sample(Duration::from_secs(50));
        assert_eq!(meter.rate(), Some(1.0));
    }

    #[test]
    fn nothing_is_promised_before_the_work_is_known() {
        let mut meter = meter(1000, false);
        meter.sample(Duration::ZERO);
        meter.bytes = 500;
        meter.sample(Duration::from_secs(1));
        assert_eq!(meter.time_left(), None);
        assert!(!meter.transfers_done());
    }
}
