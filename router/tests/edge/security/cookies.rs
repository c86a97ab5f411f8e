//! Cookies that a hostile server throws, and router cookies that nobody signed.

use hubrouter::core::login::Strength;

use super::{HUBS, site};
use crate::support::browser::escape;
use crate::support::canned::{CannedHub, canned};
use crate::support::forge::OTHER_KEY;
use crate::support::site::PASSWORD;
use crate::support::{Answer, Browser, Forger, Request, Sketch};

/// Makes the server of `user` answer with these `Set-Cookie` lines.
async fn toss(browser: &mut Browser, user: &str, lines: &[&str]) -> Answer {
    let query: Vec<String> = lines.iter().map(|line| format!("cookie={}", escape(line))).collect();
    let answer = browser.send(Request::get(format!("/user/{user}/toss?{}", query.join("&")))).await;
    assert_eq!((answer.status.as_u16(), answer.body.as_str()), (200, "tossed"));
    answer
}

#[tokio::test]
async fn a_server_sets_no_cookie_of_the_routers_of_a_jar_or_of_a_hubs_in_any_spelling() {
    let site = site().await;
    let ann = site.user_at("hub-a", 0);
    let mut browser = site.at_work(&ann).await;
    let spellings = [
        "hubrouter=x; Path=/",
        "hubrouter=x",
        "hubrouter=x; Path=/user/; Domain=127.0.0.1",
        "HubRouter=x; Path=/",
        "  hubrouter=x; Path=/",
        "hubrouter =x; Path=/",
        "=hubrouter=x; Path=/",
        "= hubrouter=x; Path=/",
        "hubrouter; Path=/",
        "\"hubrouter\"=x; Path=/",
        "hubrouter-login=x; Path=/",
        "hubrouter-hub=hub-b; Path=/",
        "hubrouter-flow=x; Path=/",
        "__Host-hubrouter=x; Path=/; Secure",
        "__host-HUBROUTER=x; Path=/; Secure",
        "__Secure-hubrouter=x; Path=/; Secure",
        "__Http-hubrouter=x; Path=/; Secure; HttpOnly",
        "__Host-Http-hubrouter=x; Path=/; Secure; HttpOnly",
        "jupyterhub-hub-login=x; Path=/hub/",
        "jupyterhub-hub-login=; Path=/hub/; Max-Age=0",
        "jupyterhub-hub-login.hub-a=x; Path=/hub/",
        "JupyterHub-Hub-Login.hub-a=x; Path=/hub/",
        "__Host-jupyterhub-hub-login.hub-a=x; Path=/; Secure",
        "jupyterhub-session-id=x; Path=/",
        "jupyterhub-session-id.hub-a=; Path=/; Max-Age=0",
        "oauthenticator-state.hub-b.0011aabb=x; Path=/",
        "_xsrf=x; Path=/hub/",
        "_xsrf=x; Path=/",
        "_xsrf=x; Path=/user/",
        "_xsrf.hub-a=x; Path=/hub/",
        "=_xsrf.hub-a=x; Path=/hub/",
        "_XSRF.hub-a=x; Path=/hub/",
    ];
    for line in spellings {
        assert_eq!(toss(&mut browser, &ann, &[line]).await.set_cookies(), [""; 0], "{line}");
    }
    let own = [
        "theme=dark; Path=/".to_owned(),
        format!("_xsrf=own; Path=/user/{ann}/"),
        format!("jupyterhub-user-{ann}=2|x; Path=/user/{ann}/; HttpOnly"),
        "myhubrouter=x; Path=/".to_owned(),
    ];
    let lines: Vec<&str> = own.iter().map(String::as_str).chain(["hubrouter=x; Path=/"]).collect();
    assert_eq!(
        toss(&mut browser, &ann, &lines).await.set_cookies(),
        own,
        "what is a server's own passes untouched"
    );
    let dropped = spellings.len() + 1;
    assert_eq!(site.status().await["traffic"]["dropped_cookies"], dropped, "each is counted");
}

