//! Claims at work: a start that may not go unasked gets its hub here, within 2 s, or waits.
//!
//! Decided by `core::starting` and `core::life::claim` over and over on the picture of the moment; asking hubs and writing is
//! done here, apart from the fast path. How the hub answered the start then decides whether a merely named user's claim lasts.

mod claimer;
mod pace;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use hubrouter_config::HubId;
use hubrouter_hub_adapter::names::UserName;
use tokio::sync::{mpsc, oneshot};

use super::board::Board;
use super::calls::Dial;
use super::journal::{Journal, Noted};
use super::keeper::{Write, Writer, Wrote, user_key};
use super::live::Live;
use crate::core::life::claim::{Claimed, Ending, Identity, StartAnswer, WaitWhy, after_answer, ending};
use crate::core::life::reason::Reason;
use crate::core::life::tables::Page;
use crate::core::snapshot::Snapshot;
use crate::core::spawning::{Verdict, is_trial};
use claimer::Claimer;
use pace::Pace;

/// A claim is made within this time, or the start waits.
const WITHIN: Duration = Duration::from_secs(2);
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
