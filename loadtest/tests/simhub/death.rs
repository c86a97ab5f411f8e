//! Parts that die alone and come back, and hubs that misbehave.

use std::time::{Duration, Instant};

use http::Request;
use http_body_util::BodyExt;
use hubrouter_loadtest::simhub::{ApiToken, ServerState, SimHub, SimHubOptions, TokenOwner};
use serde_json::json;

use super::client::Browser;
use super::{KERNEL, ada_at_work, hub};

#[tokio::test]
async fn running_servers_outlive_their_hub() {
    let hub = hub().await;
    let mut ada = ada_at_work(&hub).await;
    let mut kernel = ada.kernel(KERNEL).await.unwrap();

    hub.stop_hub().await;

    let home = ada.get("/hub/home").await;
    assert_eq!(
        (home.status, home.text.as_str(), home.header("content-type")),
        (503, "Service Unavailable", "")
    );
    assert_eq!(ada.get("/_chp_healthz").await.json(), json!({"status": "OK"}));
    assert_eq!(ada.get("/user/ada/lab").await.status, 200);
    assert_eq!(kernel.echo("still here").await.as_deref(), Some("still here"));
    assert!(tokio::net::TcpStream::connect(hub.hub_address()).await.is_err());

    hub.start_hub().await.unwrap();

    assert_eq!(ada.get("/hub/home").await.status, 200);
    assert_eq!(kernel.echo("still here").await.as_deref(), Some("still here"));
}

#[tokio::test]
async fn a_server_whose_hub_is_dead_trusts_what_it_knew_for_a_while() {
    let options = SimHubOptions { auth_cache: Duration::from_millis(300), ..SimHubOptions::named("hub-a") };
    let hub = SimHub::start(options).await.unwrap();
    let mut ada = ada_at_work(&hub).await;

    hub.stop_hub().await;
    let before = ada.get("/user/ada/lab").await.status;
    tokio::time::sleep(Duration::from_millis(350)).await;
    let after = ada.get("/user/ada/lab").await.status;

    assert_eq!((before, after), (200, 500));
}

#[tokio::test]
async fn a_proxy_that_dies_takes_its_websockets_and_comes_back_empty() {
    let token = ApiToken {
        token: "router".to_owned(),
        owner: TokenOwner::Service("router".to_owned()),
        scopes: vec!["proxy".to_owned()],
    };
    let options = SimHubOptions { api_tokens: vec![token], ..SimHubOptions::named("hub-a") };
    let hub = SimHub::start(options).await.unwrap();
    let mut ada = ada_at_work(&hub).await;
    let mut kernel = ada.kernel(KERNEL).await.unwrap();

    hub.stop_proxy().await;

    assert_eq!(kernel.echo("gone").await, None);
    assert!(tokio::net::TcpStream::connect(hub.address()).await.is_err());
    let mut direct = Browser::at(&hub.hub_url());
    assert_eq!(direct.get("/hub/health").await.status, 200);

    hub.start_proxy(true).await.unwrap();

    let lost = ada.get("/user/ada/lab").await;
    assert_eq!((lost.status, lost.header("location")), (302, "/hub/user/ada/lab"));
    assert_eq!(hub.servers()[0].2, ServerState::Ready);
    let request = Request::post("/").header("authorization", "token router");
    assert_eq!(direct.send(request, "/hub/api/proxy", "").await.status, 200);
    assert_eq!(ada.get("/user/ada/lab").await.status, 200);
}

#[tokio::test]
async fn a_killed_site_keeps_its_database_only() {
    let hub = hub().await;
    let mut ada = ada_at_work(&hub).await;

    hub.kill().await;
    hub.start_hub().await.unwrap();
    hub.start_proxy(false).await.unwrap();

    assert_eq!(hub.servers(), [("ada".to_owned(), String::new(), ServerState::Stopped)]);
    assert_eq!(ada.get("/hub/home").await.status, 200);
}

#[tokio::test]
async fn a_stopped_server_ends_its_websockets() {
    let hub = hub().await;
    let ada = ada_at_work(&hub).await;
    let mut kernel = ada.kernel(KERNEL).await.unwrap();

    hub.stop_server("ada", "").await;

    assert_eq!(kernel.echo("gone").await, None);
}

#[tokio::test]
async fn a_hub_that_dies_breaks_what_waits_for_it() {
    let options = SimHubOptions { spawn_delay: Duration::from_secs(60), ..SimHubOptions::named("hub-a") };
    let hub = SimHub::start(options).await.unwrap();
    let mut ada = Browser::at(&hub.url());
    ada.log_in("/", "ada").await;
    ada.get("/hub/spawn").await;
    let events = ada.open(Request::get("/"), "/hub/api/users/ada/server/progress", Vec::new()).await.unwrap();

    hub.stop_hub().await;

    assert!(events.into_body().collect().await.is_err());
}

#[tokio::test]
async fn garbage_is_no_http() {
    let hub = hub().await;
    let mut nobody = Browser::at(&hub.url());
    hub.answer_garbage(true);

    assert!(nobody.open(Request::get("/"), "/hub/health", Vec::new()).await.is_err());

    hub.answer_garbage(false);
    assert_eq!(nobody.get("/hub/health").await.status, 200);
}

#[tokio::test]
async fn a_slow_hub_answers_late_and_a_hanging_one_never() {
    let hub = hub().await;
    let mut nobody = Browser::at(&hub.url());

    hub.slow(Duration::from_millis(200));
    let asked = Instant::now();
    assert_eq!(nobody.get("/hub/health").await.status, 200);
    assert!(asked.elapsed() >= Duration::from_millis(200));

    hub.slow(Duration::ZERO);
    hub.hang(true);
    let answer = tokio::time::timeout(Duration::from_millis(200), nobody.get("/hub/health")).await;
    assert!(answer.is_err());
}
