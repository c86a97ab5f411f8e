//! Logging in by form: at whichever hub the form came from, everybody lands at home, and nobody else does.

use http::Method;
use hubrouter::core::login::Strength;
use hubrouter_loadtest::simhub::Plane;

use super::support::site::PASSWORD;
use super::support::{Answer, Browser, Forger, Request, Site, Sketch};

const HUBS: [&str; 2] = ["hub-a", "hub-b"];
/// A login that goes on to a page which starts nothing.
const LOGIN: &str = "/hub/login?next=%2Fhub%2Fhome";
const EVIL: &str = "https://evil.example";

async fn site() -> Site {
    Sketch::with_hubs(&HUBS).start().await
}

fn other(hub: &str) -> &'static str {
    HUBS.into_iter().find(|id| *id != hub).unwrap()
}

/// A stranger's login page, the hub that made it, and a user who is at home at the other one.
async fn form_of_another_hub(site: &Site) -> (Browser, Answer, &'static str, String) {
    let mut browser = site.browser();
    let page = browser.open(LOGIN).await;
    assert!(page.is_login_form(), "{}", page.body);
    let home = other(page.hub());
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
    assert!(browser.has_login(home) && !browser.has_login(other(home)), "{:?}", browser.names());
    assert_eq!(site.times(other(home), "POST /hub/login"), 0);
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
    let body = [part("_xsrf", &page.form_token()), part("username", &user), part("password", PASSWORD)].concat();
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
async fn a_planted_token_logs_no_foreign_form_in() {
    let site = site().await;
    let user = site.user_at("hub-b", 0);
    for origin in [Some(EVIL), None] {
        let mut browser = site.browser();
        browser.plant("_xsrf.hub-a", "foo", "/hub/");
        let form = bare_form("foo", &user);
        let answer = browser.send(origin.map_or(bare_form("foo", &user), |origin| form.with("origin", origin))).await;
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

#[tokio::test]
async fn a_login_for_somebody_elses_page_happens_at_their_hub() {
    let site = site().await;
    let (ann, bob) = (site.user_at("hub-a", 0), site.user_at("hub-b", 0));
    let mut browser = site.browser();

    let next = format!("/hub/login?next=%2Fhub%2Fuser%2F{bob}%2F");
    let page = browser.open(&next).await;
    assert_eq!(page.hub(), "hub-b");
    browser.submit(&page, &ann, PASSWORD).await;

    assert!(browser.has_login("hub-b") && !browser.has_login("hub-a"), "{:?}", browser.names());
    assert_eq!(browser.open("/hub/home").await.hub(), "hub-a");
}

#[tokio::test]
async fn a_next_page_off_the_site_is_ignored() {
    let site = site().await;
    let bob = site.user_at("hub-b", 0);
    for next in [
        "https://evil.example/user/x/",
        "//evil.example/",
        "/\\evil.example/",
        "\\\\evil.example",
        "///evil.example",
        "javascript:alert(1)",
    ] {
        let mut browser = site.browser();
        let page = browser.open(&format!("/hub/login?next={}", super::support::browser::escape(next))).await;
        let form = Request::form(
            page.way.last().unwrap(),
            &[("_xsrf", &page.form_token()), ("username", &bob), ("password", PASSWORD)],
        );
        let landed = browser.send(form.with("origin", &format!("http://{}", site.address))).await;
        assert_eq!(landed.status, 302, "{next}: {}", landed.body);
        let to = landed.location();
        assert!(to.starts_with('/') && !to.starts_with("//") && !to.contains('\\'), "{next} led to {to}");
        assert!(browser.has_login("hub-b"), "{next}");
    }
}

#[tokio::test]
async fn a_spoofed_host_leads_nowhere() {
    let site = site().await;
    let ann = site.user_at("hub-a", 0);
    let mut browser = site.logged_in(&ann).await;
    let answer = browser.send(Request::get("/hub/logout").with("host", "evil.example")).await;
    assert!(answer.location().starts_with('/') && !answer.location().contains("evil"), "{}", answer.location());
}

#[tokio::test]
async fn a_strong_login_goes_on_at_its_hub_over_the_name_in_the_form() {
    let site = site().await;
    let (forger, ann) = (Forger::with_the_sites_key(), site.user_at("hub-a", 0));
    let mut browser = site.browser();
    browser.plant("hubrouter-login", &forger.login("hub-b", Strength::Strong, 1), "/");
    browser.plant("hubrouter", &forger.session(&ann, 0), "/");

    let page = browser.open(LOGIN).await;
    assert_eq!(page.hub(), "hub-b");
    let landed = browser.submit(&page, &ann, PASSWORD).await;

    assert_eq!(landed.status, 200, "{:?}", landed.way);
    assert!(browser.has_login("hub-b"), "sent there for this user, so the login is final");
    assert_eq!(browser.cookie("hubrouter-login"), None, "the mark ends with the login");
}

#[tokio::test]
async fn a_strong_login_whose_hub_is_dead_begins_anew_elsewhere() {
    let site = site().await;
    let forger = Forger::with_the_sites_key();
    let ann = site.user_at("hub-a", 0);
    site.hub("hub-b").kill().await;
    site.until_plane("hub-b", "proxy", "down").await;
    let mut browser = site.browser();
    browser.plant("hubrouter-login", &forger.login("hub-b", Strength::Strong, 1), "/");

    let landed = browser.log_in(LOGIN, &ann, PASSWORD).await;

    assert_eq!(landed.status, 200, "{:?}", landed.way);
    assert!(browser.has_login("hub-a"));
}

#[tokio::test]
async fn a_stranger_stays_at_one_hub_until_the_login_ends() {
    let site = site().await;
    let forger = Forger::with_the_sites_key();
    let mut browser = site.browser();
    let first = browser.open("/hub/login").await;
    let mark = forger.mark_of(browser.cookie("hubrouter-login").unwrap());
    assert_eq!(mark, Some((first.hub().to_owned(), Strength::Weak, 0)));

    // By its address alone this client would be sent to the first hub again.
    let there = other(first.hub());
    browser.plant("hubrouter-login", &forger.login(there, Strength::Weak, 0), "/");
    for _ in 0..3 {
        assert_eq!(browser.open("/hub/login").await.hub(), there);
        assert_eq!(browser.open("/hub/home").await.hub(), there);
    }
    browser.log_in(LOGIN, &site.user_at("hub-a", 0), PASSWORD).await;
    assert_eq!(browser.cookie("hubrouter-login"), None);
}

#[tokio::test]
async fn a_strangers_hub_that_dies_is_left() {
    let site = site().await;
    let mut browser = site.browser();
    let first = browser.open("/hub/login").await.hub().to_owned();
    site.hub(&first).kill().await;
    site.until_plane(&first, "proxy", "down").await;

    assert_eq!(browser.open("/hub/login").await.hub(), other(&first));
}

#[tokio::test]
async fn a_login_issues_the_session_anew_for_the_user_whom_the_hub_names() {
    let site = site().await;
    let forger = Forger::with_the_sites_key();
    let (ann, mallory) = (site.user_at("hub-a", 0), site.user_at("hub-b", 0));
    let planted = forger.session(&mallory, 0);
    let mut browser = site.browser();
    browser.plant("hubrouter", &planted, "/");

    browser.log_in(LOGIN, &ann, PASSWORD).await;

    let session = browser.cookie("hubrouter").unwrap();
    assert_ne!(session, planted);
    assert_eq!(forger.user_of(session), Some(ann));
}

#[tokio::test]
async fn a_login_that_the_hub_holds_already_renews_the_session() {
    let site = site().await;
    let ann = site.user_at("hub-a", 0);
    let mut browser = site.logged_in(&ann).await;
    browser.forget("hubrouter");
    site.forget();

    let answer = browser.send(Request::get("/hub/login?next=%2Fhub%2Fhome").with("accept", "text/html")).await;

    assert_eq!(answer.status, 302);
    assert!(!answer.sets("jupyterhub-hub-login.hub-a"), "the hub does not set it again");
    assert!(answer.sets("hubrouter"), "{:?}", answer.set_cookies());
    assert_eq!(Forger::with_the_sites_key().user_of(browser.cookie("hubrouter").unwrap()), Some(ann));
}

#[tokio::test]
async fn a_session_with_less_than_half_its_life_left_is_renewed_on_a_page_and_only_there() {
    let site = site().await;
    let forger = Forger::with_the_sites_key();
    let ann = site.user_at("hub-a", 0);
    let mut browser = site.logged_in(&ann).await;

    browser.plant("hubrouter", &forger.session(&ann, 6), "/");
    assert!(!browser.open("/hub/home").await.sets("hubrouter"), "more than half is left");

    browser.plant("hubrouter", &forger.session(&ann, 8), "/");
    let script = browser.send(Request::get(format!("/hub/api/users/{ann}")).with("sec-fetch-mode", "cors")).await;
    assert!(!script.sets("hubrouter"));
    let server = browser.send(Request::get(format!("/user/{ann}/lab")).with("sec-fetch-mode", "navigate")).await;
    assert!(!server.sets("hubrouter"));
    assert!(browser.open("/hub/home").await.sets("hubrouter"));
}

#[tokio::test]
async fn a_login_without_a_session_is_asked_about_once_and_gets_its_session() {
    let site = site().await;
    let ann = site.user_at("hub-a", 0);
    let mut browser = site.logged_in(&ann).await;
    browser.forget("hubrouter");
    site.forget();

    let home = browser.open("/hub/home").await;
    assert_eq!((home.status.as_u16(), home.hub()), (200, "hub-a"));
    assert!(home.sets("hubrouter"));
    assert_eq!(site.times("hub-a", "GET /hub/api/user"), 1);
    let question = site.only("hub-a", "/hub/api/user");
    assert_eq!(question.header("sec-fetch-mode"), None, "a hub would refuse the question otherwise");

    browser.open("/hub/home").await;
    assert_eq!(site.times("hub-a", "GET /hub/api/user"), 1, "asked again");
}

#[tokio::test]
async fn a_script_without_a_session_causes_no_question_and_goes_to_the_hub_of_its_login() {
    let site = site().await;
    let ann = site.user_at("hub-a", 0);
    let mut browser = site.logged_in(&ann).await;
    browser.forget("hubrouter");
    site.forget();

    let token = browser.cookie("_xsrf.hub-a").unwrap().to_owned();
    let answer = browser
        .send(Request::get(format!("/hub/api/services?_xsrf={token}")).with("sec-fetch-mode", "cors"))
        .await;

    assert_eq!(site.asked("hub-a"), ["GET /hub/api/services"], "{}", answer.body);
    assert!(!answer.sets("hubrouter"));
}

#[tokio::test]
async fn a_login_that_its_hub_refuses_is_dropped_and_the_page_is_shown_to_a_stranger() {
    let site = site().await;
    for hub in HUBS {
        let mut browser = site.browser();
        browser.plant(&format!("jupyterhub-hub-login.{hub}"), "stale", "/hub/");

        let page = browser.open("/hub/home").await;

        assert!(page.is_login_form(), "{:?}", page.way);
        assert!(!browser.has_login(hub), "{:?}", browser.names());
        let landed = browser.submit(&page, &site.user_at(hub, 0), PASSWORD).await;
        assert_eq!(landed.status, 200, "{:?}", landed.way);
        assert!(browser.has_login(hub));
    }
}

#[tokio::test]
async fn the_end_of_a_refused_login_does_not_end_what_the_hub_sets_in_the_same_answer() {
    let site = site().await;
    for hub in HUBS {
        let mut browser = site.browser();
        browser.plant(&format!("jupyterhub-hub-login.{hub}"), "stale", "/hub/");
        let page = browser.open("/hub/no-such-page").await;
        assert_eq!(page.status, 404);
        let jar = format!("_xsrf.{}", page.hub());
        assert!(browser.cookie(&jar).is_some(), "the token of the page is lost: {:?}", page.set_cookies());
    }
}

#[tokio::test]
async fn one_client_makes_the_router_ask_five_times_a_minute_at_most() {
    let site = site().await;
    for _ in 0..8 {
        let mut browser = site.browser();
        browser.plant("jupyterhub-hub-login.hub-a", "made-up", "/hub/");
        assert_eq!(browser.open("/hub/home").await.status, 200);
    }
    let asked: Vec<_> = site.seen("hub-a").into_iter().filter(|seen| seen.path() == "/hub/api/user").collect();
    assert_eq!(asked.len(), 5);
    assert!(asked.iter().all(|seen| seen.plane == Plane::Hub));
}
