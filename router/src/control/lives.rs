//! The lives of all hubs, as this replica knows them: events in, effects out, by `core::life::step`.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use hubrouter_config::{Config, HubId};
use tokio::task::JoinHandle;

use crate::core::exceptions::Exceptions;
use crate::core::health::{HubPlane, ProxyPlane};
use crate::core::life::candidates::{Pool, Standing};
use crate::core::life::guard::Fleet;
use crate::core::life::hub_life::{HubLife, Policy};
use crate::core::life::records::HubRecord;
use crate::core::life::state::{Gate, Spawning};
use crate::core::life::step::{Effect, HubEvent, step};
use crate::core::life::time::StoreTime;
use crate::core::snapshot::Snapshot;

/// All lives, and the effects that have to be carried out.
#[derive(Debug, Default)]
pub(super) struct Lives {
    lives: BTreeMap<HubId, HubLife>,
    /// Why a record could not be written, as operators were told.
    told: BTreeMap<HubId, String>,
    /// Who assigns users known as running at a hub, and how they are told that another one does.
    securing: BTreeMap<HubId, (Arc<AtomicBool>, JoinHandle<()>)>,
}

impl Lives {
    /// Exactly the hubs of `config`, by what it says of them now.
    pub(super) fn follow(&mut self, config: &Config, now: StoreTime) -> Vec<(HubId, Effect)> {
        self.lives.retain(|id, _| config.hub(id).is_some());
        self.told.retain(|id, _| config.hub(id).is_some());
        self.securing.retain(|id, _| config.hub(id).is_some());
        let mut effects = Vec::new();
        for hub in &config.hubs {
            let policy = Policy::of(config, hub);
            match self.lives.get(&hub.id) {
                None => {
                    self.lives.insert(hub.id.clone(), HubLife::new(hub.id.clone(), policy));
                }
                Some(life) if life.policy == policy => {}
                Some(_) => effects.extend(self.happens(&hub.id, HubEvent::Reloaded(Box::new(policy)), now)),
            }
        }
        effects
    }

    /// The life of `hub`.
    pub(super) fn get(&self, hub: &HubId) -> Option<&HubLife> {
        self.lives.get(hub)
    }

    /// Something happened to `hub`.
    pub(super) fn happens(&mut self, hub: &HubId, event: HubEvent, now: StoreTime) -> Vec<(HubId, Effect)> {
        let Some(life) = self.lives.remove(hub) else { return Vec::new() };
        let (life, effects) = step(life, event, now);
        self.lives.insert(hub.clone(), life);
        effects.into_iter().map(|effect| (hub.clone(), effect)).collect()
    }

    /// The record of `hub` was not written: whether operators have to be told, once for each reason.
    pub(super) fn not_written(&mut self, hub: &HubId, because: &str) -> bool {
        self.told.insert(hub.clone(), because.to_owned()).is_none_or(|told| told != because)
    }

    /// It was.
    pub(super) fn written(&mut self, hub: &HubId) {
        self.told.remove(hub);
    }

    /// Those known as running at `hub` are to be assigned anew: whoever does it until now ends, and is handed out to wait for.
    pub(super) fn securing(&mut self, hub: &HubId) -> Option<JoinHandle<()>> {
        let (superseded, task) = self.securing.remove(hub)?;
        superseded.store(true, Ordering::Release);
        Some(task)
    }

    /// Who does it from now on.
    pub(super) fn secures(&mut self, hub: HubId, superseded: Arc<AtomicBool>, task: JoinHandle<()>) {
        self.securing.insert(hub, (superseded, task));
    }

    /// What stands in the directory, for every hub whose record is another than it was.
    pub(super) fn stand(&mut self, exceptions: &Exceptions, now: StoreTime) -> Vec<(HubId, Effect)> {
        let mut effects = Vec::new();
        let ids: Vec<HubId> = self.lives.keys().cloned().collect();
        for id in ids {
            let stands =
                exceptions.hub(&id).map_or_else(|| HubRecord::new(id.clone()), |record| (**record).clone());
            let news =
                self.lives.get(&id).is_some_and(|life| !life.read || life.record.epoch != stands.epoch);
            if news {
                effects.extend(self.happens(&id, HubEvent::Stands(Box::new(stands)), now));
            }
        }
        effects
    }

    /// The other hubs, for each: what guards look at.
    pub(super) fn fleets(&mut self, snapshot: &Snapshot, now: StoreTime) -> Vec<(HubId, Effect)> {
        let down: Vec<(HubId, StoreTime)> = self
            .lives
            .values()
            .filter_map(|life| Some((life.record.hub.clone(), life.record.outage?.first()?)))
            .collect();
        let ids: Vec<HubId> = self.lives.keys().cloned().collect();
        let mut effects = Vec::new();
        for id in ids {
            let others = down.iter().filter(|(other, _)| *other != id).cloned().collect();
            let fleet = Fleet {
                hubs: snapshot.hubs.len(),
                down: others,
                open_in_pool: self.has_open_neighbour(&snapshot.config, &id),
            };
            if self.lives.get(&id).is_some_and(|life| life.fleet != fleet) {
                effects.extend(self.happens(&id, HubEvent::Fleet(fleet), now));
            }
        }
        effects
    }

