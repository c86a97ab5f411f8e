//! Starts that this replica sent home without a claim, until the hub's own word has confirmed them.
//!
//! Written by the fast path before such a start is sent, told to the other replicas with each heartbeat: when the hub then falls
//! silent, they know who may have a server there.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::{Mutex, MutexGuard, PoisonError};

use hubrouter_config::HubId;
use hubrouter_hub_adapter::names::UserName;

use crate::core::life::records::UnclaimedStart;
use crate::core::life::time::StoreTime;

/// So many are remembered; while the journal is full, starts claim.
const AT_MOST: usize = 1500;
/// So long all of them are as they are told, in bytes: a heartbeat has room for that and for everything else that it says,
/// however long names are.
const BYTES_AT_MOST: usize = 150 * 1024;

/// The journal of one process.
#[derive(Debug, Default)]
pub struct Journal(Mutex<Starts>);

/// What is noted, and how long it is as it is told.
#[derive(Debug, Default)]
struct Starts {
    noted: BTreeMap<(HubId, UserName), Told>,
    bytes: usize,
}

#[derive(Clone, Copy, Debug)]
struct Told {
    at: StoreTime,
    bytes: usize,
}

/// One start that was noted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Noted {
    key: (HubId, UserName),
    at: StoreTime,
    /// Nothing was noted of this user there before.
    alone: bool,
}

fn start((hub, user): &(HubId, UserName), at: StoreTime) -> UnclaimedStart {
    UnclaimedStart { user: user.clone(), hub: hub.clone(), at }
}

impl Starts {
    /// Whether there is room for another start, so long.
    fn have_room_for(&self, bytes: usize) -> bool {
        self.noted.len() < AT_MOST && self.bytes + bytes <= BYTES_AT_MOST
    }

    fn retain(&mut self, keep: impl Fn(&HubId, StoreTime) -> bool) {
        let bytes = &mut self.bytes;
        self.noted.retain(|(hub, _), told| {
            let keeps = keep(hub, told.at);
            *bytes -= if keeps { 0 } else { told.bytes };
            keeps
        });
    }
}

impl Journal {
    /// Notes a start; none when there is no room, and the start has to claim.
    #[must_use]
    pub fn note(&self, hub: &HubId, user: &UserName, at: StoreTime) -> Option<Noted> {
        let mut starts = self.locked();
        let key = (hub.clone(), user.clone());
        if let Some(told) = starts.noted.get_mut(&key) {
            told.at = at;
            return Some(Noted { key, at, alone: false });
        }
        // And what divides it from the next.
        let bytes = serde_json::to_string(&start(&key, StoreTime::from_millis(u64::MAX))).ok()?.len() + 1;
        if !starts.have_room_for(bytes) {
            return None;
        }
        starts.noted.insert(key.clone(), Told { at, bytes });
        starts.bytes += bytes;
        Some(Noted { key, at, alone: true })
    }

    /// Forgets a start that the hub has refused: who only names others notes nothing that stays. Another start of that user
    /// keeps its note.
    pub fn refused(&self, noted: &Noted) {
        let mut starts = self.locked();
        if noted.alone
            && let Entry::Occupied(told) = starts.noted.entry(noted.key.clone())
            && told.get().at == noted.at
        {
            let bytes = told.remove().bytes;
            starts.bytes -= bytes;
        }
    }

    /// All of them.
    #[must_use]
    pub fn all(&self) -> Vec<UnclaimedStart> {
        self.locked().noted.iter().map(|(key, told)| start(key, told.at)).collect()
    }

    /// Forgets starts at `hub` that it has been asked about since: its word says what became of them.
    pub fn confirmed(&self, hub: &HubId, asked_at: StoreTime) {
        self.locked().retain(|at_hub, at| at_hub != hub || at >= asked_at);
    }

    /// Forgets starts at hubs that are gone.
    pub fn retain(&self, keep: impl Fn(&HubId) -> bool) {
        self.locked().retain(|hub, _| keep(hub));
    }

    /// Whole entries come and go under the lock, so a poisoned one is as good as any.
    fn locked(&self) -> MutexGuard<'_, Starts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use hubrouter_hub_adapter::names::NameRule;

    use super::*;

    fn user(name: &str) -> UserName {
        UserName::canonical(name, NameRule::Lower).unwrap()
    }

    #[test]
    fn a_start_is_told_until_its_hub_was_asked_after_it() {
        let (journal, hub): (_, HubId) = (Journal::default(), "a".parse().unwrap());
        assert!(journal.note(&hub, &user("ada"), StoreTime::from_millis(10)).is_some());
        journal.confirmed(&"b".parse().unwrap(), StoreTime::from_millis(99));
        journal.confirmed(&hub, StoreTime::from_millis(10));
        assert_eq!(journal.all().len(), 1, "asked in the same moment");
        journal.confirmed(&hub, StoreTime::from_millis(11));
        assert_eq!(journal.all(), []);
    }

    #[test]
    fn a_refused_start_is_forgotten_and_never_one_beside_it() {
        let (journal, hub): (_, HubId) = (Journal::default(), "a".parse().unwrap());
        let note = |at| journal.note(&hub, &user("ada"), StoreTime::from_millis(at)).unwrap();
        let strangers = note(10);
        journal.refused(&strangers);
        assert_eq!(journal.all(), []);

        let (strangers, own) = (note(20), note(21));
        journal.refused(&strangers);
        journal.refused(&own);
        assert_eq!(journal.all().len(), 1, "one of two was refused, nobody knows about the other");
    }

    #[test]
    fn a_full_journal_takes_only_whom_it_knows() {
        let (journal, hub): (_, HubId) = (Journal::default(), "a".parse().unwrap());
        let note = |name: &str, at| journal.note(&hub, &user(name), StoreTime::from_millis(at)).is_some();
        let noted = (0..AT_MOST + 10).filter(|number| note(&format!("user{number}"), 1));
        assert_eq!(noted.count(), AT_MOST);
        assert!(note("user0", 2));
        assert!(!note("new", 2));
    }
    #[test]
    fn however_long_names_are_a_heartbeat_has_room_for_the_starts() {
        let (journal, hub): (_, HubId) = (Journal::default(), "a".parse().unwrap());
        let long = "\u{1F600}".repeat(100);
        let note = |number: usize| {
            journal.note(&hub, &user(&format!("{long}{number}")), StoreTime::from_millis(9)).is_some()
        };
        let noted = (0..AT_MOST).filter(|number| note(*number)).count();
        assert!((100..AT_MOST).contains(&noted), "{noted}");
        assert!(serde_json::to_string(&journal.all()).unwrap().len() <= BYTES_AT_MOST + 1);

        journal.confirmed(&hub, StoreTime::from_millis(10));
        assert_eq!((0..AT_MOST).filter(|number| note(*number)).count(), noted, "there is room again");
        journal.retain(|_| false);
        assert_eq!(journal.locked().bytes, 0);
    }

    #[test]
    fn what_a_refused_start_took_is_free_again() {
        let (journal, hub): (_, HubId) = (Journal::default(), "a".parse().unwrap());
        let noted = journal.note(&hub, &user("ada"), StoreTime::from_millis(9)).unwrap();
        assert!(journal.locked().bytes > 0);
        journal.refused(&noted);
        assert_eq!(journal.locked().bytes, 0);
    }
}
