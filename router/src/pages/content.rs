//! What each page says: what happened, why, and what to do; to people and to scripts.
//!
//! Words and facts only: how they look, and that they are escaped, is `render`'s matter.

use http::StatusCode;
use hubrouter_config::HubId;
use serde_json::Value;

use super::{Chrome, Link, Page, Rescue};

mod choice;
mod fault;
mod login;
mod moving;
mod waiting;

/// The matter of one answer, before it has a form.
pub(super) struct Content {
    pub(super) status: StatusCode,
    pub(super) title: String,
    /// What happened and why, for everybody.
    pub(super) what: String,
    /// More paragraphs, for people: what to do.
    pub(super) people: Vec<String>,
    /// What follows from pressing a button that cannot be taken back, point by point.
    pub(super) points: Vec<&'static str>,
    /// What a script, or its author, is to do.
    pub(super) script: String,
    /// Keys of the JSON answer besides `status` and `message`.
    pub(super) extras: Vec<(&'static str, Value)>,
    /// Seconds.
    pub(super) retry_after: Option<u64>,
    /// Seconds until the page asks for its own address again.
    pub(super) refresh: Option<u64>,
    pub(super) allow: Option<&'static str>,
    /// What leads to the hubs that can be chosen here.
    pub(super) choose: &'static str,
    pub(super) hubs: Vec<HubId>,
    pub(super) acts: Vec<Act>,
}

/// Something to press.
pub(super) enum Act {
    /// A link.
    Go(Link),
    /// A button that changes something, so that no other site can press it by a mere link.
    Post(Link),
    /// A button that cannot be taken back; its form carries a token.
    Declare(Rescue, &'static str),
}

impl Content {
    fn new(
        status: StatusCode,
        why: &'static str,
        title: impl Into<String>,
        what: impl Into<String>,
    ) -> Content {
        Content {
            status,
            title: title.into(),
            what: what.into(),
            people: Vec::new(),
            points: Vec::new(),
            script: String::new(),
            extras: vec![("why", why.into())],
            retry_after: None,
            refresh: None,
            allow: None,
            choose: "",
            hubs: Vec::new(),
            acts: Vec::new(),
        }
    }

    fn people(mut self, paragraph: impl Into<String>) -> Content {
        self.people.push(paragraph.into());
        self
    }

    fn script(mut self, sentence: impl Into<String>) -> Content {
        self.script = sentence.into();
        self
    }

    fn with(mut self, key: &'static str, value: impl Into<Value>) -> Content {
        self.extras.push((key, value.into()));
        self
    }

    fn about(mut self, hub: &HubId) -> Content {
        self.extras.insert(0, ("hub", hub.as_ref().into()));
        self
    }

    fn go(mut self, link: &Link) -> Content {
        self.acts.push(Act::Go(link.clone()));
        self
    }

    fn post(mut self, url: String, text: impl Into<String>) -> Content {
        self.acts.push(Act::Post(Link::new(url, text)));
        self
    }

    fn choices(mut self, lead: &'static str, hubs: &[HubId]) -> Content {
        self.choose = lead;
        self.hubs = hubs.to_vec();
        self
    }

    fn again_in(mut self, seconds: u64) -> Content {
        self.retry_after = Some(seconds);
        self
    }

    /// The text of an extra key, for the foot of the page.
    pub(super) fn extra(&self, key: &str) -> Option<&str> {
        self.extras.iter().find(|(name, _)| *name == key).and_then(|(_, value)| value.as_str())
    }

    /// The whole message in one line.
    pub(super) fn for_scripts(&self) -> String {
        if self.script.is_empty() { self.what.clone() } else { format!("{} {}", self.what, self.script) }
    }
}

impl Chrome {
    /// Where the hub `id` is chosen; with an empty `id`, where the choice ends.
    pub(super) fn chosen(&self, id: &str) -> String {
        format!("{}_hubrouter/hub/{id}", self.base_url.as_str())
    }

