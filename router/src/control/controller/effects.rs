//! Carries out what lives ask for: writes, assignments for those who run, questions, stops; and tells what came of it.
//!
//! Everything that waits is a task of its own; its end comes back to the controller as a [`Done`].

use std::sync::Arc;
use std::time::Duration;

use hubrouter_config::HubId;
use tokio::sync::oneshot;
use tracing::{info, warn};

use super::Controller;
use super::known::{LOST, fits};
use super::orders::{Ordered, Waiting};
use super::secure::Secure;
use super::stale::StopStale;
use super::words::words;
use crate::control::calls::HubCalls;
use crate::control::census::Authority;
use crate::control::keeper::{Write, Wrote, hub_key};
use crate::core::life::hub_life::Securing;
use crate::core::life::records::{Epoch, HubRecord};
use crate::core::life::step::{Change, Effect, HubEvent, Report};
use crate::core::life::time::StoreTime;

/// The longest that a write may take before its outcome counts as unknown.
pub(in crate::control) const WITHIN: Duration = Duration::from_secs(2);

/// Something that was begun has ended.
#[derive(Debug)]
pub enum Done {
    /// A hub's life has to know of it.
    Hub(HubId, HubEvent),
    /// The record of a hub was to be written.
    Wrote {
        /// Which.
        hub: HubId,
        /// The epoch it was compared with.
        on: Epoch,
        /// What it changes.
        changes: Vec<Change>,
        /// What came of it.
        wrote: Wrote,
        /// The operator who waits for it.
        waiting: Option<Waiting>,
    },
    /// A hub that is to be drained told how many users it has.
    Counted {
        /// Which.
        hub: HubId,
        /// How many; none: it did not say.
        users: Option<usize>,
        /// The order.
        ordered: Ordered,
    },
    /// All replicas can read a hub's own word.
    CensusShared {
        /// The word.
        news: Authority,
        /// When the hub was asked.
        asked_at: StoreTime,
    },
    /// A step of an activation has ended.
    Activated(super::activate::Ended),
    /// The hubs were asked who is away from home.
    Rebuilt(super::rebuild::Rebuilt),
}

impl Controller {
    pub(super) fn carry_out(&mut self, effects: Vec<(HubId, Effect)>) {
        for (hub, effect) in effects {
            self.carry_one_out(hub, effect, None);
        }
    }

    pub(super) fn carry_one_out(&mut self, hub: HubId, effect: Effect, waiting: Option<Waiting>) {
        match effect {
            Effect::Write { on, record, changes } => self.write(hub, on, *record, changes, waiting),
            Effect::SecureRunning(securing) => self.secure(hub, securing),
            Effect::AskCensus => self.parts.share.bells.ring(&hub),
            Effect::StopStale { .. } => self.stop_stale(hub),
            // Whoever looks after the hub stops what is idle, by each of its answers: see `upkeep`.
            Effect::StopIdle => self.parts.share.bells.ring(&hub),
            Effect::Report(report) => self.report(&hub, report),
            Effect::Refuse(refusal) => {
                if let Some(waiting) = waiting {
                    waiting.refused(&refusal);
                }
            }
        }
    }

    fn write(
        &self,
        hub: HubId,
        on: Epoch,
        mut record: HubRecord,
        changes: Vec<Change>,
        waiting: Option<Waiting>,
    ) {
        let writer = self.parts.share.writer.clone();
        let done = self.done.clone();
        let compared = (on != Epoch::default()).then_some(on);
        if changes.contains(&Change::Word(LOST))
            && let Some(ordered) = &mut record.ordered
        {
            ordered.moved = self.lost_at(&hub).into_iter().collect();
        }
        let fits = waiting.is_none() || fits(&record, &changes);
        tokio::spawn(async move {
            let write = Write::set(hub_key(&hub), compared, &record).filter(|_| fits);
            let wrote = match write {
                Some(write) => writer.write(&write, WITHIN).await,
                None => Wrote::Unreachable("too many users would have to be listed in its record".to_owned()),
            };
            // At shutdown nobody waits for it.
            let _ = done.send(Done::Wrote { hub, on, changes, wrote, waiting });
        });
    }

    pub(super) fn done(&mut self, done: Done) {
        match done {
            Done::Hub(hub, event) => {
                let Some(now) = self.store_now() else { return };
                let effects = self.lives.happens(&hub, event, now);
                self.carry_out(effects);
            }
            Done::Wrote { hub, on, changes, wrote, waiting } => {
                self.wrote(&hub, on, &changes, &wrote, waiting);
            }
            Done::Counted { hub, users, ordered } => self.drain_counted(&hub, users, ordered),
            Done::CensusShared { news, asked_at } => self.keep_up(&news, asked_at),
            Done::Activated(ended) => self.activation_ended(ended),
            Done::Rebuilt(rebuilt) => self.rebuilt(rebuilt),
        }
    }

