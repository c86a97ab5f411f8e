//! The census of several hubs on real sockets: who is asked, how often, and what is forgotten.

use std::sync::atomic::{AtomicUsize, Ordering};

use hubrouter_config::{FixedSources, parse};
use hubrouter_hub_adapter::client::Resolver;
use hubrouter_hub_adapter::names::{NameRule, UserName};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;
use crate::control::calls::Network;
use crate::control::picture::{self, Healths, Materials};
use crate::core::census::{Asked, Pace, Servers};

/// A hub with ada's server, that takes its time, or for ever.
struct FakeHub {
    url: String,
    asked: Arc<AtomicUsize>,
}

impl FakeHub {
    async fn answering_after(pause: Duration) -> FakeHub {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&asked);
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(async move {
                    let mut head = [0; 2048];
                    let length = stream.read(&mut head).await.unwrap_or_default();
                    let head = String::from_utf8_lossy(&head[..length]).into_owned();
                    let body = if head.starts_with("GET /hub/api/users?") {
                        r#"[{"name":"ada","servers":{"":{"ready":true}}}]"#
                    } else {
                        r#"{"/":{"data":{"hub":true}},"/user/ada/":{"data":{"user":"ada"}}}"#
                    };
                    tokio::time::sleep(pause).await;
                    let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len());
                    let _ = stream.write_all(answer.as_bytes()).await;
                });
            }
        });
        FakeHub { url, asked }
    }

    async fn quick() -> FakeHub {
        FakeHub::answering_after(Duration::ZERO).await
    }

    async fn hanging() -> FakeHub {
        FakeHub::answering_after(Duration::from_secs(3600)).await
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

/// A picture of a site with these hubs.
fn picture(times: &str, hubs: &[(&str, &FakeHub)]) -> Live {
    let mut text = format!("census: {{{times}}}\nhubs:\n");
    for (id, hub) in hubs {
        text.push_str(&format!("  - {{id: {id}, url: '{}', api_token: {{env: T}}}}\n", hub.url));
    }
    let sources =
        FixedSources { env: [("T".to_owned(), "router-token-0123".to_owned())].into(), ..Default::default() };
    let config = parse(&text, "test.yaml", &sources).unwrap().config;
    let materials = Materials { fallback_key: [7; 32], resolver: Resolver::new() };
    picture::of(config, 1, None, &Healths::new(), &materials, Instant::now())
}

/// A census at work.
struct Begun {
    live: Arc<ArcSwap<Live>>,
    desk: Arc<Desk>,
    tasks: Tasks,
    task: tokio::task::JoinHandle<()>,
}

impl Begun {
    fn with(picture: Live) -> Begun {
        let live = Arc::new(ArcSwap::from_pointee(picture));
        let (desk, tasks) = (Arc::<Desk>::default(), Tasks::default());
        let (news, _) = tokio::sync::mpsc::unbounded_channel();
        let leases = Arc::new(Leases::default());
        leases.hold_all(live.load().snapshot.config.hubs.iter().map(|hub| hub.id.clone()));
        let means = Means {
            dial: Arc::new(Network::new(Resolver::new())),
            chance: Arc::new(|| 0.5),
            tasks: tasks.clone(),
            leases,
            news,
            bells: Bells::default(),
        };
        let census = Census::new(Arc::clone(&live), Arc::clone(&desk), means);
        Begun { live, desk, tasks, task: tokio::spawn(census.run()) }
    }

    fn seen(&self, hub: &str) -> HubSeen {
        let id: HubId = hub.parse().unwrap();
        self.desk.hub(&id, moment(&self.live.load().snapshot, &id, Instant::now()))
    }

    async fn until(&self, what: &str, is: impl Fn(&Begun) -> bool) {
        for _ in 0..1000 {
            if is(self) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("never: {what}");
    }

    fn task_names(&self) -> Vec<String> {
        self.tasks.all().into_iter().map(|task| task.name).collect()
    }
}

impl Drop for Begun {
    fn drop(&mut self) {
        self.task.abort();
    }
}

const QUICK: &str = "interval: 20ms, authority: 30ms, max_age: 1m";

#[tokio::test]
async fn every_hub_is_asked_in_both_layers_by_tasks_that_operators_see() {
    let (a, b) = (FakeHub::quick().await, FakeHub::quick().await);
    let census = Begun::with(picture(QUICK, &[("a", &a), ("b", &b)]));

    census
        .until("both hubs told in both layers", |census| {
            ["a", "b"].iter().all(|hub| {
                let seen = census.seen(hub);
                seen.known
                    && seen.totals.users == 1
                    && seen.sightings.is_some_and(|layer| layer.answered.is_some())
            })
        })
        .await;

    assert_eq!(
        census.task_names(),
        [
            "census authority a",
            "census authority b",
            "census comparison",
            "census sightings a",
            "census sightings b"
        ]
    );
    assert!(census.tasks.all().iter().all(|task| task.last.is_some()));
    census.until("ada is found on both", |census| census.desk.doubles().count == 1).await;
}

#[tokio::test]
async fn a_hub_that_hangs_delays_nobody_else_and_is_asked_one_question_at_a_time() {
    let (stuck, well) = (FakeHub::hanging().await, FakeHub::quick().await);
    let census = Begun::with(picture(QUICK, &[("stuck", &stuck), ("well", &well)]));

    census.until("the other hub was asked again and again", |_| well.asked() > 6).await;

    assert_eq!(stuck.asked(), 2); // one of each layer
    assert!(census.seen("well").known && !census.seen("stuck").known);
}

#[tokio::test]
async fn a_hub_that_takes_long_is_asked_less_often() {
    let slow = FakeHub::answering_after(Duration::from_millis(40)).await;
    let census = Begun::with(picture("interval: 100ms, authority: 100ms, max_age: 1m", &[("slow", &slow)]));
    census.until("it has told", |census| census.seen("slow").authority.is_some()).await;

    tokio::time::sleep(Duration::from_millis(500)).await;

    let authority = census.seen("slow").authority.unwrap();
    let took = authority.took.unwrap();
    assert!(took >= Duration::from_millis(40) && authority.every == took * 100 && authority.stretched);
    assert_eq!(slow.asked(), 2);
    let periods = census.tasks.all();
    assert_eq!(
        periods.iter().find(|task| task.name == "census authority slow").unwrap().period,
        authority.every
    );
}

#[tokio::test]
async fn the_census_follows_the_configuration_and_forgets_a_hub_that_moved() {
    let (a, b, elsewhere) = (FakeHub::quick().await, FakeHub::quick().await, FakeHub::hanging().await);
    let census = Begun::with(picture(QUICK, &[("a", &a), ("b", &b)]));
    census.until("both have told", |census| census.seen("a").known && census.seen("b").known).await;

    census.live.store(Arc::new(picture(QUICK, &[("a", &elsewhere)])));

    census.until("the moved hub is asked at its new address", |_| elsewhere.asked() > 0).await;
    assert_eq!(census.seen("a"), HubSeen::default());
    assert_eq!(census.seen("b"), HubSeen::default());
    assert_eq!(census.task_names(), ["census authority a", "census comparison", "census sightings a"]);
}

#[test]
fn a_user_on_two_hubs_is_told_of_once() {
    let (desk, start) = (Desk::default(), Instant::now());
    let ada = UserName::canonical("ada", NameRule::Lower).unwrap();
    let mut new = Vec::new();
    for second in 0..6 {
        for hub in ["a", "b"] {
            let at = start + Duration::from_secs(second);
            let asked = Asked { at, answered_at: at };
            let running = Servers { running: 1, pending: 0 };
            let told = desk::Told::Users { users: [(ada.clone(), running)].into(), took: Duration::ZERO };
            desk.sighted(&hub.parse().unwrap(), asked, told, &Pace::new(Duration::ZERO), Duration::ZERO);
        }
        let at =
            At { now: start + Duration::from_secs(second), outage: None, max_age: Duration::from_secs(60) };
        new.extend(desk.compare(|_| at).1);
    }

    assert_eq!(new.len(), 1);
    assert_eq!(desk.doubles().count, 1);
}
