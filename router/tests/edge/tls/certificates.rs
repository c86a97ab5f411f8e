//! Which certificate a client gets, by which protocol, and what the rest of the site knows of it.

use std::sync::Arc;

use rustls::crypto::aws_lc_rs;
use rustls::crypto::aws_lc_rs::cipher_suite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256;
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, HandshakeKind, ProtocolVersion};

use super::super::support::authority::connect;
use super::super::support::{Authority, Sketch, Wire, field};
use super::{SITE, client, secured, site};

const THREE: &str = "listen:\n  - address: '127.0.0.1:0'\n    tls:\n      certificates:\n\
    \x20       - {cert: site.crt, key: site.key}\n\
    \x20       - {cert: wild.crt, key: wild.key}\n\
    \x20       - {cert: own.crt, key: own.key}\n";

fn shown(wire: &Wire) -> Vec<u8> {
    wire.session().peer_certificates().unwrap()[0].to_vec()
}

#[tokio::test]
async fn the_name_that_a_client_asks_for_chooses_the_certificate_and_the_first_one_is_for_all_others() {
    let authority = Authority::new("site");
    let pairs = [&[SITE, "127.0.0.1"][..], &["*.hub.example"], &["own.hub.example"]]
        .map(|names| authority.signs(names));
    let mut sketch = Sketch::with_hubs(&["hub-a"]).configured(THREE);
    for (pair, stem) in pairs.iter().zip(["site", "wild", "own"]) {
        sketch =
            sketch.with_file(&format!("{stem}.crt"), &pair.cert).with_file(&format!("{stem}.key"), &pair.key);
    }
    let site = sketch.start().await;

    for (name, number) in
        [(SITE, 0), ("a.hub.example", 1), ("B.Hub.Example", 1), ("own.hub.example", 2), ("127.0.0.1", 0)]
    {
        let wire = authority.wire(site.address, name).await;
        assert_eq!(shown(&wire), pairs[number].der().to_vec(), "{name}");
    }
    // A name that is nobody's: the client sees the first certificate and refuses it itself.
    let error = connect(&Arc::new(authority.client()), site.address, "stranger.example").await.err().unwrap();
    assert!(error.to_string().contains("site.example"), "{error}");
    assert_eq!(site.status().await["certificates"].as_array().unwrap().len(), 3);
}

#[tokio::test]
async fn tls_1_2_and_1_3_are_spoken_and_the_best_protocol_of_both_is_agreed_on() {
    let (authority, _hub, site) = site().await;
    for (version, name) in [(&TLS12, ProtocolVersion::TLSv1_2), (&TLS13, ProtocolVersion::TLSv1_3)] {
        let mut config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_protocol_versions(&[version])
            .unwrap()
            .with_root_certificates(authority.roots())
            .with_no_client_auth();
        for (offered, agreed) in [(vec!["http/1.1"], Some("http/1.1")), (vec![], None)] {
            config.alpn_protocols = offered.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
            let mut wire = connect(&Arc::new(config.clone()), site.address, SITE).await.unwrap();
            assert_eq!(wire.session().protocol_version(), Some(name));
            assert_eq!(wire.session().alpn_protocol(), agreed.map(str::as_bytes));
            wire.say("GET /_chp_healthz HTTP/1.1\r\nHost: site\r\n\r\n").await;
            assert!(wire.head().await.starts_with("HTTP/1.1 200 "));
        }
        for offered in [vec!["h2"], vec!["http/1.1", "h2"]] {
            config.alpn_protocols = offered.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
            let wire = connect(&Arc::new(config.clone()), site.address, SITE).await.unwrap();
            assert_eq!(wire.session().alpn_protocol(), Some(&b"h2"[..]));
        }
        config.alpn_protocols = vec![b"h3".to_vec()];
        let refused = connect(&Arc::new(config), site.address, SITE).await.err().unwrap();
        assert!(refused.to_string().contains("NoApplicationProtocol"), "{refused}");
    }
}

