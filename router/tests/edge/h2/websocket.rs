//! WebSockets on streams of HTTP/2 (RFC 8441), in front of servers that know the upgrade of HTTP/1.1 only.

use std::time::Duration;

use ::h2::ext::Protocol;
use ::h2::{Reason, RecvStream, SendStream};
use bytes::Bytes;
use http::{Method, Request, Response};

use super::super::support::{AtHub, field};
use super::{Client, Front, SITE, get, patient};

const KERNEL: &str = "/user/ada/api/kernels/1/channels";
const AGREED: &str = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
    Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nSec-WebSocket-Protocol: v1.kernel\r\nX-Own: 1\r\n\r\n";

fn opening(protocol: &'static str) -> Request<()> {
    let mut request = Request::builder()
        .method(Method::CONNECT)
        .uri(format!("https://{SITE}{KERNEL}?session_id=1"))
        .header("sec-websocket-version", "13")
        .header("sec-websocket-protocol", "v1.kernel")
        .header("origin", "https://site.example")
        .header("cookie", "a=1")
        .body(())
        .unwrap();
    request.extensions_mut().insert(Protocol::from_static(protocol));
    request
}

/// A stream with a WebSocket on it.
struct Socket {
    say: SendStream<Bytes>,
    hear: RecvStream,
    heard: Vec<u8>,
}

impl Socket {
    async fn say(&mut self, bytes: &[u8]) {
        let mut left = bytes;
        while !left.is_empty() {
            self.say.reserve_capacity(left.len());
            let room = patient(std::future::poll_fn(|cx| self.say.poll_capacity(cx))).await.unwrap().unwrap();
            let (now, later) = left.split_at(room.min(left.len()));
            self.say.send_data(Bytes::copy_from_slice(now), false).unwrap();
            left = later;
        }
    }

    async fn bytes(&mut self, count: usize) -> Vec<u8> {
        while self.heard.len() < count {
            assert!(self.more().await, "the stream ended after {:?}", self.heard);
        }
        self.heard.drain(..count).collect()
    }

    async fn rest(&mut self) -> String {
        while self.more().await {}
        String::from_utf8_lossy(&std::mem::take(&mut self.heard)).into_owned()
    }

    async fn more(&mut self) -> bool {
        let Some(piece) = patient(self.hear.data()).await else { return false };
        let piece = piece.unwrap();
        self.hear.flow_control().release_capacity(piece.len()).unwrap();
        self.heard.extend_from_slice(&piece);
        true
    }
}

async fn asks(
    client: &mut Client,
    request: Request<()>,
) -> (::h2::client::ResponseFuture, SendStream<Bytes>) {
    // The router's settings say that it may be asked.
    while !client.requests.is_extended_connect_protocol_enabled() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    client.begin(request).await
}

async fn open(front: &mut Front, client: &mut Client) -> (Socket, AtHub, Response<()>) {
    let (answer, say) = asks(client, opening("websocket")).await;
    let mut at_hub = front.hub.request().await;
    at_hub.wire.say(AGREED).await;
    let (head, hear) = patient(answer).await.unwrap().into_parts();
    assert_eq!(head.status, 200);
    (Socket { say, hear, heard: Vec::new() }, at_hub, Response::from_parts(head, ()))
}

#[tokio::test]
async fn a_websocket_on_a_stream_is_an_upgrade_for_its_server() {
    let mut front = Front::open("").await;
    let mut client = front.client().await;
    let (mut socket, mut at_hub, answer) = open(&mut front, &mut client).await;
    let head = &at_hub.head;
    assert!(head.starts_with(&format!("GET {KERNEL}?session_id=1 HTTP/1.1\r\n")), "{head}");
    for (name, value) in [
        ("host", SITE),
        ("connection", "Upgrade"),
        ("upgrade", "websocket"),
        ("sec-websocket-version", "13"),
        ("sec-websocket-protocol", "v1.kernel"),
        ("origin", "https://site.example"),
        ("cookie", "a=1"),
    ] {
        assert_eq!(field(head, name), Some(value), "{head}");
    }
    assert_eq!(field(head, "sec-websocket-key").map(str::len), Some(24), "{head}");
    assert_eq!(field(head, "transfer-encoding"), None, "{head}");
    assert_eq!(answer.headers()["sec-websocket-protocol"], "v1.kernel");
    assert_eq!(answer.headers()["x-own"], "1");
    for none in ["connection", "upgrade", "sec-websocket-accept"] {
        assert!(!answer.headers().contains_key(none), "{none}");
    }

    socket.say(b"to the server").await;
    assert_eq!(at_hub.wire.bytes(13).await, "to the server");
    at_hub.wire.say("to the page").await;
    assert_eq!(socket.bytes(11).await, b"to the page");
    front.site.until("it is counted", |status| status["traffic"]["streams"] == 1).await;
}

