//! Pure decisions: no sockets, clock, log or random source; time and chance are arguments.

pub mod census;
pub mod client;
pub mod exceptions;
pub mod facts;
pub mod health;
pub mod life;
pub mod login;
pub mod moment;
pub mod placement;
pub mod route;
#[cfg(test)]
pub(crate) mod sketch_tests;
pub mod snapshot;
pub mod spawning;
pub mod starting;
pub mod upkeep;
pub mod whereabouts;
pub mod why;
