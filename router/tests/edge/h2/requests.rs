//! A request of HTTP/2 reaches its hub as the same one of HTTP/1.1 would, and its answer comes back.

use http::{HeaderValue, Method, Request};

use super::super::support::field;
use super::raw::{GOOD, Raw};
use super::{Front, SITE, get, patient, put, text};

#[tokio::test]
async fn a_request_arrives_as_http_1_and_its_answer_comes_back() {
    let mut front = Front::open("").await;
    let mut client = front.client().await;
    let sent = client.send(get("/user/ada/a%20b?x=%20")).await;
    let mut at_hub = front.hub.request().await;
    let head = &at_hub.head;
    assert!(head.starts_with("GET /user/ada/a%20b?x=%20 HTTP/1.1\r\n"), "{head}");
    assert_eq!(field(head, "host"), Some(SITE));
    assert_eq!(field(head, "x-forwarded-proto"), Some("https"));
    for none in ["transfer-encoding", "content-length", "connection", "upgrade"] {
        assert_eq!(field(head, none), None, "{head}");
    }
    at_hub
        .wire
        .say("HTTP/1.1 200 OK\r\nConnection: X-Hop\r\nX-Hop: 1\r\nKeep-Alive: timeout=5\r\nX-Kept: 1\r\nContent-Length: 5\r\n\r\nhello")
        .await;
    let answer = patient(sent).await.unwrap();
    assert_eq!(
        (answer.status().as_u16(), &answer.headers()["x-kept"]),
        (200, &HeaderValue::from_static("1"))
    );
    for none in ["connection", "x-hop", "keep-alive"] {
        assert!(!answer.headers().contains_key(none), "{none}");
    }
    assert_eq!(text(answer).await, "hello");
}

#[tokio::test]
async fn the_pieces_of_a_cookie_reach_the_server_as_one_field() {
    let mut front = Front::open("").await;
    let mut client = front.client().await;
    let mut request = get("/user/ada/x");
    for piece in ["a=1", "b=2", "_xsrf=3"] {
        request.headers_mut().append("cookie", HeaderValue::from_static(piece));
    }
    let sent = client.send(request).await;
    let mut at_hub = front.hub.request().await;
    assert_eq!(field(&at_hub.head, "cookie"), Some("a=1; b=2; _xsrf=3"));
    assert_eq!(at_hub.head.to_ascii_lowercase().matches("\r\ncookie:").count(), 1);
    at_hub.answer("").await;
    assert_eq!(patient(sent).await.unwrap().status(), 200);
}

#[tokio::test]
async fn many_requests_share_a_connection_and_none_waits_for_another() {
    let mut front = Front::open("").await;
    let mut client = front.client().await;
    let slow = client.send(get("/user/ada/slow")).await;
    let mut at_slow = front.hub.request().await;
    for number in 0..20 {
        let path = format!("/user/ada/{number}");
        let sent = client.send(get(&path)).await;
        let mut at_hub = front.hub.request().await;
        assert!(at_hub.head.contains(&path), "{}", at_hub.head);
        at_hub.wire.say("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok").await;
        assert_eq!(text(patient(sent).await.unwrap()).await, "ok");
    }
    at_slow.answer("at last").await;
    assert_eq!(text(patient(slow).await.unwrap()).await, "at last");
}

#[tokio::test]
async fn a_site_is_named_once_and_by_its_name_alone() {
    let front = Front::open("").await;
    let mut client = front.client().await;
    for (authority, host) in [
        ("site.example", Some("evil.example")),
        ("site.example", Some("site.example:81")),
        ("me@site.example", None),
        ("me@site.example", Some("site.example")),
    ] {
        let mut request = Request::get(format!("https://{authority}/user/ada/x")).body(()).unwrap();
        if let Some(host) = host {
            request.headers_mut().insert("host", HeaderValue::from_static(host));
        }
        assert_eq!(client.answer(request).await.status(), 400, "{authority} {host:?}");
    }
    assert_eq!(front.hub.connections(), 0);
}

#[tokio::test]
async fn an_equal_host_beside_the_authority_and_a_host_alone_are_fine() {
    let mut front = Front::open("").await;
    let mut raw = Raw::open(&front).await;
    let alone = [(":method", "GET"), (":scheme", "https"), (":path", "/user/ada/x"), ("host", SITE)];
    let both = [
        (":method", "GET"),
        (":scheme", "https"),
        (":path", "/user/ada/x"),
        (":authority", SITE),
        ("host", SITE),
    ];
    for (stream, fields) in [(1, &alone[..]), (3, &both)] {
        raw.request(stream, fields).await;
        let mut at_hub = front.hub.request().await;
        assert_eq!(field(&at_hub.head, "host"), Some(SITE));
        at_hub.wire.say("HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n").await;
        assert!(raw.answered(stream).await);
    }
    raw.request(5, &alone[..3]).await;
    assert!(raw.answered(5).await, "with 400");
    assert_eq!(front.hub.connections(), 2);
}

