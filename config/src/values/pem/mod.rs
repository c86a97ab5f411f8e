//! A PEM file (RFC 7468) as it was when the configuration was read: certificates or a private key.
//!
//! Its bytes belong to the configuration, as secrets do: what changes on disk later is another configuration. What a
//! certificate is good for, and whether a key belongs to it, is left to whoever speaks TLS.

mod fault;
mod validity;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use serde::{Serialize, Serializer};

pub use fault::PemFault;
pub use validity::{Moment, Standing, Validity};

/// How a PEM file marks the beginning of one of its parts.
const BEGIN: &str = "-----BEGIN ";

/// A PEM file: where it is, and what stood there. Nothing prints the bytes: they may be a private key.
#[derive(Clone)]
pub struct PemFile(Arc<Content>);

struct Content {
    path: PathBuf,
    bytes: Vec<u8>,
}

impl PemFile {
    /// What stands in the file at `path`.
    #[must_use]
    pub fn new(path: PathBuf, bytes: Vec<u8>) -> Self {
        Self(Arc::new(Content { path, bytes }))
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0.path
    }

    /// What stands there; it may be a private key: hand it to what needs it, and to nothing that prints.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.0.bytes
    }

    /// The certificates in it, in their order; at least one.
    ///
    /// # Errors
    ///
    /// There is none, or one that cannot be read; told with its line.
    pub fn certificates(&self) -> Result<Vec<CertificateDer<'static>>, PemFault> {
        let mut found = Vec::new();
        for certificate in CertificateDer::pem_slice_iter(&self.0.bytes) {
            // The text of the error may hold bytes of the file.
            let certificate =
                certificate.map_err(|_| PemFault::Broken { line: self.line_of_certificate(found.len()) })?;
            found.push(certificate);
        }
        if found.is_empty() {
            return Err(PemFault::NoCertificate { holds_key: self.has("PRIVATE KEY-----") });
        }
        Ok(found)
    }

    /// The first private key in it: PKCS #8, PKCS #1 (`RSA PRIVATE KEY`) or SEC 1 (`EC PRIVATE KEY`).
    ///
    /// # Errors
    ///
    /// There is none, it is encrypted, or it cannot be read; told with its line and without a byte of it.
    pub fn private_key(&self) -> Result<PrivateKeyDer<'static>, PemFault> {
        if self.has("-----BEGIN ENCRYPTED PRIVATE KEY-----") || self.has("Proc-Type: 4,ENCRYPTED") {
            return Err(PemFault::Encrypted);
        }
        PrivateKeyDer::from_pem_slice(&self.0.bytes).map_err(|_| {
            match self.begins().find(|(_, label)| label.ends_with("PRIVATE KEY-----")) {
                Some((line, _)) => PemFault::Broken { line },
                None => PemFault::NoKey { holds_certificate: self.has("-----BEGIN CERTIFICATE-----") },
            }
        })
    }

    /// The line, from 1, in which the certificate with this number, from 0, begins; the first line where there is none.
    #[must_use]
    pub fn line_of_certificate(&self, number: usize) -> usize {
        self.begins().filter(|(_, label)| label == "CERTIFICATE-----").nth(number).map_or(1, |(line, _)| line)
    }

    fn begins(&self) -> impl Iterator<Item = (usize, String)> {
        let lines = self.0.bytes.split(|byte| *byte == b'\n').zip(1..);
        lines.filter_map(|(line, number)| {
            let label = line.trim_ascii().strip_prefix(BEGIN.as_bytes())?;
            Some((number, String::from_utf8_lossy(label).into_owned()))
        })
    }

    fn has(&self, text: &str) -> bool {
        self.0.bytes.windows(text.len()).any(|window| window == text.as_bytes())
    }
}

/// The same content at the same place; another reading of an unchanged file is equal.
impl PartialEq for PemFile {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || (self.0.path == other.0.path && self.0.bytes == other.0.bytes)
    }
}

impl Eq for PemFile {}

impl fmt::Debug for PemFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("PemFile").field(&self.0.path).finish()
    }
}

impl Serialize for PemFile {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.path.serialize(serializer)
    }
}

#[cfg(test)]
mod tests;
