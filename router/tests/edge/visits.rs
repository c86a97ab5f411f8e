//! Visits: using somebody else's server at another hub, without losing one's own.

use hubrouter_loadtest::simhub::SimHub;

use super::support::site::PASSWORD;
use super::support::{Browser, Forger, HUBS, Request, Site, Sketch, other_than};

/// A site with an admin, where the admin is at home, and a user with a running server at the other hub.
struct Scene {
    site: Site,
    home: String,
    away: &'static str,
    owner: String,
}

async fn scene() -> Scene {
    let site = Sketch::with_hubs(&HUBS).start().await;
    let home = site.home_of("admin");
    let away = other_than(&home);
    let owner = site.user_at(away, 0);
    site.hub(away).start_server(&owner, "").await;
    site.forget();
    Scene { site, home, away, owner }
}

impl Scene {
    fn lab(&self) -> String {
        format!("/user/{}/lab", self.owner)
    }

    /// Opens the owner's server as somebody who is not known at its hub: a login, a click, the page.
    async fn visit(&self, browser: &mut Browser, visitor: &str) {
        let lab = browser.visit(&self.lab(), visitor).await;
        assert_eq!(lab.status, 200, "{:?}: {}", lab.way, lab.body);
        assert_eq!(lab.hub(), self.away);
    }
}

/// An admin of the hub asks its API about sharing; the answer.
async fn as_admin(hub: &SimHub, path: String, body: String) -> serde_json::Value {
    let request = Request::new(http::Method::POST, path)
        .with("authorization", &format!("token {}", hub.token_of("admin")))
        .with("content-type", "application/json")
        .body(body);
    let answer = Browser::new(hub.address()).send(request).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.json()
}

async fn share(hub: &SimHub, owner: &str, visitor: &str) {
    // A share is for users whom the hub knows.
    hub.token_of(visitor);
    as_admin(hub, format!("/hub/api/shares/{owner}/"), format!("{{\"user\": \"{visitor}\"}}")).await;
}

#[tokio::test]
async fn an_admin_opens_a_server_of_another_hub_and_stays_logged_in_at_home() {
    let scene = scene().await;
    let (site, owner, away, home) = (&scene.site, &scene.owner, scene.away, scene.home.as_str());
    let mut admin = site.logged_in("admin").await;
    site.forget();

    let form = admin.open(&scene.lab()).await;
    assert_eq!(
        site.way(&form),
        [
            format!("{away} /user/{owner}/lab"),
            format!("{away} /hub/api/oauth2/authorize"),
            format!("{away} /hub/login"),
        ]
    );
    assert!(form.is_login_form(), "{}", form.body);
    assert!(
        site.seen(away)
            .iter()
            .all(|seen| seen.cookies().iter().all(|(name, _)| name.contains("oauth-state")))
    );

    let consent = admin.submit(&form, "admin", PASSWORD).await;
    assert_eq!(site.way(&consent)[1..], [format!("{away} /hub/api/oauth2/authorize")]);
    assert!(admin.has_login(away) && admin.has_login(home), "{:?}", admin.names());

    let lab = admin.agree(&consent).await;
    assert_eq!(
        site.way(&lab)[1..],
        [format!("{away} /user/{owner}/oauth_callback"), format!("{away} /user/{owner}/lab")]
    );
    assert_eq!((lab.status.as_u16(), lab.hub()), (200, away));
    assert!(lab.body.contains("data-visitor=\"admin\""), "{}", lab.body);

    let at_home = admin.open("/hub/home").await;
    assert_eq!((at_home.status.as_u16(), at_home.hub(), at_home.way.len()), (200, home, 1));
    assert!(site.asked(home).iter().all(|asked| asked == "GET /hub/home"), "{:?}", site.asked(home));
}

#[tokio::test]
async fn ones_own_server_and_the_visited_one_are_used_by_turns() {
    let scene = scene().await;
    let mut admin = scene.site.at_work("admin").await;
    scene.visit(&mut admin, "admin").await;

    for _ in 0..2 {
        let own = admin.open("/user/admin/lab").await;
        assert_eq!((own.hub(), own.way.len()), (scene.home.as_str(), 1));
        let visited = admin.open(&scene.lab()).await;
        assert_eq!((visited.hub(), visited.way.len()), (scene.away, 1), "a second visit asks for nothing");
    }
    let servers = scene.site.hub(scene.away).servers();
    assert!(
        servers.iter().all(|(user, ..)| *user == scene.owner),
        "a visitor got a server there: {servers:?}"
    );
}

#[tokio::test]
async fn somebody_who_visits_without_a_login_logs_in_there_once_and_at_home_later() {
    let scene = scene().await;
    let site = &scene.site;
    let visitor = site.user_at(&scene.home, 0);
    share(site.hub(scene.away), &scene.owner, &visitor).await;
    let mut browser = site.browser();

    scene.visit(&mut browser, &visitor).await;
    assert!(browser.has_login(scene.away) && !browser.has_login(&scene.home), "{:?}", browser.names());
    assert_eq!(
        Forger::with_the_sites_key().user_of(browser.cookie("hubrouter").unwrap()),
        Some(visitor.clone())
    );

    let form = browser.open("/hub/home").await;
    assert_eq!(form.hub(), scene.home);
    let own = browser.submit(&form, &visitor, PASSWORD).await;
    assert_eq!((own.status.as_u16(), own.hub()), (200, scene.home.as_str()));
    let visited = browser.open(&scene.lab()).await;
    assert_eq!((visited.status.as_u16(), visited.way.len()), (200, 1));
}

