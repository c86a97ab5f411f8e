//! Where bodies end, in both directions: nothing is lost, cut or read twice, whatever a hub or a client says of it.

use super::support::raw_hub::{get, sent};
use super::support::{RawHub, Sketch, field};

/// Every way of saying unclearly where an answer ends that may arrive.
const UNCLEAR: [&str; 11] = [
    "Transfer-Encoding: gzip\r\n",
    "Transfer-Encoding: gzip, chunked\r\n",
    "Transfer-Encoding: chunked, chunked\r\n",
    "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
    "Transfer-Encoding: gzip\r\nContent-Length: 5\r\n",
    "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
    "Transfer-Encoding: Chunked\r\nContent-Length: 5\r\n",
    "Content-Length: 5\r\nContent-Length: 5\r\n",
    "Content-Length: 5, 5\r\n",
    "Content-Length: 5\r\nContent-Length: 6\r\n",
    "Content-Length: +5\r\n",
];

const WEBSOCKET: &str = "GET /user/ada/ws HTTP/1.1\r\nHost: site\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
    Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

#[tokio::test]
async fn an_answer_that_ends_nobody_knows_where_is_refused_with_its_connection() {
    let head_only = "HEAD /user/ada/x HTTP/1.1\r\nHost: site\r\n\r\n".to_owned();
    for request in [get("/user/ada/x"), get("/hub/home"), head_only, WEBSOCKET.to_owned()] {
        for unclear in UNCLEAR {
            let (_hub, _site, mut client, mut hub) = sent(&request).await;
            hub.wire.say(format!("HTTP/1.1 200 OK\r\n{unclear}\r\n0\r\n\r\n")).await;

            let head = client.head().await;
            assert!(head.starts_with("HTTP/1.1 502 "), "{unclear:?} to {request:?}: {head}");
            hub.wire.ends().await;
        }
    }
}

#[tokio::test]
async fn whatever_an_answers_connection_field_names_the_fields_of_the_connection_end_here() {
    for name in ["host", "content-length", "X-Hop, transfer-encoding", "cookie, @, X-Hop"] {
        let (_hub, _site, mut client, mut hub) = sent(&get("/user/ada/x")).await;
        let fields = "Host: inner\r\nKeep-Alive: timeout=5\r\nUpgrade: h2c\r\nContent-Length: 2\r\n";
        hub.wire.say(format!("HTTP/1.1 200 OK\r\nConnection: {name}\r\n{fields}\r\nok")).await;

        let head = client.head().await;
        assert!(head.starts_with("HTTP/1.1 200 "), "{name}: {head}");
        assert_eq!(field(&head, "content-length"), Some("2"), "{name}");
        assert_eq!(client.bytes(2).await, "ok");
        for gone in ["connection", "keep-alive", "upgrade"] {
            assert_eq!(field(&head, gone), None, "{name}: {head}");
        }
    }
}

#[tokio::test]
async fn a_chunked_body_reaches_the_hub_whatever_the_method() {
    for method in ["GET", "HEAD", "DELETE", "POST"] {
        for path in ["/user/ada/x", "/hub/api/x"] {
            let head =
                format!("{method} {path} HTTP/1.1\r\nHost: site\r\nTransfer-Encoding: chunked\r\n\r\n");
            let (_hub, _site, mut client, mut hub) = sent(&format!("{head}3\r\none\r\n0\r\n\r\n")).await;

            assert_eq!(field(&hub.head, "transfer-encoding"), Some("chunked"), "{}", hub.head);
            assert_eq!(field(&hub.head, "content-length"), None, "{}", hub.head);
            assert_eq!(hub.wire.until("0\r\n\r\n").await, "3\r\none\r\n0\r\n\r\n");
            hub.wire.say("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
            assert!(client.head().await.starts_with("HTTP/1.1 200 "), "{method} {path}");
        }
    }
}

#[tokio::test]
async fn a_request_without_a_body_says_nothing_of_one() {
    let (_hub, _site, _client, hub) = sent(&get("/user/ada/x")).await;
    assert_eq!(field(&hub.head, "transfer-encoding"), None, "{}", hub.head);
    assert_eq!(field(&hub.head, "content-length"), None, "{}", hub.head);
}

#[tokio::test]
async fn a_balancer_that_notes_the_port_names_the_client_all_the_same() {
    for (noted, ip) in [("9.9.9.9:5123", "9.9.9.9"), ("[2001:db8::1]:443", "2001:db8::1")] {
        let mut hub = RawHub::start().await;
        let sketch = Sketch::with_raw_hub(&hub).configured("site: {trusted_proxies: [127.0.0.0/8]}");
        let site = sketch.start().await;
        let mut client = site.wire().await;
        client
            .say(format!("GET /user/ada/x HTTP/1.1\r\nHost: site\r\nX-Forwarded-For: {noted}\r\n\r\n"))
            .await;

        let head = hub.request().await.head;
        assert_eq!(field(&head, "x-real-ip"), Some(ip));
        assert_eq!(field(&head, "x-forwarded-for"), Some(&*format!("{ip}, 127.0.0.1")));
    }
}