#[tokio::test]
async fn fields_of_a_connection_are_malformed_and_harm_no_other_stream() {
    let front = Front::open("").await;
    let mut raw = Raw::open(&front).await;
    let bad = [
        ("connection", "close"),
        ("keep-alive", "timeout=5"),
        ("proxy-connection", "close"),
        ("transfer-encoding", "chunked"),
        ("upgrade", "websocket"),
        ("te", "gzip"),
        (":path", "/user/bob/x"),
        ("content-length", "5"),
    ];
    let mut stream = 1;
    for field in bad {
        raw.request(stream, &[GOOD, &[field]].concat()).await;
        assert!(raw.reset(stream).await, "{field:?}");
        stream += 2;
    }
    raw.request(stream, &[GOOD, &[("x", " a")]].concat()).await;
    assert!(raw.answered(stream).await, "with 400");
    assert_eq!(front.hub.connections(), 0);
}

#[tokio::test]
async fn names_and_values_that_http_1_could_not_write_reach_no_hub() {
    let front = Front::open("").await;
    for field in [
        ("X-Upper", "1"),
        ("x y", "1"),
        ("x:", "1"),
        ("x", "a\r\nb: c"),
        ("x", "a\nb"),
        ("x", "a\0b"),
        (":unknown", "1"),
        ("", "1"),
        ("content-length", "x"),
        ("content-length", "+0"),
    ] {
        let mut raw = Raw::open(&front).await;
        raw.request(1, &[GOOD, &[field]].concat()).await;
        // The library ends the stream, or the whole connection.
        assert!(!raw.answered(1).await, "{field:?}");
    }
    assert_eq!(front.hub.connections(), 0);
}

#[tokio::test]
async fn what_http_1_refuses_is_refused() {
    let front = Front::open("limits: {uri_bytes: 1KiB, request_headers: 20}").await;
    let mut client = front.client().await;
    assert_eq!(client.answer(get("/user/ada/../bob/x")).await.status(), 400);
    assert_eq!(client.answer(get("/user/%00/x")).await.status(), 400);
    assert_eq!(client.answer(get(&format!("/user/ada/{}", "x".repeat(1024)))).await.status(), 414);
    for method in [Method::TRACE, Method::CONNECT] {
        let connect = method == Method::CONNECT;
        let uri = if connect { "site.example:443".into() } else { format!("https://{SITE}/user/ada/x") };
        let request = Request::builder().method(method).uri(uri).body(()).unwrap();
        assert_eq!(client.answer(request).await.status(), 405);
    }
    let mut many = get("/user/ada/x");
    for number in 0..21 {
        many.headers_mut().insert(
            http::HeaderName::from_bytes(format!("x-{number}").as_bytes()).unwrap(),
            HeaderValue::from_static("1"),
        );
    }
    assert_eq!(client.answer(many).await.status(), 431);
    assert_eq!(front.hub.connections(), 0);
}

#[tokio::test]
async fn a_head_that_is_too_long_gets_the_page_of_http_1_and_one_beyond_every_bound_431() {
    let mut front = Front::open("").await;
    let mut client = front.client().await;
    let with = |length: usize| {
        let mut request = get("/user/ada/lab");
        let value = HeaderValue::try_from(format!("a={}", "x".repeat(length))).unwrap();
        request.headers_mut().insert("cookie", value);
        request.headers_mut().insert("accept", HeaderValue::from_static("text/html"));
        request.headers_mut().insert("sec-fetch-mode", HeaderValue::from_static("navigate"));
        request
    };
    let answer = client.answer(with(40 * 1024)).await;
    assert_eq!(answer.status(), 431);
    assert!(text(answer).await.contains("/_hubrouter/clear-cookies"));
    let answer = client.answer(with(120 * 1024)).await;
    assert_eq!(answer.status(), 431);
    // Beyond what the router has announced; a client may send it all the same.
    let mut raw = Raw::open(&front).await;
    raw.long_request(1, 140 * 1024).await;
    assert!(raw.answered(1).await);
    assert_eq!(front.hub.connections(), 0);

    let mut fits = get("/user/ada/x");
    fits.headers_mut().insert("x-a", HeaderValue::try_from("x".repeat(30 * 1024)).unwrap());
    let sent = client.send(fits).await;
    let mut at_hub = front.hub.request().await;
    assert_eq!(field(&at_hub.head, "x-a").map(str::len), Some(30 * 1024));
    at_hub.answer("").await;
    assert_eq!(patient(sent).await.unwrap().status(), 200);
}

#[tokio::test]
async fn what_a_client_claims_to_be_and_what_belongs_to_its_connection_ends_here() {
    let mut front = Front::open("").await;
    let mut client = front.client().await;
    let mut request = put("/user/ada/x");
    for (name, value) in [
        ("te", "trailers"),
        ("remote-user", "root"),
        ("x-forwarded-for", "6.6.6.6"),
        ("trailer", "x-late"),
        ("x-kept", "1"),
    ] {
        request.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    let sent = client.send(request).await;
    let mut at_hub = front.hub.request().await;
    for none in ["te", "remote-user", "trailer"] {
        assert_eq!(field(&at_hub.head, none), None, "{none}");
    }
    assert_eq!(field(&at_hub.head, "x-forwarded-for"), Some("127.0.0.1"));
    assert_eq!(field(&at_hub.head, "x-kept"), Some("1"));
    at_hub.answer("").await;
    assert_eq!(patient(sent).await.unwrap().status(), 200);
}
