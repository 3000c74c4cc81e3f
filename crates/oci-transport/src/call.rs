//! One request and its answer: authorization, redirects, stalls, and the error when it fails.

use std::future::Future;
use std::io::Read as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_ENCODING, CONTENT_LENGTH, LOCATION, TRANSFER_ENCODING, WWW_AUTHENTICATE};
use http::{HeaderMap, Method};
use url::Url;

use crate::address::origin;
use crate::challenge::{self, Challenge};
use crate::endpoint::Endpoint;
use crate::error::{Condition, Error, Hint, Place};
use crate::host::Host;
use crate::inner::Inner;
use crate::limiter::Permit;
use crate::location::{self, LocationError, same_origin, shown};
use crate::requests::Purpose;
use crate::retry::retry_after;
use crate::scope::Scope;

/// How many redirects are followed.
const MAX_REDIRECTS: usize = 10;

/// How many bytes of an error answer are read.
const MAX_ERROR_BYTES: usize = 16 * 1024;

/// A request.
pub(crate) struct Call<'a> {
    pub(crate) method: Method,
    pub(crate) url: Url,
    pub(crate) headers: HeaderMap,
    pub(crate) payload: Payload<'a>,
    pub(crate) scope: Scope,
    /// Whose credentials are used; `None` for those of the registry as a whole.
    pub(crate) endpoint: Option<&'a Endpoint>,
    /// What is being done, for messages.
    pub(crate) action: &'a str,
    /// The statuses that are answers and not errors.
    pub(crate) accept: &'a [u16],
    /// Whether a blob is moved.
    pub(crate) bulk: bool,
    /// How long the answer may take once everything is sent.
    pub(crate) patience: Duration,
    /// Told now and then how many more bytes were sent.
    pub(crate) progress: &'a (dyn Fn(u64) + Send + Sync),
}

/// The body of a request. It may be sent more than once: after a 401, or along a redirect.
pub(crate) enum Payload<'a> {
    Empty,
    Bytes(Bytes),
    Stream(&'a (dyn Fn() -> Upload + Send + Sync)),
}

/// A streaming body.
pub(crate) struct Upload {
    pub(crate) body: reqwest::Body,
    /// In bytes.
    pub(crate) length: u64,
    pub(crate) sent: Arc<AtomicU64>,
    /// Whether the next piece waits for its share of the bandwidth: then nothing moves, on purpose.
    pub(crate) held: Arc<AtomicBool>,
}

/// An answer whose status is accepted. Its body is still to be read.
pub(crate) struct Reply {
    pub(crate) response: reqwest::Response,
    /// Where the answer came from, behind all redirects.
    pub(crate) url: Url,
    permit: Permit,
    action: String,
    host: Arc<Host>,
    inner: Arc<Inner>,
}

impl Reply {
    pub(crate) fn status(&self) -> u16 {
        self.response.status().as_u16()
    }

    pub(crate) fn headers(&self) -> &HeaderMap {
        self.response.headers()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers().get(name)?.to_str().ok()
    }

    /// Where the rest of the body comes from. Only an error asks, since the answer costs looks at the disk.
    fn place(&self) -> Place {
        self.inner.place(&self.url, &self.host.registry)
    }

    /// The next piece of the body, or `None` at its end.
    pub(crate) async fn chunk(&mut self) -> Result<Option<Bytes>, Error> {
        let stall = self.inner.options.stall_timeout;
        let result = match tokio::time::timeout(stall, self.response.chunk()).await {
            Ok(Ok(chunk)) => {
                // What is not read from the connection is not sent either.
                if let (Some(bandwidth), Some(chunk)) = (&self.inner.options.bandwidth, &chunk) {
                    bandwidth.take(chunk.len() as u64).await;
                }
                return Ok(chunk);
            }
            Ok(Err(error)) => Error::transport(&*self.action, error, &self.place()),
            Err(_) => stalled(&self.action, stall, &self.place()),
        };
        if result.is_congestion() {
            self.permit.congested();
        }
        Err(result)
    }

