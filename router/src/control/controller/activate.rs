//! Placement is activated, not loaded: the routers agree on it first, and nobody with a server loses their hub by it.
//!
//! A reload only proposes. Once all live replicas propose the same, it is announced in the directory: from then on whoever would
//! get another home starts by a claim at the present one, and is recorded there. When every replica has read that, the hubs are
//! asked who has a server; those who move get an assignment to their present hub; then the new placement is active.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use hubrouter_config::{Config, Hub, HubId, Storage};
use hubrouter_hub_adapter::names::UserName;
use hubrouter_hub_adapter::site::Site;
use tracing::{error, info, warn};

use super::Controller;
use super::effects::{Done, WITHIN};
use crate::control::adoption::Adoption;
use crate::control::calls::Dial;
use crate::control::census::moment;
use crate::control::clock;
use crate::control::keeper::{Write, Writer, Wrote, placement_key, user_key};
use crate::control::operator::{Order, Outcome, Refused};
use crate::core::life::records::{
    ActivePlacement, AdoptedHub, Assignment, Cause, Epoch, NextPlacement, PlacementRecord, seed_fingerprint,
};
use crate::core::life::time::{ALONE_AT_LOCAL, StoreTime};
use crate::core::life::votes::{is_live, is_vanished};
use crate::core::moment::Knowledge;
use crate::core::placement::{self, Member, Placement};

/// Patience for a hub's list of servers.
const LIST_WITHIN: Duration = Duration::from_secs(30);
/// From a step that failed to the next try.
const TRY_AGAIN: Duration = Duration::from_secs(2);

/// The placements that this replica knows.
#[derive(Debug, Default)]
pub(super) struct Placements {
    pub(super) record: Option<Arc<PlacementRecord>>,
    active: Option<Arc<dyn Placement>>,
    next: Option<Arc<dyn Placement>>,
    /// Seeds of the configurations that this process has seen, by their fingerprints.
    seeds: BTreeMap<String, String>,
    /// When this replica first saw what stands, by the store's clock.
    seen_at: StoreTime,
    /// The mark of what the configuration proposes.
    pub(super) mark: String,
    pub(super) under_way: bool,
    why: Option<String>,
}

/// A step of an activation has ended.
#[derive(Debug)]
pub struct Ended {
    what: &'static str,
    trouble: Option<String>,
}

impl Placements {
    /// The placement that `config` proposes.
    pub(super) fn proposed(&self, config: &Config) -> ActivePlacement {
        let members: Vec<Member> = config.hubs.iter().map(Member::from).collect();
        ActivePlacement::of(&config.placement, &members)
    }

    /// The placement by which everybody routes; that of the configuration until the directory names one.
    pub(super) fn active(&self, config: impl Fn() -> Config) -> Arc<dyn Placement> {
        self.active.clone().unwrap_or_else(|| {
            let config = config();
            placement::build(&config.placement, &config.hubs)
        })
    }

    /// The placement that is announced.
    pub(super) fn next(&self) -> Option<Arc<dyn Placement>> {
        self.next.clone()
    }

    /// The seed of the active placement was never in a configuration of this process: nobody's home can be computed.
    fn is_unknown(&self) -> bool {
        self.record.is_some() && self.active.is_none()
    }

    fn of(&self, placed: &ActivePlacement) -> Option<Arc<dyn Placement>> {
        let seed = self.seeds.get(&placed.seed)?;
        Some(placement::of(placed.algorithm, seed, &placed.members()))
    }
}

impl Controller {
    /// Notes what the configuration proposes, for the heartbeats.
    pub(super) fn propose(&mut self) {
        self.placements.mark = self.placements.proposed(&self.proposal_config()).mark();
    }

