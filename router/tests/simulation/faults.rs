//! What goes wrong, and when: one seed gives one schedule, and one line tells it.
//!
//! Nothing happens here: `world.rs` does what concerns the network, the store and the hubs; replicas and operators are whoever
//! runs them's.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Duration;

use super::hubs::Spawning;
use super::net::Party;
use super::rng::Rng;

/// What goes wrong from a beginning to an end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// The hub's own process dies, and is begun again at the end.
    HubDies(usize),
    /// The hub's proxy dies, and is begun again, without routes, at the end.
    ProxyDies(usize),
    /// Both die.
    MachineDies(usize),
    HubHangs(usize),
    HubIsSlow(usize),
    StartsFail(usize, Spawning),
    /// Nothing passes between the two.
    Cut(Party, Party),
    /// Half of what passes between the two is lost, the rest late.
    Storm(Party, Party),
    /// Nothing passes between this one and anybody.
    Alone(Party),
    StoreDies,
    StoreHangs,
    StoreIsSlow,
    /// The store is emptied at the beginning.
    StoreIsFlushed,
    /// At the end the store is what it was at the beginning.
    StoreIsRestored,
    /// The store's clock goes ahead by so many milliseconds, behind if that is negative, and back at the end.
    ClockJumps(i64),
    /// The replica is gone at the beginning, without goodbye; another one comes at the end.
    ReplicaDies(usize),
    /// The replica says goodbye at the beginning; another one comes at the end.
    ReplicaRollsOut(usize),
    /// The replica has another configuration than the others.
    ConfigDiffers(usize),
    /// An operator's word at the beginning, and another at the end.
    Ordered(Order),
}

/// What an operator says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Order {
    Cordon(usize),
    /// Ends with `resume`.
    Drain(usize),
    /// Ends with `abort`.
    DrainAndAbort(usize),
    Maintenance(usize),
    /// A user, by number, is moved to a hub; nothing at the end.
    Move {
        user: usize,
        to: usize,
    },
}

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::HubDies(hub) => write!(f, "hub {hub} dies"),
            Self::ProxyDies(hub) => write!(f, "proxy of hub {hub} dies"),
            Self::MachineDies(hub) => write!(f, "hub {hub} and its proxy die"),
            Self::HubHangs(hub) => write!(f, "hub {hub} hangs"),
            Self::HubIsSlow(hub) => write!(f, "hub {hub} is slow"),
            Self::StartsFail(hub, how) => write!(f, "starts at hub {hub} go {how:?}"),
            Self::Cut(one, other) => write!(f, "{one} and {other} cut off"),
            Self::Storm(one, other) => write!(f, "storm between {one} and {other}"),
            Self::Alone(party) => write!(f, "{party} alone"),
            Self::StoreDies => f.write_str("store dies"),
            Self::StoreHangs => f.write_str("store hangs"),
            Self::StoreIsSlow => f.write_str("store is slow"),
            Self::StoreIsFlushed => f.write_str("store is flushed"),
            Self::StoreIsRestored => f.write_str("store is restored"),
            Self::ClockJumps(millis) => write!(f, "clock jumps by {millis} ms"),
            Self::ReplicaDies(replica) => write!(f, "replica {replica} dies"),
            Self::ReplicaRollsOut(replica) => write!(f, "replica {replica} is rolled out"),
            Self::ConfigDiffers(replica) => write!(f, "replica {replica} has another configuration"),
            Self::Ordered(Order::Cordon(hub)) => write!(f, "cordon of hub {hub}"),
            Self::Ordered(Order::Drain(hub)) => write!(f, "drain of hub {hub}"),
            Self::Ordered(Order::DrainAndAbort(hub)) => write!(f, "drain and abort of hub {hub}"),
            Self::Ordered(Order::Maintenance(hub)) => write!(f, "maintenance of hub {hub}"),
            Self::Ordered(Order::Move { user, to }) => write!(f, "move of user {user} to hub {to}"),
        }
    }
}

/// What can only go wrong in one way at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Target {
    Process(usize),
    Proxy(usize),
    Speed(usize),
    Starts(usize),
    Intent(usize),
    Way(Party, Party),
    Party(Party),
    StoreProcess,
    StoreSpeed,
    Clock,
    Replicas,
    User(usize),
}

