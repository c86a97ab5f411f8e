//! Census calls on real sockets: whole answers, cut ones, and hubs that play tricks.

use std::time::{Duration, Instant};

use hubrouter_config::{Hub, ProxyApi};

use super::*;
use crate::client::Resolver;
use crate::client::played::{Play, PlayedHub, nowhere, ok, status};
use crate::{NameRule, Site};

const SOON: Duration = Duration::from_secs(5);
const SHORT: Duration = Duration::from_millis(150);

fn client_of(hub: &Hub, base: &str) -> HubClient {
    HubClient::new(hub, &Site::new(base.parse().unwrap(), NameRule::Lower, []), Resolver::new())
}

fn client(hub: &PlayedHub) -> HubClient {
    client_of(&hub.as_hub(), "/")
}

fn token() -> Secret<String> {
    Secret::new("t0ken-sesame".to_owned())
}

fn name(text: &str) -> UserName {
    UserName::canonical(text, NameRule::Lower).unwrap()
}

fn json(text: &str) -> String {
    ok("application/json", text)
}

/// A page of users from `first` on, each with a running default server.
fn page(first: usize, count: usize, next: Option<usize>) -> String {
    let server = r#"{"ready":true,"stopped":false,"pending":null}"#;
    let user = |number| {
        format!(
            r#"{{"kind":"user","name":"user{number}","pending":null,"servers":{{"":{server}}},"groups":["g"]}}"#
        )
    };
    let items: Vec<String> = (first..first + count).map(user).collect();
    let next = next.map_or("null".to_owned(), |offset| {
        format!(
            r#"{{"offset":{offset},"limit":200,"url":"http://elsewhere.example/hub/api/users?offset={offset}"}}"#
        )
    });
    let items = items.join(",");
    json(&format!(
        r#"{{"items":[{items}],"_pagination":{{"offset":{first},"limit":200,"total":9,"next":{next}}}}}"#
    ))
}

async fn active_users(hub: &PlayedHub) -> Result<ActiveUsers, HubError> {
    client(hub).active_users(&token(), SOON).await
}

/// What an error says, its source included.
fn text(error: &HubError) -> String {
    let source = std::error::Error::source(error).map(ToString::to_string).unwrap_or_default();
    format!("{error}: {source}")
}

#[tokio::test]
async fn all_pages_of_the_active_users_are_read_from_the_hub_itself() {
    let hub = PlayedHub::start(Play::InTurn(vec![page(0, 200, Some(200)), page(180, 30, None)])).await;

    let answer = client_of(&hub.as_hub(), "/jhub/").active_users(&token(), SOON).await.unwrap();

    assert_eq!(answer.users.len(), 210);
    assert_eq!(answer.users[&name("user209")].servers[""].state, ServerState::Ready);
    assert!(answer.took > Duration::ZERO);
    let heard = hub.all_heard();
    let lines: Vec<&str> = heard.iter().map(|head| head.lines().next().unwrap()).collect();
    assert_eq!(
        lines,
        [
            "get /jhub/hub/api/users?state=active&limit=200&offset=0 http/1.1",
            "get /jhub/hub/api/users?state=active&limit=200&offset=180 http/1.1",
        ]
    );
    assert!(heard[1].contains("\r\naccept: application/jupyterhub-pagination+json\r\n"), "{}", heard[1]);
    assert!(heard[1].contains("\r\nauthorization: token t0ken-sesame\r\n"), "{}", heard[1]);
}

#[tokio::test]
async fn servers_are_told_with_their_state_and_their_last_activity() {
    let hub = PlayedHub::saying(json(
        r#"{"items":[{"name":"ada","last_activity":"1970-01-01T00:02:00Z","servers":{
            "":{"ready":true,"stopped":false,"pending":null,"last_activity":"1970-01-01T00:01:00.5Z"},
            "lab":{"ready":false,"stopped":false,"pending":"stop","last_activity":null},
            "old":{"ready":false,"stopped":true,"pending":null}}}],
          "_pagination":{"offset":0,"limit":200,"total":1,"next":null}}"#,
    ))
    .await;

    let users = active_users(&hub).await.unwrap().users;

    let ada = &users[&name("ada")];
    let since_1970 =
        |at: Option<SystemTime>| at.map(|at| at.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_millis());
    assert_eq!(since_1970(ada.last_activity), Some(120_000));
    let servers: Vec<_> = ada
        .servers
        .iter()
        .map(|(name, server)| (name.as_str(), server.state, since_1970(server.last_activity)))
        .collect();
    assert_eq!(servers, [("", ServerState::Ready, Some(60_500)), ("lab", ServerState::Pending, None)]);
}