    /// The whole body, which is JSON of at most `limit` bytes.
    pub(crate) async fn bytes(mut self, limit: usize, noun: &str) -> Result<Bytes, Error> {
        let too_large = |this: &Self| {
            Error::new(
                Condition::TooLarge,
                &*this.action,
                format!("the {noun} is larger than the {} MiB allowed", limit / 1024 / 1024),
            )
            .with_registry(&this.host.registry)
        };
        if self.response.content_length().is_some_and(|length| length > limit as u64) {
            return Err(too_large(&self));
        }
        let within = self.inner.options.document_timeout;
        let Ok(read) = tokio::time::timeout(within, read_whole(&mut self, limit)).await else {
            let message = format!("`{}`: the {noun} did not arrive within {} s", self.place(), within.as_secs_f64());
            self.permit.congested();
            return Err(Error::new(Condition::TooSlow, &*self.action, message).with_registry(&self.host.registry));
        };
        let Some(body) = read? else { return Err(too_large(&self)) };
        self.finish();
        Ok(body.into())
    }

    /// Tells the limiter that all went well.
    pub(crate) fn finish(self) {
        self.permit.succeeded();
    }
}

/// An answer behind all redirects.
struct Followed {
    response: reqwest::Response,
    url: Url,
    /// Whether another host than the registry was asked on the way.
    has_left: bool,
}

/// The body of an answer, piece by piece.
pub(crate) trait Body {
    /// The answer.
    fn response(&self) -> &reqwest::Response;

    /// The next piece, or `None` at the end.
    fn chunk(&mut self) -> impl Future<Output = Result<Option<Bytes>, Error>> + Send;
}

impl Body for Reply {
    fn response(&self) -> &reqwest::Response {
        &self.response
    }

    fn chunk(&mut self) -> impl Future<Output = Result<Option<Bytes>, Error>> + Send {
        Self::chunk(self)
    }
}

/// A whole body, which is JSON; `None` when it has more than `limit` bytes.
pub(crate) async fn read_whole(body: &mut impl Body, limit: usize) -> Result<Option<Vec<u8>>, Error> {
    let mut read = Vec::new();
    loop {
        match body.chunk().await {
            Ok(Some(chunk)) if read.len() + chunk.len() > limit => return Ok(None),
            Ok(Some(chunk)) => read.extend_from_slice(&chunk),
            Ok(None) => break,
            Err(error) if error.condition() == Condition::Eof && is_whole(body.response(), &read) => break,
            Err(error) => return Err(error),
        }
    }
    Ok(unpacked(body.response().headers(), read, limit))
}

/// Whether a body is packed for the way alone. Nobody asks for that here, and some proxies do it all the same.
pub(crate) fn is_packed(headers: &HeaderMap) -> bool {
    let encoding = headers.get(CONTENT_ENCODING).and_then(|value| value.to_str().ok()).map(str::trim);
    encoding.is_some_and(|encoding| ["gzip", "x-gzip"].iter().any(|name| encoding.eq_ignore_ascii_case(name)))
}

/// A body as it was before it was packed for the way; `None` when it is larger than `limit` then. What only claims to be
/// packed is left as it is.
fn unpacked(headers: &HeaderMap, body: Vec<u8>, limit: usize) -> Option<Vec<u8>> {
    if !is_packed(headers) {
        return Some(body);
    }
    let mut plain = Vec::new();
    let mut reader = flate2::read::MultiGzDecoder::new(&*body).take(limit as u64 + 1);
    match reader.read_to_end(&mut plain) {
        Ok(_) if plain.len() > limit => None,
        Ok(_) => Some(plain),
        Err(_) => Some(body),
    }
}

/// Whether a body that broke off is all there was. Old servers end TLS without saying so; where nothing but the end of the
/// connection tells the length, JSON has an end of its own.
fn is_whole(response: &reqwest::Response, body: &[u8]) -> bool {
    let told = [CONTENT_LENGTH, TRANSFER_ENCODING].iter().any(|name| response.headers().contains_key(name));
    !told
        && response.version() <= http::Version::HTTP_11
        && serde_json::from_slice::<serde::de::IgnoredAny>(body).is_ok()
}

pub(crate) fn stalled(action: &str, limit: Duration, place: &Place) -> Error {
    let message = format!("`{place}`: stalled: no byte moved for {} s", limit.as_secs_f64());
    Error::new(Condition::Stall, action, message).with_registry(&place.registry)
}

impl Inner {
    /// Sends a request once: with authorization, again after a 401 that better authorization may cure, along redirects.
    pub(crate) async fn call(self: &Arc<Self>, host: &Arc<Host>, call: Call<'_>) -> Result<Reply, Error> {
        let permit = host.limiter.acquire().await;
        host.reach.admit(call.action)?;
        let result = self.call_authorized(host, &call).await;
        match result {
            Ok((response, url)) => Ok(Reply {
                response,
                url,
                permit,
                action: call.action.to_owned(),
                host: Arc::clone(host),
                inner: Arc::clone(self),
            }),
            Err(error) => {
                if error.is_congestion() {
                    permit.congested();
                }
                // Addresses and names in it may be of the registry's choice.
                Err(error.redacted(&self.options.redactor))
            }
        }
    }

