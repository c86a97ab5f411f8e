//! What a hub gets to see of a request, and a client of an answer: the fields.

use super::support::raw_hub::sent;
use super::support::{RawHub, Site, Sketch, field};

/// The head that a hub gets for a request with these fields, with `site:` configured so.
async fn at_hub(site: &str, fields: &str) -> String {
    let mut hub = RawHub::start().await;
    let site = Sketch::with_raw_hub(&hub).configured(&format!("site: {{{site}}}")).start().await;
    let mut client = site.wire().await;
    client.say(format!("GET /user/ada/x HTTP/1.1\r\n{fields}\r\n")).await;
    hub.request().await.head
}

/// The head that a client gets when a hub answers with these fields.
async fn at_client(fields: &str) -> String {
    let mut hub = RawHub::start().await;
    let site = Sketch::with_raw_hub(&hub).start().await;
    let mut client = site.wire().await;
    client.say("GET /user/ada/x HTTP/1.1\r\nHost: site\r\n\r\n").await;
    hub.request().await.wire.say(format!("HTTP/1.1 200 OK\r\n{fields}Content-Length: 0\r\n\r\n")).await;
    client.head().await
}

fn names(head: &str) -> Vec<String> {
    head.lines()
        .skip(1)
        .filter_map(|line| line.split_once(':'))
        .map(|(name, _)| name.to_ascii_lowercase())
        .collect()
}

#[tokio::test]
async fn the_host_reaches_the_hub_to_the_byte() {
    for host in ["Jupyter.Example.org", "jupyter.example.org:443", "[::1]:8000", "10.0.0.1:80"] {
        let head = at_hub("", &format!("Host: {host}\r\n")).await;
        assert_eq!(field(&head, "host"), Some(host));
    }
}

#[tokio::test]
async fn the_target_reaches_the_hub_to_the_byte() {
    let mut hub = RawHub::start().await;
    let site = Sketch::with_raw_hub(&hub).start().await;
    let mut client = site.wire().await;
    for target in [
        "/user/ada/files/a%2fb%20c%25d//e;f=1?x=%26&y=a+b&z='|{}^`",
        "/user/%61da/lab?",
        "/user/ada/x?token=a%2Fb",
        "/hub/user/ada/tree/a%2Fb?redirects=1",
    ] {
        client.say(format!("GET {target} HTTP/1.1\r\nHost: site\r\n\r\n")).await;
        let mut at_hub = hub.request().await;
        assert!(at_hub.head.starts_with(&format!("GET {target} HTTP/1.1\r\n")), "{}", at_hub.head);
        at_hub.wire.say("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok").await;
        client.until("ok").await;
    }
}

#[tokio::test]
async fn a_strangers_word_about_itself_is_replaced_by_what_the_router_saw() {
    let head = at_hub(
        "",
        "Host: site\r\nX-Forwarded-For: 6.6.6.6\r\nX-Real-IP: 6.6.6.6\r\nX-Forwarded-Proto: https\r\n\
         X-Scheme: https\r\nForwarded: for=6.6.6.6;proto=https\r\nX-Forwarded-Host: evil\r\n\
         X-Forwarded-Port: 666\r\nX-Original-URL: /user/bob/\r\nX-Rewrite-URL: /user/bob/\r\n\
         X-Forwarded-Uri: /user/bob/\r\nTrue-Client-IP: 6.6.6.6\r\n",
    )
    .await;

    assert_eq!(field(&head, "x-forwarded-for"), Some("127.0.0.1"));
    assert_eq!(field(&head, "x-real-ip"), Some("127.0.0.1"));
    assert_eq!(field(&head, "x-forwarded-proto"), Some("http"));
    assert_eq!(field(&head, "x-scheme"), Some("http"));
    for name in [
        "forwarded",
        "x-forwarded-host",
        "x-forwarded-port",
        "x-original-url",
        "x-rewrite-url",
        "x-forwarded-uri",
        "true-client-ip",
    ] {
        assert_eq!(field(&head, name), None, "{name} reached the hub");
    }
    assert!(!head.contains("6.6.6.6"), "{head}");
}

