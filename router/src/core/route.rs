//! The decision: to which hub a request goes, and why.
//!
//! Owner before visitor, always. Pure: what is missing is asked for, and the caller decides again with the answer.

use hubrouter_config::Intent;
use hubrouter_hub_adapter::address::{Act, By, Plane};
use hubrouter_hub_adapter::names::UserName;

use super::facts::{Asked, RequestFacts};
use super::health::{Answer, WaitReason};
use super::snapshot::{HubIndex, Snapshot};
use super::why::Why;

/// At most so many hubs are asked whose browser this is.
pub const MAX_JARS_ASKED: usize = 3;

/// What happens to a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Send it to the hub.
    Forward {
        /// The hub.
        hub: HubIndex,
        /// What decided so.
        why: Why,
    },
    /// Its hub cannot answer now: say so, honestly and at once.
    Wait {
        /// The hub.
        hub: HubIndex,
        /// What decided that it is this hub.
        why: Why,
        /// What keeps it from answering.
        reason: WaitReason,
    },
    /// A fact is missing.
    Ask(Question),
    /// The router answers itself.
    Own(Own),
}

/// A fact that has to be asked for before the decision can be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Question {
    /// Ask these hubs, in this order, whose browser this is; the first answer wins.
    WhoseBrowser(Vec<HubIndex>),
    /// Ask every hub whether it knows the token.
    WhoseToken,
}

/// What the router answers itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Own {
    /// Log out everywhere.
    Logout,
    /// The router is alive.
    Health,
    /// A page below `/_hubrouter/`.
    RouterPage,
    /// Closed at the public edge, for the reason given.
    Refused(&'static str),
    /// A list of, or a write on, something of which each hub has its own part.
    Collection,
    /// Several hubs know the token: these.
    TokenOfSeveral(Vec<HubIndex>),
    /// No hub knows the token.
    TokenUnknown,
    /// A start at a chosen hub that is not the owner hub.
    StartElsewhere {
        /// The hub that was chosen.
        chosen: HubIndex,
        /// The owner hub.
        home: HubIndex,
    },
    /// A start by a browser whose user no hub could name: it goes nowhere before that is clear. The hub is the one of
    /// its first login.
    WhoseStart(HubIndex),
    /// The OAuth login is not known here any more: begin it anew.
    LoginAnew,
    /// The operators closed the hub for maintenance.
    Maintenance(HubIndex),
    /// There is no hub at all.
    NoHub,
}

/// Decides where a request goes.
#[must_use]
pub fn route(snapshot: &Snapshot, facts: &RequestFacts<'_>) -> Decision {
    match choose(snapshot, facts) {
        Ok((hub, why)) => answerable(snapshot, facts, hub, why),
        Err(other) => other,
    }
}

type Choice = Result<(HubIndex, Why), Decision>;

/// The hub by the row of the routing table.
fn choose(snapshot: &Snapshot, facts: &RequestFacts<'_>) -> Choice {
    match facts.place.row.act {
        Act::Logout if facts.place.row.plane == Plane::Hub => return own(Own::Logout),
        _ => {}
    }
    match facts.place.row.by {
        By::Owner => owner(snapshot, facts, Why::Owner),
        // A share link names its owner in the page that it goes on to.
        By::Visitor => owner(snapshot, facts, Why::Next),
        By::OAuthClient => oauth_client(snapshot, facts),
        By::Login => login(snapshot, facts),
        By::Callback => callback(snapshot, facts),
        By::Collection => collection(snapshot, facts),
        By::Service => service(snapshot, facts),
        By::Any => any(snapshot, facts),
        By::Router => own(if facts.place.row.act == Act::Health { Own::Health } else { Own::RouterPage }),
        By::Refused(reason) => own(Own::Refused(reason)),
    }
}

fn own(answer: Own) -> Choice {
    Err(Decision::Own(answer))
}

fn home_of(snapshot: &Snapshot, user: &UserName, why: Why) -> Choice {
    snapshot.home(user).map(|hub| (hub, why)).ok_or(Decision::Own(Own::NoHub))
}

/// The owner's hub; where the address names none, the hub of the token or of the visitor.
fn owner(snapshot: &Snapshot, facts: &RequestFacts<'_>, why: Why) -> Choice {
    match &facts.place.owner {
        Some(owner) => home_of(snapshot, owner, why),
        None => token(snapshot, facts).unwrap_or_else(|| visitor(snapshot, facts)),
    }
}

