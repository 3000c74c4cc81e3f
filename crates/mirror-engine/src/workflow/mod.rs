//! The workflows: one file each, and what they share.

mod disk_to_mirror;
mod mirror_to_disk;
mod mirror_to_mirror;
mod stage;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use archive_format::{Holder, VersionMetadata};
use isc_schema::ImageSetConfiguration;
use jiff::Timestamp;
use mirror_plan::{Destination, Mode, Plan};
use oci_transport::Client;

pub use self::disk_to_mirror::expect_archive;
use crate::collect::CollectErrors;
use crate::copy::{Copied, Limits};
use crate::event::{Event, Observer};
use crate::guard::{Panicked, guarded};
use crate::heard::Heard;
use crate::report::{ArchiveReport, RequestReport, RunReport, save};
use crate::visible;
use crate::workdir::{WorkingDir, write_whole};

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
    /// Only say what would be done.
    pub dry_run: DryRun,
    /// Go on although it cannot fit.
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
        }
    }
}

impl Options {
    fn limits(&self) -> Limits {
        let blobs = self.parallel_images.max(1) * self.parallel_layers.max(1);
        // Manifest requests are small; as many of them as blobs may run keeps the blob queue fed.
        Limits { images: blobs, blobs }
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
    pub(crate) fn places(&self, path: &str) -> Vec<PathBuf> {
        let mut places = vec![self.current.join(path), self.configuration.join(path)];
        places.dedup();
        places
    }

    /// Where a file beside the configuration lies.
    pub(crate) fn of_configuration(&self, path: &str) -> PathBuf {
        self.configuration.join(path)
    }
}

/// Everything one run needs.
pub struct Job {
    /// From where to where.
    pub workflow: Workflow,
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
        f.debug_struct("Job").field("workflow", &self.workflow).field("options", &self.options).finish_non_exhaustive()
    }
}

impl Job {
    /// What lock files say about this run.
    pub(crate) fn holder(&self) -> Holder {
        Holder::this_process(self.workflow.mode().as_str(), self.stamp())
    }

    /// The moment of the run in the form that file names carry: `2026-08-01T10:20:30Z`.
    pub(crate) fn stamp(&self) -> String {
        self.started.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
    }
}

/// Why a run ended early.
#[derive(Debug)]
pub(crate) struct RunError {
    /// The exit code (`docs/behaviour/config-cli.md` 3).
    pub(crate) exit_code: u8,
    /// The whole chain of reasons.
    pub(crate) message: String,
}

impl RunError {
    /// An error of the generic kind, exit code 1.
    pub(crate) fn generic(message: impl Into<String>) -> Self {
        Self { exit_code: 1, message: message.into() }
    }
}

impl From<CollectErrors> for RunError {
    fn from(errors: CollectErrors) -> Self {
        Self { exit_code: errors.exit_code(), message: errors.message() }
    }
}

/// Makes `?` turn an error with sources into a generic [`RunError`].
macro_rules! generic_from {
    ($($error:ty),* $(,)?) => {
        $(impl From<$error> for RunError {
            fn from(error: $error) -> Self {
                Self::generic(crate::copy::chain(&error))
            }
        })*
    };
}
pub(crate) use generic_from;

generic_from!(std::io::Error, archive_format::StoreError, Panicked);

/// What a workflow leaves behind, whether it succeeded or not.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    pub(crate) copied: Option<Copied>,
    pub(crate) archive: Option<ArchiveReport>,
    pub(crate) files: Vec<PathBuf>,
    /// What a dry run found.
    pub(crate) sizes: Option<crate::dry_run::Sizes>,
}

/// Runs a workflow to its end. Every outcome is in the report, failure included.
pub async fn run(job: Job, observer: Arc<dyn Observer>) -> RunReport {
    let heard = Heard::new(&observer, &job.warnings, &[&job.source, &job.destination]);
    let observer: Arc<dyn Observer> = Arc::clone(&heard) as Arc<dyn Observer>;
    let mode = job.workflow.mode();
    let mut progress = Progress::default();
    observer.event(Event::Mode(mode));
    let work = async {
        match mode {
            Mode::MirrorToDisk => mirror_to_disk::run(&job, &observer, &mut progress).await,
            Mode::DiskToMirror => disk_to_mirror::run(&job, &observer, &mut progress).await,
            Mode::MirrorToMirror => mirror_to_mirror::run(&job, &observer, &mut progress).await,
        }
    };
    let outcome = guarded(Box::pin(work)).await.unwrap_or_else(|panicked| Err(panicked.into()));
    let working_dir = job.workflow.working_dir();
    let (images, bytes_moved, bytes_saved) = match progress.copied {
        Some(copied) => (copied.images, copied.bytes_moved, copied.bytes_saved),
        None => (Vec::new(), 0, 0),
    };
    let mut report = RunReport {
        format: 1,
        mode,
        families: RunReport::count(&images),
        images,
        bytes_moved,
        bytes_saved,
        archive: progress.archive,
        sizes: progress.sizes,
        requests: RequestReport::of(&job.source, &job.destination),
        variables: job.options.variables.iter().map(|(name, value)| (name.clone(), heard.clean(value))).collect(),
        files: progress.files.iter().map(|path| working_dir.name_of(path)).collect(),
        warnings: heard.take(),
        exit_code: outcome.as_ref().err().map_or(0, |error| error.exit_code),
        error: outcome.err().map(|error| heard.clean(&error.message)),
    };
    if let Err(warning) = save(&report, &working_dir.logs(), &job.log_stamp) {
        observer.event(Event::Warning(warning));
        report.warnings.extend(heard.take());
    }
    report
}

