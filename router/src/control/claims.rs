//! Claims at work: a start that may not go unasked gets its hub here, within 2 s, or waits.
//!
//! Decided by `core::starting` and `core::life::claim` over and over on the picture of the moment; asking hubs and writing is
//! done here, apart from the fast path. How the hub answered the start then decides whether a merely named user's claim lasts.

mod pace;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use hubrouter_config::{HubId, Intent};
use hubrouter_hub_adapter::census::UserAt;
use hubrouter_hub_adapter::names::UserName;
use tokio::sync::{mpsc, oneshot};
use tracing::{debug, info};

use super::board::Board;
use super::calls::Dial;
use super::clock;
use super::journal::{Journal, Noted};
use super::keeper::{Write, Writer, Wrote, hub_key, placement_key, user_key};
use super::live::Live;
use crate::core::life::claim::{
    Attempt, Claim, ClaimFacts, Claimed, Ending, Identity, OwnerSays, StartAnswer, WaitWhy, Way,
    after_answer, claim, ending,
};
use crate::core::life::reason::Reason;
use crate::core::life::records::{Assignment, Cause, Epoch};
use crate::core::life::tables::Page;
use crate::core::life::time::Times;
use crate::core::snapshot::{HubIndex, Snapshot};
use crate::core::spawning::{Verdict, is_trial};
use crate::core::starting::{Claiming, StartPlan, StartWaits, Starter, claimed_start_of, start_of};
use pace::Pace;

/// A claim is made within this time, or the start waits.
const WITHIN: Duration = Duration::from_secs(2);
/// A hub is asked about one user within this time.
const ASK_WITHIN: Duration = Duration::from_millis(500);
/// From one try to the next, where what a hub's answer means for a claim cannot be written.
const TRY_AGAIN: Duration = Duration::from_millis(500);
/// So often it is tried.
const TRIES: u32 = 20;

/// A start that needs a claim.
#[derive(Debug)]
pub struct Wanted {
    /// Whose server.
    pub user: UserName,
    /// How sure that is.
    pub identity: Identity,
    /// The hub that was chosen.
    pub chosen: Option<HubId>,
    /// Where the start goes.
    pub reply: oneshot::Sender<Settled>,
}

/// Where a start goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Settled {
    /// There. The ticket says what its answer decides; none where it decides nothing.
    Start(HubId, Option<Ticket>),
    /// It waits.
    Wait {
        /// The hub in question.
        hub: HubId,
        /// What it waits for.
        why: Waits,
    },
    /// A page says what is the matter.
    Page {
        /// The hub in question.
        hub: HubId,
        /// Which.
        page: Page,
        /// Why.
        why: Reason,
    },
    /// A server runs at the owner hub, or storage forbids it: not at the chosen one.
    NotThere {
        /// The chosen hub.
        chosen: HubId,
        /// The owner hub.
        owner: HubId,
        /// A server runs there.
        runs: bool,
    },
    /// There is no hub.
    NoHub,
}

/// What a start waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Waits {
    /// For the hub, by the tables.
    Hub(Reason),
    /// For the directory.
    Directory,
    /// For a claim.
    Claim(WaitWhy),
    /// For its turn: so many starts a minute go to a surviving hub.
    Turn,
}

/// What the hub's answer to a start decides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ticket {
    /// A merely named user's claim, which ends as the hub answers.
    Claim(Box<Claimed>),
    /// The note of a start that went home unasked, and how sure it is whose start that is.
    Unasked(Noted, Identity),
}

/// How the hub answered a claimed start.
#[derive(Clone, Debug)]
pub struct Answered {
    /// The claim.
    pub claimed: Claimed,
    /// What the hub said.
    pub answer: StartAnswer,
}

/// Where the fast path asks.
#[derive(Clone, Debug)]
pub struct Claims {
    wanted: mpsc::UnboundedSender<Wanted>,
    answered: mpsc::UnboundedSender<Answered>,
}

/// What waits at [`serve`].
pub struct Queue {
    wanted: mpsc::UnboundedReceiver<Wanted>,
    answered: mpsc::UnboundedReceiver<Answered>,
}