#[tokio::test]
async fn a_server_cannot_clear_the_sites_data() {
    let site = site().await;
    let ann = site.user_at("hub-a", 0);
    let _a = CannedHub::instead_of(&site.hubs[0], |_, _| {
        canned(200, &[("clear-site-data", "\"*\""), ("x-other", "1")], "")
    })
    .await;
    site.until_plane("hub-a", "proxy", "up").await;

    for target in [format!("/user/{ann}/lab"), format!("/user/{ann}/api/x")] {
        let answer = site.browser().send(Request::get(target)).await;
        assert_eq!((answer.field("x-other"), answer.field("clear-site-data")), (Some("1"), None));
    }
}

#[tokio::test]
async fn of_two_router_cookies_the_one_that_verifies_is_used() {
    let site = site().await;
    let bob = site.user_at("hub-b", 0);
    let good = Forger::with_the_sites_key().session(&bob, 0);
    let forged = Forger::with_key(OTHER_KEY).session(&site.user_at("hub-a", 0), 0);
    for cookies in [[&forged, &good], [&good, &forged]] {
        site.forget();
        let field = format!("hubrouter={}; hubrouter={}", cookies[0], cookies[1]);
        site.browser().send(Request::get("/hub/home").with("cookie", &field)).await;
        assert_eq!(site.hubs_asked(), ["hub-b"]);
    }
}

#[tokio::test]
async fn two_router_cookies_that_verify_and_disagree_mean_no_session() {
    let site = site().await;
    let forger = Forger::with_the_sites_key();
    let (ann, bob) = (site.user_at("hub-a", 0), site.user_at("hub-b", 0));
    let mut browser = site.logged_in(&ann).await;
    let weak = |hub| forger.login(hub, Strength::Weak, 0);
    for (first, second, stranger) in [(&ann, &bob, "hub-a"), (&bob, &ann, "hub-b")] {
        let sessions =
            format!("hubrouter={}; hubrouter={}", forger.session(first, 0), forger.session(second, 0));
        // A stranger is where the mark of the login says, whoever the two are.
        for hub in HUBS {
            let field = format!("{sessions}; hubrouter-login={}", weak(hub));
            let page = site.browser().follow(Request::get("/hub/login").with("cookie", &field)).await;
            assert_eq!(page.hub(), hub, "{stranger}");
        }
        // With a login the hub is asked, and its word is signed anew.
        let login = browser.cookie("jupyterhub-hub-login.hub-a").unwrap().to_owned();
        let field = format!("{sessions}; jupyterhub-hub-login.hub-a={login}");
        let request = Request::get("/hub/home").with("cookie", &field).with("sec-fetch-mode", "navigate");
        let page = browser.send(request).await;
        assert_eq!((page.status.as_u16(), page.hub()), (200, "hub-a"));
        assert_eq!(forger.user_of(browser.cookie("hubrouter").unwrap()), Some(ann.clone()));
    }
}

#[tokio::test]
async fn a_session_that_is_forged_cut_expired_or_of_another_kind_counts_as_absent() {
    let site = site().await;
    let forger = Forger::with_the_sites_key();
    let bob = site.user_at("hub-b", 0);
    let good = forger.session(&bob, 0);
    let (head, mac) = good.rsplit_once('.').unwrap();
    let mut swapped = mac.to_owned();
    swapped.replace_range(0..1, if mac.starts_with('A') { "B" } else { "A" });
    let bad = [
        ("foreign key", Forger::with_key(OTHER_KEY).session(&bob, 0)),
        ("expired", forger.session(&bob, 15)),
        ("cut", good[..good.len() - 1].to_owned()),
        ("without its mac", head.to_owned()),
        ("another mac", format!("{head}.{swapped}")),
        ("an empty mac", format!("{head}.")),
        ("another kind", forger.login("hub-b", Strength::Strong, 1)),
        ("a name", bob.clone()),
        ("nothing", String::new()),
        ("dots", "....".to_owned()),
        ("another version", good.replacen("1.", "2.", 1)),
        ("long", "1.".repeat(4000)),
    ];
    for (what, value) in bad {
        let mut browser = site.browser();
        browser.plant("hubrouter-login", &forger.login("hub-a", Strength::Weak, 0), "/");
        browser.plant("hubrouter", &value, "/");
        let page = browser.open("/hub/home").await;
        assert!(page.is_login_form() && page.hub() == "hub-a", "{what}: {:?}", page.way);
        browser.submit(&page, &bob, PASSWORD).await;
        assert_eq!(forger.user_of(browser.cookie("hubrouter").unwrap()), Some(bob.clone()), "{what}");
    }
}

