//! Logging in at an identity provider: silently at home, whichever hub was asked first, in as many tabs as one likes.

use hubrouter::core::login::Strength;
use hubrouter_loadtest::simhub::SimProvider;

use super::support::canned::{CannedHub, canned};
use super::support::provider::{hubs_with, log_in_at};
use super::support::{Answer, Browser, Forger, HUBS, Request, Site, Sketch, other_than};

async fn site_with(provider: &SimProvider) -> Site {
    hubs_with(provider, &HUBS).start().await
}

/// Begins a login at a hub and goes as far as the provider; returns the address back to the site.
async fn half_a_login(browser: &mut Browser, hub: &str, next: &str) -> String {
    let weak = Forger::with_the_sites_key().login(hub, Strength::Weak, 0);
    browser.plant("hubrouter-login", &weak, "/");
    let answer = browser.open(&format!("/hub/login?next={}", super::support::browser::escape(next))).await;
    browser.at_provider(&answer).await.expect("the login goes to the provider")
}

#[tokio::test]
async fn a_login_lands_at_home_without_a_click_whichever_hub_was_asked_first() {
    let provider = SimProvider::start().await.unwrap();
    let site = site_with(&provider).await;
    for first in HUBS {
        for home in HUBS {
            let user = site.user_at(home, 0);
            provider.set_user(Some(&user));
            let mut browser = site.browser();
            let weak = Forger::with_the_sites_key().login(first, Strength::Weak, 0);
            browser.plant("hubrouter-login", &weak, "/");
            site.forget();

            let landed = browser.open_through("/hub/home").await;

            assert_eq!((landed.status.as_u16(), landed.hub()), (200, home), "{first}: {:?}", landed.way);
            assert_eq!(site.times(first, "GET /hub/oauth_login"), 1, "the login began elsewhere");
            let elsewhere = other_than(home);
            assert!(browser.has_login(home) && !browser.has_login(elsewhere), "{:?}", browser.names());
            assert_eq!(browser.cookie("hubrouter-login"), None);
            assert_eq!(site.times(elsewhere, "GET /hub/logout"), 0, "a bounce is no logout");
            assert!(
                browser.names().iter().all(|name| !name.starts_with("oauthenticator-state")),
                "{:?}",
                browser.names()
            );
        }
    }
}

#[tokio::test]
async fn a_login_that_was_sent_on_keeps_the_page_that_was_wanted() {
    let provider = SimProvider::start().await.unwrap();
    let site = site_with(&provider).await;
    let user = site.user_at("hub-b", 0);
    provider.set_user(Some(&user));
    let mut browser = site.browser();
    browser.plant("hubrouter-login", &Forger::with_the_sites_key().login("hub-a", Strength::Weak, 0), "/");

    let landed = browser.open_through("/hub/token?x=1").await;

    assert_eq!(landed.way.last().unwrap(), "/hub/token?x=1");
    assert_eq!((landed.status.as_u16(), landed.hub()), (200, "hub-b"));
}

#[tokio::test]
async fn two_tabs_at_two_hubs_both_finish_in_either_order() {
    let provider = SimProvider::start().await.unwrap();
    let site = site_with(&provider).await;
    let ann = site.user_at("hub-a", 0);
    provider.set_user(Some(&ann));
    for swapped in [false, true] {
        let mut browser = site.browser();
        // The second tab is a visit: its next page lives at the other hub.
        let away = format!("/hub/user/{}/", site.user_at("hub-b", 0));
        let mut tabs = vec![
            half_a_login(&mut browser, "hub-a", "/hub/home").await,
            half_a_login(&mut browser, "hub-b", &away).await,
        ];
        if swapped {
            tabs.reverse();
        }
        site.forget();
        for back in tabs {
            let answer = browser.send(Request::get(back)).await;
            assert_eq!(answer.status, 302, "{swapped}: {}", answer.body);
        }
        for hub in HUBS {
            assert_eq!(site.times(hub, "GET /hub/oauth_callback"), 1, "{swapped}: {:?}", site.asked(hub));
            assert!(browser.has_login(hub), "{swapped}: {:?}", browser.names());
        }
    }
}

