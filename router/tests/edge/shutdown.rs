//! The end of a router: what was begun is finished, what is idle ends, and nothing new begins.

use std::time::{Duration, Instant};

use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::support::wire::PATIENCE;
use super::support::{AtHub, Browser, RawHub, Request, Site, Sketch, Wire, field};

const OPENING: &str = "GET /user/ada/api/kernels/1/channels HTTP/1.1\r\nHost: site\r\nConnection: Upgrade\r\n\
    Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
const AGREED: &str = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
    Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

/// A router that is told to stop while a request is under way.
async fn under_way(request: &str, more: &str) -> (Site, Wire, AtHub) {
    let mut hub = RawHub::start().await;
    let site = Sketch::with_raw_hub(&hub).configured(more).start().await;
    let mut client = site.wire().await;
    client.say(request).await;
    let at_hub = hub.request().await;
    (site, client, at_hub)
}

async fn ended(stopping: JoinHandle<()>) {
    timeout(PATIENCE, stopping).await.expect("the router ends").unwrap();
}

async fn until_refused(site: &Site) {
    for _ in 0..200 {
        if tokio::net::TcpStream::connect(site.address).await.is_err() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("a router that stops still takes connections");
}

#[tokio::test]
async fn a_request_under_way_is_finished_and_its_connection_closed() {
    let (mut site, mut client, mut hub) =
        under_way("GET /user/ada/x HTTP/1.1\r\nHost: site\r\n\r\n", "").await;
    hub.wire.say("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nfirst").await;
    client.until("first").await;

    let stopping = site.stop();
    until_refused(&site).await;
    hub.wire.say("later").await;

    assert_eq!(client.rest().await, "later");
    ended(stopping).await;
}

#[tokio::test]
async fn a_request_that_was_not_answered_yet_is_answered_and_its_client_told_to_close() {
    let (mut site, mut client, mut hub) =
        under_way("GET /user/ada/x HTTP/1.1\r\nHost: site\r\n\r\n", "").await;

    let stopping = site.stop();
    until_refused(&site).await;
    hub.answer("late").await;

    assert_eq!(field(&client.head().await, "connection"), Some("close"));
    assert_eq!(client.rest().await, "late");
    ended(stopping).await;
}

#[tokio::test]
async fn idle_connections_are_closed_at_once() {
    let (mut site, mut client, mut hub) =
        under_way("GET /user/ada/x HTTP/1.1\r\nHost: site\r\n\r\n", "").await;
    hub.answer("done").await;
    client.until("done").await;

    let began = Instant::now();
    let stopping = site.stop();

    client.ends().await;
    ended(stopping).await;
    assert!(began.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn a_router_that_stops_says_so_to_those_who_ask_whether_it_is_ready() {
    let (mut site, mut client, mut hub) =
        under_way("GET /user/ada/x HTTP/1.1\r\nHost: site\r\n\r\n", "").await;
    let mut door = Browser::new(site.admin);
    assert_eq!(door.send(Request::get("/readyz")).await.status, 200);

    let stopping = site.stop();
    until_refused(&site).await;

    let ready = door.send(Request::get("/readyz")).await;
    assert_eq!(ready.status, 503);
    assert!(ready.body.contains("shutting down"), "{}", ready.body);
    assert_eq!(door.send(Request::get("/livez")).await.status, 200);
    assert_eq!(door.send(Request::get("/status")).await.status, 200);
    hub.answer("late").await;
    client.until("late").await;
    ended(stopping).await;
    assert!(tokio::net::TcpStream::connect(site.admin).await.is_err(), "the operator's door is still open");
}

#[tokio::test]
async fn a_websocket_goes_on_until_the_time_for_it_is_over() {
    let (mut site, mut client, mut hub) = under_way(OPENING, "timeouts: {shutdown: 1s}").await;
    hub.wire.say(AGREED).await;
    client.head().await;

    let began = Instant::now();
    let stopping = site.stop();
    until_refused(&site).await;
    client.say("still here").await;
    assert_eq!(hub.wire.bytes(10).await, "still here");

    hub.wire.ends().await;
    assert!(client.rest().await.ends_with("the router restarts"), "the client was not told why");
    drop(client);
    ended(stopping).await;
    assert!(began.elapsed() >= Duration::from_secs(1), "it was cut before its time");
}

#[tokio::test]
async fn a_router_ends_as_soon_as_its_last_websocket_does() {
    let (mut site, mut client, mut hub) = under_way(OPENING, "timeouts: {shutdown: 5m}").await;
    hub.wire.say(AGREED).await;
    client.head().await;

    let stopping = site.stop();
    until_refused(&site).await;
    client.half_close().await;
    hub.wire.ends().await;
    drop(hub);
    client.ends().await;

    ended(stopping).await;
}

#[tokio::test]
async fn a_stream_that_never_ends_is_cut_when_the_time_is_over() {
    let (mut site, mut client, mut hub) =
        under_way("GET /user/ada/events HTTP/1.1\r\nHost: site\r\n\r\n", "timeouts: {shutdown: 500ms}").await;
    hub.wire.say("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n").await;
    client.until("one\r\n").await;

    ended(site.stop()).await;

    assert_eq!(client.rest().await, "", "a broken stream looks complete");
}

#[tokio::test]
async fn who_has_got_through_to_a_router_that_stops_is_answered() {
    let mut site = Sketch::with_hubs(&["hub-a", "hub-b"]).start().await;
    let mut clients = Vec::new();
    for _ in 0..100 {
        use std::io::Write;
        // Without waiting: some of them are still in the kernel's queue when the router is told to stop.
        let mut client = std::net::TcpStream::connect(site.address).unwrap();
        client.write_all(b"GET /_chp_healthz HTTP/1.1\r\nHost: site\r\n\r\n").unwrap();
        client.set_nonblocking(true).unwrap();
        clients.push(Wire::new(tokio::net::TcpStream::from_std(client).unwrap()));
    }

    let stopping = site.stop();

    for (number, client) in clients.iter_mut().enumerate() {
        assert!(client.rest().await.starts_with("HTTP/1.1 200 "), "client {number} was turned away");
    }
    ended(stopping).await;
}

#[tokio::test]
async fn connections_on_which_nothing_was_ever_asked_do_not_hold_up_the_end() {
    let mut site = Sketch::with_hubs(&["hub-a", "hub-b"]).start().await;
    let mut silent = site.wire().await;
    site.until("the connection is known", |status| status["traffic"]["connections"] == 1).await;

    let stopping = site.stop();

    silent.ends().await;
    ended(stopping).await;
}
