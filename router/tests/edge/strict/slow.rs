//! Clients that take their time: with a head, and with a body.

use std::time::{Duration, Instant};

use super::Edge;

#[tokio::test]
async fn a_head_has_to_be_complete_in_time_however_it_trickles() {
    let edge = Edge::with("timeouts: {request_head: 600ms}").await;
    for first in ["", "GET /_chp_healthz HTTP/1.1\r\nHost: site\r\n\r\n"] {
        let mut client = edge.site.wire().await;
        if !first.is_empty() {
            client.say(first).await;
            client.head().await;
        }
        let began = Instant::now();
        client.say("GET /user/ada/x HTTP/1.1\r\n").await;
        while client.push(b"X: y\r\n", 6).await > 0 && began.elapsed() < Duration::from_secs(5) {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        client.rest().await;
        assert!(began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());
    }
    assert_eq!(edge.hub.connections(), 0);
}

#[tokio::test]
async fn silence_before_a_request_is_not_a_slow_head() {
    let mut edge = Edge::with("timeouts: {request_head: 200ms}").await;
    let mut client = edge.site.wire().await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    client.say("GET /user/ada/x HTTP/1.1\r\nHost: site\r\n\r\n").await;
    let mut at_hub = edge.hub.request().await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    at_hub.answer("no hurry").await;
    client.until("no hurry").await;
}

#[tokio::test]
async fn an_upload_that_stops_is_given_up_and_never_looks_complete() {
    for head in ["Content-Length: 10\r\n\r\nhello", "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"] {
        let mut edge = Edge::with("timeouts: {body_progress: 400ms}").await;
        let (mut client, mut at_hub) =
            edge.sent(format!("POST /user/ada/x HTTP/1.1\r\nHost: site\r\n{head}")).await;
        let arrived = at_hub.wire.rest().await;
        assert!(arrived.contains("hello") && !arrived.contains("0\r\n\r\n"), "{arrived:?}");
        let answer = client.rest().await;
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{answer}");
    }
}

#[tokio::test]
async fn an_upload_that_goes_on_slowly_and_one_that_the_hub_does_not_take_are_waited_for() {
    let mut edge = Edge::with("timeouts: {body_progress: 600ms}").await;
    let (mut client, mut at_hub) =
        edge.sent("POST /user/ada/x HTTP/1.1\r\nHost: site\r\nContent-Length: 8\r\n\r\n").await;
    for _ in 0..8 {
        tokio::time::sleep(Duration::from_millis(250)).await;
        client.say("x").await;
    }
    assert_eq!(at_hub.wire.bytes(8).await, "xxxxxxxx");
    at_hub.answer("whole").await;
    client.until("whole").await;
    drop(at_hub);

    let size = 64 * 1024 * 1024;
    let (mut client, mut at_hub) =
        edge.sent(format!("POST /user/ada/y HTTP/1.1\r\nHost: site\r\nContent-Length: {size}\r\n\r\n")).await;
    let taken = client.push(&[b'x'; 64 * 1024], size).await;
    assert!(taken < size, "the hub reads nothing, and all was taken");
    tokio::time::sleep(Duration::from_millis(1200)).await;
    at_hub.wire.bytes(taken / 2).await;
    client.say("still there").await;
}
