//! A single hub leaves names alone; when the site grows around a hub that lives already, nobody is logged out.

use hubrouter_loadtest::simhub::{SimHub, SimHubOptions};

use super::{HUBS, LOGIN, names, site};
use crate::support::site::PASSWORD;
use crate::support::{Browser, Forger, Site, Sketch};

#[tokio::test]
async fn a_single_hubs_cookies_keep_their_names() {
    let site = Sketch::with_hubs(&["hub-a"]).start().await;
    let mut browser = site.logged_in("ann").await;
    assert_eq!(browser.names(), ["_xsrf", "jupyterhub-hub-login", "jupyterhub-session-id"]);
    browser.plant("hubrouter", "x", "/");
    site.forget();

    browser.open("/hub/home").await;

    let mut cookies = site.only("hub-a", "/hub/home").cookies();
    cookies.sort();
    assert_eq!(names(&cookies), ["_xsrf", "jupyterhub-hub-login", "jupyterhub-session-id"]);
}

/// One hub more: the router takes it by a reload.
async fn join(site: &mut Site, id: &str) {
    site.hubs.push(SimHub::start(SimHubOptions::named(id)).await.unwrap());
    site.reconfigure(site.more());
    site.until_plane(id, "hub", "up").await;
    site.until_plane(id, "proxy", "up").await;
    site.until_placed(2).await;
}

#[tokio::test]
async fn nobody_is_logged_out_when_a_second_hub_joins() {
    let mut site = Sketch::with_hubs(&["hub-a"]).start().await;
    let mut browsers = Vec::new();
    // As many as one client may ask about in a minute.
    for number in 0..5 {
        browsers.push((format!("user{number}"), site.logged_in(&format!("user{number}")).await));
    }
    join(&mut site, "hub-b").await;

    let (mut stayed, mut moved) = (0, 0);
    for (user, mut browser) in browsers {
        let token = browser.cookie("_xsrf").unwrap().to_owned();
        site.forget();
        let page = browser.open("/hub/home").await;
        if site.home_of(&user) == "hub-a" {
            stayed += 1;
            assert_eq!((page.status.as_u16(), page.hub(), page.way.len()), (200, "hub-a", 1), "{user}");
            assert!(browser.has_login("hub-a") && browser.cookie("jupyterhub-hub-login").is_none(), "{user}");
            assert_eq!(browser.cookie("_xsrf.hub-a"), Some(token.as_str()), "pages that are open go on");
            assert_eq!(browser.open("/hub/home").await.way.len(), 1);
        } else {
            moved += 1;
            assert!(page.is_login_form() && page.hub() == "hub-b", "{user}: {:?}", page.way);
            assert_eq!(site.times("hub-a", "GET /hub/logout"), 0);
        }
        assert_eq!(Forger::with_the_sites_key().user_of(browser.cookie("hubrouter").unwrap()), Some(user));
    }
    assert!(stayed > 0 && moved > 0, "{stayed} stayed, {moved} moved");
}

#[tokio::test]
async fn nobody_is_logged_out_when_the_other_hub_leaves() {
    let mut site = Sketch::with_hubs(&HUBS).start().await;
    let user = site.user_at("hub-a", 0);
    let mut browser = site.logged_in(&user).await;
    assert!(browser.has_login("hub-a"));
    // It runs on: somebody has to say that nobody has a server there any more.
    let _leaving = site.hubs.pop().unwrap();
    site.reconfigure(site.more());
    site.until("one hub is left", |status| status["hubs"].as_array().unwrap().len() == 1).await;

    let page = browser.open("/hub/home").await;

    assert_eq!((page.status.as_u16(), page.hub(), page.way.len()), (200, "hub-a", 1));
    assert!(browser.cookie("jupyterhub-hub-login").is_some(), "under its own name: {:?}", browser.names());
    assert!(!browser.has_login("hub-a"), "and under no other: {:?}", browser.names());
    assert_eq!(browser.open("/hub/home").await.way.len(), 1);
    browser.open("/hub/logout").await;
    assert!(browser.open("/hub/home").await.is_login_form());
}

#[tokio::test]
async fn a_site_adopts_the_sessions_of_the_hub_that_was_there_before_the_router() {
    let site = Sketch::with_hubs(&HUBS).configured("site: {adopt_sessions_of: hub-b}").start().await;
    let ann = site.user_at("hub-b", 0);
    // Logged in at the hub itself, as before the router came.
    let mut before = Browser::new(site.hub("hub-b").address());
    before.log_in("/hub/login?next=%2Fhub%2Fhome", &ann, PASSWORD).await;
    let mut browser = site.browser();
    for cookie in before.cookies() {
        browser.plant(&cookie.name, &cookie.value, &cookie.path);
    }

    let home = browser.open("/hub/home").await;

    assert_eq!((home.status.as_u16(), home.hub(), home.way.len()), (200, "hub-b", 1));
    let jar = ["_xsrf.hub-b", "jupyterhub-hub-login.hub-b", "jupyterhub-session-id.hub-b"];
    for name in jar {
        assert!(browser.cookie(name).is_some(), "{name} is not in {:?}", browser.names());
    }
    for name in ["_xsrf", "jupyterhub-hub-login", "jupyterhub-session-id"] {
        assert!(browser.cookie(name).is_none(), "{name} is still in {:?}", browser.names());
    }
    assert_eq!(browser.open("/hub/home").await.way.len(), 1);
}

#[tokio::test]
async fn without_adoption_names_without_a_jar_are_nobodys() {
    let site = site().await;
    let ann = site.user_at("hub-b", 0);
    let mut before = Browser::new(site.hub("hub-b").address());
    before.log_in(LOGIN, &ann, PASSWORD).await;
    let mut browser = site.browser();
    for cookie in before.cookies() {
        browser.plant(&cookie.name, &cookie.value, &cookie.path);
    }
    site.forget();

    assert!(browser.open("/hub/home").await.is_login_form());
    for hub in HUBS {
        assert!(site.seen(hub).iter().all(|seen| seen.cookies().is_empty()), "{hub}");
    }
}
