//! How a WebSocket ends for a browser, seen by an independent library: by the hub's own word, else by one of the router.

use std::time::{Duration, Instant};

use futures_util::{SinkExt, StreamExt};
use http::HeaderValue;
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::error::ProtocolError;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error, Message};

use super::support::wire::PATIENCE;
use super::support::{AtHub, Browser, RawHub, Request, Site, Sketch, field};

const HELLO: &[u8] = b"\x81\x05hello";
const OWN_CLOSE: &[u8] = b"\x88\x02\x0f\xa1"; // 4001

/// A browser's end of an open WebSocket.
struct Client(WebSocketStream<TcpStream>);

impl Client {
    async fn next(&mut self) -> Option<Result<Message, Error>> {
        tokio::time::timeout(PATIENCE, self.0.next()).await.expect("a message or an end")
    }

    async fn hears(&mut self, text: &str) {
        assert_eq!(self.next().await.expect("a message").expect("a message"), Message::text(text));
    }

    /// Code and reason of the close frame that comes next, and then nothing: the closing is complete.
    async fn farewell(&mut self) -> (u16, String) {
        let close = match self.next().await {
            Some(Ok(Message::Close(Some(close)))) => close,
            other => panic!("no close frame: {other:?}"),
        };
        assert!(self.next().await.is_none(), "something came after the close frame");
        (close.code.into(), close.reason.to_string())
    }

    /// The connection ends without a close frame: what a browser calls 1006.
    async fn is_left_in_silence(&mut self) {
        match self.next().await {
            Some(Err(Error::Protocol(ProtocolError::ResetWithoutClosingHandshake))) => {}
            other => panic!("no silent end: {other:?}"),
        }
    }
}

/// An open WebSocket to a hub that the test plays.
async fn open(more: &str) -> (Site, Client, AtHub) {
    let mut hub = RawHub::start().await;
    let site = Sketch::with_raw_hub(&hub).configured(more).start().await;
    let request =
        format!("ws://{}/user/ada/api/kernels/1/channels", site.address).into_client_request().unwrap();
    let stream = TcpStream::connect(site.address).await.unwrap();
    let config = WebSocketConfig::default().max_frame_size(None).max_message_size(None);
    let opening = tokio_tungstenite::client_async_with_config(request, stream, Some(config));
    let agreeing = async {
        let mut at_hub = hub.request().await;
        let accept = derive_accept_key(field(&at_hub.head, "sec-websocket-key").unwrap().as_bytes());
        let agreed = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n";
        at_hub.wire.say(format!("{agreed}Sec-WebSocket-Accept: {accept}\r\n\r\n")).await;
        at_hub
    };
    let (opened, at_hub) = tokio::join!(opening, agreeing);
    (site, Client(opened.expect("the socket opens").0), at_hub)
}

const HUB_BROKE: (u16, &str) = (1012, "the server's side broke off");

fn told(farewell: &(u16, String)) -> (u16, &str) {
    (farewell.0, &farewell.1)
}

#[tokio::test]
async fn a_hub_that_dies_between_two_messages_leaves_word_to_come_back() {
    let (_site, mut client, mut hub) = open("").await;
    hub.wire.say(HELLO).await;
    client.hears("hello").await;
    hub.wire.reset();
    assert_eq!(told(&client.farewell().await), HUB_BROKE);

    let (_site, mut client, hub) = open("").await;
    drop(hub);
    assert_eq!(told(&client.farewell().await), HUB_BROKE, "before any message");
}

#[tokio::test]
async fn a_hub_that_dies_while_the_client_writes_leaves_word_to_come_back() {
    let (_site, client, hub) = open("").await;
    let (mut to, from) = client.0.split();
    let writing =
        tokio::spawn(async move { while to.send(Message::binary(vec![0; 100_000])).await.is_ok() {} });
    tokio::time::sleep(Duration::from_millis(100)).await;
    hub.wire.reset();

    let heard: Vec<_> = tokio::time::timeout(PATIENCE, from.collect()).await.expect("an end");
    let close = heard.into_iter().find_map(|message| match message {
        Ok(Message::Close(Some(close))) => Some(u16::from(close.code)),
        _ => None,
    });
    assert_eq!(close, Some(1012));
    writing.abort();
}

