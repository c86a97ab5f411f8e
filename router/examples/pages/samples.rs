//! One sample of every page, and of its variants. Shared by the example that draws them and the tests that read them.

use std::time::Duration;

use hubrouter::pages::{Ambiguity, Choice, ChosenHub, Link, Page, Rescue, Retry, Waiting, WaitingFor};
use hubrouter_config::HubId;

/// A file name and the page.
pub fn all() -> Vec<(&'static str, Page)> {
    let mut pages = waiting();
    pages.extend(moves());
    pages.extend(hubs());
    pages.extend(logins());
    pages.extend(refusals());
    pages.extend(failures());
    pages
}

/// The hub `name`.
pub fn hub(name: &str) -> HubId {
    name.parse().expect("the samples' hub ids are valid")
}

fn lab() -> Link {
    Link::new("/user/ada/lab", "Go to your notebook")
}

fn login() -> Link {
    Link::new("/login-page?next=%2Fuser%2Fada%2Flab", "Log in")
}

fn waiting() -> Vec<(&'static str, Page)> {
    let same = || Retry::SameUrl { after: Duration::from_secs(5) };
    let soon = || Retry::SameUrl { after: Duration::from_secs(2) };
    let again = || Retry::Login {
        login: login(),
        why: "Your login was under way when the hub stopped answering, and a login cannot be sent twice."
            .into(),
    };
    let spawn = || Retry::SpawnAgain { spawn: Link::new("/spawn-page", "Start your server") };
    let page = |why, retry, notebook| Page::Waiting(Waiting { hub: hub("hub-a"), why, retry, notebook });
    vec![
        ("waiting-starting", page(WaitingFor::Starting, same(), None)),
        ("waiting-hub-down", page(WaitingFor::HubDown, same(), Some(lab()))),
        ("waiting-proxy-down", page(WaitingFor::ProxyDown, same(), None)),
        ("waiting-down", page(WaitingFor::Down, same(), None)),
        ("waiting-unreachable", page(WaitingFor::Unreachable, same(), None)),
        ("waiting-moving", page(WaitingFor::Moving, soon(), None)),
        ("waiting-moving-spawn", page(WaitingFor::Moving, spawn(), None)),
        ("waiting-asking", page(WaitingFor::Asking, soon(), None)),
        ("waiting-failed-over", page(WaitingFor::FailedOver, soon(), None)),
        ("waiting-login", page(WaitingFor::HubDown, again(), None)),
        ("waiting-spawn", page(WaitingFor::Down, spawn(), None)),
        ("maintenance", Page::Maintenance { hub: hub("hub-a"), notebook: None }),
        ("maintenance-notebook", Page::Maintenance { hub: hub("hub-a"), notebook: Some(lab()) }),
    ]
}

fn moves() -> Vec<(&'static str, Page)> {
    let still_runs = |wanted: Option<&str>| Page::StillRuns {
        user: "ada".into(),
        hub: hub("hub-a"),
        notebook: lab(),
        stop: Link::new("/home-page", "Go to the home page"),
        wanted: wanted.map(hub),
    };
    let gone = |files_elsewhere, rescue| Page::HubGone {
        hub: hub("hub-a"),
        files_elsewhere,
        retry: Retry::SameUrl { after: Duration::from_secs(30) },
        rescue,
    };
    let rescue = Rescue { action: "/_hubrouter/rescue".into(), token: "c2lnbmVkLWZvci1hZGE".into() };
    vec![
        ("draining", Page::Draining { hub: hub("hub-a"), notebook: None }),
        ("draining-notebook", Page::Draining { hub: hub("hub-a"), notebook: Some(lab()) }),
        ("still-runs", still_runs(None)),
        ("still-runs-wanted", still_runs(Some("hub-b"))),
        ("hub-gone", gone(true, None)),
        ("hub-gone-local", gone(false, None)),
        ("hub-gone-rescue", gone(true, Some(rescue))),
        ("rescued", Page::Rescued { next: Link::new("/spawn-page", "Start a new server") }),
    ]
}

fn hubs() -> Vec<(&'static str, Page)> {
    let all = || vec![hub("hub-a"), hub("hub-b"), hub("hub-s")];
    let chosen = |state| {
        Page::ChosenHub(ChosenHub {
            hub: hub("hub-b"),
            state,
            hubs: all(),
            links: vec![Link::new("/home-page", "Hub home"), Link::new("/admin-page", "Admin page")],
        })
    };
    vec![
        ("conflict-token", Page::Conflict { hubs: all(), why: Ambiguity::Token }),
        ("conflict-collection", Page::Conflict { hubs: all(), why: Ambiguity::Collection }),
        (
            "start-elsewhere",
            Page::StartElsewhere { user: "ada".into(), hub: hub("hub-a"), chosen: hub("hub-b") },
        ),
        ("whose-start", Page::WhoseStart { hub: hub("hub-b"), login: Link::new("/login-page", "Log in") }),
        ("chosen", chosen(Choice::Chosen(Duration::from_secs(3600)))),
        ("chosen-confirm", chosen(Choice::Confirm)),
        ("hub-list", Page::HubList { hubs: all() }),
    ]
}

fn logins() -> Vec<(&'static str, Page)> {
    let both = vec![hub("hub-a"), hub("hub-b")];
    vec![
        ("login-loop", Page::LoginLoop { user: "ada".into(), hubs: both, login: login() }),
        ("logged-out", Page::LoggedOut { dead: Vec::new(), login: login() }),
        ("logged-out-almost", Page::LoggedOut { dead: vec![hub("hub-b")], login: login() }),
        ("cookies-too-large", Page::CookiesTooLarge { limit: 32768 }),
        ("clear-cookies", Page::ClearCookies),
        ("cookies-cleared", Page::CookiesCleared { login: login() }),
        ("token-unknown", Page::TokenUnknown),
        ("too-many-questions", Page::TooManyQuestions),
    ]
}

fn refusals() -> Vec<(&'static str, Page)> {
    vec![
        ("bad-address", Page::BadAddress("The user name in the address contains an encoded slash.".into())),
        ("bad-request", Page::BadRequest("The request has two Host fields.".into())),
        (
            "refused",
            Page::Refused("The metrics of one hub are read at that hub, not on the public site.".into()),
        ),
        (
            "not-supported",
            Page::NotSupported(
                "Renaming a user would move them to another hub, where their files are not.".into(),
            ),
        ),
        ("too-large", Page::TooLarge { limit: 65536 }),
        ("address-too-long", Page::AddressTooLong { limit: 16384 }),
        ("method-not-allowed", Page::MethodNotAllowed { allow: "GET, HEAD" }),
        ("loop", Page::Loop),
        ("not-found", Page::NotFound),
        ("request-timeout", Page::RequestTimeout),
    ]
}

fn failures() -> Vec<(&'static str, Page)> {
    let waited = Duration::from_secs(120);
    vec![
        ("bad-gateway", Page::BadGateway { hub: hub("hub-a"), why: "its first line is not HTTP".into() }),
        ("gateway-timeout", Page::GatewayTimeout { hub: hub("hub-a"), waited }),
        ("no-hub", Page::NoHub),
        ("internal", Page::Internal),
    ]
}
