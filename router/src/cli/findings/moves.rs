//! Who moves between two configurations: a pure computation for `plan`.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashSet};

use hubrouter_config::{Config, HubId};
use hubrouter_hub_adapter::names::UserName;
use serde::Serialize;

use crate::core::placement::build;

/// The homes of a list of users under two configurations.
pub(super) struct Moves {
    /// How many users there are.
    pub(super) users: usize,
    /// Who moves, in the order of the list.
    pub(super) moved: Vec<Move>,
    /// Users per hub under the old configuration; also hubs without users, and hubs that only the new one has.
    pub(super) before: BTreeMap<HubId, usize>,
    /// The same hubs under the new configuration.
    pub(super) after: BTreeMap<HubId, usize>,
}

/// One user who moves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Move {
    /// The name by the new rule.
    pub(super) user: String,
    pub(super) from: HubId,
    pub(super) to: HubId,
}

/// How many users move from one hub to another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Flow {
    pub(super) from: HubId,
    pub(super) to: HubId,
    pub(super) users: usize,
}

impl Moves {
    /// `None` when one of the configurations has no hubs.
    pub(super) fn between(old: &Config, new: &Config, names: &[String]) -> Option<Self> {
        let (from, to) = (build(&old.placement, &old.hubs), build(&new.placement, &new.hubs));
        let nobody: BTreeMap<HubId, usize> =
            old.hubs.iter().chain(&new.hubs).map(|hub| (hub.id.clone(), 0)).collect();
        let mut moves = Self { users: 0, moved: Vec::new(), before: nobody.clone(), after: nobody };
        for (old_name, new_name) in distinct(old, new, names) {
            moves.add(&new_name, from.home(&old_name)?, to.home(&new_name)?);
        }
        Some(moves)
    }

    fn add(&mut self, user: &UserName, from: &HubId, to: &HubId) {
        self.users += 1;
        *self.before.entry(from.clone()).or_default() += 1;
        *self.after.entry(to.clone()).or_default() += 1;
        if from != to {
            self.moved.push(Move { user: user.to_string(), from: from.clone(), to: to.clone() });
        }
    }

    /// The least number of users that can move so that every hub ends with as many users as it does under the new
    /// configuration: the sum, over the hubs that shrink, of what they lose.
    ///
    /// Never more than `moved`, and less only where users swap places: after another seed, algorithm or rule for names, or
    /// after several changes at once.
    pub(super) fn minimum(&self) -> usize {
        self.before
            .iter()
            .map(|(hub, &before)| before.saturating_sub(self.after.get(hub).copied().unwrap_or(0)))
            .sum()
    }

    /// The moves summed up, the greatest stream first.
    pub(super) fn flows(&self) -> Vec<Flow> {
        let mut counts: BTreeMap<(&HubId, &HubId), usize> = BTreeMap::new();
        for step in &self.moved {
            *counts.entry((&step.from, &step.to)).or_default() += 1;
        }
        let mut flows: Vec<Flow> = counts
            .into_iter()
            .map(|((from, to), users)| Flow { from: from.clone(), to: to.clone(), users })
            .collect();
        flows.sort_by_key(|flow| Reverse(flow.users)); // stable: equal streams stay in the order of their hubs
        flows
    }
}

/// Every user once, with the name by the old rule and by the new one. Where the rules differ, `Ada` and `ada` may be one
/// user before and two after: then both are counted.
fn distinct(old: &Config, new: &Config, names: &[String]) -> Vec<(UserName, UserName)> {
    let mut seen = HashSet::new();
    names
        .iter()
        .filter_map(|name| {
            let before = UserName::canonical(name, old.placement.user_names)?;
            let after = UserName::canonical(name, new.placement.user_names)?;
            Some((before, after))
        })
        .filter(|pair| seen.insert(pair.clone()))
        .collect()
}

/// What differs between the two configurations as far as placement cares, in words.
pub(super) fn changes(old: &Config, new: &Config) -> Vec<String> {
    let mut changes = Vec::new();
    if old.placement.algorithm != new.placement.algorithm {
        changes.push("another placement.algorithm".to_owned());
    }
    if seed(old) != seed(new) {
        changes.push("another placement.seed".to_owned());
    }
    if old.placement.user_names != new.placement.user_names {
        changes.push("another placement.user_names".to_owned());
    }
    changes.extend(
        old.hubs.iter().filter(|hub| new.hub(&hub.id).is_none()).map(|hub| format!("{} is gone", hub.id)),
    );
    for hub in &new.hubs {
        match old.hub(&hub.id) {
            None => changes.push(format!("{} is new", hub.id)),
            Some(before) => {
                if before.tier != hub.tier {
                    changes.push(format!("{} is in another tier", hub.id));
                }
                if before.weight != hub.weight {
                    changes.push(format!("{} has another weight", hub.id));
                }
            }
        }
    }
    changes
}

fn seed(config: &Config) -> &str {
    config.placement.seed.as_ref().map_or("", |seed| seed.expose())
}
