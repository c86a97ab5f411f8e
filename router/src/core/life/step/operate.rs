//! What operators say, turned into the next record, or refused with a reason.
//!
//! Who may say it is the admin API's; whether a drain strands or overloads anybody is [`drain`](crate::core::life::drain)'s.

use hubrouter_config::Intent;

use super::event::{Change, Order, Refusal, Verb};
use crate::core::life::guard::may_be_ordered;
use crate::core::life::hub_life::HubLife;
use crate::core::life::records::{AtDeadline, FailedOver, HubRecord, Word};
use crate::core::life::time::{StoreTime, millis};

/// The record as the order wants it, on top of the one that stands.
pub(super) fn operate(life: &HubLife, order: Order, now: StoreTime) -> Result<(HubRecord, Change), Refusal> {
    if !life.read {
        return Err(Refusal::NotRead);
    }
    let Order { verb, who, why } = order;
    let record = match verb {
        Verb::Cordon => word(life, Intent::Cordoned, false, who, why, now)?,
        Verb::Drain { deadline, at_deadline, idle_for, at_first, forced } => {
            let mut record = word(life, Intent::Draining, forced, who, why, now)?;
            if let Some(word) = &mut record.word {
                word.idle_for = millis(idle_for);
                word.at_first = at_first;
            }
            drain(life, deadline, at_deadline, record)
        }
        Verb::Maintenance { forced } => word(life, Intent::Maintenance, forced, who, why, now)?,
        Verb::Resume => resume(life, who, why, now)?,
        Verb::Abort => abort(life)?,
        Verb::Failover { assume_stopped } => failover(life, assume_stopped, who, why, now)?,
    };
    Ok((record, Change::Word(verb)))
}

/// A word that changes the intent. The second operator "sees what the first did".
fn word(
    life: &HubLife,
    intent: Intent,
    forced: bool,
    who: String,
    why: String,
    now: StoreTime,
) -> Result<HubRecord, Refusal> {
    if life.intent() == intent {
        let said = life.record.word.as_ref();
        let since = said.map_or(life.record.changed_at, |word| word.since);
        return Err(Refusal::Already { who: said.map(|word| word.who.clone()), since });
    }
    let moves_people = match intent {
        Intent::Draining | Intent::Maintenance => true,
        Intent::Active | Intent::Cordoned => false,
    };
    if moves_people && !life.policy.has_token && !forced {
        return Err(Refusal::NoToken);
    }
    let word = Word {
        intent,
        who,
        why,
        since: now,
        deadline: None,
        at_deadline: AtDeadline::Wait,
        idle_for: 0,
        at_first: (0, 0),
        forced,
        configured: life.policy.configured,
        before: None,
    };
    Ok(HubRecord { word: Some(word), ..life.record.clone() })
}

/// A drain remembers the word before it, for `abort`; not the one before that.
fn drain(
    life: &HubLife,
    deadline: Option<StoreTime>,
    at_deadline: AtDeadline,
    mut record: HubRecord,
) -> HubRecord {
    if let Some(word) = &mut record.word {
        let before = life.record.word.as_ref().map(|before| Word { before: None, ..before.clone() });
        word.deadline = deadline;
        word.at_deadline = at_deadline;
        word.before = before.map(Box::new);
    }
    record
}

/// Ordinary work again, also where the configuration wants something else.
fn resume(life: &HubLife, who: String, why: String, now: StoreTime) -> Result<HubRecord, Refusal> {
    match (&life.record.word, life.policy.configured) {
        (None, Intent::Active) => Err(Refusal::NothingToResume),
        (Some(_), Intent::Active) => Ok(HubRecord { word: None, ..life.record.clone() }),
        (_, Intent::Cordoned | Intent::Draining | Intent::Maintenance) => {
            word(life, Intent::Active, false, who, why, now)
        }
    }
}

/// "`abort` restores the state before at once".
fn abort(life: &HubLife) -> Result<HubRecord, Refusal> {
    match &life.record.word {
        Some(word) if word.intent == Intent::Draining => {
            let before = word.before.as_ref().map(|before| (**before).clone());
            Ok(HubRecord { word: before, ..life.record.clone() })
        }
        Some(_) | None => Err(Refusal::NothingToAbort),
    }
}

/// `failover HUB`: ends a freeze, and with `--assume-stopped` moves users known as running there, which takes a hub of which
/// no plane answers ("on a hub with both planes down").
fn failover(
    life: &HubLife,
    assume_stopped: bool,
    who: String,
    why: String,
    now: StoreTime,
) -> Result<HubRecord, Refusal> {
    let Some(outage) = life.record.outage else { return Err(Refusal::NotDown) };
    if assume_stopped && !outage.both() {
        return Err(Refusal::StillAnswers);
    }
    if let Some(ordered) = &life.record.ordered {
        return Err(Refusal::Already { who: ordered.who.clone(), since: ordered.at });
    }
    if life.record.failed_over.is_some() && !assume_stopped {
        return Err(Refusal::AlreadyFailedOver);
    }
    let vanished = life.vanished(now);
    may_be_ordered(&life.evidence(&outage, &vanished), assume_stopped, &life.policy.times)
        .map_err(Refusal::Held)?;
    let ordered = FailedOver {
        at: now,
        epoch: life.record.epoch,
        who: Some(who),
        why,
        assume_stopped,
        moved: Vec::new(),
    };
    Ok(HubRecord { ordered: Some(ordered), ..life.record.clone() })
}
