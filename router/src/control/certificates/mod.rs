//! The certificates that the router shows to clients: read, chosen by name, judged, and watched as they grow old.
//!
//! What a listener does with them is left to `proxy`, TLS to hubs to the adapter.

mod choice;
mod expiry;
mod judge;

use std::fmt;
use std::sync::Arc;

use hubrouter_config::{Certificate, ListenTls, PemFault, PemFile, Validity};
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::server::ProducesTickets;
use rustls::sign::CertifiedKey;
use rustls::{ServerConfig, version};

use choice::Choice;
pub use expiry::{Aged, EXPIRES_SOON, all, watch};
pub(super) use judge::judge;

/// What may be spoken inside TLS, by its name in ALPN (RFC 7301), the preferred one first.
///
/// The only place that offers a protocol: whatever is added here has to be served in `proxy/serve.rs`.
const PROTOCOLS: &[&[u8]] = &[b"h2", b"http/1.1"];

/// Why a certificate and its key cannot be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unfit {
    /// Which of the two keys of the configuration is at fault: `cert` or `key`.
    pub key: &'static str,
    /// What is wrong, with the file and the line in it; never a byte of a private key.
    pub message: String,
    /// What to do.
    pub hint: String,
}

impl Unfit {
    fn new(key: &'static str, message: String, hint: &str) -> Self {
        Self { key, message, hint: hint.to_owned() }
    }
}

/// A certificate that can be shown.
#[derive(Debug)]
pub struct Ready {
    certified: Arc<CertifiedKey>,
    /// The names it is for, in lower case, wildcards as `*.example.org`; IP addresses are not among them.
    pub names: Vec<String>,
    /// From when until when it is good.
    pub validity: Validity,
}

impl Ready {
    /// Reads a certificate with its key.
    ///
    /// # Errors
    ///
    /// One of the two cannot be read, or they do not belong together.
    pub fn read(certificate: &Certificate) -> Result<Self, Unfit> {
        let Certificate { cert, key } = certificate;
        let chain = cert.certificates().map_err(|fault| unread("cert", cert, fault))?;
        let (names, validity) = facts(&chain[0]).ok_or_else(|| {
            let what = format!("{}, line {}", cert.path().display(), cert.line_of_certificate(0));
            let message = format!("{what}: not a certificate that a server can show");
            Unfit::new("cert", message, "the site's own certificate stands first: X.509 version 3, PEM")
        })?;
        let private = key.private_key().map_err(|fault| unread("key", key, fault))?;
        let certified = CertifiedKey::from_der(chain, private, &aws_lc_rs::default_provider())
            .map_err(|error| unusable(cert, key, &error))?;
        Ok(Self { certified: Arc::new(certified), names, validity })
    }

    /// Whether it is for this host: a name or an IP address.
    #[must_use]
    pub fn covers(&self, host: &str) -> bool {
        let own = self.certified.end_entity_cert().ok();
        let own = own.and_then(|certificate| webpki::EndEntityCert::try_from(certificate).ok());
        let name = ServerName::try_from(host).ok();
        own.zip(name).is_some_and(|(own, name)| own.verify_is_valid_for_subject_name(&name).is_ok())
    }
}

/// All certificates of one listener, and what the TLS library needs to show them.
pub struct Showing {
    /// For the TLS library; handshakes that have begun keep theirs.
    pub config: Arc<ServerConfig>,
    /// In the order of the configuration, the default first.
    pub ready: Vec<Arc<Ready>>,
}

impl fmt::Debug for Showing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Showing").field("ready", &self.ready).finish_non_exhaustive()
    }
}

/// Sealed session tickets, for sessions that are resumed on any thread and after any reload.
///
/// # Errors
///
/// The system has no random bytes.
pub fn tickets() -> std::io::Result<Arc<dyn ProducesTickets>> {
    aws_lc_rs::Ticketer::new().map_err(std::io::Error::other)
}

/// Reads all certificates of a listener.
///
/// # Errors
///
/// The number of the certificate at fault, and what is wrong with it.
pub fn read(tls: &ListenTls, tickets: &Arc<dyn ProducesTickets>) -> Result<Showing, (usize, Unfit)> {
    let read =
        |(number, certificate)| Ready::read(certificate).map(Arc::new).map_err(|unfit| (number, unfit));
    let ready: Vec<Arc<Ready>> = tls.certificates.iter().enumerate().map(read).collect::<Result<_, _>>()?;
    let builder = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_protocol_versions(&[&version::TLS13, &version::TLS12])
        .map_err(|error| {
            (0, Unfit::new("cert", error.to_string(), "report this: it is a mistake of the router"))
        })?;
    let mut config = builder.with_no_client_auth().with_cert_resolver(Arc::new(Choice::among(&ready)));
    config.alpn_protocols = PROTOCOLS.iter().map(|protocol| protocol.to_vec()).collect();
    config.ticketer = Arc::clone(tickets);
    // Data in the first flight could be played back by anybody who recorded it (RFC 8446 8): never taken.
    config.max_early_data_size = 0;
    Ok(Showing { config: Arc::new(config), ready })
}

/// The names and the validity of a certificate.
fn facts(certificate: &CertificateDer<'_>) -> Option<(Vec<String>, Validity)> {
    let own = webpki::EndEntityCert::try_from(certificate).ok()?;
    let names = own.valid_dns_names().map(str::to_ascii_lowercase).collect();
    Some((names, Validity::of(certificate)?))
}

fn unread(key: &'static str, file: &PemFile, fault: PemFault) -> Unfit {
    Unfit::new(key, format!("{}: {fault}", file.path().display()), fault.hint())
}

fn unusable(cert: &PemFile, key: &PemFile, error: &rustls::Error) -> Unfit {
    let own_line = line_of_own(cert, key);
    let (cert, key) = (cert.path().display(), key.path().display());
    match (error, own_line) {
        (rustls::Error::InconsistentKeys(_), Some(line)) => Unfit::new(
            "cert",
            format!("{key} is the key of the certificate in line {line} of {cert}, which is not the first"),
            "the site's own certificate must stand first, and those of the authorities behind it",
        ),
        (rustls::Error::InconsistentKeys(_), None) => Unfit::new(
            "key",
            format!("{key} is not the key of {cert}"),
            "name the key that belongs to the certificate; both change together when it is renewed",
        ),
        (error, _) => Unfit::new(
            "key",
            format!("{key} cannot be used: {error}"),
            "it must be an RSA (2048 bits or more), ECDSA (P-256, P-384, P-521) or Ed25519 key",
        ),
    }
}

/// The line of the certificate, wherever in the file, that the key belongs to.
fn line_of_own(cert: &PemFile, key: &PemFile) -> Option<usize> {
    let key = aws_lc_rs::sign::any_supported_type(&key.private_key().ok()?).ok()?;
    let belongs = |one| CertifiedKey::new(vec![one], Arc::clone(&key)).keys_match().is_ok();
    let number = cert.certificates().ok()?.into_iter().position(belongs)?;
    Some(cert.line_of_certificate(number))
}

#[cfg(test)]
mod tests;
