//! Probes say how a hub is, requests only hint at it; what a hub answers itself is passed on as it is.

use std::time::Duration;

use hubrouter_loadtest::simhub::Faults;

use super::support::{RawHub, Request, Sketch, Wire, field, logged};

fn two_hubs() -> Sketch {
    Sketch::with_hubs(&["hub-a", "hub-b"])
}

const NAVIGATION: &str = "Host: site\r\nSec-Fetch-Mode: navigate\r\nAccept: text/html\r\n\r\n";

#[tokio::test]
async fn each_plane_of_a_hub_is_seen_by_itself() {
    let site = two_hubs().start().await;
    let hub = site.hub("hub-a");

    hub.stop_hub().await;
    site.until_plane("hub-a", "hub", "starting").await;
    site.until_plane("hub-a", "proxy", "up").await;
    hub.start_hub().await.unwrap();
    site.until_plane("hub-a", "hub", "up").await;

    hub.stop_proxy().await;
    site.until_plane("hub-a", "proxy", "down").await;
    site.until_plane("hub-a", "hub", "up").await;
    hub.start_proxy(false).await.unwrap();
    site.until_plane("hub-a", "proxy", "up").await;

    hub.hang(true);
    site.until_plane("hub-a", "hub", "starting").await;
    site.until_plane("hub-a", "proxy", "down").await;
    site.until_plane("hub-b", "proxy", "up").await;
    let reason = site.status().await["hubs"][0]["planes"]["hub"]["reason"].to_string();
    assert!(reason.contains("did not answer"), "{reason}");
}

#[tokio::test]
async fn without_an_address_of_the_hub_itself_its_plane_falls_with_the_proxy() {
    let mut sketch = two_hubs();
    sketch.hub_urls = false;
    let site = sketch.start().await;

    site.hub("hub-a").stop_proxy().await;

    site.until_plane("hub-a", "proxy", "down").await;
    site.until_plane("hub-a", "hub", "starting").await;
}

#[tokio::test]
async fn a_refused_request_makes_the_router_look_at_once() {
    let site = two_hubs().configured("health: {interval: 20s, timeout: 1s, fall: 1, rise: 1}").start().await;
    let ada = site.user_at("hub-a", 0);

    site.hub("hub-a").stop_proxy().await;
    site.browser().open(&format!("/user/{ada}/lab")).await;

    // Long before the next probe is due.
    site.until_plane("hub-a", "proxy", "down").await;
}

#[tokio::test]
async fn a_dead_hub_behind_its_proxy_makes_the_router_look_at_once() {
    let site = two_hubs().configured("health: {interval: 20s, timeout: 1s, fall: 1, rise: 1}").start().await;
    let ada = site.user_at("hub-a", 0);

    site.hub("hub-a").stop_hub().await;
    let answer = site.browser().open(&format!("/hub/user/{ada}/")).await;
    assert_eq!(answer.status, 503);

    site.until_plane("hub-a", "hub", "starting").await;
}

