//! The `Set-Cookie` lines of an answer on their way to the browser: each under the name that its sender may use, or not at
//! all.
//!
//! What a line may be called is told by the rules of the jars; here the sender is named, and what is dropped is logged and
//! counted.

use http::header::SET_COOKIE;
use http::{HeaderMap, HeaderValue};
use hubrouter_hub_adapter::cookies::{Sender, SetCookie};
use tracing::warn;

use super::exchange::Exchange;
use super::headers;
use crate::core::snapshot::HubIndex;

/// Takes all lines out of an answer's fields, in their order.
pub fn take(fields: &mut HeaderMap) -> Vec<HeaderValue> {
    headers::take_all(fields, SET_COOKIE)
}

/// The lines that `hub`, or what stands behind it, may send; `state` is that of the OAuth login that begins or ends here.
pub fn for_browser(
    exchange: &Exchange<'_>,
    hub: HubIndex,
    lines: impl IntoIterator<Item = HeaderValue>,
    state: Option<&str>,
) -> Vec<HeaderValue> {
    let sender = Sender {
        hub: exchange.id(hub),
        plane: exchange.place.row.plane,
        path: exchange.parts.uri.path(),
        state,
    };
    let passed = |line: HeaderValue| match exchange.snapshot().jars.to_client(&sender, &line) {
        SetCookie::Pass(line) => Some(line),
        SetCookie::Drop(reason) => {
            exchange.worker().shared.counts.dropped_cookie();
            warn!(
                hub.id = %sender.hub,
                url.path = &*exchange.logged_path(),
                %reason,
                "a cookie under a name that is not its sender's: dropped"
            );
            None
        }
    };
    lines.into_iter().filter_map(passed).collect()
}
