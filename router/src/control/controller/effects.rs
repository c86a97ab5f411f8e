//! Carries out what lives ask for: writes, assignments for those who run, questions, stops; and tells what came of it.
//!
//! Everything that waits is a task of its own; its end comes back to the controller as a [`Done`].

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use hubrouter_config::HubId;
use hubrouter_hub_adapter::names::UserName;
use tokio::sync::oneshot;
use tracing::{info, warn};

use super::Controller;
use super::orders::{Ordered, Waiting};
use super::secure::Secure;
use crate::control::calls::HubCalls;
use crate::control::census::Authority;
use crate::control::keeper::{Write, Wrote, hub_key};
use crate::control::live::Live;
use crate::control::upkeep::seen_elsewhere;
use crate::core::life::claim::is_movable;
use crate::core::life::hub_life::Securing;
use crate::core::life::records::{Epoch, HubRecord};
use crate::core::life::step::{Change, Effect, HubEvent, Report, Verb};
use crate::core::life::time::StoreTime;
use crate::core::upkeep::unaccounted;

/// The longest that a write may take before its outcome counts as unknown.
pub(in crate::control) const WITHIN: Duration = Duration::from_secs(2);
/// How long stopped servers have before it is looked whether they are gone.
const STOPPING: Duration = Duration::from_secs(5);
/// Patience for a hub's list.
const LIST_WITHIN: Duration = Duration::from_secs(30);

