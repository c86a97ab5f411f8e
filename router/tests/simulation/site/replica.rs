//! One process of the router in the simulation: its control side unchanged, and what its fast path needs.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use arc_swap::ArcSwap;
use hubrouter::control::board::Board;
use hubrouter::control::claims::Claims;
use hubrouter::control::clock;
use hubrouter::control::controller::{Listeners, Ordered, Unopened};
use hubrouter::control::journal::Journal;
use hubrouter::control::live::Live;
use hubrouter::control::picture::{self, Healths, Materials};
use hubrouter::control::replica::{self, Replica};
use hubrouter::control::signals::Signal;
use hubrouter::control::tasks::Tasks;
use hubrouter::directory::{Fingerprint, ReplicaId};
use hubrouter_hub_adapter::client::Resolver;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};

use super::super::hubs::Hubs;
use super::super::net::Party;
use super::super::rng::Rng;
use super::super::store::SimStore;
use super::config::read;
use super::dial::{Life, SimDial};
use super::rules::Rules;
use super::store::LivingStore;

/// How long a process that was told to end waits for requests that were begun.
const FINISHES_WITHIN: Duration = Duration::from_secs(10);

/// Where a process begins.
pub struct Place {
    pub number: usize,
    pub hubs: Hubs,
    pub store: SimStore,
    pub rng: Rng,
    pub text: String,
    pub rules: Rules,
}

/// A process.
pub struct Process {
    pub number: usize,
    pub live: Arc<ArcSwap<Live>>,
    pub claims: Claims,
    pub journal: Arc<Journal>,
    pub signals: mpsc::UnboundedSender<Signal>,
    pub orders: mpsc::UnboundedSender<Ordered>,
    pub board: Arc<Board>,
    pub life: Life,
    /// Requests that were begun.
    pub busy: AtomicUsize,
    text: Arc<Mutex<String>>,
    changes: mpsc::Sender<()>,
    stop: watch::Sender<bool>,
    leaving: AtomicBool,
    control: Mutex<Option<JoinHandle<()>>>,
}

struct NoSockets;

impl Listeners for NoSockets {
    fn change(&mut self, _: &[std::net::SocketAddr]) -> Result<(), Unopened> {
        Ok(())
    }
}

impl Process {
    /// Begins as the program does.
    pub fn begin(place: Place) -> Arc<Self> {
        let Place { number, hubs, store, mut rng, text, rules } = place;
        let loaded = read(&text).expect("a good configuration");
        let text = Arc::new(Mutex::new(text));
        let load = {
            let text = text.clone();
            Box::new(move || read(&text.lock().unwrap()))
        };
        let materials = Materials { fallback_key: rng.bytes(), resolver: Resolver::new() };
        let now = clock::now();
        let config = loaded.config.clone();
        let first = picture::of(config, 1, None, &Healths::new(), &materials, now);
        let live = Arc::new(ArcSwap::from_pointee(first));
        let board = Arc::new(Board::new("simulated".into(), Tasks::default(), now, SystemTime::UNIX_EPOCH));
        let (claims, queue) = Claims::new();
        let (signals, signals_in) = mpsc::unbounded_channel();
        let (orders, orders_in) = mpsc::unbounded_channel();
        let (changes, changes_in) = mpsc::channel(1);
        let (stop, stopped) = watch::channel(false);
        let (journal, life) = (Arc::<Journal>::default(), Life::default());
        let me = ReplicaId::of(rng.bytes());
        let store = LivingStore { inner: Arc::new(store), life: life.clone(), rules: rules.clone() };
        let dial = SimDial { hubs, me: Party::Replica(number), life: life.clone(), rules };
        let replica = Replica {
            loaded,
            load,
            live: live.clone(),
            materials,
            store: Arc::new(store),
            is_shared: true,
            me,
            fresh: Fingerprint::of(rng.bytes()),
            dial: Arc::new(dial),
            chance: rng.chance(),
            signals: signals_in,
            journal: journal.clone(),
            claims: queue,
            orders: orders_in,
            changes: changes_in,
            watched: None,
            listeners: Box::new(NoSockets),
            board: board.clone(),
        };
        let control = Mutex::new(Some(tokio::spawn(replica::run(replica, stopped))));
        let (busy, leaving) = (AtomicUsize::new(0), AtomicBool::new(false));
        let this = Self {
            number,
            live,
            claims,
            journal,
            signals,
            orders,
            board,
            life,
            busy,
            text,
            changes,
            stop,
            leaving,
            control,
        };
        Arc::new(this)
    }

    pub fn party(&self) -> Party {
        Party::Replica(self.number)
    }

    /// Whether a load balancer sends requests here.
    pub fn takes_requests(&self) -> bool {
        !self.life.is_over() && !self.leaving.load(Ordering::SeqCst)
    }

    /// Whether its control side has ended, as it only does when it is told to.
    pub fn has_ended(&self) -> bool {
        self.control.lock().unwrap().as_ref().is_some_and(JoinHandle::is_finished)
    }

    /// It is killed.
    pub fn kill(&self) {
        self.life.end();
        if let Some(control) = self.control.lock().unwrap().take() {
            control.abort();
        }
    }

    /// It is told to end: no new requests, those that were begun, then goodbye.
    pub async fn retire(self: Arc<Self>) {
        self.leaving.store(true, Ordering::SeqCst);
        self.board.leave();
        let until = Instant::now() + FINISHES_WITHIN;
        while self.busy.load(Ordering::SeqCst) > 0 && Instant::now() < until {
            sleep(Duration::from_millis(100)).await;
        }
        self.stop.send_replace(true);
        let control = self.control.lock().unwrap().take();
        if let Some(control) = control {
            let _ = timeout(FINISHES_WITHIN, control).await;
        }
        self.life.end();
    }

    /// Its configuration is another one from now on.
    pub fn reload(&self, text: String) {
        *self.text.lock().unwrap() = text;
        let _ = self.changes.try_send(());
    }
}
