//! Probes every hub on its two planes and reports what was seen.
//!
//! One task per hub and plane, so that a hub that hangs delays nobody else, and never more than one probe of a plane
//! at a time. What the results mean is decided in [`crate::core::health`]; who writes that down is `control`.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use hubrouter_config::{BaseUrl, Config, Hub, HubId, HubTls, HubUrl};
use hubrouter_hub_adapter::probe::{Plane, ProbeResult, Seen};
use tokio::sync::{Notify, mpsc};
use tokio::task::JoinHandle;

use super::calls::{Dial, Probe};
use super::clock;
use super::tasks::{self, Tasks};

/// A source of chance: each call gives a number from 0 (included) to 1 (excluded).
pub type Chance = Arc<dyn Fn() -> f64 + Send + Sync>;

/// How far the time between two probes strays from `health.interval`, so that replicas do not probe in step.
const STRAY: f64 = 0.2;

/// What one probe saw, and when its result came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProbeReport {
    /// The hub that was probed.
    pub hub: HubId,
    /// The plane that was probed.
    pub plane: Plane,
    /// What was seen.
    pub result: ProbeResult,
    /// When the result came.
    pub at: Instant,
}

/// The probes of all configured hubs. They end when this is dropped, or when nobody receives the reports any more.
///
/// Belongs to the tokio runtime that it was made in.
pub struct Probes {
    dial: Arc<dyn Dial>,
    chance: Chance,
    reports: mpsc::Sender<ProbeReport>,
    hubs: BTreeMap<HubId, Probed>,
    nudges: Nudges,
    tasks: Tasks,
}

/// The running probes of one hub, and what they were made from.
struct Probed {
    terms: Terms,
    _tasks: [Task; 2],
}

/// All that matters for probing a hub; when it changes, probes begin anew.
#[derive(Clone, Debug, PartialEq)]
struct Terms {
    place: (HubUrl, Option<HubUrl>, BaseUrl),
    tls: Option<HubTls>,
    paths: (String, String),
    times: (Duration, Duration),
}

impl Terms {
    fn of(hub: &Hub, config: &Config) -> Self {
        let health = &config.health;
        Self {
            place: (hub.url.clone(), hub.hub_url.clone(), config.site.base_url.clone()),
            tls: hub.tls.clone(),
            paths: (health.proxy_path.clone(), health.hub_path.clone()),
            times: (health.interval, health.timeout),
        }
    }
}

/// A task that ends with its owner.
struct Task(JoinHandle<()>);

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Asks for a probe out of turn. Cheap to clone, and works from any thread.
#[derive(Clone, Debug, Default)]
pub struct Nudges(Arc<Mutex<Bells>>);

/// What wakes the probe of each plane before its time.
type Bells = BTreeMap<(HubId, Plane), Arc<Notify>>;

impl std::fmt::Debug for Probes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Probes").field("hubs", &self.hubs.keys()).finish_non_exhaustive()
    }
}

impl Probes {
    /// No probes yet: [`Probes::follow`] starts them. `reports` should hold a few dozen; a full one makes the probes
    /// wait.
    pub fn new(
        dial: Arc<dyn Dial>,
        chance: Chance,
        reports: mpsc::Sender<ProbeReport>,
        tasks: Tasks,
    ) -> Probes {
        Probes { dial, chance, reports, hubs: BTreeMap::new(), nudges: Nudges::default(), tasks }
    }

    /// Probes exactly the hubs of `config`, each at once for the first time. Probes of a hub whose address, paths and
    /// times stay as they were go on undisturbed.
    ///
    /// Must be called inside a tokio runtime.
    pub fn follow(&mut self, config: &Config) {
        let wanted: BTreeSet<&HubId> = config.hubs.iter().map(|hub| &hub.id).collect();
        self.hubs.retain(|hub, _| wanted.contains(hub));
        self.nudges.locked().retain(|(hub, _), _| wanted.contains(hub));
        for hub in &config.hubs {
            let terms = Terms::of(hub, config);
            if self.hubs.get(&hub.id).is_none_or(|probed| probed.terms != terms) {
                let prober = self.dial.probe(hub, &config.site.base_url, &config.health);
                let start = |plane| self.start(&hub.id, &prober, plane, config.health.interval);
                let tasks = [Plane::Proxy, Plane::Hub].map(start);
                // Replacing the entry ends the old tasks: nothing of a hub's old address is reported from here on.
                self.hubs.insert(hub.id.clone(), Probed { terms, _tasks: tasks });
            }
        }
    }