    fn start(&self) -> Link {
        Link::new(self.base_url.as_str(), "Go to the start page")
    }

    fn clear_cookies(&self) -> String {
        format!("{}_hubrouter/clear-cookies", self.base_url.as_str())
    }
}

/// What `page` says.
pub(super) fn of(page: &Page, chrome: &Chrome) -> Content {
    match page {
        Page::Waiting(waiting) => waiting::of(waiting),
        Page::Maintenance { hub, notebook } => waiting::maintenance(hub, notebook.as_ref()),
        Page::Draining { hub, notebook } => moving::draining(hub, notebook.as_ref()),
        Page::StillRuns { user, hub, notebook, stop, wanted } => {
            moving::still_runs(user, hub, [notebook, stop], wanted.as_ref())
        }
        Page::HubGone { hub, files_elsewhere, retry, rescue } => {
            moving::hub_gone(hub, *files_elsewhere, retry, rescue.as_ref())
        }
        Page::Rescued { next } => moving::rescued(next),
        Page::LoginLoop { user, hubs, login } => login::login_loop(user, hubs, login, chrome),
        Page::BadAddress(why) => fault::bad("bad_address", "This address cannot be used", why, chrome),
        Page::BadRequest(why) => fault::bad("bad_request", "This request cannot be read", why, chrome),
        Page::Refused(why) => fault::refused("refused", "This is closed here", why, chrome),
        Page::NotSupported(why) => fault::refused("not_supported", "This site cannot do that", why, chrome),
        Page::TokenUnknown => choice::token_unknown(),
        Page::TooManyQuestions => choice::too_many_questions(),
        Page::Conflict { hubs, why } => choice::conflict(hubs, *why, chrome),
        Page::StartElsewhere { user, hub, chosen } => choice::start_elsewhere(user, hub, chosen, chrome),
        Page::WhoseStart { hub, login } => login::whose_start(hub, login),
        Page::ChosenHub(chosen) => choice::chosen_hub(chosen, chrome),
        Page::HubList { hubs } => choice::hub_list(hubs, chrome),
        Page::LoggedOut { dead, login } => login::logged_out(dead, login),
        Page::CookiesTooLarge { limit } => login::cookies_too_large(*limit, chrome),
        Page::ClearCookies => login::clear_cookies(chrome),
        Page::CookiesCleared { login } => login::cookies_cleared(login),
        Page::BadGateway { hub, why } => fault::bad_gateway(hub, why),
        Page::GatewayTimeout { hub, waited } => fault::gateway_timeout(hub, *waited),
        Page::RequestTimeout => fault::request_timeout(),
        Page::TooLarge { limit } => fault::too_large(*limit),
        Page::AddressTooLong { limit } => fault::address_too_long(*limit, chrome),
        Page::MethodNotAllowed { allow } => fault::method_not_allowed(allow),
        Page::Loop => fault::goes_in_circles(),
        Page::NotFound => fault::not_found(chrome),
        Page::NoHub => waiting::no_hub(),
        Page::Internal => fault::internal(chrome),
    }
}

fn ids(hubs: &[HubId]) -> Value {
    hubs.iter().map(|hub| Value::from(hub.as_ref())).collect()
}

/// `hub-a, hub-b and hub-s`
fn named(hubs: &[HubId]) -> String {
    let names: Vec<&str> = hubs.iter().map(AsRef::as_ref).collect();
    match names.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} and {last}", rest.join(", ")),
        _ => names.concat(),
    }
}

/// `why` as a sentence: reasons are written like errors, small and without a full stop.
fn sentence(why: &str) -> String {
    let mut letters = why.chars();
    let first = letters.next().into_iter().flat_map(char::to_uppercase);
    let end = if why.ends_with(['.', '?', '!']) { "" } else { "." };
    first.chain(letters).chain(end.chars()).collect()
}
