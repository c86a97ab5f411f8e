//! The census at work: every hub is asked who has a server there, in two layers, by tasks of its own.
//!
//! A hub that hangs delays nobody else, no question is put while the one before it is open, and the time of a hub's answers
//! stretches the time between questions (`core::census::Pace`). What is learned is kept on the [`Desk`] and shown to
//! operators. It decides nothing: users on two hubs are reported, never repaired.

mod ask;
mod desk;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use hubrouter_config::{Census as Times, Config, Hub, HubId, HubTls, HubUrl, ProxyApi, Secret};
use hubrouter_hub_adapter::site::Site;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tracing::warn;

pub use ask::{Authority, News, servers};
pub use desk::{Desk, Doubles, HubSeen, Layer};

use super::calls::Dial;
use super::clock;
use super::leases::Leases;
use super::live::Live;
use super::probes::Chance;
use super::tasks::{Task, Tasks};
use crate::core::census::At;
use crate::core::snapshot::Snapshot;

/// How often is looked whether the configuration has other hubs: a reload is followed within a second.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// The layer of the hubs' own word.
const AUTHORITY: &str = "authority";

/// The census of all configured hubs.
pub struct Census {
    live: Arc<ArcSwap<Live>>,
    desk: Arc<Desk>,
    means: Means,
    hubs: BTreeMap<HubId, Asked>,
}

/// What questions are asked with.
#[derive(Clone)]
pub struct Means {
    /// The way to hubs.
    pub dial: Arc<dyn Dial>,
    /// So that replicas do not ask in step.
    pub chance: Chance,
    /// For the status.
    pub tasks: Tasks,
    /// Which hubs this replica may ask.
    pub leases: Arc<Leases>,
    /// Where a hub's own word goes.
    pub news: News,
    /// Asks for answers now.
    pub bells: Bells,
}

/// Asks hubs for their word before its time.
#[derive(Clone, Debug, Default)]
pub struct Bells(Arc<Mutex<BTreeMap<HubId, Arc<Notify>>>>);

impl Bells {
    /// Asks `hub` soon.
    pub fn ring(&self, hub: &HubId) {
        self.of(hub).notify_one();
    }

    fn of(&self, hub: &HubId) -> Arc<Notify> {
        let mut bells = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(bells.entry(hub.clone()).or_default())
    }
}

/// The running questions to one hub, and what they were made from.
struct Asked {
    terms: Terms,
    /// They end with it.
    _questions: JoinSet<()>,
}

/// All that matters for asking a hub; when it changes, questions begin anew.
#[derive(Clone, Debug, PartialEq)]
struct Terms {
    place: Place,
    api_token: Option<Secret<String>>,
    proxy_api: Option<ProxyApi>,
    tls: Option<HubTls>,
    times: Times,
}

/// Where a hub stands. At another place it is another hub: what was known of the old one is forgotten.
#[derive(Clone, Debug, PartialEq)]
struct Place {
    url: HubUrl,
    hub_url: Option<HubUrl>,
    base: String,
    names: hubrouter_config::UserNames,
}

impl Terms {
    fn of(hub: &Hub, config: &Config) -> Self {
        let place = Place {
            url: hub.url.clone(),
            hub_url: hub.hub_url.clone(),
            base: config.site.base_url.as_str().to_owned(),
            names: config.placement.user_names,
        };
        Self {
            place,
            api_token: hub.api_token.clone(),
            proxy_api: hub.proxy_api.clone(),
            tls: hub.tls.clone(),
            times: config.census.clone(),
        }
    }
}

impl Census {
    /// A census that has not begun.
    #[must_use]
    pub fn new(live: Arc<ArcSwap<Live>>, desk: Arc<Desk>, means: Means) -> Self {
        Self { live, desk, means, hubs: BTreeMap::new() }
    }

    /// Asks the hubs of the configuration in force, for as long as it is polled.
    pub async fn run(mut self) {
        let mut compared_at: Option<Instant> = None;
        let mut task: Option<(Duration, Task)> = None;
        loop {
            let live = self.live.load_full();
            let every = live.snapshot.config.census.interval;
            self.follow(&live.snapshot);
            let now = clock::now();
            if compared_at.is_none_or(|at| now.duration_since(at) >= every) {
                compared_at = Some(now);
                let task = match &mut task {
                    Some((period, task)) if *period == every => task,
                    other => &mut other.insert((every, self.means.tasks.add("census comparison", every))).1,
                };
                task.ran(now, self.compare(&live.snapshot, now));
            }
            tokio::time::sleep(every.min(LOOK_EVERY)).await;
        }
    }

    /// Asks exactly the hubs of the configuration; questions to hubs that stay as they were go on undisturbed.
    fn follow(&mut self, snapshot: &Snapshot) {
        let config = &snapshot.config;
        self.hubs.retain(|id, _| config.hub(id).is_some());
        self.desk.retain(|id| config.hub(id).is_some());
        for hub in &config.hubs {
            let terms = Terms::of(hub, config);
            match self.hubs.get(&hub.id) {
                Some(asked) if asked.terms == terms => continue,
                Some(asked) if asked.terms.place != terms.place => self.desk.forget(&hub.id),
                _ => {}
            }
            // Replacing the entry ends the old questions: what they would have been told is told to the new ones.
            let questions = self.questions(hub, &terms, &snapshot.site);
            self.hubs.insert(hub.id.clone(), Asked { terms, _questions: questions });
        }
    }

    fn questions(&self, hub: &Hub, terms: &Terms, site: &Site) -> JoinSet<()> {
        let calls = self.means.dial.calls(hub, site);
        let asker = |layer: &str, every: Duration| ask::Asker {
            hub: hub.clone(),
            calls: Arc::clone(&calls),
            desk: Arc::clone(&self.desk),
            chance: Arc::clone(&self.means.chance),
            every,
            max_age: terms.times.max_age,
            leases: Arc::clone(&self.means.leases),
            news: self.means.news.clone(),
            bell: if layer == AUTHORITY { self.means.bells.of(&hub.id) } else { Arc::default() },
            task: self.means.tasks.add(format!("census {layer} {}", hub.id), every),
        };
        let mut questions = JoinSet::new();
        if calls.may_be_asked() {
            questions.spawn(asker(AUTHORITY, terms.times.authority).authority());
        }
        if calls.has_routes() {
            questions.spawn(asker("sightings", terms.times.interval).sightings());
        }
        questions
    }

    /// Looks for users with servers on two hubs; tells of each once.
    fn compare(&self, snapshot: &Snapshot, now: Instant) -> String {
        let (found, new) = self.desk.compare(|hub| moment(snapshot, hub, now));
        for (user, hubs) in new {
            let hubs = hubs.iter().map(HubId::as_str).collect::<Vec<_>>().join(", ");
            warn!(
                user = %user,
                hubs,
                "user `{user}` has servers on more than one hub: {hubs}. This is reported, never repaired"
            );
        }
        format!("{found} users on two hubs")
    }
}

/// When and by what a question about `hub` is judged: what was known at the beginning of an outage stands while it lasts.
#[must_use]
pub fn moment(snapshot: &Snapshot, hub: &HubId, now: Instant) -> At {
    let health = snapshot.find(hub).map(|index| &snapshot.hub(index).health);
    At {
        now,
        outage: health.and_then(|health| health.hub.failing_since),
        max_age: snapshot.config.census.max_age,
    }
}

#[cfg(test)]
mod tests;
