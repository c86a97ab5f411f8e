//! Keeps the records of one hub's users tidy, by each of the hub's own answers: the work of the replica that looks after it.
//!
//! What has to change is decided in `core::upkeep`; here it is written, one hub at a time, and idle servers of a drain whose
//! deadline is over are stopped.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use arc_swap::ArcSwap;
use futures_util::StreamExt;
use futures_util::stream;
use hubrouter_config::{HubId, Intent};
use hubrouter_hub_adapter::census::{ActiveUser, ServerState};
use hubrouter_hub_adapter::names::UserName;
use tracing::{info, warn};

use super::board::Board;
use super::calls::HubCalls;
use super::census::{Authority, servers};
use super::clock;
use super::keeper::{CensusRecord, Write, Writer, Wrote, user_key};
use super::live::Live;
use crate::core::census::Servers;
use crate::core::life::records::{Assignment, AtDeadline, Cause, Epoch, Starts, Word};
use crate::core::life::time::{StoreTime, millis};
use crate::core::moment::Clock;
use crate::core::snapshot::Snapshot;
use crate::core::upkeep::{Answer, Tidy, tidy};

/// The longest that one write may take.
const WITHIN: Duration = Duration::from_secs(2);
/// For so long one answer of a hub is worked by: later on somebody may have begun to work again, or have gone elsewhere.
const GOOD_FOR: Duration = Duration::from_secs(20);
/// Idle servers that are stopped at a time: a hub takes some seconds for each.
const STOPS_AT_ONCE: usize = 8;

/// What is remembered from one answer to the next.
#[derive(Debug, Default)]
pub(super) struct Upkeep {
    before: BTreeMap<HubId, (StoreTime, BTreeMap<UserName, Servers>)>,
    busy: Arc<Mutex<BTreeSet<HubId>>>,
}

/// What one round of it works with.
pub(super) struct Means {
    pub live: Arc<ArcSwap<Live>>,
    pub writer: Writer,
    pub board: Arc<Board>,
    pub calls: Arc<dyn HubCalls>,
}

impl Upkeep {
    /// Works through one answer of a hub.
    pub(super) fn answered(&mut self, news: &Authority, asked_at: StoreTime, means: Means) {
        let users: BTreeMap<UserName, Servers> =
            news.users.iter().map(|(user, active)| (user.clone(), servers(active))).collect();
        let before = self.before.insert(news.hub.clone(), (asked_at, users.clone()));
        let live = means.live.load_full();
        let snapshot = &live.snapshot;
        let Some(hub) = snapshot.find(&news.hub) else { return };
        let moment = snapshot.knowledge.at(clock::now(), &snapshot.times);
        let answer = Answer { asked_at, users: &users };
        let before = before.as_ref().map(|(asked_at, users)| Answer { asked_at: *asked_at, users });
        let elsewhere = |user: &UserName| seen_elsewhere(snapshot, &means.board, &news.hub, user);
        let due = tidy(snapshot, hub, answer, before, elsewhere, &moment);
        let stops = moment.now.map(|now| overdue(snapshot, &news.hub, &news.users, now)).unwrap_or_default();
        if due.is_empty() && stops.is_empty() {
            return;
        }
        let mut busy = self.busy.lock().unwrap_or_else(PoisonError::into_inner);
        if !busy.insert(news.hub.clone()) {
            return; // the round before is not over: the next answer will say the same
        }
        drop(busy);
        let (hub, busy) = (news.hub.clone(), Arc::clone(&self.busy));
        let until = clock::now() + GOOD_FOR;
        tokio::spawn(async move {
            means.write_all(&hub, &live.snapshot, due, until).await;
            means.stop_all(&hub, stops, until).await;
            busy.lock().unwrap_or_else(PoisonError::into_inner).remove(&hub);
        });
    }

    /// Forgets all but these hubs.
    pub(super) fn retain(&mut self, keep: impl Fn(&HubId) -> bool) {
        self.before.retain(|hub, _| keep(hub));
    }
}

impl Means {
    /// All changes, as long as the directory answers. The next answer says what is still to be done.
    async fn write_all(&self, hub: &HubId, decided_by: &Snapshot, due: Vec<Tidy>, until: Instant) {
        for one in due {
            if clock::now() >= until || !self.write(hub, decided_by, one).await {
                return;
            }
        }
    }

