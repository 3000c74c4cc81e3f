//! An archive that is written while the images of a run arrive, and the reasons for which a run writes none.

use std::collections::HashSet;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use archive_format::layout::blob_name;
use archive_format::{ArchiveOptions, ArchiveSummary, History, Store};
use image_ref::Digest;
use mirror_plan::{Family, PlannedImage};
use oci_manifest::{ImageTree, total};

use crate::dry_run::{archive_sizes, cached_bytes, unique};
use crate::outcome::RunError;
use crate::room;
use mirror_copy::archive_builder::{ArchiveBuilder, BlobsFrom, BuildError, Contents, ReadyBlobs, Tail};
use mirror_copy::transfers::into_store::Follower;
use mirror_copy::{Copied, queue_order};
use mirror_job::failure::{Condition, CopyError};
use mirror_job::guard::blocking;
use mirror_job::job::Job;
use mirror_job::lacking::{Lacking, files_in};
use mirror_job::report::ArchiveFile;
use mirror_job::workdir::{Listing, WorkingDir};

/// An archive on its way, and who tells it about the images.
pub(super) struct Archiving {
    builder: ArchiveBuilder,
    follower: Arc<ArchiveFollower>,
}

impl Archiving {
    pub(super) fn start(
        job: &Job,
        folder: &Path,
        images: &Arc<Vec<PlannedImage>>,
        history: &History,
        from: BlobsFrom,
        working_dir: &WorkingDir,
        may_be_incomplete: bool,
    ) -> Result<Self, RunError> {
        let options = ArchiveOptions::from_archive_size(job.configuration.archive_size_gib, job.options.strict_archive);
        let cache = match &from {
            BlobsFrom::Store(cache) => Some(cache.clone()),
            BlobsFrom::Slots(_) => None,
        };
        let builder = ArchiveBuilder::start(folder.to_owned(), options.clone(), from)?;
        let follower = Arc::new(ArchiveFollower {
            images: Arc::clone(images),
            history: history.digests.clone(),
            ready: builder.ready_blobs(),
            trees: Mutex::default(),
            may_be_incomplete,
            strict: job.options.strict_archive.then(|| Strict { options, working_dir: working_dir.clone() }),
            room: (!job.options.force).then(|| Room { cache, folder: folder.to_owned() }),
        });
        Ok(Self { builder, follower })
    }

    pub(super) fn follower(&self) -> Arc<dyn Follower> {
        Arc::clone(&self.follower) as Arc<dyn Follower>
    }

    /// Links and blobs of the images that are there.
    pub(super) fn arrived(&self, copied: &Copied) -> Contents {
        self.follower.contents(|at| copied.images.get(at).is_some_and(|image| image.outcome.is_there()))
    }

    /// The archive with this end, under its final names.
    pub(super) async fn finish(self, tail: Tail) -> Result<ArchiveSummary, BuildError> {
        let builder = self.builder;
        blocking(move || builder.finish(tail)).await
    }

    /// Why the archive could not be written, if that was so.
    pub(super) async fn abandon(self) -> Option<BuildError> {
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
    /// What the images consist of, in plan order, once all have been resolved or have failed.
    trees: Mutex<Vec<Option<Arc<ImageTree>>>>,
    /// Whether there will be an archive when an image is missing.
    may_be_incomplete: bool,
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
            .map_err(|error| CopyError::permanent(Condition::Archive, error.to_string()))
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
        room::refuse(&needs).map_err(|short| CopyError::permanent(Condition::NoRoom, short.to_string()))
    }
}

impl ArchiveFollower {
    /// Links and blobs of those images, given by their place in the plan, that have been resolved.
    fn contents(&self, takes: impl Fn(usize) -> bool) -> Contents {
        let trees = self.trees.lock().expect("no holder panics");
        let named = self.images.iter().zip(trees.iter()).enumerate().filter(|(at, _)| takes(*at));
        let named = named.filter_map(|(_, (image, tree))| {
            Some((image.cache.repository.as_str(), image.cache.tag.as_str(), tree.as_deref()?))
        });
        Contents::of(named, &self.history, queue_order)
    }

