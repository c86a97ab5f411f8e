//! What the threads of the fast path share.

use std::sync::Arc;

use arc_swap::ArcSwap;
use hubrouter_config::HubId;
use hubrouter_hub_adapter::client::Resolver;
use tokio::sync::mpsc;

use super::counts::Counts;
use crate::control::live::Live;
use crate::control::signals::Signal;
use crate::identify::lookups::Lookups;

/// One per process.
#[derive(Debug)]
pub struct Shared {
    /// The picture to serve from; written by the controller only.
    pub live: Arc<ArcSwap<Live>>,
    /// What hubs were asked already.
    pub lookups: Lookups,
    /// Names of hubs.
    pub resolver: Resolver,
    /// What passes through this process.
    pub counts: Counts,
    /// To the controller.
    signals: mpsc::UnboundedSender<Signal>,
}

impl Shared {
    /// Joins the parts.
    #[must_use]
    pub fn new(
        live: Arc<ArcSwap<Live>>,
        lookups: Lookups,
        resolver: Resolver,
        signals: mpsc::UnboundedSender<Signal>,
    ) -> Self {
        Self { live, lookups, resolver, counts: Counts::default(), signals }
    }

    /// Tells the controller; at shutdown nobody listens any more, and nothing is lost by that.
    pub fn signal(&self, signal: Signal) {
        let _ = self.signals.send(signal);
    }

    /// The hub's address did not take a connection, or broke one off.
    pub fn unreachable(&self, hub: &HubId) {
        self.signal(Signal::Unreachable(hub.clone()));
    }
}
