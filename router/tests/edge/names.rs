//! Names as people have them: with signs, blanks, percent signs, capitals and letters of all languages.

use super::support::browser::escape;
use super::support::site::PASSWORD;
use super::support::{Forger, Request, Sketch};

const HUBS: [&str; 3] = ["hub-a", "hub-b", "hub-c"];

/// What is typed, the user that it is, and the path below which their server stands.
const NAMES: [(&str, &str, &str); 11] = [
    ("bob@example.org", "bob@example.org", "/user/bob@example.org/"),
    ("a b", "a b", "/user/a%20b/"),
    ("x%40y", "x%40y", "/user/x%2540y/"),
    ("Élise", "élise", "/user/%C3%A9lise/"),
    ("UPPER", "upper", "/user/upper/"),
    ("o'brien", "o'brien", "/user/o%27brien/"),
    ("semi;colon", "semi;colon", "/user/semi%3Bcolon/"),
    ("tilde~x", "tilde~x", "/user/tilde~x/"),
    ("名前", "名前", "/user/%E5%90%8D%E5%89%8D/"),
    ("a+b", "a+b", "/user/a%2Bb/"),
    ("ann.hub-b", "ann.hub-b", "/user/ann.hub-b/"),
];

#[tokio::test]
async fn everybody_logs_in_at_home_and_reaches_their_server_whatever_they_are_called() {
    let site = Sketch::with_hubs(&HUBS).start().await;
    for (typed, name, path) in NAMES {
        let home = site.home_of(name);
        let mut browser = site.browser();
        let landed = browser.log_in("/hub/login?next=%2Fhub%2Fhome", typed, PASSWORD).await;
        assert_eq!((landed.status.as_u16(), landed.hub()), (200, home.as_str()), "{typed}: {:?}", landed.way);
        assert_eq!(
            Forger::with_the_sites_key().user_of(browser.cookie("hubrouter").unwrap()).as_deref(),
            Some(name)
        );
        site.forget();

        let lab = browser.open("/hub/spawn").await;

        assert_eq!((lab.status.as_u16(), lab.hub()), (200, home.as_str()), "{typed}: {:?}", lab.way);
        assert_eq!(lab.way.last().unwrap().split('?').next().unwrap(), format!("{path}lab"), "{typed}");
        assert!(site.way(&lab).iter().all(|step| step.starts_with(&home)), "{typed}: {:?}", site.way(&lab));
        assert!(site.hub(&home).users().contains(&name.to_owned()), "{typed}");
    }
    let servers: usize = HUBS.iter().map(|hub| site.hub(hub).servers().len()).sum();
    assert_eq!(servers, NAMES.len(), "somebody has two servers");
}

#[tokio::test]
async fn every_way_to_write_a_name_in_an_address_leads_to_one_hub() {
    let site = Sketch::with_hubs(&HUBS).start().await;
    for (_, name, path) in NAMES {
        let home = site.home_of(name);
        let everything: String = name.bytes().map(|byte| format!("%{byte:02x}")).collect();
        let raw = path.trim_start_matches("/user/").trim_end_matches('/');
        let spellings = [escape(name), everything, raw.to_owned(), escape(&name.to_uppercase())];
        for spelling in spellings {
            site.forget();
            for target in [
                format!("/user/{spelling}/lab"),
                format!("/%75ser/{spelling}/lab"),
                format!("/hub/user/{spelling}/"),
                format!("/hub/spawn-pending/{spelling}"),
                format!("/hub/api/users/{spelling}"),
            ] {
                site.browser().send(Request::get(target)).await;
            }
            assert_eq!(site.hubs_asked(), [home.as_str()], "{name} as {spelling}");
        }
    }
}

#[tokio::test]
async fn a_name_with_a_percent_sign_is_another_than_the_one_it_encodes() {
    let site = Sketch::with_hubs(&HUBS).start().await;
    let (encoded, plain) = ("x%40y", "x@y");
    for (user, target) in [(encoded, "/user/x%2540y/"), (plain, "/user/x%40y/"), (plain, "/user/x@y/")] {
        site.forget();
        site.browser().send(Request::get(target)).await;
        assert_eq!(site.hubs_asked(), [site.home_of(user)], "{target}");
    }
}

#[tokio::test]
async fn an_admin_visits_servers_of_people_with_such_names() {
    let site = Sketch::with_hubs(&HUBS).start().await;
    let home = site.home_of("admin");
    let mut admin = site.logged_in("admin").await;
    for (_, name, path) in NAMES.into_iter().filter(|(_, name, _)| site.home_of(name) != home) {
        let away = site.home_of(name);
        site.hub(&away).start_server(name, "").await;

        let mut page = admin.open(&format!("{path}lab")).await;
        if page.is_login_form() {
            page = admin.submit(&page, "admin", PASSWORD).await;
        }
        let lab = admin.agree(&page).await;

        assert_eq!((lab.status.as_u16(), lab.hub()), (200, away.as_str()), "{name}: {:?}", lab.way);
    }
    assert_eq!(admin.open("/hub/home").await.hub(), home);
}

#[tokio::test]
async fn a_logout_ends_the_cookie_of_a_server_under_its_quoted_name() {
    let site = Sketch::with_hubs(&HUBS).start().await;
    for (typed, _, path) in NAMES {
        let mut browser = site.browser();
        browser.log_in("/hub/login?next=%2Fhub%2Fhome", typed, PASSWORD).await;
        browser.open("/hub/spawn").await;
        let cookie = |browser: &super::support::Browser| {
            browser
                .names()
                .into_iter()
                .find(|name| name.starts_with("jupyterhub-user-"))
                .map(ToOwned::to_owned)
        };
        assert!(cookie(&browser).is_some(), "{typed}: {:?}", browser.names());

        let ends = browser.send(Request::get("/hub/logout")).await;

        assert_eq!(cookie(&browser), None, "{typed}: {:?}", ends.set_cookies());
        assert!(ends.set_cookies().iter().any(|line| line.contains(&format!("Path={path};"))), "{typed}");
    }
}
