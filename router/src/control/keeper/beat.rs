//! A heartbeat: what this replica tells the others, how far it has read, what the others tell, and what time it is there.

use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tracing::{debug, error, warn};

use super::told::Told;
use super::{Keeper, WITHIN};
use crate::control::clock;
use crate::core::life::records::Heartbeat;
use crate::core::life::time::StoreTime;
use crate::core::moment::Clock;
use crate::directory::{Beats, Confirmed, Error, Mark, Pulse, Value};

pub(super) type Beating = Pin<Box<dyn Future<Output = Beaten> + Send>>;

/// What came of a heartbeat.
pub(super) struct Beaten {
    asked_at: Instant,
    answered: Result<(Mark, Instant, Result<Beats, Error>), Error>,
}

impl Keeper {
    /// Sends a heartbeat, and asks for everybody's.
    pub(super) fn beat(&self) -> Option<Beating> {
        let site = self.copy.seen()?.fingerprint;
        let pulse = self.pulse(false)?;
        let store = Arc::clone(&self.parts.store);
        let asked_at = clock::now();
        Some(Box::pin(async move {
            let answered = match store.beat(&pulse, &site, WITHIN).await {
                Ok(mark) => {
                    let beats_asked_at = clock::now();
                    Ok((mark, beats_asked_at, store.beats(WITHIN).await))
                }
                Err(error) => Err(error),
            };
            Beaten { asked_at, answered }
        }))
    }

    /// What the next heartbeat says. All starts are in it: whoever misses one may let two servers run.
    pub(super) fn pulse(&self, goodbye: bool) -> Option<Pulse> {
        let mut heartbeat = self.parts.heartbeat.borrow().clone();
        heartbeat.starts = self.parts.journal.all();
        heartbeat.read = self.read_up_to();
        heartbeat.goodbye = goodbye;
        let payload = Value::of(&heartbeat).or_else(|| {
            // The journal leaves room for the rest of it; how spawns ended matters least.
            heartbeat.spawns.clear();
            Value::of(&heartbeat)
        });
        if payload.is_none() {
            error!("the heartbeat of this replica is too long to be sent");
        }
        Some(Pulse { replica: self.parts.me.clone(), payload: payload?, lives_for: self.interval() * 3 })
    }

    /// What was written up to this instant of the store's clock is in the copy.
    fn read_up_to(&self) -> StoreTime {
        let known = self.knowledge.clock.zip(self.knowledge.in_step.min(self.knowledge.heard));
        known.map_or_else(StoreTime::default, |(clock, at)| clock.time_at(at))
    }

    pub(super) fn beaten(&mut self, beaten: Beaten) {
        self.changed = true;
        match beaten.answered {
            Err(error) => {
                if matches!(error, Error::Behind { .. } | Error::Foreign { .. }) {
                    self.knowledge.behind = true;
                    self.sync_soon();
                }
                self.ill(&error);
            }
            Ok((mark, beats_asked_at, beats)) => {
                self.well();
                self.knowledge.heard = Some(beaten.asked_at);
                self.set_clock(Clock { store: mark.time, at: beaten.asked_at }, beats_asked_at);
                match self.copy.confirm(&mark, beaten.asked_at) {
                    Confirmed::InStep => {
                        self.knowledge.in_step = Some(beaten.asked_at);
                        self.lagging = false;
                    }
                    // The feed brings it in a moment; if it has not by the next beat, it is broken.
                    Confirmed::Lagging if !self.lagging => self.lagging = true,
                    Confirmed::Lagging => self.sync_soon(),
                    Confirmed::Doubtful => {
                        self.knowledge.behind = true;
                        self.sync_soon();
                    }
                }
                match beats {
                    Ok(beats) => self.tell_beats(beats, beats_asked_at),
                    Err(error) => debug!(%error, "the heartbeats of the replicas cannot be read"),
                }
            }
        }
    }

    fn set_clock(&mut self, clock: Clock, answered_at: Instant) {
        if let Some(before) = self.knowledge.clock {
            let expected = before.time_at(clock.at);
            let off = clock.store.since(expected).max(expected.since(clock.store));
            // What a call took may be in front of the reading or behind it.
            let took = answered_at.saturating_duration_since(clock.at);
            if off > Duration::from_secs(1) + took * 2 {
                warn!(off_ms = off.as_millis(), "the clock of the directory jumped");
                let _ = self.parts.told.send(Told::ClockJumped);
            }
        }
        self.knowledge.clock = Some(clock);
    }

    fn tell_beats(&mut self, beats: Beats, asked_at: Instant) {
        let Some(clock) = self.knowledge.clock else { return };
        let mut heartbeats = Vec::new();
        for beat in beats.beats {
            match beat.payload.read::<Heartbeat>() {
                Ok(said) => {
                    let read = said.read.min(beat.at);
                    let replica = beat.replica.as_str().to_owned();
                    heartbeats.push(Heartbeat { replica, at: beat.at, read, ..said });
                }
                Err(error) => {
                    debug!(replica = beat.replica.as_str(), %error, "a heartbeat that cannot be read");
                }
            }
        }
        let asked_at = clock.time_at(asked_at);
        let _ = self.parts.told.send(Told::Beats { asked_at, now: beats.time, heartbeats });
    }
}
