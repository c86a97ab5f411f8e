//! One replica's control side, put together: the keeper of the directory, the controller, the census, claims and leases.
//!
//! Everything that it touches comes in from outside, so that a simulation can run several of them, unchanged, in virtual time.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use arc_swap::ArcSwap;
use hubrouter_config::Loaded;
use tokio::sync::{mpsc, watch};

use super::board::Board;
use super::calls::Dial;
use super::census::{Bells, Census, Means};
use super::claims::{self, Queue};
use super::controller::{Controller, Listeners, Load, Ordered, Parts, Share};
use super::journal::Journal;
use super::keeper::{self, Keeper};
use super::leases::{self, Leases};
use super::live::Live;
use super::picture::Materials;
use super::probes::{Chance, Probes};
use super::signals::Signal;
use super::watch::Watcher;
use crate::core::life::records::Heartbeat;
use crate::directory::{Fingerprint, ReplicaId, Store};

/// What a replica is made of.
pub struct Replica {
    /// The configuration in force.
    pub loaded: Loaded,
    /// Reads it anew.
    pub load: Load,
    /// The picture that everybody serves from.
    pub live: Arc<ArcSwap<Live>>,
    /// What pictures are made with.
    pub materials: Materials,
    /// The directory.
    pub store: Arc<dyn Store>,
    /// Whether other processes may read it.
    pub is_shared: bool,
    /// This process.
    pub me: ReplicaId,
    /// A mark for the directory, should this replica found it.
    pub fresh: Fingerprint,
    /// The way to hubs.
    pub dial: Arc<dyn Dial>,
    /// Chance, so that replicas do not act in step.
    pub chance: Chance,
    /// What the fast path reports.
    pub signals: mpsc::UnboundedReceiver<Signal>,
    /// Starts that went home unasked.
    pub journal: Arc<Journal>,
    /// Starts that need a claim.
    pub claims: Queue,
    /// What operators want.
    pub orders: mpsc::UnboundedReceiver<Ordered>,
    /// A word for each change of the configuration on disk, or SIGHUP.
    pub changes: mpsc::Receiver<()>,
    /// The configuration file and who watches it, if anybody does.
    pub watched: Option<(PathBuf, Watcher)>,
    /// The public sockets.
    pub listeners: Box<dyn Listeners>,
    /// What operators are shown.
    pub board: Arc<Board>,
}

/// Runs it until `stop` says so, goodbye included. Inside a tokio runtime that runs spawned tasks.
pub async fn run(replica: Replica, stop: watch::Receiver<bool>) {
    let tasks = replica.board.tasks.clone();
    let config = &replica.loaded.config;
    let ids: BTreeSet<_> = config.hubs.iter().map(|hub| hub.id.clone()).collect();
    let interval = config.health.interval;
    let (site, site_in) = watch::channel((ids, interval));
    let (heartbeat, heartbeat_in) = watch::channel(silent(&replica.me));
    let (told, told_in) = mpsc::unbounded_channel();
    let (keeper, writer) = Keeper::new(keeper::Parts {
        store: replica.store,
        me: replica.me.clone(),
        fresh: replica.fresh,
        site: site_in,
        heartbeat: heartbeat_in,
        journal: Arc::clone(&replica.journal),
        told,
        task: tasks.add("directory", interval / 2),
    });
    let (news, news_in) = mpsc::unbounded_channel();
    let (leases, bells) = (Arc::<Leases>::default(), Bells::default());
    let census = Census::new(
        Arc::clone(&replica.live),
        Arc::clone(&replica.board.census),
        Means {
            dial: Arc::clone(&replica.dial),
            chance: Arc::clone(&replica.chance),
            tasks: tasks.clone(),
            leases: Arc::clone(&leases),
            news,
            bells: bells.clone(),
        },
    );
    let claims = claims::serve(
        replica.claims,
        claims::Means {
            live: Arc::clone(&replica.live),
            writer: writer.clone(),
            dial: Arc::clone(&replica.dial),
            journal: Arc::clone(&replica.journal),
            board: Arc::clone(&replica.board),
        },
    );
    let (reports, reports_in) = mpsc::channel(64);
    let probes = Probes::new(Arc::clone(&replica.dial), replica.chance, reports, tasks.clone());
    let lease_task = tasks.add("leases of hubs", interval);
    let hold = leases::hold(
        Arc::clone(&leases),
        writer.clone(),
        replica.me.clone(),
        Arc::clone(&replica.live),
        lease_task,
        stop.clone(),
    );
    let controller = Controller::new(Parts {
        loaded: replica.loaded,
        load: replica.load,
        live: replica.live,
        materials: replica.materials,
        probes,
        reports: reports_in,
        signals: replica.signals,
        changes: replica.changes,
        watched: replica.watched,
        listeners: replica.listeners,
        board: replica.board,
        share: Share {
            me: replica.me,
            is_shared: replica.is_shared,
            told: told_in,
            writer,
            site,
            heartbeat,
            journal: replica.journal,
            leases,
            dial: replica.dial,
            news: news_in,
            bells,
            orders: replica.orders,
        },
    });
    let background = [tokio::spawn(census.run()), tokio::spawn(claims)];
    // Leases are given back before the goodbye, while the directory still knows this replica.
    let parting = async {
        let mut keeper = std::pin::pin!(keeper.run(stop.clone()));
        let mut hold = std::pin::pin!(hold);
        let mut held = false;
        loop {
            tokio::select! {
                biased;
                () = &mut hold, if !held => held = true,
                () = &mut keeper => break,
            }
        }
    };
    futures_util::future::join(controller.run(stop.clone()), parting).await;
    background.iter().for_each(tokio::task::JoinHandle::abort);
}

/// What is said before anything is known.
fn silent(me: &ReplicaId) -> Heartbeat {
    Heartbeat::silent(me.as_str())
}
