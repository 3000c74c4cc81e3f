//! The place of a request, as errors name it: scheme, host and port, and the proxy on the way there.

use std::fmt;
use std::path::PathBuf;

use url::Url;

use crate::client::Inner;
use crate::error::Side;
use crate::tls::certificate_directory;

/// Where a request goes.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    /// `host[:port]` of the registry that led there.
    pub(crate) registry: String,
    /// `host[:port]`, as a folder below `certs.d` is called.
    pub(crate) host: String,
    /// `scheme://host:port`.
    pub(crate) origin: String,
    /// The address of the proxy, without user information, and the variable it came from.
    pub(crate) proxy: Option<(String, &'static str)>,
    /// Whether it has never answered this client.
    pub(crate) is_fresh: bool,
    /// The file that an authority for this host belongs into.
    pub(crate) authority: PathBuf,
    pub(crate) side: Side,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.origin)
    }
}

/// `scheme://host:port`, the port also where it is the usual one.
pub(crate) fn origin(url: &Url) -> String {
    let port = url.port_or_known_default().map(|port| format!(":{port}")).unwrap_or_default();
    format!("{}://{}{port}", url.scheme(), url.host_str().unwrap_or_default())
}

/// `host[:port]`, as references name a registry.
pub(crate) fn host_of(url: &Url) -> String {
    let name = url.host_str().unwrap_or_default();
    url.port().map_or_else(|| name.to_owned(), |port| format!("{name}:{port}"))
}

impl Inner {
    /// What errors of a request to `url` say of it.
    pub(crate) fn place(&self, url: &Url, registry: &str) -> Place {
        let options = &self.options;
        let host = host_of(url);
        let proxy = options
            .proxies
            .proxy_for(url)
            .map(|proxy| (origin(&proxy), if url.scheme() == "https" { "HTTPS_PROXY" } else { "HTTP_PROXY" }));
        let asked = proxy.as_ref().map_or_else(|| address(url), |(proxy, _)| proxy.clone());
        let folder = certificate_directory(options, &host)
            .or_else(|| options.cert_dirs.first().map(|root| root.join(&host)))
            .unwrap_or_else(|| PathBuf::from("certs.d").join(&host));
        Place {
            registry: registry.to_owned(),
            origin: origin(url),
            is_fresh: !self.answered().contains(&asked),
            proxy,
            authority: folder.join("ca.crt"),
            side: options.side,
            host,
        }
    }

    /// Notes that a server has answered something.
    pub(crate) fn has_answered(&self, url: &Url) {
        let mut answered = self.answered();
        if let Some(proxy) = self.options.proxies.proxy_for(url) {
            answered.insert(origin(&proxy));
        } else if !answered.contains(&address(url)) {
            answered.insert(address(url));
        }
    }
}

/// Host and port; HTTPS and plain HTTP of a registry are the same server to whoever waits for it.
fn address(url: &Url) -> String {
    host_of(url)
}
