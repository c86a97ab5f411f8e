//! Who has a server where, as operators see it: counted, aged, found on two hubs, and never acted upon.

use std::time::Duration;

use hubrouter_loadtest::simhub::{ServerState, SimHub};
use serde_json::{Value, json};

use super::support::{RawHub, Site, Sketch, logged};

/// Answers are old late, so that only what a test says makes them unknown.
const OFTEN: &str = "census: {interval: 100ms, authority: 100ms, max_age: 10m}";

fn two_hubs() -> Sketch {
    Sketch::with_hubs(&["hub-a", "hub-b"]).configured(OFTEN)
}

fn census<'a>(status: &'a Value, hub: &str) -> &'a Value {
    let hubs = status["hubs"].as_array().unwrap();
    &hubs.iter().find(|view| view["id"] == hub).unwrap()["census"]
}

fn counts(status: &Value, hub: &str) -> [u64; 3] {
    ["users", "servers", "pending"].map(|name| census(status, hub)[name].as_u64().unwrap())
}

/// Waits until the operator's door says something; a hub whose answers take long is asked seldom.
async fn until(site: &Site, what: &str, is: impl Fn(&Value) -> bool) -> Value {
    for _ in 0..1200 {
        let status = site.status().await;
        if is(&status) {
            return status;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("in a minute it was not true that {what}: {:#}", site.status().await);
}

async fn until_known(site: &Site, hub: &str) {
    until(site, &format!("the census of {hub} is known"), |status| census(status, hub)["known"] == true)
        .await;
}

async fn until_counts(site: &Site, hub: &str, expected: [u64; 3]) {
    until(site, &format!("{hub} has {expected:?}"), |status| counts(status, hub) == expected).await;
}

fn restores(hub: &SimHub) -> usize {
    hub.requests().iter().filter(|seen| seen.method == "POST" && seen.path() == "/hub/api/proxy").count()
}

#[tokio::test]
async fn the_census_counts_what_starts_and_what_stops() {
    let site = two_hubs().start().await;
    until_known(&site, "hub-a").await;
    assert_eq!(counts(&site.status().await, "hub-a"), [0, 0, 0]);
    let hub = site.hub("hub-a");

    hub.start_server("ada", "").await;
    until_counts(&site, "hub-a", [1, 1, 0]).await;
    hub.start_server("ada", "lab").await;
    hub.start_server("bo", "").await;
    until_counts(&site, "hub-a", [2, 3, 0]).await;
    hub.stop_server("ada", "").await;
    hub.stop_server("bo", "").await;
    until_counts(&site, "hub-a", [1, 1, 0]).await;

    let status = site.status().await;
    assert_eq!(counts(&status, "hub-b"), [0, 0, 0]);
    let census = census(&status, "hub-a");
    assert_eq!((&census["source"], &census["reason"]), (&json!("hub"), &Value::Null));
    assert!(census["took_ms"].is_u64() && census["age_seconds"].is_u64(), "{census}");
    assert!(census["every_seconds"].as_f64().unwrap() >= 0.1, "{census}");
    assert!(census["sightings"]["age_seconds"].is_u64(), "{census}");
}

#[tokio::test]
async fn a_server_that_is_only_starting_is_counted_as_pending() {
    let site = two_hubs().each_hub(|hub| hub.spawn_delay = Duration::from_secs(600)).start().await;
    let ada = site.user_at("hub-a", 0);
    let mut browser = site.logged_in(&ada).await;

    browser.open("/hub/spawn").await;

    until_counts(&site, "hub-a", [1, 0, 1]).await;
}

#[tokio::test]
async fn a_user_with_servers_on_two_hubs_is_reported_once_and_left_alone() {
    let site = two_hubs().start().await;
    let user = "ida-of-two-hubs";
    site.hub("hub-a").start_server("bo", "").await;

    for hub in &site.hubs {
        hub.start_server(user, "").await;
    }

    let found = until(&site, "she is found", |status| status["users_on_two_hubs_count"] == 1).await;
    assert_eq!(found["users_on_two_hubs"], json!([{"user": user, "hubs": ["hub-a", "hub-b"]}]));
    tokio::time::sleep(Duration::from_secs(1)).await;
    let lines: Vec<String> =
        logged::lines_with(user).into_iter().filter(|line| line.contains("more than one hub")).collect();
    assert!(
        lines.len() == 1 && lines[0].contains("WARN") && lines[0].contains("never repaired"),
        "{lines:?}"
    );
    let runs = |hub: &SimHub| hub.servers().contains(&(user.to_owned(), String::new(), ServerState::Ready));
    assert!(site.hubs.iter().all(runs));

    site.hub("hub-b").stop_server(user, "").await;

    until(&site, "she is on one hub", |status| status["users_on_two_hubs"] == json!([])).await;
}

#[tokio::test]
async fn what_was_known_of_a_hub_stands_while_it_is_dead_if_it_was_young_then() {
    let more = "census: {interval: 100ms, authority: 100ms, max_age: 4s}";
    let site = Sketch::with_hubs(&["hub-a", "hub-b"]).configured(more).start().await;
    site.hub("hub-a").start_server("ada", "").await;
    until_counts(&site, "hub-a", [1, 1, 0]).await;
    let young = |status: &Value| census(status, "hub-a")["age_seconds"] == 0;
    until(&site, "the hub has just told", young).await;

    site.hub("hub-a").stop_hub().await;
    site.until_plane("hub-a", "hub", "starting").await;
    tokio::time::sleep(Duration::from_secs(5)).await;

    let status = site.status().await;
    let dead = census(&status, "hub-a");
    assert!(dead["known"] == true && dead["age_seconds"].as_u64().unwrap() <= 4, "{dead}");
    assert_eq!(counts(&status, "hub-a"), [1, 1, 0]);
    let reason = dead["reason"].as_str().unwrap();
    assert!(reason.contains("refused") && reason.contains("stands"), "{reason}");
    until_known(&site, "hub-b").await;

    site.hub("hub-a").start_hub().await.unwrap();
    until(&site, "it tells again", |status| {
        census(status, "hub-a")["known"] == true && census(status, "hub-a")["reason"].is_null()
    })
    .await;
}

#[tokio::test]
async fn a_wrong_token_is_named_and_the_hub_becomes_unknown_and_stays_so_when_it_dies() {
    let more = "census: {interval: 100ms, authority: 100ms, max_age: 3s}";
    let site = Sketch::with_hubs(&["hub-a"]).configured(more).start().await;
    until_known(&site, "hub-a").await;

    std::fs::write(site.file.with_file_name("token"), "wrong-token-secret-012").unwrap();

    let named = |status: &Value| {
        let reason = census(status, "hub-a")["reason"].as_str().unwrap_or_default();
        reason.contains("403") && reason.contains("does not know api_token")
    };
    until(&site, "the token is named", named).await;
    let status = until(&site, "it is unknown", |status| census(status, "hub-a")["known"] == false).await;
    assert!(census(&status, "hub-a")["sightings"]["reason"].as_str().unwrap().contains("`proxy`"));
    assert!(!status.to_string().contains("wrong-token-secret"), "{status:#}");
    assert_eq!(logged::lines_with("wrong-token-secret"), Vec::<String>::new());

    site.hub("hub-a").stop_hub().await;
    site.until_plane("hub-a", "hub", "starting").await;
    assert_eq!(census(&site.status().await, "hub-a")["known"], false);
}

#[tokio::test]
async fn a_hub_without_a_token_says_so() {
    let hub = RawHub::start().await;
    let site = Sketch::with_raw_hub(&hub).configured(OFTEN).start().await;

    let status = site.status().await;

    let census = census(&status, "raw");
    assert_eq!((&census["source"], &census["known"]), (&json!("none"), &json!(false)));
    assert!(census["reason"].as_str().unwrap().contains("no api_token"), "{census}");
    assert_eq!(hub.connections(), 0);
}

#[tokio::test]
async fn a_proxy_that_lost_its_routes_is_not_believed_and_the_hub_restores_them() {
    let site = Sketch::with_hubs(&["hub-a"]).configured(OFTEN).start().await;
    let hub = site.hub("hub-a");
    std::fs::write(site.file.with_file_name("proxy-token"), "proxy-token").unwrap();
    let api = format!("proxy_api: {{url: '{}', token: {{file: proxy-token}}}}", hub.proxy_api_url());
    site.edit(|text| text.replace("api_token: {file: token}", &format!("api_token: {{file: token}}, {api}")));
    until(&site, "routes come from the proxy", |status| {
        let census = census(status, "hub-a");
        census["source"] == "proxy_api" && census["sightings"]["age_seconds"].is_u64()
    })
    .await;
    for user in ["ada", "bo", "cy"] {
        hub.start_server(user, "").await;
    }
    until_counts(&site, "hub-a", [3, 3, 0]).await;
    assert_eq!(restores(hub), 0);

    hub.stop_proxy().await;
    hub.start_proxy(true).await.unwrap();

    until(&site, "the hub is asked", |_| restores(hub) > 0).await;
    until(&site, "the table is believed again", |status| {
        census(status, "hub-a")["sightings"]["reason"].is_null()
    })
    .await;
    assert_eq!(restores(hub), 1);
    assert_eq!(counts(&site.status().await, "hub-a"), [3, 3, 0]);
    assert_eq!(site.browser().open("/user/ada/lab").await.hub(), "hub-a");
}

#[tokio::test]
async fn a_server_found_away_from_home_is_recorded_and_its_user_is_sent_there() {
    let site = two_hubs().start().await;
    let ada = site.user_at("hub-a", 0);
    site.hub("hub-b").start_server(&ada, "").await;
    until(&site, "she is recorded there", |status| status["hubs"][1]["assigned"] == 1).await;

    site.forget();
    site.browser().open(&format!("/user/{ada}/lab")).await;

    assert_eq!(site.hubs_asked(), ["hub-b"]);
}
