//! One request from its first byte to its answer: read, decide, act, log.
//!
//! The story in order: the address is classified, facts are gathered, the core decides, and one of the modules beside
//! this one acts. Whatever happens, there is an answer.

use std::borrow::Cow;
use std::net::IpAddr;
use std::time::Instant;

use http::header::{AUTHORIZATION, COOKIE, HOST, MAX_FORWARDS, STRICT_TRANSPORT_SECURITY};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response};
use hubrouter_config::{Config, HubId, PublicUrl, Scheme};
use hubrouter_hub_adapter::address::{Act, Place, Row, classify, logged_path};
use hubrouter_hub_adapter::client::Browser;
use hubrouter_hub_adapter::cookies::Cookies;
use hubrouter_hub_adapter::login::same_origin;
use hyper::body::Incoming;
use tracing::info;

use super::body::ToClient;
use super::connection::Connection;
use super::peer::Client;
use super::redirect::Redirect;
use super::reply::{self, refuse};
use super::worker::Worker;
use super::{act, headers};
use crate::control::live::Live;
use crate::core::snapshot::{HubIndex, Snapshot};
use crate::core::why::Why;
use crate::pages::{Page, Wants, wants};

/// What may be asked of this site.
const METHODS: &str = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS";
/// With `1`, the answer says what decided the hub.
const X_HUBROUTER_DEBUG: HeaderName = HeaderName::from_static("x-hubrouter-debug");
/// The word of [`Why`], and the hub: `owner; hub=hub-a`.
const X_HUBROUTER_WHY: HeaderName = HeaderName::from_static("x-hubrouter-why");

/// What is fixed for the whole of one request.
pub struct Exchange<'a> {
    /// The connection it came on.
    pub connection: &'a Connection,
    /// The picture it is served from.
    pub live: &'a Live,
    /// Its method, address and fields as they came, but for the cookies.
    pub parts: Parts,
    /// Its cookies.
    pub cookies: Cookies<'a>,
    /// What its address means.
    pub place: Place,
    /// Who sent it.
    pub client: Client,
    /// Who reads the answer.
    pub wants: Wants,
}

impl Exchange<'_> {
    /// The picture that decides.
    pub fn snapshot(&self) -> &Snapshot {
        &self.live.snapshot
    }

    /// The thread.
    pub fn worker(&self) -> &Worker {
        &self.connection.worker
    }

    /// The id of a hub.
    pub fn id(&self, hub: HubIndex) -> &HubId {
        self.snapshot().id(hub)
    }

    /// Whether a person looks at the answer.
    pub fn is_navigation(&self) -> bool {
        self.wants == Wants::Html
    }

    /// A field of the request as text.
    pub fn field(&self, name: impl http::header::AsHeaderName) -> Option<&str> {
        self.parts.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The `Host` of the request.
    pub fn host(&self) -> Option<&str> {
        self.field(HOST)
    }

    /// Whether a page of this very site sent the request, by its `fields`.
    pub fn is_same_origin(&self, fields: &HeaderMap) -> bool {
        let site = self.snapshot().config.site.public_url.as_ref().map(PublicUrl::origin);
        let host = fields.get(HOST).and_then(|value| value.to_str().ok());
        same_origin(fields, site, self.client.scheme.as_str(), host)
    }

    /// What hubs get to see of this browser when the router asks on its behalf.
    pub fn browser(&self) -> Browser {
        Browser {
            host: self.parts.headers.get(HOST).cloned().unwrap_or_else(|| HeaderValue::from_static("")),
            client_ip: self.client.address,
            user_agent: self.parts.headers.get(http::header::USER_AGENT).cloned(),
            scheme: self.client.scheme,
        }
    }

    /// API tokens that may name the hub, as a hub takes them: the one that the address asks about, then that of the client.
    pub fn tokens(&self) -> impl Iterator<Item = HeaderValue> {
        let asked_about = self.place.token.as_ref().map(|token| format!("token {}", token.expose()));
        let own = self.parts.headers.get(AUTHORIZATION).filter(|_| self.place.row.takes_token());
        let own = own.filter(|value| is_hub_token(value.as_bytes())).cloned();
        asked_about.and_then(|text| HeaderValue::from_str(&text).ok()).into_iter().chain(own)
    }

    /// The path of the request, without what may not be logged.
    pub fn logged_path(&self) -> Cow<'_, str> {
        logged_path(Some(self.place.row), self.parts.uri.path())
    }
}

