//! Before the candidates of a hub open: everybody known as running there is assigned to it, or let go of.
//!
//! When that is wanted is the hub's life's to say; who is known there is the controller's.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;
use futures_util::StreamExt;
use futures_util::stream;
use hubrouter_config::HubId;
use hubrouter_hub_adapter::names::UserName;

use super::effects::WITHIN;
use crate::control::clock;
use crate::control::keeper::{Write, Writer, Wrote, hub_key, user_key};
use crate::control::live::Live;
use crate::core::life::claim::is_movable;
use crate::core::life::records::{Assignment, Cause, Epoch};
use crate::core::life::time::StoreTime;

/// So many writes are under way at a time.
const AT_ONCE: usize = 16;
/// From one try to the next, where the directory did not answer.
const TRY_AGAIN: Duration = Duration::from_millis(500);

/// Assigns those who run at a hub to it, or lets go of those whose servers are lost.
pub(super) struct Secure {
    pub(super) hub: HubId,
    pub(super) writer: Writer,
    pub(super) live: Arc<ArcSwap<Live>>,
    /// What stood when it was said who runs there.
    pub(super) began: Arc<Live>,
    /// Their servers are lost.
    pub(super) assume_stopped: bool,
    /// Another one has begun.
    pub(super) superseded: Arc<AtomicBool>,
}

impl Secure {
    /// All of them; whom it concerned. `None` when another one has begun meanwhile, when the operator's word that their servers are
    /// lost holds no more, or when the directory did not answer: until it does, who runs here may have stopped and gone elsewhere.
    pub(super) async fn run(&self, users: BTreeSet<UserName>) -> Option<Vec<UserName>> {
        let began = &self.began.snapshot.exceptions;
        // What is under way is waited for: the last write of this one ends before the first of the next.
        let unanswered = &AtomicBool::new(false);
        let each = stream::iter(users).map(|user| async move {
            let concerned = self.one(&user, began.epoch_of(&user), unanswered).await?;
            Some(concerned.then_some(user))
        });
        let each: Vec<Option<Option<UserName>>> = each.buffer_unordered(AT_ONCE).collect().await;
        if unanswered.load(Ordering::Relaxed) {
            tokio::time::sleep(TRY_AGAIN).await;
        }
        let all: Option<Vec<Option<UserName>>> = each.into_iter().collect();
        let mut concerned: Vec<UserName> = all?.into_iter().flatten().collect();
        concerned.sort();
        Some(concerned)
    }

    pub(super) fn is_superseded(&self) -> bool {
        self.superseded.load(Ordering::Acquire)
    }

    /// The record by which servers there count as lost: none may be let go of under any other.
    fn declared_lost(&self, live: &Live) -> Option<Epoch> {
        let record = live.snapshot.exceptions.hub(&self.hub)?;
        record.ordered.as_ref().filter(|ordered| ordered.assume_stopped).map(|_| record.epoch)
    }

    /// Whether it concerned the user, about whom `began` stood when they were known to run there; `None` when it was given up.
    async fn one(&self, user: &UserName, began: Option<Epoch>, unanswered: &AtomicBool) -> Option<bool> {
        loop {
            let live = self.live.load_full();
            let lost = self.declared_lost(&live);
            let is_over = self.is_superseded() || unanswered.load(Ordering::Relaxed);
            if is_over || (self.assume_stopped && lost.is_none()) {
                return None;
            }
            let exceptions = &live.snapshot.exceptions;
            let stands = exceptions.assignment(user);
            let (Some(key), Some(now)) = (user_key(user), self.now(&live)) else { return Some(false) };
            let write = match (stands, self.assume_stopped) {
                // Assigned elsewhere: their server here is another matter, and reported.
                (Some(stands), _) if stands.hub != self.hub => return Some(false),
                (Some(stands), false) if stands.cause == Cause::Running || !is_movable(stands.cause) => {
                    return Some(true);
                }
                (Some(stands), true) if !is_movable(stands.cause) => return Some(false),
                (Some(stands), true) => {
                    let mut write = Write::delete(key, stands.epoch);
                    write.conditions = vec![(hub_key(&self.hub), lost)];
                    Some(write)
                }
                (None, true) => return Some(true),
                // Their record ended meanwhile: so did their server, and by now they may have another one.
                (None, false) if exceptions.epoch_of(user) != began => return Some(false),
                (stands, false) => {
                    let assignment = self.running(user, stands, now);
                    Write::set(key, exceptions.epoch_of(user), &assignment)
                }
            };
            let Some(write) = write else { return Some(false) };
            match self.writer.write(&write, WITHIN).await {
                Wrote::Stands(_) => return Some(true),
                // What stands now is in force here: look again.
                Wrote::Conflict(_) => {}
                Wrote::Unknown(_) | Wrote::Unreachable(_) => {
                    unanswered.store(true, Ordering::Relaxed);
                    return None;
                }
            }
        }
    }

    fn now(&self, live: &Live) -> Option<StoreTime> {
        live.snapshot.knowledge.clock.map(|known| known.time_at(clock::now()))
    }

    fn running(&self, user: &UserName, stands: Option<&Assignment>, now: StoreTime) -> Assignment {
        Assignment {
            user: user.clone(),
            hub: self.hub.clone(),
            cause: Cause::Running,
            epoch: Epoch::default(),
            since: stands.map_or(now, |stands| stands.since),
            last_start: stands.and_then(|stands| stands.last_start),
            provisional_until: None,
        }
    }
}