#[tokio::test]
async fn a_trusted_proxy_names_the_client_and_the_scheme() {
    let head = at_hub(
        "trusted_proxies: [127.0.0.0/8]",
        "Host: site\r\nX-Forwarded-For: 203.0.113.9, 127.0.0.7\r\nX-Forwarded-Proto: https\r\nX-Real-IP: 6.6.6.6\r\n",
    )
    .await;

    assert_eq!(field(&head, "x-real-ip"), Some("203.0.113.9"));
    assert_eq!(field(&head, "x-forwarded-for"), Some("203.0.113.9, 127.0.0.7, 127.0.0.1"));
    assert_eq!(field(&head, "x-forwarded-proto"), Some("https"));
    assert_eq!(field(&head, "x-scheme"), Some("https"));
}

#[tokio::test]
async fn the_scheme_of_the_public_address_is_the_scheme_whatever_anybody_says() {
    let head = at_hub(
        "public_url: 'https://jupyter.example.org', trusted_proxies: [127.0.0.0/8]",
        "Host: jupyter.example.org\r\nX-Forwarded-Proto: http\r\n",
    )
    .await;

    assert_eq!(field(&head, "x-scheme"), Some("https"));
    assert_eq!(field(&head, "x-forwarded-proto"), Some("https"));
}

#[tokio::test]
async fn fields_of_the_clients_connection_end_at_the_router() {
    let head = at_hub(
        "",
        "Host: site\r\nConnection: keep-alive, X-Hop\r\nX-Hop: 1\r\nKeep-Alive: timeout=5\r\nTE: trailers\r\n\
         Trailer: X-Late\r\nProxy-Connection: keep-alive\r\nProxy-Authorization: Basic x\r\nUpgrade: h2c\r\n\
         X-End: 1\r\n",
    )
    .await;

    assert_eq!(field(&head, "x-end"), Some("1"));
    let gone = [
        "connection",
        "x-hop",
        "keep-alive",
        "te",
        "trailer",
        "proxy-connection",
        "proxy-authorization",
        "upgrade",
    ];
    for name in gone {
        assert_eq!(field(&head, name), None, "{name} reached the hub: {head}");
    }
}

#[tokio::test]
async fn a_connection_field_may_not_name_what_has_to_arrive() {
    let hub = RawHub::start().await;
    let site = Sketch::with_raw_hub(&hub).start().await;
    for (path, name) in [
        ("/user/ada/x", "Host"),
        ("/user/ada/x", "cookie"),
        ("/hub/home", "Authorization"),
        ("/hub/home", "X-Forwarded-For"),
    ] {
        let mut client = site.wire().await;
        client.say(format!("GET {path} HTTP/1.1\r\nHost: site\r\nConnection: {name}\r\n\r\n")).await;
        assert!(client.head().await.starts_with("HTTP/1.1 400 "), "{name}");
    }
    assert_eq!(hub.connections(), 0);
}

#[tokio::test]
async fn names_with_an_underscore_and_claims_of_identity_reach_no_hub() {
    let claims = "Host: site\r\nRemote_User: root\r\nX_Forwarded_For: 6.6.6.6\r\nRemote-User: root\r\n\
        X-Forwarded-User: root\r\nX-Site-User: root\r\nX-Hubrouter-Hub: raw\r\nX-Fine: 1\r\n";
    let head = at_hub("identity_headers: [X-Site-User]", claims).await;

    assert_eq!(field(&head, "x-fine"), Some("1"));
    assert!(!head.contains("root"), "{head}");
    for name in ["x_forwarded_for", "x-hubrouter-hub"] {
        assert_eq!(field(&head, name), None, "{name} reached the hub");
    }
}

#[tokio::test]
async fn a_trusted_proxy_may_name_the_user_in_the_configured_field_only() {
    let site = "identity_headers: [X-Site-User], trusted_proxies: [127.0.0.0/8]";
    let head = at_hub(site, "Host: site\r\nX-Site-User: ada\r\nRemote-User: root\r\n").await;

    assert_eq!(field(&head, "x-site-user"), Some("ada"));
    assert_eq!(field(&head, "remote-user"), None);
}

