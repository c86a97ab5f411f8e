//! Puts the parts together and runs them: sockets, threads, probes, the controller, the operator's door.
//!
//! Start-up is the first reload: the same picture is made in the same way. Nothing is decided here.

mod census;
mod directory;
mod fleet;
mod listeners;
mod logging;
mod operate;
mod readiness;
mod view;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Instant, SystemTime};

use arc_swap::ArcSwap;
use hubrouter_config::Loaded;
use hubrouter_hub_adapter::client::Resolver;
use tokio::sync::{mpsc, watch};
use tracing::{info, warn};

use crate::admin;
use crate::control::board::Board;
use crate::control::calls::Network;
use crate::control::certificates;
use crate::control::claims::{Claims, Queue};
use crate::control::controller::{Load, Ordered};
use crate::control::database;
use crate::control::journal::Journal;
use crate::control::live::Live;
use crate::control::load::Refusal;
use crate::control::picture::{self, Healths, Materials};
use crate::control::probes::Chance;
use crate::control::replica::{self, Replica};
use crate::control::tasks::Tasks;
use crate::control::watch::{Patience, Watcher};
use crate::identify::lookups::Lookups;
use crate::proxy::shared::{Control, Shared};
use crate::proxy::worker::{self, Handle, Order};
use directory::Directory;
use listeners::Sockets;
use operate::Operators;
use view::View;

pub use logging::init as init_logging;

/// What to run.
pub struct Setup {
    /// Reads the configuration; called again at every change.
    pub load: Load,
    /// The file that is watched for changes; none: nothing is.
    pub file: Option<PathBuf>,
    /// Where the configuration comes from, in words.
    pub source: String,
}

/// Why the router does not run.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// The configuration is refused.
    #[error("{0}")]
    Config(#[from] Refusal),
    /// A listening socket cannot be opened.
    #[error(
        "cannot listen on {address}: {source}. Free the address, or name another one in the configuration"
    )]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the operating system says.
        source: std::io::Error,
    },
    /// The directory cannot be opened.
    #[error("the directory cannot be used: {0}")]
    Directory(String),
    /// The operating system gives no thread, no random bytes, no runtime.
    #[error("cannot start: {0}")]
    System(#[from] std::io::Error),
}

/// A router that serves; ends when told to.
pub struct Running {
    /// The addresses of the public listeners, with the ports that were given for port 0.
    pub addresses: Vec<SocketAddr>,
    /// The address of the operator's door.
    pub admin: SocketAddr,
    stop: watch::Sender<bool>,
    board: Arc<Board>,
    workers: Vec<Handle>,
    control: std::thread::JoinHandle<()>,
}

impl Running {
    /// Serves until told to stop by SIGTERM or SIGINT, then goes away gently. A second signal ends at once.
    pub async fn until_signalled(self) -> std::io::Result<()> {
        self.until_signalled_or(std::future::pending()).await
    }

    /// The same, where the end of `told` is a signal, too.
    pub async fn until_signalled_or(self, told: impl Future<Output = ()>) -> std::io::Result<()> {
        use tokio::signal::unix::{SignalKind, signal};
        let (mut term, mut int) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
        // The control thread listens to it: it only must not end the process before that.
        let _hangup = signal(SignalKind::hangup())?;
        // Said only now: who reads this may send a signal at once.
        info!(addresses = ?self.addresses, admin = %self.admin, "hubrouter serves");
        tokio::select! {
            _ = term.recv() => info!("SIGTERM: finishing what was begun"),
            _ = int.recv() => info!("SIGINT: finishing what was begun"),
            () = told => info!("told to end: finishing what was begun"),
        }
        let (end, mut ended) = watch::channel(());
        // A thread of its own: a runtime waits for its blocking tasks, and a second signal must not.
        std::thread::Builder::new().name("stop".into()).spawn(move || {
            self.stop();
            drop(end);
        })?;
        tokio::select! {
            _ = ended.changed() => info!("all has ended"),
            _ = term.recv() => warn!("a second signal: ending at once"),
            _ = int.recv() => warn!("a second signal: ending at once"),
        }
        Ok(())
    }

