//! Hubs that speak TLS on real sockets: right ones, and each way to be wrong.

use std::time::Duration;

use hubrouter_config::Hub;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, date_time_ymd};
use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::WebPkiClientVerifier;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use super::*;
use crate::client::Resolver;
use crate::probe::{Plane, Prober, Seen};

/// An authority of a test's own.
struct Authority {
    pem: String,
    issuer: Issuer<'static, KeyPair>,
}

/// A certificate and its key.
struct Pair {
    pem: String,
    key: KeyPair,
}

impl Authority {
    fn new() -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let pem = params.self_signed(&key).unwrap().pem();
        Self { pem, issuer: Issuer::new(params, key) }
    }

    fn signs(&self, names: &[&str], change: impl FnOnce(&mut CertificateParams)) -> Pair {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(names).unwrap();
        change(&mut params);
        let key = KeyPair::generate().unwrap();
        Pair { pem: params.signed_by(&key, &self.issuer).unwrap().pem(), key }
    }

    fn as_roots(&self) -> Arc<RootCertStore> {
        Arc::new(authorities(&pem("ca.crt", &self.pem)).unwrap())
    }
}

fn pem(path: &str, text: &str) -> PemFile {
    PemFile::new(path.into(), text.as_bytes().to_vec())
}

impl Pair {
    fn server(&self, clients: Option<&Authority>) -> ServerConfig {
        let chain = pem("hub.crt", &self.pem).certificates().unwrap();
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(self.key.serialize_der()));
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .unwrap();
        let builder = match clients {
            None => builder.with_no_client_auth(),
            Some(authority) => builder.with_client_cert_verifier(
                WebPkiClientVerifier::builder_with_provider(authority.as_roots(), provider).build().unwrap(),
            ),
        };
        builder.with_single_cert(chain, key).unwrap()
    }
}

/// A hub that answers 204 to whatever it is asked over TLS.
async fn hub(config: ServerConfig) -> Hub {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let Ok(mut stream) = acceptor.accept(stream).await else { return };
                let mut head = vec![0; 4096];
                let _ = stream.read(&mut head).await;
                let _ = stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").await;
                let _ = stream.shutdown().await;
            });
        }
    });
    Hub::new("a".parse().unwrap(), format!("https://127.0.0.1:{port}").parse().unwrap())
}

async fn seen(hub: &Hub) -> Seen {
    let health = hubrouter_config::Health { timeout: Duration::from_secs(5), ..Default::default() };
    Prober::new(hub, &"/".parse().unwrap(), &health, Resolver::new()).probe(Plane::Proxy).await.seen
}

async fn reason(hub: &Hub) -> String {
    match seen(hub).await {
        Seen::Ok => panic!("seen as up"),
        Seen::Failed(reason) => reason,
    }
}

fn believing(authority: &Authority) -> HubTls {
    HubTls { ca: Some(pem("ca.crt", &authority.pem)), ..HubTls::default() }
}

#[tokio::test]
async fn a_hub_is_believed_by_its_own_authority_under_its_address_or_the_configured_name() {
    let authority = Authority::new();
    let mut by_address = hub(authority.signs(&["127.0.0.1"], |_| {}).server(None)).await;
    by_address.tls = Some(believing(&authority));
    assert_eq!(seen(&by_address).await, Seen::Ok);

    let mut by_name = hub(authority.signs(&["hub-a.internal"], |_| {}).server(None)).await;
    by_name.tls = Some(HubTls { server_name: Some("hub-a.internal".into()), ..believing(&authority) });
    assert_eq!(seen(&by_name).await, Seen::Ok);
}

#[tokio::test]
async fn a_hub_that_is_not_believed_is_told_with_what_is_wrong_and_what_to_do() {
    let (authority, other) = (Authority::new(), Authority::new());
    let right = |_: &mut CertificateParams| {};
    let expired = |params: &mut CertificateParams| {
        (params.not_before, params.not_after) = (date_time_ymd(2019, 1, 1), date_time_ymd(2020, 1, 1));
    };
    let early = |params: &mut CertificateParams| params.not_before = date_time_ymd(2090, 1, 1);
    for (pair, believed, words) in [
        (authority.signs(&["127.0.0.1"], right), &other, ["signed by nobody", "tls.ca"]),
        (authority.signs(&["127.0.0.1"], expired), &authority, ["has expired", "renew"]),
        (authority.signs(&["127.0.0.1"], early), &authority, ["not valid yet", "clocks"]),
        (
            authority.signs(&["hub-b"], right),
            &authority,
            ["is for `hub-b`, not for `127.0.0.1`", "server_name"],
        ),
    ] {
        let mut hub = hub(pair.server(None)).await;
        hub.tls = Some(believing(believed));
        let reason = reason(&hub).await;
        assert!(words.iter().all(|word| reason.contains(word)), "{words:?}: {reason}");
        assert!(reason.contains(hub.url.authority()), "{reason}");
    }
}