#[tokio::test]
async fn a_proxy_that_breaks_off_a_notebook_request_is_looked_at_at_once() {
    let mut hub = RawHub::start().await;
    let site = Sketch::with_raw_hub(&hub)
        .configured("health: {interval: 20s, timeout: 1s, fall: 1, rise: 1}")
        .start()
        .await;
    let mut client = site.wire().await;
    client.say("GET /user/ada/x HTTP/1.1\r\nHost: site\r\n\r\n").await;
    let at_hub = hub.request().await;
    let address = hub.address;
    drop(hub);
    at_hub.wire.reset();
    client.head().await;

    site.until_plane("raw", "proxy", "down").await;
    assert!(tokio::net::TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn failures_of_notebooks_never_count_against_a_hub() {
    let mut hub = RawHub::start().await;
    let site = Sketch::with_raw_hub(&hub).start().await;
    let mut client = site.wire().await;
    client.say("GET /user/ada/x HTTP/1.1\r\nHost: site\r\n\r\n").await;
    let mut at_hub = hub.request().await;
    for status in
        ["500 Internal Server Error", "502 Bad Gateway", "503 Service Unavailable", "504 Gateway Timeout"]
    {
        for _ in 0..10 {
            at_hub
                .wire
                .say(format!(
                    "HTTP/1.1 {status}\r\nContent-Type: text/plain\r\nContent-Length: 4\r\n\r\noops"
                ))
                .await;
            let head = client.head().await;
            assert!(head.starts_with(&format!("HTTP/1.1 {status}\r\n")), "{head}");
            assert_eq!(client.bytes(4).await, "oops");
            client.say("GET /user/ada/x HTTP/1.1\r\nHost: site\r\n\r\n").await;
            at_hub.next_request().await;
        }
    }

    let status = site.status().await;
    assert_eq!(status["hubs"][0]["planes"]["proxy"]["state"], "up");
    assert_eq!(status["hubs"][0]["planes"]["hub"]["state"], "up");
    assert_eq!(status["hubs"][0]["planes"]["proxy"]["failures"], 0);
}

#[tokio::test]
async fn a_hub_that_asks_for_time_is_heard_and_not_taken_for_dead() {
    let mut hub = RawHub::start().await;
    let site = Sketch::with_raw_hub(&hub).start().await;
    let mut client = site.wire().await;
    for target in ["/hub/spawn", "/user/ada/x"] {
        client.say(format!("GET {target} HTTP/1.1\r\n{NAVIGATION}")).await;
        let mut at_hub = hub.request().await;
        at_hub
            .wire
            .say("HTTP/1.1 429 Too Many Requests\r\nRetry-After: 42\r\nContent-Type: text/html\r\nContent-Length: 4\r\nConnection: close\r\n\r\nbusy")
            .await;

        let head = client.head().await;
        assert!(head.starts_with("HTTP/1.1 429 "), "{head}");
        assert_eq!(field(&head, "retry-after"), Some("42"));
        assert_eq!(client.bytes(4).await, "busy");
    }
    site.until_plane("raw", "hub", "up").await;
}

#[tokio::test]
async fn an_error_page_of_the_hub_itself_passes_as_it_is() {
    let site = two_hubs().start().await;
    let ada = site.user_at("hub-a", 0);
    site.hub("hub-a").set_faults(Faults { status: Some(500), ..Faults::default() });

    let answer = site.browser().send(Request::get(format!("/hub/user/{ada}/"))).await;

    assert_eq!(answer.status, 500);
}

#[tokio::test]
async fn a_hub_that_answers_garbage_leaves_a_clear_page_and_a_clear_log_line() {
    for garbage in
        ["SSH-2.0-OpenSSH_9.6\r\n\r\n", "\x15\x03\x01\x00\x02\x02\x46\r\n\r\n", "HTTP/1.1 9999 What\r\n\r\n"]
    {
        let mut hub = RawHub::start().await;
        let id = format!("garbled-{}", hub.address.port());
        let site = Sketch::with_hubs(&[]).and_raw_hub(&id, &hub).start().await;
        let mut client = site.wire().await;
        client.say(format!("GET /hub/home HTTP/1.1\r\n{NAVIGATION}")).await;
        let mut at_hub = hub.request().await;
        at_hub.wire.say(garbage).await;
        drop(at_hub);

        let head = client.head().await;
        assert!(head.starts_with("HTTP/1.1 502 "), "{garbage:?}: {head}");
        let length = field(&head, "content-length").unwrap().parse().unwrap();
        assert!(client.bytes(length).await.contains(&id));
        let lines = logged::lines_with(&format!("hub `{id}`"));
        assert!(lines.iter().any(|line| line.contains("WARN") && line.contains("/hub/home")), "{lines:?}");
    }
}

#[tokio::test]
async fn a_hub_that_is_not_there_leaves_a_clear_page_and_a_clear_log_line() {
    let hub = RawHub::start().await;
    let id = format!("absent-{}", hub.address.port());
    let sketch = Sketch::with_hubs(&[]).and_raw_hub(&id, &hub);
    drop(hub);
    let site = sketch.start().await;
    site.until_plane(&id, "proxy", "down").await;

    let answer = site.browser().open("/hub/home").await;

    assert_eq!(answer.status, 503);
    assert!(answer.body.contains(&id), "{}", answer.body);
    let lines = logged::lines_with(&format!("hub `{id}`"));
    assert!(lines.iter().any(|line| line.contains("no connection to")), "{lines:?}");
}

#[tokio::test]
async fn a_hub_that_hangs_is_given_up_after_the_time_allowed_and_then_at_once() {
    let site = two_hubs()
        .configured("timeouts: {response_head: {hub: 400ms, user: 1h}}")
        .configured("health: {interval: 2s, timeout: 1s, fall: 1, rise: 1}")
        .start()
        .await;
    let ada = site.user_at("hub-a", 0);
    site.hub("hub-a").hang(true);

    let mut browser = site.browser();
    let page = browser.open(&format!("/hub/user/{ada}/")).await;
    assert!(page.status == 504 || page.status == 503, "{}: {}", page.status, page.body);

    site.until_plane("hub-a", "hub", "starting").await;
    let began = std::time::Instant::now();
    let page = browser.open(&format!("/hub/user/{ada}/")).await;
    assert_eq!(page.status, 503);
    assert!(began.elapsed() < Duration::from_millis(400), "it waited for a hub that hangs");
}

#[tokio::test]
async fn a_slow_notebook_is_waited_for() {
    let mut hub = RawHub::start().await;
    let site = Sketch::with_raw_hub(&hub)
        .configured("timeouts: {response_head: {hub: 300ms, user: 1h}}")
        .start()
        .await;
    let mut client = site.wire().await;
    client.say("GET /user/ada/slow HTTP/1.1\r\nHost: site\r\n\r\n").await;
    let mut at_hub = hub.request().await;
    client.is_silent_for(Duration::from_millis(900)).await;
    at_hub.answer("late").await;
    client.until("late").await;
}

#[tokio::test]
async fn health_of_the_site_is_answered_by_the_router_while_every_hub_is_dead() {
    let site = two_hubs().start().await;
    for hub in &site.hubs {
        hub.kill().await;
    }
    for path in ["/hub/health", "/hub/api/health", "/_chp_healthz"] {
        assert_eq!(site.browser().send(Request::get(path)).await.status, 200, "{path}");
    }
    let mut door = Wire::to(site.admin).await;
    door.say("GET /readyz HTTP/1.1\r\nHost: door\r\n\r\n").await;
    assert!(door.head().await.starts_with("HTTP/1.1 200 "));
}

#[tokio::test]
async fn probes_do_not_pile_up_at_a_hub_that_hangs() {
    let hub = RawHub::start().await;
    let site = Sketch::with_raw_hub(&hub)
        .configured("health: {interval: 200ms, timeout: 150ms, fall: 2, rise: 1}")
        .start()
        .await;
    let before = hub.probes();
    for _ in 0..50 {
        // Each of them may hint that something is wrong.
        let _ = site.browser().send(Request::get("/_chp_healthz")).await;
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    let probed = hub.probes() - before;
    assert!((4..=40).contains(&probed), "{probed} probes in about a second");
}
