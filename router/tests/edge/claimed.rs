//! What the answer to a merely named user's start means for the claim, on sockets: no server runs without a record, and no stranger
//! makes a record that stays.

use std::time::Duration;

use serde_json::Value;

use super::support::raw_hub::{AtHub, RawHub};
use super::support::site::BOSS;
use super::support::wire::Wire;
use super::support::{Browser, Request, Site, Sketch};

/// Two hubs that nobody calls calm yet, so that each start is claimed.
struct Scene {
    hubs: [RawHub; 2],
    site: Site,
}

impl Scene {
    async fn new() -> Self {
        let hubs = [RawHub::start().await, RawHub::start().await];
        let sketch = Sketch::with_raw_hub(&hubs[0]).and_raw_hub("other", &hubs[1]).with_operators();
        let site = sketch.start().await;
        site.until_placed(2).await;
        Self { hubs, site }
    }

    /// A start of ada's that names her and proves nothing, and its hub's end.
    async fn start(&mut self) -> (Wire, AtHub) {
        let mut client = self.site.wire().await;
        client.say("GET /hub/spawn/ada HTTP/1.1\r\nhost: hub.example.org\r\n\r\n").await;
        let [one, other] = &mut self.hubs;
        let at_hub = tokio::select! {
            at_hub = one.request() => at_hub,
            at_hub = other.request() => at_hub,
        };
        assert!(at_hub.head.starts_with("GET /hub/spawn/ada "), "{}", at_hub.head);
        (client, at_hub)
    }

    /// The hub answers a start like this.
    async fn answered(&mut self, status: &str) {
        let (mut client, mut at_hub) = self.start().await;
        let answer = format!("HTTP/1.1 {status}\r\ncontent-type: text/html\r\ncontent-length: 0\r\n\r\n");
        at_hub.wire.say(answer).await;
        client.head().await;
    }

    async fn assignment(&self) -> Value {
        let request = Request::get("/users/ada").with("authorization", &format!("Bearer {BOSS}"));
        Browser::new(self.site.admin).send(request).await.json()["assignment"].take()
    }

    async fn until(&self, what: &str, is: impl Fn(&Value) -> bool) {
        for _ in 0..100 {
            if is(&self.assignment().await) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("not so: {what}: {:#}", self.assignment().await);
    }
}

fn lasts(assignment: &Value) -> bool {
    assignment.is_object() && assignment["provisional_until"].is_null()
}

fn is_provisional(assignment: &Value) -> bool {
    assignment["provisional_until"].is_u64()
}

#[tokio::test]
async fn a_client_that_hangs_up_before_the_answer_loses_no_start() {
    let mut scene = Scene::new().await;
    let (client, _at_hub) = scene.start().await;
    scene.until("nothing is known yet", is_provisional).await;

    drop(client);

    scene.until("the start may have arrived", lasts).await;
}

#[tokio::test]
async fn an_answer_in_the_hubs_place_says_that_the_start_may_have_arrived() {
    for status in ["502 Bad Gateway", "503 Service Unavailable", "504 Gateway Timeout"] {
        let mut scene = Scene::new().await;
        scene.answered(status).await;
        scene.until(status, lasts).await;
    }
}

#[tokio::test]
async fn an_answer_that_anybody_gets_makes_no_claim_last() {
    let mut scene = Scene::new().await;
    scene.answered("400 Bad Request").await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(is_provisional(&scene.assignment().await));
}

#[tokio::test]
async fn a_stranger_who_is_sent_to_the_login_leaves_a_start_under_way_its_claim_and_no_record_behind() {
    let mut scene = Scene::new().await;
    let login = "302 Found\r\nlocation: /hub/login?next=%2Fhub%2Fspawn%2Fada";
    scene.answered(login).await;
    scene.until("nothing stays of it", Value::is_null).await;

    let (mut client, mut at_hub) = scene.start().await;
    scene.answered(login).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(is_provisional(&scene.assignment().await));

    let accepted = "HTTP/1.1 302 Found\r\nlocation: /hub/spawn-pending/ada\r\ncontent-length: 0\r\n\r\n";
    at_hub.wire.say(accepted).await;
    client.head().await;
    scene.until("the hub has accepted it", lasts).await;
}
