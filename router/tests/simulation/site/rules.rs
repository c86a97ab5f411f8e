//! Rules that a run may switch off, to show that they are needed: in the simulation only, around the production code.

use std::collections::BTreeSet;
use std::sync::Arc;

/// A rule of the design, and how it is switched off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rule {
    /// A start goes home unasked only where the hub is calm. Off: every start at the owner hub goes at once.
    Calm,
    /// A start that is told to claim does. Off: it goes where the claim would take it.
    Claim,
    /// A claim with unknown outcome starts nothing. Off: it starts.
    UnknownStartsNothing,
    /// A claim compares the epochs of the user's entry and of the hubs. Off: it is written whatever stands.
    ClaimComparesEpochs,
    /// Before somebody leaves a hub that answers, it is asked. Off: it is said to have no server of theirs.
    AskTheOwnerHub,
    /// Candidates open when all have read that a hub is closed. Off: heartbeats say that everything was read.
    HeartbeatsSayWhatWasRead,
    /// Whoever runs at a hub is assigned there before others leave it. Off: the writes are lost and count as done.
    SecureRunning,
    /// Starts that went unasked are told to the others. Off: heartbeats do not name them.
    UnclaimedStartsAreTold,
    /// What a hub has pending is a server. Off: only what runs is told.
    AuthorityCountsPending,
    /// An assignment is deleted after two answers that were asked later than its last start. Off: claims do not say when.
    DeletionAfterTheLastStart,
}

/// Which rules are off. Clones are the same.
#[derive(Clone, Debug, Default)]
pub struct Rules(Arc<BTreeSet<Rule>>);

impl Rules {
    pub fn without(rule: Rule) -> Self {
        Self(Arc::new([rule].into()))
    }

    pub fn is_off(&self, rule: Rule) -> bool {
        self.0.contains(&rule)
    }
}
