//! Placement is activated, not loaded: the routers agree on it first, and nobody with a server loses their hub by it.
//!
//! A reload only proposes. Once all live replicas propose the same, it is announced in the directory: from then on whoever would
//! get another home starts by a claim at the present one, and is recorded there. When every replica has read that, the hubs are
//! asked who has a server; those who move get an assignment to their present hub; then the new placement is active.

mod apply;
mod keep;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use hubrouter_config::{Config, Storage};
use tracing::{error, info, warn};

use self::keep::Keep;
use super::Controller;
use super::effects::{Done, WITHIN};
use super::orders::Waiting;
use crate::control::adoption::Adoption;
use crate::control::census::moment;
use crate::control::clock;
use crate::control::keeper::{Write, Writer, Wrote, placement_key};
use crate::core::life::records::{
    ActivePlacement, AdoptedHub, Epoch, NextPlacement, PlacementRecord, seed_fingerprint,
};
use crate::core::life::time::{ALONE_AT_LOCAL, StoreTime};
use crate::core::life::votes::{is_live, is_vanished};
use crate::core::moment::Knowledge;
use crate::core::placement::{self, Member, Placement};

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
            self.placing.ran(clock::now(), "a step is under way");
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
                None => {
                    let why = self.not_ready(&proposed, &record, now);
                    if why.is_none() {
                        self.announce(&record, proposed, now, None, None);
                    }
                    why
                }
            },
        };
        if why != self.placements.why {
            if let Some(why) = &why {
                warn!("a new placement is not active yet: {why}");
            }
            self.placements.why.clone_from(&why);
        }
        let result = why.clone().unwrap_or_else(|| "active".to_owned());
        self.placing.ran(clock::now(), result);
        self.parts.board.note_placement(self.placements.record.clone(), why);
    }

    /// Announces the proposal, and tells the operator who waits for that.
    fn announce(
        &mut self,
        record: &PlacementRecord,
        proposed: ActivePlacement,
        now: StoreTime,
        forced_by: Option<String>,
        waiting: Option<Waiting>,
    ) {
        let placement = ActivePlacement { generation: record.active.generation + 1, ..proposed };
        let next = Some(NextPlacement { placement, since: now, forced_by });
        let announced = PlacementRecord { next, ..record.clone() };
        self.put_and_tell(Some(record.epoch), announced, "a new placement is announced", waiting);
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
            known: config.hubs.iter().map(|hub| (hub.id.clone(), self.known_at(&hub.id))).collect(),
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
                    trouble(&write(&writer, Some(record.epoch), &active).await)
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
        self.put_and_tell(on, record, what, None);
    }

    /// Writes it, and tells the operator who waits for that.
    fn put_and_tell(
        &mut self,
        on: Option<Epoch>,
        record: PlacementRecord,
        what: &'static str,
        waiting: Option<Waiting>,
    ) {
        let (done, writer) = (self.done.clone(), self.parts.share.writer.clone());
        self.placements.under_way = true;
        tokio::spawn(async move {
            let wrote = write(&writer, on, &record).await;
            if let Some(waiting) = waiting {
                waiting.wrote(&wrote);
            }
            let trouble = trouble(&wrote);
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

async fn write(writer: &Writer, on: Option<Epoch>, record: &PlacementRecord) -> Wrote {
    match Write::set(placement_key(), on, record) {
        Some(write) => writer.write(&write, WITHIN).await,
        None => Wrote::Unreachable("there are too many hubs to write the placement".to_owned()),
    }
}

/// Why what was to be written may not stand.
fn trouble(wrote: &Wrote) -> Option<String> {
    match wrote {
        Wrote::Stands(_) => None,
        Wrote::Conflict(_) => Some("another replica was first".to_owned()),
        Wrote::Unknown(reason) | Wrote::Unreachable(reason) => Some(reason.clone()),
    }
}
