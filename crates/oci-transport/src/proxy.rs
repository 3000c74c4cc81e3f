//! Which requests go through a proxy. The settings are given; the environment is read elsewhere.

use std::fmt;
use std::net::IpAddr;

use url::Url;

/// Proxy settings, in the words of the usual environment variables (`docs/behaviour/release.md` 1 and 7.5).
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
        Url::parse(&with_scheme(proxy)).ok()
    }

    /// Whether the addresses can be used at all. One that cannot is never passed over: what was to go through a proxy
    /// would go directly.
    ///
    /// # Errors
    /// A sentence that names the variable, and nothing of its value.
    pub(crate) fn check(&self) -> Result<(), String> {
        for (variable, address) in [("HTTP_PROXY", &self.http), ("HTTPS_PROXY", &self.https)] {
            let Some(address) = address.as_deref().filter(|address| !address.is_empty()) else { continue };
            let why = match Url::parse(&with_scheme(address)) {
                // Behind a `/`, `?` or `#` the rest of a password is taken for a path.
                Ok(url)
                    if [Some(url.path()), url.query(), url.fragment()]
                        .into_iter()
                        .flatten()
                        .any(|t| t.contains('@')) =>
                {
                    UNESCAPED
                }
                Ok(url) if url.query().is_some() || url.fragment().is_some() => UNESCAPED,
                Ok(url) if !SCHEMES.contains(&url.scheme()) => {
                    "its scheme is none of http, https, socks4, socks4a, socks5 and socks5h"
                }
                Ok(url) if url.host_str().is_none_or(str::is_empty) => "it names no host",
                Ok(url) if url.port() == Some(0) => "its port is no number from 1 to 65535",
                Ok(_) => continue,
                Err(url::ParseError::InvalidPort) if address.contains('@') => UNESCAPED,
                Err(url::ParseError::InvalidPort) => "its port is no number from 1 to 65535",
                Err(url::ParseError::EmptyHost) => "it names no host",
                Err(_) => "it is no address such as `http://proxy.example.com:3128`",
            };
            return Err(format!(
                "the proxy address in {variable} (or {}) cannot be used: {why}; correct or unset the variable",
                variable.to_ascii_lowercase()
            ));
        }
        Ok(())
    }

    /// Where the proxies listen: the variable that names each, its host and its port.
    pub fn places(&self) -> impl Iterator<Item = (&'static str, String, u16)> {
        let named = [("HTTPS_PROXY", &self.https), ("HTTP_PROXY", &self.http)];
        named.into_iter().filter_map(|(variable, address)| {
            let (host, port) = place_of(address.as_deref()?)?;
            Some((variable, host, port))
        })
    }

    /// The names of the proxies.
    pub(crate) fn hosts(&self) -> impl Iterator<Item = String> {
        let urls = self.addresses().filter_map(|address| Url::parse(&with_scheme(address)).ok());
        urls.filter_map(|url| url.host_str().map(str::to_owned))
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

/// What a proxy may speak.
const SCHEMES: [&str; 6] = ["http", "https", "socks4", "socks4a", "socks5", "socks5h"];

const UNESCAPED: &str = "its port is no number, or its password holds `#`, `/`, `?` or `@`: write them as %23, %2F, %3F \
                         and %40";

fn with_scheme(proxy: &str) -> String {
    match proxy.split_once("://") {
        // As in Go, names are found by the proxy either way.
        Some(("socks5", rest)) => format!("socks5h://{rest}"),
        Some(_) => proxy.to_owned(),
        None => format!("http://{proxy}"),
    }
}

/// Host and port of a proxy's address; none when no proxy can be there.
fn place_of(address: &str) -> Option<(String, u16)> {
    let url = Url::parse(&with_scheme(address)).ok().filter(|url| SCHEMES.contains(&url.scheme()))?;
    // Of the schemes only those of SOCKS have no port that `Url` knows.
    let port = url.port_or_known_default().unwrap_or(1080);
    let host = url.host_str()?.trim_start_matches('[').trim_end_matches(']');
    Some((host.to_owned(), port))
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

#[cfg(test)]
mod tests {
    use super::*;

    /// What is said of an address, or nothing.
    fn said(address: &str) -> Option<String> {
        let https = ProxySettings { https: Some(address.to_owned()), ..ProxySettings::default() };
        let http = ProxySettings { http: Some(address.to_owned()), ..ProxySettings::default() };
        let said = https.check().err();
        let other = http.check().err().map(|text| text.replace("HTTP_", "HTTPS_").replace("http_", "https_"));
        assert_eq!(said, other, "both variables are read by one rule: {address}");
        said
    }

    #[test]
    fn addresses_that_cannot_be_used_are_errors_that_quote_nothing() {
        fn check(address: &str, expected: &str) {
            let said = said(address).expect(address);
            assert!(said.contains(expected), "{address}: {said}");
            assert!(said.starts_with("the proxy address in HTTPS_PROXY (or https_proxy) cannot be used: "), "{said}");
            for secret in ["s3", "cret", "proxy.io"] {
                assert!(!said.contains(secret), "{address}: {said}");
            }
        }
        let unescaped = "write them as %23, %2F, %3F and %40";
        for sign in ['#', '/', '?'] {
            for scheme in ["http://", "https://", "socks5://", ""] {
                check(&format!("{scheme}user:s3{sign}cret@proxy.io:3128"), unescaped);
                check(&format!("{scheme}user:{sign}cret@proxy.io:3128"), unescaped);
                check(&format!("{scheme}user:s3{sign}@proxy.io"), unescaped);
                // What stands in front of it looks like a port.
                check(&format!("{scheme}user:12{sign}cret@proxy.io:3128"), unescaped);
            }
        }
        check("http://proxy.io:3128?x=s3cret", unescaped);
        check("http://proxy.io:99999", "its port is no number from 1 to 65535");
        check("http://proxy.io:0", "its port is no number from 1 to 65535");
        check("proxy.io:port", "its port is no number from 1 to 65535");
        check("ftp://user:s3cret@proxy.io:3128", "its scheme is none of http, https, socks4");
        check("htp://proxy.io", "its scheme is none of http, https, socks4");
        check("http://", "it names no host");
        check("http://:3128", "it names no host");
        check("http://user:s3cret@", "it names no host");
        check("http://pro xy.io", "it is no address such as `http://proxy.example.com:3128`");
    }

    #[test]
    fn addresses_that_can_be_used() {
        for address in [
            "",
            "proxy.io",
            "proxy.io:3128",
            "user:s3cret@proxy.io:3128",
            "http://proxy.io:3128/",
            "https://proxy.io",
            "HTTP://proxy.io:3128",
            "http://user:s3%23%2F%3F%40cret@proxy.io:3128",
            "http://user@proxy.io:3128",
            "http://[fd00::1]:3128",
            "http://10.0.0.1:3128",
            "socks4://proxy.io:1080",
            "socks5://proxy.io:1080",
            "socks5h://user:s3cret@proxy.io:1080",
        ] {
            assert_eq!(said(address), None, "{address}");
        }
    }

    proptest::proptest! {
        /// Whatever stands there: what is not refused is used, and nothing goes directly.
        #[test]
        fn no_address_is_passed_over(address in "([a-z0-9]{0,6}://)?([a-z]{0,3}:[ -~]{0,8}@)?[ -~]{0,12}") {
            let settings = ProxySettings { https: Some(address.clone()), ..ProxySettings::default() };
            if settings.check().is_ok() && !address.is_empty() {
                let url = Url::parse("https://quay.io/").unwrap();
                proptest::prop_assert!(settings.proxy_for(&url).is_some(), "{}", address);
            }
        }
    }

    #[test]
    fn places_of_proxies() {
        for (address, expected) in [
            ("http://proxy.lan:3128", Some(("proxy.lan", 3128))),
            ("proxy.lan:3128", Some(("proxy.lan", 3128))),
            ("proxy.lan", Some(("proxy.lan", 80))),
            ("https://me:p%40ss@proxy.lan/", Some(("proxy.lan", 443))),
            ("socks5h://[::1]:1081", Some(("::1", 1081))),
            ("http://[::1]", Some(("::1", 80))),
            ("http://", None),
            ("http://proxy.lan:x", None),
            ("gopher://proxy.lan", None),
        ] {
            let expected = expected.map(|(host, port)| (host.to_owned(), port));
            assert_eq!(place_of(address), expected, "{address}");
        }
    }
}
