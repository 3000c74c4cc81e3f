//! Which of n workers sends which blob: the same on every worker, so nobody has to ask anybody.
//!
//! Images are divided, and each blob that images of several workers share has one owner among those workers. So every blob
//! is sent once, whatever the number of workers. Images that need other images, images that this program built, and images
//! without a place at the destination are left to the finisher, the run that comes last.

// Every index is a place in a list that is made here, never a number of a document.
#![allow(clippy::indexing_slicing)]

use std::collections::{BTreeMap, BTreeSet, HashMap};

use image_ref::Digest;

use crate::model::{Document, Image};

/// The parts of a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Partition {
    /// One part for each worker.
    pub shards: Vec<Shard>,
    /// The images of the finisher, by place in the plan.
    pub finisher: Vec<usize>,
}

/// The part of one worker.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Shard {
    /// Its images, by place in the plan.
    pub images: Vec<usize>,
    /// The blobs that this worker sends.
    pub owned: BTreeSet<Digest>,
    /// The blobs of its images that another worker sends.
    pub borrowed: BTreeSet<Digest>,
    /// The bytes of the blobs that this worker sends.
    pub bytes: u64,
}

impl Shard {
    /// How much it has to do, for comparing: bytes, and images where no bytes decide.
    fn load(&self) -> (u64, usize) {
        (self.bytes, self.images.len())
    }
}

impl Partition {
    /// Divides a plan among `workers`, at least one.
    ///
    /// Images go to the worker with the least to do, those with the most bytes of their own first. Each shared blob goes to
    /// the worker with the least to do among those whose images have the blob, large blobs first. Small images come last
    /// and even out the rest. Ties are decided by digests and numbers, so the result depends on the plan alone.
    pub fn of(document: &Document, workers: usize) -> Self {
        let mut shards = vec![Shard::default(); workers.max(1)];
        let (leaves, finisher): (Vec<usize>, Vec<usize>) =
            (0..document.images.len()).partition(|at| is_leaf(&document.images[*at]));
        let blobs: Vec<BTreeSet<&Digest>> =
            leaves.iter().map(|at| document.images[*at].all_blobs().collect()).collect();
        let mut users: HashMap<&Digest, Vec<usize>> = HashMap::new();
        for (leaf, blobs) in blobs.iter().enumerate() {
            for blob in blobs {
                users.entry(blob).or_default().push(leaf);
            }
        }
        let sum = |blobs: &mut dyn Iterator<Item = &Digest>| {
            blobs.fold(0_u64, |sum, blob| sum.saturating_add(document.size_of(blob)))
        };
        let own = |leaf: usize| sum(&mut blobs[leaf].iter().copied().filter(|blob| users[*blob].len() == 1));
        let mut order: Vec<(u64, usize)> = (0..leaves.len()).map(|leaf| (own(leaf), leaf)).collect();
        order.sort_by(|one, other| other.0.cmp(&one.0).then(one.1.cmp(&other.1)));
        let mut shared: Vec<(u64, &Digest)> = users
            .iter()
            .filter(|(_, leaves)| leaves.len() > 1)
            .map(|(blob, _)| (document.size_of(blob), *blob))
            .collect();
        shared.sort_by(|one, other| other.0.cmp(&one.0).then(one.1.cmp(other.1)));
        // Small images come after the shared blobs, so that they even out what those have made unequal.
        let mut evening = shared.iter().fold(0_u64, |sum, (bytes, _)| sum.saturating_add(*bytes));
        let small = order.iter().rev().take_while(|(bytes, _)| {
            let fits = *bytes <= evening;
            evening = evening.saturating_sub(*bytes);
            fits
        });
        let (large, small) = order.split_at(order.len() - small.count());
        let mut shard_of: Vec<Option<usize>> = vec![None; leaves.len()];
        let give_images = |part: &[(u64, usize)], shards: &mut Vec<Shard>, shard_of: &mut Vec<Option<usize>>| {
            for (bytes, leaf) in part {
                let to = least(shards, 0..shards.len()).unwrap_or_default();
                shard_of[*leaf] = Some(to);
                shards[to].images.push(leaves[*leaf]);
                shards[to].bytes = shards[to].bytes.saturating_add(*bytes);
                let own = blobs[*leaf].iter().filter(|blob| users[**blob].len() == 1);
                shards[to].owned.extend(own.map(|blob| (*blob).clone()));
            }
        };
        let mut owners: HashMap<&Digest, usize> = HashMap::new();
        let mut give_shared = |shards: &mut Vec<Shard>, shard_of: &[Option<usize>]| {
            for (bytes, blob) in &shared {
                let needing: BTreeSet<usize> = users[*blob].iter().filter_map(|leaf| shard_of[*leaf]).collect();
                if let (None, Some(owner)) = (owners.get(blob), least(shards, needing.into_iter())) {
                    shards[owner].bytes = shards[owner].bytes.saturating_add(*bytes);
                    shards[owner].owned.insert((*blob).clone());
                    owners.insert(blob, owner);
                }
            }
        };
        give_images(large, &mut shards, &mut shard_of);
        give_shared(&mut shards, &shard_of);
        give_images(small, &mut shards, &mut shard_of);
        give_shared(&mut shards, &shard_of);
        for (blob, owner) in &owners {
            let needing = users[*blob].iter().filter_map(|leaf| shard_of[*leaf]);
            for shard in needing.filter(|shard| shard != owner) {
                shards[shard].borrowed.insert((*blob).clone());
            }
        }
        for shard in &mut shards {
            shard.images.sort_unstable();
        }
        Self { shards, finisher }
    }

