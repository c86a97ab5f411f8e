//! The router on real sockets, in front of simulated hubs: what people and scripts see, and what hubs receive.
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail as tests do")]
#![allow(missing_docs, reason = "tests document themselves by their names")]

mod chosen;
mod home;
mod jars;
mod landing;
mod login;
mod logout;
mod names;
mod oauth;
mod prefix;
mod security;
mod services;
mod sessions;
mod support;
mod tokens;
mod visits;
mod streams;
mod resend;
mod websocket;
mod headers;
mod waiting;
mod health;
mod limits;
mod reload;
mod shutdown;
mod connections;
mod process;
mod kernels;
