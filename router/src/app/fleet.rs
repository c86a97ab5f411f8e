//! What the operator's door says of what replicas share: records, replicas, placement, drains.

use std::time::{Duration, Instant};

use hubrouter_config::Directory as Settings;

use crate::admin::{
    DirectoryReport, DrainReport, FailoverReport, OutageReport, PlacementReport, ReplicaReport, StartsReport,
    WordReport,
};
use crate::control::board::{Board, Fleet};
use crate::control::census::moment;
use crate::core::life::drain::{DrainFacts, Eta, progress};
use crate::core::life::records::{FailedOver, HubRecord, Outage, Starts, Whom, Word};
use crate::core::life::time::StoreTime;
use crate::core::snapshot::{HubView, Snapshot};

/// Assignments to unknown hubs that are named.
const NAMED: usize = 10;

/// What the reports are made from.
pub(super) struct Shown<'a> {
    pub snapshot: &'a Snapshot,
    pub board: &'a Board,
    pub fleet: Fleet,
    pub now: Instant,
    /// The store's time; the beginning of time while it was never heard.
    pub store_now: StoreTime,
}

impl<'a> Shown<'a> {
    pub(super) fn new(snapshot: &'a Snapshot, board: &'a Board, now: Instant) -> Self {
        let store_now = snapshot.knowledge.clock.map(|clock| clock.time_at(now)).unwrap_or_default();
        Self { snapshot, board, fleet: board.fleet(), now, store_now }
    }

    fn ago(&self, at: StoreTime) -> u64 {
        self.store_now.since(at).as_secs()
    }

    pub(super) fn directory(&self) -> DirectoryReport {
        let exceptions = &self.snapshot.exceptions;
        let lost = || exceptions.assignments().filter(|stands| self.snapshot.find(&stands.hub).is_none());
        let mut named: Vec<String> =
            lost().map(|stands| format!("{} -> {}", stands.user, stands.hub)).collect();
        named.sort();
        named.truncate(NAMED);
        let age = |at: Option<Instant>| at.map(|at| self.now.saturating_duration_since(at).as_secs_f64());
        let knowledge = &self.snapshot.knowledge;
        let view = self.fleet.directory.as_ref();
        let moment = knowledge.at(self.now, &self.snapshot.times);
        DirectoryReport {
            kind: match self.snapshot.config.directory {
                Settings::Memory { .. } => "memory",
                Settings::Redis(_) => "redis",
            },
            read: view.is_some_and(|view| view.read),
            reachable: moment.now.is_some() && moment.silent_for.is_none(),
            heard_seconds_ago: age(knowledge.heard),
            copy_age_seconds: age(knowledge.in_step),
            behind: knowledge.behind,
            reason: view.and_then(|view| view.trouble.clone()),
            assignments: exceptions.count(),
            provisional: exceptions.provisional(),
            to_unknown_hubs_count: lost().count(),
            to_unknown_hubs: named,
            unreadable: view.map_or(0, |view| view.unreadable),
            rebuilding: self.fleet.rebuilding,
            not_asked: self.fleet.not_asked.clone(),
        }
    }

    pub(super) fn replicas(&self) -> Vec<ReplicaReport> {
        let mine = self.board.me();
        let own = self.fleet.replicas.iter().find(|replica| replica.id == mine);
        let report = |replica: &crate::control::board::Replica| ReplicaReport {
            id: replica.id.clone(),
            me: replica.id == mine,
            live: replica.live,
            heard_seconds_ago: self.ago(replica.at),
            read_seconds_ago: self.ago(replica.read),
            proposes_the_same: own.is_none_or(|own| own.proposes == replica.proposes),
        };
        self.fleet.replicas.iter().map(report).collect()
    }

    pub(super) fn placement(&self) -> PlacementReport {
        let record = self.snapshot.exceptions.placement();
        let hubs = |placed: &crate::core::life::records::ActivePlacement| {
            placed.hubs.iter().map(|placed| placed.id.clone()).collect()
        };
        PlacementReport {
            generation: record.map_or(0, |record| record.active.generation),
            hubs: record.map(|record| hubs(&record.active)).unwrap_or_default(),
            next: record.and_then(|record| record.next.as_ref()).map(|next| hubs(&next.placement)),
            waits: self.fleet.placement_waits.clone(),
        }
    }

