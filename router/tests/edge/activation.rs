//! Hubs, weights and tiers change while people work: nobody with a server is torn away, and the others get their new homes.

use std::time::Duration;

use hubrouter::core::placement;
use hubrouter_hub_adapter::names::{NameRule, UserName};
use serde_json::{Value, json};

use super::failover::{QUICK, hub, runs, start, until_counted};
use super::support::site::BOSS;
use super::support::{Browser, Request, Site, Sketch};

const FAILOVER: &str = "failover: {hold: 600ms, after: 20s, dead_after: 30s}";

fn two_hubs() -> Sketch {
    Sketch::with_hubs(&["hub-a", "hub-b"]).configured(QUICK).configured(FAILOVER).with_operators()
}

async fn known(sketch: Sketch) -> Site {
    let site = sketch.start().await;
    site.until_placed(2).await;
    until_counted(&site).await;
    site
}

/// hub-b gets nine tenths of the users.
fn heavier(text: &str) -> String {
    text.replace("{id: hub-b, ", "{id: hub-b, weight: 9, ")
}

/// The nth user who is at home on hub-a now and on hub-b by the changed file.
fn mover(site: &Site, nth: usize) -> String {
    let text = heavier(&std::fs::read_to_string(&site.file).unwrap());
    let changed = site.file.with_file_name("changed.yaml");
    std::fs::write(&changed, text).unwrap();
    let config = hubrouter_config::load(&changed).unwrap().config;
    let then = placement::build(&config.placement, &config.hubs);
    (0..10_000)
        .map(|number| format!("user{number}"))
        .filter(|user| site.home_of(user) == "hub-a")
        .filter(|user| {
            let user = UserName::canonical(user, NameRule::Lower).unwrap();
            then.home(&user).unwrap().as_str() == "hub-b"
        })
        .nth(nth)
        .unwrap()
}

async fn explain(site: &Site, user: &str) -> Value {
    let request = Request::get(format!("/users/{user}")).with("authorization", &format!("Bearer {BOSS}"));
    Browser::new(site.admin).send(request).await.json()
}

async fn until_generation(site: &Site, generation: u64) {
    site.until(&format!("generation {generation} is active"), |status| {
        status["placement"]["generation"] == generation && status["placement"]["next"].is_null()
    })
    .await;
}

#[tokio::test]
async fn other_weights_move_the_idle_and_nobody_who_runs() {
    let site = known(two_hubs()).await;
    let (ada, bob) = (mover(&site, 0), mover(&site, 1));
    let (mut at_work, mut idle) = (site.at_work(&ada).await, site.logged_in(&bob).await);

    site.edit(heavier);
    until_generation(&site, 2).await;

    let stands = explain(&site, &ada).await;
    assert_eq!((&stands["home"], &stands["owner"]), (&json!("hub-b"), &json!("hub-a")), "{stands:#}");
    assert_eq!(at_work.open(&format!("/user/{ada}/lab")).await.hub(), "hub-a");
    assert_eq!(start(&mut at_work, &ada).await.hub(), "hub-a");
    assert_eq!(start(&mut idle, &bob).await.hub(), "hub-b");
    assert!(!runs(&site, "hub-a", &bob) && !runs(&site, "hub-b", &ada));

    site.hub("hub-a").stop_server(&ada, "").await;
    site.until("she is nobody's exception any more", |status| hub(status, "hub-a")["assigned"] == 0).await;
    assert_eq!(start(&mut at_work, &ada).await.hub(), "hub-b");
}

#[tokio::test]
async fn a_server_that_is_only_starting_keeps_its_hub_too() {
    let site = known(two_hubs().each_hub(|hub| hub.spawn_delay = Duration::from_secs(600))).await;
    let ada = mover(&site, 0);
    let mut browser = site.logged_in(&ada).await;
    browser.open("/hub/spawn").await;

    site.edit(heavier);
    until_generation(&site, 2).await;

    assert_eq!(explain(&site, &ada).await["owner"], "hub-a");
    browser.open("/hub/spawn").await;
    assert!(!runs(&site, "hub-b", &ada));
}

#[tokio::test]
async fn a_hub_that_is_gone_from_the_file_serves_who_runs_there_until_they_are_done() {
    let site = known(two_hubs()).await;
    let (ada, bob) = (site.user_at("hub-b", 0), site.user_at("hub-b", 1));
    let (mut at_work, mut idle) = (site.at_work(&ada).await, site.logged_in(&bob).await);

    let without = |text: &str| {
        let lines = text.lines().filter(|line| !line.contains("{id: hub-b,"));
        lines.collect::<Vec<_>>().join("\n")
    };
    site.edit(without);
    until_generation(&site, 2).await;

    assert_eq!(at_work.open(&format!("/user/{ada}/lab")).await.hub(), "hub-b");
    assert_eq!(explain(&site, &ada).await["owner"], "hub-b");
    assert_eq!(start(&mut idle, &bob).await.hub(), "hub-a");
    site.hub("hub-b").stop_server(&ada, "").await;
    site.until("nobody needs it any more", |status| status["hubs"].as_array().unwrap().len() == 1).await;
    assert_eq!(start(&mut at_work, &ada).await.hub(), "hub-a");
}

