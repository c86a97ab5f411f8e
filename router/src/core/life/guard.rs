//! The guards: when an automatic failover is frozen or left to an operator, and in which words.
//!
//! Pure evidence in, a verdict out; `failover HUB` goes past them.

use std::fmt;
use std::time::Duration;

use hubrouter_config::{HubId, Storage};

use super::records::Outage;
use super::time::{StoreTime, Times};

/// The other hubs of the site, as far as a failover has to know them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fleet {
    /// How many hubs the site has, this one included.
    pub hubs: usize,
    /// The other hubs in an agreed outage, with its first failed probe.
    pub down: Vec<(HubId, StoreTime)>,
    /// Whether another hub of this one's pool is open.
    pub open_in_pool: bool,
}

/// Why a hub is not failed over although it has been down for long enough. `Display` is the alert and "names its evidence".
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Held {
    /// Its users' files are on it alone.
    Local,
    /// "`attached` moves only when the old hub itself answers 'no server' at claim time, so never by failover."
    Attached,
    /// "A hub without `api_token`: ... automatic failover ... refused with that reason unless forced."
    NoToken,
    /// Frozen: these hubs went down together, which looks like our own network.
    Together {
        /// The others, each with how far its outage began from this one's.
        others: Vec<(HubId, Duration)>,
        /// `failover.freeze_window`.
        window: Duration,
    },
    /// Frozen: "no open hub of the pool is left".
    NobodyOpen,
    /// Manual: a replica vanished, and may have started servers of which the hub's last own word knows nothing.
    ReplicaVanished {
        /// How long it may have gone on since that word.
        unknown_for: Duration,
    },
    /// Manual: the hub's last own word was too old when the outage began; everybody there is unknown.
    CensusUnknown,
}

impl Held {
    /// Whether it is a freeze, which ends by itself when the hubs return, or a matter for an operator.
    #[must_use]
    pub fn is_freeze(&self) -> bool {
        match self {
            Self::Together { .. } | Self::NobodyOpen => true,
            Self::Local
            | Self::Attached
            | Self::NoToken
            | Self::ReplicaVanished { .. }
            | Self::CensusUnknown => false,
        }
    }
}

impl fmt::Display for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Local => f.write_str("its users' files are on that hub alone: nobody can move"),
            Self::Attached => f.write_str(
                "its storage is attached: users move only when the hub itself says that no server runs",
            ),
            Self::NoToken => f.write_str("it has no api_token: nobody knows who runs there"),
            Self::Together { others, window } => {
                f.write_str("frozen: ")?;
                for (number, (hub, apart)) in others.iter().enumerate() {
                    let before = if number == 0 { "" } else { ", " };
                    write!(f, "{before}`{hub}` went down {} s apart", apart.as_secs())?;
                }
                write!(f, ", within the {} s that look like our own network", window.as_secs())
            }
            Self::NobodyOpen => f.write_str("frozen: no other hub of its pool is open"),
            Self::ReplicaVanished { unknown_for } => write!(
                f,
                "a router vanished without goodbye, and may have started servers there for {} s since the hub last told who runs there",
                unknown_for.as_secs()
            ),
            Self::CensusUnknown => {
                f.write_str("the hub's last list of servers was too old when the outage began")
            }
        }
    }
}

/// What is known when a hub's outage has lasted long enough.
#[derive(Clone, Copy, Debug)]
pub struct Evidence<'a> {
    /// The hub's own outage.
    pub outage: &'a Outage,
    /// Whether its users may move.
    pub storage: Storage,
    /// Whether the routers can ask it.
    pub has_token: bool,
    /// The last authoritative answer of the hub.
    pub census: Option<StoreTime>,
    /// When each replica was last heard that vanished without goodbye, and had not read that the hub is closed.
    pub vanished: &'a [StoreTime],
    /// The other hubs.
    pub fleet: &'a Fleet,
}

