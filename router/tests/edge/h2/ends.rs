//! How connections end: gently when the router stops, by themselves when nothing is asked, at once for peers that are gone.

use std::time::{Duration, Instant};

use ::h2::Reason;

use super::raw::{GOAWAY, GOOD, HEADERS, PING, PREFACE, Raw, SETTINGS, WINDOW_UPDATE, frame};
use super::{Front, get, patient, text};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

#[tokio::test]
async fn a_router_that_stops_finishes_what_was_asked_and_says_goaway() {
    let mut front = Front::open("").await;
    let mut client = front.client().await;
    let sent = client.send(get("/user/ada/x")).await;
    let mut at_hub = front.hub.request().await;
    let stopped = front.site.stop();
    tokio::time::sleep(Duration::from_millis(300)).await;
    at_hub.answer("finished").await;

    assert_eq!(text(patient(sent).await.unwrap()).await, "finished");
    assert!(client.ended().await.is_ok());
    patient(stopped).await.unwrap();
}

#[tokio::test]
async fn goaway_comes_first_with_room_for_what_is_on_its_way_and_then_with_the_last_stream() {
    let mut front = Front::open("").await;
    let mut raw = Raw::open(&front).await;
    raw.request(1, GOOD).await;
    let mut at_hub = front.hub.request().await;
    let stopped = front.site.stop();

    let first = raw.until(GOAWAY).await.unwrap();
    assert_eq!(first.payload, [0x7f, 0xff, 0xff, 0xff, 0, 0, 0, 0]);
    let ping = raw.until(PING).await.unwrap();
    // Sent before the client had read it.
    raw.request(3, GOOD).await;
    let mut at_second = front.hub.request().await;
    raw.say(&frame(PING, 1, 0, &ping.payload)).await;
    let last = raw.until(GOAWAY).await.unwrap();
    assert_eq!(last.payload, [0, 0, 0, 3, 0, 0, 0, 0]);
    at_hub.answer("one").await;
    assert!(raw.until(HEADERS).await.is_some());
    at_second.answer("two").await;
    assert!(raw.until(HEADERS).await.is_some());
    while raw.next().await.is_some() {}
    patient(stopped).await.unwrap();
}

#[tokio::test]
async fn a_client_that_is_deaf_to_goaway_does_not_hold_up_a_stop() {
    let mut front = Front::open("timeouts: {shutdown: 60s}").await;
    let mut raw = Raw::open(&front).await;
    raw.request(1, GOOD).await;
    front.hub.request().await.answer("one").await;
    assert!(raw.answered(1).await);
    // One that has said nothing at all.
    let silent = front.tls().await;
    let began = Instant::now();
    let stopped = front.site.stop();
    patient(stopped).await.unwrap();
    assert!(began.elapsed() < Duration::from_secs(9), "{:?}", began.elapsed());
    drop((raw, silent));
}

#[tokio::test]
async fn a_connection_on_which_nothing_is_asked_for_too_long_is_told_to_go() {
    let mut front = Front::open("timeouts: {idle: 2s}").await;
    let mut client = front.client().await;
    // A request that takes longer is not idle.
    let sent = client.send(get("/user/ada/x")).await;
    let mut at_hub = front.hub.request().await;
    tokio::time::sleep(Duration::from_millis(3000)).await;
    at_hub.answer("slow").await;
    assert_eq!(text(patient(sent).await.unwrap()).await, "slow");
    client.ended().await.unwrap();

    let mut raw = Raw::open(&front).await;
    let goaway = raw.until(GOAWAY).await.unwrap();
    assert_eq!(goaway.payload[4..8], u32::from(Reason::NO_ERROR).to_be_bytes());
}

#[tokio::test]
async fn a_peer_that_answers_no_ping_is_gone_and_its_exchanges_with_it() {
    let mut front = Front::open("timeouts: {idle: 1500ms}").await;
    let mut raw = Raw::open(&front).await;
    raw.request(1, GOOD).await;
    let mut at_hub = front.hub.request().await;
    // It never answers the ping, and yet a stream is open.
    assert!(raw.until(PING).await.is_some());
    at_hub.wire.ends().await;
    while raw.next().await.is_some() {}
}

#[tokio::test]
async fn a_peer_that_reads_nothing_and_says_nothing_is_gone_too() {
    let mut front = Front::open("timeouts: {idle: 1500ms}").await;
    let mut raw = Raw::open(&front).await;
    // Room for all of it, so that only the socket is full.
    raw.say(&frame(WINDOW_UPDATE, 0, 0, &0x3fff_ffff_u32.to_be_bytes())).await;
    raw.say(&frame(SETTINGS, 0, 0, &[0, 4, 0x3f, 0xff, 0xff, 0xff])).await;
    raw.request(1, GOOD).await;
    let mut at_hub = front.hub.request().await;
    at_hub.wire.say("HTTP/1.1 200 OK\r\nContent-Length: 67108864\r\n\r\n").await;
    let taken = at_hub.wire.push(&[b'x'; 64 * 1024], 64 * 1024 * 1024).await;
    assert!(taken < 32 * 1024 * 1024, "{taken} bytes were taken for a client that reads nothing");
    at_hub.wire.ends().await;
    drop(raw);
}

#[tokio::test]
async fn a_client_that_says_that_it_is_there_may_take_its_time() {
    let mut front = Front::open("timeouts: {idle: 1500ms}").await;
    let mut client = front.client().await;
    let sent = client.send(get("/user/ada/x")).await;
    let mut at_hub = front.hub.request().await;
    // The library of the client answers pings.
    tokio::time::sleep(Duration::from_millis(5000)).await;
    at_hub.answer("late").await;
    assert_eq!(text(patient(sent).await.unwrap()).await, "late");
}

#[tokio::test]
async fn a_client_that_does_not_finish_its_first_words_is_let_go() {
    let front = Front::open("timeouts: {idle: 300ms}").await;
    for first in [&b""[..], &PREFACE[..10], PREFACE] {
        let mut stream = front.tls().await;
        stream.write_all(first).await.unwrap();
        let mut rest = Vec::new();
        let _ = patient(stream.read_to_end(&mut rest)).await;
    }
    let mut stream = front.tls().await;
    // Nor one that begins with something else.
    stream.write_all(b"GET /user/ada/x HTTP/1.1\r\nHost: site.example\r\n\r\n").await.unwrap();
    let mut rest = Vec::new();
    let _ = patient(stream.read_to_end(&mut rest)).await;
    assert!(rest.is_empty() || rest[3] == SETTINGS || rest[3] == GOAWAY, "{rest:?}");
    assert_eq!(front.hub.connections(), 0);
}