/// `token x` or `bearer x`, in any case (`jupyterhub/handlers/base.py`, `auth_header_pat`).
fn is_hub_token(value: &[u8]) -> bool {
    let scheme = value.split(u8::is_ascii_whitespace).next().unwrap_or_default();
    scheme.eq_ignore_ascii_case(b"token") || scheme.eq_ignore_ascii_case(b"bearer")
}

/// What the log says of a request when it is over.
#[derive(Debug, Default)]
pub struct Trace {
    /// Who sent it, and the row of its address: unknown where its head was refused.
    pub read: Option<(IpAddr, &'static Row)>,
    /// The hub it went to.
    pub hub: Option<HubId>,
    /// What decided so.
    pub why: Option<Why>,
}

impl Trace {
    /// Says in the answer what decided, to who asks for it. Cookies and pages name hubs, too: it is no secret.
    fn explain(&self, fields: &mut HeaderMap) {
        let said = self.why.zip(self.hub.as_ref()).map(|(why, hub)| format!("{why}; hub={hub}"));
        if let Some(said) = said.and_then(|said| HeaderValue::from_str(&said).ok()) {
            fields.insert(X_HUBROUTER_WHY, said);
        }
    }
}

/// Answers a request, whatever it is.
pub async fn answer(connection: &Connection, request: Request<Incoming>) -> Response<ToClient> {
    connection.worker.shared.counts.request();
    let live = connection.worker.live();
    let config = &live.snapshot.config;
    let started = config.telemetry.access_log.then(Instant::now);
    let (mut parts, body) = request.into_parts();
    // Only what the log needs is kept, and never a query: tokens travel there.
    let seen =
        started.map(|at| (at, parts.method.clone(), parts.uri.clone(), parts.headers.get(HOST).cloned()));
    let explained = parts.headers.get(X_HUBROUTER_DEBUG).is_some_and(|value| value == "1");
    let mut trace = Trace::default();
    let raw_cookies = headers::take_all(&mut parts.headers, COOKIE);
    let mut scheme = config.site.public_url.as_ref().map_or(connection.peer.scheme, PublicUrl::scheme);
    let redirect = connection.redirect(&parts.headers);
    let mut response = match read(connection, redirect, &live, parts, &raw_cookies) {
        Ok(exchange) => {
            trace.read = Some((exchange.client.address, exchange.place.row));
            scheme = exchange.client.scheme;
            Box::pin(act::act(exchange, body, &mut trace)).await
        }
        Err(response) => response,
    };
    // Never in clear (RFC 6797 7.2): a redirect to https is.
    if let Some(hsts) = live.hsts().filter(|_| scheme == Scheme::Https && redirect.is_none()) {
        response.headers_mut().insert(STRICT_TRANSPORT_SECURITY, hsts.clone());
    }
    if explained {
        trace.explain(response.headers_mut());
    }
    if let Some((at, method, uri, host)) = seen {
        let peer = connection.peer.address.ip().to_canonical();
        let client = trace.read.map_or(peer, |(client, _)| client);
        info!(
            target: "access",
            { client.address = %client,
            network.peer.address = (client != peer).then(|| display(peer)),
            http.request.method = %method,
            server.address = host.as_ref().and_then(|host| host.to_str().ok()).unwrap_or_default(),
            url.path = &*logged_path(trace.read.map(|(_, row)| row), uri.path()),
            http.response.status_code = response.status().as_u16(),
            hub.id = trace.hub.as_ref().map_or("-", AsRef::as_ref),
            hubrouter.why = trace.why.map_or("-", Why::label),
            duration_us = u64::try_from(at.elapsed().as_micros()).unwrap_or(u64::MAX) },
            "request"
        );
    }
    response
}

/// Reads the head: what cannot be served is refused before anything else looks at it.
fn read<'a>(
    connection: &'a Connection,
    redirect: Option<&Redirect>,
    live: &'a Live,
    mut parts: Parts,
    cookies: &'a [HeaderValue],
) -> Result<Exchange<'a>, Response<ToClient>> {
    let config = &live.snapshot.config;
    let client = connection.peer.client(&parts.headers, config);
    let wants = wants(&parts.method, parts.uri.path(), &parts.headers);
    let refused = |page: Page| refuse(&page, wants, config);
    address_fits(&parts, config).map_err(refused)?;
    one_target(&mut parts).map_err(refused)?;
    if connection.worker.shared.via.signed(&parts.headers) {
        return Err(refused(Page::Loop));
    }
    if is_last_hop(&mut parts.headers, &parts.method).map_err(refused)? {
        return Err(reply::allowing(METHODS));
    }
    if let Some(redirect) = redirect {
        return Err(redirect.answer(&parts).unwrap_or_else(refused));
    }
    let place = classify(&live.snapshot.site, &parts.method, parts.uri.path(), parts.uri.query())
        .map_err(|bad| refused(Page::BadAddress(bad.to_string())))?;
    // Where too many cookies are cleared, they come along.
    if place.row.act != Act::ClearCookies {
        head_fits(&parts, cookies, config).map_err(refused)?;
    }
    let cookies = Cookies::read(&live.snapshot.jars, cookies.iter().map(HeaderValue::as_bytes));
    Ok(Exchange { connection, live, parts, cookies, place, client, wants })
}

