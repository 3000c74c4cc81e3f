//! What one run is given: everything settled, nothing of how it is done.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use archive_format::{Holder, VersionMetadata};
use isc_schema::ImageSetConfiguration;
use jiff::Timestamp;
use mirror_plan::{Destination, Mode};
use oci_transport::Client;
use plan_document::Document;

use crate::workdir::WorkingDir;

/// Where content comes from and where it goes.
#[derive(Debug, Clone)]
pub enum Workflow {
    /// Source registries to an archive in `folder`.
    MirrorToDisk {
        /// The folder of the archive; the working directory lies in it.
        folder: PathBuf,
    },
    /// The archive in `folder` to a registry.
    DiskToMirror {
        /// The folder of the archive. Nothing is written there, unless the working directory lies in it.
        folder: PathBuf,
        /// The working directory, a folder of the name `working-dir`.
        working_dir: WorkingDir,
        /// Where to push.
        destination: Destination,
    },
    /// Source registries to a registry.
    MirrorToMirror {
        /// The working directory.
        working_dir: WorkingDir,
        /// Where to push.
        destination: Destination,
    },
}

impl Workflow {
    /// The mode it belongs to.
    pub fn mode(&self) -> Mode {
        match self {
            Self::MirrorToDisk { .. } => Mode::MirrorToDisk,
            Self::DiskToMirror { .. } => Mode::DiskToMirror,
            Self::MirrorToMirror { .. } => Mode::MirrorToMirror,
        }
    }

    /// Its working directory.
    pub fn working_dir(&self) -> WorkingDir {
        match self {
            Self::MirrorToDisk { folder } => WorkingDir::at(folder.join(crate::workdir::WORKING_DIR)),
            Self::DiskToMirror { working_dir, .. } | Self::MirrorToMirror { working_dir, .. } => working_dir.clone(),
        }
    }
}

/// Choices that have a default.
#[derive(Debug, Clone)]
pub struct Options {
    /// Images at once, 1 to 10.
    pub parallel_images: usize,
    /// Layers at once for each of them, 1 to 10.
    pub parallel_layers: usize,
    /// Overall bound of one transfer, attempts included; zero for none.
    pub image_timeout: Duration,
    /// Mirror to disk: ignore histories written on or after this moment.
    pub since: Option<Timestamp>,
    /// Mirror to disk: fail on a file that is larger than an archive file may be.
    pub strict_archive: bool,
    /// Mirror to disk: keep no cache; blobs stream straight into the archive, and what earlier archives hold is not
    /// fetched at all.
    pub no_cache: bool,
    /// Mirror to disk: write no archive when an image is missing.
    pub all_or_nothing: bool,
    /// Whether a rehearsal fails when an image cannot be had or the disk is too small.
    pub check: bool,
    /// Mirror to disk: whether `SHA256SUMS` is written beside the archive.
    pub checksums: bool,
    /// Only say what would be done.
    pub dry_run: DryRun,
    /// Continue even if the disk is too small.
    pub force: bool,
    /// Leave signatures of images behind.
    pub remove_signatures: bool,
    /// Do not verify release signatures.
    pub ignore_release_signature: bool,
    /// The trust policy to enforce.
    pub policy: Option<Arc<registries_conf::Policy>>,
    /// Where simple-signing signatures lie, and where they are written to.
    pub registries_d: Arc<registries_conf::RegistriesD>,
    /// Where they lie when `registries_d` does not say.
    pub default_lookaside: Option<PathBuf>,
    /// Rules by which operator versions are selected.
    pub operator_selection: fbc_catalog::RuleSet,
    /// Refuse operator versions that break an upgrade graph, instead of adding those that hold it together.
    pub strict_selection: bool,
    /// Add the releases that an upgrade has to pass on its way.
    pub add_intermediate_releases: bool,
    /// Endpoint of the update graph, instead of the public one; also means that the graph image is not built.
    pub update_url: Option<String>,
    /// Where the data of the update graph image come from, instead of the public address.
    pub graph_data_url: Option<String>,
    /// What the update graph image is built on, instead of the public base image.
    pub graph_base_image: Option<String>,
    /// Only versions that this regular expression matches can be head or first of a channel.
    pub version_filter: Option<String>,
    /// Base URL of release signatures, instead of the public one.
    pub signature_url: Option<String>,
    /// Armored public keys for release signatures, instead of the built-in ones.
    pub signature_key: Option<Vec<u8>>,
    /// Variables of the environment that replace the signature key or an address, with their values: the result document
    /// names them.
    pub variables: BTreeMap<String, String>,
    /// Private key (PEM) that rebuilt catalogs are signed with.
    pub sign_catalogs: Option<Vec<u8>>,
    /// The cache's name in mapping files and delete lists, `localhost:<port>`.
    pub cache_host: String,
    /// The plan to carry out, exactly, instead of collecting what the configuration asks for.
    pub approved: Option<Arc<Document>>,
    /// The part of that plan that this machine carries out; none means all of it.
    pub shard: Option<Shard>,
}