    /// Takes over what stands about the placement.
    pub(super) fn know_placement(&mut self) {
        let settings = &self.parts.loaded.config.placement;
        let seed = settings.seed.as_ref().map_or_else(String::new, |seed| seed.expose().clone());
        self.placements.seeds.insert(seed_fingerprint(&seed), seed);
        let record = self.view.exceptions.placement().cloned();
        let epoch = |record: &Option<Arc<PlacementRecord>>| record.as_ref().map(|record| record.epoch);
        if epoch(&record) == epoch(&self.placements.record) && !self.placements.is_unknown() {
            return;
        }
        self.placements.seen_at = self.store_now().unwrap_or_default();
        let was_unknown = self.placements.is_unknown();
        self.placements.active = record.as_ref().and_then(|record| self.placements.of(&record.active));
        let next = record.as_ref().and_then(|record| record.next.as_ref());
        self.placements.next = next.and_then(|next| self.placements.of(&next.placement));
        self.placements.record = record;
        if self.placements.is_unknown() && !was_unknown {
            error!(
                "the active placement has another seed than placement.seed, and this process has never seen it: starts wait until \
                 the others have activated the new one, or `hubrouter apply --force`"
            );
        }
        self.adopt_recorded();
    }

    /// How well the directory is known; not at all where homes cannot be computed, or nobody knows who is away from home.
    pub(super) fn knowledge(&self) -> Knowledge {
        if self.placements.is_unknown() || self.is_rebuilding() {
            return Knowledge { in_step: None, ..self.view.knowledge };
        }
        self.view.knowledge
    }

    /// Looks what the placement needs next.
    pub(super) fn activate(&mut self, now: StoreTime) {
        // The first placement says that the directory knows who is away from home.
        if self.placements.under_way || !self.view.read || self.is_rebuilding() {
            return;
        }
        let proposed = self.placements.proposed(&self.proposal_config());
        let why = match self.placements.record.clone() {
            None => {
                let first = PlacementRecord::first(proposed, now);
                self.put(None, first, "the first placement is active");
                None
            }
            Some(record) => match &record.next {
                Some(next) if next.placement.places_alike(&proposed) => self.finish(&record, next),
                Some(next) if next.forced_by.is_some() => self.finish(&record, next),
                Some(_) => {
                    let without = PlacementRecord { next: None, ..(*record).clone() };
                    self.put(Some(record.epoch), without, "the placement that was announced is taken back");
                    None
                }
                None if record.active.places_alike(&proposed) => None,
                None => self.announce(&record, proposed, now, None),
            },
        };
        if why != self.placements.why {
            if let Some(why) = &why {
                warn!("a new placement is not active yet: {why}");
            }
            self.placements.why.clone_from(&why);
        }
        self.parts.board.note_placement(self.placements.record.clone(), why);
    }

    /// Announces the proposal, or says what it waits for.
    fn announce(
        &mut self,
        record: &PlacementRecord,
        proposed: ActivePlacement,
        now: StoreTime,
        forced_by: Option<String>,
    ) -> Option<String> {
        if forced_by.is_none()
            && let Some(why) = self.not_ready(&proposed, record, now)
        {
            return Some(why);
        }
        let placement = ActivePlacement { generation: record.active.generation + 1, ..proposed };
        let next = Some(NextPlacement { placement, since: now, forced_by });
        let announced = PlacementRecord { next, ..record.clone() };
        self.put(Some(record.epoch), announced, "a new placement is announced");
        None
    }

    /// Why a proposal may not be announced yet.
    fn not_ready(
        &self,
        proposed: &ActivePlacement,
        record: &PlacementRecord,
        now: StoreTime,
    ) -> Option<String> {
        self.not_agreed(proposed, now).or_else(|| self.not_heard(now)).or_else(|| self.not_known(record))
    }

    /// A replica that vanished may be cut off from the directory and still start servers where nobody but a new placement can send
    /// users away: at hubs with local storage. For an hour it is remembered.
    fn not_heard(&self, now: StoreTime) -> Option<String> {
        let config = &self.parts.loaded.config;
        config.hubs.iter().find(|hub| hub.storage == Storage::Local)?;
        let times = self.parts.live.load().snapshot.times;
        let gone = self.heartbeats.iter().find(|beat| is_vanished(beat, &times, now))?;
        let left = ALONE_AT_LOCAL.saturating_sub(now.since(gone.at));
        (!left.is_zero()).then(|| {
            format!(
                "replica `{}` fell silent without goodbye and may still start servers at hubs with local storage, for {} more minutes; \
                 if it is gone, `hubrouter apply --force`",
                gone.replica,
                left.as_secs().div_ceil(60)
            )
        })
    }

