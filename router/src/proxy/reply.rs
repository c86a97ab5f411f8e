//! Answers of the router's own: pages, redirects, and the cookies that go with them.

use std::time::SystemTime;

use http::header::{ALLOW, CACHE_CONTROL, LOCATION, SET_COOKIE};
use http::{HeaderValue, Response, StatusCode};
use hubrouter_config::{Config, HubId};

use super::body::ToClient;
use super::exchange::Exchange;
use super::{gather, set_cookie};
use crate::pages::{self, Chrome, Page, Wants};

/// A page for a request of which nothing but its head is known.
#[must_use]
pub fn refuse(page: &Page, wants: Wants, config: &Config) -> Response<ToClient> {
    let chrome = Chrome { base_url: config.site.base_url.clone(), chosen_hub: None, request_id: None };
    pages::answer(page, wants, &chrome).map(ToClient::from)
}

/// A page for a request that was read. It names the hub that this very request has `chosen`, else the one that the browser
/// chose before: a choice is never forgotten.
#[must_use]
pub fn page(exchange: &Exchange<'_>, page: &Page, chosen: Option<&HubId>) -> Response<ToClient> {
    let before = || gather::chosen_by_browser(exchange, SystemTime::now());
    let chosen = chosen.cloned().or_else(|| before().map(|hub| exchange.id(hub).clone()));
    with_choice(exchange, page, chosen)
}

/// A page that goes with the end of the choice.
#[must_use]
pub fn page_without_choice(exchange: &Exchange<'_>, page: &Page) -> Response<ToClient> {
    with_choice(exchange, page, None)
}

fn with_choice(exchange: &Exchange<'_>, page: &Page, chosen_hub: Option<HubId>) -> Response<ToClient> {
    let base_url = exchange.snapshot().config.site.base_url.clone();
    let chrome = Chrome { base_url, chosen_hub, request_id: None };
    pages::answer(page, exchange.wants, &chrome).map(ToClient::from)
}

/// A redirect to an address of this site (path only).
#[must_use]
pub fn redirect(path: &str) -> Response<ToClient> {
    let mut response = Response::new(ToClient::Own(None));
    *response.status_mut() = StatusCode::FOUND;
    let location = HeaderValue::from_str(path).unwrap_or_else(|_| HeaderValue::from_static("/"));
    response.headers_mut().insert(LOCATION, location);
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// An empty answer with a status.
#[must_use]
pub fn empty(status: StatusCode) -> Response<ToClient> {
    let mut response = Response::new(ToClient::Own(None));
    *response.status_mut() = status;
    response
}

/// What may be asked, and nothing else.
#[must_use]
pub fn allowing(methods: &'static str) -> Response<ToClient> {
    let mut response = empty(StatusCode::NO_CONTENT);
    response.headers_mut().insert(ALLOW, HeaderValue::from_static(methods));
    response
}

/// Adds `Set-Cookie` lines to an answer.
pub fn set_cookies(response: &mut Response<ToClient>, lines: impl IntoIterator<Item = HeaderValue>) {
    for line in lines {
        response.headers_mut().append(SET_COOKIE, line);
    }
}

/// Adds `Set-Cookie` lines before those that the answer has: of two for one cookie the later counts.
pub fn set_cookies_first(response: &mut Response<ToClient>, lines: Vec<HeaderValue>) {
    if lines.is_empty() {
        return;
    }
    let later = set_cookie::take(response.headers_mut());
    set_cookies(response, lines);
    set_cookies(response, later);
}
