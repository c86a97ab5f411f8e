//! Starts that this replica sent home without a claim, until the hub's own word has confirmed them.
//!
//! Written by the fast path before such a start is sent, told to the other replicas with each heartbeat: when the hub then falls
//! silent, they know who may have a server there.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use hubrouter_config::HubId;
use hubrouter_hub_adapter::names::UserName;

use crate::core::life::records::UnclaimedStart;
use crate::core::life::time::StoreTime;

/// So many are remembered; while the journal is full, starts claim.
const AT_MOST: usize = 1500;

/// The journal of one process.
#[derive(Debug, Default)]
pub struct Journal(Mutex<BTreeMap<(HubId, UserName), StoreTime>>);

/// One start that was noted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Noted {
    key: (HubId, UserName),
    at: StoreTime,
    /// Nothing was noted of this user there before.
    alone: bool,
}

impl Journal {
    /// Notes a start; none when there is no room, and the start has to claim.
    #[must_use]
    pub fn note(&self, hub: &HubId, user: &UserName, at: StoreTime) -> Option<Noted> {
        let mut starts = self.locked();
        let key = (hub.clone(), user.clone());
        let alone = !starts.contains_key(&key);
        if starts.len() >= AT_MOST && alone {
            return None;
        }
        starts.insert(key.clone(), at);
        Some(Noted { key, at, alone })
    }

    /// Forgets a start that the hub has refused: who only names others notes nothing that stays. Another start of that user
    /// keeps its note.
    pub fn refused(&self, noted: &Noted) {
        let mut starts = self.locked();
        if noted.alone && starts.get(&noted.key) == Some(&noted.at) {
            starts.remove(&noted.key);
        }
    }

    /// All of them.
    #[must_use]
    pub fn all(&self) -> Vec<UnclaimedStart> {
        let start = |((hub, user), at): (&(HubId, UserName), &StoreTime)| UnclaimedStart {
            user: user.clone(),
            hub: hub.clone(),
            at: *at,
        };
        self.locked().iter().map(start).collect()
    }

    /// Forgets starts at `hub` that it has been asked about since: its word says what became of them.
    pub fn confirmed(&self, hub: &HubId, asked_at: StoreTime) {
        self.locked().retain(|(at_hub, _), at| at_hub != hub || *at >= asked_at);
    }

    /// Forgets starts at hubs that are gone.
    pub fn retain(&self, keep: impl Fn(&HubId) -> bool) {
        self.locked().retain(|(hub, _), _| keep(hub));
    }

    /// Whole entries come and go under the lock, so a poisoned one is as good as any.
    fn locked(&self) -> MutexGuard<'_, BTreeMap<(HubId, UserName), StoreTime>> {
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
}
