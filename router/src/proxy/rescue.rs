//! Users who declare their own server lost, whose hub is gone: the offer on its page, and what the form then does.
//!
//! Only where the operators allow it (`failover.self_rescue`), storage is shared, and the hub has been failed over. What the page
//! says stands in `pages`; moving the user is `control`'s.

use std::time::SystemTime;

use bytes::Bytes;
use http::Response;
use hubrouter_config::{HubId, Storage};
use hubrouter_hub_adapter::address;
use hubrouter_hub_adapter::names::UserName;
use percent_encoding::percent_decode_str;
use tokio::sync::oneshot;

use super::body::{ToClient, ToHub};
use super::chosen::is_own_wish;
use super::exchange::Exchange;
use super::gather::{self, Known};
use super::{collect, reply};
use crate::control::controller::Ordered;
use crate::control::operator::{Order, Refused, What};
use crate::core::life::claim::is_movable;
use crate::core::snapshot::HubIndex;
use crate::pages::{Link, Page, Rescue};

/// The most bytes of the form: one token.
const FORM_BYTES: usize = 4096;

/// The offer for the user of this session, if there may be one; not on somebody else's pages.
#[must_use]
pub fn offered(exchange: &Exchange<'_>, known: &Known, hub: HubIndex) -> Option<Rescue> {
    let now = SystemTime::now();
    // Below `/user/` nobody has read the session yet: there it decides nothing but this.
    let user = known.session.clone().or_else(|| gather::session(exchange, now))?.user;
    let is_theirs = exchange.place.owner.as_ref().is_none_or(|owner| *owner == user);
    (is_theirs && may_be_rescued(exchange, &user, hub)).then(|| Rescue {
        action: address::rescue_url(&exchange.snapshot().site),
        token: exchange.live.own.rescue_token(&user, exchange.id(hub), now),
    })
}

fn may_be_rescued(exchange: &Exchange<'_>, user: &UserName, hub: HubIndex) -> bool {
    let snapshot = exchange.snapshot();
    let view = snapshot.hub(hub);
    let is_dead = view.record.outage.is_some_and(|outage| outage.both());
    snapshot.config.failover.self_rescue
        && view.hub.storage == Storage::Shared
        && view.record.failed_over.is_some()
        && is_dead
        && snapshot.whereabouts(user).is_some_and(|place| {
            // A pin is an operator's to change.
            place.at == hub && place.assignment.is_none_or(|stands| is_movable(stands.cause))
        })
}

/// Answers the form of [`Page::HubGone`]. Whose server it is, our session says, and the token that the page was made for them.
pub async fn declared_lost(exchange: &Exchange<'_>, known: &Known, body: ToHub) -> Response<ToClient> {
    let page = match declare(exchange, known, body).await {
        Ok(page) | Err(page) => page,
    };
    reply::page(exchange, &page, None)
}

async fn declare(exchange: &Exchange<'_>, known: &Known, body: ToHub) -> Result<Page, Page> {
    let refused = |text: &str| Page::Refused(text.to_owned());
    if !is_own_wish(exchange) {
        return Err(refused("another site sent this form"));
    }
    let user = known
        .user()
        .ok_or_else(|| refused("log in first: nobody knows whose server is to be declared lost"))?;
    let body = collect::whole(exchange, body, FORM_BYTES).await?;
    let token = token_of(&body).ok_or_else(|| refused("the form is not one of ours"))?;
    let own = &exchange.live.own;
    let hub = own.rescued(&token, user, SystemTime::now());
    let hub = hub
        .ok_or_else(|| refused("the form is too old, or was made for somebody else: open the page again"))?;
    let index = exchange.snapshot().find(&hub);
    if !index.is_some_and(|index| may_be_rescued(exchange, user, index)) {
        return Err(refused("the hub is back, or your server is elsewhere by now: open the page again"));
    }
    move_on(exchange, user, &hub).await?;
    let home = address::spawn_url(&exchange.snapshot().site, Some(user), None, None);
    Ok(Page::Rescued { next: Link::new(home, "Start a new server") })
}

async fn move_on(exchange: &Exchange<'_>, user: &UserName, hub: &HubId) -> Result<(), Page> {
    let order = Order {
        what: What::Rescue { user: user.clone(), hub: hub.clone() },
        who: format!("user {user}"),
        why: "declared their server lost".to_owned(),
        dry_run: false,
    };
    let (reply, end) = oneshot::channel();
    let sent = exchange.worker().shared.orders.send(Ordered { order, reply }).is_ok();
    let end = if sent { end.await.ok() } else { None };
    let unknown = || Refused::Unavailable("nobody carries it out now: try again in a moment".to_owned());
    match end.unwrap_or_else(|| Err(unknown())) {
        Ok(_) => Ok(()),
        Err(refusal) => Err(Page::Refused(refusal.to_string())),
    }
}

/// The one field of the form.
fn token_of(body: &Bytes) -> Option<String> {
    let text = std::str::from_utf8(body).ok()?;
    let value = text.split('&').find_map(|field| field.strip_prefix("token="))?;
    // Browsers send the characters of a token as they are; whatever else fills in forms need not.
    let value = percent_decode_str(value).decode_utf8().ok()?;
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    value.bytes().all(plain).then(|| value.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_gives_its_token_however_it_is_written_and_nothing_that_is_none() {
        for (form, token) in [
            ("token=a.b-c_d", Some("a.b-c_d")),
            ("x=1&token=a%2Eb", Some("a.b")),
            ("token=a%2", None),
            ("token=a%ff", None),
            ("token=a+b", None),
            ("tokens=a", None),
            ("", None),
        ] {
            assert_eq!(token_of(&Bytes::from(form)).as_deref(), token, "{form}");
        }
        assert_eq!(token_of(&Bytes::from_static(b"token=\xff")), None);
    }
}
