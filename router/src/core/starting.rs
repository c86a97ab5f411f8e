//! Where a start goes: home unasked, by a claim, or nowhere yet.
//!
//! The tables say what the hub in question does with starts, calm says whether anybody has to be asked, and the claim is
//! prepared here. Carrying it out, and everything that waits, is the caller's.

use std::time::Duration;

use hubrouter_config::Storage;
use hubrouter_hub_adapter::names::UserName;

use super::health::HubPlane;
use super::life::calm::{CalmFacts, CopyOfStore, NotCalm, calm};
use super::life::candidates::Pool;
use super::life::claim::{ClaimFacts, HubAt, Identity, OwnerSays, Way, is_movable};
use super::life::reason::Reason;
use super::life::records::{Assignment, Cause, Epoch, Starts, Whom};
use super::life::state::{Gate, Situation, UserState};
use super::life::tables::{self, AskFirst, Page, Start};
use super::moment::Moment;
use super::snapshot::{HubIndex, HubView, Snapshot};
use super::whereabouts::Whereabouts;

/// A start that has to find its hub.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Starter {
    /// Whose server.
    pub user: UserName,
    /// How sure that is.
    pub identity: Identity,
    /// The hub that the person or script chose.
    pub chosen: Option<HubIndex>,
    /// Of the starts of a hub where starts fail one in ten is sent there all the same: this is one.
    pub trial: bool,
}

/// What becomes of a start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StartPlan {
    /// It goes there at once.
    Go(HubIndex),
    /// It claims first.
    Claim(Box<Claiming>),
    /// It waits.
    Wait {
        /// The hub in question.
        hub: HubIndex,
        /// What it waits for.
        why: StartWaits,
    },
    /// A page says what is the matter.
    Page {
        /// The hub in question.
        hub: HubIndex,
        /// Which page.
        page: Page,
        /// Why.
        why: Reason,
    },
    /// Storage forbids a start at the chosen hub.
    NotThere {
        /// The chosen hub.
        chosen: HubIndex,
        /// The owner hub.
        owner: HubIndex,
    },
}

/// A claim that has to be made, and why the start may not go unasked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claiming {
    /// The owner hub.
    pub owner: HubIndex,
    /// What the claim is decided by.
    pub facts: ClaimFacts,
    /// What stands about the placement: a claim by another one is void.
    pub placement: Option<Epoch>,
    /// Why it is not calm; none: the start leaves the owner hub.
    pub because: Option<NotCalm>,
}

/// What a start waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StartWaits {
    /// For the hub, by the tables.
    Hub(Reason),
    /// For the directory: it was never read, is silent, or has lost writes.
    Directory,
}

/// Where the start goes, by this snapshot, at this moment. `None` only where there is no hub at all.
#[must_use]
pub fn start_of(snapshot: &Snapshot, starter: &Starter, moment: &Moment) -> Option<StartPlan> {
    let place = snapshot.whereabouts(&starter.user)?;
    if snapshot.is_at_a_hub_of_others(&starter.user) {
        return Some(directory(place.at));
    }
    if let Some(chosen) = starter.chosen.filter(|chosen| *chosen != place.at) {
        return Some(at_chosen(snapshot, starter, &place, chosen, moment));
    }
    let situation = snapshot.situation(&starter.user, &place, state_for_start(snapshot, &place, moment));
    let ruling = tables::start(&situation);
    let wait = |why| StartPlan::Wait { hub: place.at, why: StartWaits::Hub(why) };
    Some(match ruling.answer {
        // Nobody is elsewhere of the hub in question: it is where the user is assigned.
        Start::Here | Start::There => here(snapshot, starter, &place, &situation, moment),
        Start::Claim(_) if starter.trial && situation.spawning == super::spawning::Verdict::Failing => {
            here(snapshot, starter, &place, &situation, moment)
        }
        Start::Claim(ask) => match snapshot.next_candidate(&starter.user, place.at) {
            Ok(to) => {
                let ask = if may_be_asked(snapshot.hub(place.at)) { ask } else { AskFirst::CannotBeAsked };
                let (whom, cause) = sent_away(snapshot.hub(place.at));
                let way = Way::Elsewhere { to: hub_at(snapshot, to), whom, cause, ask };
                claim(snapshot, starter, &place, way, None, moment)
            }
            // The tables were told that there is one.
            Err(_) => wait(Reason::NobodyOpen),
        },
        Start::Wait => wait(ruling.why),
        Start::Page(page) => StartPlan::Page { hub: place.at, page, why: ruling.why },
    })
}

