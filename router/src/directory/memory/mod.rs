//! The directory in this process, for one replica; with a file it outlives the process.
//!
//! Heartbeats and leases are never in the file: they end with the process that they speak of. Without a file no call waits for
//! anything, and none needs a thread.

mod file;
mod state;

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

pub use self::file::OpenError;
use self::file::{Disk, LocalFile, NotReplaced};
use self::state::State;
pub(super) use self::state::{BEATS_KEPT_FOR, SPARE};
use super::feed::{Change, Feed, Teller};
use super::identity::{Fingerprint, Identity, ReplicaId};
use super::key::Key;
use super::store::{
    Answer, Beats, Error, Full, Lease, Mark, Outcome, Pulse, Repair, Repaired, Seen, Store, Write,
};
use crate::core::life::time::{StoreTime, millis};

/// The clock of a store in memory. It never goes back.
pub type Clock = Arc<dyn Fn() -> StoreTime + Send + Sync>;

/// A directory in memory. Clones are the same directory.
#[derive(Clone)]
pub struct Memory(Arc<Shared>);

/// All that a [`Memory`] holds at one instant, heartbeats and leases included. The default one is empty.
#[derive(Clone, Debug, Default)]
pub struct Dump(State);

struct Shared {
    state: Mutex<State>,
    disk: Option<Box<dyn Disk>>,
    clock: Clock,
    teller: Teller,
}

impl std::fmt::Debug for Memory {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Memory").field("disk", &self.0.disk.is_some()).finish_non_exhaustive()
    }
}

impl Memory {
    /// An empty one, gone with the process.
    #[must_use]
    pub fn new(clock: Clock) -> Self {
        Self::with(State::default(), None, clock)
    }

    /// What `file` holds, written anew on every change; nothing when there is no such file.
    ///
    /// # Errors
    ///
    /// The file is not a whole directory, or another process has it open: nothing was changed.
    pub fn open(file: &Path, clock: Clock) -> Result<Self, OpenError> {
        let (disk, state) = LocalFile::open(file)?;
        Ok(Self::with(state, Some(Box::new(disk)), clock))
    }

    fn with(state: State, disk: Option<Box<dyn Disk>>, clock: Clock) -> Self {
        Self(Arc::new(Shared { state: Mutex::new(state), disk, clock, teller: Teller::new() }))
    }

    /// The system's clock when this is called, and a steady one from then on.
    #[must_use]
    pub fn system_clock() -> Clock {
        let began = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let steady = Instant::now();
        Arc::new(move || StoreTime::from_millis(millis(began + steady.elapsed())))
    }

    /// All that it holds now.
    #[must_use]
    pub fn dump(&self) -> Dump {
        Dump(self.0.state().clone())
    }

    /// Puts `dump` in the place of everything, as a database does that begins with another copy of itself: nobody who follows
    /// is told, and its clock may stand before what it told last. The file, where there is one, has it with the next change.
    pub fn restore(&self, dump: Dump) {
        *self.0.state() = State { latest: StoreTime::default(), ..dump.0 };
    }

    /// Runs `work` on the state. What it changed is kept on disk before anybody sees it, where `kind` says so.
    fn call<T: Send + 'static>(
        &self,
        kind: Kind,
        within: Duration,
        work: impl FnOnce(&mut State, StoreTime) -> Result<(T, Option<Change>), Error> + Send + 'static,
    ) -> Answer<'static, T> {
        let shared = self.0.clone();
        Box::pin(async move {
            if shared.disk.is_none() {
                return shared.run(kind, work);
            }
            // A disk may be slow. Apart from the caller: it may stop waiting, but what has begun is done whole.
            let work = tokio::task::spawn_blocking(move || shared.run(kind, work));
            match tokio::time::timeout(within, work).await {
                Ok(Ok(answer)) => answer,
                Ok(Err(broken)) => Err(kind.unanswered(broken.to_string())),
                Err(_) => Err(kind.unanswered(format!("no answer within {within:?}"))),
            }
        })
    }
}

/// What a call does, for the text and the kind of its failure.
#[derive(Clone, Copy)]
struct Kind {
    name: &'static str,
    effect: Effect,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Effect {
    None,
    /// Gone with the process.
    Passing,
    /// Belongs on the disk.
    Lasting,
}

impl Kind {
    const fn new(name: &'static str, effect: Effect) -> Self {
        Self { name, effect }
    }

