//! Bounds: eight jars, eight logins under way, and heads that hubs can take.

use http::Method;

use super::{LOGIN, site};
use crate::support::{Request, Sketch};

#[tokio::test]
async fn beyond_eight_jars_the_oldest_visit_ends_and_its_hub_is_told() {
    let ids: Vec<String> = (1..=9).map(|number| format!("h{number}")).collect();
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    let site = Sketch::with_hubs(&ids).start().await;
    // The oldest jar is the one at home: it may not go.
    let ann = site.user_at("h1", 0);
    let mut browser = site.logged_in(&ann).await;
    for id in &ids[1..] {
        browser.plant(&format!("jupyterhub-hub-login.{id}"), &format!("login-{id}"), "/hub/");
    }
    site.forget();

    let answer = browser.open("/hub/home").await;

    assert_eq!((answer.status.as_u16(), answer.hub()), (200, "h1"));
    assert!(answer.ends("jupyterhub-hub-login.h2"), "{:?}", answer.set_cookies());
    let left: Vec<&str> = ids.iter().copied().filter(|id| browser.has_login(id)).collect();
    assert_eq!(left, ["h1", "h3", "h4", "h5", "h6", "h7", "h8", "h9"]);
    site.until_asked("h2", "GET /hub/logout").await;
    assert!(
        site.only("h2", "/hub/logout")
            .cookies()
            .contains(&("jupyterhub-hub-login".into(), "login-h2".into()))
    );
    assert_eq!(site.hubs_asked(), ["h1", "h2"], "the others were left in peace");
}

#[tokio::test]
async fn beyond_eight_logins_under_way_the_oldest_are_forgotten() {
    let site = site().await;
    let mut browser = site.logged_in(&site.user_at("hub-a", 0)).await;
    for number in 0..10 {
        browser.plant(&format!("oauthenticator-state.hub-b.0000000{number}"), "x", "/");
    }

    browser.open("/hub/home").await;

    let left: Vec<&str> = browser.names().into_iter().filter(|name| name.starts_with("oauth")).collect();
    assert_eq!(left.len(), 8);
    assert_eq!(left[0], "oauthenticator-state.hub-b.00000002");
}

#[tokio::test]
async fn cookies_that_are_too_many_get_a_page_whose_button_clears_them() {
    let site = site().await;
    let mut browser = site.logged_in(&site.user_at("hub-a", 0)).await;
    for number in 0..24 {
        browser.plant(&format!("oauthenticator-state.hub-a.000000{number:02}"), &"x".repeat(1500), "/");
    }
    site.forget();

    let page = browser.open("/hub/home").await;
    assert_eq!(page.status, 431);
    assert!(site.hubs_asked().is_empty());
    let (_, form) = page.body.split_once("action=\"").unwrap_or_else(|| panic!("no form: {}", page.body));
    let cleared = browser.follow(Request::form(form.split('"').next().unwrap(), &[])).await;

    assert_eq!(cleared.status, 200, "{}", cleared.body);
    assert_eq!(cleared.field("clear-site-data"), Some("\"cookies\""));
    assert!(browser.open(LOGIN).await.is_login_form());
}

#[tokio::test]
async fn a_link_does_not_clear_cookies_and_neither_does_another_site() {
    let site = site().await;
    let mut browser = site.logged_in(&site.user_at("hub-a", 0)).await;
    let clear = || Request::new(Method::POST, "/_hubrouter/clear-cookies");
    let attempts = [
        Request::get("/_hubrouter/clear-cookies").with("sec-fetch-site", "none"),
        clear().with("sec-fetch-site", "cross-site"),
        clear().with("sec-fetch-site", "same-site"),
        clear().with("origin", "https://evil.example"),
        clear().with("origin", "null"),
    ];
    for (number, attempt) in attempts.into_iter().enumerate() {
        let answer = browser.send(attempt.with("accept", "text/html")).await;
        assert_eq!(answer.status, 200, "{number}");
        assert!(answer.body.contains("Clear this site"), "{number}: {}", answer.body);
        assert!(browser.has_login("hub-a"), "{number}");
    }
}

#[tokio::test]
async fn the_field_for_a_hub_stays_below_what_its_proxy_takes() {
    let site = site().await;
    let mut browser = site.logged_in(&site.user_at("hub-a", 0)).await;
    for number in 0..8 {
        browser.plant(&format!("note-{number}"), &"x".repeat(3000), "/");
    }
    site.forget();

    let page = browser.open("/hub/home").await;

    assert_eq!((page.status.as_u16(), page.way.len()), (200, 1), "the login was cut off");
    let sent = site.only("hub-a", "/hub/home").header("cookie").unwrap().len();
    assert!(sent < 15 * 1024, "{sent} bytes");
}
