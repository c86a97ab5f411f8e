//! When a claim lasts, and when an assignment may go.

use hubrouter_hub_adapter::names::{NameRule, UserName};

use super::*;
use crate::core::life::records::{Assignment, Cause, Epoch};
use crate::core::life::test_lives::at;

/// Made at 50 s, the last start at 100 s.
fn assignment(cause: Cause) -> Assignment {
    Assignment {
        user: UserName::canonical("ada", NameRule::Lower).unwrap(),
        hub: "b".parse().unwrap(),
        cause,
        epoch: Epoch::new(7).unwrap(),
        since: at(50),
        last_start: Some(at(100)),
        provisional_until: None,
    }
}

fn answers(list: &[(u64, bool)]) -> Vec<HubAnswer> {
    list.iter().map(|(asked, server)| HubAnswer { asked_at: at(*asked), server: *server }).collect()
}

fn deletable(assignment: &Assignment, list: &[(u64, bool)]) -> bool {
    let answers = answers(list);
    let facts = DeleteFacts { answers: &answers, at_home: false, home_calm: true, start_answered: true };
    may_delete(assignment, &facts, at(1000)) == Some(Deletion { on: Epoch::new(7).unwrap() })
}

#[test]
fn a_claim_lasts_once_the_hub_accepted_the_start() {
    for (answer, kept) in [
        (StartAnswer::Accepted, Kept::Lasts),
        (StartAnswer::Form, Kept::Provisional),
        (StartAnswer::Busy, Kept::Provisional),
        (StartAnswer::Login, Kept::Deleted),
        (StartAnswer::Refused, Kept::Deleted),
        (StartAnswer::Other, Kept::Deleted),
        (StartAnswer::Lost, Kept::Lasts),
    ] {
        assert_eq!(after_answer(answer), kept, "{answer:?}");
    }
}

#[test]
fn an_assignment_goes_after_two_empty_answers_later_than_the_last_start() {
    for (list, goes) in [
        (&[(110, false), (170, false)][..], true),
        (&[(170, false), (110, false)], true),
        (&[(110, true), (170, false), (230, false)], true),
        (&[(110, false)], false),
        (&[(110, false), (110, false)], false),
        (&[(90, false), (170, false)], false),
        (&[(100, false), (170, false)], false),
        (&[(110, false), (170, true)], false),
        (&[(110, true), (170, false)], false),
        (&[], false),
    ] {
        assert_eq!(deletable(&assignment(Cause::Failover), list), goes, "{list:?}");
    }
}

#[test]
fn an_assignment_without_a_start_counts_from_its_making() {
    let found = Assignment { last_start: None, ..assignment(Cause::Found) };
    assert!(deletable(&found, &[(60, false), (70, false)]));
    assert!(!deletable(&found, &[(40, false), (70, false)]));
}

#[test]
fn a_move_is_deleted_like_any_other_and_a_pin_never() {
    let empty = [(110, false), (170, false)];
    assert!(deletable(&assignment(Cause::Move), &empty));
    assert!(!deletable(&assignment(Cause::Pin), &empty));
    assert!(!deletable(&assignment(Cause::Unknown), &empty));
}

#[test]
fn an_assignment_to_the_own_home_goes_unasked_once_the_hub_is_calm_and_the_start_answered() {
    for (at_home, home_calm, start_answered) in
        [(true, true, true), (true, true, false), (true, false, true), (false, true, true)]
    {
        let facts = DeleteFacts { answers: &[], at_home, home_calm, start_answered };
        let goes = may_delete(&assignment(Cause::Running), &facts, at(1000)).is_some();
        assert_eq!(goes, at_home && home_calm && start_answered);
    }
}

#[test]
fn a_provisional_assignment_goes_when_its_time_is_over() {
    let provisional = Assignment { provisional_until: Some(at(160)), ..assignment(Cause::Drain) };
    let facts = DeleteFacts { answers: &[], at_home: false, home_calm: false, start_answered: false };
    assert_eq!(may_delete(&provisional, &facts, at(159)), None);
    assert_eq!(may_delete(&provisional, &facts, at(160)), Some(Deletion { on: Epoch::new(7).unwrap() }));
}
