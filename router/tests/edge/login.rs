//! Logging in by form: at whichever hub the form came from, everybody lands at home, and nobody else does.

use http::Method;

use super::support::site::PASSWORD;
use super::support::{Answer, Browser, Forger, HUBS, Request, Site, Sketch, other_than};

/// A login that goes on to a page which starts nothing.
const LOGIN: &str = "/hub/login?next=%2Fhub%2Fhome";
const EVIL: &str = "https://evil.example";

async fn site() -> Site {
    Sketch::with_hubs(&HUBS).start().await
}

/// A stranger's login page, the hub that made it, and a user who is at home at the other one.
async fn form_of_another_hub(site: &Site) -> (Browser, Answer, &'static str, String) {
    let mut browser = site.browser();
    let page = browser.open(LOGIN).await;
    assert!(page.is_login_form(), "{}", page.body);
    let home = other_than(page.hub());
    let user = site.user_at(home, 0);
    site.forget();
    (browser, page, home, user)
}

/// The form as a script or another site sends it: without the fields that browsers add by themselves.
fn bare_form(token: &str, user: &str) -> Request {
    Request::form("/hub/login", &[("_xsrf", token), ("username", user), ("password", PASSWORD)])
}

#[tokio::test]
async fn a_form_of_another_hub_is_exchanged_for_one_of_the_users_own() {
    let site = site().await;
    let (mut browser, page, home, user) = form_of_another_hub(&site).await;

    let landed = browser.submit(&page, &user, PASSWORD).await;

    assert_eq!(landed.status, 200, "{:?}", landed.way);
    assert!(browser.has_login(home) && !browser.has_login(other_than(home)), "{:?}", browser.names());
    assert_eq!(site.times(other_than(home), "POST /hub/login"), 0);
    let posted = site.seen(home).into_iter().find(|seen| seen.method == "POST").unwrap();
    let cookies: Vec<String> = posted.cookies().into_iter().map(|(name, _)| name).collect();
    assert_eq!(cookies, ["_xsrf"], "only the fresh token goes with the form");
    let fetched = site.only_get(home, "/hub/login");
    assert!(fetched.cookies().is_empty());
    assert_eq!(fetched.header("user-agent"), posted.header("user-agent"));
    assert_eq!(fetched.header("x-real-ip"), posted.header("x-real-ip"));
    assert_eq!(fetched.header("host"), posted.header("host"));
    assert_eq!(fetched.header("sec-fetch-mode"), None);
}

#[tokio::test]
async fn a_wrong_password_shows_the_page_of_the_right_hub_whose_form_works_as_it_is() {
    let site = site().await;
    let (mut browser, page, home, user) = form_of_another_hub(&site).await;

    let refused = browser.submit(&page, &user, "wrong").await;
    assert_eq!(refused.status, 403);
    assert_eq!(refused.hub(), home);
    assert!(refused.body.contains("Invalid username or password"), "{}", refused.body);

    site.forget();
    let landed = browser.submit(&refused, &user, PASSWORD).await;
    assert_eq!(landed.status, 200, "{:?}", landed.way);
    assert!(browser.has_login(home));
    assert_eq!(site.times(home, "GET /hub/login"), 0, "a second exchange: {:?}", site.asked(home));
}

#[tokio::test]
async fn a_form_of_ones_own_hub_is_not_exchanged() {
    let site = site().await;
    let mut browser = site.browser();
    let page = browser.open(LOGIN).await;
    let home = page.hub().to_owned();
    site.forget();

    let landed = browser.submit(&page, &site.user_at(&home, 0), PASSWORD).await;

    assert_eq!((landed.status.as_u16(), site.times(&home, "GET /hub/login")), (200, 0));
}

