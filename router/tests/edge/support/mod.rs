//! A whole site in one process: simulated hubs, the real router on real sockets, and a browser with cookies.

pub mod browser;
pub mod site;

pub use browser::{Answer, Browser, Request};
pub use site::{Site, Sketch};
