//! What must not happen twice is never sent twice; what may be repeated is, once.

use std::time::Duration;

use super::support::{AtHub, RawHub, Site, Sketch, Wire};

/// Longer than a connection may have been idle that carries what must not be sent twice.
const OLD: Duration = Duration::from_millis(1200);

fn request(method: &str, target: &str) -> String {
    format!("{method} {target} HTTP/1.1\r\nHost: site\r\nContent-Length: 0\r\n\r\n")
}

/// A site whose router holds an idle connection to the hub, and the client that caused it.
struct Warm {
    hub: RawHub,
    client: Wire,
    idle: AtHub,
    _site: Site,
}

impl Warm {
    async fn up() -> Self {
        let mut hub = RawHub::start().await;
        let site = Sketch::with_raw_hub(&hub).start().await;
        let mut client = site.wire().await;
        client.say(request("GET", "/user/ada/first")).await;
        let mut idle = hub.request().await;
        idle.answer("first").await;
        client.until("first").await;
        Self { hub, client, idle, _site: site }
    }

    /// The hub takes the request on its idle connection and dies without an answer.
    async fn dies_with(&mut self, method: &str, target: &str) {
        self.client.say(request(method, target)).await;
        self.idle.next_request().await;
        assert!(self.idle.head.starts_with(&format!("{method} {target} ")), "{}", self.idle.head);
        let dead = std::mem::replace(&mut self.idle.wire, Wire::to(self.hub.address).await);
        drop(dead);
    }

    /// Whether the same request comes to the hub once more.
    async fn comes_again(&mut self) -> Option<AtHub> {
        tokio::time::timeout(Duration::from_millis(400), self.hub.request()).await.ok()
    }
}

#[tokio::test]
async fn what_must_not_happen_twice_is_not_repeated_when_a_stale_connection_breaks() {
    for (method, target) in [
        ("POST", "/user/ada/api/kernels"),
        ("PATCH", "/user/ada/api/contents/x"),
        ("GET", "/hub/spawn"),
        ("GET", "/hub/spawn/ada"),
        ("POST", "/hub/api/users/ada/server"),
        ("GET", "/hub/login"),
        ("POST", "/hub/login"),
        ("GET", "/hub/oauth_login"),
        ("GET", "/hub/oauth_callback?code=1&state=2"),
        ("GET", "/hub/api/oauth2/authorize?client_id=jupyterhub-user-ada"),
        ("GET", "/user/ada/oauth_callback?code=1&state=2"),
        ("GET", "/user/ada/logout"),
    ] {
        let mut warm = Warm::up().await;
        warm.dies_with(method, target).await;

        assert!(warm.comes_again().await.is_none(), "{method} {target} was sent twice");

        let head = warm.client.head().await;
        assert!(
            head.starts_with("HTTP/1.1 502 ") || head.starts_with("HTTP/1.1 503 "),
            "{method} {target}: {head}"
        );
    }
}

#[tokio::test]
async fn a_read_is_repeated_once_when_a_stale_connection_breaks() {
    for method in ["GET", "HEAD", "OPTIONS", "DELETE"] {
        let mut warm = Warm::up().await;
        warm.dies_with(method, "/user/ada/api/contents/x").await;

        let mut again = warm.comes_again().await.unwrap_or_else(|| panic!("{method} was not repeated"));
        assert!(again.head.starts_with(&format!("{method} /user/ada/api/contents/x ")), "{}", again.head);
        again.answer("").await;
        assert!(warm.client.head().await.starts_with("HTTP/1.1 200 "));
    }
}

#[tokio::test]
async fn a_read_is_not_sent_a_third_time() {
    let mut warm = Warm::up().await;
    warm.dies_with("GET", "/user/ada/x").await;
    drop(warm.comes_again().await.expect("a second time"));

    assert!(warm.comes_again().await.is_none(), "it came a third time");
    assert!(warm.client.head().await.starts_with("HTTP/1.1 502 "));
}

