//! Two replicas, unchanged, with simulated hubs and one store: whatever happens to the hubs, both send every user of 100,000
//! to the same hub, and every start.
//!
//! Once with a store in memory, everywhere; once with a real Redis, which `cargo xtask test --only redis` brings.
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail as tests do")]
#![allow(missing_docs, reason = "tests document themselves by their names")]

mod replica;
#[path = "../directory/redis/server.rs"]
#[allow(dead_code, reason = "the tests of the directory need more of it")]
mod server;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use hubrouter::control::live::Live;
use hubrouter::control::operator::What;
use hubrouter::core::life::calm::CopyOfStore;
use hubrouter::core::life::claim::{Identity, Way};
use hubrouter::core::life::records::{AtDeadline, Starts};
use hubrouter::core::snapshot::Snapshot;
use hubrouter::core::starting::{StartPlan, StartWaits, Starter, start_of};
use hubrouter::directory::{Memory, RedisStore, Store};
use hubrouter_hub_adapter::names::{NameRule, UserName};
use hubrouter_loadtest::simhub::{ApiToken, SimHub, SimHubOptions, TokenOwner};
use replica::{Process, TOKEN, text};
use server::Server;

const USERS: usize = 100_000;
const PATIENCE: Duration = Duration::from_secs(30);

struct Site {
    hubs: Vec<SimHub>,
    replicas: [Process; 2],
    users: Arc<Vec<UserName>>,
}

impl Site {
    async fn in_memory() -> Self {
        let store = Memory::new(Memory::system_clock());
        Self::start(|| Arc::new(store.clone())).await
    }

    /// `way` gives each replica its way to the store.
    async fn start(way: impl Fn() -> Arc<dyn Store>) -> Self {
        let mut hubs = Vec::new();
        for id in ["hub-a", "hub-b", "hub-s", "hub-c"] {
            let mut options = SimHubOptions::named(id);
            options.api_tokens.push(ApiToken {
                token: TOKEN.into(),
                owner: TokenOwner::Service("router".into()),
                scopes: ["list:users", "read:users", "read:servers", "delete:servers", "proxy"]
                    .map(Into::into)
                    .into(),
            });
            hubs.push(SimHub::start(options).await.unwrap());
        }
        let first = text(&hubs[..3]);
        let replicas = [1, 2].map(|number| Process::begin(number, way(), first.clone()));
        let name = |number| UserName::canonical(&format!("user-{number}"), NameRule::Exact).unwrap();
        let site = Self { hubs, replicas, users: Arc::new((0..USERS).map(name).collect()) };
        site.both("have read the directory and probed the hubs", |snapshot| {
            snapshot.exceptions.placement_epoch().is_some()
                && snapshot
                    .hubs
                    .iter()
                    .all(|view| view.health.hub.is_probed() && view.health.proxy.is_probed())
        })
        .await;
        site
    }

