//! What goes wrong between the router and a hub over TLS: what it was, and what to do about it.

use std::error::Error;
use std::fmt;
use std::io;

use rustls::{AlertDescription, CertificateError};

/// Settings of `hubs[].tls` that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Misfit {
    /// The key below `tls` that is at fault.
    pub key: &'static str,
    /// What is wrong; never holds a private key.
    pub message: String,
    /// What to do.
    pub hint: String,
}

impl Misfit {
    pub(super) fn new(key: &'static str, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { key, message: message.into(), hint: hint.into() }
    }
}

impl fmt::Display for Misfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "tls.{}: {}; {}", self.key, self.message, self.hint)
    }
}

/// Why there is no secure connection to a hub. The words name what was wrong and what to do; the hub is named by the caller.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TlsFault {
    /// No authority that is believed has signed the hub's certificate.
    #[error(
        "its certificate is signed by nobody the router believes: name the file with the hub's authority in the hub's tls.ca"
    )]
    Unknown,
    /// The hub's certificate is out of its time.
    #[error("its certificate {when}: renew it there, and check the clocks of both machines")]
    OutOfTime {
        /// `has expired` or `is not valid yet`.
        when: &'static str,
    },
    /// The hub's certificate carries other names.
    #[error(
        "its certificate is for {presented}, not for `{expected}`: set the hub's tls.server_name to one of its names, or give it a \
         certificate for this one"
    )]
    OtherName {
        /// The name that was asked for.
        expected: String,
        /// Those that it carries.
        presented: String,
    },
    /// The hub's certificate cannot be used for another reason.
    #[error(
        "its certificate cannot be used ({why}): give the hub a certificate for servers, signed by its tls.ca"
    )]
    Unfit {
        /// What the TLS library says.
        why: String,
    },
    /// What answers does not speak TLS.
    #[error("it does not speak TLS there: check the port, or write http:// in its address")]
    NotTls,
    /// The hub wants a certificate of the router.
    #[error("it asks for a certificate of the router: set the hub's tls.client_cert and tls.client_key")]
    WantsCertificate,
    /// The hub does not take the certificate of the router.
    #[error(
        "it refuses the router's certificate ({alert}): have the hub's tls.client_cert signed by the authority that the hub believes"
    )]
    RefusesCertificate {
        /// The alert it sent.
        alert: String,
    },
    /// The hub breaks the handshake off without a reason.
    #[error(
        "it refuses the TLS handshake ({alert}): let it speak TLS 1.2 or 1.3; if it asks for a certificate of the router, set the hub's \
         tls.client_cert and tls.client_key"
    )]
    Refuses {
        /// The alert it sent.
        alert: String,
    },
    /// The hub and the router have no way of TLS in common.
    #[error("it agrees on no TLS with the router ({why}): let it speak TLS 1.2 or 1.3 and HTTP/1.1")]
    NoAgreement {
        /// What the TLS library says.
        why: String,
    },
    /// The settings here cannot be used.
    #[error("{0}")]
    Own(Misfit),
}

impl TlsFault {
    pub(super) fn into_io(self) -> io::Error {
        io::Error::new(io::ErrorKind::InvalidData, self)
    }

    /// The fault inside an error of a handshake; a connection that broke stays what it is.
    pub(super) fn of(error: io::Error) -> io::Error {
        match inside::<rustls::Error>(&error).map(Self::told) {
            Some(fault) => fault.into_io(),
            None if error.kind() == io::ErrorKind::UnexpectedEof => {
                io::Error::new(error.kind(), "it closed the connection during the TLS handshake")
            }
            None => error,
        }
    }

    fn told(error: &rustls::Error) -> Self {
        match error {
            rustls::Error::InvalidCertificate(certificate) => Self::of_certificate(certificate),
            rustls::Error::InvalidMessage(_) => Self::NotTls,
            rustls::Error::AlertReceived(alert) => Self::of_alert(*alert),
            other => Self::NoAgreement { why: other.to_string() },
        }
    }

    fn of_certificate(error: &CertificateError) -> Self {
        match error {
            // An authority of the same name with another key.
            CertificateError::UnknownIssuer | CertificateError::BadSignature => Self::Unknown,
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
                Self::OutOfTime { when: "has expired" }
            }
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
                Self::OutOfTime { when: "is not valid yet" }
            }
            CertificateError::NotValidForNameContext { expected, presented } => {
                Self::OtherName { expected: expected.to_str().into_owned(), presented: named(presented) }
            }
            other => Self::Unfit { why: other.to_string() },
        }
    }

    fn of_alert(alert: AlertDescription) -> Self {
        match alert {
            AlertDescription::CertificateRequired => Self::WantsCertificate,
            // What OpenSSL says in TLS 1.2 to who shows no certificate, too.
            AlertDescription::HandshakeFailure => Self::Refuses { alert: format!("{alert:?}") },
            AlertDescription::BadCertificate
            | AlertDescription::UnsupportedCertificate
            | AlertDescription::CertificateRevoked
            | AlertDescription::CertificateExpired
            | AlertDescription::CertificateUnknown
            | AlertDescription::UnknownCA
            | AlertDescription::DecryptError
            | AlertDescription::AccessDenied => Self::RefusesCertificate { alert: format!("{alert:?}") },
            other => Self::NoAgreement { why: format!("{other:?}") },
        }
    }
}

/// A hub may carry any names: some of them, without control characters. The library writes them as `DnsName("a")`.
fn named(presented: &[String]) -> String {
    const SHOWN: usize = 4;
    if presented.is_empty() {
        return "no name".to_owned();
    }
    let bare = |name: &String| {
        let quoted = name.split('"').nth(1).unwrap_or(name);
        format!("`{}`", quoted.escape_debug())
    };
    let mut names: Vec<String> = presented.iter().take(SHOWN).map(bare).collect();
    if presented.len() > SHOWN {
        names.push(format!("{} more", presented.len() - SHOWN));
    }
    names.join(", ")
}

/// What TLS has to do with an error on a connection that was already open, in words; nothing if it has not.
///
/// With TLS 1.3 a hub judges the router's certificate only after the first request was sent.
#[must_use]
pub fn tls_trouble(error: &(dyn Error + 'static)) -> Option<TlsFault> {
    inside::<TlsFault>(error).cloned().or_else(|| inside::<rustls::Error>(error).map(TlsFault::told))
}

/// The error of this kind behind an error: itself, one of its sources, or inside an error of input and output.
fn inside<'e, E: Error + 'static>(error: &'e (dyn Error + 'static)) -> Option<&'e E> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref::<E>() {
            return Some(found);
        }
        // An error of input and output skips the one inside it when it is asked for its source.
        let wrapped = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        next = wrapped.map(|inner| inner as &(dyn Error + 'static)).or_else(|| error.source());
    }
    None
}
