//! The router on real sockets, in front of simulated hubs: what people and scripts see, and what hubs receive.
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail as tests do")]
#![allow(missing_docs, reason = "tests document themselves by their names")]

mod activation;
mod census;
mod chosen;
mod claimed;
mod connections;
mod drain;
mod failover;
mod framing;
mod goodbyes;
mod h2;
mod headers;
mod health;
mod home;
mod jars;
mod kernels;
mod landing;
mod limits;
mod login;
mod logout;
mod moves;
mod names;
mod oauth;
mod operating;
mod passive;
mod prefix;
mod process;
mod reload;
mod resend;
mod security;
mod services;
mod sessions;
mod shutdown;
mod spawning;
mod starts;
mod streams;
mod strict;
mod support;
mod tls;
mod token_rows;
mod tokens;
mod visits;
mod waiting;
mod websocket;
mod why;
