//! Claims: how a start that may not go unasked gets its hub.
//!
//! Pure decisions: which write to attempt, with which epochs, and what its outcome means. Asking the owner hub and writing are
//! the caller's, within 2 s; which hub is the candidate is [`candidates`](super::candidates)'.

mod ended;
#[cfg(test)]
mod ended_tests;
#[cfg(test)]
mod tests;

use hubrouter_config::HubId;
use hubrouter_hub_adapter::names::UserName;

use super::records::{Assignment, Cause, Epoch, Whom};
use super::tables::AskFirst;
use super::time::{StoreTime, Times};

pub use ended::{
    Claimed, DeleteFacts, Deletion, Ending, HubAnswer, Kept, StartAnswer, after_answer, ending, had_no_right,
    may_delete,
};

/// How many claims of merely named users a site holds at one time ("at most 1,000 per site"), so that strangers cannot fill
/// the directory.
pub const PROVISIONAL_AT_MOST: usize = 1000;

/// How sure it is who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Identity {
    /// The request names the user, and nothing proves it: no lasting record.
    Named,
    /// A hub or our own signature said so.
    Proven,
}

/// What the owner hub said about the user (`client` asks it, 500 ms).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OwnerSays {
    /// There is a server, or anything pending.
    Server,
    /// The user is known, and has neither.
    Nothing,
    /// There is no such user: a new one.
    UnknownUser,
    /// No answer in time.
    NoAnswer,
    /// It was not asked.
    NotAsked,
}

/// A hub and the epoch of the record that the claimer decided by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HubAt {
    /// The hub.
    pub hub: HubId,
    /// Its record's epoch; 0 without a record.
    pub epoch: Epoch,
}

/// Where the start wants to go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Way {
    /// To the owner hub: the home that is not calm, or where the user is assigned.
    Owner,
    /// Nowhere yet: the user is to leave an owner hub whose starts go unasked, so they are recorded there first. Once every
    /// replica has read that, none starts anything there without a claim.
    Hold,
    /// To the next candidate.
    Elsewhere {
        /// The candidate.
        to: HubAt,
        /// Whose starts leave the owner hub.
        whom: Whom,
        /// Why they do.
        cause: Cause,
        /// Whether the owner hub has to be asked.
        ask: AskFirst,
    },
}

/// Everything that a claim is decided by, all of one copy of the records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimFacts {
    /// Whose start.
    pub user: UserName,
    /// How sure that is.
    pub identity: Identity,
    /// The user's assignment, if there is one.
    pub assignment: Option<Assignment>,
    /// The epoch of the user's entry; none: nothing stands, because it was never written, or deleted.
    pub user_epoch: Option<Epoch>,
    /// The owner hub: of the assignment, else the home.
    pub owner: HubAt,
    /// Where the start wants to go.
    pub way: Way,
    /// What the owner hub said.
    pub owner_says: OwnerSays,
    /// How many provisional assignments the site holds.
    pub provisional: usize,
}

/// What the claimer does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Claim {
    /// Ask the owner hub about the user, then decide again.
    Ask(HubId),
    /// Attempt this write.
    Attempt(Attempt),
    /// Start nothing: a page, or 503 with `Retry-After: 2`.
    Wait(WaitWhy),
}

/// A write of a user's assignment: it succeeds only if all epochs are as they were.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// The assignment to write; the store gives it its epoch.
    pub assignment: Assignment,
    /// The user's entry must have this epoch; none: nothing may stand, but a deletion may be remembered.
    pub user_epoch: Option<Epoch>,
    /// The records of these hubs must have these epochs: "The claim compares the epochs of both hubs."
    pub hubs: Vec<HubAt>,
}

/// Why a start waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum WaitWhy {
    /// The owner hub is up and did not answer whether a server runs there.
    OwnerSilent,
    /// The site holds as many claims of merely named users as it may.
    TooManyNamed,
    /// The user is pinned, or assigned in a way of a newer release, and does not leave.
    Pinned,
    /// The claim may have arrived or not: the feed or a resync shows what stands.
    OutcomeUnknown,
    /// Somebody chose another hub: every replica has to read first that the user's starts are claimed.
    Held,
}

/// What became of an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It stands, with its epoch.
    Won(Assignment),
    /// Another assignment stands.
    Stands(Assignment),
    /// A hub's record changed meanwhile.
    Stale,
    /// No answer: it may have arrived.
    Unknown,
}

/// What an outcome means for the start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Then {
    /// Send it to this hub.
    Start(HubId),
    /// Decide again by the records that stand now, while the 2 s last. An assignment that another replica won is the owner hub
    /// then, so it is obeyed; its epoch rises with this start, too.
    Again,
    /// Start nothing.
    Wait(WaitWhy),
}

