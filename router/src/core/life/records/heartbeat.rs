//! What a replica tells the others with each heartbeat: its votes, the starts it forwarded, how spawns ended.
//!
//! Agreement over the votes is [`votes`](super::super::votes)'; when a replica is live, too.

use hubrouter_config::HubId;
use hubrouter_hub_adapter::names::UserName;
use serde::{Deserialize, Serialize};

use super::super::time::StoreTime;
use super::super::wire;
use crate::core::health::Plane;

/// One replica's sign of life ("Heartbeats (each `health.interval`) carry probe votes, the last spawn outcomes and
/// unclaimed starts").
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Heartbeat {
    /// Which replica; a new process is a new replica.
    pub replica: String,
    /// When the store took it in.
    pub at: StoreTime,
    /// How far it has read the directory, by the store's clock: what was written up to here it knows.
    #[serde(default)]
    pub read: StoreTime,
    /// The last one: the replica shuts down and forwards no start any more. Silence without it is a vanished replica.
    #[serde(default)]
    pub goodbye: bool,
    /// It is still asking the hubs who is away from home, and vouches for nothing that stands in the directory.
    #[serde(default)]
    pub rebuilding: bool,
    /// What it thinks of each plane that it has probed `health.fall` times.
    #[serde(default)]
    pub votes: Vec<Vote>,
    /// How the last starts that went through it ended.
    #[serde(default)]
    pub spawns: Vec<SpawnOutcome>,
    /// Starts at home that it forwarded without a claim, until authority has confirmed them.
    #[serde(default)]
    pub starts: Vec<UnclaimedStart>,
    /// The fingerprint of the placement that its configuration proposes; empty: none.
    #[serde(default)]
    pub proposes: String,
}

impl Heartbeat {
    /// What `replica` says before it knows anything.
    #[must_use]
    pub fn silent(replica: &str) -> Self {
        Self {
            replica: replica.to_owned(),
            at: StoreTime::default(),
            read: StoreTime::default(),
            goodbye: false,
            rebuilding: false,
            votes: Vec::new(),
            spawns: Vec::new(),
            starts: Vec::new(),
            proposes: String::new(),
        }
    }
}

/// A vote on one plane of one hub.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Vote {
    /// The hub.
    #[serde(with = "wire::hub")]
    pub hub: HubId,
    /// The plane.
    #[serde(with = "wire::plane")]
    pub plane: Plane,
    /// What the replica's own probes say.
    pub verdict: Verdict,
    /// Its first failed probe of the present outage, by the store's clock.
    #[serde(default)]
    pub failing_since: Option<StoreTime>,
}

/// What one replica thinks of a plane.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It serves.
    Up,
    /// It serves, slowly.
    Slow,
    /// `health.fall` probes in a row failed.
    Down,
    /// A word of a newer release: no vote.
    #[serde(other)]
    Unknown,
}

/// How one start ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpawnOutcome {
    /// Where.
    #[serde(with = "wire::hub")]
    pub hub: HubId,
    /// Whose: a verdict needs two users.
    #[serde(with = "wire::user")]
    pub user: UserName,
    /// When it ended.
    pub at: StoreTime,
    /// How.
    pub result: SpawnResult,
}

/// How a start ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SpawnResult {
    /// The server runs.
    Ok,
    /// It does not.
    Failed,
    /// A word of a newer release: counts for nothing.
    #[serde(other)]
    Unknown,
}

/// A start that was forwarded home without a claim.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnclaimedStart {
    /// Whose.
    #[serde(with = "wire::user")]
    pub user: UserName,
    /// Where.
    #[serde(with = "wire::hub")]
    pub hub: HubId,
    /// When.
    pub at: StoreTime,
}
