//! The controller: the only writer of the picture. A closed list of events comes in, one picture after the other goes out.
//!
//! In the order of a hub's life: probes and signals become health (here), heartbeats and records become lives (`shared`), what
//! lives ask for is carried out (`effects`), and what operators want is judged first (`orders`).

mod activate;
mod effects;
mod known;
mod orders;
mod others;
mod rebuild;
mod reload;
mod retired;
mod secure;
mod shared;
mod stale;
mod votes;
mod words;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use hubrouter_config::{Config, HubId, Loaded};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tracing::warn;

use super::adoption::Adoption;
use super::board::Board;
use super::calls::Dial;
use super::census::{Authority, Bells};
use super::clock::{self, until};
use super::journal::Journal;
use super::keeper::{Told, View, Writer};
use super::leases::Leases;
use super::live::Live;
use super::lives::Lives;
use super::load::Refusal;
use super::logouts::Logouts;
use super::passive::Passive;
use super::picture::{self, Healths, Materials};
use super::probes::{ProbeReport, Probes};
use super::signals::Signal;
use super::tasks::Task;
use super::upkeep;
use super::watch::Watcher;
use crate::core::health::{HubHealth, Plane, PlaneHealth, Rules};
use crate::core::life::records::Heartbeat;
use crate::core::life::time::StoreTime;
use crate::directory::ReplicaId;

/// How often waiting logouts are looked at.
const LOGOUT_EVERY: Duration = Duration::from_secs(5);

pub use effects::Done;
pub use orders::Ordered;

/// Reads the configuration anew, judged for this release.
pub type Load = Box<dyn Fn() -> Result<Loaded, Refusal> + Send>;

/// An address that cannot be listened on.
#[derive(Debug)]
pub struct Unopened {
    /// The address.
    pub address: SocketAddr,
    /// What the operating system says.
    pub source: std::io::Error,
}

/// A listener that cannot be as the configuration wants it.
#[derive(Debug)]
pub struct Unprepared {
    /// The key at fault.
    pub key: String,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub hint: String,
}

/// Opens and closes the public listening sockets.
pub trait Listeners: Send {
    /// Gets ready for [`Listeners::change`] to these listeners, which puts it into force.
    ///
    /// # Errors
    ///
    /// Their certificates cannot be used: nothing was changed.
    fn prepare(&mut self, _config: &Config) -> Result<(), Unprepared> {
        Ok(())
    }

    /// Opens what is new and closes what is gone; connections are not touched.
    ///
    /// # Errors
    ///
    /// An address cannot be opened: nothing was changed.
    fn change(&mut self, wanted: &[SocketAddr]) -> Result<(), Unopened>;
}

/// What the controller is made of.
pub struct Parts {
    /// The configuration in force.
    pub loaded: Loaded,
    /// Reads it anew.
    pub load: Load,
    /// The picture that everybody serves from.
    pub live: Arc<ArcSwap<Live>>,
    /// What pictures are made with.
    pub materials: Materials,
    /// The probes.
    pub probes: Probes,
    /// What they report.
    pub reports: mpsc::Receiver<ProbeReport>,
    /// What the fast path reports.
    pub signals: mpsc::UnboundedReceiver<Signal>,
    /// A word for each change of the configuration on disk, or SIGHUP.
    pub changes: mpsc::Receiver<()>,
    /// The configuration file and who watches it, if anybody does.
    pub watched: Option<(PathBuf, Watcher)>,
    /// The public sockets.
    pub listeners: Box<dyn Listeners>,
    /// What operators are shown.
    pub board: Arc<Board>,
    /// What replicas share.
    pub share: Share,
}

/// This replica's part in the directory.
pub struct Share {
    /// This process.
    pub me: ReplicaId,
    /// Whether other processes may read the directory.
    pub is_shared: bool,
    /// What stands there, and who else lives.
    pub told: mpsc::UnboundedReceiver<Told>,
    /// The way to write.
    pub writer: Writer,
    /// The hubs and `health.interval`, for the keeper.
    pub site: watch::Sender<(BTreeSet<HubId>, Duration)>,
    /// What the next heartbeat says.
    pub heartbeat: watch::Sender<Heartbeat>,
    /// Starts that went home unasked.
    pub journal: Arc<Journal>,
    /// Which hubs this replica looks after.
    pub leases: Arc<Leases>,
    /// The way to hubs.
    pub dial: Arc<dyn Dial>,
    /// The hubs' own word, where this replica asked.
    pub news: mpsc::UnboundedReceiver<Authority>,
    /// Asks hubs for their word now.
    pub bells: Bells,
    /// What operators want.
    pub orders: mpsc::UnboundedReceiver<Ordered>,
}

