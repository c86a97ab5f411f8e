//! Who is at the other end of a client connection, and what of its word is believed.
//!
//! `X-Forwarded-*` is believed from trusted proxies only.

use std::net::{IpAddr, SocketAddr};

use http::{HeaderMap, HeaderName, HeaderValue};
use hubrouter_config::{Config, PublicUrl, Scheme};

/// Appended to by every proxy on the way (de-facto standard; RFC 7239 section 4 names the idea).
pub const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
/// The scheme the browser used.
pub const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// The far end of one connection.
#[derive(Clone, Debug)]
pub struct Peer {
    /// Its address.
    pub address: SocketAddr,
    /// Whether `site.trusted_proxies` contains it.
    pub trusted: bool,
    /// What it speaks to this router: https with TLS.
    pub scheme: Scheme,
    text: HeaderValue,
}

/// The client behind a peer: itself, or whom a trusted proxy names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Client {
    /// The client's own address.
    pub address: IpAddr,
    /// The same as text.
    pub ip: HeaderValue,
    /// As the browser sees it.
    pub scheme: Scheme,
    /// What `X-Forwarded-For` becomes.
    pub forwarded_for: HeaderValue,
}

impl Peer {
    /// The peer at `address` under `config`.
    #[must_use]
    pub fn new(address: SocketAddr, scheme: Scheme, config: &Config) -> Self {
        let ip = address.ip().to_canonical();
        let trusted = config.site.trusted_proxies.iter().any(|net| net.contains(&ip));
        Self { address, trusted, scheme, text: value(&ip.to_string()) }
    }

    /// The client that speaks through this peer.
    #[must_use]
    pub fn client(&self, headers: &HeaderMap, config: &Config) -> Client {
        let public = config.site.public_url.as_ref().map(PublicUrl::scheme);
        if !self.trusted {
            return Client {
                address: self.address.ip().to_canonical(),
                ip: self.text.clone(),
                scheme: public.unwrap_or(self.scheme),
                forwarded_for: self.text.clone(),
            };
        }
        let chain = forwarded_chain(headers);
        let address = last_untrusted(&chain, config).unwrap_or_else(|| self.address.ip().to_canonical());
        Client {
            address,
            ip: value(&address.to_string()),
            scheme: public.or_else(|| forwarded_scheme(headers)).unwrap_or(self.scheme),
            forwarded_for: self.appended_to(&chain),
        }
    }

    /// Whether the browser speaks https: to this router, or by the word of a trusted proxy.
    #[must_use]
    pub fn is_https(&self, headers: &HeaderMap) -> bool {
        let told = if self.trusted { forwarded_scheme(headers) } else { None };
        told.unwrap_or(self.scheme) == Scheme::Https
    }

    fn appended_to(&self, chain: &[IpAddr]) -> HeaderValue {
        let mut text: String = chain.iter().map(|ip| format!("{ip}, ")).collect();
        text.push_str(self.text.to_str().unwrap_or_default());
        value(&text)
    }
}

fn value(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).unwrap_or_else(|_| HeaderValue::from_static("unknown"))
}

/// Every address that trusted proxies noted, first the one farthest away; what is no address ends the chain there.
fn forwarded_chain(headers: &HeaderMap) -> Vec<IpAddr> {
    let mut chain: Vec<IpAddr> = Vec::new();
    for field in headers.get_all(X_FORWARDED_FOR) {
        for part in field.to_str().unwrap_or_default().split(',') {
            match noted_address(part.trim()) {
                Some(ip) => chain.push(ip.to_canonical()),
                // What stands before an unreadable entry cannot be vouched for.
                None => chain.clear(),
            }
        }
    }
    chain
}

/// An address as proxies write it: some add the port, and then brackets (as RFC 7239 section 6 has them).
fn noted_address(text: &str) -> Option<IpAddr> {
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']'));
    if let Some(bare) = bare {
        return bare.parse().ok().map(IpAddr::V6);
    }
    text.parse().ok().or_else(|| text.parse().ok().map(|address: SocketAddr| address.ip()))
}

/// From the near end: the first address that is not one of the trusted proxies.
fn last_untrusted(chain: &[IpAddr], config: &Config) -> Option<IpAddr> {
    let trusted = |ip: &IpAddr| config.site.trusted_proxies.iter().any(|net| net.contains(ip));
    chain.iter().rev().find(|ip| !trusted(ip)).or(chain.first()).copied()
}

