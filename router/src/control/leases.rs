//! Which hubs this replica looks after: asks for their census, stops servers there, tidies what is recorded of their users.
//!
//! One replica at a time does that work for a hub: whoever holds its lease in the directory. Losing one is harmless: each piece
//! of work may be done twice.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use hubrouter_config::HubId;
use tokio::sync::{Notify, watch};

use super::clock;
use super::keeper::Writer;
use super::live::Live;
use super::tasks::Task;
use crate::directory::{Key, ReplicaId};

/// The longest that a question for a lease may take.
const WITHIN: Duration = Duration::from_secs(2);

/// The leases of one process.
#[derive(Debug, Default)]
pub struct Leases {
    hubs: Mutex<BTreeSet<HubId>>,
    changed: Notify,
}

impl Leases {
    /// Whether this replica looks after `hub`.
    #[must_use]
    pub fn holds(&self, hub: &HubId) -> bool {
        self.locked().contains(hub)
    }

    /// Waits until it does.
    pub async fn held(&self, hub: &HubId) {
        loop {
            let changed = self.changed.notified();
            if self.holds(hub) {
                return;
            }
            changed.await;
        }
    }

    /// The hubs that this replica looks after.
    #[must_use]
    pub fn all(&self) -> BTreeSet<HubId> {
        self.locked().clone()
    }

    /// From now on it looks after exactly these.
    pub fn hold_all(&self, hubs: impl IntoIterator<Item = HubId>) {
        *self.locked() = hubs.into_iter().collect();
        self.changed.notify_waiters();
    }

    /// A whole set is replaced under the lock, so a poisoned one is as good as any.
    fn locked(&self) -> MutexGuard<'_, BTreeSet<HubId>> {
        self.hubs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Holds on to the leases of all configured hubs that no other replica has, each for three of the periods in which it is asked
/// for anew; gives them back at the end.
pub async fn hold(
    leases: Arc<Leases>,
    writer: Writer,
    me: ReplicaId,
    live: Arc<ArcSwap<Live>>,
    task: Task,
    mut stop: watch::Receiver<bool>,
) {
    loop {
        let now = live.load_full();
        let every = now.snapshot.config.health.interval;
        let mut held = BTreeSet::new();
        for hub in now.snapshot.config.hubs.iter().map(|hub| &hub.id) {
            if writer.lease(&Key::hub(hub), &me, every * 3, WITHIN).await {
                held.insert(hub.clone());
            }
        }
        task.every(every);
        task.ran(clock::now(), format!("{} of {} hubs", held.len(), now.snapshot.config.hubs.len()));
        if held != leases.all() {
            leases.hold_all(held);
        }
        // Right after the start nothing can be asked yet.
        let pause = if leases.all().is_empty() { every.min(Duration::from_millis(200)) } else { every };
        tokio::select! {
            biased;
            () = async { drop(stop.wait_for(|stop| *stop).await) } => break,
            () = tokio::time::sleep(pause) => {}
        }
    }
    for hub in leases.all() {
        writer.release(&Key::hub(&hub), &me, WITHIN).await;
    }
}
