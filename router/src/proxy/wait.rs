//! What somebody sees whose hub does not answer: a page that heals itself, or 503 with `Retry-After`.
//!
//! The same address is tried again only where that cannot do a thing twice; else the page leads to the login, with the
//! page that was wanted, and one sentence why.

use std::time::{Duration, Instant, SystemTime};

use http::{Method, Response};
use hubrouter_config::{HubId, Storage};
use hubrouter_hub_adapter::address::{self, Act, Plane, next_of};
use hubrouter_hub_adapter::names::UserName;

use super::body::ToClient;
use super::exchange::Exchange;
use super::gather::{self, Known};
use super::{reply, rescue};
use crate::core::health::{Answer, HubPlane, WaitReason};
use crate::core::snapshot::{HubIndex, Snapshot};
use crate::core::starting::ASK_AGAIN_AFTER;
use crate::pages::{Link, Page, Retry, Waiting, WaitingFor};

/// How often a waiting page looks again: a hub restarts in about 10 s.
const AGAIN_AFTER: Duration = Duration::from_secs(3);

/// Whether a hub takes requests of this plane now.
#[must_use]
pub fn takes(snapshot: &Snapshot, hub: HubIndex, plane: Plane) -> bool {
    snapshot.hub(hub).answers(plane) == Answer::Pass
}

/// The answer while probes say that the hub cannot answer: nothing was sent to it.
#[must_use]
pub fn for_hub(
    exchange: &Exchange<'_>,
    known: &Known,
    hub: HubIndex,
    reason: WaitReason,
) -> Response<ToClient> {
    let hub_plane = exchange.snapshot().hub(hub).health.hub.verdict;
    let why = match (reason, hub_plane) {
        (WaitReason::HubStarting, _) => WaitingFor::Starting,
        (WaitReason::HubDown | WaitReason::HubPaused, _) => WaitingFor::HubDown,
        (WaitReason::ProxyPaused, _) => WaitingFor::Unreachable,
        (WaitReason::ProxyDown, HubPlane::Up | HubPlane::Slow) => WaitingFor::ProxyDown,
        (WaitReason::ProxyDown, HubPlane::Starting | HubPlane::Down) => WaitingFor::Down,
    };
    let notebook = if reason.notebooks_run() { notebook(exchange, known) } else { None };
    waiting(exchange, hub, why, retry(exchange, false), notebook)
}

/// The same for a page of `user`: where the hub has been gone for long and the user may have a server there, that is said.
#[must_use]
pub fn for_page(
    exchange: &Exchange<'_>,
    known: &Known,
    hub: HubIndex,
    reason: WaitReason,
    user: Option<&UserName>,
) -> Response<ToClient> {
    if user.is_some() && is_gone(exchange.snapshot(), hub) {
        return gone(exchange, known, hub);
    }
    for_hub(exchange, known, hub, reason)
}

/// The answer to a start that waits for something that takes moments: another hub to open, a word of a hub or the directory.
#[must_use]
pub fn soon(exchange: &Exchange<'_>, hub: HubIndex, why: WaitingFor) -> Response<ToClient> {
    let retry = match retry(exchange, false) {
        Retry::SameUrl { .. } => Retry::SameUrl { after: ASK_AGAIN_AFTER },
        other => other,
    };
    waiting(exchange, hub, why, retry, None)
}

/// The answer to a start of somebody who may have a server at a hub that cannot be asked.
#[must_use]
pub fn stuck(exchange: &Exchange<'_>, known: &Known, hub: HubIndex) -> Response<ToClient> {
    if is_gone(exchange.snapshot(), hub) {
        return gone(exchange, known, hub);
    }
    match exchange.snapshot().hub(hub).answers(Plane::Hub) {
        Answer::Wait(reason) => for_hub(exchange, known, hub, reason),
        Answer::Pass => soon(exchange, hub, WaitingFor::Asking),
    }
}

/// Both planes have been down for as long as users would be moved, had they no server there.
fn is_gone(snapshot: &Snapshot, hub: HubIndex) -> bool {
    let view = snapshot.hub(hub);
    let now = Instant::now();
    let down_for = |since: Option<Instant>| since.map(|since| now.saturating_duration_since(since));
    let both = down_for(view.health.proxy.failing_since).min(down_for(view.health.hub.failing_since));
    both.is_some_and(|both| both >= snapshot.times.dead_after)
}

fn gone(exchange: &Exchange<'_>, known: &Known, hub: HubIndex) -> Response<ToClient> {
    let view = exchange.snapshot().hub(hub);
    let page = Page::HubGone {
        hub: exchange.id(hub).clone(),
        files_elsewhere: view.hub.storage == Storage::Shared,
        retry: retry(exchange, false),
        rescue: rescue::offered(exchange, known, hub),
    };
    reply::page(exchange, &page, None)
}

/// The page that chooses `hub`, and leads to its home page.
#[must_use]
pub fn choose_url(exchange: &Exchange<'_>, hub: &HubId) -> String {
    address::choose_hub_url(&exchange.snapshot().site, hub)
}