#[tokio::test]
async fn nothing_is_repeated_that_broke_on_a_fresh_connection() {
    let mut hub = RawHub::start().await;
    let site = Sketch::with_raw_hub(&hub).start().await;
    let mut client = site.wire().await;
    client.say(request("GET", "/user/ada/x")).await;
    drop(hub.request().await);

    let again = tokio::time::timeout(Duration::from_millis(400), hub.request()).await;
    assert!(again.is_err(), "it was sent twice");
    assert!(client.head().await.starts_with("HTTP/1.1 502 "));
}

#[tokio::test]
async fn an_upload_is_not_repeated_even_where_its_method_may_be() {
    let mut warm = Warm::up().await;
    warm.client
        .say("PUT /user/ada/api/contents/x HTTP/1.1\r\nHost: site\r\nContent-Length: 4\r\n\r\nbody")
        .await;
    warm.idle.next_request().await;
    warm.idle.wire.bytes(4).await;
    let dead = std::mem::replace(&mut warm.idle.wire, Wire::to(warm.hub.address).await);
    drop(dead);

    assert!(warm.comes_again().await.is_none(), "an upload was sent twice");
    assert!(warm.client.head().await.starts_with("HTTP/1.1 502 "));
}

#[tokio::test]
async fn an_answer_that_began_is_never_asked_for_again() {
    let mut warm = Warm::up().await;
    warm.client.say(request("GET", "/user/ada/x")).await;
    warm.idle.next_request().await;
    warm.idle.wire.say("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nfirst").await;
    warm.client.until("first").await;
    let dead = std::mem::replace(&mut warm.idle.wire, Wire::to(warm.hub.address).await);
    drop(dead);

    assert!(warm.comes_again().await.is_none(), "it was sent twice");
    warm.client.ends().await;
}

#[tokio::test]
async fn what_must_not_happen_twice_goes_on_a_connection_that_is_as_good_as_fresh() {
    let mut warm = Warm::up().await;
    warm.client.say(request("POST", "/user/ada/young")).await;
    warm.idle.next_request().await;
    warm.idle.answer("young").await;
    warm.client.until("young").await;

    tokio::time::sleep(OLD).await;
    warm.client.say(request("POST", "/user/ada/old")).await;
    let mut fresh = warm.hub.request().await;
    assert!(fresh.head.starts_with("POST /user/ada/old "), "{}", fresh.head);
    fresh.answer("fresh").await;
    warm.client.until("fresh").await;
    assert_eq!(warm.hub.connections(), 2);
}

#[tokio::test]
async fn a_read_goes_on_a_connection_that_was_idle_for_longer() {
    let mut warm = Warm::up().await;
    tokio::time::sleep(OLD).await;

    warm.client.say(request("GET", "/user/ada/second")).await;
    warm.idle.next_request().await;
    warm.idle.answer("second").await;
    warm.client.until("second").await;

    assert_eq!(warm.hub.connections(), 1);
}

#[tokio::test]
async fn whatever_it_is_goes_on_a_new_connection_when_the_hub_closed_the_idle_one() {
    for method in ["GET", "POST"] {
        let mut warm = Warm::up().await;
        let closed = std::mem::replace(&mut warm.idle.wire, Wire::to(warm.hub.address).await);
        drop(closed);
        tokio::time::sleep(Duration::from_millis(50)).await;

        warm.client.say(request(method, "/user/ada/x")).await;

        warm.hub.request().await.answer("new").await;
        warm.client.until("new").await;
    }
}

#[tokio::test]
async fn a_hub_that_keeps_breaking_connections_is_not_asked_everything_twice() {
    let mut hub = RawHub::start().await;
    let site = Sketch::with_raw_hub(&hub).configured("workers: 1").start().await;
    let mut client = site.wire().await;
    client.say(request("GET", "/user/ada/first")).await;
    let mut idle = hub.request().await;
    idle.answer("first").await;
    client.until("first").await;

    let mut repeated = 0;
    loop {
        client.say(request("GET", "/user/ada/x")).await;
        idle.next_request().await;
        drop(idle);
        let Ok(again) = tokio::time::timeout(Duration::from_millis(500), hub.request()).await else { break };
        idle = again;
        idle.answer("again").await;
        client.until("again").await;
        repeated += 1;
        assert!(repeated < 30, "the budget has no end");
    }
    assert!(client.head().await.starts_with("HTTP/1.1 502 "));
    assert!(repeated >= 10, "{repeated}");
}
