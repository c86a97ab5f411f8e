//! Certificates of a test's own, and clients and hubs that believe in them.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, PKCS_RSA_SHA256, date_time_ymd,
};
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::server::WebPkiClientVerifier;
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::Wire;

/// An authority that signs certificates.
pub struct Authority {
    pub pem: String,
    issuer: Issuer<'static, KeyPair>,
}

/// A certificate and its key, as PEM.
#[derive(Clone)]
pub struct Pair {
    pub cert: String,
    pub key: String,
}

type Day = (i32, u8, u8);

impl Authority {
    pub fn new(name: &str) -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let pem = params.self_signed(&key).unwrap().pem();
        Self { pem, issuer: Issuer::new(params, key) }
    }

    /// An ECDSA certificate for these names.
    pub fn signs(&self, names: &[&str]) -> Pair {
        self.make(names, &KeyPair::generate().unwrap(), |_| {})
    }

    pub fn signs_rsa(&self, names: &[&str]) -> Pair {
        self.make(names, &KeyPair::generate_for(&PKCS_RSA_SHA256).unwrap(), |_| {})
    }

    pub fn signs_for(&self, names: &[&str], from: Day, to: Day) -> Pair {
        self.make(names, &KeyPair::generate().unwrap(), |params| {
            params.not_before = date_time_ymd(from.0, from.1, from.2);
            params.not_after = date_time_ymd(to.0, to.1, to.2);
        })
    }

    fn make(&self, names: &[&str], key: &KeyPair, change: impl FnOnce(&mut CertificateParams)) -> Pair {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(names).unwrap();
        change(&mut params);
        Pair { cert: params.signed_by(key, &self.issuer).unwrap().pem(), key: key.serialize_pem() }
    }

    pub fn roots(&self) -> RootCertStore {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(self.pem.as_bytes()).unwrap()).unwrap();
        roots
    }

    /// A client that believes it and speaks HTTP/1.1.
    pub fn client(&self) -> ClientConfig {
        self.client_with(aws_lc_rs::default_provider())
    }

    pub fn client_with(&self, provider: CryptoProvider) -> ClientConfig {
        let mut config = ClientConfig::builder_with_provider(Arc::new(provider))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(self.roots())
            .with_no_client_auth();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        config
    }

    /// A raw connection to a listener with TLS.
    pub async fn wire(&self, address: SocketAddr, name: &str) -> Wire {
        self.wire_behind(address, name, b"").await
    }

    /// The same, with bytes that come before the handshake.
    pub async fn wire_behind(&self, address: SocketAddr, name: &str, before: &[u8]) -> Wire {
        connect_behind(&Arc::new(self.client()), address, name, before).await.expect("a handshake")
    }
}

/// A raw connection with this client.
pub async fn connect(config: &Arc<ClientConfig>, address: SocketAddr, name: &str) -> std::io::Result<Wire> {
    connect_behind(config, address, name, b"").await
}

async fn connect_behind(
    config: &Arc<ClientConfig>,
    address: SocketAddr,
    name: &str,
    before: &[u8],
) -> std::io::Result<Wire> {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.set_nodelay(true).unwrap();
    stream.write_all(before).await.unwrap();
    let name = ServerName::try_from(name.to_owned()).unwrap();
    TlsConnector::from(Arc::clone(config)).connect(name, stream).await.map(Wire::secured)
}

impl Pair {
    /// Writes `<stem>.crt` and `<stem>.key`, one after the other, over what is there.
    pub fn write(&self, folder: &Path, stem: &str) {
        std::fs::write(folder.join(format!("{stem}.crt")), &self.cert).unwrap();
        std::fs::write(folder.join(format!("{stem}.key")), &self.key).unwrap();
    }

    pub fn der(&self) -> CertificateDer<'static> {
        CertificateDer::from_pem_slice(self.cert.as_bytes()).unwrap()
    }

    /// A hub that shows it, and asks for a certificate that `clients` has signed.
    pub fn hub(&self, clients: Option<&Authority>) -> ServerConfig {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .unwrap();
        let builder = match clients {
            None => builder.with_no_client_auth(),
            Some(authority) => builder.with_client_cert_verifier(
                WebPkiClientVerifier::builder_with_provider(Arc::new(authority.roots()), provider)
                    .build()
                    .unwrap(),
            ),
        };
        let key = PrivateKeyDer::from_pem_slice(self.key.as_bytes()).unwrap();
        builder.with_single_cert(vec![self.der()], key).unwrap()
    }
}
