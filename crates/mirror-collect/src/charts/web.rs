//! Packaged charts of web servers.

use bytes::Bytes;
use oci_transport::Client;

use super::MAX_PACKAGE;
use mirror_job::failure::chain;

/// Fetches a packaged chart.
///
/// # Errors
/// When the server cannot be reached, gives none, or gives more than [`MAX_PACKAGE`] bytes.
pub async fn fetch(client: &Client, url: &str) -> Result<Bytes, String> {
    let answer = client.get_file(url, MAX_PACKAGE).await.map_err(|error| chain(&error))?;
    if answer.status != 200 {
        let shown = client.options().redactor.clean(url);
        return Err(format!("failed to fetch {shown} : status {}", answer.status));
    }
    Ok(answer.body)
}
