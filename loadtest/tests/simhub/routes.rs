//! The proxy's table: as the proxy tells it, as the hub tells it, and what is left of it after a restart.

use std::time::Duration;

use http::Request;
use hubrouter_loadtest::simhub::{ApiToken, SimHub, SimHubOptions, SimService, TokenOwner};
use serde_json::{Value, json};

use super::client::Browser;

async fn hub_below(base_url: &str) -> SimHub {
    let token = ApiToken {
        token: "router".to_owned(),
        owner: TokenOwner::Service("router".to_owned()),
        scopes: vec!["proxy".to_owned()],
    };
    let options = SimHubOptions {
        base_url: base_url.to_owned(),
        api_tokens: vec![token],
        services: vec![SimService { name: "cull".to_owned(), open: true }],
        ..SimHubOptions::named("hub-a")
    };
    SimHub::start(options).await.unwrap()
}

async fn of_the_proxy(hub: &SimHub, path: &str, token: &str) -> (u16, String) {
    let request = Request::get("/").header("authorization", format!("token {token}"));
    let answer = Browser::at(&hub.proxy_api_url()).send(request, path, "").await;
    (answer.status, answer.text)
}

async fn table_of_the_proxy(hub: &SimHub) -> Value {
    let (status, text) = of_the_proxy(hub, "/api/routes", "proxy-token").await;
    assert_eq!(status, 200);
    serde_json::from_str(&text).unwrap()
}

async fn of_the_hub(hub: &SimHub, query: &str, pages: bool) -> Value {
    let mut request = Request::get("/").header("authorization", "token router");
    if pages {
        request = request.header("accept", "application/jupyterhub-pagination+json");
    }
    let path = format!("{}hub/api/proxy{query}", hub.base_url());
    Browser::at(&hub.hub_url()).send(request, &path, "").await.json()
}

fn keys(table: &Value) -> Vec<&str> {
    table.as_object().unwrap().keys().map(String::as_str).collect()
}

#[tokio::test]
async fn the_proxy_tells_its_routes_by_their_decoded_paths() {
    let hub = hub_below("/").await;
    hub.start_server("a b@x", "").await;
    hub.start_server("ada", "lab").await;

    let table = table_of_the_proxy(&hub).await;

    assert_eq!(keys(&table), ["/", "/services/cull", "/user/a b@x", "/user/ada/lab"]);
    let lab = &table["/user/ada/lab"];
    assert_eq!((&lab["user"], &lab["server_name"]), (&json!("ada"), &json!("lab")));
    assert!(lab["jupyterhub"] == true && lab["last_activity"].as_str().unwrap().ends_with('Z'));
    assert_eq!(table["/"]["hub"], true);
    assert_eq!(of_the_proxy(&hub, "/api/routes/user/a%20b@x", "proxy-token").await.0, 200);
    assert_eq!(of_the_proxy(&hub, "/api/routes/user/nobody", "proxy-token").await.0, 404);
    assert_eq!(of_the_proxy(&hub, "/api/routes", "wrong").await.0, 403);
    assert_eq!(of_the_proxy(&hub, "/other", "proxy-token").await.0, 404);
}

#[tokio::test]
async fn the_hub_tells_the_same_routes_quoted_and_in_pages() {
    let hub = hub_below("/jhub/").await;
    hub.start_server("a b@x", "").await;

    let whole = of_the_hub(&hub, "", false).await;
    assert_eq!(keys(&whole), ["/jhub/", "/jhub/services/cull/", "/jhub/user/a%20b@x/"]);
    let route = &whole["/jhub/user/a%20b@x/"];
    assert_eq!(route["routespec"], "/jhub/user/a%20b@x/");
    assert_eq!(route["data"]["user"], "a b@x");
    assert!(route["data"].get("jupyterhub").is_none() && route["target"].is_string());
    let first = of_the_hub(&hub, "?limit=2", true).await;
    assert_eq!(keys(&first["items"]), ["/jhub/", "/jhub/services/cull/"]);
    assert_eq!(first["_pagination"]["next"]["offset"], 2);
    let second = of_the_hub(&hub, "?limit=2&offset=2", true).await;
    assert_eq!(keys(&second["items"]), ["/jhub/user/a%20b@x/"]);
    assert_eq!(second["_pagination"]["next"], Value::Null);
}

#[tokio::test]
async fn a_restarted_proxy_has_no_route_of_the_hubs_until_the_hub_looks() {
    let hub = hub_below("/").await;
    hub.start_server("ada", "").await;
    hub.stop_proxy().await;
    assert!(tokio::net::TcpStream::connect(&hub.proxy_api_url()["http://".len()..]).await.is_err());

    hub.start_proxy(true).await.unwrap();

    let table = table_of_the_proxy(&hub).await;
    assert_eq!((keys(&table), table["/"].get("jupyterhub")), (vec!["/"], None));
    assert_eq!(of_the_hub(&hub, "", false).await, json!({}));
    let request = Request::post("/").header("authorization", "token router");
    assert_eq!(Browser::at(&hub.hub_url()).send(request, "/hub/api/proxy", "").await.status, 200);
    assert_eq!(keys(&table_of_the_proxy(&hub).await), ["/", "/services/cull", "/user/ada"]);
}

#[tokio::test]
async fn a_hub_whose_proxy_is_dead_is_silent_about_routes_until_the_proxy_is_back() {
    let hub = hub_below("/").await;
    hub.stop_proxy().await;
    let ask = of_the_hub(&hub, "", false);
    tokio::pin!(ask);

    assert!(tokio::time::timeout(Duration::from_millis(300), &mut ask).await.is_err());

    hub.start_proxy(false).await.unwrap();
    assert_eq!(keys(&ask.await), ["/", "/services/cull/"]);
}
