//! Which Redis: addresses, logins, TLS, and asking the sentinels where the master is.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use hubrouter_config::{RedisDirectory, RedisTls, Secret};
use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, RedisConnectionInfo, RedisError};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio_rustls::TlsConnector;

/// The longest wait for one sentinel: a dead one must not use up the time of a caller.
const SENTINEL_WITHIN: Duration = Duration::from_millis(500);

/// Why the configured Redis cannot be used at all.
#[derive(Debug, thiserror::Error)]
#[error("directory: {0}")]
pub struct Unusable(String);

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub(super) enum NoConnection {
    #[error("{address}: {source}")]
    Io { address: String, source: io::Error },
    /// Without the server's words: they may repeat a password.
    #[error("{address}: refused ({})", .code.as_deref().unwrap_or("no reason given"))]
    Refused { address: String, code: Option<String> },
    #[error("{address} is no master any more")]
    NoMaster { address: String },
    #[error("no sentinel names a master `{master}`: {}", .problems.join("; "))]
    NoSentinel { master: String, problems: Vec<String> },
}

/// The configured servers.
#[derive(Debug)]
pub(super) struct Servers {
    place: Place,
    login: Login,
    sentinel_login: Login,
    tls: Option<Tls>,
}

#[derive(Debug)]
enum Place {
    One(Address),
    Sentinels { addresses: Vec<Address>, master: String },
}

#[derive(Clone, Debug, Default)]
struct Login {
    username: Option<String>,
    password: Option<Secret<String>>,
}

#[derive(Clone)]
struct Tls(Arc<ClientConfig>);

impl std::fmt::Debug for Tls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Tls")
    }
}

/// Host and port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Address {
    host: String,
    port: u16,
}

impl std::fmt::Display for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.host.contains(':') {
            true => write!(f, "[{}]:{}", self.host, self.port),
            false => write!(f, "{}:{}", self.host, self.port),
        }
    }
}

/// A socket, with TLS or without.
pub(super) trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

/// A connection that is ready for commands. It closes when this is dropped.
pub(super) struct Ready {
    pub(super) commands: MultiplexedConnection,
    pub(super) driver: JoinHandle<()>,
    pub(super) address: Address,
}

impl Drop for Ready {
    fn drop(&mut self) {
        // A hung connection would never close by itself.
        self.driver.abort();
    }
}

impl Servers {
    /// What the configuration names. Reads the file with the authorities.
    pub(super) fn of(config: &RedisDirectory) -> Result<Self, Unusable> {
        let mut secure = config.tls.is_some();
        let place = match &config.url {
            Some(url) => {
                let (scheme, rest) = url.split_once("://").unwrap_or(("redis", url));
                secure |= scheme == "rediss";
                Place::One(address(rest, 6379)?)
            }
            None => Place::Sentinels {
                addresses: config
                    .sentinels
                    .iter()
                    .map(|text| address(text, 26379))
                    .collect::<Result<_, _>>()?,
                master: config.master.clone().unwrap_or_default(),
            },
        };
        let tls = if secure { Some(tls(config.tls.as_ref())?) } else { None };
        let login = Login { username: config.username.clone(), password: config.password.clone() };
        let sentinel_login = Login { username: None, password: config.sentinel_password.clone() };
        Ok(Self { place, login, sentinel_login, tls })
    }

    /// A connection for commands to the one server, or to the master.
    pub(super) async fn connect(&self) -> Result<Ready, NoConnection> {
        match &self.place {
            Place::One(address) => self.commands(address, &self.login).await,
            Place::Sentinels { .. } => {
                let address = self.master().await?;
                let mut ready = self.commands(&address, &self.login).await?;
                // Sentinels may name the old master for a moment.
                let role: Result<Vec<redis::Value>, RedisError> =
                    redis::cmd("ROLE").query_async(&mut ready.commands).await;
                match role {
                    Ok(role) if role.first().and_then(super::record::plain) != Some("master") => {
                        Err(NoConnection::NoMaster { address: address.to_string() })
                    }
                    // A user that may not ask: then the first write tells.
                    Ok(_) | Err(_) => Ok(ready),
                }
            }
        }
    }

    /// A connection that only listens.
    pub(super) async fn listen(&self) -> Result<(redis::aio::PubSub, Address), NoConnection> {
        let address = match &self.place {
            Place::One(address) => address.clone(),
            Place::Sentinels { .. } => self.master().await?,
        };
        let stream = self.stream(&address).await?;
        let refused = |error: RedisError| refused(&address, &error);
        let listening = redis::aio::PubSub::new(&self.login.info(), stream).await.map_err(refused)?;
        Ok((listening, address))
    }

    /// Whether the sentinels, if there are any, still name this master. No answer changes nothing.
    pub(super) async fn is_still(&self, address: &Address) -> bool {
        match &self.place {
            Place::One(_) => true,
            Place::Sentinels { .. } => self.master().await.map_or(true, |master| master == *address),
        }
    }

    async fn master(&self) -> Result<Address, NoConnection> {
        let Place::Sentinels { addresses, master } = &self.place else {
            unreachable!("asked only where there are sentinels")
        };
        let mut problems = Vec::new();
        for sentinel in addresses {
            match tokio::time::timeout(SENTINEL_WITHIN, self.ask(sentinel, master)).await {
                Ok(Ok(Some(address))) => return Ok(address),
                Ok(Ok(None)) => problems.push(format!("{sentinel} does not know it")),
                Ok(Err(problem)) => problems.push(problem.to_string()),
                Err(_) => problems.push(format!("{sentinel}: no answer within {SENTINEL_WITHIN:?}")),
            }
        }
        Err(NoConnection::NoSentinel { master: master.clone(), problems })
    }

