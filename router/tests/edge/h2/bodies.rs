//! Bodies on streams: whole in both directions, with back pressure, and broken ones never look complete.

use std::time::Duration;

use ::h2::Reason;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request};

use super::super::support::{AtHub, field};
use super::{Client, Front, SITE, get, patient, put, text, whole};

/// An upload of unknown length that has begun, with its first bytes at the hub.
async fn uploading(
    front: &mut Front,
    client: &mut Client,
) -> (::h2::client::ResponseFuture, ::h2::SendStream<Bytes>, AtHub) {
    let (answer, mut body) = client.begin(put("/user/ada/x")).await;
    body.send_data(Bytes::from_static(b"half"), false).unwrap();
    let mut at_hub = front.hub.request().await;
    assert_eq!(field(&at_hub.head, "transfer-encoding"), Some("chunked"));
    assert_eq!(at_hub.wire.until("half").await, "4\r\nhalf");
    (answer, body, at_hub)
}

#[tokio::test]
async fn large_bodies_arrive_whole_both_ways() {
    let mut front = Front::open("").await;
    let mut client = front.client().await;
    let size = 10 * 1024 * 1024;
    let mut request = put("/user/ada/x");
    request.headers_mut().insert("content-length", HeaderValue::from(size));
    let (answer, mut body) = client.begin(request).await;
    let mut at_hub = front.hub.request().await;
    assert_eq!(field(&at_hub.head, "content-length"), Some(size.to_string().as_str()));
    assert_eq!(field(&at_hub.head, "transfer-encoding"), None);
    body.reserve_capacity(size);
    body.send_data(vec![b'u'; size].into(), true).unwrap();
    assert_eq!(at_hub.wire.bytes(size).await.len(), size);

    let download = "d".repeat(size);
    let (said, heard) = tokio::join!(at_hub.answer(&download), async {
        whole(patient(answer).await.unwrap().into_body()).await.unwrap()
    });
    assert_eq!((said, heard.len(), heard == download.as_bytes()), ((), size, true));
}

#[tokio::test]
async fn a_body_of_unknown_length_streams_in_chunks_and_its_trailers_end_here() {
    let mut front = Front::open("").await;
    let mut client = front.client().await;
    let (answer, mut body, mut at_hub) = uploading(&mut front, &mut client).await;
    body.send_data(Bytes::from_static(b"rest"), false).unwrap();
    let mut late = HeaderMap::new();
    late.insert("remote-user", HeaderValue::from_static("root"));
    body.send_trailers(late).unwrap();
    assert_eq!(at_hub.wire.until("0\r\n\r\n").await, "\r\n4\r\nrest\r\n0\r\n\r\n");

    at_hub
        .wire
        .say("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Late\r\n\r\n3\r\none\r\n")
        .await;
    let answer = patient(answer).await.unwrap();
    assert!(!answer.headers().contains_key("trailer"));
    let mut body = answer.into_body();
    assert_eq!(patient(body.data()).await.unwrap().unwrap(), "one", "before the end is known");
    at_hub.wire.say("3\r\ntwo\r\n0\r\nX-Late: 1\r\n\r\n").await;
    assert_eq!(patient(body.data()).await.unwrap().unwrap(), "two");
    while let Some(piece) = patient(body.data()).await {
        assert_eq!(piece.unwrap(), "");
    }
    assert_eq!(patient(body.trailers()).await.unwrap(), None);
}

#[tokio::test]
async fn an_upload_that_is_reset_never_looks_complete_whatever_reason_is_given() {
    for reason in [Reason::CANCEL, Reason::NO_ERROR, Reason::INTERNAL_ERROR] {
        let mut front = Front::open("").await;
        let mut client = front.client().await;
        let (_answer, mut body, mut at_hub) = uploading(&mut front, &mut client).await;
        body.send_reset(reason);
        assert_eq!(at_hub.wire.rest().await, "\r\n", "{reason:?}: no last chunk");
    }
}

