//! What is known of a request when its hub is chosen.
//!
//! Gathered at the edge by `proxy::gather`; a fact that costs a question is asked for by the decision.

use hubrouter_hub_adapter::address::Place;
use hubrouter_hub_adapter::destination::Dest;
use hubrouter_hub_adapter::names::UserName;

use super::login::LoginMark;
use super::snapshot::HubIndex;

/// A fact that only hubs can tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Asked<T> {
    /// There is nothing to ask about.
    Nothing,
    /// It can be asked, and has not been.
    NotYet,
    /// What came of asking; `None` when no hub knew.
    Answer(T),
}

/// Everything a decision may look at.
#[derive(Clone, Debug)]
pub struct RequestFacts<'a> {
    /// The row of the routing table, and the owner the address names.
    pub place: &'a Place,
    /// Whether the request can start a server.
    pub start: bool,
    /// Whether a person is looking at the answer: only then hubs are asked who somebody is.
    pub navigation: bool,
    /// The user our session cookie names.
    pub session: Option<UserName>,
    /// The hub the person or script chose, if it exists.
    pub chosen: Option<HubIndex>,
    /// What the login cookie holds.
    pub login: Option<LoginMark>,
    /// Hubs whose login the browser holds, in the order of its cookies.
    pub jars: Vec<HubIndex>,
    /// Where the page after the login lives.
    pub next: Dest,
    /// The user a login form names.
    pub form_user: Option<UserName>,
    /// The hub that began the OAuth login that now returns.
    pub flow: Option<HubIndex>,
    /// Where the page that asks for this file lives.
    pub referer: Dest,
    /// Hubs that know the API token of this request.
    pub token: Asked<Vec<HubIndex>>,
    /// Whose browser this is, by the word of a hub it holds a login of.
    pub jar_user: Asked<Option<UserName>>,
    /// A number that spreads strangers over the hubs: the same for the same client.
    pub spread: u64,
}
