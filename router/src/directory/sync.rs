//! Brings a copy and a store together: load, judge, found, repair.
//!
//! When that has to happen is the caller's: at the start, after a [`Change::Resync`](super::Change), a gap, a doubtful look,
//! and now and then.

use std::collections::BTreeSet;
use std::time::Duration;

use hubrouter_config::HubId;
use tokio::time::Instant;

use super::copy::{FullCopy, Taken};
use super::identity::{Fingerprint, Identity};
use super::store::{Error, Repaired, Store};

/// How often one call tries when others write at the same time.
const ROUNDS: u32 = 5;

/// What was needed to come into step.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Synced {
    /// This replica founded the directory, or was the first to name one of its hubs.
    pub introduced: bool,
    /// The store had lost writes, and this replica wrote them back.
    pub repaired: bool,
    /// How many things in the store could not be read.
    pub malformed: u64,
}

/// Makes `copy` what `store` holds; repairs a store that lost writes. `fresh` is the mark of a founding, should one be
/// needed. Each call to the store has `within`.
///
/// # Errors
///
/// [`Error::Foreign`]: another site's directory; nothing was written there. [`Error::Behind`]: the store changes faster than
/// it can be repaired; try again. Others as the store says.
pub async fn sync(
    store: &dyn Store,
    copy: &mut FullCopy,
    hubs: &BTreeSet<HubId>,
    fresh: Fingerprint,
    within: Duration,
) -> Result<Synced, Error> {
    let offered = Identity { fingerprint: fresh, hubs: hubs.clone() };
    let mut synced = Synced::default();
    let mut behind = None;
    for _ in 0..ROUNDS {
        let asked_at = Instant::now().into_std();
        let full = store.load(within).await?;
        synced.malformed = full.malformed;
        let unknown = full.identity.as_ref().is_some_and(|identity| !hubs.is_subset(&identity.hubs));
        let counter = full.counter;
        match copy.take(full, asked_at, hubs) {
            Taken::InStep if !unknown => return Ok(synced),
            Taken::InStep | Taken::Unfounded => {
                store.introduce(&offered, within).await?;
                synced.introduced = true;
            }
            Taken::Behind(repair) => {
                synced.repaired |= store.repair(&repair, within).await? == Repaired::Done;
                behind = copy.seen().map(|seen| (counter, seen.epoch));
            }
            Taken::Foreign(fingerprint) => {
                return Err(Error::Foreign { fingerprint: fingerprint.to_string() });
            }
        }
    }
    let (counter, seen) = behind.unwrap_or_default();
    Err(Error::Behind { counter, seen })
}
