//! The one task that owns all state of a run.

// Images, their states and their reports are numbered by the places that images have in the plan, which nobody changes:
// what a registry answers gives no number.
#![allow(clippy::indexing_slicing)]

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::sync::Arc;

use image_ref::Digest;
use mirror_plan::{Family, ImageId, PlannedImage};
use oci_manifest::{Descriptor, ImageTree};
use oci_transport::RetryTally;
use tokio::task::{AbortHandle, JoinSet};

use super::arrived::Arrived;
use super::queue::{TransferQueue, Turn};
use super::transfer::{BlobJob, Resolved, Transfer, Transferred};
use super::{Copied, Limits};
use mirror_job::event::{Event, Observer, Totals};
use mirror_job::failure::{Condition, CopyError};
use mirror_job::guard::guarded;
use mirror_job::report::{ImageError, ImageOutcome, ImageReport};

/// Where an image stands.
#[derive(Debug)]
enum Stage {
    Waiting,
    Resolving,
    /// Blobs that are still missing.
    Transferring(usize),
    /// All blobs are there, an image it needs is not.
    Held,
    Finishing,
    Done,
}

struct ImageState {
    stage: Stage,
    tree: Option<Arc<ImageTree>>,
    report: ImageReport,
    /// Counts what its requests are tried again.
    retries: RetryTally,
    /// Images that need this one.
    needed_by: Vec<usize>,
    /// Images it needs that are not done yet.
    open_needs: usize,
}

#[derive(Default)]
struct BlobState {
    /// Repositories of the target that have it.
    known: Vec<String>,
    /// Repositories that are being served right now.
    in_flight: BTreeSet<String>,
    /// Repositories still to be served, with the images that wait for them.
    waiting: BTreeMap<String, Vec<usize>>,
    /// All images that contain it.
    images: Vec<usize>,
    queued: bool,
}

enum Done {
    Resolved(usize, Result<Resolved, CopyError>),
    Transferred(Box<BlobJob>, Vec<usize>, Result<Transferred, CopyError>),
    Finished(usize, Result<(), CopyError>),
}

pub(super) struct Coordinator<C: Transfer> {
    images: Arc<Vec<PlannedImage>>,
    transfer: Arc<C>,
    limits: Limits,
    observer: Arc<dyn Observer>,
    states: Vec<ImageState>,
    blobs: HashMap<Digest, (Descriptor, BlobState)>,
    to_resolve: VecDeque<usize>,
    to_finish: VecDeque<usize>,
    to_transfer: TransferQueue,
    tasks: JoinSet<Done>,
    /// The tasks that resolve images. They move nothing, and end when nothing new is to start.
    resolving: Vec<AbortHandle>,
    image_tasks: usize,
    blob_tasks: usize,
    totals: Totals,
    arrived: Arrived,
    bytes_moved: u64,
    /// A release image failed: start nothing new.
    stopped: bool,
    told_resolved: bool,
    refused: Option<CopyError>,
}

impl<C: Transfer> Coordinator<C> {
    pub(super) fn new(
        images: Arc<Vec<PlannedImage>>,
        transfer: Arc<C>,
        limits: Limits,
        observer: Arc<dyn Observer>,
    ) -> Self {
        let mut states: Vec<ImageState> = images
            .iter()
            .map(|image| ImageState {
                stage: Stage::Waiting,
                tree: None,
                report: ImageReport {
                    kind: image.kind,
                    origin: image.origin.clone(),
                    source: image.source.with_scheme(),
                    twins: image.twins.iter().map(|twin| twin.source.with_scheme()).collect(),
                    destination: image
                        .destination
                        .as_ref()
                        .map_or_else(|| image.cache.to_string(), image_ref::ImageRef::with_scheme),
                    digest: None,
                    bytes_moved: 0,
                    bytes_saved: 0,
                    retries: 0,
                    operators: image.operators.clone(),
                    outcome: ImageOutcome::Skipped,
                    error: None,
                },
                retries: RetryTally::default(),
                needed_by: Vec::new(),
                open_needs: 0,
            })
            .collect();
        let places: HashMap<&ImageId, usize> = images.iter().enumerate().map(|(at, image)| (&image.id, at)).collect();
        for (at, image) in images.iter().enumerate() {
            for need in image.needs.iter().filter_map(|need| places.get(need)) {
                states[*need].needed_by.push(at);
                states[at].open_needs += 1;
            }
        }
        let totals = Totals { images: images.len(), ..Totals::default() };
        Self {
            to_resolve: (0..images.len()).collect(),
            to_finish: VecDeque::new(),
            to_transfer: TransferQueue::default(),
            tasks: JoinSet::new(),
            resolving: Vec::new(),
            image_tasks: 0,
            blob_tasks: 0,
            blobs: HashMap::new(),
            arrived: Arrived::new(images.len()),
            bytes_moved: 0,
            stopped: false,
            told_resolved: false,
            refused: None,
            images,
            transfer,
            limits,
            observer,
            states,
            totals,
        }
    }

