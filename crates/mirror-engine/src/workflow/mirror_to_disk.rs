//! Mirror to disk: source registries -> cache -> archive.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use archive_format::{ArchiveOptions, History, Store, WorkspaceLock};
use image_ref::Digest;
use mirror_plan::{Mode, PinnedCatalog, PlannedImage};

use super::{DryRun, Job, Progress, RunError, Workflow, conclude, generic_from, refuse_empty};
use crate::archive_builder::{ArchiveBuilder, BuildError, Contents, ReadyBlobs, Tail};
use crate::carrier::blocking;
use crate::carrier::into_store::{Follower, IntoStore, NoFollower};
use crate::collect::{Collecting, collect};
use crate::copy::{CopyError, copy, queue_order};
use crate::dry_run::{Rehearsal, archive_sizes, cached_bytes, rehearse, unique};
use crate::event::{Event, Observer};
use crate::report::{ArchiveFile, ArchiveReport};
use crate::room;
use crate::tree::ImageTree;
use crate::trust::{StoreShelf, Trust};
use crate::workdir::{WORKING_DIR, WorkingDir};

generic_from!(archive_format::HistoryError, archive_format::LockError, BuildError);

pub(super) async fn run(job: &Job, observer: &Arc<dyn Observer>, progress: &mut Progress) -> Result<(), RunError> {
    let Workflow::MirrorToDisk { folder } = &job.workflow else {
        return Err(RunError::generic("this is not mirror to disk"));
    };
    let working_dir = job.workflow.working_dir();
    working_dir.create()?;
    let _lock = WorkspaceLock::acquire(working_dir.root(), &job.holder())?;
    if job.options.dry_run == DryRun::No {
        working_dir.wipe_cluster_resources()?;
    }
    let store = Store::open_as(&job.cache, &job.holder())?;
    let history = History::read(working_dir.root(), job.options.since)?;

    observer.event(Event::Discovering);
    let plan = collect(&Collecting {
        mode: Mode::MirrorToDisk,
        job,
        working_dir: &working_dir,
        store: &store,
        archive: None,
        destination: None,
        observer,
    })
    .await?;
    refuse_empty(&plan, observer)?;
    let images = Arc::new(plan.images);
    if job.options.dry_run != DryRun::No {
        let carrier = Arc::new(IntoStore {
            images: Arc::clone(&images),
            source: job.source.clone(),
            store: store.clone(),
            observer: Arc::clone(observer),
            image_timeout: job.options.image_timeout,
            endpoints: Mutex::new(HashMap::new()),
            trust: Trust::of(job)?,
            shelf: StoreShelf::new(store.clone()),
            follower: Arc::new(NoFollower),
        });
        let rehearsal = Rehearsal {
            job,
            mode: Mode::MirrorToDisk,
            images: &images,
            store: &store,
            archive: Some((folder, &history.digests)),
            destination: None,
            observer,
        };
        return rehearse(&rehearsal, &carrier, progress).await;
    }
    observer.event(Event::CopyStarted { images: images.len() });

    let options = ArchiveOptions::from_archive_size(job.configuration.archive_size_gib, job.options.strict_archive);
    let builder = ArchiveBuilder::start(folder.clone(), options, store.clone())?;
    let follower = Arc::new(ArchiveFollower {
        images: Arc::clone(&images),
        history: history.digests.clone(),
        ready: builder.ready_blobs(),
        added: Mutex::default(),
        room: (!job.options.force).then(|| Room { store: store.clone(), folder: folder.clone() }),
    });
    let carrier = Arc::new(IntoStore {
        images: Arc::clone(&images),
        source: job.source.clone(),
        store: store.clone(),
        observer: Arc::clone(observer),
        image_timeout: job.options.image_timeout,
        endpoints: Mutex::new(HashMap::new()),
        trust: Trust::of(job)?,
        shelf: StoreShelf::new(store.clone()),
        follower: Arc::clone(&follower) as Arc<dyn Follower>,
    });
    let copied = copy(&images, &carrier, job.options.limits(), observer).await;
    drop(carrier);
    if let Some(refused) = &copied.refused {
        let refused = RunError::generic(refused.message.clone());
        progress.copied = Some(copied);
        blocking(move || builder.abandon()).await;
        return Err(refused);
    }
    let complete = copied.is_complete();
    let outcome = conclude(job, &copied, observer);
    progress.copied = Some(copied);
    if !complete {
        blocking(move || builder.abandon()).await;
        return outcome;
    }

    write_pinned(job, &plan.catalogs, &working_dir, observer, progress)?;
    job.version.write(working_dir.root())?;
    observer.event(Event::BuildingArchive);
    let tail = tail(job, &working_dir)?;
    let summary = blocking(move || builder.finish(tail)).await?;
    let warnings = summary.oversized_warnings().into_iter().chain(summary.closing_warning());
    warnings.for_each(|warning| observer.event(Event::Warning(warning)));
    let (blobs, left_out) = std::mem::take(&mut *follower.added.lock().expect("no holder panics"));
    let count = blobs.len();
    // The history relies on the cache and the archive: after a loss of power it must not know more than the disk.
    let cache = store.clone();
    blocking(move || cache.sync()).await?;
    history.write(working_dir.root(), &blobs, job.started)?;
    for chunk in &summary.chunks {
        observer.event(Event::FileWritten { what: "archive", path: chunk.path.clone() });
    }
    let name = |path: &Path| path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    progress.archive = Some(ArchiveReport {
        files: summary.chunks.iter().map(|chunk| ArchiveFile { name: name(&chunk.path), bytes: chunk.bytes }).collect(),
        blobs: count,
        blobs_left_out: left_out,
    });
    Ok(())
}

