//! What is known of this process besides the picture: which file, when loaded, what became of the last reload.
//!
//! Written by the controller, read by the operator's door.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use hubrouter_config::{HubId, Problem};

use super::census::Desk;
use super::tasks::Tasks;

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
    state: Mutex<State>,
    databases: Mutex<BTreeMap<HubId, Database>>,
    leaving: AtomicBool,
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
            state,
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
