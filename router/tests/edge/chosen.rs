//! A chosen hub: how admins reach each hub's admin page, and testers a hub in maintenance.

use hubrouter::identify::signed::Kind;

use super::support::site::PASSWORD;
use super::support::{Browser, Forger, HUBS, Request, Site, Sketch, other_than};

struct Scene {
    site: Site,
    home: String,
    away: &'static str,
    admin: Browser,
}

/// The admin, logged in at home.
async fn scene() -> Scene {
    let site = Sketch::with_hubs(&HUBS).start().await;
    let home = site.home_of("admin");
    let away = other_than(&home);
    let admin = site.logged_in("admin").await;
    site.forget();
    Scene { site, home, away, admin }
}

fn has_banner(body: &str, hub: &str) -> bool {
    body.contains(&format!("This browser has chosen the hub <code>{hub}</code>"))
}

/// Changes the intent of a hub in the configuration file.
async fn intend(site: &Site, hub: &str, intent: &str) {
    let text = std::fs::read_to_string(&site.file).unwrap();
    let changed = text.replace(&format!("{{id: {hub}, "), &format!("{{id: {hub}, intent: {intent}, "));
    assert_ne!(text, changed);
    std::fs::write(&site.file, changed).unwrap();
    site.until(&format!("{hub} is in {intent}"), |status| {
        status["hubs"].as_array().unwrap().iter().any(|view| view["id"] == hub && view["intent"] == intent)
    })
    .await;
}

/// Users' files are on each hub alone: nobody moves.
async fn keep_files_on_each_hub(site: &Site) {
    site.edit(|text| text.replace("storage: shared", "storage: local"));
    site.until_reloaded(true).await;
}

#[tokio::test]
async fn an_admin_chooses_a_hub_and_sees_its_admin_page() {
    let Scene { site, home, away, mut admin } = scene().await;

    let page = admin.open(&format!("/_hubrouter/hub/{away}")).await;
    assert_eq!(page.status, 200);
    assert!(
        page.body.contains(&format!("You have chosen {away}")) && has_banner(&page.body, away),
        "{}",
        page.body
    );
    assert!(page.body.contains("href=\"/hub/admin\""), "{}", page.body);
    let line = page.set_cookies().into_iter().find(|line| line.starts_with("hubrouter-hub=")).unwrap();
    assert!(line.ends_with("; Path=/; Max-Age=3600; HttpOnly; SameSite=Lax"), "{line}");

    let form = admin.open("/hub/admin").await;
    assert!(form.is_login_form() && form.hub() == away, "{:?}", form.way);
    let shell = admin.submit(&form, "admin", PASSWORD).await;
    assert_eq!((shell.status.as_u16(), shell.hub(), shell.way.len()), (200, away, 2));
    let token = shell.body.split_once("xsrf_token: \"").unwrap().1.split('"').next().unwrap();
    let list = admin
        .send(Request::get(format!("/hub/api/users?_xsrf={token}")).with("sec-fetch-mode", "cors"))
        .await;
    assert_eq!(list.status, 200, "{}", list.body);
    assert_eq!(site.times(away, "GET /hub/api/users"), 1);

    admin.open("/_hubrouter/hub/").await;
    assert_eq!(admin.open("/hub/admin").await.hub(), home);
}

#[tokio::test]
async fn what_names_an_owner_goes_to_their_hub_whatever_is_chosen() {
    let Scene { site, home, away, mut admin } = scene().await;
    admin.open(&format!("/_hubrouter/hub/{away}")).await;
    let owner = site.user_at(&home, 0);
    site.forget();

    for target in
        [format!("/user/{owner}/lab"), format!("/hub/user/{owner}/"), format!("/hub/api/users/{owner}")]
    {
        admin.send(Request::get(target)).await;
    }
    assert_eq!(site.hubs_asked(), [home.as_str()]);
}

