//! Servers that were seen answering under `/user/<name>/`: what passes says who has a server, between the hubs' own words.
//!
//! Collected per thread and told to the controller once a second by the thread's sweeper. A sighting says that a server exists;
//! that one does not exist only its hub can say.

use std::cell::RefCell;
use std::collections::BTreeSet;

use http::header::LOCATION;
use http::{HeaderMap, StatusCode};
use hubrouter_config::HubId;
use hubrouter_hub_adapter::address::{Act, Plane};
use hubrouter_hub_adapter::destination::place_at;
use hubrouter_hub_adapter::names::UserName;

use super::exchange::Exchange;
use super::shared::Shared;
use crate::control::signals::Signal;
use crate::core::snapshot::HubIndex;

/// So many are collected between two words to the controller; who comes later is seen again a second later.
const AT_MOST: usize = 4096;

/// What one thread has seen since it was asked last.
#[derive(Debug, Default)]
pub struct Sightings(RefCell<BTreeSet<(HubId, UserName)>>);

impl Sightings {
    fn note(&self, hub: &HubId, user: &UserName) {
        let mut seen = self.0.borrow_mut();
        if seen.len() < AT_MOST {
            seen.insert((hub.clone(), user.clone()));
        }
    }

    /// Tells what was seen, and forgets it.
    pub fn tell(&self, shared: &Shared) {
        let seen = std::mem::take(&mut *self.0.borrow_mut());
        if !seen.is_empty() {
            shared.signal(Signal::Sighted(seen.into_iter().collect()));
        }
    }
}

/// Notes an answer under a user's own path, if a server gave it: a WebSocket, a success, or a redirect to the OAuth hop. Any other
/// redirect comes from the proxy's default route.
pub fn answered(exchange: &Exchange<'_>, hub: HubIndex, status: StatusCode, fields: &HeaderMap) {
    let place = &exchange.place;
    let (Plane::User, Some(user)) = (place.row.plane, &place.owner) else { return };
    let by_server = status == StatusCode::SWITCHING_PROTOCOLS
        || status.is_success()
        || (status.is_redirection() && leads_to_hop(exchange, fields));
    if by_server {
        exchange.worker().sightings.note(exchange.id(hub), user);
    }
}

fn leads_to_hop(exchange: &Exchange<'_>, fields: &HeaderMap) -> bool {
    let location = fields.get(LOCATION).and_then(|value| value.to_str().ok());
    let to = location.and_then(|location| place_at(&exchange.snapshot().site, exchange.host(), location));
    to.is_some_and(|to| to.row.act == Act::Authorize)
}
