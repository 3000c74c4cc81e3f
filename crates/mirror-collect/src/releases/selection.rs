//! Which releases the configuration means, as payloads by digest.

use cincinnati_graph::{
    Architectures, Channel, GraphKey, Release, Report, Request, Selector, Service, Step, Update, VersionFilter, Warning,
};
use image_ref::{Digest, ImageRef};
use isc_schema::{Item, PlatformConfig, ReleaseType};
use mirror_plan::release::{DirectRelease, RELEASE_REPOSITORY, ReleaseName, signature};
use mirror_plan::{CacheName, PlannedRelease, ReleaseUpdate, Why, older};

use super::graphs::Graphs;
use super::{Wanted, mistakes};
use crate::Collecting;
use crate::fault::{Fault, Finding};
use mirror_content::source::{Brought, LocalContent as _};
use mirror_job::event::{Event, uses_variable};

/// The releases to mirror: the direct one, else those of the channels, each payload once.
pub(super) async fn wanted(at: &Collecting<'_>) -> Result<Vec<Wanted>, Fault> {
    let platform = &at.job.configuration.mirror.platform;
    let mut wanted = match &platform.release {
        Some(release) => {
            let found = direct(at, release).await;
            vec![found.map_err(|message| Fault::new(message, vec![Finding::at(Item::Release)]))?]
        }
        None if platform.channels.is_empty() => Vec::new(),
        None => channels(at, platform).await?,
    };
    let mut seen = std::collections::HashSet::new();
    wanted.retain(|release| seen.insert(release.digest.clone()));
    Ok(wanted)
}

/// The selection in the words of the update graph.
fn request(at: &Collecting<'_>, platform: &PlatformConfig) -> Result<Request, String> {
    let filter = at.job.options.version_filter.as_deref();
    if let Some(filter) = filter {
        at.tell(Event::Info(uses_variable("VERSION_FILTER", filter)));
    }
    let filter = filter.map(VersionFilter::parse).transpose();
    let channels = platform.channels.iter().map(|channel| Channel {
        name: channel.name.clone(),
        service: match channel.release_type {
            ReleaseType::Ocp => Service::Ocp,
            ReleaseType::Okd => Service::Okd,
        },
        min_version: channel.min_version.as_ref().map(|bound| bound.as_str().to_owned()),
        max_version: channel.max_version.as_ref().map(|bound| bound.as_str().to_owned()),
        full: channel.full,
        shortest_path: channel.shortest_path,
    });
    Ok(Request {
        channels: channels.collect(),
        architectures: Architectures::new(!platform.platforms.is_empty(), &platform.architectures),
        add_intermediate_releases: at.job.options.add_intermediate_releases,
        version_filter: filter.map_err(|error| error.to_string())?,
        ..Request::default()
    })
}

async fn channels(at: &Collecting<'_>, platform: &PlatformConfig) -> Result<Vec<Wanted>, Fault> {
    let graphs = Graphs::new(at)?;
    let mut selector = Selector::new(request(at, platform)?);
    let selection = loop {
        match selector.step() {
            Step::Done(selection) => break selection,
            Step::Need(keys) => {
                let answers = keys.into_iter().map(|key: GraphKey| async {
                    let answer = graphs.get(at, &key).await;
                    (key, answer)
                });
                for (key, answer) in futures_util::future::join_all(answers).await {
                    selector.insert(key, answer);
                }
            }
        }
    };
    for warning in &selection.warnings {
        // The configuration's own warning about this field names its line.
        if *warning != Warning::ArchitecturesDeprecated {
            at.tell(Event::Warning(warning.to_string()));
        }
    }
    let releases =
        selection.into_releases().map_err(|error| mistakes::of_selection(platform, &error, selector.graphs()))?;
    for report in Report::all(&releases, selector.graphs()) {
        tell_report(at, &report, &selector.request().channels);
    }
    let updates = Update::all(&releases, selector.graphs());
    let wanted = releases.iter().zip(updates).map(|(release, updates)| of_channel(platform, release, updates));
    wanted.collect::<Result<_, String>>().map_err(Fault::from)
}

/// Says when clusters cannot get from the lowest to the highest release, and what to configure.
fn tell_report(at: &Collecting<'_>, report: &Report, configured: &[Channel]) {
    if !report.needs_attention() {
        at.tell(Event::Debug(report.to_string()));
        return;
    }
    let advice = match report.advice(configured) {
        Some(advice) => {
            format!(
                "\nadd `--add-intermediate-releases`, or change the configuration:\n{}",
                advice.to_string().trim_end()
            )
        }
        None => String::new(),
    };
    at.tell(Event::Warning(format!("{report}{advice}")));
}

