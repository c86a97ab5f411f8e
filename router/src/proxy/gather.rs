//! From a request to the facts that a decision needs: cookies that verify, the next page, who wants what.
//!
//! Only what the row of the routing table can use is looked at: a request to a notebook server costs none of it.

use std::time::SystemTime;

use http::header::REFERER;
use hubrouter_hub_adapter::address::{Act, By, Plane, next_of, oauth_state};
use hubrouter_hub_adapter::destination::{Dest, destination_at};
use hubrouter_hub_adapter::names::UserName;
use xxhash_rust::xxh3::xxh3_64;

use super::exchange::Exchange;
use crate::core::facts::{Asked, RequestFacts};
use crate::core::login::LoginMark;
use crate::core::snapshot::HubIndex;
use crate::identify::signed::{Flow, Kind, Session};

/// The field by which scripts choose a hub.
pub const CHOSEN_HUB_FIELD: &str = "x-hubrouter-hub";

/// What our own cookies say.
#[derive(Clone, Debug, Default)]
pub struct Known {
    /// The session, if one verified.
    pub session: Option<Session>,
    /// The login that is going on.
    pub login: Option<LoginMark>,
    /// The hub that was chosen, if it exists.
    pub chosen: Option<HubIndex>,
}

impl Known {
    /// Reads and verifies our own cookies; nothing for rows that cannot use them.
    #[must_use]
    pub fn read(exchange: &Exchange<'_>, now: SystemTime) -> Self {
        if exchange.place.row.plane == Plane::User {
            return Self::default();
        }
        let chosen = chosen(exchange, now);
        if !exchange.cookies.has_own() {
            return Self { chosen, ..Self::default() };
        }
        let own = &exchange.live.own;
        let cookies = &exchange.cookies;
        let login = own.login(cookies.own(own.name(Kind::Login)), now);
        Self { session: session(exchange, now), login, chosen }
    }

    /// The user of the session.
    #[must_use]
    pub fn user(&self) -> Option<&UserName> {
        self.session.as_ref().map(|session| &session.user)
    }
}

/// The session in the browser's signed cookie.
#[must_use]
pub fn session(exchange: &Exchange<'_>, now: SystemTime) -> Option<Session> {
    let own = &exchange.live.own;
    own.session(exchange.cookies.own(own.name(Kind::Session)), now)
}

/// The hub that a script names in a field, or a browser in a signed cookie.
fn chosen(exchange: &Exchange<'_>, now: SystemTime) -> Option<HubIndex> {
    match exchange.field(CHOSEN_HUB_FIELD) {
        Some(id) => exchange.snapshot().find_named(id.trim()),
        None => chosen_by_browser(exchange, now),
    }
}

/// The hub in the browser's signed cookie, if it still exists.
#[must_use]
pub fn chosen_by_browser(exchange: &Exchange<'_>, now: SystemTime) -> Option<HubIndex> {
    if !exchange.cookies.has_own() {
        return None;
    }
    let own = &exchange.live.own;
    let id = own.chosen_hub(exchange.cookies.own(own.name(Kind::ChosenHub)), now)?;
    exchange.snapshot().find(&id)
}

/// The facts of a request; `form_user` comes from its body, where it is a login form.
#[must_use]
pub fn facts<'f>(
    exchange: &'f Exchange<'_>,
    known: &Known,
    form_user: Option<UserName>,
    now: SystemTime,
) -> RequestFacts<'f> {
    let row = exchange.place.row;
    let identified = row.plane != Plane::User && row.by != By::Owner;
    let jars = if identified { login_jars(exchange) } else { Vec::new() };
    RequestFacts {
        place: &exchange.place,
        start: row.is_start(&exchange.parts.method),
        navigation: exchange.is_navigation() && row.is_page(),
        session: known.user().cloned(),
        chosen: known.chosen,
        login: known.login.clone(),
        jar_user: if jars.is_empty() { Asked::Nothing } else { Asked::NotYet },
        jars,
        next: if row.by == By::Login { next(exchange) } else { Dest::Nobody },
        form_user,
        flow: if row.by == By::Callback { flow(exchange, now) } else { None },
        referer: if row.act == Act::Static { referer(exchange) } else { Dest::Nobody },
        token: if exchange.tokens().next().is_some() { Asked::NotYet } else { Asked::Nothing },
        spread: if identified { xxh3_64(exchange.client.ip.as_bytes()) } else { 0 },
    }
}

fn login_jars(exchange: &Exchange<'_>) -> Vec<HubIndex> {
    let snapshot = exchange.snapshot();
    exchange.cookies.logins().iter().filter_map(|id| snapshot.find(id)).collect()
}

fn next(exchange: &Exchange<'_>) -> Dest {
    let next = next_of(exchange.parts.uri.query());
    next.map_or(Dest::Nobody, |next| destination_at(&exchange.snapshot().site, exchange.host(), &next))
}

fn referer(exchange: &Exchange<'_>) -> Dest {
    let referer = exchange.field(REFERER);
    referer.map_or(Dest::Nobody, |url| destination_at(&exchange.snapshot().site, exchange.host(), url))
}

/// The hub that began this OAuth login: by the name of its state cookie, by our own cookie, or by the only jar that has
/// a state cookie at all.
fn flow(exchange: &Exchange<'_>, now: SystemTime) -> Option<HubIndex> {
    let snapshot = exchange.snapshot();
    let cookies = &exchange.cookies;
    let state = oauth_state(exchange.parts.uri.query());
    let by_state = state
        .as_deref()
        .and_then(|state| cookies.flow(state))
        .or_else(|| own_flow(exchange, now).filter(|flow| !flow.jarred).map(|flow| flow.hub));
    let id = by_state.or_else(|| {
        let mut jars = cookies.state_jars();
        (jars.len() == 1).then(|| jars.remove(0))
    })?;
    snapshot.find(&id)
}

/// What our own cookie says of the OAuth login that this request brings back.
#[must_use]
pub fn own_flow(exchange: &Exchange<'_>, now: SystemTime) -> Option<Flow> {
    let own = &exchange.live.own;
    let state = oauth_state(exchange.parts.uri.query())?;
    own.flow(exchange.cookies.own(own.name(Kind::Flow)), &state, now)
}
