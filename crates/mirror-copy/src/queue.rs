//! The order in which blobs travel: small ones first, then large ones descending, so that no long tail is left.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use image_ref::Digest;

/// Blobs up to this size count as small and go before the large ones: configs, mostly, which complete many images.
const SMALL: u64 = 256 * 1024;

/// When a blob travels, compared with the other blobs of its run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Turn {
    /// Before all others: other machines wait for the blob.
    First,
    /// In the usual order.
    #[default]
    Usual,
    /// After all others: another machine may bring the blob meanwhile.
    Last,
}

/// Smaller goes first. The digest makes the order total.
type Rank = (bool, Reverse<u64>, Digest);

fn rank(digest: &Digest, size: u64) -> Rank {
    (size > SMALL, Reverse(size), digest.clone())
}

/// Blobs that are to travel.
#[derive(Debug, Default)]
pub(super) struct TransferQueue(BinaryHeap<Reverse<(Turn, Rank)>>);

impl TransferQueue {
    /// Adds a blob of `size` bytes.
    pub(super) fn push(&mut self, digest: &Digest, size: u64, turn: Turn) {
        self.0.push(Reverse((turn, rank(digest, size))));
    }

    /// Takes the blob that goes next.
    pub(super) fn pop(&mut self) -> Option<Digest> {
        self.0.pop().map(|Reverse((_, (_, _, digest)))| digest)
    }
}

/// Brings blobs, given with sizes in bytes, in the order in which the engine fetches them.
pub fn queue_order(blobs: &mut [(Digest, u64)]) {
    blobs.sort_by_cached_key(|(digest, size)| rank(digest, *size));
}
