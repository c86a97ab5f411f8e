//! WebSockets: the hub agrees, then bytes pass both ways until one side is done, whatever else happens.

use std::time::Duration;

use super::support::{AtHub, RawHub, Site, Sketch, Wire, field};

const OPENING: &str = "GET /user/ada/api/kernels/1/channels HTTP/1.1\r\nHost: Site.example:8000\r\n\
    Origin: http://Site.example:8000\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n\
    Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
const AGREED: &str = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
    Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

/// A WebSocket's opening on its way to a hub that the test plays.
async fn opening(sketch: impl FnOnce(Sketch) -> Sketch) -> (Site, Wire, AtHub) {
    let mut hub = RawHub::start().await;
    let site = sketch(Sketch::with_raw_hub(&hub)).start().await;
    let mut client = site.wire().await;
    client.say(format!("{OPENING}\r\n")).await;
    let at_hub = hub.request().await;
    (site, client, at_hub)
}

/// An open one.
async fn open(sketch: impl FnOnce(Sketch) -> Sketch) -> (Site, Wire, AtHub) {
    let (site, mut client, mut hub) = opening(sketch).await;
    hub.wire.say(AGREED).await;
    assert!(client.head().await.starts_with("HTTP/1.1 101 "));
    (site, client, hub)
}

fn as_is(sketch: Sketch) -> Sketch {
    sketch
}

#[tokio::test]
async fn the_opening_reaches_the_server_with_host_and_origin_to_the_byte() {
    let (_site, _client, hub) = opening(as_is).await;

    assert!(hub.head.starts_with("GET /user/ada/api/kernels/1/channels HTTP/1.1\r\n"), "{}", hub.head);
    assert_eq!(field(&hub.head, "host"), Some("Site.example:8000"));
    assert_eq!(field(&hub.head, "origin"), Some("http://Site.example:8000"));
    assert_eq!(field(&hub.head, "connection"), Some("Upgrade"));
    assert_eq!(field(&hub.head, "upgrade"), Some("websocket"));
    assert_eq!(field(&hub.head, "sec-websocket-version"), Some("13"));
    assert_eq!(field(&hub.head, "sec-websocket-key"), Some("dGhlIHNhbXBsZSBub25jZQ=="));
    assert_eq!(field(&hub.head, "x-scheme"), Some("http"));
}

#[tokio::test]
async fn a_server_that_refuses_a_websocket_is_heard() {
    let (_site, mut client, mut hub) = opening(as_is).await;
    hub.wire.say("HTTP/1.1 403 Forbidden\r\nContent-Length: 9\r\n\r\nForbidden").await;

    let head = client.head().await;
    assert!(head.starts_with("HTTP/1.1 403 "), "{head}");
    assert_eq!(field(&head, "upgrade"), None);
    assert_eq!(client.bytes(9).await, "Forbidden");

    // The connection of the client goes on as before.
    client.say("GET /_chp_healthz HTTP/1.1\r\nHost: site\r\n\r\n").await;
    assert!(client.head().await.starts_with("HTTP/1.1 200 "));
}

#[tokio::test]
async fn a_long_refusal_of_a_websocket_is_heard_to_its_end() {
    let (_site, mut client, mut hub) = opening(as_is).await;
    let page = "x".repeat(200_000);
    hub.wire.say(format!("HTTP/1.1 404 Not Found\r\nContent-Length: {}\r\n\r\n{page}", page.len())).await;

    client.head().await;
    assert_eq!(client.bytes(page.len()).await.len(), page.len());
}

