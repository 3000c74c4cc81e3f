//! Mirror to disk: source registries -> cache -> archive, or straight into the archive (`--no-cache`).

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use archive_format::layout::blob_name;
use archive_format::{ArchiveOptions, ArchiveSummary, History, Store};
use image_ref::Digest;
use mirror_plan::PlannedImage;

use super::stage::{Known, Stage};
use super::{Progress, conclude};
use crate::dry_run::{archive_sizes, cached_bytes, unique};
use crate::outcome::{RunError, generic_from};
use crate::room;
use crate::scratch::Scratch;
use mirror_copy::archive_builder::{ArchiveBuilder, BlobsFrom, BuildError, Contents, ReadyBlobs, Tail};
use mirror_copy::queue_order;
use mirror_copy::slots::Slots;
use mirror_copy::transfers::into_archive::IntoArchive;
use mirror_copy::transfers::into_store::{Follower, NoFollower};
use mirror_job::event::{Event, Observer};
use mirror_job::failure::CopyError;
use mirror_job::guard::blocking;
use mirror_job::job::{Job, Workflow};
use mirror_job::report::{ArchiveFile, ArchiveReport};
use mirror_job::workdir::{Listing, WORKING_DIR, WorkingDir};
use oci_manifest::{ImageTree, total};

generic_from!(archive_format::HistoryError, archive_format::LockError, BuildError);

pub(super) async fn run(job: &Job, observer: &Arc<dyn Observer>, progress: &mut Progress) -> Result<(), RunError> {
    let Workflow::MirrorToDisk { folder } = &job.workflow else {
        return Err(RunError::generic("this is not mirror to disk"));
    };
    let stage = Stage::set(job, observer)?;
    let kept = Kept::open(job, folder)?;
    let store = kept.store();
    let history = History::read(stage.working_dir.folder(), job.options.since)?;
    let planned = stage.plan(store, None, None).await?;
    let images = &planned.images;

    let slots = Slots::default();
    let archiving = if stage.is_rehearsal() {
        None
    } else {
        let from = match &kept {
            Kept::Cache(cache) => BlobsFrom::Store(cache.clone()),
            Kept::Scratch(_) => BlobsFrom::Slots(slots.clone()),
        };
        Some(Archiving::start(job, folder, images, &history, from, kept.cache(), &stage.working_dir)?)
    };
    let follower = archiving.as_ref().map_or_else(|| Arc::new(NoFollower) as Arc<dyn Follower>, Archiving::follower);
    let into_store = stage.store_carrier(images, store, follower)?;
    let known = Known { cache: kept.cache(), archive: Some((folder, &history.digests)) };
    let copied = match &kept {
        Kept::Cache(_) => stage.perform(images, into_store, known, progress).await?,
        Kept::Scratch(_) => {
            let carrier = IntoArchive { source: into_store, slots, history: history.digests.clone() };
            stage.perform(images, carrier, known, progress).await?
        }
    };
    let (Some(copied), Some(archiving)) = (copied, archiving) else { return Ok(()) };

    if let Some(refused) = &copied.refused {
        let refused = RunError::generic(refused.message.clone());
        progress.copied = Some(copied);
        archiving.abandon().await;
        return Err(refused);
    }
    if !copied.is_complete() {
        // First, because the disk may be full of it.
        let broken = archiving.abandon().await;
        let outcome = conclude(job, &copied, &mut progress.files, observer);
        progress.copied = Some(copied);
        // Without a cache the images fail because there is no archive, and not the other way round.
        return match broken {
            Some(broken) if job.options.no_cache => Err(broken.into()),
            _ => outcome,
        };
    }
    let outcome = conclude(job, &copied, &mut progress.files, observer);
    progress.copied = Some(copied);
    outcome?;

    stage.write_pinned(&planned.catalogs, progress)?;
    job.version.write(stage.working_dir.folder())?;
    observer.event(Event::BuildingArchive);
    let (summary, blobs, left_out) = archiving.finish(tail(job, &stage.working_dir, observer)?).await?;
    let warnings = summary.oversized_warnings().into_iter().chain(summary.closing_warning());
    warnings.for_each(|warning| observer.event(Event::Warning(warning)));
    history.write(stage.working_dir.folder(), &blobs, job.started)?;
    for chunk in &summary.chunks {
        observer.event(Event::FileWritten { what: "archive", path: chunk.path.clone() });
    }
    let name = |path: &Path| path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    progress.archive = Some(ArchiveReport {
        files: summary.chunks.iter().map(|chunk| ArchiveFile { name: name(&chunk.path), bytes: chunk.bytes }).collect(),
        blobs: blobs.len(),
        blobs_left_out: left_out,
    });
    Ok(())
}

/// What a run keeps beside the archive.
enum Kept {
    /// The cache of all runs.
    Cache(Store),
    /// What it cannot do without, until it ends.
    Scratch(Scratch),
}

impl Kept {
    fn open(job: &Job, folder: &Path) -> Result<Self, RunError> {
        Scratch::remove_left_over(folder)?;
        Ok(if job.options.no_cache {
            Self::Scratch(Scratch::create(folder, &job.holder())?)
        } else {
            Self::Cache(Store::open_as(&job.cache, &job.holder())?)
        })
    }

    /// Where manifests, catalogs and release payloads go while they are read.
    fn store(&self) -> &Store {
        match self {
            Self::Cache(store) => store,
            Self::Scratch(scratch) => scratch.store(),
        }
    }

