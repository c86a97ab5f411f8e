//! Operators at work on a running site: drain, cordon, maintenance, move and pin, and what their users meet meanwhile.

use std::time::Duration;

use serde_json::{Value, json};

use super::failover::{QUICK, hub, runs, start, until_counted, until_starts};
use super::support::site::{BOSS, PASSWORD};
use super::support::{Browser, Request, Site, Sketch};

const FAILOVER: &str = "failover: {hold: 600ms, after: 20s, dead_after: 30s}";

pub fn two_hubs() -> Sketch {
    two_hubs_in(QUICK)
}

/// Two hubs with one storage, and these times of probes and of the census.
pub fn two_hubs_in(times: &str) -> Sketch {
    Sketch::with_hubs(&["hub-a", "hub-b"]).configured(times).configured(FAILOVER).with_operators()
}

pub async fn known(sketch: Sketch) -> Site {
    let site = sketch.start().await;
    site.until_placed(site.hubs.len()).await;
    until_counted(&site).await;
    site
}

/// Where a user is and would start, as operators are told.
pub async fn explain(site: &Site, user: &str) -> Value {
    let request = Request::get(format!("/users/{user}")).with("authorization", &format!("Bearer {BOSS}"));
    Browser::new(site.admin).send(request).await.json()
}

pub async fn accepted(site: &Site, path: &str, order: Value) -> Value {
    let done = site.order(path, order).await;
    assert_eq!(done.status, 200, "{path}: {}", done.body);
    done.json()
}

/// An order that is refused with this status, and the words in which.
pub async fn refused(site: &Site, path: &str, order: Value, status: u16) -> String {
    let done = site.order(path, order).await;
    assert_eq!(done.status, status, "{path}: {}", done.body);
    done.json()["message"].as_str().unwrap().to_owned()
}

pub fn text(outcome: &Value) -> String {
    let details = outcome["details"].as_array().unwrap().iter();
    let lines: Vec<&str> = details.map(|line| line.as_str().unwrap()).collect();
    format!("{}\n{}", outcome["summary"].as_str().unwrap(), lines.join("\n"))
}

#[tokio::test]
async fn a_drained_hub_keeps_who_runs_gives_away_who_starts_and_is_empty_in_the_end() {
    let site = known(two_hubs()).await;
    let (ada, bob) = (site.user_at("hub-a", 0), site.user_at("hub-a", 1));
    let mut at_work = site.at_work(&ada).await;
    let mut idle = site.logged_in(&bob).await;
    site.until("the hub has told of her", |status| hub(status, "hub-a")["census"]["servers"] == 1).await;

    let plan = text(&accepted(&site, "/hubs/hub-a/drain", json!({"dry_run": true})).await);
    assert!(plan.contains("3 users are known there, 1 of them with a server"), "with the admin: {plan}");
    assert!(plan.contains("would be drained"), "{plan}");
    let status = site.status().await;
    assert_eq!(
        (&hub(&status, "hub-a")["intent"], &hub(&status, "hub-a")["drain"]),
        (&json!("active"), &Value::Null)
    );

    accepted(&site, "/hubs/hub-a/drain", json!({"reason": "new kernel", "who": "alice"})).await;
    let again = refused(&site, "/hubs/hub-a/drain", json!({"who": "bob"}), 409).await;
    assert!(again.contains("alice"), "the second sees what the first did: {again}");
    until_starts(&site, "hub-a", "elsewhere").await;

    assert_eq!(at_work.open(&format!("/user/{ada}/lab")).await.hub(), "hub-a");
    assert_eq!(
        start(&mut at_work, &ada).await.hub(),
        "hub-a",
        "who runs stays, also when she asks for a start"
    );
    assert_eq!(idle.open("/hub/home").await.hub(), "hub-a", "pages pass until a start");
    let lab = start(&mut idle, &bob).await;
    assert_eq!((lab.status.as_u16(), lab.hub()), (200, "hub-b"), "{:?}", lab.way);
    assert_eq!(idle.open(&format!("/user/{bob}/lab")).await.hub(), "hub-b");
    site.until("the drain counts", |status| {
        let drain = &hub(status, "hub-a")["drain"];
        drain["users"] == 3 && drain["moved"] == 1 && drain["running"] == 1 && drain["drained"] == false
    })
    .await;

    site.hub("hub-a").stop_server(&ada, "").await;
    site.until("it is drained", |status| hub(status, "hub-a")["drain"]["drained"] == true).await;
    let lab = start(&mut at_work, &ada).await;
    assert_eq!((lab.status.as_u16(), lab.hub()), (200, "hub-b"), "{:?}", lab.way);
    assert!(!runs(&site, "hub-a", &ada) && !runs(&site, "hub-a", &bob));
}

