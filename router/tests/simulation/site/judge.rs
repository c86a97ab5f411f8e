//! What has to hold after every step, and when all is well again.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use hubrouter::control::clock;
use hubrouter::core::life::claim::Identity;
use hubrouter::core::life::records::{Epoch, Starts};
use hubrouter::core::moment::Moment;
use hubrouter::core::snapshot::Snapshot;
use hubrouter::core::starting::{Claiming, StartPlan, Starter, is_calm, start_of};

use hubrouter_config::HubId;

use super::super::faults::Schedule;
use super::super::hubs::Row;
use super::super::truth::Truth;
use super::Fleet;
use super::fast::acted;
use super::operator::person;
use super::reach::most_reach;

/// Looks at all processes, and remembers what it has looked at.
#[derive(Default)]
pub struct Judge {
    schedule: Schedule,
    seen: BTreeMap<usize, u64>,
    /// The last failover of each hub that was judged.
    failed_over: BTreeMap<HubId, Epoch>,
    looks: u64,
    records: BTreeMap<String, String>,
}

impl Judge {
    pub fn of(schedule: Schedule) -> Self {
        Self { schedule, ..Self::default() }
    }

    /// One step.
    pub fn look(&mut self, fleet: &Fleet) {
        self.looks += 1;
        let mut truth = fleet.truth.lock().unwrap();
        truth.step();
        self.tell_rows(fleet, &truth);
        let processes = fleet.processes();
        for process in &processes {
            let live = process.live.load();
            let snapshot = &live.snapshot;
            let number = snapshot.number;
            if self.seen.insert(process.number, number) == Some(number)
                || snapshot.knowledge.in_step.is_none()
            {
                continue;
            }
            acted(snapshot, &truth).iter().for_each(|user| truth.excuse(user));
            for user in (0..fleet.layout.people).map(person) {
                match snapshot.whereabouts(&user) {
                    // Neither at home nor recorded: the replica knows of no server that its picture could follow or leave.
                    Some(place) if place.assignment.is_none() && snapshot.home(&user) != Some(place.at) => {
                        truth.guesses(process.party(), &user, snapshot.id(place.at));
                    }
                    Some(place) => truth.owner(process.party(), &user, snapshot.id(place.at)),
                    None => {}
                }
            }
            self.failovers(fleet, snapshot, &mut truth);
            self.tell(fleet, process.number, snapshot);
        }
        if !self.looks.is_multiple_of(5) {
            return;
        }
        let lives: Vec<_> =
            processes.iter().map(|process| (process.party(), process.live.load_full())).collect();
        for (at, (party, live)) in lives.iter().enumerate() {
            let moment = live.snapshot.knowledge.at(clock::now(), &live.snapshot.times);
            let inputs = inputs(&live.snapshot, &moment);
            for (other, other_live) in &lives[at + 1..] {
                if inputs != self::inputs(&other_live.snapshot, &moment) {
                    continue;
                }
                for user in (0..fleet.layout.people).map(person) {
                    let decides = |snapshot: &Snapshot| {
                        let starter = Starter {
                            user: user.clone(),
                            identity: Identity::Proven,
                            chosen: None,
                            trial: false,
                        };
                        let plan = start_of(snapshot, &starter, &moment).map(without_reason);
                        (snapshot.owner(&user), plan)
                    };
                    let answers =
                        [(*party, decides(&live.snapshot)), (*other, decides(&other_live.snapshot))];
                    truth.agree(user.as_str(), &answers);
                }
            }
        }
    }

    /// Each failover is judged once: when somebody first sees it.
    fn failovers(&mut self, fleet: &Fleet, snapshot: &Snapshot, truth: &mut Truth) {
        for (number, view) in snapshot.hubs.iter().enumerate() {
            let Some(failed_over) = view.record.failed_over.as_ref() else { continue };
            let before = self.failed_over.insert(view.hub.id.clone(), failed_over.epoch);
            let is_new = before.is_none_or(|before| before < failed_over.epoch);
            if is_new
                && failed_over.who.is_none()
                && most_reach(&self.schedule, fleet.layout.replicas, number, fleet.began.elapsed())
            {
                truth.needless(&view.hub.id);
            }
        }
    }

    /// Says what changed in the hubs' databases, for whoever looks into one seed.
    fn tell_rows(&mut self, fleet: &Fleet, truth: &Truth) {
        fleet.say_if(|| {
            let everybody = truth.everybody();
            let rows = (0..fleet.layout.people).map(person).map(|user| {
                let rows = everybody.get(&user).into_iter().flatten();
                let rows: Vec<String> = rows.map(|(hub, row)| format!("{hub} {row}")).collect();
                (format!("row of {user}"), rows.join(", "))
            });
            rows.filter_map(|(key, now)| {
                let before = self.records.insert(key.clone(), now.clone());
                (before.as_ref() != Some(&now)).then(|| format!("{key}: {now}"))
            })
            .collect()
        });
    }

