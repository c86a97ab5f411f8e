//! How starts go at a hub, as it is told to operators: seen in answers and in events, and no user notices.

use std::time::Duration;

use http::Method;
use serde_json::Value;

use super::passive::{UNAWARE, hub_a};
use super::support::canned::{CannedHub, canned};
use super::support::{HUBS, RawHub, Request, Site, Sketch};

async fn until_spawning(site: &Site, state: &str, finished: u64, failed: u64) {
    let what = format!("{failed} of {finished} starts at hub-a failed: {state}");
    site.until(&what, |status| {
        let spawning = &hub_a(status)["spawning"];
        (&spawning["state"], &spawning["finished"], &spawning["failed"])
            == (&state.into(), &finished.into(), &failed.into())
    })
    .await;
}

#[tokio::test]
async fn a_hub_that_fails_starts_is_called_failing_until_one_succeeds_and_users_notice_nothing() {
    let site = Sketch::with_hubs(&HUBS).configured(UNAWARE).start().await;
    let users: Vec<String> = (0..3).map(|nth| site.user_at("hub-a", nth)).collect();
    let start = |nth: usize| format!("/hub/api/users/{}/server", users[nth]);
    let _hub = CannedHub::instead_of(site.hub("hub-a"), move |target, fields| {
        let status = match fields.get("x-wanted").and_then(|wanted| wanted.to_str().ok()) {
            Some("fail") => 500,
            Some("full") => 429,
            _ if target.ends_with("/server") => 201,
            _ => 200,
        };
        canned(status, &[("content-type", "application/json")], "{}")
    })
    .await;
    let send = async |nth: usize, wanted: &str| {
        let request = Request::new(Method::POST, start(nth)).with("x-wanted", wanted);
        site.browser().send(request).await.status.as_u16()
    };
    until_spawning(&site, "unknown", 0, 0).await;
    assert_eq!(send(0, "well").await, 201);
    until_spawning(&site, "ok", 1, 0).await;

    for nth in [0, 1] {
        assert_eq!(send(nth, "full").await, 429);
        assert_eq!(send(nth, "fail").await, 500);
    }
    until_spawning(&site, "ok", 3, 2).await;
    assert_eq!(send(0, "fail").await, 500);
    until_spawning(&site, "failing", 4, 3).await;

    assert_eq!(send(2, "well").await, 201);
    until_spawning(&site, "ok", 1, 0).await;
}

#[tokio::test]
async fn a_start_that_fails_later_is_known_by_its_events_which_pass_as_they_come() {
    let mut hub = RawHub::start().await;
    let site = Sketch::with_raw_hub(&hub).start().await;
    let spawning = |status: &Value| status["hubs"][0]["spawning"]["failed"].clone();
    let mut client = site.wire().await;
    client.say("GET /hub/api/users/ada/server/progress HTTP/1.1\r\nHost: site\r\n\r\n").await;
    let mut at_hub = hub.request().await;
    at_hub.wire.say("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n").await;

    let first = "data: {\"progress\": 0, \"message\": \"asked\"}\n\n";
    at_hub.wire.say(first).await;
    client.head().await;
    client.until(first).await;
    at_hub.wire.say("data: {\"progress\": 100, \"fai").await;
    client.until("\"fai").await;
    assert_eq!(spawning(&site.status().await), 0);
    at_hub.wire.say("led\": true}\n\n").await;
    client.until("led\": true}\n\n").await;

    site.until("the start failed", |status| spawning(status) == 1).await;
}

#[tokio::test]
async fn starts_at_a_hub_are_seen_from_the_first_page_to_the_running_server() {
    let slow = Duration::from_millis(1500);
    let site = Sketch::with_hubs(&HUBS).each_hub(|hub| hub.spawn_delay = slow).start().await;
    let ada = site.user_at("hub-a", 0);
    let mut browser = site.logged_in(&ada).await;

    let pending = browser.open("/hub/spawn").await;
    assert!(pending.way.last().unwrap().starts_with("/hub/spawn-pending/"), "{:?}", pending.way);
    until_spawning(&site, "unknown", 0, 0).await;
    let events = browser.open(&format!("/hub/api/users/{ada}/server/progress")).await;

    assert!(events.body.contains("\"ready\":true"), "{}", events.body);
    until_spawning(&site, "ok", 1, 0).await;
    // A server that runs already is no second success.
    browser.open("/hub/spawn").await;
    browser.open(&format!("/hub/api/users/{ada}/server/progress")).await;
    until_spawning(&site, "ok", 1, 0).await;
}
