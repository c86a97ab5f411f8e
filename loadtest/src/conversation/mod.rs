//! Conversations with a hub, recorded at real hubs and replayed against simulated ones.
//!
//! A [`Conversation`] is a script: steps with placeholders, and what to look for in the answers. [`record`] plays
//! scripts at a real hub and keeps what matters of each answer, normalised, with the hub's version. [`replay`]
//! plays a [`Recording`] at any hub and names each [`Difference`]. The hub must know the users that the scripts
//! assume: `recordings/jupyterhub_config.py` sets up a real one, [`matching_hub`] a simulated one.
//!
//! To record again, with that hub at port 21500 (and others for what needs a `limit`, or a `provider`:
//! `hubrouter-loadtest provider --user olga`): `hubrouter-loadtest record --target http://127.0.0.1:21500`. A changed
//! script must be recorded again; a test compares scripts with recordings.

mod jar;
mod keep;
mod player;
mod recording;
mod script;
mod scripts;

pub use player::PlayError;
pub use recording::{Difference, Recording, load, record, replay};
pub use script::{Conversation, Step};
pub use scripts::{all, matching_hub};
