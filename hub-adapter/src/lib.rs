//! Everything that knows JupyterHub: addresses, cookies, logins, calls and probes.
//!
//! The modules `address`, `destination`, `names`, `site`, `cookies`, `login` and `start` are pure; `client`, `probe`
//! and `census` do the talking, `secure` is TLS. Which hub a request goes to is decided by the router, which spells no path of a hub itself.

pub mod address;
pub mod census;
pub mod client;
pub mod cookies;
pub mod destination;
pub mod login;
pub mod names;
pub mod probe;
pub mod secure;
pub mod site;
pub mod start;
mod urlencoded;

pub use address::{Act, BadPath, By, Place, Plane, Row, classify};
pub use destination::{Dest, destination, destination_at};
pub use names::{NameRule, UserName};
pub use site::Site;