impl What {
    fn targets(&self) -> Vec<Target> {
        match self {
            Self::HubDies(hub) | Self::HubHangs(hub) => vec![Target::Process(*hub)],
            Self::ProxyDies(hub) => vec![Target::Proxy(*hub)],
            Self::MachineDies(hub) => vec![Target::Process(*hub), Target::Proxy(*hub)],
            Self::HubIsSlow(hub) => vec![Target::Speed(*hub)],
            Self::StartsFail(hub, _) => vec![Target::Starts(*hub)],
            Self::Cut(one, other) | Self::Storm(one, other) => vec![Target::Way(*one, *other)],
            Self::Alone(party) => vec![Target::Party(*party)],
            Self::StoreDies | Self::StoreHangs | Self::StoreIsFlushed | Self::StoreIsRestored => {
                vec![Target::StoreProcess]
            }
            Self::StoreIsSlow => vec![Target::StoreSpeed],
            Self::ClockJumps(_) => vec![Target::Clock],
            Self::ReplicaDies(_) | Self::ReplicaRollsOut(_) | Self::ConfigDiffers(_) => {
                vec![Target::Replicas]
            }
            Self::Ordered(Order::Move { user, .. }) => vec![Target::User(*user)],
            Self::Ordered(
                Order::Cordon(hub) | Order::Drain(hub) | Order::DrainAndAbort(hub) | Order::Maintenance(hub),
            ) => vec![Target::Intent(*hub)],
        }
    }
}

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

/// Something that goes wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    pub begins: Duration,
    pub ends: Duration,
    pub what: What,
}

/// One of its two ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Edge {
    Begin,
    End,
}

/// What goes wrong in one run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Schedule {
    pub faults: Vec<Fault>,
}

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, Fault { begins, ends, what }) in self.faults.iter().enumerate() {
            let comma = if at == 0 { "" } else { "; " };
            write!(f, "{comma}{:.1}-{:.1} {what}", begins.as_secs_f64(), ends.as_secs_f64())?;
        }
        Ok(())
    }
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

    /// What is named here.
    pub fn of(mut faults: Vec<Fault>) -> Self {
        faults.sort_by_key(|fault| (fault.begins, fault.ends));
        Self { faults }
    }

    /// The same without one of them, to find out which ones a failing run needs.
    pub fn without(&self, number: usize) -> Self {
        let mut less = self.clone();
        less.faults.remove(number);
        less
    }

    /// Every beginning and end with the number of its fault, in the order of time.
    pub fn edges(&self) -> Vec<(Duration, Edge, usize)> {
        let both = |(number, fault): (usize, &Fault)| {
            [(fault.begins, Edge::Begin, number), (fault.ends, Edge::End, number)]
        };
        let mut edges: Vec<_> = self.faults.iter().enumerate().flat_map(both).collect();
        edges.sort_by_key(|(at, edge, number)| (*at, *number, *edge));
        edges
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

#[cfg(test)]
mod tests {
    use super::*;

    fn plan() -> Plan {
        Plan {
            hubs: 3,
            replicas: 3,
            users: 20,
            from: Duration::from_secs(120),
            until: Duration::from_secs(3600),
            faults: 8,
            kinds: BTreeSet::new(),
        }
    }

    #[test]
    fn a_seed_gives_one_schedule_and_one_line_tells_it() {
        let schedule = Schedule::draw(7, &plan());

        assert_eq!(schedule, Schedule::draw(7, &plan()));
        assert_ne!(schedule, Schedule::draw(8, &plan()));
        let line = schedule.to_string();
        assert_eq!(line.matches("; ").count() + 1, schedule.faults.len(), "{line}");
        assert!(!line.contains('\n'));
        assert_eq!(schedule.without(0).faults, schedule.faults[1..]);
    }

    #[test]
    fn everything_ends_in_time_and_nothing_goes_wrong_twice_at_once() {
        for seed in 0..300 {
            let schedule = Schedule::draw(seed, &plan());
            let mut open: BTreeMap<Target, usize> = BTreeMap::new();
            for (at, edge, number) in schedule.edges() {
                assert!((plan().from..plan().until).contains(&at), "{seed}: {schedule}");
                for target in schedule.faults[number].what.targets() {
                    let now = match edge {
                        Edge::Begin => open.insert(target, number),
                        Edge::End => open.remove(&target).filter(|began| *began != number),
                    };
                    assert_eq!(now, None, "{seed}: {schedule}");
                }
            }
            assert!(open.is_empty());
        }
    }

    #[test]
    fn every_kind_is_drawn_and_only_those_that_are_asked_for() {
        let seen = |kinds: &[Kind]| {
            let plan = Plan { kinds: kinds.iter().copied().collect(), ..plan() };
            let all = (0..300).flat_map(|seed| Schedule::draw(seed, &plan).faults);
            all.map(|fault| format!("{:?}", fault.what).split(['(', ' ']).next().unwrap().to_owned())
                .collect::<BTreeSet<_>>()
        };
        assert_eq!(seen(&[]).len(), 19);
        assert_eq!(
            seen(&[Kind::Replicas]),
            BTreeSet::from(["ReplicaDies", "ReplicaRollsOut"].map(str::to_owned))
        );
    }
}
