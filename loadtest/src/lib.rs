//! Simulated JupyterHubs and users that drive any ingress from outside.
//!
//! [`simhub`] is a JupyterHub look-alike for tests and demos; [`conversation`] keeps it honest: scripted
//! conversations are recorded at real hubs and replayed against it. Nothing here shares a type with the
//! router: this is an independent reading of JupyterHub.

pub mod conversation;
mod fetch;
pub mod simhub;
