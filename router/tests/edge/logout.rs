//! Logging out: everywhere at once, also at hubs that are dead, and with nothing left that opens a door.

use http::Method;

use super::support::canned::{CannedHub, canned};
use super::support::site::PASSWORD;
use super::support::{Browser, HUBS, RawHub, Request, Site, Sketch, other_than};

struct Scene {
    site: Site,
    home: String,
    away: &'static str,
    owner: String,
    admin: Browser,
}

/// The admin with a server of their own at home, and a visit at the other hub.
async fn scene() -> Scene {
    let site = Sketch::with_hubs(&HUBS).start().await;
    let home = site.home_of("admin");
    let away = other_than(&home);
    let owner = site.user_at(away, 0);
    site.hub(away).start_server(&owner, "").await;
    let mut admin = site.at_work("admin").await;
    assert_eq!(admin.visit(&format!("/user/{owner}/lab"), "admin").await.status, 200);
    site.forget();
    Scene { site, home, away, owner, admin }
}

fn cookie_names(seen: &hubrouter_loadtest::simhub::Seen) -> Vec<String> {
    let mut names: Vec<String> = seen.cookies().into_iter().map(|(name, _)| name).collect();
    names.sort();
    names
}

#[tokio::test]
async fn one_logout_logs_out_at_every_hub() {
    let Scene { site, home, away, owner, mut admin } = scene().await;

    let answer = admin.send(Request::get("/hub/logout").with("accept", "text/html")).await;

    assert_eq!((answer.status.as_u16(), answer.location()), (302, "/hub/login"));
    for hub in [home.as_str(), away] {
        let told = site.only(hub, "/hub/logout");
        assert_eq!(cookie_names(&told), ["_xsrf", "jupyterhub-hub-login", "jupyterhub-session-id"], "{hub}");
        for name in ["jupyterhub-hub-login", "jupyterhub-session-id", "_xsrf"] {
            assert!(answer.ends(&format!("{name}.{hub}")), "{name}.{hub}: {:?}", answer.set_cookies());
        }
    }
    assert!(answer.ends("hubrouter"));
    for (page, at) in [("/hub/home", &home), (&format!("/user/{owner}/lab"), &away.to_owned())] {
        let form = admin.open(page).await;
        assert!(form.is_login_form(), "{page} at {at}: {:?}", form.way);
    }
    assert!(admin.open("/user/admin/lab").await.is_login_form());
}

#[tokio::test]
async fn the_cookies_that_are_left_over_open_no_server() {
    let Scene { site, owner, mut admin, .. } = scene().await;
    let servers = ["jupyterhub-user-admin".to_owned(), format!("jupyterhub-user-{owner}")];
    let kept: Vec<_> =
        admin.cookies().iter().filter(|cookie| servers.contains(&cookie.name)).cloned().collect();
    assert_eq!(kept.len(), 2);

    admin.open("/hub/logout").await;

    let mut thief = site.browser();
    for cookie in kept {
        thief.plant(&cookie.name, &cookie.value, &cookie.path);
    }
    for server in ["admin", &owner] {
        let lab = thief.open(&format!("/user/{server}/lab")).await;
        assert!(lab.is_login_form(), "the server of {server} opens: {:?}", lab.way);
    }
}

#[tokio::test]
async fn the_logout_of_a_server_logs_out_everywhere_too() {
    let Scene { site, home, away, owner, mut admin } = scene().await;

    let end = admin.open(&format!("/user/{owner}/logout")).await;

    assert!(end.is_login_form(), "{:?}", end.way);
    for hub in [home.as_str(), away] {
        assert_eq!(site.times(hub, "GET /hub/logout"), 1, "{hub}");
        assert!(!admin.has_login(hub), "{hub}");
    }
}