    /// "Every live replica proposed the same."
    fn not_agreed(&self, proposed: &ActivePlacement, now: StoreTime) -> Option<String> {
        let (mark, times) = (proposed.mark(), self.parts.live.load().snapshot.times);
        let other =
            self.heartbeats.iter().find(|beat| is_live(beat, &times, now) && beat.proposes != mark)?;
        Some(format!("replica `{}` proposes another one: its configuration differs", other.replica))
    }

    /// "Every hub whose users would move has an authoritative census that is fresh."
    fn not_known(&self, record: &PlacementRecord) -> Option<String> {
        let live = self.parts.live.load();
        for placed in &record.active.hubs {
            let Some(hub) = self.parts.loaded.config.hub(&placed.id) else {
                return Some(format!(
                    "hub `{}` is gone and nobody can be asked who has a server there; `hubrouter apply --force` does without it",
                    placed.id
                ));
            };
            if hub.api_token.is_none() {
                return Some(format!(
                    "hub `{}` has no api_token, so nobody knows whose servers run there; add one, or `hubrouter apply --force`",
                    hub.id
                ));
            }
            let seen = self.parts.board.census.hub(&hub.id, moment(&live.snapshot, &hub.id, clock::now()));
            if !seen.known {
                return Some(format!("hub `{}` has not told for long who has a server there", hub.id));
            }
        }
        None
    }

    /// Once all replicas know of it: asks the hubs, keeps who runs, and makes it active. Says what it waits for.
    fn finish(&mut self, record: &PlacementRecord, next: &NextPlacement) -> Option<String> {
        let open_after = self.parts.live.load().snapshot.times.open_after;
        // A write may reach the store later than it was meant to: what counts is when it was seen to stand.
        let stood = self.placements.seen_at.max(next.since);
        let waited = self.store_now().is_some_and(|now| now >= stood.plus(open_after));
        if !waited || !self.parts.board.all_have_read(stood) {
            return Some("all replicas have to read that it is announced".to_owned());
        }
        if next.forced_by.is_none()
            && let Some(why) = self.store_now().and_then(|now| self.not_heard(now))
        {
            return Some(why);
        }
        let Some(following) = self.placements.next.clone() else {
            return Some("its seed is not known to this replica".to_owned());
        };
        let config = &self.parts.loaded.config;
        let job = Keep {
            hubs: config.hubs.clone(),
            site: Arc::clone(&self.parts.live.load().snapshot.site),
            dial: Arc::clone(&self.parts.share.dial),
            writer: self.parts.share.writer.clone(),
            live: Arc::clone(&self.parts.live),
            following,
            forced: next.forced_by.is_some(),
        };
        let alone = match record.active.hubs.as_slice() {
            [alone] if next.placement.hubs.len() > 1 => Some(alone.id.clone()),
            _ => None,
        };
        let record = record.clone();
        let (done, writer, placement) =
            (self.done.clone(), self.parts.share.writer.clone(), next.placement.clone());
        self.placements.under_way = true;
        tokio::spawn(async move {
            let trouble = match job.run().await {
                Err(trouble) => Some(trouble),
                Ok(now) => {
                    let adopted = alone.map(|hub| AdoptedHub { hub, since: now }).or(record.adopted.clone());
                    let active = PlacementRecord {
                        active: placement,
                        since: now,
                        next: None,
                        adopted,
                        ..record.clone()
                    };
                    write(&writer, Some(record.epoch), &active).await.err()
                }
            };
            if trouble.is_some() {
                tokio::time::sleep(TRY_AGAIN).await;
            }
            let _ = done.send(Done::Activated(Ended { what: "a new placement is active", trouble }));
        });
        // What it waited for last, until it is known that it does no more.
        self.placements.why.clone()
    }

