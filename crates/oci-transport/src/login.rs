//! First contact with a registry, and the tokens that follow from it.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use bytes::Bytes;
use http::HeaderValue;
use registries_conf::Credentials;
use url::Url;

use crate::auth::{self, Token, TokenAnswer, TokenKey, TokenSlot};
use crate::call::{Body, Call, challenges_of, read_whole};
use crate::credentials::CredentialRequest;
use crate::endpoint::Endpoint;
use crate::error::{Condition, Error};
use crate::host::Host;
use crate::inner::Inner;
use crate::location::{same_origin, shown};
use crate::proxy::is_loopback;
use crate::requests::Purpose;
use crate::retry::retry_after;
use crate::scope::Scope;

/// How many bytes the answer of a token server may have: 1 MiB.
const MAX_TOKEN_BYTES: usize = 1024 * 1024;

/// The answer of a token server, and what its failures are called.
struct Answer<F> {
    response: reqwest::Response,
    failed: F,
}

impl<F: Fn(reqwest::Error) -> Error + Send> Body for Answer<F> {
    fn response(&self) -> &reqwest::Response {
        &self.response
    }

    async fn chunk(&mut self) -> Result<Option<Bytes>, Error> {
        self.response.chunk().await.map_err(&self.failed)
    }
}

/// What a request carries.
pub(crate) struct Authorization {
    kind: Kind,
    has_credentials: bool,
}

enum Kind {
    None,
    Fixed(HeaderValue),
    Token(HeaderValue, Arc<TokenSlot>),
}

impl Authorization {
    pub(crate) fn header(&self) -> Option<&HeaderValue> {
        match &self.kind {
            Kind::None => None,
            Kind::Fixed(header) | Kind::Token(header, _) => Some(header),
        }
    }

    /// Whether credentials were known for the repository, used or not.
    pub(crate) fn has_credentials(&self) -> bool {
        self.has_credentials
    }
}

impl Inner {
    /// The base URL of a registry: `https`, or what the first contact shows when plain HTTP is allowed. Learns the
    /// challenges on the way.
    pub(crate) async fn base(self: &Arc<Self>, host: &Arc<Host>, action: &str) -> Result<Url, Error> {
        if let Some(base) = host.base.get() {
            return Ok(base.clone());
        }
        host.base
            .get_or_try_init(|| async {
                // Asked here, behind everyone who waits for the same first contact.
                host.reach.admit(action)?;
                let redactor = &self.options.redactor;
                self.first_contact(host, action).await.map_err(|error| error.redacted(redactor))
            })
            .await
            .cloned()
    }

    async fn first_contact(self: &Arc<Self>, host: &Arc<Host>, action: &str) -> Result<Url, Error> {
        let secure = host.url("https")?;
        match self.greet(host, &secure, action).await {
            Ok(()) => Ok(secure),
            // An answer is an answer; only who does not speak HTTPS is asked in plain HTTP.
            Err(error) if host.insecure && error.status_code().is_none() => {
                let plain = host.url("http")?;
                match self.greet(host, &plain, action).await {
                    Ok(()) => Ok(plain),
                    // The server does speak plain HTTP, so that is the failure that counts.
                    Err(other) if other.status_code().is_some() || error.condition() == Condition::PlainHttp => {
                        Err(other)
                    }
                    Err(_) => Err(error),
                }
            }
            Err(error) => Err(error),
        }
    }

    /// `GET /v2/` without credentials. Any answer will do that does not speak of overload.
    async fn greet(&self, host: &Arc<Host>, base: &Url, action: &str) -> Result<(), Error> {
        let url = base.join("v2/").expect("`v2/` joins to every base URL");
        self.requests.count(&url, Purpose::Other);
        let answer = tokio::time::timeout(self.options.stall_timeout, host.profile.small.get(url.clone()).send()).await;
        let response = match answer {
            Ok(Ok(response)) => {
                host.reach.answered();
                self.has_answered(&url);
                response
            }
            Ok(Err(error)) => return Err(Error::transport(action, error, &self.place(&url, &host.registry))),
            Err(_) => {
                let (place, seconds) = (self.place(&url, &host.registry), self.options.stall_timeout.as_secs_f64());
                let message = format!("`{place}`: stalled: no answer for {seconds} s");
                return Err(Error::new(Condition::Stall, action, message).with_registry(&host.registry));
            }
        };
        let status = response.status();
        // A proxy that wants a password is not the registry.
        if matches!(status.as_u16(), 407 | 408 | 429) || status.is_server_error() {
            let wait = retry_after(response.headers(), std::time::SystemTime::now());
            return Err(Error::status(action, status, wait, b"", &self.options.redactor).with_registry(&host.registry));
        }
        if status.as_u16() == 401 {
            host.auth.learn(challenges_of(response.headers()));
        } else if status.as_u16() == 400 && base.scheme() == "http" {
            // "Client sent an HTTP request to an HTTPS server" comes as a 400.
            return Err(Error::status(action, status, None, b"", &self.options.redactor).with_registry(&host.registry));
        }
        Ok(())
    }

