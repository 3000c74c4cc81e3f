//! One registry host: how it is reached, what it told, how much it bears.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use http::HeaderMap;
use image_ref::Digest;
use url::Url;

use crate::auth::Authenticator;
use crate::endpoint::Endpoint;
use crate::error::{Condition, Error};
use crate::guard::Guard;
use crate::limiter::Limiter;
use crate::notices::Notices;
use crate::options::ClientOptions;
use crate::reach::Reach;
use crate::tls::{Profile, Watch, certificate_directory};

/// Docker Hub's registry has another name than its images.
const DOCKER_HUB: (&str, &str) = ("docker.io", "registry-1.docker.io");

/// What is known about one registry, shared by all clones of a client.
pub(crate) struct Host {
    /// `host[:port]` as references have it.
    pub(crate) registry: String,
    /// No verification, plain HTTP allowed.
    pub(crate) insecure: bool,
    pub(crate) profile: Profile,
    /// The base URL, once the first contact has shown which scheme the registry speaks.
    pub(crate) base: tokio::sync::OnceCell<Url>,
    pub(crate) auth: Authenticator,
    pub(crate) limiter: Arc<Limiter>,
    pub(crate) reach: Reach,
    /// Whether the registry has the referrers API, once it has answered a question to it.
    pub(crate) referrers_api: tokio::sync::OnceCell<bool>,
    /// How many mounts in a row it has refused.
    refused_mounts: AtomicU32,
    /// Where it may lead.
    pub(crate) guard: Guard,
    /// Uploads in one piece were refused: send chunks.
    pub(crate) chunked: AtomicBool,
    /// The chunk size that was accepted last, in bytes.
    pub(crate) chunk_size: AtomicU64,
    /// The smallest chunk that the registry takes, in bytes, as it said last; only the last chunk of a blob may be smaller.
    pub(crate) minimum_chunk: AtomicU64,
    /// Upload sessions that a refused mount has opened, by repository path and digest.
    pub(crate) sessions: Mutex<HashMap<(String, Digest), Url>>,
}

impl Host {
    pub(crate) fn new(
        registry: &str,
        insecure: bool,
        options: &ClientOptions,
        notices: &Arc<Notices>,
    ) -> Result<Self, Error> {
        let guard = Guard::new(address_of(registry, "https")?, options.proxies.clone(), Arc::clone(notices));
        let directory = certificate_directory(options, registry);
        let profile = Profile::new(options, directory.as_deref(), insecure, Watch::Others(&guard))?;
        Ok(Self { insecure, ..Self::with_profile(registry, profile, guard, options) })
    }

    fn with_profile(registry: &str, profile: Profile, guard: Guard, options: &ClientOptions) -> Self {
        Self {
            registry: registry.to_owned(),
            insecure: false,
            profile,
            base: tokio::sync::OnceCell::new(),
            auth: Authenticator::default(),
            reach: Reach::default(),
            referrers_api: tokio::sync::OnceCell::new(),
            refused_mounts: AtomicU32::new(0),
            guard,
            limiter: Limiter::new(START_CONCURRENCY, options.max_connections_per_host),
            chunked: AtomicBool::new(false),
            chunk_size: AtomicU64::new(options.chunk_size.max(MINIMUM_CHUNK)),
            minimum_chunk: AtomicU64::new(0),
            sessions: Mutex::default(),
        }
    }

    /// Another name under which the registry `home` takes uploads. Certificates of its own name count; where there are none,
    /// what is trusted for the registry is trusted here, without its client certificate.
    ///
    /// # Errors
    /// When the certificate folder of that name cannot be understood.
    pub(crate) fn elsewhere(name: &str, home: &Self, options: &ClientOptions) -> Result<Self, Error> {
        let directory = certificate_directory(options, name).filter(|_| options.cert_dir.is_none());
        let profile = match directory {
            Some(directory) => Profile::new(options, Some(&directory), home.insecure, Watch::All(&home.guard))?,
            None => home.profile.without_identity(),
        };
        Ok(Self { insecure: home.insecure, ..Self::with_profile(name, profile, home.guard.clone(), options) })
    }

    /// The answer that opened an upload session: it says which chunks the registry takes (`OCI-Chunk-Min-Length`,
    /// distribution specification, "Pushing a blob in chunks").
    pub(crate) fn session_opened(&self, headers: &HeaderMap) {
        let minimum = headers.get("oci-chunk-min-length").and_then(|text| text.to_str().ok()?.trim().parse().ok());
        self.minimum_chunk.store(minimum.unwrap_or(0), Ordering::Relaxed);
    }

    /// Whether mounts are worth a request: the registry has not refused the last few of them.
    pub(crate) fn mounts(&self) -> bool {
        self.refused_mounts.load(Ordering::Relaxed) < REFUSED_MOUNTS
    }

    /// Notes what the registry said to a mount. That it opened an upload instead (202) is no refusal.
    pub(crate) fn mount_was_refused(&self, refused: bool) {
        if refused {
            self.refused_mounts.fetch_add(1, Ordering::Relaxed);
        } else {
            self.refused_mounts.store(0, Ordering::Relaxed);
        }
    }

    /// Takes the session that a refused mount has opened, if there is one.
    pub(crate) fn take_session(&self, at: &Endpoint, digest: &Digest) -> Option<Url> {
        let mut sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        sessions.remove(&(at.repository.path().to_owned(), digest.clone()))
    }

    /// The URL of the registry's root under `scheme`.
    pub(crate) fn url(&self, scheme: &str) -> Result<Url, Error> {
        address_of(&self.registry, scheme)
    }
}

fn address_of(registry: &str, scheme: &str) -> Result<Url, Error> {
    let address = if registry == DOCKER_HUB.0 { DOCKER_HUB.1 } else { registry };
    Url::parse(&format!("{scheme}://{address}/")).map_err(|error| {
        Error::new(Condition::Configuration, format!("contacting `{registry}`"), error.to_string())
            .with_registry(registry)
    })
}

/// How many requests run at a new registry at once, before it has shown what it bears.
const START_CONCURRENCY: usize = 8;

/// After how many refused mounts in a row a registry is not asked for mounts any more.
const REFUSED_MOUNTS: u32 = 5;

/// The smallest chunk of an upload: 1 MiB.
pub(crate) const MINIMUM_CHUNK: u64 = 1024 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        let check = |registry: &str, expected: &str| {
            let host = Host::new(registry, false, &ClientOptions::default(), &Arc::default()).expect("a host");
            assert_eq!(host.url("https").expect("an address").as_str(), expected);
        };
        check("quay.io", "https://quay.io/");
        check("lab.io:8443", "https://lab.io:8443/");
        check("[::1]:5000", "https://[::1]:5000/");
        check("docker.io", "https://registry-1.docker.io/");
    }
}
