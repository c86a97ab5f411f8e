//! More clients than there is room for: newcomers are turned away, and whoever is inside does not notice.

use super::super::support::raw_hub::get;
use super::super::support::{Wire, field};
use super::Edge;

#[tokio::test]
async fn at_the_limit_newcomers_get_503_and_those_inside_go_on() {
    let edge = Edge::with("limits: {connections: 3}").await;
    let mut inside: Vec<Wire> = Vec::new();
    for _ in 0..3 {
        let mut client = edge.site.wire().await;
        client.say(get("/_chp_healthz")).await;
        assert!(client.head().await.starts_with("HTTP/1.1 200 "));
        inside.push(client);
    }

    for number in 1..=20 {
        let mut client = edge.site.wire().await;
        client.say(get("/_chp_healthz")).await;
        let answer = client.rest().await;
        assert!(answer.starts_with("HTTP/1.1 503 ") && field(&answer, "retry-after").is_some(), "{answer}");
        assert_eq!(
            edge.site.status().await["traffic"]["turned_away"],
            number,
            "the admin listener still answers"
        );
    }
    for client in &mut inside {
        client.say(get("/_chp_healthz")).await;
        assert!(client.head().await.starts_with("HTTP/1.1 200 "));
    }

    inside.pop();
    edge.site.until("one has left", |status| status["traffic"]["connections"] == 2).await;
    let mut client = edge.site.wire().await;
    client.say(get("/_chp_healthz")).await;
    assert!(client.head().await.starts_with("HTTP/1.1 200 "));
}

#[tokio::test]
async fn one_client_cannot_take_all_the_room() {
    let more = "limits: {connections_per_client: 2}\nsite: {trusted_proxies: [127.0.0.0/8]}\n\
        listen: [{address: '127.0.0.1:0', proxy_protocol: true}]";
    let edge = Edge::with(more).await;
    let from = |last: u8| {
        [&b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c"[..], &[203, 0, 113, last, 10, 0, 0, 1, 1, 1, 0, 80]].concat()
    };
    let mut inside: Vec<Wire> = Vec::new();
    for (client, status) in [(1, "200"), (1, "200"), (1, "503"), (1, "503"), (2, "200")] {
        let mut wire = edge.site.wire().await;
        wire.say([from(client), get("/_chp_healthz").into_bytes()].concat()).await;
        assert_eq!(wire.head().await.split(' ').nth(1), Some(status), "{client}");
        inside.push(wire);
    }
}