    pub(super) fn put(&mut self, on: Option<Epoch>, record: PlacementRecord, what: &'static str) {
        let (done, writer) = (self.done.clone(), self.parts.share.writer.clone());
        self.placements.under_way = true;
        tokio::spawn(async move {
            let trouble = write(&writer, on, &record).await.err();
            if trouble.is_some() {
                tokio::time::sleep(TRY_AGAIN).await;
            }
            let _ = done.send(Done::Activated(Ended { what, trouble }));
        });
    }

    pub(super) fn activation_ended(&mut self, ended: Ended) {
        self.placements.under_way = false;
        match ended.trouble {
            None => {
                info!("{}", ended.what);
                self.parts.board.events.note("placement", None, None, ended.what.to_owned());
            }
            Some(trouble) => {
                if self.placements.why.as_ref() != Some(&trouble) {
                    warn!("a new placement is not active yet: {trouble}");
                }
                self.placements.why = Some(trouble.clone());
                self.parts.board.note_placement(self.placements.record.clone(), Some(trouble));
            }
        }
    }

    /// An operator wants the proposal of this replica to be active.
    pub(super) fn order_apply(
        &mut self,
        force: bool,
        order: &Order,
        now: StoreTime,
    ) -> Result<Outcome, Refused> {
        let proposed = self.placements.proposed(&self.proposal_config());
        let Some(record) = self.placements.record.clone() else {
            return Err(Refused::Conflict(
                "the first placement is being activated: there is nothing to apply".into(),
            ));
        };
        if self.placements.under_way {
            return Err(Refused::Conflict(
                "a step of an activation is being written: try again in a moment".into(),
            ));
        }
        if record.active.places_alike(&proposed) && force && self.retired().next().is_some() {
            return Ok(self.let_go_by_force(order));
        }
        if record.active.places_alike(&proposed) {
            return Err(Refused::Conflict("the active placement is the one of this configuration".into()));
        }
        if let Some(next) =
            record.next.as_ref().filter(|next| next.placement.places_alike(&proposed) && !force)
        {
            let since = now.since(next.since).as_secs();
            return Err(Refused::Conflict(format!("it is being activated, for {since} s")));
        }
        let waits = self.not_ready(&proposed, &record, now);
        if let Some(why) = waits.clone().filter(|_| !force) {
            return Err(Refused::Unsafe(format!("{why}; --force does it all the same")));
        }
        let mut details = self.movers(&proposed);
        details.extend(waits.map(|why| format!("forced although {why}")));
        let begins = if order.dry_run { "would be" } else { "is being" };
        let summary = format!(
            "generation {} {begins} activated; the status says when it is",
            record.active.generation + 1
        );
        if !order.dry_run {
            self.announce(&record, proposed, now, force.then(|| order.who.clone()));
            if force {
                self.release_retired();
            }
        }
        Ok(Outcome { dry_run: order.dry_run, summary, details })
    }

    /// The placement is active, and hubs that are gone from the configuration are only kept for who is still there.
    fn let_go_by_force(&mut self, order: &Order) -> Outcome {
        let names: Vec<String> = self.retired().map(|hub| format!("`{hub}`")).collect();
        let becomes = if order.dry_run { "would be" } else { "is" };
        let summary = format!("{} {becomes} let go of, whoever is still recorded there", names.join(", "));
        if !order.dry_run {
            self.release_retired();
        }
        Outcome { dry_run: order.dry_run, summary, details: Vec::new() }
    }

    /// Whom the proposal moves, among those who are known.
    fn movers(&self, proposed: &ActivePlacement) -> Vec<String> {
        let Some(following) = self.placements.of(proposed) else { return Vec::new() };
        let config = &self.parts.loaded.config;
        let moves = |hub: &HubId| -> usize {
            self.known_at(hub).iter().filter(|user| following.home(user) != Some(hub)).count()
        };
        let lines = config.hubs.iter().map(|hub| (&hub.id, self.known_at(&hub.id).len(), moves(&hub.id)));
        lines
            .map(|(hub, running, moves)| {
                format!("`{hub}`: {running} users with a server; {moves} of them get another home and stay until they are idle")
            })
            .collect()
    }