/// The answer when the hub broke off or refused just now, before any probe said so.
#[must_use]
pub fn after_fault(
    exchange: &Exchange<'_>,
    hub: HubIndex,
    why: WaitingFor,
    sent: bool,
) -> Response<ToClient> {
    waiting(exchange, hub, why, retry(exchange, sent), None)
}

/// The answer when the hub's proxy says that the hub is gone: notebooks go on, for the proxy lives.
#[must_use]
pub fn hub_gone(exchange: &Exchange<'_>, known: &Known, hub: HubIndex) -> Response<ToClient> {
    waiting(exchange, hub, WaitingFor::HubDown, retry(exchange, true), notebook(exchange, known))
}

/// The notebook of the user that the address or our session names.
#[must_use]
pub fn notebook(exchange: &Exchange<'_>, known: &Known) -> Option<Link> {
    let user = exchange.place.owner.as_ref().or(known.user())?;
    let url = address::server_url(&exchange.snapshot().site, user, None);
    Some(Link::new(url, "Go on in the running notebook"))
}

/// The address of a login that goes on to `next`.
#[must_use]
pub fn login_url(exchange: &Exchange<'_>, next: Option<&str>) -> String {
    address::login_url(&exchange.snapshot().site, next)
}

/// The answer to a start by a browser whose user nobody could name. A click on the login makes it clear; a redirect could go
/// round for ever, for the hub sends a browser back that is logged in there.
#[must_use]
pub fn whose_start(exchange: &Exchange<'_>, known: &Known, hub: HubIndex) -> Response<ToClient> {
    if let Answer::Wait(reason) = exchange.snapshot().hub(hub).answers(Plane::Hub) {
        return for_hub(exchange, known, hub, reason);
    }
    let reads = exchange.parts.method == Method::GET;
    let next = if reads { exchange.parts.uri.path_and_query().map(ToString::to_string) } else { None };
    let login = Link::new(login_url(exchange, next.as_deref()), "Log in");
    reply::page(exchange, &Page::WhoseStart { hub: exchange.id(hub).clone(), login }, None)
}

fn waiting(
    exchange: &Exchange<'_>,
    hub: HubIndex,
    why: WaitingFor,
    retry: Retry,
    notebook: Option<Link>,
) -> Response<ToClient> {
    let waiting = Waiting { hub: exchange.id(hub).clone(), why, retry, notebook };
    reply::page(exchange, &Page::Waiting(waiting), None)
}

/// How the request may go on; `sent` when it may have reached the hub already.
fn retry(exchange: &Exchange<'_>, sent: bool) -> Retry {
    let row = exchange.place.row;
    let reads = matches!(exchange.parts.method, Method::GET | Method::HEAD);
    let repeatable = match row.act {
        Act::Callback | Act::ServerCallback => false,
        // A start that was never sent is as good as new.
        Act::Start => !sent,
        _ => true,
    };
    if reads && repeatable {
        return Retry::SameUrl { after: AGAIN_AFTER };
    }
    if row.act == Act::Start && !reads && !sent {
        let spawn = address::spawn_url(
            &exchange.snapshot().site,
            exchange.place.owner.as_ref(),
            exchange.place.server.as_deref(),
            next_of(exchange.parts.uri.query()).as_deref(),
        );
        return Retry::SpawnAgain { spawn: Link::new(spawn, "Choose again") };
    }
    let next = wanted_page(exchange, reads);
    let login = Link::new(login_url(exchange, next.as_deref()), "Log in again");
    Retry::Login { login, why: why_not_again(row.act, sent).to_owned() }
}

/// The page to return to after the login.
fn wanted_page(exchange: &Exchange<'_>, reads: bool) -> Option<String> {
    let row = exchange.place.row;
    match row.act {
        Act::LoginForm | Act::LoginPage | Act::OAuthLogin | Act::Start => next_of(exchange.parts.uri.query()),
        Act::ServerCallback => {
            let owner = exchange.place.owner.as_ref()?;
            Some(address::server_url(&exchange.snapshot().site, owner, exchange.place.server.as_deref()))
        }
        Act::Callback => flow_next(exchange),
        _ if reads || row.is_page() => exchange.parts.uri.path_and_query().map(ToString::to_string),
        _ => None,
    }
}

/// The page that an OAuth login under way was meant for.
#[must_use]
pub fn flow_next(exchange: &Exchange<'_>) -> Option<String> {
    gather::own_flow(exchange, SystemTime::now())?.next
}

fn why_not_again(act: Act, sent: bool) -> &'static str {
    match act {
        Act::LoginForm => "A password is never sent twice.",
        Act::Callback | Act::ServerCallback => {
            "A login that was under way cannot be continued, only begun anew."
        }
        Act::Start => "The start of a server is never asked for twice.",
        _ if sent => "What was sent may have arrived, so it is not sent again.",
        _ => "Nothing was sent to the hub; what you wanted to do is not done.",
    }
}
