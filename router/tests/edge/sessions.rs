//! Our session: who gets one, when it is renewed, and how hubs are asked where it is missing.

use hubrouter_loadtest::simhub::Plane;

use super::support::canned::{CannedHub, canned};
use super::support::site::PASSWORD;
use super::support::{Forger, HUBS, Request, Site, Sketch};

/// A login that goes on to a page which starts nothing.
const LOGIN: &str = "/hub/login?next=%2Fhub%2Fhome";

async fn site() -> Site {
    Sketch::with_hubs(&HUBS).start().await
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

    let answer =
        browser.send(Request::get("/hub/login?next=%2Fhub%2Fhome").with("accept", "text/html")).await;

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
    let script =
        browser.send(Request::get(format!("/hub/api/users/{ann}")).with("sec-fetch-mode", "cors")).await;
    assert!(!script.sets("hubrouter"));
    let server =
        browser.send(Request::get(format!("/user/{ann}/lab")).with("sec-fetch-mode", "navigate")).await;
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
    let asked: Vec<_> =
        site.seen("hub-a").into_iter().filter(|seen| seen.path() == "/hub/api/user").collect();
    assert_eq!(asked.len(), 5);
    assert!(asked.iter().all(|seen| seen.plane == Plane::Hub));
}

#[tokio::test]
async fn of_several_logins_the_first_that_a_hub_knows_says_who_it_is_and_the_refused_ones_end() {
    let ids = ["hub-a", "hub-b", "hub-c", "hub-d"];
    let site = Sketch::with_hubs(&ids).start().await;
    let cara = site.user_at("hub-c", 0);
    let mut known = site.logged_in(&cara).await;
    let login = known.cookie("jupyterhub-hub-login.hub-c").unwrap().to_owned();
    known.forget("hubrouter");
    let mut browser = site.browser();
    for (hub, value) in
        [("hub-a", "stale"), ("hub-b", "stale"), ("hub-c", login.as_str()), ("hub-d", "stale")]
    {
        browser.plant(&format!("jupyterhub-hub-login.{hub}"), value, "/hub/");
    }
    site.forget();

    let page = browser.open("/hub/home").await;

    assert_eq!((page.status.as_u16(), page.hub()), (200, "hub-c"));
    assert_eq!(Forger::with_the_sites_key().user_of(browser.cookie("hubrouter").unwrap()), Some(cara));
    assert_eq!(
        site.hubs_asked(),
        ["hub-a", "hub-b", "hub-c"],
        "three are asked at most, in the order of the cookies"
    );
    let left: Vec<&str> = ids.into_iter().filter(|hub| browser.has_login(hub)).collect();
    assert_eq!(left, ["hub-c", "hub-d"]);
}

#[tokio::test]
async fn a_planted_login_beside_the_real_one_is_shown_to_no_hub_and_cannot_end_it() {
    let site = site().await;
    let ann = site.user_at("hub-a", 0);
    let mut browser = site.logged_in(&ann).await;
    let real = browser.cookie("jupyterhub-hub-login.hub-a").unwrap().to_owned();
    browser.plant("jupyterhub-hub-login.hub-a", "planted", "/hub/home");
    site.forget();

    browser.send(Request::get("/hub/home").with("sec-fetch-mode", "navigate")).await;

    let shown = site.seen("hub-a").into_iter().flat_map(|seen| seen.cookies());
    assert!(shown.into_iter().all(|(name, _)| name != "jupyterhub-hub-login"));
    assert!(browser.cookies().iter().any(|cookie| cookie.value == real), "the real one is gone");
    assert_eq!(browser.open("/hub/token").await.way.len(), 1, "where the planted one is not, all is well");
}

#[tokio::test]
async fn a_hub_that_cannot_say_who_logged_in_keeps_its_login() {
    let site = site().await;
    let _a = CannedHub::instead_of(&site.hubs[0], |target, _| match target {
        "/hub/api/user" => canned(500, &[], "no"),
        _ => canned(
            302,
            &[("location", "/hub/home"), ("set-cookie", "jupyterhub-hub-login=x; Path=/hub/")],
            "",
        ),
    })
    .await;
    site.until_plane("hub-a", "hub", "up").await;
    let mut browser = site.browser();
    let next = format!("/hub/login?next=%2Fhub%2Fuser%2F{}%2F", site.user_at("hub-a", 0));

    let answer = browser.send(Request::get(next).with("accept", "text/html")).await;

    assert_eq!((answer.status.as_u16(), answer.location()), (302, "/hub/home"));
    assert!(browser.has_login("hub-a") && browser.cookie("hubrouter").is_none(), "{:?}", browser.names());
}

#[tokio::test]
async fn who_waits_for_a_dead_hub_gets_the_session_and_is_asked_about_no_more() {
    let site = site().await;
    let ann = site.user_at("hub-a", 0);
    let mut browser = site.browser();
    // A visit, so that the hub that knows her is not the one she belongs to.
    let next = format!("/hub/login?next=%2Fhub%2Fuser%2F{}%2F", site.user_at("hub-b", 0));
    browser.log_in(&next, &ann, PASSWORD).await;
    browser.forget("hubrouter");
    site.hub("hub-a").kill().await;
    site.until_plane("hub-a", "proxy", "down").await;
    site.forget();

    for _ in 0..7 {
        let page = browser.open("/hub/home").await;
        assert_eq!(page.status, 503, "{}", page.body);
    }

    assert_eq!(Forger::with_the_sites_key().user_of(browser.cookie("hubrouter").unwrap()), Some(ann));
    assert_eq!(site.asked("hub-b"), ["GET /hub/api/user"]);
}