#[tokio::test]
async fn forged_login_marks_and_choices_count_as_absent() {
    let site = site().await;
    let other = Forger::with_key(OTHER_KEY);
    let ann = site.user_at("hub-a", 0);
    let mut browser = site.logged_in(&ann).await;
    browser.plant("hubrouter-login", &other.login("hub-b", Strength::Strong, 1), "/");
    browser.plant("hubrouter-hub", &other.chosen_hub("hub-b"), "/");

    assert_eq!(browser.open("/hub/home").await.hub(), "hub-a");
    assert_eq!(browser.open("/hub/login?next=%2Fhub%2Fhome").await.hub(), "hub-a");
    assert!(site.seen("hub-b").is_empty());
}

#[tokio::test]
async fn the_owner_of_a_path_wins_over_another_users_cookie() {
    let site = site().await;
    let (ann, bob) = (site.user_at("hub-a", 0), site.user_at("hub-b", 0));
    let mut browser = site.at_work(&ann).await;
    browser.plant("hubrouter", &Forger::with_the_sites_key().session(&bob, 0), "/");
    site.forget();

    let lab = browser.open(&format!("/user/{ann}/lab")).await;
    assert_eq!((lab.status.as_u16(), lab.hub(), lab.way.len()), (200, "hub-a", 1));
    for target in
        [format!("/hub/user/{ann}/"), format!("/hub/api/users/{ann}"), format!("/hub/spawn-pending/{ann}")]
    {
        browser.send(Request::get(target)).await;
    }
    assert_eq!(site.hubs_asked(), ["hub-a"]);
}

#[tokio::test]
async fn the_session_routes_and_never_opens_a_door() {
    let site = site().await;
    let ann = site.user_at("hub-a", 0);
    site.at_work(&ann).await;
    let mut thief = site.browser();
    thief.plant("hubrouter", &Forger::with_the_sites_key().session(&ann, 0), "/");

    for page in ["/hub/home", "/hub/token", &format!("/user/{ann}/lab")] {
        assert!(thief.open(page).await.is_login_form(), "{page}");
    }
    assert_eq!(thief.send(Request::get(format!("/hub/api/users/{ann}"))).await.status, 403);
}

#[tokio::test]
async fn hubs_and_servers_never_see_the_routers_cookies() {
    let site = site().await;
    let ann = site.user_at("hub-a", 0);
    let mut browser = site.at_work(&ann).await;
    browser.open("/_hubrouter/hub/hub-a").await;
    browser.open("/hub/home").await;
    browser.open(&format!("/user/{ann}/lab")).await;
    let all = HUBS.into_iter().flat_map(|hub| site.seen(hub)).flat_map(|seen| seen.cookies());
    assert!(all.into_iter().all(|(name, _)| !name.to_ascii_lowercase().contains("hubrouter")));
}

#[tokio::test]
async fn on_an_https_site_the_routers_cookies_cannot_be_planted() {
    let site =
        Sketch::with_hubs(&HUBS).configured("site: {public_url: 'https://site.example'}").start().await;
    let forger = Forger::with_the_sites_key();
    let (ann, bob) = (site.user_at("hub-a", 0), site.user_at("hub-b", 0));
    let mut browser = site.logged_in(&ann).await;
    assert_eq!(forger.user_of(browser.cookie("__Host-hubrouter").unwrap()), Some(ann));
    assert!(browser.cookie("hubrouter").is_none(), "{:?}", browser.names());

    // A sibling host can plant this name, and not the other.
    browser.plant("hubrouter", &forger.session(&bob, 0), "/");
    let page = browser.open("/hub/home").await;
    assert_eq!((page.hub(), page.way.len()), ("hub-a", 1));
    browser.forget("__Host-hubrouter");
    let renewed = browser.open("/hub/home").await;
    let line = renewed.set_cookies().into_iter().find(|line| line.starts_with("__Host-hubrouter=")).unwrap();
    assert!(line.ends_with("; Path=/; Max-Age=1209600; HttpOnly; SameSite=Lax; Secure"), "{line}");
    let at_hub = site.seen("hub-a").into_iter().rfind(|seen| seen.path() == "/hub/home").unwrap();
    assert_eq!(
        (at_hub.header("x-scheme"), at_hub.header("x-forwarded-proto")),
        (Some("https"), Some("https"))
    );
}
