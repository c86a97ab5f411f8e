//! Where a user is: the owner hub, by the assignment, the home, and what happens there by the tables.
//!
//! Everything here follows from one snapshot. What a start does is `starting`'s.

use hubrouter_config::{HubId, Intent, Storage};
use hubrouter_hub_adapter::names::UserName;

use super::health::WaitReason;
use super::life::candidates::{NoCandidate, Pool, Standing, next_open};
use super::life::reason::Reason;
use super::life::records::{ActivePlacement, Assignment};
use super::life::state::{Gate, Next, Situation, UserState};
use super::life::tables::{self, Answer, Ruling};
use super::snapshot::{HubIndex, HubView, Snapshot};

/// Where a user is, and by what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Whereabouts<'a> {
    /// The hub in question: where the user is assigned, else the home.
    pub at: HubIndex,
    /// The assignment, if there is one to a hub that exists.
    pub assignment: Option<&'a Assignment>,
}

/// What happens to a request for a user that starts nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Served {
    /// The owner hub.
    pub hub: HubIndex,
    /// What happens there.
    pub answer: Ruling<Answer>,
}

impl Snapshot {
    /// Where `user` is; `None` only where there is no hub at all.
    #[must_use]
    pub fn whereabouts(&self, user: &UserName) -> Option<Whereabouts<'_>> {
        if let Some(assignment) = self.exceptions.assignment(user)
            && let Some(at) = self.find(&assignment.hub)
        {
            return Some(Whereabouts { at, assignment: Some(assignment) });
        }
        self.home(user).map(|at| Whereabouts { at, assignment: None })
    }

    /// Whether `user` is recorded at a hub that other replicas know and this one does not: its configuration is older, or newer.
    /// Nothing may start at home then. A hub that nobody knows any more is passed over.
    #[must_use]
    pub fn is_at_a_hub_of_others(&self, user: &UserName) -> bool {
        let Some(assignment) = self.exceptions.assignment(user) else { return false };
        let placed =
            |placement: &ActivePlacement| placement.hubs.iter().any(|placed| placed.id == assignment.hub);
        let known = self.exceptions.placement().is_some_and(|record| {
            placed(&record.active) || record.next.as_ref().is_some_and(|next| placed(&next.placement))
        });
        known && self.find(&assignment.hub).is_none()
    }

    /// The owner hub of `user`: "their assignment, else their home (or, when the home is closed to them, the next open candidate
    /// of the same pool)".
    #[must_use]
    pub fn owner(&self, user: &UserName) -> Option<HubIndex> {
        let place = self.whereabouts(user)?;
        if place.assignment.is_some() || self.hub(place.at).is_plain() {
            return Some(place.at);
        }
        Some(self.page(user, &place, false).hub)
    }

    /// What happens to a request under the user's own path (`notebook`), or to a page of the hub for them.
    #[must_use]
    pub fn page(&self, user: &UserName, place: &Whereabouts<'_>, notebook: bool) -> Served {
        let situation = self.situation(user, place, self.state_for_pages(place));
        let answer = if notebook { tables::user_request(&situation) } else { tables::hub_page(&situation) };
        match answer.answer {
            Answer::Candidate => match self.next_candidate(user, place.at) {
                Ok(hub) => Served { hub, answer },
                Err(_) => Served { hub: place.at, answer },
            },
            _ => Served { hub: place.at, answer },
        }
    }

    /// All that decides what happens to `user`, with this known of their servers there.
    #[must_use]
    pub fn situation(&self, user: &UserName, place: &Whereabouts<'_>, state: UserState) -> Situation {
        let view = self.hub(place.at);
        // Whether there is somewhere to go matters only where something sends users away.
        let next = if view.is_plain() || self.next_candidate(user, place.at).is_err() {
            Next::Nobody
        } else {
            Next::Open
        };
        Situation {
            intent: view.intent(),
            proxy: view.health.proxy.verdict,
            hub: view.health.hub.verdict,
            spawning: view.spawning,
            gate: Gate::from(view.starts()),
            storage: view.hub.storage,
            next,
            user: state,
        }
    }

    /// The next open candidate of a user who leaves `from`.
    ///
    /// # Errors
    ///
    /// Why there is none.
    pub fn next_candidate(&self, user: &UserName, from: HubIndex) -> Result<HubIndex, NoCandidate> {
        let rank = self.placement.rank(user);
        let from = self.id(from);
        let id = next_open(&rank, from, |id| self.standing(id))?;
        self.find(id).ok_or_else(|| NoCandidate::Alone(from.clone()))
    }

    /// What the hub called `id` says to users who are sent there.
    #[must_use]
    pub fn standing(&self, id: &HubId) -> Option<Standing> {
        let view = self.hub(self.find(id)?);
        Some(Standing {
            pool: Pool::of(&view.hub),
            intent: view.intent(),
            proxy: view.health.proxy.verdict,
            hub: view.health.hub.verdict,
            spawning: view.spawning,
            gate: Gate::from(view.starts()),
        })
    }

    /// What pages have to presume of a user's servers: who had one when the candidates opened has an assignment since then.
    fn state_for_pages(&self, place: &Whereabouts<'_>) -> UserState {
        let view = self.hub(place.at);
        match (place.assignment, Gate::from(view.starts())) {
            (Some(_), _) => UserState::RunningHere,
            (None, Gate::AllElsewhere) => UserState::Idle,
            // Nobody leaves such a hub, so nobody is ever recorded there: its own pages are what maintenance closes.
            (None, _) if view.intent() == Intent::Maintenance && view.hub.storage == Storage::Local => {
                UserState::Idle
            }
            (None, Gate::Here | Gate::ClosedToNew | Gate::ClosedToAll | Gate::NewElsewhere) => {
                UserState::Unknown
            }
        }
    }
}

impl HubView {
    /// Nothing sends users away from the hub or closes it: the tables then ask about its planes alone.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        let open = match self.intent() {
            Intent::Active | Intent::Cordoned => true,
            Intent::Draining | Intent::Maintenance => false,
        };
        open && Gate::from(self.starts()) == Gate::Here
    }
}

/// Why a page waits, in the words of health; `None` for what is no matter of planes.
#[must_use]
pub fn wait_reason(why: Reason) -> Option<WaitReason> {
    match why {
        Reason::ProxyDown => Some(WaitReason::ProxyDown),
        Reason::HubStarting => Some(WaitReason::HubStarting),
        Reason::HubDown => Some(WaitReason::HubDown),
        _ => None,
    }
}

#[cfg(test)]
#[path = "whereabouts_tests.rs"]
mod tests;
