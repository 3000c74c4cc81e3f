//! Plain documents over HTTP.
//!
//! Two kinds of servers are asked. Update graphs, release signatures and the graph data come from public services:
//! without credentials and without `--src-tls-verify`, certificates are always verified against the system's authorities
//! (`docs/behaviour/release.md` 1, row TLS). Chart repositories belong to the operator like registries do: certificates,
//! `--src-tls-verify` and credentials are those of the client's side. Retries, proxies and stall times are the same.

use std::time::SystemTime;

use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, LOCATION};
use http::{HeaderValue, StatusCode};
use image_ref::Repository;
use registries_conf::{Credentials, Secret};
use url::Url;

use crate::address::host_of;
use crate::auth::{basic_header, choose};
use crate::call::{challenges_of, stalled};
use crate::challenge::Challenge;
use crate::client::Client;
use crate::error::{Condition, Error};
use crate::location::{self, LocationError, same_origin, shown};
use crate::requests::Purpose;
use crate::retry::retry_after;
use crate::tls::{Profile, Watch};

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

/// What is got, and how.
struct Wanted<'a> {
    url: Url,
    limit: usize,
    visit: Visit<'a>,
}

/// Whom a request goes to.
enum Visit<'a> {
    /// A public service.
    Public { accept: Option<&'a str> },
    /// A server of this side.
    Own { authorization: Option<HeaderValue> },
}

/// An answer, and what else it told.
struct Got {
    answer: Answer,
    /// How long the server asks to wait.
    wait: Option<std::time::Duration>,
    /// Whether a redirect led to another host, be it that another one led back: the answer is of that host's choice.
    has_left: bool,
    challenges: Vec<Challenge>,
}

