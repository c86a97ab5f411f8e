//! The next candidate: "the first open hub in the user's rank of the same pool, home included; a `local` hub is a pool of its
//! own".
//!
//! The rank is placement's; whether the user may leave at all is [`tables`](super::tables)'.

use std::fmt;

use hubrouter_config::{Hub, HubId, Intent, Storage};

use super::reason::Reason;
use super::state::{Gate, Spawning};
use crate::core::health::{HubPlane, ProxyPlane};
use crate::core::placement::Ranked;

/// A pool of hubs that share users' storage.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Pool {
    /// One `local` hub, and nobody else.
    Own(HubId),
    /// The hubs that name this `storage_pool`.
    Named(String),
}

impl Pool {
    /// The pool that a hub belongs to.
    #[must_use]
    pub fn of(hub: &Hub) -> Self {
        match hub.storage {
            Storage::Local => Self::Own(hub.id.clone()),
            Storage::Shared | Storage::Attached => Self::Named(hub.storage_pool.clone()),
        }
    }
}

/// What a hub says to a user who is sent there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Whose users it may take.
    pub pool: Pool,
    /// What operators want of it.
    pub intent: Intent,
    /// Its proxy plane.
    pub proxy: ProxyPlane,
    /// Its hub plane.
    pub hub: HubPlane,
    /// How starts end there.
    pub spawning: Spawning,
    /// Where its own starts go.
    pub gate: Gate,
}

impl Standing {
    /// Why the hub does not take the user; none: it is open. A hub takes back its own user where it would not take others'.
    #[must_use]
    pub fn closed_to(&self, at_home: bool) -> Option<Reason> {
        match self.intent {
            Intent::Maintenance => return Some(Reason::Maintenance),
            Intent::Draining => return Some(Reason::Draining),
            Intent::Cordoned if !at_home => return Some(Reason::Cordoned),
            Intent::Active | Intent::Cordoned => {}
        }
        match (self.proxy, self.hub) {
            (ProxyPlane::Down, _) => return Some(Reason::ProxyDown),
            (ProxyPlane::Up, HubPlane::Starting) => return Some(Reason::HubStarting),
            (ProxyPlane::Up, HubPlane::Down) => return Some(Reason::HubDown),
            (ProxyPlane::Up, HubPlane::Slow) if !at_home => return Some(Reason::Slow),
            (ProxyPlane::Up, HubPlane::Up | HubPlane::Slow) => {}
        }
        match self.spawning {
            Spawning::Failing => return Some(Reason::SpawnFailing),
            Spawning::Ok | Spawning::Unknown => {}
        }
        match self.gate {
            Gate::ClosedToAll => Some(Reason::Closing),
            Gate::AllElsewhere => Some(Reason::FailingBack),
            Gate::ClosedToNew | Gate::NewElsewhere if !at_home => Some(Reason::Cordoned),
            Gate::Here | Gate::ClosedToNew | Gate::NewElsewhere => None,
        }
    }
}

/// Why there is no next candidate. `Display` is the text that a refusal shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoCandidate {
    /// The user's files are on this hub alone.
    Local(HubId),
    /// No other hub shares the storage.
    Alone(HubId),
    /// The others do, and none is open: each with its reason, in the user's order.
    AllClosed(Vec<(HubId, Reason)>),
    /// An operator pinned the user to this hub.
    Pinned(HubId),
}

impl fmt::Display for NoCandidate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Local(hub) => {
                write!(f, "hub `{hub}` has local storage: its users' files are there alone, and nobody moves")
            }
            Self::Pinned(hub) => {
                write!(f, "an operator pinned them to `{hub}`: `hubrouter pin USER --clear` lets them go")
            }
            Self::Alone(hub) => write!(f, "no other hub shares the storage of `{hub}`"),
            Self::AllClosed(hubs) => {
                f.write_str("no hub of the pool is open")?;
                for (number, (hub, why)) in hubs.iter().enumerate() {
                    let before = if number == 0 { ": " } else { "; " };
                    write!(f, "{before}`{hub}`: {}", why.sentence())?;
                }
                Ok(())
            }
        }
    }
}

/// The next candidate of a user who leaves `from`, in the order of `rank`, whose first hub is the home.
///
/// `standing` tells of each hub; one that it does not know is passed over. `from` itself is no candidate.
///
/// # Errors
///
/// [`NoCandidate`] says why there is none.
pub fn next_open<'a>(
    rank: &'a [Ranked],
    from: &HubId,
    standing: impl Fn(&HubId) -> Option<Standing>,
) -> Result<&'a HubId, NoCandidate> {
    let pool = match standing(from).map(|hub| hub.pool) {
        Some(named @ Pool::Named(_)) => named,
        Some(Pool::Own(hub)) => return Err(NoCandidate::Local(hub)),
        None => return Err(NoCandidate::Alone(from.clone())),
    };
    let mut closed = Vec::new();
    for (place, ranked) in rank.iter().enumerate().filter(|(_, ranked)| ranked.hub != *from) {
        let Some(hub) = standing(&ranked.hub).filter(|hub| hub.pool == pool) else { continue };
        match hub.closed_to(place == 0) {
            None => return Ok(&ranked.hub),
            Some(why) => closed.push((ranked.hub.clone(), why)),
        }
    }
    Err(if closed.is_empty() { NoCandidate::Alone(from.clone()) } else { NoCandidate::AllClosed(closed) })
}

#[cfg(test)]
#[path = "candidates_tests.rs"]
mod tests;
