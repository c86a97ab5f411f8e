//! From http to https, and browsers that shall insist on it.

use super::super::support::{Authority, RawHub, Sketch, Wire, field};
use super::{SITE, client, secured};

const BOTH: &str = "listen:\n  - {address: '127.0.0.1:0', redirect_to_https: true}\n\
    \x20 - {address: '127.0.0.1:0', tls: {certificates: [{cert: site.crt, key: site.key}]}}\n";
const HSTS: &str = "strict-transport-security";

fn both(authority: &Authority, hub: &RawHub, more: &str) -> Sketch {
    let pair = authority.signs(&[SITE]);
    let files = Sketch::with_raw_hub(hub).with_file("site.crt", &pair.cert).with_file("site.key", &pair.key);
    files.configured(BOTH).configured(more)
}

#[tokio::test]
async fn a_request_in_clear_is_sent_on_to_the_sites_own_address_whatever_host_it_names() {
    let (authority, hub) = (Authority::new("site"), RawHub::start().await);
    let site = both(&authority, &hub, "site: {public_url: 'https://site.example', hsts: 30d}").start().await;
    let mut wire = Wire::to(site.address).await;
    for (host, target) in
        [("site.example", "/user/ada/a%2Fb?x=%20"), ("evil.example", "/hub/login?next=//evil.example")]
    {
        wire.say(format!("POST {target} HTTP/1.1\r\nHost: {host}\r\nContent-Length: 0\r\n\r\n")).await;
        let head = wire.head().await;
        assert!(head.starts_with("HTTP/1.1 308 "), "{head}");
        assert_eq!(field(&head, "location"), Some(format!("https://site.example{target}").as_str()));
        assert_eq!(field(&head, HSTS), None, "never in clear (RFC 6797 7.2)");
        assert_eq!(field(&head, "set-cookie"), None);
    }
    wire.say("GET http://evil.example/x HTTP/1.1\r\nHost: evil.example\r\n\r\n").await;
    assert_eq!(field(&wire.head().await, "location"), Some("https://site.example/x"));
    assert_eq!(hub.connections(), 0);
}

#[tokio::test]
async fn what_a_trusted_proxy_took_over_https_is_answered_and_what_it_took_in_clear_is_sent_on() {
    let mut hub = RawHub::start().await;
    let one = "listen: [{address: '127.0.0.1:0', redirect_to_https: true}]";
    let trusting = "site: {public_url: 'https://site.example', trusted_proxies: [127.0.0.1], hsts: 30d}";
    let site = Sketch::with_raw_hub(&hub).configured(one).configured(trusting).start().await;
    let mut wire = site.wire().await;
    let request = |proto: &str| {
        format!(
            "GET /user/ada/x HTTP/1.1\r\nHost: site.example\r\nX-Forwarded-For: 203.0.113.9\r\n{proto}\r\n"
        )
    };
    for in_clear in ["X-Forwarded-Proto: http\r\n", "", "X-Forwarded-Proto: https, http\r\n"] {
        wire.say(request(in_clear)).await;
        let head = wire.head().await;
        assert_eq!(field(&head, "location"), Some("https://site.example/user/ada/x"), "{in_clear}");
        assert_eq!(field(&head, HSTS), None, "{in_clear}");
    }
    assert_eq!(hub.connections(), 0);

    wire.say(request("X-Forwarded-Proto: https\r\n")).await;
    let mut at_hub = hub.request().await;
    assert_eq!(field(&at_hub.head, "x-forwarded-proto"), Some("https"));
    at_hub.answer("fine").await;
    let head = wire.head().await;
    assert!(head.starts_with("HTTP/1.1 200 ") && field(&head, HSTS).is_some(), "{head}");

    // Anybody can write a field.
    site.reconfigure(&format!("{one}\nsite: {{public_url: 'https://site.example'}}\n"));
    site.until_reloaded(true).await;
    let mut stranger = site.wire().await;
    stranger.say(request("X-Forwarded-Proto: https\r\n")).await;
    assert!(stranger.head().await.starts_with("HTTP/1.1 308 "));
}

#[tokio::test]
async fn without_an_address_of_its_own_a_site_sends_on_to_hosts_of_its_certificates_only() {
    let (authority, hub) = (Authority::new("site"), RawHub::start().await);
    let site = both(&authority, &hub, "").start().await;
    let tls = site.addresses[1];
    let mut wire = Wire::to(site.address).await;
    wire.say("GET /hub/home HTTP/1.1\r\nHost: site.example:8000\r\n\r\n").await;
    let head = wire.head().await;
    assert_eq!(
        field(&head, "location"),
        Some(format!("https://site.example:{}/hub/home", tls.port()).as_str())
    );

    for host in ["evil.example", "site.example.evil.example", "site.example@evil.example"] {
        let mut wire = Wire::to(site.address).await;
        wire.say(format!("GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n")).await;
        let answer = wire.rest().await;
        assert!(answer.starts_with("HTTP/1.1 400 ") && !answer.contains("ocation: "), "{host}: {answer}");
    }
    assert!(authority.wire(tls, SITE).await.session().alpn_protocol().is_some());
}

#[tokio::test]
async fn browsers_are_told_to_insist_on_https_in_every_answer() {
    let (authority, mut hub) = (Authority::new("site"), RawHub::start().await);
    let sketch = secured(Sketch::with_raw_hub(&hub), &authority.signs(&[SITE]));
    let site = sketch.configured("site: {public_url: 'https://site.example', hsts: 30d}").start().await;
    let max_age = Some("max-age=2592000");

    for request in [
        "GET /_hubrouter/hub/ HTTP/1.1\r\nHost: site.example\r\n\r\n",
        "GET /_hubrouter/nothing HTTP/1.1\r\nHost: site.example\r\nAccept: text/html\r\n\r\n",
        "GET /user/a%2e%2e/../b HTTP/1.1\r\nHost: site.example\r\n\r\n",
        "GET / HTTP/1.1\r\n\r\n",
        "TRACE / HTTP/1.1\r\nHost: site.example\r\n\r\n",
        "GET /hub/api/shutdown HTTP/1.1\r\nHost: site.example\r\n\r\n",
    ] {
        let mut wire = client(&authority, &site).await;
        wire.say(request).await;
        let head = wire.head().await;
        assert_eq!(field(&head, HSTS), max_age, "{request}: {head}");
    }
    let mut wire = client(&authority, &site).await;
    wire.say("GET /user/ada/x HTTP/1.1\r\nHost: site.example\r\n\r\n").await;
    let mut at_hub = hub.request().await;
    // What a notebook server says of it is not its business.
    at_hub
        .wire
        .say("HTTP/1.1 200 OK\r\nStrict-Transport-Security: max-age=0\r\nContent-Length: 0\r\n\r\n")
        .await;
    let head = wire.head().await;
    assert_eq!(field(&head, HSTS), max_age, "{head}");
    assert_eq!(head.to_ascii_lowercase().matches(HSTS).count(), 1, "{head}");
}

#[tokio::test]
async fn a_site_that_does_not_want_it_says_nothing_of_it() {
    let (authority, hub) = (Authority::new("site"), RawHub::start().await);
    let site = secured(Sketch::with_raw_hub(&hub), &authority.signs(&[SITE])).start().await;
    let mut wire = client(&authority, &site).await;
    wire.say("GET /_hubrouter/hub/ HTTP/1.1\r\nHost: site.example\r\n\r\n").await;
    assert_eq!(field(&wire.head().await, HSTS), None);
}
