//! Passwords and TLS.

use std::sync::Arc;
use std::time::Duration;

use hubrouter::directory::{Error, RedisStore, Store};
use hubrouter_config::{RedisDirectory, RedisTls, Secret};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};

use crate::contract::{Replica, SOON};
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
    let mut server = Server::prepared(
        port,
        &[
            "port 0",
            &format!("tls-port {port}"),
            "tls-cert-file {folder}/cert.pem",
            "tls-key-file {folder}/key.pem",
            "tls-ca-cert-file {folder}/ca.pem",
            "tls-auth-clients no",
        ],
    );
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
        url: Some(format!("rediss://127.0.0.1:{port}")),
        tls: Some(RedisTls { ca: Some(folder.join("ca.pem")) }),
        ..server.config()
    };
    (server, folder, config)
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
