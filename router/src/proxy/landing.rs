//! After a login: who is it, where does the next page live, and is the browser at the right hub?
//!
//! The hub itself says who logged in. A login that belongs elsewhere is dropped here and done again there; the hub's
//! logout is not called, because it may stop servers and because its cookies never reached the browser.

use std::time::SystemTime;

use http::header::{LOCATION, SET_COOKIE};
use http::{HeaderValue, Response};
use hubrouter_config::HubId;
use hubrouter_hub_adapter::address::Act;
use hubrouter_hub_adapter::cookies::{cookies_of_response, is_login_set};
use hubrouter_hub_adapter::destination::{Dest, destination_at, safe_next};
use hubrouter_hub_adapter::names::UserName;
use tracing::{info, warn};

use super::body::ToClient;
use super::hub_plane::Answered;
use super::{ask, logout, reply, wait};
use crate::core::login::{self, Landing, LoginMark, Strength};
use crate::core::snapshot::HubIndex;
use crate::core::why::Why;
use crate::identify::signed::{Kind, OwnCookies};
use crate::pages::{Link, Page};

/// What becomes of an answer after a look at the login in it.
pub enum Landed {
    /// It goes to the browser, with these cookies of ours.
    Here(Vec<HeaderValue>),
    /// This goes to the browser instead.
    Elsewhere(Response<ToClient>),
}

/// Looks whether the answer confirms a login, and where that has to happen.
pub async fn landed(
    answered: &Answered<'_, '_>,
    answer: &Response<ToClient>,
    sent_jar: Option<&HeaderValue>,
) -> Landed {
    if answered.exchange.snapshot().is_single() {
        return Landed::Here(Vec::new());
    }
    let fresh = answer.headers().get_all(SET_COOKIE).iter().any(is_login_set);
    let jar = if fresh {
        cookies_of_response(answer.headers())
    } else if carried(answered, answer) {
        sent_jar.cloned()
    } else {
        return Landed::Here(Vec::new());
    };
    let Some(user) = who(answered, jar).await else { return Landed::Here(Vec::new()) };
    land(answered, answer, &user, fresh)
}

/// A redirect from a login whose request carried this hub's login: hubs do not set it again for the same user.
fn carried(answered: &Answered<'_, '_>, answer: &Response<ToClient>) -> bool {
    let login = matches!(
        answered.exchange.place.row.act,
        Act::LoginPage | Act::LoginForm | Act::OAuthLogin | Act::Callback
    );
    login
        && answer.status().is_redirection()
        && answered.exchange.cookies.logins().contains(answered.exchange.id(answered.going.hub))
        && !begins_a_flow(answered, answer)
}

/// A redirect to the provider is the beginning of a login, not its end.
fn begins_a_flow(answered: &Answered<'_, '_>, answer: &Response<ToClient>) -> bool {
    matches!(answered.exchange.place.row.act, Act::OAuthLogin)
        && location(answer).is_some_and(|location| location.contains("://"))
}

fn location(answer: &Response<ToClient>) -> Option<&str> {
    answer.headers().get(LOCATION).and_then(|value| value.to_str().ok())
}

/// Who the hub says it is; the hub's word alone counts.
async fn who(answered: &Answered<'_, '_>, jar: Option<HeaderValue>) -> Option<UserName> {
    let exchange = answered.exchange;
    let hub = answered.going.hub;
    match exchange.live.client(hub).whoami(jar?, answered.browser, ask::WITHIN).await {
        Ok(who) => UserName::canonical(&who?.name, exchange.snapshot().site.names()),
        Err(error) => {
            warn!(hub.id = %exchange.id(hub), %error, "a hub could not say who logged in: the login stays there");
            None
        }
    }
}