#[tokio::test]
async fn a_hub_that_speaks_no_tls_is_told_as_such() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}", listener.local_addr().unwrap()).parse().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
        }
    });
    let mut hub = Hub::new("a".parse().unwrap(), url);
    hub.tls = Some(believing(&Authority::new()));

    let reason = reason(&hub).await;

    assert!(reason.contains("does not speak TLS"), "{reason}");
}

#[tokio::test]
async fn a_hub_that_wants_the_routers_certificate_gets_it_and_is_told_without() {
    let (authority, stranger) = (Authority::new(), Authority::new());
    let server = || authority.signs(&["127.0.0.1"], |_| {}).server(Some(&authority));
    let with = |pair: &Pair| HubTls {
        client_cert: Some(pem("router.crt", &pair.pem)),
        client_key: Some(pem("router.key", &pair.key.serialize_pem())),
        ..believing(&authority)
    };
    let mut hub = hub(server()).await;

    hub.tls = Some(with(&authority.signs(&["router"], |_| {})));
    assert_eq!(seen(&hub).await, Seen::Ok);

    hub.tls = Some(believing(&authority));
    let without = reason(&hub).await;
    assert!(without.contains("asks for a certificate of the router"), "{without}");

    hub.tls = Some(with(&stranger.signs(&["router"], |_| {})));
    let foreign = reason(&hub).await;
    assert!(foreign.contains("refuses the router's certificate"), "{foreign}");
}

#[test]
fn a_handshake_that_is_refused_without_a_reason_is_told_with_both_that_it_may_be() {
    let error = rustls::Error::AlertReceived(rustls::AlertDescription::HandshakeFailure);
    let told = tls_trouble(&io::Error::other(error)).unwrap().to_string();
    assert!(told.contains("refuses the TLS handshake (HandshakeFailure)"), "{told}");
    assert!(told.contains("TLS 1.2 or 1.3") && told.contains("tls.client_cert"), "{told}");
}

#[tokio::test]
async fn sessions_are_resumed_and_each_set_of_files_is_made_once() {
    let authority = Authority::new();
    let hub = hub(authority.signs(&["127.0.0.1"], |_| {}).server(None)).await;
    let (trusts, tls) = (Trusts::default(), believing(&authority));
    let mut kinds = Vec::new();
    for _ in 0..2 {
        let stream = TcpStream::connect(hub.url.authority()).await.unwrap();
        // Another reading of the same files, as after a reload.
        let again = believing(&authority);
        let Ok(Link::Tls(mut stream)) = trusts.secure(&hub.url, Some(&again), stream).await else {
            panic!("not secured")
        };
        stream.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        assert_eq!(stream.get_ref().1.alpn_protocol(), None, "the hub of this test does not choose");
        kinds.push(stream.get_ref().1.handshake_kind().unwrap());
    }
    assert_eq!(kinds, [rustls::HandshakeKind::Full, rustls::HandshakeKind::Resumed]);
    assert!(Arc::ptr_eq(&trusts.config(Some(&tls)).unwrap(), &trusts.config(Some(&tls)).unwrap()));
    let changed = HubTls { ca: Some(pem("ca.crt", &Authority::new().pem)), ..HubTls::default() };
    trusts.config(Some(&changed)).unwrap();
    assert_eq!(trusts.0.made.lock().unwrap().len(), 1, "what the files held before is kept");
}

#[test]
fn settings_that_cannot_be_used_are_told_by_key_and_without_the_key_itself() {
    let authority = Authority::new();
    let (one, other) = (authority.signs(&["one"], |_| {}), authority.signs(&["other"], |_| {}));
    let cert = || Some(pem("router.crt", &one.pem));
    let key = |pair: &Pair| Some(pem("router.key", &pair.key.serialize_pem()));
    let url: HubUrl = "https://hub-a:8443".parse().unwrap();
    let found = |tls: HubTls| {
        let tls = HubTls { ca: tls.ca.or_else(|| Some(pem("ca.crt", &authority.pem))), ..tls };
        Trusts::default().misfit(&url, Some(&tls)).map(|misfit| (misfit.key, misfit.to_string()))
    };

    assert_eq!(found(HubTls { client_cert: cert(), client_key: key(&one), ..HubTls::default() }), None);
    for (tls, expected, words) in [
        (HubTls { ca: Some(pem("ca.crt", "")), ..HubTls::default() }, "ca", "no certificate"),
        (HubTls { server_name: Some("a b".into()), ..HubTls::default() }, "server_name", "`a b`"),
        (
            HubTls { client_cert: cert(), client_key: key(&other), ..HubTls::default() },
            "client_key",
            "not the key of",
        ),
        (HubTls { client_cert: cert(), client_key: cert(), ..HubTls::default() }, "client_key", "mixed up"),
    ] {
        let (key, text) = found(tls).unwrap();
        assert_eq!(key, expected, "{text}");
        assert!(text.contains(words), "{text}");
        let secret = other.key.serialize_pem();
        assert!(!text.contains(secret.lines().nth(1).unwrap()));
    }
}
