//! What the planes do: an outage begins and ends, a failover falls due, a hub that returned opens again.
//!
//! Only the agreed view counts here. Where the hub's starts then go is `gate`'s.

use std::collections::BTreeSet;

use hubrouter_hub_adapter::names::UserName;

use super::Draft;
use super::event::{Change, Effect};
use crate::core::health::Plane;
use crate::core::life::hub_life::{HubLife, Securing};
use crate::core::life::records::{FailedOver, HubRecord, Outage};
use crate::core::life::time::{FAILBACK_AT_MOST, STALE_PATIENCE, StoreTime};
use crate::core::life::votes::Agreed;

pub(super) fn settle(life: &mut HubLife, draft: &mut Draft, now: StoreTime, effects: &mut Vec<Effect>) {
    let before = life.record.outage.unwrap_or_default();
    let counts = |verdict: Option<Agreed>| verdict.filter(|_| is_counted_since(life, now));
    let after =
        Outage { proxy: agreed(counts(life.proxy), before.proxy), hub: agreed(counts(life.hub), before.hub) };
    for (plane, was, is) in [(Plane::Proxy, before.proxy, after.proxy), (Plane::Hub, before.hub, after.hub)] {
        match (was, is) {
            (None, Some(_)) => draft.changes.push(Change::OutageBegan(plane)),
            (Some(_), None) => draft.changes.push(Change::OutageEnded(plane)),
            (None, None) | (Some(_), Some(_)) => {}
        }
    }
    draft.record.outage = after.first().map(|_| after);
    match (before.first(), after.first()) {
        (Some(first), None) => returned(life, draft, first, now, effects),
        (None, Some(_)) => draft.record.healthy_since = None,
        (None, None) | (Some(_), Some(_)) => {}
    }
    move_stuck_users(life, draft, now, effects);
    stop_stale(life, draft, effects);
    fail_back(life, draft, now);
}

/// Whether the votes were counted since the record changed. Replicas read heartbeats at different moments: one that has not
/// yet read those by which another began or ended an outage would undo it, be undone, and so on as fast as both can write.
fn is_counted_since(life: &HubLife, now: StoreTime) -> bool {
    let changed = life.record.changed_at;
    life.agreed_at >= changed || changed.is_of_another_clock(now, &life.policy.times)
}

/// The first failed probe of an outage stays what was written first; without a vote the record stands.
fn agreed(verdict: Option<Agreed>, recorded: Option<StoreTime>) -> Option<StoreTime> {
    match verdict {
        None => recorded,
        Some(Agreed::Up | Agreed::Slow) => None,
        Some(Agreed::Down { since }) => Some(recorded.unwrap_or(since)),
    }
}

/// Both planes answer again. Another outage of a hub that had already been failed over is a relapse, unless it was a restart.
fn returned(
    life: &mut HubLife,
    draft: &mut Draft,
    first: StoreTime,
    now: StoreTime,
    effects: &mut Vec<Effect>,
) {
    let record = &mut draft.record;
    record.healthy_since = Some(now);
    // Who was let go of may have started elsewhere: the act is carried out whole, and their old servers are stopped.
    let is_half_done =
        record.failed_over.is_some() && record.ordered.as_ref().is_some_and(|ordered| ordered.assume_stopped);
    if !is_half_done {
        record.ordered = None;
    }
    let again = record.failed_over.as_ref().is_some_and(|failed_over| first > failed_over.at);
    if again && now.since(first) >= life.policy.times.hold {
        record.relapses = record.relapses.saturating_add(1);
        draft.changes.push(Change::Relapsed);
    }
    ask_census(life, now, effects);
}

/// Asks the hub for its servers, once for each reason.
pub(super) fn ask_census(life: &mut HubLife, because: StoreTime, effects: &mut Vec<Effect>) {
    if life.policy.has_token && life.asked.census != Some(because) {
        life.asked.census = Some(because);
        effects.push(Effect::AskCensus);
    }
}