/// When an outage has lasted long enough: "one plane down: `failover.after`, both: `failover.dead_after`", each from the first
/// failed probe. None without an outage.
#[must_use]
pub fn due_at(outage: &Outage, times: &Times) -> Option<StoreTime> {
    let first = outage.first()?;
    Some(first.plus(if outage.both() { times.dead_after } else { times.after }))
}

/// Whether a hub that is down for long enough may fail over by itself.
///
/// # Errors
///
/// [`Held`] says what holds it: first what no operator can change, then the freeze, then what is only not known.
pub fn may_fail_over(evidence: &Evidence<'_>, times: &Times) -> Result<(), Held> {
    can_move(evidence)?;
    let Some(first) = evidence.outage.first() else { return Ok(()) };
    if !evidence.fleet.open_in_pool {
        return Err(Held::NobodyOpen);
    }
    let others = down_together(evidence.fleet, first, times.freeze_window);
    if evidence.fleet.hubs >= 3 && !others.is_empty() {
        return Err(Held::Together { others, window: times.freeze_window });
    }
    if !census_known(evidence, times) {
        return Err(Held::CensusUnknown);
    }
    unknown_starts(evidence, times).map_or(Ok(()), |unknown_for| Err(Held::ReplicaVanished { unknown_for }))
}

/// What holds an operator's failover too: storage always, the census unless the servers are declared stopped. The freeze
/// "ends by `hubrouter failover HUB`", and whom a vanished replica started is the operator's to judge.
///
/// # Errors
///
/// [`Held`] says what holds it.
pub fn may_be_ordered(evidence: &Evidence<'_>, assume_stopped: bool, times: &Times) -> Result<(), Held> {
    match evidence.storage {
        Storage::Local => return Err(Held::Local),
        Storage::Attached => return Err(Held::Attached),
        Storage::Shared => {}
    }
    if !evidence.fleet.open_in_pool {
        return Err(Held::NobodyOpen);
    }
    if assume_stopped || census_known(evidence, times) {
        return Ok(());
    }
    Err(if evidence.has_token { Held::CensusUnknown } else { Held::NoToken })
}

fn can_move(evidence: &Evidence<'_>) -> Result<(), Held> {
    match evidence.storage {
        Storage::Local => Err(Held::Local),
        Storage::Attached => Err(Held::Attached),
        Storage::Shared if !evidence.has_token => Err(Held::NoToken),
        Storage::Shared => Ok(()),
    }
}

/// "Automatic failover freezes when two or more hubs of a fleet of three or more go down within `failover.freeze_window`."
fn down_together(fleet: &Fleet, first: StoreTime, window: Duration) -> Vec<(HubId, Duration)> {
    let apart = |other: StoreTime| first.since(other).max(other.since(first));
    fleet
        .down
        .iter()
        .map(|(hub, since)| (hub.clone(), apart(*since)))
        .filter(|(_, apart)| *apart <= window)
        .collect()
}

/// For how long a replica that vanished may have started servers at the hub after its last own word: from then on nobody knows of
/// them. It may go on for `failover.after` without the store, and what it sends last may be under way for a while. None: the hub
/// can be asked, or nobody vanished so lately.
fn unknown_starts(evidence: &Evidence<'_>, times: &Times) -> Option<Duration> {
    let (Some(_), Some(asked)) = (evidence.outage.hub, evidence.census) else { return None };
    let known = |heard: &StoreTime| heard.plus(times.after).plus(times.under_way());
    let longest = evidence.vanished.iter().map(|heard| known(heard).since(asked)).max();
    longest.filter(|unknown_for| !unknown_for.is_zero())
}

/// "For a hub whose hub plane is down that age is taken at the first failed probe of the outage: its last authoritative answer
/// stands if it was at most `max_age` old then." With the hub plane up the hub can be asked at any time, and is, by claims.
fn census_known(evidence: &Evidence<'_>, times: &Times) -> bool {
    let Some(asked) = evidence.census else { return false };
    match evidence.outage.hub.or(evidence.outage.first()) {
        Some(first) => first.since(asked) <= times.max_age,
        None => true,
    }
}

#[cfg(test)]
#[path = "guard_tests.rs"]
mod tests;
