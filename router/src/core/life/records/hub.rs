//! What is recorded of one hub: what an operator wants, where its starts go, its outage and its return.
//!
//! Written whole and by compare-and-set on the epoch; who writes when is [`step`](super::super::step)'s to say.

use hubrouter_config::{HubId, Intent};
use hubrouter_hub_adapter::names::UserName;
use serde::{Deserialize, Serialize};

use super::super::time::StoreTime;
use super::super::wire;
use super::{Cause, Epoch};

/// The record of one hub. A hub without a record is as [`HubRecord::new`] says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HubRecord {
    /// Of which hub.
    #[serde(with = "wire::hub")]
    pub hub: HubId,
    /// The write that made it so; 0 while nothing was ever written.
    #[serde(default)]
    pub epoch: Epoch,
    /// The operator's word; none: the configuration's `intent` holds.
    #[serde(default)]
    pub word: Option<Word>,
    /// Where starts of its users go.
    #[serde(default)]
    pub starts: Starts,
    /// When `starts`, the intent or the agreed state changed last: what [`calm`](super::super::calm) counts from.
    #[serde(default)]
    pub changed_at: StoreTime,
    /// The agreed outage; none while both planes are agreed up.
    #[serde(default)]
    pub outage: Option<Outage>,
    /// An operator's `failover HUB` that the routers are carrying out.
    #[serde(default)]
    pub ordered: Option<FailedOver>,
    /// The hub was failed over and has not been opened since.
    #[serde(default)]
    pub failed_over: Option<FailedOver>,
    /// Since when both planes are agreed up again after the last outage; none during one, and before the first.
    #[serde(default)]
    pub healthy_since: Option<StoreTime>,
    /// When users of a failed-over hub last came home; a new failover soon after is a relapse.
    #[serde(default)]
    pub failed_back_at: Option<StoreTime>,
    /// How often the hub failed again after a failover; each doubles the wait for failback.
    #[serde(default)]
    pub relapses: u32,
    /// Users whose old servers came back with this hub: taken over from [`FailedOver::moved`] when it returned, and listed until
    /// these servers are stopped.
    #[serde(default, with = "wire::users")]
    pub stale: Vec<UserName>,
}

impl HubRecord {
    /// Nothing is recorded: starts go here, no operator spoke, no outage is known.
    #[must_use]
    pub fn new(hub: HubId) -> Self {
        Self {
            hub,
            epoch: Epoch::default(),
            word: None,
            starts: Starts::Here,
            changed_at: StoreTime::default(),
            outage: None,
            ordered: None,
            failed_over: None,
            healthy_since: None,
            failed_back_at: None,
            relapses: 0,
            stale: Vec::new(),
        }
    }

    /// What is wanted of the hub: the operator's word, else the configuration's ("Operators own intent").
    #[must_use]
    pub fn intent(&self, configured: Intent) -> Intent {
        self.word.as_ref().map_or(configured, |word| word.intent)
    }
}

/// An operator's word about a hub. It holds until `resume`, or until a reload changes the hub's `intent` key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Word {
    /// What is wanted.
    #[serde(with = "wire::intent")]
    pub intent: Intent,
    /// Who said it.
    #[serde(default)]
    pub who: String,
    /// Why, in the operator's words.
    #[serde(default)]
    pub why: String,
    /// When.
    pub since: StoreTime,
    /// A drain's deadline; none: it waits for as long as it takes.
    #[serde(default)]
    pub deadline: Option<StoreTime>,
    /// What happens at the deadline to servers that still run.
    #[serde(default)]
    pub at_deadline: AtDeadline,
    /// How many users the hub had when a drain began, and how many of them had a server.
    #[serde(default)]
    pub at_first: (usize, usize),
    /// At the deadline servers are stopped that had no activity for so many milliseconds.
    #[serde(default)]
    pub idle_for: u64,
    /// The operator insisted although there is no census, or the plan strands or overloads.
    #[serde(default)]
    pub forced: bool,
    /// The hub's `intent` key when this was said: a reload that changes the key ends the word.
    #[serde(with = "wire::intent")]
    pub configured: Intent,
    /// The word that stood before a drain: `abort` restores it.
    #[serde(default)]
    pub before: Option<Box<Word>>,
}

/// What a drain does at its deadline ("at the deadline `wait | stop-idle`").
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AtDeadline {
    /// Servers without activity are stopped through the hub's API.
    StopIdle,
    /// It goes on waiting; its age is shown. Also the reading of a word of a newer release: nothing is stopped.
    #[default]
    #[serde(other)]
    Wait,
}

/// Where starts of a hub's users go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "to", rename_all = "snake_case")]
pub enum Starts {
    /// To this hub.
    #[default]
    Here,
    /// Nowhere yet: they wait until every router has read that the hub is closed.
    Closed {
        /// Since when.
        since: StoreTime,
        /// Whose.
        whom: Whom,
        /// Why.
        cause: Cause,
    },
    /// To the users' candidates, by claim.
    Elsewhere {
        /// Since when the candidates are open.
        since: StoreTime,
        /// Whose.
        whom: Whom,
        /// Why.
        cause: Cause,
    },
    /// A word of a newer release: starts wait.
    #[serde(other)]
    Unknown,
}

/// Whose starts a record closes or sends elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Whom {
    /// Those of users whom the hub does not know yet.
    New,
    /// Everybody's; also the reading of a word of a newer release.
    #[serde(other)]
    Everybody,
}

/// The agreed outage of a hub: per plane, the first failed probe of the replica that made it more than half of them. All timers of an
/// outage run from here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outage {
    /// The proxy plane's; none while it is agreed up.
    #[serde(default)]
    pub proxy: Option<StoreTime>,
    /// The hub plane's; none while it is agreed up.
    #[serde(default)]
    pub hub: Option<StoreTime>,
}

impl Outage {
    /// The first failed probe of either plane.
    #[must_use]
    pub fn first(&self) -> Option<StoreTime> {
        match (self.proxy, self.hub) {
            (Some(proxy), Some(hub)) => Some(proxy.min(hub)),
            (one, other) => one.or(other),
        }
    }

    /// Whether both planes are down.
    #[must_use]
    pub fn both(&self) -> bool {
        self.proxy.is_some() && self.hub.is_some()
    }
}

/// A failover: ordered by an operator, or done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailedOver {
    /// When.
    pub at: StoreTime,
    /// The epoch of the record that closed the hub; users were assigned between that write and the failover.
    #[serde(default)]
    pub epoch: Epoch,
    /// The operator who ordered it; none: the routers agreed by themselves.
    #[serde(default)]
    pub who: Option<String>,
    /// Why, in the operator's words.
    #[serde(default)]
    pub why: String,
    /// The operator declared the servers there lost.
    #[serde(default)]
    pub assume_stopped: bool,
    /// The users that such an act moved although they were last known as running ("The act's record lists the users it
    /// moved"), for as long as the hub has not returned. From the order on: whom one replica lets go of may start elsewhere before
    /// another one has written that the act is done.
    #[serde(default, with = "wire::users")]
    pub moved: Vec<UserName>,
}