fn forwarded_scheme(headers: &HeaderMap) -> Option<Scheme> {
    let text = headers.get_all(X_FORWARDED_PROTO).iter().next_back()?.to_str().ok()?;
    match text.rsplit(',').next()?.trim().to_ascii_lowercase().as_str() {
        "https" | "wss" => Some(Scheme::Https),
        "http" | "ws" => Some(Scheme::Http),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(trusted: &str) -> Config {
        let text = format!(
            "site: {{trusted_proxies: [{trusted}]}}\nhubs:\n  - {{id: a, url: 'http://127.0.0.1:1'}}\n"
        );
        hubrouter_config::parse(&text, "test.yaml", &hubrouter_config::FixedSources::default())
            .expect("a legal file")
            .config
    }

    fn headers(forwarded: &str, proto: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(X_FORWARDED_FOR, value(forwarded));
        headers.insert(X_FORWARDED_PROTO, value(proto));
        headers
    }

    #[test]
    fn a_stranger_is_who_it_is_whatever_it_says() {
        let config = config("");
        let peer = Peer::new("203.0.113.9:1000".parse().expect("address"), Scheme::Http, &config);
        let client = peer.client(&headers("10.0.0.1", "https"), &config);
        assert_eq!(client.ip, "203.0.113.9");
        assert_eq!(client.scheme, Scheme::Http);
        assert_eq!(client.forwarded_for, "203.0.113.9");
    }

    #[test]
    fn a_trusted_proxy_names_the_client_and_the_scheme() {
        let config = config("10.0.0.0/8");
        let peer = Peer::new("10.0.0.2:1000".parse().expect("address"), Scheme::Http, &config);
        let client = peer.client(&headers("6.6.6.6, 203.0.113.9, 10.0.0.7", "https"), &config);
        assert_eq!(client.ip, "203.0.113.9");
        assert_eq!(client.scheme, Scheme::Https);
        assert_eq!(client.forwarded_for, "6.6.6.6, 203.0.113.9, 10.0.0.7, 10.0.0.2");
    }

    #[test]
    fn what_stands_before_an_unreadable_entry_is_dropped() {
        let config = config("10.0.0.0/8");
        let peer = Peer::new("10.0.0.2:1000".parse().expect("address"), Scheme::Http, &config);
        let client = peer.client(&headers("1.2.3.4, <script>, 203.0.113.9", "http"), &config);
        assert_eq!(client.forwarded_for, "203.0.113.9, 10.0.0.2");
    }

    #[test]
    fn over_tls_the_scheme_is_https_unless_the_site_or_a_trusted_proxy_says_otherwise() {
        let scheme = |from: &str, site: &str, proto: &str| {
            let text = format!("site: {{{site}}}\nhubs:\n  - {{id: a, url: 'http://127.0.0.1:1'}}\n");
            let config =
                hubrouter_config::parse(&text, "test.yaml", &hubrouter_config::FixedSources::default())
                    .expect("a legal file")
                    .config;
            let peer = Peer::new(from.parse().expect("address"), Scheme::Https, &config);
            peer.client(&headers("203.0.113.9", proto), &config).scheme
        };
        assert_eq!(scheme("203.0.113.9:1", "", "http"), Scheme::Https);
        assert_eq!(scheme("203.0.113.9:1", "public_url: 'http://site.example'", ""), Scheme::Http);
        assert_eq!(scheme("10.0.0.1:1", "trusted_proxies: [10.0.0.0/8]", "http"), Scheme::Http);
        assert_eq!(scheme("10.0.0.1:1", "trusted_proxies: [10.0.0.0/8]", "?"), Scheme::Https);
    }

    #[test]
    fn whether_the_browser_speaks_https_is_the_connections_word_or_a_trusted_proxys() {
        let trusting = config("10.0.0.0/8");
        let is_https = |from: &str, scheme: Scheme, proto: &str| {
            Peer::new(from.parse().expect("address"), scheme, &trusting)
                .is_https(&headers("203.0.113.9", proto))
        };
        assert!(is_https("10.0.0.1:1", Scheme::Http, "https") && is_https("10.0.0.1:1", Scheme::Https, "?"));
        assert!(!is_https("10.0.0.1:1", Scheme::Http, "?") && !is_https("10.0.0.1:1", Scheme::Https, "http"));
        assert!(!is_https("203.0.113.9:1", Scheme::Http, "https"));
        assert!(is_https("203.0.113.9:1", Scheme::Https, "http"));
    }

    #[test]
    fn an_address_with_its_port_is_that_address() {
        let config = config("10.0.0.0/8");
        let peer = Peer::new("10.0.0.2:1000".parse().expect("address"), Scheme::Http, &config);
        for (noted, ip) in [
            ("9.9.9.9:5123", "9.9.9.9"),
            ("[2001:db8::1]:443", "2001:db8::1"),
            ("[2001:db8::1]", "2001:db8::1"),
            ("2001:db8::1", "2001:db8::1"),
            ("[::ffff:9.9.9.9]:80", "9.9.9.9"),
            ("6.6.6.6, 9.9.9.9:5123, 10.0.0.7:80", "9.9.9.9"),
            ("9.9.9.9:", "10.0.0.2"),
            ("9.9.9.9:port", "10.0.0.2"),
            ("[9.9.9.9]:80", "10.0.0.2"),
        ] {
            assert_eq!(peer.client(&headers(noted, "http"), &config).ip, ip, "{noted}");
        }
        let client = peer.client(&headers("9.9.9.9:5123, [2001:db8::1]:443", "http"), &config);
        assert_eq!(client.forwarded_for, "9.9.9.9, 2001:db8::1, 10.0.0.2");
        let stranger = Peer::new("203.0.113.9:1000".parse().expect("address"), Scheme::Http, &config);
        assert_eq!(stranger.client(&headers("9.9.9.9:5123", "http"), &config).ip, "203.0.113.9");
    }
}