#[tokio::test]
async fn a_visitor_without_the_right_gets_the_hubs_own_refusal_and_loses_nothing() {
    let scene = scene().await;
    let visitor = scene.site.user_at(&scene.home, 0);
    let mut browser = scene.site.logged_in(&visitor).await;

    let form = browser.open(&scene.lab()).await;
    let refused = browser.submit(&form, &visitor, PASSWORD).await;

    assert_eq!((refused.status.as_u16(), refused.hub()), (403, scene.away));
    assert_eq!(browser.open("/hub/home").await.hub(), scene.home);
}

#[tokio::test]
async fn a_visit_by_another_name_ends_the_session_at_home() {
    let scene = scene().await;
    let site = &scene.site;
    let carol = site.user_at(&scene.home, 0);
    share(site.hub(scene.away), &scene.owner, &carol).await;
    let mut browser = site.logged_in("admin").await;
    site.forget();

    scene.visit(&mut browser, &carol).await;

    assert!(!browser.has_login(&scene.home) && browser.has_login(scene.away), "{:?}", browser.names());
    assert_eq!(Forger::with_the_sites_key().user_of(browser.cookie("hubrouter").unwrap()), Some(carol));
    assert!(browser.open("/hub/home").await.is_login_form());
    site.until_asked(&scene.home, "GET /hub/logout").await;
    let told = site.only(&scene.home, "/hub/logout");
    let names: Vec<String> = told.cookies().into_iter().map(|(name, _)| name).collect();
    assert!(
        names.contains(&"jupyterhub-hub-login".into()) && names.contains(&"jupyterhub-session-id".into())
    );
}

#[tokio::test]
async fn a_stopped_server_of_another_hub_says_so_from_there_and_an_admin_starts_it_there() {
    let scene = scene().await;
    let (site, away) = (&scene.site, scene.away);
    let dave = site.user_at(away, 1);
    site.hub(away).token_of(&dave);
    let mut admin = site.logged_in("admin").await;

    let form = admin.open(&format!("/user/{dave}/lab")).await;
    assert_eq!(form.hub(), away);
    let stopped = admin.submit(&form, "admin", PASSWORD).await;
    assert_eq!((stopped.status.as_u16(), stopped.hub()), (424, away), "{:?}", stopped.way);

    let consent = admin.open(&format!("/hub/spawn/{dave}")).await;
    let lab = admin.agree(&consent).await;
    assert_eq!((lab.status.as_u16(), lab.hub()), (200, away), "{:?}", lab.way);
    assert!(site.hub(away).servers().iter().any(|(user, ..)| *user == dave));
    assert!(site.hub(&scene.home).servers().is_empty());
    assert_eq!(admin.open("/hub/home").await.hub(), scene.home);
}

#[tokio::test]
async fn a_share_link_with_its_next_page_is_accepted_at_the_owners_hub() {
    let scene = scene().await;
    let (site, away, owner) = (&scene.site, scene.away, &scene.owner);
    let code = as_admin(site.hub(away), format!("/hub/api/share-codes/{owner}/"), String::new()).await;
    let code = code["code"].as_str().unwrap().to_owned();
    let visitor = site.user_at(&scene.home, 0);
    let mut browser = site.logged_in(&visitor).await;

    let form = browser.open(&format!("/hub/accept-share?code={code}&next=%2Fuser%2F{owner}%2Flab")).await;
    let invitation = browser.submit(&form, &visitor, PASSWORD).await;
    assert!(
        invitation.body.contains("Accept sharing invitation"),
        "{:?} {}",
        invitation.way,
        invitation.body
    );
    let fields = [("_xsrf", invitation.form_token()), ("code", code)];
    let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let consent = browser.follow(Request::form(invitation.way.last().unwrap(), &fields)).await;
    let lab = browser.agree(&consent).await;

    assert_eq!((lab.status.as_u16(), lab.hub()), (200, away), "{:?}", lab.way);
    assert_eq!(browser.open("/hub/home").await.hub(), scene.home);
}

#[tokio::test]
async fn a_link_for_everybody_leads_each_to_their_own_server() {
    let site = Sketch::with_hubs(&HUBS).start().await;
    for hub in HUBS {
        let user = site.user_at(hub, 0);
        let mut browser = site.at_work(&user).await;
        let lab = browser.open("/hub/user-redirect/lab").await;
        assert_eq!((lab.status.as_u16(), lab.hub()), (200, hub), "{:?}", lab.way);
        assert!(lab.way.last().unwrap().starts_with(&format!("/user/{user}/lab")), "{:?}", lab.way);
    }
}

#[tokio::test]
async fn an_image_that_leads_to_another_hub_logs_nobody_out() {
    let scene = scene().await;
    let visitor = scene.site.user_at(&scene.home, 0);
    let mut browser = scene.site.logged_in(&visitor).await;
    let image = Request::get(format!("/hub/user/{}/tree", scene.owner));

    browser.send(image.with("sec-fetch-mode", "no-cors").with("sec-fetch-site", "cross-site")).await;

    assert_eq!(browser.open("/hub/home").await.way.len(), 1);
}
