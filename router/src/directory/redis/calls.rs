//! What each call sends to Redis, and what its reply means.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::time::Duration;

use hubrouter_config::HubId;
use redis::aio::MultiplexedConnection;
use redis::{Script, Value as Reply};

use super::super::entry::{Entry, KEPT_FOR};
use super::super::identity::{Fingerprint, Identity, ReplicaId};
use super::super::key::Key;
use super::super::memory::{BEATS_KEPT_FOR, SPARE};
use super::super::store::{Beats, Error, Full, Lease, Mark, Outcome, Pulse, Repair, Repaired, Seen, Write};
use super::link::Effect;
use super::{RedisStore, record};
use crate::core::life::time::millis;

/// How many entries one script of a repair writes: Redis serves nobody else meanwhile.
const ENTRIES_AT_ONCE: usize = 5_000;

impl RedisStore {
    /// Runs a script that begins its reply with a word; gives what follows `done`, or the word and what follows.
    async fn run(
        &self,
        call: &'static str,
        script: &Script,
        more_keys: &[&str],
        arguments: &[&[u8]],
        within: Duration,
    ) -> Result<(String, Vec<Reply>), Error> {
        let mut invocation = script.key(&self.names.directory);
        for key in more_keys {
            invocation.key(*key);
        }
        for argument in arguments {
            invocation.arg(*argument);
        }
        let send = async |mut commands: MultiplexedConnection| {
            invocation.invoke_async::<Vec<Reply>>(&mut commands).await
        };
        let reply = self.link.call(call, Effect::Writes, within, send).await?;
        let mut parts = reply.into_iter();
        let word = parts.next().as_ref().and_then(record::plain).unwrap_or_default().to_owned();
        let rest: Vec<Reply> = parts.collect();
        match word.as_str() {
            "foreign" => {
                let fingerprint = rest.first().and_then(record::bytes).map(record::shown).unwrap_or_default();
                Err(Error::Foreign { fingerprint })
            }
            _ => Ok((word, rest)),
        }
    }

    fn count(&self, malformed: u64) {
        self.malformed.fetch_add(malformed, Ordering::Relaxed);
    }

    pub(super) async fn load_all(&self, within: Duration) -> Result<Full, Error> {
        let call = "a load";
        let mut pipe = redis::pipe();
        pipe.atomic().cmd("HGETALL").arg(&self.names.directory).cmd("TIME");
        let send = async |mut commands: MultiplexedConnection| {
            pipe.query_async::<(Reply, Reply)>(&mut commands).await
        };
        let (all, time) = self.link.call(call, Effect::None, within, send).await?;
        let read = record::clock(&time).and_then(|time| record::full(&all, time));
        let read = read.ok_or_else(|| unreadable(call))?;
        self.count(read.full.malformed);
        if let Some(fingerprint) = read.unreadable_fingerprint {
            return Err(Error::Foreign { fingerprint });
        }
        Ok(self.without_old_deletions(read.full, within).await)
    }

    /// Forgets deletions that are old enough, here and in the store.
    async fn without_old_deletions(&self, mut full: Full, within: Duration) -> Full {
        let old = |entry: &Entry| entry.was_deleted_before(full.time, KEPT_FOR + SPARE);
        let forgotten: Vec<(String, String)> = full
            .entries
            .values()
            .filter(|entry| old(entry))
            .take(ENTRIES_AT_ONCE)
            .map(|entry| (record::field(&entry.key), record::text(entry)))
            .collect();
        let time = full.time;
        full.entries.retain(|_, entry| !entry.was_deleted_before(time, KEPT_FOR + SPARE));
        if let (Some(identity), false) = (&full.identity, forgotten.is_empty()) {
            let mut arguments = vec![identity.fingerprint.as_str().as_bytes()];
            for (field, text) in &forgotten {
                arguments.extend([field.as_bytes(), text.as_bytes()]);
            }
            // What fails here is done by the next load.
            let _ = self.run("a clean-up", &self.scripts.forget, &[], &arguments, within).await;
        }
        full
    }

    pub(super) async fn look(&self, within: Duration) -> Result<Mark, Error> {
        let call = "a look";
        let mut pipe = redis::pipe();
        pipe.atomic().cmd("HMGET").arg(&self.names.directory).arg(&["#counter", "#fingerprint"]).cmd("TIME");
        let send = async |mut commands: MultiplexedConnection| {
            pipe.query_async::<((Reply, Reply), Reply)>(&mut commands).await
        };
        let ((counter, fingerprint), time) = self.link.call(call, Effect::None, within, send).await?;
        Ok(Mark {
            counter: record::plain(&counter).and_then(record::epoch).unwrap_or_default(),
            time: record::clock(&time).ok_or_else(|| unreadable(call))?,
            fingerprint: record::read(&fingerprint),
        })
    }

