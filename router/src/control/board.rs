//! What is known of this process besides the picture: which file, when loaded, what became of the last reload.
//!
//! Written by the controller, read by the operator's door.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use hubrouter_config::{HubId, Problem};

use super::census::Desk;
use super::events::Events;
use super::keeper::View;
use super::tasks::Tasks;
use crate::core::life::records::{Heartbeat, PlacementRecord, Verdict};
use crate::core::life::time::{StoreTime, Times};
use crate::core::life::votes::{is_live, is_vanished};

/// The board of one process.
#[derive(Debug)]
pub struct Board {
    /// Where the configuration comes from, in words.
    pub source: String,
    /// When this process started.
    pub started_at: Instant,
    /// What runs in the background.
    pub tasks: Tasks,
    /// Who has a server where.
    pub census: Arc<Desk>,
    /// What happened lately.
    pub events: Arc<Events>,
    state: Mutex<State>,
    fleet: Mutex<Fleet>,
    databases: Mutex<BTreeMap<HubId, Database>>,
    leaving: AtomicBool,
}

/// What is known of hubs and replicas beyond the picture.
#[derive(Clone, Debug, Default)]
pub struct Fleet {
    /// This process.
    pub me: String,
    /// The directory as this replica knows it; none before it was heard.
    pub directory: Option<View>,
    /// The last heartbeats: who, when, whether it lives.
    pub replicas: Vec<Replica>,
    /// Why a hub's failover is held.
    pub held: BTreeMap<HubId, String>,
    /// Replicas that see a plane of a hub otherwise than most.
    pub dissenters: BTreeMap<HubId, Vec<String>>,
    /// Since when the server of a hub is idle that has been idle for the longest.
    pub idle_since: BTreeMap<HubId, StoreTime>,
    /// What stands about the placement.
    pub placement: Option<Arc<PlacementRecord>>,
    /// Why the proposed placement is not active.
    pub placement_waits: Option<String>,
    /// The directory was empty or may be an old one, and the hubs are being asked who is away from home.
    pub rebuilding: bool,
    /// Hubs that did not say so.
    pub not_asked: Vec<String>,
}

/// A process that shares the directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replica {
    /// Which.
    pub id: String,
    /// When its last heartbeat came.
    pub at: StoreTime,
    /// How far it has read.
    pub read: StoreTime,
    /// Whether it is heard.
    pub live: bool,
    /// Until when it may start servers by what it knew when it was last heard.
    pub may_start_until: StoreTime,
    /// What it proposes as the placement.
    pub proposes: String,
    /// Whether it sees any plane of any hub up.
    pub sees_hubs: bool,
}

/// The configuration in force and the last try to change it.
#[derive(Clone, Debug)]
pub struct State {
    /// When the configuration in force was loaded.
    pub loaded_at: SystemTime,
    /// The last reload, if there was one.
    pub reload: Option<Reload>,
}

/// What became of a reload.
#[derive(Clone, Debug)]
pub struct Reload {
    /// When.
    pub at: SystemTime,
    /// Whether its configuration is in force now.
    pub accepted: bool,
    /// Why it was refused, or what it warns of.
    pub problems: Vec<Problem>,
}

/// What came of asking a hub's database.
#[derive(Clone, Debug)]
pub struct Database {
    /// When.
    pub at: Instant,
    /// How long it took, or why there was no answer.
    pub answered: Result<Duration, String>,
}

impl Board {
    /// A board for a process whose configuration comes from `source` and was just loaded.
    #[must_use]
    pub fn new(source: String, tasks: Tasks, started_at: Instant, now: SystemTime) -> Self {
        let state = Mutex::new(State { loaded_at: now, reload: None });
        Self {
            source,
            started_at,
            tasks,
            census: Arc::default(),
            events: Arc::default(),
            state,
            fleet: Mutex::default(),
            databases: Mutex::default(),
            leaving: AtomicBool::new(false),
        }
    }

    /// What is known now.
    #[must_use]
    pub fn state(&self) -> State {
        locked(&self.state).clone()
    }

    /// Notes what became of a reload.
    pub fn note(&self, reload: Reload) {
        let mut state = locked(&self.state);
        if reload.accepted {
            state.loaded_at = reload.at;
        }
        state.reload = Some(reload);
    }

    /// Notes what came of asking a hub's database; returns what was noted before.
    pub fn note_database(&self, hub: &HubId, seen: Database) -> Option<Database> {
        locked(&self.databases).insert(hub.clone(), seen)
    }

    /// What came of asking this hub's database last.
    #[must_use]
    pub fn database(&self, hub: &HubId) -> Option<Database> {
        locked(&self.databases).get(hub).cloned()
    }

