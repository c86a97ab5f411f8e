//! What holds whatever happens in whatever order.

use std::time::Duration;

use proptest::prelude::{Just, Strategy, any, prop_oneof, proptest};

use super::event::{Change, HubEvent, Verb};
use crate::core::health::Plane;
use crate::core::life::guard::Fleet;
use crate::core::life::records::{AtDeadline, Cause, Starts, Whom};
use crate::core::life::state::Spawning;
use crate::core::life::test_lives::{Play, at, heard_event};
use crate::core::life::votes::Agreed;

#[derive(Clone, Debug)]
enum Act {
    Pass(u64),
    Plane(Plane, bool),
    Slow,
    Spawning(bool),
    Fleet(bool, bool),
    Say(Verb),
    Heard(u64),
}

fn act() -> impl Strategy<Value = Act> {
    let plane = prop_oneof![Just(Plane::Proxy), Just(Plane::Hub)];
    let verb = prop_oneof![
        Just(Verb::Cordon),
        Just(Verb::Drain {
            deadline: None,
            at_deadline: AtDeadline::StopIdle,
            idle_for: Duration::ZERO,
            at_first: (0, 0),
            forced: false
        }),
        Just(Verb::Maintenance { forced: false }),
        Just(Verb::Resume),
        Just(Verb::Abort),
        any::<bool>().prop_map(|assume_stopped| Verb::Failover { assume_stopped }),
    ];
    prop_oneof![
        4 => (1u64..200).prop_map(Act::Pass),
        3 => (plane, any::<bool>()).prop_map(|(plane, up)| Act::Plane(plane, up)),
        1 => Just(Act::Slow),
        1 => any::<bool>().prop_map(Act::Spawning),
        1 => (any::<bool>(), any::<bool>()).prop_map(|(down, open)| Act::Fleet(down, open)),
        2 => verb.prop_map(Act::Say),
        1 => (0u64..300).prop_map(Act::Heard),
    ]
}

fn perform(play: &mut Play, act: &Act) {
    match *act {
        Act::Pass(seconds) => play.pass(seconds),
        Act::Plane(plane, true) => play.rises(plane),
        Act::Plane(plane, false) => play.falls(plane),
        Act::Slow => play.happens(HubEvent::Agreed { plane: Plane::Hub, verdict: Agreed::Slow }),
        Act::Spawning(ok) => {
            play.happens(HubEvent::Spawning(if ok { Spawning::Ok } else { Spawning::Failing }));
        }
        Act::Fleet(down, open_in_pool) => {
            let down = if down { vec![("b".parse().unwrap(), at(play.now))] } else { Vec::new() };
            play.happens(HubEvent::Fleet(Fleet { hubs: 3, down, open_in_pool }));
        }
        Act::Say(verb) => {
            let _ = play.says(verb);
        }
        Act::Heard(ago) => play.happens(heard_event(play.now, at(play.now - ago))),
    }
}

proptest! {
    #[test]
    fn candidates_open_only_after_ten_closed_seconds_and_for_nobody_who_was_not_closed_out(
        acts in proptest::collection::vec(act(), 1..40),
    ) {
        let mut play = Play::new();
        let mut before = play.store.starts;
        for act in acts {
            // Passing time is taken apart, so that every record is looked at.
            let steps = match act { Act::Pass(seconds) => vec![Act::Pass(1); seconds as usize], other => vec![other] };
            for act in steps {
                perform(&mut play, &act);
                let after = play.store.starts;
                if let Starts::Elsewhere { whom, since, .. } = after {
                    match before {
                        Starts::Elsewhere { whom: was, .. } => assert!(whom <= was, "{before:?} {after:?}"),
                        Starts::Closed { whom: was, since: closed, .. } => {
                            assert!(whom <= was && since.since(closed) >= play.times().open_after);
                        }
                        Starts::Here | Starts::Unknown => panic!("opened without closing: {after:?}"),
                    }
                }
                before = after;
            }
        }
    }

    #[test]
    fn a_drained_hub_stays_drained_until_an_operator_says_otherwise(
        acts in proptest::collection::vec(act(), 1..40),
    ) {
        let mut play = Play::new();
        perform(&mut play, &Act::Say(Verb::Drain { deadline: None, at_deadline: AtDeadline::Wait, idle_for: Duration::ZERO, at_first: (0, 0), forced: false }));
        for act in acts.into_iter().filter(|act| !matches!(act, Act::Say(_))) {
            perform(&mut play, &act);
            match play.store.starts {
                Starts::Closed { whom, cause, .. } | Starts::Elsewhere { whom, cause, .. } => {
                    assert_eq!((whom, cause), (Whom::Everybody, Cause::Drain));
                }
                Starts::Here | Starts::Unknown => panic!("a drained hub takes starts"),
            }
        }
    }

    #[test]
    fn all_is_as_before_when_all_is_well_again(acts in proptest::collection::vec(act(), 1..30)) {
        let mut play = Play::new();
        for act in acts {
            perform(&mut play, &act);
        }
        let _ = play.says(Verb::Resume);
        perform(&mut play, &Act::Fleet(false, true));
        perform(&mut play, &Act::Spawning(true));
        perform(&mut play, &Act::Heard(0));
        play.rises(Plane::Proxy);
        play.rises(Plane::Hub);
        play.pass(7300);

        assert_eq!(play.store.starts, Starts::Here);
        assert!(play.store.outage.is_none() && play.store.failed_over.is_none());
        assert!(play.changed(Change::FailedBack) >= play.changed(Change::FailedOver));
    }

    #[test]
    fn replicas_with_the_same_inputs_decide_alike(acts in proptest::collection::vec(act(), 1..30)) {
        let (mut one, mut other) = (Play::new(), Play::new());
        for act in acts {
            perform(&mut one, &act);
            perform(&mut other, &act);
            assert_eq!((&one.store, &one.effects), (&other.store, &other.effects));
        }
    }
}