#[tokio::test]
async fn two_tabs_at_the_same_hub_both_finish_in_either_order() {
    let provider = SimProvider::start().await.unwrap();
    let site = site_with(&provider).await;
    provider.set_user(Some(&site.user_at("hub-a", 0)));
    for swapped in [false, true] {
        let mut browser = site.browser();
        let mut tabs = vec![
            half_a_login(&mut browser, "hub-a", "/hub/home").await,
            half_a_login(&mut browser, "hub-a", "/hub/token").await,
        ];
        let states: Vec<&str> =
            browser.names().into_iter().filter(|name| name.starts_with("oauth")).collect();
        assert_eq!(states.len(), 2, "each login has a cookie of its own: {states:?}");
        if swapped {
            tabs.reverse();
        }
        for back in tabs {
            let answer = browser.send(Request::get(back)).await;
            assert_eq!(answer.status, 302, "{swapped}: {}", answer.body);
        }
        assert!(browser.names().iter().all(|name| !name.starts_with("oauth")), "{:?}", browser.names());
    }
}

#[tokio::test]
async fn two_tabs_at_a_hub_that_is_not_the_users_both_land_at_home() {
    let provider = SimProvider::start().await.unwrap();
    let site = site_with(&provider).await;
    provider.set_user(Some(&site.user_at("hub-b", 0)));
    let mut browser = site.browser();
    let first = half_a_login(&mut browser, "hub-a", "/hub/home").await;
    let second = half_a_login(&mut browser, "hub-a", "/hub/token").await;

    for (back, page) in [(first, "/hub/home"), (second, "/hub/token")] {
        let landed = browser.open_through(&back).await;
        assert_eq!((landed.status.as_u16(), landed.hub()), (200, "hub-b"), "{:?}", landed.way);
        assert_eq!(landed.way.last().unwrap(), page);
    }
    assert!(!browser.has_login("hub-a"), "{:?}", browser.names());
}

#[tokio::test]
async fn a_callback_shows_its_hub_the_state_of_its_own_login_only() {
    let provider = SimProvider::start().await.unwrap();
    let site = site_with(&provider).await;
    provider.set_user(Some(&site.user_at("hub-a", 0)));
    let mut browser = site.browser();
    let first = half_a_login(&mut browser, "hub-a", "/hub/home").await;
    half_a_login(&mut browser, "hub-a", "/hub/token").await;
    half_a_login(&mut browser, "hub-b", "/hub/token").await;

    browser.plant("hubrouter-login", &Forger::with_the_sites_key().login("hub-a", Strength::Weak, 0), "/");
    browser.open("/hub/home").await;
    browser.send(Request::get(first)).await;

    let states = |path: &str| {
        let seen = site.seen("hub-a").into_iter().find(|seen| seen.path() == path).unwrap();
        seen.cookies().iter().filter(|(name, _)| name.starts_with("oauthenticator-state")).count()
    };
    assert_eq!((states("/hub/home"), states("/hub/oauth_callback")), (0, 1));
}

#[tokio::test]
async fn a_callback_whose_login_is_not_known_any_more_begins_anew_and_reaches_no_hub() {
    let provider = SimProvider::start().await.unwrap();
    let site = site_with(&provider).await;
    let ann = site.user_at("hub-a", 0);
    provider.set_user(Some(&ann));
    let mut browser = site.browser();
    let back = half_a_login(&mut browser, "hub-a", "/hub/home").await;
    let states: Vec<String> =
        browser.names().into_iter().filter(|name| name.starts_with("oauth")).map(ToOwned::to_owned).collect();
    states.iter().for_each(|name| browser.forget(name));
    site.forget();

    let answer = browser.send(Request::get(back)).await;

    assert_eq!((answer.status.as_u16(), answer.location()), (302, "/hub/login?next=%2Fhub%2Fhome"));
    assert!(site.hubs_asked().is_empty());
    let home = browser.open_through("/hub/home").await;
    assert_eq!((home.status.as_u16(), home.hub()), (200, "hub-a"));
}

