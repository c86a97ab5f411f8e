//! Everything that knows JupyterHub: addresses, cookies, logins, calls and probes.
//!
//! The modules `address`, `destination`, `names`, `site`, `cookies` and `login` are pure; `client` and `probe` do the
//! talking. Which hub a request goes to is decided by the router, which spells no path of a hub itself.

pub mod address;
pub mod client;
pub mod cookies;
pub mod destination;
pub mod login;
pub mod names;
pub mod probe;
pub mod site;
mod urlencoded;

pub use address::{Act, BadPath, By, Place, Plane, Row, classify};
pub use destination::{Dest, destination, destination_at};
pub use names::{NameRule, UserName};
pub use site::Site;
