//! A drain in numbers: the plan before it begins, and how far it is ("A drain that would strand or overload is
//! refused with the numbers unless forced").
//!
//! Closing, opening, the deadline and `abort` are [`step`](super::step)'s; who goes where is [`candidates`](super::candidates)'.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use hubrouter_config::HubId;
use hubrouter_hub_adapter::names::UserName;

use super::candidates::NoCandidate;
use super::records::{AtDeadline, Word};
use super::time::StoreTime;

/// Below so many servers no hub counts as overloaded ("at least 50 servers").
const FEW_SERVERS: usize = 50;

/// A user of the hub that is to be drained.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resident {
    /// Who.
    pub user: UserName,
    /// Whether a server runs or is pending there; unknown counts as running.
    pub running: bool,
    /// Where the user would go.
    pub next: Result<HubId, NoCandidate>,
}

/// A hub of the site before the drain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Load {
    /// Servers that run there.
    pub servers: usize,
    /// Its weight in thousandths.
    pub weight: u32,
}

/// What a drain would do.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// The hub to be drained.
    pub hub: HubId,
    /// All users who belong to it or are assigned there.
    pub users: usize,
    /// Those with a server: they go at their next start after it ended.
    pub running: usize,
    /// How many users go to which hub.
    pub to: BTreeMap<HubId, usize>,
    /// Users whom no hub can take.
    pub stranded: usize,
    /// Why, for the first of them.
    pub stranded_because: Option<NoCandidate>,
    /// Hubs that would have more servers than `placement.load_bound` allows.
    pub overloaded: Vec<Overload>,
}

/// A hub that would have too many servers.
#[derive(Clone, Debug, PartialEq)]
pub struct Overload {
    /// The hub.
    pub hub: HubId,
    /// Its servers now.
    pub now: usize,
    /// Its servers once everybody who runs at the drained hub has gone on.
    pub then: usize,
    /// What the load bound allows it.
    pub allowed: usize,
}

/// The plan for draining `hub`. `bound` is `placement.load_bound`; 0 sets no limit, so nothing overloads.
#[must_use]
pub fn plan(hub: &HubId, residents: &[Resident], loads: &BTreeMap<HubId, Load>, bound: f64) -> Plan {
    let mut to: BTreeMap<HubId, usize> = BTreeMap::new();
    let mut arriving: BTreeMap<HubId, usize> = BTreeMap::new();
    let mut stranded = Vec::new();
    for resident in residents {
        match &resident.next {
            Ok(next) => {
                *to.entry(next.clone()).or_default() += 1;
                *arriving.entry(next.clone()).or_default() += usize::from(resident.running);
            }
            Err(why) => stranded.push(why.clone()),
        }
    }
    Plan {
        hub: hub.clone(),
        users: residents.len(),
        running: residents.iter().filter(|resident| resident.running).count(),
        to,
        stranded: stranded.len(),
        stranded_because: stranded.into_iter().next(),
        overloaded: overloaded(&arriving, loads, bound),
    }
}

/// Whether `hub` has more than its share of all servers now, by the rule of the load bound.
#[must_use]
pub fn is_overloaded(hub: &HubId, loads: &BTreeMap<HubId, Load>, bound: f64) -> bool {
    let Some(load) = loads.get(hub).filter(|load| bound > 0.0 && load.servers >= FEW_SERVERS) else {
        return false;
    };
    let servers: usize = loads.values().map(|load| load.servers).sum();
    let weight: f64 = loads.values().map(|load| f64::from(load.weight)).sum();
    weight > 0.0 && load.servers as f64 > bound * (servers as f64) * f64::from(load.weight) / weight
}

/// A hub is overloaded by the rule of the load bound: more than `bound` x its share of all servers by weight, and at least 50.
fn overloaded(arriving: &BTreeMap<HubId, usize>, loads: &BTreeMap<HubId, Load>, bound: f64) -> Vec<Overload> {
    let servers: usize = loads.values().map(|load| load.servers).sum();
    let weight: f64 = loads.values().map(|load| f64::from(load.weight)).sum();
    if bound <= 0.0 || weight <= 0.0 {
        return Vec::new();
    }
    let judge = |(hub, more): (&HubId, &usize)| {
        let load = loads.get(hub)?;
        let then = load.servers + more;
        let allowed = bound * (servers as f64) * f64::from(load.weight) / weight;
        (*more > 0 && then >= FEW_SERVERS && then as f64 > allowed).then(|| Overload {
            hub: hub.clone(),
            now: load.servers,
            then,
            allowed: allowed as usize,
        })
    };
    arriving.iter().filter_map(judge).collect()
}

impl Plan {
    /// Why the plan is refused unless forced; none: it may begin.
    #[must_use]
    pub fn refusal(&self) -> Option<PlanRefused> {
        if self.stranded > 0 {
            let (stranded, users) = (self.stranded, self.users);
            return Some(PlanRefused::Strands {
                hub: self.hub.clone(),
                stranded,
                users,
                because: self.stranded_because.clone(),
            });
        }
        let worst = self.overloaded.iter().max_by_key(|overload| overload.then)?;
        Some(PlanRefused::Overloads { hub: self.hub.clone(), onto: worst.clone() })
    }
}