    /// Whether there will be an archive, as far as it can be told before layers move. Writing one for nothing would only
    /// cost disk.
    fn will_be_written(&self, trees: &[Option<Arc<ImageTree>>]) -> bool {
        let missing = || self.images.iter().zip(trees).filter(|(_, tree)| tree.is_none());
        let allowed = self.may_be_incomplete && missing().all(|(image, _)| image.kind.family() != Family::Release);
        missing().next().is_none() || (allowed && trees.iter().any(Option::is_some))
    }
}

impl Follower for ArchiveFollower {
    fn all_resolved(&self, trees: &[Option<Arc<ImageTree>>]) -> Result<(), CopyError> {
        trees.clone_into(&mut self.trees.lock().expect("no holder panics"));
        if !self.will_be_written(trees) {
            return self.room.as_ref().map_or(Ok(()), |room| room.check(trees, 0));
        }
        let contents = self.contents(|_| true);
        if let Some(strict) = &self.strict {
            strict.check(&contents)?;
        }
        if let Some(room) = &self.room {
            room.check(trees, archive_sizes(&contents, &[], u64::MAX).bytes)?;
        }
        self.ready.begin(contents);
        Ok(())
    }

    fn resolves_first(&self) -> bool {
        self.strict.is_some()
    }

    fn ready(&self, digest: &Digest) {
        self.ready.ready(digest);
    }

    fn lost(&self, digest: &Digest) {
        self.ready.lost(digest);
    }
}

/// Why a run with a missing image leaves no archive. The text says what to do.
#[derive(Debug)]
pub(super) enum NoArchive {
    /// A release image failed.
    Release,
    /// A signature policy refused an image.
    Policy(String),
    /// `--all-or-nothing`.
    AllOrNothing,
    /// `--no-cache`.
    NoCache,
    /// No image is complete.
    Nothing,
    /// A complete archive of an earlier run lies in the folder.
    Earlier(PathBuf, Vec<ArchiveFile>),
}

impl NoArchive {
    /// The reason, if there is one.
    pub(super) fn because(job: &Job, copied: &Copied, earlier: Option<Self>) -> Option<Self> {
        let failed = || copied.images.iter().filter(|image| !image.outcome.is_there());
        let refused =
            failed().find(|image| image.error.as_ref().is_some_and(|error| error.condition == Condition::Policy));
        if failed().any(|image| image.kind.family() == Family::Release) {
            Some(Self::Release)
        } else if let Some(refused) = refused {
            Some(Self::Policy(refused.origin.clone()))
        } else if job.options.all_or_nothing {
            Some(Self::AllOrNothing)
        } else if job.options.no_cache {
            Some(Self::NoCache)
        } else if failed().count() == copied.images.len() {
            Some(Self::Nothing)
        } else {
            earlier
        }
    }

    /// The complete archive that lies in `folder`; none where nothing does, or an incomplete one.
    pub(super) fn earlier(folder: &Path, incomplete: Option<&Lacking>) -> Option<Self> {
        let files = files_in(folder);
        (incomplete.is_none() && !files.is_empty()).then(|| Self::Earlier(folder.to_owned(), files))
    }

    /// The outcome of the run, with this reason and what is missing behind it.
    pub(super) fn tell(&self, outcome: Result<(), RunError>, lacking: Option<&Lacking>) -> Result<(), RunError> {
        let missing = lacking.map(|lacking| format!("\nThe archive would lack {}", lacking.list())).unwrap_or_default();
        outcome.map_err(|error| RunError {
            message: format!("{}\nNo archive was written: {self}{missing}", error.message),
            ..error
        })
    }
}

impl fmt::Display for NoArchive {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Release => f.write_str("an image of a release is missing, and a release is of no use without it."),
            Self::Policy(origin) => write!(
                f,
                "the signature policy does not let {origin} pass. Have the image signed, change the policy, or remove the \
                 image from the configuration."
            ),
            Self::Nothing => f.write_str("no image is complete."),
            Self::AllOrNothing => f.write_str("--all-or-nothing asks for all images."),
            Self::NoCache => f.write_str(
                "with --no-cache an archive holds all images. Without the flag, it holds those that are complete.",
            ),
            Self::Earlier(folder, files) => {
                let names: Vec<&str> = files.iter().map(|file| file.name.as_str()).collect();
                write!(
                    f,
                    "an incomplete archive never replaces a complete one, and `{}` holds {}. Carry that archive, move it to \
                     another folder, and run the same command again.",
                    folder.display(),
                    names.join(", ")
                )
            }
        }
    }
}