    fn unanswered(self, reason: String) -> Error {
        match self.effect {
            Effect::None => Error::Unreachable { call: self.name, reason },
            Effect::Passing | Effect::Lasting => Error::Unknown { call: self.name, reason },
        }
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing panics between two halves of a change: `work` is whole, or its copy is dropped.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn run<T>(
        &self,
        kind: Kind,
        work: impl FnOnce(&mut State, StoreTime) -> Result<(T, Option<Change>), Error>,
    ) -> Result<T, Error> {
        let mut state = self.state();
        let now = state.no_earlier((self.clock)());
        let Some(disk) = self.disk.as_ref().filter(|_| kind.effect == Effect::Lasting) else {
            let (answer, change) = work(&mut state, now)?;
            self.tell(change);
            return Ok(answer);
        };
        let mut next = state.clone();
        let (answer, change) = work(&mut next, now)?;
        if !next.lasts_otherwise_than(&state) {
            return Ok(answer);
        }
        let call = kind.name;
        let answer = match disk.replace(next.to_file().as_bytes()) {
            Ok(()) => Ok(answer),
            Err(NotReplaced::Untouched(error)) => {
                return Err(Error::Unreachable { call, reason: error.to_string() });
            }
            // The file may be the new one: then what everybody sees has to be, too.
            Err(NotReplaced::Perhaps(error)) => Err(Error::Unknown { call, reason: error.to_string() }),
        };
        *state = next;
        self.tell(change);
        answer
    }

    fn tell(&self, change: Option<Change>) {
        if let Some(change) = change {
            self.teller.tell(change);
        }
    }
}

impl Store for Memory {
    fn introduce<'a>(&'a self, offered: &'a Identity, within: Duration) -> Answer<'a, Identity> {
        let offered = offered.clone();
        self.call(Kind::new("an introduction", Effect::Lasting), within, move |state, _| {
            Ok((state.introduce(&offered)?, None))
        })
    }

    fn load(&self, within: Duration) -> Answer<'_, Full> {
        self.call(Kind::new("a load", Effect::None), within, |state, now| Ok((state.load(now), None)))
    }

    fn mark(&self, within: Duration) -> Answer<'_, Mark> {
        self.call(Kind::new("a look", Effect::None), within, |state, now| Ok((state.mark(now), None)))
    }

    fn write<'a>(&'a self, write: &'a Write, seen: &'a Seen, within: Duration) -> Answer<'a, Outcome> {
        let (write, seen) = (write.clone(), seen.clone());
        self.call(Kind::new("a write", Effect::Lasting), within, move |state, now| {
            let outcome = state.write(&write, &seen, now)?;
            let change = match &outcome {
                Outcome::Written(entry) => Some(Change::Entry(entry.clone())),
                Outcome::Conflict(_) => None,
            };
            Ok((outcome, change))
        })
    }

    fn repair<'a>(&'a self, repair: &'a Repair, within: Duration) -> Answer<'a, Repaired> {
        let repair = repair.clone();
        self.call(Kind::new("a repair", Effect::Lasting), within, move |state, _| {
            let repaired = state.repair(repair)?;
            Ok((repaired, (repaired == Repaired::Done).then_some(Change::Resync)))
        })
    }

    fn beat<'a>(&'a self, pulse: &'a Pulse, site: &'a Fingerprint, within: Duration) -> Answer<'a, Mark> {
        let (pulse, site) = (pulse.clone(), site.clone());
        self.call(Kind::new("a heartbeat", Effect::Passing), within, move |state, now| {
            state.belongs_to(&site)?;
            state.beat(pulse, now);
            Ok((state.mark(now), None))
        })
    }

    fn part<'a>(&'a self, replica: &'a ReplicaId, site: &'a Fingerprint, within: Duration) -> Answer<'a, ()> {
        let (replica, site) = (replica.clone(), site.clone());
        self.call(Kind::new("a goodbye", Effect::Passing), within, move |state, _| {
            state.belongs_to(&site)?;
            state.part(&replica);
            Ok(((), None))
        })
    }

    fn beats(&self, within: Duration) -> Answer<'_, Beats> {
        self.call(Kind::new("a look at the heartbeats", Effect::None), within, |state, now| {
            Ok((state.beats(now), None))
        })
    }

    fn lease<'a>(
        &'a self,
        name: &'a Key,
        replica: &'a ReplicaId,
        time: Duration,
        site: &'a Fingerprint,
        within: Duration,
    ) -> Answer<'a, Lease> {
        let (name, replica, site) = (name.clone(), replica.clone(), site.clone());
        self.call(Kind::new("a lease", Effect::Passing), within, move |state, now| {
            state.belongs_to(&site)?;
            Ok((state.lease(name, &replica, time, now), None))
        })
    }

    fn release<'a>(
        &'a self,
        name: &'a Key,
        replica: &'a ReplicaId,
        site: &'a Fingerprint,
        within: Duration,
    ) -> Answer<'a, ()> {
        let (name, replica, site) = (name.clone(), replica.clone(), site.clone());
        self.call(Kind::new("the end of a lease", Effect::Passing), within, move |state, _| {
            state.belongs_to(&site)?;
            state.release(&name, &replica);
            Ok(((), None))
        })
    }

    fn feed(&self) -> Feed {
        self.0.teller.feed()
    }

    fn malformed(&self) -> u64 {
        0 // a file with anything unreadable in it is not opened
    }
}

#[cfg(test)]
mod tests;