    /// The worker that sends each blob.
    pub fn owners(&self) -> BTreeMap<&Digest, usize> {
        let numbered = self.shards.iter().enumerate();
        numbered.flat_map(|(number, shard)| shard.owned.iter().map(move |blob| (blob, number))).collect()
    }

    /// By how much the worker with the most bytes has more than the mean, as a part of the mean.
    pub fn imbalance(&self) -> f64 {
        let most = self.shards.iter().map(|shard| shard.bytes).max().unwrap_or_default() as f64;
        let sum: f64 = self.shards.iter().map(|shard| shard.bytes as f64).sum();
        if sum == 0.0 { 0.0 } else { most * self.shards.len() as f64 / sum - 1.0 }
    }
}

/// Whether a worker may push the image: nothing has to be there before it, and a registry has all of it.
fn is_leaf(image: &Image) -> bool {
    image.needs.is_empty() && !image.built && image.destination.is_some() && image.catalog.is_none()
}

/// The shard with the least to do, the first of them.
fn least(shards: &[Shard], among: impl Iterator<Item = usize>) -> Option<usize> {
    among.min_by_key(|number| (shards[*number].load(), *number))
}

#[cfg(test)]
pub(crate) mod tests {
    use mirror_plan::{ImageKind, Mode, Why};
    use proptest::prelude::*;

    use super::*;
    use crate::model::Manifest;

    fn digest(number: u64) -> Digest {
        Digest::sha256(&format!("{number:064x}")).unwrap()
    }

    /// A plan of images with these blobs and needs (places of earlier images); `size` says the bytes of a blob.
    pub(crate) fn plan(images: &[(&[u64], &[usize])], size: impl Fn(u64) -> u64) -> Document {
        let mut document = Document::new(Mode::MirrorToMirror, "docker://reg.lan:5000/m");
        for (at, (blobs, needs)) in images.iter().enumerate() {
            let root = digest(1_000_000 + at as u64);
            let source = format!("quay.io/ns/app{at}:v1").parse().unwrap();
            document.images.push(Image {
                name: format!("ns/app{at}:v1"),
                kind: if needs.is_empty() { ImageKind::Additional } else { ImageKind::OperatorBundle },
                origin: format!("docker://quay.io/ns/app{at}:v1"),
                named: source,
                source: format!("quay.io/ns/app{at}:v1").parse().unwrap(),
                destination: Some(format!("reg.lan:5000/m/ns/app{at}:v1").parse().unwrap()),
                digest: Some(root.clone()),
                platforms: Vec::new(),
                built: false,
                needs: needs.iter().map(|need| format!("ns/app{need}:v1")).collect(),
                operators: Vec::new(),
                bundles: Vec::new(),
                release: None,
                entry: None,
                catalog: None,
                twins: Vec::new(),
                tag_may_give_way: false,
                why: Why::default(),
                manifests: vec![Manifest { digest: root, size: 500, media_type: "application/x".to_owned() }],
                blobs: blobs.iter().map(|blob| digest(*blob)).collect(),
                attached: Some(Vec::new()),
                error: None,
            });
            document.blobs.extend(blobs.iter().map(|blob| (digest(*blob), size(*blob))));
        }
        document
    }

    /// Numbers that look random and are the same everywhere.
    fn next(state: &mut u64) -> u64 {
        *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        *state >> 33
    }

    /// The shape of releases and operators: every image on one of a few stacks of base layers, with layers of its own, and
    /// one gated image for ten.
    pub(crate) fn world(seed: u64, images: usize) -> Document {
        let mut state = seed;
        let mut all: Vec<(Vec<u64>, Vec<usize>)> = Vec::new();
        for at in 0..images {
            if at % 10 == 9 {
                all.push((vec![900_000 + at as u64], (at - 9..at).collect()));
                continue;
            }
            let stack = next(&mut state) % 8;
            let base = (0..=stack % 5).map(|layer| stack * 10 + layer);
            let own = (0..=next(&mut state) % 3).map(|layer| 1000 + at as u64 * 10 + layer);
            all.push((base.chain(own).collect(), Vec::new()));
        }
        let borrowed: Vec<(&[u64], &[usize])> = all.iter().map(|(blobs, needs)| (&blobs[..], &needs[..])).collect();
        // From a few KB to half a GB, many small and few large ones.
        let size = |blob: u64| {
            let mut state = blob.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(seed);
            let magnitude = next(&mut state) % 17;
            (1 << (12 + magnitude)) + next(&mut state) % (1 << (12 + magnitude))
        };
        plan(&borrowed, size)
    }

