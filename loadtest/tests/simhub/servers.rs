//! Users' servers and services: what they stream, show and toss.

use std::time::{Duration, Instant};

use http::Request;
use http_body_util::BodyExt;
use hubrouter_loadtest::simhub::{SimHub, SimHubOptions, SimService};
use serde_json::json;

use super::client::Browser;
use super::{ada_at_work, hub};

#[tokio::test]
async fn downloads_and_uploads_are_streamed() {
    let hub = hub().await;
    let mut ada = ada_at_work(&hub).await;

    let big = ada.get("/user/ada/big?bytes=3000000").await;
    assert_eq!((big.header("content-length"), big.text.len()), ("3000000", 3_000_000));

    let xsrf = ada.cookie("_xsrf", "/user/ada/");
    let request = Request::post("/").header("x-xsrftoken", xsrf);
    let answer = ada.send(request, "/user/ada/upload", &"y".repeat(2_000_000)).await.json();
    assert_eq!((&answer["received"], &answer["complete"]), (&json!(2_000_000), &json!(true)));
}

#[tokio::test]
async fn events_come_one_by_one() {
    let hub = hub().await;
    let mut ada = ada_at_work(&hub).await;
    let asked = Instant::now();

    let answer =
        ada.open(Request::get("/"), "/user/ada/events?count=2&every_ms=300", Vec::new()).await.unwrap();
    let mut body = answer.into_body();
    let first = body.frame().await.unwrap().unwrap().into_data().unwrap();
    let after_first = asked.elapsed();
    let second = body.frame().await.unwrap().unwrap().into_data().unwrap();

    assert_eq!(
        (&first[..], &second[..]),
        (&b"data: {\"event\": 0}\n\n"[..], &b"data: {\"event\": 1}\n\n"[..])
    );
    assert!(after_first < Duration::from_millis(300) && asked.elapsed() >= Duration::from_millis(300));
}

#[tokio::test]
async fn a_hostile_server_tosses_any_cookie() {
    let hub = hub().await;
    let mut ada = ada_at_work(&hub).await;

    let page =
        ada.get("/user/ada/toss?cookie=jupyterhub-hub-login%3Dx%3B%20Path%3D%2Fhub%2F&cookie=a%3Db").await;

    let lines: Vec<_> = page.headers.get_all("set-cookie").iter().collect();
    assert_eq!(lines, ["jupyterhub-hub-login=x; Path=/hub/", "a=b"]);
}

#[tokio::test]
async fn a_server_shows_the_headers_it_got() {
    let hub = hub().await;
    let mut ada = ada_at_work(&hub).await;

    let page =
        ada.send(Request::get("/").header("x-scheme", "https"), "/user/ada/headers?a=b", "").await.json();

    assert_eq!(page["target"], "/user/ada/headers?a=b");
    assert!(page["headers"].as_array().unwrap().contains(&json!(["x-scheme", "https"])));
}

#[tokio::test]
async fn named_servers_stand_beside_the_default_one() {
    let hub = hub().await;
    let mut ada = ada_at_work(&hub).await;
    hub.start_server("ada", "second").await;

    let lab = ada.visit("/user/ada/second/lab").await;

    assert!(lab.text.contains("data-server=\"second\""), "{}", lab.text);
    assert!(!ada.cookie("jupyterhub-user-ada-second", "/user/ada/second/").is_empty());
}

#[tokio::test]
async fn a_service_tells_who_the_visitor_is() {
    let services = vec![SimService { name: "grades".to_owned(), open: true }];
    let hub = SimHub::start(SimHubOptions { services, ..SimHubOptions::named("hub-a") }).await.unwrap();
    let mut ada = Browser::at(&hub.url());
    ada.log_in("/", "ada").await;
    let hop = ada.get("/services/grades/").await.header("location").to_owned();
    assert!(ada.get(&hop).await.text.contains("Authorize"));

    let xsrf = ada.cookie("_xsrf", "/hub/");
    let back = ada.post(&hop, &format!("scopes=x&_xsrf={xsrf}")).await.header("location").to_owned();
    let page = ada.visit(&back).await;

    assert_eq!(page.json()["user"], "ada");
    assert_eq!(page.header("x-simhub"), "hub-a");
}
