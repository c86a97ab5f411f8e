//! Orders about one user: to another hub, for good or until they are idle; never while a server runs.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use hubrouter_config::{HubId, Intent};
use hubrouter_hub_adapter::census::UserAt;
use hubrouter_hub_adapter::names::UserName;
use tokio::sync::oneshot;

use super::{answer, because};
use crate::control::board::Board;
use crate::control::calls::Dial;
use crate::control::clock;
use crate::control::controller::Controller;
use crate::control::controller::effects::WITHIN;
use crate::control::keeper::{Write, Writer, Wrote, hub_key, user_key};
use crate::control::live::Live;
use crate::control::operator::{Order, Outcome, Refused};
use crate::core::life::candidates::Pool;
use crate::core::life::claim::is_movable;
use crate::core::life::records::{Assignment, Cause, Epoch, HubRecord};
use crate::core::life::time::StoreTime;
use crate::directory::Entry;

type Reply = oneshot::Sender<Result<Outcome, Refused>>;

/// The longest that all replicas may take to have read that the user is held.
const ALL_READ_WITHIN: Duration = Duration::from_secs(60);
/// So often a record that others change at the same time is written.
const TRIES: u32 = 5;
/// How often is looked.
const LOOK_EVERY: Duration = Duration::from_millis(200);

impl Controller {
    pub(super) fn order_move(&self, user: UserName, to: HubId, pin: bool, order: &Order, reply: Reply) {
        if self.parts.loaded.config.hub(&to).is_none() {
            answer(reply, Err(self.unknown_hub(&to)));
            return;
        }
        let job = self.job(user, order);
        tokio::spawn(async move {
            let end = job.bring(&to, if pin { Cause::Pin } else { Cause::Move }).await;
            answer(reply, end);
        });
    }

    pub(super) fn order_rescue(&self, user: UserName, hub: HubId, order: &Order, reply: Reply) {
        let job = self.job(user, order);
        tokio::spawn(async move {
            let end = job.rescue(&hub).await;
            answer(reply, end);
        });
    }

    fn job(&self, user: UserName, order: &Order) -> Job {
        Job {
            user,
            live: Arc::clone(&self.parts.live),
            writer: self.parts.share.writer.clone(),
            dial: Arc::clone(&self.parts.share.dial),
            board: Arc::clone(&self.parts.board),
            order: order.clone(),
        }
    }

    pub(super) fn order_unpin(&self, user: UserName, order: &Order, reply: Reply) {
        let job = self.job(user, order);
        tokio::spawn(async move {
            let end = job.unpin().await;
            answer(reply, end);
        });
    }
}

/// One order about one user.
struct Job {
    user: UserName,
    live: Arc<ArcSwap<Live>>,
    writer: Writer,
    dial: Arc<dyn Dial>,
    board: Arc<Board>,
    order: Order,
}

impl Job {
    /// Assigns the user to `to`: first where they are, so that no replica starts anything unasked; then, when all have read
    /// that and the hub says that nothing runs there, to the new hub.
    async fn bring(&self, to: &HubId, cause: Cause) -> Result<Outcome, Refused> {
        let user = &self.user;
        let (owner, stands) = self.stands()?;
        if stands.as_ref().is_some_and(|stands| stands.hub == *to && stands.cause == cause) {
            return Err(Refused::Conflict(format!("`{user}` is at `{to}` by such an order already")));
        }
        let pinned = stands.as_ref().filter(|stands| !is_movable(stands.cause));
        if let Some(stands) = pinned.filter(|_| is_movable(cause)) {
            return Err(Refused::Conflict(format!(
                "`{user}` is pinned to `{}`: `hubrouter pin {user} --clear` first, or pin them to `{to}`",
                stands.hub
            )));
        }
        // A pin stays one until it is another one.
        let held = pinned.map_or(Cause::Move, |stands| stands.cause);
        let stays = owner == *to;
        self.takes_users(to)?;
        self.same_pool(&owner, to)?;
        if stays {
            self.known_at(to).await?;
        } else {
            self.idle_everywhere_but(to).await?;
        }
        let summary = if self.order.dry_run {
            format!("`{user}` would be at `{to}`, not at `{owner}`")
        } else {
            format!("`{user}` is at `{to}` from now on")
        };
        let kept = match cause {
            Cause::Pin => "until `hubrouter pin --clear`",
            _ => "until they have had no server there for a while",
        };
        let outcome = Outcome {
            dry_run: self.order.dry_run,
            summary,
            details: vec![format!("they stay there {kept}")],
        };
        if self.order.dry_run {
            return Ok(outcome);
        }
        if stays {
            self.write(to, cause, stands.as_ref(), self.epoch()).await?;
        } else {
            let held = self.write(&owner, held, stands.as_ref(), self.epoch()).await?;
            self.read_by_all(held.written_at).await?;
            self.idle_everywhere_but(to).await?;
            // A start meanwhile has raised the epoch: then a server may be on its way where they were.
            self.write(to, cause, stands.as_ref(), Some(held.epoch)).await?;
        }
        let Order { what, who, why, .. } = &self.order;
        let text = format!("user `{user}`: {} to `{to}` by {who}{}", what.label(), because(why));
        self.board.events.note(self.order.what.label(), Some(to), Some(user.as_str()), text);
        Ok(outcome)
    }

