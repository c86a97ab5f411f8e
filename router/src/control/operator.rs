//! What operators can ask of a running router, and what they hear: orders, outcomes, refusals, events, explanations.
//!
//! Plain data and one trait, [`Operate`]. Who may order what is the admin API's to say, and how an order is carried out the
//! controller's.

use std::time::Duration;

use futures_util::future::BoxFuture;
use hubrouter_config::HubId;
use hubrouter_hub_adapter::names::UserName;
use serde::{Deserialize, Serialize};

use crate::core::life::records::AtDeadline;

/// An operator's order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// What is wanted.
    pub what: What,
    /// Who wants it, as far as the operator's door can tell.
    pub who: String,
    /// Why, in the operator's words; may be empty.
    pub why: String,
    /// Only say what would happen.
    pub dry_run: bool,
}

/// What can be ordered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// Keep the hub's users, take no new ones.
    Cordon {
        /// The hub.
        hub: HubId,
    },
    /// Let the hub's users go at their next start.
    Drain {
        /// The hub.
        hub: HubId,
        /// How long servers may run; none: as long as it takes.
        deadline: Option<Duration>,
        /// What happens then to servers that still run.
        at_deadline: AtDeadline,
        /// At the deadline servers are stopped that had no activity for so long.
        idle_for: Duration,
        /// Although the plan strands or overloads, or there is no census.
        force: bool,
    },
    /// End a drain: the state before it holds again at once.
    Abort {
        /// The hub.
        hub: HubId,
    },
    /// Close the hub but for servers that run.
    Maintenance {
        /// The hub.
        hub: HubId,
        /// Although there is no census.
        force: bool,
    },
    /// Ordinary work again.
    Resume {
        /// The hub.
        hub: HubId,
    },
    /// Send the idle users of a hub that is down to their candidates, past the guards.
    Failover {
        /// The hub.
        hub: HubId,
        /// Its servers are lost: users known as running there go, too.
        assume_stopped: bool,
    },
    /// Assign a user to a hub; refused while a server runs.
    Move {
        /// Who.
        user: UserName,
        /// Where to.
        to: HubId,
    },
    /// Assign a user to a hub for good: failback and the routers never delete it.
    Pin {
        /// Who.
        user: UserName,
        /// Where to.
        to: HubId,
    },
    /// End a pin.
    Unpin {
        /// Who.
        user: UserName,
    },
    /// A user declares their own server at a dead hub lost; said through the page of that hub only.
    Rescue {
        /// Who.
        user: UserName,
        /// The hub that is gone.
        hub: HubId,
    },
    /// Activate the placement that this replica's configuration proposes.
    Apply {
        /// Although replicas differ, or hubs cannot tell who runs there.
        force: bool,
    },
}

impl What {
    /// The word for logs and events.
    #[must_use]
    pub fn label(&self) -> &'static str {
        match self {
            Self::Cordon { .. } => "cordon",
            Self::Drain { .. } => "drain",
            Self::Abort { .. } => "abort",
            Self::Maintenance { .. } => "maintenance",
            Self::Resume { .. } => "resume",
            Self::Failover { .. } => "failover",
            Self::Move { .. } => "move",
            Self::Pin { .. } => "pin",
            Self::Unpin { .. } => "unpin",
            Self::Rescue { .. } => "rescue",
            Self::Apply { .. } => "apply",
        }
    }

    /// Whether the order sets a safeguard aside: only administrators may.
    #[must_use]
    pub fn is_forced(&self) -> bool {
        match self {
            Self::Drain { force, .. } | Self::Maintenance { force, .. } | Self::Apply { force } => *force,
            Self::Failover { assume_stopped, .. } => *assume_stopped,
            Self::Cordon { .. }
            | Self::Abort { .. }
            | Self::Resume { .. }
            | Self::Move { .. }
            | Self::Pin { .. }
            | Self::Unpin { .. }
            | Self::Rescue { .. } => false,
        }
    }
}

/// What an order did, or would do.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// Nothing was written: it was a dry run.
    pub dry_run: bool,
    /// One sentence: what changes.
    pub summary: String,
    /// Whom it concerns, in numbers and names, one line each.
    pub details: Vec<String>,
}

