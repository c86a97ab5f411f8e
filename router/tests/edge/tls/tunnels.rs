//! Bodies and WebSockets inside TLS: to the last byte, with the same endings as in clear.

use std::time::Duration;

use super::super::support::{AtHub, Authority, Site, Wire};
use super::{client, site};

const OPENING: &str = "GET /user/ada/api/kernels/1/channels HTTP/1.1\r\nHost: site.example\r\n\
    Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
const AGREED: &str = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
    Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

/// An open WebSocket through TLS.
async fn open() -> (Authority, Site, Wire, AtHub) {
    let (authority, mut hub, site) = site().await;
    let mut wire = client(&authority, &site).await;
    wire.say(OPENING).await;
    let mut at_hub = hub.request().await;
    at_hub.wire.say(AGREED).await;
    assert!(wire.head().await.starts_with("HTTP/1.1 101 "));
    (authority, site, wire, at_hub)
}

#[tokio::test]
async fn what_was_decrypted_before_the_agreement_reaches_the_server_after_it() {
    let (authority, mut hub, site) = site().await;
    let mut wire = client(&authority, &site).await;
    // One write is one record: the router has decrypted all of it when it sees the head. A second record may wait in the session.
    wire.say(format!("{OPENING}early")).await;
    let mut at_hub = hub.request().await;
    wire.say("x".repeat(40_000)).await;
    at_hub.wire.is_silent_for(Duration::from_millis(200)).await;
    at_hub.wire.say(format!("{AGREED}first words")).await;

    assert!(wire.head().await.starts_with("HTTP/1.1 101 "));
    assert_eq!(wire.bytes(11).await, "first words");
    assert_eq!(at_hub.wire.bytes(5).await, "early");
    assert_eq!(at_hub.wire.bytes(40_000).await.len(), 40_000);
}

#[tokio::test]
async fn a_websocket_carries_small_and_large_messages_both_ways() {
    let (_authority, site, mut wire, mut hub) = open().await;
    for size in [1, 100, 16_384, 16_385, 200_000, 3_000_000] {
        let message = "m".repeat(size);
        wire.say(&message).await;
        assert_eq!(hub.wire.bytes(size).await.len(), size);
        let (said, heard) = tokio::join!(hub.wire.say(&message), wire.bytes(size));
        assert_eq!((said, heard.len()), ((), size));
    }
    site.until("it is counted", |status| status["traffic"]["streams"] == 1).await;
}

#[tokio::test]
async fn a_side_that_does_not_read_stops_the_other_inside_tls_too() {
    let (_authority, _site, mut wire, mut hub) = open().await;
    let taken = wire.push(&[b'x'; 64 * 1024], 64 * 1024 * 1024).await;
    assert!(taken < 16 * 1024 * 1024, "{taken} bytes were taken for a hub that reads nothing");
    hub.wire.say("still here").await;
    assert_eq!(wire.bytes(10).await, "still here");

    let taken = hub.wire.push(&[b'y'; 64 * 1024], 64 * 1024 * 1024).await;
    assert!(taken < 16 * 1024 * 1024, "{taken} bytes were taken for a client that reads nothing");
    assert_eq!(wire.bytes(taken).await.len(), taken, "what was taken arrives");
}

#[tokio::test]
async fn each_end_of_a_websocket_is_told_to_the_other_with_a_word() {
    let (_authority, _site, mut wire, mut hub) = open().await;
    wire.say("close frame").await;
    wire.half_close().await;
    assert_eq!(hub.wire.rest().await, "close frame");
    hub.wire.say("last words").await;
    drop(hub);
    assert_eq!(wire.rest().await, "last words");
    assert!(wire.ended_with_a_word());

    let (_authority, _site, wire, mut hub) = open().await;
    wire.reset();
    hub.wire.ends().await;
}

#[tokio::test]
async fn a_hub_that_dies_leaves_word_inside_tls_and_so_does_a_router_that_stops() {
    let (_authority, _site, mut wire, mut hub) = open().await;
    hub.wire.say([0x81, 1, b'a']).await;
    hub.wire.reset();
    let said = wire.rest().await;
    assert!(said.contains("the server's side broke off") && wire.ended_with_a_word(), "{said}");

    let (_authority, mut site, mut wire, mut hub) = open().await;
    site.reconfigure("listen: [{address: '127.0.0.1:0', tls: {certificates: [{cert: site.crt, key: site.key}]}}]\ntimeouts: {shutdown: 200ms}\n");
    site.until_reloaded(true).await;
    hub.wire.say([0x81, 1, b'a']).await;
    wire.bytes(3).await;
    let stopped = site.stop();
    let said = wire.rest().await;
    assert!(said.contains("the router restarts") && wire.ended_with_a_word(), "{said}");
    drop(wire);
    stopped.await.unwrap();
}

#[tokio::test]
async fn large_bodies_arrive_whole_both_ways() {
    let (authority, mut hub, site) = site().await;
    let mut wire = client(&authority, &site).await;
    let size = 10 * 1024 * 1024;
    wire.say(format!("PUT /user/ada/x HTTP/1.1\r\nHost: site.example\r\nContent-Length: {size}\r\n\r\n"))
        .await;
    let mut at_hub = hub.request().await;
    let body = "b".repeat(size);
    let (said, heard) = tokio::join!(wire.say(&body), at_hub.wire.bytes(size));
    assert_eq!((said, heard.len()), ((), size));
    let (answered, answer) = tokio::join!(at_hub.answer(&body), async {
        wire.head().await;
        wire.bytes(size).await
    });
    assert_eq!((answered, answer == body), ((), true));
}

#[tokio::test]
async fn a_download_that_breaks_off_never_looks_complete_inside_tls() {
    let (authority, mut hub, site) = site().await;
    let mut wire = client(&authority, &site).await;
    wire.say("GET /user/ada/x HTTP/1.1\r\nHost: site.example\r\n\r\n").await;
    let mut at_hub = hub.request().await;
    at_hub.wire.say("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf").await;
    wire.until("half").await;
    at_hub.wire.reset();

    assert_eq!(wire.rest().await, "");
    // It had announced a hundred bytes, and there is no word that this is all.
    assert!(!wire.ended_with_a_word());
}

#[tokio::test]
async fn a_request_under_way_is_finished_by_a_router_that_stops_and_its_end_is_told() {
    let (authority, mut hub, mut site) = site().await;
    let mut wire = client(&authority, &site).await;
    wire.say("GET /user/ada/x HTTP/1.1\r\nHost: site.example\r\n\r\n").await;
    let mut at_hub = hub.request().await;
    let stopped = site.stop();
    tokio::time::sleep(Duration::from_millis(100)).await;
    at_hub.answer("finished").await;

    wire.until("finished").await;
    wire.ends().await;
    assert!(wire.ended_with_a_word());
    stopped.await.unwrap();
}
