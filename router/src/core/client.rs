//! Who counts as one client wherever something is bounded for each of them. Whom a connection speaks for is left to
//! `proxy`.

use std::net::{IpAddr, Ipv6Addr};

/// What a client is counted by: its IPv4 address, or the first 64 bits of its IPv6 address.
///
/// Whoever has an IPv6 address has its whole network of 64 bits (RFC 4291 2.5.4). An IPv4 address that is written as an
/// IPv6 one is an IPv4 address all the same.
#[must_use]
pub fn one_client(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() >> 64 << 64).into(),
        v4 @ IpAddr::V4(_) => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ipv6_network_is_one_client_and_every_ipv4_address_is_one() {
        let same =
            |one: &str, other: &str| one_client(one.parse().unwrap()) == one_client(other.parse().unwrap());

        assert!(same("2001:db8:0:1::1", "2001:db8:0:1:ffff:ffff:ffff:ffff"));
        assert!(!same("2001:db8:0:1::1", "2001:db8:0:2::1"));
        assert!(!same("192.0.2.1", "192.0.2.2"));
        assert!(!same("::ffff:192.0.2.1", "::ffff:192.0.2.2"));
        assert!(same("::ffff:192.0.2.1", "192.0.2.1"));
    }
}
