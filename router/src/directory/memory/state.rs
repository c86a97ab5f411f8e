//! What a directory in memory holds, and what each call does to it. The script files of the Redis store say the same.
//!
//! Pure: the store's time is an argument.

use std::collections::BTreeMap;
use std::time::Duration;

use super::super::entry::{Entry, KEPT_FOR};
use super::super::identity::{Fingerprint, Identity, ReplicaId};
use super::super::key::Key;
use super::super::store::{
    Beat, Beats, Comparison, Error, Full, Lease, Mark, Outcome, Pulse, Repair, Repaired, Seen, Write,
};
use crate::core::life::records::Epoch;
use crate::core::life::time::StoreTime;

/// How long a heartbeat that stopped without goodbye can still be read: 1 hour.
pub(in super::super) const BEATS_KEPT_FOR: Duration = Duration::from_hours(1);
/// For how much longer than [`KEPT_FOR`] a store remembers deletions: no copy has one that the store has forgotten.
pub(in super::super) const SPARE: Duration = Duration::from_hours(1);

#[derive(Clone, Debug, Default)]
pub(super) struct State {
    pub(super) identity: Option<Identity>,
    pub(super) counter: Epoch,
    pub(super) entries: BTreeMap<Key, Entry>,
    pub(super) latest: StoreTime,
    pub(super) beats: BTreeMap<ReplicaId, Beat>,
    pub(super) leases: BTreeMap<Key, Lease>,
}

impl State {
    /// `now`, or the latest time that was ever given out when a clock was set back between two runs.
    pub(super) fn no_earlier(&mut self, now: StoreTime) -> StoreTime {
        self.latest = self.latest.max(now);
        self.latest
    }

    /// What belongs on the disk differs.
    pub(super) fn lasts_otherwise_than(&self, other: &Self) -> bool {
        (self.counter, &self.identity) != (other.counter, &other.identity)
    }

    pub(super) fn introduce(&mut self, offered: &Identity) -> Result<Identity, Error> {
        let identity = self.identity.get_or_insert_with(|| offered.clone());
        if identity.is_foreign_to(&offered.hubs) {
            return Err(foreign(&identity.fingerprint));
        }
        identity.hubs.extend(offered.hubs.iter().cloned());
        Ok(identity.clone())
    }

    pub(super) fn load(&mut self, now: StoreTime) -> Full {
        self.entries.retain(|_, entry| !entry.was_deleted_before(now, KEPT_FOR + SPARE));
        Full {
            entries: self.entries.clone(),
            counter: self.counter,
            time: now,
            identity: self.identity.clone(),
            malformed: 0,
        }
    }

    pub(super) fn mark(&self, now: StoreTime) -> Mark {
        let fingerprint = self.identity.as_ref().map(|identity| identity.fingerprint.clone());
        Mark { counter: self.counter, time: now, fingerprint }
    }

    /// Refuses who speaks of another founding, or of one that was lost.
    pub(super) fn belongs_to(&self, site: &Fingerprint) -> Result<(), Error> {
        match &self.identity {
            Some(identity) if identity.fingerprint == *site => Ok(()),
            Some(identity) => Err(foreign(&identity.fingerprint)),
            None => Err(Error::Behind { counter: self.counter, seen: self.counter }),
        }
    }

    pub(super) fn write(&mut self, write: &Write, seen: &Seen, now: StoreTime) -> Result<Outcome, Error> {
        self.belongs_to(&seen.fingerprint)?;
        if self.counter < seen.epoch {
            return Err(Error::Behind { counter: self.counter, seen: seen.epoch });
        }
        if !write.comparisons().all(|comparison| self.stands(comparison)) {
            let current = write.comparisons().map(|comparison| {
                let key = comparison.key.clone();
                let entry = self.entries.get(&key).cloned();
                (key, entry)
            });
            return Ok(Outcome::Conflict(current.collect()));
        }
        let Some(epoch) = self.counter.next() else {
            return Err(Error::Unreachable {
                call: "a write",
                reason: "the counter is at its end".to_owned(),
            });
        };
        self.counter = epoch;
        let key = write.target.key.clone();
        let entry = Entry { key: key.clone(), epoch, written_at: now, value: write.value.clone() };
        self.entries.insert(key, entry.clone());
        Ok(Outcome::Written(entry))
    }

    fn stands(&self, expected: &Comparison) -> bool {
        let standing = self.entries.get(&expected.key).filter(|entry| entry.value.is_some());
        standing.map(|entry| entry.epoch) == expected.epoch
    }

    pub(super) fn repair(&mut self, repair: Repair) -> Result<Repaired, Error> {
        if let Some(identity) = &self.identity
            && identity.fingerprint != repair.identity.fingerprint
        {
            return Err(foreign(&identity.fingerprint));
        }
        if self.counter != repair.found {
            return Ok(Repaired::TooLate);
        }
        self.identity.get_or_insert(repair.identity);
        self.counter = self.counter.max(repair.raise_to);
        for entry in repair.entries {
            if self.entries.get(&entry.key).is_none_or(|there| there.epoch < entry.epoch) {
                self.entries.insert(entry.key.clone(), entry);
            }
        }
        Ok(Repaired::Done)
    }

    pub(super) fn beat(&mut self, pulse: Pulse, now: StoreTime) {
        let Pulse { replica, payload, lives_for } = pulse;
        self.beats.retain(|_, beat| now.since(beat.at) <= BEATS_KEPT_FOR);
        let beat = Beat { replica: replica.clone(), payload, at: now, until: now.plus(lives_for) };
        self.beats.insert(replica, beat);
    }

    pub(super) fn part(&mut self, replica: &ReplicaId) {
        self.beats.remove(replica);
    }

    pub(super) fn beats(&self, now: StoreTime) -> Beats {
        let kept = |beat: &&Beat| now.since(beat.at) <= BEATS_KEPT_FOR;
        Beats { time: now, beats: self.beats.values().filter(kept).cloned().collect() }
    }

    pub(super) fn lease(&mut self, name: Key, replica: &ReplicaId, time: Duration, now: StoreTime) -> Lease {
        self.leases.retain(|_, lease| now < lease.until);
        let lease = self.leases.entry(name).or_insert_with(|| Lease { holder: replica.clone(), until: now });
        if lease.holder == *replica {
            lease.until = now.plus(time);
        }
        lease.clone()
    }

    pub(super) fn release(&mut self, name: &Key, replica: &ReplicaId) {
        if self.leases.get(name).is_some_and(|lease| lease.holder == *replica) {
            self.leases.remove(name);
        }
    }
}

fn foreign(fingerprint: &Fingerprint) -> Error {
    Error::Foreign { fingerprint: fingerprint.to_string() }
}
