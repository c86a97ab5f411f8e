//! TLS to hubs: whom the router believes there, what it shows of itself, and what goes wrong in words.
//!
//! Each set of files makes one configuration of the TLS library, shared by all threads, so that sessions are resumed. When
//! to connect, and how long to wait, is left to the caller.

mod fault;

use std::fmt;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use hubrouter_config::{HubTls, HubUrl, PemFault, PemFile, Scheme};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

pub use fault::{Misfit, TlsFault, tls_trouble};

/// What is spoken to hubs, by its name in ALPN (RFC 7301).
const HTTP_1_1: &[u8] = b"http/1.1";

/// An open connection to a hub, ready for HTTP.
#[derive(Debug)]
pub enum Link {
    /// An address that is http.
    Plain(TcpStream),
    /// An address that is https.
    Tls(Box<TlsStream<TcpStream>>),
}

/// The TLS configurations in use, each made once. Clones share them, also between threads.
#[derive(Clone, Default)]
pub struct Trusts(Arc<Shared>);

#[derive(Default)]
struct Shared {
    made: Mutex<Vec<(Files, Arc<ClientConfig>)>>,
    public: OnceLock<Arc<RootCertStore>>,
}

/// The files that a configuration is made of; the server's name is not part of it.
#[derive(Clone, Debug, Default, PartialEq)]
struct Files {
    ca: Option<PemFile>,
    client: Option<(PemFile, PemFile)>,
}

impl Files {
    fn of(tls: Option<&HubTls>) -> Self {
        let Some(tls) = tls else { return Self::default() };
        Self { ca: tls.ca.clone(), client: tls.client_cert.clone().zip(tls.client_key.clone()) }
    }

    /// The same files, whatever stands in them.
    fn paths(&self) -> [Option<&Path>; 3] {
        let client = self.client.as_ref();
        let files = [self.ca.as_ref(), client.map(|(cert, _)| cert), client.map(|(_, key)| key)];
        files.map(|file| file.map(PemFile::path))
    }
}

impl fmt::Debug for Trusts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Trusts").finish_non_exhaustive()
    }
}

impl Trusts {
    /// Makes a connection that was just opened to `url` ready for HTTP: with TLS where the address is https.
    ///
    /// # Errors
    ///
    /// The hub is not who it should be, or does not agree: nothing of a request was sent. What went wrong is a
    /// [`TlsFault`] inside.
    pub async fn secure(&self, url: &HubUrl, tls: Option<&HubTls>, stream: TcpStream) -> io::Result<Link> {
        if url.scheme() == Scheme::Http {
            return Ok(Link::Plain(stream));
        }
        let config = self.config(tls).map_err(|misfit| TlsFault::Own(misfit).into_io())?;
        let name = server_name(url, tls).map_err(|misfit| TlsFault::Own(misfit).into_io())?;
        match TlsConnector::from(config).connect(name, stream).await {
            Ok(stream) => Ok(Link::Tls(Box::new(stream))),
            Err(error) => Err(TlsFault::of(error)),
        }
    }

    /// What keeps these settings from being used for `url`; none: they can be, and are ready from now on.
    #[must_use]
    pub fn misfit(&self, url: &HubUrl, tls: Option<&HubTls>) -> Option<Misfit> {
        server_name(url, tls).err().or_else(|| self.config(tls).err())
    }

    /// The configuration for a hub with this `tls`, made at the first question.
    fn config(&self, tls: Option<&HubTls>) -> Result<Arc<ClientConfig>, Misfit> {
        let files = Files::of(tls);
        // Whole entries come and go under the lock, so a poisoned one is as good as any.
        let mut made = self.0.made.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, config)) = made.iter().find(|(known, _)| *known == files) {
            return Ok(Arc::clone(config));
        }
        let config = Arc::new(self.make(&files)?);
        // What the same files held before a reload is needed by nobody new.
        made.retain(|(known, _)| known.paths() != files.paths());
        made.push((files, Arc::clone(&config)));
        Ok(config)
    }

    fn make(&self, files: &Files) -> Result<ClientConfig, Misfit> {
        let roots = match &files.ca {
            Some(file) => Arc::new(authorities(file)?),
            None => self.public_authorities()?,
        };
        // Named, so that it does not depend on what else is linked.
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| {
                Misfit::new("ca", error.to_string(), "report this: it is a mistake of the router")
            })?
            .with_root_certificates(roots);
        let mut config = match &files.client {
            None => builder.with_no_client_auth(),
            Some((cert, key)) => {
                let chain = cert.certificates().map_err(|fault| unread("client_cert", cert, fault))?;
                let private = key.private_key().map_err(|fault| unread("client_key", key, fault))?;
                builder.with_client_auth_cert(chain, private).map_err(|error| unfit(cert, key, &error))?
            }
        };
        config.alpn_protocols = vec![HTTP_1_1.to_vec()];
        Ok(config)
    }

    fn public_authorities(&self) -> Result<Arc<RootCertStore>, Misfit> {
        let roots = self.0.public.get_or_init(|| {
            let mut roots = RootCertStore::empty();
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
            Arc::new(roots)
        });
        match roots.is_empty() {
            true => Err(Misfit::new(
                "ca",
                "this system has no certificates of authorities",
                "name the file with the hub's authority in tls.ca",
            )),
            false => Ok(Arc::clone(roots)),
        }
    }
}

fn server_name(url: &HubUrl, tls: Option<&HubTls>) -> Result<ServerName<'static>, Misfit> {
    let name = tls.and_then(|tls| tls.server_name.as_deref()).unwrap_or(url.host());
    ServerName::try_from(name.to_owned()).map_err(|_| {
        let what = format!("`{}` is not a name that a certificate can carry", name.escape_debug());
        Misfit::new("server_name", what, "write a host name or an IP address, without port")
    })
}

fn authorities(file: &PemFile) -> Result<RootCertStore, Misfit> {
    let mut roots = RootCertStore::empty();
    let certificates = file.certificates().map_err(|fault| unread("ca", file, fault))?;
    for (number, certificate) in certificates.into_iter().enumerate() {
        roots.add(certificate).map_err(|error| {
            let line = file.line_of_certificate(number);
            let what =
                format!("{}, line {line}: not a certificate of an authority: {error}", file.path().display());
            Misfit::new("ca", what, "name the PEM file of the authority that signs the hub's certificate")
        })?;
    }
    Ok(roots)
}

fn unread(key: &'static str, file: &PemFile, fault: PemFault) -> Misfit {
    Misfit::new(key, format!("{}: {fault}", file.path().display()), fault.hint())
}

fn unfit(cert: &PemFile, key: &PemFile, error: &rustls::Error) -> Misfit {
    let (cert, key) = (cert.path().display(), key.path().display());
    match error {
        rustls::Error::InconsistentKeys(_) => Misfit::new(
            "client_key",
            format!("{key} is not the key of {cert}"),
            "name the key that belongs to the certificate",
        ),
        error => Misfit::new(
            "client_cert",
            format!("{cert} with {key} cannot be used: {error}"),
            "it must be a certificate and its RSA, ECDSA or Ed25519 key",
        ),
    }
}

#[cfg(test)]
mod tests;
