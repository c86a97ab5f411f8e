//! Where the hub's starts go: close, wait, open.
//!
//! What is wanted comes first, operators before health; then the record is brought there, never in one step from *here* to
//! *elsewhere*: "A record that sends starts off a hub first *closes* it and opens the candidates 10 s later by the store's
//! clock: by then every replica has read it, or its copy is too old to be calm."

use hubrouter_config::{Intent, Storage};
use hubrouter_hub_adapter::names::UserName;

use super::Draft;
use super::event::{Change, Effect, Report};
use super::outage::{ask_census, fail_over, secured, together};
use crate::core::life::guard::{Held, due_at, may_be_ordered, may_fail_over};
use crate::core::life::hub_life::{Closing, Heard, HubLife, Securing};
use crate::core::life::records::{Cause, FailedOver, HubRecord, Starts, Whom};
use crate::core::life::state::Spawning;
use crate::core::life::time::StoreTime;
use crate::core::life::votes::Agreed;

/// Whose starts are to go elsewhere, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Wanted {
    whom: Whom,
    cause: Cause,
}

pub(super) fn settle(life: &mut HubLife, draft: &mut Draft, now: StoreTime, effects: &mut Vec<Effect>) {
    let failover = failover(life, &draft.record, now);
    tell(life, &failover, effects);
    let wanted = wanted(life, &draft.record, &failover);
    match (draft.record.starts, wanted) {
        // A newer release closed it in a way that we do not know: it is not ours to open.
        (Starts::Unknown, _) | (Starts::Here, None) => {}
        (Starts::Closed { .. } | Starts::Elsewhere { .. }, None) => {
            if may_undo(life, draft, now) {
                draft.record.starts = Starts::Here;
                draft.changes.push(Change::OpenedAgain);
            }
        }
        (Starts::Here, Some(wanted)) => close(draft, wanted, now),
        (Starts::Closed { whom, .. } | Starts::Elsewhere { whom, .. }, Some(wanted))
            if wanted.whom > whom =>
        {
            close(draft, wanted, now);
        }
        (Starts::Closed { since, whom, cause }, Some(wanted)) => {
            if (whom, cause) != (wanted.whom, wanted.cause) && may_undo(life, draft, now) {
                draft.record.starts = Starts::Closed { since, whom: wanted.whom, cause: wanted.cause };
                draft.changes.push(Change::StartsNarrowed);
            }
            open(life, draft, wanted, &failover, now, effects);
        }
        (Starts::Elsewhere { since, whom, cause }, Some(wanted)) => {
            if (whom, cause) != (wanted.whom, wanted.cause) && may_undo(life, draft, now) {
                draft.record.starts = Starts::Elsewhere { since, whom: wanted.whom, cause: wanted.cause };
                draft.changes.push(Change::StartsNarrowed);
            }
            if failover == Failover::Go && whom == Whom::Everybody {
                fail_over_open_hub(life, draft, effects, now);
            }
        }
    }
}

/// Whether starts may be let in again, or for another reason. What all replicas read in the record decides at once; what only one
/// of them knows, as a configuration that the others have not read yet, undoes nothing that changed a moment ago: each would undo
/// the other's work as fast as both can write.
fn may_undo(life: &HubLife, draft: &Draft, now: StoreTime) -> bool {
    let (before, after) = (&life.record, &draft.record);
    if before.word != after.word {
        return true;
    }
    let can_judge = match before.starts {
        Starts::Closed { cause, .. } | Starts::Elsewhere { cause, .. } => life.can_judge(cause),
        Starts::Here | Starts::Unknown => true,
    };
    if !can_judge {
        return false;
    }
    let said = before.outage != after.outage || before.failed_over != after.failed_over;
    let times = &life.policy.times;
    let changed = before.changed_at;
    said || now.since(changed) >= times.open_after || changed.is_of_another_clock(now, times)
}

/// Whether the hub has to be failed over.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Failover {
    /// Nothing asks for it.
    No,
    /// It is due and held.
    Held(Held),
    /// It is due, or ordered.
    Go,
}

