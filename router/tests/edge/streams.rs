//! Bodies pass as they come, in both directions, and what breaks off never looks complete.

use std::time::Duration;

use super::support::raw_hub::{get, sent};
use super::support::{RawHub, Sketch, field};

const MIB: usize = 1024 * 1024;

#[tokio::test]
async fn a_download_arrives_before_the_hub_has_sent_all_of_it() {
    let (_hub, _site, mut client, mut hub) = sent(&get("/user/ada/files/big")).await;

    hub.wire.say("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nfirst").await;
    assert_eq!(field(&client.head().await, "content-length"), Some("10"));
    assert_eq!(client.bytes(5).await, "first");

    hub.wire.say("later").await;
    assert_eq!(client.bytes(5).await, "later");
}

#[tokio::test]
async fn chunks_of_a_hub_reach_the_client_as_chunks_one_by_one() {
    let (_hub, _site, mut client, mut hub) = sent(&get("/user/ada/log")).await;

    hub.wire.say("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n").await;
    let head = client.head().await;
    assert_eq!(field(&head, "transfer-encoding"), Some("chunked"));
    assert_eq!(field(&head, "content-length"), None);
    assert_eq!(client.until("one\r\n").await, "3\r\none\r\n");

    hub.wire.say("3\r\ntwo\r\n0\r\n\r\n").await;
    assert_eq!(client.until("0\r\n\r\n").await, "3\r\ntwo\r\n0\r\n\r\n");
}

#[tokio::test]
async fn an_upload_reaches_the_hub_before_the_client_has_sent_all_of_it() {
    let upload = "PUT /user/ada/api/contents/x HTTP/1.1\r\nHost: site\r\nContent-Length: 10\r\n\r\nfirst";
    let (_hub, _site, mut client, mut hub) = sent(upload).await;

    assert_eq!(field(&hub.head, "content-length"), Some("10"));
    assert_eq!(hub.wire.bytes(5).await, "first");

    client.say("later").await;
    assert_eq!(hub.wire.bytes(5).await, "later");
    hub.answer("saved").await;
    client.until("saved").await;
}

#[tokio::test]
async fn an_upload_in_chunks_reaches_the_hub_in_chunks() {
    let upload =
        "POST /user/ada/api/x HTTP/1.1\r\nHost: site\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n";
    let (_hub, _site, mut client, mut hub) = sent(upload).await;

    assert_eq!(field(&hub.head, "transfer-encoding"), Some("chunked"));
    assert_eq!(field(&hub.head, "content-length"), None);
    assert_eq!(hub.wire.until("one\r\n").await, "3\r\none\r\n");

    client.say("3\r\ntwo\r\n0\r\n\r\n").await;
    assert_eq!(hub.wire.until("0\r\n\r\n").await, "3\r\ntwo\r\n0\r\n\r\n");
}

#[tokio::test]
async fn an_upload_that_asks_first_is_told_to_go_on() {
    let ask = "PUT /user/ada/api/contents/x HTTP/1.1\r\nHost: site\r\nContent-Length: 4\r\n\
               Expect: 100-continue\r\n\r\n";
    let (_hub, _site, mut client, mut hub) = sent(ask).await;

    assert!(client.head().await.starts_with("HTTP/1.1 100 "));
    client.say("body").await;
    assert_eq!(hub.wire.bytes(4).await, "body");
    hub.wire.say("HTTP/1.1 100 Continue\r\n\r\n").await;
    hub.answer("saved").await;

    assert!(client.head().await.starts_with("HTTP/1.1 200 "));
}

#[tokio::test]
async fn an_answer_may_come_before_the_upload_is_over() {
    let upload =
        "PUT /user/ada/api/contents/x HTTP/1.1\r\nHost: site\r\nContent-Length: 1000000\r\n\r\nstart";
    let (_hub, _site, mut client, mut hub) = sent(upload).await;

    hub.wire.say("HTTP/1.1 413 Content Too Large\r\nContent-Length: 3\r\n\r\nbig").await;

    assert!(client.head().await.starts_with("HTTP/1.1 413 "));
    assert_eq!(client.bytes(3).await, "big");
}

