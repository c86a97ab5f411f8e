//! What a hub's life reacts to, and what it asks for: the closed lists of events and effects.

use std::fmt;
use std::time::Duration;

use hubrouter_hub_adapter::names::UserName;

use crate::core::health::Plane;
use crate::core::life::guard::{Fleet, Held};
use crate::core::life::hub_life::{Heard, Policy, Securing};
use crate::core::life::records::{AtDeadline, Epoch, Heartbeat, HubRecord};
use crate::core::life::state::Spawning;
use crate::core::life::time::StoreTime;
use crate::core::life::votes::Agreed;

/// Something happened that may change a hub's life.
#[derive(Clone, Debug, PartialEq)]
pub enum HubEvent {
    /// This record stands in the store: read, won by our write, or another replica's.
    Stands(Box<HubRecord>),
    /// Our write does not stand, or nobody knows.
    WriteUnknown {
        /// The epoch it was compared with.
        on: Epoch,
    },
    /// The last heartbeat of every replica.
    Votes {
        /// When these heartbeats were asked for.
        asked_at: StoreTime,
        /// They.
        heartbeats: Vec<Heartbeat>,
    },
    /// An agreed outage of a plane began or ended, where the votes were counted elsewhere.
    Agreed {
        /// Of which plane.
        plane: Plane,
        /// What is agreed now.
        verdict: Agreed,
    },
    /// Time passed.
    Due,
    /// How starts end there, judged over all replicas.
    Spawning(Spawning),
    /// The hub itself told who has a server or anything pending.
    Census {
        /// When it was asked.
        answered_at: StoreTime,
    },
    /// The last heartbeat of each replica that has not said goodbye; one that falls silent has vanished.
    Heard {
        /// When they were asked for.
        asked_at: StoreTime,
        /// They.
        heard: Vec<Heard>,
    },
    /// Whether the hub has more than its share of the servers; none: nobody here knows.
    Overloaded(Option<bool>),
    /// The store's clock went on by another time than our own: what waits for all to have read a record waits anew.
    ClockJumped,
    /// The other hubs of the site.
    Fleet(Fleet),
    /// The configuration was loaded.
    Reloaded(Box<Policy>),
    /// [`Effect::SecureRunning`] is done.
    RunningSecured {
        /// Which one.
        securing: Securing,
        /// Whom it concerned.
        users: Vec<UserName>,
    },
    /// [`Effect::SecureRunning`] was given up: what asked for it ended, or the directory did not answer.
    SecuringEnded(Securing),
    /// [`Effect::StopStale`] is done, or went on.
    StaleStopped {
        /// Whose old servers run there no more.
        gone: Vec<UserName>,
    },
    /// An operator's word.
    Operator {
        /// What is wanted.
        verb: Verb,
        /// Who wants it.
        who: String,
        /// Why.
        why: String,
    },
}

/// What operators can want of a hub.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verb {
    /// Keep its users, take no new ones.
    Cordon,
    /// Let its users go at their next start.
    Drain {
        /// Until when servers may run; none: for as long as it takes.
        deadline: Option<StoreTime>,
        /// What happens then.
        at_deadline: AtDeadline,
        /// Servers without activity for so long are stopped then.
        idle_for: Duration,
        /// How many users the hub has, and how many of them have a server.
        at_first: (usize, usize),
        /// Although there is no census.
        forced: bool,
    },
    /// Close it but for servers that run.
    Maintenance {
        /// Although there is no census.
        forced: bool,
    },
    /// Ordinary work again.
    Resume,
    /// End a drain; the state before it is restored at once.
    Abort,
    /// Send its idle users to their candidates without waiting for the guards.
    Failover {
        /// Its servers are lost: users known as running there go, too.
        assume_stopped: bool,
    },
}

/// An operator's word: what changes the record besides evidence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// What is wanted.
    pub verb: Verb,
    /// Who wants it.
    pub who: String,
    /// Why.
    pub why: String,
}