/// The order by which the servers of a hub count as lost.
const LOST: Verb = Verb::Failover { assume_stopped: true };

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
            Effect::StopStale { users } => self.stop_stale(hub, users),
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
        if stands {
            self.lives.written(hub);
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

    /// Everybody known as running or pending at `hub`: by its own word, by what was seen since, by starts that replicas told of.
    pub(super) fn known_at(&self, hub: &HubId) -> BTreeSet<UserName> {
        let mut users: BTreeSet<UserName> = self.parts.board.census.known_at(hub).into_iter().collect();
        let told = self.heartbeats.iter().flat_map(|beat| &beat.starts);
        let (asked_at, times) = (self.census_seen.get(hub).copied(), self.parts.live.load().snapshot.times);
        users.extend(unaccounted(told, hub, asked_at, &times).map(|start| start.user.clone()));
        let own = self.parts.share.journal.all();
        users.extend(own.into_iter().filter(|start| start.hub == *hub).map(|start| start.user));
        users
    }

    /// Everybody whose server is lost with `hub`: known there, recorded there, or listed when that was declared.
    fn lost_at(&self, hub: &HubId) -> BTreeSet<UserName> {
        let mut users = self.known_at(hub);
        let exceptions = &self.view.exceptions;
        let recorded =
            exceptions.assignments().filter(|stands| stands.hub == *hub && is_movable(stands.cause));
        users.extend(recorded.map(|stands| stands.user.clone()));
        let ordered = exceptions.hub(hub).and_then(|record| record.ordered.as_ref());
        users.extend(ordered.into_iter().flat_map(|ordered| ordered.moved.clone()));
        users
    }

    /// Of these users those who may have a server at `hub` by now. Whoever has neither their home nor a record there, and a server
    /// elsewhere, has left it since its last word.
    fn not_left(&self, hub: &HubId, mut users: BTreeSet<UserName>) -> BTreeSet<UserName> {
        let live = self.parts.live.load();
        let snapshot = &live.snapshot;
        let told = self.heartbeats.iter().flat_map(|beat| &beat.starts).cloned();
        let starts = told.chain(self.parts.share.journal.all()).filter(|start| start.hub != *hub);
        let started: BTreeSet<UserName> = starts.map(|start| start.user).collect();
        users.retain(|user| {
            let at_home = snapshot.home(user).is_some_and(|home| snapshot.id(home) == hub);
            at_home
                || snapshot.exceptions.assignment(user).is_some()
                || !(started.contains(user) || seen_elsewhere(snapshot, &self.parts.board, hub, user))
        });
        users
    }

    fn secure(&mut self, hub: HubId, securing: Securing) {
        let users = if securing.assume_stopped {
            self.lost_at(&hub)
        } else {
            self.not_left(&hub, self.known_at(&hub))
        };
        let job = Secure {
            hub: hub.clone(),
            writer: self.parts.share.writer.clone(),
            live: Arc::clone(&self.parts.live),
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

    fn stop_stale(&self, hub: HubId, users: Vec<UserName>) {
        let live = self.parts.live.load_full();
        let Some(calls) = self.calls(&hub) else { return };
        let job = StopStale { hub: hub.clone(), calls, live: Arc::clone(&self.parts.live) };
        drop(live);
        let done = self.done.clone();
        tokio::spawn(async move {
            if let Some(gone) = job.run(users).await {
                let _ = done.send(Done::Hub(hub, HubEvent::StaleStopped { gone }));
            }
        });
    }

    /// The way to call `hub`.
    pub(super) fn calls(&self, hub: &HubId) -> Option<Arc<dyn HubCalls>> {
        let hub = self.parts.loaded.config.hub(hub)?;
        Some(self.parts.share.dial.calls(hub, &self.parts.live.load().snapshot.site))
    }
}

/// Stops the old servers of users who were moved away by an operator's act or their own.
struct StopStale {
    hub: HubId,
    calls: Arc<dyn HubCalls>,
    live: Arc<ArcSwap<Live>>,
}

impl StopStale {
    /// Whose are gone: all; `None` when the hub's record has opened meanwhile, and nothing there is stale any more.
    async fn run(&self, users: Vec<UserName>) -> Option<Vec<UserName>> {
        let wanted: BTreeSet<UserName> = users.into_iter().collect();
        loop {
            if !self.is_closed() {
                return None;
            }
            match self.calls.active_users(LIST_WITHIN).await {
                Err(error) => warn!(hub.id = %self.hub, %error, "stale servers cannot be looked for"),
                Ok(active) => {
                    let left: Vec<_> =
                        active.users.into_iter().filter(|(user, _)| wanted.contains(user)).collect();
                    if left.is_empty() {
                        return Some(wanted.into_iter().collect());
                    }
                    for (user, active) in &left {
                        for server in active.servers.keys().filter(|_| self.is_closed()) {
                            self.stop(user, server).await;
                        }
                    }
                }
            }
            tokio::time::sleep(STOPPING).await;
        }
    }

    async fn stop(&self, user: &UserName, server: &str) {
        let (hub, server_name) = (&self.hub, if server.is_empty() { "(default)" } else { server });
        match self.calls.stop_server(user, server, WITHIN * 2).await {
            Ok(()) => {
                info!(hub.id = %hub, user = %user, server = server_name, "a stale server is being stopped");
            }
            Err(error) => {
                warn!(hub.id = %hub, user = %user, server = server_name, %error, "a stale server is not stopped");
            }
        }
    }

    /// Whether the record still says that the hub was failed over: only then these servers are stale.
    fn is_closed(&self) -> bool {
        let live = self.live.load();
        live.snapshot.exceptions.hub(&self.hub).is_some_and(|record| record.failed_over.is_some())
    }
}

/// Whether the record will have room for those whom the order moves; some more may become known until then.
fn fits(record: &HubRecord, changes: &[Change]) -> bool {
    if !changes.contains(&Change::Word(LOST)) {
        return true;
    }
    let mut then = record.clone();
    // When the hub is back they are listed once, as stale.
    for failed_over in [&mut then.ordered, &mut then.failed_over].into_iter().flatten() {
        then.stale.append(&mut failed_over.moved);
    }
    then.stale.extend(then.stale.clone().into_iter().take(then.stale.len() / 8));
    Write::set(hub_key(&record.hub), None, &then).is_some()
}

/// A change in the words of an event.
fn words(change: Change) -> (&'static str, &'static str) {
    match change {
        Change::Word(_) => ("operator_spoke", "an operator spoke"),
        Change::WordEnded => ("word_ended", "the configuration changed its intent: the operator's word ends"),
        Change::OutageBegan(crate::core::health::Plane::Proxy) => {
            ("outage_began", "its proxy plane is down, all agree")
        }
        Change::OutageBegan(crate::core::health::Plane::Hub) => {
            ("outage_began", "its hub plane is down, all agree")
        }
        Change::OutageEnded(crate::core::health::Plane::Proxy) => {
            ("outage_ended", "its proxy plane is up again")
        }
        Change::OutageEnded(crate::core::health::Plane::Hub) => ("outage_ended", "its hub plane is up again"),
        Change::Relapsed => ("relapsed", "it failed again: its users wait longer for it"),
        Change::StartsClosed => ("starts_closed", "it is closed to starts until all routers know it"),
        Change::CandidatesOpened => ("candidates_opened", "its users' next hubs are open to them"),
        Change::StartsNarrowed => {
            ("starts_changed", "its starts go elsewhere for others, or for another reason")
        }
        Change::OpenedAgain => ("opened_again", "starts go there again"),
        Change::FailedOver => ("failed_over", "it is failed over: idle users go to their next hub"),
        Change::StuckMoved => ("stuck_moved", "users whose servers are lost were moved"),
        Change::FailedBack => ("failed_back", "it has been healthy for long enough: idle users come home"),
        Change::StaleStopped => ("stale_stopped", "stale servers were stopped"),
    }
}

/// An answer that nobody waits for any more is dropped.
pub(super) fn answer<T>(to: oneshot::Sender<T>, with: T) {
    let _ = to.send(with);
}

#[cfg(test)]
mod tests {
    use hubrouter_hub_adapter::names::NameRule;

    use super::*;
    use crate::core::life::records::FailedOver;

    #[test]
    fn an_order_whose_list_does_not_fit_into_the_record_is_not_written() {
        let ordered = |count: usize| {
            let users = (0..count).filter_map(|n| UserName::canonical(&format!("{n:040}"), NameRule::Exact));
            let ordered = FailedOver {
                at: StoreTime::default(),
                epoch: Epoch::default(),
                who: None,
                why: String::new(),
                assume_stopped: true,
                moved: users.collect(),
            };
            HubRecord { ordered: Some(ordered), ..HubRecord::new("a".parse().unwrap()) }
        };
        let lost = [Change::Word(LOST)];
        assert!(fits(&ordered(4000), &lost));
        assert!(!fits(&ordered(6500), &lost));
        assert!(fits(&ordered(6500), &[Change::Word(Verb::Failover { assume_stopped: false })]));
    }
}
