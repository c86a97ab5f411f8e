//! The life of a hub and of its users: what happens to whom when a hub closes, fails or returns.
//!
//! Pure: time is the store's and arrives as an argument. Asking hubs, writing records and telling operators are effects
//! that come out as data; `control` carries them out, and what a request does of all this is `route`'s to say.
//!
//! Begin reading at [`tables`] (what happens to whom) and [`step`] (what changes that, and when).

pub mod calm;
pub mod candidates;
pub mod claim;
pub mod drain;
pub mod guard;
pub mod hub_life;
pub mod reason;
pub mod records;
pub mod state;
pub mod step;
pub mod tables;
#[cfg(test)]
mod test_lives;
pub mod time;
pub mod votes;
mod wire;