    /// Every image is in one part, every blob of a leaf has one owner, and whoever has an image has or borrows its blobs.
    fn covers(document: &Document, partition: &Partition) {
        let parts = partition.shards.iter().flat_map(|shard| &shard.images).chain(&partition.finisher);
        let mut images: Vec<usize> = parts.copied().collect();
        images.sort_unstable();
        assert_eq!(images, (0..document.images.len()).collect::<Vec<_>>());
        let owned: usize = partition.shards.iter().map(|shard| shard.owned.len()).sum();
        assert_eq!(partition.owners().len(), owned, "a blob has two owners");
        for shard in &partition.shards {
            let blobs: BTreeSet<Digest> =
                shard.images.iter().flat_map(|at| document.images[*at].all_blobs().cloned()).collect();
            let mine: BTreeSet<Digest> = shard.owned.union(&shard.borrowed).cloned().collect();
            assert_eq!(mine, blobs);
            assert!(shard.owned.is_disjoint(&shard.borrowed));
            let bytes = shard.owned.iter().fold(0_u64, |sum, blob| sum.saturating_add(document.size_of(blob)));
            assert_eq!(bytes, shard.bytes);
        }
        let owners = partition.owners();
        for (number, blob) in
            partition.shards.iter().enumerate().flat_map(|(n, shard)| shard.borrowed.iter().map(move |b| (n, b)))
        {
            assert_ne!(owners[blob], number);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

        #[test]
        fn the_parts_are_the_whole(
            images in prop::collection::vec((prop::collection::vec(0_u64..40, 0..6), prop::collection::vec(0_usize..30, 0..2)), 0..30),
            workers in 0_usize..9,
            factor in 0_u64..u64::MAX,
        ) {
            let images: Vec<(Vec<u64>, Vec<usize>)> = images
                .into_iter()
                .enumerate()
                .map(|(at, (blobs, needs))| (blobs, needs.into_iter().filter(|need| *need < at).collect()))
                .collect();
            let borrowed: Vec<(&[u64], &[usize])> = images.iter().map(|(blobs, needs)| (&blobs[..], &needs[..])).collect();
            let (document, text) = plan(&borrowed, |blob| blob.wrapping_mul(factor)).seal();
            let partition = Partition::of(&document, workers);
            prop_assert_eq!(partition.shards.len(), workers.max(1));
            covers(&document, &partition);
            // Another worker reads the text and comes to the same.
            let elsewhere = Partition::of(&Document::read(text.as_bytes()).unwrap(), workers);
            prop_assert_eq!(partition, elsewhere);
        }
    }

    #[test]
    fn images_without_bytes_of_their_own_are_divided_too() {
        let images: Vec<(&[u64], &[usize])> = vec![(&[1, 2], &[]); 8];
        let partition = Partition::of(&plan(&images, |_| 10), 4);
        assert_eq!(partition.shards.iter().map(|shard| shard.images.len()).collect::<Vec<_>>(), [2, 2, 2, 2]);
        assert_eq!(partition.owners().len(), 2);
    }

    #[test]
    fn what_has_to_wait_is_the_finisher_s() {
        let mut document = plan(&[(&[1], &[]), (&[2], &[0]), (&[3], &[]), (&[4], &[])], |blob| blob);
        document.images[2].built = true;
        document.images[3].destination = None;
        let partition = Partition::of(&document, 2);
        assert_eq!(partition.finisher, [1, 2, 3]);
        covers(&document, &partition);
    }

    /// No blob is sent twice, and nobody has much more to send than the others, unless one blob alone is that large.
    #[test]
    fn workers_have_the_same_to_do() {
        let rows =
            [(190, 4, 0.03), (190, 8, 0.1), (190, 16, 0.2), (3000, 8, 0.005), (3000, 32, 0.03), (9000, 32, 0.01)];
        for (images, workers, bound) in rows {
            let document = world(5, images);
            let partition = Partition::of(&document, workers);
            covers(&document, &partition);
            let sum: u64 = partition.shards.iter().map(|shard| shard.bytes).sum();
            let largest = partition.owners().keys().map(|blob| document.size_of(blob)).max().unwrap();
            let forced = (largest as f64 * workers as f64 / sum as f64 - 1.0).max(0.0);
            let imbalance = partition.imbalance();
            assert!(imbalance <= forced + bound, "{images} images, {workers} workers: {imbalance:.4}, {forced:.4}");
        }
    }
}
