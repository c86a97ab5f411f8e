//! Requests as a hub reads them, and answers as it writes them.
//!
//! Reads headers, cookies, queries and forms; builds bodies and `Set-Cookie` lines. Decides nothing.

use std::fmt::Write as _;
use std::io;
use std::net::IpAddr;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, COOKIE, HOST, HeaderMap, HeaderName, HeaderValue, LOCATION, SET_COOKIE};
use http::{Method, Request, Response, StatusCode};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::Incoming;
use serde_json::Value;

use super::text::{cookie_date, form_pairs, multipart_pairs};

/// The body of every answer.
pub(crate) type Body = UnsyncBoxBody<Bytes, io::Error>;
/// An answer.
pub(crate) type Answer = Response<Body>;

/// The largest body that is read into memory.
const BODY_LIMIT: usize = 64 * 1024 * 1024;

/// One request, as it arrived.
pub(crate) struct Ask {
    /// Its method.
    pub(crate) method: Method,
    /// Path and query as they arrived.
    pub(crate) target: String,
    /// The path as it arrived, not decoded.
    pub(crate) path: String,
    /// The query without `?`.
    pub(crate) query: Option<String>,
    /// Its headers.
    pub(crate) headers: HeaderMap,
    /// Who opened the connection.
    pub(crate) peer: IpAddr,
    /// Whether the hub's proxy was asked, not the hub itself.
    pub(crate) by_proxy: bool,
    /// The request itself, for its body and for upgrades.
    pub(crate) request: Request<Incoming>,
}

impl Ask {
    pub(crate) fn new(request: Request<Incoming>, peer: IpAddr, by_proxy: bool) -> Ask {
        let uri = request.uri();
        Ask {
            method: request.method().clone(),
            target: uri.path_and_query().map_or_else(|| "/".to_owned(), ToString::to_string),
            path: uri.path().to_owned(),
            query: uri.query().map(str::to_owned),
            headers: request.headers().clone(),
            peer,
            by_proxy,
            request,
        }
    }

    /// A header's first value, if it is text.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| std::str::from_utf8(value.as_bytes()).ok())
    }

    /// The `Host`.
    pub(crate) fn host(&self) -> &str {
        self.header(HOST.as_str()).unwrap_or_default()
    }

    /// All cookies in the order of the header, quotes removed.
    pub(crate) fn cookies(&self) -> Vec<(String, String)> {
        let lines =
            self.headers.get_all(COOKIE).iter().filter_map(|line| std::str::from_utf8(line.as_bytes()).ok());
        lines
            .flat_map(|line| line.split(';'))
            .filter_map(|pair| pair.split_once('='))
            .map(|(name, value)| (name.trim().to_owned(), value.trim().trim_matches('"').to_owned()))
            .collect()
    }

    /// A cookie; of several the last, as Tornado reads them.
    pub(crate) fn cookie(&self, name: &str) -> Option<String> {
        self.cookies().into_iter().rev().find(|(found, _)| found == name).map(|(_, value)| value)
    }

    /// The query's pairs.
    pub(crate) fn query_pairs(&self) -> Vec<(String, String)> {
        form_pairs(self.query.as_deref().unwrap_or_default())
    }

    /// A query parameter, decoded; of several the last, as Tornado reads them.
    pub(crate) fn argument(&self, name: &str) -> Option<String> {
        self.query_pairs().into_iter().rev().find(|(found, _)| found == name).map(|(_, value)| value)
    }

    /// `http` or `https`, as Tornado decides: the last element of `X-Scheme`, else of `X-Forwarded-Proto`,
    /// to which a proxy in between has added what it saw.
    pub(crate) fn scheme(&self) -> &'static str {
        let scheme = match (self.header("x-scheme"), self.header("x-forwarded-proto")) {
            (Some(scheme), _) => scheme,
            (None, _) if self.by_proxy => "http",
            (None, Some(scheme)) => scheme,
            (None, None) => "http",
        };
        if scheme.rsplit(',').next().map(str::trim) == Some("https") { "https" } else { "http" }
    }

    /// The client's address as the hub sees it: `X-Real-IP`, else the last of `X-Forwarded-For`, to which a
    /// proxy in between has added its own peer.
    pub(crate) fn remote_ip(&self) -> String {
        let valid = |text: &str| text.trim().parse::<IpAddr>().ok().map(|ip| ip.to_string());
        let forwarded = match self.header("x-forwarded-for") {
            Some(list) if !self.by_proxy => list.rsplit(',').next().and_then(valid),
            _ => None,
        };
        let real = self.header("x-real-ip").and_then(valid);
        real.or(forwarded).unwrap_or_else(|| self.peer.to_string())
    }

    /// Whether a browser navigates here, or an old client that does not say.
    pub(crate) fn is_navigation(&self) -> bool {
        self.header("sec-fetch-mode").is_none_or(|mode| mode == "navigate")
    }

    /// Whether the method only reads.
    pub(crate) fn only_reads(&self) -> bool {
        matches!(self.method, Method::GET | Method::HEAD | Method::OPTIONS)
    }

    /// Reads the whole body (64 MiB at most).
    pub(crate) async fn read(&mut self) -> io::Result<Bytes> {
        let body = Limited::new(self.request.body_mut(), BODY_LIMIT);
        match body.collect().await {
            Ok(whole) => Ok(whole.to_bytes()),
            Err(error) if error.is::<LengthLimitError>() => Err(io::ErrorKind::FileTooLarge.into()),
            Err(error) => Err(io::Error::other(error)),
        }
    }

    /// Reads a form: urlencoded or multipart; anything else has no fields.
    pub(crate) fn form(&self, body: &[u8]) -> Vec<(String, String)> {
        let text = String::from_utf8_lossy(body);
        match self.header(CONTENT_TYPE.as_str()) {
            Some(kind) if kind.starts_with("application/x-www-form-urlencoded") => form_pairs(&text),
            Some(kind) if kind.starts_with("multipart/form-data") => multipart_pairs(kind, &text),
            _ => Vec::new(),
        }
    }
}