#[tokio::test]
async fn messages_of_every_size_pass_both_ways_beside_requests_and_other_websockets() {
    let mut front = Front::open("").await;
    let mut client = front.client().await;
    let (mut one, mut at_one, _) = open(&mut front, &mut client).await;
    let (mut two, mut at_two, _) = open(&mut front, &mut client).await;
    for size in [1, 100, 16_384, 16_385, 200_000, 3_000_000] {
        let message = "m".repeat(size);
        let ((), heard) = tokio::join!(one.say(message.as_bytes()), at_one.wire.bytes(size));
        assert_eq!(heard.len(), size);
        let ((), heard) = tokio::join!(at_one.wire.say(&message), one.bytes(size));
        assert_eq!(heard.len(), size);
    }
    at_two.wire.say("still here").await;
    assert_eq!(two.bytes(10).await, b"still here");
    assert_eq!(client.answer(get("/_chp_healthz")).await.status(), 200);
}

#[tokio::test]
async fn a_websocket_between_a_stream_and_a_hub_with_tls_loses_and_changes_no_byte() {
    let mut front = Front::open_before_tls().await;
    let mut client = front.client().await;
    let (mut socket, mut at_hub, _) = open(&mut front, &mut client).await;
    // Numbers, so that what is lost, doubled or in another order shows.
    let numbers = |from: u32| (from..from + 200_000).map(|number| format!("{number:07}")).collect::<String>();
    let (up, down) = (numbers(1_000_000), numbers(5_000_000));
    let ((), arrived) = tokio::join!(socket.say(up.as_bytes()), at_hub.wire.bytes(up.len()));
    assert!(arrived == up, "it arrived otherwise at the hub");
    let ((), arrived) = tokio::join!(at_hub.wire.say(&down), socket.bytes(down.len()));
    assert!(arrived == down.as_bytes(), "it arrived otherwise at the client");
    socket.say.send_data(Bytes::new(), true).unwrap();
    assert_eq!(at_hub.wire.rest().await, "");
    assert!(at_hub.wire.ended_with_a_word());
}

#[tokio::test]
async fn nothing_is_passed_before_the_server_agrees() {
    let mut front = Front::open("").await;
    let mut client = front.client().await;
    let (answer, mut say) = asks(&mut client, opening("websocket")).await;
    say.send_data(Bytes::from_static(b"early"), false).unwrap();
    let mut at_hub = front.hub.request().await;
    at_hub.wire.is_silent_for(Duration::from_millis(200)).await;
    at_hub.wire.say(format!("{AGREED}first words")).await;
    let hear = patient(answer).await.unwrap().into_body();
    let mut socket = Socket { say, hear, heard: Vec::new() };
    assert_eq!(socket.bytes(11).await, b"first words");
    assert_eq!(at_hub.wire.bytes(5).await, "early");
}

#[tokio::test]
async fn an_answer_that_is_no_agreement_never_looks_like_one() {
    let mut front = Front::open("").await;
    let mut client = front.client().await;
    for (said, seen) in
        [("200 OK", 502), ("204 No Content", 502), ("403 Forbidden", 403), ("404 Not Found", 404)]
    {
        let (answer, _say) = asks(&mut client, opening("websocket")).await;
        let mut at_hub = front.hub.request().await;
        at_hub.wire.say(format!("HTTP/1.1 {said}\r\nContent-Length: 0\r\n\r\n")).await;
        assert_eq!(patient(answer).await.unwrap().status(), seen, "{said}");
    }
    let (answer, _say) = asks(&mut client, opening("websocket")).await;
    let mut at_hub = front.hub.request().await;
    at_hub.wire.say("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n").await;
    assert_eq!(patient(answer).await.unwrap().status(), 502);
}

#[tokio::test]
async fn other_protocols_and_pages_of_the_router_open_no_tunnel() {
    let front = Front::open("").await;
    let mut client = front.client().await;
    for protocol in ["connect-udp", "h2c", "WebSocket"] {
        let (answer, _say) = asks(&mut client, opening(protocol)).await;
        assert_eq!(patient(answer).await.unwrap().status(), 501, "{protocol}");
    }
    let mut own = opening("websocket");
    *own.uri_mut() = format!("https://{SITE}/_chp_healthz").parse().unwrap();
    let (answer, _say) = asks(&mut client, own).await;
    assert_eq!(patient(answer).await.unwrap().status(), 502);
    let mut elsewhere = opening("websocket");
    elsewhere.headers_mut().insert("host", "evil.example".parse().unwrap());
    let (answer, _say) = asks(&mut client, elsewhere).await;
    assert_eq!(patient(answer).await.unwrap().status(), 400);
    assert_eq!(front.hub.connections(), 0);
}