fn address_bytes(parts: &Parts) -> usize {
    parts.uri.path_and_query().map_or(0, |target| target.as_str().len())
}

fn address_fits(parts: &Parts, config: &Config) -> Result<(), Page> {
    let limit = config.limits.uri_bytes;
    if address_bytes(parts) as u64 > limit { Err(Page::AddressTooLong { limit }) } else { Ok(()) }
}

fn head_fits(parts: &Parts, cookies: &[HeaderValue], config: &Config) -> Result<(), Page> {
    let limit = config.limits.request_head_bytes;
    let cookies: usize = cookies.iter().map(|value| COOKIE.as_str().len() + value.len() + 4).sum();
    let head = address_bytes(parts) + headers::size(&parts.headers) + cookies;
    if head as u64 > limit { Err(Page::CookiesTooLarge { limit }) } else { Ok(()) }
}

/// Exactly one host, and a path on it (RFC 9112 3.2); methods that name something else are not served.
fn one_target(parts: &mut Parts) -> Result<(), Page> {
    if parts.method == Method::CONNECT || parts.method == Method::TRACE {
        return Err(Page::MethodNotAllowed { allow: METHODS });
    }
    headers::one_host(&parts.headers).map_err(|bad| Page::BadRequest(bad.to_string()))?;
    if let Some(authority) = parts.uri.authority().cloned() {
        let host = parts.headers.get(HOST).map(HeaderValue::as_bytes);
        if !host.is_some_and(|host| host.eq_ignore_ascii_case(authority.as_str().as_bytes())) {
            return Err(Page::BadRequest("the address and the Host field name different sites".into()));
        }
        parts.uri = path_only(&parts.uri)?;
    }
    if !parts.uri.path().starts_with('/') {
        return Err(Page::BadRequest("the address is not a path".into()));
    }
    Ok(())
}

/// Whether `OPTIONS` asks this very router, and not who stands behind it; one more router is behind it (RFC 9110 7.6.2).
fn is_last_hop(fields: &mut HeaderMap, method: &Method) -> Result<bool, Page> {
    if *method != Method::OPTIONS || !fields.contains_key(MAX_FORWARDS) {
        return Ok(false);
    }
    let said = headers::take_all(fields, MAX_FORWARDS);
    let number = match &said[..] {
        [one] if one.as_bytes().iter().all(u8::is_ascii_digit) => {
            one.to_str().ok().and_then(|text| text.parse().ok())
        }
        _ => None,
    };
    let number: u64 = number.ok_or_else(|| Page::BadRequest("Max-Forwards has to be one number".into()))?;
    if number > 0 {
        fields.insert(MAX_FORWARDS, HeaderValue::from(number - 1));
    }
    Ok(number == 0)
}

fn path_only(uri: &http::Uri) -> Result<http::Uri, Page> {
    let target = uri.path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
    target.parse().map_err(|_| Page::BadRequest("the address is not a path".into()))
}
