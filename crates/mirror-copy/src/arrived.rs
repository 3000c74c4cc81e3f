//! How much of each image is in place, for a display that moves although images end late: large blobs travel first, so most
//! images end near the end.

/// What a whole image counts.
pub(super) const WHOLE: u64 = 1000;

/// Shares of images, by their place in the plan.
#[derive(Debug)]
pub(super) struct Arrived {
    images: Vec<Share>,
    /// Sum of all shares.
    sum: u64,
}

#[derive(Debug, Clone, Copy, Default)]
struct Share {
    /// Bytes in place.
    bytes: u64,
    /// Bytes of the whole image; 0 until that is known.
    size: u64,
    /// Thousandths that were counted.
    counted: u64,
}

impl Arrived {
    /// Of so many images nothing is in place.
    pub(super) fn new(images: usize) -> Self {
        Self { images: vec![Share::default(); images], sum: 0 }
    }

    /// Image `at` has so many bytes.
    pub(super) fn expect(&mut self, at: usize, size: u64) {
        if let Some(share) = self.images.get_mut(at) {
            share.size = size;
        }
    }

    /// So many bytes more of image `at` are in place. Until the image has ended, something of it is missing.
    pub(super) fn add(&mut self, at: usize, bytes: u64) {
        let Some(share) = self.images.get_mut(at) else { return };
        share.bytes = share.bytes.saturating_add(bytes);
        let part = u128::from(share.bytes) * u128::from(WHOLE) / u128::from(share.size.max(1));
        self.count(at, u64::try_from(part).unwrap_or(WHOLE).min(WHOLE - 1));
    }

    /// Image `at` has ended, however it did.
    pub(super) fn end(&mut self, at: usize) {
        self.count(at, WHOLE);
    }

    /// The sum over all images, in thousandths of an image.
    pub(super) fn thousandths(&self) -> u64 {
        self.sum
    }

    /// A share grows and never shrinks.
    fn count(&mut self, at: usize, thousandths: u64) {
        let Some(share) = self.images.get_mut(at) else { return };
        let more = thousandths.saturating_sub(share.counted);
        share.counted += more;
        self.sum += more;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_of_images() {
        let mut arrived = Arrived::new(3);
        arrived.expect(0, 100);
        arrived.expect(1, 10);
        let mut found = Vec::new();
        for (at, bytes) in [(0, 50), (1, 5), (0, 50), (1, 100), (2, 0)] {
            arrived.add(at, bytes);
            found.push(arrived.thousandths());
        }
        assert_eq!(found, [500, 1000, 1499, 1998, 1998], "the last thousandth is that the image ends");
        for at in [0, 0, 1, 2] {
            arrived.end(at);
        }
        assert_eq!(arrived.thousandths(), 3 * WHOLE);
    }
}
