//! Which requests go through a proxy. The settings are given; the environment is read elsewhere.

use std::fmt;
use std::net::IpAddr;

use url::Url;

/// Proxy settings, in the words of the usual environment variables (contract `release.md` 1 and 7.5).
///
/// Loopback addresses and `localhost` are never proxied.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct ProxySettings {
    /// The proxy for `http://` (`HTTP_PROXY`): `http://`, `https://` or `socks5://`, the first when it says none.
    pub http: Option<String>,
    /// The proxy for `https://` (`HTTPS_PROXY`).
    pub https: Option<String>,
    /// Hosts that are reached directly (`NO_PROXY`): a comma-separated list of names (`lab.io` means the name and all
    /// below it, `.lab.io` only those below), addresses, networks in CIDR form, each with an optional `:port`; `*` for
    /// every host.
    pub no_proxy: Option<String>,
}

impl ProxySettings {
    /// The proxy for a URL, if it goes through one.
    pub fn proxy_for(&self, url: &Url) -> Option<Url> {
        let proxy = match url.scheme() {
            "http" => self.http.as_deref(),
            "https" => self.https.as_deref(),
            _ => None,
        }?;
        if proxy.is_empty() || is_loopback(url) || self.is_direct(url) {
            return None;
        }
        let text = match proxy.split_once("://") {
            // As in Go, names are found by the proxy either way.
            Some(("socks5", rest)) => format!("socks5h://{rest}"),
            Some(_) => proxy.to_owned(),
            None => format!("http://{proxy}"),
        };
        Url::parse(&text).ok()
    }

    /// The addresses as given.
    pub(crate) fn addresses(&self) -> impl Iterator<Item = &str> {
        [&self.http, &self.https].into_iter().flatten().map(String::as_str)
    }

    fn is_direct(&self, url: &Url) -> bool {
        let Some(host) = url.host_str() else { return true };
        let host = host.trim_start_matches('[').trim_end_matches(']').trim_end_matches('.').to_ascii_lowercase();
        let port = url.port_or_known_default();
        let list = self.no_proxy.as_deref().unwrap_or_default();
        list.split(',').map(str::trim).filter(|rule| !rule.is_empty()).any(|rule| rule_matches(rule, &host, port))
    }
}

impl fmt::Debug for ProxySettings {
    /// Without the user information that proxy URLs may carry.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hide = |proxy: &Option<String>| {
            proxy.as_ref().map(|text| match text.rsplit_once('@') {
                Some((_, rest)) => format!("***@{rest}"),
                None => text.clone(),
            })
        };
        f.debug_struct("ProxySettings")
            .field("http", &hide(&self.http))
            .field("https", &hide(&self.https))
            .field("no_proxy", &self.no_proxy)
            .finish()
    }
}

/// Whether the URL names this machine.
pub(crate) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Domain(name)) => {
            let name = name.trim_end_matches('.');
            name.eq_ignore_ascii_case("localhost") || name.to_ascii_lowercase().ends_with(".localhost")
        }
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => {
            address.is_loopback() || address.to_ipv4_mapped().is_some_and(|address| address.is_loopback())
        }
        None => false,
    }
}

fn rule_matches(rule: &str, host: &str, port: Option<u16>) -> bool {
    if rule == "*" {
        return true;
    }
    if let Some((network, bits)) = rule.split_once('/')
        && let (Ok(network), Ok(bits), Ok(address)) = (network.parse(), bits.parse(), host.parse())
    {
        return in_network(address, network, bits);
    }
    let (name, rule_port) = match rule.parse::<IpAddr>() {
        Ok(_) => (rule, None),
        Err(_) => match rule.rsplit_once(':') {
            Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => (name, port.parse::<u16>().ok()),
            _ => (rule, None),
        },
    };
    if rule_port.is_some() && rule_port != port {
        return false;
    }
    let name = name.trim_start_matches('[').trim_end_matches(']').to_ascii_lowercase();
    let name = name.strip_prefix('*').unwrap_or(&name);
    match name.strip_prefix('.') {
        Some(parent) => host.strip_suffix(parent).is_some_and(|rest| rest.ends_with('.')),
        None => host == name || host.strip_suffix(name).is_some_and(|rest| rest.ends_with('.')),
    }
}

fn in_network(address: IpAddr, network: IpAddr, bits: u32) -> bool {
    let mask = |width: u32| if bits == 0 { 0 } else { u128::MAX << (width - bits.min(width)) };
    match (address, network) {
        (IpAddr::V4(a), IpAddr::V4(n)) => {
            let mask = mask(32);
            u128::from(a.to_bits()) & mask == u128::from(n.to_bits()) & mask
        }
        (IpAddr::V6(a), IpAddr::V6(n)) => {
            let mask = mask(128);
            a.to_bits() & mask == n.to_bits() & mask
        }
        _ => false,
    }
}