#[tokio::test]
async fn a_request_that_is_cancelled_ends_its_exchange_with_the_hub_and_no_other() {
    let mut front = Front::open("").await;
    let mut client = front.client().await;
    let other = client.send(get("/user/ada/other")).await;
    let mut at_other = front.hub.request().await;
    // Before the answer.
    let cancelled = client.send(get("/user/ada/x")).await;
    let mut at_hub = front.hub.request().await;
    drop(cancelled);
    at_hub.wire.ends().await;
    // And in the middle of it.
    let sent = client.send(get("/user/ada/x")).await;
    let mut at_hub = front.hub.request().await;
    at_hub.wire.say("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nhalf").await;
    let mut body = patient(sent).await.unwrap().into_body();
    assert_eq!(patient(body.data()).await.unwrap().unwrap(), "half");
    drop(body);
    at_hub.wire.ends().await;

    at_other.answer("untouched").await;
    assert_eq!(text(patient(other).await.unwrap()).await, "untouched");
}

#[tokio::test]
async fn a_client_that_hangs_up_ends_all_its_exchanges() {
    let mut front = Front::open("").await;
    let mut client = front.client().await;
    let mut at_hub = Vec::new();
    let mut sent = Vec::new();
    for _ in 0..3 {
        sent.push(client.send(get("/user/ada/x")).await);
        at_hub.push(front.hub.request().await);
    }
    client.connection.abort();
    for mut at_hub in at_hub {
        at_hub.wire.ends().await;
    }
}

#[tokio::test]
async fn a_download_that_breaks_off_never_looks_complete_and_harms_no_other() {
    let mut front = Front::open("").await;
    let mut client = front.client().await;
    for head in ["Content-Length: 100\r\n\r\nhalf", "Transfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n"] {
        let sent = client.send(get("/user/ada/x")).await;
        let mut at_hub = front.hub.request().await;
        at_hub.wire.say(format!("HTTP/1.1 200 OK\r\n{head}")).await;
        let mut body = patient(sent).await.unwrap().into_body();
        assert_eq!(patient(body.data()).await.unwrap().unwrap(), "half");
        drop(at_hub);
        let broken = whole(body).await.unwrap_err();
        assert!(broken.is_reset() && broken.reason() != Some(Reason::NO_ERROR), "{broken}");
    }
    assert_eq!(client.answer(get("/_chp_healthz")).await.status(), 200);
}

#[tokio::test]
async fn an_early_answer_comes_through_and_the_rest_of_the_upload_is_declined() {
    let mut front = Front::open("").await;
    let mut client = front.client().await;
    let (answer, mut body, mut at_hub) = uploading(&mut front, &mut client).await;
    at_hub.wire.say("HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\nConnection: close\r\n\r\nbig").await;
    let answer = patient(answer).await.unwrap();
    assert_eq!(answer.status(), 413);
    assert_eq!(text(answer).await, "big");
    drop(at_hub);
    let reason = patient(std::future::poll_fn(|cx| body.poll_reset(cx))).await.unwrap();
    assert_eq!(reason, Reason::NO_ERROR);
    assert_eq!(client.answer(get("/_chp_healthz")).await.status(), 200);
}

#[tokio::test]
async fn a_hub_that_takes_nothing_stops_its_client_and_leaves_room_for_the_others() {
    let mut front = Front::open("").await;
    let mut client = front.client().await;
    let (_answer, mut body) = client.begin(put("/user/ada/x")).await;
    let at_hub = front.hub.request().await;
    let mut taken = 0;
    while taken < 64 * 1024 * 1024 {
        body.reserve_capacity(64 * 1024);
        let room = std::future::poll_fn(|cx| body.poll_capacity(cx));
        match tokio::time::timeout(Duration::from_millis(700), room).await {
            Ok(Some(Ok(room))) => {
                taken += room;
                body.send_data(vec![b'x'; room].into(), false).unwrap();
            }
            Ok(other) => panic!("{other:?}"),
            Err(_) => break,
        }
    }
    assert!(taken < 16 * 1024 * 1024, "{taken} bytes were taken for a hub that reads nothing");
    let (answer, mut second) = client.begin(put("/user/ada/y")).await;
    second.reserve_capacity(100_000);
    second.send_data(vec![b'y'; 100_000].into(), true).unwrap();
    let mut at_second = front.hub.request().await;
    at_second.wire.until("0\r\n\r\n").await;
    at_second.answer("done").await;
    assert_eq!(text(patient(answer).await.unwrap()).await, "done");
    drop(at_hub);
}

