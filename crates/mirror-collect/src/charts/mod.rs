//! `mirror.helm`: brings charts from repositories, registries and folders, renders them, and gives the planner what stands
//! where images are named (`docs/behaviour/operators-archive.md` 8.2).
//!
//! Mirror to disk and mirror to mirror fetch indexes and charts and keep them in the working directory (`stored`). Disk to
//! mirror and `delete` find all of it there, and ask no network.

mod error;
mod folder;
mod index;
mod local;
mod oci;
mod render;
mod repository;
mod stored;
mod web;

use std::collections::HashMap;
use std::sync::Arc;

use futures_util::StreamExt as _;
use helm_chart::Index;
use isc_schema::{HelmChart, HelmRepository, Item};
use mirror_plan::helm::{self, FoundText, RepositoryUrl};
use mirror_plan::{Family, PlannedImage, Why};

use super::{CollectErrors, Collecting};
use mirror_job::Diagnostic;
use mirror_job::event::{CollectedItem, Event};
use mirror_job::guard::{blocking, guarded};
use stored::StoredCharts;

pub use error::{ChartError, RepositoryFault, ValuesFault};
pub use local::load_one as load_local;
pub use oci::{pull as pull_artifact, split as split_artifact};
pub use render::read_values_file;
pub use web::fetch as fetch_package;

/// How many repositories or charts are looked at together.
const AT_ONCE: usize = 4;

/// What messages about charts begin with.
const PREFIX: &str = "[Helm]";

/// The largest packaged chart that is fetched, in bytes. A chart may unpack to 100 MiB.
pub const MAX_PACKAGE: usize = 64 * 1024 * 1024;

/// A chart that the configuration asks for.
struct Wanted<'a> {
    chart: HelmChart,
    /// Path and line of the entry.
    why: Why,
    origin: Origin<'a>,
}

/// Where a chart comes from.
enum Origin<'a> {
    /// A path on this machine.
    Local,
    /// A repository.
    Repository(Arc<Repository<'a>>),
}

/// A repository of the configuration, with what is known of it.
struct Repository<'a> {
    configured: &'a HelmRepository,
    url: RepositoryUrl,
    /// What it offers; none in disk to mirror, and none of a registry.
    index: Option<Index>,
}

/// A chart at hand.
struct FoundChart {
    chart: helm_chart::Chart,
    /// Where its messages and images say that they come from.
    label: String,
}

impl Collecting<'_> {
    /// Whether charts come from what the working directory keeps.
    fn charts_are_kept(&self) -> bool {
        !self.asks_sources()
    }
}

/// Collects the images of every chart. A chart that fails keeps no other out of the answer.
pub(super) async fn collect(at: &Collecting<'_>, errors: &mut CollectErrors) -> Vec<PlannedImage> {
    let configured = &at.job.configuration.mirror.helm;
    if configured.repositories.is_empty() && configured.local.is_empty() {
        return Vec::new();
    }
    at.tell(Event::Collecting(Family::Helm));
    let stored = StoredCharts::open(at);
    let mirror = &at.job.configuration.mirror;
    let mut fail = |path: &str, message: String| {
        errors.push(Family::Helm, Diagnostic::at_path(mirror, path, format!("{PREFIX} {message}")));
    };
    let mut wanted = Vec::new();
    let repositories = configured.repositories.iter().enumerate().map(|(number, repository)| {
        let stored = &stored;
        async move { charts_of(at, stored, number, repository).await }
    });
    let repositories: Vec<_> =
        futures_util::stream::iter(repositories.collect::<Vec<_>>()).buffered(AT_ONCE).collect().await;
    for (number, charts) in repositories.into_iter().enumerate() {
        match charts {
            Ok(charts) => wanted.extend(charts),
            Err(error) => fail(&Item::Repository(number).to_string(), error.to_string()),
        }
    }
    for (number, chart) in configured.local.iter().enumerate() {
        let why = Why { path: Item::LocalChart(number).to_string(), line: chart.span.line, steps: Vec::new() };
        wanted.push(Wanted { chart: chart.clone(), why, origin: Origin::Local });
    }
    let folders = folders(&wanted);
    let charts = wanted.iter().zip(&folders).map(|(wanted, folder)| {
        let stored = &stored;
        async move {
            // A chart that meets a defect of this program costs its own images only.
            let found = guarded(Box::pin(images_of(at, stored, wanted, folder))).await;
            found.unwrap_or_else(|panicked| Err(panicked.into()))
        }
    });
    let outcomes: Vec<_> = futures_util::stream::iter(charts.collect::<Vec<_>>()).buffered(AT_ONCE).collect().await;
    let mut images = Vec::new();
    for (wanted, outcome) in wanted.iter().zip(outcomes) {
        match outcome {
            Ok(found) => images.extend(found),
            Err(error) => fail(&wanted.why.path, format!("{}: {error}", wanted.describe())),
        }
    }
    if let Err(error) = stored.save() {
        let message = format!("cannot keep the record of charts: {error}");
        errors.push_generic(Diagnostic::at(mirror, Item::Helm, message));
    }
    images
}

