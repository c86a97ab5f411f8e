//! Answers of hubs: a broken one never becomes a whole one, and what was not asked for goes to nobody.

use std::time::Duration;

use super::super::support::field;
use super::super::support::raw_hub::get;
use super::Edge;

#[tokio::test]
async fn a_head_that_may_be_read_in_two_ways_is_refused_with_its_connection() {
    let mut edge = Edge::open().await;
    for head in [
        "HTTP/1.1 200 OK\nContent-Length: 2\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 2\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\n",
        "HTTP/1.1 200 OK\r\nContent-Length : 2\r\n\r\n",
        "HTTP/1.1 200 OK\r\nX: a\r\n folded\r\nContent-Length: 2\r\n\r\n",
        "HTTP/1.1 200 OK\r\n X: a\r\nContent-Length: 2\r\n\r\n",
        "HTTP/1.1 200 OK\r\nX: a\rb\r\nContent-Length: 2\r\n\r\n",
        "HTTP/1.1 200 OK\r\nX: a\0b\r\nContent-Length: 2\r\n\r\n",
        "HTTP/1.1 200 OK\r\nX\r\nContent-Length: 2\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\n",
        "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        "HTTP/1.1 20 OK\r\nContent-Length: 2\r\n\r\n",
        "HTTP/1.1 2000 OK\r\nContent-Length: 2\r\n\r\n",
        "HTTP/1.1  200 OK\r\nContent-Length: 2\r\n\r\n",
        "HTTP/2.0 200 OK\r\nContent-Length: 2\r\n\r\n",
        "HTTP/1.2 200 OK\r\nContent-Length: 2\r\n\r\n",
        "ICY 200 OK\r\nContent-Length: 2\r\n\r\n",
        "\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n",
        "<html>",
    ] {
        let (mut client, mut at_hub) = edge.sent(get("/user/ada/x")).await;
        at_hub.wire.say(format!("{head}ok\r\n\r\n")).await;

        let answer = client.head().await;
        assert!(answer.starts_with("HTTP/1.1 502 "), "{head:?}: {answer}");
        let _ = at_hub.wire.rest().await;
    }
}

#[tokio::test]
async fn a_body_in_broken_chunks_never_looks_complete() {
    let mut edge = Edge::open().await;
    for broken in [
        "x\r\n",
        "+3\r\ntwo\r\n0\r\n\r\n",
        "3 \r\ntwo\r\n0\r\n\r\n",
        "3\ntwo\r\n0\r\n\r\n",
        "3\r\ntwo\n0\r\n\r\n",
        "3\r\ntwo!\r\n0\r\n\r\n",
        "3;\0\r\ntwo\r\n0\r\n\r\n",
        "00000000000000003\r\ntwo\r\n0\r\n\r\n",
        "0\r\n\n",
        "0\n\r\n",
        "0\r\nX\r\n\r\n",
        "0\r\nX : y\r\n\r\n",
    ] {
        let (mut client, mut at_hub) = edge.sent(get("/user/ada/x")).await;
        at_hub.wire.say("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n").await;
        client.until("one").await;
        at_hub.wire.say(broken).await;

        let rest = client.rest().await;
        assert!(!rest.contains("0\r\n\r\n"), "{broken:?}: {rest:?}");
        at_hub.wire.ends().await;
    }
}

#[tokio::test]
async fn a_body_that_ends_early_never_looks_complete() {
    let mut edge = Edge::open().await;
    let bodies = [
        "Content-Length: 10\r\n\r\nhello",
        "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
        "Transfer-Encoding: chunked\r\n\r\nff\r\nhello",
    ];
    for body in bodies {
        let (mut client, mut at_hub) = edge.sent(get("/user/ada/x")).await;
        at_hub.wire.say(format!("HTTP/1.1 200 OK\r\n{body}")).await;
        client.until("hello").await;
        drop(at_hub);

        let rest = client.rest().await;
        assert!(!rest.contains("0\r\n\r\n"), "{body:?}: {rest:?}");
    }
}

#[tokio::test]
async fn trailers_and_extensions_of_an_answer_end_at_the_router() {
    let mut edge = Edge::open().await;
    let (mut client, mut at_hub) = edge.sent(get("/user/ada/x")).await;
    let fields = "Set-Cookie: __Host-hubrouter=x\r\nX-Sum: 1\r\n";
    at_hub
        .wire
        .say(format!("HTTP/1.1 200 OK\r\nTrailer: X-Sum\r\nTransfer-Encoding: chunked\r\n\r\n3;a\r\none\r\n0\r\n{fields}\r\n"))
        .await;

    assert_eq!(field(&client.head().await, "trailer"), None);
    assert_eq!(client.until("0\r\n\r\n").await, "3\r\none\r\n0\r\n\r\n");
    client.say(get("/_chp_healthz")).await;
    assert!(client.head().await.starts_with("HTTP/1.1 200 "));
}

#[tokio::test]
async fn what_comes_before_the_answer_is_not_the_answer() {
    let mut edge = Edge::open().await;
    let (mut client, mut at_hub) = edge.sent(get("/user/ada/x")).await;
    at_hub
        .wire
        .say("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n")
        .await;
    at_hub.answer("at last").await;

    let head = client.head().await;
    assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
    assert_eq!(client.bytes(7).await, "at last");
}

#[tokio::test]
async fn an_answer_that_has_no_body_is_not_followed_by_one() {
    let mut edge = Edge::open().await;
    for (method, status) in [("HEAD", "200 OK"), ("GET", "204 No Content"), ("GET", "304 Not Modified")] {
        let (mut client, mut at_hub) =
            edge.sent(format!("{method} /user/ada/x HTTP/1.1\r\nHost: site\r\n\r\n")).await;
        let smuggled = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil";
        at_hub.wire.say(format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n", smuggled.len())).await;
        at_hub.wire.say(smuggled).await;

        let head = client.head().await;
        assert!(head.starts_with(&format!("HTTP/1.1 {status}\r\n")), "{head}");
        at_hub.wire.ends().await;
        // The next answer on the client's connection is that to its next request.
        client.say(get("/user/ada/next")).await;
        let mut next = edge.hub.request().await;
        next.answer("next").await;
        client.head().await;
        assert_eq!(client.bytes(4).await, "next", "{method} {status}");
    }
}

#[tokio::test]
async fn what_follows_a_whole_answer_is_the_answer_to_nothing() {
    let mut edge = Edge::open().await;
    let (mut client, mut at_hub) = edge.sent(get("/user/ada/x")).await;
    at_hub
        .wire
        .say(
            "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\noneHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil",
        )
        .await;
    client.until("one").await;
    at_hub.wire.ends().await;

    client.say(get("/user/ada/y")).await;
    edge.hub.request().await.answer("two").await;
    client.head().await;
    assert_eq!(client.bytes(3).await, "two");
}

#[tokio::test]
async fn an_answer_before_the_request_goes_to_nobody() {
    let mut edge = Edge::open().await;
    let (mut client, mut at_hub) = edge.sent(get("/user/ada/x")).await;
    at_hub.answer("one").await;
    client.until("one").await;
    // The connection is idle now, and the hub answers all the same.
    at_hub.wire.say("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil").await;
    at_hub.wire.ends().await;
    tokio::time::sleep(Duration::from_millis(50)).await;

    client.say(get("/user/ada/y")).await;
    edge.hub.request().await.answer("two").await;
    client.head().await;
    assert_eq!(client.bytes(3).await, "two");
}
