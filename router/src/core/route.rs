//! The decision: to which hub a request goes, and why.
//!
//! Owner before visitor, always. Pure: what is missing is asked for, and the caller decides again with the answer.

use hubrouter_config::{Intent, Tier};
use hubrouter_hub_adapter::address::{Act, By, Plane};
use hubrouter_hub_adapter::names::UserName;

use super::facts::{Asked, RequestFacts};
use super::health::{Answer, WaitReason};
use super::life::claim::Identity;
use super::life::tables;
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
        /// Whose page it is, where that is known.
        user: Option<UserName>,
    },
    /// It can start a server of this user: by [`start_of`](super::starting::start_of) it goes there or claims.
    Start(Start),
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

/// A request that can start a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Start {
    /// Whose.
    pub user: UserName,
    /// Whether the request names the user only, or a hub or our signature does.
    pub identity: Identity,
    /// The hub that was chosen, where the address names no owner.
    pub chosen: Option<HubIndex>,
    /// The owner hub, as far as pages are concerned.
    pub hub: HubIndex,
    /// What decided that it is this one.
    pub why: Why,
}

/// Decides where a request goes.
#[must_use]
pub fn route(snapshot: &Snapshot, facts: &RequestFacts<'_>) -> Decision {
    match choose(snapshot, facts) {
        Ok(Chosen { hub, why, user: Some(user) }) if facts.start => {
            let identity = if proven_user(facts) == Some(user) { Identity::Proven } else { Identity::Named };
            let chosen = facts.chosen.filter(|_| facts.place.owner.is_none());
            Decision::Start(Start { user: user.clone(), identity, chosen, hub, why })
        }
        Ok(chosen) => answerable(snapshot, facts, &chosen),
        Err(other) => other,
    }
}

/// The hub that was found, and whose it is where that is known.
struct Chosen<'a> {
    hub: HubIndex,
    why: Why,
    user: Option<&'a UserName>,
}

impl Chosen<'_> {
    /// Nobody's in particular.
    fn of(hub: HubIndex, why: Why) -> Self {
        Self { hub, why, user: None }
    }
}

type Choice<'a> = Result<Chosen<'a>, Decision>;

/// The hub by the row of the routing table.
fn choose<'a>(snapshot: &Snapshot, facts: &'a RequestFacts<'_>) -> Choice<'a> {
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

fn own<'a>(answer: Own) -> Choice<'a> {
    Err(Decision::Own(answer))
}

fn owner_hub<'a>(snapshot: &Snapshot, user: &'a UserName, why: Why) -> Choice<'a> {
    let hub = snapshot.owner(user).ok_or(Decision::Own(Own::NoHub))?;
    Ok(Chosen { hub, why, user: Some(user) })
}

/// The owner's hub; where the address names none, the hub of the token or of the visitor.
fn owner<'a>(snapshot: &Snapshot, facts: &'a RequestFacts<'_>, why: Why) -> Choice<'a> {
    match &facts.place.owner {
        Some(owner) => owner_hub(snapshot, owner, why),
        None => token(snapshot, facts).unwrap_or_else(|| visitor(snapshot, facts)),
    }
}

/// The OAuth hop of a notebook server goes to its owner's hub, that of a service to the service's.
fn oauth_client<'a>(snapshot: &Snapshot, facts: &'a RequestFacts<'_>) -> Choice<'a> {
    if let Some(owner) = &facts.place.owner {
        return owner_hub(snapshot, owner, Why::OAuthClient);
    }
    match facts.place.service.as_deref().and_then(|service| snapshot.service_hub(service)) {
        Some(hub) => Ok(Chosen::of(hub, Why::Service)),
        None => visitor(snapshot, facts),
    }
}

/// `/services/<name>/`: where the configuration says, else at the visitor's own hub.
fn service<'a>(snapshot: &Snapshot, facts: &'a RequestFacts<'_>) -> Choice<'a> {
    match facts.place.service.as_deref().and_then(|service| snapshot.service_hub(service)) {
        Some(hub) => Ok(Chosen::of(hub, Why::Service)),
        None => visitor(snapshot, facts),
    }
}

