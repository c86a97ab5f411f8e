//! What the keeper tells: entries of the directory, read as the records that they are.
//!
//! What cannot be read, because somebody else wrote it or a newer release did, is ignored and counted, never guessed.

use std::collections::BTreeMap;
use std::sync::Arc;

use hubrouter_config::HubId;
use hubrouter_hub_adapter::names::{NameRule, UserName};
use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;

use crate::core::exceptions::Exceptions;
use crate::core::life::records::{Assignment, Heartbeat, HubRecord, PlacementRecord};
use crate::core::life::time::StoreTime;
use crate::core::moment::Knowledge;
use crate::directory::{Entry, FullCopy, Key};

/// Kinds of keys that the directory itself does not know of.
pub(super) const PLACEMENT: &str = "placement";
pub(super) const CENSUS: &str = "census";

/// What the controller is told.
#[derive(Debug)]
pub enum Told {
    /// This stands now; whoever waits for that is to be told when it is in force.
    View(Box<View>, Vec<oneshot::Sender<()>>),
    /// The last heartbeat of every replica.
    Beats {
        /// When they were asked for, by the store's clock.
        asked_at: StoreTime,
        /// When they were read, by the store's clock.
        now: StoreTime,
        /// They.
        heartbeats: Vec<Heartbeat>,
    },
    /// The store's clock went on by another time than ours.
    ClockJumped,
    /// This replica wrote back what the store had lost.
    Repaired,
}

/// The directory as this replica knows it.
#[derive(Clone, Debug)]
pub struct View {
    /// The records that decide.
    pub exceptions: Arc<Exceptions>,
    /// What hubs told about their servers, whichever replica asked them.
    pub census: Arc<BTreeMap<HubId, Arc<CensusRecord>>>,
    /// How well the directory is known.
    pub knowledge: Knowledge,
    /// Whether it was ever read.
    pub read: bool,
    /// How many things in it could not be read.
    pub unreadable: u64,
    /// Why it cannot be asked now.
    pub trouble: Option<String>,
}

impl View {
    /// The directory was never read.
    #[must_use]
    pub fn nothing() -> Self {
        Self {
            exceptions: Arc::default(),
            census: Arc::default(),
            knowledge: Knowledge::default(),
            read: false,
            unreadable: 0,
            trouble: None,
        }
    }
}

/// A hub's own word on who has a server there, told by the replica that asked it to the others.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CensusRecord {
    /// When the hub was asked.
    pub asked_at: StoreTime,
    /// When the last of its answer came.
    pub answered_at: StoreTime,
    /// Since when the server is idle that has been idle for the longest.
    #[serde(default)]
    pub idle_since: Option<StoreTime>,
    /// Everybody with a server: how many run, how many are on their way.
    pub users: BTreeMap<String, (u32, u32)>,
}

/// The records of a copy.
#[derive(Debug, Default)]
pub(super) struct Records {
    exceptions: Arc<Exceptions>,
    census: Arc<BTreeMap<HubId, Arc<CensusRecord>>>,
    unreadable: u64,
}

impl Records {
    /// All that stands in `copy`.
    pub(super) fn of(copy: &FullCopy) -> Self {
        let mut records = Self::default();
        copy.standing().for_each(|entry| records.apply(entry));
        records
    }

    pub(super) fn exceptions(&self) -> Arc<Exceptions> {
        Arc::clone(&self.exceptions)
    }

    pub(super) fn census(&self) -> Arc<BTreeMap<HubId, Arc<CensusRecord>>> {
        Arc::clone(&self.census)
    }

    pub(super) fn unreadable(&self) -> u64 {
        self.unreadable
    }

    /// Takes over what stands for one key. A record that cannot be read is none: what it said before holds no more.
    pub(super) fn apply(&mut self, entry: &Entry) {
        let (kind, name) = entry.key.parts();
        let understood = match kind {
            Key::USER => self.user(name, entry),
            Key::HUB => self.hub(name, entry),
            PLACEMENT => self.placement(entry),
            CENSUS => self.census_of(name, entry),
            _ => false,
        };
        if !understood && entry.value.is_some() {
            self.unreadable += 1;
        }
    }

    fn user(&mut self, name: &str, entry: &Entry) -> bool {
        // A key is written by canonical names only, whatever the rule was.
        let Some(user) = UserName::canonical(name, NameRule::Exact) else { return false };
        let read: Option<Assignment> = read(entry);
        let fits = read.filter(|assignment| assignment.user == user);
        let understood = fits.is_some();
        let assignment = fits.map(|assignment| Assignment { epoch: entry.epoch, ..assignment });
        let stray = entry.value.as_ref().filter(|_| !understood).map(|_| entry.epoch);
        let exceptions = Arc::make_mut(&mut self.exceptions);
        exceptions.set_assignment(&user, assignment);
        exceptions.set_stray(&user, stray);
        understood
    }

    fn hub(&mut self, name: &str, entry: &Entry) -> bool {
        let Ok(hub) = name.parse::<HubId>() else { return false };
        let fits = read::<HubRecord>(entry).filter(|record| record.hub == hub);
        let understood = fits.is_some();
        // A record that is none says nothing of the hub, and its epoch is what the next write has to name.
        let stands = fits.or_else(|| entry.value.as_ref().map(|_| HubRecord::new(hub.clone())));
        let record = stands.map(|record| HubRecord { epoch: entry.epoch, ..record });
        Arc::make_mut(&mut self.exceptions).set_hub(&hub, record);
        understood
    }

    fn placement(&mut self, entry: &Entry) -> bool {
        let read: Option<PlacementRecord> = read(entry);
        let understood = read.is_some();
        let record = read.map(|record| PlacementRecord { epoch: entry.epoch, ..record });
        Arc::make_mut(&mut self.exceptions).set_placement(record);
        understood
    }

    fn census_of(&mut self, name: &str, entry: &Entry) -> bool {
        let Ok(hub) = name.parse::<HubId>() else { return false };
        let census = Arc::make_mut(&mut self.census);
        let Some(record) = read::<CensusRecord>(entry) else {
            census.remove(&hub);
            return false;
        };
        census.insert(hub, Arc::new(record));
        true
    }
}

fn read<T: serde::de::DeserializeOwned>(entry: &Entry) -> Option<T> {
    entry.value.as_ref()?.read().ok()
}
