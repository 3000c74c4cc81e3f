//! What the three workflows have in common: the working directory they hold, the plan they collect, and the way from
//! the plan to an outcome, in earnest or as a rehearsal.

use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::sync::{Arc, Mutex};

use archive_format::{Archive, Holder, Store, WorkspaceLock};
use image_ref::Digest;
use mirror_plan::{Blocked, Destination, Mode, PinnedCatalog, PlannedImage};
use plan_document::{Document, Partition};

use super::{Progress, conclude, first_failure, refuse_empty};
use crate::approved::Approved;
use crate::dry_run::{Rehearsal, rehearse};
use crate::holders::Holders;
use crate::outcome::RunError;
use crate::resources::{Generation, Previous};
use crate::shard;
use mirror_collect::{Collecting, Facts, collect};
use mirror_copy::transfers::into_store::{Follower, IntoStore};
use mirror_copy::{Copied, Limits, Transfer, copy};
use mirror_job::event::{Event, Observer, WrittenFile};
use mirror_job::failure::chain;
use mirror_job::job::{DryRun, Job, Part, Shard, Workflow};
use mirror_job::lacking::Lacking;
use mirror_job::workdir::WorkingDir;
use mirror_trust::{BadSigningKey, CacheIndex, Trust};

/// The working directory of a run, locked.
pub(super) struct Workspace<'a> {
    pub(super) job: &'a Job,
    pub(super) workflow: &'a Workflow,
    pub(super) observer: &'a Arc<dyn Observer>,
    pub(super) working_dir: WorkingDir,
    /// Cluster resources of the run before.
    previous: Previous,
    _lock: WorkspaceLock,
}

/// What there is to be moved.
pub(super) struct Planned {
    pub(super) images: Arc<Vec<PlannedImage>>,
    /// Catalogs and the digests they are pinned to.
    pub(super) catalogs: Vec<PinnedCatalog>,
    /// What `blockedImages` kept out.
    pub(super) blocked: Vec<Blocked>,
    /// The parts of the plan; only where several machines fill a registry. It is computed once: a large plan takes a while.
    partition: Option<Partition>,
}

/// What a rehearsal has to know beyond the images.
#[derive(Clone, Copy)]
pub(super) struct Holdings<'a> {
    /// The cache; none in a run without one.
    pub(super) cache: Option<&'a Store>,
    /// Folder of the archive and what earlier archives hold; only in mirror to disk.
    pub(super) archive: Option<(&'a Path, &'a HashSet<Digest>)>,
}

impl<'a> Workspace<'a> {
    /// Makes and locks the working directory. Cluster resources of the run before stay until there are new ones.
    ///
    /// # Errors
    /// When the folder cannot be made, or another run holds it.
    pub(super) fn set(job: &'a Job, workflow: &'a Workflow, observer: &'a Arc<dyn Observer>) -> Result<Self, RunError> {
        let working_dir = workflow.working_dir();
        working_dir.create()?;
        let lock = WorkspaceLock::acquire(working_dir.root(), &job.holder(workflow.mode().as_str()))?;
        let previous = Previous::read(&working_dir);
        Ok(Self { job, workflow, observer, working_dir, previous, _lock: lock })
    }

    /// Whether the run only says what it would do.
    pub(super) fn is_rehearsal(&self) -> bool {
        self.job.options.dry_run != DryRun::No
    }

    fn mode(&self) -> Mode {
        self.workflow.mode()
    }

    /// What the locks of cache and scratch folders say about the run.
    pub(super) fn holder(&self) -> Holder {
        self.job.holder(self.mode().as_str())
    }

    /// Collects what the configuration asks for.
    ///
    /// # Errors
    /// Collection errors, and when there is nothing to mirror.
    pub(super) async fn plan(
        &self,
        store: &Store,
        archive: Option<&Arc<Archive>>,
        destination: Option<&Destination>,
    ) -> Result<Planned, RunError> {
        if let Some(document) = self.job.options.approved.as_deref() {
            return self.approved(document, store, archive.map(AsRef::as_ref)).await;
        }
        self.observer.event(Event::Discovering);
        let plan = collect(&Collecting {
            job: self.job,
            working_dir: &self.working_dir,
            store,
            facts: archive.map_or(Facts::Online, Facts::Archive),
            destination,
            observer: self.observer,
        })
        .await?;
        // An incomplete archive may lack the only catalog that was asked for.
        if !archive.is_some_and(|archive| matches!(Lacking::in_archive(archive), Ok(Some(_)))) {
            refuse_empty(&plan, self.observer)?;
        }
        Ok(Planned { images: Arc::new(plan.images), catalogs: plan.catalogs, blocked: plan.blocked, partition: None })
    }