#[tokio::test]
async fn an_abort_restores_what_was_before_and_there_is_nothing_to_abort_twice() {
    let site = known(two_hubs()).await;
    let bob = site.user_at("hub-a", 0);
    let mut idle = site.logged_in(&bob).await;
    let nothing = refused(&site, "/hubs/hub-a/abort", json!({}), 409).await;
    assert!(nothing.contains("abort"), "{nothing}");
    accepted(&site, "/hubs/hub-a/cordon", json!({"reason": "full"})).await;

    accepted(&site, "/hubs/hub-a/drain", json!({})).await;
    until_starts(&site, "hub-a", "elsewhere").await;
    accepted(&site, "/hubs/hub-a/abort", json!({})).await;

    site.until("it is cordoned as before", |status| hub(status, "hub-a")["intent"] == "cordoned").await;
    assert_eq!(start(&mut idle, &bob).await.hub(), "hub-a");
    refused(&site, "/hubs/hub-a/abort", json!({}), 409).await;
    accepted(&site, "/hubs/hub-a/resume", json!({})).await;
    site.until("it is active", |status| hub(status, "hub-a")["intent"] == "active").await;
    refused(&site, "/hubs/hub-a/resume", json!({}), 409).await;
}

#[tokio::test]
async fn at_the_deadline_of_a_drain_idle_servers_are_stopped_where_the_operator_says_so() {
    let site = known(two_hubs()).await;
    let ada = site.user_at("hub-a", 0);
    site.hub("hub-a").start_server(&ada, "").await;
    site.hub("hub-b").start_server(&site.user_at("hub-b", 0), "").await;
    site.until("the hub has told of her", |status| hub(status, "hub-a")["census"]["servers"] == 1).await;

    let order = json!({"deadline": "2s", "at_deadline": "stop-idle", "idle_for": "1s"});
    accepted(&site, "/hubs/hub-a/drain", order).await;
    until_starts(&site, "hub-a", "elsewhere").await;
    assert!(runs(&site, "hub-a", &ada), "not before the deadline");

    site.until("it is drained", |status| hub(status, "hub-a")["drain"]["drained"] == true).await;
    assert!(!runs(&site, "hub-a", &ada));
    assert!(runs(&site, "hub-b", &site.user_at("hub-b", 0)), "nobody else's");
}

#[tokio::test]
async fn a_drain_without_a_deadline_stops_nobody() {
    let site = known(two_hubs()).await;
    let ada = site.user_at("hub-a", 0);
    site.hub("hub-a").start_server(&ada, "").await;
    accepted(&site, "/hubs/hub-a/drain", json!({})).await;
    until_starts(&site, "hub-a", "elsewhere").await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert!(runs(&site, "hub-a", &ada));
    assert_eq!(hub(&site.status().await, "hub-a")["drain"]["drained"], false);
}

#[tokio::test]
async fn a_hub_that_cannot_tell_who_runs_there_is_drained_only_when_forced() {
    let site = two_hubs().hub_says("hub-a", "api_token: none").start().await;
    site.until_placed(2).await;

    let why = refused(&site, "/hubs/hub-a/drain", json!({}), 422).await;
    assert!(why.contains("api_token"), "{why}");
    let why = refused(&site, "/hubs/hub-a/maintenance", json!({}), 422).await;
    assert!(why.contains("api_token"), "{why}");

    accepted(&site, "/hubs/hub-a/drain", json!({"force": true})).await;
    until_starts(&site, "hub-a", "elsewhere").await;
}