/// A body in one piece.
pub(crate) fn full(bytes: impl Into<Bytes>) -> Body {
    Full::new(bytes.into()).map_err(|never| match never {}).boxed_unsync()
}

/// An answer without a content type.
pub(crate) fn plain(status: StatusCode, text: impl Into<Bytes>) -> Answer {
    let mut answer = Response::new(full(text));
    *answer.status_mut() = status;
    answer
}

/// An answer of one content type.
pub(crate) fn typed(status: StatusCode, kind: &'static str, text: impl Into<Bytes>) -> Answer {
    let mut answer = plain(status, text);
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    answer
}

/// A page.
pub(crate) fn html(status: StatusCode, text: String) -> Answer {
    typed(status, "text/html", text)
}

/// JSON.
pub(crate) fn json(status: StatusCode, value: &Value) -> Answer {
    typed(status, "application/json", value.to_string())
}

/// A redirect; the location must be ASCII, and what is not is escaped.
pub(crate) fn redirect(status: StatusCode, location: &str) -> Answer {
    let mut answer = html(status, String::new());
    put(&mut answer, LOCATION, &ascii(location));
    answer
}

/// Sets a header to text that fits; what does not fit is left out.
pub(crate) fn put(answer: &mut Answer, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        answer.headers_mut().insert(name, value);
    }
}

/// Escapes what may not stand in a `Location`.
fn ascii(url: &str) -> String {
    let mut out = String::with_capacity(url.len());
    for byte in url.bytes() {
        if (0x21..0x7f).contains(&byte) {
            out.push(char::from(byte));
        } else {
            write!(out, "%{byte:02X}").expect("a String takes everything");
        }
    }
    out
}

/// A `Set-Cookie` line in the making.
#[derive(Clone, Debug)]
pub(crate) struct NewCookie {
    pub(crate) name: String,
    /// `None` deletes.
    pub(crate) value: Option<String>,
    pub(crate) path: String,
    pub(crate) http_only: bool,
    pub(crate) secure: bool,
    pub(crate) max_age: Option<u64>,
    /// How long it is kept; `None`: a session cookie.
    pub(crate) expires: Option<Duration>,
}

impl NewCookie {
    /// A session cookie that scripts may read.
    pub(crate) fn new(name: &str, value: &str, path: &str) -> NewCookie {
        NewCookie {
            name: name.to_owned(),
            value: Some(value.to_owned()),
            path: path.to_owned(),
            http_only: false,
            secure: false,
            max_age: None,
            expires: None,
        }
    }

    /// The end of a cookie.
    pub(crate) fn gone(name: &str, path: &str) -> NewCookie {
        NewCookie { value: None, ..NewCookie::new(name, "", path) }
    }

    /// The line, in the order of Python's cookies: expires, HttpOnly, Max-Age, Path, Secure.
    pub(crate) fn line(&self) -> String {
        let plain = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~:".contains(c);
        let mut line = match &self.value {
            None => format!("{}=\"\"; expires={}", self.name, cookie_date(None)),
            Some(value) if !value.is_empty() && value.chars().all(plain) => format!("{}={value}", self.name),
            Some(value) => format!("{}=\"{value}\"", self.name),
        };
        if let (Some(expires), Some(_)) = (self.expires, &self.value) {
            line += &format!("; expires={}", cookie_date(Some(expires)));
        }
        if self.http_only {
            line += "; HttpOnly";
        }
        if let Some(seconds) = self.max_age {
            line += &format!("; Max-Age={seconds}");
        }
        line += &format!("; Path={}", self.path);
        if self.secure {
            line += "; Secure";
        }
        line
    }

    /// Adds the line to an answer.
    pub(crate) fn add_to(&self, answer: &mut Answer) {
        if let Ok(line) = HeaderValue::from_str(&self.line()) {
            answer.headers_mut().append(SET_COOKIE, line);
        }
    }
}
