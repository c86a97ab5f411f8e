//! The PROXY protocol: required where it is configured, believed from trusted peers only, and read to its last byte.

use super::super::support::raw_hub::get;
use super::super::support::{Authority, RawHub, Sketch, Wire, field};
use super::Edge;

const LISTEN: &str =
    "listen: [{address: '127.0.0.1:0', proxy_protocol: true}]\nsite: {trusted_proxies: [127.0.0.0/8]}";
const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";

fn header(command: u8, family: u8, rest: &[u8]) -> Vec<u8> {
    let length = u16::try_from(rest.len()).unwrap().to_be_bytes();
    [SIGNATURE, &[command, family], &length, rest].concat()
}

fn from_203_0_113_9() -> Vec<u8> {
    header(0x21, 0x11, &[203, 0, 113, 9, 10, 0, 0, 1, 0x13, 0x88, 0, 80])
}

fn from_2001_9() -> Vec<u8> {
    let mut rest = vec![0; 36];
    (rest[0], rest[1], rest[15]) = (0x20, 0x01, 9);
    // What the balancer adds, such as the name that the client asked for.
    rest.extend([0x02, 0, 4, b's', b'i', b't', b'e']);
    header(0x21, 0x21, &rest)
}

#[tokio::test]
async fn the_client_is_who_the_balancer_announces_and_its_own_word_is_a_strangers() {
    let mut edge = Edge::with(LISTEN).await;
    for (announced, ip) in [(from_203_0_113_9(), "203.0.113.9"), (from_2001_9(), "2001::9")] {
        for size in [1, 1000] {
            let request = "GET /user/ada/x HTTP/1.1\r\nHost: site\r\nX-Forwarded-For: 6.6.6.6\r\n\r\n";
            let bytes = [&announced[..], request.as_bytes()].concat();
            let mut client = edge.site.wire().await;
            for piece in bytes.chunks(size) {
                client.say(piece).await;
            }
            let at_hub = edge.hub.request().await;
            assert_eq!(field(&at_hub.head, "x-real-ip"), Some(ip));
            assert_eq!(field(&at_hub.head, "x-forwarded-for"), Some(ip));
        }
    }
}

#[tokio::test]
async fn a_balancer_that_speaks_for_itself_is_who_it_is() {
    let edge = Edge::with(LISTEN).await;
    for announced in [header(0x20, 0, &[]), header(0x20, 0x11, &[0; 12]), header(0x21, 0, &[])] {
        let mut client = edge.site.wire().await;
        client.say([&announced[..], get("/_chp_healthz").as_bytes()].concat()).await;
        assert!(client.head().await.starts_with("HTTP/1.1 200 "));
    }
}

#[tokio::test]
async fn who_is_not_announced_is_let_go() {
    let edge = Edge::with(LISTEN).await;
    let request = get("/user/ada/x");
    let mut wrong = vec![
        request.clone().into_bytes(),
        [b"PROXY TCP4 203.0.113.9 10.0.0.1 5000 80\r\n", request.as_bytes()].concat(),
    ];
    for header in [
        header(0x11, 0x11, &[0; 12]),
        header(0x31, 0x11, &[0; 12]),
        header(0x22, 0x11, &[0; 12]),
        header(0x21, 0x11, &[0; 11]),
        header(0x21, 0x21, &[0; 35]),
        header(0x21, 0x12, &[0; 12]),
        header(0x21, 0x31, &[0; 216]),
        header(0x21, 0x11, &[0; 5000]),
        [&SIGNATURE[..11], b"x!\x11\0\x0c", &[0; 12][..]].concat(),
    ] {
        wrong.push([&header[..], request.as_bytes()].concat());
    }
    for bytes in wrong {
        let mut client = edge.site.wire().await;
        client.say(&bytes).await;
        assert_eq!(client.rest().await, "", "{bytes:?}");
    }
    // One that ends in the middle.
    let mut client = edge.site.wire().await;
    client.say(&from_203_0_113_9()[..20]).await;
    client.half_close().await;
    assert_eq!(client.rest().await, "");
    assert_eq!(edge.hub.connections(), 0);
}

#[tokio::test]
async fn a_stranger_announces_nobody() {
    let edge = Edge::with(&LISTEN.replace("127.0.0.0/8", "10.0.0.0/8")).await;
    let mut client = edge.site.wire().await;
    client.say([from_203_0_113_9(), get("/user/ada/x").into_bytes()].concat()).await;
    assert_eq!(client.rest().await, "");
    assert_eq!(edge.hub.connections(), 0);
}

#[tokio::test]
async fn where_it_is_not_configured_it_is_no_http() {
    Edge::with("site: {trusted_proxies: [127.0.0.0/8]}").await.refuses(from_203_0_113_9()).await;
}

#[tokio::test]
async fn a_silent_balancer_is_let_go_after_a_while() {
    let edge = Edge::with(LISTEN).await;
    let mut client = edge.site.wire().await;
    client.say(&SIGNATURE[..5]).await;
    client.ends().await;
}

#[tokio::test]
async fn tls_begins_behind_the_header() {
    let authority = Authority::new("site");
    let pair = authority.signs(&["site.example"]);
    let mut hub = RawHub::start().await;
    let listen = "listen: [{address: '127.0.0.1:0', proxy_protocol: true, \
        tls: {certificates: [{cert: site.crt, key: site.key}]}}]\nsite: {trusted_proxies: [127.0.0.0/8]}";
    let sketch = Sketch::with_raw_hub(&hub).configured(listen);
    let site = sketch.with_file("site.crt", &pair.cert).with_file("site.key", &pair.key).start().await;

    let mut client: Wire = authority.wire_behind(site.address, "site.example", &from_203_0_113_9()).await;
    client.say(get("/user/ada/x")).await;
    let at_hub = hub.request().await;
    assert_eq!(field(&at_hub.head, "x-real-ip"), Some("203.0.113.9"));
    assert_eq!(field(&at_hub.head, "x-scheme"), Some("https"));
}
