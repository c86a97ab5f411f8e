//! What replicas share: the exceptions to placement, operators' words, heartbeats and leases.
//!
//! A [`Store`] keeps entries without knowing what they mean: a [`Key`], a bounded JSON [`Value`], and the [`Epoch`] of its last
//! write, counted by one counter for the whole site. Every write is compare-and-set. A replica holds a [`FullCopy`], follows the
//! store's [`Feed`], and repairs a store that lost writes ([`sync`]). What entries mean, and who writes which, is decided elsewhere.
//!
//! Two stores pass one contract test (`router/tests/directory/contract`): [`Memory`], with and without a file, and
//! [`RedisStore`]. Which one a process uses, its configuration says (`app/directory.rs`).

mod copy;
mod entry;
mod feed;
mod identity;
mod key;
mod memory;
mod redis;
mod store;
mod sync;

pub use crate::core::life::records::Epoch;
pub use crate::core::life::time::StoreTime;
pub use copy::{Applied, Confirmed, FullCopy, Taken};
pub use entry::{Entry, KEPT_FOR, Value};
pub use feed::{Change, Feed, Teller};
pub use identity::{Fingerprint, Identity, ReplicaId};
pub use key::Key;
pub use memory::{Clock, Dump, Memory, OpenError};
pub use redis::{RedisStore, Unusable};
pub use store::{
    Answer, Beat, Beats, Comparison, Error, Full, Lease, Mark, Outcome, Pulse, Repair, Repaired, Seen, Store,
    Write,
};
pub use sync::{Synced, sync};