/// What to do for a start that has to claim.
#[must_use]
pub fn claim(facts: &ClaimFacts, times: &Times, now: StoreTime) -> Claim {
    let (to, cause) = match goal(facts) {
        Ok(goal) => goal,
        Err(otherwise) => return otherwise,
    };
    let fresh = facts.assignment.as_ref().filter(|stands| stands.hub == to.hub);
    let provisional_until = match (facts.identity, fresh.map(|stands| stands.provisional_until)) {
        // Somebody's lasting assignment stays one, whoever names the user.
        (_, Some(None)) | (Identity::Proven, _) => None,
        (Identity::Named, Some(Some(_))) => Some(now.plus(times.provisional)),
        (Identity::Named, None) if facts.provisional >= PROVISIONAL_AT_MOST => {
            return Claim::Wait(WaitWhy::TooManyNamed);
        }
        (Identity::Named, None) => Some(now.plus(times.provisional)),
    };
    let mut hubs = vec![facts.owner.clone()];
    if to.hub != facts.owner.hub {
        hubs.push(to.clone());
    }
    let last_start = match facts.way {
        Way::Hold => fresh.and_then(|stands| stands.last_start),
        Way::Owner | Way::Elsewhere { .. } => Some(now),
    };
    let assignment = Assignment {
        user: facts.user.clone(),
        hub: to.hub,
        cause: fresh.map_or(cause, |stands| stands.cause),
        epoch: facts.user_epoch.unwrap_or_default(),
        since: fresh.map_or(now, |stands| stands.since),
        last_start,
        provisional_until,
    };
    Claim::Attempt(Attempt { assignment, user_epoch: facts.user_epoch, hubs })
}

/// Where the start goes and why, once the owner hub was asked where it has to be.
///
/// "A server or anything pending makes the assignment point there (cause `running`) and the start goes there; 404 means new
/// user; no answer means the waiting page."
fn goal(facts: &ClaimFacts) -> Result<(HubAt, Cause), Claim> {
    let stays = || (facts.owner.clone(), Cause::Running);
    let (to, whom, cause, ask) = match &facts.way {
        Way::Owner => return Ok(stays()),
        Way::Hold => return Ok((facts.owner.clone(), Cause::Move)),
        Way::Elsewhere { to, whom, cause, ask } => (to, whom, cause, ask),
    };
    if facts.assignment.as_ref().is_some_and(|stands| !is_movable(stands.cause)) {
        return Err(Claim::Wait(WaitWhy::Pinned));
    }
    match (ask, facts.owner_says, whom) {
        (_, OwnerSays::Server, _) => Ok(stays()),
        (AskFirst::Ask, OwnerSays::NotAsked, _) => Err(Claim::Ask(facts.owner.hub.clone())),
        (AskFirst::Ask, OwnerSays::NoAnswer, _) => Err(Claim::Wait(WaitWhy::OwnerSilent)),
        // Whom the hub knows is not new, and new users alone go elsewhere.
        (_, OwnerSays::Nothing, Whom::New) => Ok(stays()),
        (AskFirst::CannotBeAsked, OwnerSays::NotAsked | OwnerSays::NoAnswer, Whom::New) => {
            Err(Claim::Wait(WaitWhy::OwnerSilent))
        }
        (AskFirst::CannotBeAsked, OwnerSays::NotAsked | OwnerSays::NoAnswer, Whom::Everybody)
        | (_, OwnerSays::UnknownUser, _)
        | (_, OwnerSays::Nothing, Whom::Everybody) => Ok((to.clone(), *cause)),
    }
}

/// Whether an assignment of this cause may be changed or deleted by the routers.
#[must_use]
pub fn is_movable(cause: Cause) -> bool {
    match cause {
        // A cause of a newer release may mean as much as a pin.
        Cause::Pin | Cause::Unknown => false,
        Cause::Running
        | Cause::Found
        | Cause::Failover
        | Cause::Drain
        | Cause::Maintenance
        | Cause::SpawnFailing
        | Cause::Cordon
        | Cause::Slow
        | Cause::LoadBound
        | Cause::Rescue
        | Cause::Move => true,
    }
}

/// What the outcome of an attempt means: "A claim that another replica won is obeyed", "A claim with unknown outcome starts
/// nothing".
#[must_use]
pub fn then(outcome: Outcome) -> Then {
    match outcome {
        Outcome::Won(assignment) => Then::Start(assignment.hub),
        Outcome::Stands(_) | Outcome::Stale => Then::Again,
        Outcome::Unknown => Then::Wait(WaitWhy::OutcomeUnknown),
    }
}
