//! `mirror.platform`: releases, their components, and the update graph image (`docs/behaviour/release.md` 1 to 5).
//!
//! Selection ([`selection`]) gives payloads by digest; [`signatures`] verifies each and gives it its signed name;
//! [`payload`] reads which images it consists of. In disk to mirror all three answer from the working directory and
//! the archive, and nothing is asked of a network.

mod carried;
mod extract;
mod graph_image;
mod graphs;
mod mistakes;
mod payload;
mod selection;
mod signatures;

pub use graphs::update_graph;

use futures_util::{StreamExt as _, TryStreamExt as _};
use image_ref::{Digest, ImageRef};
use isc_schema::Item;
use mirror_plan::release::{ReleaseImage, ReleaseName, ReleaseRole, signature};
use mirror_plan::{CacheName, Family, ImageId, ImageKind, PlannedImage, PlannedRelease, Why};

use super::{CollectErrors, Collecting};
use crate::fault::Fault;
use mirror_job::event::{CollectedItem, Event};
use signatures::Signatures;

/// How many releases are looked at together. Each costs a few small requests and a layer or two.
const AT_ONCE: usize = 4;

/// A release that is to be mirrored.
#[derive(Debug, Clone)]
struct Wanted {
    /// The payload, by digest.
    payload: ImageRef,
    /// Its digest.
    digest: Digest,
    /// The version that was selected or configured, such as `4.16.0`; none when only a digest was.
    version: Option<String>,
    /// What the update service says about it; for `platform.release` nothing.
    release: PlannedRelease,
    /// Why it is wanted.
    why: Why,
    /// Whether its signature counts.
    signed: bool,
}

impl Wanted {
    /// The release for people. What the update service does not say stands in the tag of the payload, if anywhere.
    fn described(&self, tag: &str) -> PlannedRelease {
        let mut release = self.release.clone();
        let version = || signature::version_of_tag(tag).map(str::to_owned);
        release.version = self.version.clone().or_else(version);
        release.architecture = release.architecture.or_else(|| signature::architecture_of_tag(tag).map(str::to_owned));
        release
    }
}

/// Collects the images of every selected release.
pub(super) async fn collect(at: &Collecting<'_>, errors: &mut CollectErrors) -> Vec<PlannedImage> {
    let platform = &at.job.configuration.mirror.platform;
    if platform.channels.is_empty() && platform.release.is_none() && !platform.graph {
        return Vec::new();
    }
    at.tell(Event::Collecting(Family::Release));
    match images(at).await {
        Ok(images) => images,
        Err(fault) => {
            errors.push_fault(Family::Release.exit_bit(), &at.job.configuration.mirror, fault, Item::Platform);
            Vec::new()
        }
    }
}

async fn images(at: &Collecting<'_>) -> Result<Vec<PlannedImage>, Fault> {
    let wanted = selection::wanted(at).await?;
    let signatures = Signatures::new(at)?;
    let releases: Vec<(Wanted, Vec<ReleaseImage>)> = futures_util::stream::iter(wanted)
        .map(|wanted| async {
            let images = release(at, &signatures, &wanted).await;
            let images = images.map_err(|message| Fault::from(message).or_at(&wanted.why.path))?;
            Ok::<_, Fault>((wanted, images))
        })
        .buffered(AT_ONCE)
        .try_collect()
        .await?;
    let mut planned = Vec::new();
    for (wanted, images) in releases {
        plan(at, &wanted, images, &mut planned).map_err(|message| Fault::from(message).or_at(&wanted.why.path))?;
    }
    if at.job.configuration.mirror.platform.graph {
        let graph = graph_image::plan(at, &planned).await?;
        planned.push(graph);
    }
    Ok(planned)
}

/// The images of one release, verified.
async fn release(
    at: &Collecting<'_>,
    signatures: &Signatures<'_>,
    wanted: &Wanted,
) -> Result<Vec<ReleaseImage>, String> {
    let image = if wanted.signed {
        match signatures.signed_name(wanted).await {
            // It was mirrored with `--ignore-release-signature`, which `delete` does not know: it lies under its digest.
            Err(_) if at.asks_nobody() && payload::is_kept(at, &wanted.payload) => wanted.payload.clone(),
            outcome => outcome?,
        }
    } else {
        wanted.payload.clone()
    };
    let name = ReleaseName::new(image).map_err(|error| error.to_string())?;
    let components = payload::components(at, &name, &wanted.digest)
        .await
        .map_err(|error| format!("release {}: {error}", name.image()))?;
    at.tell(Event::Collected { what: CollectedItem::Release, name: name.image().to_string() });
    name.images(&components).map_err(|error| format!("release {}: {error}", name.image()))
}

fn plan(
    at: &Collecting<'_>,
    wanted: &Wanted,
    images: Vec<ReleaseImage>,
    planned: &mut Vec<PlannedImage>,
) -> Result<(), String> {
    let first = planned.len();
    let mut payload = None;
    for image in images {
        let cache = CacheName { repository: image.repository.clone(), tag: image.tag.clone() };
        let mut why = wanted.why.clone();
        let (mut release, mut component) = (None, None);
        let (kind, source) = match &image.role {
            // Whatever its tag says later, what was verified is what is copied.
            ReleaseRole::Payload => {
                payload = Some(planned.len());
                release = Some(wanted.described(&image.tag));
                (ImageKind::ReleasePayload, image.source.with_digest(wanted.digest.clone()))
            }
            ReleaseRole::Graph => (ImageKind::Graph, image.source.clone()),
            ReleaseRole::Component(name) => {
                why.steps.push(format!("component {name}"));
                component = Some(name.clone());
                let source = match image.source.digest() {
                    Some(digest) => image.source.with_digest(digest.clone()),
                    None => image.source.clone(),
                };
                (ImageKind::ReleaseComponent, source)
            }
        };
        let origin = image.origin(!at.asks_sources());
        let new = PlannedImage::new(kind, origin, source, cache, at.destination, why);
        let platforms = at.job.configuration.mirror.platform.platforms.clone();
        let new = new.map_err(|error| error.to_string())?;
        planned.push(PlannedImage { platforms, named: image.source, release, component, ..new });
    }
    // A payload without one of its components cannot be installed: it comes last.
    let others: Vec<ImageId> = planned.iter().skip(first).map(|image| image.id.clone()).collect();
    if let Some(payload) = payload.and_then(|at| planned.get_mut(at)) {
        payload.needs = others.into_iter().filter(|id| *id != payload.id).collect();
    }
    Ok(())
}