    fn wrote(&mut self, hub: &HubId, on: Epoch, changes: &[Change], wrote: &Wrote, waiting: Option<Waiting>) {
        let stands = matches!(wrote, Wrote::Stands(_));
        if let Wrote::Stands(entry) = wrote {
            self.is_ours(hub, entry.epoch);
        }
        if stands {
            self.lives.written(hub);
            if let Some(waiting) = &waiting {
                waiting.told(&self.parts.board.events);
            }
            for change in changes {
                self.tell_change(hub, *change);
            }
        }
        if let Some(waiting) = waiting {
            waiting.wrote(wrote);
        }
        let Some(now) = self.store_now().filter(|_| !stands) else { return };
        if let Wrote::Unknown(reason) | Wrote::Unreachable(reason) = wrote
            && self.lives.not_written(hub, reason)
        {
            warn!(hub.id = %hub, reason, "hub `{hub}`: its record was not written, or nobody knows: {reason}");
        }
        // Whatever is still wanted is proposed again at the next beat.
        let effects = self.lives.happens(hub, HubEvent::WriteUnknown { on }, now);
        self.carry_out(effects);
    }

    fn tell_change(&self, hub: &HubId, change: Change) {
        let (kind, text) = words(change);
        let text = format!("hub `{hub}`: {text}");
        info!(hub.id = %hub, change = kind, "{text}");
        self.parts.board.events.note(kind, Some(hub), None, text);
    }

    fn report(&self, hub: &HubId, report: Report) {
        match report {
            Report::Held(held) => {
                let text =
                    format!("hub `{hub}` is not failed over: {held}; `hubrouter failover {hub}` decides");
                warn!(hub.id = %hub, "{text}");
                self.parts.board.note_held(hub, Some(held.to_string()));
                self.parts.board.events.note("failover_held", Some(hub), None, text);
            }
            Report::HeldNoMore => {
                self.parts.board.note_held(hub, None);
                let text = format!("hub `{hub}`: nothing holds its failover any more");
                self.parts.board.events.note("failover_released", Some(hub), None, text);
            }
        }
    }

    fn secure(&mut self, hub: HubId, securing: Securing) {
        let began = self.parts.live.load_full();
        let users = if securing.assume_stopped {
            self.lost_at(&hub)
        } else {
            self.not_left(&hub, self.known_at(&hub))
        };
        let job = Secure {
            hub: hub.clone(),
            writer: self.parts.share.writer.clone(),
            live: Arc::clone(&self.parts.live),
            began,
            assume_stopped: securing.assume_stopped,
            superseded: Arc::default(),
        };
        let done = self.done.clone();
        let superseded = Arc::clone(&job.superseded);
        let before = self.lives.securing(&hub);
        let id = hub.clone();
        let task = tokio::spawn(async move {
            if let Some(before) = before {
                // One that writes and one that deletes must not fight: its last write ends first. It cannot fail but by a bug.
                let _ = before.await;
            }
            let event = match job.run(users).await {
                Some(users) => HubEvent::RunningSecured { securing, users },
                None if job.is_superseded() => return,
                None => HubEvent::SecuringEnded(securing),
            };
            let _ = done.send(Done::Hub(hub, event));
        });
        self.lives.secures(id, superseded, task);
    }

    /// One such work for each hub: it reads in the record who is listed.
    fn stop_stale(&mut self, hub: HubId) {
        self.stopping.retain(|_, work| !work.is_finished());
        let Some(calls) = self.calls(&hub).filter(|_| !self.stopping.contains_key(&hub)) else { return };
        let job = StopStale {
            hub: hub.clone(),
            calls,
            live: Arc::clone(&self.parts.live),
            leases: Arc::clone(&self.parts.share.leases),
        };
        let (done, id) = (self.done.clone(), hub.clone());
        let work = tokio::spawn(async move {
            let gone = |gone| drop(done.send(Done::Hub(hub.clone(), HubEvent::StaleStopped { gone })));
            job.run(gone).await;
        });
        self.stopping.insert(id, work);
    }

    /// The way to call `hub`.
    pub(super) fn calls(&self, hub: &HubId) -> Option<Arc<dyn HubCalls>> {
        let hub = self.parts.loaded.config.hub(hub)?;
        Some(self.parts.share.dial.calls(hub, &self.parts.live.load().snapshot.site))
    }
}

/// An answer that nobody waits for any more is dropped.
pub(super) fn answer<T>(to: oneshot::Sender<T>, with: T) {
    let _ = to.send(with);
}
