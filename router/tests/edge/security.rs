//! What an attacker tries, and what happens: whose request is this (SECURITY, first part).

use std::time::Duration;

use http::Method;
use hubrouter::core::login::Strength;

use super::support::browser::escape;
use super::support::canned::{CannedHub, canned};
use super::support::forge::OTHER_KEY;
use super::support::site::{KEY, PASSWORD};
use super::support::{Answer, Browser, Forger, Request, Site, Sketch, Wire};

const HUBS: [&str; 2] = ["hub-a", "hub-b"];

async fn site() -> Site {
    Sketch::with_hubs(&HUBS).start().await
}

/// What a server saw of a request: its own page says so.
async fn headers_at(browser: &mut Browser, user: &str, request: Request) -> Vec<(String, String)> {
    let answer = browser.send(request).await;
    assert_eq!(answer.status, 200, "{user}: {}", answer.body);
    let pairs = answer.json()["headers"].as_array().unwrap().clone();
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    pairs.iter().map(|pair| (text(&pair[0]), text(&pair[1]))).collect()
}

// --- Cookie tossing ---

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
    assert_eq!(toss(&mut browser, &ann, &lines).await.set_cookies(), own, "what is a server's own passes untouched");
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

// --- Router cookies ---

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
        let sessions = format!("hubrouter={}; hubrouter={}", forger.session(first, 0), forger.session(second, 0));
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

/// Changes the keys of a running site.
async fn rotate(site: &Site, keys: &[(&str, &str)]) {
    let folder = site.file.parent().unwrap();
    let before = site.status().await["snapshot"].as_u64().unwrap();
    for (file, key) in keys {
        std::fs::write(folder.join(file), key).unwrap();
    }
    let list: Vec<String> = keys.iter().map(|(file, _)| format!("{{file: {file}}}")).collect();
    site.reconfigure(&format!("session: {{keys: [{}]}}", list.join(", ")));
    site.until("the keys are taken", |status| {
        status["config"]["last_reload"]["accepted"] == true && status["snapshot"].as_u64().unwrap() > before
    })
    .await;
}

#[tokio::test]
async fn a_session_of_a_retired_key_is_accepted_and_replaced() {
    let site = site().await;
    let ann = site.user_at("hub-a", 0);
    let mut browser = site.logged_in(&ann).await;
    rotate(&site, &[("new.key", OTHER_KEY), ("session.key", KEY)]).await;
    site.forget();

    let page = browser.open("/hub/home").await;

    assert_eq!((page.status.as_u16(), page.hub(), page.way.len()), (200, "hub-a", 1));
    assert_eq!(site.times("hub-a", "GET /hub/api/user"), 0, "nobody had to be asked");
    let session = browser.cookie("hubrouter").unwrap();
    assert_eq!(Forger::with_key(OTHER_KEY).user_of(session), Some(ann));
    assert_eq!(Forger::with_the_sites_key().user_of(session), None);
}

#[tokio::test]
async fn a_replica_that_does_not_know_a_key_yet_fails_no_request() {
    let site = site().await;
    let ann = site.user_at("hub-a", 0);
    let mut browser = site.logged_in(&ann).await;
    // Another replica has begun to sign with a key that this one has not got.
    browser.plant("hubrouter", &Forger::with_key(OTHER_KEY).session(&ann, 0), "/");

    let page = browser.open("/hub/home").await;

    assert_eq!((page.status.as_u16(), page.hub(), page.way.len()), (200, "hub-a", 1));
    assert_eq!(Forger::with_the_sites_key().user_of(browser.cookie("hubrouter").unwrap()), Some(ann));
}