#[tokio::test]
async fn every_page_of_the_router_says_which_hub_is_chosen_until_the_choice_is_cleared() {
    let Scene { site, home, away, mut admin } = scene().await;
    admin.open(&format!("/_hubrouter/hub/{away}")).await;
    let owner = site.user_at(&home, 0);
    site.hub(&home).kill().await;
    site.until_plane(&home, "proxy", "down").await;

    for target in ["/_hubrouter/nothing", "/hub/api/shutdown", "/hub/spawn", &format!("/hub/user/{owner}/")] {
        let page = admin.open(target).await;
        assert!(!page.status.is_success() && has_banner(&page.body, away), "{target}: {}", page.body);
    }
    let list = admin.open("/_hubrouter/hub/").await;
    assert_eq!(list.status, 200);
    assert!(HUBS.iter().all(|hub| list.body.contains(&format!("/_hubrouter/hub/{hub}"))), "{}", list.body);
    assert!(!list.body.contains("has chosen") && admin.cookie("hubrouter-hub").is_none());
    assert!(!admin.open("/_hubrouter/nothing").await.body.contains("has chosen"));
}

#[tokio::test]
async fn another_site_cannot_choose_a_click_on_our_page_can() {
    let Scene { site: _site, away, mut admin, .. } = scene().await;
    let target = format!("/_hubrouter/hub/{away}");
    for site in ["cross-site", "same-site"] {
        let sent = Request::get(&target).with("sec-fetch-site", site).with("sec-fetch-mode", "navigate");
        let page = admin.send(sent).await;
        assert!(page.body.contains(&format!("Choose the hub {away}?")), "{}", page.body);
        assert!(admin.cookie("hubrouter-hub").is_none(), "{site}");
        let posted =
            Request::form(&target, &[]).with("sec-fetch-site", site).with("sec-fetch-mode", "navigate");
        admin.send(posted).await;
        assert!(admin.cookie("hubrouter-hub").is_none(), "{site}");
    }
    admin.send(Request::form(&target, &[]).with("origin", "https://evil.example")).await;
    assert!(admin.cookie("hubrouter-hub").is_none(), "a browser on a plain http site names its origin");

    let click = admin.follow(Request::form(&target, &[])).await;
    assert!(click.body.contains(&format!("You have chosen {away}")), "{}", click.body);
    assert!(admin.cookie("hubrouter-hub").is_some());
}

#[tokio::test]
async fn another_site_cannot_clear_the_choice() {
    let Scene { site: _site, away, mut admin, .. } = scene().await;
    admin.open(&format!("/_hubrouter/hub/{away}")).await;
    let sent = Request::get("/_hubrouter/hub/")
        .with("sec-fetch-site", "cross-site")
        .with("sec-fetch-mode", "navigate");
    let page = admin.send(sent).await;
    assert!(has_banner(&page.body, away) && admin.cookie("hubrouter-hub").is_some(), "{}", page.body);
}

#[tokio::test]
async fn a_start_at_a_chosen_hub_is_refused_where_the_files_are_at_home_alone_and_reaches_no_hub() {
    let Scene { site, home, away, mut admin } = scene().await;
    keep_files_on_each_hub(&site).await;
    admin.open(&format!("/_hubrouter/hub/{away}")).await;

    for request in
        [Request::get("/hub/spawn"), Request::get("/hub/spawn?profile=1"), Request::form("/hub/spawn", &[])]
    {
        let page = admin.follow(request).await;
        assert_eq!(page.status, 409, "{}", page.body);
        assert!(page.body.contains(&home) && page.body.contains("second server"), "{}", page.body);
    }
    assert!(site.hubs_asked().is_empty(), "{:?} {:?}", site.asked("hub-a"), site.asked("hub-b"));

    admin.open(&format!("/_hubrouter/hub/{home}")).await;
    assert_eq!(admin.open("/hub/spawn").await.status, 200);
    assert_eq!((site.hub(&home).servers().len(), site.hub(away).servers().len()), (1, 0));
}

