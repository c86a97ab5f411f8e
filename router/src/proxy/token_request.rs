//! A server or service exchanges the code of the OAuth hop for a token: only the hub that gave the code can.
//!
//! Its form names the client. Servers send it to their hub directly; who takes the public way is sent right as well.

use http::Method;
use hubrouter_hub_adapter::address::read_token_request;

use super::body::ToHub;
use super::collect;
use super::exchange::Exchange;
use crate::pages::Page;

/// A token request is a few short parameters (RFC 6749 4.1.3).
const REQUEST_BYTES: usize = 64 * 1024;

/// Reads whose the client is into the exchange's place, and gives the body to be passed on.
///
/// # Errors
///
/// The page that says why it is not.
pub async fn read(exchange: &mut Exchange<'_>, body: ToHub) -> Result<ToHub, Page> {
    if exchange.parts.method != Method::POST {
        return Ok(body);
    }
    let body = collect::whole(exchange, body, REQUEST_BYTES).await?;
    // The hub takes any body for a form, whatever its type (`oauthlib/common.py`, `Request`).
    if let Ok(form) = std::str::from_utf8(&body) {
        let site = &exchange.live.snapshot.site;
        read_token_request(site, &mut exchange.place, form)
            .map_err(|bad| Page::BadRequest(bad.to_string()))?;
    }
    Ok(ToHub::from(body))
}
