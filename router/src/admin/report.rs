//! What `/readyz` and `/status` say. The names of the fields are a contract with scripts: add, never rename.

use std::collections::BTreeMap;

use hubrouter_config::{HubId, Intent, Problem, Storage, Tier, Weight};
use serde::Serialize;

use super::census::{CensusReport, DoubleReport};
use super::fleet::{
    DirectoryReport, DrainReport, FailoverReport, OutageReport, PlacementReport, ReplicaReport, StartsReport,
    WordReport,
};

/// Whether this replica should get traffic.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "ready", content = "why")]
pub enum Readiness {
    /// It should.
    #[serde(rename = "yes")]
    Ready,
    /// It should not (yet, or any more), for this reason.
    #[serde(rename = "no")]
    NotReady(String),
}

/// The state of this replica.
#[derive(Clone, Debug, Serialize)]
pub struct StatusReport {
    /// The version of the router.
    pub version: String,
    /// Seconds since this process started.
    pub uptime_seconds: u64,
    /// Whether this replica should get traffic.
    pub readiness: Readiness,
    /// The number of the snapshot that new requests decide by; every change raises it.
    pub snapshot: u64,
    /// The configuration in force.
    pub config: ConfigReport,
    /// All configured hubs, in the order of the file.
    pub hubs: Vec<HubReport>,
    /// The directory.
    pub directory: DirectoryReport,
    /// The processes that share it.
    pub replicas: Vec<ReplicaReport>,
    /// Who belongs where.
    pub placement: PlacementReport,
    /// Users with servers on more than one hub, the first hundred by name; reported, never repaired.
    pub users_on_two_hubs: Vec<DoubleReport>,
    /// How many these are altogether.
    pub users_on_two_hubs_count: usize,
    /// The certificates that this replica shows, to clients and to hubs.
    pub certificates: Vec<CertificateReport>,
    /// What passes through this replica.
    pub traffic: TrafficReport,
    /// What runs in the background, by name.
    pub tasks: Vec<TaskReport>,
}

/// The configuration in force, and what became of the last try to change it.
#[derive(Clone, Debug, Serialize)]
pub struct ConfigReport {
    /// The file it came from.
    pub file: String,
    /// When it came into force, in seconds since 1970.
    pub loaded_at: u64,
    /// The last reload; none before the first.
    pub last_reload: Option<ReloadReport>,
}

/// What became of a reload.
#[derive(Clone, Debug, Serialize)]
pub struct ReloadReport {
    /// When, in seconds since 1970.
    pub at: u64,
    /// Whether the file was accepted. If not, the configuration before it is still in force.
    pub accepted: bool,
    /// Why it was refused, or what it warns of.
    pub problems: Vec<Problem>,
}

/// One hub as this replica sees it.
#[derive(Clone, Debug, Serialize)]
pub struct HubReport {
    /// Its id.
    pub id: HubId,
    /// Scheme, host and port of its proxy.
    pub url: String,
    /// What operators want of it.
    pub intent: Intent,
    /// The operator's word; none: the configuration's holds.
    pub word: Option<WordReport>,
    /// Where starts of its users go.
    pub starts: StartsReport,
    /// How far its drain is; none: there is none.
    pub drain: Option<DrainReport>,
    /// Its agreed outage; none: there is none.
    pub outage: Option<OutageReport>,
    /// Why its failover is held; none: nothing holds it.
    pub failover: Option<String>,
    /// Its failover, until users come home.
    pub failed_over: Option<FailoverReport>,
    /// Users whose old servers came back with it and are to be stopped.
    pub stale: Vec<String>,
    /// Replicas that see one of its planes otherwise than most.
    pub dissenters: Vec<String>,
    /// Users who are recorded to be there.
    pub assigned: usize,
    /// Whether it takes users in ordinary times.
    pub tier: Tier,
    /// Its share of the users.
    pub weight: Weight,
    /// Whether its users can move.
    pub storage: Storage,
    /// What came of asking its database at a low rate; none before the first time, or without `api_token`.
    pub database: Option<DatabaseReport>,
    /// How it feels, per plane.
    pub planes: PlanesReport,
    /// How starts of servers go there.
    pub spawning: SpawningReport,
    /// Who has a server there.
    pub census: CensusReport,
    /// Numbers by name, for example of open streams or of requests since the start.
    pub counts: BTreeMap<&'static str, u64>,
}