#[tokio::test]
async fn a_multipart_form_is_exchanged_too() {
    let site = site().await;
    let (mut browser, page, home, user) = form_of_another_hub(&site).await;
    let part = |name: &str, value: &str| {
        format!("--xYz\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
    };
    let body =
        [part("_xsrf", &page.form_token()), part("username", &user), part("password", PASSWORD)].concat();
    let form = Request::new(Method::POST, LOGIN)
        .with("content-type", "multipart/form-data; boundary=xYz")
        .body(format!("{body}--xYz--\r\n"));

    let landed = browser.follow(form).await;

    assert_eq!(landed.status, 200, "{:?}", landed.way);
    assert!(browser.has_login(home), "{:?}", browser.names());
}

#[tokio::test]
async fn capitals_and_blanks_around_a_name_lead_to_the_same_home() {
    let site = site().await;
    let (mut browser, page, home, user) = form_of_another_hub(&site).await;

    let typed = format!("  {}  ", user.to_uppercase());
    let landed = browser.submit(&page, &typed, PASSWORD).await;

    assert_eq!(landed.status, 200, "{:?}", landed.way);
    assert!(browser.has_login(home));
    assert_eq!(Forger::with_the_sites_key().user_of(browser.cookie("hubrouter").unwrap()), Some(user));
}

#[tokio::test]
async fn a_form_sent_by_another_site_is_not_exchanged_and_the_hub_refuses_it() {
    let site = site().await;
    let (mut browser, page, home, user) = form_of_another_hub(&site).await;
    let token = page.form_token();
    let cross = |form: Request| form.with("sec-fetch-mode", "navigate").with("sec-fetch-site", "cross-site");
    let own = format!("http://{}", site.address);
    let requests = [
        ("a foreign origin", bare_form(&token, &user).with("origin", EVIL)),
        ("no origin", bare_form(&token, &user)),
        ("an opaque origin", bare_form(&token, &user).with("origin", "null")),
        ("two origins", bare_form(&token, &user).with("origin", &own).with("origin", EVIL)),
        ("a browser that says so", cross(bare_form(&token, &user).with("origin", EVIL))),
        ("a browser that knows better than its origin", cross(bare_form(&token, &user).with("origin", &own))),
        ("a sibling host", bare_form(&token, &user).with("origin", &own).with("sec-fetch-site", "same-site")),
    ];
    for (what, request) in requests {
        let answer = browser.send(request).await;
        assert_eq!(answer.status, 403, "{what}");
        assert!(!browser.has_login(home), "{what}");
    }
}

#[tokio::test]
async fn a_browser_on_a_plain_http_site_says_only_its_origin_and_that_is_enough() {
    let site = site().await;
    let (mut browser, page, home, user) = form_of_another_hub(&site).await;
    let form = bare_form(&page.form_token(), &user).with("origin", &format!("http://{}", site.address));

    let answer = browser.send(form).await;

    assert_eq!(answer.status, 302, "{}", answer.body);
    assert!(browser.has_login(home));
}

#[tokio::test]
async fn a_planted_token_logs_no_foreign_form_in() {
    let site = site().await;
    let user = site.user_at("hub-b", 0);
    for origin in [Some(EVIL), None] {
        let mut browser = site.browser();
        browser.plant("_xsrf.hub-a", "foo", "/hub/");
        let form = bare_form("foo", &user);
        let answer =
            browser.send(origin.map_or(bare_form("foo", &user), |origin| form.with("origin", origin))).await;
        assert_eq!(answer.status, 403, "{origin:?}");
        assert!(!browser.has_login("hub-b") && browser.cookie("hubrouter").is_none(), "{origin:?}");
    }
}

#[tokio::test]
async fn a_token_that_is_in_no_jar_is_not_exchanged() {
    let site = site().await;
    let (mut browser, page, home, user) = form_of_another_hub(&site).await;
    for token in ["", "foo", &page.form_token()[1..]] {
        let answer = browser.follow(bare_form(token, &user)).await;
        assert_eq!(answer.status, 403, "{token:?}");
    }
    let mut without_cookie = site.browser();
    let answer = without_cookie.follow(bare_form(&page.form_token(), &user)).await;
    assert_eq!(answer.status, 403);
    assert!(!browser.has_login(home) && !without_cookie.has_login(home));
    assert_eq!(site.times(home, "GET /hub/login"), 0, "nothing was exchanged");
}

#[tokio::test]
async fn a_body_that_is_no_login_form_reaches_a_hub_as_it_came() {
    let site = site().await;
    let mut browser = site.browser();
    for body in ["username=a&username=b", "{}", "username=%ff", ""] {
        let request = Request::new(Method::POST, "/hub/login")
            .with("content-type", "application/x-www-form-urlencoded")
            .body(body);
        assert_eq!(browser.follow(request).await.status, 403, "{body}");
    }
    let long = format!("username=ada&password={}", "x".repeat(70_000));
    let request = Request::new(Method::POST, "/hub/login")
        .with("content-type", "application/x-www-form-urlencoded")
        .body(long);
    site.forget();
    assert_eq!(browser.follow(request).await.status, 413);
    assert!(site.hubs_asked().is_empty());
}
