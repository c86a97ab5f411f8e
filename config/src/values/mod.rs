//! Small values that are right because they exist: ids, paths, weights, addresses, secrets, certificates.
//!
//! The only way in is a checked constructor, whose [`Malformed`] says what is wrong and what to do. Where in which file it stood
//! is added by the reader.

mod id;
mod pem;
mod secret;
pub(crate) mod text;
mod url;

pub use id::{BaseUrl, HubId, Weight};
pub use pem::{Moment, PemFault, PemFile, Standing, Validity};
pub use secret::Secret;
pub use text::read_duration;
pub use url::{HubUrl, PublicUrl, Scheme};

/// Text that is not the value it should be. The text itself may be a secret, so only its shape is told.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Malformed {
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub hint: String,
}

impl Malformed {
    pub(crate) fn new(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { message: message.into(), hint: hint.into() }
    }
}