/// The steps that follow copying in every workflow: results, the file of errors, the exit code.
fn conclude(
    job: &Job,
    copied: &Copied,
    files: &mut Vec<PathBuf>,
    observer: &Arc<dyn Observer>,
) -> Result<(), RunError> {
    let families = RunReport::count(&copied.images);
    observer.event(Event::Results(families.clone()));
    let exit_code = RunReport::copy_exit_code(&families);
    if exit_code == 0 {
        return Ok(());
    }
    let lines: Vec<String> = copied
        .images
        .iter()
        .filter_map(|image| {
            let error = image.error.as_ref()?;
            Some(format!("error mirroring image {}{} error: {}", image.origin, image.association(), error.message))
        })
        .collect();
    for line in &lines {
        observer.event(Event::Error(format!("[Worker] {line}")));
    }
    let logs = job.workflow.working_dir().logs();
    let path = logs.path().join(format!("mirroring_errors_{}.txt", job.log_stamp));
    let mut text = lines.iter().map(|line| visible::message(line)).collect::<Vec<_>>().join("\n");
    text.push('\n');
    // A full disk is a likely cause of all of it, and must not hide the outcome.
    let review = match write_whole(&logs, &path, text.as_bytes()) {
        Ok(()) => {
            let review = format!("Please review {} for a list of mirroring errors.", path.display());
            files.push(path);
            review
        }
        Err(error) => format!("Their list could not be written ({error}); they stand above."),
    };
    let retry = copied.images.iter().filter_map(|image| image.error.as_ref()).any(|error| error.retry_can_help);
    let advice = match (retry, job.options.no_cache) {
        (true, false) => "run the same command again: what arrived is kept, only the rest is fetched",
        (true, true) => "run the same command again: without a cache everything is fetched again",
        (false, _) => "running again will not help until the causes are mended",
    };
    Err(RunError {
        exit_code,
        message: format!(
            "[Worker] some errors occurred during the mirroring. {review} You \
             may consider:\n* removing images or operators that cause the error from the image set config, and \
             retrying\n* keeping the image set config (images are mandatory for you), and retrying\n* mirroring the \
             failing images manually, if retries also fail.\n{advice}"
        ),
    })
}

/// Whether the destination registry answers and knows us, before anything else is done.
async fn check_access(job: &Job, destination: &Destination, observer: &Arc<dyn Observer>) -> Result<(), RunError> {
    let refused = |why: String| RunError::generic(format!("checking registry \"{destination}\" access: {why}"));
    if let Some(blocked) = job.destination.options().registries.blocked(&destination.to_string()) {
        return Err(refused(blocked.to_string()));
    }
    // With the credentials of the namespace: an auth file may have no others for this registry.
    job.destination.ping(&destination.to_string()).await.map_err(|error| refused(crate::copy::chain(&error)))?;
    let text = format!("Verified that we can authenticate against registry \"{}\"", destination.registry());
    observer.event(Event::Info(text));
    Ok(())
}

/// The first failure is the outcome of the run; others are told beside it.
fn first_failure<const N: usize>(
    steps: [Result<(), RunError>; N],
    observer: &Arc<dyn Observer>,
) -> Result<(), RunError> {
    let mut failures = steps.into_iter().filter_map(Result::err);
    let Some(first) = failures.next() else { return Ok(()) };
    failures.for_each(|other| observer.event(Event::Error(other.message)));
    Err(first)
}

fn refuse_empty(plan: &Plan, observer: &Arc<dyn Observer>) -> Result<(), RunError> {
    if !plan.images.is_empty() {
        return Ok(());
    }
    observer.event(Event::Info("No images to mirror...".to_owned()));
    Err(RunError::generic("no images to copy: the configuration asks for none, or all of them are blocked"))
}