#[tokio::test]
async fn a_drain_that_would_strand_people_is_refused_with_their_number() {
    let site = known(two_hubs().hub_says("hub-a", "storage: local")).await;
    for nth in 0..3 {
        site.logged_in(&site.user_at("hub-a", nth)).await;
    }
    site.hub("hub-a").start_server(&site.user_at("hub-a", 0), "").await;
    site.until("the hub has told of her", |status| hub(status, "hub-a")["census"]["servers"] == 1).await;

    let why = refused(&site, "/hubs/hub-a/drain", json!({}), 422).await;
    assert!(
        why.contains("strand 4 of its 4 users") && why.contains("local storage"),
        "with the admin: {why}"
    );
    assert!(why.contains("--force"), "{why}");
    assert_eq!(hub(&site.status().await, "hub-a")["intent"], "active");

    accepted(&site, "/hubs/hub-a/drain", json!({"force": true})).await;
    let bob = site.user_at("hub-a", 1);
    let mut idle = site.logged_in(&bob).await;
    let page = idle.open("/hub/spawn").await;
    assert_eq!(page.status, 503, "{}", page.body);
    assert!(page.body.contains("emptying the hub hub-a"), "{}", page.body);
    assert!(!runs(&site, "hub-a", &bob));
}

#[tokio::test]
async fn the_plan_of_a_drain_invents_nobody() {
    let site = known(two_hubs().each_hub(|hub| hub.admins.clear())).await;
    let plan = text(&accepted(&site, "/hubs/hub-a/drain", json!({"dry_run": true})).await);
    assert!(plan.contains("0 users are known there, 0 of them with a server"), "{plan}");
}

#[tokio::test]
async fn a_hub_in_maintenance_serves_running_notebooks_and_its_idle_users_go_on_elsewhere() {
    let site = known(two_hubs()).await;
    let (ada, bob) = (site.user_at("hub-a", 0), site.user_at("hub-a", 1));
    let mut at_work = site.at_work(&ada).await;
    let mut idle = site.logged_in(&bob).await;
    site.until("the hub has told of her", |status| hub(status, "hub-a")["census"]["servers"] == 1).await;

    accepted(&site, "/hubs/hub-a/maintenance", json!({"reason": "database"})).await;
    until_starts(&site, "hub-a", "elsewhere").await;

    assert_eq!(at_work.open(&format!("/user/{ada}/lab")).await.hub(), "hub-a");
    let page = at_work.open("/hub/spawn").await;
    assert_eq!(page.status, 503, "{}", page.body);
    assert!(
        page.body.contains("maintenance") && page.body.contains(&format!("/user/{ada}/")),
        "{}",
        page.body
    );
    let lab = start(&mut idle, &bob).await;
    assert_eq!((lab.status.as_u16(), lab.hub()), (200, "hub-b"), "{:?}", lab.way);

    accepted(&site, "/hubs/hub-a/resume", json!({})).await;
    until_starts(&site, "hub-a", "here").await;
    assert_eq!(at_work.open("/hub/home").await.hub(), "hub-a");
    assert_eq!(idle.open(&format!("/user/{bob}/lab")).await.hub(), "hub-b", "not while a server runs");
}

#[tokio::test]
async fn a_cordoned_hub_keeps_its_users_and_gives_away_whom_it_does_not_know() {
    let site = known(two_hubs()).await;
    let (old, new, host) = (site.user_at("hub-a", 0), site.user_at("hub-a", 1), site.user_at("hub-b", 0));
    let mut own = site.logged_in(&old).await;
    // Somebody of hub-a who has never been there: their first login was for a page of another hub.
    let mut guest = site.browser();
    guest.log_in(&format!("/hub/login?next=/hub/user/{host}/"), &new, PASSWORD).await;
    assert!(!site.hub("hub-a").users().contains(&new));

    accepted(&site, "/hubs/hub-a/cordon", json!({})).await;
    until_starts(&site, "hub-a", "elsewhere").await;

    assert_eq!(start(&mut own, &old).await.hub(), "hub-a");
    let lab = start(&mut guest, &new).await;
    assert_eq!((lab.status.as_u16(), lab.hub()), (200, "hub-b"), "{:?}", lab.way);
    assert!(!runs(&site, "hub-a", &new));
}