#[tokio::test]
async fn what_a_server_says_in_the_same_packet_as_its_agreement_arrives() {
    let (_site, mut client, mut hub) = opening(as_is).await;
    hub.wire.say(format!("{AGREED}first words")).await;

    let head = client.head().await;
    assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
    assert_eq!(field(&head, "sec-websocket-accept"), Some("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
    assert_eq!(client.bytes(11).await, "first words");
}

#[tokio::test]
async fn what_a_client_says_before_the_agreement_waits_for_it() {
    let mut hub = RawHub::start().await;
    let site = Sketch::with_raw_hub(&hub).start().await;
    let mut client = site.wire().await;
    client.say(format!("{OPENING}\r\nearly")).await;
    let mut at_hub = hub.request().await;

    at_hub.wire.is_silent_for(Duration::from_millis(200)).await;
    at_hub.wire.say(AGREED).await;

    assert_eq!(at_hub.wire.bytes(5).await, "early");
}

#[tokio::test]
async fn what_a_client_says_before_a_refusal_never_reaches_the_hub() {
    let mut hub = RawHub::start().await;
    let site = Sketch::with_raw_hub(&hub).start().await;
    let mut client = site.wire().await;
    client
        .say(format!(
            "{OPENING}\r\nPOST /hub/api/shutdown HTTP/1.1\r\nHost: site\r\nContent-Length: 0\r\n\r\n"
        ))
        .await;
    let mut at_hub = hub.request().await;
    at_hub.wire.say("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").await;

    at_hub.wire.ends().await;
    // It is a request like any other, and this one is refused.
    assert!(client.head().await.starts_with("HTTP/1.1 403 "));
    let head = client.head().await;
    assert!(head.starts_with("HTTP/1.1 403 "), "{head}");
    assert_eq!(hub.connections(), 1);
}

#[tokio::test]
async fn an_agreement_to_another_protocol_is_an_error() {
    for protocol in ["Upgrade: h2c\r\n", "Upgrade: websocket, h2c\r\n", ""] {
        let (_site, mut client, mut hub) = opening(as_is).await;
        hub.wire
            .say(format!("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n{protocol}\r\n"))
            .await;

        assert!(client.head().await.starts_with("HTTP/1.1 502 "), "{protocol:?}");
        hub.wire.ends().await;
    }
}

#[tokio::test]
async fn an_agreement_that_nobody_asked_for_is_an_error() {
    let mut hub = RawHub::start().await;
    let site = Sketch::with_raw_hub(&hub).start().await;
    let mut client = site.wire().await;
    client.say("GET /user/ada/x HTTP/1.1\r\nHost: site\r\n\r\n").await;
    let mut at_hub = hub.request().await;
    at_hub.wire.say(AGREED).await;

    assert!(client.head().await.starts_with("HTTP/1.1 502 "));
    at_hub.wire.ends().await;
}

#[tokio::test]
async fn other_upgrades_are_requests_like_any_other() {
    for (connection, upgrade) in [
        ("Upgrade", "h2c"),
        ("keep-alive", "websocket"),
        ("Upgrade", "websocket, h2c"),
        ("Upgrade, HTTP2-Settings", "h2c"),
    ] {
        let mut hub = RawHub::start().await;
        let site = Sketch::with_raw_hub(&hub).start().await;
        let mut client = site.wire().await;
        client
            .say(format!(
                "GET /user/ada/x HTTP/1.1\r\nHost: site\r\nConnection: {connection}\r\nUpgrade: {upgrade}\r\n\
                 HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n\r\n"
            ))
            .await;
        let mut at_hub = hub.request().await;

        assert_eq!(field(&at_hub.head, "upgrade"), None, "{}", at_hub.head);
        assert_eq!(field(&at_hub.head, "connection"), None, "{}", at_hub.head);
        at_hub.answer("plain").await;
        client.until("plain").await;
    }
}

#[tokio::test]
async fn the_hubs_own_pages_are_never_upgraded() {
    let mut hub = RawHub::start().await;
    let site = Sketch::with_raw_hub(&hub).start().await;
    let mut client = site.wire().await;
    client.say(format!("{OPENING}\r\n").replace("/user/ada/api/kernels/1/channels", "/hub/home")).await;
    let mut at_hub = hub.request().await;

    assert_eq!(field(&at_hub.head, "upgrade"), None, "{}", at_hub.head);
    at_hub.answer("plain").await;
    client.until("plain").await;
}

#[tokio::test]
async fn an_opening_that_the_hub_breaks_off_is_not_sent_again() {
    let mut hub = RawHub::start().await;
    let site = Sketch::with_raw_hub(&hub).start().await;
    let mut client = site.wire().await;
    client.say(format!("{OPENING}\r\n")).await;
    drop(hub.request().await);

    assert!(client.head().await.starts_with("HTTP/1.1 502 "));
    assert_eq!(hub.connections(), 1);
}

#[tokio::test]
async fn an_opening_for_a_dead_hub_is_refused_with_a_time_to_come_back() {
    let hub = RawHub::start().await;
    let site = Sketch::with_raw_hub(&hub).start().await;
    drop(hub);
    let mut client = site.wire().await;
    client.say(format!("{OPENING}\r\n")).await;

    let head = client.head().await;
    assert!(head.starts_with("HTTP/1.1 503 "), "{head}");
    assert!(field(&head, "retry-after").is_some(), "{head}");
}

#[tokio::test]
async fn when_one_side_is_done_the_other_is_told_and_may_finish() {
    let (_site, mut client, mut hub) = open(as_is).await;
    client.say("close frame").await;
    client.half_close().await;
    assert_eq!(hub.wire.rest().await, "close frame");
    hub.wire.say("last words").await;
    drop(hub);
    assert_eq!(client.rest().await, "last words");

    let (_site, mut client, mut hub) = open(as_is).await;
    hub.wire.say("close frame").await;
    hub.wire.half_close().await;
    assert_eq!(client.rest().await, "close frame");
    client.say("last words").await;
    drop(client);
    assert_eq!(hub.wire.rest().await, "last words");
}

#[tokio::test]
async fn when_one_side_breaks_off_the_other_ends() {
    let (_site, client, mut hub) = open(as_is).await;
    client.reset();
    hub.wire.ends().await;

    let (_site, mut client, mut hub) = open(as_is).await;
    hub.wire.say("the beginning of a frame").await;
    client.bytes(24).await;
    hub.wire.reset();
    client.ends().await;
}

#[tokio::test]
async fn a_side_that_does_not_read_stops_the_other_in_a_websocket_too() {
    let (_site, mut client, mut hub) = open(as_is).await;

    let taken = client.push(&[b'x'; 64 * 1024], 64 * 1024 * 1024).await;

    assert!(taken < 16 * 1024 * 1024, "{taken} bytes were taken for a hub that reads nothing");
    // The other direction is not stopped by that.
    hub.wire.say("still here").await;
    assert_eq!(client.bytes(10).await, "still here");
    hub.wire.bytes(taken / 2).await;
}

#[tokio::test]
async fn a_silent_websocket_is_closed_and_a_lively_one_is_not() {
    let short = |sketch: Sketch| sketch.configured("timeouts: {stream_idle: 600ms}");
    let (_site, mut client, mut hub) = open(short).await;
    for _ in 0..6 {
        tokio::time::sleep(Duration::from_millis(200)).await;
        hub.wire.say(".").await;
        client.bytes(1).await;
    }
    client.ends().await;
    hub.wire.ends().await;
}

#[tokio::test]
async fn open_websockets_are_counted() {
    let (site, mut client, _hub) = open(as_is).await;
    site.until("one WebSocket is open", |status| status["traffic"]["streams"] == 1).await;

    client.half_close().await;
    drop(client);

    site.until("none is open", |status| status["traffic"]["streams"] == 0).await;
}
