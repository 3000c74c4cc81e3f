//! What a workflow has to know how to do, so that the engine can copy with it.

use std::future::Future;
use std::sync::Arc;

use image_ref::Digest;
use mirror_plan::PlannedImage;
use oci_manifest::{Descriptor, ImageTree};

use crate::queue::Turn;
use mirror_job::failure::CopyError;

/// An image whose parts are known.
#[derive(Debug, Clone)]
pub struct Resolved {
    /// Its parts.
    pub tree: Arc<ImageTree>,
    /// Whether the target has it already, complete and under its name.
    pub complete: bool,
}

/// One transfer: a blob into one repository of the target.
#[derive(Debug, Clone)]
pub struct BlobJob {
    /// The blob.
    pub blob: Descriptor,
    /// The repository of the target; in the cache all repositories share their blobs and this is empty.
    pub repository: String,
    /// A repository of the same target that is known to have the blob.
    pub mount_from: Option<String>,
    /// The images that can provide it, by index into the plan.
    pub images: Vec<usize>,
}

/// What a transfer cost.
#[derive(Debug, Clone, Copy, Default)]
pub struct Transferred {
    /// Bytes that travelled.
    pub moved: u64,
}

/// How one workflow moves things. Cloned into tasks behind an [`Arc`].
pub trait Transfer: Send + Sync + 'static {
    /// Reads the image's manifests.
    fn resolve(&self, at: usize, image: &PlannedImage) -> impl Future<Output = Result<Resolved, CopyError>> + Send;

    /// The repository whose blobs this image needs; empty when the target keeps all blobs in one place.
    fn blob_repository(&self, image: &PlannedImage) -> String;

    /// Whether the target has the blob already, without a request. Asked before a transfer is queued.
    fn has_blob(&self, blob: &Descriptor) -> bool;

    /// Brings one blob into one repository.
    fn transfer(&self, job: &BlobJob) -> impl Future<Output = Result<Transferred, CopyError>> + Send;

    /// Makes the image visible: children, manifest, tag. Every blob is there.
    fn finish(&self, image: &PlannedImage, tree: &ImageTree) -> impl Future<Output = Result<(), CopyError>> + Send;

    /// Told once every image has been resolved or has failed, with the trees in plan order.
    /// An error stops the run before anything that has not started.
    ///
    /// # Errors
    /// Why the run is not to go on.
    fn all_resolved(&self, _trees: &[Option<Arc<ImageTree>>]) -> Result<(), CopyError> {
        Ok(())
    }

    /// Whether [`Transfer::all_resolved`] tells of this failure of an image, together with others of the same cause. Such an
    /// image is not told of by itself.
    fn told_together(&self, _error: &CopyError) -> bool {
        false
    }

    /// Whether no transfer may start before [`Transfer::all_resolved`]: it may refuse for what only the last image shows.
    fn resolves_first(&self) -> bool {
        false
    }

    /// When the blob travels, compared with the others.
    fn turn(&self, _: &Descriptor) -> Turn {
        Turn::Usual
    }

    /// Told when a blob is in the target, right after its transfer or when it was there before.
    fn blob_ready(&self, _digest: &Digest) {}

    /// Told when a transfer of a blob failed for good. Another image may bring the blob all the same.
    fn blob_lost(&self, _digest: &Digest) {}

    /// Whether one failed image makes all further transfers worthless. Every image is resolved all the same, so that
    /// one run tells all that cannot be had.
    fn failure_ends_run(&self) -> bool {
        false
    }

    /// Told when nothing more is started. What is under way may end at once: it does not count any more.
    fn stopped(&self) {}

    /// How an image's target is called in logs: `cache`, `reg.lan:5000/m/`.
    fn target_name(&self, image: &PlannedImage) -> String;
}
