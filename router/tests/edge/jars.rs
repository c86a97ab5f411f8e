//! One jar per hub in one browser: names on the way out and in, tokens of pages, bounds, and the day a second hub joins.

use http::Method;
use hubrouter_loadtest::simhub::{SimHub, SimHubOptions};

use super::support::canned::{CannedHub, canned};
use super::support::site::PASSWORD;
use super::support::{Browser, Forger, Request, Site, Sketch};

const HUBS: [&str; 2] = ["hub-a", "hub-b"];
const LOGIN: &str = "/hub/login?next=%2Fhub%2Fhome";

async fn site() -> Site {
    Sketch::with_hubs(&HUBS).start().await
}

/// A browser with logins of the admin at both hubs, and a user with a running server at the hub where the admin is not at
/// home.
async fn admin_at_both(site: &Site) -> (Browser, &'static str, String) {
    let home = site.home_of("admin");
    let away = HUBS.into_iter().find(|id| *id != home).unwrap();
    let owner = site.user_at(away, 0);
    site.hub(away).start_server(&owner, "").await;
    let mut admin = site.logged_in("admin").await;
    let form = admin.open(&format!("/user/{owner}/lab")).await;
    let consent = admin.submit(&form, "admin", PASSWORD).await;
    assert_eq!(admin.agree(&consent).await.status, 200);
    (admin, away, owner)
}

fn names(cookies: &[(String, String)]) -> Vec<&str> {
    cookies.iter().map(|(name, _)| name.as_str()).collect()
}

#[tokio::test]
async fn a_hubs_cookies_get_its_id_and_keep_their_attributes() {
    let site = site().await;
    let mut browser = site.browser();
    let page = browser.open(LOGIN).await;
    let hub = page.hub().to_owned();
    let user = site.user_at(&hub, 0);
    let origin = format!("http://{}", site.address);
    let fields = [("_xsrf", page.form_token()), ("username", user), ("password", PASSWORD.to_owned())];
    let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();

    let answer = browser.send(Request::form(LOGIN, &fields).with("origin", &origin)).await;

    let line = |name: &str| {
        let begin = format!("{name}.{hub}=");
        let found = answer.set_cookies().into_iter().find(|line| line.starts_with(&begin));
        found.unwrap_or_else(|| panic!("no {begin} in {:?}", answer.set_cookies())).to_owned()
    };
    let attributes = |name: &str| line(name).split_once(';').unwrap().1.to_owned();
    assert!(attributes("jupyterhub-hub-login").contains("Path=/hub/"));
    assert!(attributes("jupyterhub-hub-login").contains("HttpOnly"));
    assert!(attributes("jupyterhub-session-id").contains("Path=/") && !attributes("_xsrf").contains("HttpOnly"));
    assert!(answer.set_cookies().iter().all(|line| !line.starts_with("_xsrf=") && !line.starts_with("jupyterhub-hub-login=")));
}

#[tokio::test]
async fn a_hub_sees_its_own_jar_under_its_own_names_and_nobody_elses() {
    let site = site().await;
    let (mut admin, away, owner) = admin_at_both(&site).await;
    let home = site.home_of("admin");
    admin.plant("theme", "dark", "/");
    for (name, path) in
        [("jupyterhub-hub-login", "/hub/"), ("_xsrf", "/hub/"), ("jupyterhub-session-id", "/"), ("hubrouter-x", "/")]
    {
        admin.plant(name, "planted", path);
    }
    let value = |hub: &str, name: &str| admin.cookie(&format!("{name}.{hub}")).unwrap().to_owned();
    let jar = |hub: &str| ["_xsrf", "jupyterhub-hub-login", "jupyterhub-session-id"].map(|name| value(hub, name));
    let (jar_home, jar_away) = (jar(&home), jar(away));
    site.forget();

    admin.open("/hub/home").await;
    admin.open(&format!("/hub/user/{owner}/")).await;

    for (hub, path, jar) in
        [(home.as_str(), "/hub/home".to_owned(), jar_home), (away, format!("/hub/user/{owner}/"), jar_away)]
    {
        let mut cookies = site.only(hub, &path).cookies();
        cookies.retain(|(name, _)| name != "theme");
        cookies.sort();
        assert_eq!(names(&cookies), ["_xsrf", "jupyterhub-hub-login", "jupyterhub-session-id"], "{hub}");
        assert_eq!(cookies.into_iter().map(|(_, value)| value).collect::<Vec<_>>(), jar, "{hub}");
        assert!(site.only(hub, &path).cookies().contains(&("theme".into(), "dark".into())));
    }
}

