//! What is wrong with a PEM file, and what to do about it.

/// Why a PEM file is not what it should be. Its words never hold bytes of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PemFault {
    /// No certificate in it.
    #[error("there is no certificate in it{}", if *.holds_key { ", but a private key" } else { "" })]
    NoCertificate {
        /// It holds a private key: the two files were probably mixed up.
        holds_key: bool,
    },
    /// No private key in it.
    #[error("there is no private key in it{}", if *.holds_certificate { ", but a certificate" } else { "" })]
    NoKey {
        /// It holds a certificate: the two files were probably mixed up.
        holds_certificate: bool,
    },
    /// A private key that asks for a password.
    #[error("the private key is encrypted")]
    Encrypted,
    /// A part of it cannot be read.
    #[error("what begins in its line {line} cannot be read")]
    Broken {
        /// From 1.
        line: usize,
    },
}

impl PemFault {
    /// What to do.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        match self {
            Self::NoCertificate { holds_key: true } | Self::NoKey { holds_certificate: true } => {
                "the two files seem to be mixed up"
            }
            Self::NoCertificate { holds_key: false } => {
                "it must be PEM text with -----BEGIN CERTIFICATE-----, the site's own certificate first"
            }
            Self::NoKey { holds_certificate: false } => {
                "it must be PEM text with -----BEGIN PRIVATE KEY-----"
            }
            Self::Encrypted => "store it without a password: openssl pkey -in KEY -out PLAIN_KEY",
            Self::Broken { .. } => "the file is damaged or was only half written: write it anew",
        }
    }
}
