//! Logouts that a hub has not heard of: tried again until it is back, in memory only.
//!
//! Hubs are told side by side, each by a task of its own: one that takes a logout and never answers delays nobody else.

use std::collections::{BTreeMap, VecDeque};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use hubrouter_config::HubId;
use hubrouter_hub_adapter::client::{HubClient, HubError};
use tokio::task::JoinHandle;
use tracing::{info, warn};

use super::live::Live;
use super::signals::PendingLogout;
use crate::core::client::one_client;
use crate::core::health;

/// A hub that is away for longer than this has its users log in again anyway.
const KEPT_FOR: Duration = Duration::from_secs(3600);
/// How many are kept; beyond that the oldest are let go.
const MAX_KEPT: usize = 10_000;
/// How many are kept of one client: whoever makes up jars must not push out the logouts of others.
const MAX_KEPT_OF_ONE: usize = 100;
/// How long one try may take.
const WITHIN: Duration = Duration::from_secs(2);
/// How many a hub is told in one go, so that one that just came back is not stormed.
const BATCH: usize = 20;

/// The logouts that wait, and those that are being told.
#[derive(Debug, Default)]
pub struct Logouts {
    waiting: VecDeque<Kept>,
    telling: BTreeMap<HubId, JoinHandle<Vec<Kept>>>,
}

/// A logout and since when it waits.
type Kept = (Instant, PendingLogout);

impl Logouts {
    /// Keeps one for later, unless its client has too many waiting already.
    pub fn keep(&mut self, logout: PendingLogout, now: Instant) {
        if self.of(logout.browser.client_ip) >= MAX_KEPT_OF_ONE {
            warn!(hub.id = %logout.hub, "too many logouts of one client wait: this session ends by its own age");
            return;
        }
        if self.waiting.len() >= MAX_KEPT {
            self.waiting.pop_front();
        }
        self.waiting.push_back((now, logout));
    }

    fn of(&self, client: IpAddr) -> usize {
        let client = one_client(client);
        self.waiting.iter().filter(|(_, logout)| one_client(logout.browser.client_ip) == client).count()
    }

    /// Takes back what the last tries left, and tells every hub that is up and not being told already.
    ///
    /// Waits for nobody. Must be called inside a tokio runtime.
    pub async fn tell(&mut self, live: &Arc<Live>, now: Instant) {
        self.collect().await;
        self.forget_old(now);
        for (hub, batch) in self.due(live) {
            let Some(index) = live.snapshot.find(&hub) else { continue };
            let client = live.client(index).clone();
            self.telling.insert(hub, tokio::spawn(tell_one_hub(client, batch)));
        }
    }

    /// What tries that are over have left waits again, before what came meanwhile.
    async fn collect(&mut self) {
        let over: Vec<HubId> =
            self.telling.iter().filter(|(_, task)| task.is_finished()).map(|(hub, _)| hub.clone()).collect();
        for hub in over {
            let Some(task) = self.telling.remove(&hub) else { continue };
            // It has finished, so this does not wait.
            for kept in task.await.unwrap_or_default().into_iter().rev() {
                self.waiting.push_front(kept);
            }
        }
    }

    fn forget_old(&mut self, now: Instant) {
        let before = self.waiting.len();
        self.waiting.retain(|(since, _)| now.duration_since(*since) < KEPT_FOR);
        let gone = before - self.waiting.len();
        if gone > 0 {
            warn!(logouts = gone, "hubs were away for too long: these sessions end by their own age");
        }
    }

    /// Takes out what can be told now: a batch for each hub whose hub plane is up and that nobody is telling.
    fn due(&mut self, live: &Live) -> BTreeMap<HubId, Vec<Kept>> {
        let up = |hub: &HubId| {
            live.snapshot.find(hub).is_some_and(|hub| {
                let answer = live.snapshot.hub(hub).answers(hubrouter_hub_adapter::address::Plane::Hub);
                answer == health::Answer::Pass
            })
        };
        let mut due: BTreeMap<HubId, Vec<Kept>> = BTreeMap::new();
        let mut waiting = VecDeque::with_capacity(self.waiting.len());
        for kept in std::mem::take(&mut self.waiting) {
            let hub = &kept.1.hub;
            let full = due.get(hub).is_some_and(|batch| batch.len() >= BATCH);
            if full || self.telling.contains_key(hub) || !up(hub) {
                waiting.push_back(kept);
            } else {
                due.entry(hub.clone()).or_default().push(kept);
            }
        }
        self.waiting = waiting;
        due
    }

    /// What is left to do, for operators.
    #[must_use]
    pub fn summary(&self) -> String {
        match (self.waiting.len(), self.telling.len()) {
            (0, 0) => "none waits".to_owned(),
            (waiting, hubs) => format!("{waiting} wait, {hubs} hubs are being told"),
        }
    }
}

/// Tells one hub, one logout after the other; returns what is worth another try. A hub that fails once is left alone.
async fn tell_one_hub(client: HubClient, batch: Vec<Kept>) -> Vec<Kept> {
    let mut batch = VecDeque::from(batch);
    while let Some((_, logout)) = batch.front() {
        match client.logout(logout.jar.clone(), &logout.browser, WITHIN).await {
            Ok(_) => info!(hub.id = %logout.hub, "a hub that is back was told of a logout"),
            // What the hub answers now it will answer again.
            Err(HubError::Unreadable { .. } | HubError::Redirects { .. }) => {}
            Err(error) => {
                warn!(hub.id = %logout.hub, logouts = batch.len(), %error, "a hub was not told of logouts: later");
                break;
            }
        }
        batch.pop_front();
    }
    batch.into()
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use hubrouter_config::Scheme;
    use hubrouter_hub_adapter::client::Browser;

    use super::*;

    fn logout(client: [u8; 4]) -> PendingLogout {
        PendingLogout {
            hub: "a".parse().unwrap(),
            jar: HeaderValue::from_static("jupyterhub-hub-login=x"),
            browser: Browser {
                host: HeaderValue::from_static("site"),
                client_ip: IpAddr::from(client),
                user_agent: None,
                scheme: Scheme::Http,
            },
        }
    }

    #[test]
    fn one_client_cannot_push_out_the_logouts_of_others() {
        let (mut logouts, now) = (Logouts::default(), Instant::now());
        logouts.keep(logout([10, 0, 0, 1]), now);
        for _ in 0..20_000 {
            logouts.keep(logout([10, 0, 0, 2]), now);
        }
        logouts.keep(logout([10, 0, 0, 3]), now);

        assert_eq!(logouts.of([10, 0, 0, 2].into()), MAX_KEPT_OF_ONE);
        assert_eq!((logouts.of([10, 0, 0, 1].into()), logouts.of([10, 0, 0, 3].into())), (1, 1));
    }

    #[test]
    fn what_waited_for_too_long_is_let_go() {
        let (mut logouts, now) = (Logouts::default(), Instant::now());
        logouts.keep(logout([10, 0, 0, 1]), now);
        logouts.forget_old(now + KEPT_FOR / 2);
        assert_eq!(logouts.waiting.len(), 1);
        logouts.forget_old(now + KEPT_FOR);
        assert!(logouts.waiting.is_empty());
    }
}