impl Claims {
    /// A way to ask, and what [`serve`] has to serve.
    #[must_use]
    pub fn new() -> (Self, Queue) {
        let (wanted, wanted_in) = mpsc::unbounded_channel();
        let (answered, answered_in) = mpsc::unbounded_channel();
        (Self { wanted, answered }, Queue { wanted: wanted_in, answered: answered_in })
    }

    /// Where the start goes; it waits for the directory when nobody serves claims any more.
    pub async fn settle(&self, user: UserName, identity: Identity, chosen: Option<HubId>) -> Option<Settled> {
        let (reply, settled) = oneshot::channel();
        self.wanted.send(Wanted { user, identity, chosen, reply }).ok()?;
        settled.await.ok()
    }

    /// Tells how the hub answered the start of a claim.
    pub fn answered(&self, answered: Answered) {
        let _ = self.answered.send(answered);
    }
}

/// What claims are made with.
#[derive(Clone)]
pub struct Means {
    /// The picture.
    pub live: Arc<ArcSwap<Live>>,
    /// The way to write.
    pub writer: Writer,
    /// The way to hubs.
    pub dial: Arc<dyn Dial>,
    /// Starts that go home unasked.
    pub journal: Arc<Journal>,
    /// How many replicas share the pace of starts.
    pub board: Arc<Board>,
}

/// Makes claims for as long as it is polled, each apart from the others.
pub async fn serve(queue: Queue, means: Means) {
    let Queue { mut wanted, mut answered } = queue;
    let pace = Arc::new(Pace::default());
    let mut trials: BTreeMap<HubId, u64> = BTreeMap::new();
    loop {
        tokio::select! {
            biased;
            Some(wanted) = wanted.recv() => {
                let trial = next_trial(&mut trials, &means.live.load().snapshot, &wanted.user);
                let claimer = Claimer { means: means.clone(), pace: Arc::clone(&pace), trial };
                tokio::spawn(async move {
                    let settled = claimer.settle(&wanted).await;
                    // The browser may have gone: its claim stands, and its next request finds it.
                    let _ = wanted.reply.send(settled);
                });
            }
            Some(answered) = answered.recv() => {
                tokio::spawn(keep_or_drop(means.clone(), answered));
            }
            else => return,
        }
    }
}

/// Whether this start is one of ten that go to a hub where starts fail.
fn next_trial(trials: &mut BTreeMap<HubId, u64>, snapshot: &Snapshot, user: &UserName) -> bool {
    let Some(place) = snapshot.whereabouts(user) else { return false };
    let view = snapshot.hub(place.at);
    if view.spawning != Verdict::Failing {
        trials.remove(&view.hub.id);
        return false;
    }
    let nth = trials.entry(view.hub.id.clone()).or_default();
    *nth += 1;
    is_trial(*nth - 1)
}

/// Makes one claim.
struct Claimer {
    means: Means,
    pace: Arc<Pace>,
    trial: bool,
}

impl Claimer {
    async fn settle(&self, wanted: &Wanted) -> Settled {
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

/// What the hub's answer means for the claim of a merely named user.
async fn keep_or_drop(means: Means, answered: Answered) {
    let Answered { claimed, answer } = answered;
    let kept = after_answer(answer);
    let user = &claimed.assignment.user;
    for _ in 0..TRIES {
        let live = means.live.load_full();
        let exceptions = &live.snapshot.exceptions;
        let (Some(key), on) = (user_key(user), exceptions.epoch_of(user)) else { return };
        let write = match ending(&claimed, exceptions.assignment(user), kept) {
            Ending::Nothing => return,
            Ending::Delete => on.map(|on| Write::delete(key, on)),
            Ending::Set(assignment) => Write::set(key, on, &assignment),
        };
        let Some(write) = write else { return };
        match means.writer.write(&write, WITHIN).await {
            Wrote::Stands(_) => return,
            // By now it is known here what stands instead.
            Wrote::Conflict(_) => {}
            Wrote::Unknown(_) | Wrote::Unreachable(_) => tokio::time::sleep(TRY_AGAIN).await,
        }
    }
}