/// The same for a start that would go unasked where nobody could remember that it did: by a claim.
#[must_use]
pub fn claimed_start_of(snapshot: &Snapshot, starter: &Starter, moment: &Moment) -> Option<StartPlan> {
    match start_of(snapshot, starter, moment)? {
        StartPlan::Go(_) => {
            let place = snapshot.whereabouts(&starter.user)?;
            Some(claim(snapshot, starter, &place, Way::Owner, None, moment))
        }
        other => Some(other),
    }
}

/// What is known of the user's servers at the hub in question. Whoever is assigned there may have none any more, and the hub's
/// own word says so where it can be had.
fn state_for_start(snapshot: &Snapshot, place: &Whereabouts<'_>, moment: &Moment) -> UserState {
    let view = snapshot.hub(place.at);
    match place.assignment {
        // A start of theirs may still be on its way there: the hub's word would come too early.
        Some(assignment) if may_be_under_way(snapshot, assignment, moment) => UserState::RunningHere,
        Some(assignment) if is_movable(assignment.cause) && may_be_asked(view) && answers(view) => {
            UserState::Unknown
        }
        Some(_) => UserState::RunningHere,
        None if Gate::from(view.starts()) == Gate::AllElsewhere => UserState::Idle,
        None => UserState::Unknown,
    }
}

/// Whether a start was sent to the assignment's hub so lately that the hub may not have seen it yet.
fn may_be_under_way(snapshot: &Snapshot, assignment: &Assignment, moment: &Moment) -> bool {
    let ago = assignment.last_start.zip(moment.now).map(|(started, now)| now.since(started));
    ago.is_some_and(|ago| ago < snapshot.times.hold / 2)
}

fn may_be_asked(view: &HubView) -> bool {
    view.hub.api_token.is_some()
}

fn answers(view: &HubView) -> bool {
    match view.health.hub.verdict {
        HubPlane::Up | HubPlane::Slow => true,
        HubPlane::Starting | HubPlane::Down => false,
    }
}

/// At the owner hub: at once where it is calm, else by a claim; new users go on where its record says so.
fn here(
    snapshot: &Snapshot,
    starter: &Starter,
    place: &Whereabouts<'_>,
    situation: &Situation,
    moment: &Moment,
) -> StartPlan {
    let view = snapshot.hub(place.at);
    let not_calm = match judged(snapshot, starter, place, moment) {
        Ok(()) => return unasked(snapshot, place.at, moment),
        Err(None) => return directory(place.at),
        Err(Some(not_calm)) => not_calm,
    };
    let new_elsewhere = situation.gate == Gate::NewElsewhere && place.assignment.is_none();
    if new_elsewhere
        && situation.can_be_asked()
        && may_be_asked(view)
        && let Ok(to) = snapshot.next_candidate(&starter.user, place.at)
    {
        let (whom, cause) = sent_away(view);
        let way = Way::Elsewhere { to: hub_at(snapshot, to), whom, cause, ask: AskFirst::Ask };
        return claim(snapshot, starter, place, way, Some(not_calm), moment);
    }
    claim(snapshot, starter, place, Way::Owner, Some(not_calm), moment)
}

/// Whether a start may go to the hub in question unasked; an error without a reason: the directory was never read.
fn judged(
    snapshot: &Snapshot,
    starter: &Starter,
    place: &Whereabouts<'_>,
    moment: &Moment,
) -> Result<(), Option<NotCalm>> {
    judged_hub(snapshot, place.at, place.assignment.is_some(), moment)?;
    // Whoever is about to get another home is recorded at the present one first.
    if snapshot.leaves_by_next_placement(&starter.user) {
        return Err(Some(NotCalm::PlacementChanged));
    }
    Ok(())
}

fn judged_hub(
    snapshot: &Snapshot,
    hub: HubIndex,
    assigned: bool,
    moment: &Moment,
) -> Result<(), Option<NotCalm>> {
    let (Some(now), Some(copy)) = (moment.now, moment.copy) else { return Err(None) };
    let view = snapshot.hub(hub);
    let facts = CalmFacts {
        starts: view.starts(),
        state_since: view.record.changed_at.max(view.seen_since),
        intent_since: view.record.word.as_ref().map_or(view.intent_since, |word| word.since),
        placement_since: snapshot.exceptions.placement_since(),
        copy,
        assigned,
    };
    calm(&facts, &snapshot.times, now).map_err(Some)
}