    pub(super) async fn run(mut self) -> Copied {
        self.refuse();
        loop {
            // Told first: the transfer may refuse to start.
            self.tell_resolved();
            self.start_tasks();
            let Some(done) = self.tasks.join_next().await else { break };
            let done = match done {
                Err(ended) if ended.is_cancelled() => continue,
                done => done.expect("panics of the transfer are caught"),
            };
            match done {
                Done::Resolved(at, outcome) => {
                    self.image_tasks -= 1;
                    self.totals.images_resolved += 1;
                    self.on_resolved(at, outcome);
                    self.tell_totals();
                }
                Done::Transferred(job, waiting, outcome) => {
                    self.blob_tasks -= 1;
                    self.on_carried(&job, &waiting, outcome);
                    self.tell_totals();
                }
                Done::Finished(at, outcome) => {
                    self.image_tasks -= 1;
                    match outcome {
                        Ok(()) => self.on_done(at, ImageOutcome::Copied),
                        Err(error) => self.fail(at, error),
                    }
                }
            }
        }
        let bytes_saved = self.totals.bytes_saved;
        let images = self
            .states
            .into_iter()
            .map(|state| ImageReport { retries: state.retries.retries(), ..state.report })
            .collect();
        Copied { images, bytes_moved: self.bytes_moved, bytes_saved, refused: self.refused }
    }

    /// Fails the images that the plan keeps from their names, and what needs them, before anything is asked of a source.
    fn refuse(&mut self) {
        for at in 0..self.images.len() {
            if let Some(refusal) = CopyError::refusal(&self.images[at]) {
                self.fail(at, refusal);
            }
        }
    }

    fn start_tasks(&mut self) {
        if self.stopped {
            return;
        }
        // Finishing first: it frees memory and makes results visible. Then resolving, which feeds the blob queue.
        while self.image_tasks < self.limits.images {
            let Some(at) = self.to_finish.pop_front() else { break };
            self.start_finish(at);
        }
        while self.image_tasks < self.limits.images {
            let Some(at) = self.to_resolve.pop_front() else { break };
            // What it needs may have failed meanwhile, and so ended it.
            if !matches!(self.states[at].stage, Stage::Waiting) {
                continue;
            }
            self.states[at].stage = Stage::Resolving;
            let (transfer, images) = (Arc::clone(&self.transfer), Arc::clone(&self.images));
            let retries = self.states[at].retries.clone();
            self.image_tasks += 1;
            self.resolving.retain(|task| !task.is_finished());
            self.resolving.push(self.tasks.spawn(async move {
                let outcome = retries.during(caught(transfer.resolve(at, &images[at]))).await;
                Done::Resolved(at, outcome)
            }));
        }
        let may_transfer = self.told_resolved || !self.transfer.resolves_first();
        while may_transfer && self.blob_tasks < self.limits.blobs {
            let Some(digest) = self.to_transfer.pop() else { break };
            self.start_transfer(&digest);
        }
    }

