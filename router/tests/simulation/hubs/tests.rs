//! The hubs behave as real ones were seen to.

use std::time::Duration;

use hubrouter_config::HubId;
use hubrouter_hub_adapter::census::UserAt;
use hubrouter_hub_adapter::client::HubError;
use hubrouter_hub_adapter::names::{NameRule, UserName};
use hubrouter_hub_adapter::probe::{Plane, Seen};
use tokio::time::sleep;

use super::super::net::{Net, Party, Weather};
use super::{Habits, Hubs, Row, Spawning, Started, Stopped, Visit};

const ME: Party = Party::Replica(0);
const SOON: Duration = Duration::from_secs(5);
const MINUTE: Duration = Duration::from_secs(60);

fn hubs_of(habits: Habits) -> (Hubs, HubId, UserName) {
    let net = Net::new(1, Weather::FAIR);
    let hub: HubId = "a".parse().unwrap();
    (Hubs::new(net, 1, [(hub.clone(), habits)]), hub, user("ada"))
}

fn user(name: &str) -> UserName {
    UserName::canonical(name, NameRule::Lower).unwrap()
}

async fn running() -> (Hubs, HubId, UserName) {
    let (hubs, hub, ada) = hubs_of(Habits::default());
    assert_eq!(hubs.start(ME, &hub, &ada, SOON).await.unwrap(), Started::Pending);
    sleep(MINUTE).await;
    (hubs, hub, ada)
}

#[tokio::test(start_paused = true)]
async fn a_server_starts_runs_and_stops() {
    let (hubs, hub, ada) = hubs_of(Habits::default());
    let at = async || hubs.user(ME, &hub, &ada, SOON).await.unwrap();
    let visited = async || hubs.visit(ME, &hub, &ada, SOON).await.unwrap();

    assert_eq!((at().await, visited().await), (UserAt::UnknownUser, Visit::NoServer));
    hubs.login(ME, &hub, &ada, SOON).await.unwrap();
    assert_eq!(at().await, UserAt::NoServer);
    assert_eq!(hubs.start(ME, &hub, &ada, SOON).await.unwrap(), Started::Pending);
    assert_eq!(hubs.start(ME, &hub, &ada, SOON).await.unwrap(), Started::Pending);
    assert_eq!((at().await, visited().await), (UserAt::Pending, Visit::NoServer));
    assert_eq!(hubs.active_users(ME, &hub, SOON).await.unwrap().users.len(), 1);
    sleep(MINUTE).await;
    assert_eq!((at().await, visited().await), (UserAt::Running, Visit::Server));
    assert_eq!(hubs.start(ME, &hub, &ada, SOON).await.unwrap(), Started::Runs);
    assert_eq!(hubs.routes(ME, &hub, SOON).await.unwrap().servers.len(), 1);
    assert_eq!(hubs.stop(ME, &hub, &ada, SOON).await.unwrap(), Stopped::Pending);
    assert_eq!(hubs.routes(ME, &hub, SOON).await.unwrap().servers.len(), 0, "routes vanish first");
    assert_eq!(at().await, UserAt::Pending);
    assert_eq!(hubs.start(ME, &hub, &ada, SOON).await.unwrap(), Started::Refused);
    sleep(MINUTE).await;
    assert_eq!((at().await, visited().await), (UserAt::NoServer, Visit::NoServer));
    assert_eq!(hubs.stop(ME, &hub, &ada, SOON).await.unwrap(), Stopped::Nothing);
    assert_eq!(hubs.stop(ME, &hub, &user("bo"), SOON).await.unwrap(), Stopped::UnknownUser);
}

