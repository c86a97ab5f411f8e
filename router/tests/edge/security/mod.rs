//! What an attacker tries, and what happens: whose request is this (SECURITY, first part).

mod cookies;
mod edge;
mod identity;
mod keys;
mod logs;

use crate::support::{Site, Sketch};

const HUBS: [&str; 2] = ["hub-a", "hub-b"];

async fn site() -> Site {
    Sketch::with_hubs(&HUBS).start().await
}