    /// Accepts no more, finishes requests, keeps WebSockets for `timeouts.shutdown`, and returns when all has ended.
    pub fn stop(self) {
        self.board.leave();
        for worker in &self.workers {
            // A thread that has ended takes no orders and needs none.
            let _ = worker.orders.send(Order::Stop);
        }
        for worker in self.workers {
            let _ = worker.thread.join();
        }
        self.stop.send_replace(true);
        let _ = self.control.join();
    }
}

/// Starts everything.
///
/// # Errors
///
/// Says what keeps the router from running; nothing runs then.
pub fn start(setup: Setup) -> Result<Running, AppError> {
    let loaded = (setup.load)()?;
    start_loaded(loaded, setup)
}

/// Starts everything with a configuration that was just loaded by `setup`.
///
/// # Errors
///
/// As [`start`].
pub fn start_loaded(loaded: Loaded, setup: Setup) -> Result<Running, AppError> {
    for warning in &loaded.warnings {
        warn!("{warning}");
    }
    let (now, wall) = (Instant::now(), SystemTime::now());
    let resolver = Resolver::new();
    let materials = Materials { fallback_key: random_key()?, resolver: resolver.clone() };
    let config = loaded.config.clone();
    let adopt = config.site.adopt_sessions_of.clone();
    let live = Arc::new(ArcSwap::from_pointee(picture::of(
        config,
        1,
        adopt.as_ref(),
        &Healths::new(),
        &materials,
        now,
    )));
    let (signals, signals_in) = mpsc::unbounded_channel();
    let lookups = Lookups::new(random_key()?);
    let tasks = Tasks::default();
    let directory = directory::open(&loaded.config.directory)?;
    let (claims, claims_in) = Claims::new();
    let (orders, orders_in) = mpsc::unbounded_channel();
    let journal = Arc::<Journal>::default();
    let shared = Arc::new(Shared::new(
        Arc::clone(&live),
        lookups,
        resolver.clone(),
        signals,
        tasks.clone(),
        Control { claims, journal: Arc::clone(&journal), orders: orders.clone() },
    ));
    // Before the public sockets: nobody is let in by a router that then does not run.
    let admin_socket = bind_admin(loaded.config.admin.address)?;
    let admin = admin_socket.local_addr()?;
    let workers = start_workers(&loaded, &shared)?;
    let mut sockets = Sockets::new(workers.iter().map(|worker| worker.orders.clone()).collect())?;
    let addresses = sockets.open_all(&loaded)?;
    let board = Arc::new(Board::new(setup.source.clone(), tasks, now, wall));
    let (stop, stopped) = watch::channel(false);
    let operators = Operators { live: Arc::clone(&live), board: Arc::clone(&board), orders };
    let view = View::new(Arc::clone(&live), Arc::clone(&board), shared, Arc::new(operators));
    let parts = ControlParts {
        loaded,
        setup,
        live,
        materials,
        signals: signals_in,
        sockets,
        board: Arc::clone(&board),
        directory,
        journal,
        claims: claims_in,
        orders: orders_in,
    };
    let control = std::thread::Builder::new()
        .name("control".into())
        .spawn(move || control(parts, resolver, admin_socket, view, stopped))?;
    Ok(Running { addresses, admin, stop, board, workers, control })
}

fn random_key() -> std::io::Result<[u8; 32]> {
    let mut key = [0; 32];
    getrandom::fill(&mut key).map_err(std::io::Error::other)?;
    Ok(key)
}

fn start_workers(loaded: &Loaded, shared: &Arc<Shared>) -> std::io::Result<Vec<Handle>> {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let count = if loaded.config.workers == 0 { cores } else { loaded.config.workers };
    (0..count).map(|number| worker::start(number, Arc::clone(shared))).collect()
}

fn bind_admin(address: SocketAddr) -> Result<std::net::TcpListener, AppError> {
    let bound = std::net::TcpListener::bind(address).and_then(|socket| {
        socket.set_nonblocking(true)?;
        Ok(socket)
    });
    bound.map_err(|source| AppError::Listen { address, source })
}

