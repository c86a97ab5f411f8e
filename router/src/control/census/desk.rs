//! What the census has learned, for those who want to know: written by its questions, read by the operator's door.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use hubrouter_config::HubId;
use hubrouter_hub_adapter::names::UserName;

use crate::core::census::{Asked, At, Census, HubCensus, Pace, Presence, Servers, Totals};

/// Users on two hubs that are named; the others are counted.
const NAMED: usize = 100;
/// Users on two hubs that were told of, so that each is told once; beyond that nobody new is told of.
const TOLD: usize = 10_000;

/// What came of a question.
#[derive(Debug)]
pub(super) enum Told {
    /// Users with servers; how long it took the hub.
    Users { users: BTreeMap<UserName, Servers>, took: Duration },
    /// Nothing, and why.
    Nothing(String),
}

/// The desk of one process.
#[derive(Debug, Default)]
pub struct Desk(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    census: Census,
    authority: BTreeMap<HubId, Layer>,
    sightings: BTreeMap<HubId, Layer>,
    doubles: Doubles,
    told_of: BTreeSet<UserName>,
}

/// One kind of question to one hub, as far as operators care.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layer {
    /// When it was put last.
    pub asked_at: Instant,
    /// When the last one was put that was answered.
    pub answered: Option<Instant>,
    /// How long that answer took the hub.
    pub took: Option<Duration>,
    /// From one question to the next.
    pub every: Duration,
    /// Whether that is longer than configured, because answers take so long.
    pub stretched: bool,
    /// Why the last question was not answered.
    pub reason: Option<String>,
}

/// What is known of one hub.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HubSeen {
    /// How many users and servers, by the last answers.
    pub totals: Totals,
    /// Whether the hub's own word is there and young enough: only then anybody is known to be without a server.
    pub known: bool,
    /// The age of the hub's own word, as it is judged by.
    pub age: Option<Duration>,
    /// The questions to the hub itself; none before the first.
    pub authority: Option<Layer>,
    /// The questions for routes; none before the first.
    pub sightings: Option<Layer>,
}

/// Users with servers on more than one hub.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Doubles {
    /// How many.
    pub count: usize,
    /// The first hundred by name, and where.
    pub users: Vec<(UserName, Vec<HubId>)>,
}

impl Desk {
    /// What is known of `hub`.
    #[must_use]
    pub fn hub(&self, hub: &HubId, at: At) -> HubSeen {
        let state = self.locked();
        let census = state.census.hub(hub);
        HubSeen {
            totals: census.map(HubCensus::totals).unwrap_or_default(),
            known: census.is_some_and(|census| census.is_known(at)),
            age: census.and_then(|census| census.age(at)),
            authority: state.authority.get(hub).cloned(),
            sightings: state.sightings.get(hub).cloned(),
        }
    }

    /// Users with servers on more than one hub, by the last comparison.
    #[must_use]
    pub fn doubles(&self) -> Doubles {
        self.locked().doubles.clone()
    }

    /// Everybody known at `hub` as running or pending, however old that is.
    #[must_use]
    pub fn known_at(&self, hub: &HubId) -> Vec<UserName> {
        self.locked().census.hub(hub).map(|hub| hub.users().cloned().collect()).unwrap_or_default()
    }

    /// When the hub was asked for its last word; none before the first.
    #[must_use]
    pub fn told_at(&self, hub: &HubId) -> Option<Instant> {
        self.locked().census.hub(hub).and_then(HubCensus::told_at)
    }

    /// What is known of `user` at `hub`.
    #[must_use]
    pub fn presence(&self, hub: &HubId, user: &UserName, at: At) -> Presence {
        self.locked().census.presence(hub, user, at)
    }

    /// Takes in the hub's own word as another replica heard it.
    pub fn told_by_another(
        &self,
        hub: &HubId,
        asked: Asked,
        users: impl IntoIterator<Item = (UserName, Servers)>,
        every: Duration,
    ) {
        let mut state = self.locked();
        state.census.hub_mut(hub).told(asked, users);
        let layer = Layer {
            asked_at: asked.at,
            answered: Some(asked.at),
            took: Some(asked.answered_at.saturating_duration_since(asked.at)),
            every,
            stretched: false,
            reason: None,
        };
        state.authority.insert(hub.clone(), layer);
    }

