//! The way to write into the directory: by compare-and-set, and never past the keeper.
//!
//! Whoever writes goes on only when what stands after the write, theirs or another's, is in force in this process.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwapOption;
use hubrouter_config::HubId;
use hubrouter_hub_adapter::names::UserName;
use serde::Serialize;
use tokio::sync::{mpsc, oneshot};

use super::Ask;
use super::told::{CENSUS, PLACEMENT};
use crate::core::life::records::Epoch;
use crate::directory::{self, Comparison, Entry, Error, Fingerprint, Key, Outcome, Seen, Store, Value};

/// One record to be written.
#[derive(Clone, Debug)]
pub struct Write {
    /// Which.
    pub key: Key,
    /// How it must stand: `None` where nothing may stand.
    pub on: Option<Epoch>,
    /// What is to stand; `None` deletes it.
    pub value: Option<Value>,
    /// How others must stand.
    pub conditions: Vec<(Key, Option<Epoch>)>,
}

impl Write {
    /// Sets `record`; `None` when it is too long to be written.
    #[must_use]
    pub fn set(key: Key, on: Option<Epoch>, record: &impl Serialize) -> Option<Self> {
        Some(Self { key, on, value: Some(Value::of(record)?), conditions: Vec::new() })
    }

    /// Deletes what stands with this epoch.
    #[must_use]
    pub fn delete(key: Key, on: Epoch) -> Self {
        Self { key, on: Some(on), value: None, conditions: Vec::new() }
    }
}

/// What came of a write.
#[derive(Clone, Debug)]
pub enum Wrote {
    /// It stands.
    Stands(Entry),
    /// Something else does; it is in force here by now.
    Conflict(BTreeMap<Key, Option<Entry>>),
    /// It may stand or not: a look at the store will tell.
    Unknown(String),
    /// It does not stand, and the store cannot be asked now.
    Unreachable(String),
}

/// Writes into the directory. Cheap to clone.
#[derive(Clone)]
pub struct Writer {
    store: Arc<dyn Store>,
    seen: Arc<ArcSwapOption<Seen>>,
    asks: mpsc::UnboundedSender<Ask>,
}

impl std::fmt::Debug for Writer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Writer").field("store", &self.store).finish_non_exhaustive()
    }
}

impl Writer {
    pub(super) fn new(
        store: Arc<dyn Store>,
        seen: Arc<ArcSwapOption<Seen>>,
        asks: mpsc::UnboundedSender<Ask>,
    ) -> Self {
        Self { store, seen, asks }
    }

    /// Writes if everything that is compared stands as expected. Ends `within`, and then as much again for what stands to come
    /// into force.
    pub async fn write(&self, write: &Write, within: Duration) -> Wrote {
        let Some(seen) = self.seen.load_full() else {
            return Wrote::Unreachable("the directory has not been read yet".to_owned());
        };
        let compared = |(key, epoch): &(Key, Option<Epoch>)| Comparison { key: key.clone(), epoch: *epoch };
        let raw = directory::Write {
            target: Comparison { key: write.key.clone(), epoch: write.on },
            value: write.value.clone(),
            conditions: write.conditions.iter().map(compared).collect(),
        };
        match self.store.write(&raw, &seen, within).await {
            Ok(Outcome::Written(entry)) => {
                if !self.in_force(vec![entry.clone()], within).await {
                    return Wrote::Unknown("what was written is not in force here yet".to_owned());
                }
                Wrote::Stands(entry)
            }
            Ok(Outcome::Conflict(stands)) => {
                self.in_force(stands.values().flatten().cloned().collect(), within).await;
                Wrote::Conflict(stands)
            }
            Err(error @ Error::Unknown { .. }) => {
                self.look();
                Wrote::Unknown(error.to_string())
            }
            Err(error @ (Error::Behind { .. } | Error::Foreign { .. })) => {
                self.look();
                Wrote::Unreachable(error.to_string())
            }
            Err(error @ Error::Unreachable { .. }) => Wrote::Unreachable(error.to_string()),
        }
    }

    /// Whether this replica may do `what` for the next `time`: one of all may.
    pub async fn lease(
        &self,
        what: &Key,
        me: &directory::ReplicaId,
        time: Duration,
        within: Duration,
    ) -> bool {
        let Some(site) = self.site() else { return false };
        let lease = self.store.lease(what, me, time, &site, within).await;
        lease.is_ok_and(|lease| lease.holder == *me)
    }

    /// Gives a lease back.
    pub async fn release(&self, what: &Key, me: &directory::ReplicaId, within: Duration) {
        if let Some(site) = self.site() {
            // Whoever does not hear of it waits until it ends by itself.
            let _ = self.store.release(what, me, &site, within).await;
        }
    }

    fn site(&self) -> Option<Fingerprint> {
        self.seen.load_full().map(|seen| seen.fingerprint.clone())
    }

    /// Asks the keeper to look at the store.
    fn look(&self) {
        let _ = self.asks.send(Ask::Look);
    }

    async fn in_force(&self, entries: Vec<Entry>, within: Duration) -> bool {
        let (ack, acked) = oneshot::channel();
        let _ = self.asks.send(Ask::Stands(entries, ack));
        tokio::time::timeout(within, acked).await.is_ok_and(|acked| acked.is_ok())
    }
}

/// The key of a user's assignment; `None` for a name longer than any hub takes.
#[must_use]
pub fn user_key(user: &UserName) -> Option<Key> {
    Key::user(user)
}

/// The key of a hub's record.
#[must_use]
pub fn hub_key(hub: &HubId) -> Key {
    Key::hub(hub)
}

/// The key of the placement.
#[must_use]
pub fn placement_key() -> Key {
    Key::new(PLACEMENT, "active").expect("a kind and a name")
}

/// The key of what a hub told about its servers.
#[must_use]
pub fn census_key(hub: &HubId) -> Key {
    Key::new(CENSUS, hub.as_ref()).expect("ids of hubs are names")
}