struct ControlParts {
    loaded: Loaded,
    setup: Setup,
    live: Arc<ArcSwap<Live>>,
    materials: Materials,
    signals: mpsc::UnboundedReceiver<crate::control::signals::Signal>,
    sockets: Sockets,
    board: Arc<Board>,
    directory: Directory,
    journal: Arc<Journal>,
    claims: Queue,
    orders: mpsc::UnboundedReceiver<Ordered>,
}

/// The control thread: probes, controller, watcher, the operator's door.
fn control(
    parts: ControlParts,
    resolver: Resolver,
    admin_socket: std::net::TcpListener,
    view: View,
    stopped: watch::Receiver<bool>,
) {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            tracing::error!(%error, "the control thread has no runtime: nothing is probed or reloaded");
            return;
        }
    };
    runtime.block_on(async move {
        let tasks = parts.board.tasks.clone();
        let (changed, changes) = mpsc::channel(1);
        let watched = parts.setup.file.map(|file| watch_file(file, &parts.loaded, changed.clone(), &tasks));
        let _hangup = tokio::spawn(reload_on_hangup(changed));
        match tokio::net::TcpListener::from_std(admin_socket) {
            Ok(socket) => {
                let mut stopped = stopped.clone();
                let until = async move {
                    let _ = stopped.wait_for(|stop| *stop).await;
                };
                tokio::spawn(admin::serve(socket, Arc::new(view), until));
            }
            Err(error) => tracing::error!(%error, "the operator's door cannot be opened"),
        }
        tokio::spawn(certificates::watch(Arc::clone(&parts.live), parts.board.tasks.clone()));
        tokio::spawn(database::watch(Arc::clone(&parts.live), Arc::clone(&parts.board)));
        let replica = Replica {
            loaded: parts.loaded,
            load: parts.setup.load,
            live: parts.live,
            materials: parts.materials,
            store: parts.directory.store,
            is_shared: parts.directory.is_shared,
            me: parts.directory.me,
            fresh: parts.directory.fresh,
            dial: Arc::new(Network::new(resolver)),
            chance: chance(),
            signals: parts.signals,
            journal: parts.journal,
            claims: parts.claims,
            orders: parts.orders,
            changes,
            watched,
            listeners: Box::new(parts.sockets),
            board: parts.board,
        };
        replica::run(replica, stopped).await;
    });
}

/// Watches the configuration file and those it names; every change asks for a reload.
fn watch_file(
    file: PathBuf,
    loaded: &Loaded,
    changed: mpsc::Sender<()>,
    tasks: &Tasks,
) -> (PathBuf, Watcher) {
    let mut files = loaded.files.clone();
    files.push(file.clone());
    let patience = Patience::default();
    let seen = tasks.add("configuration files", patience.poll);
    let (watcher, mut changes) = Watcher::start(files, patience, seen);
    tokio::spawn(async move {
        while let Some(change) = changes.recv().await {
            info!(files = ?change.files, "the configuration changed on disk: reloading it");
            // A full channel holds a reload that has not begun: it will see this change, too.
            let _ = changed.try_send(());
        }
    });
    (file, watcher)
}

async fn reload_on_hangup(changed: mpsc::Sender<()>) {
    use tokio::signal::unix::{SignalKind, signal};
    let mut hangup = match signal(SignalKind::hangup()) {
        Ok(hangup) => hangup,
        Err(error) => {
            warn!(%error, "SIGHUP cannot be listened to");
            return;
        }
    };
    while hangup.recv().await.is_some() {
        info!("SIGHUP: reloading the configuration");
        // A full channel holds a reload that has not begun: it will see this change, too.
        let _ = changed.try_send(());
    }
}

/// Numbers from 0 to 1 from the operating system; without them the middle, so that probes go on.
fn chance() -> Chance {
    Arc::new(|| {
        let number = getrandom::u32().unwrap_or(u32::MAX / 2);
        f64::from(number) / (f64::from(u32::MAX) + 1.0)
    })
}
