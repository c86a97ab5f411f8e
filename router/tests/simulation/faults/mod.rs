//! What goes wrong, and when: one seed gives one schedule, and one line tells it.
//!
//! How the seed chooses is in `draw.rs`. Nothing happens here: `world.rs` does what concerns the network, the store and the hubs; replicas and operators are whoever
//! runs them's.

mod draw;
mod tests;

use std::fmt;
use std::time::Duration;

pub use self::draw::{Kind, Plan};
use super::hubs::Spawning;
use super::net::Party;

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