fn failover(life: &HubLife, record: &HubRecord, now: StoreTime) -> Failover {
    let Some(outage) = record.outage.filter(|_| record.failed_over.is_none()) else { return Failover::No };
    let vanished = life.vanished(now);
    let evidence = life.evidence(&outage, &vanished);
    let times = &life.policy.times;
    let judged = match &record.ordered {
        Some(ordered) => may_be_ordered(&evidence, ordered.assume_stopped, times),
        None if due_at(&outage, times).is_some_and(|due| now >= due) => may_fail_over(&evidence, times),
        None => return Failover::No,
    };
    match judged {
        Ok(()) => Failover::Go,
        Err(held) => Failover::Held(held),
    }
}

/// "A freeze is an alert, names its evidence": told once, and once when it ends.
fn tell(life: &mut HubLife, failover: &Failover, effects: &mut Vec<Effect>) {
    let held = match failover {
        Failover::Held(held) => Some(held.clone()),
        Failover::No | Failover::Go => None,
    };
    if held == life.asked.told {
        return;
    }
    effects.push(Effect::Report(held.clone().map_or(Report::HeldNoMore, Report::Held)));
    life.asked.told = held;
}

/// What is wanted of the starts. Recovery never undoes a drain: intent is looked at before health.
fn wanted(life: &HubLife, record: &HubRecord, failover: &Failover) -> Option<Wanted> {
    let everybody = |cause| Some(Wanted { whom: Whom::Everybody, cause });
    let may_move = life.policy.has_token || record.word.as_ref().is_some_and(|word| word.forced);
    let intent = record.intent(life.policy.configured);
    match intent {
        Intent::Draining if may_move => return everybody(Cause::Drain),
        Intent::Maintenance if may_move => return everybody(Cause::Maintenance),
        Intent::Active | Intent::Cordoned | Intent::Draining | Intent::Maintenance => {}
    }
    // Only operators close a hub whose users have nowhere to go: nothing new starts there, and who runs is recorded.
    if life.policy.storage == Storage::Local {
        return None;
    }
    if record.failed_over.is_some() || *failover == Failover::Go {
        return everybody(Cause::Failover);
    }
    // A lesser reason moves nobody while there is nowhere to go: "answer as up/up".
    if !life.fleet.open_in_pool || !may_move {
        return None;
    }
    if life.spawning == Spawning::Failing {
        return everybody(Cause::SpawnFailing);
    }
    match (intent, life.hub) {
        (Intent::Cordoned, _) => Some(Wanted { whom: Whom::New, cause: Cause::Cordon }),
        (Intent::Active | Intent::Draining | Intent::Maintenance, Some(Agreed::Slow)) => {
            Some(Wanted { whom: Whom::New, cause: Cause::Slow })
        }
        (Intent::Active, _) if life.overloaded == Some(true) => {
            Some(Wanted { whom: Whom::New, cause: Cause::LoadBound })
        }
        (
            Intent::Active | Intent::Draining | Intent::Maintenance,
            Some(Agreed::Up | Agreed::Down { .. }) | None,
        ) => None,
    }
}

fn close(draft: &mut Draft, wanted: Wanted, now: StoreTime) {
    draft.record.starts = Starts::Closed { since: now, whom: wanted.whom, cause: wanted.cause };
    draft.changes.push(Change::StartsClosed);
}

/// The candidates open when every replica knows that the hub is closed, and who is known as running is assigned to it.
fn open(
    life: &mut HubLife,
    draft: &mut Draft,
    wanted: Wanted,
    failover: &Failover,
    now: StoreTime,
    effects: &mut Vec<Effect>,
) {
    let Starts::Closed { since, .. } = draft.record.starts else { return };
    let Some(opens_at) = opens_at(life, since).filter(|opens_at| now >= *opens_at) else { return };
    // "Its servers are lost" counts whatever else closed the hub: a drain, too, would wait for a word that never comes.
    let ordered = draft.record.ordered.as_ref().filter(|_| *failover == Failover::Go);
    let assume_stopped = ordered.is_some_and(|ordered| ordered.assume_stopped);
    let securing = Securing { since, assume_stopped };
    let Some(users) = running_secured(life, &draft.record, wanted, securing, opens_at, effects) else {
        return;
    };
    draft.record.starts = Starts::Elsewhere { since: now, whom: wanted.whom, cause: wanted.cause };
    draft.changes.push(Change::CandidatesOpened);
    if *failover == Failover::Go {
        note_failover(draft, users, now);
    }
}