    fn start_finish(&mut self, at: usize) {
        self.states[at].stage = Stage::Finishing;
        let tree = self.states[at].tree.clone().expect("an image is finished after it was resolved");
        let (transfer, images) = (Arc::clone(&self.transfer), Arc::clone(&self.images));
        let retries = self.states[at].retries.clone();
        self.image_tasks += 1;
        self.tasks.spawn(async move {
            let outcome = retries.during(caught(transfer.finish(&images[at], &tree))).await;
            Done::Finished(at, outcome)
        });
    }

    /// Starts the transfers of a blob: one to make it known in the target, then all other repositories at once.
    fn start_transfer(&mut self, digest: &Digest) {
        let (descriptor, state) = self.blobs.get_mut(digest).expect("queued blobs are known");
        state.queued = false;
        // A cache beside the destination has no repositories to mount from.
        let mount_from = state.known.iter().find(|known| !known.is_empty()).cloned();
        // Until one repository has the blob, only one transfer runs: the others would send the same bytes.
        if mount_from.is_none() && !state.in_flight.is_empty() {
            return;
        }
        // Images that joined a repository on its way are served when it arrives: a registry that gets a blob twice may
        // not know it for a moment.
        let free = state.waiting.keys().filter(|repository| !state.in_flight.contains(*repository));
        let free: Vec<String> = free.take(if mount_from.is_some() { usize::MAX } else { 1 }).cloned().collect();
        for repository in free {
            let waiting = state.waiting.remove(&repository).unwrap_or_default();
            // As with the bytes that move: the first image that waits for it.
            let retries = waiting.first().map(|at| self.states[*at].retries.clone()).unwrap_or_default();
            let job = BlobJob {
                blob: descriptor.clone(),
                repository,
                mount_from: mount_from.clone(),
                images: state.images.clone(),
            };
            state.in_flight.insert(job.repository.clone());
            if let (None, Some(first)) = (&job.mount_from, job.images.first()) {
                self.observer.event(Event::TransferStarted {
                    blob: job.blob.digest.clone(),
                    size: job.blob.size,
                    origin: self.images[*first].origin.clone(),
                });
            }
            let transfer = Arc::clone(&self.transfer);
            self.blob_tasks += 1;
            self.tasks.spawn(async move {
                let outcome = retries.during(caught(transfer.transfer(&job))).await;
                Done::Transferred(Box::new(job), waiting, outcome)
            });
        }
    }

    fn on_resolved(&mut self, at: usize, outcome: Result<Resolved, CopyError>) {
        let resolved = match outcome {
            Ok(resolved) => resolved,
            Err(error) => return self.fail(at, error),
        };
        let tree = Arc::clone(&resolved.tree);
        self.states[at].report.digest = Some(tree.root.digest().clone());
        self.states[at].tree = Some(Arc::clone(&tree));
        self.arrived.expect(at, tree.bytes());
        if resolved.complete {
            let bytes = tree.bytes();
            self.states[at].report.bytes_saved = bytes;
            self.totals.bytes_saved = self.totals.bytes_saved.saturating_add(bytes);
            let repository = self.transfer.blob_repository(&self.images[at]);
            for blob in &tree.blobs {
                self.transfer.blob_ready(&blob.digest);
                // Other repositories can be served from this one.
                let (_, state) =
                    self.blobs.entry(blob.digest.clone()).or_insert_with(|| (blob.clone(), BlobState::default()));
                if !state.known.contains(&repository) {
                    state.known.push(repository.clone());
                }
            }
            return self.on_done(at, ImageOutcome::AlreadyThere);
        }
        let repository = self.transfer.blob_repository(&self.images[at]);
        let mut missing = 0;
        for blob in &tree.blobs {
            if self.need_blob(at, blob, &repository) {
                missing += 1;
            }
        }
        self.states[at].stage = Stage::Transferring(missing);
        if missing == 0 {
            self.on_blobs_complete(at);
        }
    }