    /// A handle by which others ask for a probe out of turn.
    pub fn nudges(&self) -> Nudges {
        self.nudges.clone()
    }

    fn start(&self, hub: &HubId, prober: &Arc<dyn Probe>, plane: Plane, interval: Duration) -> Task {
        let watch = Watch {
            hub: hub.clone(),
            prober: Arc::clone(prober),
            plane,
            interval,
            chance: Arc::clone(&self.chance),
            nudge: self.nudges.register(hub, plane),
            reports: self.reports.clone(),
            task: self.tasks.add(format!("probe {hub} {}", word(plane)), interval),
        };
        Task(tokio::spawn(watch.run()))
    }
}

impl Nudges {
    /// Probes `plane` of `hub` as soon as the probe before it is a tenth of the interval old. Asking often does no
    /// harm; asking for a hub that is not configured does nothing.
    pub fn nudge(&self, hub: &HubId, plane: Plane) {
        if let Some(nudge) = self.locked().get(&(hub.clone(), plane)) {
            nudge.notify_one();
        }
    }

    fn register(&self, hub: &HubId, plane: Plane) -> Arc<Notify> {
        let nudge = Arc::new(Notify::new());
        self.locked().insert((hub.clone(), plane), Arc::clone(&nudge));
        nudge
    }

    /// Whole entries come and go under the lock, so a poisoned one is as good as any.
    fn locked(&self) -> MutexGuard<'_, Bells> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The watch over one plane of one hub.
struct Watch {
    hub: HubId,
    prober: Arc<dyn Probe>,
    plane: Plane,
    interval: Duration,
    chance: Chance,
    nudge: Arc<Notify>,
    reports: mpsc::Sender<ProbeReport>,
    task: tasks::Task,
}

impl Watch {
    async fn run(self) {
        loop {
            let started = clock::now();
            let result = self.prober.probe(self.plane).await;
            self.task.ran(clock::now(), outcome(&result));
            let report = ProbeReport { hub: self.hub.clone(), plane: self.plane, result, at: clock::now() };
            if self.reports.send(report).await.is_err() {
                return;
            }
            self.wait(started).await;
        }
    }

    /// Until the next probe is due, counted from the start of the last one; a nudge makes it due earlier.
    async fn wait(&self, started: Instant) {
        let due = started + stray(self.interval, (self.chance)());
        // A storm of failing requests nudges with each of them: it must not become a storm of probes.
        let earliest = clock::now() + self.interval / 10;
        tokio::select! {
            biased;
            () = tokio::time::sleep_until(due.into()) => {}
            () = self.nudge.notified() => tokio::time::sleep_until(earliest.min(due).into()).await,
        }
    }
}

/// What a probe is called after.
fn word(plane: Plane) -> &'static str {
    match plane {
        Plane::Proxy => "proxy",
        Plane::Hub => "hub",
    }
}

/// What operators read of a probe.
fn outcome(result: &ProbeResult) -> Cow<'static, str> {
    match &result.seen {
        Seen::Ok => "answered".into(),
        Seen::Failed(reason) => reason.clone().into(),
    }
}

/// `interval` give or take a fifth; `chance` from 0 to 1.
pub(super) fn stray(interval: Duration, chance: f64) -> Duration {
    interval.mul_f64(1.0 - STRAY + 2.0 * STRAY * chance.clamp(0.0, 1.0))
}

#[cfg(test)]
mod tests;
