//! What replicas share, taken into the picture and into the lives of hubs.

use std::sync::Arc;

use hubrouter_config::{Config, HubId};
use hubrouter_hub_adapter::names::{NameRule, UserName};
use tracing::{info, warn};

use super::Controller;
use super::effects::{Done, WITHIN};
use crate::control::census::Authority;
use crate::control::clock;
use crate::control::keeper::{CensusRecord, Told, View, Write, Wrote, census_key};
use crate::control::upkeep::Means;
use crate::core::census::{Asked, Servers};
use crate::core::health::HubHealth;
use crate::core::life::hub_life::Heard;
use crate::core::life::records::Heartbeat;
use crate::core::life::step::{Effect, HubEvent};
use crate::core::life::time::StoreTime;
use crate::core::snapshot::{HubIndex, HubView, Shared, Snapshot};
use crate::core::upkeep::{Tidy, lapsed};

/// So often it is tried to share a hub's word; the next one comes within two minutes.
const SHARE_TRIES: u32 = 5;

impl Controller {
    pub(super) fn told(&mut self, told: Told) {
        match told {
            Told::View(view, acks) => {
                self.stands(*view);
                for ack in acks {
                    // Whoever waited may have given up.
                    let _ = ack.send(());
                }
            }
            Told::Beats { asked_at, now, heartbeats } => self.beats(asked_at, now, heartbeats),
            Told::ClockJumped => {
                // What was asked before has no place in the new time: it would be later than starts that came after it.
                self.jumped_at = Some(clock::now());
                self.upkeep.retain(|_| false);
                let effects = self.for_each_hub(|_| HubEvent::ClockJumped);
                self.carry_out(effects);
            }
            Told::Repaired => {
                let text = "the directory had lost writes: this replica wrote back what it knew".to_owned();
                self.parts.board.events.note("directory_repaired", None, None, text);
            }
        }
    }

    /// Now, by the store's clock; none while it was never heard.
    pub(super) fn store_now(&self) -> Option<StoreTime> {
        self.view.knowledge.clock.map(|clock| clock.time_at(clock::now()))
    }

    fn stands(&mut self, view: View) {
        let first = view.read && !self.view.read;
        self.view = view;
        self.take_census();
        self.know_placement();
        self.rebuild(None);
        self.publish();
        self.parts.board.note_directory(&self.view);
        if first {
            info!(
                assignments = self.view.exceptions.count(),
                "the directory was read: starts need not wait any more"
            );
        }
        let Some(now) = self.store_now().filter(|_| self.view.read) else { return };
        self.notice();
        let mut effects = self.lives.follow(&self.parts.loaded.config, now);
        effects.extend(self.lives.stand(&self.view.exceptions, now));
        self.carry_out(effects);
        self.let_go_of_retired();
    }

    fn beats(&mut self, asked_at: StoreTime, now: StoreTime, heartbeats: Vec<Heartbeat>) {
        self.heartbeats = heartbeats;
        self.tell_of_others();
        let parting = |beat: &&Heartbeat| !beat.goodbye;
        let heard: Vec<Heard> = self
            .heartbeats
            .iter()
            .filter(parting)
            .map(|beat| Heard { at: beat.at, read: beat.read })
            .collect();
        if !self.view.read {
            return;
        }
        let beats = self.heartbeats.clone();
        self.rebuild(Some((&beats, now)));
        let mut effects = self.for_each_hub(|_| HubEvent::Heard { asked_at, heard: heard.clone() });
        effects.extend(self.for_each_hub(|_| HubEvent::Votes { asked_at, heartbeats: beats.clone() }));
        effects.extend(self.spawn_verdicts(now));
        effects.extend(self.loads());
        effects.extend(self.lives.fleets(&self.parts.live.load().snapshot, now));
        effects.extend(self.for_each_hub(|_| HubEvent::Due));
        self.carry_out(effects);
        self.note_agreement(now);
        self.activate(now);
        self.sweep(now);
        self.publish();
    }

    /// The same kind of event for every hub.
    pub(super) fn for_each_hub(&mut self, event: impl Fn(&HubId) -> HubEvent) -> Vec<(HubId, Effect)> {
        let Some(now) = self.store_now() else { return Vec::new() };
        let hubs: Vec<HubId> = self.parts.loaded.config.hubs.iter().map(|hub| hub.id.clone()).collect();
        hubs.iter().flat_map(|hub| self.lives.happens(hub, event(hub), now)).collect()
    }