#[tokio::test]
async fn a_callback_of_a_foreign_login_does_not_end_the_one_under_way() {
    let provider = SimProvider::start().await.unwrap();
    let site = site_with(&provider).await;
    provider.set_user(Some(&site.user_at("hub-a", 0)));
    let mut browser = site.browser();
    let back = half_a_login(&mut browser, "hub-a", "/hub/home").await;

    let foreign = browser.send(Request::get("/hub/oauth_callback?code=1&state=foreign")).await;
    assert_eq!((foreign.status.as_u16(), foreign.hub()), (400, "hub-a"));

    assert_eq!(browser.send(Request::get(back)).await.status, 302);
    assert!(browser.has_login("hub-a"));
}

#[tokio::test]
async fn a_provider_that_refuses_is_told_by_the_hub_that_asked_it() {
    let provider = SimProvider::start().await.unwrap();
    let site = site_with(&provider).await;
    provider.set_user(Some("nobody"));
    for hub in HUBS {
        let mut browser = site.browser();
        let back = half_a_login(&mut browser, hub, "/hub/home").await;
        let state = back.split_once("state=").unwrap().1;
        let answer = browser.open(&format!("/hub/oauth_callback?error=access_denied&state={state}")).await;
        assert_eq!((answer.status.as_u16(), answer.hub()), (400, hub));
    }
}

#[tokio::test]
async fn a_visit_needs_no_password_but_the_click_of_consent() {
    let provider = SimProvider::start().await.unwrap();
    let site = site_with(&provider).await;
    let home = site.home_of("admin");
    let away = other_than(&home);
    let owner = site.user_at(away, 0);
    site.hub(away).start_server(&owner, "").await;
    provider.set_user(Some("admin"));
    let mut admin = site.browser();
    admin.open_through("/hub/home").await;

    let consent = admin.open_through(&format!("/user/{owner}/lab")).await;
    let lab = admin.agree(&consent).await;

    assert_eq!((lab.status.as_u16(), lab.hub()), (200, away), "{:?}", lab.way);
    assert_eq!(admin.open("/hub/home").await.way.len(), 1);
}

#[tokio::test]
async fn a_chosen_hub_is_logged_in_to_without_a_click_too() {
    let provider = SimProvider::start().await.unwrap();
    let site = site_with(&provider).await;
    let home = site.home_of("admin");
    let away = other_than(&home);
    provider.set_user(Some("admin"));
    let mut admin = site.browser();
    admin.open_through("/hub/home").await;
    admin.open(&format!("/_hubrouter/hub/{away}")).await;

    let page = admin.open_through("/hub/admin").await;

    assert_eq!((page.status.as_u16(), page.hub()), (200, away), "{:?}", page.way);
    assert!(admin.has_login(&home) && admin.has_login(away), "{:?}", admin.names());
}

#[tokio::test]
async fn a_login_as_somebody_else_leaves_no_jar_of_the_one_before() {
    let provider = SimProvider::start().await.unwrap();
    let site = site_with(&provider).await;
    let (ann, bob) = (site.user_at("hub-a", 0), site.user_at("hub-b", 0));
    provider.set_user(Some(&ann));
    let mut browser = site.browser();
    browser.open_through("/hub/home").await;
    assert!(browser.has_login("hub-a"));
    let before = browser.cookie("jupyterhub-hub-login.hub-a").unwrap().to_owned();
    site.forget();

    // The provider knows this browser as somebody else by now, whose home is another hub.
    provider.set_user(Some(&bob));
    let landed = browser.open_through("/hub/oauth_login?next=%2Fhub%2Fhome").await;

    assert_eq!((landed.status.as_u16(), landed.hub()), (200, "hub-b"), "{:?}", landed.way);
    assert_ne!(
        browser.cookie("jupyterhub-hub-login.hub-a"),
        Some(before.as_str()),
        "{ann} is still logged in here"
    );
    assert!(!browser.has_login("hub-a"), "{:?}", browser.names());
    assert_eq!(Forger::with_the_sites_key().user_of(browser.cookie("hubrouter").unwrap()), Some(bob));
    site.until_asked("hub-a", "GET /hub/logout").await;
}

