//! Addresses: of hubs, and of the site as browsers know it.
//!
//! Only scheme, host and port: whatever else a URL can carry has its own key or is refused. Nothing is resolved here.

mod parts;

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;
use std::sync::Arc;

use serde::{Serialize, Serializer};

use super::Malformed;
use parts::Parts;

/// `http` or `https`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// Plain HTTP.
    Http,
    /// HTTP over TLS.
    Https,
}

impl Scheme {
    /// As it stands in a URL.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }

    /// The port of a URL that names none.
    #[must_use]
    pub(crate) fn default_port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }
}

impl fmt::Display for Scheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Where a hub, or a part of it, listens: scheme, host, port. No path, query or user.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct HubUrl {
    scheme: Scheme,
    host: Arc<str>,
    port: u16,
    authority: Arc<str>,
}

impl HubUrl {
    /// `http` or `https`.
    #[must_use]
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// Name or address in lower case; an IPv6 address without brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port, the scheme's own if the URL names none.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// `host` or `host:port` as a `Host` field spells it: brackets around IPv6, no port where it is the scheme's own.
    #[must_use]
    pub fn authority(&self) -> &str {
        &self.authority
    }

    /// Whether it names a link-local or cloud metadata address, by number or by a well-known name: what a hub's address may be
    /// only with `allow_link_local`. A name that only resolves to one is not noticed.
    #[must_use]
    pub(crate) fn is_link_local(&self) -> bool {
        const NAMES: [&str; 4] = ["metadata.google.internal", "metadata.goog", "metadata", "instance-data"];
        match self.host.parse::<IpAddr>() {
            Ok(address) => is_link_local(address),
            Err(_) => NAMES.contains(&self.host.trim_end_matches('.')),
        }
    }
}

impl FromStr for HubUrl {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        let parts = Parts::of(text)?;
        if !matches!(parts.rest, "" | "/") {
            let hint = if parts.rest.starts_with('/') && !parts.rest.contains(['?', '#']) {
                "hubs with different base_url are not supported: write scheme, host and port only, and give the hubs' common \
                 base_url once, as site.base_url"
            } else {
                "write scheme, host and port only, for example http://hub-a:8000"
            };
            return Err(Malformed::new("a hub's address has no path, query or fragment", hint));
        }
        let authority = parts.authority().into();
        Ok(Self { scheme: parts.scheme, host: parts.host.into(), port: parts.port, authority })
    }
}

impl fmt::Display for HubUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme, self.authority)
    }
}

impl Serialize for HubUrl {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// The site as browsers know it: scheme, host and port.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PublicUrl {
    scheme: Scheme,
    origin: Arc<str>,
}

impl PublicUrl {
    /// Reads a URL and what follows its authority (empty, or a path that must be the base path of the site).
    pub(crate) fn with_path(text: &str) -> Result<(Self, &str), Malformed> {
        let parts = Parts::of(text)?;
        if parts.rest.contains(['?', '#']) {
            return Err(Malformed::new("the site's address has no query or fragment", "write https://HOST"));
        }
        let origin = format!("{}://{}", parts.scheme, parts.authority());
        Ok((Self { scheme: parts.scheme, origin: origin.into() }, parts.rest))
    }

    /// `http` or `https`: the scheme of the site, whatever a listener speaks.
    #[must_use]
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// `host` or `host:port`, as browsers send it in `Host`.
    #[must_use]
    pub fn authority(&self) -> &str {
        &self.origin[self.scheme.as_str().len() + "://".len()..]
    }

    /// The host alone; an IPv6 address without brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        let authority = self.authority();
        let host = match authority.rsplit_once(':') {
            // The colons in brackets are no port's.
            Some((host, port)) if !port.ends_with(']') => host,
            _ => authority,
        };
        host.trim_start_matches('[').trim_end_matches(']')
    }

    /// `https://host[:port]`, as browsers send it in `Origin` (RFC 6454 section 6.1).
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.origin
    }
}