    /// What hubs told other replicas about their servers.
    fn take_census(&mut self) {
        let Some(clock) = self.view.knowledge.clock else { return };
        let every = self.parts.loaded.config.census.authority;
        for (hub, record) in self.view.census.clone().iter() {
            let known = self.census_seen.get(hub).is_some_and(|known| *known >= record.asked_at);
            if known || self.parts.loaded.config.hub(hub).is_none() {
                continue;
            }
            let asked = Asked {
                at: clock.instant_of(record.asked_at),
                answered_at: clock.instant_of(record.answered_at),
            };
            let own = self.parts.board.census.told_at(hub).is_some_and(|told_at| told_at >= asked.at);
            if !own {
                let users = record.users.iter().filter_map(|(name, (running, pending))| {
                    let user = UserName::canonical(name, NameRule::Exact)?;
                    Some((user, Servers { running: *running, pending: *pending }))
                });
                self.parts.board.census.told_by_another(hub, asked, users, every);
                self.parts.board.note_idle(hub, record.idle_since);
            }
            self.counted(hub, record.asked_at);
        }
    }

    /// A hub gave its own word, asked at this instant.
    pub(super) fn counted(&mut self, hub: &HubId, asked_at: StoreTime) {
        self.census_seen.insert(hub.clone(), asked_at);
        // A start that was under way when the hub was asked may be missing in its word.
        let under_way = self.parts.live.load().snapshot.times.hold / 2;
        self.parts.share.journal.confirmed(hub, asked_at.minus(under_way));
        let Some(now) = self.store_now() else { return };
        let effects = self.lives.happens(hub, HubEvent::Census { answered_at: asked_at }, now);
        self.carry_out(effects);
    }

    /// A hub gave its own word to this replica.
    pub(super) fn hub_told(&mut self, news: &Authority) {
        let Some(clock) = self.view.knowledge.clock else { return };
        if self.jumped_at.is_some_and(|jumped_at| news.asked.at <= jumped_at) {
            return;
        }
        let asked_at = clock.time_at(news.asked.at);
        let record = CensusRecord::of(news, &clock);
        self.parts.board.note_idle(&news.hub, record.idle_since);
        if self.parts.share.is_shared {
            self.share_census(news.clone(), asked_at, record);
        } else {
            self.counted(&news.hub, asked_at);
            self.keep_up(news, asked_at);
        }
    }

    /// Tells the other replicas. Only what all of them can read counts as told: by a list that is lost with this replica, whoever is
    /// on it and needs no record any more would be idle for the others.
    fn share_census(&self, news: Authority, asked_at: StoreTime, record: CensusRecord) {
        let (writer, key, done) = (self.parts.share.writer.clone(), census_key(&news.hub), self.done.clone());
        tokio::spawn(async move {
            // Only the replica that looks after the hub writes it, so one conflict is the end of a change of hands.
            let mut on = None;
            for _ in 0..SHARE_TRIES {
                let Some(write) = Write::set(key.clone(), on, &record) else {
                    warn!(
                        hub.id = %news.hub,
                        "the list of servers of hub `{}` is too long to be shared: it is not failed over by itself, and records of \
                         its users stay",
                        news.hub
                    );
                    return;
                };
                match writer.write(&write, WITHIN).await {
                    Wrote::Conflict(stands) => {
                        let entry = stands.get(&key).and_then(Option::as_ref);
                        let told = entry.and_then(|entry| entry.value.as_ref());
                        let newer = told.and_then(|told| told.read::<CensusRecord>().ok());
                        if newer.is_some_and(|newer| newer.asked_at > asked_at) {
                            return;
                        }
                        on = entry.filter(|_| told.is_some()).map(|entry| entry.epoch);
                    }
                    Wrote::Stands(_) => {
                        let _ = done.send(Done::CensusShared { news, asked_at });
                        return;
                    }
                    Wrote::Unknown(_) | Wrote::Unreachable(_) => {}
                }
            }
        });
    }

    /// Tidies the records of a hub's users by its word.
    pub(super) fn keep_up(&mut self, news: &Authority, asked_at: StoreTime) {
        let Some(means) = self.upkeep_means(&news.hub) else { return };
        self.upkeep.answered(news, asked_at, means);
    }

