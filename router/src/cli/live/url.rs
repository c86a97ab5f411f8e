//! Where the operator's door of a router is: `http://127.0.0.1:9901`.

use std::fmt;
use std::str::FromStr;

use http::Uri;
use http::uri::Scheme;

use super::DEFAULT_URL;
use crate::cli::findings::CannotRun;

/// The address of an admin listener. Plain http only: the listener speaks nothing else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::cli) struct AdminUrl {
    /// Host, without the brackets of an IPv6 address.
    pub(super) host: String,
    pub(super) port: u16,
    /// Host and port as they stand in the `Host` field.
    pub(super) authority: String,
}

impl AdminUrl {
    /// The router that `HUBROUTER_ADMIN_URL` names, else one on this machine.
    pub(in crate::cli) fn of_this_process() -> Result<Self, CannotRun> {
        let named = std::env::var("HUBROUTER_ADMIN_URL").unwrap_or_else(|_| DEFAULT_URL.to_owned());
        named.parse().map_err(|reason| CannotRun(format!("HUBROUTER_ADMIN_URL: {reason}")))
    }
}

impl FromStr for AdminUrl {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wanted = |what: &str| format!("{what}; write it like http://127.0.0.1:9901");
        let uri: Uri = text.trim().parse().map_err(|_| wanted("that is no address"))?;
        let authority = match (uri.scheme(), uri.authority()) {
            (Some(scheme), Some(authority)) if *scheme == Scheme::HTTP => authority,
            (Some(scheme), _) if *scheme == Scheme::HTTPS => {
                return Err(wanted("the admin listener speaks plain http: reach it through a tunnel"));
            }
            _ => return Err(wanted("the address begins with http://")),
        };
        if authority.as_str().contains('@') {
            return Err(wanted("the address holds no user and no token: set HUBROUTER_TOKEN"));
        }
        if !matches!(uri.path(), "" | "/") || uri.query().is_some() {
            return Err(wanted("the address ends behind the port"));
        }
        let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_owned();
        let port = match authority.port_u16() {
            Some(port) => port,
            // An empty or too large number is none.
            None if authority.as_str().len() > authority.host().len() => {
                return Err(wanted("that is no port"));
            }
            None => 80,
        };
        Ok(Self { host, port, authority: authority.to_string() })
    }
}

impl fmt::Display for AdminUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "http://{}", self.authority)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_a_host_and_a_port() {
        for (text, host, port) in [
            ("http://127.0.0.1:9901", "127.0.0.1", 9901),
            ("http://[::1]:9901/", "::1", 9901),
            ("http://router", "router", 80),
            ("HTTP://router.example.org:80", "router.example.org", 80),
        ] {
            let url: AdminUrl = text.parse().unwrap();
            assert_eq!((url.host.as_str(), url.port), (host, port), "{text}");
        }
        assert_eq!("http://[::1]:9901/".parse::<AdminUrl>().unwrap().to_string(), "http://[::1]:9901");
    }

    #[test]
    fn anything_else_says_what_to_write() {
        for text in [
            "",
            "127.0.0.1:9901",
            "https://router:9901",
            "http://router:9901/status",
            "http://router:9901?x",
            "http://token@router:9901",
            "http://router:99999",
            "http://router:",
            "ftp://router",
            "http://",
        ] {
            let said = text.parse::<AdminUrl>().unwrap_err();
            assert!(said.contains("write it like http://127.0.0.1:9901"), "{text}: {said}");
        }
    }
}
