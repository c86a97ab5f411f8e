//! Passwords and TLS.

use std::sync::Arc;
use std::time::Duration;

use hubrouter::directory::{Error, RedisStore, Store};
use hubrouter_config::{RedisDirectory, RedisTls, Secret};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};

use crate::contract::{Replica, SOON, Site};
use crate::server::{Server, free_port};

/// The replica's way to a store of another configuration.
fn by(server: &Server, config: &RedisDirectory) -> Replica {
    let mut replica = Replica::new(server, 1);
    replica.store = Arc::new(RedisStore::new(config).unwrap());
    replica
}

#[tokio::test]
#[ignore = "needs Redis: cargo xtask test --only redis"]
async fn a_password_opens_the_store_and_a_wrong_one_is_named_without_being_told() {
    let server = Server::with(free_port(), &["requirepass correct-horse"]).await;
    let with = |password: Option<&str>| RedisDirectory {
        password: password.map(|password| Secret::new(password.to_owned())),
        ..server.config()
    };

    by(&server, &with(Some("correct-horse"))).sync().await.unwrap();

    for wrong in [None, Some("battery-staple")] {
        let error = by(&server, &with(wrong)).sync().await.unwrap_err();
        assert!(matches!(error, Error::Unreachable { .. }), "{error}");
        assert!(!error.to_string().contains("staple"), "{error}");
    }
    let shown = format!("{:?}", RedisStore::new(&with(Some("correct-horse"))).unwrap());
    assert!(!shown.contains("horse"), "{shown}");
}

#[tokio::test]
#[ignore = "needs Redis: cargo xtask test --only redis"]
async fn a_user_that_may_only_touch_the_directory_is_enough() {
    let user = "user router on >secret ~{site-1}:* &{site-1}:feed resetchannels &{site-1}:feed -@all +hgetall +hmget +hget \
                +hset +hdel +time +publish +subscribe +ping +multi +exec +evalsha +eval +script|load";
    let server = Server::with(free_port(), &[user]).await;
    let config = RedisDirectory {
        username: Some("router".to_owned()),
        password: Some(Secret::new("secret".to_owned())),
        ..server.config()
    };
    let mut replica = by(&server, &config);

    replica.sync().await.unwrap();
    let mut feed = replica.store.feed();
    tokio::time::sleep(Duration::from_millis(300)).await;
    let entry = replica.claim("ada", "a").await;

    assert_eq!(crate::contract::next_entry(&mut feed).await, entry);
}

/// A server with a certificate for 127.0.0.1, and the file of the authority that signed it.
async fn with_tls() -> (Server, std::path::PathBuf, RedisDirectory) {
    let port = free_port();
    with_tls_at(port, port, &["port 0"]).await
}

/// The same with these further lines; `port` without TLS, unless the lines take it away.
async fn with_tls_at(
    port: u16,
    tls_port: u16,
    further: &[&str],
) -> (Server, std::path::PathBuf, RedisDirectory) {
    let tls = format!("tls-port {tls_port}");
    let mut settings = vec![
        tls.as_str(),
        "tls-cert-file {folder}/cert.pem",
        "tls-key-file {folder}/key.pem",
        "tls-ca-cert-file {folder}/ca.pem",
        "tls-auth-clients no",
    ];
    settings.extend(further);
    let mut server = Server::prepared(port, &settings);
    let mut authority = CertificateParams::new(Vec::new()).unwrap();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority_key = KeyPair::generate().unwrap();
    let authority_certificate = authority.self_signed(&authority_key).unwrap();
    let issuer = Issuer::new(authority, authority_key);
    let key = KeyPair::generate().unwrap();
    let certificate =
        CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap().signed_by(&key, &issuer).unwrap();
    let folder = server.folder();
    std::fs::write(folder.join("cert.pem"), certificate.pem()).unwrap();
    std::fs::write(folder.join("key.pem"), key.serialize_pem()).unwrap();
    std::fs::write(folder.join("ca.pem"), authority_certificate.pem()).unwrap();
    server.begin().await;
    let config = RedisDirectory {
        url: Some(format!("rediss://127.0.0.1:{tls_port}")),
        tls: Some(RedisTls { ca: Some(folder.join("ca.pem")) }),
        ..server.config()
    };
    (server, folder, config)
}

/// A store behind TLS and a password.
struct Secured {
    server: Server,
    config: RedisDirectory,
}

impl Site for Secured {
    async fn start() -> Self {
        let user = "user router on >secret ~* &* +@all";
        let (server, _, config) = with_tls_at(free_port(), free_port(), &[user]).await;
        let password = Some(Secret::new("secret".to_owned()));
        Self { server, config: RedisDirectory { username: Some("router".to_owned()), password, ..config } }
    }

    fn store(&self) -> Arc<dyn Store> {
        Arc::new(RedisStore::new(&self.config).expect("a configuration that is right"))
    }

    async fn lose_everything(&mut self) {
        self.server.command(&["FLUSHALL"]).await;
    }
}

mod redis_secured {
    contract::every_store!(super::Secured, ignore = "needs Redis: cargo xtask test --only redis");
    use crate::contract;
}

#[tokio::test]
#[ignore = "needs Redis: cargo xtask test --only redis"]
async fn a_store_with_tls_works_and_tells_its_changes() {
    let (server, _, config) = with_tls().await;
    let mut replica = by(&server, &config);

    replica.sync().await.unwrap();
    let mut feed = replica.store.feed();
    tokio::time::sleep(Duration::from_millis(500)).await;
    let entry = replica.claim("ada", "a").await;

    assert_eq!(crate::contract::next_entry(&mut feed).await, entry);
}

#[tokio::test]
#[ignore = "needs Redis: cargo xtask test --only redis"]
async fn a_certificate_of_another_authority_or_name_is_refused_and_so_is_a_plain_connection() {
    let (server, folder, config) = with_tls().await;
    let other = CertificateParams::new(vec!["x".to_owned()]).unwrap();
    let other = other.self_signed(&KeyPair::generate().unwrap()).unwrap();
    std::fs::write(folder.join("other.pem"), other.pem()).unwrap();
    let unknown =
        RedisDirectory { tls: Some(RedisTls { ca: Some(folder.join("other.pem")) }), ..config.clone() };
    let port = server.port;
    let named = RedisDirectory { url: Some(format!("rediss://localhost:{port}")), ..config.clone() };
    let plain = RedisDirectory { url: Some(format!("redis://127.0.0.1:{port}")), tls: None, ..config };

    for refused in [unknown, named, plain] {
        let store = RedisStore::new(&refused).unwrap();
        let error = store.mark(SOON).await.unwrap_err();
        assert!(matches!(error, Error::Unreachable { .. }), "{error}");
    }
}
