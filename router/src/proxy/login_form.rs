//! A login form that one hub rendered and another has to read: its token is exchanged for one of the right hub.
//!
//! Only if the form's token is that of a jar **and** the request is same-origin: with the first test alone, a planted
//! cookie would log a foreign form in. Otherwise the form passes unchanged, and the hub refuses it.

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue};
use hubrouter_hub_adapter::client::Browser;
use hubrouter_hub_adapter::login::{needs_exchange, with_xsrf};
use tracing::warn;

use super::act::Form;
use super::ask;
use super::exchange::Exchange;
use crate::core::snapshot::HubIndex;

/// What goes to the hub instead of what came.
pub struct Exchanged {
    /// The form with the hub's own token.
    pub body: Bytes,
    /// The only cookie that goes with it.
    pub cookie: HeaderValue,
    /// The hub's line for that cookie: the browser keeps it, so that a second try needs no exchange.
    pub set_cookie: HeaderValue,
}

/// Exchanges the form's token, if it belongs to another hub than `hub` and everything is in order.
///
/// `fields` are those that the hub gets with the form: hubs may mix any of them into the token.
pub async fn exchange(
    exchange: &Exchange<'_>,
    hub: HubIndex,
    form: &Form,
    browser: &Browser,
    fields: &HeaderMap,
) -> Option<Exchanged> {
    let id = exchange.id(hub);
    if !needs_exchange(&exchange.cookies, &form.fields, id, exchange.is_same_origin(fields)) {
        return None;
    }
    let client = exchange.live.client(hub);
    let fresh = match client.fresh_login_token(browser, fields, ask::WITHIN).await {
        Ok(fresh) => fresh,
        Err(error) => {
            warn!(hub.id = %id, %error, "no token for the login form: it goes as it came");
            return None;
        }
    };
    let content_type = fields.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let body = with_xsrf(content_type, &form.body, &fresh.value)?;
    Some(Exchanged { body, cookie: fresh.cookie, set_cookie: fresh.set_cookie })
}