    /// Notes that image `at` needs the blob in the repository; false when it is there already.
    fn need_blob(&mut self, at: usize, blob: &Descriptor, repository: &str) -> bool {
        let first = !self.blobs.contains_key(&blob.digest);
        let (_, state) = self.blobs.entry(blob.digest.clone()).or_insert_with(|| (blob.clone(), BlobState::default()));
        if first && self.transfer.has_blob(blob) {
            state.known.push(repository.to_owned());
            self.transfer.blob_ready(&blob.digest);
        }
        state.images.push(at);
        if state.known.iter().any(|known| known == repository) {
            let report = &mut self.states[at].report;
            report.bytes_saved = report.bytes_saved.saturating_add(blob.size);
            self.totals.bytes_saved = self.totals.bytes_saved.saturating_add(blob.size);
            self.arrived.add(at, blob.size);
            return false;
        }
        if first {
            self.totals.blobs += 1;
            self.totals.bytes = self.totals.bytes.saturating_add(blob.size);
        }
        state.waiting.entry(repository.to_owned()).or_default().push(at);
        if !state.in_flight.contains(repository) {
            queue(&mut self.to_transfer, blob, state, self.transfer.turn(blob));
        }
        true
    }

    fn on_carried(&mut self, job: &BlobJob, waiting: &[usize], outcome: Result<Transferred, CopyError>) {
        let digest = &job.blob.digest;
        let (_, state) = self.blobs.get_mut(digest).expect("carried blobs are known");
        state.in_flight.remove(&job.repository);
        // Images may have joined the same repository while the transfer ran.
        let mut waiting = waiting.to_vec();
        waiting.extend(state.waiting.remove(&job.repository).unwrap_or_default());
        if outcome.is_ok() {
            state.known.push(job.repository.clone());
        }
        if !state.waiting.is_empty() {
            queue(&mut self.to_transfer, &job.blob, state, self.transfer.turn(&job.blob));
        }
        if job.mount_from.is_none() {
            self.observer.event(Event::TransferEnded { blob: digest.clone() });
        }
        match outcome {
            Ok(carried) => {
                self.transfer.blob_ready(digest);
                self.bytes_moved += carried.moved;
                let saved = job.blob.size.saturating_sub(carried.moved);
                self.totals.bytes_saved += saved;
                if job.mount_from.is_none() && saved > 0 {
                    // It was expected to travel and did not have to.
                    self.totals.bytes = self.totals.bytes.saturating_sub(saved);
                }
                for (place, at) in waiting.into_iter().enumerate() {
                    let report = &mut self.states[at].report;
                    let moved = if place == 0 { carried.moved } else { 0 };
                    report.bytes_moved += moved;
                    report.bytes_saved += job.blob.size.saturating_sub(moved);
                    self.arrived.add(at, job.blob.size);
                    if let Stage::Transferring(missing) = &mut self.states[at].stage {
                        *missing -= 1;
                        if *missing == 0 {
                            self.on_blobs_complete(at);
                        }
                    }
                }
            }
            Err(error) => {
                self.transfer.blob_lost(digest);
                for at in waiting {
                    self.fail(at, error.clone());
                }
            }
        }
    }

    fn on_blobs_complete(&mut self, at: usize) {
        if self.states[at].open_needs > 0 {
            self.states[at].stage = Stage::Held;
        } else {
            self.states[at].stage = Stage::Finishing;
            self.to_finish.push_back(at);
        }
    }

    fn on_done(&mut self, at: usize, outcome: ImageOutcome) {
        let state = &mut self.states[at];
        state.stage = Stage::Done;
        state.report.outcome = outcome;
        self.arrived.end(at);
        let image = &self.images[at];
        self.observer.event(Event::ImageFinished {
            kind: image.kind,
            origin: image.origin.clone(),
            target: self.transfer.target_name(image),
            digest: state.report.digest.clone(),
            already_there: outcome == ImageOutcome::AlreadyThere,
        });
        for dependent in std::mem::take(&mut state.needed_by) {
            self.states[dependent].open_needs -= 1;
            if self.states[dependent].open_needs == 0 && matches!(self.states[dependent].stage, Stage::Held) {
                self.on_blobs_complete(dependent);
            }
        }
    }

