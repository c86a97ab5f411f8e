//! How a seed chooses what goes wrong, when, and for how long.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::super::hubs::Spawning;
use super::super::net::Party;
use super::super::rng::Rng;
use super::{Fault, Order, Schedule, Target, What};

/// The kinds of what may go wrong, for schedules of some of them only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    Crash,
    Hang,
    Flap,
    Slow,
    Starts,
    Network,
    StoreProcess,
    StoreState,
    Clock,
    Replicas,
    Skew,
    Operator,
}

impl Kind {
    pub const ALL: [Self; 12] = [
        Self::Crash,
        Self::Hang,
        Self::Flap,
        Self::Slow,
        Self::Starts,
        Self::Network,
        Self::StoreProcess,
        Self::StoreState,
        Self::Clock,
        Self::Replicas,
        Self::Skew,
        Self::Operator,
    ];
}

/// All kinds, each with how often it is drawn.
const KINDS: [(u32, Kind); 12] = [
    (6, Kind::Crash),
    (2, Kind::Hang),
    (1, Kind::Flap),
    (1, Kind::Slow),
    (1, Kind::Starts),
    (4, Kind::Network),
    (2, Kind::StoreProcess),
    (1, Kind::StoreState),
    (1, Kind::Clock),
    (3, Kind::Replicas),
    (1, Kind::Skew),
    (4, Kind::Operator),
];

/// Of what a schedule is drawn.
#[derive(Clone, Debug)]
pub struct Plan {
    pub hubs: usize,
    pub replicas: usize,
    pub users: usize,
    /// Nothing goes wrong before, so that everybody is in step and at home.
    pub from: Duration,
    /// Everything is over by then, so that everybody can come home.
    pub until: Duration,
    /// About how much goes wrong.
    pub faults: usize,
    /// Which kinds; empty: all.
    pub kinds: BTreeSet<Kind>,
}

impl Schedule {
    /// What the seed gives.
    pub fn draw(seed: u64, plan: &Plan) -> Self {
        let mut rng = Rng::named(seed, "faults");
        let allowed = |kind: &Kind| plan.kinds.is_empty() || plan.kinds.contains(kind);
        let kinds: Vec<(u32, Kind)> = KINDS.into_iter().filter(|(_, kind)| allowed(kind)).collect();
        let mut busy: BTreeMap<Target, Vec<(Duration, Duration)>> = BTreeMap::new();
        let mut faults = Vec::new();
        for _ in 0..plan.faults {
            let mut begins = rng.between(plan.from, plan.until);
            let kind = rng.weighted(&kinds);
            let times = if kind == Kind::Flap { 3 + rng.below(4) } else { 1 };
            let what = drawn(kind, plan, &mut rng);
            for _ in 0..times {
                let ends = begins + lasts(kind, &mut rng);
                let fault = Fault { begins, ends, what: what.clone() };
                begins = ends + rng.between(Duration::from_secs(15), Duration::from_secs(60));
                let free = |target: &Target| {
                    busy.get(target)
                        .is_none_or(|all| all.iter().all(|(from, to)| ends < *from || *to < fault.begins))
                };
                let targets = what.targets();
                if ends < plan.until && targets.iter().all(free) {
                    targets
                        .into_iter()
                        .for_each(|target| busy.entry(target).or_default().push((fault.begins, ends)));
                    faults.push(fault);
                }
            }
        }
        Self::of(faults)
    }
}

/// Shorter and longer than everything that the router waits for.
fn lasts(kind: Kind, rng: &mut Rng) -> Duration {
    let seconds = Duration::from_secs;
    let (least, most) = match kind {
        Kind::Flap => (seconds(5), seconds(40)),
        Kind::Operator | Kind::Skew => (seconds(60), seconds(900)),
        _ => rng.weighted(&[
            (2, (seconds(1), seconds(20))),
            (3, (seconds(20), seconds(130))),
            (3, (seconds(130), seconds(300))),
            (1, (seconds(300), seconds(1200))),
        ]),
    };
    rng.between(least, most)
}

fn drawn(kind: Kind, plan: &Plan, rng: &mut Rng) -> What {
    let hub = rng.below(plan.hubs);
    let replica = rng.below(plan.replicas);
    match kind {
        Kind::Crash => match rng.weighted(&[(4, 0), (2, 1), (3, 2)]) {
            0 => What::HubDies(hub),
            1 => What::ProxyDies(hub),
            _ => What::MachineDies(hub),
        },
        Kind::Hang => What::HubHangs(hub),
        Kind::Flap => What::HubDies(hub),
        Kind::Slow => What::HubIsSlow(hub),
        Kind::Starts => What::StartsFail(hub, *rng.pick(&[Spawning::FailsAtOnce, Spawning::FailsLater])),
        Kind::Network => network(hub, replica, rng),
        Kind::StoreProcess => rng.pick(&[What::StoreDies, What::StoreHangs, What::StoreIsSlow]).clone(),
        Kind::StoreState => rng.pick(&[What::StoreIsFlushed, What::StoreIsRestored]).clone(),
        Kind::Clock => {
            let far = rng.between(Duration::from_secs(1), Duration::from_secs(600)).as_millis();
            let far = i64::try_from(far).expect("ten minutes");
            What::ClockJumps(if rng.happens(0.5) { far } else { -far })
        }
        Kind::Replicas if rng.happens(0.5) => What::ReplicaDies(replica),
        Kind::Replicas => What::ReplicaRollsOut(replica),
        Kind::Skew => What::ConfigDiffers(replica),
        Kind::Operator => What::Ordered(match rng.below(5) {
            0 => Order::Cordon(hub),
            1 => Order::Drain(hub),
            2 => Order::DrainAndAbort(hub),
            3 => Order::Maintenance(hub),
            _ => Order::Move { user: rng.below(plan.users), to: hub },
        }),
    }
}

fn network(hub: usize, replica: usize, rng: &mut Rng) -> What {
    let (hub, replica) = (Party::Hub(hub), Party::Replica(replica));
    match rng.below(6) {
        0 => What::Cut(replica, Party::Store),
        1 => What::Cut(replica, hub),
        2 => What::Alone(hub),
        3 => What::Alone(replica),
        4 => What::Storm(replica, Party::Store),
        _ => What::Storm(replica, hub),
    }
}