    async fn call_authorized(
        self: &Arc<Self>,
        host: &Arc<Host>,
        call: &Call<'_>,
    ) -> Result<(reqwest::Response, Url), Error> {
        let mut scope = call.scope.clone();
        let mut authorization = self.authorization(host, call.endpoint, &scope, call.action).await?;
        let mut second = false;
        loop {
            let Followed { response, url, has_left } = self.follow(host, call, authorization.header()).await?;
            let status = response.status();
            if call.accept.contains(&status.as_u16()) {
                return Ok((response, url));
            }
            let from_registry = !has_left && same_origin(&url, &call.url);
            if status.as_u16() == 401 && from_registry && !second {
                second = true;
                let challenges = challenges_of(response.headers());
                for wanted in challenges.iter().filter_map(|challenge| challenge.param("scope")) {
                    scope = scope.spelled_as(wanted);
                }
                host.auth.learn(challenges);
                let fresh = self.authorization_after_401(host, call, &scope, &authorization).await?;
                if let Some(fresh) = fresh {
                    authorization = fresh;
                    continue;
                }
            }
            let error = self.status_error(call, response).await.with_registry(&host.registry);
            let refused = matches!(error.condition(), Condition::Unauthorized | Condition::Denied) && from_registry;
            return Err(if refused {
                error.with_hint(self.credentials_hint(host, call.endpoint, authorization.has_credentials()))
            } else {
                error
            });
        }
    }

    async fn status_error(&self, call: &Call<'_>, mut response: reqwest::Response) -> Error {
        let status = response.status();
        let wait = retry_after(response.headers(), SystemTime::now());
        let mut body = Vec::new();
        let read = async {
            while let Ok(Some(chunk)) = response.chunk().await {
                body.extend_from_slice(&chunk);
                if body.len() > MAX_ERROR_BYTES {
                    break;
                }
            }
        };
        // The words are a courtesy; the status is what counts.
        let _ = tokio::time::timeout(Duration::from_secs(5), read).await;
        Error::status(call.action, status, wait, &body, &self.options.redactor)
    }

    /// Sends the request and follows redirects by hand: credentials stay with the registry's own origin, and HTTPS never
    /// becomes HTTP.
    async fn follow(
        &self,
        host: &Arc<Host>,
        call: &Call<'_>,
        authorization: Option<&http::HeaderValue>,
    ) -> Result<Followed, Error> {
        let base = host.base.get().cloned().unwrap_or_else(|| call.url.clone());
        let mut url = call.url.clone();
        let mut has_left = false;
        for _ in 0..=MAX_REDIRECTS {
            // Whoever leads back to the registry gets no authorization for what they ask of it.
            has_left |= !same_origin(&url, &base);
            let own = !has_left;
            if has_left {
                host.admit("the request", &url, call.action).await?;
            }
            let client = match (own, call.bulk) {
                (true, true) => host.profile.bulk.clone(),
                (true, false) => host.profile.small.clone(),
                (false, _) => self.foreign_client(host, &url)?,
            };
            let mut request = client.request(call.method.clone(), url.clone()).headers(call.headers.clone());
            if let Some(authorization) = authorization.filter(|_| own) {
                request = request.header(AUTHORIZATION, authorization.clone());
            }
            let mut sent = None;
            request = match &call.payload {
                Payload::Empty if matches!(call.method, Method::POST | Method::PUT | Method::PATCH) => {
                    request.header(CONTENT_LENGTH, 0)
                }
                Payload::Empty => request,
                Payload::Bytes(bytes) => request.body(bytes.clone()),
                Payload::Stream(open) => {
                    let upload = open();
                    sent = Some((upload.sent, upload.length, upload.held));
                    request.header(CONTENT_LENGTH, upload.length).body(upload.body)
                }
            };
            self.requests.count(&url, Purpose::of(&call.url));
            let response = self.answer(host, &url, call, request, sent).await?;
            host.reach.answered();
            self.has_answered(&url);
            // Of whoever a registry leads to, another speaks.
            if !has_left {
                self.clocks.note(&host.registry, response.headers(), SystemTime::now());
            }
            let Some(target) = redirect_target(&call.method, &url, &response, host.insecure) else {
                return Ok(Followed { response, url, has_left });
            };
            let target = target.map_err(|error| {
                let message = format!("refused a redirect to {error}");
                Error::new(Condition::Redirect, call.action, message).with_registry(&host.registry)
            })?;
            tracing::trace!(from = %shown(&url), to = %shown(&target), "redirected");
            url = target;
        }
        Err(Error::new(Condition::Redirect, call.action, format!("gave up after {MAX_REDIRECTS} redirects"))
            .with_registry(&host.registry))
    }

