//! What operators say: it holds, it can be taken back, and health never overrules it.

use std::time::Duration;

use hubrouter_config::Intent;

use super::event::{Change, Effect, HubEvent, Refusal, Verb};
use crate::core::health::Plane;
use crate::core::life::hub_life::{HubLife, Policy};
use crate::core::life::records::AtDeadline;
use crate::core::life::state::Gate;
use crate::core::life::test_lives::{DRAIN, Play, at, policy, user};

#[test]
fn a_drain_closes_waits_and_opens() {
    let mut play = Play::new();
    assert_eq!(play.says(DRAIN), Ok(()));

    assert_eq!((play.gate(), play.seconds_until(Gate::AllElsewhere)), (Gate::ClosedToAll, 10));
    let word = play.store.word.clone().unwrap();
    assert_eq!((word.intent, word.who.as_str(), word.why.as_str()), (Intent::Draining, "kim", "because"));
}

#[test]
fn a_cordon_closes_to_new_users_only() {
    let mut play = Play::new();
    play.says(Verb::Cordon).unwrap();

    assert_eq!((play.gate(), play.seconds_until(Gate::NewElsewhere)), (Gate::ClosedToNew, 10));
}

#[test]
fn a_cordoned_hub_that_is_drained_closes_to_everybody_first() {
    let mut play = Play::new();
    play.says(Verb::Cordon).unwrap();
    play.seconds_until(Gate::NewElsewhere);
    play.says(DRAIN).unwrap();

    assert_eq!((play.gate(), play.seconds_until(Gate::AllElsewhere)), (Gate::ClosedToAll, 10));
}

#[test]
fn resume_opens_at_once() {
    let mut play = Play::new();
    for verb in [DRAIN, Verb::Cordon, Verb::Maintenance { forced: false }] {
        play.says(verb).unwrap();
        play.pass(30);
        assert_ne!(play.gate(), Gate::Here);
        play.says(Verb::Resume).unwrap();
        assert_eq!((play.gate(), play.store.word.is_none()), (Gate::Here, true));
    }
    assert_eq!(play.says(Verb::Resume), Err(Refusal::NothingToResume));
}

#[test]
fn resume_makes_a_hub_active_that_the_configuration_wants_otherwise() {
    let mut play = Play::with(Policy { configured: Intent::Draining, ..policy() });
    play.pass(60);
    assert_eq!(play.gate(), Gate::AllElsewhere);

    play.says(Verb::Resume).unwrap();

    assert_eq!((play.gate(), play.life.intent()), (Gate::Here, Intent::Active));
}

#[test]
fn abort_restores_the_state_before_at_once() {
    let mut play = Play::new();
    play.says(Verb::Cordon).unwrap();
    play.pass(30);
    play.says(DRAIN).unwrap();
    play.pass(30);
    play.says(Verb::Abort).unwrap();
    assert_eq!((play.life.intent(), play.gate()), (Intent::Cordoned, Gate::NewElsewhere));

    assert_eq!(play.says(Verb::Abort), Err(Refusal::NothingToAbort));
    play.says(Verb::Resume).unwrap();
    play.says(DRAIN).unwrap();
    play.pass(30);
    play.says(Verb::Abort).unwrap();
    assert_eq!((play.life.intent(), play.gate()), (Intent::Active, Gate::Here));
}

#[test]
fn a_second_drain_sees_who_began_the_first() {
    let mut play = Play::new();
    play.says(DRAIN).unwrap();
    let since = at(play.now);
    play.pass(5);

    let refusal = play.says(DRAIN).unwrap_err();

    assert_eq!(refusal, Refusal::Already { who: Some("kim".to_owned()), since });
    assert!(refusal.to_string().contains("kim"));
}

#[test]
fn recovery_never_undoes_a_drain() {
    let mut play = Play::new();
    play.says(DRAIN).unwrap();
    play.seconds_until(Gate::AllElsewhere);
    play.falls(Plane::Hub);
    play.falls(Plane::Proxy);
    play.pass(300);
    assert!(play.store.failed_over.is_some());
    play.rises(Plane::Hub);
    play.rises(Plane::Proxy);
    play.pass(2000);

    assert!(play.store.failed_over.is_none());
    assert_eq!((play.gate(), play.life.intent()), (Gate::AllElsewhere, Intent::Draining));
}

#[test]
fn without_a_token_a_drain_is_refused_unless_forced() {
    let mut play = Play::with(Policy { has_token: false, ..policy() });
    assert_eq!(play.says(DRAIN), Err(Refusal::NoToken));
    assert_eq!(play.says(Verb::Maintenance { forced: false }), Err(Refusal::NoToken));

    let forced = Verb::Drain {
        deadline: None,
        at_deadline: AtDeadline::Wait,
        idle_for: Duration::ZERO,
        at_first: (0, 0),
        forced: true,
    };
    assert_eq!(play.says(forced), Ok(()));
    assert_eq!(play.seconds_until(Gate::AllElsewhere), 10);
}

#[test]
fn a_drain_whose_servers_nobody_knows_stays_closed_and_asks() {
    let mut play = Play::new();
    play.counts = false;
    play.life.census = None;
    play.says(DRAIN).unwrap();
    play.pass(300);
    assert_eq!(play.gate(), Gate::ClosedToAll);
    assert_eq!(play.effects.iter().filter(|effect| **effect == Effect::AskCensus).count(), 1);

    play.happens(HubEvent::Census { answered_at: at(play.now) });
    assert_eq!(play.gate(), Gate::AllElsewhere);
}