#[tokio::test(start_paused = true)]
async fn a_dead_hub_keeps_its_servers_and_its_database_and_loses_its_pending_starts() {
    let (hubs, hub, ada) = running().await;
    let bo = user("bo");
    hubs.start(ME, &hub, &bo, SOON).await.unwrap();
    hubs.kill(0);

    let probed = hubs.probe(ME, &hub, Plane::Hub, SOON).await;
    assert!(matches!(probed.seen, Seen::Failed(_)), "{probed:?}");
    assert_eq!(hubs.probe(ME, &hub, Plane::Proxy, SOON).await.seen, Seen::Ok);
    assert_eq!(hubs.visit(ME, &hub, &ada, SOON).await.unwrap(), Visit::Server);
    assert_eq!(hubs.visit(ME, &hub, &bo, SOON).await.unwrap(), Visit::Unavailable);
    let start = hubs.start(ME, &hub, &bo, SOON).await;
    assert!(matches!(start, Err(HubError::Failing { .. })), "{start:?}");
    sleep(MINUTE * 6).await;
    assert_eq!(hubs.visit(ME, &hub, &ada, SOON).await.unwrap(), Visit::Broken);
    assert_eq!(hubs.with(0, |hub, _| hub.rows().len()), 2, "nobody looks after the rows");

    hubs.begin(0);
    while hubs.probe(ME, &hub, Plane::Hub, SOON).await.seen != Seen::Ok {
        sleep(Duration::from_millis(100)).await;
    }
    let listed = hubs.active_users(ME, &hub, SOON).await.unwrap().users;
    assert_eq!(listed.len(), 2);
    assert!(listed[&bo].servers.is_empty(), "it has not looked at it yet: {listed:?}");
    sleep(MINUTE).await;

    assert_eq!(hubs.visit(ME, &hub, &ada, SOON).await.unwrap(), Visit::Server);
    assert_eq!(hubs.user(ME, &hub, &ada, SOON).await.unwrap(), UserAt::Running);
    assert_eq!(hubs.user(ME, &hub, &bo, SOON).await.unwrap(), UserAt::NoServer);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_was_stopping_when_its_hub_died_is_gone_when_the_hub_is_back() {
    let (hubs, hub, ada) = running().await;
    hubs.with(0, |hub, _| hub.habits.stop = (MINUTE, MINUTE));
    hubs.stop(ME, &hub, &ada, SOON).await.unwrap();
    hubs.kill(0);
    hubs.begin(0);
    sleep(MINUTE / 2).await;
    assert_eq!(hubs.user(ME, &hub, &ada, SOON).await.unwrap(), UserAt::Pending);
    sleep(MINUTE).await;

    assert_eq!(hubs.user(ME, &hub, &ada, SOON).await.unwrap(), UserAt::NoServer);
    assert!(!hubs.with(0, |hub, _| hub.has_server(&ada)));
}

#[tokio::test(start_paused = true)]
async fn a_proxy_that_was_restarted_is_empty_until_the_hub_is_asked_or_looks() {
    let (hubs, hub, ada) = running().await;
    hubs.kill_proxy(0);
    let visit = hubs.visit(ME, &hub, &ada, SOON).await;
    assert!(matches!(visit, Err(HubError::Connect { .. })), "{visit:?}");
    assert_eq!(hubs.user(ME, &hub, &ada, SOON).await.unwrap(), UserAt::Running, "by its own port");

    hubs.begin_proxy(0);
    let table = hubs.routes(ME, &hub, SOON).await.unwrap();
    assert_eq!((table.count, table.leads_to_hub), (0, false));
    assert_eq!(hubs.visit(ME, &hub, &ada, SOON).await.unwrap(), Visit::NoServer);
    hubs.restore_routes(ME, &hub, SOON).await.unwrap();
    assert_eq!(hubs.visit(ME, &hub, &ada, SOON).await.unwrap(), Visit::Server);

    hubs.kill_proxy(0);
    hubs.begin_proxy(0);
    sleep(MINUTE * 5).await;
    assert_eq!(hubs.visit(ME, &hub, &ada, SOON).await.unwrap(), Visit::Server);
}

#[tokio::test(start_paused = true)]
async fn without_its_own_port_a_hub_is_as_dead_as_its_proxy() {
    let (hubs, hub, ada) = hubs_of(Habits { direct: false, ..Habits::default() });
    hubs.kill_proxy(0);
    let asked = hubs.user(ME, &hub, &ada, SOON).await;
    assert!(matches!(asked, Err(HubError::Connect { .. })), "{asked:?}");
}

#[tokio::test(start_paused = true)]
async fn what_a_hanging_hub_was_asked_is_done_when_it_goes_on() {
    let (hubs, hub, ada) = hubs_of(Habits::default());
    hubs.hang(0, true);
    let start = hubs.start(ME, &hub, &ada, SOON).await;
    assert!(matches!(start, Err(HubError::NoAnswer { .. })), "{start:?}");
    sleep(MINUTE).await;
    assert!(hubs.with(0, |hub, _| hub.rows().is_empty()));

    hubs.hang(0, false);
    sleep(Duration::from_secs(1)).await;

    assert!(matches!(hubs.with(0, |hub, _| hub.rows().get(&ada).copied()), Some(Row::Starting { .. })));
    hubs.hang(0, true);
    let _ = hubs.start(ME, &hub, &user("bo"), SOON).await;
    hubs.kill(0);
    hubs.begin(0);
    sleep(MINUTE).await;
    hubs.hang(0, true);
    hubs.hang(0, false);
    sleep(MINUTE).await;
    assert!(hubs.with(0, |hub, _| hub.rows().is_empty()), "what it had not begun is gone with it");
}

#[tokio::test(start_paused = true)]
async fn starts_fail_as_they_are_told_to_and_a_full_hub_asks_for_time() {
    let (hubs, hub, ada) = hubs_of(Habits { spawns_at_once: 1, ..Habits::default() });
    let start = async |name| hubs.start(ME, &hub, &user(name), SOON).await.unwrap();
    hubs.with(0, |hub, _| hub.spawning = Spawning::FailsAtOnce);
    assert_eq!(start("ada").await, Started::Failed);
    hubs.with(0, |hub, _| hub.spawning = Spawning::FailsLater);
    assert_eq!(start("ada").await, Started::Pending);
    assert!(matches!(start("bo").await, Started::Busy { .. }));
    sleep(MINUTE).await;
    assert_eq!(hubs.user(ME, &hub, &ada, SOON).await.unwrap(), UserAt::NoServer);
}

#[tokio::test(start_paused = true)]
async fn a_slow_hub_answers_health_late() {
    let (hubs, hub, _) = hubs_of(Habits::default());
    let took = async || hubs.probe(ME, &hub, Plane::Hub, SOON * 9).await.took;
    assert!(took().await < Duration::from_millis(200));
    hubs.with(0, |hub, _| hub.slow = Duration::from_secs(3));
    assert!(took().await > Duration::from_secs(1));
}
