//! What is removed from and added to the fields of requests and answers (RFC 9110 7.6.1).
//!
//! `Host` stays as it came: WebSockets are refused by the server otherwise. Cookies are left to `cookies`, what a client
//! claims to be to `claims`.

use http::header::{
    self, CONNECTION, CONTENT_LENGTH, HOST, HeaderMap, HeaderName, HeaderValue, TE, TRAILER,
    TRANSFER_ENCODING, UPGRADE,
};
use hubrouter_config::Config;

use super::claims;
use super::host::is_host;
use super::peer::{Client, Peer, X_FORWARDED_FOR, X_FORWARDED_PROTO};

const X_REAL_IP: HeaderName = HeaderName::from_static("x-real-ip");
const X_SCHEME: HeaderName = HeaderName::from_static("x-scheme");
const KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");
const PROXY_CONNECTION: HeaderName = HeaderName::from_static("proxy-connection");

/// Fields that a `Connection` field may never name: a stranger could make the router drop them.
fn must_stay(name: &str) -> bool {
    matches!(name, "host" | "cookie" | "authorization" | "content-length" | "transfer-encoding")
        || name.starts_with("x-forwarded-")
}

/// Why a request's fields are refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadFields {
    /// `Connection: host` and the like.
    #[error("the Connection field names a field that has to reach the hub")]
    ConnectionNames,
    /// No `Host`, or several (RFC 9112 3.2).
    #[error("a request needs exactly one Host field")]
    Host,
    /// One that names no host.
    #[error("the Host field names no host")]
    NoHost,
}

/// Prepares a request's fields for a hub.
///
/// # Errors
///
/// The fields contradict themselves: the request is refused with 400.
pub fn to_hub(
    headers: &mut HeaderMap,
    peer: &Peer,
    client: &Client,
    config: &Config,
    upgrade: bool,
) -> Result<(), BadFields> {
    if named_by_connection(headers).iter().any(|name| must_stay(name.as_str())) {
        return Err(BadFields::ConnectionNames);
    }
    remove_connection_fields(headers);
    claims::remove(headers, peer, config);
    headers.insert(X_REAL_IP, client.ip.clone());
    headers.insert(X_FORWARDED_FOR, client.forwarded_for.clone());
    headers.insert(X_FORWARDED_PROTO, HeaderValue::from_static(client.scheme.as_str()));
    // The hub's proxy appends its own scheme to X-Forwarded-Proto and leaves this one alone.
    headers.insert(X_SCHEME, HeaderValue::from_static(client.scheme.as_str()));
    if upgrade {
        headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
        headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    }
    Ok(())
}

/// Prepares an answer's fields for the client.
pub fn to_client(headers: &mut HeaderMap, upgrade: bool) {
    remove_connection_fields(headers);
    if upgrade {
        headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
        headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    }
}

/// Whether the fields ask for a WebSocket (RFC 6455 4.1).
#[must_use]
pub fn asks_websocket(headers: &HeaderMap) -> bool {
    names_token(headers, &CONNECTION, "upgrade") && is_websocket(headers)
}

/// Whether `Upgrade` says `websocket` and nothing else.
#[must_use]
pub fn is_websocket(headers: &HeaderMap) -> bool {
    let mut values = headers.get_all(UPGRADE).iter();
    let first = values.next().is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"websocket"));
    first && values.next().is_none()
}

/// How many bytes the fields take, as HTTP/1.1 writes them.
#[must_use]
pub fn size(headers: &HeaderMap) -> usize {
    headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum()
}

/// Whether a request names its site, and only one (RFC 9112 3.2).
///
/// # Errors
///
/// It does not: the request is refused with 400, whatever it asks for.
pub fn one_host(headers: &HeaderMap) -> Result<(), BadFields> {
    let mut hosts = headers.get_all(HOST).iter();
    match (hosts.next(), hosts.next()) {
        (Some(host), None) if is_host(host.as_bytes()) => Ok(()),
        (Some(_), None) => Err(BadFields::NoHost),
        _ => Err(BadFields::Host),
    }
}

/// Takes every value of a field out, in their order.
pub fn take_all(headers: &mut HeaderMap, name: HeaderName) -> Vec<HeaderValue> {
    match headers.entry(name) {
        header::Entry::Occupied(entry) => entry.remove_entry_mult().1.collect(),
        header::Entry::Vacant(_) => Vec::new(),
    }
}