fn land(answered: &Answered<'_, '_>, answer: &Response<ToClient>, user: &UserName, fresh: bool) -> Landed {
    let exchange = answered.exchange;
    let snapshot = exchange.snapshot();
    let next = location(answer);
    let host = answered.browser.host.to_str().ok();
    let confirmed = login::Landed {
        at: answered.going.hub,
        user,
        next: next.map_or(Dest::Nobody, |next| destination_at(&snapshot.site, host, next)),
        session: answered.going.known.user(),
        mark: answered.going.known.login.as_ref(),
        chosen: answered.going.known.chosen,
    };
    let landing = match next {
        Some(_) => login::land(snapshot, &confirmed),
        // A page instead of a redirect: there is nowhere to send the browser.
        None => Landing::Stay,
    };
    let mut lines = switched_identity(answered, user, landing == Landing::Stay);
    lines.extend(exchange.live.own.set_session(user, answered.now));
    match landing {
        Landing::Stay => {
            if answered.going.known.login.is_some() {
                lines.push(exchange.live.own.expire(Kind::Login));
            }
            Landed::Here(lines)
        }
        Landing::Bounce { to, rounds } => {
            info!(from = %exchange.id(answered.going.hub), to = %exchange.id(to), rounds, "a login is sent on");
            lines.extend(dropped_jar(answered, fresh));
            lines.push(mark(&exchange.live.own, exchange.id(to), Strength::Strong, rounds, answered.now));
            // The hub may name the page by its whole address, which only the request's host tells to be ours.
            let next = next.and_then(|next| safe_next(&snapshot.site, host, next));
            let mut response = reply::redirect(&wait::login_url(exchange, next.as_deref()));
            reply::set_cookies(&mut response, lines);
            Landed::Elsewhere(response)
        }
        Landing::Loop => {
            lines.extend(dropped_jar(answered, fresh));
            lines.push(exchange.live.own.expire(Kind::Login));
            Landed::Elsewhere(loop_page(answered, user, &confirmed.next, lines))
        }
    }
}

/// Somebody else than our session said: every other jar ends, in the browser and at its hub; where the login is not
/// `kept`, that of its own hub too, which still is the one's before.
fn switched_identity(answered: &Answered<'_, '_>, user: &UserName, kept: bool) -> Vec<HeaderValue> {
    let exchange = answered.exchange;
    if answered.going.known.user().is_none_or(|before| before == user) {
        return Vec::new();
    }
    let snapshot = exchange.snapshot();
    let others: Vec<HubIndex> = snapshot
        .indices()
        .filter(|hub| !(kept && *hub == answered.going.hub) && exchange.cookies.has_jar(exchange.id(*hub)))
        .collect();
    logout::in_background(exchange, answered.browser, &others);
    others.iter().flat_map(|hub| snapshot.jars.expire_jar(exchange.id(*hub))).collect()
}

/// The browser keeps nothing of a login that is done again elsewhere. A hub sets a login only for somebody whom the jar did
/// not name, so the jar goes too; one that was just carried along is a visit's, and stays.
fn dropped_jar(answered: &Answered<'_, '_>, fresh: bool) -> Vec<HeaderValue> {
    let exchange = answered.exchange;
    let id = exchange.id(answered.going.hub);
    // Logins that other tabs have under way at the same hub go on.
    let mut lines: Vec<HeaderValue> =
        answered.flow.map(|state| exchange.snapshot().jars.expire_flow(id, state)).unwrap_or_default();
    if fresh {
        lines.extend(exchange.snapshot().jars.expire_jar(id));
    }
    lines
}

fn loop_page(
    answered: &Answered<'_, '_>,
    user: &UserName,
    next: &Dest,
    lines: Vec<HeaderValue>,
) -> Response<ToClient> {
    let exchange = answered.exchange;
    let to = login::destination(exchange.snapshot(), next, user, answered.going.known.chosen);
    let hubs: Vec<HubId> =
        [Some(answered.going.hub), to].into_iter().flatten().map(|hub| exchange.id(hub).clone()).collect();
    warn!(hubs = ?hubs, "a login was sent on twice and found no place to land");
    let login = Link::new(wait::login_url(exchange, None), "Log in again");
    let page = Page::LoginLoop { user: user.to_string(), hubs, login };
    let mut response = reply::page(exchange, &page, None);
    reply::set_cookies(&mut response, lines);
    response
}

/// Whether a stranger just began a login at a hub that could have been any: they stay there until it ends.
pub fn begins_as_stranger(answered: &Answered<'_, '_>) -> bool {
    let login = matches!(answered.exchange.place.row.act, Act::LoginPage | Act::LoginForm | Act::OAuthLogin);
    login && answered.going.why == Why::Any
}

/// The cookie that keeps a login at a hub.
pub fn mark(own: &OwnCookies, hub: &HubId, strength: Strength, rounds: u8, now: SystemTime) -> HeaderValue {
    own.set_login(&LoginMark { hub: hub.clone(), strength, rounds }, now)
}