#[tokio::test]
async fn a_client_that_does_not_read_stops_the_hub_that_sends() {
    let mut hub = RawHub::start().await;
    let site = Sketch::with_raw_hub(&hub).start().await;
    let mut client = site.wire().await.with_small_buffer();
    client.say(get("/user/ada/files/big")).await;
    let mut at_hub = hub.request().await;
    at_hub.wire.say(format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", 1024 * MIB)).await;

    let taken = at_hub.wire.push(&vec![b'x'; 64 * 1024], 64 * MIB).await;

    // What the kernel keeps on two sockets; the router itself keeps next to nothing.
    assert!(taken < 16 * MIB, "{taken} bytes were taken for a client that reads nothing");
    client.head().await;
    client.bytes(16 * 1024).await;
}

#[tokio::test]
async fn a_hub_that_does_not_read_stops_the_client_that_sends() {
    let upload = format!(
        "PUT /user/ada/api/contents/x HTTP/1.1\r\nHost: site\r\nContent-Length: {}\r\n\r\n",
        1024 * MIB
    );
    let (_hub, _site, mut client, mut hub) = sent(&upload).await;

    let taken = client.push(&vec![b'x'; 64 * 1024], 64 * MIB).await;

    assert!(taken < 16 * MIB, "{taken} bytes were taken for a hub that reads nothing");
    hub.wire.bytes(MIB).await;
}

#[tokio::test]
async fn a_big_download_and_a_big_upload_arrive_whole() {
    let site = Sketch::with_hubs(&["hub-a", "hub-b"]).start().await;
    let ada = site.user_at("hub-a", 0);
    site.hub("hub-a").start_server(&ada, "").await;
    let token = site.hub("hub-a").token_of(&ada);
    let mut client = site.wire().await;

    client
        .say(format!(
            "GET /user/{ada}/big?bytes={} HTTP/1.1\r\nHost: site\r\nAuthorization: token {token}\r\n\r\n",
            8 * MIB
        ))
        .await;
    let head = client.head().await;
    assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
    assert_eq!(client.bytes(8 * MIB).await.len(), 8 * MIB);

    client
        .say(format!(
            "PUT /user/{ada}/upload HTTP/1.1\r\nHost: site\r\nAuthorization: token {token}\r\n\
             Content-Length: {}\r\n\r\n",
            8 * MIB
        ))
        .await;
    client.push(&vec![b'y'; 64 * 1024], 8 * MIB).await;
    client.head().await;
    let said = client.until("}").await;
    assert!(said.contains(&format!("\"received\":{}", 8 * MIB)), "{said}");
    assert!(said.contains("\"complete\":true"), "{said}");
}

#[tokio::test]
async fn answers_without_a_body_end_with_their_head() {
    let (_hub, _site, mut client, mut hub) = sent("HEAD /user/ada/x HTTP/1.1\r\nHost: site\r\n\r\n").await;
    hub.wire.say("HTTP/1.1 200 OK\r\nContent-Length: 1234\r\n\r\n").await;
    let head = client.head().await;
    assert_eq!(field(&head, "content-length"), Some("1234"), "{head}");

    for (status, more) in
        [("204 No Content", ""), ("304 Not Modified", "ETag: \"1\"\r\n"), ("200 OK", "Content-Length: 0\r\n")]
    {
        client.say(get("/user/ada/x")).await;
        hub.next_request().await;
        hub.wire.say(format!("HTTP/1.1 {status}\r\n{more}\r\n")).await;
        let head = client.head().await;
        assert!(head.starts_with(&format!("HTTP/1.1 {status}\r\n")), "{head}");
        assert_eq!(field(&head, "transfer-encoding"), None, "{head}");
    }
    client.is_silent_for(Duration::from_millis(100)).await;
}

#[tokio::test]
async fn a_request_without_a_body_reaches_the_hub_without_one() {
    let (_hub, _site, mut client, mut hub) =
        sent("POST /user/ada/x HTTP/1.1\r\nHost: site\r\nContent-Length: 0\r\n\r\n").await;

    assert_eq!(field(&hub.head, "transfer-encoding"), None);
    assert_eq!(field(&hub.head, "content-length"), Some("0"));
    hub.answer("ok").await;
    client.until("ok").await;
}

#[tokio::test]
async fn a_download_that_the_hub_breaks_off_never_looks_complete() {
    let (_hub, site, mut client, mut hub) = sent(&get("/user/ada/files/big")).await;
    hub.wire.say("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nfirst").await;
    client.until("first").await;
    drop(hub);
    client.ends().await;
    drop(site);

    for end in ["\r\n", "\r\n5\r\nhal"] {
        let (_hub, _site, mut client, mut hub) = sent(&get("/user/ada/log")).await;
        hub.wire.say(format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst{end}")).await;
        client.until("first").await;
        hub.wire.reset();
        let rest = client.rest().await;
        assert!(!rest.contains("0\r\n\r\n"), "the last chunk came: {rest:?}");
    }
}

#[tokio::test]
async fn an_answer_that_ends_with_its_connection_ends_for_the_client_too() {
    let (_hub, _site, mut client, mut hub) = sent(&get("/user/ada/old")).await;
    hub.wire.say("HTTP/1.0 200 OK\r\nX-From: old\r\n\r\nall of it").await;
    drop(hub);

    let head = client.head().await;
    // The version is the router's own (RFC 9110 6.2), and so the client's connection goes on.
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
    assert_eq!(field(&head, "transfer-encoding"), Some("chunked"), "{head}");
    assert_eq!(client.until("0\r\n\r\n").await, "9\r\nall of it\r\n0\r\n\r\n");
}

#[tokio::test]
async fn a_client_that_leaves_a_download_frees_the_hub_of_it() {
    let (_hub, _site, mut client, mut hub) = sent(&get("/user/ada/files/big")).await;
    hub.wire.say("HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\nfirst").await;
    client.until("first").await;

    drop(client);

    hub.wire.ends().await;
}

#[tokio::test]
async fn a_client_that_leaves_before_the_answer_frees_the_hub_of_it() {
    let (_hub, _site, client, mut hub) = sent(&get("/user/ada/slow")).await;

    drop(client);

    hub.wire.ends().await;
}

#[tokio::test]
async fn an_upload_that_the_client_breaks_off_never_looks_complete() {
    let chunked =
        "PUT /user/ada/api/x HTTP/1.1\r\nHost: site\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n";
    let (_hub, _site, client, mut hub) = sent(chunked).await;
    hub.wire.until("first\r\n").await;
    drop(client);
    let rest = hub.wire.rest().await;
    assert!(!rest.contains("0\r\n\r\n"), "the last chunk came: {rest:?}");
}

#[tokio::test]
async fn a_hub_that_breaks_off_an_upload_is_told_of_as_such() {
    let upload =
        "PUT /user/ada/api/contents/x HTTP/1.1\r\nHost: site\r\nContent-Length: 100000000\r\n\r\nstart";
    let (_hub, _site, mut client, mut hub) = sent(upload).await;
    hub.wire.bytes(5).await;
    hub.wire.reset();

    client.push(&[b'x'; 64 * 1024], MIB).await;

    assert!(client.head().await.starts_with("HTTP/1.1 502 "));
}

#[tokio::test]
async fn events_of_a_server_arrive_when_they_happen() {
    let (_hub, _site, mut client, mut hub) = sent(&get("/user/ada/events")).await;
    hub.wire
        .say("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
        .await;
    client.head().await;
    for event in ["data: 1\n\n", "data: 2\n\n", "data: 3\n\n"] {
        hub.wire.say(format!("9\r\n{event}\r\n")).await;
        assert_eq!(client.until("\n\n").await.trim_start_matches("\r\n"), format!("9\r\n{event}"));
    }
}

#[tokio::test]
async fn the_progress_of_a_start_is_told_while_it_goes_on() {
    let site = Sketch::with_hubs(&["hub-a", "hub-b"])
        .each_hub(|hub| {
            hub.spawn_delay = Duration::from_secs(3);
            hub.slow_spawn_timeout = Duration::ZERO;
        })
        .start()
        .await;
    let ada = site.user_at("hub-a", 0);
    let token = site.hub("hub-a").token_of(&ada);
    let ask = |method: &str, path: &str| {
        format!(
            "{method} /hub/api/users/{ada}/{path} HTTP/1.1\r\nHost: site\r\nAuthorization: token {token}\r\n\
             Content-Length: 0\r\n\r\n"
        )
    };
    let mut client = site.wire().await;
    client.say(ask("POST", "server")).await;
    assert!(client.head().await.starts_with("HTTP/1.1 202 "));

    let mut listener = site.wire().await;
    listener.say(ask("GET", "server/progress")).await;
    listener.until("Server requested").await;
    let states: Vec<_> = site.hub("hub-a").servers().into_iter().map(|(.., state)| state).collect();
    assert_eq!(
        states,
        [hubrouter_loadtest::simhub::ServerState::Pending],
        "the first event came only at the end"
    );
    listener.until("\"ready\":true").await;
}