fn names_token(headers: &HeaderMap, field: &HeaderName, token: &str) -> bool {
    headers
        .get_all(field)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .any(|value| value.split(',').any(|part| part.trim().eq_ignore_ascii_case(token)))
}

/// Fields that belong to one connection, and those its `Connection` field names (RFC 9110 7.6.1), but never what must stay.
fn remove_connection_fields(headers: &mut HeaderMap) {
    for name in named_by_connection(headers) {
        if !must_stay(name.as_str()) {
            headers.remove(name);
        }
    }
    for name in [&CONNECTION, &KEEP_ALIVE, &PROXY_CONNECTION, &TE, &TRAILER, &TRANSFER_ENCODING, &UPGRADE] {
        headers.remove(name);
    }
    headers.remove(header::PROXY_AUTHORIZATION);
    headers.remove(header::PROXY_AUTHENTICATE);
}

fn named_by_connection(headers: &HeaderMap) -> Vec<HeaderName> {
    let values = headers.get_all(CONNECTION).iter().map(HeaderValue::as_bytes);
    values
        .flat_map(|value| value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii))
        // The usual words name nothing to remove.
        .filter(|word| {
            ![&b"keep-alive"[..], b"close", b"upgrade"].iter().any(|usual| word.eq_ignore_ascii_case(usual))
        })
        .filter_map(|word| HeaderName::from_bytes(word).ok())
        .collect()
}

/// Leaves an answer's fields one word on where its body ends (RFC 9112 6.3): the coding, or else one length.
///
/// To be called on what a hub answers before anything else is done with it.
///
/// # Errors
///
/// They say it in a way that the next recipient may read differently; the text says how.
pub fn settle_framing(headers: &mut HeaderMap) -> Result<(), &'static str> {
    let mut codings = headers.get_all(TRANSFER_ENCODING).iter();
    if let Some(coding) = codings.next() {
        let chunked = coding.as_bytes().eq_ignore_ascii_case(b"chunked") && codings.next().is_none();
        // The coding decides, so the length that stands beside it is wrong.
        headers.remove(CONTENT_LENGTH);
        return if chunked { Ok(()) } else { Err("a transfer coding other than chunked") };
    }
    let mut lengths = headers.get_all(CONTENT_LENGTH).iter();
    let Some(first) = lengths.next().cloned() else { return Ok(()) };
    if !first.as_bytes().iter().all(u8::is_ascii_digit) || first.is_empty() {
        return Err("a Content-Length that is no number");
    }
    if lengths.any(|other| *other != first) {
        return Err("several lengths of one body");
    }
    headers.insert(CONTENT_LENGTH, first);
    Ok(())
}

