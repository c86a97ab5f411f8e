//! How a claim ends: what the hub's answer to the start means for it, and when an assignment may be deleted.
//!
//! The other half of [`claim`](super).

use super::is_movable;
use crate::core::life::records::{Assignment, Epoch};
use crate::core::life::time::StoreTime;

/// The hub's answer to a start, as far as a provisional claim has to know it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StartAnswer {
    /// 201, 202, or a redirect to the pending page or to the server itself.
    Accepted,
    /// 200: the form with the options.
    Form,
    /// 429: come back later.
    Busy,
    /// A redirect to the login: the user was merely named, and is not logged in.
    Login,
    /// 401, 403 or 404: whoever asked may not start it.
    Refused,
    /// Anything else that the hub said.
    Other,
    /// No answer, although the start was sent.
    Lost,
}

/// What becomes of a provisional claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kept {
    /// It lasts from now on.
    Lasts,
    /// It stays provisional.
    Provisional,
    /// It is deleted.
    Deleted,
}

/// "Provisional until the hub accepted the start: 201, 202, or a redirect to `spawn-pending/` or `/user/<name>/`; a 200 (options
/// form) and 429 leave it provisional; a redirect to login and anything else deletes it".
///
/// A start whose answer was lost may have arrived, and what may run counts as running: its claim lasts.
#[must_use]
pub fn after_answer(answer: StartAnswer) -> Kept {
    match answer {
        StartAnswer::Accepted | StartAnswer::Lost => Kept::Lasts,
        StartAnswer::Form | StartAnswer::Busy => Kept::Provisional,
        StartAnswer::Login | StartAnswer::Refused | StartAnswer::Other => Kept::Deleted,
    }
}

/// Whether the answer says that nothing was begun, because whoever asked had no right to it.
#[must_use]
pub fn had_no_right(answer: StartAnswer) -> bool {
    match answer {
        StartAnswer::Login | StartAnswer::Refused => true,
        StartAnswer::Accepted
        | StartAnswer::Form
        | StartAnswer::Busy
        | StartAnswer::Other
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
/// was answered"; a provisional one when its time is over. A pin never.
#[must_use]
pub fn may_delete(assignment: &Assignment, facts: &DeleteFacts<'_>, now: StoreTime) -> Option<Deletion> {
    let may = is_movable(assignment.cause)
        && (assignment.provisional_until.is_some_and(|until| now >= until)
            || (facts.at_home && facts.home_calm && facts.start_answered)
            || shown_empty_twice(assignment, facts.answers));
    may.then_some(Deletion { on: assignment.epoch })
}

fn shown_empty_twice(assignment: &Assignment, answers: &[HubAnswer]) -> bool {
    let since = assignment.last_start.unwrap_or(assignment.since).max(assignment.since);
    let mut later: Vec<HubAnswer> =
        answers.iter().copied().filter(|answer| answer.asked_at > since).collect();
    later.sort_by_key(|answer| answer.asked_at);
    later.dedup_by_key(|answer| answer.asked_at);
    match later.as_slice() {
        [.., last, latest] => !last.server && !latest.server,
        [] | [_] => false,
    }
}
