//! One replica without public sockets: its control side as the program runs it, on simulated hubs and a store that it shares.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::SystemTime;

use arc_swap::ArcSwap;
use hubrouter::control::board::Board;
use hubrouter::control::calls::Network;
use hubrouter::control::claims::Claims;
use hubrouter::control::clock;
use hubrouter::control::controller::{Listeners, Ordered, Unopened};
use hubrouter::control::journal::Journal;
use hubrouter::control::live::Live;
use hubrouter::control::load::{Refusal, parse};
use hubrouter::control::operator::{Order, Outcome, Refused, What};
use hubrouter::control::picture::{self, Healths, Materials};
use hubrouter::control::replica::{self, Replica};
use hubrouter::control::signals::Signal;
use hubrouter::control::tasks::Tasks;
use hubrouter::directory::{Fingerprint, ReplicaId, Store};
use hubrouter_config::{Loaded, Sources};
use hubrouter_hub_adapter::client::Resolver;
use hubrouter_loadtest::simhub::SimHub;
use tokio::sync::{mpsc, oneshot, watch};

/// The token of the router at the hubs.
pub const TOKEN: &str = "router-token-0123456789";

/// A configuration with these hubs, the one called `hub-s` a standby, and times at about a thirtieth.
pub fn text(hubs: &[SimHub]) -> String {
    let hub = |hub: &SimHub| {
        let tier = if hub.id() == "hub-s" { "standby" } else { "active" };
        let (id, url, hub_url) = (hub.id(), hub.url(), hub.hub_url());
        format!(
            "  - {{id: {id}, url: '{url}', hub_url: '{hub_url}', api_token: {{env: TOKEN}}, tier: {tier}, storage: shared}}\n"
        )
    };
    let hubs: String = hubs.iter().map(hub).collect();
    format!(
        "hubs:\n{hubs}placement: {{seed: agreement}}\nsession: {{keys: [{{env: KEY}}]}}\n\
         health: {{interval: 200ms, timeout: 200ms}}\n\
         census: {{interval: 200ms, authority: 400ms, max_age: 5s}}\n\
         failover: {{hold: 1s, after: 4s, dead_after: 6s, failback_after: 500ms}}\n\
         directory: {{kind: redis, url: 'redis://nobody-asks:6379'}}\n"
    )
}

/// Secrets from nowhere.
struct Given;

impl Sources for Given {
    fn env(&self, name: &str) -> Option<String> {
        Some(if name == "TOKEN" { TOKEN.into() } else { "0123456789abcdef0123456789abcdef".into() })
    }

    fn read(&self, _: &std::path::Path) -> std::io::Result<Vec<u8>> {
        Err(std::io::ErrorKind::NotFound.into())
    }
}

fn read(text: &str) -> Result<Loaded, Refusal> {
    parse(text, "agreement.yaml", &Given)
}

struct NoSockets;

impl Listeners for NoSockets {
    fn change(&mut self, _: &[SocketAddr]) -> Result<(), Unopened> {
        Ok(())
    }
}

/// A running replica.
pub struct Process {
    pub live: Arc<ArcSwap<Live>>,
    pub board: Arc<Board>,
    orders: mpsc::UnboundedSender<Ordered>,
    text: Arc<Mutex<String>>,
    changes: mpsc::Sender<()>,
    _kept: (watch::Sender<bool>, mpsc::UnboundedSender<Signal>, Claims),
}

impl Process {
    /// Begins as the program does.
    pub fn begin(number: u8, store: Arc<dyn Store>, text: String) -> Self {
        let loaded = read(&text).unwrap_or_else(|refusal| panic!("{refusal}"));
        let text = Arc::new(Mutex::new(text));
        let load = {
            let text = Arc::clone(&text);
            Box::new(move || read(&text.lock().unwrap()))
        };
        let materials = Materials { fallback_key: [number; 32], resolver: Resolver::new() };
        let now = clock::now();
        let first = picture::of(loaded.config.clone(), 1, None, &Healths::new(), &materials, now);
        let live = Arc::new(ArcSwap::from_pointee(first));
        let board = Arc::new(Board::new("agreement".into(), Tasks::default(), now, SystemTime::now()));
        let (claims, queue) = Claims::new();
        let (signals, signals_in) = mpsc::unbounded_channel();
        let (orders, orders_in) = mpsc::unbounded_channel();
        let (changes, changes_in) = mpsc::channel(1);
        let (stop, stopped) = watch::channel(false);
        let replica = Replica {
            loaded,
            load,
            live: Arc::clone(&live),
            materials,
            store,
            is_shared: true,
            me: ReplicaId::of([number; 8]),
            fresh: Fingerprint::of([number; 16]),
            dial: Arc::new(Network::new(Resolver::new())),
            // The two never probe at the same moment.
            chance: Arc::new(move || f64::from(number) / 3.0),
            signals: signals_in,
            journal: Arc::<Journal>::default(),
            claims: queue,
            orders: orders_in,
            changes: changes_in,
            watched: None,
            listeners: Box::new(NoSockets),
            board: Arc::clone(&board),
        };
        // A thread of its own, as in the program.
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        std::thread::spawn(move || runtime.block_on(replica::run(replica, stopped)));
        Self { live, board, orders, text, changes, _kept: (stop, signals, claims) }
    }

    pub async fn order(&self, what: What) -> Result<Outcome, Refused> {
        let order = Order { what, who: "kim".into(), why: "agreement".into(), dry_run: false };
        let (reply, end) = oneshot::channel();
        self.orders.send(Ordered { order, reply }).unwrap();
        end.await.unwrap()
    }

    /// Its configuration is another one from now on.
    pub fn reload(&self, text: String) {
        *self.text.lock().unwrap() = text;
        let _ = self.changes.try_send(());
    }
}