    /// Stops idle servers, as long as an operator's word wants that.
    async fn stop_all(&self, hub: &HubId, stops: Vec<(UserName, String)>, until: Instant) {
        let each = stream::iter(stops).map(|(user, server)| async move {
            let live = self.live.load_full();
            let now = live.snapshot.knowledge.clock.map(|known| known.time_at(clock::now()));
            let is_wanted = now.is_some_and(|now| stops_idle(&live.snapshot, hub, now).is_some());
            if is_wanted && clock::now() < until {
                self.stop(hub, &user, &server).await;
            }
        });
        each.buffer_unordered(STOPS_AT_ONCE).collect::<Vec<()>>().await;
    }

    /// Writes one change, if what stands is as it was when that was decided; whether the directory answered.
    pub(super) async fn write(&self, hub: &HubId, snapshot: &Snapshot, tidy: Tidy) -> bool {
        let write = match &tidy {
            Tidy::Over { user, on } => user_key(user).map(|key| Write::delete(key, *on)),
            Tidy::Found(user) => {
                let now =
                    snapshot.knowledge.clock.map(|known| known.time_at(clock::now())).unwrap_or_default();
                let found = found(user, hub, now);
                user_key(user).and_then(|key| Write::set(key, snapshot.exceptions.epoch_of(user), &found))
            }
        };
        let Some(write) = write else { return true };
        match (self.writer.write(&write, WITHIN).await, tidy) {
            (Wrote::Stands(_), Tidy::Found(user)) => {
                let text = format!(
                    "user `{user}` was found with a server at `{hub}`, away from home: they stay there"
                );
                info!(hub.id = %hub, user = %user, "{text}");
                self.board.events.note("found", Some(hub), Some(user.as_str()), text);
            }
            (Wrote::Stands(_), Tidy::Over { user, .. }) => {
                info!(hub.id = %hub, user = %user, "user `{user}` needs no record at `{hub}` any more: placement decides");
            }
            (Wrote::Conflict(_), _) => {}
            (Wrote::Unknown(_) | Wrote::Unreachable(_), _) => return false,
        }
        true
    }

    async fn stop(&self, hub: &HubId, user: &UserName, server: &str) {
        match self.calls.stop_server(user, server, WITHIN * 2).await {
            Ok(()) => {
                let text = format!(
                    "the idle server of `{user}` at `{hub}` is stopped: the drain's deadline is over"
                );
                info!(hub.id = %hub, user = %user, "{text}");
                self.board.events.note("idle_stopped", Some(hub), Some(user.as_str()), text);
            }
            Err(error) => warn!(hub.id = %hub, user = %user, %error, "an idle server is not stopped"),
        }
    }
}

fn found(user: &UserName, hub: &HubId, now: StoreTime) -> Assignment {
    Assignment {
        user: user.clone(),
        hub: hub.clone(),
        cause: Cause::Found,
        epoch: Epoch::default(),
        since: now,
        last_start: None,
        provisional_until: None,
    }
}

/// Whether the user is known to have a server at another hub.
pub(super) fn seen_elsewhere(snapshot: &Snapshot, board: &Board, here: &HubId, user: &UserName) -> bool {
    let now = clock::now();
    snapshot
        .hubs
        .iter()
        .map(|view| &view.hub.id)
        .filter(|hub| *hub != here)
        .any(|hub| board.census.presence(hub, user, super::census::moment(snapshot, hub, now)).is_seen())
}

/// The drain by which idle servers of `hub` are stopped now, and since when its users start elsewhere.
fn stops_idle<'a>(snapshot: &'a Snapshot, hub: &HubId, now: StoreTime) -> Option<(&'a Word, StoreTime)> {
    let record = snapshot.exceptions.hub(hub)?;
    let word = record.word.as_ref().filter(|word| word.intent == Intent::Draining)?;
    let Starts::Elsewhere { since: opened, .. } = record.starts else { return None };
    let is_over = word.deadline.is_some_and(|deadline| now >= deadline);
    (is_over && word.at_deadline == AtDeadline::StopIdle).then_some((word, opened))
}

/// Servers that a drain stops now: its deadline is over, and they had no activity for as long as it says.
fn overdue(
    snapshot: &Snapshot,
    hub: &HubId,
    users: &BTreeMap<UserName, ActiveUser>,
    now: StoreTime,
) -> Vec<(UserName, String)> {
    let Some((word, opened)) = stops_idle(snapshot, hub, now) else { return Vec::new() };
    let idle = |last: Option<SystemTime>| {
        // One that was never used began before its hub was closed, at the latest.
        let last = last.map_or(opened, store_time);
        now.since(last) >= Duration::from_millis(word.idle_for)
    };
    let servers = users
        .iter()
        .flat_map(|(user, active)| active.servers.iter().map(move |(name, server)| (user, name, server)));
    servers
        .filter(|(_, _, server)| server.state == ServerState::Ready && idle(server.last_activity))
        .map(|(user, name, _)| (user.clone(), name.clone()))
        .collect()
}

