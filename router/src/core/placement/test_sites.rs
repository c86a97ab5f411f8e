//! Small sites and crowds for the tests of placement.

use std::collections::BTreeMap;
use std::sync::Arc;

use hubrouter_config::{Algorithm, HubId, Tier, UserNames};
use hubrouter_hub_adapter::names::UserName;

use super::{Member, Placement, of};

/// Every algorithm: what holds for one must hold for all.
pub(super) const ALGORITHMS: [Algorithm; 2] = [Algorithm::Rendezvous, Algorithm::Ring];

pub(super) fn active(id: &str, thousandths: u32) -> Member {
    Member { id: id.parse().unwrap(), thousandths, tier: Tier::Active }
}

pub(super) fn standby(id: &str, thousandths: u32) -> Member {
    Member { tier: Tier::Standby, ..active(id, thousandths) }
}

/// `count` active hubs of weight 1: `hub-0`, `hub-1`, ...
pub(super) fn equal_hubs(count: usize) -> Vec<Member> {
    (0..count).map(|number| active(&format!("hub-{number}"), 1000)).collect()
}

pub(super) fn user(name: &str) -> UserName {
    UserName::canonical(name, UserNames::Exact).unwrap()
}

/// `count` users named as real ones are: `user0@example.org`, ...
pub(super) fn crowd(count: usize) -> Vec<UserName> {
    (0..count).map(|number| user(&format!("user{number}@example.org"))).collect()
}

/// The home of every user, in the order of `users`.
pub(super) fn homes(placement: &Arc<dyn Placement>, users: &[UserName]) -> Vec<HubId> {
    users.iter().map(|user| placement.home(user).unwrap().clone()).collect()
}

/// The number of users at home at each hub that has any.
pub(super) fn counts(homes: &[HubId]) -> BTreeMap<&str, usize> {
    let mut counts = BTreeMap::new();
    for hub in homes {
        *counts.entry(hub.as_ref()).or_insert(0) += 1;
    }
    counts
}

/// The homes before and after of everybody whose home changed.
pub(super) fn moves(
    algorithm: Algorithm,
    before: &[Member],
    after: &[Member],
    users: &[UserName],
) -> Vec<(HubId, HubId)> {
    let (old, new) =
        (homes(&of(algorithm, "seed", before), users), homes(&of(algorithm, "seed", after), users));
    old.into_iter().zip(new).filter(|(old, new)| old != new).collect()
}