/// A login happens where its next page lives; else where the person belongs; else at any hub.
fn login<'a>(snapshot: &Snapshot, facts: &'a RequestFacts<'_>) -> Choice<'a> {
    if let Some(mark) = facts.login.as_ref().filter(|mark| mark.is_strong())
        && let Some(hub) = snapshot.find(&mark.hub).filter(|hub| takes_logins(snapshot, *hub))
    {
        return Ok(Chosen::of(hub, Why::StrongLogin));
    }
    if let Some(hub) = snapshot.named_by(&facts.next) {
        return Ok(Chosen::of(hub, Why::Next));
    }
    if let Some(hub) = facts.chosen {
        return Ok(Chosen::of(hub, Why::Chosen));
    }
    if let Some(user) = &facts.form_user {
        return owner_hub(snapshot, user, Why::Form);
    }
    known_browser(snapshot, facts).unwrap_or_else(|| stranger(snapshot, facts))
}

/// An OAuth login returns to the hub that began it, or begins anew: never to a guess, which would destroy its state.
fn callback<'a>(snapshot: &Snapshot, facts: &'a RequestFacts<'_>) -> Choice<'a> {
    if snapshot.is_single() {
        return Ok(Chosen::of(HubIndex(0), Why::Flow));
    }
    facts.flow.map(|hub| Chosen::of(hub, Why::Flow)).ok_or(Decision::Own(Own::LoginAnew))
}

/// A list or a write on everything belongs to no hub: with a token, only a chosen hub can answer it.
fn collection<'a>(snapshot: &Snapshot, facts: &'a RequestFacts<'_>) -> Choice<'a> {
    if facts.token == Asked::Nothing || snapshot.is_single() || facts.chosen.is_some() {
        return visitor(snapshot, facts);
    }
    own(Own::Collection)
}

/// An API token without an owner in the path: the one hub that knows it.
fn token<'a>(snapshot: &Snapshot, facts: &'a RequestFacts<'_>) -> Option<Choice<'a>> {
    if snapshot.is_single() || facts.chosen.is_some() {
        return None;
    }
    match &facts.token {
        Asked::Nothing => None,
        Asked::NotYet => Some(Err(Decision::Ask(Question::WhoseToken))),
        Asked::Answer(hubs) => Some(match hubs.as_slice() {
            [] => own(Own::TokenUnknown),
            [hub] => Ok(Chosen::of(*hub, Why::Token)),
            several => own(Own::TokenOfSeveral(several.to_vec())),
        }),
    }
}

/// What names nobody goes to the visitor's hub.
fn visitor<'a>(snapshot: &Snapshot, facts: &'a RequestFacts<'_>) -> Choice<'a> {
    if let Some(question) = whose_browser(snapshot, facts) {
        return Err(Decision::Ask(question));
    }
    if let Some(hub) = undetermined(facts).filter(|_| facts.start && !snapshot.is_single()) {
        return own(Own::WhoseStart(hub));
    }
    if let Some(chosen) = facts.chosen {
        return at_chosen(facts, chosen);
    }
    known_browser(snapshot, facts).unwrap_or_else(|| stranger(snapshot, facts))
}