    /// Waits until both replicas see it, and hold the same records.
    async fn both(&self, what: &str, is_so: impl Fn(&Snapshot) -> bool) {
        let until = Instant::now() + PATIENCE;
        while Instant::now() < until {
            let [one, other] = self.snapshots();
            if is_so(&one.snapshot) && is_so(&other.snapshot) && same_records(&one.snapshot, &other.snapshot)
            {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("not in time: both replicas {what}");
    }

    /// Waits for a moment in which neither replica waits for the directory.
    async fn until_in_step(&self) {
        let until = Instant::now() + PATIENCE;
        let is_in_step = |live: &Arc<Live>| {
            let moment = live.snapshot.knowledge.at(Instant::now(), &live.snapshot.times);
            matches!(moment.copy, Some(CopyOfStore::ReadAt(_))) && !moment.behind
        };
        while !self.snapshots().iter().all(is_in_step) {
            assert!(Instant::now() < until, "not in time: both replicas reach the store");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Waits until both replicas know of a server of `user` at `hub`.
    async fn both_know(&self, user: &UserName, hub: &str) {
        let (hub, until) = (hub.parse().unwrap(), Instant::now() + PATIENCE);
        while !self.replicas.iter().all(|replica| replica.board.census.known_at(&hub).contains(user)) {
            assert!(Instant::now() < until, "not in time: both replicas know of the server of {user}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    fn snapshots(&self) -> [Arc<Live>; 2] {
        [0, 1].map(|number: usize| self.replicas[number].live.load_full())
    }

    /// Asks both replicas about everybody; says how many users belong to each hub.
    async fn agree(&self, state: &'static str) -> BTreeMap<String, usize> {
        self.until_in_step().await;
        let (lives, users, now) = (self.snapshots(), Arc::clone(&self.users), Instant::now());
        // On a thread of its own: the hubs have to answer meanwhile.
        let asked = tokio::task::spawn_blocking(move || {
            let [one, other] = lives.each_ref().map(|live| &live.snapshot);
            let (mut counts, mut compared) = (BTreeMap::<String, usize>::new(), 0);
            for user in users.iter() {
                let [owner, same] = [one, other].map(|snapshot| owner(snapshot, user));
                assert_eq!(owner, same, "{user}, when {state}");
                let starts = [one, other].map(|snapshot| destination(snapshot, user, now));
                if let [Some(start), Some(same)] = &starts {
                    assert_eq!(start, same, "a start of {user}, when {state}");
                    compared += 1;
                }
                *counts.entry(owner).or_default() += 1;
            }
            assert!(compared > users.len() / 2, "only {compared} starts were compared when {state}");
            counts
        });
        asked.await.unwrap()
    }

    /// Waits until the replica that was not ordered tells of it by its events, too.
    async fn other_tells(&self, text: &str) {
        let until = Instant::now() + PATIENCE;
        let events = &self.replicas[1].board.events;
        while !events.after(None, Duration::ZERO).await.events.iter().any(|event| event.text.contains(text)) {
            assert!(Instant::now() < until, "not in time: the other replica tells of {text}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    async fn order(&self, what: What) {
        self.replicas[0].order(what).await.unwrap_or_else(|refused| panic!("{refused}"));
    }
}

fn same_records(one: &Snapshot, other: &Snapshot) -> bool {
    let records = |snapshot: &Snapshot| -> Vec<_> {
        let hubs = snapshot.hubs.iter().map(|view| (view.hub.id.clone(), view.record.epoch));
        hubs.collect()
    };
    let users = |snapshot: &Snapshot| -> BTreeSet<_> {
        snapshot.exceptions.assignments().map(|stands| (stands.user.clone(), stands.epoch)).collect()
    };
    records(one) == records(other)
        && users(one) == users(other)
        && one.exceptions.placement_epoch() == other.exceptions.placement_epoch()
}

/// Where a start leads, calm or not: a claim may come between, and its end is the same. None while the replica waits for the
/// directory, as each does for itself.
fn destination(snapshot: &Snapshot, user: &UserName, now: Instant) -> Option<String> {
    let starter = Starter { user: user.clone(), identity: Identity::Proven, chosen: None, trial: false };
    let moment = snapshot.knowledge.at(now, &snapshot.times);
    Some(match start_of(snapshot, &starter, &moment).unwrap() {
        StartPlan::Go(hub) => snapshot.id(hub).to_string(),
        StartPlan::Claim(claiming) => match &claiming.facts.way {
            Way::Elsewhere { to, .. } => to.hub.to_string(),
            Way::Owner | Way::Hold => snapshot.id(claiming.owner).to_string(),
        },
        StartPlan::Wait { why: StartWaits::Directory, .. } => return None,
        StartPlan::Wait { hub, .. } => format!("waits for {}", snapshot.id(hub)),
        StartPlan::Page { hub, .. } => format!("a page about {}", snapshot.id(hub)),
        StartPlan::NotThere { .. } => unreachable!("nothing was chosen"),
    })
}

fn starts(snapshot: &Snapshot, hub: &str) -> Starts {
    snapshot.hub(snapshot.find_named(hub).unwrap()).starts()
}

fn owner(snapshot: &Snapshot, user: &UserName) -> String {
    snapshot.id(snapshot.owner(user).unwrap()).to_string()
}

fn count(counts: &BTreeMap<String, usize>, hub: &str) -> usize {
    counts.get(hub).copied().unwrap_or(0)
}

#[tokio::test]
async fn two_replicas_send_each_of_100_000_users_to_the_same_hub_in_five_states() {
    five_states(Site::in_memory().await).await;
}

#[tokio::test]
#[ignore = "needs Redis: cargo xtask test --only redis"]
async fn so_they_do_with_a_real_redis() {
    let redis = Server::plain().await;
    five_states(Site::start(|| Arc::new(RedisStore::new(&redis.config()).unwrap())).await).await;
}

async fn five_states(site: Site) {
    let well = site.agree("all is well").await;
    assert!(count(&well, "hub-a") > USERS / 3 && count(&well, "hub-s") == 0, "{well:?}");
    // Somebody has a server, and is to stay.
    let runs = site.users.iter().find(|user| owner(&site.snapshots()[0].snapshot, user) == "hub-a").unwrap();
    site.hubs[0].start_server(runs.as_str(), "").await;
    // It was started past the routers: only the census can tell of it.
    site.both_know(runs, "hub-a").await;

    let hub = "hub-b".parse().unwrap();
    let drain = What::Drain {
        hub,
        deadline: None,
        at_deadline: AtDeadline::Wait,
        idle_for: Duration::ZERO,
        force: false,
    };
    site.order(drain).await;
    site.both("drain", |snapshot| matches!(starts(snapshot, "hub-b"), Starts::Elsewhere { .. })).await;
    site.agree("hub-b is drained").await;
    site.other_tells("`draining` by kim: agreement").await;
    site.order(What::Abort { hub: "hub-b".parse().unwrap() }).await;
    site.both("have ended the drain", |snapshot| starts(snapshot, "hub-b") == Starts::Here).await;

    site.hubs[0].stop_hub().await;
    site.both("agree on the outage", |snapshot| {
        snapshot.hub(snapshot.find_named("hub-a").unwrap()).record.outage.is_some()
    })
    .await;
    assert_eq!(
        count(&site.agree("hub-a does not answer").await, "hub-a"),
        count(&well, "hub-a"),
        "nobody is moved yet"
    );

    site.both("have failed over", |snapshot| {
        snapshot.hub(snapshot.find_named("hub-a").unwrap()).record.failed_over.is_some()
    })
    .await;
    let away = site.agree("hub-a is failed over").await;
    assert_eq!(
        (count(&away, "hub-a"), owner(&site.snapshots()[0].snapshot, runs)),
        (1, "hub-a".into()),
        "who has a server stays"
    );

    site.hubs[0].start_hub().await.unwrap();
    site.both("have taken hub-a back", |snapshot| starts(snapshot, "hub-a") == Starts::Here).await;
    for replica in &site.replicas {
        replica.reload(text(&site.hubs));
    }
    site.both("know the hub that joined", |snapshot| {
        snapshot.find_named("hub-c").is_some() && snapshot.placement.rank(runs).len() == 4
    })
    .await;
    let joined = site.agree("a hub has joined").await;
    assert!(count(&joined, "hub-c") > USERS / 4, "{joined:?}");
    assert_eq!(owner(&site.snapshots()[0].snapshot, runs), "hub-a", "who has a server stays");
}

#[tokio::test]
async fn replicas_whose_configurations_differ_do_not_undo_each_others_work_without_end() {
    let site = Site::in_memory().await;
    let drained = text(&site.hubs[..3]).replacen("id: hub-b,", "id: hub-b, intent: draining,", 1);
    let epoch = || {
        let [one, _] = site.snapshots();
        one.snapshot.hub(one.snapshot.find_named("hub-b").unwrap()).record.epoch.as_number()
    };
    let before = epoch();

    site.replicas[1].reload(drained);
    tokio::time::sleep(Duration::from_secs(2)).await;

    let writes = epoch() - before;
    // Each closes or opens after the other once in two intervals; without a pause it would be thousands.
    assert!(writes <= 60, "{writes} writes in 10 intervals");
}
