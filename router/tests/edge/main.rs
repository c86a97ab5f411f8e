//! The router on real sockets, in front of simulated hubs: what people and scripts see, and what hubs receive.
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail as tests do")]
#![allow(missing_docs, reason = "tests document themselves by their names")]

mod home;
mod support;
mod streams;
