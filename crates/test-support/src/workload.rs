//! Workloads with the shape of a release, larger than memory, made on disk.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use image_ref::Digest;
use serde_json::json;
use sha2::{Digest as _, Sha256};

use crate::registry::{BlobFile, Repositories, lock, save_repositories};
use crate::{Blob, Random, media_type};

/// An image of a workload.
#[derive(Debug, Clone)]
pub struct WorkloadImage {
    /// The repository, such as `release/component-007`.
    pub repository: String,
    /// The tag.
    pub tag: String,
    /// The digest of the manifest.
    pub digest: Digest,
    /// Configuration and layers, in the order of the manifest.
    pub blobs: Vec<Digest>,
}

/// What [`release_shaped`] made.
#[derive(Debug, Clone)]
pub struct Workload {
    /// The images.
    pub images: Vec<WorkloadImage>,
    /// The size of each blob in bytes.
    pub blobs: BTreeMap<Digest, u64>,
}

impl Workload {
    /// The bytes of all blobs.
    pub fn total_bytes(&self) -> u64 {
        self.blobs.values().sum()
    }

    /// Writes configuration (with `padding` bytes more than it needs) and manifest of an image whose layers, digest and
    /// size in bytes, are there.
    fn add(
        &mut self,
        folder: &Path,
        repositories: &mut Repositories,
        name: &str,
        padding: usize,
        layers: &[(&Digest, u64)],
    ) -> io::Result<()> {
        let diff_ids: Vec<&Digest> = layers.iter().map(|(digest, _)| *digest).collect();
        let config = json!({
            "architecture": "amd64",
            "os": "linux",
            "config": { "Labels": { "io.openshift.build.name": name, "padding": "x".repeat(padding) } },
            "rootfs": { "type": "layers", "diff_ids": diff_ids },
        });
        let config = Blob::new(config.to_string());
        fs::write(BlobFile::path(folder, &config.digest), &config.bytes)?;
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": media_type::DOCKER_MANIFEST,
            "config": { "mediaType": media_type::DOCKER_CONFIG, "size": config.bytes.len(), "digest": config.digest },
            "layers": layers.iter().map(|(digest, size)| json!({
                "mediaType": media_type::DOCKER_LAYER_GZIP,
                "size": size,
                "digest": digest,
            })).collect::<Vec<_>>(),
        });
        let repository = repositories.entry(name.to_owned()).or_default();
        let bytes = manifest.to_string().into_bytes();
        let digest = crate::sha256(&bytes);
        repository.insert(&digest, media_type::DOCKER_MANIFEST, bytes.into());
        repository.tags.insert("v1".to_owned(), digest.clone());
        let mut blobs = vec![config.digest.clone()];
        self.blobs.insert(config.digest, config.bytes.len() as u64);
        for (layer, size) in layers {
            self.blobs.insert((*layer).clone(), *size);
            blobs.push((*layer).clone());
        }
        repository.blobs.extend(blobs.iter().cloned());
        self.images.push(WorkloadImage { repository: name.to_owned(), tag: "v1".to_owned(), digest, blobs });
        Ok(())
    }
}

/// The four layers of a base stack, in bytes, in a release of 9.5 GiB.
const BASE_STACK: [f64; 4] = [80e6, 21e6, 1.8e6, 0.5e6];
/// The release to which [`BASE_STACK`] belongs, in bytes.
const RELEASE: f64 = 10.2e9;
/// How many base stacks the images share.
const STACKS: usize = 3;
/// Bytes written at once.
const BUFFER: usize = 1 << 20;

