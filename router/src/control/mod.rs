//! The only writer of state: probes, reloads, and the snapshot they produce.

mod adoption;
pub mod board;
pub mod census;
pub mod controller;
pub mod database;
pub mod live;
pub mod load;
pub mod logouts;
pub mod operator;
mod passive;
pub mod picture;
pub mod probes;
pub mod signals;
pub mod tasks;
pub mod watch;