    pub(super) async fn introduce_site(
        &self,
        offered: &Identity,
        within: Duration,
    ) -> Result<Identity, Error> {
        let call = "an introduction";
        let hubs = words(&offered.hubs);
        let arguments = [offered.fingerprint.as_str().as_bytes(), hubs.as_bytes()];
        let (_, reply) = self.run(call, &self.scripts.introduce, &[], &arguments, within).await?;
        let [fingerprint, hubs] = reply.as_slice() else { return Err(unsure(call)) };
        let Some(fingerprint) = record::read(fingerprint) else {
            let fingerprint = record::bytes(fingerprint).map(record::shown).unwrap_or_default();
            return Err(Error::Foreign { fingerprint });
        };
        let hubs = record::plain(hubs).unwrap_or_default().split(' ').filter_map(|hub| hub.parse().ok());
        Ok(Identity { fingerprint, hubs: hubs.collect() })
    }

    pub(super) async fn compare_and_set(
        &self,
        write: &Write,
        seen: &Seen,
        within: Duration,
    ) -> Result<Outcome, Error> {
        let deadline = tokio::time::Instant::now() + within;
        let mut unreadable_texts: BTreeMap<Key, Vec<u8>> = BTreeMap::new();
        loop {
            let within = deadline.saturating_duration_since(tokio::time::Instant::now());
            let (word, reply) = self.try_write(write, seen, &unreadable_texts, within).await?;
            match word.as_str() {
                "done" => {
                    let text = reply.first().and_then(record::bytes);
                    let entry = text.and_then(|text| record::entry(write.target.key.clone(), text));
                    return entry.map(Outcome::Written).ok_or_else(|| unsure("a write"));
                }
                "behind" => {
                    let counter = reply.first().and_then(record::plain).and_then(record::epoch);
                    return Err(Error::Behind { counter: counter.unwrap_or_default(), seen: seen.epoch });
                }
                _ => {}
            }
            let mut current = BTreeMap::new();
            let mut met_unreadable = false;
            for (comparison, text) in write.comparisons().zip(&reply) {
                let text = record::bytes(text);
                let entry = text.and_then(|text| record::entry(comparison.key.clone(), text));
                if let (Some(text), None) = (text, &entry) {
                    self.count(1);
                    met_unreadable |=
                        unreadable_texts.insert(comparison.key.clone(), text.to_vec()).is_none();
                }
                current.insert(comparison.key.clone(), entry);
            }
            // What nobody can read counts as nothing: once more, and the store is told which texts these are.
            if !met_unreadable {
                return Ok(Outcome::Conflict(current));
            }
        }
    }

    async fn try_write(
        &self,
        write: &Write,
        seen: &Seen,
        unreadable_texts: &BTreeMap<Key, Vec<u8>>,
        within: Duration,
    ) -> Result<(String, Vec<Reply>), Error> {
        let value = write.value.as_ref().map_or("", |value| value.as_str());
        let epoch = seen.epoch.to_string();
        let compared: Vec<(String, String, &[u8])> = write
            .comparisons()
            .map(|comparison| {
                let epoch = comparison.epoch.map_or_else(String::new, |epoch| epoch.to_string());
                let nothing = unreadable_texts.get(&comparison.key).map_or(&[][..], Vec::as_slice);
                (record::field(&comparison.key), epoch, nothing)
            })
            .collect();
        let mut arguments = vec![
            seen.fingerprint.as_str().as_bytes(),
            self.names.channel.as_bytes(),
            epoch.as_bytes(),
            value.as_bytes(),
        ];
        for (field, epoch, nothing) in &compared {
            arguments.extend([field.as_bytes(), epoch.as_bytes(), nothing]);
        }
        self.run("a write", &self.scripts.write, &[], &arguments, within).await
    }

