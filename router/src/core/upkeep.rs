//! What a hub's own word means for the records of users: who was found away from home, and whose exception is over.
//!
//! Pure: the answers arrive as facts, and what is to be written comes out. "The census never routes": a server that was found
//! becomes an assignment, and only that decides.

use std::collections::BTreeMap;

use hubrouter_config::HubId;
use hubrouter_hub_adapter::names::UserName;

use super::census::Servers;
use super::life::claim::{DeleteFacts, HubAnswer, may_delete};
use super::life::records::{Assignment, Epoch, UnclaimedStart};
use super::life::time::{StoreTime, Times};
use super::moment::Moment;
use super::snapshot::{HubIndex, HubView, Snapshot};
use super::starting::is_calm;

/// One authoritative answer of a hub about all its users.
#[derive(Clone, Copy, Debug)]
pub struct Answer<'a> {
    /// When it was asked.
    pub asked_at: StoreTime,
    /// Everybody with a server, or with one on its way.
    pub users: &'a BTreeMap<UserName, Servers>,
}

impl Answer<'_> {
    fn about(&self, user: &UserName) -> HubAnswer {
        HubAnswer { asked_at: self.asked_at, server: self.users.contains_key(user) }
    }

    fn shows_running(&self, user: &UserName) -> bool {
        self.users.get(user).is_some_and(|servers| servers.running > 0)
    }
}

/// A record that has to change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tidy {
    /// The user has a server here and the records send them elsewhere: assign them here.
    Found(UserName),
    /// The user's assignment is over.
    Over {
        /// Whose.
        user: UserName,
        /// It must still have this epoch.
        on: Epoch,
    },
}

impl Tidy {
    /// Whose record it is.
    #[must_use]
    pub fn user(&self) -> &UserName {
        match self {
            Self::Found(user) | Self::Over { user, .. } => user,
        }
    }
}

/// What this hub's answer, together with the one before, asks for. Users with a server on another hub too are left alone:
/// they are reported, never repaired.
#[must_use]
pub fn tidy(
    snapshot: &Snapshot,
    hub: HubIndex,
    answer: Answer<'_>,
    before: Option<Answer<'_>>,
    elsewhere: impl Fn(&UserName) -> bool,
    moment: &Moment,
) -> Vec<Tidy> {
    let found = answer
        .users
        .keys()
        .filter(|user| is_away(snapshot, hub, user) && !is_lost(snapshot, hub, user) && !elsewhere(user))
        .map(|user| Tidy::Found(user.clone()));
    let over = assigned_at(snapshot, hub).filter_map(|assignment| {
        let now = moment.now?;
        let started = assignment.last_start.unwrap_or(assignment.since);
        let answers: Vec<HubAnswer> =
            before.iter().chain([&answer]).map(|answer| answer.about(&assignment.user)).collect();
        let facts = DeleteFacts {
            answers: &answers,
            at_home: snapshot.home(&assignment.user) == Some(hub),
            home_calm: is_calm(snapshot, hub, moment),
            start_answered: answer.asked_at > started && answer.shows_running(&assignment.user),
            can_be_asked: true,
        };
        // Whoever is about to get another home keeps the record of the present one.
        if snapshot.leaves_by_next_placement(&assignment.user) {
            return None;
        }
        let deletion = may_delete(assignment, &facts, &snapshot.times, now)?;
        Some(Tidy::Over { user: assignment.user.clone(), on: deletion.on })
    });
    in_order(found.chain(over).collect())
}

/// Assignments stand in no order; what has to be written does, so that two runs of one story are the same.
fn in_order(mut all: Vec<Tidy>) -> Vec<Tidy> {
    all.sort_by(|one, other| one.user().cmp(other.user()));
    all
}

/// Assignments that are over although no answer says so: at hubs that can never be asked, those of merely named users whose time is
/// over, and those at the own home once that is calm and the last start there is long ago.
#[must_use]
pub fn lapsed(snapshot: &Snapshot, now: StoreTime, moment: &Moment) -> Vec<Tidy> {
    let silent = snapshot.hubs.iter().any(|view| !may_ask(view));
    if snapshot.exceptions.provisional() == 0 && !silent {
        return Vec::new();
    }
    let over = snapshot.exceptions.assignments().filter_map(|assignment| {
        let home = snapshot.home(&assignment.user);
        let silent = home.filter(|home| !may_ask(snapshot.hub(*home)));
        let at_home = silent.filter(|home| *snapshot.id(*home) == assignment.hub);
        let started = assignment.last_start.unwrap_or(assignment.since);
        let facts = DeleteFacts {
            answers: &[],
            at_home: at_home.is_some() && !snapshot.leaves_by_next_placement(&assignment.user),
            home_calm: at_home.is_some_and(|home| is_calm(snapshot, home, moment)),
            start_answered: now.since(started) >= snapshot.times.hold,
            can_be_asked: can_be_asked(snapshot, &assignment.hub),
        };
        let deletion = may_delete(assignment, &facts, &snapshot.times, now)?;
        Some(Tidy::Over { user: assignment.user.clone(), on: deletion.on })
    });
    in_order(over.collect())
}

/// Whether a hub ever says who has a server there; one that is gone does not.
fn can_be_asked(snapshot: &Snapshot, hub: &HubId) -> bool {
    snapshot.find(hub).is_some_and(|hub| may_ask(snapshot.hub(hub)))
}

fn may_ask(view: &HubView) -> bool {
    view.hub.api_token.is_some()
}

/// Of the starts that replicas told of, those at `hub` that its own word does not account for yet: it was asked at `asked_at`, and
/// a start may have been on its way then.
///
/// A replica that has vanished tells of its starts for as long as its last heartbeat is kept.
pub fn unaccounted<'a>(
    starts: impl IntoIterator<Item = &'a UnclaimedStart>,
    hub: &HubId,
    asked_at: Option<StoreTime>,
    times: &Times,
) -> impl Iterator<Item = &'a UnclaimedStart> {
    let since = asked_at.map_or(StoreTime::default(), |asked_at| asked_at.minus(times.under_way()));
    starts.into_iter().filter(move |start| start.hub == *hub && start.at >= since)
}

fn assigned_at(snapshot: &Snapshot, hub: HubIndex) -> impl Iterator<Item = &Assignment> {
    let id = snapshot.id(hub);
    snapshot
        .exceptions
        .assignments()
        .map(|assignment| &**assignment)
        .filter(move |assignment| assignment.hub == *id)
}

/// Whether the records send the user elsewhere, although there is a server here.
fn is_away(snapshot: &Snapshot, hub: HubIndex, user: &UserName) -> bool {
    match snapshot.whereabouts(user) {
        // Recorded elsewhere with a server here: two hubs, or soon one; nothing to record.
        Some(place) if place.assignment.is_some() => false,
        Some(place) => place.at != hub || !snapshot.hub(hub).is_plain(),
        None => false,
    }
}

/// Whether the server here was declared lost, and the user may have another one by now: it is stopped, and nobody's any more.
fn is_lost(snapshot: &Snapshot, hub: HubIndex, user: &UserName) -> bool {
    let record = &snapshot.hub(hub).record;
    let moved = record.failed_over.iter().flat_map(|failed_over| &failed_over.moved);
    record.stale.iter().chain(moved).any(|lost| lost == user)
}

#[cfg(test)]
#[path = "upkeep_tests.rs"]
mod tests;