/// 2 x `health.interval` after this replica has seen it closed: a write may reach the store late. But where a replica has not
/// read it since, "opening waits until `failover.after` from its last one: that is how long a replica may start
/// without the store". None while the heartbeats that we know are older than the closing: somebody may have joined.
///
/// A replica has read the closing when it has read what stood after the closing was seen there: by the writer's own instant it
/// may have read the store before the write came.
fn opens_at(life: &HubLife, since: StoreTime) -> Option<StoreTime> {
    let unseen = Closing { since, seen: since, jumped: false };
    let closing = life.asked.closed.filter(|closed| closed.since == since).unwrap_or(unseen);
    let stands_at = closing.stands_at();
    if life.heard_at < stands_at {
        return None;
    }
    let is_behind = |heard: &&Heard| heard.read < stands_at || (closing.jumped && heard.at > life.heard_at);
    let last_heard = |heard: &Heard| if closing.jumped { stands_at } else { heard.at.min(stands_at) };
    let behind = life.heard.iter().filter(is_behind);
    let last = behind.map(|heard| last_heard(heard).plus(life.policy.times.after)).max();
    Some(stands_at.plus(life.policy.times.open_after).max(last.unwrap_or_default()))
}

/// Whether everybody known as running has an assignment, and whom that concerned.
///
/// For everybody, not for new users only: then "no assignment there means idle", also when the hub falls silent later. A hub
/// without a token cannot be asked: there the operator insisted, and who was seen there is recorded.
fn running_secured(
    life: &mut HubLife,
    record: &HubRecord,
    wanted: Wanted,
    securing: Securing,
    opens_at: StoreTime,
    effects: &mut Vec<Effect>,
) -> Option<Vec<UserName>> {
    match wanted.whom {
        Whom::New => return Some(Vec::new()),
        Whom::Everybody => {}
    }
    // A failover was judged by its guards already.
    let is_judged = wanted.cause == Cause::Failover || securing.assume_stopped;
    if !is_judged && life.policy.has_token && !census_known(life, record, opens_at) {
        ask_census(life, opens_at, effects);
        return None;
    }
    secured(life, securing, effects)
}

/// A hub that answers has to tell who runs there when nobody can start anything there unasked any more: until then a replica
/// without the store may have. Of a hub plane that is down the last answer counts, if it was young enough at the first failed probe.
fn census_known(life: &HubLife, record: &HubRecord, opens_at: StoreTime) -> bool {
    let Some(asked) = life.census else { return false };
    match record.outage.and_then(|outage| outage.hub) {
        None => asked >= opens_at,
        Some(first_failed) => first_failed.since(asked) <= life.policy.times.max_age,
    }
}

/// A hub whose starts already go elsewhere fails: nothing is left to close.
fn fail_over_open_hub(life: &mut HubLife, draft: &mut Draft, effects: &mut Vec<Effect>, now: StoreTime) {
    let Some(first) = draft.record.outage.and_then(|outage| outage.first()) else { return };
    let assume_stopped = draft.record.ordered.as_ref().is_some_and(|ordered| ordered.assume_stopped);
    if let Some(users) = secured(life, Securing { since: first, assume_stopped }, effects) {
        note_failover(draft, users, now);
    }
}

fn note_failover(draft: &mut Draft, users: Vec<UserName>, now: StoreTime) {
    let by = draft.record.ordered.take().map(|ordered| {
        let moved = if ordered.assume_stopped { together(ordered.moved, users) } else { Vec::new() };
        FailedOver { moved, ..ordered }
    });
    draft.changes.extend(fail_over(&mut draft.record, by, now));
}
