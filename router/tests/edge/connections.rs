//! Connections are used again when that is safe, on both sides, and only then.

use std::time::Duration;

use super::support::raw_hub::{get, sent};
use super::support::{RawHub, Sketch, field};

#[tokio::test]
async fn requests_on_one_client_connection_use_one_connection_to_the_hub() {
    let (raw, _site, mut client, mut hub) = sent(&get("/user/ada/1")).await;
    hub.answer("one").await;
    client.until("one").await;

    client.say(get("/user/ada/2")).await;
    hub.next_request().await;
    assert!(hub.head.starts_with("GET /user/ada/2 HTTP/1.1\r\n"), "{}", hub.head);
    hub.answer("two").await;
    client.until("two").await;

    assert_eq!(raw.connections(), 1);
}

#[tokio::test]
async fn each_hub_has_connections_of_its_own() {
    let (mut a, mut b) = (RawHub::start().await, RawHub::start().await);
    let site = Sketch::with_hubs(&[]).and_raw_hub("hub-a", &a).and_raw_hub("hub-b", &b).start().await;
    let (ada, bob) = (site.user_at("hub-a", 0), site.user_at("hub-b", 0));
    let mut client = site.wire().await;

    client.say(get(&format!("/user/{ada}/x"))).await;
    let mut at_a = a.request().await;
    at_a.answer("from a").await;
    client.until("from a").await;
    client.say(get(&format!("/user/{bob}/x"))).await;
    let mut at_b = b.request().await;
    at_b.answer("from b").await;
    client.until("from b").await;
    client.say(get(&format!("/user/{ada}/y"))).await;
    at_a.next_request().await;
    at_a.answer("again a").await;
    client.until("again a").await;

    assert_eq!((a.connections(), b.connections()), (1, 1));
}

#[tokio::test]
async fn pipelined_requests_are_answered_in_their_order() {
    let (_hub, _site, mut client, mut hub) = sent(&[get("/user/ada/1"), get("/user/ada/2")].concat()).await;

    hub.wire.is_silent_for(Duration::from_millis(100)).await;
    hub.answer("one").await;
    hub.next_request().await;
    hub.answer("two").await;

    client.until("one").await;
    client.until("two").await;
}

#[tokio::test]
async fn an_idle_connection_to_a_hub_is_closed_before_the_hub_would() {
    let mut hub = RawHub::start().await;
    let site = Sketch::with_raw_hub(&hub).configured("timeouts: {hub_idle: 500ms}").start().await;
    let mut client = site.wire().await;
    client.say(get("/user/ada/1")).await;
    let mut at_hub = hub.request().await;
    at_hub.answer("one").await;
    client.until("one").await;

    at_hub.wire.ends().await;

    client.say(get("/user/ada/2")).await;
    let mut again = hub.request().await;
    again.answer("two").await;
    client.until("two").await;
}

#[tokio::test]
async fn a_hub_that_closes_after_its_answer_is_met_on_a_new_connection() {
    let (mut raw, _site, mut client, mut hub) = sent(&get("/user/ada/1")).await;
    hub.wire.say("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 3\r\n\r\none").await;
    let head = client.head().await;
    assert_eq!(field(&head, "connection"), None, "the hub's wish is not the client's: {head}");
    client.bytes(3).await;

    client.say(get("/user/ada/2")).await;
    raw.request().await.answer("two").await;
    client.until("two").await;
}

#[tokio::test]
async fn a_connection_on_which_an_answer_was_not_read_to_its_end_is_not_used_again() {
    let (mut raw, site, mut client, mut hub) = sent(&get("/user/ada/big")).await;
    hub.wire.say("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nfirst").await;
    client.until("first").await;
    drop(client);
    hub.wire.ends().await;

    for _ in 0..4 {
        let mut other = site.wire().await;
        other.say(get("/user/ada/next")).await;
        let mut at_hub = raw.request().await;
        at_hub.wire.say("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok").await;
        other.until("ok").await;
    }
}

#[tokio::test]
async fn a_client_connection_whose_upload_was_not_read_to_its_end_is_not_used_again() {
    let upload =
        "PUT /user/ada/api/contents/x HTTP/1.1\r\nHost: site\r\nContent-Length: 10000000\r\n\r\nstart";
    let (mut raw, _site, mut client, mut hub) = sent(upload).await;
    hub.wire.say("HTTP/1.1 413 Content Too Large\r\nConnection: close\r\nContent-Length: 3\r\n\r\nbig").await;
    drop(hub);
    client.until("big").await;

    // What follows is the rest of the upload, whatever it looks like.
    let _ = client.push(get("/user/ada/smuggled").as_bytes(), 10).await;
    let smuggled = tokio::time::timeout(Duration::from_millis(300), raw.request()).await;
    assert!(smuggled.is_err(), "bytes of a body were taken for a request");
}
