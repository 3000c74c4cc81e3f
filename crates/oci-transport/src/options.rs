//! How a client behaves: plain values, read from nowhere.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use registries_conf::RegistriesConf;

use crate::bandwidth::Bandwidth;
use crate::credentials::{Anonymous, CredentialSource};
use crate::error::Side;
use crate::proxy::ProxySettings;
use crate::redact::Redactor;
use crate::retry_policy::RetryPolicy;
use crate::skopeo::Skopeo;

/// The options of one side of a copy. `ClientOptions::default()` verifies TLS, is anonymous and uses no proxy.
#[derive(Clone)]
pub struct ClientOptions {
    /// Which side this is; only messages depend on it.
    pub side: Side,
    /// Verify certificates. When false, HTTPS without verification is tried first, then plain HTTP (
    /// `docs/behaviour/release.md` 7.1).
    pub tls_verify: bool,
    /// Whether registries that registries.conf calls `insecure` are reached as if `tls_verify` were false. Not when a person
    /// chose for the whole side.
    pub insecure_registries: bool,
    /// The `certs.d` folders, most important first. The first that has a sub-folder named like the registry
    /// (`host[:port]`) is used, and only that one (`docs/behaviour/release.md` 7.5).
    pub cert_dirs: Vec<PathBuf>,
    /// A folder that holds the certificates for every registry of this side itself, instead of the search
    /// (`--src-cert-dir`).
    pub cert_dir: Option<PathBuf>,
    /// Mirrors, locations and blocks for reading.
    pub registries: Arc<RegistriesConf>,
    /// Who knows the credentials.
    pub credentials: Arc<dyn CredentialSource>,
    /// Knows the secrets that are sent, and takes them out of every text that comes back. Share one between the clients of
    /// a run and its log.
    pub redactor: Redactor,
    /// When and how often to try again.
    pub retry: RetryPolicy,
    /// How long no byte may move before a connection is given up.
    pub stall_timeout: Duration,
    /// How long a manifest, a page of a list or a token may take as a whole. A server that sends one byte now and then
    /// never stalls.
    pub document_timeout: Duration,
    /// How long a registry may think after it has received a whole blob or manifest.
    pub commit_timeout: Duration,
    /// How long making a connection may take.
    pub connect_timeout: Duration,
    /// Proxies.
    pub proxies: ProxySettings,
    /// How much may travel in a second. Share one between the clients of a run: then it bounds what they move together, in
    /// both directions. `None`: no bound.
    pub bandwidth: Option<Bandwidth>,
    /// How many requests may run at one registry at once; the adaptive bound stays below it.
    pub max_connections_per_host: usize,
    /// Move blobs over HTTP/2 where the registry offers it. Off by default: one HTTP/2 connection carries all blobs
    /// through one socket and one flow-control window, several HTTP/1.1 connections do not.
    pub http2_blobs: bool,
    /// The size of a chunk, in bytes, when a registry wants uploads in chunks.
    pub chunk_size: u64,
    /// The folder in which upload sessions are noted, so that a later run goes on where a killed one was. `None`: an
    /// upload ends with the process. The notes hold tokens of the registry's sessions and are readable by their owner
    /// only; they hold no credentials.
    pub uploads: Option<PathBuf>,
    /// The folder that OCI layouts have their blobs in, when they share one.
    pub shared_blobs: Option<PathBuf>,
    /// Who reads transports other than registries and OCI layouts; `None` when the program is not there.
    pub skopeo: Option<Skopeo>,
    /// The `User-Agent` header.
    pub user_agent: String,
}

impl Default for ClientOptions {
    fn default() -> Self {
        Self {
            side: Side::Source,
            tls_verify: true,
            insecure_registries: true,
            cert_dirs: Vec::new(),
            cert_dir: None,
            registries: Arc::new(RegistriesConf::default()),
            credentials: Arc::new(Anonymous),
            redactor: Redactor::default(),
            retry: RetryPolicy::default(),
            stall_timeout: Duration::from_secs(60),
            document_timeout: Duration::from_secs(300),
            commit_timeout: Duration::from_secs(300),
            connect_timeout: Duration::from_secs(30),
            proxies: ProxySettings::default(),
            bandwidth: None,
            max_connections_per_host: 32,
            http2_blobs: false,
            chunk_size: 64 * 1024 * 1024,
            uploads: None,
            shared_blobs: None,
            skopeo: None,
            user_agent: "oc-mirror".to_owned(),
        }
    }
}

impl ClientOptions {
    /// Whether a registry of which registries.conf says `insecure` is reached so.
    pub(crate) fn allows_insecure(&self, insecure: bool) -> bool {
        !self.tls_verify || (self.insecure_registries && insecure)
    }
}

impl fmt::Debug for ClientOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientOptions")
            .field("side", &self.side)
            .field("tls_verify", &self.tls_verify)
            .field("cert_dirs", &self.cert_dirs)
            .field("cert_dir", &self.cert_dir)
            .field("retry", &self.retry)
            .field("stall_timeout", &self.stall_timeout)
            .field("proxies", &self.proxies)
            .field("bandwidth", &self.bandwidth)
            .field("max_connections_per_host", &self.max_connections_per_host)
            .field("user_agent", &self.user_agent)
            .finish_non_exhaustive()
    }
}