/// Makes `count` images of about `total_bytes` in all, below `folder`, ready for a registry with
/// [`Storage::Dir`](crate::Storage::Dir).
///
/// The shape is that of an `OpenShift` release: half of the blobs are configurations of 1 to 16 KB; three or four layers
/// of an image come from one of three base stacks; nearly every image has one layer of its own, with sizes of a
/// log-normal distribution (sigma 1), so that a few are ten times the median. Docker schema 2, as releases are.
///
/// # Errors
/// When the folder cannot be written.
pub fn release_shaped(folder: &Path, count: usize, total_bytes: u64, seed: u64) -> io::Result<Workload> {
    fs::create_dir_all(folder.join("blobs"))?;
    let mut random = Random::new(seed);
    let total = total_bytes as f64;
    let base = |layer: usize| to_size(BASE_STACK[layer] * total / RELEASE);
    let mut sizes: Vec<u64> = (0..STACKS).flat_map(|_| (0..4).map(base)).collect();
    let shared: u64 = sizes.iter().sum();
    // One in twelve images adds nothing to its base.
    let own: Vec<Option<f64>> =
        (0..count).map(|_| (random.below(12) > 0).then(|| random.normal().clamp(-3.0, 3.2).exp())).collect();
    let unit = total_bytes.saturating_sub(shared) as f64 / own.iter().flatten().sum::<f64>().max(1.0);
    let own: Vec<Option<usize>> = own
        .into_iter()
        .map(|weight| {
            weight.map(|weight| {
                sizes.push(to_size(weight * unit));
                sizes.len() - 1
            })
        })
        .collect();
    let digests = write_blobs(folder, &sizes, seed)?;

    let mut workload = Workload { images: Vec::new(), blobs: BTreeMap::new() };
    let mut repositories = Repositories::new();
    for (number, own) in own.into_iter().enumerate() {
        let stack = number % STACKS * 4;
        let depth = if random.below(2) == 0 { 3 } else { 4 };
        let layers: Vec<usize> = (stack..stack + depth).chain(own).collect();
        let padding = usize::try_from(1000 + random.below(15_000)).expect("small");
        let layers: Vec<(&Digest, u64)> = layers.iter().map(|&layer| (&digests[layer], sizes[layer])).collect();
        let name = format!("release/component-{number:03}");
        workload.add(folder, &mut repositories, &name, padding, &layers)?;
    }
    save_repositories(folder, &repositories)?;
    Ok(workload)
}

/// Makes one image with one layer of `bytes`, as [`release_shaped`] does: for what a single transfer costs.
///
/// # Errors
/// When the folder cannot be written.
pub fn single_layer(folder: &Path, bytes: u64, seed: u64) -> io::Result<Workload> {
    fs::create_dir_all(folder.join("blobs"))?;
    let digests = write_blobs(folder, &[bytes], seed)?;
    let mut workload = Workload { images: Vec::new(), blobs: BTreeMap::new() };
    let mut repositories = Repositories::new();
    workload.add(folder, &mut repositories, "single/layer", 0, &[(&digests[0], bytes)])?;
    save_repositories(folder, &repositories)?;
    Ok(workload)
}

/// Writes random blobs of these sizes on two threads; their digests, in the same order.
fn write_blobs(folder: &Path, sizes: &[u64], seed: u64) -> io::Result<Vec<Digest>> {
    let next = AtomicUsize::new(0);
    let digests: Mutex<BTreeMap<usize, Digest>> = Mutex::default();
    let work = || -> io::Result<()> {
        let mut buffer = vec![0; BUFFER];
        loop {
            let number = next.fetch_add(1, Ordering::SeqCst);
            let Some(&size) = sizes.get(number) else { return Ok(()) };
            let mut random = Random::new(seed ^ (number as u64 + 1).wrapping_mul(0x9e37_79b9));
            let scratch = folder.join(format!("blob-{number}"));
            let mut file = File::create(&scratch)?;
            let mut hasher = Sha256::new();
            let mut left = size;
            while left > 0 {
                let length = usize::try_from(left).unwrap_or(BUFFER).min(BUFFER);
                random.fill(&mut buffer[..length]);
                if left == size && length > 3 {
                    // The magic of gzip, so that no client thinks the layer wants compressing.
                    buffer[..3].copy_from_slice(&[0x1f, 0x8b, 8]);
                }
                hasher.update(&buffer[..length]);
                file.write_all(&buffer[..length])?;
                left -= length as u64;
            }
            let digest = Digest::from_sha256_bytes(&hasher.finalize().into());
            fs::rename(scratch, BlobFile::path(folder, &digest))?;
            lock(&digests).insert(number, digest);
        }
    };
    std::thread::scope(|scope| {
        let other = scope.spawn(work);
        let mine = work();
        mine.and(other.join().unwrap_or_else(|_| Err(io::Error::other("a writer thread panicked"))))
    })?;
    Ok(digests.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner).into_values().collect())
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "sizes are positive and far below 2^53")]
fn to_size(bytes: f64) -> u64 {
    bytes.max(200.0) as u64
}