/// Takes the user information out of an address.
fn user_information(url: &mut Url) -> Option<Credentials> {
    let decode = |text: &str| percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned();
    let (username, password) = (decode(url.username()), decode(url.password().unwrap_or_default()));
    // Neither fails for an address that has a host.
    let _ = (url.set_username(""), url.set_password(None));
    (!username.is_empty() || !password.is_empty())
        .then(|| Credentials::Basic { username: Secret::new(username), password: Secret::new(password) })
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
        self.get_with_retries(&Wanted { url, limit, visit: Visit::Public { accept } }, &action)
            .await
            .map(|got| got.answer)
    }

    /// GETs a file of at most `limit` bytes from a server that belongs to this side like its registries: a chart
    /// repository. Certificates, and whether they are verified, are as for a registry of the same host.
    ///
    /// A server that asks for a user (401, `Basic`) is told who we are: by the user information of `url`, else by the
    /// credentials for its host and path. No other host is told, redirects included. Statuses are treated as
    /// [`Client::get`] does.
    ///
    /// # Errors
    /// As [`Client::get`]; also when the credentials cannot be looked up.
    pub async fn get_file(&self, url: &str, limit: usize) -> Result<Answer, Error> {
        let redactor = &self.inner.options.redactor;
        let mut url = Url::parse(url).map_err(|error| {
            Error::new(Condition::Configuration, format!("getting `{}`", redactor.clean(url)), error.to_string())
        })?;
        let given = user_information(&mut url);
        let action = format!("getting `{}`", shown(&url));
        if let Some(given) = &given {
            redactor.hide_credentials(given);
        }
        let mut wanted = Wanted { url, limit, visit: Visit::Own { authorization: None } };
        let got = self.get_with_retries(&wanted, &action).await?;
        if got.answer.status != 401 || got.has_left {
            return Ok(got.answer);
        }
        let credentials = match given {
            Some(given) => Some(given),
            None => self.credentials_of_file(&wanted.url, &action).await?,
        };
        let Some(Credentials::Basic { username, password }) = &credentials else { return Ok(got.answer) };
        if choose(&got.challenges, credentials.as_ref()).is_none_or(|challenge| challenge.scheme != "basic") {
            return Ok(got.answer);
        }
        let header = basic_header(username, password).ok_or_else(|| {
            let message = "the credentials hold characters that a header cannot carry";
            Error::new(Condition::Configuration, &*action, message)
        })?;
        wanted.visit = Visit::Own { authorization: Some(header) };
        self.get_with_retries(&wanted, &action).await.map(|got| got.answer)
    }

    /// The credentials for a file: those of the most specific entry for its host and path.
    async fn credentials_of_file(&self, url: &Url, action: &str) -> Result<Option<Credentials>, Error> {
        let host = self.inner.host_named(&host_of(url))?;
        let repository = Repository::new(host.registry.clone(), url.path().trim_matches('/')).ok();
        let endpoint = repository.map(|repository| self.endpoint(&repository));
        self.inner.credentials_for(&host, endpoint.as_ref(), action).await
    }

    async fn get_with_retries(&self, wanted: &Wanted<'_>, action: &str) -> Result<Got, Error> {
        let mut retries = self.inner.start_retries();
        loop {
            let error = match self.get_once(wanted, action).await {
                Ok(got) => {
                    let status = StatusCode::from_u16(got.answer.status).unwrap_or_default();
                    let error = Error::status(action, status, got.wait, &[], &self.inner.options.redactor);
                    if status.is_success() || !error.is_retryable() || retries.again(error, 0).await.is_err() {
                        return Ok(got);
                    }
                    continue;
                }
                Err(error) => error,
            };
            retries.again(error, 0).await?;
        }
    }

    /// The HTTP client for one hop of a visit.
    fn client_for(&self, wanted: &Wanted<'_>, url: &Url, has_left: bool) -> Result<reqwest::Client, Error> {
        if matches!(wanted.visit, Visit::Public { .. }) {
            return self.document_client();
        }
        let home = self.inner.host_named(&host_of(&wanted.url))?;
        if has_left { self.inner.foreign_client(&home, url) } else { Ok(home.profile.small.clone()) }
    }

    async fn get_once(&self, wanted: &Wanted<'_>, action: &str) -> Result<Got, Error> {
        let options = &self.inner.options;
        let limit = wanted.limit;
        let mut url = wanted.url.clone();
        // Who has once led away may lead back to any path: nothing of ours goes there any more.
        let mut has_left = false;
        for _ in 0..=MAX_REDIRECTS {
            has_left |= !same_origin(&url, &wanted.url);
            let host = host_of(&url);
            let place = || self.inner.place(&url, &host);
            let transport = |error| Error::transport(action, error, &place());
            if matches!(wanted.visit, Visit::Own { .. }) && has_left {
                let home = self.inner.host_named(&host_of(&wanted.url))?;
                home.admit("the request", &url, action).await?;
            }
            let mut request = self.client_for(wanted, &url, has_left)?.get(url.clone());
            let (accept, insecure) = match &wanted.visit {
                Visit::Public { accept } => (*accept, false),
                Visit::Own { .. } => (None, self.inner.host_named(&host_of(&wanted.url))?.insecure),
            };
            if let Visit::Own { authorization: Some(header) } = &wanted.visit
                && !has_left
            {
                request = request.header(AUTHORIZATION, header.clone());
            }
            if let Some(accept) = accept {
                request = request.header(ACCEPT, accept);
            }
            self.inner.requests.count(&url, Purpose::Other);
            let mut response = match tokio::time::timeout(options.stall_timeout, request.send()).await {
                Ok(answer) => answer.map_err(transport).inspect(|_| self.inner.has_answered(&url))?,
                Err(_) => return Err(stalled(action, options.stall_timeout, &place())),
            };
            if let (true, Some(header)) = (response.status().is_redirection(), response.headers().get(LOCATION)) {
                let target = header.to_str().map_err(|_| LocationError::Unreadable);
                let target = target.and_then(|header| location::redirect(&url, header, insecure));
                url = target.map_err(|error| {
                    Error::new(Condition::Redirect, action, format!("refused a redirect to {error}"))
                })?;
                continue;
            }
            let wait = retry_after(response.headers(), SystemTime::now());
            let status = response.status().as_u16();
            let challenges = challenges_of(response.headers());
            let mut body = Vec::new();
            loop {
                match tokio::time::timeout(options.stall_timeout, response.chunk()).await {
                    Ok(Ok(Some(chunk))) if body.len() + chunk.len() <= limit => {
                        if let Some(bandwidth) = &options.bandwidth {
                            bandwidth.take(chunk.len() as u64).await;
                        }
                        body.extend_from_slice(&chunk);
                    }
                    Ok(Ok(Some(_))) => {
                        let message = format!("the answer is larger than the {limit} bytes that are read");
                        return Err(Error::new(Condition::TooLarge, action, message));
                    }
                    Ok(Ok(None)) => break,
                    Ok(Err(error)) => return Err(transport(error)),
                    Err(_) => return Err(stalled(action, options.stall_timeout, &place())),
                }
            }
            return Ok(Got { answer: Answer { status, body: body.into() }, wait, has_left, challenges });
        }
        Err(Error::new(Condition::Redirect, action, format!("gave up after {MAX_REDIRECTS} redirects")))
    }

    /// The client for documents, made when it is first needed: reading the system's authorities takes a while.
    fn document_client(&self) -> Result<reqwest::Client, Error> {
        if let Some(client) = self.inner.documents.get() {
            return Ok(client.clone());
        }
        let client = Profile::new(&self.inner.options, None, false, Watch::Nobody)?.small;
        Ok(self.inner.documents.get_or_init(|| client).clone())
    }
}
