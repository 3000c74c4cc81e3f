//! Mirror to disk: source registries -> cache -> archive, or straight into the archive (`--no-cache`).

use std::path::{Path, PathBuf};
use std::sync::Arc;

use archive_format::{History, Store};
use image_ref::Digest;
use jiff::Timestamp;

use super::archiving::{Archiving, NoArchive};
use super::checksums;
use super::replaced::Replaced;
use super::workspace::{Holdings, Planned, Workspace};
use super::{Progress, conclude, first_failure};
use crate::outcome::{RunError, generic_from};
use crate::scratch::Scratch;
use mirror_copy::Copied;
use mirror_copy::archive_builder::{BlobsFrom, BuildError, Tail};
use mirror_copy::slots::Slots;
use mirror_copy::transfers::into_archive::IntoArchive;
use mirror_copy::transfers::into_store::{Follower, NoFollower};
use mirror_job::event::{Event, Observer, WrittenFile};
use mirror_job::guard::blocking;
use mirror_job::job::Job;
use mirror_job::lacking::Lacking;
use mirror_job::report::{ArchiveFile, ArchiveReport};
use mirror_job::workdir::{INCOMPLETE, WORKING_DIR};

generic_from!(archive_format::HistoryError, archive_format::LockError, BuildError);

pub(super) async fn run(workspace: &Workspace<'_>, folder: &Path, progress: &mut Progress) -> Result<(), RunError> {
    let (job, observer) = (workspace.job, workspace.observer);
    let storage = Storage::open(workspace, folder)?;
    let store = storage.store();
    let incomplete = Lacking::lies_in(folder, &workspace.working_dir);
    let history = History::read(workspace.working_dir.folder(), begins_before(job, incomplete.as_ref(), observer))?;
    let earlier = NoArchive::earlier(folder, incomplete.as_ref());
    let (place, carried, beside) = (folder.to_owned(), history.digests.clone(), workspace.working_dir.folder().clone());
    // Before anything is copied: now the operator can still move the archive away.
    if !workspace.is_rehearsal()
        && let Some(replaced) = blocking(move || Replaced::find(&place, &carried, &beside)).await
    {
        observer.event(Event::Warning(replaced.to_string()));
    }
    let planned = workspace.plan(store, None, None).await?;
    let images = &planned.images;

    let slots = Slots::default();
    let archiving = if workspace.is_rehearsal() {
        None
    } else {
        let from = match &storage {
            Storage::Cache(cache) => BlobsFrom::Store(cache.clone()),
            Storage::Scratch(_) => BlobsFrom::Slots(slots.clone()),
        };
        let may_be_incomplete = !job.options.all_or_nothing && !job.options.no_cache && earlier.is_none();
        Some(Archiving::start(job, folder, images, &history, from, &workspace.working_dir, may_be_incomplete)?)
    };
    let follower = archiving.as_ref().map_or_else(|| Arc::new(NoFollower) as Arc<dyn Follower>, Archiving::follower);
    let into_store = workspace.store_transfer(images, store, follower)?;
    let holdings = Holdings { cache: storage.cache(), archive: Some((folder, &history.digests)) };
    let copied = match &storage {
        Storage::Cache(_) => workspace.perform(&planned, into_store, holdings, progress).await?,
        Storage::Scratch(_) => {
            let transfer = IntoArchive { source: into_store, slots, history: history.digests.clone() };
            workspace.perform(&planned, transfer, holdings, progress).await?
        }
    };
    let (Some(copied), Some(archiving)) = (copied, archiving) else { return Ok(()) };

    if let Some(refused) = &copied.refused {
        let refused = RunError::generic(refused.message.clone());
        progress.copied = Some(copied);
        archiving.abandon().await;
        return Err(refused);
    }
    let lacking = Lacking::of(job.stamp(), images, &copied.images);
    if lacking.is_some()
        && let Some(why) = NoArchive::because(job, &copied, earlier)
    {
        // First, because the disk may be full of it.
        let broken = archiving.abandon().await;
        let outcome = conclude(job, &workspace.working_dir.logs(), images, &copied, &mut progress.files, observer);
        progress.copied = Some(copied);
        // Without a cache the images fail because there is no archive, and not the other way round.
        return match broken {
            Some(broken) if job.options.no_cache => Err(broken.into()),
            _ => why.tell(outcome, lacking.as_ref()),
        };
    }
    let outcome = conclude(job, &workspace.working_dir.logs(), images, &copied, &mut progress.files, observer);
    let end =
        End { workspace, folder, planned: &planned, history: &history, copied: &copied, lacking: lacking.as_ref() };
    let archived = end.write(archiving, progress).await;
    progress.copied = Some(copied);
    match (outcome, archived, lacking) {
        (Err(error), Ok(()), Some(lacking)) => {
            Err(RunError { message: format!("{}\n{}", error.message, what_lacks(&lacking, folder)), ..error })
        }
        (outcome, archived, _) => first_failure([outcome, archived], observer),
    }
}

/// The moment from which on histories do not count: what `--since` says, or the run whose incomplete archive still lies
/// in the folder, since the new archive takes its place.
fn begins_before(job: &Job, incomplete: Option<&Lacking>, observer: &Arc<dyn Observer>) -> Option<Timestamp> {
    if let Some(incomplete) = incomplete {
        observer.event(Event::Info(format!(
            "The incomplete archive of {} is still in its folder: the new archive holds its content again",
            incomplete.started
        )));
    }
    job.options.since.into_iter().chain(incomplete.and_then(Lacking::began)).min()
}

