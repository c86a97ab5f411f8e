//! The independent questions about a hub and a user that decide together what happens to whom.
//!
//! Each has a type of its own, and [`tables`](super::tables) joins them. How a plane feels is judged in `core::health`.

use hubrouter_config::{Intent, Storage};

use super::records::{Starts, Whom};
use crate::core::health::{HubPlane, ProxyPlane};

/// How starts at a hub have ended lately ("spawning `ok | failing | unknown`"); agreed over all replicas.
pub use crate::core::spawning::Verdict as Spawning;

/// What is known of a user at the hub in question, their home.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum UserState {
    /// Has a server there, or one pending.
    RunningHere,
    /// Is assigned to another hub.
    RunningElsewhere,
    /// By the hub's own word: no server, nothing pending.
    Idle,
    /// Nobody knows; "unknown counts as running".
    Unknown,
    /// The hub has no row of that name.
    New,
}

/// Whether the record of a hub lets starts go there: [`Starts`] without its times.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Gate {
    /// They go there.
    Here,
    /// New users wait until every router knows that they go elsewhere.
    ClosedToNew,
    /// Everybody waits.
    ClosedToAll,
    /// New users go to their candidates.
    NewElsewhere,
    /// Everybody without a server goes to their candidates; who had one got an assignment first.
    AllElsewhere,
}

impl From<Starts> for Gate {
    fn from(starts: Starts) -> Self {
        match starts {
            Starts::Here => Self::Here,
            Starts::Closed { whom: Whom::New, .. } => Self::ClosedToNew,
            Starts::Closed { whom: Whom::Everybody, .. } | Starts::Unknown => Self::ClosedToAll,
            Starts::Elsewhere { whom: Whom::New, .. } => Self::NewElsewhere,
            Starts::Elsewhere { whom: Whom::Everybody, .. } => Self::AllElsewhere,
        }
    }
}

/// Whether another hub could take the user now: the answer of [`candidates`](super::candidates).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Next {
    /// There is an open candidate in the pool.
    Open,
    /// There is none.
    Nobody,
}

/// Everything that decides what happens to one user at one hub.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Situation {
    /// What operators want of the hub.
    pub intent: Intent,
    /// Its proxy plane.
    pub proxy: ProxyPlane,
    /// Its hub plane.
    pub hub: HubPlane,
    /// How starts end there.
    pub spawning: Spawning,
    /// Where its record sends starts.
    pub gate: Gate,
    /// Whether its users may move at all.
    pub storage: Storage,
    /// Whether there is a hub to move to.
    pub next: Next,
    /// What is known of the user.
    pub user: UserState,
}

impl Situation {
    /// The hub can be asked about a user: its own word is the only proof that nothing runs there.
    #[must_use]
    pub fn can_be_asked(&self) -> bool {
        match self.hub {
            HubPlane::Up | HubPlane::Slow => true,
            HubPlane::Starting | HubPlane::Down => false,
        }
    }
}
