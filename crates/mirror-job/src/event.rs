//! What a run tells while it runs. Libraries tell, the program draws: the terminal, the log file and JSON are made
//! from these events in the command line program.

use std::path::PathBuf;

use image_ref::Digest;
use mirror_plan::{Family, ImageKind, Mode};

use crate::report::FamilyCount;

/// Something that happened. Sizes are bytes.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Event {
    /// The workflow is known.
    Mode(Mode),
    /// The images that the configuration asks for are being determined.
    Discovering,
    /// One family of the configuration is being collected.
    Collecting(Family),
    /// A step of collecting that a person wants to see: a catalog or release by name.
    Collected {
        /// What kind of thing.
        what: CollectedItem,
        /// Its name.
        name: String,
    },
    /// Catalogs are being rebuilt.
    RebuildingCatalogs,
    /// One archive file has been indexed, number `number` of `total`.
    ReadingArchive {
        /// Position, from 1.
        number: usize,
        /// How many files the archive has.
        total: usize,
        /// The file.
        path: PathBuf,
    },
    /// Copying starts.
    CopyStarted {
        /// How many images the plan holds.
        images: usize,
    },
    /// What is known of the work so far; grows while manifests are read.
    Totals(Totals),
    /// A blob begins to travel.
    TransferStarted {
        /// The blob.
        blob: Digest,
        /// Its size in bytes.
        size: u64,
        /// The name of an image that it belongs to.
        origin: String,
    },
    /// A blob has arrived, or its transfer has failed.
    TransferEnded {
        /// The blob.
        blob: Digest,
    },
    /// Bytes of layers and configs arrived (or were sent).
    Advanced {
        /// The blob.
        blob: Digest,
        /// Bytes since the last event of this kind for the blob.
        bytes: u64,
    },
    /// An image is done.
    ImageFinished {
        /// Its role.
        kind: ImageKind,
        /// Its name in logs.
        origin: String,
        /// Where it went: `cache` or `host/namespace/`.
        target: String,
        /// The digest it has there.
        digest: Option<Digest>,
        /// Whether it was complete before this run.
        already_there: bool,
    },
    /// An image failed.
    ImageFailed {
        /// Its line in the list of errors.
        line: String,
        /// Whether it failed only because an image that it needs failed, which an event has told.
        follows: bool,
    },
    /// Copying ended; counts per family.
    Results(Vec<FamilyCount>),
    /// The archive is being written (it started while images were still arriving).
    BuildingArchive,
    /// A file for the operator was written.
    FileWritten {
        /// What it is.
        what: WrittenFile,
        /// Where.
        path: PathBuf,
    },
    /// The cluster resources are being generated.
    GeneratingResources,
    /// One kind of cluster resource is being generated, or why it is not.
    Resources(&'static str),
    /// Images of the plan that the cache lacks, as a dry run found. A warning.
    NotCached {
        /// How many.
        missing: usize,
        /// Images of the plan.
        total: usize,
    },
    /// The list of images to delete is being made.
    MakingDeleteList,
    /// The images of a list are being deleted.
    DeleteStarted {
        /// How many the list names.
        images: usize,
    },
    /// A catalog was rebuilt, and there is no key to sign it with.
    CatalogNotSigned {
        /// Its name in logs.
        catalog: String,
    },
    /// A request is tried again after a pause.
    Waiting(oci_transport::Waiting),
    /// A line of plain information.
    Info(String),
    /// A warning: the run goes on.
    Warning(String),
    /// An error that does not end the run at once.
    Error(String),
    /// Detail for `--log-level debug`.
    Debug(String),
}

/// What a step of collecting is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CollectedItem {
    /// An operator catalog.
    Catalog,
    /// A release.
    Release,
    /// A Helm chart.
    Chart,
}

/// A file that a run writes for the operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WrittenFile {
    /// A file of the archive.
    Archive,
    /// The checksums of the archive's files.
    Checksums,
    /// The list of all images of a dry run.
    Mapping,
    /// The configuration with its catalogs pinned.
    PinnedConfiguration,
    /// What deletes the same, with its catalogs pinned.
    PinnedDeletion,
    /// A cluster resource.
    ClusterResource,
    /// A file of a list of images to delete.
    DeleteList,
}

impl Event {
    /// What the event warns of; none for events that are no warnings.
    pub fn warning(&self) -> Option<String> {
        match self {
            Self::Warning(text) => Some(text.clone()),
            Self::NotCached { missing, total } => {
                Some(format!("{missing}/{total} images necessary for mirroring are not available in the cache."))
            }
            _ => None,
        }
    }
}

/// How much work there is, as far as it is known.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Totals {
    /// Images whose manifests are known.
    pub images_resolved: usize,
    /// All images of the plan.
    pub images: usize,
    /// How much of them is in place, in thousandths of an image: 2500 are two images and a half.
    pub images_in_place: u64,
    /// Unique blobs to transfer.
    pub blobs: usize,
    /// Their size in bytes.
    pub bytes: u64,
    /// Bytes that need not travel because they are already there.
    pub bytes_saved: u64,
    /// Whether every image has been looked at, so that the figures are final.
    pub complete: bool,
}

/// Says that a variable of the environment, `name`, decides something.
pub fn uses_variable(name: &str, value: &str) -> String {
    format!("Using the {name} environment variable: {value}")
}

/// Receives the events of a run. Called from several tasks at once; must not block for long.
pub trait Observer: Send + Sync {
    /// One event.
    fn event(&self, event: Event);

    /// A text without the secrets of the run. Whatever is kept or written passes here; see [`oci_transport::Redactor`].
    fn clean(&self, text: &str) -> String {
        text.to_owned()
    }
}

/// Hears nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoObserver;

impl Observer for NoObserver {
    fn event(&self, _: Event) {}
}
