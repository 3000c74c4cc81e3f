//! The copy engine: one global blob plan for all images of a run.
//!
//! One coordinator owns all state; tasks do the transfers and hand their outcome back. That makes the rules easy to
//! see and free of locks:
//!
//! - every image is resolved (manifests read) first, several at a time;
//! - a blob that several images need travels once: the first transfer into a target that has it makes it *known*
//!   there, every other repository of the same target is served afterwards, by a mount where the target can;
//! - small blobs go first, large ones early, so that no long tail is left;
//! - an image is finished (manifests, then tag) when all its blobs are there and all images it needs are finished;
//! - a failed release image stops everything that has not started (`docs/behaviour/config-cli.md` 6.4).
//!
//! What "there" means is the [`Transfer`]'s matter: the cache, or a registry.
//!
//! ```
//! use mirror_copy::Limits;
//! use mirror_job::Options;
//!
//! let options = Options { parallel_images: 2, parallel_layers: 3, ..Options::default() };
//! assert_eq!(Limits::of(&options).blobs, 6);
//! ```

#![expect(missing_debug_implementations, reason = "most types hold clients and observers, which print nothing useful")]
// What is read here was written by others: a wrong number must be an error, not the end of the program.
#![cfg_attr(not(test), warn(clippy::indexing_slicing, clippy::string_slice))]

pub mod archive_builder;
mod arrived;
mod coordinator;
mod queue;
pub mod slots;
mod transfer;
pub mod transfers;

use std::sync::Arc;

use mirror_plan::PlannedImage;

use self::coordinator::Coordinator;
pub use self::coordinator::caught;
use mirror_job::event::Observer;
use mirror_job::failure::CopyError;
use mirror_job::job::Options;
use mirror_job::report::ImageReport;

pub use self::queue::{Turn, queue_order};
pub use self::transfer::{BlobJob, Resolved, Transfer, Transferred};

/// Upper bounds of concurrency.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Images resolved or finished at once.
    pub images: usize,
    /// Blob transfers at once.
    pub blobs: usize,
}

impl Limits {
    /// What the options of a run ask for.
    pub fn of(options: &Options) -> Self {
        let blobs = options.parallel_images.max(1) * options.parallel_layers.max(1);
        // Manifest requests are small; as many of them as blobs may run keeps the blob queue fed.
        Self { images: blobs, blobs }
    }
}

/// Result of the copy phase.
#[derive(Debug)]
pub struct Copied {
    /// One report per image, in plan order.
    pub images: Vec<ImageReport>,
    /// Bytes that travelled.
    pub bytes_moved: u64,
    /// Bytes that did not need to.
    pub bytes_saved: u64,
    /// Why nothing more was started once all images were known.
    pub refused: Option<CopyError>,
}

/// Copies all images of a plan.
pub async fn copy<C: Transfer>(
    images: &Arc<Vec<PlannedImage>>,
    transfer: &Arc<C>,
    limits: Limits,
    observer: &Arc<dyn Observer>,
) -> Copied {
    Coordinator::new(Arc::clone(images), Arc::clone(transfer), limits, Arc::clone(observer)).run().await
}
