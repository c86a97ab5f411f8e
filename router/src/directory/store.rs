//! What a store of the directory does, and how it fails: cut by what the caller does next.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::time::Duration;

use futures_util::future::BoxFuture;

use super::entry::{Entry, Value};
use super::feed::Feed;
use super::identity::{Fingerprint, Identity, ReplicaId};
use super::key::Key;
use crate::core::life::records::Epoch;
use crate::core::life::time::StoreTime;

/// What a call of a [`Store`] gives: the answer, or why there is none within the time that the caller had.
pub type Answer<'a, T> = BoxFuture<'a, Result<T, Error>>;

/// Where what replicas share is kept. Every call ends `within` the time that it is given.
///
/// What is in the store but cannot be read, because somebody else wrote it, is ignored and counted.
pub trait Store: Send + Sync + Debug {
    /// Founds the directory with the `offered` identity, or joins the one that stands, adding the offered hubs.
    ///
    /// # Errors
    ///
    /// [`Error::Foreign`] when none of the offered hubs is known there: nothing was written.
    fn introduce<'a>(&'a self, offered: &'a Identity, within: Duration) -> Answer<'a, Identity>;

    /// Everything, as it stood at one instant.
    fn load(&self, within: Duration) -> Answer<'_, Full>;

    /// Where the store stands: cheap, to find out whether a copy is in step, and the way to ask for the store's time.
    fn mark(&self, within: Duration) -> Answer<'_, Mark>;

    /// Writes one entry if everything that it compares stands as expected. Compared and written as one step.
    ///
    /// # Errors
    ///
    /// [`Error::Unknown`] when no answer came: the write may have arrived, or may arrive yet. The feed, or the next load,
    /// says what stands. [`Error::Behind`] and [`Error::Foreign`] when the store is not what `seen` says; nothing was written.
    fn write<'a>(&'a self, write: &'a Write, seen: &'a Seen, within: Duration) -> Answer<'a, Outcome>;

    /// Raises the counter of a store that lost writes, and writes back what it lost. Of several replicas that found the
    /// same counter one does it. Entries of the store with a higher epoch stay. Everybody who follows is told to load.
    fn repair<'a>(&'a self, repair: &'a Repair, within: Duration) -> Answer<'a, Repaired>;

    /// Says that a replica lives, for [`Pulse::lives_for`] from now by the store's clock. Tells where the store stands.
    fn beat<'a>(&'a self, pulse: &'a Pulse, site: &'a Fingerprint, within: Duration) -> Answer<'a, Mark>;

    /// Ends a replica's heartbeat with a goodbye: it is forgotten at once.
    fn part<'a>(&'a self, replica: &'a ReplicaId, site: &'a Fingerprint, within: Duration) -> Answer<'a, ()>;

    /// All heartbeats, those included that stopped without goodbye up to an hour ago.
    fn beats(&self, within: Duration) -> Answer<'_, Beats>;

    /// Gives `replica` the lease on `name` for `time`, anew or once more, unless another holds it. Says who holds it now.
    fn lease<'a>(
        &'a self,
        name: &'a Key,
        replica: &'a ReplicaId,
        time: Duration,
        site: &'a Fingerprint,
        within: Duration,
    ) -> Answer<'a, Lease>;

    /// Gives a lease back, if `replica` holds it.
    fn release<'a>(
        &'a self,
        name: &'a Key,
        replica: &'a ReplicaId,
        site: &'a Fingerprint,
        within: Duration,
    ) -> Answer<'a, ()>;

    /// The changes from now on.
    fn feed(&self) -> Feed;

    /// How many unreadable things were met since the start; one thing counts each time.
    fn malformed(&self) -> u64;
}

