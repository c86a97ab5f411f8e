//! What a page says when a server cannot start here, there, or at all: it runs elsewhere, its hub is emptied or gone.
//!
//! Who may start where, and who may declare a server lost, is decided by the caller.

use http::StatusCode;
use hubrouter_config::HubId;

use super::waiting::{COME_BACK, NOTEBOOK_GOES_ON, go_on};
use super::{Act, Content};
use crate::pages::{Link, Rescue, Retry};

/// How long a client waits before it asks again whether another hub has room, in seconds.
const AFTER_DRAIN: u64 = 60;
/// The same for a hub that has been away for minutes, where the page does not look by itself.
const AFTER_GONE: u64 = 30;
/// Why a user without a hub gets no other one.
const NOT_ELSEWHERE: &str = "The operators of this site can see the outage. Nothing is started for you at another hub \
     meanwhile: two servers could write into the same files.";
/// What the button says whose press nobody can take back.
const DECLARE: &str = "Declare my server lost";

/// `acts`: the running notebook, and where it is stopped.
pub(super) fn still_runs(user: &str, hub: &HubId, acts: [&Link; 2], wanted: Option<&HubId>) -> Content {
    let whose =
        if user.is_empty() { "This user's server".to_owned() } else { format!("The server of {user}") };
    let place = wanted.map(|wanted| format!(" at the hub {wanted}")).unwrap_or_default();
    let what = format!(
        "{whose} still runs at the hub {hub}, and nobody has servers at two hubs. So nothing was started{place}."
    );
    let [notebook, stop] = acts;
    let content = Content::new(StatusCode::CONFLICT, "still_runs", format!("A server still runs at {hub}"), what)
        .about(hub)
        .people(format!(
            "Go on in the notebook that runs. Or, to start anew{place}, stop it first: save what is open, then press \
             “Stop My Server” on the home page of the hub {hub}.",
        ))
        .script("Stop it first, or use the one that runs.")
        .with("user", user)
        .with("notebook", notebook.url.as_str());
    let content = match wanted {
        Some(wanted) => content.with("wanted", wanted.as_ref()),
        None => content,
    };
    content.go(notebook).go(stop)
}

pub(super) fn draining(hub: &HubId, notebook: Option<&Link>) -> Content {
    let what = format!(
        "The operators are emptying the hub {hub}: it starts no more servers, and no other hub can take you now."
    );
    let content = Content::new(StatusCode::SERVICE_UNAVAILABLE, "draining", "No new servers here now", what)
        .about(hub)
        .script(format!("Nothing was started. Try again in {AFTER_DRAIN} seconds."))
        .again_in(AFTER_DRAIN);
    let content = match notebook {
        Some(link) => content.people(NOTEBOOK_GOES_ON).go(link),
        None => content,
    };
    content.people(COME_BACK)
}

pub(super) fn hub_gone(
    hub: &HubId,
    files_elsewhere: bool,
    retry: &Retry,
    rescue: Option<&Rescue>,
) -> Content {
    let what = format!(
        "The hub {hub} has not answered for minutes, and neither has its proxy. If your server was running there, \
         nobody can see from here whether it still is."
    );
    let content =
        Content::new(StatusCode::SERVICE_UNAVAILABLE, "hub_gone", "Your hub is gone", what).about(hub);
    let content = match files_elsewhere {
        true => content.people("Your saved files are safe: they are on storage that all hubs share."),
        false => content,
    };
    match rescue {
        None => go_on(content.people(NOT_ELSEWHERE), retry, false),
        Some(rescue) => offer(content, retry, rescue),
    }
}

fn offer(content: Content, retry: &Retry, rescue: &Rescue) -> Content {
    let content = content
        .people(
            "You can wait. Often a hub comes back, and everything in it is as you left it; the operators of this site \
             can see the outage.",
        )
        .people(
            "Or you declare your server lost, and get a new one at another hub. That cannot be taken back:",
        );
    let mut content = match retry {
        // An empty reference is the address of the page itself (RFC 3986 4.4), whatever that is.
        Retry::SameUrl { .. } => content.go(&Link::new("", "Wait, and look again")),
        Retry::Login { login: link, .. } | Retry::SpawnAgain { spawn: link } => content.go(link),
    };
    content.points = vec![
        "What is not saved in your running notebooks is lost, and so is all that they hold in memory.",
        "Your saved files stay.",
        "If the old server turns out to run after all, it may be stopped without another question.",
    ];
    content.acts.push(Act::Declare(rescue.clone(), DECLARE));
    content
        .script(format!("Nothing was started elsewhere. Try again in {AFTER_GONE} seconds."))
        .again_in(AFTER_GONE)
}

pub(super) fn rescued(next: &Link) -> Content {
    let what = "Your old server is declared lost: nothing waits for it any more.";
    Content::new(StatusCode::OK, "rescued", "Your server is given up", what)
        .people("The next one starts at another hub. Your saved files are there as always.")
        .go(next)
}
