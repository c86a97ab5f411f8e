//! Where a login happens, and where it lands: at the hub of its next page, and never off the site.

use hubrouter::core::login::Strength;

use super::support::browser::escape;
use super::support::canned::{Canned, CannedHub, canned};
use super::support::site::PASSWORD;
use super::support::{Forger, HUBS, Request, Site, Sketch, other_than};

/// A login that goes on to a page which starts nothing.
const LOGIN: &str = "/hub/login?next=%2Fhub%2Fhome";

async fn site() -> Site {
    Sketch::with_hubs(&HUBS).start().await
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
        let page = browser.open(&format!("/hub/login?next={}", escape(next))).await;
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
async fn a_next_page_by_its_whole_address_on_this_site_counts() {
    let site = site().await;
    let (ann, bob) = (site.user_at("hub-a", 0), site.user_at("hub-b", 0));
    let mut browser = site.browser();
    let next = escape(&format!("http://{}/hub/user/{bob}/", site.address));

    let page = browser.open(&format!("/hub/login?next={next}")).await;
    assert_eq!(page.hub(), "hub-b");
    browser.submit(&page, &ann, PASSWORD).await;

    assert!(browser.has_login("hub-b") && !browser.has_login("hub-a"), "{:?}", browser.names());
}

/// A hub that logs `user` in at once, whatever is posted, and goes on to `next`; by token and cookie it knows nobody else.
fn eager_hub(user: String, next: String) -> impl Fn(&str, &http::HeaderMap) -> Canned {
    move |target, _| match target.split('?').next().unwrap() {
        "/hub/api/user" => canned(200, &[], &format!("{{\"kind\": \"user\", \"name\": \"{user}\"}}")),
        _ => canned(302, &[("location", &next), ("set-cookie", "jupyterhub-hub-login=x; Path=/hub/")], ""),
    }
}

#[tokio::test]
async fn a_login_that_is_sent_on_keeps_the_next_page_that_a_hub_names_by_its_whole_address() {
    let site = site().await;
    let bob = site.user_at("hub-b", 0);
    let next = format!("http://{}/hub/token?x=1", site.address);
    let _a = CannedHub::instead_of(&site.hubs[0], eager_hub(bob, next)).await;
    site.until_plane("hub-a", "hub", "up").await;
    let mut browser = site.browser();
    browser.plant("hubrouter-login", &Forger::with_the_sites_key().login("hub-a", Strength::Weak, 0), "/");

    let answer = browser.send(Request::get("/hub/login").with("accept", "text/html")).await;

    assert_eq!((answer.status.as_u16(), answer.location()), (302, "/hub/login?next=%2Fhub%2Ftoken%3Fx%3D1"));
    assert!(!browser.has_login("hub-a"), "{:?}", browser.names());
}

#[tokio::test]
async fn a_login_that_is_sent_on_never_leads_off_the_site() {
    let site = site().await;
    let bob = site.user_at("hub-b", 0);
    let _a = CannedHub::instead_of(&site.hubs[0], eager_hub(bob, "//evil.example/hub/home".into())).await;
    site.until_plane("hub-a", "hub", "up").await;
    let mut browser = site.browser();
    browser.plant("hubrouter-login", &Forger::with_the_sites_key().login("hub-a", Strength::Weak, 0), "/");

    let answer = browser.send(Request::get("/hub/login").with("accept", "text/html")).await;

    assert_eq!((answer.status.as_u16(), answer.location()), (302, "/hub/login"));
}

#[tokio::test]
async fn a_spoofed_host_leads_nowhere() {
    let site = site().await;
    let ann = site.user_at("hub-a", 0);
    let mut browser = site.logged_in(&ann).await;
    let answer = browser.send(Request::get("/hub/logout").with("host", "evil.example")).await;
    assert!(
        answer.location().starts_with('/') && !answer.location().contains("evil"),
        "{}",
        answer.location()
    );
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
    let there = other_than(first.hub());
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

    assert_eq!(browser.open("/hub/login").await.hub(), other_than(&first));
}
