//! Hubs that are reached over TLS: believed by their own authority, told who the router is, and named when they are wrong.

use super::super::support::raw_hub::get;
use super::super::support::{Authority, Pair, RawHub, Sketch, field, logged};

/// One hub over TLS, `raw`, that the test plays; `tls` are its settings.
fn in_front_of(hub: &RawHub, authority: &Authority, tls: &str) -> Sketch {
    let line = format!("  - {{id: raw, url: 'https://{}', storage: shared, tls: {{{tls}}}}}\n", hub.address);
    let mut sketch = Sketch::with_hubs(&[]).with_file("ca.crt", &authority.pem);
    sketch.played.push_str(&line);
    sketch
}

fn showing(sketch: Sketch, pair: &Pair) -> Sketch {
    sketch.with_file("router.crt", &pair.cert).with_file("router.key", &pair.key)
}

const BY_NAME: &str = "ca: ca.crt, server_name: hub-a.internal";
const WITH_CERTIFICATE: &str = "ca: ca.crt, client_cert: router.crt, client_key: router.key";

#[tokio::test]
async fn requests_and_websockets_reach_a_hub_over_tls_and_connections_are_used_again() {
    let authority = Authority::new("hubs");
    let mut hub = RawHub::with_tls(authority.signs(&["hub-a.internal"]).hub(None)).await;
    let site = in_front_of(&hub, &authority, BY_NAME).start().await;
    site.until_plane("raw", "hub", "up").await;
    let mut client = site.wire().await;
    client.say(get("/user/ada/x")).await;
    let mut at_hub = hub.request().await;
    assert_eq!(field(&at_hub.head, "host"), Some("site"));
    assert_eq!(at_hub.wire.session().alpn_protocol(), None);
    at_hub.answer("first").await;
    client.until("first").await;
    client.say(get("/user/ada/y")).await;
    at_hub.next_request().await;
    at_hub.answer("second").await;
    client.until("second").await;

    let size = 5 * 1024 * 1024;
    client.say(get("/user/ada/big")).await;
    at_hub.next_request().await;
    let body = "b".repeat(size);
    let (_, read) = tokio::join!(at_hub.answer(&body), async {
        client.head().await;
        client.bytes(size).await
    });
    assert_eq!(read.len(), size);

    let mut socket = site.wire().await;
    socket
        .say(
            "GET /user/ada/ws HTTP/1.1\r\nHost: site\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\nearly",
        )
        .await;
    let mut at_hub = hub.request().await;
    let agreed = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
    at_hub.wire.say(format!("{agreed}words")).await;
    socket.head().await;
    assert_eq!(socket.bytes(5).await, "words");
    assert_eq!(at_hub.wire.bytes(5).await, "early");
    let message = "m".repeat(1_000_000);
    let (_, heard) = tokio::join!(socket.say(&message), at_hub.wire.bytes(message.len()));
    assert_eq!(heard.len(), message.len());
    at_hub.wire.half_close().await;
    socket.ends().await;
}

#[tokio::test]
async fn a_websocket_with_tls_on_both_sides_loses_and_changes_no_byte() {
    let (outside, inside) = (Authority::new("site"), Authority::new("hubs"));
    let mut hub = RawHub::with_tls(inside.signs(&["127.0.0.1"]).hub(None)).await;
    let sketch = in_front_of(&hub, &inside, "ca: ca.crt");
    let site = super::secured(sketch, &outside.signs(&[super::SITE])).start().await;
    let mut socket = super::client(&outside, &site).await;
    socket
        .say(
            "GET /user/ada/ws HTTP/1.1\r\nHost: site.example\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
        )
        .await;
    let mut at_hub = hub.request().await;
    let agreed = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
    at_hub.wire.say(agreed).await;
    socket.head().await;

    // Numbers, so that what is lost, doubled or in another order shows.
    let numbers = |from: u32| (from..from + 400_000).map(|number| format!("{number:07}")).collect::<String>();
    let (up, down) = (numbers(1_000_000), numbers(5_000_000));
    let (_, arrived) = tokio::join!(socket.say(&up), at_hub.wire.bytes(up.len()));
    assert!(arrived == up, "it arrived otherwise at the hub");
    let (_, arrived) = tokio::join!(at_hub.wire.say(&down), socket.bytes(down.len()));
    assert!(arrived == down, "it arrived otherwise at the client");
    socket.half_close().await;
    assert_eq!(at_hub.wire.rest().await, "");
    assert!(at_hub.wire.ended_with_a_word());
}

