//! One HTTP client per TLS profile: what is trusted, and which certificate is shown.

use std::path::{Path, PathBuf};
use std::time::Duration;

use registries_conf::HostCerts;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::error::{Condition, Error};
use crate::guard::Guard;
use crate::options::ClientOptions;
use crate::trust::{self, Verifier};

/// The HTTP clients of one profile.
#[derive(Clone)]
pub(crate) struct Profile {
    /// For everything but blobs.
    pub(crate) small: reqwest::Client,
    /// For blobs.
    pub(crate) bulk: reqwest::Client,
    /// For other hosts that the registry refers to (redirects, token servers): same trust, no client certificate.
    pub(crate) foreign: reqwest::Client,
}

impl Profile {
    /// Builds the clients for a registry. `insecure` switches verification off. `directory` holds its certificates.
    pub(crate) fn new(
        options: &ClientOptions,
        directory: Option<&Path>,
        insecure: bool,
        watch: Watch<'_>,
    ) -> Result<Self, Error> {
        let certificates = directory.map(Certificates::read).transpose()?.unwrap_or_default();
        let failed = |text: String| Error::new(Condition::Tls, "setting up TLS", text);
        let provider = trust::provider();
        let verifier = if insecure {
            None
        } else {
            let verifier = Verifier::new(certificates.authorities.clone(), std::sync::Arc::clone(&provider));
            Some(std::sync::Arc::new(verifier.map_err(|error| failed(error.to_string()))?))
        };
        let config = |http1: bool, identity: bool| -> Result<Option<rustls::ClientConfig>, rustls::Error> {
            let Some(verifier) = &verifier else { return Ok(None) };
            let builder = rustls::ClientConfig::builder_with_provider(std::sync::Arc::clone(&provider))
                .with_safe_default_protocol_versions()?
                .dangerous()
                .with_custom_certificate_verifier(std::sync::Arc::clone(verifier) as _);
            let mut config = match certificates.pair.as_ref().filter(|_| identity) {
                Some((chain, key)) => builder.with_client_auth_cert(chain.clone(), key.clone_key())?,
                None => builder.with_no_client_auth(),
            };
            config.alpn_protocols = if http1 { vec!["http/1.1".into()] } else { vec!["h2".into(), "http/1.1".into()] };
            Ok(Some(config))
        };
        let build = |http1: bool, identity: bool, guard: Option<&Guard>| {
            let proxies = options.proxies.clone();
            let mut builder = reqwest::Client::builder()
                .user_agent(&options.user_agent)
                .redirect(reqwest::redirect::Policy::none())
                .referer(false)
                .retry(reqwest::retry::never())
                .connect_timeout(options.connect_timeout)
                .pool_idle_timeout(Duration::from_secs(60))
                .pool_max_idle_per_host(options.max_connections_per_host)
                .tcp_keepalive(Duration::from_secs(30))
                .no_proxy()
                .proxy(reqwest::Proxy::custom(move |url| proxies.proxy_for(url)));
            if let Some(config) = config(http1, identity).map_err(|error| failed(error.to_string()))? {
                builder = builder.tls_backend_preconfigured(config);
            } else {
                builder = builder.tls_version_min(reqwest::tls::Version::TLS_1_2).tls_danger_accept_invalid_certs(true);
                if let Some(identity) = certificates.identity.clone().filter(|_| identity) {
                    builder = builder.identity(identity);
                }
            }
            if let Some(guard) = guard {
                builder = builder.dns_resolver(std::sync::Arc::new(guard.clone()));
            }
            if http1 {
                builder = builder.http1_only();
            } else {
                builder = builder
                    .http2_initial_stream_window_size(8 * 1024 * 1024)
                    .http2_initial_connection_window_size(32 * 1024 * 1024);
            }
            builder.build().map_err(|error| failed(error.without_url().to_string()))
        };
        let (own, others) = match watch {
            Watch::Nobody => (None, None),
            Watch::Others(guard) => (None, Some(guard)),
            Watch::All(guard) => (Some(guard), Some(guard)),
        };
        let small = build(false, true, own)?;
        let bulk = if options.http2_blobs { small.clone() } else { build(true, true, own)? };
        let is_other = certificates.identity.is_some() || (own.is_none() && others.is_some());
        let foreign = if is_other { build(true, false, others)? } else { bulk.clone() };
        Ok(Self { small, bulk, foreign })
    }
}

