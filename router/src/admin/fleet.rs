//! What `/status` says of what replicas share. The names of the fields are a contract with scripts: add, never rename.

use hubrouter_config::{HubId, Intent};
use serde::Serialize;

/// The directory as this replica knows it.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct DirectoryReport {
    /// `memory` or `redis`.
    pub kind: &'static str,
    /// Whether it was ever read.
    pub read: bool,
    /// Whether it answers now.
    pub reachable: bool,
    /// How many seconds ago it was last heard.
    pub heard_seconds_ago: Option<f64>,
    /// How many seconds ago the copy was known to be whole.
    pub copy_age_seconds: Option<f64>,
    /// It lost writes, and nobody has written them back yet.
    pub behind: bool,
    /// Why it does not answer.
    pub reason: Option<String>,
    /// Users who are recorded to be elsewhere, or to have a server.
    pub assignments: usize,
    /// Those of them whom nobody has proved yet.
    pub provisional: usize,
    /// Assignments to hubs that do not exist: ignored, the first ten by name.
    pub to_unknown_hubs: Vec<String>,
    /// How many these are altogether.
    pub to_unknown_hubs_count: usize,
    /// Things in it that could not be read: foreign, or of a newer release.
    pub unreadable: u64,
    /// It was empty or may be an old one, and the hubs are being asked who is away from home: nothing is started meanwhile.
    pub rebuilding: bool,
    /// Hubs that did not say so then: whoever is away from home there is found by the census later.
    pub not_asked: Vec<String>,
}

/// A process that shares the directory.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ReplicaReport {
    /// Which.
    pub id: String,
    /// Whether it is this one.
    pub me: bool,
    /// Whether it is heard.
    pub live: bool,
    /// How many seconds ago its last heartbeat came.
    pub heard_seconds_ago: u64,
    /// How many seconds ago it had read the directory, by its own word.
    pub read_seconds_ago: u64,
    /// Whether it proposes the placement that this replica does.
    pub proposes_the_same: bool,
}

/// What stands about the placement.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct PlacementReport {
    /// Grows with each activation; 0 before the first.
    pub generation: u64,
    /// The hubs that have homes by it.
    pub hubs: Vec<HubId>,
    /// The hubs of the one that is announced, if one is.
    pub next: Option<Vec<HubId>>,
    /// Why what the configuration proposes is not active; none: it is.
    pub waits: Option<String>,
}

/// An operator's word about a hub.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct WordReport {
    /// What is wanted.
    pub intent: Intent,
    /// Who said it.
    pub who: String,
    /// Why.
    pub why: String,
    /// How many seconds ago.
    pub seconds_ago: u64,
}

/// Where starts of a hub's users go.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct StartsReport {
    /// `here`, `closed` (for a moment), `elsewhere`.
    pub to: &'static str,
    /// `new` or `everybody`.
    pub whom: Option<&'static str>,
    /// Why.
    pub cause: Option<&'static str>,
    /// For how many seconds.
    pub since_seconds: Option<u64>,
}

/// How far a drain is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DrainReport {
    /// Users that the hub had when it began.
    pub users: usize,
    /// Those of them who are recorded elsewhere.
    pub moved: usize,
    /// Users with a server there; none: nobody knows.
    pub running: Option<usize>,
    /// For how many seconds the server that has been idle for the longest is idle.
    pub idle_seconds: Option<u64>,
    /// For how many seconds it has been going on.
    pub age_seconds: u64,
    /// Seconds until the deadline; none without one.
    pub deadline_in_seconds: Option<u64>,
    /// Seconds until it is over, if servers go on ending as until now; none: nobody knows.
    pub eta_seconds: Option<u64>,
    /// It is over: no server and no open stream.
    pub drained: bool,
}

/// An agreed outage of a hub, and what follows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct OutageReport {
    /// For how many seconds the proxy plane is down, all agree.
    pub proxy_down_seconds: Option<u64>,
    /// For how many seconds the hub plane is.
    pub hub_down_seconds: Option<u64>,
}

/// A failover that has not ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FailoverReport {
    /// How many seconds ago.
    pub seconds_ago: u64,
    /// The operator who ordered it; none: the routers by themselves.
    pub who: Option<String>,
    /// Why, in the operator's words.
    pub why: String,
    /// Users who were moved although they were last known with a server there.
    pub moved: Vec<String>,
    /// Seconds until users come home, if the hub stays healthy; none while it is not.
    pub failback_in_seconds: Option<u64>,
    /// How often it failed again.
    pub relapses: u32,
}
