//! What the controller does by itself when the time has come.

use std::time::SystemTime;

use hubrouter_config::FixedSources;
use hubrouter_hub_adapter::client::Resolver;
use hubrouter_hub_adapter::cookies::Cookies;

use super::super::calls::Network;
use super::super::claims::Claims;
use super::super::keeper::{CensusRecord, census_key};
use super::super::load;
use super::super::replica::{self, Replica};
use super::super::tasks::Tasks;
use super::super::test_store::TestStore;
use super::*;
use crate::core::life::records::Heartbeat;
use crate::directory::{Comparison, Fingerprint, Memory, Pulse, Seen, Store as _, Value, Write};

const ONE: &str = "hubs: [{id: a, url: 'http://127.0.0.1:9'}]\n";
const TWO: &str = "hubs: [{id: a, url: 'http://127.0.0.1:9'}, {id: b, url: 'http://127.0.0.1:9'}]\n";

struct NoListeners;

impl Listeners for NoListeners {
    fn change(&mut self, _: &[SocketAddr]) -> Result<(), Unopened> {
        Ok(())
    }
}

/// Sessions that live for less than a file may ask for, so that a test need not wait.
fn loaded(text: &str) -> Loaded {
    let mut loaded = load::parse(text, "t.yaml", &FixedSources::default()).unwrap();
    loaded.config.session.lifetime = Duration::from_secs(1);
    loaded
}

/// A replica of a site with one hub whose next reload brings another, and what it draws.
fn growing(changes: mpsc::Receiver<()>) -> (Replica, Arc<ArcSwap<Live>>) {
    let materials = Materials { fallback_key: [7; 32], resolver: Resolver::new() };
    let (loaded_one, now) = (loaded(ONE), clock::now());
    let first = picture::of(loaded_one.config.clone(), 1, None, &Healths::new(), &materials, now);
    let live = Arc::new(ArcSwap::from_pointee(first));
    let (_, signals) = mpsc::unbounded_channel();
    let (_, orders) = mpsc::unbounded_channel();
    let replica = Replica {
        loaded: loaded_one,
        load: Box::new(|| Ok(loaded(TWO))),
        live: Arc::clone(&live),
        store: Arc::new(Memory::new(Memory::system_clock())),
        is_shared: false,
        me: ReplicaId::of([1; 8]),
        fresh: Fingerprint::of([2; 16]),
        dial: Arc::new(Network::new(materials.resolver.clone())),
        chance: Arc::new(|| 0.5),
        materials,
        signals,
        journal: Arc::default(),
        claims: Claims::new().1,
        orders,
        changes,
        watched: None,
        listeners: Box::new(NoListeners),
        board: Arc::new(Board::new("t.yaml".into(), Tasks::default(), now, SystemTime::now())),
    };
    (replica, live)
}

/// Whose login a cookie without a jar is.
fn owner_of_bare_names(live: &ArcSwap<Live>) -> Vec<String> {
    let live = live.load();
    let field: &[u8] = b"jupyterhub-hub-login=x";
    let logins = Cookies::read(&live.snapshot.jars, [field].into_iter()).logins();
    logins.iter().map(ToString::to_string).collect()
}

#[tokio::test]
async fn the_sessions_of_the_hub_that_was_alone_are_adopted_for_as_long_as_sessions_live() {
    let (change, changes) = mpsc::channel(1);
    let (replica, live) = growing(changes);
    let (_stop, stopped) = watch::channel(false);
    let watched = async {
        change.send(()).await.unwrap();
        while live.load().snapshot.hubs.len() < 2 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        assert_eq!(owner_of_bare_names(&live), ["a"]);
        let joined_at = Instant::now();
        while !owner_of_bare_names(&live).is_empty() && joined_at.elapsed() < Duration::from_secs(10) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        joined_at.elapsed()
    };

    let adopted_for = tokio::select! {
        adopted_for = watched => adopted_for,
        () = replica::run(replica, stopped) => panic!("nobody stopped it"),
    };

    let lifetime = Duration::from_millis(800)..Duration::from_secs(5);
    assert!(lifetime.contains(&adopted_for), "{adopted_for:?}");
}

const WITHIN: Duration = Duration::from_secs(2);

/// Whose store this is, as soon as a replica that runs on it has said so.
async fn identity_of(store: &Memory) -> Seen {
    loop {
        let full = store.load(WITHIN).await.unwrap();
        if let Some(identity) = full.identity {
            return Seen { fingerprint: identity.fingerprint, epoch: full.counter };
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Tells a replica that runs on `store` what another one heard of hub `a`, as soon as it can be told.
async fn tell_census(store: &Memory, record: &CensusRecord) {
    let seen = identity_of(store).await;
    let target = Comparison { key: census_key(&"a".parse().unwrap()), epoch: None };
    let write = Write { target, value: Value::of(record), conditions: Vec::new() };
    store.write(&write, &seen, WITHIN).await.unwrap();
}

#[tokio::test]
async fn how_long_servers_are_idle_is_known_to_the_replicas_that_did_not_ask_the_hub_too() {
    let (_change, changes) = mpsc::channel(1);
    let (mut replica, _live) = growing(changes);
    let (store, board) = (Memory::new(Memory::system_clock()), Arc::clone(&replica.board));
    replica.store = Arc::new(store.clone());
    let (_stop, stopped) = watch::channel(false);
    let asked_at = Memory::system_clock()();
    let idle_since = Some(asked_at.minus(Duration::from_secs(600)));
    let record = CensusRecord { asked_at, answered_at: asked_at, idle_since, ..CensusRecord::default() };
    let hub: HubId = "a".parse().unwrap();
    let known = async {
        tell_census(&store, &record).await;
        let told_at = Instant::now();
        while board.fleet().idle_since.is_empty() && told_at.elapsed() < Duration::from_secs(10) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        board.fleet().idle_since.get(&hub).copied()
    };

    let known = tokio::select! {
        known = known => known,
        () = replica::run(replica, stopped) => panic!("nobody stopped it"),
    };

    assert_eq!(known, idle_since);
}

#[tokio::test]
async fn a_new_placement_waits_for_a_router_that_fell_silent_where_storage_is_local() {
    let (change, changes) = mpsc::channel(1);
    let (mut replica, _live) = growing(changes);
    let (store, board) = (TestStore::new(), Arc::clone(&replica.board));
    replica.store = Arc::new(store.clone());
    let (_stop, stopped) = watch::channel(false);
    let other = ReplicaId::of([9; 8]);
    let waits = async {
        let seen = identity_of(&store.memory).await;
        let payload = Value::of(&Heartbeat::silent(other.as_str())).unwrap();
        let pulse = Pulse { replica: other.clone(), payload, lives_for: Duration::from_secs(15) };
        store.beat(&pulse, &seen.fingerprint, WITHIN).await.unwrap();
        let told_at = Instant::now();
        while board.fleet().placement.is_none() && told_at.elapsed() < Duration::from_secs(20) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        store.jump(Duration::from_secs(60));
        change.send(()).await.unwrap();
        while board.fleet().placement_waits.is_none() && told_at.elapsed() < Duration::from_secs(20) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        board.fleet().placement_waits
    };

    let waits = tokio::select! {
        waits = waits => waits.expect("it waits"),
        () = replica::run(replica, stopped) => panic!("nobody stopped it"),
    };

    assert!(waits.starts_with(&format!("replica `{other}` fell silent without goodbye")), "{waits}");
    assert!(waits.contains("for 49 more minutes") && waits.contains("apply --force"), "{waits}");
}
