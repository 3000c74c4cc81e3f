//! The client, and how its requests are made.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use http::{HeaderMap, Method};
use image_ref::{ImageRef, Repository};
use registries_conf::{PullSource, ResolveError};
use url::Url;

use crate::call::{Call, Payload, Reply, silent};
use crate::endpoint::Endpoint;
use crate::error::{Condition, Error};
use crate::host::Host;
use crate::inner::Inner;
use crate::limiter::Limiter;
use crate::notices::NoticeListener;
use crate::options::ClientOptions;
use crate::requests::RequestCounts;
use crate::scope::Scope;
use crate::tls::{Profile, Watch};

/// A registry client. Cloning is cheap; clones share connections, tokens and what was learned about registries.
///
/// Use one per side of a copy: its options say how that side is reached.
#[derive(Clone)]
pub struct Client {
    pub(crate) inner: Arc<Inner>,
}

impl Client {
    /// A client. Opens no connection.
    ///
    /// # Errors
    /// When a certificate folder given by [`ClientOptions::cert_dir`] cannot be understood.
    pub fn new(options: ClientOptions) -> Result<Self, Error> {
        options.proxies.check().map_err(|text| Error::new(Condition::Configuration, "reading proxies", text))?;
        if let Some(directory) = &options.cert_dir {
            Profile::new(&options, Some(directory), !options.tls_verify, Watch::Nobody)?;
        }
        options.proxies.addresses().for_each(|address| options.redactor.hide_address(address));
        Ok(Self { inner: Arc::new(Inner::new(options)) })
    }

    /// The options this client was made with.
    pub fn options(&self) -> &ClientOptions {
        &self.inner.options
    }

    /// Tells `listener` what this client, or a clone of it, has to tell from now on, in place of who was told before.
    /// Without a listener, notices are `tracing` events.
    pub fn on_notice(&self, listener: NoticeListener) {
        self.inner.notices.listen(listener);
    }

    /// How many requests this client and its clones have made so far, by `host[:port]`.
    pub fn requests(&self) -> BTreeMap<String, RequestCounts> {
        self.inner.requests.so_far()
    }

    /// How many seconds the clock of each registry, by `host[:port]`, is ahead of ours; below zero when it is behind. Servers
    /// tell whole seconds, and the time of the answer's way counts too.
    pub fn clocks(&self) -> BTreeMap<String, i64> {
        self.inner.clocks.so_far()
    }

    /// A repository as a place to write to, or to read from without mirrors.
    pub fn endpoint(&self, repository: &Repository) -> Endpoint {
        Endpoint {
            repository: repository.clone(),
            logical: repository.clone(),
            mirror: false,
            insecure: self.inner.options.registries.is_insecure(&repository.to_string()),
        }
    }

    /// The places an image may be read from, in the order they are tried.
    ///
    /// # Errors
    /// When registries.conf blocks them all, or the name is no repository name.
    pub fn sources(&self, image: &ImageRef) -> Result<Vec<Endpoint>, Error> {
        let action = || "finding pull sources";
        let sources = self
            .inner
            .options
            .registries
            .resolve(image)
            .map_err(|error| Error::new(of_resolving(&error), action(), error.to_string()))?;
        sources
            .into_iter()
            .map(|PullSource { image, logical, mirror, insecure }| {
                let name = |image: &ImageRef| {
                    image
                        .repository()
                        .map_err(|error| Error::new(Condition::Configuration, action(), error.to_string()))
                };
                Ok(Endpoint { repository: name(&image)?, logical: name(&logical)?, mirror, insecure })
            })
            .collect()
    }

    /// How many requests run at a registry at once. Shared with everything this client does there.
    ///
    /// # Errors
    /// When the registry's certificate folder cannot be understood.
    pub fn limiter(&self, at: &Endpoint) -> Result<Arc<Limiter>, Error> {
        Ok(Arc::clone(&self.inner.host(at)?.limiter))
    }

    /// Checks that a registry can be reached and accepts the credentials (`docs/behaviour/release.md` 7.1, "Start-up
    /// check").
    /// `registry` is `host[:port]`, or a repository below it whose credentials are to be used.
    ///
    /// # Errors
    /// When it cannot be reached, or `GET /v2/` is answered with anything else than 200.
    pub async fn ping(&self, registry: &str) -> Result<(), Error> {
        let action = format!("checking registry `{registry}`");
        let endpoint = match registry.split_once('/') {
            Some(_) => {
                let repository = registry
                    .parse::<Repository>()
                    .map_err(|error| Error::new(Condition::Configuration, &*action, error.to_string()))?;
                Some(self.endpoint(&repository))
            }
            None => None,
        };
        let host = match &endpoint {
            Some(endpoint) => self.inner.host(endpoint)?,
            None => self.inner.host_named(registry)?,
        };
        let mut retries = self.inner.start_retries().watching(&host);
        loop {
            let attempt = async {
                let base = self.inner.base(&host, &action).await?;
                let url = base.join("v2/").expect("`v2/` joins to every base URL");
                let call = Call {
                    endpoint: endpoint.as_ref(),
                    ..Call::get(url, Scope::login(), &action, &self.inner.options)
                };
                self.inner.call(&host, call).await
            };
            match attempt.await {
                Ok(reply) => {
                    reply.finish();
                    return Ok(());
                }
                Err(error) => retries.again(error, 0).await?,
            }
        }
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Client").field(&self.inner.options).finish()
    }
}

impl<'a> Call<'a> {
    /// A plain `GET` that expects 200.
    pub(crate) fn get(url: Url, scope: Scope, action: &'a str, options: &ClientOptions) -> Self {
        Self {
            method: Method::GET,
            url,
            headers: HeaderMap::new(),
            payload: Payload::Empty,
            scope,
            endpoint: None,
            action,
            accept: &[200],
            bulk: false,
            patience: options.stall_timeout,
            progress: &silent,
        }
    }
}

impl Inner {
    /// `<base>/v2/<path>/<rest>`.
    pub(crate) async fn url(
        self: &Arc<Self>,
        host: &Arc<Host>,
        at: &Endpoint,
        rest: &str,
        action: &str,
    ) -> Result<Url, Error> {
        let base = self.base(host, action).await?;
        base.join(&format!("v2/{}/{rest}", at.repository.path())).map_err(|error| {
            Error::new(Condition::Configuration, action, error.to_string()).with_registry(&host.registry)
        })
    }

    /// Sends a request to `<base>/v2/<path>/<rest>`, once.
    pub(crate) async fn request(
        self: &Arc<Self>,
        at: &Endpoint,
        rest: &str,
        adapt: impl FnOnce(&mut Call<'_>) + Send,
        scope: Scope,
        action: &str,
    ) -> Result<Reply, Error> {
        let host = self.host(at)?;
        let url = self.url(&host, at, rest, action).await?;
        let mut call = Call { endpoint: Some(at), ..Call::get(url, scope, action, &self.options) };
        adapt(&mut call);
        self.call(&host, call).await
    }
}

/// Whether registries.conf forbids the access, or makes no sense.
fn of_resolving(error: &ResolveError) -> Condition {
    match error {
        ResolveError::Blocked { .. } => Condition::Blocked,
        _ => Condition::Configuration,
    }
}