#[tokio::test]
async fn a_drain_and_its_users_outlive_the_router_where_the_directory_has_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("directory.json");
    let directory = format!("directory: {{kind: memory, file: '{}'}}", file.display());
    let mut site = known(two_hubs().configured(&directory)).await;
    let (ada, bob) = (site.user_at("hub-a", 0), site.user_at("hub-a", 1));
    site.hub("hub-a").start_server(&ada, "").await;
    let mut idle = site.logged_in(&bob).await;
    accepted(&site, "/hubs/hub-a/drain", json!({"reason": "new kernel", "who": "alice"})).await;
    until_starts(&site, "hub-a", "elsewhere").await;
    assert_eq!(start(&mut idle, &bob).await.hub(), "hub-b");

    site.restart().await;

    let status = site.status().await;
    let word = &hub(&status, "hub-a")["word"];
    assert_eq!((&word["intent"], &word["why"]), (&json!("draining"), &json!("new kernel")));
    assert!(word["who"].as_str().unwrap().contains("alice"), "{word}");
    assert_eq!(hub(&status, "hub-a")["starts"]["to"], "elsewhere");
    assert_eq!(explain(&site, &bob).await["owner"], "hub-b");
    assert_eq!(explain(&site, &ada).await["owner"], "hub-a");
    refused(&site, "/hubs/hub-a/drain", json!({}), 409).await;
    accepted(&site, "/hubs/hub-a/abort", json!({})).await;
}

#[tokio::test]
async fn a_start_at_a_hub_that_is_not_calm_is_recorded_before_it_goes_there() {
    let quiet = "failover: {hold: 8s, after: 20s, dead_after: 30s}";
    let site = Sketch::with_hubs(&["hub-a", "hub-b"]).configured(QUICK).configured(quiet).with_operators();
    let site = known(site).await;
    let (ada, bob) = (site.user_at("hub-a", 0), site.user_at("hub-a", 1));
    let mut idle = site.logged_in(&bob).await;

    site.at_work(&ada).await;

    let stands = explain(&site, &ada).await;
    assert_eq!(
        (&stands["assignment"]["hub"], &stands["assignment"]["cause"]),
        (&json!("hub-a"), &json!("running"))
    );
    assert_eq!(stands["assignment"]["provisional_until"], Value::Null, "she is proven");
    site.until("the hub is calm and what it says of her is enough", |status| {
        hub(status, "hub-a")["assigned"] == 0
    })
    .await;
    assert!(explain(&site, &bob).await["start"].as_str().unwrap().contains("at once"));
    assert_eq!(start(&mut idle, &bob).await.hub(), "hub-a");
    assert_eq!(explain(&site, &bob).await["assignment"], Value::Null, "a calm hub is asked nothing");
}

#[tokio::test]
async fn a_busy_hubs_answer_to_a_claimed_start_reaches_the_client_as_it_is() {
    let busy = two_hubs().each_hub(|hub| {
        hub.concurrent_spawn_limit = 1;
        hub.spawn_delay = Duration::from_secs(600);
    });
    let site = known(busy).await;
    let (ada, bob) = (site.user_at("hub-a", 0), site.user_at("hub-a", 1));
    let mut first = site.logged_in(&ada).await;
    let mut second = site.logged_in(&bob).await;
    first.open("/hub/spawn").await;
    accepted(&site, "/hubs/hub-b/drain", json!({})).await;
    accepted(&site, "/hubs/hub-b/abort", json!({})).await;

    let page = second.open("/hub/spawn").await;

    assert_eq!((page.status.as_u16(), page.field("retry-after")), (429, Some("60")), "{}", page.body);
    let token = site.hub("hub-a").token_of(&bob);
    let post = Request::new(http::Method::POST, format!("/hub/api/users/{bob}/server"))
        .with("authorization", &format!("token {token}"));
    let script = site.browser().send(post).await;
    assert_eq!((script.status.as_u16(), script.field("retry-after")), (429, Some("60")), "{}", script.body);
    assert!(!runs(&site, "hub-b", &bob), "and nobody is sent elsewhere for it");
}
