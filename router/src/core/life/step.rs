//! What happens to a hub: one event in, the next life and the effects that it wants out.
//!
//! "There is no leader. Every replica runs the controller; whoever has the evidence writes by compare-and-set on the record's
//! epoch, and losers obey". So nothing here changes the shared record: [`Effect::Write`] proposes the next one, and the
//! record that then stands, ours or another replica's, comes back as [`HubEvent::Stands`]. Whatever is still wanted is
//! proposed again.
//!
//! Begin reading at [`step`]; the rules stand in `outage` (what the planes do), `gate` (close, wait, open) and `operate`
//! (what operators say).

#[cfg(test)]
mod asked_tests;
mod event;
#[cfg(test)]
mod failover_tests;
mod gate;
mod operate;
#[cfg(test)]
mod operator_tests;
mod outage;
#[cfg(test)]
mod property_tests;
#[cfg(test)]
mod return_tests;

use hubrouter_config::Intent;

use super::hub_life::{Closing, HubLife};
use super::records::{AtDeadline, HubRecord, Starts};
use super::time::StoreTime;
use super::votes::agree;
use crate::core::health::Plane;

pub use event::{Change, Effect, HubEvent, Order, Refusal, Report, Verb};

/// The next life of a hub after one event, and what has to be done.
///
/// `now` is the store's: "timers in the store's time". After every event all rules are looked at, so a timer needs no
/// event of its own kind: [`HubEvent::Due`] is enough.
#[must_use]
pub fn step(mut life: HubLife, event: HubEvent, now: StoreTime) -> (HubLife, Vec<Effect>) {
    let mut effects = Vec::new();
    let ordered = match take(&mut life, event, now) {
        Taken::Evidence => None,
        Taken::Setback => return (life, effects),
        Taken::Order(order) => match operate::operate(&life, order, now) {
            Ok(draft) => Some(draft),
            Err(refusal) => {
                effects.push(Effect::Refuse(refusal));
                None
            }
        },
    };
    if !life.read {
        return (life, effects);
    }
    let by_operator = ordered.is_some();
    let mut draft = Draft { record: life.record.clone(), changes: Vec::new() };
    if let Some((record, change)) = ordered {
        draft = Draft { record, changes: vec![change] };
    }
    settle(&mut life, &mut draft, now, &mut effects);
    if draft.record != life.record && (by_operator || life.asked.writing != Some(life.record.epoch)) {
        life.asked.writing = Some(life.record.epoch);
        effects.insert(
            0,
            Effect::Write { on: life.record.epoch, record: Box::new(draft.record), changes: draft.changes },
        );
    }
    (life, effects)
}

/// The record that is wanted next, and what it changes.
struct Draft {
    record: HubRecord,
    changes: Vec<Change>,
}

/// What an event brought.
enum Taken {
    Evidence,
    Order(Order),
    /// What is wanted is proposed again when time has passed: at once would be as fast as the store can fail.
    Setback,
}

fn take(life: &mut HubLife, event: HubEvent, now: StoreTime) -> Taken {
    match event {
        HubEvent::Stands(record) => stands(life, *record, now),
        HubEvent::WriteUnknown { on } => {
            if life.asked.writing == Some(on) {
                life.asked.writing = None;
            }
            return Taken::Setback;
        }
        HubEvent::Votes { asked_at, heartbeats } => {
            life.agreed_at = asked_at;
            for plane in [Plane::Proxy, Plane::Hub] {
                let agreed = agree(&heartbeats, &life.record.hub, plane, &life.policy.times, now).verdict;
                agreed_on(life, plane, agreed);
            }
        }
        HubEvent::Agreed { plane, verdict } => {
            life.agreed_at = now;
            agreed_on(life, plane, Some(verdict));
        }
        HubEvent::Due => {}
        HubEvent::Spawning(spawning) => (life.spawning, life.judged) = (spawning, true),
        HubEvent::Census { answered_at } => life.census = life.census.max(Some(answered_at)),
        HubEvent::Heard { asked_at, heard } => (life.heard, life.heard_at) = (heard, asked_at),
        HubEvent::Overloaded(overloaded) => life.overloaded = overloaded,
        HubEvent::ClockJumped => {
            life.asked.closed = life.asked.closed.map(|closed| Closing { seen: now, jumped: true, ..closed });
        }
        HubEvent::Fleet(fleet) => life.fleet = fleet,
        HubEvent::Reloaded(policy) => {
            life.policy = *policy;
            life.asked.reloaded = true;
        }
        HubEvent::RunningSecured { securing, users } => {
            // What was asked for before is of no use any more, and must not hide what was asked for since.
            if life.asked.securing == Some(securing) {
                life.asked.secured = Some((securing, users));
            }
        }
        HubEvent::SecuringEnded(securing) => {
            if life.asked.securing == Some(securing) {
                life.asked.securing = None;
            }
        }
        HubEvent::StaleStopped { gone } => life.asked.gone.extend(gone),
        HubEvent::Operator { verb, who, why } => return Taken::Order(Order { verb, who, why }),
    }
    Taken::Evidence
}

