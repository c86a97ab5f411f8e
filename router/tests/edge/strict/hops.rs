//! What a request says to each station on its way: which site it is for, how far it goes, which way it came.

use super::super::support::raw_hub::get;
use super::super::support::{Sketch, field};
use super::Edge;

#[tokio::test]
async fn the_host_is_one_name_or_address_with_or_without_a_port() {
    let edge = Edge::open().await;
    for host in [
        "", "a b", "a,b", "a/b", "me@a", "a?b", "a\\b", "a%2fb", "a:b", "a:80:80", "a:123456", ":80", "[::1",
        "::1", "[::1]x", "[a]", "a\"b", "<a>", "a;b", "a\tb",
    ] {
        for path in ["/user/ada/x", "/hub/home", "/_chp_healthz", "http://a/user/ada/x"] {
            let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
            edge.refuses(request).await;
        }
    }
}

#[tokio::test]
async fn the_hub_learns_which_way_a_request_came() {
    let mut edge = Edge::open().await;
    let (_client, at_hub) =
        edge.sent("GET /user/ada/x HTTP/1.1\r\nHost: site\r\nVia: 1.0 fred, 1.1 p.example.net\r\n\r\n").await;
    let vias: Vec<&str> =
        at_hub.head.lines().filter(|line| line.to_ascii_lowercase().starts_with("via:")).collect();
    assert_eq!(vias.len(), 2, "{vias:?}");
    assert!(
        vias[0].ends_with("1.0 fred, 1.1 p.example.net") && vias[1].contains(": 1.1 hubrouter-"),
        "{vias:?}"
    );

    let (_client, at_hub) = edge.sent("GET /user/ada/x HTTP/1.0\r\nHost: site\r\n\r\n").await;
    assert!(
        field(&at_hub.head, "via").is_some_and(|via| via.starts_with("1.0 hubrouter-")),
        "{}",
        at_hub.head
    );
}

#[tokio::test]
async fn a_request_that_comes_back_is_answered_508() {
    let mut edge = Edge::open().await;
    let (_client, at_hub) = edge.sent(get("/user/ada/x")).await;
    let via = field(&at_hub.head, "via").unwrap().to_owned();
    for path in ["/user/ada/x", "/hub/home", "/hub/login"] {
        for vias in
            [format!("Via: {via}\r\n"), format!("Via: 1.1 other\r\nVia: 1.0 another, {via}, 1.1 last\r\n")]
        {
            let mut client = edge.site.wire().await;
            client.say(format!("GET {path} HTTP/1.1\r\nHost: site\r\n{vias}\r\n")).await;
            let head = client.head().await;
            assert!(head.starts_with("HTTP/1.1 508 "), "{path} {vias}: {head}");
        }
    }
    assert_eq!(edge.hub.connections(), 1);
}

#[tokio::test]
async fn a_hub_whose_address_leads_back_to_the_router_makes_no_loop() {
    let front = Edge::open().await;
    // The second router's hub is the first one; then the first one's hub becomes the second one.
    let address = front.site.address;
    let mut back = Sketch::with_hubs(&[]);
    back.played = format!("  - {{id: front, url: 'http://{address}', storage: shared}}\n");
    let back = back.start().await;
    let text = std::fs::read_to_string(&front.site.file).unwrap();
    let hub = front.hub.address.to_string();
    std::fs::write(&front.site.file, text.replace(&hub, &back.address.to_string())).unwrap();

    for _ in 0..100 {
        let mut client = back.wire().await;
        client.say(get("/user/ada/x")).await;
        // Until the file is read again the request goes to the hub that the test plays, which says nothing.
        match tokio::time::timeout(std::time::Duration::from_millis(200), client.head()).await {
            Ok(head) if head.starts_with("HTTP/1.1 508 ") => return,
            _ => tokio::time::sleep(std::time::Duration::from_millis(50)).await,
        }
    }
    panic!("the loop was not noticed");
}

#[tokio::test]
async fn options_goes_as_far_as_it_says() {
    let mut edge = Edge::open().await;
    let options =
        |said: &str| format!("OPTIONS /user/ada/x HTTP/1.1\r\nHost: site\r\n{said}Connection: close\r\n\r\n");
    for (said, arrives) in
        [("Max-Forwards: 3\r\n", Some("2")), ("Max-Forwards: 1\r\n", Some("0")), ("", None)]
    {
        let (_client, at_hub) = edge.sent(options(said)).await;
        assert_eq!(field(&at_hub.head, "max-forwards"), arrives);
    }
    let before = edge.hub.connections();
    let answer = edge.says(options("Max-Forwards: 0\r\n")).await;
    assert!(answer.starts_with("HTTP/1.1 204 ") && field(&answer, "allow").is_some(), "{answer}");
    assert_eq!(edge.hub.connections(), before);
    for said in ["x", "-1", "1, 1", "1\r\nMax-Forwards: 1", "", "99999999999999999999"] {
        edge.refuses(options(&format!("Max-Forwards: {said}\r\n"))).await;
    }
    // It means nothing to other methods.
    let (_client, at_hub) =
        edge.sent("GET /user/ada/x HTTP/1.1\r\nHost: site\r\nMax-Forwards: 0\r\n\r\n").await;
    assert_eq!(field(&at_hub.head, "max-forwards"), Some("0"));
}

#[tokio::test]
async fn an_old_client_that_asks_first_gets_no_word_in_between() {
    let mut edge = Edge::open().await;
    let (mut client, mut at_hub) = edge
        .sent("POST /user/ada/x HTTP/1.0\r\nHost: site\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\nbody")
        .await;
    assert_eq!(at_hub.wire.bytes(4).await, "body");
    at_hub.answer("saved").await;
    let answer = client.rest().await;
    assert!(answer.starts_with("HTTP/1.0 200 ") && answer.ends_with("saved"), "{answer}");
}

#[tokio::test]
async fn a_refusal_of_an_upload_that_asked_first_comes_before_the_body() {
    let edge = Edge::open().await;
    let mut client = edge.site.wire().await;
    client
        .say("POST /hub/api/shutdown HTTP/1.1\r\nHost: site\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n")
        .await;
    let head = client.head().await;
    assert!(head.starts_with("HTTP/1.1 403 "), "{head}");
    assert_eq!(edge.hub.connections(), 0);
}

#[tokio::test]
async fn a_client_that_closes_its_side_before_the_answer_has_left() {
    let mut edge = Edge::open().await;
    let (mut client, mut at_hub) = edge.sent(get("/user/ada/x")).await;
    client.half_close().await;
    at_hub.wire.ends().await;
    assert_eq!(client.rest().await, "");
}

#[tokio::test]
async fn nothing_is_read_behind_a_request_that_ends_the_connection() {
    let mut edge = Edge::open().await;
    let last = "GET /user/ada/x HTTP/1.1\r\nHost: site\r\nConnection: close\r\n\r\n";
    let (mut client, mut at_hub) = edge.sent([last, &get("/user/ada/y")].concat()).await;
    at_hub.answer("last").await;
    let answers = client.rest().await;
    assert!(answers.ends_with("last") && answers.matches("HTTP/1.1 ").count() == 1, "{answers}");
    at_hub.wire.is_silent_for(std::time::Duration::from_millis(100)).await;
    assert_eq!(edge.hub.connections(), 1);
}
