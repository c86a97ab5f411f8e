//! What a page says when something is wrong: with the request, with a hub, with the router.
//!
//! Each says whether the request may have had an effect, because that decides whether it can be sent again.

use std::time::Duration;

use http::StatusCode;
use hubrouter_config::HubId;

use super::{Content, sentence};
use crate::pages::Chrome;

pub(super) fn bad(word: &'static str, title: &str, why: &str, chrome: &Chrome) -> Content {
    Content::new(StatusCode::BAD_REQUEST, word, title, sentence(why))
        .people("Nothing was sent to a hub. Check the link that led here, or begin at the start page.")
        .script("Nothing was sent to a hub.")
        .go(&chrome.start())
}

pub(super) fn refused(word: &'static str, title: &str, why: &str, chrome: &Chrome) -> Content {
    Content::new(StatusCode::FORBIDDEN, word, title, sentence(why))
        .people("Nothing was sent to a hub.")
        .script("Nothing was sent to a hub.")
        .go(&chrome.start())
}

pub(super) fn bad_gateway(hub: &HubId, why: &str) -> Content {
    let what = format!("The hub {hub} gave an answer that cannot be passed on: {why}.");
    Content::new(StatusCode::BAD_GATEWAY, "bad_answer", "The hub's answer makes no sense", what)
        .about(hub)
        .people(
            "Try again in a moment. What you sent may have arrived: look before you send it a second time. If this \
             goes on, tell the people who run this site what stands at the foot of this page.",
        )
        .script("The request may have had its effect.")
}

pub(super) fn gateway_timeout(hub: &HubId, waited: Duration) -> Content {
    let seconds = waited.as_secs();
    let what = format!("The hub {hub} took the request and did not answer within {seconds} seconds.");
    Content::new(StatusCode::GATEWAY_TIMEOUT, "no_answer", "The hub takes too long", what)
        .about(hub)
        .people("What you sent may have arrived: look before you send it a second time.")
        .script("The request may have had its effect.")
}

pub(super) fn goes_in_circles() -> Content {
    let what = "The address of a hub leads back to this router, so the request would never arrive.";
    Content::new(StatusCode::LOOP_DETECTED, "loop", "The request goes in circles", what)
        .people("Tell the people who run this site: a `url` in the router's configuration points to the router itself.")
        .script("Nothing was sent to a hub.")
}

pub(super) fn request_timeout() -> Content {
    let what = "The request did not arrive in full, and the router stopped waiting for the rest.";
    Content::new(StatusCode::REQUEST_TIMEOUT, "request_timeout", "The request took too long", what)
        .people("Check your connection and try again.")
        .script("Nothing was sent to a hub.")
}

pub(super) fn too_large(limit: u64) -> Content {
    let what = format!("The form is longer than the {limit} bytes that the router reads of one.");
    Content::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", "Too much to send", what)
        .people("Nothing was sent to a hub. Go back, shorten what you entered, and send it again.")
        .script("Nothing was sent to a hub.")
        .with("limit", limit)
}

pub(super) fn address_too_long(limit: u64, chrome: &Chrome) -> Content {
    let what = format!("The address is longer than the {limit} bytes that this site takes.");
    Content::new(StatusCode::URI_TOO_LONG, "address_too_long", "The address is too long", what)
        .people("Check the link that led here, or begin at the start page.")
        .with("limit", limit)
        .go(&chrome.start())
}

pub(super) fn method_not_allowed(allow: &'static str) -> Content {
    let what = format!("This address takes only the methods {allow}.");
    let mut content =
        Content::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", "Not that way", what)
            .with("allow", allow);
    content.allow = Some(allow);
    content
}

pub(super) fn not_found(chrome: &Chrome) -> Content {
    let what = "Below this address stand the router's own pages, and this is none of them.";
    Content::new(StatusCode::NOT_FOUND, "not_found", "No such page", what).go(&chrome.start())
}

pub(super) fn internal(chrome: &Chrome) -> Content {
    let what = "The router itself failed at this request, and has logged why.";
    Content::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "Our mistake", what)
        .people(
            "Your notebooks go on. Try again; if it happens once more, tell the people who run this site what \
             stands at the foot of this page.",
        )
        .script("The request may have had its effect.")
        .go(&chrome.start())
}
