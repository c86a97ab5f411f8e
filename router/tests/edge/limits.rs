//! What is refused before it reaches a hub, and how: too long, ambiguous, or nothing that HTTP knows.

use super::support::{RawHub, Sketch, field};

struct Edge {
    hub: RawHub,
    site: super::support::Site,
}

impl Edge {
    async fn open(more: &str) -> Self {
        let hub = RawHub::start().await;
        let site = Sketch::with_raw_hub(&hub).configured(more).start().await;
        Self { hub, site }
    }

    /// The head of the answer to these bytes; nothing may have reached the hub.
    async fn refuses(&self, request: &str) -> String {
        let mut client = self.site.wire().await;
        client.say(request).await;
        let head = client.head().await;
        assert_eq!(self.hub.connections(), 0, "it reached the hub: {request:.80}");
        head
    }
}

fn status(head: &str) -> &str {
    head.split(' ').nth(1).unwrap_or_default()
}

#[tokio::test]
async fn a_head_that_is_too_long_gets_a_page_that_helps_with_cookies() {
    let edge = Edge::open("").await;
    let cookies = "x".repeat(40 * 1024);
    let mut client = edge.site.wire().await;
    client
        .say(format!(
            "GET /user/ada/lab HTTP/1.1\r\nHost: site\r\nAccept: text/html\r\nSec-Fetch-Mode: navigate\r\n\
             Cookie: a={cookies}\r\n\r\n"
        ))
        .await;

    let head = client.head().await;
    assert_eq!(status(&head), "431", "{head}");
    let length = field(&head, "content-length").unwrap().parse().unwrap();
    let page = client.bytes(length).await;
    assert!(page.contains("/_hubrouter/clear-cookies"), "{page}");
    assert_eq!(edge.hub.connections(), 0);
}

#[tokio::test]
async fn a_head_within_the_limit_passes_and_one_beyond_every_bound_is_cut_off() {
    let mut edge = Edge::open("").await;
    let head = edge
        .refuses(&format!("GET /user/ada/x HTTP/1.1\r\nHost: site\r\nX-A: {}\r\n\r\n", "x".repeat(300_000)))
        .await;
    assert_eq!(status(&head), "431", "{head}");
    let many: String = (0..200).map(|number| format!("X-{number}: 1\r\n")).collect();
    let head = edge.refuses(&format!("GET /user/ada/x HTTP/1.1\r\nHost: site\r\n{many}\r\n")).await;
    assert_eq!(status(&head), "431", "{head}");

    let mut client = edge.site.wire().await;
    client
        .say(format!("GET /user/ada/x HTTP/1.1\r\nHost: site\r\nX-A: {}\r\n\r\n", "x".repeat(30_000)))
        .await;
    assert_eq!(field(&edge.hub.request().await.head, "x-a").map(str::len), Some(30_000));
}

#[tokio::test]
async fn an_address_that_is_too_long_is_414() {
    let edge = Edge::open("").await;
    for length in [17 * 1024, 70 * 1024] {
        let request = format!("GET /user/ada/{} HTTP/1.1\r\nHost: site\r\n\r\n", "x".repeat(length));
        assert_eq!(status(&edge.refuses(&request).await), "414", "{length}");
    }
    let edge = Edge::open("limits: {uri_bytes: 1KiB}").await;
    let request = format!("GET /user/ada/{} HTTP/1.1\r\nHost: site\r\n\r\n", "x".repeat(1024));
    assert_eq!(status(&edge.refuses(&request).await), "414");
}

#[tokio::test]
async fn a_request_has_exactly_one_host_whatever_it_asks_for() {
    let edge = Edge::open("").await;
    for path in ["/user/ada/x", "/hub/home", "/hub/login", "/hub/logout", "/hub/health", "/_hubrouter/hub"] {
        for hosts in ["", "Host: site\r\nHost: site\r\n", "Host: site\r\nHost: evil\r\n"] {
            let head = edge.refuses(&format!("GET {path} HTTP/1.1\r\n{hosts}\r\n")).await;
            assert_eq!(status(&head), "400", "{path} {hosts:?}");
        }
    }
}

#[tokio::test]
async fn an_address_with_a_site_in_it_must_name_the_same_site_as_the_host() {
    let mut edge = Edge::open("").await;
    for target in ["http://evil/user/ada/x", "http://site:81/user/ada/x", "http://me@site/user/ada/x"] {
        let head = edge.refuses(&format!("GET {target} HTTP/1.1\r\nHost: site\r\n\r\n")).await;
        assert_eq!(status(&head), "400", "{target}");
    }

    let mut client = edge.site.wire().await;
    client.say("GET http://site/user/ada/x?y=1 HTTP/1.1\r\nHost: site\r\n\r\n").await;
    let at_hub = edge.hub.request().await;
    assert!(at_hub.head.starts_with("GET /user/ada/x?y=1 HTTP/1.1\r\n"), "{}", at_hub.head);
    assert_eq!(field(&at_hub.head, "host"), Some("site"));
}

