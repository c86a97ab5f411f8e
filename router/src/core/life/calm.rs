//! When a start may go home without asking anybody.
//!
//! Every other start claims first: see [`claim`](super::claim). Whether the home takes the start at all is
//! [`tables`](super::tables)'.

use super::records::Starts;
use super::time::{StoreTime, Times};

/// What the replica knows about the home, its copy of the directory and the user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CalmFacts {
    /// Where the record of the home sends starts.
    pub starts: Starts,
    /// When the state of the home changed last, agreed or as this replica sees it.
    pub state_since: StoreTime,
    /// When its intent changed last.
    pub intent_since: StoreTime,
    /// When the present generation of the placement became active.
    pub placement_since: StoreTime,
    /// How old this replica's copy of the directory may be.
    pub copy: CopyOfStore,
    /// Whether the user has an assignment.
    pub assigned: bool,
}

/// The replica's copy of the directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CopyOfStore {
    /// It was as the store is at this instant.
    ReadAt(StoreTime),
    /// The store is unreachable: "The copy's age is then not asked; the last copy must show the hub calm and not closed".
    Unreachable {
        /// The last exchange: the instant for which the copy has to show a calm hub.
        since: StoreTime,
    },
}

/// Why a start at home has to claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NotCalm {
    /// The record of the hub sends starts elsewhere, or nowhere yet.
    Closed,
    /// The hub's state changed less than `failover.hold` / 2 ago.
    StateChanged,
    /// Its intent did.
    IntentChanged,
    /// The placement did.
    PlacementChanged,
    /// The copy of the directory is older than `health.interval`.
    CopyTooOld,
    /// The user is assigned.
    Assigned,
}

impl NotCalm {
    /// The stable word for logs and metrics.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::StateChanged => "state_changed",
            Self::IntentChanged => "intent_changed",
            Self::PlacementChanged => "placement_changed",
            Self::CopyTooOld => "copy_too_old",
            Self::Assigned => "assigned",
        }
    }
}

/// Whether a start may go home unasked: "only when that hub is *calm*: its state, intent and the placement generation
/// unchanged for 30 s, this replica's copy of the directory at most 5 s old, no assignment for the user".
///
/// # Errors
///
/// [`NotCalm`] is why it has to claim first.
pub fn calm(facts: &CalmFacts, times: &Times, now: StoreTime) -> Result<(), NotCalm> {
    if facts.assigned {
        return Err(NotCalm::Assigned);
    }
    match facts.starts {
        Starts::Here => {}
        // New users are known by asking only, so even those of a hub that is closed to new ones claim.
        Starts::Closed { .. } | Starts::Elsewhere { .. } | Starts::Unknown => return Err(NotCalm::Closed),
    }
    let seen_at = match facts.copy {
        CopyOfStore::ReadAt(read) if now.since(read) > times.copy_age => return Err(NotCalm::CopyTooOld),
        CopyOfStore::ReadAt(_) => now,
        CopyOfStore::Unreachable { since } => since,
    };
    for (since, changed) in [
        (facts.state_since, NotCalm::StateChanged),
        (facts.intent_since, NotCalm::IntentChanged),
        (facts.placement_since, NotCalm::PlacementChanged),
    ] {
        if seen_at.since(since) < times.calm {
            return Err(changed);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use hubrouter_config::{Census, Failover, Health};

    use super::*;
    use crate::core::life::records::{Cause, Whom};
    use crate::core::life::test_lives::at;

    fn facts() -> CalmFacts {
        CalmFacts {
            starts: Starts::Here,
            state_since: at(70),
            intent_since: at(70),
            placement_since: at(70),
            copy: CopyOfStore::ReadAt(at(95)),
            assigned: false,
        }
    }

    fn judged(facts: CalmFacts) -> Result<(), NotCalm> {
        calm(&facts, &Times::of(&Health::default(), &Failover::default(), &Census::default()), at(100))
    }

    #[test]
    fn a_start_goes_home_unasked_after_thirty_quiet_seconds_with_a_copy_of_five() {
        assert_eq!(judged(facts()), Ok(()));
    }

    #[test]
    fn each_condition_alone_makes_the_start_claim() {
        let closed = Starts::Closed { since: at(1), whom: Whom::New, cause: Cause::Cordon };
        let elsewhere = Starts::Elsewhere { since: at(1), whom: Whom::Everybody, cause: Cause::Drain };
        for (facts, why) in [
            (CalmFacts { assigned: true, ..facts() }, NotCalm::Assigned),
            (CalmFacts { starts: closed, ..facts() }, NotCalm::Closed),
            (CalmFacts { starts: elsewhere, ..facts() }, NotCalm::Closed),
            (CalmFacts { starts: Starts::Unknown, ..facts() }, NotCalm::Closed),
            (CalmFacts { state_since: at(71), ..facts() }, NotCalm::StateChanged),
            (CalmFacts { intent_since: at(71), ..facts() }, NotCalm::IntentChanged),
            (CalmFacts { placement_since: at(71), ..facts() }, NotCalm::PlacementChanged),
            (CalmFacts { copy: CopyOfStore::ReadAt(at(94)), ..facts() }, NotCalm::CopyTooOld),
        ] {
            assert_eq!(judged(facts), Err(why));
        }
    }

    #[test]
    fn without_the_store_the_last_copy_has_to_show_a_calm_hub_however_old_it_is() {
        let lost = |since| CalmFacts {
            state_since: at(40),
            intent_since: at(40),
            placement_since: at(40),
            copy: CopyOfStore::Unreachable { since },
            ..facts()
        };
        assert_eq!(judged(lost(at(70))), Ok(()));
        assert_eq!(judged(lost(at(69))), Err(NotCalm::StateChanged));
    }

    #[test]
    fn a_change_in_the_future_is_no_calm() {
        assert_eq!(judged(CalmFacts { state_since: at(5000), ..facts() }), Err(NotCalm::StateChanged));
    }
}
