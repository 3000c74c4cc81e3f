//! The update graph image: the graph data as one more layer on a base image, for every platform of the base
//! (`docs/behaviour/release.md` 5).
//!
//! It is built into the cache, from where it is copied like any other image ([`build`]). The same data on the same base
//! give the same bytes. Inside an enclave it is not built, but taken from where an earlier run has left it ([`kept`]).

mod build;
mod kept;

use image_ref::ImageRef;
use mirror_plan::release::{GRAPH_REPOSITORY, GRAPH_TAG, ReleaseImage};
use mirror_plan::{CacheName, ImageKind, PlannedImage, Why};

use crate::Collecting;

/// Plans the graph image beside the images that are `planned` already: built where there is a network, else from the
/// cache, the archive, or where the enclave has it.
pub(super) async fn plan(at: &Collecting<'_>, planned: &[PlannedImage]) -> Result<PlannedImage, String> {
    let image = image(at, planned).await;
    image.map_err(|message| format!("[ReleaseImageCollector] error processing graph image: {message}"))
}

async fn image(at: &Collecting<'_>, planned: &[PlannedImage]) -> Result<PlannedImage, String> {
    let mut elsewhere = None;
    if !at.asks_sources() {
        let cached =
            at.store.resolve_tag(GRAPH_REPOSITORY, GRAPH_TAG).map_err(|error| mirror_job::failure::chain(&error))?;
        let archived = at.archive().is_some_and(|archive| archive.resolve_tag(GRAPH_REPOSITORY, GRAPH_TAG).is_some());
        if !at.asks_nobody() && !archived && cached.is_none() {
            return Err("unable to find graph image in local cache: the archive was made without `graph: true`".into());
        }
    } else if at.job.options.update_url.is_some() {
        elsewhere = kept::find(at, planned).await?;
    } else {
        build::build(at).await?;
    }
    let built = elsewhere.is_none();
    let source = match elsewhere {
        Some(source) => source,
        None => ImageRef::parse(&format!("{}/{GRAPH_REPOSITORY}:{GRAPH_TAG}", at.job.options.cache_host))
            .map_err(|error| error.to_string())?,
    };
    let image: ReleaseImage = mirror_plan::release::graph_image(source);
    let cache = CacheName { repository: image.repository.clone(), tag: image.tag.clone() };
    let why = Why {
        path: isc_schema::Item::Graph.to_string(),
        line: at.job.configuration.mirror.platform.span.line,
        steps: Vec::new(),
    };
    let origin = image.origin(!at.asks_sources());
    let planned = PlannedImage::new(ImageKind::Graph, origin, image.source, cache, at.destination, why);
    Ok(PlannedImage { built, ..planned.map_err(|error| error.to_string())? })
}