    /// Notes what came of asking a hub for its own word. Returns whether it answers, if that has changed.
    pub(super) fn told(
        &self,
        hub: &HubId,
        asked: Asked,
        told: Told,
        pace: &Pace,
        every: Duration,
    ) -> Option<Result<(), String>> {
        let mut state = self.locked();
        let (layer, change) = Layer::after(state.authority.get(hub), asked, &told, pace, every);
        state.authority.insert(hub.clone(), layer);
        if let Told::Users { users, .. } = told {
            state.census.hub_mut(hub).told(asked, users);
        }
        change
    }

    /// Notes servers that were seen answering within the last second.
    pub fn sighted_answering(&self, seen: impl IntoIterator<Item = (HubId, UserName)>, now: Instant) {
        let mut state = self.locked();
        for (hub, user) in seen {
            state.census.hub_mut(&hub).answering(user, now);
        }
    }

    /// Notes what came of looking at the routes of a hub's proxy. Returns whether there was anything to see, if that has
    /// changed.
    pub(super) fn sighted(
        &self,
        hub: &HubId,
        asked: Asked,
        told: Told,
        pace: &Pace,
        every: Duration,
    ) -> Option<Result<(), String>> {
        let mut state = self.locked();
        let (layer, change) = Layer::after(state.sightings.get(hub), asked, &told, pace, every);
        state.sightings.insert(hub.clone(), layer);
        if let Told::Users { users, .. } = told {
            let users = users.into_iter().map(|(user, servers)| (user, servers.running));
            state.census.hub_mut(hub).sighted(asked, users);
        }
        change
    }

    /// Looks for users with servers on two hubs. Returns how many there are, and those that were never told of.
    pub(super) fn compare(&self, at: impl Fn(&HubId) -> At) -> (usize, Vec<(UserName, Vec<HubId>)>) {
        let mut state = self.locked();
        let hubs: Vec<HubId> = state.sightings.keys().cloned().collect();
        for hub in hubs {
            let at = at(&hub);
            state.census.hub_mut(&hub).forget_old(at);
        }
        let found = state.census.on_two_hubs(at);
        let mut new = Vec::new();
        for (user, hubs) in &found {
            if state.told_of.len() < TOLD && state.told_of.insert(user.clone()) {
                new.push((user.clone(), hubs.clone()));
            }
        }
        let count = found.len();
        state.doubles = Doubles { count, users: found.into_iter().take(NAMED).collect() };
        (count, new)
    }

    /// Forgets all but these hubs.
    pub(super) fn retain(&self, keep: impl Fn(&HubId) -> bool) {
        let mut state = self.locked();
        state.census.retain(&keep);
        state.authority.retain(|hub, _| keep(hub));
        state.sightings.retain(|hub, _| keep(hub));
    }

    /// Forgets one hub.
    pub(super) fn forget(&self, hub: &HubId) {
        self.retain(|other| other != hub);
    }

    /// What is written under the lock is whole after each statement, so a poisoned one is as good as any.
    fn locked(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Layer {
    /// The layer after one more question, and whether it is answered now, if that has changed. A first answer is as expected.
    fn after(
        before: Option<&Layer>,
        asked: Asked,
        told: &Told,
        pace: &Pace,
        every: Duration,
    ) -> (Layer, Option<Result<(), String>>) {
        let was_good = before.is_none_or(|before| before.reason.is_none());
        let (answered, took, reason) = match told {
            Told::Users { took, .. } => (Some(asked.at), Some(*took), None),
            Told::Nothing(reason) => {
                let (answered, took) = before.map_or((None, None), |before| (before.answered, before.took));
                (answered, took, Some(reason.clone()))
            }
        };
        let change = match (&reason, was_good) {
            (None, false) => Some(Ok(())),
            (Some(reason), true) => Some(Err(reason.clone())),
            (None, true) | (Some(_), false) => None,
        };
        let stretched = pace.is_stretched();
        (Layer { asked_at: asked.at, answered, took, every, stretched, reason }, change)
    }
}