    /// What is known of hubs and replicas beyond the picture.
    #[must_use]
    pub fn fleet(&self) -> Fleet {
        locked(&self.fleet).clone()
    }

    pub(super) fn note_directory(&self, view: &View) {
        locked(&self.fleet).directory = Some(view.clone());
    }

    pub(super) fn note_replicas(&self, heartbeats: &[Heartbeat], times: &Times, now: StoreTime) {
        let replica = |beat: &Heartbeat| Replica {
            id: beat.replica.clone(),
            at: beat.at,
            read: beat.read,
            live: is_live(beat, times, now),
            may_start_until: beat.at.plus(times.after),
            proposes: beat.proposes.clone(),
            sees_hubs: beat.votes.iter().any(|vote| matches!(vote.verdict, Verdict::Up | Verdict::Slow)),
        };
        let here =
            heartbeats.iter().filter(|beat| is_live(beat, times, now) || is_vanished(beat, times, now));
        locked(&self.fleet).replicas = here.map(replica).collect();
    }

    /// This process, by its name in the directory.
    #[must_use]
    pub fn me(&self) -> String {
        locked(&self.fleet).me.clone()
    }

    pub(super) fn note_me(&self, me: &str) {
        me.clone_into(&mut locked(&self.fleet).me);
    }

    /// How many replicas are heard.
    #[must_use]
    pub fn live_replicas(&self) -> usize {
        locked(&self.fleet).replicas.iter().filter(|replica| replica.live).count()
    }

    /// Whether every replica that may still start servers has read what was written at `at`.
    #[must_use]
    pub fn all_have_read(&self, at: StoreTime) -> bool {
        let fleet = locked(&self.fleet);
        let newest = fleet.replicas.iter().map(|replica| replica.at).max();
        let known = newest.is_some_and(|newest| newest >= at);
        known
            && fleet.replicas.iter().all(|replica| {
                replica.read >= at || newest.is_some_and(|newest| newest >= replica.may_start_until)
            })
    }

    pub(super) fn note_held(&self, hub: &HubId, held: Option<String>) {
        let mut fleet = locked(&self.fleet);
        match held {
            Some(held) => drop(fleet.held.insert(hub.clone(), held)),
            None => drop(fleet.held.remove(hub)),
        }
    }

    pub(super) fn note_dissenters(&self, hub: &HubId, dissenters: Vec<String>) {
        locked(&self.fleet).dissenters.insert(hub.clone(), dissenters);
    }

    pub(super) fn note_idle(&self, hub: &HubId, since: Option<StoreTime>) {
        let mut fleet = locked(&self.fleet);
        match since {
            Some(since) => drop(fleet.idle_since.insert(hub.clone(), since)),
            None => drop(fleet.idle_since.remove(hub)),
        }
    }

    pub(super) fn note_placement(&self, record: Option<Arc<PlacementRecord>>, waits: Option<String>) {
        let mut fleet = locked(&self.fleet);
        (fleet.placement, fleet.placement_waits) = (record, waits);
    }

    pub(super) fn note_rebuild(&self, rebuilding: bool, not_asked: Vec<String>) {
        let mut fleet = locked(&self.fleet);
        (fleet.rebuilding, fleet.not_asked) = (rebuilding, not_asked);
    }

    /// From now on this process wants no more traffic.
    pub fn leave(&self) {
        self.leaving.store(true, Ordering::Relaxed);
    }

    /// Whether this process is on its way out.
    #[must_use]
    pub fn is_leaving(&self) -> bool {
        self.leaving.load(Ordering::Relaxed)
    }
}

/// Whole values are replaced under the lock, so a poisoned one is as good as any.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::sketch_tests::{at, snapshot};

    #[test]
    fn a_replica_that_has_said_goodbye_keeps_nobody_waiting() {
        let board = Board::new("t.yaml".into(), Tasks::default(), Instant::now(), SystemTime::now());
        let beat = |replica: &str, read, goodbye| Heartbeat {
            at: at(100),
            read: at(read),
            goodbye,
            ..Heartbeat::silent(replica)
        };
        let times = snapshot("a", "{}").times;
        for (goodbye, all) in [(false, false), (true, true)] {
            let beats = [beat("one", 95, false), beat("two", 50, goodbye)];
            board.note_replicas(&beats, &times, at(101));
            assert_eq!(board.all_have_read(at(90)), all);
            assert_eq!(board.fleet().replicas.len(), if goodbye { 1 } else { 2 });
            // Nor when it counts as vanished by its silence alone.
            board.note_replicas(&[beats[1].clone()], &times, at(199));
            assert_eq!(board.fleet().replicas.is_empty(), goodbye);
        }
    }
}
