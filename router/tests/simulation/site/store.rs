//! The directory of one replica's life: it ends with it, and some rules can be switched off on the way.

use std::sync::Arc;
use std::time::Duration;

use hubrouter::control::keeper::placement_key;
use hubrouter::core::life::records::{
    Assignment, Cause, Heartbeat, HubRecord, PlacementRecord, Starts, Verdict, Vote,
};
use hubrouter::core::life::time::StoreTime;
use hubrouter::directory::{
    Answer, Beats, Error, Feed, Fingerprint, Full, Identity, Key, Lease, Mark, Outcome, Pulse, Repair,
    Repaired, ReplicaId, Seen, Store, Value, Write,
};

use super::super::store::SimStore;
use super::dial::Life;
use super::rules::{Rule, Rules};

/// The way of one process to the directory.
#[derive(Debug)]
pub struct LivingStore {
    pub inner: Arc<SimStore>,
    pub life: Life,
    pub rules: Rules,
}

fn read<T: serde::de::DeserializeOwned>(value: Option<&Value>) -> Option<T> {
    value?.read().ok()
}

/// What one replica sees as down, all do.
fn one_is_enough(beats: &mut Beats) {
    let said: Vec<Option<Heartbeat>> = beats.beats.iter().map(|beat| read(Some(&beat.payload))).collect();
    let votes = said.iter().flatten().flat_map(|said| said.votes.clone());
    let down: Vec<Vote> = votes.filter(|vote| vote.verdict == Verdict::Down).collect();
    for (beat, said) in beats.beats.iter_mut().zip(&said) {
        let Some(mut said) = said.clone() else { continue };
        said.votes.retain(|vote| !down.iter().any(|down| (&down.hub, down.plane) == (&vote.hub, vote.plane)));
        said.votes.extend(down.clone());
        if let Some(payload) = Value::of(&said) {
            beat.payload = payload;
        }
    }
}

impl LivingStore {
    /// Writes with a rule off.
    async fn write_otherwise(
        &self,
        mut write: Write,
        seen: &Seen,
        within: Duration,
    ) -> Result<Outcome, Error> {
        let off = |rule| self.rules.is_off(rule);
        let (kind, _) = write.target.key.parts();
        if kind == Key::HUB
            && let Some(record) = read::<HubRecord>(write.value.as_ref())
            && let (true, Starts::Closed { since, whom, cause }) = (off(Rule::CloseWaitOpen), record.starts)
        {
            let starts = Starts::Elsewhere { since, whom, cause };
            write.value = Value::of(&HubRecord { starts, ..record });
        }
        if write.target.key == placement_key()
            && off(Rule::PlacementsAreAnnounced)
            && let Some(record) = read::<PlacementRecord>(write.value.as_ref())
            && let Some(next) = record.next.clone()
        {
            write.value = Value::of(&PlacementRecord { active: next.placement, next: None, ..record });
        }
        let assignment = (kind == Key::USER).then(|| read::<Assignment>(write.value.as_ref())).flatten();
        let Some(user) = assignment else { return self.inner.write(&write, seen, within).await };
        // Claims alone compare hubs.
        let is_claim = !write.conditions.is_empty();
        let is_lost = match user.cause {
            Cause::Running => off(Rule::SecureRunning),
            Cause::Found => off(Rule::FoundServersAreRecorded),
            _ => false,
        };
        if is_lost && !is_claim {
            let all = self.inner.load(within).await?;
            // What stands already says nothing new.
            let mut some = all.entries.into_values().filter(|entry| entry.value.is_some());
            return some.next().map(Outcome::Written).ok_or_else(|| Error::Unreachable {
                call: "a write",
                reason: "nothing stands yet".to_owned(),
            });
        }
        if off(Rule::DeletionAfterTheLastStart) && is_claim {
            let start = StoreTime::default();
            write.value = Value::of(&Assignment { last_start: None, since: start, ..user });
        }
        if off(Rule::ClaimComparesHubs) {
            write.conditions.clear();
        }
        loop {
            let outcome = self.inner.write(&write, seen, within).await?;
            match &outcome {
                Outcome::Conflict(stands) if off(Rule::ClaimComparesUser) && is_claim => {
                    let now = stands.get(&write.target.key).and_then(Option::as_ref);
                    let now = now.filter(|entry| entry.value.is_some()).map(|entry| entry.epoch);
                    if now == write.target.epoch {
                        return Ok(outcome);
                    }
                    write.target.epoch = now;
                }
                _ => return Ok(outcome),
            }
        }
    }
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
        if self.rules.all_hold() {
            return Box::pin(self.life.within(self.inner.write(write, seen, within)));
        }
        Box::pin(self.life.within(self.write_otherwise(write.clone(), seen, within)))
    }

    fn repair<'a>(&'a self, repair: &'a Repair, within: Duration) -> Answer<'a, Repaired> {
        let mut repair = repair.clone();
        if self.rules.is_off(Rule::StoreIsRepaired) {
            repair.entries.retain(|entry| read::<Assignment>(entry.value.as_ref()).is_none());
        }
        Box::pin(self.life.within(async move { self.inner.repair(&repair, within).await }))
    }

    fn beat<'a>(&'a self, pulse: &'a Pulse, site: &'a Fingerprint, within: Duration) -> Answer<'a, Mark> {
        let mut pulse = pulse.clone();
        if self.rules.is_off(Rule::HeartbeatsSayWhatWasRead)
            && let Some(said) = read::<Heartbeat>(Some(&pulse.payload))
            && let Some(lie) = Value::of(&Heartbeat { read: StoreTime::from_millis(u64::MAX / 2), ..said })
        {
            pulse.payload = lie;
        }
        Box::pin(self.life.within(async move { self.inner.beat(&pulse, site, within).await }))
    }

    fn part<'a>(&'a self, replica: &'a ReplicaId, site: &'a Fingerprint, within: Duration) -> Answer<'a, ()> {
        Box::pin(self.life.within(self.inner.part(replica, site, within)))
    }

    fn beats(&self, within: Duration) -> Answer<'_, Beats> {
        Box::pin(self.life.within(async move {
            let mut beats = self.inner.beats(within).await?;
            if self.rules.is_off(Rule::VanishedReplica) {
                let now = beats.time;
                beats.beats.retain(|beat| now < beat.until);
            }
            if self.rules.is_off(Rule::Majority) {
                one_is_enough(&mut beats);
            }
            Ok(beats)
        }))
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
