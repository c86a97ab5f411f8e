//! Why a user stays, waits or goes: one vocabulary for answers, logs, metrics and explanations.
//!
//! Where a request goes by its address is told by `core::why`; this is about hubs and users.

use std::fmt;

/// What decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Reason {
    /// The hub serves.
    Serves,
    /// The hub serves slowly.
    Slow,
    /// The hub's proxy is down.
    ProxyDown,
    /// The hub seems to restart.
    HubStarting,
    /// The hub is down.
    HubDown,
    /// The user has a server here.
    ServerRuns,
    /// The user may have a server here, and nobody can be asked.
    MayRun,
    /// The user is assigned to another hub.
    Assigned,
    /// The hub was failed over.
    FailedOver,
    /// The hub is back, but not healthy for long enough.
    FailingBack,
    /// The hub is being drained.
    Draining,
    /// The hub is closed for maintenance.
    Maintenance,
    /// The hub takes no new users.
    Cordoned,
    /// Starts fail at the hub.
    SpawnFailing,
    /// The hub has just been closed: its users' candidates open in a moment.
    Closing,
    /// The hub's users keep their files on it.
    LocalStorage,
    /// The hub's volumes serve one server at a time, and the hub cannot be asked whether one uses them.
    AttachedStorage,
    /// No other hub of the pool is open.
    NobodyOpen,
}

impl Reason {
    /// Every reason.
    pub const ALL: [Self; 18] = [
        Self::Serves,
        Self::Slow,
        Self::ProxyDown,
        Self::HubStarting,
        Self::HubDown,
        Self::ServerRuns,
        Self::MayRun,
        Self::Assigned,
        Self::FailedOver,
        Self::FailingBack,
        Self::Draining,
        Self::Maintenance,
        Self::Cordoned,
        Self::SpawnFailing,
        Self::Closing,
        Self::LocalStorage,
        Self::AttachedStorage,
        Self::NobodyOpen,
    ];

    /// The stable word for logs, metrics and headers.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Serves => "serves",
            Self::Slow => "slow",
            Self::ProxyDown => "proxy_down",
            Self::HubStarting => "hub_starting",
            Self::HubDown => "hub_down",
            Self::ServerRuns => "server_runs",
            Self::MayRun => "may_run",
            Self::Assigned => "assigned",
            Self::FailedOver => "failed_over",
            Self::FailingBack => "failing_back",
            Self::Draining => "draining",
            Self::Maintenance => "maintenance",
            Self::Cordoned => "cordoned",
            Self::SpawnFailing => "spawn_failing",
            Self::Closing => "closing",
            Self::LocalStorage => "local_storage",
            Self::AttachedStorage => "attached_storage",
            Self::NobodyOpen => "nobody_open",
        }
    }

    /// The reason as half a sentence about a hub, for operators.
    #[must_use]
    pub fn sentence(self) -> &'static str {
        match self {
            Self::Serves => "the hub serves",
            Self::Slow => "the hub answers slowly",
            Self::ProxyDown => "the hub's proxy is down",
            Self::HubStarting => "the hub seems to restart",
            Self::HubDown => "the hub is down",
            Self::ServerRuns => "the user has a server there",
            Self::MayRun => "the user may have a server there, and the hub cannot be asked",
            Self::Assigned => "the user is assigned to another hub",
            Self::FailedOver => "the hub was failed over",
            Self::FailingBack => "the hub is back, but has not been healthy for long enough",
            Self::Draining => "the hub is being drained",
            Self::Maintenance => "the hub is closed for maintenance",
            Self::Cordoned => "the hub takes no new users",
            Self::SpawnFailing => "starts fail at the hub",
            Self::Closing => "the hub was closed a moment ago",
            Self::LocalStorage => "its users' files are on that hub alone",
            Self::AttachedStorage => "its volumes need the hub's word that nobody uses them",
            Self::NobodyOpen => "no other hub of the pool is open",
        }
    }

    /// Whether a running notebook still answers while this is why a page waits, so that the page can link to it.
    #[must_use]
    pub fn notebooks_run(self) -> bool {
        self != Self::ProxyDown
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.label())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_reason_has_a_word_and_a_sentence_of_its_own() {
        let words: BTreeSet<&str> = Reason::ALL.iter().map(|reason| reason.label()).collect();
        let sentences: BTreeSet<&str> = Reason::ALL.iter().map(|reason| reason.sentence()).collect();
        assert_eq!((words.len(), sentences.len()), (Reason::ALL.len(), Reason::ALL.len()));
    }
}