    /// What an approved plan says, and nothing else.
    async fn approved(
        &self,
        document: &Document,
        store: &Store,
        archive: Option<&Archive>,
    ) -> Result<Planned, RunError> {
        let (job, working_dir) = (self.job, &self.working_dir);
        let approved = Approved { document, job, mode: self.mode(), store, archive, working_dir }.images().await;
        let mut images = approved.map_err(|mut error| {
            if job.options.shard.is_some() {
                error.exit_code |= Shard::HOPELESS;
            }
            error
        })?;
        let partition = job.options.shard.map(|shard| Partition::of(document, shard.workers));
        if let (Some(partition), Some(Part::Worker(worker))) = (&partition, job.options.shard.map(|shard| shard.part)) {
            images = shard::images_of(partition, worker, images);
            if images.is_empty() {
                self.observer.event(Event::Info("this worker has nothing to do".to_owned()));
            }
        } else if images.is_empty() {
            return Err(RunError::generic("no images to copy: the plan has none"));
        }
        let text = format!("applying the plan {} of {}: {} images", document.id, document.created, images.len());
        self.observer.event(Event::Info(text));
        let (catalogs, blocked) = (document.catalogs.clone(), document.blocked.clone());
        Ok(Planned { images: Arc::new(images), catalogs, blocked, partition })
    }

    /// What decides about signatures in this run.
    ///
    /// # Errors
    /// As [`Trust::of`].
    pub(super) fn trust(&self, images: &[PlannedImage]) -> Result<Trust, BadSigningKey> {
        Trust::of(self.job, self.mode(), &self.working_dir, images)
    }

    /// The transfer that brings images from their sources into a store.
    ///
    /// # Errors
    /// As [`Trust::of`].
    pub(super) fn store_transfer(
        &self,
        images: &Arc<Vec<PlannedImage>>,
        store: &Store,
        follower: Arc<dyn Follower>,
    ) -> Result<IntoStore, RunError> {
        Ok(IntoStore {
            images: Arc::clone(images),
            source: self.job.source.clone(),
            store: store.clone(),
            observer: Arc::clone(self.observer),
            image_timeout: self.job.options.image_timeout,
            endpoints: Mutex::new(HashMap::new()),
            trust: self.trust(images)?,
            index: CacheIndex::new(store.clone(), self.job.started),
            follower,
        })
    }

    /// Moves the images and says what became of each; a rehearsal moves nothing and gives `None`. The transfer is gone
    /// afterwards, and with it what it held.
    ///
    /// # Errors
    /// When the files of a rehearsal cannot be written. Failed images are no error here.
    pub(super) async fn perform<C: Transfer>(
        &self,
        planned: &Planned,
        transfer: C,
        holdings: Holdings<'_>,
        progress: &mut Progress,
    ) -> Result<Option<Copied>, RunError> {
        let (transfer, images) = (Arc::new(transfer), &planned.images);
        if self.is_rehearsal() {
            let rehearsal = Rehearsal {
                job: self.job,
                workflow: self.workflow,
                images,
                catalogs: &planned.catalogs,
                blocked: &planned.blocked,
                cache: holdings.cache,
                archive: holdings.archive,
                destination: (self.mode() != Mode::MirrorToDisk).then_some(&self.job.destination),
                observer: self.observer,
            };
            rehearse(&rehearsal, &transfer, &mut progress.files, &mut progress.sizes).await?;
            return Ok(None);
        }
        self.observer.event(Event::CopyStarted { images: images.len() });
        Ok(Some(copy(images, &transfer, Limits::of(&self.job.options), self.observer).await))
    }

