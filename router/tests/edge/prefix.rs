//! A site below a path: every address, cookie and redirect keeps the prefix.

use super::support::{HUBS, Request, Site, Sketch, other_than};

async fn site() -> Site {
    Sketch::with_hubs(&HUBS).base_url("/jhub/").start().await
}

#[tokio::test]
async fn a_site_below_a_path_logs_people_in_at_home_and_starts_their_servers() {
    let site = site().await;
    for hub in HUBS {
        let user = site.user_at(hub, 0);
        let mut browser = site.logged_in(&user).await;
        assert_eq!(browser.open("/jhub/hub/home").await.hub(), hub);
        let lab = browser.open("/jhub/hub/spawn").await;
        assert_eq!((lab.status.as_u16(), lab.hub()), (200, hub), "{:?}", lab.way);
        assert_eq!(lab.way.last().unwrap().split('?').next().unwrap(), format!("/jhub/user/{user}/lab"));
        let path =
            |name: &str| browser.cookies().iter().find(|cookie| cookie.name == name).unwrap().path.clone();
        assert_eq!(path(&format!("jupyterhub-hub-login.{hub}")), "/jhub/hub/");
        assert_eq!(path(&format!("_xsrf.{hub}")), "/jhub/hub/");
        assert_eq!(path(&format!("jupyterhub-session-id.{hub}")), "/jhub/");
        assert_eq!(path("hubrouter"), "/");
    }
}

#[tokio::test]
async fn a_visit_below_a_path_keeps_the_session_at_home() {
    let site = site().await;
    let home = site.home_of("admin");
    let away = other_than(&home);
    let owner = site.user_at(away, 0);
    site.hub(away).start_server(&owner, "").await;
    let mut admin = site.logged_in("admin").await;

    let lab = admin.visit(&format!("/jhub/user/{owner}/lab"), "admin").await;

    assert_eq!((lab.status.as_u16(), lab.hub()), (200, away), "{:?}", lab.way);
    assert_eq!(admin.open("/jhub/hub/home").await.hub(), home);

    let end = admin.open(&format!("/jhub/user/{owner}/logout")).await;
    assert!(end.is_login_form(), "{:?}", end.way);
    assert!(admin.names().iter().all(|name| !name.contains("hub-login")), "{:?}", admin.names());
    for hub in HUBS {
        assert_eq!(site.times(hub, "GET /jhub/hub/logout"), 1, "{hub}");
    }
    assert!(admin.open(&format!("/jhub/user/{owner}/lab")).await.is_login_form());
}

#[tokio::test]
async fn the_routers_own_pages_stand_below_the_path_too() {
    let site = site().await;
    let mut admin = site.logged_in("admin").await;
    let page = admin.open("/jhub/_hubrouter/hub/hub-b").await;
    assert!(page.body.contains("href=\"/jhub/hub/admin\""), "{}", page.body);
    assert_eq!(admin.open("/jhub/hub/login").await.hub(), "hub-b");
    let conflict =
        site.browser().send(Request::get("/jhub/hub/api/users").with("authorization", "token x")).await;
    assert_eq!(conflict.status, 409);
    assert_eq!(site.browser().send(Request::get("/jhub/hub/metrics")).await.status, 403);
}

#[tokio::test]
async fn an_address_outside_the_path_names_nobody() {
    let site = site().await;
    let bob = site.user_at("hub-b", 0);
    let answer = site.browser().send(Request::get(format!("/user/{bob}/lab"))).await;
    assert!(answer.status.is_redirection() || answer.status.is_client_error(), "{}", answer.status);
    let lone = site.browser().send(Request::get("/hub/metrics")).await;
    assert_ne!(lone.status, 200);
}
