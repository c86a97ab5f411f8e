//! Orders, events and explanations at the operator's door, on a real socket.

use std::time::Instant;

use serde_json::json;

use super::super::orders::{self, Operator, Wish};
use super::*;
use crate::control::operator::Refused;

const READER: &str = "a-token-of-the-reader";
const OPERATOR: &str = "a-token-of-operators";
const BOSS: &str = "a-token-of-the-boss";
const TOKENS: [(Role, &str); 3] = [(Role::Read, READER), (Role::Operate, OPERATOR), (Role::Admin, BOSS)];

impl Door {
    async fn post_as(&self, token: &str, path: &str, body: &str) -> Seen {
        let fields = format!("Authorization: Bearer {token}\r\nContent-Type: application/json");
        self.post(path, &fields, body).await
    }

    async fn post(&self, path: &str, fields: &str, body: &str) -> Seen {
        let length = body.len();
        self.raw(&format!(
            "POST {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{fields}\r\nContent-Length: {length}\r\n\r\n{body}"
        ))
        .await
    }

    fn orders(&self) -> usize {
        self.view.fake.orders.lock().unwrap().len()
    }
}

fn refusal(seen: &Seen) -> (u16, String) {
    let json = seen.json();
    assert_eq!(json["status"], seen.status);
    assert!(json["message"].as_str().is_some_and(|message| !message.is_empty()));
    (seen.status, json["kind"].as_str().unwrap().to_owned())
}

#[tokio::test]
async fn an_order_says_who_gave_it_and_what_it_changed() {
    let door = Door::open(&TOKENS).await;

    let body = r#"{"reason":"new kernel","who":"alice","deadline":"2h"}"#;
    let seen = door.post_as(OPERATOR, "/hubs/hub-a/drain", body).await;

    assert_eq!(seen.status, 200, "{}", seen.body);
    let expected = json!({
        "order": "drain", "target": "hub-a", "who": "alice (operate@127.0.0.1)", "reason": "new kernel",
        "dry_run": false, "summary": "drain it is", "details": ["2 users"],
    });
    assert_eq!(seen.json(), expected);
    let order = door.view.fake.orders.lock().unwrap()[0].clone();
    assert_eq!((order.who.as_str(), order.why.as_str()), ("alice (operate@127.0.0.1)", "new kernel"));
}