/// Why a drain is refused, with the numbers.
#[derive(Clone, Debug, PartialEq)]
pub enum PlanRefused {
    /// Nobody can take these users.
    Strands {
        /// The hub to be drained.
        hub: HubId,
        /// How many users.
        stranded: usize,
        /// Of how many.
        users: usize,
        /// Why, for the first of them.
        because: Option<NoCandidate>,
    },
    /// A hub would get too many servers.
    Overloads {
        /// The hub to be drained.
        hub: HubId,
        /// The hub that would get the most.
        onto: Overload,
    },
}

impl fmt::Display for PlanRefused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Strands { hub, stranded, users, because } => {
                write!(f, "draining `{hub}` would strand {stranded} of its {users} users")?;
                match because {
                    Some(why) => write!(f, ": {why}"),
                    None => Ok(()),
                }
            }
            Self::Overloads { hub, onto } => write!(
                f,
                "draining `{hub}` would give `{}` {} servers, {} now; placement.load_bound allows {}",
                onto.hub, onto.then, onto.now, onto.allowed
            ),
        }
    }
}

/// What is known of a hub while it is being drained.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DrainFacts {
    /// All users who belonged to it when the drain began.
    pub users: usize,
    /// Those of them who are assigned elsewhere by now.
    pub moved: usize,
    /// Servers there when the drain began.
    pub running_at_first: usize,
    /// Servers there by the last authoritative answer; none: unknown.
    pub running: Option<usize>,
    /// When the hub was asked for it.
    pub asked_at: Option<StoreTime>,
    /// Since when the candidates are open; none: not yet.
    pub open_since: Option<StoreTime>,
    /// The last activity of the server that has been idle for the longest.
    pub idle_since: Option<StoreTime>,
    /// Streams that are open through this router.
    pub streams: usize,
}

/// How far a drain is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Progress {
    /// All users who belonged to the hub.
    pub users: usize,
    /// Those of them who are elsewhere.
    pub moved: usize,
    /// Servers that still run; none: unknown.
    pub running: Option<usize>,
    /// Since when the longest-idle one is idle.
    pub idle_since: Option<StoreTime>,
    /// How long the drain takes already: "`wait` never ends by itself: its age is in `status` and a metric".
    pub age: Duration,
    /// When it will be over.
    pub eta: Eta,
}

/// When a drain will be over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Eta {
    /// It is: "authority says no server, and no open streams".
    Drained,
    /// At its deadline idle servers are stopped; those in use may last longer.
    Deadline(StoreTime),
    /// If servers go on ending as fast as until now.
    Estimate(StoreTime),
    /// No server has ended yet, or nobody knows.
    Unknown,
}

/// How far the drain is that `word` asked for.
#[must_use]
pub fn progress(word: &Word, facts: &DrainFacts, now: StoreTime) -> Progress {
    Progress {
        users: facts.users,
        moved: facts.moved,
        running: facts.running,
        idle_since: facts.idle_since,
        age: now.since(word.since),
        eta: eta(word, facts, now),
    }
}

fn eta(word: &Word, facts: &DrainFacts, now: StoreTime) -> Eta {
    if is_drained(facts) {
        return Eta::Drained;
    }
    let estimate = facts.running.and_then(|running| estimate(word, facts.running_at_first, running, now));
    let deadline = match word.at_deadline {
        AtDeadline::StopIdle => word.deadline.filter(|deadline| *deadline > now),
        AtDeadline::Wait => None,
    };
    match (deadline, estimate) {
        (Some(deadline), Some(estimate)) if estimate < deadline => Eta::Estimate(estimate),
        (Some(deadline), _) => Eta::Deadline(deadline),
        (None, Some(estimate)) => Eta::Estimate(estimate),
        (None, None) => Eta::Unknown,
    }
}

/// "Drained: authority says no server, and no open streams": asked after the candidates opened, when nothing could start
/// there any more.
#[must_use]
pub fn is_drained(facts: &DrainFacts) -> bool {
    let asked_since_open = match (facts.open_since, facts.asked_at) {
        (Some(open), Some(asked)) => asked > open,
        (None, _) | (_, None) => false,
    };
    facts.running == Some(0) && facts.streams == 0 && asked_since_open
}

/// The same number of servers in the same time.
fn estimate(word: &Word, at_first: usize, running: usize, now: StoreTime) -> Option<StoreTime> {
    let ended = at_first.checked_sub(running).filter(|ended| *ended > 0)?;
    let per_server = u32::try_from(ended).ok().map(|ended| now.since(word.since) / ended)?;
    Some(now.plus(per_server.saturating_mul(u32::try_from(running).unwrap_or(u32::MAX))))
}

#[cfg(test)]
#[path = "drain_tests.rs"]
mod tests;
