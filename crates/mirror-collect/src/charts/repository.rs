//! Charts of repositories: downloaded, or found among the files that an earlier run kept.

use bytes::Bytes;
use helm_chart::semver::Version;
use helm_chart::{Chart, IndexEntry, choose};
use image_ref::{Algorithm, Hasher};
use isc_schema::HelmChart;
use mirror_plan::helm;

use super::stored::StoredCharts;
use super::{ChartError, Collecting, FoundChart, PREFIX, Repository, oci, web};
use mirror_job::event::Event;
use mirror_job::guard::blocking;

/// Brings a chart: from the repository, or from the working directory in disk to mirror. `folder` is where its file lies
/// below the folder of charts.
///
/// # Errors
/// When there is no such chart or version, the server does not give it, or it is no chart.
pub(super) async fn find(
    at: &Collecting<'_>,
    stored: &StoredCharts,
    repository: &Repository<'_>,
    chart: &HelmChart,
    folder: &str,
) -> Result<FoundChart, ChartError> {
    let wanted = chart.version.as_deref().unwrap_or_default();
    let name = chart.name.as_str();
    let url = repository.url.to_string();
    let (file, bytes) = if at.charts_are_kept() {
        let (stored, url, name) = (stored.clone(), url.clone(), name.to_owned());
        let (wanted, folder) = (wanted.to_owned(), folder.to_owned());
        blocking(move || kept(&stored, &url, &name, &wanted, &folder)).await?
    } else if let Some(index) = &repository.index {
        let entry = index.choose(name, chart.version.as_deref()).map_err(|error| {
            let repository = repository.configured.name.clone();
            ChartError::NotOffered { repository, error }
        })?;
        let file = folder.to_owned() + &helm::chart_file(name, &entry.metadata.version)?;
        let bytes = download(at, stored, repository, entry, &file).await?;
        (file, bytes)
    } else {
        let artifact = repository.url.registry_name(name);
        let (version, bytes) = oci::pull(&at.job.source, &artifact, wanted).await?;
        (folder.to_owned() + &helm::chart_file(name, &version)?, bytes.into())
    };
    let (stored, kept, name, wanted) = (stored.clone(), at.charts_are_kept(), name.to_owned(), wanted.to_owned());
    blocking(move || {
        let shown = file.rsplit('/').next().unwrap_or(&file);
        let chart = Chart::from_package(shown, &bytes)?;
        if !kept {
            stored.keep_chart((&url, &name, &wanted), &file, &bytes)?;
        }
        let label = format!("{name} {} of {url}", chart.metadata.version);
        Ok(FoundChart { chart, label })
    })
    .await
}

/// The bytes of a chart that the index offers. A file that is here already, with the digest of the index, is not fetched.
async fn download(
    at: &Collecting<'_>,
    stored: &StoredCharts,
    repository: &Repository<'_>,
    entry: &IndexEntry,
    file: &str,
) -> Result<Bytes, ChartError> {
    let expected = entry.digest.strip_prefix("sha256:").unwrap_or(&entry.digest).to_ascii_lowercase();
    if !expected.is_empty() {
        let (stored, file, expected) = (stored.clone(), file.to_owned(), expected.clone());
        let here = blocking(move || stored.chart(&file).ok().filter(|bytes| sha256(bytes) == expected)).await;
        if let Some(bytes) = here {
            return Ok(bytes.into());
        }
    }
    let metadata = &entry.metadata;
    let no_url = || ChartError::NoUrl { name: metadata.name.clone() };
    let reference = entry.urls.first().ok_or_else(no_url)?;
    let url = repository.url.chart(reference)?;
    if let Some(artifact) = url.strip_prefix("oci://") {
        let (name, tag) = oci::split(artifact);
        let wanted = tag.filter(|tag| !tag.is_empty()).unwrap_or(&metadata.version);
        return oci::pull(&at.job.source, name, wanted).await.map(|(_, bytes)| bytes.into());
    }
    let bytes = web::fetch(&at.job.source, &url).await?;
    if !expected.is_empty() {
        let body = bytes.clone();
        let found = blocking(move || sha256(&body)).await;
        if found != expected {
            at.tell(Event::Warning(format!(
                "{PREFIX} chart {} {} of {}: the index says sha256:{expected}, the server gave sha256:{found}; ask the \
                 publisher which of them is right",
                metadata.name, metadata.version, repository.url
            )));
        }
    }
    Ok(bytes)
}

fn sha256(bytes: &[u8]) -> String {
    Hasher::of(Algorithm::Sha256, bytes).hex().to_owned()
}

/// The file of a chart among those that are kept, and its bytes: the one that a run took for this wish, else the one of
/// exactly this version, else the newest that the constraint allows.
fn kept(
    stored: &StoredCharts,
    repository: &str,
    name: &str,
    wanted: &str,
    folder: &str,
) -> Result<(String, Bytes), ChartError> {
    let mut tried = Vec::new();
    tried.extend(stored.taken(repository, name, wanted));
    let exact = Version::parse(wanted).is_ok();
    if exact {
        for candidate in helm::candidates(name, wanted)? {
            tried.push(folder.to_owned() + &candidate);
        }
    }
    for file in &tried {
        match stored.chart(file) {
            Ok(bytes) => return Ok((file.clone(), bytes.into())),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(ChartError::Open { place: file.clone(), error }),
        }
    }
    let files = stored.files_of(name);
    let versions = files.iter().map(|file| helm::version_in(name, file).unwrap_or_default());
    let newest =
        choose(versions, Some(wanted)).map_err(|error| ChartError::Version { wanted: wanted.to_owned(), error })?;
    if let Some(file) = newest.and_then(|at| files.get(at)) {
        let bytes = stored.chart(file).map_err(|error| ChartError::Open { place: file.clone(), error })?;
        return Ok((file.clone(), bytes.into()));
    }
    let tried = match &tried[..] {
        [] => format!("no file in {} satisfies the version", helm::CHARTS),
        tried => format!("tried {}", tried.join(" and ")),
    };
    Err(ChartError::NotKept { name: name.to_owned(), wanted: wanted.to_owned(), tried })
}
