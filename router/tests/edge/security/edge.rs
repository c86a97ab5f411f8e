//! Addresses that mean two users, requests across sites, and what is closed at the public edge.

use http::Method;

use super::{HUBS, site};
use crate::support::{Request, Wire};

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
        format!(
            "{authorize}{id}&redirect_uri=/user/{ann}/oauth_callback&redirect_uri=/user/{bob}/oauth_callback"
        ),
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
        assert!(
            site.seen("hub-a").iter().any(|seen| seen.target == target),
            "{target} is not in {:?}",
            site.asked("hub-a")
        );
    }
}

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
    let no_cors =
        |request: Request| request.with("sec-fetch-mode", "no-cors").with("sec-fetch-site", "same-origin");
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