/// Whether starts of users without an assignment go to `hub` unasked.
#[must_use]
pub fn is_calm(snapshot: &Snapshot, hub: HubIndex, moment: &Moment) -> bool {
    judged_hub(snapshot, hub, false, moment).is_ok()
}

/// Unasked, as long as the store is not silent for too long: "Starts at a home whose hub plane this replica has itself seen up
/// without a break since its last sync go on". After [`Times::alone_at`](super::life::time::Times::alone_at) others may have sent
/// the user elsewhere.
fn unasked(snapshot: &Snapshot, hub: HubIndex, moment: &Moment) -> StartPlan {
    let Some(silent_for) = moment.silent_for else { return StartPlan::Go(hub) };
    let view = snapshot.hub(hub);
    let health = &view.health.hub;
    let broke =
        health.last_failure.as_ref().zip(moment.heard).is_some_and(|(failure, heard)| failure.at >= heard);
    let may_be_alone = silent_for < snapshot.times.alone_at(view.hub.storage);
    if may_be_alone && !broke && answers(view) { StartPlan::Go(hub) } else { directory(hub) }
}

fn directory(hub: HubIndex) -> StartPlan {
    StartPlan::Wait { hub, why: StartWaits::Directory }
}

/// Away from the owner hub because somebody chose so: by the owner hub's own word only, and inside its pool.
fn at_chosen(
    snapshot: &Snapshot,
    starter: &Starter,
    place: &Whereabouts<'_>,
    chosen: HubIndex,
    moment: &Moment,
) -> StartPlan {
    let (owner, target) = (snapshot.hub(place.at), snapshot.hub(chosen));
    let may_leave = owner.hub.storage != Storage::Local && may_be_asked(owner);
    let pinned = place.assignment.is_some_and(|assignment| !is_movable(assignment.cause));
    if !may_leave || pinned || Pool::of(&owner.hub) != Pool::of(&target.hub) {
        return StartPlan::NotThere { chosen, owner: place.at };
    }
    let wait = |hub, why| StartPlan::Wait { hub, why: StartWaits::Hub(why) };
    if !answers(owner) {
        return wait(place.at, Reason::MayRun);
    }
    if !answers(target) {
        return wait(chosen, Reason::HubDown);
    }
    let way = match place.assignment {
        // Other starts of theirs go there unasked as long as nothing is recorded, and would not be known to the hub yet.
        None => Way::Hold,
        // The same while one of them may be on its way.
        Some(assignment) if may_be_under_way(snapshot, assignment, moment) => Way::Hold,
        Some(_) => Way::Elsewhere {
            to: hub_at(snapshot, chosen),
            whom: Whom::Everybody,
            cause: Cause::Move,
            ask: AskFirst::Ask,
        },
    };
    claim(snapshot, starter, place, way, None, moment)
}

fn claim(
    snapshot: &Snapshot,
    starter: &Starter,
    place: &Whereabouts<'_>,
    way: Way,
    because: Option<NotCalm>,
    moment: &Moment,
) -> StartPlan {
    // A store that cannot be asked, or has lost writes, gives no claims.
    let unreachable = matches!(moment.copy, None | Some(CopyOfStore::Unreachable { .. }));
    if unreachable || moment.behind {
        return directory(place.at);
    }
    let facts = ClaimFacts {
        user: starter.user.clone(),
        identity: starter.identity,
        assignment: place.assignment.cloned(),
        user_epoch: snapshot.exceptions.epoch_of(&starter.user),
        owner: hub_at(snapshot, place.at),
        way,
        owner_says: OwnerSays::NotAsked,
        provisional: snapshot.exceptions.provisional(),
    };
    let placement = snapshot.exceptions.placement_epoch();
    StartPlan::Claim(Box::new(Claiming { owner: place.at, facts, placement, because }))
}

fn hub_at(snapshot: &Snapshot, hub: HubIndex) -> HubAt {
    let view = snapshot.hub(hub);
    HubAt { hub: view.hub.id.clone(), epoch: view.record.epoch }
}

/// Whose starts the record sends away, and why.
fn sent_away(view: &HubView) -> (Whom, Cause) {
    match view.starts() {
        Starts::Elsewhere { whom, cause, .. } | Starts::Closed { whom, cause, .. } => (whom, cause),
        Starts::Here | Starts::Unknown => (Whom::Everybody, Cause::Running),
    }
}

/// How long a browser waits before it asks for a start again.
pub const ASK_AGAIN_AFTER: Duration = Duration::from_secs(2);

#[cfg(test)]
#[path = "starting_tests.rs"]
mod tests;