#[tokio::test]
async fn an_order_without_a_body_and_a_dry_run_are_orders() {
    let door = Door::open(&TOKENS).await;

    let empty = door.post_as(BOSS, "/placement/apply", "").await;
    let dry = door.post_as(OPERATOR, "/users/Ada/pin", r#"{"hub":"hub-b","dry_run":true}"#).await;

    assert_eq!((empty.status, &empty.json()["who"]), (200, &json!("admin@127.0.0.1")));
    assert_eq!((&empty.json()["target"], &empty.json()["reason"]), (&Value::Null, &json!("")));
    assert_eq!((dry.status, &dry.json()["dry_run"]), (200, &json!(true)));
    assert!(door.view.fake.orders.lock().unwrap()[1].dry_run);
}

#[tokio::test]
async fn a_role_orders_as_far_as_it_reaches() {
    let door = Door::open(&TOKENS).await;
    let cordon = "/hubs/hub-a/cordon";

    assert_eq!(refusal(&door.post_as("wrong", cordon, "{}").await), (401, "unauthorized".into()));
    let nameless = door.post(cordon, "Content-Type: application/json", "{}").await;
    assert_eq!(refusal(&nameless), (401, "unauthorized".into()));
    assert_eq!(refusal(&door.post_as(READER, cordon, "{}").await), (403, "forbidden".into()));
    assert_eq!(door.post_as(OPERATOR, cordon, "{}").await.status, 200);
    for (path, body) in [
        ("/hubs/hub-a/drain", r#"{"force":true}"#),
        ("/hubs/hub-a/maintenance", r#"{"force":true}"#),
        ("/hubs/hub-a/failover", r#"{"assume_stopped":true}"#),
        ("/placement/apply", r#"{"force":true,"dry_run":true}"#),
    ] {
        let operator = door.post_as(OPERATOR, path, body).await;
        assert_eq!(refusal(&operator), (403, "forbidden".into()), "{path}");
        assert!(operator.body.contains("`admin`"), "{}", operator.body);
        assert_eq!(door.post_as(BOSS, path, body).await.status, 200, "{path}");
    }
    assert_eq!(door.orders(), 5);
}

#[tokio::test]
async fn without_tokens_nothing_is_ordered_and_the_answer_says_how_to_get_one() {
    let door = Door::open(&[]).await;

    let seen = door.post("/hubs/hub-a/cordon", "Content-Type: application/json", "{}").await;

    assert_eq!(refusal(&seen), (403, "forbidden".into()));
    assert!(seen.body.contains("admin: {tokens: [{role: operate"), "{}", seen.body);
    for path in ["/hubs", "/events", "/users/ada"] {
        assert_eq!(door.get(path).await.status, 200, "{path}");
    }
    assert_eq!(door.orders(), 0);
}

#[tokio::test]
async fn every_refusal_has_its_status_and_its_word() {
    let door = Door::open(&TOKENS).await;
    let unknown = |hub: &str| Refused::UnknownHub { hub: hub.to_owned(), known: Vec::new() };
    for (refused, status, kind) in [
        (unknown("hub-x"), 404, "unknown_hub"),
        (Refused::UnknownUser { user: "eve".into() }, 404, "unknown_user"),
        (Refused::Conflict("a drain is under way".into()), 409, "conflict"),
        (Refused::Unsafe("3 users would be stranded".into()), 422, "unsafe"),
        (Refused::Invalid("no sense".into()), 400, "invalid"),
        (Refused::Unavailable("no directory".into()), 503, "unavailable"),
    ] {
        *door.view.fake.refuses.lock().unwrap() = Some(refused.clone());
        let seen = door.post_as(OPERATOR, "/hubs/hub-a/cordon", "{}").await;
        assert_eq!(refusal(&seen), (status, kind.to_owned()));
        assert_eq!(seen.json()["message"], refused.to_string());
    }
}

#[tokio::test]
async fn hubs_users_and_fields_that_are_not_there_are_named() {
    let door = Door::open(&TOKENS).await;
    for (path, body, status, words) in [
        ("/hubs/hub-x/drain", "{}", 404, "`hub-x`"),
        ("/users/eve/move", r#"{"hub":"hub-a"}"#, 404, "`eve`"),
        ("/users/ada/move", r#"{"hub":"hub-x"}"#, 404, "`hub-x`"),
        ("/hubs/hub-a/drain", r#"{"forse":true}"#, 400, "`forse`"),
        ("/hubs/hub-a/drain", r#"{"at_deadline":"stop-idle"}"#, 400, "`deadline`"),
        ("/hubs/hub-a/drain", "{nonsense", 400, "no order"),
        ("/hubs/hub-a/drain", r#"["x"]"#, 400, "a JSON object"),
        ("/hubs/hub-a/destroy", "{}", 404, "no such page"),
    ] {
        let seen = door.post_as(OPERATOR, path, body).await;
        assert_eq!(seen.status, status, "{path} {body}: {}", seen.body);
        assert!(seen.json()["message"].as_str().unwrap().contains(words), "{}", seen.body);
    }
    assert_eq!(door.orders(), 0);
}

#[tokio::test]
async fn no_page_and_no_form_of_a_browser_orders_anything() {
    let door = Door::open(&TOKENS).await;
    let authorization = format!("Authorization: Bearer {OPERATOR}");
    for (fields, kind) in [
        ("Content-Type: application/x-www-form-urlencoded", "not_json"),
        ("Content-Type: text/plain", "not_json"),
        ("Accept: */*", "not_json"),
        ("Content-Type: application/json\r\nSec-Fetch-Site: cross-site", "cross_site"),
        ("Content-Type: application/json\r\nSec-Fetch-Site: same-site", "cross_site"),
    ] {
        let seen = door.post("/hubs/hub-a/cordon", &format!("{authorization}\r\n{fields}"), "{}").await;
        assert_eq!(refusal(&seen).1, kind, "{fields}");
    }
    let own = format!(
        "{authorization}\r\nContent-Type: application/json; charset=utf-8\r\nSec-Fetch-Site: same-origin"
    );
    assert_eq!(door.post("/hubs/hub-a/cordon", &own, "{}").await.status, 200);
    assert_eq!(door.orders(), 1);
}

#[tokio::test]
async fn a_body_is_bounded() {
    let door = Door::open(&TOKENS).await;
    let body = format!(r#"{{"reason":"{}"}}"#, "x".repeat(64 * 1024));

    let seen = door.post_as(OPERATOR, "/hubs/hub-a/cordon", &body).await;

    assert_eq!(refusal(&seen), (413, "too_large".into()));
}

#[tokio::test]
async fn an_order_is_posted_and_a_page_is_read() {
    let door = Door::open(&TOKENS).await;

    let got = door.get_with("/hubs/hub-a/drain", &format!("Bearer {OPERATOR}")).await;
    assert!(got.status == 405 && got.head.contains("allow: post"), "{}", got.head);
    let posted = door.post_as(OPERATOR, "/events", "{}").await;
    assert!(posted.status == 405 && posted.head.contains("allow: get, head"), "{}", posted.head);
}

#[tokio::test]
async fn readers_see_hubs_users_and_events() {
    let door = Door::open(&TOKENS).await;
    let reader = format!("Bearer {READER}");

    assert_eq!(door.get_with("/hubs", &reader).await.json()["hubs"][0]["id"], "hub-a");
    assert_eq!(door.get_with("/users/%41da", &reader).await.json()["owner"], "hub-a");
    assert_eq!(refusal(&door.get_with("/users/eve", &reader).await), (404, "unknown_user".into()));
    assert_eq!(refusal(&door.get_with("/users/a%2Fb", &reader).await), (400, "invalid".into()));
    let events = door.get_with("/events", &reader).await.json();
    assert_eq!((&events["last"], &events["events"][0]["kind"]), (&json!(7), &json!("failed_over")));
    assert_eq!(refusal(&door.get_with("/events?since=1", &reader).await), (400, "invalid".into()));
    for path in ["/hubs", "/events", "/users/ada"] {
        assert_eq!(door.get(path).await.status, 401, "{path}");
    }
}

#[tokio::test]
async fn whoever_waits_for_events_gets_an_answer_though_the_connections_time_is_over() {
    let door = Door::open_for(Duration::from_millis(50), &[]).await;
    let began = Instant::now();

    let seen = door.get("/events?after=7&wait=3").await;

    assert_eq!((seen.status, seen.json()["last"].as_u64()), (200, Some(7)));
    assert!(began.elapsed() >= Duration::from_secs(3), "{:?}", began.elapsed());
}

#[tokio::test]
async fn whoever_waits_for_events_is_answered_at_once_when_the_door_closes() {
    let door = Door::open(&[]).await;
    let mut waits = TcpStream::connect(door.address).await.unwrap();
    waits.write_all(b"GET /events?after=7&wait=30 HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    // It has been read by the time that a later one is answered.
    assert_eq!(door.get("/livez").await.status, 200);

    door.stop.send(()).unwrap();

    let mut text = String::new();
    timeout(SOON, waits.read_to_string(&mut text)).await.unwrap().unwrap();
    assert!(text.starts_with("HTTP/1.1 200") && text.contains("\"last\": 7"), "{text}");
    timeout(SOON, door.served).await.unwrap().unwrap();
}

#[tokio::test]
async fn those_who_wait_for_events_keep_nobody_out() {
    let door = Door::open(&[]).await;
    let mut waiting = Vec::new();
    for _ in 0..24 {
        let mut waits = TcpStream::connect(door.address).await.unwrap();
        waits.write_all(b"GET /events?after=7&wait=30 HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
        waiting.push(waits);
    }
    assert_eq!(door.get("/livez").await.status, 200);

    let one_more = door.get("/events?after=7&wait=30").await;

    assert_eq!(refusal(&one_more), (503, "busy".into()));
    assert!(one_more.head.contains("retry-after: 5"), "{}", one_more.head);
    assert_eq!(door.get("/events?after=7").await.status, 200);
}

#[tokio::test]
async fn an_order_goes_on_though_whoever_gave_it_hangs_up() {
    let door = Door::open(&TOKENS).await;
    *door.view.fake.takes.lock().unwrap() = Duration::from_millis(300);
    let mut stream = TcpStream::connect(door.address).await.unwrap();
    let head = format!(
        "POST /hubs/hub-a/cordon HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {OPERATOR}\r\n\
         Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{{}}"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    tokio::time::sleep(Duration::from_millis(100)).await;
    drop(stream);

    let carried_out = async {
        while door.orders() == 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(SOON, carried_out).await.unwrap();
}

#[tokio::test]
async fn an_order_that_takes_too_long_is_given_up_and_may_be_done() {
    let door = Door::open(&TOKENS).await;
    *door.view.fake.takes.lock().unwrap() = SOON;
    let view: Arc<dyn AdminView> = Arc::<View>::clone(&door.view);
    let operator = Operator { role: Role::Operate, from: "::1".parse().unwrap() };
    let wish = Wish { verb: Verb::Cordon, target: "hub-a".to_owned(), body: OrderBody::default() };

    let late = orders::carry_out(view, operator, wish, Duration::from_millis(20)).await.unwrap_err();

    assert_eq!(late.kind, "unavailable");
    assert!(late.message.contains("took longer than 20ms and may be done"), "{}", late.message);
}
