//! Clients that do not get through the handshake: told, timed out, given up for others, and never in anybody's way.

use std::time::{Duration, Instant};

use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;

use super::super::support::{Authority, Sketch, Wire};
use super::{SITE, client, secured, site};

/// The beginning of a record that announces a long handshake message.
const HALF_A_HELLO: &[u8] = &[22, 3, 1, 2, 0, 1, 0, 1, 252, 3, 3];

const ALIVE: &str = "GET /_chp_healthz HTTP/1.1\r\nHost: site\r\n\r\n";

#[tokio::test]
async fn who_speaks_plain_http_to_a_port_with_tls_is_told_so() {
    let (_authority, hub, site) = site().await;
    let mut wire = Wire::to(site.address).await;
    wire.say("GET /user/ada/x HTTP/1.1\r\nHost: site.example\r\n\r\n").await;

    let head = wire.head().await;

    assert!(head.starts_with("HTTP/1.1 400 "), "{head}");
    assert!(wire.rest().await.contains("speaks https"));
    assert_eq!(hub.connections(), 0);
    site.until("it was counted", |status| status["traffic"]["handshakes"]["failed"] == 1).await;
}

#[tokio::test]
async fn garbage_gets_an_alert_and_an_end() {
    let (_authority, _hub, site) = site().await;
    for garbage in
        [&[22, 3, 1, 0, 5, 1, 0, 0, 1, 0][..], &[0; 64], b"ssh-2.0-x\r\n", &[22, 3, 1, 255, 255, 1]]
    {
        let mut stream = TcpStream::connect(site.address).await.unwrap();
        tokio::io::AsyncWriteExt::write_all(&mut stream, garbage).await.unwrap();
        let mut answer = Vec::new();
        let read = tokio::time::timeout(Duration::from_secs(5), stream.read_to_end(&mut answer)).await;
        assert!(read.is_ok(), "{garbage:?} was not answered");
        // An alert is a record of kind 21 (RFC 8446 6); a reset is an end, too.
        assert!(answer.first().is_none_or(|kind| *kind == 21), "{garbage:?}: {answer:?}");
    }
    site.until("they were counted", |status| status["traffic"]["handshakes"]["failed"] == 4).await;
}

#[tokio::test]
async fn a_handshake_that_is_not_finished_ends_after_ten_seconds_and_nobody_else_waits() {
    let (authority, _hub, site) = site().await;
    let began = Instant::now();
    let mut silent = Wire::to(site.address).await;
    let mut half = Wire::to(site.address).await;
    half.say(HALF_A_HELLO).await;
    site.until("both are under way", |status| status["traffic"]["handshakes"]["under_way"] == 2).await;

    let mut wire = client(&authority, &site).await;
    wire.say(ALIVE).await;
    wire.head().await;
    assert!(began.elapsed() < Duration::from_secs(8), "an honest client waited for {:?}", began.elapsed());

    silent.ends().await;
    half.rest().await;
    let took = began.elapsed();
    assert!((Duration::from_secs(9)..Duration::from_secs(15)).contains(&took), "{took:?}");
    site.until("they were counted", |status| {
        let handshakes = &status["traffic"]["handshakes"];
        (handshakes["late"].as_u64(), handshakes["under_way"].as_u64()) == (Some(2), Some(0))
    })
    .await;
}

#[tokio::test]
async fn at_the_bound_the_oldest_handshake_is_given_up_and_honest_clients_get_through() {
    let authority = Authority::new("site");
    // Both ends of more than a thousand connections are in this process.
    let _ = rlimit::increase_nofile_limit(8192);
    let one_thread =
        secured(Sketch::with_hubs(&["hub-a"]), &authority.signs(&[SITE])).configured("workers: 1");
    let site = one_thread.start().await;
    let mut crowd = Vec::new();
    for _ in 0..1024 + 40 {
        crowd.push(TcpStream::connect(site.address).await.unwrap());
    }
    site.until("some were given up", |status| status["traffic"]["handshakes"]["shed"].as_u64() >= Some(40))
        .await;

    let began = Instant::now();
    let mut wire = client(&authority, &site).await;
    wire.say(ALIVE).await;
    assert!(wire.head().await.starts_with("HTTP/1.1 200 "));

    assert!(began.elapsed() < Duration::from_secs(3), "it took {:?}", began.elapsed());
    let mut first = crowd.remove(0);
    let ended = tokio::time::timeout(Duration::from_secs(3), first.read(&mut [0; 16])).await;
    assert!(matches!(ended, Ok(Ok(0) | Err(_))), "the oldest was kept: {ended:?}");
    let status = site.status().await;
    let handshakes = &status["traffic"]["handshakes"];
    assert!(handshakes["under_way"].as_u64().unwrap() <= 1024, "{handshakes}");
    assert_eq!(handshakes["late"], 0, "{handshakes}");
}

#[tokio::test]
async fn a_client_that_leaves_in_the_middle_leaves_nothing_behind() {
    let (authority, _hub, site) = site().await;
    for _ in 0..20 {
        let mut wire = Wire::to(site.address).await;
        wire.say(HALF_A_HELLO).await;
        wire.reset();
    }
    site.until("all are gone", |status| {
        let handshakes = &status["traffic"]["handshakes"];
        (handshakes["failed"].as_u64(), handshakes["under_way"].as_u64()) == (Some(20), Some(0))
            && status["traffic"]["connections"] == 0
    })
    .await;
    client(&authority, &site).await;
}

#[tokio::test]
async fn a_client_that_says_nothing_does_not_keep_a_router_from_ending() {
    let (_authority, _hub, mut site) = site().await;
    let mut silent = Wire::to(site.address).await;
    let mut half = Wire::to(site.address).await;
    half.say(HALF_A_HELLO).await;
    site.until("both are under way", |status| status["traffic"]["handshakes"]["under_way"] == 2).await;

    let began = Instant::now();
    site.stop().await.unwrap();

    silent.ends().await;
    half.ends().await;
    assert!(began.elapsed() < Duration::from_secs(5), "it took {:?}", began.elapsed());
}
