//! What all requests of a client share.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use registries_conf::Credentials;
use url::Url;

use crate::address::host_of;
use crate::clocks::Clocks;
use crate::endpoint::Endpoint;
use crate::error::Error;
use crate::host::Host;
use crate::notices::Notices;
use crate::options::ClientOptions;
use crate::requests::Requests;
use crate::retry::Retries;
use crate::skopeo::Imported;
use crate::tls::{Profile, Watch, certificate_directory};
use crate::uploads::Uploads;

/// See [`crate::Client`], whose clones share it.
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

impl Inner {
    /// What the clones of a client share. Opens no connection.
    pub(crate) fn new(options: ClientOptions) -> Self {
        let uploads = options.uploads.as_deref().map(Uploads::at);
        Self {
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
        }
    }

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
        let key = (host.registry.clone(), host_of(url), host.insecure);
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
}
