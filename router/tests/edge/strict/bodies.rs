//! Bodies in chunks, from clients: a broken one never becomes a whole one, and a clean one is written anew.

use super::super::support::field;
use super::Edge;

const HEAD: &str = "POST /user/ada/x HTTP/1.1\r\nHost: site\r\nTransfer-Encoding: chunked\r\n\r\n";

/// What follows `3\r\none\r\n` and is no chunk.
const BROKEN: [&str; 24] = [
    "\r\n",
    "x\r\n",
    "+3\r\ntwo\r\n0\r\n\r\n",
    "-3\r\ntwo\r\n0\r\n\r\n",
    "0x3\r\ntwo\r\n0\r\n\r\n",
    " 3\r\ntwo\r\n0\r\n\r\n",
    "3 \r\ntwo\r\n0\r\n\r\n",
    "3\t\r\ntwo\r\n0\r\n\r\n",
    "3 3\r\ntwo\r\n0\r\n\r\n",
    "3\ntwo\r\n0\r\n\r\n",
    "3\rtwo\r\n0\r\n\r\n",
    "3\r\r\ntwo\r\n0\r\n\r\n",
    "3\r\ntwo\n0\r\n\r\n",
    "3\r\ntwo0\r\n\r\n",
    "3\r\ntwo!\r\n0\r\n\r\n",
    "00000000000000003\r\ntwo\r\n0\r\n\r\n",
    "10000000000000000\r\ntwo\r\n0\r\n\r\n",
    "3;\r\ntwo\r\n0\r\n\r\n",
    "3;a=\r\ntwo\r\n0\r\n\r\n",
    "3;a\nb\r\ntwo\r\n0\r\n\r\n",
    "3;a\0\r\ntwo\r\n0\r\n\r\n",
    "3;a\"\r\ntwo\r\n0\r\n\r\n",
    "0\r\n\n",
    "0\n\r\n",
];

#[tokio::test]
async fn a_broken_body_never_looks_complete_to_the_hub() {
    let mut edge = Edge::open().await;
    for broken in BROKEN {
        let (mut client, mut at_hub) = edge.sent(format!("{HEAD}3\r\none\r\n{broken}")).await;
        let arrived = at_hub.wire.rest().await;
        assert!(!arrived.ends_with("0\r\n\r\n"), "{broken:?}: {arrived:?}");
        let answer = client.rest().await;
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 400 "), "{broken:?}: {answer}");
    }
}

#[tokio::test]
async fn broken_trailers_never_complete_a_body() {
    let mut edge = Edge::open().await;
    for broken in
        ["X\r\n\r\n", "X : y\r\n\r\n", " X: y\r\n\r\n", "X: y\n\r\n", "X: a\0b\r\n\r\n", "X: a\rb\r\n\r\n"]
    {
        let (_client, mut at_hub) = edge.sent(format!("{HEAD}3\r\none\r\n0\r\n{broken}")).await;
        let arrived = at_hub.wire.rest().await;
        assert!(!arrived.ends_with("0\r\n\r\n"), "{broken:?}: {arrived:?}");
    }
}

#[tokio::test]
async fn extensions_and_trailers_end_at_the_router() {
    let mut edge = Edge::open().await;
    let fields = "X-Forwarded-User: root\r\nContent-Length: 5\r\nX-Sum: 1\r\n";
    let (mut client, mut at_hub) =
        edge.sent(format!("{HEAD}3;a=\"b;\";c\r\none\r\n03 ; d = e\r\ntwo\r\n0;f\r\n{fields}\r\n")).await;

    assert_eq!(field(&at_hub.head, "transfer-encoding"), Some("chunked"));
    let arrived = at_hub.wire.until("0\r\n\r\n").await;
    assert_eq!(
        arrived.replace("3\r\n", "").replace("6\r\n", "").replace("\r\n", ""),
        "onetwo0",
        "{arrived:?}"
    );
    at_hub.answer("whole").await;
    client.until("whole").await;
}

#[tokio::test]
async fn a_body_says_where_the_next_request_begins_in_whatever_packets_it_comes() {
    let mut edge = Edge::open().await;
    let hidden = "GET /user/ada/hidden HTTP/1.1\r\nHost: site\r\n\r\n";
    let next = "GET /user/ada/next HTTP/1.1\r\nHost: site\r\n\r\n";
    let length = hidden.len();
    let bodies = [
        format!("{HEAD}{length:x}\r\n{hidden}\r\n0\r\n\r\n{next}"),
        format!("POST /user/ada/x HTTP/1.1\r\nHost: site\r\nContent-Length: {length}\r\n\r\n{hidden}{next}"),
    ];
    for text in bodies {
        for size in [1, 7, text.len()] {
            let mut client = edge.site.wire().await;
            for piece in text.as_bytes().chunks(size) {
                client.say(piece).await;
            }
            let mut at_hub = edge.hub.request().await;
            // Chunks are cut anew.
            at_hub.wire.until(if text.contains("chunked") { "\r\n0\r\n\r\n" } else { hidden }).await;
            at_hub.answer("first").await;
            client.until("first").await;
            at_hub.next_request().await;
            assert!(at_hub.head.starts_with("GET /user/ada/next "), "{}", at_hub.head);
            at_hub.wire.say("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 4\r\n\r\nlast").await;
            client.until("last").await;
        }
    }
}
