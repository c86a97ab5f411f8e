//! What all threads serve from: the picture that decides, the keys that sign, and a client per hub; swapped as one.

use http::HeaderValue;
use hubrouter_hub_adapter::client::HubClient;

use crate::core::snapshot::{HubIndex, Snapshot};
use crate::identify::signed::OwnCookies;

/// Everything a request needs to know, fixed for as long as it runs.
#[derive(Debug)]
pub struct Live {
    /// The picture that decides.
    pub snapshot: Snapshot,
    /// Makes and reads our own cookies.
    pub own: OwnCookies,
    /// One client per hub, in the order of the snapshot.
    clients: Vec<HubClient>,
    hsts: Option<HeaderValue>,
}

impl Live {
    /// Joins the parts; `clients` are in the order of the snapshot's hubs.
    #[must_use]
    pub fn new(snapshot: Snapshot, own: OwnCookies, clients: Vec<HubClient>) -> Self {
        debug_assert_eq!(snapshot.hubs.len(), clients.len());
        // `max-age=` and a number is a field value.
        let hsts =
            snapshot.config.site.hsts.and_then(|hsts| format!("max-age={}", hsts.as_secs()).parse().ok());
        Self { snapshot, own, clients, hsts }
    }

    /// What `Strict-Transport-Security` says (RFC 6797 6.1), where it is wanted.
    #[must_use]
    pub fn hsts(&self) -> Option<&HeaderValue> {
        self.hsts.as_ref()
    }

    /// The client of the hub at `index`.
    #[must_use]
    pub fn client(&self, index: HubIndex) -> &HubClient {
        &self.clients[usize::from(index.0)]
    }

    /// The same keys and clients around the next picture.
    #[must_use]
    pub fn with_snapshot(&self, snapshot: Snapshot) -> Self {
        Self::new(snapshot, self.own.clone(), self.clients.clone())
    }
}