/// A body's length that the router knows itself replaces what the client said.
pub fn set_length(headers: &mut HeaderMap, length: usize) {
    headers.remove(TRANSFER_ENCODING);
    headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(fields: &[(&str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            headers.append(
                HeaderName::from_bytes(name.as_bytes()).expect("a field name"),
                HeaderValue::from_str(value).expect("a field value"),
            );
        }
        headers
    }

    fn config(site: &str) -> Config {
        let text = format!("site: {{{site}}}\nhubs:\n  - {{id: a, url: 'http://127.0.0.1:1'}}\n");
        hubrouter_config::parse(&text, "test.yaml", &hubrouter_config::FixedSources::default())
            .expect("a legal file")
            .config
    }

    fn sent(fields: &[(&str, &str)], site: &str, from: &str) -> Result<HeaderMap, BadFields> {
        let config = config(site);
        let peer = Peer::new(from.parse().expect("an address"), hubrouter_config::Scheme::Http, &config);
        let mut headers = map(fields);
        let client = peer.client(&headers, &config);
        to_hub(&mut headers, &peer, &client, &config, false).map(|()| headers)
    }

    #[test]
    fn host_stays_and_the_client_is_named() {
        let headers = sent(&[("host", "site:8000")], "", "192.0.2.1:5").expect("a good request");
        assert_eq!(headers[HOST], "site:8000");
        assert_eq!(headers["x-real-ip"], "192.0.2.1");
        assert_eq!(headers["x-scheme"], "http");
        assert_eq!(headers["x-forwarded-proto"], "http");
        assert_eq!(headers["x-forwarded-for"], "192.0.2.1");
    }

    #[test]
    fn what_strangers_claim_to_be_is_removed() {
        let fields = [
            ("host", "s"),
            ("x-forwarded-user", "root"),
            ("remote-user", "root"),
            ("remote_user", "root"),
            ("x-site-user", "root"),
            ("x-real-ip", "6.6.6.6"),
            ("x-scheme", "https"),
            ("forwarded", "for=6.6.6.6"),
            ("x-original-url", "/user/bob/"),
            ("x-remote-group", "system:masters"),
            ("x-forwarded-roles", "admin"),
            ("x-webauth-email", "root@site"),
            ("remote-email", "root@site"),
            ("x-xsrftoken", "kept"),
            ("x-requested-with", "kept"),
        ];
        let headers =
            sent(&fields, "identity_headers: [X-Site-User]", "192.0.2.1:5").expect("a good request");
        for (name, value) in &fields[1..] {
            let arrived = headers.get(*name).is_some_and(|arrived| arrived == value);
            assert_eq!(arrived, *value == "kept", "{name}");
        }
        assert_eq!(headers["x-real-ip"], "192.0.2.1");
        assert_eq!(headers["x-scheme"], "http");
    }

    #[test]
    fn a_trusted_proxy_may_name_the_user_in_the_configured_field_only() {
        let site = "identity_headers: [X-Site-User], trusted_proxies: [192.0.2.0/24]";
        let fields = [("host", "s"), ("x-site-user", "ada"), ("remote-user", "root")];
        let headers = sent(&fields, site, "192.0.2.1:5").expect("a good request");
        assert_eq!(headers["x-site-user"], "ada");
        assert!(!headers.contains_key("remote-user"));
    }

    #[test]
    fn connection_fields_end_here() {
        let fields = [
            ("host", "s"),
            ("connection", "keep-alive, X-Secret"),
            ("x-secret", "1"),
            ("keep-alive", "timeout=5"),
            ("te", "trailers"),
            ("transfer-encoding", "chunked"),
        ];
        let headers = sent(&fields, "", "192.0.2.1:5").expect("a good request");
        for name in ["connection", "x-secret", "keep-alive", "te", "transfer-encoding"] {
            assert!(!headers.contains_key(name), "{name} reached the hub");
        }
    }

    #[test]
    fn connection_may_not_name_what_has_to_arrive() {
        for name in ["Host", "cookie", "Authorization", "X-Forwarded-For"] {
            let refused = sent(&[("host", "s"), ("connection", name)], "", "192.0.2.1:5");
            assert_eq!(refused.err(), Some(BadFields::ConnectionNames), "{name}");
        }
    }

    #[test]
    fn an_answer_keeps_what_must_stay_and_loses_the_rest_whatever_connection_names() {
        let mut headers = map(&[
            ("connection", "content-length, x-hop"),
            ("connection", "host, @"),
            ("x-hop", "1"),
            ("keep-alive", "timeout=5"),
            ("upgrade", "h2c"),
            ("content-length", "5"),
        ]);
        to_client(&mut headers, false);
        assert_eq!(headers, map(&[("content-length", "5")]));
    }

    #[test]
    fn an_answer_says_once_where_its_body_ends() {
        let settled = |fields: &[(&str, &str)]| {
            let mut headers = map(fields);
            settle_framing(&mut headers).map(|()| headers)
        };
        let (coding, length) = ("transfer-encoding", "content-length");
        assert_eq!(settled(&[(coding, "Chunked"), (length, "5")]), Ok(map(&[(coding, "Chunked")])));
        assert_eq!(settled(&[(length, "5"), (length, "5")]), Ok(map(&[(length, "5")])));
        assert_eq!(settled(&[("x", "1")]), Ok(map(&[("x", "1")])));
        for refused in [
            &[(coding, "gzip")][..],
            &[(coding, "gzip, chunked")],
            &[(coding, "chunked"), (coding, "chunked")],
            &[(coding, "")],
            &[(length, "5, 5")],
            &[(length, "5"), (length, "6")],
            &[(length, "+5")],
            &[(length, "")],
        ] {
            assert!(settled(refused).is_err(), "{refused:?}");
        }
    }

    #[test]
    fn a_request_has_one_host() {
        assert_eq!(one_host(&map(&[])), Err(BadFields::Host));
        assert_eq!(one_host(&map(&[("host", "a"), ("host", "b")])), Err(BadFields::Host));
        assert_eq!(one_host(&map(&[("host", "a")])), Ok(()));
        assert_eq!(one_host(&map(&[("host", "a b")])), Err(BadFields::NoHost));
    }
}