#[test]
fn servers_that_an_operator_declares_lost_count_as_lost_whatever_closed_the_hub() {
    for verb in [DRAIN, Verb::Maintenance { forced: false }] {
        let mut play = Play::new();
        play.counts = false;
        play.life.census = None;
        play.falls(Plane::Hub);
        play.falls(Plane::Proxy);
        play.says(verb).unwrap();
        play.pass(300);
        assert_eq!(play.gate(), Gate::ClosedToAll, "nobody knows who runs there");

        play.says(Verb::Failover { assume_stopped: true }).unwrap();

        play.seconds_until(Gate::AllElsewhere);
        let done = play.store.failed_over.clone().unwrap();
        assert_eq!((done.moved, done.assume_stopped), (vec![user("ada")], true));
        assert!(play.store.ordered.is_none());
        assert_ne!(play.life.intent(), Intent::Active);
    }
}

#[test]
fn who_was_seen_at_a_hub_without_a_token_is_recorded_before_a_forced_word_opens_its_candidates() {
    let mut play = Play::with(Policy { has_token: false, ..policy() });
    play.says(Verb::Maintenance { forced: true }).unwrap();
    play.seconds_until(Gate::AllElsewhere);

    let secured = play.effects.iter().filter(|effect| matches!(effect, Effect::SecureRunning(_)));
    assert_eq!(secured.count(), 1);
}

#[test]
fn the_operators_word_ends_when_a_reload_changes_the_key_and_not_otherwise() {
    let mut play = Play::new();
    play.says(DRAIN).unwrap();
    play.happens(HubEvent::Reloaded(Box::new(policy())));
    assert_eq!(play.life.intent(), Intent::Draining);

    play.happens(HubEvent::Reloaded(Box::new(Policy { configured: Intent::Cordoned, ..policy() })));

    assert_eq!((play.life.intent(), play.store.word.is_none()), (Intent::Cordoned, true));
    assert_eq!(play.changed(Change::WordEnded), 1);
}

#[test]
fn an_operators_word_survives_the_restart_of_every_replica() {
    let mut before = Play::new();
    before.says(DRAIN).unwrap();
    let mut after = Play::new();
    let mut record = before.store.clone();
    record.epoch = record.epoch.raised();
    after.store = record.clone();
    after.happens(HubEvent::Stands(Box::new(record)));

    assert_eq!(after.life.intent(), Intent::Draining);
}

#[test]
fn a_restart_with_another_key_ends_the_word_as_a_reload_does() {
    let mut before = Play::new();
    before.says(DRAIN).unwrap();
    let cordoned = Policy { configured: Intent::Cordoned, ..policy() };
    let fresh = HubLife::new("a".parse().unwrap(), cordoned);

    let (_, effects) = super::step(fresh, HubEvent::Stands(Box::new(before.store)), at(before.now));

    let [Effect::Write { record, changes, .. }] = effects.as_slice() else { panic!("{effects:?}") };
    assert!(record.word.is_none() && changes.contains(&Change::WordEnded));
}

#[test]
fn idle_servers_are_stopped_at_the_deadline_once_and_only_where_that_was_asked_for() {
    for (at_deadline, stops) in [(AtDeadline::StopIdle, 1), (AtDeadline::Wait, 0)] {
        let mut play = Play::new();
        let deadline = Some(at(play.now + 100));
        play.says(Verb::Drain {
            deadline,
            at_deadline,
            idle_for: Duration::ZERO,
            at_first: (0, 0),
            forced: false,
        })
        .unwrap();
        play.pass(99);
        assert!(!play.effects.contains(&Effect::StopIdle));
        play.pass(1000);
        let count = play.effects.iter().filter(|effect| **effect == Effect::StopIdle).count();
        assert_eq!((count, play.life.intent()), (stops, Intent::Draining));
    }
}

#[test]
fn nothing_is_written_before_the_record_was_read() {
    let play = Play::new();
    let fresh = HubLife::new("a".parse().unwrap(), policy());
    let (life, effects) = super::step(
        fresh,
        HubEvent::Operator { verb: DRAIN, who: String::new(), why: String::new() },
        at(play.now),
    );
    assert_eq!(effects, [Effect::Refuse(Refusal::NotRead)]);
    let down = crate::core::life::votes::Agreed::Down { since: at(1) };
    let (_, effects) = super::step(life, HubEvent::Agreed { plane: Plane::Hub, verdict: down }, at(play.now));
    assert_eq!(effects, []);
}

#[test]
fn every_refusal_says_what_to_do() {
    for (refusal, words) in [
        (Refusal::NoToken, "--force"),
        (Refusal::NotDown, "hubrouter drain"),
        (Refusal::StillAnswers, "--assume-stopped"),
        (Refusal::NothingToAbort, "nothing to abort"),
        (Refusal::NothingToResume, "nothing to resume"),
        (Refusal::AlreadyFailedOver, "--assume-stopped"),
        (Refusal::NotRead, "try again"),
        (Refusal::Already { who: None, since: at(1) }, "configuration"),
    ] {
        assert!(refusal.to_string().contains(words), "{refusal}");
    }
}