#[tokio::test]
async fn a_server_sees_of_the_jar_the_session_id_alone() {
    let site = site().await;
    let ann = site.user_at("hub-a", 0);
    let mut browser = site.at_work(&ann).await;
    browser.plant("jupyterhub-session-id.hub-b", "other", "/");
    browser.plant("oauthenticator-state.hub-a", "x", "/");
    browser.plant("__Host-jupyterhub-hub-login.hub-a", "x", "/");
    browser.plant("jupyterhub-session-id", "raw", "/");
    let session = browser.cookie("jupyterhub-session-id.hub-a").unwrap().to_owned();
    site.forget();

    browser.open(&format!("/user/{ann}/headers")).await;

    let mut cookies = site.only("hub-a", &format!("/user/{ann}/headers")).cookies();
    cookies.sort();
    let own = format!("jupyterhub-user-{ann}");
    assert_eq!(names(&cookies), ["_xsrf", "jupyterhub-session-id", own.as_str()]);
    assert_eq!(cookies[1].1, session);
}

#[tokio::test]
async fn jars_of_hubs_that_are_not_configured_reach_nobody_and_are_expired() {
    let site = site().await;
    let mut browser = site.logged_in(&site.user_at("hub-a", 0)).await;
    browser.plant("jupyterhub-hub-login.hub-gone", "x", "/hub/");
    browser.plant("jupyterhub-session-id.hub-gone", "x", "/");
    site.forget();

    let answer = browser.open("/hub/home").await;

    assert!(answer.ends("jupyterhub-hub-login.hub-gone") && answer.ends("jupyterhub-session-id.hub-gone"));
    assert!(names(&site.only("hub-a", "/hub/home").cookies()).iter().all(|name| !name.contains("gone")));
    assert!(browser.names().iter().all(|name| !name.contains("gone")), "{:?}", browser.names());
}

#[tokio::test]
async fn the_login_of_one_hub_offered_as_anothers_ends_that_jar_alone() {
    let site = site().await;
    let ann = site.user_at("hub-a", 0);
    let mut browser = site.logged_in(&ann).await;
    let login = browser.cookie("jupyterhub-hub-login.hub-a").unwrap().to_owned();
    browser.plant("jupyterhub-hub-login.hub-b", &login, "/hub/");

    browser.open(&format!("/hub/user/{}/tree", site.user_at("hub-b", 0))).await;

    assert!(!browser.has_login("hub-b") && browser.has_login("hub-a"), "{:?}", browser.names());
    assert_eq!(browser.open("/hub/home").await.way.len(), 1);
}

#[tokio::test]
async fn a_page_of_one_hub_calls_the_api_of_another_with_a_token_that_fits_there() {
    let site = site().await;
    let (mut admin, away, owner) = admin_at_both(&site).await;
    let page = admin.open("/hub/home").await;
    let token = page.body.split_once("xsrf_token: \"").unwrap().1.split('"').next().unwrap().to_owned();
    let path = format!("/hub/api/users/{owner}/tokens");
    let call = |target: String| {
        Request::new(Method::POST, target)
            .with("content-type", "application/json")
            .with("sec-fetch-mode", "cors")
            .with("origin", &format!("http://{}", site.address))
            .body("{}")
    };
    let calls = [
        call(format!("{path}?_xsrf={token}")),
        call(path.clone()).with("x-xsrftoken", &token),
        call(path.clone()).with("x-csrftoken", &token),
    ];
    for (number, call) in calls.into_iter().enumerate() {
        let made = admin.send(call).await;
        assert_eq!(made.status, 201, "call {number}: {}", made.body);
    }
    assert_eq!(site.times(away, &format!("POST {path}")), 3);
    let theirs = admin.cookie(&format!("_xsrf.{away}")).unwrap();
    let sent = site.seen(away).into_iter().find(|seen| seen.target.contains("?_xsrf=")).unwrap();
    assert!(sent.target.ends_with(theirs), "{} is not {theirs}", sent.target);

    let unknown = admin.send(call(format!("{path}?_xsrf=made-up"))).await;
    assert_eq!(unknown.status, 403, "a token of no jar is the hub's to refuse");
}

