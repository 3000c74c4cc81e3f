//! Parts of the address space that no registry of the network may send us to.

use std::collections::HashSet;
use std::net::{IpAddr, Ipv6Addr};

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
pub(crate) fn plain(address: IpAddr) -> IpAddr {
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

/// A registry led to an address that it may not lead to.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{address}, {}; only a registry that is there itself may send requests there", kind.words())]
pub(crate) struct Misled {
    address: IpAddr,
    kind: Reserved,
}

/// What of `found` a registry at `home` may not lead to.
pub(crate) fn misled(found: &[IpAddr], home: &[IpAddr]) -> Option<Misled> {
    let at_home: HashSet<Reserved> = home.iter().filter_map(|address| Reserved::of(*address)).collect();
    found.iter().find_map(|address| {
        let kind = Reserved::of(*address)?;
        (!at_home.contains(&kind)).then_some(Misled { address: *address, kind })
    })
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
}
