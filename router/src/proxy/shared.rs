//! What the threads of the fast path share.

use std::sync::Arc;
use std::time::Instant;

use arc_swap::ArcSwap;
use hubrouter_config::HubId;
use hubrouter_hub_adapter::client::Resolver;
use tokio::sync::mpsc;

use super::counts::Counts;
use super::crowd::Crowd;
use super::via::Via;
use crate::control::claims::Claims;
use crate::control::controller::Ordered;
use crate::control::journal::Journal;
use crate::control::live::Live;
use crate::control::signals::Signal;
use crate::control::tasks::Tasks;
use crate::core::health::Plane;
use crate::identify::lookups::Lookups;

/// The ways to the control thread for starts.
#[derive(Debug)]
pub struct Control {
    /// Where starts are claimed.
    pub claims: Claims,
    /// Starts that went home unasked.
    pub journal: Arc<Journal>,
    /// Users who declare their server lost.
    pub orders: mpsc::UnboundedSender<Ordered>,
}

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
    /// Who is inside.
    pub crowd: Crowd,
    /// The name of this process among routers.
    pub via: Via,
    /// What runs in the background.
    pub tasks: Tasks,
    /// All threads sweep at whole seconds from here, so that what they count is of the same time.
    pub began: Instant,
    /// Where starts are claimed.
    pub claims: Claims,
    /// Starts that went home unasked.
    pub journal: Arc<Journal>,
    /// To the controller: users who declare their server lost.
    pub orders: mpsc::UnboundedSender<Ordered>,
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
        tasks: Tasks,
        control: Control,
    ) -> Self {
        let Control { claims, journal, orders } = control;
        let (counts, crowd, via, began) = (Counts::default(), Crowd::new(), Via::new(), Instant::now());
        Self { live, lookups, resolver, counts, crowd, via, tasks, began, claims, journal, orders, signals }
    }

    /// Tells the controller; at shutdown nobody listens any more, and nothing is lost by that.
    pub fn signal(&self, signal: Signal) {
        let _ = self.signals.send(signal);
    }

    /// Asks for a probe now.
    pub fn look(&self, hub: &HubId, plane: Plane) {
        self.signal(Signal::Look(hub.clone(), plane));
    }
}