#[tokio::test]
async fn a_page_that_fails_makes_the_whole_answer_unusable() {
    for second in [
        status("500 Oops", &[]),
        status("503 Service Unavailable", &["Retry-After: 3"]),
        status("302 Found", &["Location: /hub/login"]),
        String::new(),
        json("{}"),
        json("[]"),
        page(200, 10, None),
        json(r#"{"items":[{"name":"user190"}],"_pagination":{"offset":180,"limit":200,"next":null}}"#),
    ] {
        let hub = PlayedHub::start(Play::InTurn(vec![page(0, 200, Some(200)), second.clone()])).await;

        assert!(active_users(&hub).await.is_err(), "{second:.70}");
    }
}

#[tokio::test]
async fn a_list_without_pages_is_whole_unless_it_is_as_long_as_a_page() {
    let list = |count: usize| {
        let users: Vec<String> =
            (0..count).map(|number| format!(r#"{{"name":"u{number}","servers":{{}}}}"#)).collect();
        json(&format!("[{}]", users.join(",")))
    };
    for (count, whole) in [(0, true), (199, true), (200, false), (350, true)] {
        let hub = PlayedHub::saying(list(count)).await;

        match active_users(&hub).await {
            Ok(answer) => assert!(whole && answer.users.len() == count, "{count}"),
            Err(error) => assert!(!whole && text(&error).contains("may be cut"), "{count}: {error}"),
        }
    }
}

#[tokio::test]
async fn pages_are_bounded_in_bytes_and_all_together_in_time() {
    let endless = Play::SayEndlessly("HTTP/1.1 200 OK\r\n\r\n{\"items\":[".to_owned(), " ".repeat(1_000_000));
    let hub = PlayedHub::start(endless).await;
    let error = client(&hub).active_users(&token(), Duration::from_secs(20)).await.unwrap_err();
    assert!(text(&error).contains("longer than"), "{}", text(&error));

    let slow = Play::Drip("HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n".to_owned(), " ".to_owned());
    let hub = PlayedHub::start(slow).await;
    let started = Instant::now();
    let error = client(&hub).active_users(&token(), SHORT).await.unwrap_err();
    assert!(matches!(error, HubError::NoAnswer { .. }), "{error:?}");
    assert!(started.elapsed() < SOON);
}

#[tokio::test]
async fn a_wrong_token_is_told_by_its_status_and_never_shown() {
    for line in ["401 Unauthorized", "403 Forbidden"] {
        let hub = PlayedHub::saying(status(line, &[])).await;
        let api = ProxyApi { url: hub.url.clone(), token: token() };
        let client = client(&hub);
        let errors = [
            client.active_users(&token(), SOON).await.unwrap_err(),
            client.user(&token(), &name("ada"), SOON).await.unwrap_err(),
            client.routes_of_hub(RouteSource::Hub(&token()), SOON).await.unwrap_err(),
            client.routes_of_hub(RouteSource::Proxy(&api), SOON).await.unwrap_err(),
            client.restore_routes(&token(), SOON).await.unwrap_err(),
        ];
        for error in errors {
            let HubError::Failing { status, .. } = &error else { panic!("{error:?}") };
            assert!(line.starts_with(status.as_str()), "{error}");
            assert!(!format!("{error} {error:?}").contains("sesame"), "{error:?}");
        }
    }
}

#[tokio::test]
async fn the_hub_is_asked_about_one_user_by_the_quoted_name() {
    let hub = PlayedHub::saying(json(r#"{"name":"a b","server":null,"pending":null,"servers":{}}"#)).await;

    let at = client(&hub).user(&token(), &name("a b@x"), SOON).await.unwrap();

    assert_eq!(at, UserAt::NoServer);
    assert!(hub.heard().starts_with("get /hub/api/users/a%20b@x http/1.1\r\n"), "{}", hub.heard());
}

#[tokio::test]
async fn a_user_is_unknown_by_the_hubs_own_word_only() {
    let not_found =
        |body: &str| format!("HTTP/1.1 404 Not Found\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    let ask = |play: String| async move {
        client(&PlayedHub::saying(play).await).user(&token(), &name("ada"), SOON).await
    };

    let known = ask(not_found(r#"{"status": 404, "message": "Not Found"}"#)).await;
    assert_eq!(known.unwrap(), UserAt::UnknownUser);
    let no_access = r#"{"status": 404, "message": "No access to resources or resources not found"}"#;
    for play in [not_found(""), not_found("<html>"), not_found(no_access), status("204 No Content", &[])] {
        assert!(matches!(ask(play.clone()).await, Err(HubError::Failing { .. })), "{play}");
    }
    for play in [json("{}"), json("null"), String::new(), status("302 Found", &["Location: /"])] {
        assert!(ask(play.clone()).await.is_err(), "{play}");
    }
}

const TABLE: &str = r#"{
    "/": {"hub": true, "target": "http://127.0.0.1:8081", "jupyterhub": true},
    "/user/b@x y": {"user": "B@x y", "server_name": "", "target": "http://10.0.0.1:1", "jupyterhub": true,
        "last_activity": "1970-01-01T00:00:07Z"},
    "/user/ada/lab": {"user": "ada", "server_name": "lab", "target": "http://10.0.0.2:1", "jupyterhub": true},
    "/services/cull": {"service": "cull", "target": "http://10.0.0.3:1", "jupyterhub": true},
    "/user/mallory": {"user": "mallory", "server_name": "", "target": "http://10.0.0.4:1"}
}"#;

fn seen(routes: &Routes) -> Vec<(&str, &str)> {
    routes.servers.iter().map(|route| (route.user.as_str(), route.server.as_str())).collect()
}

#[tokio::test]
async fn the_proxy_tells_its_routes_and_only_those_of_jupyterhub_count() {
    let (proxy, hub) = (PlayedHub::saying(json(TABLE)).await, PlayedHub::saying("").await);
    let api = ProxyApi { url: proxy.url.clone(), token: token() };

    let routes = client(&hub).routes_of_hub(RouteSource::Proxy(&api), SOON).await.unwrap();

    assert_eq!(seen(&routes), [("b@x y", ""), ("ada", "lab")]);
    assert_eq!((routes.count, routes.leads_to_hub), (4, true));
    assert_eq!(routes.servers[0].last_activity, SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(7)));
    let heard = proxy.heard();
    assert!(heard.starts_with("get /api/routes http/1.1\r\n"), "{heard}");
    assert!(heard.contains("\r\nauthorization: token t0ken-sesame\r\n"), "{heard}");
    assert_eq!(hub.heard_count(), 0);
}

#[tokio::test]
async fn a_hub_tells_the_routes_of_its_proxy_in_pages() {
    let page = |items: &str, offset: usize, next: &str| {
        json(&format!(
            r#"{{"items":{items},"_pagination":{{"offset":{offset},"limit":200,"total":3,"next":{next}}}}}"#
        ))
    };
    let first = r#"{"/jhub/":{"routespec":"/jhub/","target":"http://h","data":{"hub":true}},
        "/jhub/user/ada/":{"routespec":"/jhub/user/ada/","target":"http://s","data":{"user":"ada","server_name":""}}}"#;
    let second =
        r#"{"/jhub/user/bo/":{"routespec":"/x/","target":"t","data":{"user":"bo","server_name":"gpu"}}}"#;
    let hub = PlayedHub::start(Play::InTurn(vec![
        page(first, 0, r#"{"offset":200,"limit":200,"url":"http://elsewhere.example/"}"#),
        page(second, 200, "null"),
    ]))
    .await;

    let routes =
        client_of(&hub.as_hub(), "/jhub/").routes_of_hub(RouteSource::Hub(&token()), SOON).await.unwrap();

    assert_eq!(seen(&routes), [("ada", ""), ("bo", "gpu")]);
    assert_eq!((routes.count, routes.leads_to_hub), (3, true));
    assert!(
        hub.all_heard()[1].starts_with("get /jhub/hub/api/proxy?limit=200&offset=200 "),
        "{:?}",
        hub.all_heard()
    );
}

#[tokio::test]
async fn a_hub_that_knows_no_pages_tells_its_routes_at_once() {
    let hub = PlayedHub::saying(json(
        r#"{"/":{"routespec":"/","target":"","data":{}},"/user/ada/":{"data":{"user":"ada"}}}"#,
    ))
    .await;

    let routes = client(&hub).routes_of_hub(RouteSource::Hub(&token()), SOON).await.unwrap();

    assert_eq!((seen(&routes), routes.leads_to_hub), (vec![("ada", "")], true));
}

#[tokio::test]
async fn a_table_that_is_none_shows_nothing() {
    for body in ["[]", "null", "{\"/\":3}", "{\"/\":{\"jupyterhub\":true,\"user\":7}}", "<html>", ""] {
        let hub = PlayedHub::saying(json(body)).await;
        let api = ProxyApi { url: hub.url.clone(), token: token() };
        let client = client(&hub);

        for source in [RouteSource::Proxy(&api), RouteSource::Hub(&token())] {
            let error = client.routes_of_hub(source, SOON).await.unwrap_err();
            assert!(matches!(error, HubError::Unreadable { .. }), "{body}: {error:?}");
        }
    }
}

#[tokio::test]
async fn a_hub_whose_proxy_is_dead_keeps_nobody_waiting() {
    let hub = PlayedHub::start(Play::SayAndHang(String::new())).await;
    let started = Instant::now();

    let error = client(&hub).routes_of_hub(RouteSource::Hub(&token()), SHORT).await.unwrap_err();

    assert!(matches!(error, HubError::NoAnswer { source: None, .. }), "{error:?}");
    assert!(started.elapsed() < SOON);
}

#[tokio::test]
async fn the_hub_is_asked_to_restore_the_routes_of_its_proxy() {
    let hub = PlayedHub::saying(status("200 OK", &[])).await;

    client(&hub).restore_routes(&token(), SOON).await.unwrap();

    let heard = hub.heard();
    assert!(heard.starts_with("post /hub/api/proxy http/1.1\r\n"), "{heard}");
    assert!(heard.contains("\r\ncontent-length: 0\r\n"), "{heard}");
    assert!(heard.contains("\r\nauthorization: token t0ken-sesame\r\n"), "{heard}");
}

#[tokio::test]
async fn the_proxys_own_api_comes_first_and_without_any_token_there_are_no_sightings() {
    let url = nowhere().await;
    let mut hub = Hub::new("a".parse().unwrap(), url.clone());
    assert!(RouteSource::of(&hub).is_none());
    hub.api_token = Some(token());
    assert!(matches!(RouteSource::of(&hub), Some(RouteSource::Hub(_))));
    hub.proxy_api = Some(ProxyApi { url, token: token() });
    assert!(matches!(RouteSource::of(&hub), Some(RouteSource::Proxy(_))));
    assert!(!format!("{:?}", RouteSource::of(&hub)).contains("sesame"));
}

#[tokio::test]
async fn a_server_is_stopped_by_its_name_and_one_that_has_gone_is_as_good() {
    for (play, server, path) in [
        (status("202 Accepted", &[]), "", "/hub/api/users/ada/server"),
        (status("404 Not Found", &[]), "lab 2", "/hub/api/users/ada/servers/lab%202"),
    ] {
        let hub = PlayedHub::saying(play).await;
        client(&hub).stop_server(&token(), &name("ada"), server, SOON).await.unwrap();
        assert!(hub.heard().starts_with(&format!("delete {path} http/1.1")));
    }
}

#[tokio::test]
async fn all_users_of_a_hub_are_counted_by_one_small_page() {
    let hub = PlayedHub::saying(page(0, 1, Some(1))).await;
    assert_eq!(client(&hub).count_users(&token(), SOON).await.unwrap(), 9);
}