/// The OAuth hop of a notebook server goes to its owner's hub, that of a service to the service's.
fn oauth_client(snapshot: &Snapshot, facts: &RequestFacts<'_>) -> Choice {
    if let Some(owner) = &facts.place.owner {
        return home_of(snapshot, owner, Why::OAuthClient);
    }
    match facts.place.service.as_deref().and_then(|service| snapshot.service_hub(service)) {
        Some(hub) => Ok((hub, Why::Service)),
        None => visitor(snapshot, facts),
    }
}

/// `/services/<name>/`: where the configuration says, else at the visitor's own hub.
fn service(snapshot: &Snapshot, facts: &RequestFacts<'_>) -> Choice {
    match facts.place.service.as_deref().and_then(|service| snapshot.service_hub(service)) {
        Some(hub) => Ok((hub, Why::Service)),
        None => visitor(snapshot, facts),
    }
}

/// A login happens where its next page lives; else where the person belongs; else at any hub.
fn login(snapshot: &Snapshot, facts: &RequestFacts<'_>) -> Choice {
    if let Some(mark) = facts.login.as_ref().filter(|mark| mark.is_strong())
        && let Some(hub) = snapshot.find(&mark.hub).filter(|hub| takes_logins(snapshot, *hub))
    {
        return Ok((hub, Why::StrongLogin));
    }
    if let Some(hub) = snapshot.named_by(&facts.next) {
        return Ok((hub, Why::Next));
    }
    if let Some(hub) = facts.chosen {
        return Ok((hub, Why::Chosen));
    }
    if let Some(user) = &facts.form_user {
        return home_of(snapshot, user, Why::Form);
    }
    known_browser(snapshot, facts).unwrap_or_else(|| stranger(snapshot, facts))
}

/// An OAuth login returns to the hub that began it, or begins anew: never to a guess, which would destroy its state.
fn callback(snapshot: &Snapshot, facts: &RequestFacts<'_>) -> Choice {
    if snapshot.is_single() {
        return Ok((HubIndex(0), Why::Flow));
    }
    facts.flow.map(|hub| (hub, Why::Flow)).ok_or(Decision::Own(Own::LoginAnew))
}

/// A list or a write on everything belongs to no hub: with a token, only a chosen hub can answer it.
fn collection(snapshot: &Snapshot, facts: &RequestFacts<'_>) -> Choice {
    if facts.token == Asked::Nothing || snapshot.is_single() || facts.chosen.is_some() {
        return visitor(snapshot, facts);
    }
    own(Own::Collection)
}

/// An API token without an owner in the path: the one hub that knows it.
fn token(snapshot: &Snapshot, facts: &RequestFacts<'_>) -> Option<Choice> {
    if snapshot.is_single() || facts.chosen.is_some() {
        return None;
    }
    match &facts.token {
        Asked::Nothing => None,
        Asked::NotYet => Some(Err(Decision::Ask(Question::WhoseToken))),
        Asked::Answer(hubs) => Some(match hubs.as_slice() {
            [] => own(Own::TokenUnknown),
            [hub] => Ok((*hub, Why::Token)),
            several => own(Own::TokenOfSeveral(several.to_vec())),
        }),
    }
}

/// What names nobody goes to the visitor's hub.
fn visitor(snapshot: &Snapshot, facts: &RequestFacts<'_>) -> Choice {
    if let Some(question) = whose_browser(snapshot, facts) {
        return Err(Decision::Ask(question));
    }
    if let Some(hub) = undetermined(facts).filter(|_| facts.start && !snapshot.is_single()) {
        return own(Own::WhoseStart(hub));
    }
    if let Some(chosen) = facts.chosen {
        return at_chosen(snapshot, facts, chosen);
    }
    known_browser(snapshot, facts).unwrap_or_else(|| stranger(snapshot, facts))
}

/// At the chosen hub, but no start away from home: that could be a second server.
fn at_chosen(snapshot: &Snapshot, facts: &RequestFacts<'_>, chosen: HubIndex) -> Choice {
    let home = proven_user(facts).and_then(|user| snapshot.home(user));
    match home.filter(|home| facts.start && *home != chosen) {
        Some(home) => own(Own::StartElsewhere { chosen, home }),
        None => Ok((chosen, Why::Chosen)),
    }
}