    pub(super) async fn write_back(&self, repair: &Repair, within: Duration) -> Result<Repaired, Error> {
        let deadline = tokio::time::Instant::now() + within;
        let hubs = words(&repair.identity.hubs);
        let (found, raise_to) = (repair.found.to_string(), repair.raise_to.to_string());
        let mut parts: Vec<&[Entry]> = repair.entries.chunks(ENTRIES_AT_ONCE).collect();
        if parts.is_empty() {
            parts.push(&[]);
        }
        let last = parts.len() - 1;
        for (at, part) in parts.into_iter().enumerate() {
            // The counter comes last: until then everybody sees that something is missing.
            let counter = if at == last { raise_to.as_str() } else { "" };
            let mut arguments = vec![
                repair.identity.fingerprint.as_str().to_owned(),
                self.names.channel.clone(),
                found.clone(),
                counter.to_owned(),
                hubs.clone(),
            ];
            for entry in part {
                arguments.extend([record::field(&entry.key), record::text(entry)]);
            }
            let arguments: Vec<&[u8]> = arguments.iter().map(String::as_bytes).collect();
            let within = deadline.saturating_duration_since(tokio::time::Instant::now());
            let (word, _) = self.run("a repair", &self.scripts.repair, &[], &arguments, within).await?;
            if word == "late" {
                return Ok(Repaired::TooLate);
            }
        }
        Ok(Repaired::Done)
    }

    pub(super) async fn send_beat(
        &self,
        call: &'static str,
        replica: &ReplicaId,
        pulse: Option<&Pulse>,
        site: &Fingerprint,
        within: Duration,
    ) -> Result<Mark, Error> {
        let lives_for = pulse.map_or_else(String::new, |pulse| millis(pulse.lives_for).to_string());
        let payload = pulse.map_or("", |pulse| pulse.payload.as_str());
        let kept_for = millis(BEATS_KEPT_FOR).to_string();
        let arguments = [site.as_str(), replica.as_str(), &lives_for, payload, &kept_for].map(str::as_bytes);
        let keys = [self.names.beats.as_str()];
        let (word, reply) = self.run(call, &self.scripts.beat, &keys, &arguments, within).await?;
        let [counter, rest @ ..] = reply.as_slice() else { return Err(unsure(call)) };
        let counter = record::plain(counter).and_then(record::epoch).unwrap_or_default();
        if word == "behind" {
            return Err(Error::Behind { counter, seen: counter });
        }
        let time = rest.first().and_then(record::plain).and_then(record::time).ok_or_else(|| unsure(call))?;
        Ok(Mark { counter, time, fingerprint: Some(site.clone()) })
    }

    pub(super) async fn all_beats(&self, within: Duration) -> Result<Beats, Error> {
        let call = "a look at the heartbeats";
        let mut pipe = redis::pipe();
        pipe.atomic().cmd("HGETALL").arg(&self.names.beats).cmd("TIME");
        let send = async |mut commands: MultiplexedConnection| {
            pipe.query_async::<(Reply, Reply)>(&mut commands).await
        };
        let (all, time) = self.link.call(call, Effect::None, within, send).await?;
        let time = record::clock(&time).ok_or_else(|| unreadable(call))?;
        let (mut beats, malformed) = record::beats(&all).ok_or_else(|| unreadable(call))?;
        self.count(malformed);
        beats.retain(|beat| time.since(beat.at) <= BEATS_KEPT_FOR);
        Ok(Beats { time, beats })
    }

    pub(super) async fn ask_lease(
        &self,
        call: &'static str,
        name: &Key,
        replica: &ReplicaId,
        time: Option<Duration>,
        site: &Fingerprint,
        within: Duration,
    ) -> Result<Option<Lease>, Error> {
        let field = record::field(name);
        let time = time.map_or_else(String::new, |time| millis(time).to_string());
        let arguments = [site.as_str(), &field, replica.as_str(), &time].map(str::as_bytes);
        let keys = [self.names.leases.as_str()];
        let (word, reply) = self.run(call, &self.scripts.lease, &keys, &arguments, within).await?;
        if word == "behind" {
            let counter = reply.first().and_then(record::plain).and_then(record::epoch).unwrap_or_default();
            return Err(Error::Behind { counter, seen: counter });
        }
        let [holder, until] = reply.as_slice() else { return Ok(None) };
        let until = record::plain(until).and_then(record::time);
        Ok(record::read(holder).zip(until).map(|(holder, until)| Lease { holder, until }))
    }
}

/// The store answered something that is no answer to a question.
fn unreadable(call: &'static str) -> Error {
    Error::Unreachable { call, reason: "the answer of the store is not readable".to_owned() }
}

/// The store answered something that is no answer to a script that writes.
pub(super) fn unsure(call: &'static str) -> Error {
    Error::Unknown { call, reason: "the answer of the store is not readable".to_owned() }
}

fn words<'a>(hubs: impl IntoIterator<Item = &'a HubId>) -> String {
    hubs.into_iter().map(HubId::as_str).collect::<Vec<_>>().join(" ")
}
