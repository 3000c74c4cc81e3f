//! Disk to mirror: archive -> destination registry. Opens no connection except to the destination.

use std::path::Path;
use std::sync::Arc;

use archive_format::{Archive, ArchiveError, Store};
use mirror_plan::Destination;

use super::workspace::Workspace;
use super::{Progress, check_access};
use crate::brought::{self, TakenOut};
use crate::outcome::{RunError, generic_from};
use mirror_content::source::Brought;
use mirror_copy::transfers::destination::DestinationRegistry;
use mirror_copy::transfers::earlier::Earlier;
use mirror_copy::transfers::from_archive::FromArchive;
use mirror_job::event::{Event, Observer};
use mirror_job::guard::blocking;
use mirror_job::lacking::Lacking;
use mirror_trust::ArchiveIndex;

generic_from!(oci_transport::Error);

impl From<ArchiveError> for RunError {
    fn from(error: ArchiveError) -> Self {
        let advice = match &error {
            ArchiveError::NoArchives(dir) if !dir.exists() => {
                "; there is no such folder: check the path behind `--from`"
            }
            ArchiveError::NoArchives(_) => "; `--from` takes the folder that holds `mirror_000001.tar`",
            ArchiveError::Folder { dir, .. } if dir.is_file() => {
                "; `--from` takes the folder of the archive, not its file"
            }
            ArchiveError::Empty(_) | ArchiveError::Unreadable { .. } | ArchiveError::Digest { .. } => {
                "; bring this file again, and compare it with `oc-mirror archive verify`"
            }
            _ => "",
        };
        Self::generic(mirror_job::failure::chain(&error) + advice)
    }
}

/// Looks whether `folder` holds an archive, before anything is written there.
///
/// # Errors
/// When there is none, or the folder cannot be read: what to tell the operator.
pub fn expect_archive(folder: &Path) -> Result<(), String> {
    Archive::find(folder).map_err(|error| RunError::from(error).message)
}

pub(super) async fn run(
    workspace: &Workspace<'_>,
    folder: &Path,
    destination: &Destination,
    progress: &mut Progress,
) -> Result<(), RunError> {
    let (job, observer) = (workspace.job, workspace.observer);
    let place = folder.to_owned();
    let archive = Arc::new(blocking(move || Archive::open(&place)).await?);
    if let Some(missing) = archive.missing_files() {
        return Err(RunError::generic(missing.to_string()));
    }
    check_access(job, destination, observer).await?;
    for (index, chunk) in archive.chunks().iter().enumerate() {
        observer.event(Event::ReadingArchive {
            number: index + 1,
            total: archive.chunks().len(),
            path: chunk.path.clone(),
        });
    }
    archive.warnings().iter().for_each(|warning| observer.event(Event::Warning(warning.to_string())));
    let lacking = Lacking::in_archive(&archive).unwrap_or_else(|unreadable| {
        observer.event(Event::Warning(unreadable));
        None
    });
    if let Some(lacking) = &lacking {
        let text =
            format!("The archive is incomplete: when it was made, mirror to disk could not copy {}", lacking.list());
        observer.event(Event::Warning(text));
    }
    let outcome = load(workspace, folder, destination, &archive, lacking.clone(), progress).await;
    match lacking {
        Some(lacking) if !workspace.is_rehearsal() => repeat(&lacking, outcome),
        _ => outcome,
    }
}

/// The outcome of loading an incomplete archive: a failure, with the bits that mirror to disk ended with.
fn repeat(lacking: &Lacking, outcome: Result<(), RunError>) -> Result<(), RunError> {
    let text = format!(
        "The archive is incomplete: when it was made, mirror to disk could not copy {}\nMake another archive where the \
         sources can be reached, and load it too.",
        lacking.list()
    );
    Err(match outcome {
        Ok(()) => RunError { exit_code: lacking.exit_code(), ..RunError::generic(text) },
        Err(error) => {
            let message = format!("{}\n{text}", error.message);
            RunError { exit_code: error.exit_code | lacking.exit_code(), message, ..error }
        }
    })
}

/// Pushes what is in the archive.
async fn load(
    workspace: &Workspace<'_>,
    folder: &Path,
    destination: &Destination,
    archive: &Arc<Archive>,
    lacking: Option<Lacking>,
    progress: &mut Progress,
) -> Result<(), RunError> {
    let (job, observer) = (workspace.job, workspace.observer);
    let store = Store::open_as(&job.cache, &workspace.holder())?;
    // Names in the archive begin with `working-dir/`.
    let beside = workspace.working_dir.root().parent().unwrap_or(folder);
    take_out(archive, &store, beside, observer).await?;
    if let Some(warning) = job.version.compare(workspace.working_dir.folder()) {
        observer.event(Event::Warning(warning.to_string()));
    }

    let planned = workspace.plan(&store, Some(archive), Some(destination)).await?;
    let (from, into, images) = (Arc::clone(archive), store.clone(), Arc::clone(&planned.images));
    let catalogs = job.configuration.mirror.operators.clone();
    blocking(move || brought::take_tags(&from, &into, &images, &catalogs)).await?;
    let trust = workspace.trust(&planned.images)?;
    let index = if trust.travel || trust.gate.is_some() {
        let (archive, store) = (Arc::clone(archive), store.clone());
        let index = blocking(move || ArchiveIndex::new(&archive, &store)).await;
        Some(index.map_err(|error| RunError::generic(error.message))?)
    } else {
        None
    };
    let transfer = FromArchive {
        images: Arc::clone(&planned.images),
        content: Brought::of(Some(archive), &store),
        earlier: Earlier::new(store.clone(), destination.clone(), workspace.working_dir.folder(), Arc::clone(archive)),
        archive: Arc::clone(archive),
        lacking,
        planned: tokio::sync::OnceCell::new(),
        found: std::sync::Mutex::default(),
        destination: DestinationRegistry::of(job, &store, observer),
        image_timeout: job.options.image_timeout,
        trust,
        index,
    };
    workspace.perform_to_registry(&planned, transfer, &store, destination, progress).await
}

/// Takes the small things out of the archive before the planner reads them: files of the working directory below `folder`,
/// and manifests into the cache, so that a later archive of the sequence can leave them out. Layers stay where they are.
async fn take_out(
    archive: &Arc<Archive>,
    store: &Store,
    folder: &Path,
    observer: &Arc<dyn Observer>,
) -> Result<(), RunError> {
    let (archive, store, folder) = (Arc::clone(archive), store.clone(), folder.to_owned());
    let (files, taken) = blocking(move || -> Result<(TakenOut, usize), RunError> {
        let files = brought::take_files(&archive, &folder)?;
        let mut taken = 0;
        for (repository, digest) in archive.revisions() {
            // Links also name manifests that earlier archives brought.
            if archive.blob(&digest).is_some() {
                store.put_manifest(&repository, &archive.manifest(&digest)?)?;
                taken += 1;
            }
        }
        Ok((files, taken))
    })
    .await?;
    let TakenOut { files, left } = files;
    observer.event(Event::Debug(format!(
        "{taken} manifests and {files} files taken out of the archive; layers stay in it, and {left} files of its working \
         directory that are of no use here"
    )));
    Ok(())
}