#[tokio::test]
async fn a_hub_that_is_gone_is_kept_for_who_is_pinned_there_until_an_operator_insists() {
    let site = known(two_hubs()).await;
    let ada = site.user_at("hub-a", 0);
    let mut browser = site.logged_in(&ada).await;
    let pinned = site.order(&format!("/users/{ada}/pin"), json!({"hub": "hub-b"})).await;
    assert_eq!(pinned.status, 200, "{}", pinned.body);

    site.edit(|text| {
        text.lines().filter(|line| !line.contains("{id: hub-b,")).collect::<Vec<_>>().join("\n")
    });
    until_generation(&site, 2).await;
    assert_eq!(start(&mut browser, &ada).await.hub(), "hub-b");
    site.hub("hub-b").stop_server(&ada, "").await;
    let dry = site.order("/placement/apply", json!({"force": true, "dry_run": true})).await;
    assert!(dry.body.contains("`hub-b` would be let go of"), "{}", dry.body);
    assert_eq!(site.status().await["hubs"].as_array().unwrap().len(), 2);

    let done = site.order("/placement/apply", json!({"force": true})).await;

    assert_eq!(done.status, 200, "{}", done.body);
    site.until("it is gone", |status| status["hubs"].as_array().unwrap().len() == 1).await;
    let directory = site.status().await["directory"].clone();
    assert_eq!(directory["to_unknown_hubs"], json!([format!("{ada} -> hub-b")]), "reported, and ignored");
    assert_eq!(explain(&site, &ada).await["owner"], "hub-a");
    assert_eq!(start(&mut browser, &ada).await.hub(), "hub-a");
}

#[tokio::test]
async fn a_hub_that_cannot_tell_who_runs_there_keeps_its_users_until_an_operator_insists() {
    let site = two_hubs().hub_says("hub-a", "api_token: none").start().await;
    site.until_placed(2).await;
    let bob = mover(&site, 0);
    let again = site.order("/placement/apply", json!({})).await;
    assert_eq!(again.status, 409, "there is nothing to apply: {}", again.body);

    site.edit(heavier);
    site.until("it is said what it waits for", |status| {
        status["placement"]["waits"]
            .as_str()
            .is_some_and(|why| why.contains("hub-a") && why.contains("api_token"))
    })
    .await;
    assert_eq!(explain(&site, &bob).await["home"], "hub-a");
    let refused = site.order("/placement/apply", json!({})).await;
    assert_eq!(refused.status, 422, "{}", refused.body);
    let dry = site.order("/placement/apply", json!({"force": true, "dry_run": true})).await;
    assert_eq!(dry.status, 200, "{}", dry.body);
    assert_eq!(site.status().await["placement"]["generation"], 1);

    let done = site.order("/placement/apply", json!({"force": true, "reason": "nobody runs"})).await;
    assert_eq!(done.status, 200, "{}", done.body);
    until_generation(&site, 2).await;
    assert_eq!(explain(&site, &bob).await["home"], "hub-b");
}

#[tokio::test]
async fn a_hub_that_is_down_holds_an_activation_up_and_not_for_ever() {
    let site = known(two_hubs()).await;
    site.hub("hub-a").stop_hub().await;
    site.until_plane("hub-a", "hub", "starting").await;
    let bob = mover(&site, 0);

    site.edit(heavier);
    site.until("it is said what it waits for", |status| !status["placement"]["waits"].is_null()).await;
    assert_eq!(explain(&site, &bob).await["home"], "hub-a");

    site.hub("hub-a").start_hub().await.unwrap();
    until_generation(&site, 2).await;
    assert_eq!(explain(&site, &bob).await["home"], "hub-b");
}

#[tokio::test]
async fn a_proposal_that_is_taken_back_changes_nothing() {
    let site = known(two_hubs()).await;
    site.hub("hub-a").stop_hub().await;
    site.until_plane("hub-a", "hub", "starting").await;
    let before = std::fs::read_to_string(&site.file).unwrap();
    site.edit(heavier);
    site.until("it waits", |status| !status["placement"]["waits"].is_null()).await;

    site.edit(|_| before.clone());
    site.until("nothing is announced and nothing waits", |status| {
        status["placement"]["waits"].is_null() && status["placement"]["next"].is_null()
    })
    .await;

    site.hub("hub-a").start_hub().await.unwrap();
    site.until_plane("hub-a", "hub", "up").await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let status = site.status().await;
    assert_eq!((&status["placement"]["generation"], &status["placement"]["next"]), (&json!(1), &Value::Null));
}