impl FromStr for PublicUrl {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        match Self::with_path(text)? {
            (url, "" | "/") => Ok(url),
            _ => Err(Malformed::new("the site's address has a path", "write scheme and host only")),
        }
    }
}

impl fmt::Display for PublicUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.origin)
    }
}

impl Serialize for PublicUrl {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.origin)
    }
}

/// Whether an address is link-local or one that clouds use for their metadata.
fn is_link_local(address: IpAddr) -> bool {
    const EC2: Ipv6Addr = Ipv6Addr::new(0xfd00, 0x0ec2, 0, 0, 0, 0, 0, 0x0254);
    const ALIBABA: Ipv4Addr = Ipv4Addr::new(100, 100, 100, 200);
    match address.to_canonical() {
        IpAddr::V4(address) => address.is_link_local() || address == ALIBABA,
        IpAddr::V6(address) => address.is_unicast_link_local() || address == EC2,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hub(text: &str) -> HubUrl {
        text.parse().unwrap()
    }

    #[test]
    fn a_hub_url_is_scheme_host_and_port() {
        let url = hub("HTTP://Hub-A.Example:8000/");
        assert_eq!((url.scheme(), url.host(), url.port()), (Scheme::Http, "hub-a.example", 8000));
        assert_eq!(url.authority(), "hub-a.example:8000");
        assert_eq!(hub("https://hub").to_string(), "https://hub");
        assert_eq!(hub("https://hub:443").authority(), "hub");
    }

    #[test]
    fn an_ipv6_host_has_brackets_in_the_authority_only() {
        let url = hub("http://[::1]:8000");
        assert_eq!((url.host(), url.authority()), ("::1", "[::1]:8000"));
    }

    #[test]
    fn paths_queries_users_and_odd_ports_are_refused() {
        for bad in [
            "hub-a:80",
            "ftp://hub",
            "http://hub/jhub/",
            "http://hub?x",
            "http://hub#x",
            "http://u:p@hub",
            "http://hub:0",
            "http://hub:65536",
            "http://hub:+80",
            "http://hub:",
            "http://",
            "http://[::1",
            "http://a..b",
            "http://a b",
            "http://::1",
        ] {
            assert!(bad.parse::<HubUrl>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_path_in_a_hub_url_is_answered_with_what_base_url_is_for() {
        let refused = "http://hub-a:8000/jhub/".parse::<HubUrl>().unwrap_err();
        assert!(refused.hint.contains("different base_url are not supported"), "{}", refused.hint);
    }

    #[test]
    fn a_password_in_a_url_is_not_repeated() {
        let refused = "http://ada:hush@hub".parse::<HubUrl>().unwrap_err();
        assert!(!format!("{refused:?}").contains("hush"));
    }

    #[test]
    fn metadata_addresses_are_known_in_every_spelling() {
        for link_local in [
            "http://169.254.169.254",
            "http://[fe80::1]",
            "http://[fd00:ec2::254]",
            "http://[::ffff:169.254.169.254]",
            "http://Metadata.Google.Internal",
            "http://metadata.google.internal.",
        ] {
            assert!(hub(link_local).is_link_local(), "{link_local}");
        }
        assert!(!hub("http://10.0.0.1").is_link_local());
        assert!(!hub("http://hub-a").is_link_local());
    }

    #[test]
    fn numbers_that_resolvers_read_as_addresses_are_no_hosts() {
        for bad in
            ["http://2852039166", "http://0xa9fea9fe", "http://169.254.43518", "http://0251.0376.169.0xfe"]
        {
            assert!(bad.parse::<HubUrl>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_public_url_gives_scheme_authority_and_origin() {
        let url: PublicUrl = "https://Jupyter.Example.org:8443/".parse().unwrap();
        assert_eq!(url.scheme(), Scheme::Https);
        assert_eq!(url.authority(), "jupyter.example.org:8443");
        assert_eq!(url.origin(), "https://jupyter.example.org:8443");
    }
}
