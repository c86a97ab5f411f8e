//! The router's own session cookie: the settings. Signing is the router's.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Serialize;

use super::Secret;
use crate::values::text;

/// The router's own session cookie. It routes and never authenticates.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields, default)]
pub struct Session {
    /// Keys of at least 32 bytes: the first signs, all verify, so keys can be rotated. Required with
    /// `directory.kind: redis`; none: a random key, so sessions end with the process, with a warning.
    #[schemars(with = "Vec<crate::schema::SecretSource>")]
    pub keys: Vec<Secret<Vec<u8>>>,
    /// How long a session is good. Renewed when less than half of it is left.
    #[serde(serialize_with = "text::duration")]
    #[schemars(with = "crate::schema::DurationText")]
    pub lifetime: Duration,
}

impl Default for Session {
    fn default() -> Self {
        Self { keys: Vec::new(), lifetime: Duration::from_hours(14 * 24) }
    }
}
