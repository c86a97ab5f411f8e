//! The operator's door: liveness, readiness and status, on a listener of its own.
//!
//! Everything here only reads; what it shows comes through [`AdminView`], from whoever runs the router. Nothing of the
//! public listeners leads here.

mod access;
mod answer;
mod census;
mod report;
mod server;

use std::sync::Arc;

pub use access::Access;
pub use census::{CensusReport, DoubleReport, SightingsReport};
pub use report::{
    ConfigReport, DatabaseReport, HubReport, PlaneReport, PlanesReport, Readiness, ReloadReport,
    SpawningReport, StatusReport, TaskReport, TrafficReport,
};
pub use server::serve;

/// What the door shows, asked anew for every request.
pub trait AdminView: Send + Sync + 'static {
    /// Whether this replica should get traffic.
    fn readiness(&self) -> Readiness;
    /// Everything that `/status` tells.
    fn status(&self) -> StatusReport;
    /// Who may look; changes with a reload.
    fn access(&self) -> Arc<Access>;
}

#[cfg(test)]
mod tests;