    /// Moves the images to a registry, and writes what is to be written then: the pinned configurations where the
    /// sources were asked (`catalogs`), and the cluster resources.
    ///
    /// Whatever failed: what the run is pinned to and what it did bring are worth having (`docs/behaviour/config-cli.md` 3).
    pub(super) async fn perform_to_registry<C: Transfer>(
        &self,
        planned: &Planned,
        transfer: C,
        cache: &Store,
        destination: &Destination,
        progress: &mut Progress,
    ) -> Result<(), RunError> {
        let (job, observer, images) = (self.job, self.observer, &planned.images);
        let holdings = Holdings { cache: Some(cache), archive: None };
        let parts = job.options.shard.zip(planned.partition.as_ref());
        if let (Some(document), Some((shard, partition))) = (job.options.approved.as_deref(), parts) {
            if let Part::Worker(worker) = shard.part {
                let client = job.destination.clone();
                let place = (partition, worker);
                let transfer = shard::borrowing(document, place, transfer, client, destination, shard.patience);
                return self.perform_part(planned, transfer, holdings, progress).await;
            }
            shard::wait_for_workers(partition, images, shard.wait, &job.destination, observer).await;
        }
        let copied = self.perform(planned, transfer, holdings, progress).await?;
        let generation = Generation { job, working_dir: &self.working_dir, destination, previous: &self.previous };
        let Some(copied) = copied else {
            if job.options.dry_run != DryRun::Plan {
                generation.for_plan(images, observer, &mut progress.files);
            }
            return Ok(());
        };
        let mut outcome = conclude(job, &self.working_dir.logs(), images, &copied, &mut progress.files, observer);
        if let (Err(error), Some(refused)) = (&mut outcome, &copied.refused) {
            error.message.clone_from(&refused.message);
        }
        if let Err(error) = Holders::note(cache, images, &copied.images) {
            let text =
                format!("`delete` will not know which images share a name at the destination: {}", chain(&error));
            observer.event(Event::Warning(text));
        }
        if outcome.is_ok() {
            job.destination.cancel_remembered(destination.registry()).await;
        }
        let pinned = match self.mode() {
            Mode::DiskToMirror => Ok(()),
            _ => self.write_pinned(&planned.catalogs, progress),
        };
        let generated = generation.after_copying(images, &copied.images, observer, &mut progress.files);
        progress.copied = Some(copied);
        first_failure([outcome, pinned, generated], observer)
    }

    /// Moves the images of one worker. What tells of the whole is written by the finisher.
    async fn perform_part<C: Transfer>(
        &self,
        planned: &Planned,
        transfer: C,
        holdings: Holdings<'_>,
        progress: &mut Progress,
    ) -> Result<(), RunError> {
        let Some(copied) = self.perform(planned, transfer, holdings, progress).await? else { return Ok(()) };
        let mut outcome =
            conclude(self.job, &self.working_dir.logs(), &planned.images, &copied, &mut progress.files, self.observer);
        if let (Err(error), Some(refused)) = (&mut outcome, &copied.refused) {
            error.message.clone_from(&refused.message);
        }
        progress.copied = Some(copied);
        outcome
    }

    /// Writes the configuration with every catalog pinned to its digest, for mirroring and for deleting.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub(super) fn write_pinned(&self, catalogs: &[PinnedCatalog], progress: &mut Progress) -> Result<(), RunError> {
        self.observer.event(Event::Info("Generating pinned configurations...".to_owned()));
        let stamp = self.job.stamp();
        let mut configuration = self.job.configuration.clone();
        for pinned in catalogs {
            let Some(entry) = configuration.mirror.operators.get_mut(pinned.entry) else { continue };
            entry.catalog = pinned.catalog.clone();
            entry.target_tag.clone_from(&pinned.target_tag);
        }
        let delete = isc_schema::DeleteImageSetConfiguration::from_image_set(&configuration);
        let files = [
            (WrittenFile::PinnedConfiguration, self.working_dir.pinned_isc(&stamp), configuration.to_yaml()),
            (WrittenFile::PinnedDeletion, self.working_dir.pinned_disc(&stamp), delete.to_yaml()),
        ];
        for (what, path, text) in files {
            self.working_dir.write(&path, text.as_bytes())?;
            self.observer.event(Event::FileWritten { what, path: path.clone() });
            progress.files.push(path);
        }
        Ok(())
    }
}