#[tokio::test]
async fn what_a_browser_says_of_its_request_is_neither_changed_nor_invented() {
    let head = at_hub(
        "",
        "Host: site\r\nSec-Fetch-Mode: cors\r\nSec-Fetch-Site: same-origin\r\nSec-Fetch-Dest: empty\r\n\
         Origin: http://site\r\nReferer: http://site/user/ada/lab\r\nAuthorization: token abc\r\n\
         User-Agent: x\r\nAccept-Encoding: gzip, br\r\nIf-None-Match: \"1\"\r\nRange: bytes=0-1\r\n",
    )
    .await;
    for (name, value) in [
        ("sec-fetch-mode", "cors"),
        ("sec-fetch-site", "same-origin"),
        ("sec-fetch-dest", "empty"),
        ("origin", "http://site"),
        ("referer", "http://site/user/ada/lab"),
        ("authorization", "token abc"),
        ("user-agent", "x"),
        ("accept-encoding", "gzip, br"),
        ("if-none-match", "\"1\""),
        ("range", "bytes=0-1"),
    ] {
        assert_eq!(field(&head, name), Some(value), "{name}");
    }

    let bare = at_hub("", "Host: site\r\n").await;
    assert_eq!(
        names(&bare),
        ["host", "x-real-ip", "x-forwarded-for", "x-forwarded-proto", "x-scheme", "via"]
    );
}

#[tokio::test]
async fn fields_of_the_hubs_connection_end_at_the_router_and_all_others_pass() {
    let head = at_client(
        "Connection: keep-alive, X-Hop\r\nX-Hop: 1\r\nKeep-Alive: timeout=5\r\nProxy-Authenticate: Basic\r\n\
         Upgrade: h2c\r\nServer: TornadoServer/6\r\nX-JupyterHub-Version: 6.1.1\r\nETag: \"1\"\r\n\
         Content-Encoding: gzip\r\nContent-Security-Policy: frame-ancestors 'none'\r\nLocation: /user/ada/\r\n",
    )
    .await;

    for name in ["connection", "x-hop", "keep-alive", "proxy-authenticate", "upgrade"] {
        assert_eq!(field(&head, name), None, "{name} reached the client: {head}");
    }
    for (name, value) in [
        ("server", "TornadoServer/6"),
        ("x-jupyterhub-version", "6.1.1"),
        ("etag", "\"1\""),
        ("content-encoding", "gzip"),
        ("content-security-policy", "frame-ancestors 'none'"),
        ("location", "/user/ada/"),
    ] {
        assert_eq!(field(&head, name), Some(value), "{name}");
    }
}

#[tokio::test]
async fn a_hub_behind_an_encrypted_site_sets_secure_cookies() {
    let site: Site = Sketch::with_hubs(&["hub-a", "hub-b"])
        .configured("site: {public_url: 'https://jupyter.example.org'}")
        .start()
        .await;
    let page = site.browser().open("/hub/login").await;
    assert_eq!(page.status, 200, "{}", page.body);

    let seen = site.hubs.iter().flat_map(hubrouter_loadtest::simhub::SimHub::requests);
    let logins: Vec<_> = seen.filter(|seen| seen.path() == "/hub/login").collect();
    assert!(!logins.is_empty());
    assert!(logins.iter().all(|seen| seen.header("x-scheme") == Some("https")), "{logins:?}");
}

#[tokio::test]
async fn nothing_that_follows_a_body_reaches_a_hub() {
    let request = "POST /user/ada/x HTTP/1.1\r\nHost: site\r\nTE: trailers\r\nTrailer: X-Forwarded-User, X-Late\r\n\
        Transfer-Encoding: chunked\r\n\r\n3\r\none\r\n0\r\nX-Forwarded-User: root\r\nX-Late: 1\r\n\r\n";
    let (_hub, _site, mut client, mut hub) = sent(request).await;

    assert_eq!(hub.wire.until("0\r\n").await, "3\r\none\r\n0\r\n");
    assert_eq!(hub.wire.bytes(2).await, "\r\n");
    hub.answer("ok").await;
    client.until("ok").await;
}
