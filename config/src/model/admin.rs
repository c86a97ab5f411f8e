//! The operator's listener and who may do what there.

use std::net::{Ipv4Addr, SocketAddr};

use schemars::JsonSchema;
use serde::Serialize;

use super::Secret;

/// The operator's door. It is never reachable through a public listener.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields, default)]
pub struct Admin {
    /// IP address and port. Anything but loopback needs `tokens`.
    #[schemars(with = "crate::schema::Address")]
    pub address: SocketAddr,
    /// Who may read `/metrics` once there are tokens.
    pub metrics: MetricsAccess,
    /// Who may do what. Without any token reading is open and changing is refused.
    pub tokens: Vec<AdminToken>,
}

/// Who may read `/metrics`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum MetricsAccess {
    /// Everybody who reaches the listener.
    #[default]
    Open,
    /// Holders of any token.
    Token,
}

/// One token of the admin API.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct AdminToken {
    /// What its holder may do.
    pub role: Role,
    /// The token: one line of visible ASCII.
    #[schemars(with = "crate::schema::SecretSource")]
    pub token: Secret<String>,
}

/// What the holder of a token may do; each role includes the ones before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Look at everything.
    Read,
    /// Drain, cordon, resume, maintenance, failover and move.
    Operate,
    /// Whatever the admin API offers.
    Admin,
}

impl Default for Admin {
    fn default() -> Self {
        Self {
            address: SocketAddr::from((Ipv4Addr::LOCALHOST, 9901)),
            metrics: MetricsAccess::default(),
            tokens: Vec::new(),
        }
    }
}