/// Lets the archive follow the copy engine.
struct ArchiveFollower {
    images: Arc<Vec<PlannedImage>>,
    /// Blobs that earlier archives hold.
    history: HashSet<Digest>,
    ready: ReadyBlobs,
    /// Blobs that go into the archive, and how many do not because earlier archives have them.
    added: Mutex<(Vec<Digest>, usize)>,
    /// Where room is needed; none with `--force`.
    room: Option<Room>,
}

/// The places that a run writes to.
struct Room {
    store: Store,
    folder: PathBuf,
}

impl Room {
    /// Refuses when what is still to come cannot fit.
    fn check(&self, trees: &[Option<Arc<ImageTree>>], archive_bytes: u64) -> Result<(), CopyError> {
        let blobs = unique(trees.iter().flatten().map(AsRef::as_ref));
        let missing = blobs.values().sum::<u64>() - cached_bytes(&self.store, &blobs);
        let stages = [("cache", self.store.root(), missing), ("archive", self.folder.as_path(), archive_bytes)];
        // A filesystem that does not tell its room is no reason to stop.
        let needs = room::ask(&stages).unwrap_or_default();
        room::refuse(&needs).map_err(|short| CopyError::permanent("no-room", short.to_string()))
    }
}

impl Follower for ArchiveFollower {
    fn all_resolved(&self, trees: &[Option<Arc<ImageTree>>]) -> Result<(), CopyError> {
        // With an image missing there will be no archive: writing one would only cost disk.
        if trees.iter().any(Option::is_none) {
            return self.room.as_ref().map_or(Ok(()), |room| room.check(trees, 0));
        }
        let named = self.images.iter().zip(trees).filter_map(|(image, tree)| {
            Some((image.cache.repository.as_str(), image.cache.tag.as_str(), tree.as_deref()?))
        });
        let contents = Contents::of(named, &self.history, queue_order);
        if let Some(room) = &self.room {
            room.check(trees, archive_sizes(&contents, &[], u64::MAX).bytes)?;
        }
        *self.added.lock().expect("no holder panics") =
            (contents.blobs.iter().map(|(digest, _)| digest.clone()).collect(), contents.left_out);
        self.ready.begin(contents);
        Ok(())
    }

    fn ready(&self, digest: &Digest) {
        self.ready.ready(digest);
    }
}

/// Writes the configuration with every catalog pinned to its digest, for mirroring and for deleting.
pub(super) fn write_pinned(
    job: &Job,
    catalogs: &[PinnedCatalog],
    working_dir: &WorkingDir,
    observer: &Arc<dyn Observer>,
    progress: &mut Progress,
) -> Result<(), RunError> {
    observer.event(Event::Info("Generating pinned configurations...".to_owned()));
    let stamp = job.stamp();
    let mut configuration = job.configuration.clone();
    for pinned in catalogs {
        let entry = &mut configuration.mirror.operators[pinned.entry];
        entry.catalog = pinned.catalog.clone();
        entry.target_tag.clone_from(&pinned.target_tag);
    }
    let delete = isc_schema::DeleteImageSetConfiguration::from_image_set(&configuration);
    let files = [
        ("Pinned ISC", working_dir.pinned_isc(&stamp), configuration.to_yaml()),
        ("Pinned DISC", working_dir.pinned_disc(&stamp), delete.to_yaml()),
    ];
    for (what, path, text) in files {
        crate::workdir::write_whole(&path, text.as_bytes())?;
        observer.event(Event::FileWritten { what, path: path.clone() });
        progress.files.push(path);
    }
    Ok(())
}

/// The end of the archive: the working directory and the configuration as written.
fn tail(job: &Job, working_dir: &WorkingDir) -> Result<Tail, RunError> {
    let files = working_dir.files()?.into_iter().map(|(name, path)| (format!("{WORKING_DIR}/{name}"), path)).collect();
    Ok(Tail { files, configuration: (format!("isc_{}", job.stamp()), job.configuration_text.clone()) })
}
