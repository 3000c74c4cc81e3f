//! Addresses that a registry may not send us to: this machine, and its link.
//!
//! Where a token comes from, where a redirect leads and where an upload goes on is what a registry says. A registry of the
//! network must not make us ask a service of this machine, or the metadata service of a cloud, which answer whoever can reach
//! them. So an address is looked at once its name is resolved, and again when the connection is made, since a name server may
//! answer otherwise then. A registry that is on this machine, or on this link, may name others there.

use std::collections::HashSet;
use std::error::Error as StdError;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use url::{Host as UrlHost, Url};

use crate::notices::Notices;
use crate::place::origin;
use crate::proxy::{ProxySettings, is_loopback};

/// A part of the address space that the outside has no business in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Reserved {
    /// This machine: `127.0.0.0/8`, `::1`, and the unspecified addresses, which lead there.
    Loopback,
    /// This link: `169.254.0.0/16` with the metadata services of clouds, `fe80::/10`.
    LinkLocal,
}

impl Reserved {
    /// The part that an address is in, if it is in one.
    pub(crate) fn of(address: IpAddr) -> Option<Self> {
        let address = plain(address);
        let is_link_local = match address {
            IpAddr::V4(address) => address.is_link_local(),
            IpAddr::V6(address) => address.is_unicast_link_local(),
        };
        if address.is_loopback() || address.is_unspecified() {
            Some(Self::Loopback)
        } else {
            is_link_local.then_some(Self::LinkLocal)
        }
    }

    fn words(self) -> &'static str {
        match self {
            Self::Loopback => "an address of this machine",
            Self::LinkLocal => "a link-local address",
        }
    }
}

/// An IPv4 address that is written as one of IPv6: mapped, or translated (RFC 6052).
fn plain(address: IpAddr) -> IpAddr {
    let IpAddr::V6(v6) = address else { return address };
    let translated = Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, 0, 0).segments();
    if let Some(v4) = v6.to_ipv4_mapped() {
        return v4.into();
    }
    if v6.segments().get(..6) == translated.get(..6) {
        let [.., a, b, c, d] = v6.octets();
        return IpAddr::from([a, b, c, d]);
    }
    address
}

fn is_private(address: IpAddr) -> bool {
    match plain(address) {
        IpAddr::V4(address) => address.is_private(),
        IpAddr::V6(address) => address.is_unique_local(),
    }
}

/// A registry led to an address that it may not lead to.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{address}, {}; only a registry that is there itself may send requests there", kind.words())]
pub(crate) struct Misled {
    address: IpAddr,
    kind: Reserved,
}

/// What of `found` a registry at `home` may not lead to.
fn misled(found: &[IpAddr], home: &[IpAddr]) -> Option<Misled> {
    let at_home: HashSet<Reserved> = home.iter().filter_map(|address| Reserved::of(*address)).collect();
    found.iter().find_map(|address| {
        let kind = Reserved::of(*address)?;
        (!at_home.contains(&kind)).then_some(Misled { address: *address, kind })
    })
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
    use super::*;

    #[test]
    fn addresses_that_are_reserved() {
        let check = |address: &str, expected: Option<Reserved>| {
            assert_eq!(Reserved::of(address.parse().unwrap()), expected, "{address}");
        };
        for address in ["127.0.0.1", "127.8.9.1", "0.0.0.0", "::1", "::", "::ffff:127.0.0.1", "64:ff9b::127.0.0.1"] {
            check(address, Some(Reserved::Loopback));
        }
        for address in
            ["169.254.169.254", "169.254.0.1", "fe80::1", "febf::1", "::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe"]
        {
            check(address, Some(Reserved::LinkLocal));
        }
        for address in ["10.0.0.1", "128.0.0.1", "126.255.255.255", "169.253.0.1", "fec0::1", "fd00::1", "2001:db8::1"]
        {
            check(address, None);
        }
    }

    #[test]
    fn where_a_registry_may_lead() {
        let check = |found: &[&str], home: &[&str], expected: Option<&str>| {
            let parse = |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect::<Vec<IpAddr>>();
            let misled = misled(&parse(found), &parse(home)).map(|misled| misled.address.to_string());
            assert_eq!(misled.as_deref(), expected, "{found:?} from {home:?}");
        };
        check(&["127.0.0.1"], &["192.0.2.1"], Some("127.0.0.1"));
        check(&["192.0.2.2", "127.0.0.1"], &["192.0.2.1"], Some("127.0.0.1"));
        check(&["127.0.0.1"], &[], Some("127.0.0.1"));
        check(&["169.254.169.254"], &["127.0.0.1"], Some("169.254.169.254"));
        check(&["127.0.0.1"], &["169.254.1.1"], Some("127.0.0.1"));
        check(&["127.0.0.1", "::1"], &["::1"], None);
        check(&["0.0.0.0"], &["127.0.0.1"], None);
        check(&["169.254.1.2"], &["169.254.1.1"], None);
        check(&["10.0.0.1"], &["192.0.2.1"], None);
        check(&[], &[], None);
    }

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