#[tokio::test]
async fn a_page_of_one_hub_may_nothing_at_another_where_there_is_no_login() {
    let site = site().await;
    let home = site.home_of("admin");
    let away = HUBS.into_iter().find(|id| *id != home).unwrap();
    let owner = site.user_at(away, 0);
    site.hub(away).token_of(&owner);
    let mut admin = site.logged_in("admin").await;
    let token = admin.cookie(&format!("_xsrf.{home}")).unwrap().to_owned();

    let call = Request::new(Method::POST, format!("/hub/api/users/{owner}/tokens?_xsrf={token}"))
        .with("content-type", "application/json")
        .with("origin", &format!("http://{}", site.address))
        .with("sec-fetch-mode", "cors");

    assert_eq!(admin.send(call).await.status, 403);
    assert_eq!(site.times(&home, &format!("POST /hub/api/users/{owner}/tokens")), 0);
}

#[tokio::test]
async fn files_of_a_page_come_from_the_hub_of_the_page() {
    let site = site().await;
    let (mut admin, away, owner) = admin_at_both(&site).await;
    let home = site.home_of("admin");
    site.forget();
    let origin = format!("http://{}", site.address);
    let css = || Request::get("/hub/static/css/style.min.css?v=1").with("sec-fetch-mode", "no-cors");

    admin.send(css().with("referer", &format!("{origin}/hub/user/{owner}/lab"))).await;
    assert_eq!(site.hubs_asked(), [away]);
    site.forget();
    for other in [format!("{origin}/hub/home"), format!("https://evil.example/user/{owner}/lab")] {
        admin.send(css().with("referer", &other)).await;
    }
    assert_eq!(site.hubs_asked(), [home.as_str()]);
}

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
    assert!(site.only("h2", "/hub/logout").cookies().contains(&("jupyterhub-hub-login".into(), "login-h2".into())));
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
async fn join(site: &mut Site, id: &str, more: &str) {
    site.hubs.push(SimHub::start(SimHubOptions::named(id)).await.unwrap());
    site.reconfigure(more);
    site.until_plane(id, "hub", "up").await;
    site.until_plane(id, "proxy", "up").await;
}

#[tokio::test]
async fn nobody_is_logged_out_when_a_second_hub_joins() {
    let mut site = Sketch::with_hubs(&["hub-a"]).start().await;
    let mut browsers = Vec::new();
    // As many as one client may ask about in a minute.
    for number in 0..5 {
        browsers.push((format!("user{number}"), site.logged_in(&format!("user{number}")).await));
    }
    join(&mut site, "hub-b", "").await;

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

#[tokio::test]
async fn a_hub_may_not_write_anothers_jar_or_the_routers_cookies() {
    let site = site().await;
    let lines = [
        "jupyterhub-hub-login.hub-b=x; Path=/hub/",
        "_xsrf.hub-b=x; Path=/hub/",
        "hubrouter=x; Path=/",
        "hubrouter-login=x; Path=/",
        "jupyterhub-hub-login=good; Path=/hub/",
        "colour=blue; Path=/",
    ];
    let _a = CannedHub::instead_of(&site.hubs[0], move |_, _| {
        let fields: Vec<(&str, &str)> = lines.iter().map(|line| ("set-cookie", *line)).collect();
        canned(200, &fields, "served by hub-a")
    })
    .await;
    site.until_plane("hub-a", "hub", "up").await;
    let mut browser = site.browser();

    let answer = browser.open(&format!("/hub/user/{}/", site.user_at("hub-a", 0))).await;

    assert_eq!(
        answer.set_cookies(),
        ["jupyterhub-hub-login.hub-a=good; Path=/hub/", "colour=blue; Path=/"]
    );
}
