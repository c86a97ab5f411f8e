//! Keys that rotate: a retired one is accepted and replaced, an unknown one costs a question at most.

use super::site;
use crate::support::forge::OTHER_KEY;
use crate::support::site::KEY;
use crate::support::{Forger, Site};

/// Changes the keys of a running site.
async fn rotate(site: &Site, keys: &[(&str, &str)]) {
    let folder = site.file.parent().unwrap();
    let before = site.status().await["snapshot"].as_u64().unwrap();
    for (file, key) in keys {
        std::fs::write(folder.join(file), key).unwrap();
    }
    let list: Vec<String> = keys.iter().map(|(file, _)| format!("{{file: {file}}}")).collect();
    site.reconfigure(&format!("session: {{keys: [{}]}}", list.join(", ")));
    site.until("the keys are taken", |status| {
        status["config"]["last_reload"]["accepted"] == true && status["snapshot"].as_u64().unwrap() > before
    })
    .await;
}

#[tokio::test]
async fn a_session_of_a_retired_key_is_accepted_and_replaced() {
    let site = site().await;
    let ann = site.user_at("hub-a", 0);
    let mut browser = site.logged_in(&ann).await;
    rotate(&site, &[("new.key", OTHER_KEY), ("session.key", KEY)]).await;
    site.forget();

    let page = browser.open("/hub/home").await;

    assert_eq!((page.status.as_u16(), page.hub(), page.way.len()), (200, "hub-a", 1));
    assert_eq!(site.times("hub-a", "GET /hub/api/user"), 0, "nobody had to be asked");
    let session = browser.cookie("hubrouter").unwrap();
    assert_eq!(Forger::with_key(OTHER_KEY).user_of(session), Some(ann));
    assert_eq!(Forger::with_the_sites_key().user_of(session), None);
}

#[tokio::test]
async fn a_replica_that_does_not_know_a_key_yet_fails_no_request() {
    let site = site().await;
    let ann = site.user_at("hub-a", 0);
    let mut browser = site.logged_in(&ann).await;
    // Another replica has begun to sign with a key that this one has not got.
    browser.plant("hubrouter", &Forger::with_key(OTHER_KEY).session(&ann, 0), "/");

    let page = browser.open("/hub/home").await;

    assert_eq!((page.status.as_u16(), page.hub(), page.way.len()), (200, "hub-a", 1));
    assert_eq!(Forger::with_the_sites_key().user_of(browser.cookie("hubrouter").unwrap()), Some(ann));
}

#[tokio::test]
async fn a_key_of_which_nobody_knows_any_more_logs_nobody_out() {
    let site = site().await;
    let ann = site.user_at("hub-a", 0);
    let mut browser = site.logged_in(&ann).await;
    rotate(&site, &[("new.key", OTHER_KEY)]).await;
    assert_eq!(browser.open("/hub/home").await.way.len(), 1);
    assert_eq!(Forger::with_key(OTHER_KEY).user_of(browser.cookie("hubrouter").unwrap()), Some(ann));
}