    /// Says what changed in the records, for whoever looks into one seed.
    fn tell(&mut self, fleet: &Fleet, number: usize, snapshot: &Snapshot) {
        fleet.say_if(|| {
            let mut lines = Vec::new();
            let mut note = |key: String, now: String| {
                let before = self.records.insert(key.clone(), now.clone());
                if before.as_ref() != Some(&now) {
                    lines.push(format!("{key}: {now}"));
                }
            };
            for user in (0..fleet.layout.people).map(person) {
                let stands = snapshot.exceptions.assignment(&user).map(|stands| {
                    format!(
                        "{} {} {} last {:?}",
                        stands.hub,
                        stands.cause.label(),
                        stands.epoch,
                        stands.last_start
                    )
                });
                note(format!("replica {number}: {user}"), stands.unwrap_or_default());
            }
            for view in &snapshot.hubs {
                let record = &view.record;
                let word = record.word.as_ref().map(|word| word.intent);
                let text = format!(
                    "{:?} {:?} word {word:?} starts {:?} outage {:?} failed over {} spawning {:?}",
                    view.health.proxy.verdict,
                    view.health.hub.verdict,
                    record.starts,
                    record.outage,
                    record.failed_over.is_some(),
                    view.spawning
                );
                note(format!("replica {number}: hub {}", view.hub.id), text);
            }
            lines
        });
    }
}

/// Of two reasons to claim, each replica names the one that it knows of.
fn without_reason(plan: StartPlan) -> StartPlan {
    match plan {
        StartPlan::Claim(claiming) => StartPlan::Claim(Box::new(Claiming { because: None, ..*claiming })),
        plan => plan,
    }
}

/// All that replicas decide by, but for the clock.
fn inputs(snapshot: &Snapshot, moment: &Moment) -> String {
    let mut text = String::new();
    let exceptions = &snapshot.exceptions;
    let mut all: Vec<_> =
        exceptions.assignments().map(|stands| (stands.user.as_str(), stands.epoch)).collect();
    all.sort_unstable();
    let _ = write!(text, "{all:?} {:?} {:?}", exceptions.placement_epoch(), snapshot.knowledge.behind);
    for (index, view) in snapshot.indices().zip(&snapshot.hubs) {
        let (hub, health, record) = (&view.hub, &view.health, view.record.epoch);
        // Whether the replica has seen it up without a break for as long as the store is silent.
        let last = health.hub.last_failure.as_ref().map(|failure| failure.at);
        let broke =
            moment.silent_for.map(|_| last.zip(moment.heard).is_some_and(|(last, heard)| last >= heard));
        let _ = write!(
            text,
            "; {} {:?} {:?} {:?} {:?} {:?} {record} {} {broke:?}",
            hub.id,
            hub.weight,
            hub.intent,
            health.proxy.verdict,
            health.hub.verdict,
            view.spawning,
            is_calm(snapshot, index, moment)
        );
    }
    text
}

impl Fleet {
    fn say_if(&self, lines: impl FnOnce() -> Vec<String>) {
        if self.aloud {
            for line in lines() {
                self.say(|| line);
            }
        }
    }

    /// Why not everything is as it was before anything went wrong; none: it is.
    pub fn unsettled(&self) -> Option<String> {
        let processes = self.processes();
        if processes.len() < self.layout.replicas {
            return Some("a process is missing".to_owned());
        }
        for (user, rows) in self.truth.lock().unwrap().everybody() {
            let [(hub, row)] = rows.as_slice() else { return Some(format!("{user} has two servers")) };
            let away = processes.iter().any(|process| {
                let snapshot = &process.live.load().snapshot;
                snapshot.home(&user).map(|home| snapshot.id(home)) != Some(hub)
            });
            if *row != Row::Running || away {
                return Some(format!("{user} has a server at {hub} ({row})"));
            }
        }
        for process in processes {
            let party = process.party();
            if process.has_ended() {
                return Some(format!("the control side of {party} ended"));
            }
            let live = process.live.load();
            let snapshot = &live.snapshot;
            let moment = snapshot.knowledge.at(clock::now(), &snapshot.times);
            for (index, view) in snapshot.indices().zip(&snapshot.hubs) {
                if view.record.starts != Starts::Here {
                    return Some(format!("{party}: starts of {}: {:?}", view.hub.id, view.record.starts));
                }
                if !is_calm(snapshot, index, &moment) {
                    return Some(format!("{party}: {} is not calm: {:?}", view.hub.id, view.health));
                }
            }
            let mut away: Vec<_> = snapshot
                .exceptions
                .assignments()
                .map(|stands| format!("{} at {} ({})", stands.user, stands.hub, stands.cause.label()))
                .collect();
            away.sort();
            if let Some(first) = away.first() {
                return Some(format!("{party}: {} assignments: {first}", away.len()));
            }
        }
        None
    }
}