#[tokio::test]
async fn a_client_that_knows_rsa_only_gets_the_rsa_certificate_of_the_name() {
    let authority = Authority::new("site");
    let (ecdsa, rsa) = (authority.signs(&[SITE]), authority.signs_rsa(&[SITE]));
    let both = "listen: [{address: '127.0.0.1:0', tls: {certificates: [{cert: site.crt, key: site.key}, {cert: rsa.crt, key: rsa.key}]}}]";
    let sketch = secured(Sketch::with_hubs(&["hub-a"]), &ecdsa)
        .with_file("rsa.crt", &rsa.cert)
        .with_file("rsa.key", &rsa.key);
    let site = Sketch { more: both.to_owned() + "\n", ..sketch }.start().await;
    let mut old = aws_lc_rs::default_provider();
    old.cipher_suites = vec![TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256];
    let old = ClientConfig::builder_with_provider(Arc::new(old))
        .with_protocol_versions(&[&TLS12])
        .unwrap()
        .with_root_certificates(authority.roots())
        .with_no_client_auth();

    let wire = connect(&Arc::new(old), site.address, SITE).await.unwrap();
    assert_eq!(shown(&wire), rsa.der().to_vec());
    assert_eq!(shown(&client(&authority, &site).await), ecdsa.der().to_vec());
}

#[tokio::test]
async fn sessions_are_resumed_on_any_thread_and_after_a_reload_of_the_certificates() {
    let (authority, _hub, site) = site().await;
    let config = Arc::new(authority.client());
    let mut kinds = Vec::new();
    for round in 0..4 {
        let mut wire = connect(&config, site.address, SITE).await.unwrap();
        wire.say("GET /_chp_healthz HTTP/1.1\r\nHost: site\r\nConnection: close\r\n\r\n").await;
        wire.rest().await;
        kinds.push(wire.session().handshake_kind().unwrap());
        if round == 1 {
            authority.signs(&[SITE]).write(site.file.parent().unwrap(), "site");
            site.until_reloaded(true).await;
        }
    }
    assert_eq!(kinds[0], HandshakeKind::Full);
    assert!(kinds[1..].iter().all(|kind| *kind == HandshakeKind::Resumed), "{kinds:?}");
}

#[tokio::test]
async fn hubs_and_cookies_know_that_the_browser_speaks_https() {
    let (authority, mut hub, site) = site().await;
    let mut wire = client(&authority, &site).await;
    wire.say("GET /user/ada/x HTTP/1.1\r\nHost: site.example\r\nX-Forwarded-Proto: http\r\n\r\n").await;
    let mut at_hub = hub.request().await;
    assert_eq!(field(&at_hub.head, "x-forwarded-proto"), Some("https"));
    assert_eq!(field(&at_hub.head, "x-scheme"), Some("https"));
    at_hub.answer("fine").await;
    wire.until("fine").await;

    wire.say(
        "POST /_hubrouter/hub/raw HTTP/1.1\r\nHost: site.example\r\nOrigin: https://site.example\r\n\
         Sec-Fetch-Site: same-origin\r\nContent-Length: 0\r\n\r\n",
    )
    .await;
    let head = wire.head().await;
    let cookie = field(&head, "set-cookie").unwrap_or_else(|| panic!("{head}"));
    assert!(cookie.starts_with("__Host-hubrouter") && cookie.contains("; Secure"), "{cookie}");
}

#[tokio::test]
async fn the_status_says_how_long_each_certificate_is_good() {
    let authority = Authority::new("site");
    let pair = authority.signs_for(&[SITE, "*.hub.example"], (2026, 1, 1), (2090, 1, 1));
    let site = secured(Sketch::with_hubs(&["hub-a"]), &pair).start().await;

    let status = site.status().await;

    let certificate = &status["certificates"][0];
    assert_eq!(certificate["used_by"], "listen[0]");
    assert!(certificate["file"].as_str().unwrap().ends_with("site.crt"));
    assert_eq!(certificate["names"], serde_json::json!([SITE, "*.hub.example"]));
    assert_eq!(
        (certificate["state"].as_str(), certificate["not_after"].as_u64()),
        (Some("good"), Some(3_786_912_000))
    );
    assert!(certificate["expires_in_seconds"].as_u64().unwrap() > 1_000_000_000);
}