#[tokio::test]
async fn a_start_at_a_chosen_hub_is_refused_too_where_only_the_jar_tells_who_it_is() {
    let Scene { site, away, mut admin, .. } = scene().await;
    keep_files_on_each_hub(&site).await;
    admin.forget("hubrouter");
    admin.open(&format!("/_hubrouter/hub/{away}")).await;

    let page = admin.open("/hub/spawn").await;

    assert_eq!(page.status, 409, "{}", page.body);
    assert!(site.hub(away).servers().is_empty());
}

#[tokio::test]
async fn a_script_cannot_start_at_a_chosen_hub_either() {
    let Scene { site, home, away, mut admin } = scene().await;
    keep_files_on_each_hub(&site).await;
    let request = Request::get("/hub/spawn").with("x-hubrouter-hub", away);
    assert_eq!(admin.send(request).await.status, 409);
    assert!(site.hubs_asked().is_empty());
    let own = Request::get("/hub/spawn").with("x-hubrouter-hub", &home);
    assert_eq!(admin.send(own).await.status, 302);
}

#[tokio::test]
async fn a_hub_that_does_not_exist_cannot_be_chosen() {
    let Scene { site: _site, mut admin, .. } = scene().await;
    for id in ["hub-z", "HUB-A", "hub-a/x", "hub-a%00"] {
        let page = admin.open(&format!("/_hubrouter/hub/{id}")).await;
        assert!(page.status.is_client_error(), "{id}: {}", page.body);
    }
    assert!(admin.cookie("hubrouter-hub").is_none());
}

#[tokio::test]
async fn a_choice_that_the_router_did_not_sign_counts_as_none() {
    let Scene { site, home, away, mut admin } = scene().await;
    let other = Forger::with_key(super::support::forge::OTHER_KEY);
    let session = Forger::with_the_sites_key().session("admin", 0);
    for value in [away.to_owned(), other.chosen_hub(away), session, "x".repeat(3000)] {
        admin.plant(other.name(Kind::ChosenHub), &value, "/");
        assert_eq!(admin.open("/hub/home").await.hub(), home, "{value}");
    }
    assert!(site.seen(away).is_empty());
}

#[tokio::test]
async fn the_field_of_a_script_counts_more_than_the_choice_of_its_browser() {
    let Scene { site, home, away, mut admin } = scene().await;
    admin.open(&format!("/_hubrouter/hub/{away}")).await;
    admin.send(Request::get("/hub/token").with("x-hubrouter-hub", &home)).await;
    assert_eq!(site.hubs_asked(), [home.as_str()]);
}

#[tokio::test]
async fn logging_out_ends_the_choice() {
    let Scene { site: _site, away, mut admin, .. } = scene().await;
    admin.open(&format!("/_hubrouter/hub/{away}")).await;
    admin.open("/hub/logout").await;
    assert!(admin.cookie("hubrouter-hub").is_none(), "{:?}", admin.names());
}

#[tokio::test]
async fn a_tester_reaches_a_hub_in_maintenance_by_choosing_it() {
    let Scene { site, home, mut admin, .. } = scene().await;
    keep_files_on_each_hub(&site).await;
    intend(&site, &home, "maintenance").await;
    let closed = admin.open("/hub/home").await;
    assert_eq!(closed.status, 503, "{}", closed.body);
    assert!(closed.body.contains("maintenance"), "{}", closed.body);

    admin.open(&format!("/_hubrouter/hub/{home}")).await;
    let page = admin.open("/hub/home").await;
    assert_eq!((page.status.as_u16(), page.hub()), (200, home.as_str()));
}

#[tokio::test]
async fn strangers_meet_no_hub_in_maintenance() {
    let site = Sketch::with_hubs(&HUBS).start().await;
    for hub in HUBS {
        intend(&site, hub, "maintenance").await;
        for _ in 0..3 {
            assert_ne!(site.browser().open("/hub/login").await.hub(), hub);
        }
        site.reconfigure("");
        site.until("all hubs are open", |status| {
            status["hubs"].as_array().unwrap().iter().all(|view| view["intent"] == "active")
        })
        .await;
    }
}
