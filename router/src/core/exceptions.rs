//! What replicas share, as decisions need it: who is elsewhere, what is recorded of hubs, which placement is active.
//!
//! A plain copy of the directory's records at one instant. Reading and writing the directory is `control`'s.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use hubrouter_config::HubId;
use hubrouter_hub_adapter::names::UserName;

use super::life::records::{Assignment, Epoch, HubRecord, PlacementRecord};
use super::life::time::StoreTime;

/// The records of the directory.
#[derive(Clone, Debug, Default)]
pub struct Exceptions {
    assignments: HashMap<UserName, Arc<Assignment>>,
    hubs: BTreeMap<HubId, Arc<HubRecord>>,
    placement: Option<Arc<PlacementRecord>>,
    provisional: usize,
    /// What stands for users and says nothing: foreign, or of a newer release.
    strays: BTreeMap<UserName, Epoch>,
}

impl Exceptions {
    /// Where `user` is recorded to be.
    #[must_use]
    pub fn assignment(&self, user: &UserName) -> Option<&Assignment> {
        // Most sites record nothing at all most of the time.
        if self.assignments.is_empty() { None } else { self.assignments.get(user).map(|found| &**found) }
    }

    /// The epoch of what stands for `user`, whether or not it can be read; none: nothing does.
    #[must_use]
    pub fn epoch_of(&self, user: &UserName) -> Option<Epoch> {
        self.assignment(user).map(|stands| stands.epoch).or_else(|| self.strays.get(user).copied())
    }

    /// All assignments, in no order.
    pub fn assignments(&self) -> impl Iterator<Item = &Arc<Assignment>> {
        self.assignments.values()
    }

    /// How many assignments there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.assignments.len()
    }

    /// How many of them were made by merely named users and do not last yet.
    #[must_use]
    pub fn provisional(&self) -> usize {
        self.provisional
    }

    /// What is recorded of `hub`.
    #[must_use]
    pub fn hub(&self, hub: &HubId) -> Option<&Arc<HubRecord>> {
        self.hubs.get(hub)
    }

    /// All records of hubs, those that are no longer configured included.
    pub fn hubs(&self) -> impl Iterator<Item = &Arc<HubRecord>> {
        self.hubs.values()
    }

    /// The active placement; none: nothing was ever activated.
    #[must_use]
    pub fn placement(&self) -> Option<&Arc<PlacementRecord>> {
        self.placement.as_ref()
    }

    /// The epoch of what stands about the placement; none: nothing does.
    #[must_use]
    pub fn placement_epoch(&self) -> Option<Epoch> {
        self.placement.as_ref().map(|record| record.epoch)
    }

    /// When the present generation became active; the beginning of time where nothing was recorded.
    #[must_use]
    pub fn placement_since(&self) -> StoreTime {
        self.placement.as_ref().map_or_else(StoreTime::default, |record| record.since)
    }

    /// Sets or removes what is recorded of a user.
    pub fn set_assignment(&mut self, user: &UserName, assignment: Option<Assignment>) {
        let before = match assignment {
            Some(assignment) => {
                self.provisional += usize::from(assignment.provisional_until.is_some());
                self.assignments.insert(user.clone(), Arc::new(assignment))
            }
            None => self.assignments.remove(user),
        };
        self.provisional -= usize::from(before.is_some_and(|before| before.provisional_until.is_some()));
    }

    /// Notes that something stands for a user that cannot be read, or that nothing of the kind does.
    pub fn set_stray(&mut self, user: &UserName, epoch: Option<Epoch>) {
        match epoch {
            Some(epoch) => drop(self.strays.insert(user.clone(), epoch)),
            None => drop(self.strays.remove(user)),
        }
    }

    /// Sets or removes what is recorded of a hub.
    pub fn set_hub(&mut self, hub: &HubId, record: Option<HubRecord>) {
        match record {
            Some(record) => drop(self.hubs.insert(hub.clone(), Arc::new(record))),
            None => drop(self.hubs.remove(hub)),
        }
    }

    /// Sets or removes the active placement.
    pub fn set_placement(&mut self, record: Option<PlacementRecord>) {
        self.placement = record.map(Arc::new);
    }
}

#[cfg(test)]
mod tests {
    use hubrouter_hub_adapter::names::NameRule;

    use super::*;
    use crate::core::life::records::Cause;

    fn assigned(user: &UserName, provisional: bool) -> Assignment {
        Assignment {
            user: user.clone(),
            hub: "a".parse().unwrap(),
            cause: Cause::Drain,
            epoch: Epoch::default(),
            since: StoreTime::default(),
            last_start: None,
            provisional_until: provisional.then(StoreTime::default),
        }
    }

    #[test]
    fn provisional_assignments_are_counted_as_they_come_last_and_go() {
        let [ada, bob] = ["ada", "bob"].map(|name| UserName::canonical(name, NameRule::Lower).unwrap());
        let mut all = Exceptions::default();

        all.set_assignment(&ada, Some(assigned(&ada, true)));
        all.set_assignment(&bob, Some(assigned(&bob, true)));
        assert_eq!((all.provisional(), all.count()), (2, 2));
        all.set_assignment(&ada, Some(assigned(&ada, false)));
        all.set_assignment(&bob, None);
        all.set_assignment(&bob, None);
        assert_eq!((all.provisional(), all.count()), (0, 1));
        assert!(all.assignment(&ada).is_some() && all.assignment(&bob).is_none());
    }
}
