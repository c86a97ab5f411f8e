//! What the fast path tells the controller: passive signs of trouble, and logouts that have to be tried again.

use http::HeaderValue;
use hubrouter_config::HubId;
use hubrouter_hub_adapter::client::Browser;
use hubrouter_hub_adapter::names::UserName;

use crate::core::health::Plane;
use crate::core::health::passive::Tally;
use crate::core::spawning::Told;

/// A word from the fast path.
#[derive(Debug)]
pub enum Signal {
    /// A hint, or somebody who waits: probe this plane now.
    Look(HubId, Plane),
    /// The hub's address refused or reset a connection, or took none in time: a sign of trouble of its proxy plane.
    Unreachable(HubId),
    /// Requests to the hub plane since the last word of this thread: they may be a sign of trouble.
    Counted(HubId, Tally),
    /// Servers of these users were seen answering at these hubs within the last second.
    Sighted(Vec<(HubId, UserName)>),
    /// What was heard of a start.
    Start(HubId, Told),
    /// The hub could not be told of a logout: tell it when it is back.
    LogoutLater(PendingLogout),
}

/// A logout that a hub has not heard of yet; kept in memory only.
#[derive(Debug)]
pub struct PendingLogout {
    /// The hub.
    pub hub: HubId,
    /// The jar whose session ends.
    pub jar: HeaderValue,
    /// The browser it belonged to.
    pub browser: Browser,
}