#[tokio::test]
async fn a_hub_that_is_not_believed_gets_no_request_and_its_trouble_is_named() {
    let (authority, other) = (Authority::new("hubs"), Authority::new("others"));
    let right = authority.signs(&["127.0.0.1"]);
    let expired = authority.signs_for(&["127.0.0.1"], (2019, 1, 1), (2020, 1, 1));
    for (pair, believed, words) in [
        (&right, &other, "signed by nobody the router believes"),
        (&expired, &authority, "has expired"),
        (&authority.signs(&["hub-b"]), &authority, "is for `hub-b`, not for `127.0.0.1`"),
    ] {
        let hub = RawHub::with_tls(pair.hub(None)).await;
        let site = in_front_of(&hub, believed, "ca: ca.crt").start().await;
        site.until(words, |status| {
            let planes = &status["hubs"][0]["planes"];
            ["proxy", "hub"].iter().all(|plane| {
                let plane = &planes[plane];
                plane["state"] != "up"
                    && plane["reason"].as_str().is_some_and(|reason| reason.contains(words))
            })
        })
        .await;

        let mut client = site.wire().await;
        client.say(get("/user/ada/x")).await;
        assert!(client.head().await.starts_with("HTTP/1.1 503 "));
        assert_eq!(hub.connections(), 0, "a request reached a hub that is not believed");
        let at = hub.address.to_string();
        let named =
            logged::lines_with(words).into_iter().any(|line| line.contains("raw") && line.contains(&at));
        assert!(named, "no line names hub and trouble");
    }
}

#[tokio::test]
async fn a_hub_that_asks_for_a_certificate_gets_the_routers_and_is_named_without() {
    let authority = Authority::new("hubs");
    let server = || authority.signs(&["127.0.0.1"]).hub(Some(&authority));
    let mut hub = RawHub::with_tls(server()).await;
    let sketch = showing(in_front_of(&hub, &authority, WITH_CERTIFICATE), &authority.signs(&["router"]));
    let site = sketch.start().await;
    site.until_plane("raw", "proxy", "up").await;
    let mut client = site.wire().await;
    client.say(get("/user/ada/x")).await;
    let mut at_hub = hub.request().await;
    assert!(at_hub.wire.session().peer_certificates().is_some_and(|shown| shown.len() == 1));
    at_hub.answer("fine").await;
    client.until("fine").await;
    assert_eq!(site.status().await["certificates"][0]["used_by"], "hub raw");

    let without = RawHub::with_tls(server()).await;
    let site = in_front_of(&without, &authority, "ca: ca.crt").start().await;
    site.until("it is named", |status| {
        let reason = status["hubs"][0]["planes"]["proxy"]["reason"].as_str();
        reason.is_some_and(|reason| reason.contains("asks for a certificate of the router"))
    })
    .await;
}

#[tokio::test]
async fn an_authority_that_changes_is_believed_without_a_restart() {
    let (authority, old) = (Authority::new("hubs"), Authority::new("old"));
    let mut hub = RawHub::with_tls(authority.signs(&["127.0.0.1"]).hub(None)).await;
    let mut sketch = in_front_of(&hub, &old, "ca: ca.crt");
    sketch.played = sketch.played.replace("storage: shared", "storage: shared, api_token: {file: token}");
    let site = sketch.start().await;
    site.until("probes and census say what is wrong", |status| {
        let hub = &status["hubs"][0];
        [&hub["planes"]["proxy"]["reason"], &hub["census"]["reason"]]
            .iter()
            .all(|reason| reason.as_str().is_some_and(|reason| reason.contains("signed by nobody")))
    })
    .await;

    std::fs::write(site.file.with_file_name("ca.crt"), &authority.pem).unwrap();

    site.until_plane("raw", "proxy", "up").await;
    site.until_plane("raw", "hub", "up").await;
    let mut client = site.wire().await;
    client.say(get("/user/ada/x")).await;
    let (mut asked, mut answered) = (false, false);
    while !asked || !answered {
        let mut request = hub.request().await;
        if request.head.starts_with("GET /user/ada/x ") {
            request.answer("fine").await;
            answered = true;
        } else {
            // The census, anew: it does not wait for its next turn.
            asked |= request.head.starts_with("GET /hub/api/users");
        }
    }
    client.until("fine").await;
}

#[tokio::test]
async fn a_certificate_for_hubs_that_changes_is_shown_on_new_connections_and_the_old_ones_are_left() {
    let authority = Authority::new("hubs");
    let (old, new) = (authority.signs(&["router"]), authority.signs(&["router"]));
    let mut hub = RawHub::with_tls(authority.signs(&["127.0.0.1"]).hub(Some(&authority))).await;
    let site = showing(in_front_of(&hub, &authority, WITH_CERTIFICATE), &old).start().await;
    let mut client = site.wire().await;
    client.say(get("/user/ada/x")).await;
    let mut at_hub = hub.request().await;
    assert_eq!(at_hub.wire.session().peer_certificates().unwrap()[0], old.der());
    at_hub.answer("first").await;
    client.until("first").await;

    new.write(site.file.parent().unwrap(), "router");
    site.until("the new pair is in force", |status| status["config"]["last_reload"]["accepted"] == true)
        .await;

    client.say(get("/user/ada/x")).await;
    let mut later = hub.request().await;
    assert_eq!(later.wire.session().peer_certificates().unwrap()[0], new.der());
    later.answer("second").await;
    client.until("second").await;
}