/// Writes a failover into the record. One soon after the last return is a relapse.
pub(super) fn fail_over(record: &mut HubRecord, by: Option<FailedOver>, now: StoreTime) -> Vec<Change> {
    let mut changes = vec![Change::FailedOver];
    let soon = record.failed_back_at.is_some_and(|back| now.since(back) < FAILBACK_AT_MOST);
    record.relapses = if soon { record.relapses.saturating_add(1) } else { 0 };
    if soon {
        changes.push(Change::Relapsed);
    }
    let automatic = FailedOver {
        at: now,
        epoch: record.epoch,
        who: None,
        why: String::new(),
        assume_stopped: false,
        moved: Vec::new(),
    };
    let epoch = record.epoch;
    record.failed_over = Some(by.map_or(automatic, |by| FailedOver { at: now, epoch, ..by }));
    record.ordered = None;
    // Servers that an earlier return left running are their users' own again.
    record.stale.clear();
    changes
}

/// A hub that was failed over keeps users who were known as running there; an operator's act moves them later.
/// Its starts are open already, so nothing has to be closed.
fn move_stuck_users(life: &mut HubLife, draft: &mut Draft, now: StoreTime, effects: &mut Vec<Effect>) {
    let record = &mut draft.record;
    let (Some(ordered), Some(failed_over)) = (&record.ordered, &mut record.failed_over) else { return };
    let securing = Securing { since: ordered.at, assume_stopped: ordered.assume_stopped };
    match secured(life, securing, effects) {
        None => {}
        Some(users) => {
            let moved = together(failed_over.moved.clone(), together(ordered.moved.clone(), users));
            *failed_over =
                FailedOver { at: failed_over.at, epoch: failed_over.epoch, moved, ..ordered.clone() };
            record.ordered = None;
            record.changed_at = now;
            draft.changes.push(Change::StuckMoved);
        }
    }
}

/// All of both, each once.
pub(super) fn together(mut these: Vec<UserName>, those: Vec<UserName>) -> Vec<UserName> {
    let known: BTreeSet<UserName> = these.iter().cloned().collect();
    these.extend(those.into_iter().filter(|user| !known.contains(user)));
    these
}

/// Whether users known as running got their assignments: these. Asks for it once.
pub(super) fn secured(
    life: &mut HubLife,
    securing: Securing,
    effects: &mut Vec<Effect>,
) -> Option<Vec<UserName>> {
    if life.asked.securing != Some(securing) {
        life.asked.securing = Some(securing);
        life.asked.secured = None;
        effects.push(Effect::SecureRunning(securing));
    }
    life.asked.secured.as_ref().map(|(_, users)| users.clone())
}

/// "When the hub comes back, servers of exactly these users there are ... with `failover.stop_stale: true` stopped through its
/// API before that hub's record opens".
fn stop_stale(life: &mut HubLife, draft: &mut Draft, effects: &mut Vec<Effect>) {
    let record = &mut draft.record;
    let (Some(failed_over), Some(healthy)) = (&mut record.failed_over, record.healthy_since) else {
        // Who was gone in an earlier return may be there in the next.
        life.asked.gone.clear();
        return;
    };
    // Each is listed once, among the moved until the hub returns and among the stale from then on: the lists are long.
    for user in std::mem::take(&mut failed_over.moved) {
        if !record.stale.contains(&user) {
            record.stale.push(user);
        }
    }
    if record.stale.is_empty() {
        life.asked.stopping = None;
    }
    let before = record.stale.len();
    record.stale.retain(|user| !life.asked.gone.contains(user));
    if record.stale.len() < before {
        // It stays due until the record shows it, so that a lost write is made good.
        draft.changes.push(Change::StaleStopped);
    } else {
        life.asked.gone.clear();
    }
    // They are listed before any is stopped.
    let listed = !record.stale.is_empty() && life.record.stale == record.stale;
    if life.policy.stop_stale && listed && life.asked.stopping != Some(healthy) {
        life.asked.stopping = Some(healthy);
        effects.push(Effect::StopStale { users: record.stale.clone() });
    }
}

/// "The home healthy for `failback_after` (10 m, doubling per relapse, 2 h at most)" and its stale servers gone: "after 10 m it
/// opens for everybody else". Whether one user may come home is for their assignment to say.
fn fail_back(life: &HubLife, draft: &mut Draft, now: StoreTime) {
    let record = &mut draft.record;
    let (Some(_), Some(healthy)) = (&record.failed_over, record.healthy_since) else { return };
    let healthy_for = now.since(healthy);
    let stale_gone = record.stale.is_empty() || !life.policy.stop_stale || healthy_for >= STALE_PATIENCE;
    if healthy_for >= life.policy.times.failback(record.relapses) && stale_gone {
        record.failed_over = None;
        record.failed_back_at = Some(now);
        draft.changes.push(Change::FailedBack);
    }
}
