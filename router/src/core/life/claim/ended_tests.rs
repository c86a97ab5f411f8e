//! When a claim lasts, and when an assignment may go.

use hubrouter_config::{Census, Failover, Health};
use hubrouter_hub_adapter::names::{NameRule, UserName};

use super::*;
use crate::core::life::records::{Assignment, Cause, Epoch};
use crate::core::life::test_lives::at;
use crate::core::life::time::Times;

fn times() -> Times {
    Times::of(&Health::default(), &Failover::default(), &Census::default())
}

/// Away from home, and nothing known.
fn facts(answers: &[HubAnswer]) -> DeleteFacts<'_> {
    DeleteFacts { answers, at_home: false, home_calm: true, start_answered: true, can_be_asked: true }
}

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
    may_delete(assignment, &facts(&answers(list)), &times(), at(1000))
        == Some(Deletion { on: Epoch::new(7).unwrap() })
}

/// A claim with epoch 7 at 100 s, and what stood before.
fn claimed(before: Option<Assignment>) -> Claimed {
    Claimed { assignment: provisional(), before }
}

fn provisional() -> Assignment {
    Assignment { provisional_until: Some(at(160)), ..assignment(Cause::Drain) }
}

/// What stood before, with another time of the last start.
fn earlier(until: Option<u64>) -> Assignment {
    Assignment {
        epoch: Epoch::new(6).unwrap(),
        last_start: Some(at(60)),
        provisional_until: until.map(at),
        ..assignment(Cause::Drain)
    }
}

const ANSWERS: [StartAnswer; 9] = [
    StartAnswer::Accepted,
    StartAnswer::Lost,
    StartAnswer::Form,
    StartAnswer::Busy,
    StartAnswer::Gone,
    StartAnswer::BadRequest,
    StartAnswer::Login,
    StartAnswer::Refused,
    StartAnswer::Other,
];

#[test]
fn a_claim_lasts_once_the_hub_accepted_the_start_and_goes_when_it_did_not() {
    for answer in ANSWERS {
        let expected = match answer {
            StartAnswer::Accepted | StartAnswer::Lost => Ending::Set(assignment(Cause::Drain)),
            StartAnswer::Login | StartAnswer::Refused | StartAnswer::Other => Ending::Delete,
            _ => Ending::Nothing,
        };
        assert_eq!(
            ending(&claimed(None), Some(&provisional()), after_answer(answer)),
            expected,
            "{answer:?}"
        );
    }
}

#[test]
fn a_start_that_the_hub_refused_takes_away_nothing_that_stood_before_and_keeps_nothing_alive() {
    for before in [earlier(None), earlier(Some(120))] {
        for answer in ANSWERS {
            let expected = match answer {
                StartAnswer::Accepted | StartAnswer::Lost => Ending::Set(assignment(Cause::Drain)),
                StartAnswer::Login | StartAnswer::Refused | StartAnswer::BadRequest => {
                    Ending::Set(before.clone())
                }
                _ => Ending::Nothing,
            };
            let claimed = claimed(Some(before.clone()));
            assert_eq!(ending(&claimed, Some(&provisional()), after_answer(answer)), expected, "{answer:?}");
        }
    }
}

#[test]
fn a_refused_start_that_had_moved_the_user_does_not_bring_them_back_to_a_hub_that_may_be_dead_by_now() {
    let elsewhere = Assignment { hub: "a".parse().unwrap(), ..earlier(None) };
    assert_eq!(ending(&claimed(Some(elsewhere)), Some(&provisional()), Kept::Undone), Ending::Nothing);
}

#[test]
fn the_answer_to_an_older_start_counts_only_if_something_may_run_by_it() {
    let newer = Assignment { epoch: Epoch::new(9).unwrap(), ..provisional() };
    let lasting = Assignment { provisional_until: None, ..newer.clone() };
    let away = Assignment { hub: "a".parse().unwrap(), ..newer.clone() };
    for answer in ANSWERS {
        let kept = after_answer(answer);
        let ends = |stands: Option<&Assignment>| ending(&claimed(None), stands, kept);
        let lasts = kept == Kept::Lasts;
        let if_lasts = |set: Assignment| if lasts { Ending::Set(set) } else { Ending::Nothing };
        assert_eq!(ends(Some(&newer)), if_lasts(lasting.clone()), "{answer:?}");
        assert_eq!(ends(None), if_lasts(assignment(Cause::Drain)), "{answer:?}");
        assert_eq!(ends(Some(&lasting)), Ending::Nothing, "{answer:?}");
        assert_eq!(ends(Some(&away)), Ending::Nothing, "{answer:?}");
    }
}

#[test]
fn what_anybody_can_get_as_an_answer_says_of_named_users_that_they_had_no_right() {
    for answer in ANSWERS {
        let no_right = matches!(answer, StartAnswer::Login | StartAnswer::Refused);
        assert_eq!(had_no_right(answer, Identity::Proven), no_right, "{answer:?}");
        let named = no_right || answer == StartAnswer::BadRequest;
        assert_eq!(had_no_right(answer, Identity::Named), named, "{answer:?}");
    }
}

#[test]
fn an_assignment_goes_after_two_empty_answers_later_than_the_last_start() {
    for (list, goes) in [
        (&[(140, false), (200, false)][..], true),
        (&[(200, false), (140, false)], true),
        (&[(140, true), (200, false), (260, false)], true),
        (&[(140, false)], false),
        (&[(140, false), (140, false)], false),
        (&[(90, false), (200, false)], false),
        // The start may still have been on its way.
        (&[(110, false), (200, false)], false),
        (&[(130, false), (200, false)], false),
        (&[(140, false), (200, true)], false),
        (&[(140, true), (200, false)], false),
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
    let empty = [(140, false), (200, false)];
    assert!(deletable(&assignment(Cause::Move), &empty));
    assert!(!deletable(&assignment(Cause::Pin), &empty));
    assert!(!deletable(&assignment(Cause::Unknown), &empty));
}

#[test]
fn an_assignment_to_the_own_home_goes_unasked_once_the_hub_is_calm_and_the_start_answered() {
    for (at_home, home_calm, start_answered) in
        [(true, true, true), (true, true, false), (true, false, true), (false, true, true)]
    {
        let facts = DeleteFacts { at_home, home_calm, start_answered, ..facts(&[]) };
        let goes = may_delete(&assignment(Cause::Running), &facts, &times(), at(1000)).is_some();
        assert_eq!(goes, at_home && home_calm && start_answered);
    }
}

#[test]
fn a_provisional_assignment_goes_when_its_time_is_over_and_its_hub_shows_nothing() {
    let provisional = provisional();
    let goes = |list: &[(u64, bool)], now| {
        may_delete(&provisional, &facts(&answers(list)), &times(), at(now)).is_some()
    };
    assert!(!goes(&[(140, false)], 159));
    assert!(goes(&[(140, false)], 160));
    assert!(!goes(&[], 9999), "the server may run");
    assert!(!goes(&[(140, true)], 9999));
    assert!(!goes(&[(130, false)], 9999), "the start may still have been on its way");
}

#[test]
fn a_provisional_assignment_to_a_hub_that_can_not_be_asked_goes_when_its_time_is_over() {
    let provisional = provisional();
    let facts = DeleteFacts { can_be_asked: false, ..facts(&[]) };
    assert_eq!(may_delete(&provisional, &facts, &times(), at(159)), None);
    let gone = Some(Deletion { on: Epoch::new(7).unwrap() });
    assert_eq!(may_delete(&provisional, &facts, &times(), at(160)), gone);
}