    async fn ask(&self, sentinel: &Address, master: &str) -> Result<Option<Address>, NoConnection> {
        let mut ready = self.commands(sentinel, &self.sentinel_login).await?;
        let named: Option<(String, u16)> = redis::cmd("SENTINEL")
            .arg("GET-MASTER-ADDR-BY-NAME")
            .arg(master)
            .query_async(&mut ready.commands)
            .await
            .map_err(|error| refused(sentinel, &error))?;
        Ok(named.map(|(host, port)| Address { host, port }))
    }

    async fn commands(&self, address: &Address, login: &Login) -> Result<Ready, NoConnection> {
        let stream = self.stream(address).await?;
        // Every caller has a deadline of its own.
        let config = AsyncConnectionConfig::new().set_response_timeout(None).set_connection_timeout(None);
        let (commands, driver) = MultiplexedConnection::new_with_config(&login.info(), stream, config)
            .await
            .map_err(|error| refused(address, &error))?;
        Ok(Ready { commands, driver: tokio::spawn(driver), address: address.clone() })
    }

    async fn stream(&self, address: &Address) -> Result<Box<dyn Stream>, NoConnection> {
        let problem = |source| NoConnection::Io { address: address.to_string(), source };
        let socket = TcpStream::connect((address.host.as_str(), address.port)).await.map_err(problem)?;
        socket.set_nodelay(true).map_err(problem)?;
        let Some(Tls(config)) = &self.tls else { return Ok(Box::new(socket)) };
        let name = ServerName::try_from(address.host.clone())
            .map_err(|error| problem(io::Error::new(io::ErrorKind::InvalidInput, error)))?;
        let secured = TlsConnector::from(config.clone()).connect(name, socket).await.map_err(problem)?;
        Ok(Box::new(secured))
    }
}

impl Login {
    fn info(&self) -> RedisConnectionInfo {
        let mut info = RedisConnectionInfo::default().set_lib_name("hubrouter", env!("CARGO_PKG_VERSION"));
        if let Some(username) = &self.username {
            info = info.set_username(username);
        }
        if let Some(password) = &self.password {
            info = info.set_password(password.expose());
        }
        info
    }
}

fn refused(address: &Address, error: &RedisError) -> NoConnection {
    if error.is_io_error() {
        return NoConnection::Io {
            address: address.to_string(),
            source: io::Error::other(error.category().to_owned()),
        };
    }
    let code = error.code().map(str::to_owned).or_else(|| Some(error.category().to_owned()));
    NoConnection::Refused { address: address.to_string(), code }
}

fn address(text: &str, default_port: u16) -> Result<Address, Unusable> {
    let bad = || Unusable(format!("`{}` is not host and port", text.escape_debug()));
    let text = text.trim_end_matches('/');
    let (host, port) = match text.rsplit_once(':') {
        // An address of IPv6 is in brackets, and its colons are not the port's.
        Some((host, port)) if !port.ends_with(']') => (host, port.parse().map_err(|_| bad())?),
        _ => (text, default_port),
    };
    let host = host.trim_start_matches('[').trim_end_matches(']');
    if host.is_empty() { Err(bad()) } else { Ok(Address { host: host.to_owned(), port }) }
}

fn tls(config: Option<&RedisTls>) -> Result<Tls, Unusable> {
    let roots = match config.and_then(|tls| tls.ca.as_deref()) {
        Some(file) => authorities_of(file)?,
        None => public_authorities()?,
    };
    // Named, so that it does not depend on what else is linked.
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| Unusable(error.to_string()))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Tls(Arc::new(config)))
}

fn authorities_of(file: &Path) -> Result<RootCertStore, Unusable> {
    let bad = |reason: String| Unusable(format!("{}: {reason}", file.display()));
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(file).map_err(|error| bad(error.to_string()))? {
        roots
            .add(certificate.map_err(|error| bad(error.to_string()))?)
            .map_err(|error| bad(error.to_string()))?;
    }
    if roots.is_empty() { Err(bad("no certificate in it".to_owned())) } else { Ok(roots) }
}

fn public_authorities() -> Result<RootCertStore, Unusable> {
    let found = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(found.certs);
    match roots.is_empty() {
        true => {
            Err(Unusable("this system has no certificates of authorities: name a file in tls.ca".to_owned()))
        }
        false => Ok(roots),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_have_a_port_or_the_usual_one() {
        let read = |text| address(text, 6379).map(|address| address.to_string()).ok();

        assert_eq!(read("redis"), Some("redis:6379".to_owned()));
        assert_eq!(read("redis:1/"), Some("redis:1".to_owned()));
        assert_eq!(read("[::1]:7"), Some("[::1]:7".to_owned()));
        assert_eq!(read("[::1]"), Some("[::1]:6379".to_owned()));
        assert_eq!(read("redis:x"), None);
        assert_eq!(read(":7"), None);
    }

    #[test]
    fn a_file_without_certificates_is_refused() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let config = RedisTls { ca: Some(file.path().to_owned()) };

        let error = tls(Some(&config)).unwrap_err().to_string();

        assert!(error.contains("no certificate in it"), "{error}");
    }
}
