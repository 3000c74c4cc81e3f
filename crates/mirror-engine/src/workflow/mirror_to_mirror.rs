//! Mirror to mirror: source registries -> destination registry, streaming.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use archive_format::{Store, WorkspaceLock};
use mirror_plan::Mode;

use super::mirror_to_disk::write_pinned;
use super::{DryRun, Job, Progress, RunError, Workflow, check_access, conclude, refuse_empty};
use crate::carrier::destination::DestinationRegistry;
use crate::carrier::into_store::{IntoStore, NoFollower};
use crate::carrier::registry_to_registry::RegistryToRegistry;
use crate::collect::{Collecting, collect};
use crate::copy::copy;
use crate::dry_run::{Rehearsal, rehearse};
use crate::event::{Event, Observer};
use crate::resources::{Generation, Previous};
use crate::trust::{StoreShelf, Trust};

pub(super) async fn run(job: &Job, observer: &Arc<dyn Observer>, progress: &mut Progress) -> Result<(), RunError> {
    let Workflow::MirrorToMirror { destination, .. } = &job.workflow else {
        return Err(RunError::generic("this is not mirror to mirror"));
    };
    let working_dir = job.workflow.working_dir();
    working_dir.create()?;
    let _lock = WorkspaceLock::acquire(working_dir.root(), &job.holder())?;
    let previous = Previous::read(&working_dir);
    if job.options.dry_run == DryRun::No {
        working_dir.wipe_cluster_resources()?;
    }
    check_access(job, destination).await?;
    let store = Store::open_as(&job.cache, &job.holder())?;

    observer.event(Event::Discovering);
    let plan = collect(&Collecting {
        mode: Mode::MirrorToMirror,
        job,
        working_dir: &working_dir,
        store: &store,
        archive: None,
        destination: Some(destination),
        observer,
    })
    .await?;
    refuse_empty(&plan, observer)?;
    let images = Arc::new(plan.images);
    let carrier = Arc::new(RegistryToRegistry {
        images: Arc::clone(&images),
        destination: DestinationRegistry { client: job.destination.clone(), observer: Arc::clone(observer) },
        cache: IntoStore {
            images: Arc::clone(&images),
            source: job.source.clone(),
            store: store.clone(),
            observer: Arc::clone(observer),
            image_timeout: job.options.image_timeout,
            endpoints: Mutex::new(HashMap::new()),
            trust: Trust::of(job)?,
            shelf: StoreShelf::new(store.clone()),
            follower: Arc::new(NoFollower),
        },
        places: Mutex::new(HashMap::new()),
    });
    let generation = Generation { job, working_dir: &working_dir, destination, previous: &previous };
    if job.options.dry_run != DryRun::No {
        let rehearsal = Rehearsal {
            job,
            mode: Mode::MirrorToMirror,
            images: &images,
            store: &store,
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
    drop(carrier);
    let outcome = conclude(job, &copied, observer);
    // Whatever failed: what the run is pinned to and what it did bring are worth having (contract 3).
    let pinned = write_pinned(job, &plan.catalogs, &working_dir, observer, progress);
    let generated = generation.after_copying(&images, &copied.images, observer, progress);
    progress.copied = Some(copied);
    super::first_failure([outcome, pinned, generated], observer)
}