fn store_time(at: SystemTime) -> StoreTime {
    StoreTime::from_millis(millis(at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default()))
}

impl CensusRecord {
    /// A hub's own word, for the other replicas.
    #[must_use]
    pub fn of(news: &Authority, clock: &Clock) -> Self {
        let last = news
            .users
            .values()
            .flat_map(|active| active.servers.values())
            .filter_map(|server| server.last_activity);
        Self {
            asked_at: clock.time_at(news.asked.at),
            answered_at: clock.time_at(news.asked.answered_at),
            idle_since: last.min().map(store_time),
            users: news
                .users
                .iter()
                .map(|(user, active)| {
                    let servers = servers(active);
                    (user.to_string(), (servers.running, servers.pending))
                })
                .collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use hubrouter_hub_adapter::census::Server;
    use hubrouter_hub_adapter::names::NameRule;

    use super::*;
    use crate::core::life::records::HubRecord;
    use crate::core::sketch_tests::{at, recorded, snapshot};

    /// Servers by how many seconds ago they were used, at 1,000 s.
    fn users(used: &[(&str, Option<u64>, ServerState)]) -> BTreeMap<UserName, ActiveUser> {
        let server = |(name, ago, state): &(&str, Option<u64>, ServerState)| {
            let last_activity = ago.map(|ago| SystemTime::UNIX_EPOCH + Duration::from_secs(1000 - ago));
            let servers = [(String::new(), Server { state: *state, last_activity })].into();
            let user = UserName::canonical(name, NameRule::Lower).unwrap();
            (user, ActiveUser { servers, last_activity })
        };
        used.iter().map(server).collect()
    }

    /// Whose servers are stopped at 1,000 s by a drain that stops what has been idle for 100 s, changed like this.
    fn stopped(records: &[&str], change: impl Fn(&mut Word)) -> Vec<String> {
        let mut snapshot = recorded(snapshot("a shared token, s standby shared token", "{}"), records);
        let id: HubId = "a".parse().unwrap();
        let mut record: HubRecord = (**snapshot.exceptions.hub(&id).unwrap()).clone();
        if let Some(word) = &mut record.word {
            (word.deadline, word.at_deadline, word.idle_for) = (Some(at(900)), AtDeadline::StopIdle, 100_000);
            change(word);
        }
        Arc::make_mut(&mut snapshot.exceptions).set_hub(&id, Some(record));
        let there = users(&[
            ("busy", Some(99), ServerState::Ready),
            ("idle", Some(100), ServerState::Ready),
            ("never", None, ServerState::Ready),
            ("pending", Some(500), ServerState::Pending),
        ]);
        overdue(&snapshot, &id, &there, at(1000)).into_iter().map(|(user, _)| user.to_string()).collect()
    }

    const OPEN: [&str; 2] = ["a draining", "a open everybody drain"];

    #[test]
    fn at_the_deadline_of_a_drain_servers_without_activity_are_stopped_and_no_others() {
        assert_eq!(stopped(&OPEN, |_| ()), ["idle", "never"]);
    }

    #[test]
    fn a_server_that_was_never_used_counts_from_when_nobody_could_start_there_any_more() {
        let all_but = |idle_for| stopped(&OPEN, |word| word.idle_for = idle_for);
        assert_eq!(all_but(950_000), ["never"], "open since 50 s");
        assert_eq!(all_but(950_001), Vec::<String>::new());
    }

    #[test]
    fn nobody_is_stopped_before_the_deadline_without_one_or_where_the_operator_waits() {
        let none = Vec::<String>::new();
        assert_eq!(stopped(&OPEN, |word| word.deadline = Some(at(1001))), none);
        assert_eq!(stopped(&OPEN, |word| word.deadline = None), none);
        assert_eq!(stopped(&OPEN, |word| word.at_deadline = AtDeadline::Wait), none);
        assert_eq!(
            stopped(&["a draining", "a closed everybody drain"], |_| ()),
            none,
            "they could not go on"
        );
        assert_eq!(stopped(&["a maintenance", "a open everybody maintenance"], |_| ()), none);
        assert_eq!(stopped(&["a open everybody failover"], |_| ()), none);
    }
}
