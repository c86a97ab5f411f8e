//! What a page says about logins, logouts and cookies.
//!
//! The cookies themselves are set and expired by the caller.

use http::StatusCode;
use hubrouter_config::HubId;

use super::{Content, ids, named};
use crate::pages::{Chrome, Link};

pub(super) fn login_loop(user: &str, hubs: &[HubId], login: &Link, chrome: &Chrome) -> Content {
    let named = named(hubs);
    let what = format!(
        "Logging in as {user} led from hub to hub ({named}) and back, twice, and to no page. The router stopped there."
    );
    Content::new(StatusCode::CONFLICT, "login_loop", "The login goes round in circles", what)
        .people(
            "Old cookies can be the reason: clear those of this site, then log in again. If it happens once more, \
             the hubs do not agree on your user name, and only the people who run this site can mend that: tell \
             them your user name and what stands at the foot of this page.",
        )
        .script("Clear this site's cookies and log in again; if it happens once more, tell the site's operators.")
        .with("user", user)
        .with("hubs", ids(hubs))
        .post(chrome.clear_cookies(), "Clear this site's cookies")
        .go(login)
}

pub(super) fn whose_start(hub: &HubId, login: &Link) -> Content {
    let what = format!(
        "This browser is logged in at the hub {hub}, but it is not clear as whom. Nothing was started: a server must not \
         start at a hub where its user does not belong."
    );
    Content::new(StatusCode::SERVICE_UNAVAILABLE, "whose_start", "Whose server is it?", what)
        .about(hub)
        .people("Log in: that makes it clear, and goes on to what you wanted.")
        .script("Send an API token, or log in.")
        .again_in(60)
        .go(login)
}

pub(super) fn logged_out(dead: &[HubId], login: &Link) -> Content {
    if dead.is_empty() {
        let what = "You are logged out, at every hub that this browser had logged in to.";
        return Content::new(StatusCode::OK, "logged_out", "Logged out", what).go(login);
    }
    let (is, it) = if dead.len() == 1 { ("hub", "it is") } else { ("hubs", "they are") };
    let what = format!(
        "This browser is logged out. The {is} {} could not be told; that happens as soon as {it} back.",
        named(dead)
    );
    Content::new(StatusCode::OK, "logged_out", "Logged out, almost everywhere", what)
        .people(
            "The cookies of this browser are gone. Until then, somebody who copied them before could still use \
             them: on a computer that is not yours, close the browser.",
        )
        .with("hubs", ids(dead))
        .go(login)
}

pub(super) fn cookies_too_large(limit: u64, chrome: &Chrome) -> Content {
    let what = format!(
        "The head of the request, its cookies most of all, is longer than the {limit} bytes that fit."
    );
    Content::new(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, "head_too_large", "Too many cookies", what)
        .people(
            "Clear the cookies of this site, then log in again. Your files and notebooks are not affected.",
        )
        .script("Send fewer or shorter header fields.")
        .with("limit", limit)
        .post(chrome.clear_cookies(), "Clear this site's cookies")
}

pub(super) fn clear_cookies(chrome: &Chrome) -> Content {
    let what = "This logs this browser out and clears the cookies that this site has set in it.";
    Content::new(StatusCode::OK, "clear_cookies", "Clear this site's cookies?", what)
        .people("Your files and running notebooks are not affected. Afterwards you log in again.")
        .post(chrome.clear_cookies(), "Clear this site's cookies")
        .go(&chrome.start())
}

pub(super) fn cookies_cleared(login: &Link) -> Content {
    let what = "The cookies of this site are cleared in this browser.";
    Content::new(StatusCode::OK, "cookies_cleared", "Cookies cleared", what).go(login)
}