    fn fail(&mut self, at: usize, error: CopyError) {
        if matches!(self.states[at].stage, Stage::Done) {
            return;
        }
        // Images in flight when a release image failed run to their end, uncounted
        // (`docs/behaviour/operators-archive.md` 7.3).
        if self.stopped {
            self.states[at].stage = Stage::Done;
            return;
        }
        if let Some(warning) = error.warning(&self.images[at].origin) {
            self.observer.event(Event::Warning(warning));
        }
        if self.transfer.told_together(&error) {
            return self.end_failed(at, ImageOutcome::Failed, error, true);
        }
        self.end_failed(at, ImageOutcome::Failed, error, false);
        let worthless = self.told_resolved && self.transfer.failure_ends_run();
        if worthless || self.images[at].kind.family() == Family::Release {
            self.stop();
        }
    }

    fn stop(&mut self) {
        self.stopped = true;
        self.resolving.drain(..).for_each(|task| task.abort());
        self.transfer.stopped();
    }

    fn end_failed(&mut self, at: usize, outcome: ImageOutcome, mut error: CopyError, is_told: bool) {
        // It goes into the list of errors, the result document and the log.
        error.message = self.observer.clean(&error.message);
        let state = &mut self.states[at];
        if matches!(state.stage, Stage::Waiting) {
            // Nobody will ask for its manifests any more.
            self.totals.images_resolved += 1;
        }
        state.stage = Stage::Done;
        state.report.outcome = outcome;
        self.arrived.end(at);
        let follows = error.condition == Condition::NeededImageFailed;
        state.report.error = Some(ImageError {
            message: error.message,
            condition: error.condition,
            retry_can_help: error.retry_can_help,
        });
        if !is_told {
            let line = state.report.error_line().unwrap_or_default();
            self.observer.event(Event::ImageFailed { line, follows });
        }
        for dependent in std::mem::take(&mut state.needed_by) {
            if !matches!(self.states[dependent].stage, Stage::Done) {
                let (needing, missing) = (&self.images[dependent], &self.images[at].origin);
                let reason = CopyError {
                    message: match needing.kind.family() {
                        Family::Release => format!(
                            "skipping release {} because one of its components failed to mirror: {missing}",
                            needing.origin
                        ),
                        _ => format!(
                            "skipping operator bundle {} because one of its related images failed to mirror: {missing}",
                            needing.origin
                        ),
                    },
                    condition: Condition::NeededImageFailed,
                    retry_can_help: state_retry(&self.states[at]),
                };
                self.end_failed(dependent, ImageOutcome::Skipped, reason, is_told);
            }
        }
    }

    fn tell_totals(&mut self) {
        self.totals.images_in_place = self.arrived.thousandths();
        self.observer.event(Event::Totals(self.totals));
    }

    fn tell_resolved(&mut self) {
        let is_open = |state: &ImageState| matches!(state.stage, Stage::Waiting | Stage::Resolving);
        if self.told_resolved || self.states.iter().any(is_open) {
            return;
        }
        self.told_resolved = true;
        self.totals.complete = true;
        self.tell_totals();
        let trees: Vec<_> = self.states.iter().map(|state| state.tree.clone()).collect();
        if self.transfer.failure_ends_run() && trees.iter().any(Option::is_none) {
            return self.stop();
        }
        if let Err(error) = self.transfer.all_resolved(&trees) {
            self.refused = Some(error);
            self.stop();
        }
    }
}

/// A panic of the transfer is the failure of what it was to do.
///
/// # Errors
/// That of the work, or its panic.
pub async fn caught<T>(work: impl Future<Output = Result<T, CopyError>>) -> Result<T, CopyError> {
    guarded(work).await.unwrap_or_else(|panicked| Err(CopyError::internal(&panicked)))
}

fn queue(to_transfer: &mut TransferQueue, blob: &Descriptor, state: &mut BlobState, turn: Turn) {
    if !state.queued {
        state.queued = true;
        to_transfer.push(&blob.digest, blob.size, turn);
    }
}

fn state_retry(state: &ImageState) -> bool {
    state.report.error.as_ref().is_some_and(|error| error.retry_can_help)
}

#[cfg(test)]
mod tests;
