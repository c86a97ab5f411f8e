//! Calls to hubs on real sockets: correct ones, slow ones, and ones that play tricks.

use std::time::{Duration, Instant};

use http::HeaderName;

use super::played::{Play, PlayedHub, nowhere, ok, status};
use super::*;

const SOON: Duration = Duration::from_secs(5);
const SHORT: Duration = Duration::from_millis(150);

fn site(base: &str) -> Site {
    Site::new(base.parse().unwrap(), crate::NameRule::Lower, [])
}

fn client(hub: &PlayedHub) -> HubClient {
    HubClient::new(&hub.as_hub(), &site("/"), Resolver::new())
}

fn browser() -> Browser {
    Browser {
        host: HeaderValue::from_static("jupyter.example.org:8443"),
        client_ip: "203.0.113.9".parse().unwrap(),
        user_agent: Some(HeaderValue::from_static("Tester/1.0")),
        scheme: Scheme::Https,
    }
}

fn cookie() -> HeaderValue {
    HeaderValue::from_static("jupyterhub-hub-login=sesame; jupyterhub-session-id=s1")
}

fn model(text: &str) -> String {
    ok("application/json", text)
}

async fn whoami(hub: &PlayedHub) -> Result<Option<Principal>, HubError> {
    client(hub).whoami(cookie(), &browser(), SOON).await
}