/// Without a vote what was agreed before stands.
fn agreed_on(life: &mut HubLife, plane: Plane, agreed: Option<super::votes::Agreed>) {
    let Some(agreed) = agreed else { return };
    match plane {
        Plane::Proxy => life.proxy = Some(agreed),
        Plane::Hub => life.hub = Some(agreed),
    }
}

/// The record as it stands in the store. An older one than we know came late.
fn stands(life: &mut HubLife, record: HubRecord, now: StoreTime) {
    if life.read && record.epoch < life.record.epoch {
        return;
    }
    if record.epoch > life.record.epoch {
        life.asked.writing = None;
    }
    match (record.starts, life.asked.closed) {
        (Starts::Closed { since, .. }, Some(closed)) if closed.since == since => {}
        (Starts::Closed { since, .. }, _) => {
            let jumped = since.is_of_another_clock(now, &life.policy.times);
            life.asked.closed = Some(Closing { since, seen: now, jumped });
        }
        (Starts::Here | Starts::Elsewhere { .. } | Starts::Unknown, _) => life.asked.closed = None,
    }
    life.read = true;
    life.record = record;
}

/// Looks at every rule and puts what is wanted into the draft.
fn settle(life: &mut HubLife, draft: &mut Draft, now: StoreTime, effects: &mut Vec<Effect>) {
    word_ends(life, draft);
    outage::settle(life, draft, now, effects);
    gate::settle(life, draft, now, effects);
    stop_idle(life, draft, now, effects);
    let intent = |record: &HubRecord| record.intent(life.policy.configured);
    let (before, after) = (&life.record, &draft.record);
    let moved =
        before.starts != after.starts || before.outage != after.outage || intent(before) != intent(after);
    if moved {
        draft.record.changed_at = now;
    }
}

/// "The operator's word holds until `resume`, or until a reload *changes* that hub's `intent` key". Start-up is the first
/// reload.
fn word_ends(life: &mut HubLife, draft: &mut Draft) {
    if !life.asked.reloaded {
        return;
    }
    match &draft.record.word {
        Some(word) if word.configured != life.policy.configured => {
            draft.record.word = None;
            draft.changes.push(Change::WordEnded);
        }
        // It stays due until the record shows that it is done, so that a lost write is made good.
        Some(_) | None => life.asked.reloaded = false,
    }
}

/// "At the deadline `wait | stop-idle` through the hub's API": once per drain. `wait` never ends by itself.
fn stop_idle(life: &mut HubLife, draft: &Draft, now: StoreTime, effects: &mut Vec<Effect>) {
    let Some(word) = &draft.record.word else { return };
    let overdue = word.deadline.is_some_and(|deadline| now >= deadline);
    let open = match draft.record.starts {
        Starts::Elsewhere { .. } => true,
        Starts::Here | Starts::Closed { .. } | Starts::Unknown => false,
    };
    if word.intent == Intent::Draining
        && word.at_deadline == AtDeadline::StopIdle
        && overdue
        && open
        && life.asked.stopping_idle != Some(word.since)
    {
        life.asked.stopping_idle = Some(word.since);
        effects.push(Effect::StopIdle);
    }
}