#[tokio::test]
async fn bodies_of_refused_requests_take_no_room_from_others() {
    let mut front = Front::open("").await;
    let mut client = front.client().await;
    // Together twice what one connection may have on its way.
    for _ in 0..8 {
        let (answer, mut body) = client.begin(put("/user/ada/../bob/x")).await;
        body.reserve_capacity(256 * 1024);
        body.send_data(vec![b'r'; 256 * 1024].into(), true).unwrap();
        assert_eq!(patient(answer).await.unwrap().status(), 400);
    }
    let (answer, mut body) = client.begin(put("/user/ada/x")).await;
    body.reserve_capacity(2 * 1024 * 1024);
    body.send_data(vec![b'u'; 2 * 1024 * 1024].into(), true).unwrap();
    let mut at_hub = front.hub.request().await;
    at_hub.wire.until("0\r\n\r\n").await;
    at_hub.answer("whole").await;
    assert_eq!(text(patient(answer).await.unwrap()).await, "whole");
}

#[tokio::test]
async fn a_client_that_takes_nothing_stops_its_hub_and_nobody_else() {
    let mut front = Front::open("").await;
    let mut client = front.client().await;
    let sent = client.send(get("/user/ada/x")).await;
    let mut at_hub = front.hub.request().await;
    at_hub.wire.say("HTTP/1.1 200 OK\r\nContent-Length: 67108864\r\n\r\n").await;
    let answer = patient(sent).await.unwrap();
    let taken = at_hub.wire.push(&[b'x'; 64 * 1024], 64 * 1024 * 1024).await;
    assert!(taken < 16 * 1024 * 1024, "{taken} bytes were taken for a client that reads nothing");
    // The library of this test gives each connection no more room than a stream: a head needs none.
    let head = Request::head(format!("https://{SITE}/_chp_healthz")).body(()).unwrap();
    assert_eq!(client.answer(head).await.status(), 200);
    drop(answer);
    at_hub.wire.rest().await;
}

#[tokio::test]
async fn a_client_that_takes_nothing_for_too_long_loses_the_stream_and_keeps_the_connection() {
    let mut front = Front::open("timeouts: {stream_idle: 500ms}").await;
    let mut client = front.client().await;
    let sent = client.send(get("/user/ada/x")).await;
    let mut at_hub = front.hub.request().await;
    at_hub.wire.say("HTTP/1.1 200 OK\r\nContent-Length: 67108864\r\n\r\n").await;
    let answer = patient(sent).await.unwrap();
    at_hub.wire.push(&[b'x'; 64 * 1024], 64 * 1024 * 1024).await;
    at_hub.wire.rest().await;
    assert!(whole(answer.into_body()).await.unwrap_err().is_reset());
    assert_eq!(client.answer(get("/_chp_healthz")).await.status(), 200);

    // A hub that takes its time is another matter.
    let sent = client.send(get("/user/ada/x")).await;
    let mut at_hub = front.hub.request().await;
    at_hub.wire.say("HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nhalf").await;
    tokio::time::sleep(Duration::from_millis(1200)).await;
    at_hub.wire.say("half").await;
    assert_eq!(text(patient(sent).await.unwrap()).await, "halfhalf");
}

#[tokio::test]
async fn a_length_that_is_not_kept_is_the_end_of_the_stream() {
    let mut front = Front::open("").await;
    let mut client = front.client().await;
    for (length, sent) in [(10, 4), (2, 4)] {
        let mut request = put("/user/ada/x");
        request.headers_mut().insert("content-length", HeaderValue::from(length));
        let (answer, mut body) = client.begin(request).await;
        body.send_data(vec![b'x'; sent].into(), true).unwrap();
        assert!(patient(answer).await.unwrap_err().is_reset());
    }
    // The second may have been refused before it was sent on.
    while front.hub.connections() > 0 {
        let Ok(mut at_hub) = tokio::time::timeout(Duration::from_millis(500), front.hub.request()).await
        else {
            break;
        };
        let rest = at_hub.wire.rest().await;
        assert!(rest.len() < 10, "{rest}");
    }
}