    /// The credentials of a repository, looked up once.
    pub(crate) async fn credentials_for(
        self: &Arc<Self>,
        host: &Host,
        endpoint: Option<&Endpoint>,
        action: &str,
    ) -> Result<Option<Credentials>, Error> {
        let key =
            endpoint.map_or_else(|| host.registry.clone(), |e| format!("{}<{}", e.repository, e.logical.registry()));
        let cell = {
            let mut cells = self.credentials.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            Arc::clone(cells.entry(key).or_default())
        };
        let found = cell
            .get_or_try_init(|| async {
                let source = Arc::clone(&self.options.credentials);
                let (registry, endpoint) = (host.registry.clone(), endpoint.cloned());
                let redactor = &self.options.redactor;
                let lookup = move || match &endpoint {
                    Some(Endpoint { repository, logical, .. }) => {
                        source.lookup(CredentialRequest { repository, logical })
                    }
                    None => source.registry_credentials(&registry),
                };
                match tokio::task::spawn_blocking(lookup).await {
                    Ok(Ok(found)) => {
                        // Before anything of it is sent.
                        if let Some(credentials) = &found {
                            redactor.hide_credentials(credentials);
                        }
                        Ok(found)
                    }
                    Ok(Err(error)) => Err(error.to_string()),
                    Err(_) => Err("the look-up of credentials was interrupted".to_owned()),
                }
            })
            .await;
        found.cloned().map_err(|text| Error::new(Condition::Configuration, action, text).with_registry(&host.registry))
    }

    /// What to send with a request of this scope, as far as the registry's challenges are known.
    pub(crate) async fn authorization(
        self: &Arc<Self>,
        host: &Arc<Host>,
        endpoint: Option<&Endpoint>,
        scope: &Scope,
        action: &str,
    ) -> Result<Authorization, Error> {
        let credentials = self.credentials_for(host, endpoint, action).await?;
        let has_credentials = credentials.is_some();
        let with = |kind| Ok(Authorization { kind, has_credentials });
        let unusable = || {
            Error::new(Condition::Configuration, action, "the credentials hold characters that a header cannot carry")
                .with_registry(&host.registry)
        };
        if let Some(Credentials::Bearer(token)) = &credentials {
            return with(Kind::Fixed(auth::bearer_header(token.reveal()).ok_or_else(unusable)?));
        }
        let challenges = host.auth.challenges();
        match (auth::choose(&challenges, credentials.as_ref()), &credentials) {
            (Some(challenge), Some(Credentials::Basic { username, password })) if challenge.scheme == "basic" => {
                with(Kind::Fixed(auth::basic_header(username, password).ok_or_else(unusable)?))
            }
            (Some(challenge), _) if challenge.scheme == "bearer" => {
                let key = TokenKey {
                    realm: challenge.param("realm").unwrap_or_default().to_owned(),
                    service: challenge.param("service").unwrap_or_default().to_owned(),
                    scope: scope.clone(),
                    account: match (&credentials, endpoint) {
                        (Some(_), Some(endpoint)) => endpoint.repository.to_string(),
                        _ => String::new(),
                    },
                };
                let slot = host.auth.slot(&key);
                let token = self.token(host, &slot, &key, (endpoint, credentials.as_ref()), action).await?;
                with(Kind::Token(token.header, slot))
            }
            _ => with(Kind::None),
        }
    }

    /// What to send after a 401: a new token, or what the challenge of that answer asks for. `None` when it would be the
    /// same again.
    pub(crate) async fn authorization_after_401(
        self: &Arc<Self>,
        host: &Arc<Host>,
        call: &Call<'_>,
        scope: &Scope,
        refused: &Authorization,
    ) -> Result<Option<Authorization>, Error> {
        if let Kind::Token(header, slot) = &refused.kind {
            let mut state = slot.state.lock().await;
            // Someone else may have replaced it already.
            if state.token.as_ref().is_some_and(|token| token.header == *header) {
                state.token = None;
            }
        }
        let fresh = self.authorization(host, call.endpoint, scope, call.action).await?;
        let same = match (refused.header(), fresh.header()) {
            (None, None) => true,
            (Some(old), Some(new)) => old == new && matches!(fresh.kind, Kind::Fixed(_)),
            _ => false,
        };
        Ok((!same).then_some(fresh))
    }