    fn cache(&self) -> Option<&Store> {
        match self {
            Self::Cache(store) => Some(store),
            Self::Scratch(_) => None,
        }
    }
}

/// An archive on its way, and who tells it about the images.
struct Archiving {
    builder: ArchiveBuilder,
    follower: Arc<ArchiveFollower>,
}

impl Archiving {
    fn start(
        job: &Job,
        folder: &Path,
        images: &Arc<Vec<PlannedImage>>,
        history: &History,
        from: BlobsFrom,
        cache: Option<&Store>,
        working_dir: &WorkingDir,
    ) -> Result<Self, RunError> {
        let options = ArchiveOptions::from_archive_size(job.configuration.archive_size_gib, job.options.strict_archive);
        let builder = ArchiveBuilder::start(folder.to_owned(), options.clone(), from)?;
        let follower = Arc::new(ArchiveFollower {
            images: Arc::clone(images),
            history: history.digests.clone(),
            ready: builder.ready_blobs(),
            added: Mutex::default(),
            strict: job.options.strict_archive.then(|| Strict { options, working_dir: working_dir.clone() }),
            room: (!job.options.force).then(|| Room { cache: cache.cloned(), folder: folder.to_owned() }),
        });
        Ok(Self { builder, follower })
    }

    fn follower(&self) -> Arc<dyn Follower> {
        Arc::clone(&self.follower) as Arc<dyn Follower>
    }

    /// The archive under its final names, the blobs in it, and how many were left out.
    async fn finish(self, tail: Tail) -> Result<(ArchiveSummary, Vec<Digest>, usize), BuildError> {
        let builder = self.builder;
        let summary = blocking(move || builder.finish(tail)).await?;
        let (blobs, left_out) = std::mem::take(&mut *self.follower.added.lock().expect("no holder panics"));
        Ok((summary, blobs, left_out))
    }

    /// Why the archive could not be written, if that was so.
    async fn abandon(self) -> Option<BuildError> {
        let builder = self.builder;
        blocking(move || builder.abandon()).await
    }
}

/// Lets the archive follow the copy engine.
struct ArchiveFollower {
    images: Arc<Vec<PlannedImage>>,
    /// Blobs that earlier archives hold.
    history: HashSet<Digest>,
    ready: ReadyBlobs,
    /// Blobs that go into the archive, and how many do not because earlier archives have them.
    added: Mutex<(Vec<Digest>, usize)>,
    /// What may be too large; none without `--strict-archive`.
    strict: Option<Strict>,
    /// Where room is needed; none with `--force`.
    room: Option<Room>,
}

/// A strict archive, and the folder of the files in it that are not mirrored.
struct Strict {
    options: ArchiveOptions,
    working_dir: WorkingDir,
}

impl Strict {
    /// Refuses what the archive would refuse once everything has been fetched. Files that are written until then are
    /// left to it.
    fn check(&self, contents: &Contents) -> Result<(), CopyError> {
        // A folder that cannot be read is reported when it is archived.
        let files = self.working_dir.files_for_archive().ok();
        let mut files = files.iter().flat_map(Listing::sizes);
        let mut blobs = contents.blobs.iter();
        blobs
            .try_for_each(|(digest, size)| self.options.admit(&blob_name(digest), *size))
            .and_then(|()| files.try_for_each(|(name, size)| self.options.admit(name, size)))
            .map_err(|error| CopyError::permanent("archive", error.to_string()))
    }
}

/// The places that a run writes to.
struct Room {
    /// None in a run without a cache.
    cache: Option<Store>,
    folder: PathBuf,
}

impl Room {
    /// Refuses when what is still to come cannot fit.
    fn check(&self, trees: &[Option<Arc<ImageTree>>], archive_bytes: u64) -> Result<(), CopyError> {
        let mut stages = vec![("archive", self.folder.as_path(), archive_bytes)];
        if let Some(cache) = &self.cache {
            let blobs = unique(trees.iter().flatten().map(AsRef::as_ref));
            let missing = total(blobs.values().copied()).saturating_sub(cached_bytes(cache, &blobs));
            stages.insert(0, ("cache", cache.root(), missing));
        }
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
        if let Some(strict) = &self.strict {
            strict.check(&contents)?;
        }
        if let Some(room) = &self.room {
            room.check(trees, archive_sizes(&contents, &[], u64::MAX).bytes)?;
        }
        *self.added.lock().expect("no holder panics") =
            (contents.blobs.iter().map(|(digest, _)| digest.clone()).collect(), contents.left_out);
        self.ready.begin(contents);
        Ok(())
    }

    fn resolves_first(&self) -> bool {
        self.strict.is_some()
    }

    fn ready(&self, digest: &Digest) {
        self.ready.ready(digest);
    }
}

/// The end of the archive: the working directory and the configuration as written. Warns of what cannot travel.
fn tail(job: &Job, working_dir: &WorkingDir, observer: &Arc<dyn Observer>) -> Result<Tail, RunError> {
    let listing = working_dir.files_for_archive()?;
    listing.left_out.iter().for_each(|left_out| observer.event(Event::Warning(left_out.to_string())));
    let files = listing.files.into_iter().map(|(name, path)| (format!("{WORKING_DIR}/{name}"), path)).collect();
    let folder = working_dir.folder().clone();
    Ok(Tail { folder, files, configuration: (format!("isc_{}", job.stamp()), job.configuration_text.clone()) })
}