fn of_channel(platform: &PlatformConfig, release: &Release, updates: Vec<Update>) -> Result<Wanted, String> {
    let payload = release.image().map_err(|error| format!("release {}: {error}", release.version))?;
    let digest = payload.digest().cloned().ok_or_else(|| {
        format!(
            "[GenerateReleaseSignatures] parsing image digest: the update service names release {} as {payload}, \
             expected a reference with a digest",
            release.version
        )
    })?;
    let reason = release.reasons.first();
    let configured = reason
        .and_then(|reason| platform.channels.iter().enumerate().find(|(_, channel)| channel.name == reason.channel));
    let (path, line) = match configured {
        Some((index, channel)) => (Item::ReleaseChannel(index).to_string(), channel.span.line),
        None => (Item::Platform.to_string(), platform.span.line),
    };
    let mut steps: Vec<String> =
        reason.map(|reason| format!("channel {}: {}", reason.channel, reason.why)).into_iter().collect();
    steps.push(format!("release {} ({})", release.version, release.arch));
    let (payload, version) = (payload.with_digest(digest.clone()), Some(release.version.to_string()));
    let mut channels: Vec<String> = Vec::new();
    for reason in &release.reasons {
        if !channels.contains(&reason.channel) {
            channels.push(reason.channel.clone());
        }
    }
    let architecture = Some(release.arch.clone()).filter(|arch| !arch.is_empty());
    let update = |update: Update| ReleaseUpdate {
        to: update.to.to_string(),
        conditional: update.conditional,
        risks: update.risks.into_iter().map(|risk| risk.name).collect(),
    };
    let updates = Some(updates.into_iter().map(update).collect());
    let described = PlannedRelease { version: version.clone(), architecture, channels, updates };
    Ok(Wanted { payload, digest, version, release: described, why: Why { path, line, steps }, signed: true })
}

/// `platform.release`: its digest is asked of the registry, or was by the run that made the archive.
async fn direct(at: &Collecting<'_>, release: &ImageRef) -> Result<Wanted, String> {
    let parsed = DirectRelease::parse(release.as_written()).map_err(|error| error.to_string())?;
    let digest = match &parsed {
        DirectRelease::Known(image) => image.digest().cloned().ok_or("a known release has a digest")?,
        DirectRelease::NeedsDigest(image) if !at.asks_sources() => kept_digest(at, image)?,
        DirectRelease::NeedsDigest(image) => {
            let found = at.job.source.head_manifest(image).await;
            let found = found
                .map_err(|error| format!("retrieving digest of {image}: {}", mirror_job::failure::chain(&error)))?;
            let digest = found.ok_or_else(|| format!("retrieving digest of {image}: there is no such image"))?.digest;
            let path = digest_file(at, image)?;
            at.working_dir.write(&path, digest.to_string().as_bytes()).map_err(|error| error.to_string())?;
            digest
        }
    };
    let payload = parsed.with_digest(digest.clone());
    let why = Why {
        path: Item::Release.to_string(),
        line: at.job.configuration.mirror.platform.span.line,
        steps: vec![format!("release {}", release.as_written())],
    };
    let signed = signature::is_required(at.job.options.ignore_release_signature, true);
    // A tag of one's own, such as `latest`, says nothing about the version.
    let version = release.tag().and_then(signature::version_of_tag).map(str::to_owned);
    Ok(Wanted { payload, digest, version, release: PlannedRelease::default(), why, signed })
}

/// Remembers for disk to mirror which digest the tag of `platform.release` had.
fn digest_file(at: &Collecting<'_>, image: &ImageRef) -> Result<std::path::PathBuf, String> {
    let name = ReleaseName::new(image.clone()).map_err(|error| error.to_string())?;
    Ok(at.working_dir.hold_release().join(format!("{}.digest", name.folder())))
}

fn kept_digest(at: &Collecting<'_>, image: &ImageRef) -> Result<Digest, String> {
    if let Ok(text) = at.working_dir.folder().read_to_string(digest_file(at, image)?)
        && let Ok(digest) = text.trim().parse()
    {
        return Ok(digest);
    }
    // Archives of oc-mirror v2 do not tell, but the payload has the tag there as well, up to 4.17 where it comes from.
    let name = CacheName { repository: RELEASE_REPOSITORY.to_owned(), tag: image.tag().unwrap_or_default().to_owned() };
    let (older, brought) = (older::name(image, &name), Brought::of(at.archive(), at.store));
    for CacheName { repository, tag } in std::iter::once(name).chain(older) {
        if let Some(digest) = brought.resolve_tag(&repository, &tag).map_err(|error| error.message)? {
            return Ok(digest);
        }
    }
    Err(format!("retrieving digest of {image}: the archive does not hold it; was it made with this configuration?"))
}