/// Whose addresses are looked at when a connection is made.
#[derive(Clone, Copy)]
pub(crate) enum Watch<'a> {
    /// Nobody's: the addresses were chosen by a person.
    Nobody,
    /// Those of others that a registry refers to.
    Others(&'a Guard),
    /// All: a registry referred to this host.
    All(&'a Guard),
}

impl Profile {
    /// The same trust, and no client certificate.
    pub(crate) fn without_identity(&self) -> Self {
        Self { small: self.foreign.clone(), bulk: self.foreign.clone(), foreign: self.foreign.clone() }
    }
}

/// The folder that holds the certificates for a registry, if there is one.
pub(crate) fn certificate_directory(options: &ClientOptions, registry: &str) -> Option<PathBuf> {
    if let Some(directory) = &options.cert_dir {
        return Some(directory.clone());
    }
    options.cert_dirs.iter().map(|root| root.join(registry)).find(|directory| directory.is_dir())
}

#[derive(Default)]
struct Certificates {
    authorities: Vec<CertificateDer<'static>>,
    identity: Option<reqwest::Identity>,
    /// The same, for where we set up TLS ourselves.
    pair: Option<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>)>,
}

impl Certificates {
    /// Reads a folder: `*.crt` are authorities, `x.cert` and `x.key` a pair (containers-certs.d(5)). A folder that may
    /// not be read is as good as none.
    fn read(directory: &Path) -> Result<Self, Error> {
        let action = format!("reading certificates in `{}`", directory.display());
        let local = |error| Error::local(action.clone(), error);
        let entries = match std::fs::read_dir(directory) {
            Ok(entries) => entries,
            Err(error)
                if matches!(error.kind(), std::io::ErrorKind::PermissionDenied | std::io::ErrorKind::NotFound) =>
            {
                tracing::debug!(directory = %directory.display(), %error, "certificates are not readable, going on without");
                return Ok(Self::default());
            }
            Err(error) => return Err(local(error)),
        };
        let names: Vec<String> = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok()).collect();
        let certs = HostCerts::from_listing(&names)
            .map_err(|error| Error::new(Condition::Configuration, action.clone(), error.to_string()))?;
        let read = |name: &String| std::fs::read(directory.join(name)).map_err(local);
        let bad = |what: &str, name: &String| {
            let path = directory.join(name);
            Error::new(Condition::Configuration, action.clone(), format!("{what}: `{}`", path.display()))
        };
        let mut found = Self::default();
        for name in &certs.authorities {
            let authorities: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&read(name)?).collect();
            found.authorities.extend(authorities.map_err(|_| bad("expected certificates in PEM form", name))?);
        }
        for pair in &certs.clients {
            let mut pem = read(&pair.key)?;
            pem.push(b'\n');
            pem.extend(read(&pair.cert)?);
            let identity = reqwest::Identity::from_pem(&pem)
                .map_err(|_| bad("expected a client certificate and its key in PEM form", &pair.cert))?;
            let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
            let parsed = chain.ok().zip(PrivateKeyDer::from_pem_slice(&pem).ok());
            let parsed =
                parsed.ok_or_else(|| bad("expected a client certificate and its key in PEM form", &pair.cert))?;
            // TLS has one certificate to show; the first in name order is it.
            found.identity.get_or_insert(identity);
            found.pair.get_or_insert(parsed);
        }
        Ok(found)
    }
}
