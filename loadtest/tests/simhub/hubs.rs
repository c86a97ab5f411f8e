//! The hub itself: work from login to kernel, its log, limits, lists, and secrets.

use std::time::Duration;

use http::Request;
use hubrouter_loadtest::simhub::{Plane, ServerState, SimHub, SimHubOptions};

use super::client::Browser;
use super::{KERNEL, ada_at_work, hub};

#[tokio::test]
async fn a_user_logs_in_starts_a_server_and_works() {
    let hub = hub().await;
    let mut ada = ada_at_work(&hub).await;

    let lab = ada.get("/user/ada/lab").await;

    assert!(
        lab.text.contains("data-user=\"ada\"") && lab.text.contains("data-hub=\"hub-a\""),
        "{}",
        lab.text
    );
    assert_eq!(lab.header("x-simhub"), "hub-a");
    assert_eq!(hub.servers(), [("ada".to_owned(), String::new(), ServerState::Ready)]);
    let mut kernel = ada.kernel(KERNEL).await.unwrap();
    assert_eq!(kernel.echo("1 + 1").await.as_deref(), Some("1 + 1"));
    assert_eq!(kernel.echo_bytes(vec![0, 159, 255]).await, Some(vec![0, 159, 255]));
}

#[tokio::test]
async fn everything_works_below_another_base_url() {
    let options = SimHubOptions { base_url: "/jhub/".to_owned(), ..SimHubOptions::named("hub-a") };
    let hub = SimHub::start(options).await.unwrap();
    let mut ada = Browser::at(&hub.url());

    ada.log_in("/jhub/", "ada").await;
    ada.visit("/jhub/hub/spawn").await;
    let lab = ada.visit("/jhub/user/ada/").await;

    assert!(lab.text.contains("data-visitor=\"ada\""), "{}", lab.text);
    assert!(!ada.cookie("jupyterhub-user-ada", "/jhub/user/ada/").is_empty());
    assert!(!ada.cookie("jupyterhub-session-id", "/jhub/").is_empty());
    assert!(!ada.cookie("jupyterhub-hub-login", "/jhub/hub/").is_empty());
    assert_eq!(ada.get("/").await.header("location"), "/jhub/hub/");
}

#[tokio::test]
async fn every_request_is_noted_as_it_came() {
    let hub = hub().await;
    let mut nobody = Browser::at(&hub.url());

    nobody.send(Request::get("/").header("x-real-ip", "192.0.2.7"), "/hub/login?next=%2Fa%2520b", "").await;
    nobody.get("/user/ada/lab").await;
    Browser::at(&hub.hub_url()).get("/hub/health").await;

    let seen = hub.requests();
    let short: Vec<_> = seen.iter().map(|seen| (seen.plane, seen.by_proxy, seen.target.as_str())).collect();
    assert_eq!(
        short,
        [
            (Plane::Hub, true, "/hub/login?next=%2Fa%2520b"),
            (Plane::Hub, true, "/user/ada/lab"),
            (Plane::Hub, false, "/hub/health"),
        ]
    );
    assert_eq!(seen[0].header("X-Real-IP"), Some("192.0.2.7"));
    hub.forget_requests();
    assert!(hub.requests().is_empty());
}

#[tokio::test]
async fn a_full_hub_says_so_with_and_without_retry_after() {
    let few = SimHubOptions { active_server_limit: 1, ..SimHubOptions::named("hub-a") };
    let hub = SimHub::start(few).await.unwrap();
    hub.start_server("bob", "").await;
    let mut ada = Browser::at(&hub.url());
    ada.log_in("/", "ada").await;
    let full = ada.get("/hub/spawn").await;
    assert_eq!((full.status, full.header("retry-after")), (429, ""));

    let busy = SimHubOptions {
        concurrent_spawn_limit: 1,
        spawn_delay: Duration::from_secs(60),
        ..SimHubOptions::named("hub-b")
    };
    let hub = SimHub::start(busy).await.unwrap();
    for user in ["bob", "ada"] {
        let mut browser = Browser::at(&hub.url());
        browser.log_in("/", user).await;
        let page = browser.get("/hub/spawn").await;
        let expected = if user == "bob" { (302, "") } else { (429, "60") };
        assert_eq!((page.status, page.header("retry-after")), expected);
    }
}

