//! Notebook servers and services: bytes pass as they are, but a server sees no login of a hub and sets none.

use std::rc::Rc;

use http::header::{COOKIE, SET_COOKIE, TRANSFER_ENCODING};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, Version};
use http_body::Body;
use hyper::upgrade::OnUpgrade;
use tracing::debug;

use super::body::{FromHub, ToClient, ToHub};
use super::exchange::Exchange;
use super::forward::{self, Going};
use super::{headers, hub_plane, reply, send, set_cookie, sightings, tunnel, wait};
use crate::core::snapshot::HubIndex;
use crate::pages::{Page, WaitingFor};

const CLEAR_SITE_DATA: HeaderName = HeaderName::from_static("clear-site-data");

/// Sends a request to a server or service behind its hub.
pub async fn forward(mut exchange: Exchange<'_>, going: Going, body: ToHub) -> Response<ToClient> {
    let upgrade = take_upgrade(&mut exchange, &body);
    let mut fields = std::mem::take(&mut exchange.parts.headers);
    let config = &exchange.snapshot().config;
    let (peer, client) = (&exchange.connection.peer, &exchange.client);
    if let Err(bad) = headers::to_hub(&mut fields, peer, client, config, upgrade.is_some()) {
        return reply::page(&exchange, &Page::BadRequest(bad.to_string()), None);
    }
    if let Some(cookie) = exchange.cookies.for_proxy_plane(exchange.id(going.hub)).value {
        fields.insert(COOKIE, cookie);
    }
    let request = outgoing(&exchange, fields, body);
    match upgrade {
        Some(upgrade) => websocket(exchange, going, request, upgrade).await,
        None => plain(exchange, going, request).await,
    }
}

/// The other half of a WebSocket's opening, if this request is one (RFC 6455 4.1).
fn take_upgrade(exchange: &mut Exchange<'_>, body: &ToHub) -> Option<OnUpgrade> {
    let parts = &mut exchange.parts;
    let asks = parts.method == Method::GET
        && parts.version == Version::HTTP_11
        && body.is_empty()
        && headers::asks_websocket(&parts.headers);
    parts.extensions.remove::<OnUpgrade>().filter(|_| asks)
}

/// The request as it goes to the hub: same method, same target to the byte.
#[must_use]
pub fn outgoing(exchange: &Exchange<'_>, mut fields: HeaderMap, body: ToHub) -> Request<ToHub> {
    if body.size_hint().exact().is_none() {
        // hyper sends no body of unknown size with GET and HEAD unless it is told to.
        fields.insert(TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
    }
    exchange.worker().shared.via.sign(&mut fields, exchange.parts.version);
    let mut request = Request::new(body);
    *request.method_mut() = exchange.parts.method.clone();
    *request.uri_mut() = exchange.parts.uri.clone();
    *request.headers_mut() = fields;
    request
}

async fn plain(exchange: Exchange<'_>, going: Going, request: Request<ToHub>) -> Response<ToClient> {
    let hub = &exchange.snapshot().hub(going.hub).hub;
    match send::send(&exchange.worker().pools, hub, request, forward::manner(&exchange, &going)).await {
        // Its default route leads to the hub, and the hub is gone. A browser would offer to download that.
        Ok(answer) if hub_plane::is_proxys_own_error(&answer) => {
            wait::after_fault(&exchange, going.hub, WaitingFor::HubDown, true)
        }
        Ok(mut answer) => {
            sightings::answered(&exchange, going.hub, answer.status(), answer.headers());
            headers::to_client(answer.headers_mut(), false);
            keep_own_cookies_only(&exchange, going.hub, answer.headers_mut());
            answer
        }
        Err(fault) => forward::failed(&exchange, going.hub, &fault),
    }
}

async fn websocket(
    exchange: Exchange<'_>,
    going: Going,
    request: Request<ToHub>,
    client: OnUpgrade,
) -> Response<ToClient> {
    let hub = &exchange.snapshot().hub(going.hub).hub;
    let opened =
        send::open_websocket(&exchange.worker().pools, hub, request, forward::manner(&exchange, &going))
            .await;
    let mut answer = match opened {
        Ok(answer) => answer,
        Err(fault) => return forward::failed(&exchange, going.hub, &fault),
    };
    let switched = answer.status() == StatusCode::SWITCHING_PROTOCOLS;
    if switched {
        sightings::answered(&exchange, going.hub, answer.status(), answer.headers());
        let hub_side = hyper::upgrade::on(&mut answer);
        let idle = exchange.snapshot().config.timeouts.stream_idle;
        let worker = Rc::clone(&exchange.connection.worker);
        let id = exchange.id(going.hub).clone();
        // Begun here and not in the task: the thread must not find itself empty in between.
        let begun = worker.begin();
        tokio::task::spawn_local(async move {
            let _begun = begun;
            let _counted = worker.shared.counts.stream(&id);
            match tokio::try_join!(client, hub_side) {
                Ok((client, hub)) => match tunnel::relay(client, hub, idle, worker.time_is_over()).await {
                    Ok(end) => debug!(hub.id = %id, ?end, "a WebSocket ended"),
                    Err(error) => debug!(hub.id = %id, %error, "a WebSocket broke off"),
                },
                Err(error) => debug!(hub.id = %id, %error, "a WebSocket did not open"),
            }
        });
    }
    headers::to_client(answer.headers_mut(), switched);
    keep_own_cookies_only(&exchange, going.hub, answer.headers_mut());
    answer.map(|body| ToClient::Hub(FromHub::new(body, None)))
}

/// Servers and services set cookies of their own; what touches ours, a jar or a hub's name is dropped and counted.
fn keep_own_cookies_only(exchange: &Exchange<'_>, hub: HubIndex, fields: &mut HeaderMap) {
    // One server's wish would log the browser out everywhere (Clear-Site-Data 3.1: it concerns the whole origin).
    fields.remove(CLEAR_SITE_DATA);
    if !fields.contains_key(SET_COOKIE) {
        return;
    }
    let lines = set_cookie::take(fields);
    for line in set_cookie::for_browser(exchange, hub, lines, None) {
        fields.append(SET_COOKIE, line);
    }
}
