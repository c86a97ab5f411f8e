//! What the simulated hub promises beyond the recordings, on real sockets.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail where it stands")]

mod client;
mod death;
mod hubs;
mod routes;
mod servers;

use client::Browser;
use hubrouter_loadtest::simhub::{SimHub, SimHubOptions};

const KERNEL: &str = "/user/ada/api/kernels/echo/channels";

async fn hub() -> SimHub {
    SimHub::start(SimHubOptions::named("hub-a")).await.unwrap()
}

/// Ada with her server open in a browser.
async fn ada_at_work(hub: &SimHub) -> Browser {
    let mut ada = Browser::at(&hub.url());
    ada.log_in("/", "ada").await;
    assert_eq!(ada.visit("/hub/spawn").await.status, 200);
    assert_eq!(ada.visit("/user/ada/lab").await.status, 200);
    ada
}
