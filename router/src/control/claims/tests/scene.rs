//! A replica as far as claims see one: a keeper, a controller that only draws, and hubs that say what they are told to say.

use std::sync::Mutex;
use std::time::SystemTime;

use futures_util::future::BoxFuture;
use hubrouter_config::{BaseUrl, Health, Hub};
use hubrouter_hub_adapter::census::{ActiveUsers, Routes, UserAt};
use hubrouter_hub_adapter::client::{HubError, Resolver};
use hubrouter_hub_adapter::probe::{Plane, ProbeResult, Seen};
use hubrouter_hub_adapter::site::Site;
use tokio::sync::watch;
use tokio::time::sleep;

use super::super::*;
use crate::control::calls::{HubCalls, Probe, Told};
use crate::control::clock;
use crate::control::keeper::{self, Keeper, Told as Heard, hub_key};
use crate::control::picture::{self, Healths, Materials};
use crate::control::tasks::Tasks;
use crate::control::test_store::TestStore;
use crate::core::life::records::{Assignment, Cause, Epoch, Heartbeat, HubRecord, Starts, Whom};
use crate::core::life::time::StoreTime;
use crate::core::sketch_tests::{another, assigned, snapshot, user_at};
use crate::directory::{Fingerprint, ReplicaId};

pub(super) const HUBS: &str = "a shared token, s standby shared token";
pub(super) const INTERVAL: Duration = Duration::from_secs(5);

/// What a played hub says of users; whom it does not name it does not know.
#[derive(Debug, Default)]
pub(super) struct Played {
    pub(super) said: Mutex<BTreeMap<(HubId, UserName), UserAt>>,
    pub(super) silent: Mutex<bool>,
    pub(super) asked: Mutex<Vec<String>>,
}

#[derive(Debug)]
pub(super) struct PlayedHub {
    hub: Hub,
    pub(super) played: Arc<Played>,
}

#[derive(Debug)]
pub(super) struct PlayedDial(Arc<Played>);

impl Dial for PlayedDial {
    fn calls(&self, hub: &Hub, _: &Site) -> Arc<dyn HubCalls> {
        Arc::new(PlayedHub { hub: hub.clone(), played: Arc::clone(&self.0) })
    }

    fn probe(&self, _: &Hub, _: &BaseUrl, _: &Health) -> Arc<dyn Probe> {
        Arc::new(Fine)
    }
}

pub(super) struct Fine;

impl Probe for Fine {
    fn probe(&self, _: Plane) -> BoxFuture<'_, ProbeResult> {
        Box::pin(async { ProbeResult { seen: Seen::Ok, took: Duration::ZERO } })
    }
}

impl HubCalls for PlayedHub {
    fn may_be_asked(&self) -> bool {
        self.hub.api_token.is_some()
    }

    fn has_routes(&self) -> bool {
        false
    }

    fn active_users(&self, _: Duration) -> Told<'_, ActiveUsers> {
        Box::pin(async { Ok(ActiveUsers { users: BTreeMap::new(), took: Duration::ZERO }) })
    }

    fn user<'a>(&'a self, user: &'a UserName, within: Duration) -> Told<'a, UserAt> {
        Box::pin(async move {
            self.played.asked.lock().unwrap().push(self.hub.id.to_string());
            if *self.played.silent.lock().unwrap() {
                sleep(within).await;
                let (hub, call) = (self.hub.id.clone(), "GET /hub/api/users/<name>");
                return Err(HubError::NoAnswer { hub, call, waited: within, source: None });
            }
            sleep(Duration::from_millis(20)).await;
            let said = self.played.said.lock().unwrap();
            Ok(said.get(&(self.hub.id.clone(), user.clone())).copied().unwrap_or(UserAt::UnknownUser))
        })
    }

    fn count_users(&self, _: Duration) -> Told<'_, usize> {
        Box::pin(async { Ok(0) })
    }

    fn routes(&self, _: Duration) -> Told<'_, Routes> {
        Box::pin(async { Ok(Routes::default()) })
    }

    fn restore_routes(&self, _: Duration) -> Told<'_, ()> {
        Box::pin(async { Ok(()) })
    }

    fn stop_server<'a>(&'a self, _: &'a UserName, _: &'a str, _: Duration) -> Told<'a, ()> {
        Box::pin(async { Ok(()) })
    }
}

/// A replica as far as claims see one.
pub(super) struct Scene {
    pub(super) store: TestStore,
    pub(super) claims: Claims,
    pub(super) live: Arc<ArcSwap<Live>>,
    pub(super) writer: Writer,
    pub(super) journal: Arc<Journal>,
    pub(super) played: Arc<Played>,
    pub(super) ada: UserName,
    _held: (watch::Sender<bool>, watch::Sender<Heartbeat>),
}

impl Scene {
    /// Of these hubs, an hour after anything changed; the directory holds `records`.
    pub(super) async fn of(hubs: &str, records: &[HubRecord]) -> Self {
        Self::replica(&TestStore::new(), 1, hubs, records).await
    }

