//! How a claim ends: what the hub's answer to the start means for it, and when an assignment may be deleted.
//!
//! The other half of [`claim`](super).

use super::{Identity, is_movable};
use crate::core::life::records::{Assignment, Epoch};
use crate::core::life::time::{StoreTime, Times};

/// The hub's answer to a start, as far as a claim has to know it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StartAnswer {
    /// 201, 202, or a redirect to the pending page or to the server itself.
    Accepted,
    /// 200: the form with the options.
    Form,
    /// 429: come back later.
    Busy,
    /// 400: it began nothing, because something runs or begins there already, or because it could not be read. That is found
    /// out before anybody looks who asks.
    BadRequest,
    /// A redirect to the login: the user was merely named, and is not logged in.
    Login,
    /// 401, 403 or 404: whoever asked may not start it.
    Refused,
    /// Anything else that the hub said.
    Other,
    /// The hub's proxy answered in its place, because the hub is not there; it may have gone while it began.
    Gone,
    /// No answer, although the start was sent.
    Lost,
}

/// What becomes of a claim by a merely named user.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kept {
    /// It lasts from now on.
    Lasts,
    /// It stays as it is.
    Stays,
    /// One that this start made stays provisional; on what stood before, it leaves no trace.
    Untraced,
    /// One that this start made is deleted; on what stood before, it leaves no trace.
    Undone,
    /// One that this start made is deleted; what stood before stays as it is.
    Deleted,
}

/// "Provisional until the hub accepted the start: 201, 202, or a redirect to `spawn-pending/` or `/user/<name>/`; a 200 (options
/// form) and 429 leave it provisional; a redirect to login and anything else deletes it", if this very start made it.
///
/// A start whose answer was lost may have arrived, and what may run counts as running: its claim lasts.
#[must_use]
pub fn after_answer(answer: StartAnswer) -> Kept {
    match answer {
        StartAnswer::Accepted | StartAnswer::Lost => Kept::Lasts,
        StartAnswer::Form | StartAnswer::Busy | StartAnswer::Gone => Kept::Stays,
        StartAnswer::BadRequest => Kept::Untraced,
        StartAnswer::Login | StartAnswer::Refused => Kept::Undone,
        StartAnswer::Other => Kept::Deleted,
    }
}

/// A claim by a merely named user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claimed {
    /// What was written.
    pub assignment: Assignment,
    /// What stood before.
    pub before: Option<Assignment>,
}

/// What has to be written when a claim ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// Nothing.
    Nothing,
    /// This, on what stands now.
    Set(Assignment),
    /// What stands now is deleted.
    Delete,
}

/// What `kept` means for what `stands` now.
///
/// A start that the hub has accepted counts, whoever has claimed since. One that left nothing behind says something only of its
/// own write: another start that raised the epoch has an answer of its own, and its claim rests on this one.
#[must_use]
pub fn ending(claimed: &Claimed, stands: Option<&Assignment>, kept: Kept) -> Ending {
    let made = &claimed.assignment;
    if kept == Kept::Lasts {
        return match stands {
            Some(stands) if stands.hub != made.hub || stands.provisional_until.is_none() => Ending::Nothing,
            Some(stands) => Ending::Set(Assignment { provisional_until: None, ..stands.clone() }),
            None => Ending::Set(Assignment { provisional_until: None, ..made.clone() }),
        };
    }
    if stands.is_none_or(|stands| stands.epoch != made.epoch) {
        return Ending::Nothing;
    }
    match (&claimed.before, kept) {
        (None, Kept::Undone | Kept::Deleted) => Ending::Delete,
        // The time of the last start as well: who only names others keeps no record of theirs alive.
        (Some(before), Kept::Undone | Kept::Untraced) if before.hub == made.hub => {
            Ending::Set(before.clone())
        }
        (None, Kept::Stays | Kept::Untraced) | (Some(_), _) | (_, Kept::Lasts) => Ending::Nothing,
    }
}

/// Whether the answer says that nothing was begun, because whoever asked had no right to it.
#[must_use]
pub fn had_no_right(answer: StartAnswer, identity: Identity) -> bool {
    match answer {
        StartAnswer::Login | StartAnswer::Refused => true,
        // Anybody gets that.
        StartAnswer::BadRequest => identity == Identity::Named,
        StartAnswer::Accepted
        | StartAnswer::Form
        | StartAnswer::Busy
        | StartAnswer::Other
        | StartAnswer::Gone
        | StartAnswer::Lost => false,
    }
}

/// One authoritative answer of the hub that an assignment names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct HubAnswer {
    /// When the hub was asked.
    pub asked_at: StoreTime,
    /// It showed a server, or anything pending.
    pub server: bool,
}

/// What a deletion is decided by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeleteFacts<'a> {
    /// The last answers of the assignment's hub about the user, in any order.
    pub answers: &'a [HubAnswer],
    /// Whether the assignment's hub is the user's home.
    pub at_home: bool,
    /// Whether that home is calm.
    pub home_calm: bool,
    /// Whether the last start sent there was answered.
    pub start_answered: bool,
    /// Whether the assignment's hub can be asked at all.
    pub can_be_asked: bool,
}

/// Delete the assignment if its entry still has this epoch: "deleting compares the epoch, and a start raises it".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deletion {
    /// The epoch to compare with.
    pub on: Epoch,
}

/// Whether an assignment may be deleted.
///
/// "An assignment is deleted only after two authoritative answers of its hub, both asked later than the last start sent there
/// for that user, show no server and nothing pending"; one to the own home "without asking once the hub is calm and the start
/// was answered"; a provisional one after one such answer when its time is over, and by time alone where nobody can be asked:
/// who was merely named may run there as well as anybody. A pin never.
#[must_use]
pub fn may_delete(
    assignment: &Assignment,
    facts: &DeleteFacts<'_>,
    times: &Times,
    now: StoreTime,
) -> Option<Deletion> {
    let later = later_answers(assignment, facts.answers, times);
    let time_is_over = assignment.provisional_until.is_some_and(|until| now >= until);
    let may = is_movable(assignment.cause)
        && ((time_is_over && (!facts.can_be_asked || are_empty(&later, 1)))
            || (facts.at_home && facts.home_calm && facts.start_answered)
            || are_empty(&later, 2));
    may.then_some(Deletion { on: assignment.epoch })
}

/// Answers to questions that were put when the last start had arrived, the oldest first: a start may be on its way for a while.
fn later_answers(assignment: &Assignment, answers: &[HubAnswer], times: &Times) -> Vec<HubAnswer> {
    let arrived = assignment.last_start.map(|at| at.plus(times.under_way()));
    let since = arrived.unwrap_or_default().max(assignment.since);
    let mut later: Vec<HubAnswer> =
        answers.iter().copied().filter(|answer| answer.asked_at > since).collect();
    later.sort_by_key(|answer| answer.asked_at);
    later.dedup_by_key(|answer| answer.asked_at);
    later
}

/// Whether the last `count` answers show nothing.
fn are_empty(answers: &[HubAnswer], count: usize) -> bool {
    answers.len() >= count && answers.iter().rev().take(count).all(|answer| !answer.server)
}
