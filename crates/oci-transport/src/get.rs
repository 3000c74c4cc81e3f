//! Plain documents over HTTP: update graphs, release signatures, the graph data.
//!
//! No registry speaks here, so there are no credentials, no mirrors and no `--src-tls-verify`: certificates are always
//! verified against the system's authorities (contract `release.md` 1, row TLS). Retries, proxies and stall times are
//! those of the client.

use std::time::SystemTime;

use bytes::Bytes;
use http::StatusCode;
use http::header::{ACCEPT, LOCATION};
use url::Url;

use crate::call::stalled;
use crate::client::Client;
use crate::error::{Condition, Error};
use crate::location::{self, LocationError, shown};
use crate::retry::retry_after;
use crate::tls::Profile;

/// How many redirects are followed.
const MAX_REDIRECTS: usize = 10;

/// What a server answered to [`Client::get`], whatever its status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP status code.
    pub status: u16,
    /// The body.
    pub body: Bytes,
}

impl Client {
    /// GETs a document of at most `limit` bytes. `accept` is the value of the `Accept` header.
    ///
    /// A status that another attempt may mend (408, 425, 429, 5xx) is tried again within the retries; then, like any
    /// other status, it is an answer and no error. Redirects are followed, but never from HTTPS to plain HTTP.
    ///
    /// # Errors
    /// When `url` is none, the server cannot be reached, stops in the middle, or the body is larger than `limit`.
    pub async fn get(&self, url: &str, accept: Option<&str>, limit: usize) -> Result<Answer, Error> {
        let url = Url::parse(url)
            .map_err(|error| Error::new(Condition::Configuration, format!("getting `{url}`"), error.to_string()))?;
        let action = format!("getting `{}`", shown(&url));
        let mut retries = self.inner.start_retries();
        loop {
            let error = match self.get_once(&url, accept, limit, &action).await {
                Ok((answer, wait)) => {
                    let status = StatusCode::from_u16(answer.status).unwrap_or_default();
                    let error = Error::status(&*action, status, wait, &[], &self.inner.options.redactor);
                    if status.is_success() || !error.is_retryable() || retries.again(error, 0).await.is_err() {
                        return Ok(answer);
                    }
                    continue;
                }
                Err(error) => error,
            };
            retries.again(error, 0).await?;
        }
    }

    async fn get_once(
        &self,
        url: &Url,
        accept: Option<&str>,
        limit: usize,
        action: &str,
    ) -> Result<(Answer, Option<std::time::Duration>), Error> {
        let options = &self.inner.options;
        let client = self.document_client()?;
        let mut url = url.clone();
        for _ in 0..=MAX_REDIRECTS {
            let host = crate::place::host_of(&url);
            let place = || self.inner.place(&url, &host);
            let transport = |error| Error::transport(action, error, &place());
            let mut request = client.get(url.clone());
            if let Some(accept) = accept {
                request = request.header(ACCEPT, accept);
            }
            let mut response = match tokio::time::timeout(options.stall_timeout, request.send()).await {
                Ok(answer) => answer.map_err(transport).inspect(|_| self.inner.has_answered(&url))?,
                Err(_) => return Err(stalled(action, options.stall_timeout, &place())),
            };
            if let (true, Some(header)) = (response.status().is_redirection(), response.headers().get(LOCATION)) {
                let target = header.to_str().map_err(|_| LocationError::Unreadable);
                let target = target.and_then(|header| location::redirect(&url, header, false));
                url = target.map_err(|error| {
                    Error::new(Condition::Redirect, action, format!("refused a redirect to {error}"))
                })?;
                continue;
            }
            let wait = retry_after(response.headers(), SystemTime::now());
            let status = response.status().as_u16();
            let mut body = Vec::new();
            loop {
                match tokio::time::timeout(options.stall_timeout, response.chunk()).await {
                    Ok(Ok(Some(chunk))) if body.len() + chunk.len() <= limit => body.extend_from_slice(&chunk),
                    Ok(Ok(Some(_))) => {
                        let message = format!("the answer is larger than the {limit} bytes that are read");
                        return Err(Error::new(Condition::TooLarge, action, message));
                    }
                    Ok(Ok(None)) => break,
                    Ok(Err(error)) => return Err(transport(error)),
                    Err(_) => return Err(stalled(action, options.stall_timeout, &place())),
                }
            }
            return Ok((Answer { status, body: body.into() }, wait));
        }
        Err(Error::new(Condition::Redirect, action, format!("gave up after {MAX_REDIRECTS} redirects")))
    }

    /// The client for documents, made when it is first needed: reading the system's authorities takes a while.
    fn document_client(&self) -> Result<reqwest::Client, Error> {
        if let Some(client) = self.inner.documents.get() {
            return Ok(client.clone());
        }
        let client = Profile::new(&self.inner.options, None, false)?.small;
        Ok(self.inner.documents.get_or_init(|| client).clone())
    }
}