    async fn unpin(&self) -> Result<Outcome, Refused> {
        let user = &self.user;
        let (_, stands) = self.stands()?;
        let pinned = stands.filter(|stands| stands.cause == Cause::Pin);
        let Some(pinned) = pinned else {
            return Err(Refused::Conflict(format!("`{user}` is not pinned: there is nothing to clear")));
        };
        let outcome = Outcome {
            dry_run: self.order.dry_run,
            summary: format!(
                "the pin of `{user}` to `{}` is cleared: they go home when they are idle",
                pinned.hub
            ),
            details: Vec::new(),
        };
        if !self.order.dry_run {
            self.write(&pinned.hub.clone(), Cause::Move, Some(&pinned), Some(pinned.epoch)).await?;
            let Order { who, why, .. } = &self.order;
            let text =
                format!("user `{user}`: the pin to `{}` is cleared by {who}{}", pinned.hub, because(why));
            self.board.events.note("unpin", Some(&pinned.hub), Some(user.as_str()), text);
        }
        Ok(outcome)
    }

    /// The user's own confirmation that their server at a dead hub is lost: listed with the hub's failover, so that the old
    /// server is stopped when the hub comes back; then they are assigned to their next hub.
    async fn rescue(&self, hub: &HubId) -> Result<Outcome, Refused> {
        let (_, stands) = self.stands()?;
        if stands.is_some_and(|stands| !is_movable(stands.cause)) {
            return Err(Refused::Conflict(format!(
                "`{}` is pinned to `{hub}` by an operator, who alone can change that",
                self.user
            )));
        }
        for _ in 0..TRIES {
            let live = self.live.load_full();
            let record = live.snapshot.exceptions.hub(hub);
            let is_dead = record.is_some_and(|record| record.outage.is_some_and(|outage| outage.both()));
            let failed_over = record.and_then(|record| record.failed_over.clone()).filter(|_| is_dead);
            let (Some(record), Some(mut failed_over)) = (record, failed_over) else {
                return Err(Refused::Conflict(format!(
                    "hub `{hub}` is not failed over: wait until it is back"
                )));
            };
            if failed_over.moved.contains(&self.user) {
                return self.moved_from(hub).await;
            }
            failed_over.moved.push(self.user.clone());
            let listed = HubRecord { failed_over: Some(failed_over), ..(**record).clone() };
            let write = Write::set(hub_key(hub), Some(record.epoch), &listed)
                .ok_or_else(|| Refused::Unavailable("too many users were moved from this hub".to_owned()))?;
            match self.writer.write(&write, WITHIN).await {
                Wrote::Stands(_) | Wrote::Conflict(_) => {}
                Wrote::Unknown(reason) | Wrote::Unreachable(reason) => {
                    return Err(Refused::Unavailable(reason));
                }
            }
        }
        Err(Refused::Unavailable("too much changes at this moment: try again".to_owned()))
    }

    async fn moved_from(&self, hub: &HubId) -> Result<Outcome, Refused> {
        let (owner, stands) = self.stands()?;
        let to = {
            let live = self.live.load();
            let from = live.snapshot.find(hub);
            let next = from.map(|from| live.snapshot.next_candidate(&self.user, from));
            match next {
                Some(Ok(next)) => live.snapshot.id(next).clone(),
                Some(Err(none)) => return Err(Refused::Conflict(none.to_string())),
                None => return Err(Refused::Conflict(format!("there is no hub `{hub}` any more"))),
            }
        };
        if owner == *hub {
            self.write(&to, Cause::Rescue, stands.as_ref(), self.epoch()).await?;
            let text =
                format!("user `{}` declared their server at `{hub}` lost: they go on at `{to}`", self.user);
            self.board.events.note("rescue", Some(hub), Some(self.user.as_str()), text);
        }
        let summary = format!("`{}` goes on at `{to}`", self.user);
        Ok(Outcome { dry_run: false, summary, details: Vec::new() })
    }

    /// The epoch of what stands for the user.
    fn epoch(&self) -> Option<Epoch> {
        self.live.load().snapshot.exceptions.epoch_of(&self.user)
    }

    /// The owner hub, and the assignment.
    fn stands(&self) -> Result<(HubId, Option<Assignment>), Refused> {
        let live = self.live.load();
        let place = live.snapshot.whereabouts(&self.user);
        let place = place.ok_or_else(|| Refused::Invalid("there is no hub at all".to_owned()))?;
        Ok((live.snapshot.id(place.at).clone(), place.assignment.cloned()))
    }