#[tokio::test]
async fn a_logout_works_while_a_visited_hub_is_dead_which_is_told_when_it_is_back() {
    let Scene { site, home, away, owner, mut admin } = scene().await;
    site.hub(away).stop_hub().await;

    let answer = admin.send(Request::get("/hub/logout").with("accept", "text/html")).await;

    assert_eq!(answer.status, 302, "the hub at home answers: {}", answer.body);
    assert!(!admin.has_login(&home) && !admin.has_login(away), "{:?}", admin.names());
    site.hub(away).start_hub().await.unwrap();
    site.until_told(away).await;
    assert_eq!(
        cookie_names(&site.only(away, "/hub/logout")),
        ["_xsrf", "jupyterhub-hub-login", "jupyterhub-session-id"]
    );
    assert!(admin.open(&format!("/user/{owner}/lab")).await.is_login_form());
}

#[tokio::test]
async fn a_logout_works_while_the_hub_at_home_is_dead_and_says_so() {
    let Scene { site, home, away, mut admin, .. } = scene().await;
    site.hub(&home).stop_hub().await;

    let page = admin.open("/hub/logout").await;

    assert_eq!((page.status.as_u16(), page.way.len()), (200, 1));
    assert!(page.body.contains("could not be told") && page.body.contains(&home), "{}", page.body);
    assert!(
        page.ends("jupyterhub-user-admin"),
        "the server of the one who logged out: {:?}",
        page.set_cookies()
    );
    assert_eq!(site.times(away, "GET /hub/logout"), 1);
    assert!(admin.names().iter().all(|name| !name.contains("hub-login")), "{:?}", admin.names());
    assert!(admin.cookie("hubrouter").is_none() && admin.cookie("jupyterhub-user-admin").is_none());

    site.hub(&home).start_hub().await.unwrap();
    site.until_told(&home).await;
    let mut back = site.browser();
    assert!(back.open("/hub/home").await.is_login_form());
}

#[tokio::test]
async fn a_logout_waits_for_a_silent_hub_two_seconds_at_most() {
    let Scene { site, home, mut admin, .. } = scene().await;
    site.hub(&home).hang(true);
    let asked = std::time::Instant::now();

    let page = admin.open("/hub/logout").await;

    let took = asked.elapsed().as_millis();
    assert!((1900..4000).contains(&took), "{took} ms");
    assert!(page.body.contains("could not be told"), "{}", page.body);
    assert!(!admin.has_login(&home), "{:?}", admin.names());
}

#[tokio::test]
async fn a_hub_at_home_that_leads_to_the_logout_of_its_provider_is_followed() {
    let Scene { site, home, mut admin, .. } = scene().await;
    let idp = "https://idp.example/logout?back=1";
    let at = site.hubs.iter().position(|hub| hub.id() == home).unwrap();
    let _hub = CannedHub::instead_of(&site.hubs[at], move |target, _| match target {
        "/hub/logout" => canned(302, &[("location", idp), ("set-cookie", "idp-hint=x; Path=/")], ""),
        _ => canned(404, &[], ""),
    })
    .await;

    let answer = admin.send(Request::get("/hub/logout")).await;

    assert_eq!((answer.status.as_u16(), answer.location()), (302, idp));
    assert!(answer.sets("idp-hint") && answer.ends("hubrouter"), "{:?}", answer.set_cookies());
}

#[tokio::test]
async fn a_single_hub_is_logged_out_of_as_ever() {
    let site = Sketch::with_hubs(&["hub-a"]).start().await;
    let mut browser = site.logged_in("ann").await;
    browser.open("/hub/spawn").await;

    let form = browser.open("/hub/logout").await;

    assert!(form.is_login_form(), "{:?}", form.way);
    assert_eq!(site.times("hub-a", "GET /hub/logout"), 1);
    assert!(browser.names().iter().all(|name| !name.contains("hub-login") && !name.contains("session")));
    assert!(browser.open("/user/ann/lab").await.is_login_form());
}

#[tokio::test]
async fn a_logout_without_a_login_asks_no_hub_and_says_so() {
    let site = Sketch::with_hubs(&HUBS).start().await;
    let mut browser = site.browser();

    let page = browser.open("/hub/logout").await;

    assert_eq!((page.status.as_u16(), page.way.len()), (200, 1));
    assert!(
        page.body.contains("You are logged out") && page.body.contains("href=\"/hub/login\""),
        "{}",
        page.body
    );
    assert!(site.hubs_asked().is_empty());
}

