//! What the fast path tells the controller: passive signs of trouble, and logouts that have to be tried again.

use http::HeaderValue;
use hubrouter_config::HubId;
use hubrouter_hub_adapter::client::Browser;

/// A word from the fast path.
#[derive(Debug)]
pub enum Signal {
    /// The hub's address refused a connection, did not answer, or broke one off: probe its proxy plane now.
    Unreachable(HubId),
    /// The hub's proxy says that the hub is gone: probe its hub plane now.
    HubGone(HubId),
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