    fn upkeep_means(&self, hub: &HubId) -> Option<Means> {
        Some(Means {
            live: Arc::clone(&self.parts.live),
            writer: self.parts.share.writer.clone(),
            board: Arc::clone(&self.parts.board),
            calls: self.calls(hub)?,
        })
    }

    /// Lets go of what merely named users claimed and no hub has accepted in time.
    fn sweep(&mut self, now: StoreTime) {
        let live = self.parts.live.load_full();
        let silent = live.snapshot.config.hubs.iter().filter(|hub| hub.api_token.is_none());
        for hub in silent {
            // No word of the hub will ever say what became of its starts.
            self.parts.share.journal.confirmed(&hub.id, now.minus(live.snapshot.times.max_age));
        }
        let moment = live.snapshot.knowledge.at(clock::now(), &live.snapshot.times);
        for one in lapsed(&live.snapshot, now, &moment) {
            let Tidy::Over { user, .. } = &one else { continue };
            let Some(hub) = live.snapshot.exceptions.assignment(user).map(|stands| stands.hub.clone()) else {
                continue;
            };
            // One replica of all; where nobody looks after the hub, every one.
            if !self.parts.share.leases.holds(&hub) && self.parts.loaded.config.hub(&hub).is_some() {
                continue;
            }
            let Some(means) =
                self.upkeep_means(&hub).or_else(|| self.upkeep_means(live.snapshot.id(HubIndex(0))))
            else {
                continue;
            };
            let decided_by = Arc::clone(&live);
            tokio::spawn(async move { means.write(&hub, &decided_by.snapshot, one).await });
        }
    }

    /// The health of `hub`; of one that has just become known nothing.
    fn health_of(&self, hub: &HubId) -> HubHealth {
        self.healths.get(hub).cloned().unwrap_or_else(|| HubHealth::new(clock::now()))
    }

    /// What changes in the picture besides its configuration.
    pub(super) fn shared(&self, snapshot: &Snapshot) -> Shared {
        let clock = self.view.knowledge.clock;
        let views = snapshot.config.hubs.iter().map(|hub| {
            let health = self.health_of(&hub.id);
            let mut view = HubView::new(hub.clone(), health);
            if let Some(record) = self.view.exceptions.hub(&hub.id) {
                view.record = Arc::clone(record);
            }
            if let Some(life) = self.lives.get(&hub.id) {
                view.spawning = life.spawning;
            }
            let (state, intent) = self.changed.get(&hub.id).copied().unwrap_or_default();
            if let Some(clock) = clock {
                view.seen_since = state.map_or(view.seen_since, |at| clock.time_at(at));
                view.intent_since = intent.map_or(view.intent_since, |at| clock.time_at(at));
            }
            view
        });
        let hubs = views.collect();
        Shared {
            hubs,
            exceptions: Arc::clone(&self.view.exceptions),
            knowledge: self.knowledge(),
            placement: self.placements.active(|| self.proposal_config()),
            next_placement: self.placements.next(),
        }
    }

    /// When the configuration changes what is wanted of a hub, its starts are not calm for a while.
    pub(super) fn note_intents(&mut self, after: &Config, now: std::time::Instant) {
        let before = &self.parts.loaded.config;
        for hub in &after.hubs {
            if before.hub(&hub.id).is_some_and(|before| before.intent != hub.intent) {
                self.changed.entry(hub.id.clone()).or_default().1 = Some(now);
            }
        }
    }

    /// The configuration has other hubs, or says other things of them.
    pub(super) fn follow_hubs(&mut self) {
        let config = &self.parts.loaded.config;
        let ids = config.hubs.iter().map(|hub| hub.id.clone()).collect();
        self.parts.share.site.send_replace((ids, config.health.interval));
        self.parts.share.journal.retain(|hub| config.hub(hub).is_some());
        self.changed.retain(|hub, _| config.hub(hub).is_some());
        self.census_seen.retain(|hub, _| config.hub(hub).is_some());
        self.upkeep.retain(|hub| config.hub(hub).is_some());
        self.propose();
        self.vote();
        if let Some(now) = self.store_now().filter(|_| self.view.read) {
            let effects = self.lives.follow(&self.parts.loaded.config, now);
            self.carry_out(effects);
            let effects = self.lives.stand(&self.view.exceptions, now);
            self.carry_out(effects);
        }
    }
}
