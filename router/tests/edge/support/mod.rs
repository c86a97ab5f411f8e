//! A whole site in one process: simulated hubs, the real router on real sockets, and a browser with cookies.

pub mod authority;
pub mod browser;
pub mod canned;
pub mod forge;
pub mod logged;
pub mod person;
pub mod provider;
pub mod raw_hub;
pub mod seen;
pub mod site;
pub mod wire;

pub use authority::{Authority, Pair};
pub use browser::{Answer, Browser, Request};
pub use forge::Forger;
pub use raw_hub::{AtHub, RawHub};
pub use site::{Site, Sketch};
pub use wire::{Wire, field};

/// The hubs of most sites here.
pub const HUBS: [&str; 2] = ["hub-a", "hub-b"];

/// The other one of [`HUBS`].
pub fn other_than(hub: &str) -> &'static str {
    HUBS.into_iter().find(|id| *id != hub).unwrap()
}
