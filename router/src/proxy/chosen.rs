//! The router's own addresses: choosing a hub for what names no owner, and clearing this site's cookies.

use std::time::SystemTime;

use http::header::ORIGIN;
use http::{HeaderName, HeaderValue, Method, Response};
use hubrouter_hub_adapter::address::{self, Act};

use super::body::ToClient;
use super::exchange::Exchange;
use super::gather::Known;
use super::{reply, wait};
use crate::core::snapshot::HubIndex;
use crate::identify::signed::{CHOSEN_HUB_FOR, Kind};
use crate::pages::{Choice, ChosenHub, Link, Page};

const READ_OR_POST: &str = "GET, HEAD, POST";
const CLEAR_SITE_DATA: HeaderName = HeaderName::from_static("clear-site-data");

/// Answers an address below `/_hubrouter/`.
#[must_use]
pub fn page(exchange: &Exchange<'_>, known: &Known, now: SystemTime) -> Response<ToClient> {
    if !matches!(exchange.parts.method, Method::GET | Method::HEAD | Method::POST) {
        return reply::page(exchange, &Page::MethodNotAllowed { allow: READ_OR_POST }, None);
    }
    match exchange.place.row.act {
        Act::ChooseHub => choose(exchange, now),
        Act::ClearChoice => clear_choice(exchange, known),
        Act::ClearCookies => clear_cookies(exchange, known),
        _ => reply::page(exchange, &Page::NotFound, None),
    }
}

fn choose(exchange: &Exchange<'_>, now: SystemTime) -> Response<ToClient> {
    let named = exchange.place.chosen.as_deref().and_then(|id| exchange.snapshot().find_named(id));
    let Some(hub) = named else { return reply::page(exchange, &Page::NotFound, None) };
    let id = exchange.id(hub).clone();
    if !is_own_wish(exchange) {
        return reply::page(exchange, &chosen(exchange, hub, Choice::Confirm), None);
    }
    let page = chosen(exchange, hub, Choice::Chosen(CHOSEN_HUB_FOR));
    let mut response = reply::page(exchange, &page, Some(&id));
    reply::set_cookies(&mut response, [exchange.live.own.set_chosen_hub(&id, now)]);
    response
}

/// Another site may send a browser here: then a click decides. Browsers say where a request comes from.
pub fn is_own_wish(exchange: &Exchange<'_>) -> bool {
    let fields = &exchange.parts.headers;
    match exchange.field("sec-fetch-site") {
        Some("none") => true,
        // A link on a plain http site, or no browser: a choice is harmless and shown.
        None if !fields.contains_key(ORIGIN) => true,
        _ => exchange.is_same_origin(fields),
    }
}

fn chosen(exchange: &Exchange<'_>, hub: HubIndex, state: Choice) -> Page {
    let snapshot = exchange.snapshot();
    Page::ChosenHub(ChosenHub {
        hub: exchange.id(hub).clone(),
        state,
        hubs: snapshot.indices().map(|hub| exchange.id(hub).clone()).collect(),
        links: vec![
            Link::new(address::home_url(&snapshot.site), "Home"),
            Link::new(address::admin_page(&snapshot.site), "Admin"),
        ],
    })
}

fn clear_choice(exchange: &Exchange<'_>, known: &Known) -> Response<ToClient> {
    if let Some(hub) = known.chosen.filter(|_| !is_own_wish(exchange)) {
        let page = chosen(exchange, hub, Choice::Chosen(CHOSEN_HUB_FOR));
        return reply::page(exchange, &page, None);
    }
    let hubs = exchange.snapshot().indices().map(|hub| exchange.id(hub).clone()).collect();
    let mut response = reply::page_without_choice(exchange, &Page::HubList { hubs });
    reply::set_cookies(&mut response, [exchange.live.own.expire(Kind::ChosenHub)]);
    response
}

/// A GET asks, a POST from this site clears: sessions end in this browser only.
fn clear_cookies(exchange: &Exchange<'_>, known: &Known) -> Response<ToClient> {
    if exchange.parts.method != Method::POST || !is_own_wish(exchange) {
        return reply::page(exchange, &Page::ClearCookies, None);
    }
    let login = Link::new(wait::login_url(exchange, None), "Log in again");
    let mut response = reply::page_without_choice(exchange, &Page::CookiesCleared { login });
    let mut lines = exchange.cookies.expire_all(known.user());
    lines.extend(exchange.snapshot().jars.expire_all(known.user()));
    lines.extend(exchange.live.own.expire_all());
    reply::set_cookies(&mut response, lines);
    // On an https site this reaches also what the router does not know (Clear Site Data 3.1).
    response.headers_mut().insert(CLEAR_SITE_DATA, HeaderValue::from_static("\"cookies\""));
    response
}
