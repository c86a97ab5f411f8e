//! What a page says where a hub has to be chosen, or has been.
//!
//! Users hardly ever see these; operators and scripts of the whole site do.

use std::time::Duration;

use http::StatusCode;
use hubrouter_config::HubId;

use super::{Content, ids, named};
use crate::pages::{Ambiguity, Choice, ChosenHub, Chrome, Link};

/// The window in which a client's questions are counted, in seconds.
const ASK_AGAIN: u64 = 60;

pub(super) fn conflict(hubs: &[HubId], why: Ambiguity, chrome: &Chrome) -> Content {
    let (word, what) = match why {
        Ambiguity::Token => ("token_of_several_hubs", "More than one hub knows this API token"),
        Ambiguity::Collection => ("collection_of_each_hub", "Every hub has its own answer to this request"),
    };
    let what =
        format!("{what}: {}. The request does not say which is meant, so it was sent to none.", named(hubs));
    Content::new(StatusCode::CONFLICT, word, "Which hub?", what)
        .script(format!(
            "Send the header X-Hubrouter-Hub with one of these ids; a browser chooses at {}<id>.",
            chrome.chosen("")
        ))
        .with("hubs", ids(hubs))
        .with("header", "X-Hubrouter-Hub")
        .choices("Choose a hub for this browser, then open the page again:", hubs)
}

/// As a hub says it: clients compare these answers.
pub(super) fn token_unknown() -> Content {
    let what = "No hub of this site knows this API token.";
    let mut content = Content::new(StatusCode::FORBIDDEN, "token_unknown", "Unknown token", what)
        .people("It may have expired or been revoked: request a new one at the token page of your hub.")
        .script("It may have expired or been revoked.");
    content.extras.clear();
    content
}

pub(super) fn too_many_questions() -> Content {
    let what = "This client has made the router ask the hubs too often whose token or login it holds.";
    Content::new(StatusCode::TOO_MANY_REQUESTS, "too_many_questions", "Too many questions", what)
        .people("Wait a minute, then try again.")
        .script(format!("Try again in {ASK_AGAIN} seconds, with a token that a hub knows."))
        .again_in(ASK_AGAIN)
}

pub(super) fn start_elsewhere(user: &str, hub: &HubId, chosen: &HubId, chrome: &Chrome) -> Content {
    let server = if user.is_empty() { "This server".to_owned() } else { format!("The server of {user}") };
    let what = format!(
        "{server} belongs to the hub {hub}, but the hub {chosen} is chosen. It was not \
         started: a second server on another hub could damage the work of the first."
    );
    Content::new(StatusCode::CONFLICT, "start_elsewhere", "Not started on the chosen hub", what)
        .about(hub)
        .people("Stop choosing a hub, then start the server again: it starts where it belongs.")
        .script("Send the request again without X-Hubrouter-Hub.")
        .with("user", user)
        .with("chosen", chosen.as_ref())
        .go(&Link::new(chrome.chosen(""), "Stop choosing a hub"))
}

pub(super) fn chosen_hub(page: &ChosenHub, chrome: &Chrome) -> Content {
    let hub = &page.hub;
    match page.state {
        Choice::Confirm => {
            let what =
                format!("A link from another site asks to show you the hub {hub} instead of your own.");
            Content::new(StatusCode::OK, "confirm", format!("Choose the hub {hub}?"), what)
                .about(hub)
                .people("If you did not expect this, leave this page: nothing has changed yet.")
                .post(chrome.chosen(hub.as_ref()), format!("Choose {hub}"))
                .go(&chrome.start())
        }
        Choice::Chosen(left) => {
            let what = format!("The hub {hub} is chosen in this browser for the next {}.", minutes(left));
            let content = Content::new(StatusCode::OK, "chosen", format!("You have chosen {hub}"), what)
                .about(hub)
                .people(
                    "Pages that name no user, such as the admin page, now come from this hub. Notebooks, and pages \
                     that name a user, come from the hub of that user as always.",
                )
                .with("seconds", left.as_secs());
            let others: Vec<HubId> = page.hubs.iter().filter(|other| *other != hub).cloned().collect();
            let content = page.links.iter().fold(content, Content::go);
            let content = content.go(&Link::new(chrome.chosen(""), "Stop choosing"));
            if others.is_empty() { content } else { content.choices("Choose another hub:", &others) }
        }
    }
}

pub(super) fn hub_list(hubs: &[HubId], chrome: &Chrome) -> Content {
    Content::new(StatusCode::OK, "hubs", "The hubs of this site", "No hub is chosen in this browser.")
        .people(
            "Every user is served by their own hub and needs no choice. Operators choose a hub to see its admin page.",
        )
        .with("hubs", ids(hubs))
        .go(&chrome.start())
        .choices("Choose a hub for an hour:", hubs)
}

/// Whole minutes, rounded up: a choice that is about to end still has `1 minute`.
fn minutes(left: Duration) -> String {
    match left.as_secs().div_ceil(60).max(1) {
        1 => "minute".to_owned(),
        more => format!("{more} minutes"),
    }
}