    /// Sessions of the hub that was alone once count as its own, also after a restart.
    fn adopt_recorded(&mut self) {
        let config = &self.parts.loaded.config;
        let recorded = self.placements.record.as_ref().and_then(|record| record.adopted.clone());
        let (Some(recorded), Some(clock), None) = (recorded, self.view.knowledge.clock, &self.adopted) else {
            return;
        };
        let since = clock.instant_of(recorded.since);
        let over = clock::now().saturating_duration_since(since) >= config.session.lifetime;
        if !over && config.hub(&recorded.hub).is_some() && config.hubs.len() > 1 {
            self.adopted = Some(Adoption::recorded(recorded.hub, since));
            self.draw(clock::now());
        }
    }
}

async fn write(writer: &Writer, on: Option<Epoch>, record: &PlacementRecord) -> Result<(), String> {
    let write =
        Write::set(placement_key(), on, record).ok_or("there are too many hubs to write the placement")?;
    match writer.write(&write, WITHIN).await {
        Wrote::Stands(_) => Ok(()),
        Wrote::Conflict(_) => Err("another replica was first".to_owned()),
        Wrote::Unknown(reason) | Wrote::Unreachable(reason) => Err(reason),
    }
}

/// Assigns everybody with a server who gets another home to their present hub.
struct Keep {
    hubs: Vec<Hub>,
    site: Arc<Site>,
    dial: Arc<dyn Dial>,
    writer: Writer,
    live: Arc<arc_swap::ArcSwap<crate::control::live::Live>>,
    following: Arc<dyn Placement>,
    forced: bool,
}

impl Keep {
    /// The store's time when everybody was recorded.
    async fn run(&self) -> Result<StoreTime, String> {
        for hub in &self.hubs {
            let calls = self.dial.calls(hub, &self.site);
            let told = if calls.may_be_asked() {
                calls.active_users(LIST_WITHIN).await.map_err(|error| error.to_string())
            } else {
                Err(format!("hub `{}` has no api_token", hub.id))
            };
            match told {
                Ok(active) => {
                    for user in active.users.keys() {
                        self.keep(user, &hub.id).await?;
                    }
                }
                Err(reason) if self.forced => {
                    warn!(hub.id = %hub.id, reason, "who has a server there is not known: forced");
                }
                // A hub that only joins has nobody who could move away from it.
                Err(_) if !self.is_placed(&hub.id) => {}
                Err(reason) => return Err(reason),
            }
        }
        self.now()
    }

    /// Whether somebody may have their home there by the active placement.
    fn is_placed(&self, hub: &HubId) -> bool {
        let live = self.live.load();
        let record = live.snapshot.exceptions.placement();
        record.is_some_and(|record| record.active.hubs.iter().any(|placed| placed.id == *hub))
    }

    fn now(&self) -> Result<StoreTime, String> {
        let known = self.live.load().snapshot.knowledge.clock;
        known
            .map(|known| known.time_at(clock::now()))
            .ok_or_else(|| "the directory was never heard".to_owned())
    }

    async fn keep(&self, user: &UserName, hub: &HubId) -> Result<(), String> {
        loop {
            let live = self.live.load_full();
            if live.snapshot.exceptions.assignment(user).is_some() || self.following.home(user) == Some(hub) {
                return Ok(());
            }
            let now = self.now()?;
            let assignment = Assignment {
                user: user.clone(),
                hub: hub.clone(),
                cause: Cause::Running,
                epoch: Epoch::default(),
                since: now,
                last_start: None,
                provisional_until: None,
            };
            let on = live.snapshot.exceptions.epoch_of(user);
            let Some(write) = user_key(user).and_then(|key| Write::set(key, on, &assignment)) else {
                return Ok(());
            };
            match self.writer.write(&write, WITHIN).await {
                Wrote::Stands(_) => return Ok(()),
                Wrote::Conflict(_) => {}
                Wrote::Unknown(reason) | Wrote::Unreachable(reason) => return Err(reason),
            }
        }
    }
}
