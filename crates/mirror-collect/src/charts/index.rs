//! Indexes of chart repositories: fetched, or as the working directory keeps them.

use bytes::Bytes;
use helm_chart::{Index, MAX_INDEX};
use mirror_plan::helm::RepositoryUrl;

use super::stored::StoredCharts;
use super::{Collecting, PREFIX};
use mirror_job::event::Event;
use mirror_job::failure::chain;
use mirror_job::guard::blocking;

/// Fetches the index of a repository.
///
/// # Errors
/// When the server does not give one, or it is none.
pub(super) async fn fetch(at: &Collecting<'_>, url: &RepositoryUrl) -> Result<Index, String> {
    fetch_with_text(at, url).await.map(|(index, _)| index)
}

/// Fetches the index of a repository, and keeps it for disk to mirror.
///
/// # Errors
/// As [`fetch`], and when it cannot be kept.
pub(super) async fn fetch_and_keep(
    at: &Collecting<'_>,
    stored: &StoredCharts,
    url: &RepositoryUrl,
) -> Result<Index, String> {
    let (index, text) = fetch_with_text(at, url).await?;
    let (stored, url) = (stored.clone(), url.clone());
    blocking(move || stored.keep_index(&url, &text)).await?;
    Ok(index)
}

async fn fetch_with_text(at: &Collecting<'_>, url: &RepositoryUrl) -> Result<(Index, Bytes), String> {
    let refused = |why: String| format!("invalid chart repository \"{url}\": {why}");
    let answer = at.job.source.get_file(&url.index(), MAX_INDEX).await.map_err(|error| refused(chain(&error)))?;
    if answer.status != 200 {
        let status = answer.status;
        return Err(refused(format!(
            "{url}/index.yaml answered with status {status}; check `url` and the credentials"
        )));
    }
    let text = answer.body.clone();
    let index = blocking(move || Index::read(&text)).await.map_err(|error| refused(chain(&error)))?;
    for skipped in index.skipped() {
        at.tell(Event::Debug(format!("{PREFIX} {url}: {skipped}")));
    }
    Ok((index, answer.body))
}

/// The index that an earlier run kept.
///
/// # Errors
/// When there is none.
pub(super) async fn kept(stored: &StoredCharts, url: &RepositoryUrl) -> Result<Index, String> {
    let (stored, url) = (stored.clone(), url.clone());
    blocking(move || {
        let (place, text) = stored.index(&url);
        let text = text.map_err(|error| {
            format!(
                "the index of {url} is not at hand: {place}: {error}; mirror to disk again with this configuration, or name \
                 the charts in `charts`"
            )
        })?;
        Index::read(&text).map_err(|error| format!("invalid chart repository \"{url}\": {place}: {error}"))
    })
    .await
}