/// What an operator has to know of an incomplete archive.
fn what_lacks(lacking: &Lacking, folder: &Path) -> String {
    format!(
        "THE ARCHIVE IS INCOMPLETE. It lacks {}\nYou can carry it as it is: disk to mirror names the same images. Or fix the \
         causes and run the same command again. As long as this archive lies in `{}`, the next one holds everything \
         again; once you have moved this one away, the next one holds what is missing. With --all-or-nothing, no incomplete \
         archive is written.",
        lacking.list(),
        folder.display()
    )
}

/// The last step: what stands at the end of the archive, and what is noted of it.
struct End<'a> {
    workspace: &'a Workspace<'a>,
    /// Where the archive lies.
    folder: &'a Path,
    planned: &'a Planned,
    history: &'a History,
    copied: &'a Copied,
    /// What is missing.
    lacking: Option<&'a Lacking>,
}

impl End<'_> {
    async fn write(&self, archiving: Archiving, progress: &mut Progress) -> Result<(), RunError> {
        let (job, observer, working_dir) = (self.workspace.job, self.workspace.observer, &self.workspace.working_dir);
        self.workspace.write_pinned(&self.planned.catalogs, progress)?;
        job.version.write(working_dir.folder())?;
        observer.event(Event::BuildingArchive);
        let arrived = archiving.arrived(self.copied);
        let blobs: Vec<Digest> = arrived.blobs.into_iter().map(|(digest, _)| digest).collect();
        let summary = archiving.finish(self.tail(arrived.links, &blobs)?).await?;
        let warnings = summary.oversized_warnings().into_iter().chain(summary.closing_warning());
        warnings.for_each(|warning| observer.event(Event::Warning(warning)));
        let name = |path: &Path| path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let files = summary.chunks.iter().map(|chunk| ArchiveFile { name: name(&chunk.path), bytes: chunk.bytes });
        let files: Vec<_> = files.collect();
        // Before the history: without it, the next run takes the archive for a complete one, and no blob for carried.
        match self.lacking {
            Some(lacking) => lacking.keep(working_dir, files.clone())?,
            None => Lacking::forget(working_dir)?,
        }
        self.history.write(working_dir.folder(), &blobs, job.started)?;
        for chunk in &summary.chunks {
            observer.event(Event::FileWritten { what: WrittenFile::Archive, path: chunk.path.clone() });
        }
        self.write_sums(summary.chunks.iter().map(|chunk| chunk.path.clone()).collect(), progress).await?;
        progress.archive = Some(ArchiveReport {
            files,
            complete: self.lacking.is_none(),
            lacking: self.lacking.map(|lacking| lacking.lacking.clone()).unwrap_or_default(),
            blobs: blobs.len(),
            blobs_left_out: arrived.left_out,
        });
        Ok(())
    }

    /// Writes the sums of the archive's files when they are asked for; otherwise those of an earlier archive go.
    async fn write_sums(&self, chunks: Vec<PathBuf>, progress: &mut Progress) -> Result<(), RunError> {
        let folder = self.folder.to_owned();
        if !self.workspace.job.options.checksums {
            return Ok(checksums::forget(&folder)?);
        }
        self.workspace.observer.event(Event::Info("reading the archive for its checksums...".to_owned()));
        let path = blocking(move || checksums::write(&folder, &chunks)).await?;
        self.workspace.observer.event(Event::FileWritten { what: WrittenFile::Checksums, path: path.clone() });
        progress.files.push(path);
        Ok(())
    }

    /// The end of the archive: the links, the working directory and the configuration as written. Warns of what cannot
    /// travel.
    fn tail(&self, links: Vec<(String, String)>, blobs: &[Digest]) -> Result<Tail, RunError> {
        let (job, working_dir) = (self.workspace.job, &self.workspace.working_dir);
        let listing = working_dir.files_for_archive()?;
        let left_out = listing.left_out.iter();
        left_out.for_each(|left_out| self.workspace.observer.event(Event::Warning(left_out.to_string())));
        let files = listing.files.into_iter().map(|(name, path)| (format!("{WORKING_DIR}/{name}"), path));
        Ok(Tail {
            links,
            needed: blobs.iter().cloned().collect(),
            folder: working_dir.folder().clone(),
            files: files.collect(),
            note: self.lacking.map(|lacking| (format!("{WORKING_DIR}/{INCOMPLETE}"), lacking.to_json())),
            configuration: (format!("isc_{}", job.stamp()), job.configuration_text.clone()),
        })
    }
}

/// What a run keeps beside the archive.
enum Storage {
    /// The cache of all runs.
    Cache(Store),
    /// What it cannot do without, until it ends.
    Scratch(Scratch),
}

impl Storage {
    fn open(workspace: &Workspace<'_>, folder: &Path) -> Result<Self, RunError> {
        let job = workspace.job;
        Scratch::remove_left_over(folder)?;
        Ok(if job.options.no_cache {
            Self::Scratch(Scratch::create(folder, &workspace.holder())?)
        } else {
            Self::Cache(Store::open_as(&job.cache, &workspace.holder())?)
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
