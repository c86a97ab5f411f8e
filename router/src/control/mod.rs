//! The only writer of state: probes, reloads, and the snapshot they produce.

mod adoption;
pub mod board;
pub mod calls;
pub mod census;
pub mod certificates;
pub mod claims;
pub mod clock;
pub mod controller;
pub mod database;
pub mod events;
pub mod journal;
pub mod keeper;
pub mod leases;
pub mod live;
mod lives;
pub mod load;
pub mod logouts;
pub mod operator;
mod passive;
pub mod picture;
pub mod probes;
pub mod replica;
pub mod signals;
pub mod tasks;
#[cfg(test)]
mod test_store;
mod upkeep;
pub mod watch;