/// Why a call of a [`Store`] failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No answer: what was to be written may have arrived, or may arrive yet. Start nothing that depends on it.
    #[error("directory: {call} may have arrived or not: {reason}")]
    Unknown {
        /// What was asked.
        call: &'static str,
        /// What happened.
        reason: String,
    },
    /// Nothing was written, by this call, now or later: it may be made again.
    #[error("directory: {call} was not done: {reason}")]
    Unreachable {
        /// What was asked.
        call: &'static str,
        /// What happened.
        reason: String,
    },
    /// The store lost writes: nothing was written. Load, and repair it.
    #[error("directory: the store stands at epoch {counter}, {seen} was seen before: it lost writes")]
    Behind {
        /// Where it stands.
        counter: Epoch,
        /// Where this replica saw it.
        seen: Epoch,
    },
    /// The store was founded by somebody else: nothing was written. A load tells whether it is the same site.
    #[error("directory: the store has the fingerprint `{fingerprint}` of another founding")]
    Foreign {
        /// What it says, escaped and cut where it is no fingerprint.
        fingerprint: String,
    },
}

/// Everything in the store at one instant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Full {
    /// All entries, deletions included.
    pub entries: BTreeMap<Key, Entry>,
    /// The epoch of the last write.
    pub counter: Epoch,
    /// The store's clock.
    pub time: StoreTime,
    /// Whose directory it is; `None`: it was never founded, or has lost everything.
    pub identity: Option<Identity>,
    /// How many things in it could not be read.
    pub malformed: u64,
}

/// Where a store stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    /// The epoch of the last write.
    pub counter: Epoch,
    /// The store's clock.
    pub time: StoreTime,
    /// Its founding; `None`: none, or not readable.
    pub fingerprint: Option<Fingerprint>,
}

/// What a replica knows of the store: what it writes presumes that the store still knows it, too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// The founding.
    pub fingerprint: Fingerprint,
    /// The highest epoch.
    pub epoch: Epoch,
}

/// How a key must stand for a write to happen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Comparison {
    /// Which key.
    pub key: Key,
    /// The epoch of what stands; `None`: nothing does, because it was never written, or deleted.
    pub epoch: Option<Epoch>,
}

/// One write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Write {
    /// What is written, and how it must stand before.
    pub target: Comparison,
    /// The new value; `None` deletes.
    pub value: Option<Value>,
    /// How other keys must stand, such as the hub's record when a user is sent there.
    pub conditions: Vec<Comparison>,
}

impl Write {
    /// All that has to stand as expected; the target first.
    pub(super) fn comparisons(&self) -> impl Iterator<Item = &Comparison> {
        std::iter::once(&self.target).chain(&self.conditions)
    }
}

/// How a write ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It stands.
    Written(Entry),
    /// Nothing was written: what stands for each key that was compared, deletions included.
    Conflict(BTreeMap<Key, Option<Entry>>),
}

/// What a store that lost writes needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repair {
    /// Whose directory it is; for a store that has lost this, too.
    pub identity: Identity,
    /// Where the store stood when it was loaded. It does nothing to a store that has moved on.
    pub found: Epoch,
    /// Where the counter has to stand.
    pub raise_to: Epoch,
    /// What it lost.
    pub entries: Vec<Entry>,
}

/// How a repair ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repaired {
    /// This replica did it.
    Done,
    /// The store has moved on since it was loaded: load it again.
    TooLate,
}

/// A heartbeat to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pulse {
    /// Who lives.
    pub replica: ReplicaId,
    /// What it tells the others.
    pub payload: Value,
    /// For how long this is taken for alive.
    pub lives_for: Duration,
}

/// A heartbeat as the store has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Beat {
    /// Who sent it.
    pub replica: ReplicaId,
    /// What it tells the others.
    pub payload: Value,
    /// When it came, by the store's clock.
    pub at: StoreTime,
    /// Until when its replica is taken for alive.
    pub until: StoreTime,
}

impl Beat {
    /// The replica is taken for alive at `now`, of the store's clock.
    #[must_use]
    pub fn is_live(&self, now: StoreTime) -> bool {
        now < self.until
    }
}

/// All heartbeats at one instant of the store's clock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Beats {
    /// The instant.
    pub time: StoreTime,
    /// By replica.
    pub beats: Vec<Beat>,
}

/// Who holds a lease.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    /// The replica.
    pub holder: ReplicaId,
    /// Until when, by the store's clock.
    pub until: StoreTime,
}