/// Whose browser it is has to be asked when it holds logins, our session is missing, and it matters.
fn whose_browser(snapshot: &Snapshot, facts: &RequestFacts<'_>) -> Option<Question> {
    let matters = (facts.navigation || facts.start) && !snapshot.is_single();
    let unknown = facts.session.is_none() && facts.jar_user == Asked::NotYet && !facts.jars.is_empty();
    (matters && unknown)
        .then(|| Question::WhoseBrowser(facts.jars.iter().copied().take(MAX_JARS_ASKED).collect()))
}

/// The hub of the first login of a browser that holds logins and of which nobody could say whose it is: hubs that know
/// nobody by theirs are no longer among them.
fn undetermined(facts: &RequestFacts<'_>) -> Option<HubIndex> {
    match (&facts.session, &facts.jar_user) {
        (None, Asked::Answer(None)) => facts.jars.first().copied(),
        _ => None,
    }
}

fn proven_user<'a>(facts: &'a RequestFacts<'_>) -> Option<&'a UserName> {
    facts.session.as_ref().or(match &facts.jar_user {
        Asked::Answer(user) => user.as_ref(),
        Asked::Nothing | Asked::NotYet => None,
    })
}

/// Where a browser belongs by our session, by the word of a hub, or by the login it holds.
fn known_browser(snapshot: &Snapshot, facts: &RequestFacts<'_>) -> Option<Choice> {
    if let Some(user) = proven_user(facts) {
        let why = if facts.session.is_some() { Why::Session } else { Why::Jar };
        return Some(home_of(snapshot, user, why));
    }
    facts.jars.first().map(|hub| Ok((*hub, Why::Jar)))
}

/// Nobody we know: the hub that showed the login page, else any hub that is up.
fn stranger(snapshot: &Snapshot, facts: &RequestFacts<'_>) -> Choice {
    if let Some(mark) = &facts.login
        && let Some(hub) = snapshot.find(&mark.hub).filter(|hub| takes_logins(snapshot, *hub))
    {
        return Ok((hub, Why::WeakLogin));
    }
    let open: Vec<HubIndex> = strangers_hubs(snapshot);
    let choice = usize::try_from(facts.spread % (open.len().max(1) as u64)).unwrap_or(0);
    open.get(choice).map(|hub| (*hub, Why::Any)).ok_or(Decision::Own(Own::NoHub))
}

/// Hubs that take strangers: active ones that are up; else standbys that are up; else all, which will say why they wait.
fn strangers_hubs(snapshot: &Snapshot) -> Vec<HubIndex> {
    let up = |tier| -> Vec<HubIndex> {
        snapshot
            .indices()
            .filter(|hub| snapshot.hub(*hub).hub.tier == tier && takes_logins(snapshot, *hub))
            .collect()
    };
    let active = up(hubrouter_config::Tier::Active);
    if !active.is_empty() {
        return active;
    }
    let standby = up(hubrouter_config::Tier::Standby);
    if standby.is_empty() { snapshot.indices().collect() } else { standby }
}

fn takes_logins(snapshot: &Snapshot, hub: HubIndex) -> bool {
    let view = snapshot.hub(hub);
    view.hub.intent != Intent::Maintenance && view.answers(Plane::Hub) == Answer::Pass
}

/// Files that every hub has: from the hub of the page that asks for them, so that versions fit.
fn any(snapshot: &Snapshot, facts: &RequestFacts<'_>) -> Choice {
    if let Some(hub) = snapshot.named_by(&facts.referer).filter(|_| facts.place.row.act == Act::Static) {
        return Ok((hub, Why::Referer));
    }
    let known = facts.chosen.map(|hub| Ok((hub, Why::Chosen))).or_else(|| known_browser(snapshot, facts));
    match known {
        Some(Ok((hub, why))) if takes_logins(snapshot, hub) => Ok((hub, why)),
        _ => stranger(snapshot, facts),
    }
}

/// The chosen hub answers, or the reason why it cannot.
fn answerable(snapshot: &Snapshot, facts: &RequestFacts<'_>, hub: HubIndex, why: Why) -> Decision {
    let view = snapshot.hub(hub);
    let plane = facts.place.row.plane;
    // Testers reach a hub in maintenance by choosing it; running servers go on while its proxy answers.
    if view.hub.intent == Intent::Maintenance && plane == Plane::Hub && facts.chosen != Some(hub) {
        return Decision::Own(Own::Maintenance(hub));
    }
    match view.answers(plane) {
        Answer::Pass => Decision::Forward { hub, why },
        Answer::Wait(reason) => Decision::Wait { hub, why, reason },
    }
}

#[cfg(test)]
#[path = "route_tests.rs"]
mod tests;
