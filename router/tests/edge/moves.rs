//! Orders about one user, and starts at a hub that somebody chose: never a second server.

use std::time::Duration;

use hubrouter_loadtest::simhub::ServerState;
use serde_json::json;

use super::drain::{accepted, explain, known, refused, text, two_hubs, two_hubs_in};
use super::failover::{QUICK, runs, start, until_starts};
use super::support::site::{BOSS, PASSWORD};
use super::support::{Answer, Browser, Request, Site};

async fn until_owner(site: &Site, user: &str, id: &str) {
    for _ in 0..200 {
        if explain(site, user).await["owner"] == id {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("{user} is not at {id}: {:#}", explain(site, user).await);
}

#[tokio::test]
async fn a_user_is_moved_only_without_a_server_and_comes_home_when_idle() {
    let site = known(two_hubs()).await;
    let ada = site.user_at("hub-a", 0);
    let mut browser = site.at_work(&ada).await;
    let to_b = json!({"hub": "hub-b", "reason": "bigger machines"});
    let path = format!("/users/{ada}/move");

    let why = refused(&site, &path, to_b.clone(), 422).await;
    assert!(why.contains("has a server at `hub-a`"), "{why}");
    site.hub("hub-a").stop_server(&ada, "").await;
    let dry = json!({"hub": "hub-b", "dry_run": true});
    assert!(text(&accepted(&site, &path, dry).await).contains("would be at `hub-b`"));
    assert_eq!(explain(&site, &ada).await["owner"], "hub-a");

    accepted(&site, &path, to_b.clone()).await;
    assert_eq!(explain(&site, &ada).await["why"], "assigned_move");
    let lab = start(&mut browser, &ada).await;
    assert_eq!((lab.status.as_u16(), lab.hub()), (200, "hub-b"), "{:?}", lab.way);
    let why = refused(&site, &path, json!({"hub": "hub-a"}), 422).await;
    assert!(why.contains("has a server at `hub-b`"), "{why}");

    site.hub("hub-b").stop_server(&ada, "").await;
    until_owner(&site, &ada, "hub-a").await;
    assert_eq!(start(&mut browser, &ada).await.hub(), "hub-a");
}

#[tokio::test]
async fn a_pin_lasts_until_it_is_cleared() {
    let site = known(two_hubs()).await;
    let ada = site.user_at("hub-a", 0);
    let mut browser = site.logged_in(&ada).await;
    let unpin = format!("/users/{ada}/unpin");
    refused(&site, &unpin, json!({}), 409).await;

    accepted(&site, &format!("/users/{ada}/pin"), json!({"hub": "hub-b"})).await;
    assert_eq!(start(&mut browser, &ada).await.hub(), "hub-b");
    site.hub("hub-b").stop_server(&ada, "").await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(explain(&site, &ada).await["why"], "assigned_pin", "also when she is idle");
    let why = refused(&site, "/hubs/hub-b/drain", json!({}), 422).await;
    assert!(why.contains("strand 1 of its 2 users") && why.contains("pinned them to `hub-b`"), "{why}");
    accepted(&site, "/hubs/hub-b/drain", json!({"force": true})).await;
    until_starts(&site, "hub-b", "elsewhere").await;
    assert_eq!(start(&mut browser, &ada).await.hub(), "hub-b", "a pin holds against a drain, too");
    site.hub("hub-b").stop_server(&ada, "").await;

    accepted(&site, &unpin, json!({})).await;
    until_owner(&site, &ada, "hub-a").await;
}

#[tokio::test]
async fn a_pin_is_ended_by_its_clearing_alone_and_never_by_a_move() {
    let site = known(two_hubs()).await;
    let ada = site.user_at("hub-a", 0);
    site.logged_in(&ada).await;
    accepted(&site, &format!("/users/{ada}/pin"), json!({"hub": "hub-b"})).await;
    for to in ["hub-a", "hub-b"] {
        let why = refused(&site, &format!("/users/{ada}/move"), json!({"hub": to}), 409).await;
        assert!(why.contains("is pinned to `hub-b`") && why.contains("--clear"), "{why}");
    }
    assert_eq!(explain(&site, &ada).await["why"], "assigned_pin");

    accepted(&site, &format!("/users/{ada}/pin"), json!({"hub": "hub-a"})).await;
    assert_eq!(explain(&site, &ada).await["owner"], "hub-a", "another pin may take its place");
}

#[tokio::test]
async fn nobody_is_moved_to_a_hub_that_sends_its_own_users_away() {
    let site = known(two_hubs()).await;
    let ada = site.user_at("hub-a", 0);
    site.logged_in(&ada).await;
    for (verb, word) in [("drain", "is being drained"), ("maintenance", "is in maintenance")] {
        accepted(&site, &format!("/hubs/hub-b/{verb}"), json!({})).await;
        let why = refused(&site, &format!("/users/{ada}/move"), json!({"hub": "hub-b"}), 422).await;
        assert!(why.contains(word), "{why}");
    }
}

#[tokio::test]
async fn whose_order_is_ended_by_another_one_is_said() {
    let site = known(two_hubs()).await;
    accepted(&site, "/hubs/hub-a/drain", json!({"reason": "new disks", "who": "alice"})).await;

    let cordon = text(&accepted(&site, "/hubs/hub-a/cordon", json!({"who": "bob", "dry_run": true})).await);
    let resume = text(&accepted(&site, "/hubs/hub-a/resume", json!({"who": "bob"})).await);

    for said in [cordon, resume] {
        let words = ["this ends `draining`, ordered by", "alice", "new disks"];
        assert!(words.iter().all(|word| said.contains(word)), "{said}");
    }
}

#[tokio::test]
async fn unknown_hubs_and_users_are_refused_by_name() {
    let site = known(two_hubs()).await;
    for verb in ["drain", "cordon", "maintenance", "failover", "resume", "abort"] {
        let why = refused(&site, &format!("/hubs/hub-x/{verb}"), json!({}), 404).await;
        assert!(why.contains("hub-x") && why.contains("hub-a, hub-b"), "{why}");
    }
    for (verb, to) in [("move", "hub-a"), ("move", "hub-b"), ("pin", "hub-a"), ("pin", "hub-b")] {
        let why = refused(&site, &format!("/users/nobody-at-all/{verb}"), json!({"hub": to}), 404).await;
        assert!(why.contains("nobody-at-all"), "{why}");
    }
    refused(&site, "/users/nobody-at-all/move", json!({"hub": "hub-x"}), 404).await;
    refused(&site, "/hubs/hub-a/failover", json!({}), 409).await;
}

#[tokio::test]
async fn a_user_whose_files_are_at_one_hub_alone_is_not_moved() {
    let site = known(two_hubs().hub_says("hub-a", "storage: local")).await;
    let ada = site.user_at("hub-a", 0);
    site.logged_in(&ada).await;
    let why = refused(&site, &format!("/users/{ada}/move"), json!({"hub": "hub-b"}), 422).await;
    assert!(why.contains("files"), "{why}");
}

#[tokio::test]
async fn every_order_leaves_an_event() {
    let site = known(two_hubs()).await;
    let ada = site.user_at("hub-a", 0);
    site.logged_in(&ada).await;
    accepted(&site, "/hubs/hub-a/cordon", json!({"reason": "full", "who": "alice"})).await;
    accepted(&site, &format!("/users/{ada}/pin"), json!({"hub": "hub-b", "reason": "a lecture"})).await;
    accepted(&site, &format!("/users/{ada}/unpin"), json!({"reason": "it is over"})).await;

    let request = Request::get("/events").with("authorization", &format!("Bearer {BOSS}"));
    let events = Browser::new(site.admin).send(request).await.json();

    let events: Vec<String> =
        events["events"].as_array().unwrap().iter().map(|event| event["text"].to_string()).collect();
    let told = |words: &[&str]| events.iter().any(|text| words.iter().all(|word| text.contains(word)));
    assert!(told(&["hub-a", "cordon", "alice", "full"]), "{events:#?}");
    assert!(told(&[&ada, "pin to `hub-b`", "a lecture"]), "{events:#?}");
    assert!(told(&[&ada, "is cleared by", "it is over"]), "{events:#?}");
}

#[tokio::test]
async fn a_start_at_a_chosen_hub_with_the_same_storage_goes_there_unless_a_server_runs_at_home() {
    // Whoever chooses is held at home until all have read it; two answers of the hub end that, and come later as at the defaults.
    let site = known(two_hubs_in(&QUICK.replace("authority: 500ms", "authority: 4s"))).await;
    let ada = site.user_at("hub-a", 0);
    let mut browser = site.at_work(&ada).await;
    browser.open("/_hubrouter/hub/hub-b").await;

    let page = browser.open("/hub/spawn").await;
    assert_eq!(page.status, 409, "{}", page.body);
    assert!(page.body.contains("still runs at the hub hub-a"), "{}", page.body);
    assert_eq!(explain(&site, &ada).await["owner"], "hub-a", "nothing was written for it");
    let states: Vec<ServerState> =
        site.hub("hub-b").servers().into_iter().map(|(_, _, state)| state).collect();
    assert_eq!(states, []);

    site.hub("hub-a").stop_server(&ada, "").await;
    let lab = start_anywhere(&mut browser, &ada).await;
    assert_eq!((lab.status.as_u16(), lab.hub()), (200, "hub-b"), "{:?}", lab.way);
    assert_eq!(explain(&site, &ada).await["why"], "assigned_move");
    browser.open("/_hubrouter/hub/").await;
    assert_eq!(browser.open(&format!("/user/{ada}/lab")).await.hub(), "hub-b");
    assert!(!runs(&site, "hub-a", &ada));
}

async fn start_anywhere(browser: &mut Browser, user: &str) -> Answer {
    let page = browser.open("/hub/home").await;
    if page.is_login_form() {
        browser.submit(&page, user, PASSWORD).await;
    }
    start(browser, user).await
}
