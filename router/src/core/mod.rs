//! Pure decisions: no sockets, clock, log or random source; time and chance are arguments.

pub mod health;
pub mod placement;
