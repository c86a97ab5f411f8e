//! One claim: rounds of deciding by the picture of the moment, asking the owner hub and writing, until it is settled or time is up.

use std::sync::Arc;
use std::time::{Duration, Instant};

use hubrouter_config::Intent;
use hubrouter_hub_adapter::census::UserAt;
use hubrouter_hub_adapter::names::UserName;
use tracing::{debug, info};

use super::super::clock;
use super::super::keeper::{Write, Wrote, hub_key, placement_key, user_key};
use super::super::live::Live;
use super::pace::Pace;
use super::{Means, Settled, Ticket, WITHIN, Waits, Wanted};
use crate::core::life::claim::{
    Attempt, Claim, ClaimFacts, Claimed, Identity, OwnerSays, WaitWhy, Way, claim,
};
use crate::core::life::reason::Reason;
use crate::core::life::records::{Assignment, Cause, Epoch};
use crate::core::life::tables::Page;
use crate::core::life::time::Times;
use crate::core::snapshot::HubIndex;
use crate::core::starting::{Claiming, StartPlan, StartWaits, Starter, claimed_start_of, start_of};

/// A hub is asked about one user within this time.
pub(super) const ASK_WITHIN: Duration = Duration::from_millis(500);

/// Makes one claim.
pub(super) struct Claimer {
    pub(super) means: Means,
    pub(super) pace: Arc<Pace>,
    pub(super) trial: bool,
}

impl Claimer {
    pub(super) async fn settle(&self, wanted: &Wanted) -> Settled {
        let until = clock::now() + WITHIN;
        let mut says = OwnerSays::NotAsked;
        loop {
            let live = self.means.live.load_full();
            match self.round(&live, wanted, &mut says, until).await {
                Some(settled) => return settled,
                None if clock::now() >= until => {
                    let hub = live.snapshot.owner(&wanted.user).map(|hub| live.snapshot.id(hub).clone());
                    let why = Waits::Claim(WaitWhy::OutcomeUnknown);
                    return hub.map_or(Settled::NoHub, |hub| Settled::Wait { hub, why });
                }
                None => {}
            }
        }
    }

    /// One round by one picture; `None`: decide again by the next.
    async fn round(
        &self,
        live: &Live,
        wanted: &Wanted,
        says: &mut OwnerSays,
        until: Instant,
    ) -> Option<Settled> {
        let snapshot = &live.snapshot;
        let chosen = wanted.chosen.as_ref().and_then(|chosen| snapshot.find(chosen));
        let starter =
            Starter { user: wanted.user.clone(), identity: wanted.identity, chosen, trial: self.trial };
        let moment = snapshot.knowledge.at(clock::now(), &snapshot.times);
        let id = |hub: HubIndex| snapshot.id(hub).clone();
        let wait = |hub, why| Some(Settled::Wait { hub, why });
        match start_of(snapshot, &starter, &moment) {
            None => Some(Settled::NoHub),
            Some(StartPlan::Go(hub)) => match self.noted(live, hub, wanted) {
                Some(ticket) => Some(Settled::Start(id(hub), Some(ticket))),
                None => match claimed_start_of(snapshot, &starter, &moment) {
                    Some(StartPlan::Claim(claiming)) => {
                        self.claim(live, wanted, *claiming, says, until).await
                    }
                    _ => wait(id(hub), Waits::Directory),
                },
            },
            Some(StartPlan::Wait { hub, why: StartWaits::Hub(why) }) => wait(id(hub), Waits::Hub(why)),
            Some(StartPlan::Wait { hub, why: StartWaits::Directory }) => wait(id(hub), Waits::Directory),
            Some(StartPlan::Page { hub, page, why }) => Some(Settled::Page { hub: id(hub), page, why }),
            Some(StartPlan::NotThere { chosen, owner }) => {
                Some(Settled::NotThere { chosen: id(chosen), owner: id(owner), runs: false })
            }
            Some(StartPlan::Claim(claiming)) => self.claim(live, wanted, *claiming, says, until).await,
        }
    }

    /// The note of a start that goes unasked; none: there is no room for it.
    fn noted(&self, live: &Live, hub: HubIndex, wanted: &Wanted) -> Option<Ticket> {
        let now = live.snapshot.knowledge.clock?.time_at(clock::now());
        let noted = self.means.journal.note(live.snapshot.id(hub), &wanted.user, now)?;
        Some(Ticket::Unasked(noted, wanted.identity))
    }

