//! The debug header: what decided the hub, to whoever asks for it.

use super::support::{HUBS, Request, Sketch};

const WHY: &str = "x-hubrouter-why";

fn debugged(target: impl Into<String>) -> Request {
    Request::get(target).with("x-hubrouter-debug", "1")
}

#[tokio::test]
async fn an_answer_says_what_decided_its_hub_when_the_request_asks_for_it() {
    let site = Sketch::with_hubs(&HUBS).start().await;
    let ann = site.user_at("hub-a", 0);
    let bob = site.user_at("hub-b", 0);
    let mut browser = site.logged_in(&ann).await;
    site.forget();

    let home = browser.send(debugged("/hub/home")).await;
    assert_eq!(home.field(WHY), Some("session; hub=hub-a"));
    let others = browser.send(debugged(format!("/user/{bob}/lab"))).await;
    assert_eq!(others.field(WHY), Some("owner; hub=hub-b"));
    let chosen = browser.send(debugged("/hub/home").with("x-hubrouter-hub", "hub-b")).await;
    assert_eq!(chosen.field(WHY), Some("chosen; hub=hub-b"));

    for hub in HUBS {
        assert!(
            site.seen(hub).iter().all(|seen| seen.header("x-hubrouter-debug").is_none()),
            "ours stays here"
        );
    }
}

#[tokio::test]
async fn an_answer_says_nothing_unasked_and_nothing_where_no_hub_was_decided() {
    let site = Sketch::with_hubs(&HUBS).start().await;
    let mut browser = site.browser();

    assert_eq!(browser.send(Request::get("/hub/login")).await.field(WHY), None);
    assert_eq!(
        browser.send(Request::get("/hub/login").with("x-hubrouter-debug", "0")).await.field(WHY),
        None
    );
    for target in ["/hub/health", "/hub/metrics", "/user/a%2fb/"] {
        assert_eq!(browser.send(debugged(target)).await.field(WHY), None, "{target}");
    }
}

#[tokio::test]
async fn a_page_that_waits_for_a_hub_says_why_it_is_that_hub() {
    let site = Sketch::with_hubs(&HUBS).start().await;
    let ann = site.user_at("hub-a", 0);
    site.hub("hub-a").kill().await;

    let waiting = site.browser().send(debugged(format!("/user/{ann}/lab"))).await;

    assert_eq!((waiting.status.as_u16(), waiting.field(WHY)), (503, Some("owner; hub=hub-a")));
}
