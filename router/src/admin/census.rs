//! What `/status` says of the census. The names of the fields are a contract with scripts: add, never rename.

use hubrouter_config::HubId;
use serde::Serialize;

/// Who has a server at a hub, as far as this replica knows. It decides nothing.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct CensusReport {
    /// Where sightings come from: `proxy_api`, `hub` (through the hub), or `none`.
    pub source: &'static str,
    /// Users with a server, by the last answers.
    pub users: u64,
    /// Their servers that run.
    pub servers: u64,
    /// Their servers that start or stop.
    pub pending: u64,
    /// How many seconds ago the hub was asked for its own word; none before the first time, or without `api_token`.
    pub asked_seconds_ago: Option<u64>,
    /// The age of its last word, in seconds. While the hub is in an outage it stays what it was when that began.
    pub age_seconds: Option<u64>,
    /// Whether that word counts. If not, nobody is known to be without a server here, and everybody counts as having one.
    pub known: bool,
    /// Why it does not count, or was not given when the hub was asked last, or stays as it is.
    pub reason: Option<String>,
    /// How long the hub took for it, in milliseconds.
    pub took_ms: Option<u64>,
    /// How often the hub is asked, in seconds: `census.authority`, or so seldom that its answers take a hundredth of its time.
    pub every_seconds: Option<f64>,
    /// The looks at the routes of its proxy; none before the first.
    pub sightings: Option<SightingsReport>,
}

/// The looks at the routes of a hub's proxy.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct SightingsReport {
    /// How many seconds ago was the last one.
    pub asked_seconds_ago: u64,
    /// How many seconds ago something was seen; none if never.
    pub age_seconds: Option<u64>,
    /// Why the last look showed nothing.
    pub reason: Option<String>,
    /// How long the last one that showed something took, in milliseconds.
    pub took_ms: Option<u64>,
    /// How often is looked, in seconds: `census.interval`, or as seldom as its cost demands.
    pub every_seconds: f64,
}

/// A user with servers on more than one hub at the same time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DoubleReport {
    /// Who.
    pub user: String,
    /// Where.
    pub hubs: Vec<HubId>,
}
