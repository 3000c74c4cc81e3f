//! Packaged charts of web servers.

use bytes::Bytes;
use oci_transport::Client;

use super::{ChartError, MAX_PACKAGE};

/// Fetches a packaged chart.
///
/// # Errors
/// When the server cannot be reached, gives none, or gives more than [`MAX_PACKAGE`] bytes.
pub async fn fetch(client: &Client, url: &str) -> Result<Bytes, ChartError> {
    let answer = client.get_file(url, MAX_PACKAGE).await?;
    if answer.status != 200 {
        let url = client.options().redactor.clean(url);
        return Err(ChartError::Status { url, status: answer.status });
    }
    Ok(answer.body)
}
