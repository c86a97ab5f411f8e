//! Who may have a server at a hub, by all that this replica knows; and whether an order has room for them.

use std::collections::BTreeSet;

use hubrouter_config::HubId;
use hubrouter_hub_adapter::names::UserName;

use super::Controller;
use crate::control::keeper::{Write, hub_key};
use crate::control::upkeep::seen_elsewhere;
use crate::core::life::claim::is_movable;
use crate::core::life::records::{Assignment, HubRecord};
use crate::core::life::step::{Change, Verb};
use crate::core::upkeep::unaccounted;

/// The order by which the servers of a hub count as lost.
pub(super) const LOST: Verb = Verb::Failover { assume_stopped: true };

impl Controller {
    /// Everybody known as running or pending at `hub`: by its own word, by what was seen since, by starts that replicas told of.
    pub(super) fn known_at(&self, hub: &HubId) -> BTreeSet<UserName> {
        let mut users: BTreeSet<UserName> = self.parts.board.census.known_at(hub).into_iter().collect();
        let told = self.heartbeats.iter().flat_map(|beat| &beat.starts);
        let (asked_at, times) = (self.census_seen.get(hub).copied(), self.parts.live.load().snapshot.times);
        users.extend(unaccounted(told, hub, asked_at, &times).map(|start| start.user.clone()));
        let own = self.parts.share.journal.all();
        users.extend(own.into_iter().filter(|start| start.hub == *hub).map(|start| start.user));
        users
    }

    /// Everybody whose server is lost with `hub`: known there, recorded there, or listed when that was declared. Who is pinned, or
    /// recorded elsewhere, is not moved by it, and keeps the server.
    pub(super) fn lost_at(&self, hub: &HubId) -> BTreeSet<UserName> {
        let mut users = self.known_at(hub);
        let exceptions = &self.view.exceptions;
        let may_move = |stands: &Assignment| stands.hub == *hub && is_movable(stands.cause);
        users.retain(|user| exceptions.assignment(user).is_none_or(&may_move));
        let recorded =
            exceptions.assignments().filter(|stands| stands.hub == *hub && is_movable(stands.cause));
        users.extend(recorded.map(|stands| stands.user.clone()));
        let ordered = exceptions.hub(hub).and_then(|record| record.ordered.as_ref());
        users.extend(ordered.into_iter().flat_map(|ordered| ordered.moved.clone()));
        users
    }

    /// Of these users those who may have a server at `hub` by now. Whoever has neither their home nor a record there, and a server
    /// elsewhere, has left it since its last word.
    pub(super) fn not_left(&self, hub: &HubId, mut users: BTreeSet<UserName>) -> BTreeSet<UserName> {
        let live = self.parts.live.load();
        let snapshot = &live.snapshot;
        let told = self.heartbeats.iter().flat_map(|beat| &beat.starts).cloned();
        let starts = told.chain(self.parts.share.journal.all()).filter(|start| start.hub != *hub);
        let started: BTreeSet<UserName> = starts.map(|start| start.user).collect();
        users.retain(|user| {
            let at_home = snapshot.home(user).is_some_and(|home| snapshot.id(home) == hub);
            at_home
                || snapshot.exceptions.assignment(user).is_some()
                || !(started.contains(user) || seen_elsewhere(snapshot, &self.parts.board, hub, user))
        });
        users
    }
}

/// Whether the record will have room for those whom the order moves; some more may become known until then.
pub(super) fn fits(record: &HubRecord, changes: &[Change]) -> bool {
    if !changes.contains(&Change::Word(LOST)) {
        return true;
    }
    let mut then = record.clone();
    // When the hub is back they are listed once, as stale.
    for failed_over in [&mut then.ordered, &mut then.failed_over].into_iter().flatten() {
        then.stale.append(&mut failed_over.moved);
    }
    then.stale.extend(then.stale.clone().into_iter().take(then.stale.len() / 8));
    Write::set(hub_key(&record.hub), None, &then).is_some()
}

#[cfg(test)]
mod tests {
    use hubrouter_hub_adapter::names::NameRule;

    use super::*;
    use crate::core::life::records::{Epoch, FailedOver};
    use crate::core::life::time::StoreTime;

    #[test]
    fn an_order_whose_list_does_not_fit_into_the_record_is_not_written() {
        let ordered = |count: usize| {
            let users = (0..count).filter_map(|n| UserName::canonical(&format!("{n:040}"), NameRule::Exact));
            let ordered = FailedOver {
                at: StoreTime::default(),
                epoch: Epoch::default(),
                who: None,
                why: String::new(),
                assume_stopped: true,
                moved: users.collect(),
            };
            HubRecord { ordered: Some(ordered), ..HubRecord::new("a".parse().unwrap()) }
        };
        let lost = [Change::Word(LOST)];
        assert!(fits(&ordered(4000), &lost));
        assert!(!fits(&ordered(6500), &lost));
        assert!(fits(&ordered(6500), &[Change::Word(Verb::Failover { assume_stopped: false })]));
    }
}