/// The charts that an entry of `repositories` asks for.
async fn charts_of<'a>(
    at: &Collecting<'_>,
    stored: &StoredCharts,
    repository_number: usize,
    configured: &'a HelmRepository,
) -> Result<Vec<Wanted<'a>>, ChartError> {
    let url = RepositoryUrl::parse(&configured.url)?;
    let path = Item::Repository(repository_number).to_string();
    let Some(charts) = &configured.charts else {
        if url.is_oci() {
            return Err(ChartError::NoCharts { url: url.to_string() });
        }
        let index = if at.charts_are_kept() {
            index::kept(stored, &url).await?
        } else {
            index::fetch_and_keep(at, stored, &url).await?
        };
        let why = Why { path, line: configured.span.line, steps: Vec::new() };
        // Every version of every chart that renders anything.
        let mut charts = Vec::new();
        for (name, entries) in index.charts() {
            for entry in entries.iter().filter(|entry| entry.metadata.kind != "library") {
                let version = Some(entry.metadata.version.clone());
                charts.push(HelmChart { name: name.to_owned(), version, ..HelmChart::default() });
            }
        }
        let repository = Arc::new(Repository { configured, url, index: Some(index) });
        let wanted = |chart| Wanted { chart, why: why.clone(), origin: Origin::Repository(Arc::clone(&repository)) };
        return Ok(charts.into_iter().map(wanted).collect());
    };
    let index = if charts.is_empty() || url.is_oci() || at.charts_are_kept() {
        None
    } else {
        Some(index::fetch(at, &url).await?)
    };
    let repository = Arc::new(Repository { configured, url, index });
    let wanted = |(number, chart): (usize, &HelmChart)| Wanted {
        chart: chart.clone(),
        why: Why { path: Item::Chart(repository_number, number).to_string(), line: chart.span.line, steps: Vec::new() },
        origin: Origin::Repository(Arc::clone(&repository)),
    };
    Ok(charts.iter().enumerate().map(wanted).collect())
}

/// The folder of each chart's file below that of all charts: none, or one of its own where an earlier repository of the
/// configuration has a chart of the same name.
fn folders(wanted: &[Wanted<'_>]) -> Vec<String> {
    let mut first: HashMap<&str, String> = HashMap::new();
    let mut folders = Vec::new();
    for Wanted { chart, origin, .. } in wanted {
        folders.push(match origin {
            Origin::Local => String::new(),
            Origin::Repository(repository) => {
                let url = repository.url.to_string();
                let of_first = first.entry(&chart.name).or_insert_with(|| url.clone());
                if *of_first == url { String::new() } else { helm::repository_folder(&url) + "/" }
            }
        });
    }
    folders
}

/// The images of one chart.
async fn images_of(
    at: &Collecting<'_>,
    stored: &StoredCharts,
    wanted: &Wanted<'_>,
    folder: &str,
) -> Result<Vec<PlannedImage>, ChartError> {
    let FoundChart { chart, label } = match &wanted.origin {
        Origin::Local => local::find(at, stored, &wanted.chart).await?,
        Origin::Repository(repository) => repository::find(at, stored, repository, &wanted.chart, folder).await?,
    };
    let values = render::values(at, stored, &wanted.chart).await?;
    let (image_paths, hooks) = (wanted.chart.image_paths.clone(), wanted.chart.hooks);
    let found: Vec<FoundText> = blocking(move || render::texts(&chart, &values, &image_paths, hooks)).await?;
    let mut why = wanted.why.clone();
    why.steps.push(format!("chart {label}"));
    let collected = helm::images(&wanted.chart, &why, &found, at.destination)?;
    for warning in collected.warnings {
        at.tell(Event::Warning(format!("{PREFIX} chart {label}: {warning}")));
    }
    at.tell(Event::Collected { what: CollectedItem::Chart, name: label });
    Ok(collected.images)
}

impl Wanted<'_> {
    /// Which chart messages mean.
    fn describe(&self) -> String {
        let chart = &self.chart;
        match &self.origin {
            Origin::Local => format!("chart {}", chart.path.as_deref().unwrap_or(&chart.name)),
            Origin::Repository(repository) => {
                let version = chart.version.as_deref().filter(|version| !version.is_empty());
                let version = version.map(|version| format!(" {version}")).unwrap_or_default();
                format!("chart {}{version} of {}", chart.name, repository.url)
            }
        }
    }
}
