//! One of several machines that fill a registry: what another one sends is waited for, and sent at last all the same.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use image_ref::{Digest, Repository};
use mirror_plan::PlannedImage;
use oci_manifest::{Descriptor, ImageTree};
use oci_transport::Client;

use crate::{BlobJob, Resolved, Transfer, Transferred, Turn};
use mirror_job::failure::CopyError;

/// The first pause between two looks, and the longest.
const PAUSES: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(5));

/// A way of moving images of which other machines send some blobs.
pub struct Borrowing<C> {
    /// How this machine moves what it sends.
    pub inner: C,
    /// The destination.
    pub client: Client,
    /// `host[:port]` of the destination.
    pub registry: String,
    /// The blobs that other machines send, and the repositories that they send each blob to.
    pub borrowed: HashMap<Digest, Vec<String>>,
    /// The blobs of this machine that others wait for.
    pub lent: HashSet<Digest>,
    /// How long all of them together are waited for.
    pub patience: Duration,
    /// When that is over; set by the first blob that is waited for.
    pub deadline: OnceLock<Instant>,
}

impl<C> Borrowing<C> {
    /// A repository that has the blob now, the job's own first.
    async fn find(&self, job: &BlobJob, places: &[String]) -> Option<String> {
        let own = std::iter::once(&job.repository);
        for path in own.chain(places.iter().filter(|path| **path != job.repository)) {
            let Ok(repository) = Repository::new(self.registry.clone(), path.as_str()) else { continue };
            // A registry that does not answer now is asked again.
            let found = self.client.head_blob(&self.client.endpoint(&repository), &job.blob.digest).await;
            if matches!(found, Ok(Some(_))) {
                return Some(path.clone());
            }
        }
        None
    }
}

impl<C: Transfer> Transfer for Borrowing<C> {
    async fn resolve(&self, at: usize, image: &PlannedImage) -> Result<Resolved, CopyError> {
        self.inner.resolve(at, image).await
    }

    fn blob_repository(&self, image: &PlannedImage) -> String {
        self.inner.blob_repository(image)
    }

    fn has_blob(&self, blob: &Descriptor) -> bool {
        self.inner.has_blob(blob)
    }

    /// What others wait for goes first. What others send comes last: then it is there, and nobody waits for anybody.
    fn turn(&self, blob: &Descriptor) -> Turn {
        if self.borrowed.contains_key(&blob.digest) {
            Turn::Last
        } else if self.lent.contains(&blob.digest) {
            Turn::First
        } else {
            Turn::Usual
        }
    }

    async fn transfer(&self, job: &BlobJob) -> Result<Transferred, CopyError> {
        // What this machine has brought to one repository goes on to the others without anybody else.
        let Some(places) = self.borrowed.get(&job.blob.digest).filter(|_| job.mount_from.is_none()) else {
            return self.inner.transfer(job).await;
        };
        let deadline = *self.deadline.get_or_init(|| Instant::now() + self.patience);
        let (mut pause, longest) = PAUSES;
        loop {
            if let Some(found) = self.find(job, places).await {
                if found == job.repository {
                    return Ok(Transferred { moved: 0 });
                }
                return self.inner.transfer(&BlobJob { mount_from: Some(found), ..job.clone() }).await;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                // Its sender is slow or gone.
                return self.inner.transfer(job).await;
            }
            tokio::time::sleep(pause.min(left)).await;
            pause = (pause * 2).min(longest);
        }
    }

    async fn finish(&self, image: &PlannedImage, tree: &ImageTree) -> Result<(), CopyError> {
        self.inner.finish(image, tree).await
    }

    fn all_resolved(&self, trees: &[Option<Arc<ImageTree>>]) -> Result<(), CopyError> {
        self.inner.all_resolved(trees)
    }

    /// Otherwise the first images would wait for blobs of others while this machine's own are not known yet.
    fn resolves_first(&self) -> bool {
        true
    }

    fn blob_ready(&self, digest: &Digest) {
        self.inner.blob_ready(digest);
    }

    fn blob_lost(&self, digest: &Digest) {
        self.inner.blob_lost(digest);
    }

    fn failure_ends_run(&self) -> bool {
        self.inner.failure_ends_run()
    }

    fn stopped(&self) {
        self.inner.stopped();
    }

    fn target_name(&self, image: &PlannedImage) -> String {
        self.inner.target_name(image)
    }
}