/// The controller of one process.
pub struct Controller {
    parts: Parts,
    healths: Healths,
    passive: Passive,
    adopted: Option<Adoption>,
    logouts: Logouts,
    telling: Task,
    placing: Task,
    number: u64,
    view: View,
    lives: Lives,
    heartbeats: Vec<Heartbeat>,
    placements: activate::Placements,
    rebuild: rebuild::Rebuild,
    retired: BTreeSet<HubId>,
    /// Those of them that an operator lets go of, whoever is still there.
    released: BTreeSet<HubId>,
    /// When this replica saw a hub's state change last, and when the configuration's intent.
    changed: BTreeMap<HubId, (Option<Instant>, Option<Instant>)>,
    census_seen: BTreeMap<HubId, StoreTime>,
    /// When the store's clock was last seen to jump.
    jumped_at: Option<Instant>,
    done: mpsc::UnboundedSender<Done>,
    done_in: Option<mpsc::UnboundedReceiver<Done>>,
    upkeep: upkeep::Upkeep,
    /// Changes of records that this router may not have written.
    noticed: Vec<others::Noticed>,
    /// Who stops servers that count as lost, by hub.
    stopping: BTreeMap<HubId, JoinHandle<()>>,
}

impl Controller {
    /// A controller for a configuration that is in force already.
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        let adopted = Adoption::configured(&parts.loaded.config);
        let number = parts.live.load().snapshot.number;
        let telling = parts.board.tasks.add("logouts that hubs have not heard of", LOGOUT_EVERY);
        let placing = parts.board.tasks.add("placement", parts.loaded.config.health.interval);
        let (healths, passive, logouts) = (Healths::new(), Passive::default(), Logouts::default());
        let (done, done_in) = mpsc::unbounded_channel();
        let mut this = Self {
            parts,
            healths,
            passive,
            adopted,
            logouts,
            telling,
            placing,
            number,
            view: View::nothing(),
            lives: Lives::default(),
            heartbeats: Vec::new(),
            placements: activate::Placements::default(),
            rebuild: rebuild::Rebuild::default(),
            retired: BTreeSet::new(),
            released: BTreeSet::new(),
            changed: BTreeMap::new(),
            census_seen: BTreeMap::new(),
            jumped_at: None,
            done,
            done_in: Some(done_in),
            upkeep: upkeep::Upkeep::default(),
            noticed: Vec::new(),
            stopping: BTreeMap::new(),
        };
        this.know_hubs(clock::now());
        this.parts.board.note_me(this.parts.share.me.as_str());
        this
    }

    /// Runs until `stop` says so.
    pub async fn run(mut self, mut stop: watch::Receiver<bool>) {
        self.parts.probes.follow(&self.parts.loaded.config);
        let Some(mut done) = self.done_in.take() else { return };
        self.propose();
        self.vote();
        let mut logouts = tokio::time::interval(LOGOUT_EVERY);
        // Ticks that nobody waited for are not made up for.
        logouts.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            let lapse = self.passive.next_lapse(&self.healths);
            let adopted = self.adopted.as_ref().and_then(|it| it.ends_at(&self.parts.loaded.config));
            tokio::select! {
                biased;
                () = async { drop(stop.wait_for(|stop| *stop).await) } => return,
                Some(told) = self.parts.share.told.recv() => self.told(told),
                Some(done) = done.recv() => self.done(done),
                Some(report) = self.parts.reports.recv() => self.probed(&report),
                Some(signal) = self.parts.signals.recv() => self.signalled(signal),
                Some(()) = self.parts.changes.recv() => self.reload(),
                _ = logouts.tick() => self.tell_logouts().await,
                () = until(lapse) => self.lapse(),
                () = until(adopted) => self.end_adoption(),
                Some(news) = self.parts.share.news.recv() => self.hub_told(&news),
                Some(ordered) = self.parts.share.orders.recv() => self.ordered(ordered),
            }
        }
    }

    fn probed(&mut self, report: &ProbeReport) {
        let Some(before) = self.healths.get(&report.hub) else { return };
        let rules = Rules::of(&self.parts.loaded.config);
        let after = before.clone().step(&rules, report.plane, &report.result, report.at);
        tell_change(&report.hub, before, &after);
        if (before.proxy.verdict, before.hub.verdict) != (after.proxy.verdict, after.hub.verdict) {
            self.changed.entry(report.hub.clone()).or_default().0 = Some(report.at);
        }
        // Latencies are of interest to operators, verdicts to everybody: both travel in the picture.
        self.healths.insert(report.hub.clone(), after);
        self.publish();
        self.vote();
    }

    fn signalled(&mut self, signal: Signal) {
        let now = clock::now();
        let (healths, nudges) = (&mut self.healths, self.parts.probes.nudges());
        let changed = match signal {
            Signal::Look(hub, plane) => {
                nudges.nudge(&hub, plane);
                false
            }
            Signal::Unreachable(hub) => {
                nudges.nudge(&hub, Plane::Proxy);
                self.passive.unreachable(healths, &hub, now)
            }
            Signal::Counted(hub, tally) => {
                self.passive.counted(healths, &hub, tally, now);
                false
            }
            Signal::Sighted(seen) => {
                self.parts.board.census.sighted_answering(seen, now);
                false
            }
            Signal::Start(hub, told) => {
                let changed = self.passive.heard(healths, &hub, told, now);
                self.vote();
                changed
            }
            Signal::LogoutLater(logout) => {
                self.logouts.keep(logout, now);
                false
            }
        };
        if changed {
            self.publish();
        }
    }

    /// Counted requests can be judged, pauses are over, or starts are too old to count.
    fn lapse(&mut self) {
        let lapsed = self.passive.lapse(&mut self.healths, clock::now());
        let nudges = self.parts.probes.nudges();
        lapsed.troubled.iter().for_each(|hub| nudges.nudge(hub, Plane::Hub));
        if lapsed.changed {
            self.publish();
        }
    }

    async fn tell_logouts(&mut self) {
        let live = self.parts.live.load_full();
        self.logouts.tell(&live, clock::now()).await;
        self.telling.ran(clock::now(), self.logouts.summary());
    }

    /// The same configuration with the health of now.
    fn publish(&mut self) {
        let live = self.parts.live.load();
        self.number += 1;
        let snapshot = live.snapshot.with(self.number, self.shared(&live.snapshot));
        self.parts.live.store(Arc::new(live.with_snapshot(snapshot)));
    }

    /// A picture of the configuration in force, made anew.
    fn draw(&mut self, now: Instant) {
        self.number += 1;
        let config = self.parts.loaded.config.clone();
        let adopted = self.adopted.as_ref().map(Adoption::hub);
        let live = picture::of(config, self.number, adopted, &self.healths, &self.parts.materials, now);
        // Nobody sees a picture without what replicas share.
        let snapshot = live.snapshot.with(self.number, self.shared(&live.snapshot));
        self.parts.live.store(Arc::new(live.with_snapshot(snapshot)));
    }

    /// Cookies without a jar are nobody's again.
    fn end_adoption(&mut self) {
        if let Some(adopted) = self.adopted.take() {
            adopted.tell_end();
            self.draw(clock::now());
        }
    }

    /// Health for exactly the configured hubs.
    fn know_hubs(&mut self, now: Instant) {
        let hubs = &self.parts.loaded.config.hubs;
        self.healths.retain(|id, _| hubs.iter().any(|hub| hub.id == *id));
        for hub in hubs {
            self.healths.entry(hub.id.clone()).or_insert_with(|| HubHealth::new(now));
        }
    }
}

/// One line for each plane whose verdict changed.
fn tell_change(hub: &HubId, before: &HubHealth, after: &HubHealth) {
    tell_plane(hub, "proxy", &before.proxy, &after.proxy);
    tell_plane(hub, "hub", &before.hub, &after.hub);
}

fn tell_plane<V: Debug + PartialEq>(
    hub: &HubId,
    plane: &str,
    before: &PlaneHealth<V>,
    after: &PlaneHealth<V>,
) {
    if before.verdict == after.verdict {
        return;
    }
    warn!(
        hub.id = %hub,
        from = ?before.verdict,
        to = ?after.verdict,
        last_failure = after.last_failure.as_ref().map_or("", |failure| &*failure.reason),
        "hub `{hub}`: its {plane} plane changed"
    );
}

#[cfg(test)]
mod tests;
