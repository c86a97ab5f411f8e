//! Which write a start attempts, and what its outcome means.

use hubrouter_config::{Census, Failover, Health};
use hubrouter_hub_adapter::names::NameRule;

use super::*;

const NOW: StoreTime = StoreTime::from_millis(1_000_000);

fn times() -> Times {
    Times::of(&Health::default(), &Failover::default(), &Census::default())
}

fn hub(id: &str, epoch: u64) -> HubAt {
    HubAt { hub: id.parse().unwrap(), epoch: Epoch::new(epoch).unwrap() }
}

fn elsewhere(ask: AskFirst, whom: Whom) -> Way {
    Way::Elsewhere { to: hub("b", 4), whom, cause: Cause::Drain, ask }
}

/// A proven user at home at `a`, whose record has epoch 3.
fn facts(way: Way, owner_says: OwnerSays) -> ClaimFacts {
    ClaimFacts {
        user: UserName::canonical("ada", NameRule::Lower).unwrap(),
        identity: Identity::Proven,
        assignment: None,
        user_epoch: None,
        owner: hub("a", 3),
        way,
        owner_says,
        provisional: 0,
    }
}

fn assigned(id: &str, cause: Cause, provisional_until: Option<StoreTime>) -> Assignment {
    Assignment {
        user: UserName::canonical("ada", NameRule::Lower).unwrap(),
        hub: id.parse().unwrap(),
        cause,
        epoch: Epoch::new(7).unwrap(),
        since: StoreTime::from_millis(5),
        last_start: None,
        provisional_until,
    }
}

fn attempt(facts: &ClaimFacts) -> Attempt {
    match claim(facts, &times(), NOW) {
        Claim::Attempt(attempt) => attempt,
        other => panic!("{other:?}"),
    }
}

fn goes_to(facts: &ClaimFacts) -> (String, Cause) {
    let attempt = attempt(facts);
    (attempt.assignment.hub.to_string(), attempt.assignment.cause)
}

#[test]
fn a_start_at_a_home_that_is_not_calm_claims_the_home_on_its_epoch() {
    let attempt = attempt(&facts(Way::Owner, OwnerSays::NotAsked));

    assert_eq!((attempt.assignment.hub.as_str(), attempt.assignment.cause), ("a", Cause::Running));
    assert_eq!((attempt.hubs, attempt.user_epoch), (vec![hub("a", 3)], None));
    assert_eq!((attempt.assignment.last_start, attempt.assignment.provisional_until), (Some(NOW), None));
}

#[test]
fn an_owner_hub_that_is_up_is_asked_first() {
    let unasked = facts(elsewhere(AskFirst::Ask, Whom::Everybody), OwnerSays::NotAsked);
    assert_eq!(claim(&unasked, &times(), NOW), Claim::Ask("a".parse().unwrap()));
}

#[test]
fn a_server_or_anything_pending_keeps_the_user_where_it_is() {
    for ask in [AskFirst::Ask, AskFirst::CannotBeAsked] {
        for whom in [Whom::New, Whom::Everybody] {
            let running = facts(elsewhere(ask, whom), OwnerSays::Server);
            assert_eq!(goes_to(&running), ("a".to_owned(), Cause::Running));
        }
    }
}

#[test]
fn the_hubs_own_word_lets_the_user_go_and_the_claim_compares_both_hubs() {
    for says in [OwnerSays::Nothing, OwnerSays::UnknownUser] {
        let idle = facts(elsewhere(AskFirst::Ask, Whom::Everybody), says);
        assert_eq!(goes_to(&idle), ("b".to_owned(), Cause::Drain));
        assert_eq!(attempt(&idle).hubs, [hub("a", 3), hub("b", 4)]);
    }
}

#[test]
fn no_answer_of_a_hub_that_is_up_means_waiting() {
    let silent = facts(elsewhere(AskFirst::Ask, Whom::Everybody), OwnerSays::NoAnswer);
    assert_eq!(claim(&silent, &times(), NOW), Claim::Wait(WaitWhy::OwnerSilent));
}

