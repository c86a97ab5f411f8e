//! A browser as far as HTTP is concerned: cookies with paths, redirects, and the fields browsers send.

use std::net::SocketAddr;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, COOKIE, HOST, LOCATION, SET_COOKIE};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper_util::rt::TokioIo;

/// As real browsers give up after some redirects; the site promises at most six.
const MAX_REDIRECTS: usize = 6;

/// One person's browser.
pub struct Browser {
    address: SocketAddr,
    host: String,
    jar: Vec<Cookie>,
}

#[derive(Clone, Debug)]
pub struct Cookie {
    pub name: String,
    pub value: String,
    pub path: String,
}

/// One request, before the browser adds its own fields.
pub struct Request {
    method: Method,
    target: String,
    fields: HeaderMap,
    body: Bytes,
}

/// An answer, read to its end.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub fields: HeaderMap,
    pub body: String,
    /// The targets of all requests that led here, the first one first.
    pub way: Vec<String>,
}

impl Request {
    pub fn get(target: impl Into<String>) -> Self {
        Self { method: Method::GET, target: target.into(), fields: HeaderMap::new(), body: Bytes::new() }
    }

    pub fn new(method: Method, target: impl Into<String>) -> Self {
        Self { method, ..Self::get(target) }
    }

    /// A form as browsers post it.
    pub fn form(target: impl Into<String>, fields: &[(&str, &str)]) -> Self {
        let body: Vec<String> =
            fields.iter().map(|(name, value)| format!("{name}={}", escape(value))).collect();
        let mut request = Self::new(Method::POST, target);
        request.body = body.join("&").into();
        request.with(CONTENT_TYPE.as_str(), "application/x-www-form-urlencoded")
    }

    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.fields.append(
            HeaderName::from_bytes(name.as_bytes()).unwrap(),
            HeaderValue::from_bytes(value.as_bytes()).unwrap(),
        );
        self
    }

    pub fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self
    }
}

/// Percent-encodes everything but letters and digits.
pub fn escape(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte.is_ascii_alphanumeric() {
            true => char::from(byte).to_string(),
            false => format!("%{byte:02X}"),
        })
        .collect()
}

impl Answer {
    /// A field's first value.
    pub fn field(&self, name: &str) -> Option<&str> {
        self.fields.get(name).map(|value| value.to_str().unwrap())
    }

    /// All `Set-Cookie` lines.
    pub fn set_cookies(&self) -> Vec<&str> {
        self.fields.get_all(SET_COOKIE).iter().map(|line| line.to_str().unwrap()).collect()
    }

    /// The JSON in the body.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("no JSON ({error}): {}", self.body))
    }

    /// The value of the hidden `_xsrf` field of a form.
    pub fn form_token(&self) -> String {
        let at = self.body.find("name=\"_xsrf\"").unwrap_or_else(|| panic!("no token in: {}", self.body));
        let rest = &self.body[at..];
        let start = rest.find("value=\"").unwrap() + 7;
        rest[start..].split('"').next().unwrap().to_owned()
    }
}

impl Browser {
    /// A browser without cookies that resolves the site's name to `address`.
    pub fn new(address: SocketAddr) -> Self {
        Self { address, host: address.to_string(), jar: Vec::new() }
    }

    /// Everything in the cookie jar.
    pub fn cookies(&self) -> &[Cookie] {
        &self.jar
    }

    /// The value of a cookie.
    pub fn cookie(&self, name: &str) -> Option<&str> {
        self.jar.iter().find(|cookie| cookie.name == name).map(|cookie| cookie.value.as_str())
    }

    /// Puts a cookie into the jar, as a script or a sibling host could.
    pub fn plant(&mut self, name: &str, value: &str, path: &str) {
        self.jar.retain(|cookie| !(cookie.name == name && cookie.path == path));
        self.jar.push(Cookie { name: name.into(), value: value.into(), path: path.into() });
    }

    /// Forgets a cookie.
    pub fn forget(&mut self, name: &str) {
        self.jar.retain(|cookie| cookie.name != name);
    }

    /// Opens an address as a click does, and follows redirects.
    pub async fn open(&mut self, target: &str) -> Answer {
        self.follow(Request::get(target)).await
    }

    /// Sends a request as a navigation and follows redirects.
    pub async fn follow(&mut self, request: Request) -> Answer {
        let mut way = vec![request.target.clone()];
        let mut answer = self.send(navigation(request, &self.host)).await;
        while answer.status.is_redirection() {
            let location = answer.field(LOCATION.as_str()).unwrap().to_owned();
            let Some(target) = self.own_path(&location) else { break };
            assert!(way.len() <= MAX_REDIRECTS, "more than {MAX_REDIRECTS} redirects: {way:?} then {target}");
            way.push(target.clone());
            answer = self.send(navigation(Request::get(target), &self.host)).await;
        }
        answer.way = way;
        answer
    }

