//! What replicas share: where it is kept. What is kept is the router's.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Serialize;

use super::Secret;

/// What replicas share: the exceptions to placement, and operators' intents.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "lowercase")]
#[schemars(deny_unknown_fields, transform = crate::schema::kind_is_memory_by_default)]
pub enum Directory {
    /// In this process: for one replica.
    Memory {
        /// Survives a restart, written atomically on every change. Without it drains and assignments end with the process.
        file: Option<PathBuf>,
    },
    /// In Redis, alone or behind Sentinel: for any number of replicas. Needs `session.keys` and `placement.seed`.
    Redis(RedisDirectory),
}

/// A directory in Redis. Either `url`, or `sentinels` with `master`.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct RedisDirectory {
    /// `redis://host:port` or `rediss://host:port`, without user and password.
    pub url: Option<String>,
    /// Addresses of the sentinels, `host:port` each; needs `master`.
    #[schemars(default)]
    pub sentinels: Vec<String>,
    /// The name under which the sentinels know the master.
    pub master: Option<String>,
    /// The user to log in as; absent: Redis' default user.
    pub username: Option<String>,
    /// The password of that user.
    #[schemars(with = "Option<crate::schema::SecretSource>")]
    pub password: Option<Secret<String>>,
    /// The password of the sentinels, when they want one.
    #[schemars(with = "Option<crate::schema::SecretSource>")]
    pub sentinel_password: Option<Secret<String>>,
    /// TLS towards Redis and the sentinels.
    pub tls: Option<RedisTls>,
    /// Every key begins with it, so that several sites can share one Redis.
    #[schemars(default = "RedisDirectory::default_prefix")]
    pub prefix: String,
}

/// TLS towards Redis.
#[derive(Debug, Clone, Default, PartialEq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct RedisTls {
    /// PEM file with the authorities that may sign the server's certificate; absent: the usual public ones.
    pub ca: Option<PathBuf>,
}

impl Default for Directory {
    fn default() -> Self {
        Self::Memory { file: None }
    }
}

impl RedisDirectory {
    pub(crate) fn default_prefix() -> String {
        "hubrouter".to_owned()
    }
}