    /// Waits for the answer while watching that the upload moves.
    async fn answer(
        &self,
        host: &Arc<Host>,
        url: &Url,
        call: &Call<'_>,
        request: reqwest::RequestBuilder,
        sent: Option<(Arc<AtomicU64>, u64, Arc<AtomicBool>)>,
    ) -> Result<reqwest::Response, Error> {
        let transport = |error| Error::transport(call.action, error, &self.place(url, &host.registry));
        let Some((sent, length, held)) = sent else {
            return match tokio::time::timeout(call.patience, request.send()).await {
                Ok(answer) => answer.map_err(transport),
                Err(_) => Err(stalled(call.action, call.patience, &self.place(url, &host.registry))),
            };
        };
        let answer = request.send();
        tokio::pin!(answer);
        let (mut seen, mut since) = (0, Instant::now());
        let mut tick = tokio::time::interval(self.options.stall_timeout.min(Duration::from_millis(200)));
        loop {
            tokio::select! {
                answer = &mut answer => {
                    (call.progress)(sent.load(Ordering::Relaxed) - seen);
                    return answer.map_err(transport);
                }
                _ = tick.tick() => {}
            }
            let now = sent.load(Ordering::Relaxed);
            if now > seen {
                (call.progress)(now - seen);
            }
            if now > seen || held.load(Ordering::Relaxed) {
                (seen, since) = (now, Instant::now());
            }
            let limit = if now >= length { self.options.commit_timeout } else { self.options.stall_timeout };
            if since.elapsed() > limit {
                return Err(stalled(call.action, limit, &self.place(url, &host.registry)));
            }
        }
    }
}

impl Host {
    /// Looks at an address that the registry refers to, before it is asked.
    ///
    /// # Errors
    /// When it may not lead there: see [`crate::reserved`].
    pub(crate) async fn admit(&self, what: &str, url: &Url, action: &str) -> Result<(), Error> {
        self.guard.admit(url).await.map_err(|misled| {
            let message = format!("refused: the registry sends {what} to `{}` at {misled}", origin(url));
            Error::new(Condition::Redirect, action, message).with_registry(&self.registry)
        })
    }
}

impl Inner {
    /// What to do about a registry that refuses us, with credentials or without.
    pub(crate) fn credentials_hint(&self, host: &Host, endpoint: Option<&Endpoint>, had_credentials: bool) -> Hint {
        let repository = endpoint.map(|endpoint| &endpoint.repository);
        let origin = self.options.credentials.origin(&host.registry, repository);
        let registry = host.registry.clone();
        if had_credentials {
            return Hint::CheckCredentials { registry, origin };
        }
        // The keys that an auth file could have, most specific first.
        let namespace = repository.and_then(|repository| repository.path().split_once('/'));
        let keys = namespace.map(|(namespace, _)| format!("{registry}/{namespace}"));
        Hint::AddCredentials { keys: keys.into_iter().chain([registry]).collect(), origin }
    }
}

/// The challenges of all `WWW-Authenticate` headers.
pub(crate) fn challenges_of(headers: &HeaderMap) -> Vec<Challenge> {
    headers
        .get_all(WWW_AUTHENTICATE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(challenge::parse)
        .collect()
}

fn redirect_target(
    method: &Method,
    from: &Url,
    response: &reqwest::Response,
    insecure: bool,
) -> Option<Result<Url, LocationError>> {
    let safe = matches!(*method, Method::GET | Method::HEAD);
    match response.status().as_u16() {
        307 | 308 => {}
        301..=303 if safe => {}
        _ => return None,
    }
    // An upload answered by 307 without Location, or 304, is an answer like any other.
    let header = response.headers().get(LOCATION)?;
    Some(
        header
            .to_str()
            .map_err(|_| LocationError::Unreadable)
            .and_then(|text| location::redirect(from, text, insecure)),
    )
}

/// No one listens.
pub(crate) fn silent(_: u64) {}
