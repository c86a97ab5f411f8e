//! A replica's full copy of the directory: which changes are new, how old the copy is, and what a store has lost.
//!
//! Pure: instants come in as arguments. Who asks the store, and when, is `sync.rs` and its callers.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use hubrouter_config::HubId;

use super::entry::{Entry, KEPT_FOR};
use super::identity::{Fingerprint, Identity};
use super::key::Key;
use super::store::{Full, Mark, Repair, Seen};
use crate::core::life::records::Epoch;
use crate::core::life::time::StoreTime;

/// Everything that the store holds, as far as this replica knows.
#[derive(Clone, Debug, Default)]
pub struct FullCopy {
    entries: BTreeMap<Key, Entry>,
    /// No write up to here was missed.
    upto: Epoch,
    /// The highest epoch that was ever seen.
    highest: Epoch,
    fingerprint: Option<Fingerprint>,
    in_step: Option<InStep>,
}

/// When the copy and the store were last known to agree.
#[derive(Clone, Copy, Debug)]
struct InStep {
    /// Before the store was asked.
    asked_at: Instant,
    time: StoreTime,
}

/// What a change of the feed was to the copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Applied {
    /// The next write.
    New,
    /// Known already.
    Old,
    /// Taken over, but others before it were missed: load everything.
    Gap,
}

/// What a look at the store says about the copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Confirmed {
    /// Nothing is missing: the copy is as old as the look.
    InStep,
    /// The store has more: the feed brings it in a moment, or a load does.
    Lagging,
    /// The store has less than was seen, or is not the one that was loaded: load everything.
    Doubtful,
}

/// What a load says about the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Taken {
    /// The copy is what the store holds.
    InStep,
    /// Nobody has founded this directory, and this replica has seen nothing of it.
    Unfounded,
    /// The store lost writes. The copy now is the union of both, and this is what the store needs.
    Behind(Repair),
    /// Another site's directory: nothing was taken over.
    Foreign(Fingerprint),
}

impl FullCopy {
    /// An empty copy, never in step.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// What stands for `key`.
    #[must_use]
    pub fn get(&self, key: &Key) -> Option<&Entry> {
        self.entries.get(key).filter(|entry| entry.value.is_some())
    }

    /// Everything that stands, by key.
    pub fn standing(&self) -> impl Iterator<Item = &Entry> {
        self.entries.values().filter(|entry| entry.value.is_some())
    }

    /// What a write has to presume; `None` before the first load.
    #[must_use]
    pub fn seen(&self) -> Option<Seen> {
        let fingerprint = self.fingerprint.clone()?;
        Some(Seen { fingerprint, epoch: self.highest })
    }

    /// How long ago the copy was known to be what the store holds; `None`: never.
    #[must_use]
    pub fn age(&self, now: Instant) -> Option<Duration> {
        Some(now.saturating_duration_since(self.in_step?.asked_at))
    }

    /// Whether something was written before `entry` that this copy has not heard of yet.
    #[must_use]
    pub fn is_ahead(&self, entry: &Entry) -> bool {
        self.upto.next().is_some_and(|next| entry.epoch > next)
    }

    /// Takes over a change of the feed, or this replica's own write.
    pub fn apply(&mut self, entry: Entry) -> Applied {
        let is_next = self.upto.next() == Some(entry.epoch);
        if let Some(held) = self.entries.get(&entry.key) {
            if *held == entry && is_next {
                // The answer to an own write came before the feed brought what was written in between.
                self.upto = entry.epoch;
            }
            if *held == entry || entry.epoch < held.epoch {
                return Applied::Old;
            }
            if entry.epoch == held.epoch {
                return Applied::Gap; // two writes with one number: the store lost one of them
            }
        }
        if is_next {
            self.upto = entry.epoch;
        }
        self.highest = self.highest.max(entry.epoch);
        self.entries.insert(entry.key.clone(), entry);
        if is_next { Applied::New } else { Applied::Gap }
    }

    /// Compares the copy with where the store stood some time after `asked_at`.
    pub fn confirm(&mut self, mark: &Mark, asked_at: Instant) -> Confirmed {
        let same = mark.fingerprint.is_some() && mark.fingerprint == self.fingerprint;
        if !same || mark.counter < self.highest {
            return Confirmed::Doubtful;
        }
        if mark.counter > self.upto {
            return Confirmed::Lagging;
        }
        self.in_step = Some(InStep { asked_at, time: mark.time });
        Confirmed::InStep
    }

    /// Compares the copy with everything that the store held some time after `asked_at`; `hubs` are those of the own
    /// configuration.
    ///
    /// A store lost writes when its counter is lower than an epoch that was seen, and also when it misses a single entry of
    /// this copy: after a failover others may have written on before anybody noticed.
    pub fn take(&mut self, full: Full, asked_at: Instant, hubs: &BTreeSet<HubId>) -> Taken {
        match &full.identity {
            Some(identity) if identity.is_foreign_to(hubs) => {
                return Taken::Foreign(identity.fingerprint.clone());
            }
            None if self.highest == Epoch::default() && full.entries.is_empty() => return Taken::Unfounded,
            _ => {}
        }
        let lost = self.lost(&full);
        let above = full.entries.values().map(|entry| entry.epoch).fold(self.highest, Epoch::max);
        self.highest = above.max(full.counter);
        let founded = full.identity.as_ref().map(|identity| identity.fingerprint.clone());
        if let (Some(founded), true, true) = (&founded, above <= full.counter, lost.is_empty()) {
            self.fingerprint = Some(founded.clone());
            self.upto = full.counter;
            self.in_step = Some(InStep { asked_at, time: full.time });
            self.entries = full.entries;
            self.entries.retain(|_, entry| !entry.was_deleted_before(full.time, KEPT_FOR));
            return Taken::InStep;
        }
        let Some(fingerprint) = founded.or_else(|| self.fingerprint.clone()) else {
            return Taken::Unfounded; // entries without a founding: somebody has to found it first
        };
        self.fingerprint = Some(fingerprint.clone());
        for (key, entry) in full.entries {
            if self.entries.get(&key).is_none_or(|held| held.epoch <= entry.epoch) {
                self.entries.insert(key, entry);
            }
        }
        Taken::Behind(Repair {
            identity: Identity { fingerprint, hubs: hubs.clone() },
            found: full.counter,
            raise_to: self.highest.raised(),
            entries: lost,
        })
    }

    /// What this copy holds and the store should.
    fn lost(&self, full: &Full) -> Vec<Entry> {
        // Deletions are remembered for a while only: a copy that was away for longer cannot tell lost from deleted, unless
        // the counter says that the store lost something.
        let stale = self.in_step.is_some_and(|last| full.time.since(last.time) > KEPT_FOR);
        if stale && full.counter >= self.highest {
            return Vec::new();
        }
        let missing = |held: &Entry| full.entries.get(&held.key).is_none_or(|there| there.epoch < held.epoch);
        let expected = |held: &Entry| !held.was_deleted_before(full.time, KEPT_FOR);
        self.entries.values().filter(|held| expected(held) && missing(held)).cloned().collect()
    }
}

#[cfg(test)]
mod tests;
