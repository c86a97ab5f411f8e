//! A request on its way to its hub: by which of the two planes, in which manner, and what a fault of the hub means.

use std::time::Duration;

use http::{Method, Response};
use hubrouter_hub_adapter::address::Plane;
use tracing::warn;

use super::act::Form;
use super::body::{ToClient, ToHub};
use super::exchange::Exchange;
use super::fault::HubFault;
use super::gather::Known;
use super::send::Manner;
use super::{hub_plane, passive, proxy_plane, reply, wait};
use crate::control::claims::Ticket;
use crate::core::snapshot::HubIndex;
use crate::core::why::Why;
use crate::pages::{Page, WaitingFor};

/// A request whose hub is decided.
pub struct Going {
    /// The hub.
    pub hub: HubIndex,
    /// What decided so.
    pub why: Why,
    /// What our cookies say.
    pub known: Known,
    /// The login form, if it is one.
    pub form: Option<Form>,
    /// How long a posted start may wait for a hub that refuses.
    pub patience: Duration,
    /// What the answer to a start decides.
    pub ticket: Option<Ticket>,
}

/// Sends the request to its hub and returns what the client gets.
pub async fn forward(exchange: Exchange<'_>, going: Going, body: ToHub) -> Response<ToClient> {
    match exchange.place.row.plane {
        Plane::User | Plane::Service => proxy_plane::forward(exchange, going, body).await,
        Plane::Hub | Plane::Router => hub_plane::forward(exchange, going, body).await,
    }
}

/// How this request may be sent to `hub`.
#[must_use]
pub fn manner(exchange: &Exchange<'_>, going: &Going) -> Manner {
    let timeouts = &exchange.snapshot().config.timeouts;
    let head = match exchange.place.row.plane {
        Plane::Hub | Plane::Router => timeouts.response_head.hub,
        Plane::User | Plane::Service => timeouts.response_head.user,
    };
    let (row, method) = (exchange.place.row, &exchange.parts.method);
    // What was chosen in its form would be lost otherwise; a start by a link is tried again by the waiting page.
    let held = row.is_start(method) && method == Method::POST;
    Manner {
        once: row.never_twice(method) || !exchange.snapshot().hub(going.hub).may_repeat(row.plane),
        connect: timeouts.connect,
        head,
        idle: timeouts.hub_idle,
        patience: if held { going.patience } else { Duration::ZERO },
    }
}

/// What the client gets when the hub failed it: the one place that maps faults to pages.
#[must_use]
pub fn failed(exchange: &Exchange<'_>, hub: HubIndex, fault: &HubFault) -> Response<ToClient> {
    let id = exchange.id(hub).clone();
    if !matches!(fault, HubFault::ClientGone) {
        warn!(hub.id = %id, url.path = &*exchange.logged_path(), "{fault}");
    }
    passive::unanswered(exchange, hub, fault);
    let page = match fault {
        HubFault::Unreachable { .. } => {
            return wait::after_fault(exchange, hub, WaitingFor::Unreachable, false);
        }
        HubFault::Closed { .. } if exchange.is_navigation() => {
            return wait::after_fault(exchange, hub, WaitingFor::BrokeOff, true);
        }
        HubFault::Closed { .. } => {
            Page::BadGateway { hub: id, why: "it closed the connection before it answered".into() }
        }
        HubFault::Late { waited, .. } => Page::GatewayTimeout { hub: id, waited: *waited },
        HubFault::Garbage { text, .. } => Page::BadGateway { hub: id, why: text.clone() },
        HubFault::ClientGone => Page::BadRequest("the request body broke off".into()),
    };
    reply::page(exchange, &page, None)
}