#[test]
fn a_hub_that_cannot_be_asked_lets_go_whom_its_failover_left_unassigned() {
    let dead = facts(elsewhere(AskFirst::CannotBeAsked, Whom::Everybody), OwnerSays::NotAsked);
    assert_eq!(goes_to(&dead), ("b".to_owned(), Cause::Drain));
}

#[test]
fn where_new_users_alone_go_elsewhere_only_a_404_makes_one() {
    let known = facts(elsewhere(AskFirst::Ask, Whom::New), OwnerSays::Nothing);
    assert_eq!(goes_to(&known), ("a".to_owned(), Cause::Running));
    let new = facts(elsewhere(AskFirst::Ask, Whom::New), OwnerSays::UnknownUser);
    assert_eq!(goes_to(&new), ("b".to_owned(), Cause::Drain));
    let silent = facts(elsewhere(AskFirst::CannotBeAsked, Whom::New), OwnerSays::NotAsked);
    assert_eq!(claim(&silent, &times(), NOW), Claim::Wait(WaitWhy::OwnerSilent));
}

#[test]
fn a_start_where_the_user_is_assigned_raises_the_epoch_and_keeps_the_cause() {
    let stands = assigned("a", Cause::Move, None);
    let again = ClaimFacts {
        user_epoch: Some(stands.epoch),
        assignment: Some(stands.clone()),
        ..facts(Way::Owner, OwnerSays::NotAsked)
    };
    let attempt = attempt(&again);

    assert_eq!(attempt.user_epoch, Some(Epoch::new(7).unwrap()));
    assert_eq!((attempt.assignment.cause, attempt.assignment.since), (Cause::Move, stands.since));
    assert_eq!(attempt.assignment.last_start, Some(NOW));
}

#[test]
fn a_pinned_user_does_not_leave() {
    for cause in [Cause::Pin, Cause::Unknown] {
        let pinned = ClaimFacts {
            assignment: Some(assigned("a", cause, None)),
            ..facts(elsewhere(AskFirst::Ask, Whom::Everybody), OwnerSays::Nothing)
        };
        assert_eq!(claim(&pinned, &times(), NOW), Claim::Wait(WaitWhy::Pinned));
    }
}

#[test]
fn a_merely_named_user_claims_for_a_minute_and_at_most_a_thousand_do() {
    let named = |provisional| ClaimFacts {
        identity: Identity::Named,
        provisional,
        ..facts(elsewhere(AskFirst::Ask, Whom::Everybody), OwnerSays::Nothing)
    };
    let until = attempt(&named(999)).assignment.provisional_until;
    assert_eq!(until, Some(NOW.plus(std::time::Duration::from_secs(60))));
    assert_eq!(claim(&named(1000), &times(), NOW), Claim::Wait(WaitWhy::TooManyNamed));

    let proven = ClaimFacts { identity: Identity::Proven, ..named(1000) };
    assert_eq!(attempt(&proven).assignment.provisional_until, None);
}

#[test]
fn naming_a_user_makes_no_lasting_assignment_provisional() {
    let named = ClaimFacts {
        identity: Identity::Named,
        provisional: 1000,
        assignment: Some(assigned("a", Cause::Running, None)),
        ..facts(Way::Owner, OwnerSays::NotAsked)
    };
    assert_eq!(attempt(&named).assignment.provisional_until, None);
}

#[test]
fn only_a_claim_that_was_won_starts_anything() {
    let ours = assigned("b", Cause::Drain, None);
    for (outcome, meaning) in [
        (Outcome::Won(ours.clone()), Then::Start("b".parse().unwrap())),
        (Outcome::Stands(ours), Then::Again),
        (Outcome::Stale, Then::Again),
        (Outcome::Unknown, Then::Wait(WaitWhy::OutcomeUnknown)),
    ] {
        assert_eq!(then(outcome), meaning);
    }
}
