//! From a request of HTTP/2 to the same one of HTTP/1.1, and back with its answer (RFC 9113 8, RFC 8441 5).
//!
//! What is malformed by the protocol itself (upper case, fields of a connection, a length that is not kept) has been refused by
//! the library. Whether `:authority` and `Host` agree is seen where both kinds of requests are read (`exchange`).

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::BytesMut;
use http::header::{
    CONNECTION, CONTENT_LENGTH, COOKIE, HOST, HeaderMap, HeaderValue, SEC_WEBSOCKET_ACCEPT,
    SEC_WEBSOCKET_KEY, TRANSFER_ENCODING, UPGRADE,
};
use http::{Method, Request, Response, StatusCode, Uri, Version};
use hyper::ext::Protocol;

use super::super::body::ToClient;
use super::super::reply;

/// What a request asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// An answer.
    Answer,
    /// A WebSocket on its stream (RFC 8441).
    WebSocket,
}

/// The request as HTTP/1.1 would bring it.
///
/// # Errors
///
/// The status of the refusal: 431 with more fields than are `allowed`, 501 for a protocol that is not spoken here, 400 for
/// fields that are malformed (RFC 9113 8.2.1).
pub fn translated<B>(mut request: Request<B>, allowed: u32) -> Result<(Request<B>, Asked), StatusCode> {
    if request.headers().values().any(has_space_around) {
        return Err(StatusCode::BAD_REQUEST);
    }
    join_cookies(request.headers_mut())?;
    if request.headers().len() > usize::try_from(allowed).unwrap_or(usize::MAX) {
        return Err(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE);
    }
    if !request.headers().contains_key(HOST)
        && let Some(host) = host_of(request.uri())
    {
        request.headers_mut().insert(HOST, host);
    }
    let protocol = request.extensions_mut().remove::<Protocol>();
    match protocol.as_ref().map(Protocol::as_str) {
        None => Ok((request, Asked::Answer)),
        Some("websocket") if request.method() == Method::CONNECT => {
            as_upgrade(&mut request)?;
            Ok((request, Asked::WebSocket))
        }
        Some(_) => Err(StatusCode::NOT_IMPLEMENTED),
    }
}

/// The answer as HTTP/2 says it.
pub fn translated_back(mut response: Response<ToClient>, asked: Asked) -> Response<ToClient> {
    if asked == Asked::Answer {
        return response;
    }
    if response.status() == StatusCode::SWITCHING_PROTOCOLS {
        *response.status_mut() = StatusCode::OK;
        for name in [CONNECTION, UPGRADE, SEC_WEBSOCKET_ACCEPT, CONTENT_LENGTH, TRANSFER_ENCODING] {
            response.headers_mut().remove(name);
        }
        return response;
    }
    // To a client any success says that its WebSocket is open; nobody has agreed to one.
    if response.status().is_success() { reply::empty(StatusCode::BAD_GATEWAY) } else { response }
}

/// One field of all its pieces (RFC 9113 8.2.3).
fn join_cookies(headers: &mut HeaderMap) -> Result<(), StatusCode> {
    let mut pieces = headers.get_all(COOKIE).iter();
    let (Some(first), Some(second)) = (pieces.next(), pieces.next()) else { return Ok(()) };
    let mut joined = BytesMut::from(first.as_bytes());
    for piece in std::iter::once(second).chain(pieces).filter(|piece| !piece.is_empty()) {
        joined.extend_from_slice(b"; ");
        joined.extend_from_slice(piece.as_bytes());
    }
    // It is made of values: no byte in it is new.
    let joined = HeaderValue::from_maybe_shared(joined.freeze()).map_err(|_| StatusCode::BAD_REQUEST)?;
    headers.insert(COOKIE, joined);
    Ok(())
}

fn has_space_around(value: &HeaderValue) -> bool {
    let is_space = |byte: Option<&u8>| matches!(byte, Some(b' ' | b'\t'));
    let bytes = value.as_bytes();
    is_space(bytes.first()) || is_space(bytes.last())
}

/// The site that is named, unless a user is, too (RFC 9113 8.3.1): then none is.
fn host_of(uri: &Uri) -> Option<HeaderValue> {
    let authority = uri.authority()?.as_str();
    if authority.contains('@') {
        return None;
    }
    HeaderValue::from_str(authority).ok()
}

