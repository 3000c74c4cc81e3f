//! The client: what all requests share.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use http::{HeaderMap, Method};
use image_ref::{ImageRef, Repository};
use registries_conf::{Credentials, PullSource};
use url::Url;

use crate::call::{Call, Payload, Reply, silent};
use crate::clocks::Clocks;
use crate::endpoint::Endpoint;
use crate::error::{Condition, Error};
use crate::host::Host;
use crate::limiter::Limiter;
use crate::notices::Notices;
use crate::options::ClientOptions;
use crate::requests::{RequestCounts, Requests};
use crate::retry::Retries;
use crate::scope::Scope;
use crate::skopeo::Imported;
use crate::tls::{Profile, Watch, certificate_directory};
use crate::uploads::Uploads;

/// A registry client. Cloning is cheap; clones share connections, tokens and what was learned about registries.
///
/// Use one per side of a copy: its options say how that side is reached.
#[derive(Clone)]
pub struct Client {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) options: ClientOptions,
    /// By name, and whether it is reached insecurely: registries.conf may say so of a part of a registry.
    hosts: Mutex<HashMap<(String, bool), Arc<Host>>>,
    foreign: Mutex<HashMap<(String, String, bool), reqwest::Client>>,
    /// Other names under which registries take uploads, by registry, name, and whether that is reached insecurely.
    elsewhere: Mutex<HashMap<(String, String, bool), Arc<Host>>>,
    pub(crate) credentials: Mutex<HashMap<String, Arc<tokio::sync::OnceCell<Option<Credentials>>>>>,
    /// Which source served a repository last, by its logical name.
    pub(crate) served: Mutex<HashMap<String, Endpoint>>,
    /// Upload sessions of this and of earlier runs.
    pub(crate) uploads: Option<Uploads>,
    /// Images of other transports.
    pub(crate) imported: Imported,
    /// What a person should hear of.
    pub(crate) notices: Arc<Notices>,
    /// Who has answered anything so far, by host and port.
    answered: Mutex<HashSet<String>>,
    /// How far clocks differ.
    pub(crate) clocks: Clocks,
    /// What was asked so far.
    pub(crate) requests: Requests,
    /// For documents that no registry serves.
    pub(crate) documents: OnceLock<reqwest::Client>,
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
        let uploads = options.uploads.as_deref().map(Uploads::at);
        Ok(Self {
            inner: Arc::new(Inner {
                options,
                uploads,
                imported: Imported::default(),
                hosts: Mutex::default(),
                foreign: Mutex::default(),
                elsewhere: Mutex::default(),
                credentials: Mutex::default(),
                served: Mutex::default(),
                notices: Arc::default(),
                answered: Mutex::default(),
                clocks: Clocks::default(),
                requests: Requests::default(),
                documents: OnceLock::new(),
            }),
        })
    }

    /// The options this client was made with.
    pub fn options(&self) -> &ClientOptions {
        &self.inner.options
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
            .map_err(|error| Error::new(Condition::Configuration, action(), error.to_string()))?;
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
    /// Begins to count the attempts of one piece of work at a place.
    pub(crate) fn retries(&self, at: &Endpoint) -> Retries {
        let retries = self.start_retries();
        match self.host(at) {
            Ok(host) => retries.watching(&host),
            // Whatever is wrong there, the request itself will tell.
            Err(_) => retries,
        }
    }

    /// Begins to count the attempts of one piece of work; its pauses are told.
    pub(crate) fn start_retries(&self) -> Retries {
        self.options.retry.start().telling(&self.notices)
    }

    pub(crate) fn answered(&self) -> std::sync::MutexGuard<'_, HashSet<String>> {
        self.answered.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn host(&self, at: &Endpoint) -> Result<Arc<Host>, Error> {
        self.host_reached(at.repository.registry(), self.options.allows_insecure(at.insecure))
    }

    /// A registry as a whole.
    pub(crate) fn host_named(&self, registry: &str) -> Result<Arc<Host>, Error> {
        self.host_reached(registry, self.is_insecure(registry))
    }

    /// Whether `host[:port][/path]` is reached without verification.
    fn is_insecure(&self, name: &str) -> bool {
        self.options.allows_insecure(self.options.registries.is_insecure(name))
    }

    fn host_reached(&self, registry: &str, insecure: bool) -> Result<Arc<Host>, Error> {
        let key = (registry.to_owned(), insecure);
        let mut hosts = self.hosts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(host) = hosts.get(&key) {
            return Ok(Arc::clone(host));
        }
        let host = Arc::new(Host::new(registry, insecure, &self.options, &self.notices)?);
        hosts.insert(key, Arc::clone(&host));
        Ok(host)
    }

    /// Another name under which the registry `home` takes uploads.
    pub(crate) fn elsewhere(&self, home: &Host, name: &str) -> Result<Arc<Host>, Error> {
        let mut hosts = self.elsewhere.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (home.registry.clone(), name.to_owned(), home.insecure);
        if let Some(host) = hosts.get(&key) {
            return Ok(Arc::clone(host));
        }
        let host = Arc::new(Host::elsewhere(name, home, &self.options)?);
        hosts.insert(key, Arc::clone(&host));
        Ok(host)
    }

    /// The client for an address that a registry refers to: its own profile when there are certificates for it, the
    /// registry's trust otherwise.
    pub(crate) fn foreign_client(&self, host: &Host, url: &Url) -> Result<reqwest::Client, Error> {
        let key = (host.registry.clone(), crate::place::host_of(url), host.insecure);
        let directory = certificate_directory(&self.options, &key.1);
        if directory.is_none() || self.options.cert_dir.is_some() {
            return Ok(host.profile.foreign.clone());
        }
        let mut foreign = self.foreign.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = foreign.get(&key) {
            return Ok(client.clone());
        }
        let client = Profile::new(&self.options, directory.as_deref(), host.insecure, Watch::All(&host.guard))?.bulk;
        foreign.insert(key, client.clone());
        Ok(client)
    }

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
