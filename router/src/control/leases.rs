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
use crate::core::health::HubPlane;
use crate::core::snapshot::HubView;
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

/// Holds on to the leases of all hubs that it reaches and no other replica has, each for three of the periods in which it is asked
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
        for hub in now.snapshot.hubs.iter().filter(|view| !is_blind(view)).map(|view| &view.hub.id) {
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

/// Whether this replica alone cannot reach the hub: then another one may look after it.
fn is_blind(view: &HubView) -> bool {
    let agreed = view.record.outage.is_some_and(|outage| outage.hub.is_some());
    view.health.hub.verdict == HubPlane::Down && !agreed
}

#[cfg(test)]
mod tests {
    use tokio::sync::mpsc;
    use tokio::time::sleep;

    use super::super::journal::Journal;
    use super::super::keeper::{Keeper, Parts, Told};
    use super::super::picture::{self, Healths, Materials};
    use super::super::tasks::Tasks;
    use super::super::test_store::TestStore;
    use super::*;
    use crate::core::life::records::Heartbeat;
    use crate::core::sketch_tests::snapshot;
    use crate::directory::Fingerprint;
    use hubrouter_hub_adapter::client::Resolver;

    const INTERVAL: Duration = Duration::from_secs(5);

    /// One replica's leases, and what ends it.
    fn replica(store: &TestStore, number: u8) -> (Arc<Leases>, watch::Sender<bool>) {
        let me = ReplicaId::of([number; 8]);
        let config = (*snapshot("a, b", "{}").config).clone();
        let ids = config.hubs.iter().map(|hub| hub.id.clone()).collect();
        let (site, site_in) = watch::channel((ids, INTERVAL));
        let beat = serde_json::json!({"replica": me.as_str(), "at": 0});
        let (heartbeat, heartbeat_in) = watch::channel(serde_json::from_value::<Heartbeat>(beat).unwrap());
        let (told, mut told_in) = mpsc::unbounded_channel();
        let (keeper, writer) = Keeper::new(Parts {
            store: Arc::new(store.clone()),
            me: me.clone(),
            fresh: Fingerprint::of([number; 16]),
            site: site_in,
            heartbeat: heartbeat_in,
            journal: Arc::<Journal>::default(),
            told,
            task: Tasks::default().add("directory", INTERVAL),
        });
        let (stop, stopped) = watch::channel(false);
        tokio::spawn(keeper.run(stopped.clone()));
        tokio::spawn(async move {
            let _held = (site, heartbeat);
            while let Some(told) = told_in.recv().await {
                if let Told::View(_, acks) = told {
                    for ack in acks {
                        let _ = ack.send(());
                    }
                }
            }
        });
        let materials = Materials { fallback_key: [7; 32], resolver: Resolver::new() };
        let live = picture::of(config, 1, None, &Healths::new(), &materials, clock::now());
        let leases = Arc::<Leases>::default();
        let task = Tasks::default().add("leases", INTERVAL);
        let live = Arc::new(ArcSwap::from_pointee(live));
        tokio::spawn(hold(Arc::clone(&leases), writer, me, live, task, stopped));
        (leases, stop)
    }

    #[tokio::test(start_paused = true)]
    async fn one_replica_looks_after_a_hub_and_another_one_when_that_has_ended() {
        let store = TestStore::new();
        let (one, stop) = replica(&store, 1);
        sleep(INTERVAL).await;
        let (two, _held) = replica(&store, 2);
        sleep(INTERVAL * 10).await;
        assert_eq!((one.all().len(), two.all().len()), (2, 0));

        stop.send_replace(true);
        sleep(INTERVAL).await;

        assert_eq!(two.all().len(), 2, "a lease that was given back need not end first");
    }

    #[tokio::test(start_paused = true)]
    async fn a_replica_that_hears_nothing_of_the_store_looks_after_nobody() {
        let store = TestStore::new();
        let (one, _held) = replica(&store, 1);
        sleep(INTERVAL).await;
        assert!(one.holds(&"a".parse().unwrap()));

        store.silent(true);
        sleep(INTERVAL * 3).await;
        assert!(!one.holds(&"a".parse().unwrap()));

        store.silent(false);
        one.held(&"a".parse().unwrap()).await;
        assert!(one.holds(&"a".parse().unwrap()));
    }
}
