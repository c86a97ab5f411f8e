//! The only writer of state: probes, reloads, and the snapshot they produce.

pub mod board;
pub mod controller;
pub mod database;
pub mod live;
pub mod load;
pub mod logouts;
pub mod picture;
pub mod probes;
pub mod signals;
pub mod watch;
