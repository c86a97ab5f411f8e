//! Whether a page of this very site sent the request.

use http::{HeaderMap, header::ORIGIN};

use crate::site::without_default_port;

/// Whether a page of this site sent the request: `Origin` is the site's, or `Sec-Fetch-Site` says
/// `same-origin`.
///
/// `site` is the public origin (`https://jupyter.example.org`), where one is configured; `scheme` and `host`
/// are those of the request. `Origin: null` alone is nobody's: a page with `Referrer-Policy: no-referrer`
/// sends it, and so does any sandboxed frame. `Sec-Fetch-Site`, which no script can set, decides where it is
/// present: it knows what a balancer in front may have hidden from us. Without either header, or with one of
/// them twice: no.
#[must_use]
pub fn same_origin(headers: &HeaderMap, site: Option<&str>, scheme: &str, host: Option<&str>) -> bool {
    let fetch_site = match sole(headers, "sec-fetch-site") {
        Sole::None => None,
        Sole::One(value) => Some(value),
        Sole::Unclear => return false,
    };
    match (fetch_site, sole(headers, ORIGIN.as_str())) {
        (_, Sole::Unclear) => false,
        (Some(fetch_site), Sole::None | Sole::One(_)) => fetch_site == "same-origin",
        (None, Sole::One(origin)) => is_site(origin, site, scheme, host),
        (None, Sole::None) => false,
    }
}

enum Sole<'a> {
    None,
    One(&'a str),
    Unclear,
}

fn sole<'a>(headers: &'a HeaderMap, name: &str) -> Sole<'a> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (None, _) => Sole::None,
        (Some(value), None) => value.to_str().map_or(Sole::Unclear, Sole::One),
        (Some(_), Some(_)) => Sole::Unclear,
    }
}

fn is_site(origin: &str, site: Option<&str>, scheme: &str, host: Option<&str>) -> bool {
    let Some(origin) = Origin::read(origin) else { return false };
    let ours = host.and_then(|authority| Origin::of(scheme, authority));
    site.and_then(Origin::read).is_some_and(|site| site.is(&origin))
        || ours.is_some_and(|ours| ours.is(&origin))
}

struct Origin<'a> {
    scheme: &'a str,
    /// Without the scheme's default port.
    authority: &'a str,
}

impl<'a> Origin<'a> {
    fn read(text: &'a str) -> Option<Origin<'a>> {
        let (scheme, authority) = text.split_once("://")?;
        Origin::of(scheme, authority)
    }

    fn of(scheme: &'a str, authority: &'a str) -> Option<Origin<'a>> {
        let authority = without_default_port(scheme, authority);
        let odd = |c: char| matches!(c, '/' | '@' | '?' | '#' | '\\' | ',') || c.is_whitespace();
        (!authority.is_empty() && !authority.contains(odd)).then_some(Origin { scheme, authority })
    }

    fn is(&self, other: &Origin<'_>) -> bool {
        self.scheme.eq_ignore_ascii_case(other.scheme) && self.authority.eq_ignore_ascii_case(other.authority)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn asked(headers: &[(&'static str, &str)]) -> bool {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, HeaderValue::from_str(value).unwrap());
        }
        same_origin(&map, Some("https://jupyter.example.org"), "https", Some("jupyter.example.org"))
    }

    #[test]
    fn a_page_of_this_site_is_known_by_its_origin_or_by_what_the_browser_says() {
        assert!(asked(&[("origin", "https://jupyter.example.org")]));
        assert!(asked(&[("origin", "https://Jupyter.example.org:443")]));
        assert!(asked(&[("sec-fetch-site", "same-origin")]));
        assert!(asked(&[("origin", "null"), ("sec-fetch-site", "same-origin")]));
    }

    #[test]
    fn anybody_else_and_nobody_at_all_is_no_page_of_this_site() {
        for headers in [
            &[][..],
            &[("origin", "null")],
            &[("origin", "")],
            &[("origin", "https://evil.example.org")],
            &[("origin", "http://jupyter.example.org")],
            &[("origin", "https://jupyter.example.org:8443")],
            &[("origin", "https://jupyter.example.org.evil.org")],
            &[("origin", "https://jupyter.example.org@evil.org")],
            &[("origin", "https://jupyter.example.org/")],
            &[("origin", "https://jupyter.example.org"), ("origin", "https://evil.example.org")],
            &[("origin", "https://jupyter.example.org"), ("sec-fetch-site", "same-site")],
            &[("sec-fetch-site", "same-site")],
            &[("sec-fetch-site", "none")],
            &[("sec-fetch-site", "cross-site"), ("origin", "null")],
            &[("sec-fetch-site", "same-origin"), ("sec-fetch-site", "cross-site")],
        ] {
            assert!(!asked(headers), "{headers:?}");
        }
    }

    #[test]
    fn without_a_public_url_the_requests_own_host_is_the_site() {
        let mut headers = HeaderMap::new();
        headers.insert("origin", HeaderValue::from_static("http://127.0.0.1:8000"));

        assert!(same_origin(&headers, None, "http", Some("127.0.0.1:8000")));
        assert!(!same_origin(&headers, None, "http", Some("127.0.0.1:8001")));
        assert!(!same_origin(&headers, None, "http", None));
    }
}