/// The opening of a WebSocket as a server expects it (RFC 6455 4.1); its key is the router's own.
fn as_upgrade<B>(request: &mut Request<B>) -> Result<(), StatusCode> {
    let mut key = [0; 16];
    getrandom::fill(&mut key).map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
    let key =
        HeaderValue::from_str(&BASE64_STANDARD.encode(key)).map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
    *request.method_mut() = Method::GET;
    *request.version_mut() = Version::HTTP_11;
    let headers = request.headers_mut();
    headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(SEC_WEBSOCKET_KEY, key);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(fields: &[(&str, &str)]) -> Request<()> {
        let mut request =
            Request::builder().version(Version::HTTP_2).uri("https://site.example:8443/user/ada/x?y");
        for (name, value) in fields {
            request = request.header(*name, *value);
        }
        request.body(()).unwrap()
    }

    fn websocket(protocol: &'static str) -> Request<()> {
        let mut request = request(&[("sec-websocket-key", "theirs")]);
        *request.method_mut() = Method::CONNECT;
        request.extensions_mut().insert(Protocol::from_static(protocol));
        request
    }

    #[test]
    fn the_authority_becomes_the_host_unless_there_is_one_or_it_names_a_user() {
        let host = |request| translated(request, 100).unwrap().0.headers().get(HOST).cloned();
        assert_eq!(host(request(&[])).unwrap(), "site.example:8443");
        assert_eq!(host(request(&[("host", "other")])).unwrap(), "other", "which is judged elsewhere");
        let mut with_user = request(&[]);
        *with_user.uri_mut() = "https://me@site.example/".parse().unwrap();
        assert_eq!(host(with_user), None);
    }

    #[test]
    fn pieces_of_a_cookie_are_one_field_in_their_order() {
        let (whole, _) = translated(
            request(&[("cookie", "a=1"), ("x", "y"), ("cookie", "b=2; c=3"), ("cookie", "")]),
            100,
        )
        .unwrap();
        let values: Vec<_> = whole.headers().get_all(COOKIE).iter().collect();
        assert_eq!(values, ["a=1; b=2; c=3"]);
    }

    #[test]
    fn fields_are_counted_after_cookies_are_whole_again() {
        let crumbs = [("cookie", "a=1"); 30];
        assert!(translated(request(&crumbs), 1).is_ok());
        let refused = translated(request(&[("a", "1"), ("b", "2")]), 1);
        assert_eq!(refused.unwrap_err(), StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE);
    }

    #[test]
    fn a_value_with_space_around_it_is_malformed() {
        for value in [" a", "a ", "\ta", "a\t", " "] {
            assert_eq!(
                translated(request(&[("x", value)]), 100).unwrap_err(),
                StatusCode::BAD_REQUEST,
                "{value:?}"
            );
        }
        assert!(translated(request(&[("x", ""), ("y", "a b")]), 100).is_ok());
    }

    #[test]
    fn an_extended_connect_is_the_opening_of_a_websocket_with_a_key_of_its_own() {
        let (opening, asked) = translated(websocket("websocket"), 100).unwrap();
        assert_eq!(
            (opening.method(), opening.version(), asked),
            (&Method::GET, Version::HTTP_11, Asked::WebSocket)
        );
        assert_eq!(opening.headers()[UPGRADE], "websocket");
        let key = BASE64_STANDARD.decode(&opening.headers()[SEC_WEBSOCKET_KEY]).unwrap();
        assert_eq!(key.len(), 16);
        assert_eq!(translated(websocket("connect-udp"), 100).unwrap_err(), StatusCode::NOT_IMPLEMENTED);
    }

    #[test]
    fn only_an_agreement_opens_a_websocket() {
        let answer = |status: u16| {
            let mut response = Response::new(ToClient::Own(None));
            *response.status_mut() = StatusCode::from_u16(status).unwrap();
            response.headers_mut().insert(SEC_WEBSOCKET_ACCEPT, HeaderValue::from_static("x"));
            translated_back(response, Asked::WebSocket)
        };
        assert_eq!(answer(101).status(), 200);
        assert!(answer(101).headers().is_empty());
        for (given, said) in [(200, 502), (204, 502), (403, 403), (302, 302), (503, 503)] {
            assert_eq!(answer(given).status(), said, "{given}");
        }
    }
}
