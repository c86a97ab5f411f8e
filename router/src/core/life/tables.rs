//! What happens to whom: two tables, by health and by intent, as three functions.
//!
//! One for a request under a user's own path, one for a page of the hub, one for a start. The hub in question is the user's
//! home; who is assigned elsewhere is sent there. Which hub is the next candidate is left to
//! [`candidates`](super::candidates), and whether a start at home may go unasked to [`calm`](super::calm).

#[cfg(test)]
mod cell_tests;
#[cfg(test)]
mod every_tests;
mod leaving;

use hubrouter_config::Intent;

use super::reason::Reason;
use super::state::{Situation, UserState};
use crate::core::health::{HubPlane, ProxyPlane};
use leaving::{Leaving, leaving};

/// An answer, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Ruling<A> {
    /// What happens.
    pub answer: A,
    /// What decided so.
    pub why: Reason,
}

/// What happens to a request that starts nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Answer {
    /// It goes to the hub.
    Pass,
    /// It goes to the hub, once: a slow hub is not asked again ("pass, no retries").
    PassOnce,
    /// It goes where the user is assigned.
    There,
    /// It goes to the next open candidate of the pool, the owner hub while the home is closed to the user.
    Candidate,
    /// A navigation gets the waiting page, which heals itself, a script 503 with `Retry-After`.
    Waiting,
    /// The router's own page says what is the matter.
    Page(Page),
}

/// What happens to a start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Start {
    /// It goes home: at once where the hub is calm, else by claim.
    Here,
    /// It goes where the user is assigned.
    There,
    /// It claims the next open candidate of the pool.
    Claim(AskFirst),
    /// It waits: a page, or 503 with `Retry-After`.
    Wait,
    /// The router's own page says what is the matter.
    Page(Page),
}

/// Whether the claimer asks the owner hub before anything is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AskFirst {
    /// The hub's plane is up: its word decides.
    Ask,
    /// It cannot be asked. Who was known as running there has an assignment since before the candidates opened.
    CannotBeAsked,
}

/// A page that says why nothing goes on here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Page {
    /// The hub is closed for maintenance.
    Maintenance,
    /// The hub is being drained and no other one can take the user.
    Draining,
}

/// A request under the user's own path: a running server needs nothing but the hub's proxy ("up / down: **pass**").
///
/// Who has no server there is answered by the hub behind the proxy, and by the next candidate once that is the owner hub.
#[must_use]
pub fn user_request(at: &Situation) -> Ruling<Answer> {
    match at.user {
        UserState::RunningElsewhere => ruling(Answer::There, Reason::Assigned),
        UserState::RunningHere => through_the_proxy(at, Reason::ServerRuns),
        UserState::Unknown => through_the_proxy(at, Reason::MayRun),
        UserState::Idle | UserState::New => match candidate_for_pages(at) {
            Some(why) => ruling(Answer::Candidate, why),
            None => through_the_proxy(at, Reason::Serves),
        },
    }
}

/// A page of the hub for the user.
#[must_use]
pub fn hub_page(at: &Situation) -> Ruling<Answer> {
    match at.user {
        UserState::RunningElsewhere => ruling(Answer::There, Reason::Assigned),
        UserState::RunningHere | UserState::Unknown => own_page(at),
        UserState::Idle | UserState::New => match (candidate_for_pages(at), at.intent) {
            (Some(why), _) => ruling(Answer::Candidate, why),
            (None, Intent::Maintenance) => ruling(Answer::Page(Page::Maintenance), Reason::Maintenance),
            (None, Intent::Active | Intent::Cordoned | Intent::Draining) => own_page(at),
        },
    }
}

/// A start for the user. Never off home while a server runs or may run there: who runs stays, and who may run leaves only by
/// the hub's own word.
#[must_use]
pub fn start(at: &Situation) -> Ruling<Start> {
    match at.user {
        UserState::RunningElsewhere => ruling(Start::There, Reason::Assigned),
        UserState::RunningHere => match at.intent {
            Intent::Maintenance => ruling(Start::Page(Page::Maintenance), Reason::Maintenance),
            Intent::Active | Intent::Cordoned | Intent::Draining => at_home(at, Reason::ServerRuns),
        },
        UserState::Idle | UserState::Unknown | UserState::New => match leaving(at) {
            Leaving::Stays => at_home(at, served(at)),
            Leaving::NobodyTakes(why) => nobody_takes(at, why),
            Leaving::Closing(why) => held_back(at, why),
            Leaving::MustBeAsked(why) => held_back(at, why),
            Leaving::Goes(why) if at.can_be_asked() => ruling(Start::Claim(AskFirst::Ask), why),
            Leaving::Goes(why) => ruling(Start::Claim(AskFirst::CannotBeAsked), why),
        },
    }
}

