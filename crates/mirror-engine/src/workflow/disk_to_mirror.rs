//! Disk to mirror: archive -> destination registry. Opens no connection except to the destination.

use std::sync::Arc;

use archive_format::{Archive, ArchiveError, Store, WorkspaceLock};
use mirror_plan::Mode;

use super::{
    DryRun, Job, Progress, RunError, Workflow, check_access, conclude, first_failure, generic_from, refuse_empty,
};
use crate::carrier::blocking;
use crate::carrier::destination::DestinationRegistry;
use crate::carrier::earlier::Earlier;
use crate::carrier::from_archive::FromArchive;
use crate::collect::{Collecting, collect};
use crate::copy::copy;
use crate::dry_run::{Rehearsal, rehearse};
use crate::event::{Event, Observer};
use crate::resources::{Generation, Previous};
use crate::trust::{ArchiveShelf, Trust};

generic_from!(oci_transport::Error);

impl From<ArchiveError> for RunError {
    fn from(error: ArchiveError) -> Self {
        let advice = match error {
            ArchiveError::NoArchives(_) => "; `--from` takes the folder that holds `mirror_000001.tar`",
            ArchiveError::Empty(_) | ArchiveError::Unreadable { .. } | ArchiveError::Digest { .. } => {
                "; bring this file again, and compare it with `oc-mirror archive verify`"
            }
            _ => "",
        };
        Self::generic(crate::copy::chain(&error) + advice)
    }
}

pub(super) async fn run(job: &Job, observer: &Arc<dyn Observer>, progress: &mut Progress) -> Result<(), RunError> {
    let Workflow::DiskToMirror { folder, destination } = &job.workflow else {
        return Err(RunError::generic("this is not disk to mirror"));
    };
    let working_dir = job.workflow.working_dir();
    working_dir.create()?;
    let _lock = WorkspaceLock::acquire(working_dir.root(), &job.holder())?;
    let previous = Previous::read(&working_dir);
    if job.options.dry_run == DryRun::No {
        working_dir.wipe_cluster_resources()?;
    }

    let place = folder.clone();
    let archive = Arc::new(blocking(move || Archive::open(&place)).await?);
    for (index, chunk) in archive.chunks().iter().enumerate() {
        observer.event(Event::ReadingArchive {
            number: index + 1,
            total: archive.chunks().len(),
            path: chunk.path.clone(),
        });
    }
    archive.warnings().iter().for_each(|warning| observer.event(Event::Warning(warning.to_string())));
    check_access(job, destination).await?;
    let store = Store::open_as(&job.cache, &job.holder())?;
    take_out(&archive, &store, folder, observer).await?;
    if let Some(warning) = job.version.compare(working_dir.root()) {
        observer.event(Event::Warning(warning.to_string()));
    }

    observer.event(Event::Discovering);
    let plan = collect(&Collecting {
        mode: Mode::DiskToMirror,
        job,
        working_dir: &working_dir,
        store: &store,
        archive: Some(&archive),
        destination: Some(destination),
        observer,
    })
    .await?;
    refuse_empty(&plan, observer)?;
    let images = Arc::new(plan.images);
    let trust = Trust::of(job)?;
    let shelf = if trust.travel || trust.gate.is_some() {
        let (archive, store) = (Arc::clone(&archive), store.clone());
        let shelf = blocking(move || ArchiveShelf::new(&archive, &store)).await;
        Some(shelf.map_err(|error| RunError::generic(error.message))?)
    } else {
        None
    };
    let rehearsal_store = store.clone();
    let carrier = Arc::new(FromArchive {
        images: Arc::clone(&images),
        archive,
        earlier: Earlier::new(store.clone(), destination.clone()),
        store,
        destination: DestinationRegistry { client: job.destination.clone(), observer: Arc::clone(observer) },
        image_timeout: job.options.image_timeout,
        trust,
        shelf,
    });
    let generation = Generation { job, working_dir: &working_dir, destination, previous: &previous };
    if job.options.dry_run != DryRun::No {
        let rehearsal = Rehearsal {
            job,
            mode: Mode::DiskToMirror,
            images: &images,
            store: &rehearsal_store,
            archive: None,
            destination: Some(&job.destination),
            observer,
        };
        rehearse(&rehearsal, &carrier, progress).await?;
        generation.for_plan(&images, observer, progress);
        return Ok(());
    }
    observer.event(Event::CopyStarted { images: images.len() });
    let copied = copy(&images, &carrier, job.options.limits(), observer).await;
    let outcome = conclude(job, &copied, observer);
    let generated = generation.after_copying(&images, &copied.images, observer, progress);
    progress.copied = Some(copied);
    first_failure([outcome, generated], observer)
}

/// Takes the small things out of the archive: the working directory below `folder`, and manifests and links into the
/// cache, so that a later archive of the sequence can leave them out. Layers stay where they are.
async fn take_out(
    archive: &Arc<Archive>,
    store: &Store,
    folder: &std::path::Path,
    observer: &Arc<dyn Observer>,
) -> Result<(), RunError> {
    let (archive, store, folder) = (Arc::clone(archive), store.clone(), folder.to_owned());
    let taken = blocking(move || -> Result<usize, RunError> {
        archive.extract_working_dir(&folder)?;
        let mut taken = 0;
        for (repository, digest) in archive.revisions() {
            let limit = oci_transport::MAX_MANIFEST_BYTES as u64;
            // Links also name manifests that earlier archives brought.
            if archive.blob(&digest).is_some() {
                let bytes = archive.read_small_blob(&digest, limit)?;
                store.put_manifest(&repository, &digest, &bytes)?;
                taken += 1;
            }
        }
        for link in archive.tag_links() {
            store.tag(&link.repository, &link.tag, &link.digest)?;
        }
        Ok(taken)
    })
    .await?;
    observer.event(Event::Debug(format!("{taken} manifests taken out of the archive; layers stay in it")));
    Ok(())
}
