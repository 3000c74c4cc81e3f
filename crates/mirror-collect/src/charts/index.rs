//! Indexes of chart repositories: fetched, or as the working directory keeps them.

use bytes::Bytes;
use helm_chart::{Index, MAX_INDEX};
use mirror_plan::helm::RepositoryUrl;

use super::stored::StoredCharts;
use super::{ChartError, Collecting, PREFIX, RepositoryFault};
use mirror_job::event::Event;
use mirror_job::guard::blocking;

/// Fetches the index of a repository.
///
/// # Errors
/// When the server does not give one, or it is none.
pub(super) async fn fetch(at: &Collecting<'_>, url: &RepositoryUrl) -> Result<Index, ChartError> {
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
) -> Result<Index, ChartError> {
    let (index, text) = fetch_with_text(at, url).await?;
    let (stored, url) = (stored.clone(), url.clone());
    blocking(move || stored.keep_index(&url, &text)).await?;
    Ok(index)
}

async fn fetch_with_text(at: &Collecting<'_>, url: &RepositoryUrl) -> Result<(Index, Bytes), ChartError> {
    let refused = |why: RepositoryFault| ChartError::Repository { url: url.to_string(), why };
    let answer = at.job.source.get_file(&url.index(), MAX_INDEX).await;
    let answer = answer.map_err(|error| refused(RepositoryFault::Transport(Box::new(error))))?;
    if answer.status != 200 {
        return Err(refused(RepositoryFault::Status { url: url.to_string(), status: answer.status }));
    }
    let text = answer.body.clone();
    let index = blocking(move || Index::read(&text)).await.map_err(|error| refused(RepositoryFault::Index(error)))?;
    for skipped in index.skipped() {
        at.tell(Event::Debug(format!("{PREFIX} {url}: {skipped}")));
    }
    Ok((index, answer.body))
}

/// The index that an earlier run kept.
///
/// # Errors
/// When there is none.
pub(super) async fn kept(stored: &StoredCharts, url: &RepositoryUrl) -> Result<Index, ChartError> {
    let (stored, url) = (stored.clone(), url.clone());
    blocking(move || {
        let (place, text) = stored.index(&url);
        let url = url.to_string();
        let text = match text {
            Ok(text) => text,
            Err(error) => return Err(ChartError::NoIndexKept { url, place, error }),
        };
        Index::read(&text).map_err(|error| {
            let why = RepositoryFault::Kept { place, error };
            ChartError::Repository { url, why }
        })
    })
    .await
}
