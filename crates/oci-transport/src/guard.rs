//! Addresses that a registry may not send us to: this machine, and its link.
//!
//! Where a token comes from, where a redirect leads and where an upload goes on is what a registry says. A registry of the
//! network must not make us ask a service of this machine, or the metadata service of a cloud, which answer whoever can reach
//! them. So an address is looked at once its name is resolved, and again when the connection is made, since a name server may
//! answer otherwise then. A registry that is on this machine, or on this link, may name others there.

use std::collections::HashSet;
use std::error::Error as StdError;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use url::{Host as UrlHost, Url};

use crate::address::origin;
use crate::notices::Notices;
use crate::proxy::{ProxySettings, is_loopback};
use crate::reserved::{Misled, Reserved, misled, plain};

fn is_private(address: IpAddr) -> bool {
    match plain(address) {
        IpAddr::V4(address) => address.is_private(),
        IpAddr::V6(address) => address.is_unique_local(),
    }
}

/// Watches where one registry leads.
#[derive(Clone)]
pub(crate) struct Guard {
    /// The registry's own address.
    home: Url,
    proxies: ProxySettings,
    notices: Arc<Notices>,
    /// Who was looked at, by host and port.
    seen: Arc<Mutex<HashSet<String>>>,
}

impl Guard {
    pub(crate) fn new(home: Url, proxies: ProxySettings, notices: Arc<Notices>) -> Self {
        Self { home, proxies, notices, seen: Arc::default() }
    }

    /// Looks at an address that the registry named, before it is asked. Private addresses are told of.
    ///
    /// # Errors
    /// When the registry may not lead there.
    pub(crate) async fn admit(&self, url: &Url) -> Result<(), Misled> {
        let place = origin(url);
        if self.seen().contains(&place) {
            return Ok(());
        }
        let found = self.addresses(url).await;
        let home = self.addresses(&self.home).await;
        if let Some(misled) = misled(&found, &home) {
            return Err(misled);
        }
        if self.seen().insert(place.clone())
            && let Some(address) = found.iter().find(|address| is_private(**address))
            && !home.iter().any(|address| is_private(*address) || Reserved::of(*address).is_some())
        {
            let registry = self.home.host_str().unwrap_or_default();
            self.notices
                .info(format!("registry `{registry}` sends requests to `{place}`, a private address ({address})"));
        }
        Ok(())
    }

    /// The addresses behind a URL; none when a proxy finds them, or nobody does.
    async fn addresses(&self, url: &Url) -> Vec<IpAddr> {
        let port = url.port_or_known_default().unwrap_or_default();
        match url.host() {
            Some(UrlHost::Ipv4(address)) => vec![address.into()],
            Some(UrlHost::Ipv6(address)) => vec![address.into()],
            // Whatever a name server says of it.
            Some(UrlHost::Domain(_)) if is_loopback(url) => vec![std::net::Ipv4Addr::LOCALHOST.into()],
            Some(UrlHost::Domain(name)) if self.proxies.proxy_for(url).is_none() => resolved(name, port).await,
            _ => Vec::new(),
        }
    }

    fn seen(&self) -> std::sync::MutexGuard<'_, HashSet<String>> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn resolved(name: &str, port: u16) -> Vec<IpAddr> {
    let found = tokio::net::lookup_host((name, port)).await;
    found.map(|addresses| addresses.map(|address| address.ip()).collect()).unwrap_or_default()
}

impl Resolve for Guard {
    /// The addresses of a name, at the moment of the connection.
    fn resolve(&self, name: Name) -> Resolving {
        let guard = self.clone();
        Box::pin(async move {
            let failed = |error: std::io::Error| -> Box<dyn StdError + Send + Sync> { Box::new(error) };
            let found: Vec<SocketAddr> = tokio::net::lookup_host((name.as_str(), 0)).await.map_err(failed)?.collect();
            let addresses: Vec<IpAddr> = found.iter().map(SocketAddr::ip).collect();
            let is_proxy = guard.proxies.hosts().any(|host| host.eq_ignore_ascii_case(name.as_str()));
            if !is_proxy && addresses.iter().any(|address| Reserved::of(*address).is_some()) {
                let home = guard.addresses(&guard.home).await;
                if let Some(misled) = misled(&addresses, &home) {
                    return Err(Box::new(misled) as Box<dyn StdError + Send + Sync>);
                }
            }
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv6Addr;

    use super::*;

    #[tokio::test]
    async fn private_addresses_are_told_of() {
        async fn told(home: &str, target: &str) -> Vec<String> {
            let notices = Arc::new(Notices::default());
            let heard = Arc::new(Mutex::new(Vec::new()));
            let listener = Arc::clone(&heard);
            notices.listen(Arc::new(move |notice| listener.lock().unwrap().push(format!("{notice:?}"))));
            let guard = Guard::new(Url::parse(home).unwrap(), ProxySettings::default(), notices);
            for _ in 0..2 {
                guard.admit(&Url::parse(target).unwrap()).await.unwrap();
            }
            let heard = heard.lock().unwrap();
            heard.clone()
        }
        let line = "registry `192.0.2.1` sends requests to `https://10.0.0.1:443`, a private address (10.0.0.1)";
        assert_eq!(told("https://192.0.2.1/", "https://10.0.0.1/x").await, [format!("Info({line:?})")]);
        assert_eq!(told("https://10.1.1.1/", "https://10.0.0.1/x").await, [""; 0]);
        assert_eq!(told("https://192.0.2.1/", "https://192.0.2.2/x").await, [""; 0]);
        assert_eq!(told("https://192.0.2.1/", "https://[fd00::1]/x").await.len(), 1);
    }

    proptest::proptest! {
        /// However an address is written, it is the same address.
        #[test]
        fn no_way_of_writing_hides_an_address(bits in 0_u32..) {
            let v4 = std::net::Ipv4Addr::from_bits(bits);
            let translated = u128::from(bits) | (0x0064_ff9b_u128 << 96);
            for written in [IpAddr::from(v4.to_ipv6_mapped()), IpAddr::from(Ipv6Addr::from_bits(translated))] {
                proptest::prop_assert_eq!(Reserved::of(written), Reserved::of(v4.into()));
            }
        }
    }
}
