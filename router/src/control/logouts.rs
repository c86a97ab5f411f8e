//! Logouts that a hub has not heard of: tried again until it is back, in memory only.

use std::time::{Duration, Instant};

use hubrouter_hub_adapter::client::HubError;
use tracing::{info, warn};

use super::live::Live;
use super::signals::PendingLogout;

/// A hub that is away for longer than this has its users log in again anyway.
const KEPT_FOR: Duration = Duration::from_secs(3600);
/// How many are kept; beyond that the oldest are let go.
const MAX_KEPT: usize = 10_000;
/// How long one try may take.
const WITHIN: Duration = Duration::from_secs(2);
/// How many are tried in one go, so that a hub that just came back is not stormed.
const BATCH: usize = 20;

/// The logouts that wait.
#[derive(Debug, Default)]
pub struct Logouts {
    waiting: Vec<(Instant, PendingLogout)>,
}

impl Logouts {
    /// Keeps one for later.
    pub fn keep(&mut self, logout: PendingLogout, now: Instant) {
        if self.waiting.len() >= MAX_KEPT {
            self.waiting.remove(0);
        }
        self.waiting.push((now, logout));
    }

    /// Takes out what can be tried now: hubs whose hub plane is up; what is too old is let go.
    pub fn due(&mut self, live: &Live, now: Instant) -> Vec<(Instant, PendingLogout)> {
        let before = self.waiting.len();
        self.waiting.retain(|(since, _)| now.duration_since(*since) < KEPT_FOR);
        let gone = before - self.waiting.len();
        if gone > 0 {
            warn!(logouts = gone, "hubs were away for too long: these sessions end by their own age");
        }
        let up = |logout: &PendingLogout| {
            live.snapshot.find(&logout.hub).is_some_and(|hub| {
                live.snapshot.hub(hub).answers(hubrouter_hub_adapter::address::Plane::Hub)
                    == crate::core::health::Answer::Pass
            })
        };
        let (due, waiting): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.waiting).into_iter().partition(|(_, logout)| up(logout));
        self.waiting = waiting;
        let mut due = due;
        self.waiting.extend(due.split_off(due.len().min(BATCH)));
        due
    }

    /// Puts back what failed once more, with its age.
    pub fn put_back(&mut self, failed: Vec<(Instant, PendingLogout)>) {
        self.waiting.extend(failed);
    }

    /// How many wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Whether none waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }
}

/// Tells the hubs; returns what failed and is worth another try.
pub async fn tell(live: &Live, due: Vec<(Instant, PendingLogout)>) -> Vec<(Instant, PendingLogout)> {
    let mut failed = Vec::new();
    for (since, logout) in due {
        let Some(hub) = live.snapshot.find(&logout.hub) else { continue };
        match live.client(hub).logout(logout.jar.clone(), &logout.browser, WITHIN).await {
            Ok(_) => info!(hub.id = %logout.hub, "a hub that is back was told of a logout"),
            // What the hub answers now it will answer again.
            Err(HubError::Unreadable { .. } | HubError::Redirects { .. }) => {}
            Err(error) => {
                warn!(hub.id = %logout.hub, %error, "a hub was not told of a logout: later");
                failed.push((since, logout));
            }
        }
    }
    failed
}