    pub(super) async fn replica(store: &TestStore, number: u8, hubs: &str, records: &[HubRecord]) -> Self {
        let base = snapshot(hubs, "{}");
        let ada = user_at(&base, "a", 0);
        let config = (*base.config).clone();
        let materials = Materials { fallback_key: [7; 32], resolver: Resolver::new() };
        let first = picture::of(config, 1, None, &Healths::new(), &materials, clock::now());
        let live = Arc::new(ArcSwap::from_pointee(first.with_snapshot(another(&base))));
        let ids = base.config.hubs.iter().map(|hub| hub.id.clone()).collect();
        let (site, site_in) = watch::channel((ids, INTERVAL));
        let (heartbeat, heartbeat_in) = watch::channel(silent_beat(number));
        let (told, mut told_in) = mpsc::unbounded_channel();
        let journal = Arc::<Journal>::default();
        let (keeper, writer) = Keeper::new(keeper::Parts {
            store: Arc::new(store.clone()),
            me: ReplicaId::of([number; 8]),
            fresh: Fingerprint::of([number; 16]),
            site: site_in,
            heartbeat: heartbeat_in,
            journal: Arc::clone(&journal),
            told,
            task: Tasks::default().add("directory", INTERVAL),
        });
        let drawn = Arc::clone(&live);
        tokio::spawn(async move {
            // The controller, as far as claims see it.
            let _site = site;
            while let Some(told) = told_in.recv().await {
                let Heard::View(view, acks) = told else { continue };
                let before = drawn.load_full();
                let mut next = another(&before.snapshot);
                next.number += 1;
                for seen in &mut next.hubs {
                    let record = view.exceptions.hub(&seen.hub.id);
                    seen.record =
                        record.cloned().unwrap_or_else(|| Arc::new(HubRecord::new(seen.hub.id.clone())));
                }
                (next.exceptions, next.knowledge) = (view.exceptions, view.knowledge);
                drawn.store(Arc::new(before.with_snapshot(next)));
                for ack in acks {
                    let _ = ack.send(());
                }
            }
        });
        let (stop, stopped) = watch::channel(false);
        tokio::spawn(keeper.run(stopped));
        let played = Arc::<Played>::default();
        let (claims, queue) = Claims::new();
        let board = Board::new("t.yaml".into(), Tasks::default(), clock::now(), SystemTime::now());
        let means = Means {
            live: Arc::clone(&live),
            writer: writer.clone(),
            dial: Arc::new(PlayedDial(Arc::clone(&played))),
            journal: Arc::clone(&journal),
            board: Arc::new(board),
        };
        tokio::spawn(serve(queue, means));
        sleep(Duration::from_millis(100)).await;
        let scene = Self {
            store: store.clone(),
            claims,
            live,
            writer,
            journal,
            played,
            ada,
            _held: (stop, heartbeat),
        };
        for record in records {
            let write = Write::set(hub_key(&record.hub), None, record).unwrap();
            assert!(matches!(scene.writer.write(&write, WITHIN).await, Wrote::Stands(_)));
        }
        scene
    }

    pub(super) async fn settle(&self, identity: Identity) -> Settled {
        self.claims.settle(self.ada.clone(), identity, None).await.unwrap()
    }

    pub(super) fn says(&self, hub: &str, at: UserAt) {
        self.played.said.lock().unwrap().insert((hub.parse().unwrap(), self.ada.clone()), at);
    }

    pub(super) fn asked(&self) -> Vec<String> {
        self.played.asked.lock().unwrap().clone()
    }

    /// The user's assignment in force.
    pub(super) fn stands(&self) -> Option<Assignment> {
        self.live.load().snapshot.exceptions.assignment(&self.ada).cloned()
    }

    pub(super) fn stands_at(&self) -> Option<(String, &'static str)> {
        self.stands().map(|stands| (stands.hub.to_string(), stands.cause.label()))
    }

    pub(super) async fn assign(&self, hub: &str, cause: Cause) {
        let on = self.live.load().snapshot.exceptions.epoch_of(&self.ada);
        let record = assigned(self.ada.as_str(), hub, cause, Epoch::default());
        let write = Write::set(user_key(&self.ada).unwrap(), on, &record).unwrap();
        self.writer.write(&write, WITHIN).await;
    }
}

pub(super) fn silent_beat(number: u8) -> Heartbeat {
    Heartbeat::silent(ReplicaId::of([number; 8]).as_str())
}

/// The record of a hub whose candidates are open.
pub(super) fn open(hub: &str, cause: Cause) -> HubRecord {
    let since = StoreTime::from_millis(1);
    HubRecord {
        starts: Starts::Elsewhere { since, whom: Whom::Everybody, cause },
        ..HubRecord::new(hub.parse().unwrap())
    }
}

pub(super) fn start(hub: &str) -> Settled {
    Settled::Start(hub.parse().unwrap(), None)
}

pub(super) fn waits(hub: &str, why: Waits) -> Settled {
    Settled::Wait { hub: hub.parse().unwrap(), why }
}
