//! A URL taken apart: scheme, host in one spelling, port, and the rest.
//!
//! Strict where resolvers are lenient: a host that hides where it leads is none. What may stand in the rest is told by
//! whoever reads the URL.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::Scheme;
use crate::values::Malformed;

/// A URL taken apart. `rest` is everything after the authority.
pub(super) struct Parts<'a> {
    pub(super) scheme: Scheme,
    /// Lower case; an IPv6 address without brackets.
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) rest: &'a str,
}

impl<'a> Parts<'a> {
    pub(super) fn of(text: &'a str) -> Result<Self, Malformed> {
        let (scheme, after) = match text.split_once("://") {
            Some((scheme, after)) if scheme.eq_ignore_ascii_case("http") => (Scheme::Http, after),
            Some((scheme, after)) if scheme.eq_ignore_ascii_case("https") => (Scheme::Https, after),
            _ => {
                return Err(Malformed::new(
                    "not an http:// or https:// address",
                    "write for example http://hub-a:8000",
                ));
            }
        };
        let (authority, rest) = after.split_at(after.find(['/', '?', '#']).unwrap_or(after.len()));
        if authority.contains('@') {
            // The text is not repeated: a password may stand in it.
            return Err(Malformed::new(
                "an address must not hold a user or password",
                "remove everything up to the @",
            ));
        }
        let (host, port) = split_port(authority)?;
        Ok(Self { scheme, host: host_of(host)?, port: port.unwrap_or(scheme.default_port()), rest })
    }

    /// `host` or `host:port`: brackets around IPv6, no port where it is the scheme's own.
    pub(super) fn authority(&self) -> String {
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        if self.port == self.scheme.default_port() { host } else { format!("{host}:{}", self.port) }
    }
}

fn split_port(authority: &str) -> Result<(&str, Option<u16>), Malformed> {
    let after_host = match authority.rfind(']') {
        Some(bracket) => bracket + 1,
        None => authority.find(':').unwrap_or(authority.len()),
    };
    let (host, port) = authority.split_at(after_host);
    if port.is_empty() {
        return Ok((host, None));
    }
    let number = port.strip_prefix(':').filter(|port| port.bytes().all(|byte| byte.is_ascii_digit()));
    match number.and_then(|port| port.parse().ok()) {
        Some(port) if port > 0 => Ok((host, Some(port))),
        _ => Err(Malformed::new(
            "the port is not a number from 1 to 65535",
            "write for example http://hub-a:8000",
        )),
    }
}

/// Host in one spelling: lower case, IPv6 without brackets and in its short form.
fn host_of(host: &str) -> Result<String, Malformed> {
    let malformed =
        || Malformed::new("the host is not a name or an IP address", "write for example http://hub-a:8000");
    if let Some(inner) = host.strip_prefix('[') {
        let inner = inner.strip_suffix(']').ok_or_else(malformed)?;
        return inner.parse::<Ipv6Addr>().map(|address| address.to_string()).map_err(|_| malformed());
    }
    if let Ok(address) = host.parse::<Ipv4Addr>() {
        return Ok(address.to_string());
    }
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    let name = host.strip_suffix('.').unwrap_or(host);
    let label = |label: &str| (1..=63).contains(&label.len()) && label.bytes().all(fits);
    // What ends in a number is read as an IPv4 address by resolvers, in forms (hexadecimal, one big number) that hide where
    // it leads: only the ordinary form, tried above, passes.
    let last = name.rsplit('.').next().unwrap_or_default();
    let number =
        last.bytes().all(|byte| byte.is_ascii_digit()) || last.starts_with("0x") || last.starts_with("0X");
    if host.len() > 253 || number || !name.split('.').all(label) {
        return Err(malformed());
    }
    Ok(host.to_ascii_lowercase())
}