/// Whether the next candidate is the owner hub for pages too, and why.
///
/// By intent: a draining hub's idle users "pass until a start"; by health: where starts fail, pages pass. New users have
/// nothing at the hub and go.
fn candidate_for_pages(at: &Situation) -> Option<Reason> {
    let Leaving::Goes(why) = leaving(at) else { return None };
    let serves = at.proxy == ProxyPlane::Up && at.can_be_asked();
    match why {
        Reason::Draining | Reason::SpawnFailing if serves && at.user != UserState::New => None,
        why => Some(why),
    }
}

fn ruling<A>(answer: A, why: Reason) -> Ruling<A> {
    Ruling { answer, why }
}

fn through_the_proxy(at: &Situation, why: Reason) -> Ruling<Answer> {
    match (at.proxy, at.intent) {
        (ProxyPlane::Up, _) => ruling(Answer::Pass, why),
        (ProxyPlane::Down, Intent::Maintenance) => {
            ruling(Answer::Page(Page::Maintenance), Reason::Maintenance)
        }
        (ProxyPlane::Down, Intent::Active | Intent::Cordoned | Intent::Draining) => {
            ruling(Answer::Waiting, Reason::ProxyDown)
        }
    }
}

/// A page of the user's own hub, as far as its planes answer.
fn own_page(at: &Situation) -> Ruling<Answer> {
    match (out_of_reach(at), at.hub, at.intent) {
        (Some(_), _, Intent::Maintenance) => ruling(Answer::Page(Page::Maintenance), Reason::Maintenance),
        (Some(why), _, Intent::Active | Intent::Cordoned | Intent::Draining) => ruling(Answer::Waiting, why),
        (None, HubPlane::Slow, _) => ruling(Answer::PassOnce, Reason::Slow),
        (None, HubPlane::Up | HubPlane::Starting | HubPlane::Down, _) => ruling(Answer::Pass, Reason::Serves),
    }
}

/// A start at the user's own hub, as far as its planes answer.
fn at_home(at: &Situation, why: Reason) -> Ruling<Start> {
    match out_of_reach(at) {
        Some(down) => ruling(Start::Wait, down),
        None => ruling(Start::Here, why),
    }
}

/// Nobody may take the user: "None left: cordoned, slow and spawn failing answer as up/up; starting and down show the
/// waiting page; draining and maintenance their page."
fn nobody_takes(at: &Situation, why: Reason) -> Ruling<Start> {
    match at.intent {
        Intent::Draining => ruling(Start::Page(Page::Draining), why),
        Intent::Maintenance => ruling(Start::Page(Page::Maintenance), why),
        Intent::Active | Intent::Cordoned => at_home(at, why),
    }
}

/// The user may go, but not yet, or not without the hub's word.
fn held_back(at: &Situation, why: Reason) -> Ruling<Start> {
    match at.intent {
        Intent::Maintenance => ruling(Start::Page(Page::Maintenance), why),
        Intent::Active | Intent::Cordoned | Intent::Draining => ruling(Start::Wait, why),
    }
}

fn served(at: &Situation) -> Reason {
    if at.hub == HubPlane::Slow { Reason::Slow } else { Reason::Serves }
}

/// What keeps a hub page from being answered: every request goes through the hub's proxy.
fn out_of_reach(at: &Situation) -> Option<Reason> {
    match (at.proxy, at.hub) {
        (ProxyPlane::Down, _) => Some(Reason::ProxyDown),
        (ProxyPlane::Up, HubPlane::Starting) => Some(Reason::HubStarting),
        (ProxyPlane::Up, HubPlane::Down) => Some(Reason::HubDown),
        (ProxyPlane::Up, HubPlane::Up | HubPlane::Slow) => None,
    }
}