    /// Whether another hub of the pool takes users, by the records alone: what only this replica sees would make it undo what
    /// another one does, and the other way round.
    fn has_open_neighbour(&self, config: &Config, hub: &HubId) -> bool {
        let Some(pool) = config.hub(hub).map(Pool::of) else { return false };
        let others = config.hubs.iter().filter(|other| other.id != *hub && Pool::of(other) == pool);
        others.filter_map(|other| self.lives.get(&other.id)).any(|life| {
            let outage = life.record.outage.unwrap_or_default();
            let standing = Standing {
                pool: pool.clone(),
                intent: life.intent(),
                proxy: if outage.proxy.is_some() { ProxyPlane::Down } else { ProxyPlane::Up },
                hub: if outage.hub.is_some() { HubPlane::Down } else { HubPlane::Up },
                // Where starts fail, the record closes the hub.
                spawning: Spawning::Unknown,
                gate: Gate::from(life.record.starts),
            };
            life.read && standing.closed_to(false).is_none()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::health::Plane;
    use crate::core::life::records::{Epoch, Outage, Starts};
    use crate::core::life::votes::Agreed;
    use crate::core::sketch_tests::{at, recorded, snapshot};

    const THREE: &str = "a shared token, b shared token, c token";

    fn id(hub: &str) -> HubId {
        hub.parse().unwrap()
    }

    #[test]
    fn there_is_a_life_for_each_configured_hub_and_for_no_other() {
        let mut lives = Lives::default();
        assert!(lives.follow(&snapshot(THREE, "{}").config, at(100)).is_empty());
        assert!(["a", "b", "c"].iter().all(|hub| lives.get(&id(hub)).is_some()));

        lives.follow(&snapshot("a shared token", "{}").config, at(100));

        assert!(lives.get(&id("b")).is_none() && lives.get(&id("a")).is_some());
        assert!(lives.happens(&id("b"), HubEvent::Due, at(100)).is_empty(), "nobody lives there");
    }

    #[test]
    fn operators_are_told_once_for_each_reason_that_a_record_is_not_written() {
        let (mut lives, a) = (Lives::default(), id("a"));
        let told = ["full", "full", "slow", "slow"].map(|reason| lives.not_written(&a, reason));
        assert_eq!((told, lives.not_written(&id("b"), "slow")), ([true, false, true, false], true));
        lives.written(&a);
        assert!(lives.not_written(&a, "slow"), "it had gone well since");
    }

    #[tokio::test]
    async fn who_secures_users_is_told_when_another_one_begins_and_is_waited_for() {
        let (mut lives, a) = (Lives::default(), id("a"));
        let superseded = Arc::new(AtomicBool::new(false));
        assert!(lives.securing(&a).is_none());
        lives.secures(a.clone(), Arc::clone(&superseded), tokio::spawn(async {}));
        assert!(!superseded.load(Ordering::Acquire));

        lives.securing(&a).unwrap().await.unwrap();

        assert!(superseded.load(Ordering::Acquire) && lives.securing(&a).is_none());
    }

    #[test]
    fn what_stands_is_told_once_and_again_when_it_has_changed() {
        let drained = recorded(snapshot(THREE, "{}"), &["a closed everybody drain"]);
        let mut lives = Lives::default();
        lives.follow(&drained.config, at(100));
        lives.stand(&drained.exceptions, at(100));
        assert!(lives.get(&id("a")).is_some_and(|life| life.read));
        assert!(lives.get(&id("b")).is_some_and(|life| life.read), "also one of which nothing is recorded");
        let known = lives.get(&id("a")).unwrap().record.clone();
        assert!(matches!(known.starts, Starts::Closed { .. }));

        assert!(lives.stand(&drained.exceptions, at(101)).is_empty());

        let mut later = (*drained.exceptions).clone();
        let record = HubRecord { epoch: Epoch::new(9).unwrap(), starts: Starts::Here, ..known };
        later.set_hub(&id("a"), Some(record));
        lives.stand(&later, at(102));
        assert_eq!(lives.get(&id("a")).unwrap().record.starts, Starts::Here);
    }

    #[test]
    fn each_hub_knows_which_others_are_down_and_whether_one_of_its_pool_is_open() {
        let seen =
            recorded(snapshot("a shared token: down, b shared token, c token", "{}"), &["a changed 1"]);
        let mut exceptions = (*seen.exceptions).clone();
        let known = exceptions.hub(&id("a")).unwrap().clone();
        let outage = Some(Outage { hub: Some(at(90)), proxy: None });
        let record = HubRecord { outage, ..(*known).clone() };
        exceptions.set_hub(&id("a"), Some(record));
        let mut lives = Lives::default();
        lives.follow(&seen.config, at(100));
        for hub in ["a", "b", "c"] {
            let verdict = if hub == "a" { Agreed::Down { since: at(90) } } else { Agreed::Up };
            lives.happens(&id(hub), HubEvent::Agreed { plane: Plane::Hub, verdict }, at(100));
        }
        lives.stand(&exceptions, at(100));

        lives.fleets(&seen, at(100));

        let fleet = |hub| lives.get(&id(hub)).unwrap().fleet.clone();
        assert_eq!((fleet("a").hubs, fleet("a").down.len(), fleet("a").open_in_pool), (3, 0, true));
        assert_eq!((fleet("b").down, fleet("b").open_in_pool), (vec![(id("a"), at(90))], false));
        assert!(!fleet("c").open_in_pool, "a hub with local storage is a pool of its own");

        let mut well = exceptions.clone();
        let record = HubRecord { outage: None, epoch: known.epoch.next().unwrap(), ..(*known).clone() };
        well.set_hub(&id("a"), Some(record));
        lives.happens(&id("a"), HubEvent::Agreed { plane: Plane::Hub, verdict: Agreed::Up }, at(101));
        lives.stand(&well, at(101));
        lives.fleets(&seen, at(101));
        let b = lives.get(&id("b")).unwrap().fleet.clone();
        assert!(b.open_in_pool, "what this replica alone sees of a neighbour does not count");
    }
}
