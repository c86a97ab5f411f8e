//! HTTP/2 without TLS ("prior knowledge"): only where the configuration allows it.

use ::h2::client;
use tokio::net::TcpStream;

use super::super::support::{RawHub, Sketch, field};
use super::raw::PREFACE;
use super::{Client, get, patient, text};

const H2C: &str = "listen: [{address: '127.0.0.1:0', h2c: true}]";

#[tokio::test]
async fn it_is_off_unless_the_listener_says_otherwise() {
    let hub = RawHub::start().await;
    let site = Sketch::with_raw_hub(&hub).start().await;
    let mut wire = site.wire().await;
    wire.say(PREFACE).await;
    let answer = wire.rest().await;
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 400 "), "{answer}");
    let mut wire = site.wire().await;
    wire.say("GET /_chp_healthz HTTP/1.1\r\nHost: site\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n").await;
    assert!(wire.head().await.starts_with("HTTP/1.1 200 "), "the upgrade of RFC 7540 is gone (RFC 9113 3.1)");
    assert_eq!(hub.connections(), 0);
}

#[tokio::test]
async fn a_listener_with_h2c_serves_both_and_a_reload_changes_it() {
    let mut hub = RawHub::start().await;
    let site = Sketch::with_raw_hub(&hub).configured(H2C).start().await;
    let stream = TcpStream::connect(site.address).await.unwrap();
    let mut client = Client::on(stream, &client::Builder::new()).await;
    let mut request = get("/user/ada/x");
    *request.uri_mut() = "http://site/user/ada/x".parse().unwrap();
    let sent = client.send(request).await;
    let mut at_hub = hub.request().await;
    assert_eq!(field(&at_hub.head, "x-forwarded-proto"), Some("http"));
    at_hub.wire.say("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 5\r\n\r\nclear").await;
    assert_eq!(text(patient(sent).await.unwrap()).await, "clear");

    // In pieces, as a slow network brings them.
    for request in [
        "POST /user/ada/x HTTP/1.1\r\nHost: site\r\nContent-Length: 0\r\n\r\n",
        "P",
        "PRI * HTTP/1.1\r\nHost: site\r\n\r\n",
    ] {
        let mut wire = site.wire().await;
        for byte in request.bytes().take(8) {
            wire.say([byte]).await;
            tokio::time::sleep(std::time::Duration::from_millis(2)).await;
        }
        wire.say(&request.as_bytes()[request.len().min(8)..]).await;
        if request.starts_with("POST") {
            hub.request().await.answer("").await;
            assert!(wire.head().await.starts_with("HTTP/1.1 200 "));
        } else if request.len() > 1 {
            assert!(wire.head().await.starts_with("HTTP/1.1 400 "));
        }
    }

    site.reconfigure("listen: [{address: '127.0.0.1:0'}]\n");
    site.until_reloaded(true).await;
    let mut wire = site.wire().await;
    wire.say(PREFACE).await;
    let answer = wire.rest().await;
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 400 "), "{answer}");
    // Who came before stays.
    assert_eq!(
        client.answer(http::Request::get("http://site/_chp_healthz").body(()).unwrap()).await.status(),
        200
    );
}

#[tokio::test]
async fn a_listener_that_redirects_does_so_in_http_2_too() {
    let hub = RawHub::start().await;
    let listen = "listen: [{address: '127.0.0.1:0', h2c: true, redirect_to_https: true}]\nsite: {public_url: 'https://site.example'}";
    let site = Sketch::with_raw_hub(&hub).configured(listen).start().await;
    let stream = TcpStream::connect(site.address).await.unwrap();
    let mut client = Client::on(stream, &client::Builder::new()).await;
    let request = http::Request::get("http://site.example/user/ada/x").body(()).unwrap();
    let answer = client.answer(request).await;
    assert_eq!(
        (answer.status().as_u16(), &answer.headers()["location"]),
        (308, &"https://site.example/user/ada/x".parse().unwrap())
    );
    assert_eq!(hub.connections(), 0);
}