#[tokio::test]
async fn tunnels_and_echoes_of_requests_are_not_served() {
    let edge = Edge::open("").await;
    for request in [
        "CONNECT site:80 HTTP/1.1\r\nHost: site:80\r\n\r\n",
        "CONNECT 127.0.0.1:22 HTTP/1.1\r\nHost: site\r\n\r\n",
        "TRACE /user/ada/x HTTP/1.1\r\nHost: site\r\n\r\n",
    ] {
        let head = edge.refuses(request).await;
        assert_eq!(status(&head), "405", "{request}");
        assert!(field(&head, "allow").is_some_and(|allow| allow.contains("GET")), "{head}");
    }
    assert_eq!(status(&edge.refuses("OPTIONS * HTTP/1.1\r\nHost: site\r\n\r\n").await), "400");
}

#[tokio::test]
async fn what_is_not_http_is_refused() {
    let edge = Edge::open("").await;
    for request in [
        "hello\r\n\r\n",
        "GET /user/ada/x HTTP/3.0\r\nHost: site\r\n\r\n",
        "GET /user/ada/x HTTP/1.1\r\nHost : site\r\n\r\n",
        "GET /user/ada/x HTTP/1.1\r\nHost: site\r\nContent-Length: x\r\n\r\n",
        "GET /user/ada/x HTTP/1.1\r\nHost: site\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ] {
        let mut client = edge.site.wire().await;
        client.say(request).await;
        // Some are not even worth a status: the connection ends.
        let answer = client.rest().await;
        assert!(answer.is_empty() || status(&answer) == "400", "{request:?}: {answer}");
    }
    assert_eq!(edge.hub.connections(), 0);
}

#[tokio::test]
async fn an_address_that_may_be_two_users_is_never_forwarded() {
    let edge = Edge::open("").await;
    for path in [
        "/user/ada%2F..%2Fbob/x",
        "/user/ada/../bob/x",
        "/user//x",
        "/user/%00/x",
        "/user/ada/x/%2e%2e/y",
        "/user/ada%5cbob/",
    ] {
        let head = edge.refuses(&format!("GET {path} HTTP/1.1\r\nHost: site\r\n\r\n")).await;
        assert_eq!(status(&head), "400", "{path}");
    }
}

#[tokio::test]
async fn old_clients_are_served_in_their_own_way() {
    let mut edge = Edge::open("").await;
    assert_eq!(status(&edge.refuses("GET /user/ada/x HTTP/1.0\r\n\r\n").await), "400");

    let mut client = edge.site.wire().await;
    client.say("GET /user/ada/x HTTP/1.0\r\nHost: site\r\n\r\n").await;
    let mut at_hub = edge.hub.request().await;
    assert!(at_hub.head.starts_with("GET /user/ada/x HTTP/1.1\r\n"), "{}", at_hub.head);
    at_hub
        .wire
        .say("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n")
        .await;
    let head = client.head().await;
    assert!(head.starts_with("HTTP/1.0 200 "), "{head}");
    assert_eq!(field(&head, "transfer-encoding"), None, "chunks are unknown to HTTP/1.0: {head}");
    assert_eq!(client.rest().await, "onetwo");

    let mut client = edge.site.wire().await;
    for _ in 0..2 {
        client.say("GET /_chp_healthz HTTP/1.0\r\nHost: site\r\nConnection: keep-alive\r\n\r\n").await;
        let head = client.head().await;
        assert_eq!(field(&head, "connection"), Some("keep-alive"), "{head}");
    }
}

#[tokio::test]
async fn a_client_that_wants_its_connection_closed_gets_that() {
    let mut edge = Edge::open("").await;
    let mut client = edge.site.wire().await;
    client.say("GET /user/ada/x HTTP/1.1\r\nHost: site\r\nConnection: close\r\n\r\n").await;
    let mut at_hub = edge.hub.request().await;
    assert_eq!(field(&at_hub.head, "connection"), None);
    at_hub.answer("last").await;
    assert_eq!(field(&client.head().await, "connection"), Some("close"));
    assert_eq!(client.rest().await, "last");
}

#[tokio::test]
async fn a_client_connection_that_is_idle_for_too_long_is_closed() {
    let edge = Edge::open("timeouts: {idle: 500ms}").await;
    let mut client = edge.site.wire().await;
    client.say("GET /_chp_healthz HTTP/1.1\r\nHost: site\r\n\r\n").await;
    client.head().await;
    client.ends().await;
}