/// Why an order is not carried out. `Display` is what the operator reads: what, why, and what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// No such hub.
    #[error("there is no hub `{hub}`; the hubs are: {}", join(known))]
    UnknownHub {
        /// What was named.
        hub: String,
        /// What there is.
        known: Vec<HubId>,
    },
    /// No hub knows this user.
    #[error("no hub knows a user `{user}`: check the name; a new user needs no order")]
    UnknownUser {
        /// What was named.
        user: String,
    },
    /// It does not fit to what stands: done already, nothing to abort, another operator was first.
    #[error("{0}")]
    Conflict(String),
    /// It would strand, overload or endanger somebody: the numbers.
    #[error("{0}")]
    Unsafe(String),
    /// The order itself makes no sense.
    #[error("{0}")]
    Invalid(String),
    /// The directory cannot be reached, or its answer is unknown: look at the status before trying again.
    #[error("{0}")]
    Unavailable(String),
}

fn join(hubs: &[HubId]) -> String {
    let ids: Vec<&str> = hubs.iter().map(AsRef::as_ref).collect();
    ids.join(", ")
}

/// Something that happened, worth an operator's attention.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// Grows by one with each event of this process.
    pub number: u64,
    /// When, in milliseconds since 1970.
    pub at: u64,
    /// A stable word, such as `failed_over`.
    pub kind: String,
    /// The hub that it is about.
    #[serde(default)]
    pub hub: Option<String>,
    /// The user that it is about.
    #[serde(default)]
    pub user: Option<String>,
    /// What happened, in a sentence.
    pub text: String,
}

/// Events after the one that was asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventPage {
    /// In order.
    pub events: Vec<Event>,
    /// Ask for those after this one next.
    pub last: u64,
    /// Events before the first of these were forgotten, or are of another process: some were missed.
    pub missed: bool,
}

/// Where a user is, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Explanation {
    /// The canonical name.
    pub user: String,
    /// The first hub of placement.
    pub home: String,
    /// All hubs in the user's order.
    pub candidates: Vec<Candidate>,
    /// The hub that owns the user now.
    pub owner: String,
    /// Why it is that one: a stable word, and a sentence.
    pub why: String,
    /// The sentence.
    pub because: String,
    /// The recorded exception, if there is one.
    pub assignment: Option<AssignmentReport>,
    /// Where a start would go now, in a sentence.
    pub start: String,
    /// Where servers are known, and how old that knowledge is.
    pub census: Vec<Presence>,
}

/// A hub in a user's order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Candidate {
    /// The hub.
    pub hub: String,
    /// Its tier.
    pub tier: String,
    /// What operators want of it.
    pub intent: String,
    /// Its planes, as this replica sees them: `up/up`.
    pub health: String,
    /// Why it does not take the user; none: it would.
    pub closed: Option<String>,
}

/// A recorded exception.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AssignmentReport {
    /// The hub.
    pub hub: String,
    /// Why.
    pub cause: String,
    /// Since when, in milliseconds since 1970.
    pub since: u64,
    /// The last start that was sent there, in milliseconds since 1970.
    pub last_start: Option<u64>,
    /// Gone by itself at this instant, in milliseconds since 1970.
    pub provisional_until: Option<u64>,
    /// The number of the write.
    pub epoch: u64,
}

/// What is known of a user's servers at one hub.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Presence {
    /// The hub.
    pub hub: String,
    /// `running`, `pending`, `none` or `unknown`.
    pub servers: String,
    /// The age of the hub's own word, in seconds.
    pub age_seconds: Option<u64>,
}

/// Carries out orders, and tells what happened.
pub trait Operate: Send + Sync + 'static {
    /// Carries out an order, or says what it would do. Answers within some seconds.
    fn order(&self, order: Order) -> BoxFuture<'_, Result<Outcome, Refused>>;
    /// Events after number `after`; where there are none yet, waits for one, for `wait` at most. `None`: the last hundred.
    fn events(&self, after: Option<u64>, wait: Duration) -> BoxFuture<'_, EventPage>;
    /// Where a user is, and why; `Err` for a name that no hub takes.
    fn explain(&self, user: &str) -> Result<Explanation, Refused>;
    /// The hub of this id, for orders; `Err` names those that there are.
    fn hub(&self, id: &str) -> Result<HubId, Refused>;
    /// The user of this name, made canonical.
    fn user(&self, name: &str) -> Result<UserName, Refused>;
}
