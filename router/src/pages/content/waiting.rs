//! What a page says to somebody who waits for a hub.
//!
//! Three ways on: the same address by itself, a new login, or the spawn page. Which one is right is the caller's
//! decision: nothing that could have an effect is repeated by a page.

use std::time::Duration;

use http::StatusCode;
use hubrouter_config::HubId;

use super::{Content, sentence};
use crate::pages::{Link, Retry, Waiting, WaitingFor};

/// Whether one runs is not known here: the hub, who knows, is the one that is away.
pub(super) const NOTEBOOK_GOES_ON: &str =
    "If your notebook was running, it still is, and you can go on with it.";
/// Where only operators can end it.
pub(super) const COME_BACK: &str =
    "Your files are not affected. Come back later, or ask the people who run this site how long it takes.";
/// How long a client waits before it asks again, where nothing better is known, in seconds.
const AGAIN: u64 = 5;
/// The same while the router itself is about to go on, in seconds.
const SOON: u64 = 2;
/// The same for maintenance, which takes longer than a restart.
const AFTER_MAINTENANCE: u64 = 120;

/// What a waiting page says.
pub(super) fn of(page: &Waiting) -> Content {
    let (word, title, what) = words(page.why, &page.hub);
    let content = Content::new(StatusCode::SERVICE_UNAVAILABLE, word, title, what).about(&page.hub);
    let content = match &page.notebook {
        Some(_) => content.people(NOTEBOOK_GOES_ON),
        None => content,
    };
    let content = go_on(content, &page.retry, soon(page.why));
    match &page.notebook {
        Some(link) => content.go(link),
        None => content,
    }
}

pub(super) fn maintenance(hub: &HubId, notebook: Option<&Link>) -> Content {
    let what = format!("The hub {hub} is in maintenance: its operators have closed it for a while.");
    let content =
        Content::new(StatusCode::SERVICE_UNAVAILABLE, "maintenance", "Closed for maintenance", what)
            .about(hub)
            .script("Try again later.")
            .again_in(AFTER_MAINTENANCE);
    let content = match notebook {
        Some(link) => content.people(NOTEBOOK_GOES_ON).go(link),
        None => content,
    };
    content.people(COME_BACK)
}

pub(super) fn no_hub() -> Content {
    let what = "No hub of this site can be reached at the moment.";
    Content::new(StatusCode::SERVICE_UNAVAILABLE, "no_hub", "Nothing can be reached", what)
        .people(
            "You did nothing wrong. Open the page again in a while; if it stays so, tell the people who run this site.",
        )
        .script(format!("Try again in {AGAIN} seconds."))
        .again_in(AGAIN)
}

fn words(why: WaitingFor, hub: &HubId) -> (&'static str, &'static str, String) {
    match why {
        WaitingFor::Starting => (
            "starting",
            "The hub is starting",
            format!("The hub {hub} is starting and takes no requests yet."),
        ),
        WaitingFor::HubDown => (
            "hub_down",
            "The hub does not answer",
            format!(
                "The hub {hub} does not answer. It may be restarting; notebooks that run there go on without it."
            ),
        ),
        WaitingFor::ProxyDown => (
            "proxy_down",
            "The hub cannot be reached",
            format!(
                "The proxy of the hub {hub} does not answer, so its pages and notebooks cannot be reached."
            ),
        ),
        WaitingFor::Down => (
            "down",
            "The hub does not answer",
            format!(
                "Neither the hub {hub} nor its proxy answers, so its pages and notebooks cannot be reached."
            ),
        ),
        WaitingFor::Unreachable => (
            "unreachable",
            "The hub cannot be reached",
            format!("The router could not connect to the hub {hub} just now."),
        ),
        WaitingFor::BrokeOff => (
            "broke_off",
            "The hub broke off",
            format!("The hub {hub} took the request and closed the connection before it answered."),
        ),
        WaitingFor::Moving => (
            "moving",
            "Another hub takes over",
            format!(
                "The hub {hub} has just been closed to new servers. In a moment another hub is ready to start yours."
            ),
        ),
        WaitingFor::Asking => (
            "asking",
            "One moment",
            "Before a server starts, the router makes sure that you have none at another hub: two of them could \
             write into the same files. It waits for the last answer."
                .to_owned(),
        ),
        WaitingFor::FailedOver => (
            "failed_over",
            "Another hub takes over",
            format!("The hub {hub} does not answer. In a moment another hub takes over from it."),
        ),
    }
}

/// Whether the router is about to go on by itself, rather than the hub to come back.
fn soon(why: WaitingFor) -> bool {
    match why {
        WaitingFor::Moving | WaitingFor::Asking | WaitingFor::FailedOver => true,
        WaitingFor::Starting | WaitingFor::HubDown | WaitingFor::ProxyDown | WaitingFor::Down => false,
        WaitingFor::Unreachable | WaitingFor::BrokeOff => false,
    }
}

/// How a request goes on; `soon` when the router itself is about to.
pub(super) fn go_on(content: Content, retry: &Retry, soon: bool) -> Content {
    let (when, again) = if soon { ("in a moment", SOON) } else { ("as soon as the hub is back", AGAIN) };
    match retry {
        Retry::SameUrl { after } => {
            let seconds = whole_seconds(*after);
            let mut content = content
                .people(format!(
                    "This page tries again every {} and goes on by itself. You need not do anything.",
                    if seconds == 1 { "second".to_owned() } else { counted(seconds) }
                ))
                .script(format!("Try again in {}.", counted(seconds)))
                .again_in(seconds);
            content.refresh = Some(seconds);
            content
        }
        Retry::Login { login, why } => content
            .people(sentence(why))
            .people(format!("Log in again to go on; that works {when}."))
            .script(format!("{} Log in again.", sentence(why)))
            .again_in(again)
            .go(login),
        Retry::SpawnAgain { spawn } => content
            .people(
                "Your server was not started, and the router does not keep what you entered. \
                 Go to the page that starts servers; where it offers choices, make them again.",
            )
            .script(format!("The server was not started. Start it again {when}."))
            .again_in(again)
            .go(spawn),
    }
}

/// At least one second: a page that asks again at once would be a loop.
fn whole_seconds(after: Duration) -> u64 {
    after.as_secs().max(1)
}

fn counted(seconds: u64) -> String {
    format!("{seconds} second{}", if seconds == 1 { "" } else { "s" })
}