    /// A hub that sends its own users away, or that nobody reaches, gets nobody.
    fn takes_users(&self, to: &HubId) -> Result<(), Refused> {
        let live = self.live.load();
        let Some(view) = live.snapshot.find(to).map(|index| live.snapshot.hub(index)) else { return Ok(()) };
        let outage = view.record.outage.is_some();
        let why = match view.intent() {
            _ if outage => "is down",
            Intent::Draining => "is being drained",
            Intent::Maintenance => "is in maintenance",
            Intent::Active | Intent::Cordoned => return Ok(()),
        };
        Err(Refused::Unsafe(format!("hub `{to}` {why}: nobody is sent there")))
    }

    fn same_pool(&self, owner: &HubId, to: &HubId) -> Result<(), Refused> {
        let live = self.live.load();
        let pool = |id: &HubId| live.snapshot.config.hub(id).map(Pool::of);
        if pool(owner) == pool(to) {
            return Ok(());
        }
        Err(Refused::Unsafe(format!(
            "the files of `{}` are at `{owner}`, whose storage `{to}` does not share",
            self.user
        )))
    }

    /// "Refused while a server runs": every hub that may have one is asked; one that must know and cannot say keeps the user.
    async fn idle_everywhere_but(&self, to: &HubId) -> Result<(), Refused> {
        let live = self.live.load_full();
        let mut known = false;
        for view in live.snapshot.hubs.iter() {
            let hub = &view.hub;
            let calls = self.dial.calls(hub, &live.snapshot.site);
            let told = if calls.may_be_asked() {
                calls.user(&self.user, WITHIN).await.map_err(|error| error.to_string())
            } else {
                Err("it has no api_token".to_owned())
            };
            match told {
                Ok(UserAt::Running | UserAt::Pending) if hub.id != *to => {
                    return Err(Refused::Unsafe(format!(
                        "`{}` has a server at `{}`: it has to be stopped before they can move",
                        self.user, hub.id
                    )));
                }
                Ok(UserAt::UnknownUser) => {}
                Ok(_) => known = true,
                Err(reason) if hub.id == *to => drop(reason),
                Err(reason) => {
                    return Err(Refused::Unsafe(format!(
                        "hub `{}` cannot say whether `{}` has a server there: {reason}",
                        hub.id, self.user
                    )));
                }
            }
        }
        if known { Ok(()) } else { Err(Refused::UnknownUser { user: self.user.to_string() }) }
    }

    /// Refuses a name that the hub has never heard; one that cannot say so now is not asked for more.
    async fn known_at(&self, hub: &HubId) -> Result<(), Refused> {
        let live = self.live.load_full();
        let Some(view) = live.snapshot.find(hub).map(|index| live.snapshot.hub(index)) else { return Ok(()) };
        let calls = self.dial.calls(&view.hub, &live.snapshot.site);
        if !calls.may_be_asked() {
            return Ok(());
        }
        match calls.user(&self.user, WITHIN).await {
            Ok(UserAt::UnknownUser) => Err(Refused::UnknownUser { user: self.user.to_string() }),
            Ok(_) | Err(_) => Ok(()),
        }
    }

    /// Writes where the user is, if what stands has this epoch.
    async fn write(
        &self,
        hub: &HubId,
        cause: Cause,
        stands: Option<&Assignment>,
        on: Option<Epoch>,
    ) -> Result<Entry, Refused> {
        let live = self.live.load();
        let now = live.snapshot.knowledge.clock.map(|known| known.time_at(clock::now())).unwrap_or_default();
        let assignment = Assignment {
            user: self.user.clone(),
            hub: hub.clone(),
            cause,
            epoch: Epoch::default(),
            since: now,
            last_start: stands.and_then(|stands| stands.last_start),
            provisional_until: None,
        };
        drop(live);
        let key = user_key(&self.user);
        let write = key.and_then(|key| Write::set(key, on, &assignment));
        let write = write.ok_or_else(|| Refused::Invalid("the name is too long for any hub".to_owned()))?;
        match self.writer.write(&write, WITHIN).await {
            Wrote::Stands(entry) => Ok(entry),
            Wrote::Conflict(_) => Err(Refused::Conflict(format!(
                "`{}` started a server or was moved at the same moment: look where they are, and order again",
                self.user
            ))),
            Wrote::Unknown(reason) | Wrote::Unreachable(reason) => Err(Refused::Unavailable(format!(
                "nobody knows whether it was written ({reason}): look where `{}` is before you order again",
                self.user
            ))),
        }
    }

    /// Waits until every replica has read what was written at `at`, and for the time after which an older copy starts nothing.
    async fn read_by_all(&self, at: StoreTime) -> Result<(), Refused> {
        let until = clock::now() + ALL_READ_WITHIN;
        let open_after = self.live.load().snapshot.times.open_after;
        tokio::time::sleep(open_after).await;
        while clock::now() < until {
            if self.board.all_have_read(at) {
                return Ok(());
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
        Err(Refused::Unavailable(
            "a replica has not read the directory for long, and may start servers by what it knows: try again when it is back \
             or gone"
                .to_owned(),
        ))
    }
}