/// The part of an approved plan that one of several machines carries out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shard {
    /// Which part.
    pub part: Part,
    /// How many workers there are, the finisher not counted.
    pub workers: usize,
    /// A worker: how long it waits for blobs that other workers send.
    pub patience: Duration,
    /// The finisher: how long it waits for the other workers when nothing new arrives.
    pub wait: Duration,
}

/// A part of a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// That of one worker, from 0.
    Worker(usize),
    /// What has to come last, and what the workers did not bring.
    Finisher,
}

impl Shard {
    /// The bit of the exit code that says that running again cannot help.
    pub const HOPELESS: u8 = 32;
}

/// Whether a run only says what it would do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DryRun {
    /// It does it.
    #[default]
    No,
    /// It writes mapping files.
    Images,
    /// The same, with a line for each instance of a list.
    ImagesAndInstances,
    /// It writes the plan alone, with everything that the sources know.
    Plan,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            parallel_images: 4,
            parallel_layers: 5,
            image_timeout: Duration::from_secs(600),
            since: None,
            strict_archive: false,
            no_cache: false,
            all_or_nothing: false,
            check: false,
            checksums: false,
            dry_run: DryRun::No,
            force: false,
            remove_signatures: false,
            ignore_release_signature: false,
            policy: None,
            registries_d: Arc::default(),
            default_lookaside: None,
            operator_selection: fbc_catalog::RuleSet::VersionRange,
            strict_selection: false,
            add_intermediate_releases: false,
            update_url: None,
            graph_data_url: None,
            graph_base_image: None,
            version_filter: None,
            signature_url: None,
            signature_key: None,
            variables: BTreeMap::new(),
            sign_catalogs: None,
            cache_host: "localhost:55000".to_owned(),
            approved: None,
            shard: None,
        }
    }
}

/// Where relative paths of a configuration begin.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Folders {
    /// The folder that the program runs in: paths of local charts, as upstream has it.
    pub current: PathBuf,
    /// The folder of the configuration: paths of `valuesFiles`, and of local charts that are not in the other.
    pub configuration: PathBuf,
}

impl Folders {
    /// Where a local chart may lie, the likeliest first.
    pub fn places(&self, path: &str) -> Vec<PathBuf> {
        let mut places = vec![self.current.join(path), self.configuration.join(path)];
        places.dedup();
        places
    }

    /// Where a file beside the configuration lies.
    pub fn of_configuration(&self, path: &str) -> PathBuf {
        self.configuration.join(path)
    }
}

/// Everything one run needs, but from where to where: a run of the program that mirrors nothing has no [`Workflow`].
pub struct Job {
    /// What to mirror.
    pub configuration: ImageSetConfiguration,
    /// The configuration as written; it travels in the archive.
    pub configuration_text: Vec<u8>,
    /// Where relative paths of charts and values begin.
    pub folders: Folders,
    /// Root of the cache, `<base>/.oc-mirror/.cache`.
    pub cache: PathBuf,
    /// Client for source registries.
    pub source: Client,
    /// Client for the destination registry.
    pub destination: Client,
    /// Choices.
    pub options: Options,
    /// When the run started; names files.
    pub started: Timestamp,
    /// The same in local time, `YYYYMMDD_hhmmss`; names log files.
    pub log_stamp: String,
    /// This program.
    pub version: VersionMetadata,
    /// What was warned about before the run: its document tells that too.
    pub warnings: Vec<String>,
}

impl std::fmt::Debug for Job {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Job").field("options", &self.options).finish_non_exhaustive()
    }
}

impl Job {
    /// What lock files say about this run, which does `work`: a mode, or the name of a command.
    pub fn holder(&self, work: &str) -> Holder {
        Holder::this_process(work, self.stamp())
    }

    /// The moment of the run in the form that file names carry: `2026-08-01T10:20:30Z`.
    pub fn stamp(&self) -> String {
        self.started.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
    }
}