#[tokio::test]
async fn a_key_of_which_nobody_knows_any_more_logs_nobody_out() {
    let site = site().await;
    let ann = site.user_at("hub-a", 0);
    let mut browser = site.logged_in(&ann).await;
    rotate(&site, &[("new.key", OTHER_KEY)]).await;
    assert_eq!(browser.open("/hub/home").await.way.len(), 1);
    assert_eq!(Forger::with_key(OTHER_KEY).user_of(browser.cookie("hubrouter").unwrap()), Some(ann));
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
    for target in [format!("/hub/user/{ann}/"), format!("/hub/api/users/{ann}"), format!("/hub/spawn-pending/{ann}")] {
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

// --- Spoofed identity ---

const CLAIMS: [&str; 20] = [
    "X-Forwarded-User",
    "X-Forwarded-Email",
    "X-Forwarded-Groups",
    "X-Forwarded-Preferred-Username",
    "X-Forwarded-Host",
    "X-Forwarded-Port",
    "X-Forwarded-Uri",
    "X-Original-URL",
    "X-Rewrite-URL",
    "Forwarded",
    "Remote-User",
    "REMOTE_USER",
    "X_Forwarded_User",
    "X-Remote-User",
    "X_Remote-User",
    "X-WebAuth-User",
    "X-Auth-Request-User",
    "X-Site-User",
    "X_Site_User",
    "Proxy-Authorization",
];

#[tokio::test]
async fn what_a_stranger_claims_to_be_reaches_no_server_and_no_hub() {
    let site = Sketch::with_hubs(&HUBS).configured("site: {identity_headers: [X-Site-User]}").start().await;
    let ann = site.user_at("hub-a", 0);
    let mut browser = site.at_work(&ann).await;
    let claim = |target: String| CLAIMS.iter().fold(Request::get(target), |request, name| request.with(name, "root"));

    let at_server = headers_at(&mut browser, &ann, claim(format!("/user/{ann}/headers"))).await;
    browser.send(claim("/hub/home".into())).await;

    let at_hub = site.seen("hub-a").into_iter().rfind(|seen| seen.path() == "/hub/home").unwrap().headers;
    for (where_to, fields) in [("server", at_server), ("hub", at_hub)] {
        let value = |name: &str| fields.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str());
        assert!(fields.iter().all(|(_, value)| value != "root"), "{where_to}: {fields:?}");
        assert_eq!(value("x-real-ip"), Some("127.0.0.1"), "{where_to}");
        assert_eq!(value("x-scheme"), Some("http"), "{where_to}");
    }
}

#[tokio::test]
async fn a_trusted_proxy_names_the_user_in_the_configured_field_and_in_no_other() {
    let settings = "site: {identity_headers: [X-Site-User], trusted_proxies: [127.0.0.0/8]}";
    let site = Sketch::with_hubs(&HUBS).configured(settings).start().await;
    let ann = site.user_at("hub-a", 0);
    let mut browser = site.at_work(&ann).await;
    let request = CLAIMS.iter().fold(Request::get(format!("/user/{ann}/headers")), |request, name| {
        request.with(name, "root")
    });
    let fields = headers_at(&mut browser, &ann, request).await;
    let named: Vec<&str> =
        fields.iter().filter(|(_, value)| value == "root").map(|(name, _)| name.as_str()).collect();
    assert_eq!(named, ["x-site-user"]);
}

#[tokio::test]
async fn a_connection_field_cannot_take_away_what_has_to_arrive() {
    let site = site().await;
    let ann = site.user_at("hub-a", 0);
    let mut browser = site.at_work(&ann).await;
    site.forget();
    for name in ["Host", "cookie", "Authorization", "X-Forwarded-For", "x-forwarded-proto", "keep-alive, COOKIE"] {
        let request = Request::get(format!("/user/{ann}/headers")).with("connection", name);
        assert_eq!(browser.send(request).await.status, 400, "{name}");
    }
    assert!(site.hubs_asked().is_empty());

    let fields = headers_at(
        &mut browser,
        &ann,
        Request::get(format!("/user/{ann}/headers")).with("connection", "X-Mine, X-Real-Ip").with("x-mine", "1"),
    )
    .await;
    assert!(fields.iter().all(|(name, _)| name != "x-mine"));
    assert!(fields.contains(&("x-real-ip".into(), "127.0.0.1".into())), "ours is added after theirs is gone");
}

#[tokio::test]
async fn fields_that_name_another_address_decide_nothing() {
    let site = site().await;
    let (ann, bob) = (site.user_at("hub-a", 0), site.user_at("hub-b", 0));
    let mut browser = site.logged_in(&ann).await;
    site.forget();
    for name in ["X-Forwarded-Uri", "X-Original-URL", "X-Rewrite-URL", "X-Original-URI", "X-Forwarded-Prefix"] {
        browser.send(Request::get("/hub/home").with(name, &format!("/user/{bob}/"))).await;
    }
    assert_eq!(site.hubs_asked(), ["hub-a"]);
}

#[tokio::test]
async fn trailers_carry_no_identity() {
    let site = site().await;
    let ann = site.user_at("hub-a", 0);
    let token = site.hub("hub-a").token_of(&ann);
    site.hub("hub-a").start_server(&ann, "").await;
    site.forget();
    let mut wire = Wire::to(site.address).await;

    wire.say(format!(
        "POST /user/{ann}/upload HTTP/1.1\r\nHost: {}\r\nAuthorization: token {token}\r\nTE: trailers\r\n\
         Transfer-Encoding: chunked\r\nTrailer: Remote-User\r\n\r\n3\r\nabc\r\n0\r\nRemote-User: root\r\n\r\n",
        site.address
    ))
    .await;

    let head = wire.head().await;
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    let seen = site.only("hub-a", &format!("/user/{ann}/upload"));
    for name in ["trailer", "te", "remote-user"] {
        assert_eq!(seen.header(name), None, "{name}");
    }
}

// --- Addresses ---

#[tokio::test]
async fn an_address_that_could_be_read_as_two_users_reaches_no_hub() {
    let site = site().await;
    let (ann, bob) = (site.user_at("hub-a", 0), site.user_at("hub-b", 0));
    site.forget();
    let authorize = "/hub/api/oauth2/authorize?";
    let id = format!("client_id=jupyterhub-user-{ann}");
    let targets = [
        format!("/user/{ann}%2f..%2f{bob}/lab"),
        format!("/user/{ann}/../{bob}/lab"),
        format!("/user/{ann}/%2e%2e/{bob}/lab"),
        format!("/user/{ann}/.%2E/{bob}/lab"),
        format!("/user/{ann}\\..\\{bob}/lab"),
        format!("/user/{ann}%5c{bob}/lab"),
        format!("/user/{ann}%00/lab"),
        format!("/user/{ann}%0d%0aX: y/lab").replace(' ', ""),
        format!("/user/{ann}%ff/lab"),
        format!("/user/{ann}%c0%af{bob}/lab"),
        format!("/user/{ann}%/lab"),
        format!("/user/%zz{ann}/lab"),
        format!("/user//{ann}/lab"),
        format!("//user/{ann}/lab"),
        "/user/../hub/home".to_owned(),
        "/user/./lab".to_owned(),
        "/user/%2e/lab".to_owned(),
        format!("/hub/user/{ann}%2f{bob}/"),
        format!("/hub/spawn/{ann}%2F{bob}"),
        format!("/hub/api/users/{ann}%2f{bob}/server"),
        format!("/hub/../user/{bob}/"),
        format!("/%2e/user/{bob}/"),
        format!("/user%2f{bob}/lab"),
        format!("/hub%2fuser%2f{bob}"),
        format!("{authorize}{id}&redirect_uri=%2Fuser%2F{bob}%2Foauth_callback"),
        format!("{authorize}{id}&{id}"),
        format!("{authorize}{id}&client_id=jupyterhub-user-{bob}"),
        format!("{authorize}{id}&redirect_uri=%2Fuser%2F{ann}%2F..%2F{bob}%2Foauth_callback"),
        format!("{authorize}{id}&redirect_uri=/user/{ann}/oauth_callback&redirect_uri=/user/{bob}/oauth_callback"),
        format!("{authorize}client_id=service-x&redirect_uri=/user/{bob}/oauth_callback"),
    ];
    for target in targets {
        for method in ["GET", "POST"] {
            let mut wire = Wire::to(site.address).await;
            let end = "Connection: close\r\nContent-Length: 0\r\n\r\n";
            wire.say(format!("{method} {target} HTTP/1.1\r\nHost: {}\r\n{end}", site.address)).await;
            let head = wire.head().await;
            assert!(head.starts_with("HTTP/1.1 400"), "{method} {target}: {head}");
        }
    }
    assert!(site.hubs_asked().is_empty(), "{:?} {:?}", site.asked("hub-a"), site.asked("hub-b"));
}

#[tokio::test]
async fn what_stands_behind_the_owner_passes_as_it_came() {
    let site = site().await;
    let ann = site.user_at("hub-a", 0);
    let mut browser = site.at_work(&ann).await;
    site.forget();
    for rest in ["api/contents/a%2Fb%20c%252F.txt?x=%2f&y", "files/%C3%A9%00", "lab/tree/...;x=1,2", "a//b"] {
        let target = format!("/user/{ann}/{rest}");
        browser.send(Request::get(target.clone())).await;
        assert!(site.seen("hub-a").iter().any(|seen| seen.target == target), "{target} is not in {:?}", site.asked("hub-a"));
    }
}

// --- Cross-site requests ---

#[tokio::test]
async fn a_change_below_hub_that_no_script_may_read_is_refused() {
    let site = site().await;
    let ann = site.user_at("hub-a", 0);
    let mut browser = site.logged_in(&ann).await;
    site.forget();
    let changes = [
        (Method::POST, format!("/hub/api/users/{ann}/server")),
        (Method::DELETE, format!("/hub/api/users/{ann}/server")),
        (Method::POST, "/hub/login".into()),
        (Method::POST, "/hub/spawn".into()),
        (Method::PATCH, format!("/hub/api/users/{ann}")),
        (Method::PUT, "/hub/api/groups/x".into()),
        (Method::POST, "/hub/api/oauth2/authorize".into()),
        (Method::POST, "/anything".into()),
    ];
    for (method, target) in changes {
        for from in ["cross-site", "same-site", "same-origin"] {
            let request = Request::new(method.clone(), &target).with("sec-fetch-mode", "no-cors");
            let answer = browser.send(request.with("sec-fetch-site", from)).await;
            assert_eq!(answer.status, 403, "{method} {target} {from}");
        }
    }
    assert!(site.hubs_asked().is_empty());
}

#[tokio::test]
async fn reports_of_browsers_reading_and_scripts_without_the_field_are_not_concerned() {
    let site = site().await;
    let ann = site.user_at("hub-a", 0);
    let mut browser = site.logged_in(&ann).await;
    let token = site.hub("hub-a").token_of(&ann);
    site.forget();
    let no_cors = |request: Request| request.with("sec-fetch-mode", "no-cors").with("sec-fetch-site", "same-origin");
    browser.send(no_cors(Request::new(Method::POST, "/hub/security/csp-report"))).await;
    browser.send(no_cors(Request::get("/hub/static/css/style.min.css"))).await;
    browser.send(no_cors(Request::new(Method::POST, format!("/user/{ann}/upload")))).await;
    let start = Request::new(Method::POST, format!("/hub/api/users/{ann}/server"));
    browser.send(start.with("authorization", &format!("token {token}"))).await;

    let asked = site.asked("hub-a");
    for expected in [
        "POST /hub/security/csp-report".to_owned(),
        "GET /hub/static/css/style.min.css".to_owned(),
        format!("POST /user/{ann}/upload"),
        format!("POST /hub/api/users/{ann}/server"),
    ] {
        assert!(asked.contains(&expected), "{expected} is not in {asked:?}");
    }
}

// --- The public edge ---

#[tokio::test]
async fn what_concerns_one_hub_alone_is_closed_at_the_public_edge() {
    let site = site().await;
    let mut admin = site.logged_in("admin").await;
    let token = site.hub("hub-a").token_of("admin");
    site.forget();
    for path in [
        "hub/api/shutdown",
        "hub/api/proxy",
        "hub/api/proxy/",
        "hub/api/info",
        "hub/api/metrics",
        "hub/metrics",
        "%68ub/api/%73hutdown",
        "hub/api//proxy",
    ] {
        for method in [Method::GET, Method::POST, Method::PATCH] {
            let request = Request::new(method.clone(), format!("/{path}"))
                .with("authorization", &format!("token {token}"))
                .with("x-hubrouter-hub", "hub-a");
            let answer = admin.send(request).await;
            assert!(matches!(answer.status.as_u16(), 400 | 403), "{method} {path}: {}", answer.status);
        }
    }
    let told = admin.send(Request::new(Method::POST, "/hub/api/shutdown")).await;
    assert!(told.body.contains("ask that hub directly"), "{}", told.body);
    assert!(site.hubs_asked().is_empty());
}

#[tokio::test]
async fn health_is_the_routers_own_answer() {
    let site = site().await;
    for hub in HUBS {
        site.hub(hub).kill().await;
    }
    for path in ["/hub/health", "/hub/api/health", "/_chp_healthz"] {
        assert_eq!(site.browser().send(Request::get(path)).await.status, 200, "{path}");
    }
}

// --- Tokens are never logged ---

#[tokio::test]
async fn tokens_cookies_and_passwords_are_never_logged() {
    let site = site().await;
    let text = std::fs::read_to_string(&site.file).unwrap();
    let text: Vec<&str> = text.lines().filter(|line| !line.starts_with("telemetry:")).collect();
    let settings = "telemetry: {log: {format: json, level: trace}, access_log: true}";
    let file = site.file.with_file_name("logging.yaml");
    std::fs::write(&file, format!("{}\n{settings}\n", text.join("\n")).replace("127.0.0.1:0", FIXED)).unwrap();
    let log = std::fs::File::create(site.file.with_file_name("log")).unwrap();
    let mut router = std::process::Command::new(env!("CARGO_BIN_EXE_hubrouter"))
        .args(["serve", "--config"])
        .arg(&file)
        .stderr(log)
        .spawn()
        .unwrap();
    let mut browser = Browser::new(FIXED.parse().unwrap());
    until_open().await;

    let ann = site.user_at("hub-a", 0);
    let token = site.hub("hub-a").token_of(&ann);
    let password = "a-wrong-secret-password";
    let page = browser.open("/hub/login").await;
    browser.submit(&page, &ann, password).await;
    browser.log_in("/hub/login?next=%2Fhub%2Fhome", &ann, PASSWORD).await;
    for target in [format!("/hub/api/user?token={token}"), format!("/user/{ann}/api?token={token}"), "/hub/api/users".into()] {
        browser.send(Request::get(target).with("authorization", &format!("token {token}"))).await;
    }
    let cookies: Vec<String> = browser.cookies().iter().map(|cookie| cookie.value.clone()).collect();
    browser.open("/hub/logout").await;
    router.kill().unwrap();
    router.wait().unwrap();

    let log = std::fs::read_to_string(site.file.with_file_name("log")).unwrap();
    assert!(log.lines().any(|line| line.contains("\"url.path\":\"/hub/api/users\"")), "nothing was logged: {log}");
    let secrets = cookies.iter().map(String::as_str).chain([token.as_str(), password, KEY]);
    for secret in secrets.filter(|secret| secret.len() >= 16) {
        let line = log.lines().find(|line| line.contains(secret.trim_matches('"')));
        assert_eq!(line, None, "{secret} was logged");
    }
}

/// A process cannot tell which port it was given, so this one is fixed.
const FIXED: &str = "127.0.0.1:39471";

async fn until_open() {
    for _ in 0..200 {
        if tokio::net::TcpStream::connect(FIXED).await.is_ok() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("the router did not open {FIXED}");
}