#[tokio::test]
async fn a_slow_start_answers_202_and_can_be_stopped() {
    let options = SimHubOptions {
        spawn_delay: Duration::from_secs(60),
        slow_spawn_timeout: Duration::from_millis(50),
        ..SimHubOptions::named("hub-a")
    };
    let hub = SimHub::start(options).await.unwrap();
    let token = hub.token_of("ada");
    let mut script = Browser::at(&hub.url());
    let path = "/hub/api/users/ada/server";
    let with = |request: http::request::Builder| request.header("authorization", format!("token {token}"));

    assert_eq!(script.send(with(Request::post("/")), path, "").await.status, 202);
    assert_eq!(hub.servers()[0].2, ServerState::Pending);
    assert_eq!(script.send(with(Request::delete("/")), path, "").await.status, 204);
    assert_eq!(hub.servers()[0].2, ServerState::Stopped);
}

#[tokio::test]
async fn long_lists_come_in_pages_and_are_cut_without_them() {
    let users = (0..250).map(|number| format!("user-{number:03}")).collect();
    let hub = SimHub::start(SimHubOptions { users, ..SimHubOptions::named("hub-a") }).await.unwrap();
    let token = hub.token_of("admin");
    let mut script = Browser::at(&hub.url());
    let with = |request: http::request::Builder| request.header("authorization", format!("token {token}"));

    let cut = script.send(with(Request::get("/")), "/hub/api/users", "").await.json();
    assert_eq!(cut.as_array().unwrap().len(), 200);

    let pages = |request| with(request).header("accept", "application/jupyterhub-pagination+json");
    let first = script.send(pages(Request::get("/")), "/hub/api/users", "").await.json();
    assert_eq!(first["items"].as_array().unwrap().len(), 50);
    assert_eq!(first["_pagination"]["total"], 251);
    let next = first["_pagination"]["next"]["url"].as_str().unwrap();
    let path = next.strip_prefix(&hub.url()).unwrap();
    let second = script.send(pages(Request::get("/")), path, "").await.json();
    assert_eq!(second["items"][0]["name"], "user-049");
}

#[tokio::test]
async fn a_request_head_over_16_kib_is_refused_by_the_proxy() {
    let hub = hub().await;
    let mut nobody = Browser::at(&hub.url());
    let with = |bytes: usize| Request::get("/").header("x-long", "x".repeat(bytes));

    assert_eq!(nobody.send(with(16_000), "/hub/health", "").await.status, 200);
    assert_eq!(nobody.send(with(16_400), "/hub/health", "").await.status, 431);
}

#[tokio::test]
async fn two_hubs_with_different_secrets_do_not_know_each_others_cookies() {
    let (a, b) = (hub().await, SimHub::start(SimHubOptions::named("hub-b")).await.unwrap());
    let mut ada = Browser::at(&a.url());
    ada.log_in("/", "ada").await;
    let mut at_b = Browser::at(&b.url());
    at_b.cookies.clone_from(&ada.cookies);

    let page = at_b.get("/hub/home").await;

    assert_eq!(page.header("location"), "/hub/login?next=%2Fhub%2Fhome");
    assert!(at_b.cookie("jupyterhub-hub-login", "/hub/").is_empty(), "it is deleted");
}

#[tokio::test]
async fn hubs_with_one_secret_share_login_forms_but_not_sessions() {
    let with_secret = |id| SimHubOptions { cookie_secret: Some(b"one".to_vec()), ..SimHubOptions::named(id) };
    let a = SimHub::start(with_secret("hub-a")).await.unwrap();
    let b = SimHub::start(with_secret("hub-b")).await.unwrap();
    let mut ada = Browser::at(&a.url());
    ada.get("/hub/login").await;
    let mut at_b = Browser::at(&b.url());
    at_b.cookies.clone_from(&ada.cookies);

    let xsrf = at_b.cookie("_xsrf", "/hub/");
    let page = at_b.post("/hub/login", &format!("username=ada&password=pw&_xsrf={xsrf}")).await;

    assert_eq!(page.status, 302);
    ada.cookies.clone_from(&at_b.cookies);
    assert_eq!(ada.get("/hub/home").await.status, 302);
}