#[tokio::test]
async fn hubs_that_never_agree_on_a_name_end_in_a_page_that_says_what_to_do() {
    let (one, two) = (SimProvider::start().await.unwrap(), SimProvider::start().await.unwrap());
    let mut sketch = Sketch::with_hubs(&HUBS);
    log_in_at(&one, &mut sketch.hubs[0]);
    log_in_at(&two, &mut sketch.hubs[1]);
    let site = sketch.start().await;
    // Each hub names somebody who belongs to the other.
    let (at_b, at_a) = (site.user_at("hub-b", 0), site.user_at("hub-a", 0));
    one.set_user(Some(&at_b));
    two.set_user(Some(&at_a));
    let mut browser = site.browser();

    let end = browser.open_through("/hub/home").await;

    assert_eq!(end.status, 409, "{:?}: {}", end.way, end.body);
    assert!(end.body.contains("goes round in circles"), "{}", end.body);
    assert!(end.body.contains("Clear this site") && end.body.contains("Log in again"), "{}", end.body);
    let logins: usize = HUBS.iter().map(|hub| site.times(hub, "GET /hub/oauth_callback")).sum();
    assert_eq!(logins, 3, "two rounds, then the page");
    assert_eq!(browser.cookie("hubrouter-login"), None, "the next login begins at nought");
    assert!(!browser.has_login("hub-a") && !browser.has_login("hub-b"), "{:?}", browser.names());
}

/// What an authenticator of another make says: its state is in a cookie of a name of its own.
fn odd_authenticator(id: &'static str) -> impl Fn(&str, &http::HeaderMap) -> super::support::canned::Canned {
    move |target, fields| {
        let path = target.split('?').next().unwrap();
        match path {
            "/hub/login" | "/hub/oauth_login" => {
                let state = format!("state-of-{id}");
                let to = format!("https://idp.example/authorize?client_id=x&state={state}");
                canned(
                    302,
                    &[("location", &to), ("set-cookie", &format!("odd-flow={state}; Path=/; HttpOnly"))],
                    "",
                )
            }
            "/hub/oauth_callback" => {
                let cookies = fields.get("cookie").and_then(|value| value.to_str().ok()).unwrap_or_default();
                canned(200, &[("content-type", "text/html")], &format!("served by {id}; cookies: {cookies}"))
            }
            _ => canned(404, &[], ""),
        }
    }
}

#[tokio::test]
async fn an_authenticator_with_cookies_of_other_names_works_where_the_site_names_them() {
    let site = Sketch::with_hubs(&HUBS).configured("site: {jar_cookies: [odd-flow]}").start().await;
    let a = CannedHub::instead_of(&site.hubs[0], odd_authenticator("hub-a")).await;
    let b = CannedHub::instead_of(&site.hubs[1], odd_authenticator("hub-b")).await;
    for hub in HUBS {
        site.until_plane(hub, "hub", "up").await;
    }
    for last in HUBS {
        let mut browser = site.browser();
        for hub in HUBS.into_iter().filter(|hub| *hub != last).chain([last]) {
            browser.plant(
                "hubrouter-login",
                &Forger::with_the_sites_key().login(hub, Strength::Weak, 0),
                "/",
            );
            let begun = browser.open("/hub/oauth_login").await;
            assert!(
                begun.sets(&format!("odd-flow.{hub}")) && begun.sets("hubrouter-flow"),
                "{:?}",
                begun.set_cookies()
            );
        }

        let ended: Answer = browser.open(&format!("/hub/oauth_callback?code=1&state=state-of-{last}")).await;

        assert_eq!((ended.status.as_u16(), ended.hub().split(';').next()), (200, Some(last)));
        assert!(ended.body.ends_with(&format!("cookies: odd-flow=state-of-{last}")), "{}", ended.body);
    }
    let callbacks =
        |hub: &CannedHub| hub.seen().iter().filter(|(head, _)| head.contains("oauth_callback")).count();
    assert_eq!((callbacks(&a), callbacks(&b)), (1, 1));
}
