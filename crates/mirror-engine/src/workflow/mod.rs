//! The workflows: one file each, and what they share.

mod archiving;
mod checksums;
mod disk_to_mirror;
mod mirror_to_disk;
mod mirror_to_mirror;
mod replaced;
mod workspace;

use std::path::PathBuf;
use std::sync::Arc;

use mirror_plan::{Destination, Plan, PlannedImage};
use rooted_folder::RootedFolder;

pub use self::disk_to_mirror::expect_archive;
use self::workspace::Workspace;
use crate::outcome::{RunError, diagnostic};
use crate::visible;
use crate::warnings::Warnings;
use mirror_copy::Copied;
use mirror_job::event::{Event, Observer};
use mirror_job::failure::{Condition, chain};
use mirror_job::guard::guarded;
use mirror_job::job::{Job, Shard, Workflow};
use mirror_job::report::{ArchiveReport, ImageError, ImageOutcome, ImageReport, RequestReport, RunReport, Sizes, save};
use mirror_job::workdir::write_whole;

/// What a workflow leaves behind, whether it succeeded or not.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    pub(crate) copied: Option<Copied>,
    pub(crate) archive: Option<ArchiveReport>,
    pub(crate) files: Vec<PathBuf>,
    /// What a dry run found.
    pub(crate) sizes: Option<Sizes>,
}

/// Runs a workflow to its end. Every outcome is in the report, failure included.
pub async fn run(job: Job, workflow: Workflow, observer: Arc<dyn Observer>) -> RunReport {
    let heard = Warnings::new(&observer, &job.warnings, &[&job.source, &job.destination]);
    let observer: Arc<dyn Observer> = Arc::clone(&heard) as Arc<dyn Observer>;
    let (mode, working_dir) = (workflow.mode(), workflow.working_dir());
    let mut progress = Progress::default();
    observer.event(Event::Mode(mode));
    let work = async {
        let workspace = Workspace::set(&job, &workflow, &observer)?;
        match &workflow {
            Workflow::MirrorToDisk { folder } => mirror_to_disk::run(&workspace, folder, &mut progress).await,
            Workflow::DiskToMirror { folder, destination, .. } => {
                disk_to_mirror::run(&workspace, folder, destination, &mut progress).await
            }
            Workflow::MirrorToMirror { destination, .. } => {
                mirror_to_mirror::run(&workspace, destination, &mut progress).await
            }
        }
    };
    let outcome = guarded(Box::pin(work)).await.unwrap_or_else(|panicked| Err(panicked.into()));
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
        diagnostics: outcome.as_ref().err().map(|error| error.diagnostics.clone()).unwrap_or_default(),
        exit_code: outcome.as_ref().err().map_or(0, |error| error.exit_code),
        error: outcome.err().map(|error| heard.clean(&error.message)),
    };
    for found in &mut report.diagnostics {
        found.message = heard.clean(&found.message);
    }
    if let Err(warning) = save(&report, &working_dir.logs(), &job.log_stamp) {
        observer.event(Event::Warning(warning));
        report.warnings.extend(heard.take());
    }
    report
}

/// The steps that follow copying in every workflow: results, the file of errors, the exit code.
fn conclude(
    job: &Job,
    logs: &RootedFolder,
    images: &[PlannedImage],
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
    let lines: Vec<String> = copied.images.iter().filter_map(ImageReport::error_line).collect();
    let path = logs.path().join(format!("mirroring_errors_{}.txt", job.log_stamp));
    let mut text = lines.iter().map(|line| visible::message(line)).collect::<Vec<_>>().join("\n");
    text.push('\n');
    // A full disk is a likely cause of all of it, and must not hide the outcome.
    let review = match write_whole(logs, &path, text.as_bytes()) {
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
        (false, _) => "Fix the causes above first; the same run would fail again.",
    };
    let gone = copied
        .images
        .iter()
        .filter_map(|image| image.error.as_ref())
        .any(|error| error.condition == Condition::NOT_FOUND);
    let advice = match &job.options.approved {
        Some(plan) if gone => format!(
            "{advice}\nA source does not have an image of the plan any more: the plan is of {}; make a new plan, or load the \
             image from an archive",
            plan.created
        ),
        _ => advice.to_owned(),
    };
    // A proxy that fails now may work when the next pod starts.
    let may_pass = |error: &ImageError| {
        error.retry_can_help || error.condition == Condition::Transport(oci_transport::Condition::Proxy)
    };
    let passes = copied.images.iter().filter_map(|image| image.error.as_ref()).any(may_pass);
    let hopeless = if passes || job.options.shard.is_none() { 0 } else { Shard::HOPELESS };
    let mirror = &job.configuration.mirror;
    // What only needs a failed image has no fault of its own.
    let failed = images.iter().zip(&copied.images).filter(|(_, report)| report.outcome == ImageOutcome::Failed);
    let diagnostics = failed.filter_map(|(image, report)| {
        let error = report.error.as_ref()?;
        Some(diagnostic(mirror, image, error.condition, &error.message))
    });
    Err(RunError {
        exit_code: exit_code | hopeless,
        diagnostics: diagnostics.filter(|found| found.line > 0).collect(),
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
    job.destination.ping(&destination.to_string()).await.map_err(|error| refused(chain(&error)))?;
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
