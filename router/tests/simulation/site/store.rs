//! The directory of one replica's life: it ends with it, and some rules can be switched off on the way.

use std::sync::Arc;
use std::time::Duration;

use hubrouter::directory::{
    Answer, Beats, Feed, Fingerprint, Full, Identity, Key, Lease, Mark, Outcome, Pulse, Repair, Repaired,
    ReplicaId, Seen, Store, Write,
};

use super::super::store::SimStore;
use super::dial::Life;
use super::rules::Rules;

#[derive(Debug)]
pub struct LivingStore {
    pub inner: Arc<SimStore>,
    pub life: Life,
    pub rules: Rules,
}

impl Store for LivingStore {
    fn introduce<'a>(&'a self, offered: &'a Identity, within: Duration) -> Answer<'a, Identity> {
        Box::pin(self.life.within(self.inner.introduce(offered, within)))
    }

    fn load(&self, within: Duration) -> Answer<'_, Full> {
        Box::pin(self.life.within(self.inner.load(within)))
    }

    fn mark(&self, within: Duration) -> Answer<'_, Mark> {
        Box::pin(self.life.within(self.inner.mark(within)))
    }

    fn write<'a>(&'a self, write: &'a Write, seen: &'a Seen, within: Duration) -> Answer<'a, Outcome> {
        Box::pin(self.life.within(self.inner.write(write, seen, within)))
    }

    fn repair<'a>(&'a self, repair: &'a Repair, within: Duration) -> Answer<'a, Repaired> {
        Box::pin(self.life.within(self.inner.repair(repair, within)))
    }

    fn beat<'a>(&'a self, pulse: &'a Pulse, site: &'a Fingerprint, within: Duration) -> Answer<'a, Mark> {
        Box::pin(self.life.within(self.inner.beat(pulse, site, within)))
    }

    fn part<'a>(&'a self, replica: &'a ReplicaId, site: &'a Fingerprint, within: Duration) -> Answer<'a, ()> {
        Box::pin(self.life.within(self.inner.part(replica, site, within)))
    }

    fn beats(&self, within: Duration) -> Answer<'_, Beats> {
        Box::pin(self.life.within(self.inner.beats(within)))
    }

    fn lease<'a>(
        &'a self,
        name: &'a Key,
        replica: &'a ReplicaId,
        time: Duration,
        site: &'a Fingerprint,
        within: Duration,
    ) -> Answer<'a, Lease> {
        Box::pin(self.life.within(self.inner.lease(name, replica, time, site, within)))
    }

    fn release<'a>(
        &'a self,
        name: &'a Key,
        replica: &'a ReplicaId,
        site: &'a Fingerprint,
        within: Duration,
    ) -> Answer<'a, ()> {
        Box::pin(self.life.within(self.inner.release(name, replica, site, within)))
    }

    fn feed(&self) -> Feed {
        self.inner.feed()
    }

    fn malformed(&self) -> u64 {
        self.inner.malformed()
    }
}