    pub(super) fn word(&self, record: &HubRecord) -> Option<WordReport> {
        let word = record.word.as_ref()?;
        Some(WordReport {
            intent: word.intent,
            who: word.who.clone(),
            why: word.why.clone(),
            seconds_ago: self.ago(word.since),
        })
    }

    pub(super) fn starts(&self, record: &HubRecord) -> StartsReport {
        let whose = |whom| match whom {
            Whom::New => "new",
            Whom::Everybody => "everybody",
        };
        let (to, told) = match record.starts {
            Starts::Here => ("here", None),
            Starts::Unknown => ("unknown", None),
            Starts::Closed { since, whom, cause } => ("closed", Some((since, whom, cause))),
            Starts::Elsewhere { since, whom, cause } => ("elsewhere", Some((since, whom, cause))),
        };
        StartsReport {
            to,
            whom: told.map(|(_, whom, _)| whose(whom)),
            cause: told.map(|(_, _, cause)| cause.label()),
            since_seconds: told.map(|(since, _, _)| self.ago(since)),
        }
    }

    pub(super) fn outage(&self, record: &HubRecord) -> Option<OutageReport> {
        let Outage { proxy, hub } = record.outage?;
        let down = |since: Option<StoreTime>| since.map(|since| self.ago(since));
        Some(OutageReport { proxy_down_seconds: down(proxy), hub_down_seconds: down(hub) })
    }

    pub(super) fn failed_over(&self, record: &HubRecord) -> Option<FailoverReport> {
        let FailedOver { at, who, why, moved, .. } = record.failed_over.as_ref()?;
        let wait = self.snapshot.times.failback(record.relapses);
        let left =
            record.healthy_since.map(|since| wait.saturating_sub(self.store_now.since(since)).as_secs());
        Some(FailoverReport {
            seconds_ago: self.ago(*at),
            who: who.clone(),
            why: why.clone(),
            moved: moved.iter().map(ToString::to_string).collect(),
            failback_in_seconds: left,
            relapses: record.relapses,
        })
    }

    pub(super) fn drain(&self, view: &HubView, streams: usize) -> Option<DrainReport> {
        let record = &view.record;
        let word = record.word.as_ref().filter(|word| word.intent == hubrouter_config::Intent::Draining)?;
        let id = &view.hub.id;
        let seen = self.board.census.hub(id, moment(self.snapshot, id, self.now));
        let clock = self.snapshot.knowledge.clock;
        let moved = self.snapshot.exceptions.assignments().filter(|stands| {
            let home = self.snapshot.home(&stands.user).map(|home| self.snapshot.id(home));
            stands.hub != *id && home == Some(id) && stands.since >= word.since
        });
        let facts = DrainFacts {
            users: word.at_first.0,
            moved: moved.count(),
            running_at_first: word.at_first.1,
            running: seen.known.then(|| usize::try_from(seen.totals.users).unwrap_or(usize::MAX)),
            asked_at: clock
                .zip(seen.authority.and_then(|layer| layer.answered))
                .map(|(clock, at)| clock.time_at(at)),
            open_since: match record.starts {
                Starts::Elsewhere { since, .. } => Some(since),
                Starts::Here | Starts::Closed { .. } | Starts::Unknown => None,
            },
            idle_since: self.fleet.idle_since.get(id).copied(),
            streams,
        };
        Some(self.drain_report(word, &facts))
    }

    fn drain_report(&self, word: &Word, facts: &DrainFacts) -> DrainReport {
        let progress = progress(word, facts, self.store_now);
        let until = |at: StoreTime| at.since(self.store_now).as_secs();
        DrainReport {
            users: progress.users,
            moved: progress.moved,
            running: progress.running,
            idle_seconds: progress.idle_since.map(|since| self.ago(since)),
            age_seconds: progress.age.as_secs(),
            deadline_in_seconds: word.deadline.map(until),
            eta_seconds: match progress.eta {
                Eta::Drained => Some(Duration::ZERO.as_secs()),
                Eta::Deadline(at) | Eta::Estimate(at) => Some(until(at)),
                Eta::Unknown => None,
            },
            drained: progress.eta == Eta::Drained,
        }
    }
}
