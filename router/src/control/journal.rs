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

impl Journal {
    /// Notes a start; `false` when there is no room, and the start has to claim.
    #[must_use]
    pub fn note(&self, hub: &HubId, user: &UserName, at: StoreTime) -> bool {
        let mut starts = self.locked();
        let key = (hub.clone(), user.clone());
        if starts.len() >= AT_MOST && !starts.contains_key(&key) {
            return false;
        }
        starts.insert(key, at);
        true
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
        assert!(journal.note(&hub, &user("ada"), StoreTime::from_millis(10)));
        journal.confirmed(&"b".parse().unwrap(), StoreTime::from_millis(99));
        journal.confirmed(&hub, StoreTime::from_millis(10));
        assert_eq!(journal.all().len(), 1, "asked in the same moment");
        journal.confirmed(&hub, StoreTime::from_millis(11));
        assert_eq!(journal.all(), []);
    }

    #[test]
    fn a_full_journal_takes_only_whom_it_knows() {
        let (journal, hub): (_, HubId) = (Journal::default(), "a".parse().unwrap());
        let noted = (0..AT_MOST + 10)
            .filter(|number| journal.note(&hub, &user(&format!("user{number}")), StoreTime::from_millis(1)));
        assert_eq!(noted.count(), AT_MOST);
        assert!(journal.note(&hub, &user("user0"), StoreTime::from_millis(2)));
        assert!(!journal.note(&hub, &user("new"), StoreTime::from_millis(2)));
    }
}