    /// The token of a slot, fetched by whoever comes first while the others wait.
    async fn token(
        self: &Arc<Self>,
        host: &Arc<Host>,
        slot: &TokenSlot,
        key: &TokenKey,
        who: (Option<&Endpoint>, Option<&Credentials>),
        action: &str,
    ) -> Result<Token, Error> {
        let failures = slot.failures.load(Ordering::Acquire);
        let mut state = slot.state.lock().await;
        if let Some(token) = state.token.as_ref().filter(|token| token.is_fresh(Instant::now())) {
            return Ok(token.clone());
        }
        if slot.failures.load(Ordering::Acquire) != failures
            && let Some(failure) = &state.failure
        {
            // It failed while we waited for it.
            return Err(failure.clone().with_action(action));
        }
        match self.fetch_token(host, key, who, action).await {
            Ok(token) => {
                state.token = Some(token.clone());
                state.failure = None;
                Ok(token)
            }
            Err(error) => {
                state.failure = Some(error.clone());
                slot.failures.fetch_add(1, Ordering::Release);
                Err(error)
            }
        }
    }

    async fn fetch_token(
        &self,
        host: &Arc<Host>,
        key: &TokenKey,
        (endpoint, credentials): (Option<&Endpoint>, Option<&Credentials>),
        action: &str,
    ) -> Result<Token, Error> {
        let fail = |condition, message: String| Error::new(condition, action, message).with_registry(&host.registry);
        let mut url = Url::parse(&key.realm)
            .ok()
            .filter(|url| matches!(url.scheme(), "http" | "https") && url.host().is_some())
            .ok_or_else(|| fail(Condition::Protocol, "the registry names a token server that is no address".into()))?;
        let own = host.base.get().is_some_and(|base| same_origin(base, &url));
        if url.scheme() == "http" && !own && !host.insecure && !is_loopback(&url) {
            let message = format!("refused to ask for a token over plain HTTP at `{}`", shown(&url));
            return Err(fail(Condition::Redirect, message));
        }
        if !own {
            host.admit("requests for tokens", &url, action).await?;
        }
        let client = if own { host.profile.small.clone() } else { self.foreign_client(host, &url)? };
        let at = shown(&url);
        let address = url.clone();
        let asked = Instant::now();
        let request = match credentials {
            Some(Credentials::IdentityToken(token)) => {
                let mut form = url::form_urlencoded::Serializer::new(String::new());
                form.append_pair("grant_type", "refresh_token")
                    .append_pair("service", &key.service)
                    .append_pair("client_id", &self.options.user_agent)
                    .append_pair("refresh_token", token.reveal());
                let scope = key.scope.to_string();
                if !scope.is_empty() {
                    form.append_pair("scope", &scope);
                }
                client
                    .post(url)
                    .header(http::header::CONTENT_TYPE, "application/x-www-form-urlencoded")
                    .body(form.finish())
            }
            other => {
                {
                    let mut query = url.query_pairs_mut();
                    if let Some(Credentials::Basic { username, .. }) = other {
                        query.append_pair("account", username.reveal());
                    }
                    if !key.service.is_empty() {
                        query.append_pair("service", &key.service);
                    }
                    for word in key.scope.words() {
                        query.append_pair("scope", &word);
                    }
                }
                let mut request = client.get(url);
                if let Some(Credentials::Basic { username, password }) = other {
                    let header = auth::basic_header(username, password).ok_or_else(|| {
                        fail(
                            Condition::Configuration,
                            "the credentials hold characters that a header cannot carry".into(),
                        )
                    })?;
                    request = request.header(http::header::AUTHORIZATION, header);
                }
                request
            }
        };
        let answer = async {
            let failed = |error| Error::transport(action, error, &self.place(&address, &host.registry));
            self.requests.count(&address, Purpose::Token);
            let response = request.send().await.map_err(failed)?;
            self.has_answered(&address);
            let status = response.status();
            let wait = retry_after(response.headers(), std::time::SystemTime::now());
            let body = read_whole(&mut Answer { response, failed }, MAX_TOKEN_BYTES).await?;
            let body = body
                .ok_or_else(|| fail(Condition::Protocol, format!("the token server at `{at}` answers without end")))?;
            Ok((status, wait, body))
        };
        let (status, wait, body) = tokio::time::timeout(self.options.stall_timeout, answer).await.map_err(|_| {
            let seconds = self.options.stall_timeout.as_secs_f64();
            fail(Condition::Stall, format!("`{at}`: stalled: no token for {seconds} s"))
        })??;
        if !status.is_success() {
            let error = Error::status(
                format!("{action}: asking `{at}` for a token"),
                status,
                wait,
                &body,
                &self.options.redactor,
            )
            .with_registry(&host.registry);
            // Token servers refuse bad credentials with 400, 401 or 403.
            let refused = matches!(status.as_u16(), 400 | 401 | 403);
            return Err(if refused {
                let hint = self.credentials_hint(host, endpoint, credentials.is_some());
                error.with_condition(Condition::Unauthorized).with_hint(hint)
            } else if error.is_not_found() {
                // A token server that is not there says nothing about the image.
                error.with_condition(Condition::Protocol)
            } else {
                error
            });
        }
        serde_json::from_slice::<TokenAnswer>(&body)
            .ok()
            .and_then(|answer| answer.into_token(asked, &self.options.redactor))
            .ok_or_else(|| fail(Condition::Protocol, format!("the token server at `{at}` answers without a token")))
    }
}
