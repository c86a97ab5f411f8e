//! For tests: a directory in memory on tokio's clock, which can fall silent, lose answers, and jump in time.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use super::clock;
use crate::core::life::time::StoreTime;
use crate::directory::{
    Answer, Beats, Error, Feed, Fingerprint, Full, Identity, Key, Lease, Mark, Memory, Outcome, Pulse,
    Repair, Repaired, ReplicaId, Seen, Store, Write,
};

/// The hour at which every test begins, by the store.
const BEGAN: u64 = 3_600_000;

/// It; clones are the same one.
#[derive(Clone, Debug)]
pub(super) struct TestStore {
    pub(super) memory: Memory,
    switches: Arc<Switches>,
}

#[derive(Debug, Default)]
struct Switches {
    silent: AtomicBool,
    loses_answers: AtomicBool,
    ahead: AtomicU64,
}

impl TestStore {
    pub(super) fn new() -> Self {
        let (switches, began) = (Arc::<Switches>::default(), clock::now());
        let time = Arc::clone(&switches);
        let now = move || {
            let passed = clock::now().duration_since(began) + Duration::from_millis(BEGAN);
            StoreTime::from_millis(time.ahead.load(Ordering::Relaxed)).plus(passed)
        };
        Self { memory: Memory::new(Arc::new(now)), switches }
    }

    /// Whether it answers nothing and does nothing.
    pub(super) fn silent(&self, silent: bool) {
        self.switches.silent.store(silent, Ordering::Relaxed);
    }

    /// Whether writes are done and nobody hears of it.
    pub(super) fn loses_answers(&self, loses: bool) {
        self.switches.loses_answers.store(loses, Ordering::Relaxed);
    }

    /// Its clock goes on by so much at once.
    pub(super) fn jump(&self, by: Duration) {
        let by = u64::try_from(by.as_millis()).expect("a short time");
        self.switches.ahead.fetch_add(by, Ordering::Relaxed);
    }

    /// `answer`, or silence for as long as the caller waits.
    async fn unless_silent<T>(
        &self,
        call: &'static str,
        within: Duration,
        answer: Answer<'_, T>,
    ) -> Result<T, Error> {
        if self.switches.silent.load(Ordering::Relaxed) {
            tokio::time::sleep(within).await;
            return Err(Error::Unreachable { call, reason: "no answer".to_owned() });
        }
        answer.await
    }
}

impl Store for TestStore {
    fn introduce<'a>(&'a self, offered: &'a Identity, within: Duration) -> Answer<'a, Identity> {
        Box::pin(self.unless_silent("an introduction", within, self.memory.introduce(offered, within)))
    }

    fn load(&self, within: Duration) -> Answer<'_, Full> {
        Box::pin(self.unless_silent("a load", within, self.memory.load(within)))
    }

    fn mark(&self, within: Duration) -> Answer<'_, Mark> {
        Box::pin(self.unless_silent("a look", within, self.memory.mark(within)))
    }

    fn write<'a>(&'a self, write: &'a Write, seen: &'a Seen, within: Duration) -> Answer<'a, Outcome> {
        Box::pin(async move {
            let call = "a write";
            let outcome = self.unless_silent(call, within, self.memory.write(write, seen, within)).await;
            if self.switches.loses_answers.load(Ordering::Relaxed) {
                tokio::time::sleep(within).await;
                return Err(Error::Unknown { call, reason: "no answer".to_owned() });
            }
            outcome
        })
    }

    fn repair<'a>(&'a self, repair: &'a Repair, within: Duration) -> Answer<'a, Repaired> {
        Box::pin(self.unless_silent("a repair", within, self.memory.repair(repair, within)))
    }

    fn beat<'a>(&'a self, pulse: &'a Pulse, site: &'a Fingerprint, within: Duration) -> Answer<'a, Mark> {
        Box::pin(self.unless_silent("a heartbeat", within, self.memory.beat(pulse, site, within)))
    }

    fn part<'a>(&'a self, replica: &'a ReplicaId, site: &'a Fingerprint, within: Duration) -> Answer<'a, ()> {
        Box::pin(self.unless_silent("a goodbye", within, self.memory.part(replica, site, within)))
    }

    fn beats(&self, within: Duration) -> Answer<'_, Beats> {
        Box::pin(self.unless_silent("a look at the heartbeats", within, self.memory.beats(within)))
    }

    fn lease<'a>(
        &'a self,
        name: &'a Key,
        replica: &'a ReplicaId,
        time: Duration,
        site: &'a Fingerprint,
        within: Duration,
    ) -> Answer<'a, Lease> {
        Box::pin(self.unless_silent("a lease", within, self.memory.lease(name, replica, time, site, within)))
    }

    fn release<'a>(
        &'a self,
        name: &'a Key,
        replica: &'a ReplicaId,
        site: &'a Fingerprint,
        within: Duration,
    ) -> Answer<'a, ()> {
        let release = self.memory.release(name, replica, site, within);
        Box::pin(self.unless_silent("the end of a lease", within, release))
    }

    fn feed(&self) -> Feed {
        self.memory.feed()
    }

    fn malformed(&self) -> u64 {
        self.memory.malformed()
    }
}