/// What has to be done. Each may be repeated, by this or another replica, without harm.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Write the record if it still has this epoch; tell what stands then. What evidence asks for is proposed again when
    /// another write was first; an operator's word is not: "the second sees what the first did", and says it again.
    Write {
        /// The epoch to compare with.
        on: Epoch,
        /// The record to set; the store gives it its epoch.
        record: Box<HubRecord>,
        /// What it changes: who wins the write reports these as events.
        changes: Vec<Change>,
    },
    /// Assign everybody known there as running or pending to this hub, cause `running` ("its last
    /// authoritative answer, sightings since, starts published since"); or, where their servers are declared stopped, delete
    /// these assignments. Tell whom it concerned.
    SecureRunning(Securing),
    /// Ask the hub who has a server, now.
    AskCensus,
    /// Stop the old servers of these users there, and tell whose are gone.
    StopStale {
        /// Exactly these.
        users: Vec<UserName>,
    },
    /// Stop servers without activity there: a drain's deadline has come.
    StopIdle,
    /// Tell operators.
    Report(Report),
    /// The operator's word is not taken.
    Refuse(Refusal),
}

/// What a write changes, in the words of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Change {
    /// An operator spoke.
    Word(Verb),
    /// The configuration changed its `intent` key, which ends the operator's word.
    WordEnded,
    /// A plane is agreed down, or another one, too.
    OutageBegan(Plane),
    /// A plane is agreed up again.
    OutageEnded(Plane),
    /// The hub failed again after a failover: its users wait longer for it.
    Relapsed,
    /// Starts wait until every router has read it.
    StartsClosed,
    /// Starts go to the users' candidates.
    CandidatesOpened,
    /// The same, for more, fewer or another reason than before.
    StartsNarrowed,
    /// Starts go here again.
    OpenedAgain,
    /// The hub was failed over.
    FailedOver,
    /// Users known as running were moved by an operator's act.
    StuckMoved,
    /// Idle users come home again.
    FailedBack,
    /// Stale servers were stopped.
    StaleStopped,
}

/// What operators are told that no record says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Report {
    /// What ought to move users is held: this is why.
    Held(Held),
    /// It is held no more.
    HeldNoMore,
}

/// Why an operator's word is not taken. `Display` is the answer that the operator reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The record has not been read yet.
    NotRead,
    /// Without a census nobody can be moved safely.
    NoToken,
    /// It is wanted already.
    Already {
        /// By whom; none: by the configuration.
        who: Option<String>,
        /// Since when.
        since: StoreTime,
    },
    /// There is no word to take back.
    NothingToResume,
    /// No drain is under way.
    NothingToAbort,
    /// Both planes are up: nothing is to be failed over.
    NotDown,
    /// A plane still answers: servers there cannot be declared stopped.
    StillAnswers,
    /// The hub is failed over already.
    AlreadyFailedOver,
    /// A rule that holds for operators, too.
    Held(Held),
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotRead => f.write_str("the directory has not been read yet: try again in a moment"),
            Self::NoToken => f.write_str(
                "the hub has no api_token, so nobody knows whose servers run there; add one, or use --force",
            ),
            Self::Already { who: Some(who), .. } => write!(f, "{who} has already asked for that"),
            Self::Already { who: None, .. } => f.write_str("the configuration already says so"),
            Self::NothingToResume => f.write_str("the hub is active: there is nothing to resume"),
            Self::NothingToAbort => f.write_str("the hub is not being drained: there is nothing to abort"),
            Self::NotDown => f.write_str("the hub is not down; to empty it, use `hubrouter drain`"),
            Self::StillAnswers => f.write_str(
                "one of the hub's planes still answers: its servers are not lost; leave out --assume-stopped",
            ),
            Self::AlreadyFailedOver => f.write_str(
                "the hub is failed over already; users with servers there move by --assume-stopped only",
            ),
            Self::Held(held) => held.fmt(f),
        }
    }
}
