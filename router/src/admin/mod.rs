//! The operator's door: liveness, readiness, status, events and orders, on a listener of its own.
//!
//! Nothing is decided or changed here: what it shows and who carries out orders comes through [`AdminView`], from whoever
//! runs the router. Nothing of the public listeners leads here.

mod access;
mod answer;
mod body;
mod census;
mod events;
mod fleet;
mod orders;
mod page;
mod plain;
mod refusal;
mod report;
mod respond;
mod server;
mod verbs;

use std::sync::Arc;

pub use access::Access;
pub use census::{CensusReport, DoubleReport, SightingsReport};
pub use fleet::{
    DirectoryReport, DrainReport, FailoverReport, OutageReport, PlacementReport, ReplicaReport, StartsReport,
    WordReport,
};
pub use orders::OrderReport;
pub use plain::plain;
pub use report::{
    CertificateReport, ConfigReport, DatabaseReport, HandshakesReport, HubReport, PlaneReport, PlanesReport,
    Readiness, ReloadReport, SpawningReport, StatusReport, TaskReport, TrafficReport,
};
pub use server::serve;
pub use verbs::{OrderBody, Then, Verb, segment};

use crate::control::operator::Operate;

/// What the door shows, asked anew for every request.
pub trait AdminView: Send + Sync + 'static {
    /// Whether this replica should get traffic.
    fn readiness(&self) -> Readiness;
    /// Everything that `/status` tells.
    fn status(&self) -> StatusReport;
    /// Who may look; changes with a reload.
    fn access(&self) -> Arc<Access>;
    /// Who carries out orders, and knows what happened and where a user is.
    fn operate(&self) -> &dyn Operate;
}

#[cfg(test)]
mod fake;
#[cfg(test)]
mod tests;
