//! Who somebody claims to be: fields that only trusted proxies may send.

use super::{HUBS, site};
use crate::support::{Browser, RawHub, Request, Sketch, field};

/// What a server saw of a request: its own page says so.
async fn headers_at(browser: &mut Browser, user: &str, request: Request) -> Vec<(String, String)> {
    let answer = browser.send(request).await;
    assert_eq!(answer.status, 200, "{user}: {}", answer.body);
    let pairs = answer.json()["headers"].as_array().unwrap().clone();
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    pairs.iter().map(|pair| (text(&pair[0]), text(&pair[1]))).collect()
}

const CLAIMS: [&str; 34] = [
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
    "X-WEBAUTH-EMAIL",
    "X-Remote-Group",
    "X-Authentik-Username",
    "Remote-Email",
    "X-Forwarded-Roles",
    "X-Auth-Request-Groups",
    "Cf-Access-Authenticated-User-Email",
    "X-MS-Client-Principal-Name",
    "X-Goog-Authenticated-User-Email",
    "X-Amzn-Oidc-Identity",
    "X-Pomerium-Claim-Email",
    "Tailscale-User-Login",
    "Client-Cert",
    "X-Client-IP",
];

#[tokio::test]
async fn what_a_stranger_claims_to_be_reaches_no_server_and_no_hub() {
    let site = Sketch::with_hubs(&HUBS).configured("site: {identity_headers: [X-Site-User]}").start().await;
    let ann = site.user_at("hub-a", 0);
    let mut browser = site.at_work(&ann).await;
    let claim = |target: String| {
        let needed = Request::get(target).with("x-xsrftoken", "needed").with("x-requested-with", "needed");
        CLAIMS.iter().fold(needed, |request, name| request.with(name, "root"))
    };

    let at_server = headers_at(&mut browser, &ann, claim(format!("/user/{ann}/headers"))).await;
    browser.send(claim("/hub/home".into())).await;

    let at_hub = site.seen("hub-a").into_iter().rfind(|seen| seen.path() == "/hub/home").unwrap().headers;
    for (where_to, fields) in [("server", at_server), ("hub", at_hub)] {
        let value =
            |name: &str| fields.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str());
        assert!(fields.iter().all(|(_, value)| value != "root"), "{where_to}: {fields:?}");
        assert_eq!(value("x-real-ip"), Some("127.0.0.1"), "{where_to}");
        assert_eq!(value("x-scheme"), Some("http"), "{where_to}");
        assert_eq!(value("x-requested-with"), Some("needed"), "{where_to}");
        assert!(value("x-xsrftoken").is_some(), "{where_to}: what JupyterLab needs arrives");
    }
}

#[tokio::test]
async fn a_trusted_proxy_names_the_user_in_the_configured_field_and_in_no_other() {
    let settings = "site: {identity_headers: [X-Site-User], trusted_proxies: [127.0.0.0/8]}";
    let site = Sketch::with_hubs(&HUBS).configured(settings).start().await;
    let ann = site.user_at("hub-a", 0);
    let mut browser = site.at_work(&ann).await;
    let request = CLAIMS
        .iter()
        .fold(Request::get(format!("/user/{ann}/headers")), |request, name| request.with(name, "root"));
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
    for name in
        ["Host", "cookie", "Authorization", "X-Forwarded-For", "x-forwarded-proto", "keep-alive, COOKIE"]
    {
        let request = Request::get(format!("/user/{ann}/headers")).with("connection", name);
        assert_eq!(browser.send(request).await.status, 400, "{name}");
    }
    assert!(site.hubs_asked().is_empty());

    let fields = headers_at(
        &mut browser,
        &ann,
        Request::get(format!("/user/{ann}/headers"))
            .with("connection", "X-Mine, X-Real-Ip")
            .with("x-mine", "1"),
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
    for name in ["X-Forwarded-Uri", "X-Original-URL", "X-Rewrite-URL", "X-Original-URI", "X-Forwarded-Prefix"]
    {
        browser.send(Request::get("/hub/home").with(name, &format!("/user/{bob}/"))).await;
    }
    assert_eq!(site.hubs_asked(), ["hub-a"]);
}

#[tokio::test]
async fn trailers_carry_no_identity() {
    let mut hub = RawHub::start().await;
    let site = Sketch::with_raw_hub(&hub).start().await;
    let mut client = site.wire().await;

    client
        .say(
            "POST /user/ann/upload HTTP/1.1\r\nHost: site\r\nTE: trailers\r\nTransfer-Encoding: chunked\r\n\
             Trailer: Remote-User\r\n\r\n3\r\nabc\r\n0\r\nRemote-User: root\r\n\r\n",
        )
        .await;

    let mut arrived = hub.request().await;
    assert_eq!(
        (field(&arrived.head, "te"), field(&arrived.head, "trailer")),
        (None, None),
        "{}",
        arrived.head
    );
    let body = arrived.wire.until("\r\n0\r\n").await + &arrived.wire.until("\r\n").await;
    assert!(body.contains("abc") && !body.to_ascii_lowercase().contains("remote-user"), "{body}");
}