#[tokio::test]
async fn a_hub_that_dies_within_a_message_leaves_no_word_that_would_be_taken_for_a_part_of_it() {
    for part in 1..HELLO.len() {
        let (_site, mut client, mut hub) = open("").await;
        hub.wire.say(HELLO).await;
        hub.wire.say(&HELLO[..part]).await;
        client.hears("hello").await;
        drop(hub);
        client.is_left_in_silence().await;
    }
}

#[tokio::test]
async fn a_hubs_own_close_frame_is_the_last_word() {
    for pieces in [&[OWN_CLOSE][..], &[&OWN_CLOSE[..1], &OWN_CLOSE[1..]], &[HELLO, OWN_CLOSE]] {
        let (_site, mut client, mut hub) = open("").await;
        for piece in pieces {
            hub.wire.say(piece).await;
        }
        if pieces.contains(&HELLO) {
            client.hears("hello").await;
        }
        drop(hub);
        assert_eq!(told(&client.farewell().await), (4001, ""));
    }
}

#[tokio::test]
async fn what_a_dying_hub_said_arrives_before_the_router_says_that_it_died() {
    let (_site, mut client, mut hub) = open("").await;
    let message = [&[0x82, 127][..], &1_000_000_u64.to_be_bytes(), &[7; 1_000_000]].concat();
    for _ in 0..8 {
        let ((), next) = tokio::join!(hub.wire.say(&message), client.next());
        assert!(next.unwrap().unwrap().into_data().iter().all(|byte| *byte == 7));
    }
    // This one the client reads only after the hub is gone.
    hub.wire.say(&message).await;
    drop(hub);

    assert_eq!(client.next().await.unwrap().unwrap().len(), 1_000_000);
    assert_eq!(told(&client.farewell().await), HUB_BROKE);
}

#[tokio::test]
async fn a_client_that_has_ended_is_told_nothing() {
    let mut hub = RawHub::start().await;
    let site = Sketch::with_raw_hub(&hub).start().await;
    let mut client = site.wire().await;
    client
        .say(
            "GET /user/ada/ws HTTP/1.1\r\nHost: site\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
        )
        .await;
    let mut at_hub = hub.request().await;
    at_hub
        .wire
        .say("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
        .await;
    client.head().await;
    client.half_close().await;
    at_hub.wire.ends().await;
    drop(at_hub);

    client.ends().await;
}

#[tokio::test]
async fn a_silent_websocket_is_told_that_it_was_silent_for_too_long() {
    let (_site, mut client, mut hub) = open("timeouts: {stream_idle: 300ms}").await;
    hub.wire.say(HELLO).await;
    client.hears("hello").await;

    assert_eq!(told(&client.farewell().await), (1001, "nothing was said for too long"));
    hub.wire.ends().await;
}

#[tokio::test]
async fn a_silent_websocket_within_a_message_just_ends() {
    let (_site, mut client, mut hub) = open("timeouts: {stream_idle: 300ms}").await;
    hub.wire.say(&HELLO[..3]).await;

    client.is_left_in_silence().await;
}

#[tokio::test]
async fn a_router_that_ends_says_so_to_every_websocket_and_does_not_wait_for_their_hubs() {
    let (mut site, mut client, mut hub) = open("timeouts: {shutdown: 200ms}").await;
    hub.wire.say(HELLO).await;
    client.hears("hello").await;

    let began = Instant::now();
    let stopping = site.stop();

    assert_eq!(told(&client.farewell().await), (1012, "the router restarts"));
    hub.wire.ends().await;
    drop(client);
    tokio::time::timeout(PATIENCE, stopping).await.expect("the router ends").unwrap();
    assert!(began.elapsed() < Duration::from_secs(4), "{:?}", began.elapsed());
}

#[tokio::test]
async fn an_opening_while_its_hub_is_known_to_be_away_is_refused_with_a_time_to_come_back() {
    let site = Sketch::with_hubs(&["hub-a", "hub-b"]).start().await;
    let ada = site.user_at("hub-a", 0);
    site.hub("hub-a").stop_proxy().await;
    site.until_plane("hub-a", "proxy", "down").await;
    let opening = Request::get(format!("/user/{ada}/api/kernels/1/channels"))
        .with("connection", "Upgrade")
        .with("upgrade", "websocket")
        .with("sec-websocket-version", "13")
        .with("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==");

    let answer = Browser::new(site.address).send(opening).await;

    assert_eq!(answer.status, 503);
    assert!(answer.fields.get("retry-after").is_some_and(|value| value != HeaderValue::from_static("0")));
}
