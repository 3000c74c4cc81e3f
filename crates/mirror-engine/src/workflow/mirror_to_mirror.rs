//! Mirror to mirror: source registries -> destination registry, streaming.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use archive_format::Store;

use super::workspace::Workspace;
use super::{Progress, check_access};
use crate::outcome::RunError;
use mirror_copy::transfers::destination::DestinationRegistry;
use mirror_copy::transfers::into_store::NoFollower;
use mirror_copy::transfers::registry_to_registry::RegistryToRegistry;
use mirror_job::job::DryRun;
use mirror_plan::Destination;

pub(super) async fn run(
    workspace: &Workspace<'_>,
    destination: &Destination,
    progress: &mut Progress,
) -> Result<(), RunError> {
    let (job, observer) = (workspace.job, workspace.observer);
    check_access(job, destination, observer).await?;
    let store = Store::open_as(&job.cache, &workspace.holder())?;
    let planned = workspace.plan(&store, None, Some(destination)).await?;
    let transfer = RegistryToRegistry {
        images: Arc::clone(&planned.images),
        destination: DestinationRegistry::of(job, &store, observer),
        cache: workspace.store_transfer(&planned.images, &store, Arc::new(NoFollower))?,
        plans: job.options.dry_run == DryRun::Plan,
        places: Mutex::new(HashMap::new()),
    };
    workspace.perform_to_registry(&planned, transfer, &store, destination, progress).await
}