#[tokio::test]
async fn a_visitor_who_is_not_logged_in_at_home_logs_out_where_the_visit_was() {
    let Scene { site, home, away, mut admin, .. } = scene().await;
    for name in ["jupyterhub-hub-login", "jupyterhub-session-id", "_xsrf"] {
        admin.forget(&format!("{name}.{home}"));
    }

    let page = admin.open("/hub/logout").await;

    assert!(page.status == 200 && page.body.contains("You are logged out"), "{}", page.body);
    assert_eq!(site.times(away, "GET /hub/logout"), 1);
    assert!(!admin.has_login(away));
}

#[tokio::test]
async fn a_planted_login_does_not_spare_the_real_one_from_the_logout() {
    let Scene { site, home, mut admin, .. } = scene().await;
    let real = admin.cookie(&format!("jupyterhub-hub-login.{home}")).unwrap().to_owned();
    admin.plant(&format!("jupyterhub-hub-login.{home}"), "planted", "/");

    admin.send(Request::get("/hub/logout").with("accept", "text/html")).await;

    let told: Vec<String> = site
        .seen(&home)
        .into_iter()
        .filter(|seen| seen.path() == "/hub/logout")
        .flat_map(|seen| seen.cookies())
        .filter(|(name, _)| name == "jupyterhub-hub-login")
        .map(|(_, value)| value)
        .collect();
    assert!(told.contains(&real), "{told:?}");
}

#[tokio::test]
async fn the_page_after_the_logout_of_automatic_logins_is_the_hubs_own() {
    let provider = hubrouter_loadtest::simhub::SimProvider::start().await.unwrap();
    let site = super::support::provider::hubs_with(&provider, &HUBS).start().await;
    provider.set_user(Some("admin"));
    let mut admin = site.browser();
    admin.open_through("/hub/home").await;

    let page = admin.open("/hub/logout").await;

    assert_eq!((page.status.as_u16(), page.hub()), (200, site.home_of("admin").as_str()));
    assert!(page.body.contains("Successfully logged out"), "{}", page.body);
    assert_eq!(admin.open("/hub/logout").await.way.len(), 1, "a second one logs nobody in again");
    assert!(admin.names().iter().all(|name| !name.contains("hub-login")), "{:?}", admin.names());
}

#[tokio::test]
async fn the_token_that_the_login_page_brings_survives_the_logout() {
    let Scene { site, mut admin, .. } = scene().await;
    let form = admin.open("/hub/logout").await;
    let landed = admin.submit(&form, "admin", PASSWORD).await;
    assert_eq!(landed.status, 200, "{:?}: {}", landed.way, landed.body);
    assert_eq!(site.hub(&site.home_of("admin")).servers().len(), 1);
}

#[tokio::test]
async fn a_script_of_another_site_cannot_post_a_logout() {
    let Scene { site, mut admin, .. } = scene().await;
    let post = Request::new(Method::POST, "/hub/logout").with("sec-fetch-mode", "no-cors");
    assert_eq!(admin.send(post.with("sec-fetch-site", "cross-site")).await.status, 403);
    assert!(site.hubs_asked().is_empty());
}

#[tokio::test]
async fn a_hub_that_takes_logouts_and_never_answers_keeps_nobody_from_seeing_another_die() {
    let mut hanging = RawHub::start().await;
    let site = Sketch::with_hubs(&["hub-a"]).and_raw_hub("raw", &hanging).start().await;
    let mut leaving = Vec::new();
    for number in 0..25 {
        let mut client = site.wire().await;
        let cookie = format!("jupyterhub-hub-login.raw=made-up-{number}");
        client.say(format!("GET /hub/logout HTTP/1.1\r\nHost: site\r\nCookie: {cookie}\r\n\r\n")).await;
        leaving.push((client, hanging.request().await));
    }
    for (client, _) in &mut leaving {
        assert!(client.head().await.starts_with("HTTP/1.1 200 "));
    }
    let _told_again = hanging.request().await;

    site.hub("hub-a").kill().await;

    let killed_at = std::time::Instant::now();
    site.until_plane("hub-a", "proxy", "down").await;
    assert!(killed_at.elapsed() < std::time::Duration::from_secs(5), "{:?}", killed_at.elapsed());
}