#[tokio::test]
async fn each_end_of_a_websocket_on_a_stream_is_told_to_the_other() {
    let mut front = Front::open("").await;
    let mut client = front.client().await;
    let (mut socket, mut at_hub, _) = open(&mut front, &mut client).await;
    socket.say(b"close frame").await;
    socket.say.send_data(Bytes::new(), true).unwrap();
    assert_eq!(at_hub.wire.rest().await, "close frame");
    at_hub.wire.say("last words").await;
    drop(at_hub);
    assert_eq!(socket.rest().await, "last words");

    for reason in [Reason::CANCEL, Reason::INTERNAL_ERROR] {
        let (mut socket, mut at_hub, _) = open(&mut front, &mut client).await;
        socket.say.send_reset(reason);
        at_hub.wire.ends().await;
    }

    let (mut socket, mut at_hub, _) = open(&mut front, &mut client).await;
    at_hub.wire.say([0x81, 1, b'a']).await;
    at_hub.wire.reset();
    let said = socket.rest().await;
    assert!(said.contains("the server's side broke off"), "{said}");
}

#[tokio::test]
async fn an_opening_that_is_cancelled_ends_at_its_server() {
    let mut front = Front::open("").await;
    let mut client = front.client().await;
    let (_answer, mut say) = asks(&mut client, opening("websocket")).await;
    let mut at_hub = front.hub.request().await;
    say.send_reset(Reason::CANCEL);
    at_hub.wire.ends().await;
    assert_eq!(client.answer(get("/_chp_healthz")).await.status(), 200);
}

#[tokio::test]
async fn a_client_that_is_gone_ends_its_websockets() {
    let mut front = Front::open("").await;
    let mut client = front.client().await;
    let (socket, mut at_hub, _) = open(&mut front, &mut client).await;
    client.connection.abort();
    at_hub.wire.ends().await;
    drop(socket);
}

#[tokio::test]
async fn a_side_that_does_not_read_stops_the_other_on_a_stream_too() {
    let mut front = Front::open("").await;
    let mut client = front.client().await;
    let (mut socket, mut at_hub, _) = open(&mut front, &mut client).await;
    let mut taken = 0;
    while taken < 64 * 1024 * 1024 {
        socket.say.reserve_capacity(64 * 1024);
        let room = std::future::poll_fn(|cx| socket.say.poll_capacity(cx));
        let Ok(room) = tokio::time::timeout(Duration::from_millis(700), room).await else { break };
        let room = room.unwrap().unwrap();
        taken += room;
        socket.say.send_data(vec![b'x'; room].into(), false).unwrap();
    }
    assert!(taken < 16 * 1024 * 1024, "{taken} bytes were taken for a hub that reads nothing");
    at_hub.wire.say("still here").await;
    assert_eq!(socket.bytes(10).await, b"still here");

    let taken = at_hub.wire.push(&[b'y'; 64 * 1024], 64 * 1024 * 1024).await;
    assert!(taken < 16 * 1024 * 1024, "{taken} bytes were taken for a client that reads nothing");
    assert_eq!(socket.bytes(taken).await.len(), taken, "what was taken arrives");
}

#[tokio::test]
async fn websockets_outlive_the_beginning_of_a_stop_and_are_told_of_its_end() {
    let mut front = Front::open("timeouts: {shutdown: 500ms}").await;
    let mut client = front.client().await;
    let (mut socket, mut at_hub, _) = open(&mut front, &mut client).await;
    let stopped = front.site.stop();
    tokio::time::sleep(Duration::from_millis(100)).await;
    at_hub.wire.say([0x81, 1, b'a']).await;
    assert_eq!(socket.bytes(3).await, [0x81, 1, b'a']);
    socket.say(b"hello").await;
    assert_eq!(at_hub.wire.bytes(5).await, "hello");

    let said = socket.rest().await;
    assert!(said.contains("the router restarts"), "{said}");
    drop((socket, client));
    patient(stopped).await.unwrap();
}

#[tokio::test]
async fn a_websocket_on_which_nothing_passes_is_closed_with_a_word() {
    let mut front = Front::open("timeouts: {stream_idle: 400ms}").await;
    let mut client = front.client().await;
    let (mut socket, mut at_hub, _) = open(&mut front, &mut client).await;
    let said = socket.rest().await;
    assert!(said.contains("nothing was said for too long"), "{said}");
    at_hub.wire.ends().await;
}