#[tokio::test]
async fn a_hub_names_the_user_behind_the_cookies() {
    let hub = PlayedHub::saying(model(r#"{"kind":"user","name":"ada","groups":[]}"#)).await;

    let who = whoami(&hub).await.unwrap().unwrap();

    assert_eq!(who, Principal { kind: Kind::User, name: "ada".to_owned() });
}

#[tokio::test]
async fn a_hub_sees_the_browser_and_its_cookies_and_nothing_else_of_it() {
    let hub = PlayedHub::saying(model(r#"{"name":"ada"}"#)).await;

    HubClient::new(&hub.as_hub(), &site("/jhub/"), Resolver::new())
        .whoami(cookie(), &browser(), SOON)
        .await
        .unwrap();

    let heard = hub.heard();
    let mut lines: Vec<&str> = heard.trim_end().split("\r\n").collect();
    assert_eq!(lines.remove(0), "get /jhub/hub/api/user http/1.1");
    lines.sort_unstable();
    assert_eq!(
        lines,
        [
            "accept: application/json",
            "connection: close",
            "cookie: jupyterhub-hub-login=sesame; jupyterhub-session-id=s1",
            "host: jupyter.example.org:8443",
            "user-agent: tester/1.0",
            "x-forwarded-for: 203.0.113.9",
            "x-forwarded-proto: https",
            "x-real-ip: 203.0.113.9",
            "x-scheme: https",
        ]
    );
}

#[tokio::test]
async fn cookies_and_tokens_that_a_hub_does_not_know_are_nobodys() {
    for refusal in ["401 Unauthorized", "403 Forbidden"] {
        let hub = PlayedHub::saying(status(refusal, &["Set-Cookie: jupyterhub-hub-login=\"\""])).await;

        let token = client(&hub).token_owner(HeaderValue::from_static("token t"), SOON).await;

        assert_eq!(token.unwrap(), None, "{refusal}");
        assert_eq!(whoami(&hub).await.unwrap(), None, "{refusal}");
    }
}

#[tokio::test]
async fn a_token_is_shown_to_the_hub_without_cookies_and_may_be_a_services() {
    let hub = PlayedHub::saying(model(r#"{"kind":"service","name":"cull","scopes":[]}"#)).await;

    let owner = client(&hub).token_owner(HeaderValue::from_static("Bearer t0"), SOON).await.unwrap();

    assert_eq!(owner.unwrap(), Principal { kind: Kind::Service, name: "cull".to_owned() });
    let heard = hub.heard();
    assert!(heard.contains("\r\nauthorization: bearer t0\r\n") && !heard.contains("cookie"), "{heard}");
    assert!(heard.contains(&format!("\r\nhost: {}\r\n", hub.url.authority())), "{heard}");
}

#[tokio::test]
async fn calls_go_to_the_hub_itself_where_its_address_is_known() {
    let (proxy, own) = (PlayedHub::saying("").await, PlayedHub::saying(model(r#"{"name":"ada"}"#)).await);
    let mut hub = proxy.as_hub();
    hub.hub_url = Some(own.url.clone());

    HubClient::new(&hub, &site("/"), Resolver::new()).whoami(cookie(), &browser(), SOON).await.unwrap();

    assert_eq!((proxy.heard_count(), own.heard_count()), (0, 1));
}

#[tokio::test]
async fn a_redirect_is_an_answer_and_not_followed() {
    let elsewhere = PlayedHub::saying(model(r#"{"name":"mallory"}"#)).await;
    let hub = PlayedHub::saying(status("302 Found", &[&format!("Location: {}/", elsewhere.url)])).await;

    let error = whoami(&hub).await.unwrap_err();

    assert!(matches!(error, HubError::Redirects { .. }), "{error:?}");
    assert_eq!(elsewhere.heard_count(), 0);
}

#[tokio::test]
async fn an_answer_that_is_not_a_hubs_is_unreadable() {
    let long_head = format!("HTTP/1.1 200 OK\r\nX-Long: {}\r\n\r\n", "x".repeat(100_000));
    let many_headers = format!("HTTP/1.1 200 OK\r\n{}\r\n", "A: b\r\n".repeat(200));
    let chunks = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n".to_owned();
    let plays = [
        "SSH-2.0-OpenSSH_9.6\r\n".to_owned(),
        "\0\0\0\0\0\0\0\0\r\n\r\n".to_owned(),
        ok("text/html", "<html>hello</html>"),
        model(r#"["ada"]"#),
        model(r#"{"name":42}"#),
        model(r#"{"name":""}"#),
        long_head,
        many_headers,
        chunks,
    ];
    for play in plays {
        let hub = PlayedHub::saying(play.clone()).await;

        let error = whoami(&hub).await.unwrap_err();

        assert!(matches!(error, HubError::Unreadable { .. }), "{play:.60} -> {error:?}");
    }
}

#[tokio::test]
async fn an_answer_longer_than_allowed_is_given_up_early() {
    let announced = "HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n".to_owned();
    let unannounced = "HTTP/1.1 200 OK\r\n\r\n".to_owned();
    for head in [announced, unannounced] {
        let hub = PlayedHub::start(Play::SayEndlessly(head, " ".repeat(10_000))).await;

        let error = whoami(&hub).await.unwrap_err();

        let HubError::Unreadable { source, .. } = error else { panic!("{error:?}") };
        assert!(source.to_string().contains("longer than 262144 bytes"), "{source}");
    }
}

#[tokio::test]
async fn a_hub_that_keeps_us_waiting_costs_the_given_time_and_no_more() {
    let model = || "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n".to_owned();
    let plays = [
        Play::SayAndHang(String::new()),
        Play::SayAndHang("HTTP/1.1 200 OK\r\nContent-Le".to_owned()),
        Play::SayAndHang(model()),
        Play::Drip(model(), " ".to_owned()),
    ];
    for play in plays {
        let hub = PlayedHub::start(play).await;
        let started = Instant::now();

        let error = client(&hub).whoami(cookie(), &browser(), SHORT).await.unwrap_err();

        assert!(matches!(error, HubError::NoAnswer { source: None, .. }), "{error:?}");
        assert!((SHORT..SOON).contains(&started.elapsed()));
    }
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_no_answer() {
    let plays =
        ["", "HTTP/1.1 200 OK\r\nContent-Ty", "HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n{\"name\":"];
    for play in plays {
        let hub = PlayedHub::saying(play).await;

        let error = whoami(&hub).await.unwrap_err();

        assert!(matches!(error, HubError::NoAnswer { source: Some(_), .. }), "{play:?} -> {error:?}");
    }
}

#[tokio::test]
async fn a_hub_that_is_not_there_got_nothing_sent() {
    let hub = Hub::new("a".parse().unwrap(), nowhere().await);
    let client = HubClient::new(&hub, &site("/"), Resolver::new());

    let error = client.whoami(cookie(), &browser(), SOON).await.unwrap_err();

    assert!(matches!(error, HubError::Connect { .. }), "{error:?}");
    assert_eq!(error.to_string(), "hub `a`: refused the connection for GET /hub/api/user");
}

#[tokio::test]
async fn a_hub_that_wants_tls_is_never_called_without() {
    let hub = PlayedHub::saying(model(r#"{"name":"ada"}"#)).await;
    let url = format!("https://{}", hub.url.authority()).parse().unwrap();
    let tls = HubClient::new(&Hub::new("a".parse().unwrap(), url), &site("/"), Resolver::new());

    let error = tls.whoami(cookie(), &browser(), SOON).await.unwrap_err();

    assert!(matches!(error, HubError::Connect { .. }), "{error:?}");
    assert_eq!(hub.heard_count(), 0);
}

#[tokio::test]
async fn a_name_is_tried_at_its_next_address_when_the_first_is_dead() {
    let hub = PlayedHub::saying(model(r#"{"name":"ada"}"#)).await;
    let dead = format!("127.0.0.1:{}", nowhere().await.port()).parse().unwrap();
    let alive = format!("127.0.0.1:{}", hub.url.port()).parse().unwrap();
    let resolver = Resolver::with(SOON, move |_, _| Box::pin(async move { Ok(vec![dead, alive]) }));
    let named = Hub::new("a".parse().unwrap(), "http://hub-a.example:80".parse().unwrap());

    let who = HubClient::new(&named, &site("/"), resolver).whoami(cookie(), &browser(), SOON).await;

    assert_eq!(who.unwrap().unwrap().name, "ada");
}

#[tokio::test]
async fn a_busy_hub_says_when_to_come_back_and_a_failing_one_does_not() {
    let busy = [("429 Too Many Requests", 7), ("503 Service Unavailable", 7)];
    for (line, seconds) in busy {
        let hub = PlayedHub::saying(status(line, &["Retry-After: 7"])).await;
        let error = whoami(&hub).await.unwrap_err();
        let HubError::Busy { retry_after, .. } = error else { panic!("{line} -> {error:?}") };
        assert_eq!(retry_after, Duration::from_secs(seconds));
    }
    for line in ["503 Service Unavailable", "500 Oops", "404 Not Found", "204 No Content", "101 Switching"] {
        let hub = PlayedHub::saying(status(line, &[])).await;
        let error = whoami(&hub).await.unwrap_err();
        assert!(matches!(error, HubError::Failing { .. }), "{line} -> {error:?}");
    }
}

#[tokio::test]
async fn a_fresh_login_token_is_fetched_as_this_browser_without_any_cookie() {
    let page = "HTTP/1.1 200 OK\r\nSet-Cookie: _xsrf=MnwxOj; Max-Age=3600; Path=/hub/\r\nContent-Length: 9\r\n\r\n<html>...";
    let hub = PlayedHub::saying(page).await;
    let extra = HeaderMap::from_iter(
        [
            ("x-tenant", "physics"),
            ("cookie", "planted=1"),
            ("sec-fetch-mode", "cors"),
            ("x-real-ip", "10.0.0.1"),
        ]
        .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value))),
    );

    let token = client(&hub).fresh_login_token(&browser(), &extra, SOON).await.unwrap();

    assert_eq!((token.value.as_str(), token.cookie.to_str().unwrap()), ("MnwxOj", "_xsrf=MnwxOj"));
    assert_eq!(token.set_cookie, "_xsrf=MnwxOj; Max-Age=3600; Path=/hub/");
    let heard = hub.heard();
    assert!(heard.starts_with("get /hub/login http/1.1\r\n"), "{heard}");
    for line in [
        "host: jupyter.example.org:8443",
        "x-real-ip: 203.0.113.9",
        "user-agent: tester/1.0",
        "x-tenant: physics",
    ] {
        assert!(heard.contains(&format!("\r\n{line}\r\n")), "{line} is missing in {heard}");
    }
    for absent in ["cookie", "sec-fetch", "10.0.0.1"] {
        assert!(!heard.contains(absent), "{absent} in {heard}");
    }
}

#[tokio::test]
async fn a_hub_without_a_login_form_has_no_token_to_give() {
    let redirecting = PlayedHub::saying(status("302 Found", &["Location: /hub/oauth_login"])).await;
    let tokenless = PlayedHub::saying(ok("text/html", "<html>")).await;

    let ask = |hub| async move { client(hub).fresh_login_token(&browser(), &HeaderMap::new(), SOON).await };

    assert!(matches!(ask(&redirecting).await.unwrap_err(), HubError::Redirects { .. }));
    assert!(matches!(ask(&tokenless).await.unwrap_err(), HubError::Unreadable { .. }));
}

#[tokio::test]
async fn a_logout_hands_on_where_the_hub_leads_and_what_it_clears() {
    let play = status(
        "302 Found",
        &["Location: /hub/login", "Set-Cookie: a=\"\"", "Set-Cookie: b=\"\"", "Keep-Alive: timeout=5"],
    );
    let hub = PlayedHub::saying(play).await;

    let answer = client(&hub).logout(cookie(), &browser(), SOON).await.unwrap();

    assert_eq!(
        (answer.status, answer.location().unwrap().as_bytes()),
        (StatusCode::FOUND, &b"/hub/login"[..])
    );
    assert_eq!(answer.set_cookies().collect::<Vec<_>>(), ["a=\"\"", "b=\"\""]);
    assert!(!answer.headers.contains_key("keep-alive") && !answer.headers.contains_key("content-length"));
    assert!(hub.heard().contains("\r\ncookie: jupyterhub-hub-login=sesame; jupyterhub-session-id=s1\r\n"));
}

#[tokio::test]
async fn a_logout_page_comes_with_its_body() {
    let hub = PlayedHub::saying(ok("text/html", "<h1>Bye</h1>")).await;

    let answer = client(&hub).logout(cookie(), &browser(), SOON).await.unwrap();

    assert_eq!((answer.status, &answer.body[..]), (StatusCode::OK, &b"<h1>Bye</h1>"[..]));
}

#[tokio::test]
async fn a_logout_that_a_dead_hub_did_not_hear_is_an_error() {
    for line in ["503 Service Unavailable", "404 Not Found", "500 Oops"] {
        let hub = PlayedHub::saying(status(line, &[])).await;

        let error = client(&hub).logout(cookie(), &browser(), SOON).await.unwrap_err();

        assert!(matches!(error, HubError::Failing { .. }), "{line} -> {error:?}");
    }
}

#[tokio::test]
async fn no_error_shows_a_cookie() {
    let plays = ["", "garbage\r\n\r\n", &status("500 Oops", &[]), &model("[]")].map(str::to_owned);
    for play in plays {
        let hub = PlayedHub::saying(play).await;

        let error = whoami(&hub).await.unwrap_err();

        assert!(!format!("{error} {error:?}").contains("sesame"));
    }
}

#[test]
fn a_call_may_be_awaited_on_any_runtime() {
    fn is_send<T: Send>(_: impl Fn(&'static HubClient, &'static Browser) -> T) {}
    is_send(|client, browser| client.whoami(cookie(), browser, SOON));
    is_send(|client, browser| client.logout(cookie(), browser, SOON));
    is_send(|client, _| client.token_owner(cookie(), SOON));
}

#[tokio::test]
async fn the_database_is_asked_for_one_user_with_the_routers_token() {
    let hub = PlayedHub::saying(model("[]")).await;

    client(&hub).ask_database(&Secret::new("t0ken".to_owned()), SOON).await.unwrap();

    let heard = hub.heard();
    assert!(heard.starts_with("get /hub/api/users?limit=1 http/1.1"), "{heard}");
    assert!(heard.contains("authorization: token t0ken"), "{heard}");
    assert!(
        heard.contains("accept: application/jupyterhub-pagination+json"),
        "or the hub logs a warning: {heard}"
    );
}

#[tokio::test]
async fn a_token_that_the_hub_refuses_is_named_by_its_status() {
    let hub = PlayedHub::saying(status("403 Forbidden", &[])).await;

    let refused = client(&hub).ask_database(&Secret::new("wrong".to_owned()), SOON).await;

    assert!(matches!(refused, Err(HubError::Failing { status: StatusCode::FORBIDDEN, .. })), "{refused:?}");
}
