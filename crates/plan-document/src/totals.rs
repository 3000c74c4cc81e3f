//! Figures of a plan: each blob counted once.

use std::collections::{HashMap, HashSet};

use image_ref::Digest;

use crate::model::{Document, Image, Totals};

impl Totals {
    /// The figures of a plan.
    pub fn of(document: &Document) -> Self {
        let mut manifests = HashMap::new();
        for manifest in document.images.iter().flat_map(Image::all_manifests) {
            manifests.insert(&manifest.digest, manifest.size);
        }
        let users = users(document);
        let shared = users.iter().filter(|(_, images)| **images > 1).map(|(digest, _)| document.size_of(digest));
        let (shared_blobs, shared_bytes) = shared.fold((0, 0), |(count, sum), size| (count + 1, add(sum, size)));
        Self {
            images: document.images.len(),
            manifests: manifests.len(),
            manifest_bytes: manifests.values().copied().fold(0, add),
            blobs: document.blobs.len(),
            bytes: document.blobs.values().copied().fold(0, add),
            shared_blobs,
            shared_bytes,
        }
    }
}

/// Sizes come from a document, so they may say anything.
fn add(sum: u64, size: u64) -> u64 {
    sum.saturating_add(size)
}

/// How many images have each blob.
fn users(document: &Document) -> HashMap<&Digest, usize> {
    let mut users: HashMap<&Digest, usize> = HashMap::new();
    for image in &document.images {
        let once: HashSet<&Digest> = image.all_blobs().collect();
        for blob in once {
            *users.entry(blob).or_default() += 1;
        }
    }
    users
}

impl Document {
    /// For each image, in the plan's order: its bytes, and those of them that no other image has.
    pub fn bytes_of_images(&self) -> Vec<(u64, u64)> {
        let users = users(self);
        let of_image = |image: &Image| {
            let once: HashSet<&Digest> = image.all_blobs().collect();
            once.into_iter().fold((0, 0), |(all, own), blob| {
                let size = self.size_of(blob);
                (add(all, size), if users.get(blob) == Some(&1) { add(own, size) } else { own })
            })
        };
        self.images.iter().map(of_image).collect()
    }
}

#[cfg(test)]
mod tests {
    use crate::shards::tests::plan;

    #[test]
    fn a_blob_counts_once() {
        // Blob 1 is shared by two images, and one of them names it twice.
        let (document, _) = plan(&[(&[1, 1, 2], &[]), (&[1, 3], &[]), (&[4], &[0])], |blob| blob * 100).seal();
        let totals = document.totals;
        assert_eq!((totals.images, totals.blobs, totals.bytes), (3, 4, 1000));
        assert_eq!((totals.shared_blobs, totals.shared_bytes), (1, 100));
        assert_eq!((totals.manifests, totals.manifest_bytes), (3, 1500));
        assert_eq!(document.bytes_of_images(), [(300, 200), (400, 300), (400, 400)]);
        let lacking: Vec<u64> =
            document.lacking(|digest| document.size_of(digest) < 300).map(|(_, size)| size).collect();
        assert_eq!(lacking.iter().sum::<u64>(), 700);
    }

    #[test]
    fn sizes_that_overflow_are_no_panic() {
        let (document, _) = plan(&[(&[1, 2], &[]), (&[1, 2], &[])], |_| u64::MAX).seal();
        assert_eq!(document.totals.bytes, u64::MAX);
        assert_eq!(document.bytes_of_images(), [(u64::MAX, 0), (u64::MAX, 0)]);
    }
}
