//! What replicas share, as plain data: assignments, hub records, the active placement, heartbeats.
//!
//! Only exceptions are stored. Fields that a newer release added are ignored, and its new words are read as the most
//! careful thing there is or not at all; nothing foreign panics. Keeping the records is the directory's.

mod epoch;
mod heartbeat;
mod hub;
mod placement;
#[cfg(test)]
mod tests;

use hubrouter_config::HubId;
use hubrouter_hub_adapter::names::UserName;
use serde::{Deserialize, Serialize};

use super::time::StoreTime;
use super::wire;

pub use epoch::Epoch;
pub use heartbeat::{Heartbeat, SpawnOutcome, SpawnResult, UnclaimedStart, Verdict, Vote};
pub use hub::{AtDeadline, FailedOver, HubRecord, Outage, Starts, Whom, Word};
pub use placement::{
    ActivePlacement, AdoptedHub, NextPlacement, PlacedHub, PlacementRecord, seed_fingerprint,
};

/// Why a record says what it says: of an assignment, why this user is at that hub; of a hub, why its starts go elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// The user had a server there, or one pending, when the hub was asked.
    Running,
    /// The census found a server away from home.
    Found,
    /// The home failed over.
    Failover,
    /// The home is being drained.
    Drain,
    /// The home is closed for maintenance.
    Maintenance,
    /// Starts fail at home.
    SpawnFailing,
    /// The home takes no new users.
    Cordon,
    /// The home answers slowly and takes no new users.
    Slow,
    /// The home has more than its share of the servers.
    LoadBound,
    /// The user declared the server at a dead hub lost.
    Rescue,
    /// An operator moved the user; deletable like any other.
    Move,
    /// An operator pinned the user: failback and the controller never delete it.
    Pin,
    /// A cause of a newer release.
    #[serde(other)]
    Unknown,
}

impl Cause {
    /// Every cause.
    pub const ALL: [Self; 13] = [
        Self::Running,
        Self::Found,
        Self::Failover,
        Self::Drain,
        Self::Maintenance,
        Self::SpawnFailing,
        Self::Cordon,
        Self::Slow,
        Self::LoadBound,
        Self::Rescue,
        Self::Move,
        Self::Pin,
        Self::Unknown,
    ];

    /// The stable word for records, logs and metrics.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Found => "found",
            Self::Failover => "failover",
            Self::Drain => "drain",
            Self::Maintenance => "maintenance",
            Self::SpawnFailing => "spawn_failing",
            Self::Cordon => "cordon",
            Self::Slow => "slow",
            Self::LoadBound => "load_bound",
            Self::Rescue => "rescue",
            Self::Move => "move",
            Self::Pin => "pin",
            Self::Unknown => "unknown",
        }
    }
}

/// A recorded exception: this user is at that hub.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Assignment {
    /// Whose.
    #[serde(with = "wire::user")]
    pub user: UserName,
    /// Where the user is.
    #[serde(with = "wire::hub")]
    pub hub: HubId,
    /// Why.
    pub cause: Cause,
    /// The write that made or changed it; a start raises it ("deleting compares the epoch, and a start raises it").
    pub epoch: Epoch,
    /// When it was made.
    pub since: StoreTime,
    /// The last start that a router sent there for this user; none when there was none yet.
    #[serde(default)]
    pub last_start: Option<StoreTime>,
    /// Made by a merely named user: gone by itself at this instant unless the hub accepts the start. None: it lasts.
    #[serde(default)]
    pub provisional_until: Option<StoreTime>,
}
