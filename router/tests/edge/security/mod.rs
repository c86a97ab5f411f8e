//! What an attacker tries, and what happens: whose request is this (SECURITY.md).

mod cookies;
mod edge;
mod identity;
mod keys;
mod logs;

use crate::support::{HUBS, Site, Sketch};

async fn site() -> Site {
    Sketch::with_hubs(&HUBS).start().await
}
