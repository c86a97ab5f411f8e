//! One jar per hub in one browser: names on the way out and in.

mod adoption;
mod bounds;
mod pages;

use crate::support::canned::{CannedHub, canned};
use crate::support::site::PASSWORD;
use crate::support::{Browser, HUBS, Request, Site, Sketch, other_than};

const LOGIN: &str = "/hub/login?next=%2Fhub%2Fhome";

async fn site() -> Site {
    Sketch::with_hubs(&HUBS).start().await
}

/// A browser with logins of the admin at both hubs, and a user with a running server at the hub where the admin is not at
/// home.
async fn admin_at_both(site: &Site) -> (Browser, &'static str, String) {
    let home = site.home_of("admin");
    let away = other_than(&home);
    let owner = site.user_at(away, 0);
    site.hub(away).start_server(&owner, "").await;
    let mut admin = site.logged_in("admin").await;
    assert_eq!(admin.visit(&format!("/user/{owner}/lab"), "admin").await.status, 200);
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
    assert!(
        attributes("jupyterhub-session-id").contains("Path=/") && !attributes("_xsrf").contains("HttpOnly")
    );
    assert!(
        answer
            .set_cookies()
            .iter()
            .all(|line| !line.starts_with("_xsrf=") && !line.starts_with("jupyterhub-hub-login="))
    );
}

#[tokio::test]
async fn a_hub_sees_its_own_jar_under_its_own_names_and_nobody_elses() {
    let site = site().await;
    let (mut admin, away, owner) = admin_at_both(&site).await;
    let home = site.home_of("admin");
    admin.plant("theme", "dark", "/");
    for (name, path) in [
        ("jupyterhub-hub-login", "/hub/"),
        ("_xsrf", "/hub/"),
        ("jupyterhub-session-id", "/"),
        ("hubrouter-x", "/"),
    ] {
        admin.plant(name, "planted", path);
    }
    let value = |hub: &str, name: &str| admin.cookie(&format!("{name}.{hub}")).unwrap().to_owned();
    let jar =
        |hub: &str| ["_xsrf", "jupyterhub-hub-login", "jupyterhub-session-id"].map(|name| value(hub, name));
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

    assert_eq!(answer.set_cookies(), ["jupyterhub-hub-login.hub-a=good; Path=/hub/", "colour=blue; Path=/"]);
}

#[tokio::test]
async fn cookies_that_come_in_several_fields_reach_a_hub_in_one() {
    let site = site().await;
    let ann = site.user_at("hub-a", 0);
    let browser = site.logged_in(&ann).await;
    let field = browser.cookie_field("/hub/home");
    let (first, rest) = field.split_once("; ").unwrap();
    site.forget();

    let request = Request::get("/hub/home").with("cookie", first).with("cookie", rest);
    assert_eq!(site.browser().send(request).await.status, 200);

    let fields =
        site.only("hub-a", "/hub/home").headers.into_iter().filter(|(name, _)| name == "cookie").count();
    assert_eq!(fields, 1);
}
