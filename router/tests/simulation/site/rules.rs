//! Rules that a run may switch off, to show that they are needed: in the simulation only, around the production code.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use hubrouter::core::moment::Moment;

/// A rule of the design, and how it is switched off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rule {
    /// A start goes home unasked only where the hub is calm. Off: every start at the owner hub goes at once, however old the copy.
    Calm,
    /// A start that is told to claim does. Off: it goes where the claim would take it.
    Claim,
    /// A claim with unknown outcome starts nothing. Off: it starts.
    UnknownStartsNothing,
    /// A claim compares the epoch of the user's entry. Off: it is written over whatever stands.
    ClaimComparesUser,
    /// A claim compares the epochs of both hubs. Off: it does not.
    ClaimComparesHubs,
    /// Before somebody leaves a hub that answers, it is asked. Off: it is said to have no server of theirs.
    AskTheOwnerHub,
    /// A hub is closed before its users' candidates open. Off: it opens them at once.
    CloseWaitOpen,
    /// Candidates open when all have read that a hub is closed. Off: heartbeats say that everything was read.
    HeartbeatsSayWhatWasRead,
    /// Whoever runs at a hub is assigned there before others leave it. Off: these writes are lost and count as done.
    SecureRunning,
    /// Starts that went unasked are told to the others. Off: nobody notes them.
    UnclaimedStartsAreTold,
    /// What a hub has pending is a server. Off: only what runs is told.
    AuthorityCountsPending,
    /// An assignment is deleted after two answers asked later than its last start. Off: claims do not say when that was.
    DeletionAfterTheLastStart,
    /// A hub whose own word was too old when its outage began is not failed over. Off: no word is too old.
    CensusAge,
    /// Where a replica has vanished, others wait for what it may have started. Off: who vanished is forgotten.
    VanishedReplica,
    /// A store that lost writes gets them back. Off: it only gets a higher counter.
    StoreIsRepaired,
    /// After long silence of the store nothing is started any more. Off: starts at home go on.
    SilenceEndsStarts,
    /// Whoever is found with a server away from home is recorded there. Off: these writes are lost and count as done.
    FoundServersAreRecorded,
    /// A new placement is announced, and who runs is kept, before it is active. Off: it is active at once.
    PlacementsAreAnnounced,
    /// A plane is down when most replicas say so. Off: one is enough.
    Majority,
}

impl Rule {
    pub const ALL: [Self; 19] = [
        Self::Calm,
        Self::Claim,
        Self::UnknownStartsNothing,
        Self::ClaimComparesUser,
        Self::ClaimComparesHubs,
        Self::AskTheOwnerHub,
        Self::CloseWaitOpen,
        Self::HeartbeatsSayWhatWasRead,
        Self::SecureRunning,
        Self::UnclaimedStartsAreTold,
        Self::AuthorityCountsPending,
        Self::DeletionAfterTheLastStart,
        Self::CensusAge,
        Self::VanishedReplica,
        Self::StoreIsRepaired,
        Self::SilenceEndsStarts,
        Self::FoundServersAreRecorded,
        Self::PlacementsAreAnnounced,
        Self::Majority,
    ];

    pub fn named(name: &str) -> Self {
        Self::ALL.into_iter().find(|rule| format!("{rule:?}") == name).expect("a rule")
    }
}

/// Which rules are off. Clones are the same.
#[derive(Clone, Debug, Default)]
pub struct Rules(Arc<BTreeSet<Rule>>);

impl Rules {
    pub fn without(rules: impl IntoIterator<Item = Rule>) -> Self {
        Self(Arc::new(rules.into_iter().collect()))
    }

    pub fn is_off(&self, rule: Rule) -> bool {
        self.0.contains(&rule)
    }

    /// How long the store has been silent, as far as a start is concerned.
    pub fn silence(&self, moment: Moment) -> Moment {
        let off = self.is_off(Rule::SilenceEndsStarts);
        let silent_for = moment.silent_for.map(|silent| if off { Duration::ZERO } else { silent });
        Moment { silent_for, ..moment }
    }

    /// Whether all hold, as they do in the real program.
    pub fn all_hold(&self) -> bool {
        self.0.is_empty()
    }
}
