//! The public listeners; the operator's one is in `admin`.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Serialize;

use super::PemFile;

/// One public listener.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Listen {
    /// IP address and port, such as `0.0.0.0:443` or `[::]:443`.
    #[schemars(with = "crate::schema::Address")]
    pub address: SocketAddr,
    /// Answers every request with a redirect to the same page over https, but for those that a trusted proxy took over https.
    /// Needs `site.public_url` or a listener with `tls`.
    #[schemars(default)]
    pub redirect_to_https: bool,
    /// Certificates of this listener; absent: plain HTTP.
    pub tls: Option<ListenTls>,
    /// Requires a PROXY protocol header on each connection, and believes it from `site.trusted_proxies` only.
    #[schemars(default)]
    pub proxy_protocol: bool,
    /// Takes HTTP/2 without TLS (prior knowledge), for a load balancer that speaks it.
    #[schemars(default)]
    pub h2c: bool,
}

/// TLS on a public listener.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct ListenTls {
    /// Chosen by the name that the client asks for (SNI); the first one where it names nobody, or nobody whom one is for.
    /// Read again when the files change.
    #[schemars(length(min = 1))]
    pub certificates: Vec<Certificate>,
}

/// A certificate and its private key, both PEM files.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Certificate {
    /// PEM file with the certificate chain, the site's own certificate first.
    #[schemars(with = "PathBuf")]
    pub cert: PemFile,
    /// PEM file with the private key that belongs to it, without a password.
    #[schemars(with = "PathBuf")]
    pub key: PemFile,
}

impl Listen {
    /// A plain HTTP listener at `address`.
    #[must_use]
    pub fn plain(address: SocketAddr) -> Self {
        Self { address, redirect_to_https: false, tls: None, proxy_protocol: false, h2c: false }
    }
}

/// What stands in for an absent `listen`: a port above 1024, so that a newcomer needs no root.
pub(crate) fn default_listeners() -> Vec<Listen> {
    vec![Listen::plain(SocketAddr::from((Ipv4Addr::UNSPECIFIED, 8000)))]
}
