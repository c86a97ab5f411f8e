//! Whether a user without a known server leaves the hub for the next start, and what holds them.
//!
//! One step of [`tables`](super): the wish first (intent, then what the record opened), then storage, candidates and time.

use hubrouter_config::{Intent, Storage};

use crate::core::health::{HubPlane, ProxyPlane};
use crate::core::life::reason::Reason;
use crate::core::life::state::{Gate, Next, Situation, Spawning, UserState};

/// What becomes of the wish to go elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Leaving {
    /// Nothing sends the user away.
    Stays,
    /// Something does, and no hub may take the user: the reason says why not.
    NobodyTakes(Reason),
    /// The user goes as soon as every router knows that the hub is closed.
    Closing(Reason),
    /// The user goes only by the hub's own word, and the hub cannot be asked.
    MustBeAsked(Reason),
    /// The user goes: this is why.
    Goes(Reason),
}

pub(super) fn leaving(at: &Situation) -> Leaving {
    let Some(wish) = wish(at) else { return Leaving::Stays };
    match (at.storage, at.next) {
        (Storage::Local, _) => return Leaving::NobodyTakes(Reason::LocalStorage),
        (Storage::Shared | Storage::Attached, Next::Nobody) => {
            return Leaving::NobodyTakes(Reason::NobodyOpen);
        }
        (Storage::Shared | Storage::Attached, Next::Open) => {}
    }
    match (at.gate, at.user == UserState::New) {
        (Gate::Here | Gate::ClosedToNew | Gate::ClosedToAll, _) | (Gate::NewElsewhere, false) => {
            Leaving::Closing(Reason::Closing)
        }
        (Gate::NewElsewhere, true) | (Gate::AllElsewhere, _) => goes(at, wish),
    }
}

/// Off home only with proof, where there is no proof already: `attached` "moves only when the old hub itself answers 'no
/// server' at claim time", and unknown counts as running.
fn goes(at: &Situation, wish: Reason) -> Leaving {
    if at.can_be_asked() {
        return Leaving::Goes(wish);
    }
    let secured = match at.gate {
        Gate::AllElsewhere => true,
        // Who is new is known from the hub alone, and for new users nobody else was looked for first.
        Gate::Here | Gate::ClosedToNew | Gate::ClosedToAll | Gate::NewElsewhere => false,
    };
    match (secured, at.storage, at.user) {
        (_, Storage::Attached, _) => Leaving::MustBeAsked(Reason::AttachedStorage),
        (true, Storage::Local | Storage::Shared, UserState::Idle | UserState::New) => Leaving::Goes(wish),
        (false, Storage::Local | Storage::Shared, _)
        | (
            true,
            Storage::Local | Storage::Shared,
            UserState::Unknown | UserState::RunningHere | UserState::RunningElsewhere,
        ) => Leaving::MustBeAsked(Reason::MayRun),
    }
}

/// Why the user would go elsewhere, if anything says so: what operators want comes before how the hub feels.
fn wish(at: &Situation) -> Option<Reason> {
    match at.intent {
        Intent::Maintenance => Some(Reason::Maintenance),
        Intent::Draining => Some(Reason::Draining),
        Intent::Active | Intent::Cordoned => match at.gate {
            Gate::ClosedToAll | Gate::AllElsewhere => Some(closed_because(at)),
            Gate::Here | Gate::ClosedToNew | Gate::NewElsewhere => new_elsewhere_because(at),
        },
    }
}

/// Why the record closes a hub that operators want open.
fn closed_because(at: &Situation) -> Reason {
    match (at.proxy, at.hub, at.spawning) {
        (ProxyPlane::Down, _, _) | (ProxyPlane::Up, HubPlane::Starting | HubPlane::Down, _) => {
            Reason::FailedOver
        }
        (ProxyPlane::Up, HubPlane::Up | HubPlane::Slow, Spawning::Failing) => Reason::SpawnFailing,
        (ProxyPlane::Up, HubPlane::Up | HubPlane::Slow, Spawning::Ok | Spawning::Unknown) => {
            Reason::FailingBack
        }
    }
}

/// Why a new user goes elsewhere. What only this replica sees closes nothing: a hub that is slow before its record says so
/// still takes them, since another replica would send them there unasked.
fn new_elsewhere_because(at: &Situation) -> Option<Reason> {
    let recorded = match at.gate {
        Gate::ClosedToNew | Gate::NewElsewhere => true,
        Gate::Here | Gate::ClosedToAll | Gate::AllElsewhere => false,
    };
    match (at.user, at.intent) {
        (UserState::RunningHere | UserState::RunningElsewhere | UserState::Idle | UserState::Unknown, _) => {
            None
        }
        (UserState::New, Intent::Cordoned) => Some(Reason::Cordoned),
        (UserState::New, Intent::Active | Intent::Draining | Intent::Maintenance) => {
            recorded.then_some(Reason::Slow)
        }
    }
}
