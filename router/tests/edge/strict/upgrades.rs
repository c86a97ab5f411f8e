//! Changes of the protocol: to WebSocket, when the client asked for it and the hub agreed, and never otherwise.

use std::time::Duration;

use super::super::support::field;
use super::Edge;

const OPENING: &str = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
const AGREED: &str = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
    Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

#[tokio::test]
async fn http_1_0_a_body_or_another_method_make_an_opening_a_request_like_any_other() {
    for request in [
        format!("GET /user/ada/ws HTTP/1.0\r\nHost: site\r\n{OPENING}\r\n"),
        format!("GET /user/ada/ws HTTP/1.1\r\nHost: site\r\n{OPENING}Content-Length: 4\r\n\r\nbody"),
        format!(
            "GET /user/ada/ws HTTP/1.1\r\nHost: site\r\n{OPENING}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
        ),
        format!("POST /user/ada/ws HTTP/1.1\r\nHost: site\r\n{OPENING}\r\n"),
    ] {
        let mut edge = Edge::open().await;
        let (mut client, mut at_hub) = edge.sent(&request).await;
        assert_eq!(field(&at_hub.head, "upgrade"), None, "{request}");
        assert_eq!(field(&at_hub.head, "connection"), None, "{request}");
        at_hub.wire.say(AGREED).await;

        let head = client.head().await;
        assert!(head.split(' ').nth(1) == Some("502"), "{request}: {head}");
    }
}

#[tokio::test]
async fn what_follows_a_refused_opening_is_read_as_strictly_as_ever() {
    let mut edge = Edge::open().await;
    let (mut client, mut at_hub) = edge
        .sent(format!("GET /user/ada/ws HTTP/1.1\r\nHost: site\r\n{OPENING}\r\nGET /user/ada/x HTTP/1.1\nHost: site\r\n\r\n"))
        .await;
    at_hub.wire.is_silent_for(Duration::from_millis(100)).await;
    at_hub.wire.say("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n").await;

    assert!(client.head().await.starts_with("HTTP/1.1 403 "));
    assert!(client.rest().await.starts_with("HTTP/1.1 400 "));
    assert_eq!(edge.hub.connections(), 1);
}

#[tokio::test]
async fn what_a_client_says_too_early_is_no_http_once_the_hub_agreed() {
    let early = "\x01\n\x02\r\n\r\n\0";
    for in_one_packet in [true, false] {
        let mut edge = Edge::open().await;
        let opening = format!("GET /user/ada/ws HTTP/1.1\r\nHost: site\r\n{OPENING}\r\n");
        let (mut client, mut at_hub) = if in_one_packet {
            edge.sent(format!("{opening}{early}")).await
        } else {
            let (mut client, at_hub) = edge.sent(opening).await;
            client.say(early).await;
            (client, at_hub)
        };
        at_hub.wire.is_silent_for(Duration::from_millis(100)).await;
        at_hub.wire.say(AGREED).await;
        assert!(client.head().await.starts_with("HTTP/1.1 101 "));
        client.say("late\n").await;

        let expected = format!("{early}late\n");
        assert_eq!(at_hub.wire.bytes(expected.len()).await, expected);
    }
}