/// At the chosen hub. Whether a start may leave the owner hub for it is `starting`'s.
fn at_chosen<'a>(facts: &'a RequestFacts<'_>, chosen: HubIndex) -> Choice<'a> {
    Ok(Chosen { hub: chosen, why: Why::Chosen, user: proven_user(facts) })
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
fn known_browser<'a>(snapshot: &Snapshot, facts: &'a RequestFacts<'_>) -> Option<Choice<'a>> {
    if let Some(user) = proven_user(facts) {
        let why = if facts.session.is_some() { Why::Session } else { Why::Jar };
        return Some(owner_hub(snapshot, user, why));
    }
    facts.jars.first().map(|hub| Ok(Chosen::of(*hub, Why::Jar)))
}

/// Nobody we know: the hub that showed the login page, else any hub that is up.
fn stranger<'a>(snapshot: &Snapshot, facts: &'a RequestFacts<'_>) -> Choice<'a> {
    if let Some(mark) = &facts.login
        && let Some(hub) = snapshot.find(&mark.hub).filter(|hub| takes_logins(snapshot, *hub))
    {
        return Ok(Chosen::of(hub, Why::WeakLogin));
    }
    let open: Vec<HubIndex> = strangers_hubs(snapshot);
    let choice = usize::try_from(facts.spread % (open.len().max(1) as u64)).unwrap_or(0);
    open.get(choice).map(|hub| Chosen::of(*hub, Why::Any)).ok_or(Decision::Own(Own::NoHub))
}

/// Hubs that take strangers: active ones that are up and keep their users; else standbys of that kind; else any that is up;
/// else all, which will say why they wait.
fn strangers_hubs(snapshot: &Snapshot) -> Vec<HubIndex> {
    let these = |takes: &dyn Fn(HubIndex) -> bool| -> Vec<HubIndex> {
        snapshot.indices().filter(|hub| takes(*hub)).collect()
    };
    let welcome = |hub| {
        let view = snapshot.hub(hub);
        takes_logins(snapshot, hub) && view.intent() == Intent::Active && view.is_plain()
    };
    let tier = |hub| snapshot.hub(hub).hub.tier;
    let kinds: [&dyn Fn(HubIndex) -> bool; 3] = [
        &|hub| tier(hub) == Tier::Active && welcome(hub),
        &|hub| tier(hub) == Tier::Standby && welcome(hub),
        &|hub| takes_logins(snapshot, hub),
    ];
    let found = kinds.into_iter().map(these).find(|hubs| !hubs.is_empty());
    found.unwrap_or_else(|| snapshot.indices().collect())
}

fn takes_logins(snapshot: &Snapshot, hub: HubIndex) -> bool {
    let view = snapshot.hub(hub);
    view.intent() != Intent::Maintenance && view.answers(Plane::Hub) == Answer::Pass
}

/// Files that every hub has: from the hub of the page that asks for them, so that versions fit.
fn any<'a>(snapshot: &Snapshot, facts: &'a RequestFacts<'_>) -> Choice<'a> {
    if let Some(hub) = snapshot.named_by(&facts.referer).filter(|_| facts.place.row.act == Act::Static) {
        return Ok(Chosen::of(hub, Why::Referer));
    }
    let known =
        facts.chosen.map(|hub| Ok(Chosen::of(hub, Why::Chosen))).or_else(|| known_browser(snapshot, facts));
    match known {
        Some(Ok(known)) if takes_logins(snapshot, known.hub) => Ok(known),
        _ => stranger(snapshot, facts),
    }
}

/// The hub answers, or the reason why it cannot.
fn answerable(snapshot: &Snapshot, facts: &RequestFacts<'_>, found: &Chosen<'_>) -> Decision {
    let Chosen { hub, why, user } = *found;
    let view = snapshot.hub(hub);
    let plane = facts.place.row.plane;
    // Testers reach a hub in maintenance by choosing it.
    if !view.is_plain() && facts.chosen != Some(hub) {
        let notebook = matches!(plane, Plane::User | Plane::Service);
        if let Err(other) = by_the_tables(snapshot, found, notebook) {
            return other;
        }
    }
    match view.answers(plane) {
        Answer::Pass => Decision::Forward { hub, why },
        Answer::Wait(reason) => Decision::Wait { hub, why, reason, user: user.cloned() },
    }
}

/// What the tables say of a hub that sends users away or is closed; an error is the answer.
fn by_the_tables(snapshot: &Snapshot, found: &Chosen<'_>, notebook: bool) -> Result<(), Decision> {
    let maintenance = Err(Decision::Own(Own::Maintenance(found.hub)));
    let Some(user) = found.user else {
        let closed = snapshot.hub(found.hub).intent() == Intent::Maintenance;
        return if closed && !notebook { maintenance } else { Ok(()) };
    };
    let Some(place) = snapshot.whereabouts(user) else { return Ok(()) };
    let served = snapshot.page(user, &place, notebook);
    match served.answer.answer {
        tables::Answer::Page(tables::Page::Maintenance) if served.hub == found.hub => maintenance,
        // What its planes cannot answer waits by the verdicts of this replica, as for any hub.
        _ => Ok(()),
    }
}

#[cfg(test)]
#[path = "route_tests.rs"]
mod tests;
