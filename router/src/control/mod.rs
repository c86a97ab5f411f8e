//! The only writer of state: probes, reloads, and the snapshot they produce.

pub mod probes;
pub mod watch;
