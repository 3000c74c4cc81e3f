//! What is known of the place of a request, for errors.

use std::path::PathBuf;

use url::Url;

use crate::address::{host_of, origin};
use crate::error::Place;
use crate::inner::Inner;
use crate::tls::certificate_directory;

impl Inner {
    /// What errors of a request to `url` say of it.
    pub(crate) fn place(&self, url: &Url, registry: &str) -> Place {
        let options = &self.options;
        let host = host_of(url);
        let proxy = options
            .proxies
            .proxy_for(url)
            .map(|proxy| (origin(&proxy), if url.scheme() == "https" { "HTTPS_PROXY" } else { "HTTP_PROXY" }));
        let asked = proxy.as_ref().map_or_else(|| host_of(url), |(proxy, _)| proxy.clone());
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
        // HTTPS and plain HTTP of a registry are the same server to whoever waits for it.
        let mut answered = self.answered();
        if let Some(proxy) = self.options.proxies.proxy_for(url) {
            answered.insert(origin(&proxy));
        } else if !answered.contains(&host_of(url)) {
            answered.insert(host_of(url));
        }
    }
}