    async fn claim(
        &self,
        live: &Live,
        wanted: &Wanted,
        claiming: Claiming,
        says: &mut OwnerSays,
        until: Instant,
    ) -> Option<Settled> {
        let snapshot = &live.snapshot;
        let owner = snapshot.id(claiming.owner).clone();
        let wait = |why| Some(Settled::Wait { hub: owner.clone(), why: Waits::Claim(why) });
        let now = snapshot.knowledge.clock?.time_at(clock::now());
        let facts = ClaimFacts { owner_says: *says, ..claiming.facts };
        let leaves = wanted.chosen.as_ref().is_some_and(|chosen| *chosen != owner);
        if leaves && facts.way == Way::Hold {
            // Nothing is recorded for a wish that cannot be had.
            match *says {
                OwnerSays::NotAsked => {
                    *says = self.ask(live, claiming.owner, &wanted.user).await;
                    return None;
                }
                OwnerSays::Server => {
                    let chosen = wanted.chosen.clone()?;
                    return Some(Settled::NotThere { chosen, owner, runs: true });
                }
                OwnerSays::NoAnswer => return wait(WaitWhy::OwnerSilent),
                OwnerSays::Nothing | OwnerSays::UnknownUser => {}
            }
        } else if leaves && !self.may_leave(&facts, &snapshot.times) {
            return wait(WaitWhy::Held);
        }
        match claim(&facts, &snapshot.times, now) {
            Claim::Wait(why) => wait(why),
            Claim::Ask(hub) => {
                let index = snapshot.find(&hub)?;
                *says = self.ask(live, index, &wanted.user).await;
                None
            }
            // Recorded there already: only time is missing.
            Claim::Attempt(_) if facts.way == Way::Hold && facts.assignment.is_some() => wait(WaitWhy::Held),
            Claim::Attempt(attempt) if facts.way == Way::Hold => {
                self.attempt(attempt, &facts, claiming.placement, until).await?;
                wait(WaitWhy::Held)
            }
            Claim::Attempt(attempt) => {
                let to = attempt.assignment.hub.clone();
                if let Some(chosen) = wanted.chosen.as_ref().filter(|chosen| **chosen != to) {
                    // The owner hub says that a server runs there: nothing is written for a wish that cannot be had.
                    return Some(Settled::NotThere { chosen: chosen.clone(), owner, runs: true });
                }
                let stays = to == owner && matches!(facts.way, Way::Elsewhere { .. });
                if stays && snapshot.hub(claiming.owner).intent() == Intent::Maintenance {
                    // Whose server runs there gets no other one there meanwhile.
                    let (page, why) = (Page::Maintenance, Reason::Maintenance);
                    return Some(Settled::Page { hub: owner, page, why });
                }
                if !self.has_turn(live, &attempt) {
                    return Some(Settled::Wait { hub: to, why: Waits::Turn });
                }
                // What the owner hub said is of this round only: whoever decides again asks again.
                *says = OwnerSays::NotAsked;
                self.attempt(attempt, &facts, claiming.placement, until).await
            }
        }
    }

    /// Whether every replica knows that this user's starts are claimed: only then what the owner hub says of them holds.
    fn may_leave(&self, facts: &ClaimFacts, times: &Times) -> bool {
        match (&facts.way, &facts.assignment) {
            (Way::Elsewhere { .. }, Some(stands)) => {
                // The write itself may have come later than the instant that it names.
                self.means.board.all_have_read(stands.since.plus(times.open_after))
            }
            (Way::Elsewhere { .. }, None) => false,
            (Way::Owner | Way::Hold, _) => true,
        }
    }

    /// "`failover.max_starts_per_minute` paces starts, not logins": the share of this replica.
    fn has_turn(&self, live: &Live, attempt: &Attempt) -> bool {
        let again = attempt.user_epoch.is_some();
        if attempt.assignment.cause != Cause::Failover || again {
            return true;
        }
        let replicas = self.means.board.live_replicas().max(1);
        let per_minute = live.snapshot.config.failover.max_starts_per_minute;
        self.pace.take(&attempt.assignment.hub, per_minute, replicas, clock::now())
    }

    async fn attempt(
        &self,
        attempt: Attempt,
        facts: &ClaimFacts,
        placement: Option<Epoch>,
        until: Instant,
    ) -> Option<Settled> {
        let (user, owner) = (&facts.user, &facts.owner.hub);
        let to = attempt.assignment.hub.clone();
        let outcome = self.write(&attempt, placement, until).await?;
        match outcome {
            Wrote::Stands(entry) => {
                info!(user = %user, hub.id = %to, cause = attempt.assignment.cause.label(), "a start was claimed");
                let assignment = Assignment { epoch: entry.epoch, ..attempt.assignment };
                let claimed = Claimed { assignment, before: facts.assignment.clone() };
                let ticket = (facts.identity == Identity::Named).then(|| Ticket::Claim(Box::new(claimed)));
                Some(Settled::Start(to, ticket))
            }
            Wrote::Conflict(_) => None,
            Wrote::Unknown(reason) => {
                debug!(user = %user, reason, "the outcome of a claim is unknown: nothing is started");
                Some(Settled::Wait { hub: owner.clone(), why: Waits::Claim(WaitWhy::OutcomeUnknown) })
            }
            Wrote::Unreachable(_) => Some(Settled::Wait { hub: owner.clone(), why: Waits::Directory }),
        }
    }

    async fn write(&self, attempt: &Attempt, placement: Option<Epoch>, until: Instant) -> Option<Wrote> {
        let key = user_key(&attempt.assignment.user)?;
        let mut write = Write::set(key, attempt.user_epoch, &attempt.assignment)?;
        let stands = |epoch: Epoch| (epoch != Epoch::default()).then_some(epoch);
        write.conditions = attempt.hubs.iter().map(|at| (hub_key(&at.hub), stands(at.epoch))).collect();
        write.conditions.push((placement_key(), placement));
        let left = until.saturating_duration_since(clock::now()).max(Duration::from_millis(100));
        Some(self.means.writer.write(&write, left).await)
    }

    /// Asks a hub about the user.
    async fn ask(&self, live: &Live, hub: HubIndex, user: &UserName) -> OwnerSays {
        let calls = self.means.dial.calls(&live.snapshot.hub(hub).hub, &live.snapshot.site);
        if !calls.may_be_asked() {
            return OwnerSays::NoAnswer;
        }
        match calls.user(user, ASK_WITHIN).await {
            Ok(UserAt::Running | UserAt::Pending) => OwnerSays::Server,
            Ok(UserAt::NoServer) => OwnerSays::Nothing,
            Ok(UserAt::UnknownUser) => OwnerSays::UnknownUser,
            Err(error) => {
                debug!(hub.id = %live.snapshot.id(hub), %error, "the hub does not say whether a server runs there");
                OwnerSays::NoAnswer
            }
        }
    }
}
