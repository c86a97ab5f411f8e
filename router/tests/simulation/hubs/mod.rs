//! All hubs of the site: who may hurt them, and who looks at their databases.
//!
//! How replicas ask them over the network is `ask.rs`'s, how one hub behaves `hub.rs`'s.

mod ask;
mod hub;
mod tests;
mod words;

use std::sync::{Arc, Mutex, PoisonError};

use hubrouter_config::HubId;
use tokio::time::Instant;

pub use self::hub::SimHub;
pub use self::words::{Habits, Process, Row, Spawning, Started, Stopped, Visit};
use super::bell::Bell;
use super::net::Net;
use super::rng::Rng;

/// The hubs of the site, by number. Clones are the same hubs.
#[derive(Clone)]
pub struct Hubs(Arc<Inner>);

struct Inner {
    net: Net,
    began: Instant,
    hubs: Vec<(HubId, Mutex<SimHub>)>,
    /// Rung whenever somebody hurt or healed a hub.
    changed: Bell,
}

impl Hubs {
    /// Hubs that are up and know nobody.
    pub fn new(net: Net, seed: u64, hubs: impl IntoIterator<Item = (HubId, Habits)>) -> Self {
        let began = Instant::now();
        let hub = |(id, habits): (HubId, Habits)| {
            let rng = Rng::named(seed, &format!("hub {id}"));
            (id, Mutex::new(SimHub::new(habits, rng, began)))
        };
        let hubs = hubs.into_iter().map(hub).collect();
        Self(Arc::new(Inner { net, began, hubs, changed: Bell::default() }))
    }

    pub fn len(&self) -> usize {
        self.0.hubs.len()
    }

    pub fn ids(&self) -> impl Iterator<Item = &HubId> {
        self.0.hubs.iter().map(|(id, _)| id)
    }

    pub fn id(&self, number: usize) -> &HubId {
        &self.0.hubs[number].0
    }

    /// The number of a hub; its party in the network has the same.
    pub fn number(&self, id: &HubId) -> usize {
        self.ids().position(|known| known == id).expect("a hub of this site")
    }

    /// Looks at a hub as it is now, or does something to it.
    pub fn with<T>(&self, number: usize, act: impl FnOnce(&mut SimHub, Instant) -> T) -> T {
        let mut hub = self.0.hubs[number].1.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        hub.settle(now);
        act(&mut hub, now)
    }

    /// As [`Hubs::with`], for what those have to hear who wait for the hub.
    fn hurt(&self, number: usize, act: impl FnOnce(&mut SimHub, Instant)) {
        self.with(number, act);
        self.0.changed.ring();
    }

    pub fn kill(&self, number: usize) {
        self.hurt(number, SimHub::kill);
    }

    pub fn begin(&self, number: usize) {
        self.hurt(number, SimHub::begin);
    }

    pub fn hang(&self, number: usize, hangs: bool) {
        self.hurt(number, |hub, now| hub.hang(hangs, now));
    }

    pub fn kill_proxy(&self, number: usize) {
        self.hurt(number, SimHub::kill_proxy);
    }

    pub fn begin_proxy(&self, number: usize) {
        self.hurt(number, SimHub::begin_proxy);
    }
}