/// What came of asking a hub's database.
#[derive(Clone, Debug, Serialize)]
pub struct DatabaseReport {
    /// Whether it answered.
    pub ok: bool,
    /// How many seconds ago it was asked.
    pub asked_seconds_ago: u64,
    /// How long the answer took, in milliseconds.
    pub latency_ms: Option<u64>,
    /// Why there was none: a wrong token, or a hub in trouble.
    pub reason: Option<String>,
}

/// The two planes of a hub.
#[derive(Clone, Debug, Serialize)]
pub struct PlanesReport {
    /// Running servers and services.
    pub proxy: PlaneReport,
    /// The hub's own pages and API.
    pub hub: PlaneReport,
}

/// One plane of a hub.
#[derive(Clone, Debug, Serialize)]
pub struct PlaneReport {
    /// `up`, `down`; of the hub plane also `starting`, `slow`.
    pub state: &'static str,
    /// For how many seconds.
    pub since_seconds: u64,
    /// Whether any probe has come back yet; a plane counts as up before.
    pub probed: bool,
    /// Failed probes in a row up to now.
    pub failures: u32,
    /// Whether requests wait for a moment, because some have just failed and a probe has to look.
    pub paused: bool,
    /// What the last failed probe saw, kept after recovery.
    pub reason: Option<String>,
    /// The median of the last six answers, in milliseconds.
    pub latency_ms: Option<u64>,
}

/// How starts of servers go at a hub, by those that ended lately.
#[derive(Clone, Debug, Serialize)]
pub struct SpawningReport {
    /// `ok`, `failing`, or `unknown` before any start has said so.
    pub state: &'static str,
    /// For how many seconds.
    pub since_seconds: u64,
    /// How many starts count: the last five that ended within ten minutes.
    pub finished: usize,
    /// How many of these failed.
    pub failed: usize,
    /// Of how many users those are.
    pub users: usize,
}

/// Something that runs in the background.
#[derive(Clone, Debug, Serialize)]
pub struct TaskReport {
    /// What it is.
    pub name: String,
    /// How often it runs, in seconds.
    pub period_seconds: f64,
    /// How many seconds ago it ran last; none before the first time.
    pub last_run_seconds_ago: Option<u64>,
    /// What came of that, in words.
    pub last_result: Option<String>,
}

/// A certificate in use.
#[derive(Clone, Debug, Serialize)]
pub struct CertificateReport {
    /// Where: `listen[0]`, or `hub hub-a` for one that is shown to a hub.
    pub used_by: String,
    /// Its file.
    pub file: String,
    /// The names it is for.
    pub names: Vec<String>,
    /// `good`, `expires_soon` (in less than 14 days), `expired` or `not_yet`.
    pub state: &'static str,
    /// Its first instant, in seconds since 1970.
    pub not_before: u64,
    /// Its last instant, in seconds since 1970.
    pub not_after: u64,
    /// For how many seconds it is good yet; none when it is not good now.
    pub expires_in_seconds: Option<u64>,
}

/// How TLS handshakes with clients went.
#[derive(Clone, Debug, Default, Serialize)]
pub struct HandshakesReport {
    /// Under way now.
    pub under_way: u64,
    /// Agreed, since the start.
    pub done: u64,
    /// Not agreed, since the start: clients that broke off or spoke no TLS that is spoken here.
    pub failed: u64,
    /// Given up because the client took longer than ten seconds, since the start.
    pub late: u64,
    /// Given up because too many were under way, since the start.
    pub shed: u64,
}

/// What passes through this replica.
#[derive(Clone, Debug, Default, Serialize)]
pub struct TrafficReport {
    /// Open connections of clients.
    pub connections: u64,
    /// Connections that were turned away because there were too many, in total or of one client, since the start.
    pub turned_away: u64,
    /// Open WebSockets and other streams.
    pub streams: u64,
    /// Requests since the start.
    pub requests: u64,
    /// TLS with clients.
    pub handshakes: HandshakesReport,
    /// `Set-Cookie` lines that hubs and servers had no business to send, since the start: each is in the log, too.
    pub dropped_cookies: u64,
}