    /// Sends a request as a navigation, and stays where it leads.
    pub async fn step(&mut self, request: Request) -> Answer {
        self.send(navigation(request, &self.host)).await
    }

    fn own_path(&self, location: &str) -> Option<String> {
        if location.starts_with('/') {
            return Some(location.to_owned());
        }
        let own = format!("http://{}", self.host);
        location.strip_prefix(&own).map(ToOwned::to_owned)
    }

    /// Sends one request and keeps the cookies of its answer.
    pub async fn send(&mut self, request: Request) -> Answer {
        let path = request.target.split('?').next().unwrap().to_owned();
        let response = self.exchange(request).await;
        let (parts, body) = response.into_parts();
        for line in parts.headers.get_all(SET_COOKIE) {
            self.keep(line.to_str().unwrap(), &path);
        }
        let body = body.collect().await.expect("a whole body").to_bytes();
        Answer {
            status: parts.status,
            fields: parts.headers,
            body: String::from_utf8_lossy(&body).into_owned(),
            way: vec![path],
        }
    }

    /// Sends one request and leaves the body to the caller.
    pub async fn exchange(&mut self, request: Request) -> http::Response<hyper::body::Incoming> {
        let stream = tokio::net::TcpStream::connect(self.address).await.expect("the router listens");
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        sender.send_request(self.build(request)).await.expect("an answer")
    }

    fn build(&self, request: Request) -> http::Request<Full<Bytes>> {
        let path = request.target.split('?').next().unwrap();
        let cookie = self.cookie_field(path);
        let mut built = http::Request::new(Full::new(request.body));
        *built.method_mut() = request.method;
        *built.uri_mut() = request.target.parse().expect("a target");
        *built.headers_mut() = request.fields;
        let fields = built.headers_mut();
        fields.entry(HOST).or_insert(HeaderValue::from_str(&self.host).unwrap());
        fields.entry("user-agent").or_insert(HeaderValue::from_static("test-browser"));
        if !cookie.is_empty() && !fields.contains_key(COOKIE) {
            fields.insert(COOKIE, HeaderValue::from_str(&cookie).unwrap());
        }
        built
    }

    /// The cookies for a path, longer paths first (RFC 6265 5.4).
    pub fn cookie_field(&self, path: &str) -> String {
        let mut fitting: Vec<&Cookie> = self.jar.iter().filter(|cookie| covers(&cookie.path, path)).collect();
        fitting.sort_by_key(|cookie| std::cmp::Reverse(cookie.path.len()));
        let pairs: Vec<String> =
            fitting.iter().map(|cookie| format!("{}={}", cookie.name, cookie.value)).collect();
        pairs.join("; ")
    }

    fn keep(&mut self, line: &str, asked: &str) {
        let mut parts = line.split(';');
        let Some((name, value)) = parts.next().and_then(|pair| pair.split_once('=')) else { return };
        let (mut path, mut ends) = (directory(asked), value.is_empty() || value == "\"\"");
        for attribute in parts {
            let (key, value) = attribute.split_once('=').unwrap_or((attribute, ""));
            match key.trim().to_ascii_lowercase().as_str() {
                "path" if value.starts_with('/') => path = value.trim().to_owned(),
                "max-age" if value.trim() == "0" => ends = true,
                _ => {}
            }
        }
        self.jar.retain(|cookie| !(cookie.name == name.trim() && cookie.path == path));
        if !ends {
            self.jar.push(Cookie { name: name.trim().into(), value: value.trim().into(), path });
        }
    }
}

fn navigation(request: Request, host: &str) -> Request {
    let mut request = request;
    let mut set = |name: &'static str, value: &str| {
        request.fields.entry(name).or_insert(HeaderValue::from_str(value).unwrap());
    };
    set("accept", "text/html,application/xhtml+xml,*/*;q=0.8");
    set("sec-fetch-mode", "navigate");
    set("sec-fetch-site", "same-origin");
    if request.method == Method::POST {
        request.fields.entry("origin").or_insert(HeaderValue::from_str(&format!("http://{host}")).unwrap());
    }
    request
}

fn covers(cookie: &str, path: &str) -> bool {
    path == cookie
        || path.strip_prefix(cookie).is_some_and(|rest| cookie.ends_with('/') || rest.starts_with('/'))
}

fn directory(path: &str) -> String {
    match path.rfind('/') {
        Some(0) | None => "/".into(),
        Some(at) => path[..at].into(),
    }
}
