//! From http to https: the same page at the site's own address, and never at one that only the request names.

use std::net::SocketAddr;
use std::sync::Arc;

use http::header::{CACHE_CONTROL, HOST, LOCATION};
use http::request::Parts;
use http::{HeaderValue, Response, StatusCode};
use hubrouter_config::PublicUrl;

use super::body::ToClient;
use crate::control::certificates::Ready;
use crate::pages::Page;

/// The port of https, which no address needs to name.
const HTTPS: u16 = 443;

/// Where to send who comes over http.
#[derive(Debug)]
pub enum Redirect {
    /// To the configured address of the site, whatever the request calls it.
    Site(PublicUrl),
    /// To the host that the request names, if a certificate of this router is for it: whoever could set such a `Host` for
    /// somebody else sends them to this very router.
    Certified {
        /// The listener with TLS.
        to: SocketAddr,
        /// The certificates of all listeners with TLS.
        certificates: Vec<Arc<Ready>>,
    },
}

impl Redirect {
    /// The answer to a request whose head was found in order: 308, so that a form arrives as it was sent (RFC 9110 15.4.9).
    ///
    /// # Errors
    ///
    /// The page for a request that names a host which is not this site's.
    pub fn answer(&self, parts: &Parts) -> Result<Response<ToClient>, Page> {
        let target = parts.uri.path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
        let host = parts.headers.get(HOST).and_then(|host| host.to_str().ok());
        let origin = self.origin(host).ok_or_else(|| {
            Page::BadRequest("the Host field names a site that is not served here over https".into())
        })?;
        let location = HeaderValue::from_str(&format!("{origin}{target}"))
            .map_err(|_| Page::BadRequest("the address cannot stand in a redirect".into()))?;
        let mut response = Response::new(ToClient::Own(None));
        *response.status_mut() = StatusCode::PERMANENT_REDIRECT;
        response.headers_mut().insert(LOCATION, location);
        // What is permanent is kept by browsers for years; an operator may think again.
        response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        Ok(response)
    }

    fn origin(&self, host: Option<&str>) -> Option<String> {
        match self {
            Self::Site(url) => Some(url.origin().to_owned()),
            Self::Certified { to, certificates } => {
                let host = bare_host(host?)?;
                certificates.iter().any(|certificate| certificate.covers(host)).then_some(())?;
                let spelled =
                    if host.contains(':') { format!("[{host}]") } else { host.to_ascii_lowercase() };
                Some(match to.port() {
                    HTTPS => format!("https://{spelled}"),
                    port => format!("https://{spelled}:{port}"),
                })
            }
        }
    }
}

/// The host of a `Host` field, without port and brackets; none where something else stands there.
fn bare_host(field: &str) -> Option<&str> {
    let authority: http::uri::Authority = field.parse().ok()?;
    // A name before `@` would be taken for the host by a hasty reader.
    if authority.as_str().contains('@') {
        return None;
    }
    let host = match field.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => host,
        _ => field,
    };
    Some(host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host))
}

#[cfg(test)]
mod tests {
    use http::Request;
    use hubrouter_config::{Certificate, PemFile};

    use super::*;

    fn certified(port: u16) -> Redirect {
        let key = rcgen::KeyPair::generate().unwrap();
        let names = ["site.example", "*.hub.example", "192.0.2.7", "2001:db8::7"].map(str::to_owned);
        let cert = rcgen::CertificateParams::new(names).unwrap().self_signed(&key).unwrap().pem();
        let file = |text: String| PemFile::new("x.pem".into(), text.into_bytes());
        let pair = Certificate { cert: file(cert), key: file(key.serialize_pem()) };
        let certificates = vec![Arc::new(Ready::read(&pair).unwrap())];
        Redirect::Certified { to: SocketAddr::from(([0, 0, 0, 0], port)), certificates }
    }

    fn location(redirect: &Redirect, host: &str, target: &str) -> Option<String> {
        let request = Request::post(target).header(HOST, host).body(()).unwrap();
        let answer = redirect.answer(&request.into_parts().0).ok()?;
        assert_eq!(answer.status(), 308);
        Some(answer.headers()[LOCATION].to_str().unwrap().to_owned())
    }

    #[test]
    fn the_configured_address_counts_whatever_the_host_says() {
        let redirect = Redirect::Site("https://site.example:8443".parse().unwrap());
        for host in ["site.example", "evil.example", "x@evil.example", ""] {
            let to = location(&redirect, host, "/user/a%2fb/?x=1");
            assert_eq!(to.as_deref(), Some("https://site.example:8443/user/a%2fb/?x=1"));
        }
        let to = location(&redirect, "site.example", "//evil.example/");
        assert_eq!(to.as_deref(), Some("https://site.example:8443//evil.example/"));
    }

    #[test]
    fn without_one_only_a_host_of_the_certificates_is_sent_on() {
        let redirect = certified(443);
        for (host, origin) in [
            ("site.example", "https://site.example"),
            ("SITE.example:80", "https://site.example"),
            ("a.hub.example:8080", "https://a.hub.example"),
            ("192.0.2.7", "https://192.0.2.7"),
            ("[2001:db8::7]:80", "https://[2001:db8::7]"),
        ] {
            assert_eq!(location(&redirect, host, "/x"), Some(format!("{origin}/x")), "{host}");
        }
        for host in [
            "evil.example",
            "hub.example",
            "site.example@evil.example",
            "evil.example/site.example",
            "site.example:80:80",
            "",
        ] {
            assert_eq!(location(&redirect, host, "/x"), None, "{host}");
        }
        assert_eq!(
            location(&certified(8443), "site.example:80", "/x").unwrap(),
            "https://site.example:8443/x"
        );
    }
}
