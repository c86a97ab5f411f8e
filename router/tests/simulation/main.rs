//! The simulation: everything around the router that chance may change, in virtual time.
//!
//! The clock is tokio's, paused; chance is one seed; the network, the store's process, the hubs, their users and what goes wrong
//! are played here. Every part is the same for the same seed: no threads, no order of a hash table, no clock of the machine.
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail as tests do")]
#![allow(missing_docs, reason = "tests document themselves by their names")]

#[path = "../directory/contract/mod.rs"]
mod contract;

mod bell;
mod faults;
mod hubs;
mod net;
mod play;
mod rng;
mod site;
mod store;
mod truth;
mod users;
mod world;
