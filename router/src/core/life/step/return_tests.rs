//! Coming home: failback, relapses, and the servers that return with a hub that was declared lost.

use super::event::{Change, Effect, HubEvent, Refusal, Verb};
use crate::core::health::Plane;
use crate::core::life::hub_life::Policy;
use crate::core::life::state::Gate;
use crate::core::life::test_lives::{Play, at, policy, seconds, user};

/// A hub of which both planes died, failed over.
fn failed_over() -> Play {
    failed_over_with(policy())
}

fn failed_over_with(policy: Policy) -> Play {
    let mut play = Play::with(policy);
    play.falls(Plane::Hub);
    play.falls(Plane::Proxy);
    play.seconds_until(Gate::AllElsewhere);
    play
}

fn returns(play: &mut Play) {
    play.rises(Plane::Proxy);
    play.rises(Plane::Hub);
}

#[test]
fn users_come_home_when_the_hub_was_healthy_for_failback_after() {
    let mut play = failed_over();
    returns(&mut play);

    assert_eq!(play.gate(), Gate::AllElsewhere);
    assert_eq!(play.seconds_until(Gate::Here), seconds(play.times().failback_after));
    assert!(play.store.failed_over.is_none());
    assert_eq!((play.changed(Change::FailedBack), play.changed(Change::OpenedAgain)), (1, 1));
}

#[test]
fn one_plane_alone_is_no_return() {
    let mut play = failed_over();
    play.rises(Plane::Proxy);
    play.pass(2000);

    assert_eq!(play.gate(), Gate::AllElsewhere);
    assert!(play.store.healthy_since.is_none());
}

#[test]
fn each_relapse_doubles_the_wait_and_a_restart_is_none() {
    let mut play = failed_over();
    returns(&mut play);
    play.pass(100);
    play.falls(Plane::Hub);
    play.pass(100);
    play.rises(Plane::Hub);
    assert_eq!((play.store.relapses, play.changed(Change::Relapsed)), (1, 1));

    play.pass(100);
    play.falls(Plane::Hub);
    play.pass(10);
    play.rises(Plane::Hub);
    assert_eq!(play.store.relapses, 1);

    assert_eq!(play.seconds_until(Gate::Here), 1200);
}

#[test]
fn a_failover_soon_after_the_last_return_is_a_relapse_too_and_one_long_after_is_not() {
    let again = |quiet: u64| {
        let mut play = failed_over();
        returns(&mut play);
        play.seconds_until(Gate::Here);
        play.pass(quiet);
        play.falls(Plane::Hub);
        play.seconds_until(Gate::AllElsewhere);
        play.store.relapses
    };
    assert_eq!((again(600), again(7200)), (1, 0));
}

#[test]
fn users_known_as_running_are_moved_by_an_act_alone_which_lists_them() {
    let mut play = failed_over();
    assert_eq!(play.store.failed_over.clone().unwrap().moved, []);
    assert_eq!(play.says(Verb::Failover { assume_stopped: false }), Err(Refusal::AlreadyFailedOver));

    assert_eq!(play.says(Verb::Failover { assume_stopped: true }), Ok(()));

    let done = play.store.failed_over.clone().unwrap();
    assert_eq!((done.moved, done.assume_stopped, done.why.as_str()), (vec![user("ada")], true, "because"));
    assert!(play.store.ordered.is_none());
}

#[test]
fn servers_are_declared_lost_only_when_no_plane_answers() {
    let mut play = Play::new();
    assert_eq!(play.says(Verb::Failover { assume_stopped: true }), Err(Refusal::NotDown));
    play.falls(Plane::Hub);
    assert_eq!(play.says(Verb::Failover { assume_stopped: true }), Err(Refusal::StillAnswers));
}

#[test]
fn stale_servers_of_a_returned_hub_are_listed_and_stopped_before_it_opens() {
    let mut play = failed_over();
    play.says(Verb::Failover { assume_stopped: true }).unwrap();
    returns(&mut play);

    assert_eq!(play.store.stale, [user("ada")]);
    let stop = Effect::StopStale { users: vec![user("ada")] };
    play.pass(20);
    assert_eq!(play.effects.iter().filter(|effect| **effect == stop).count(), 1);
    play.happens(HubEvent::StaleStopped { gone: vec![user("ada")] });
    assert_eq!(play.store.stale, []);
    assert_eq!(play.seconds_until(Gate::Here), 600 - 20);
}

#[test]
fn whom_an_act_moved_is_listed_once_so_that_a_long_list_fits() {
    let mut play = failed_over();
    play.running = (0..4000).map(|number| user(&format!("{number:040}"))).collect();
    play.says(Verb::Failover { assume_stopped: true }).unwrap();
    assert_eq!((play.store.failed_over.clone().unwrap().moved.len(), play.store.stale.len()), (4000, 0));
    let before = serde_json::to_string(&play.store).unwrap().len();
    returns(&mut play);

    assert_eq!((play.store.failed_over.clone().unwrap().moved.len(), play.store.stale.len()), (0, 4000));
    let after = serde_json::to_string(&play.store).unwrap().len();
    assert!(before.max(after) < 256 * 1024, "{before} {after}");
}

#[test]
fn that_stale_servers_are_gone_is_written_again_when_the_write_is_lost() {
    let mut play = failed_over();
    play.says(Verb::Failover { assume_stopped: true }).unwrap();
    returns(&mut play);
    let gone = HubEvent::StaleStopped { gone: vec![user("ada")] };
    let on = play.store.epoch;

    let (life, first) = super::step(play.life.clone(), gone, at(play.now));
    let (life, _) = super::step(life, HubEvent::WriteUnknown { on }, at(play.now));
    let (_, again) = super::step(life, HubEvent::Due, at(play.now + 1));

    for effects in [first, again] {
        let [Effect::Write { record, changes, .. }] = effects.as_slice() else { panic!("{effects:?}") };
        assert!(record.stale.is_empty() && changes.contains(&Change::StaleStopped));
    }
}

#[test]
fn who_moved_before_the_hub_died_again_is_listed_with_who_moves_then() {
    let mut play = failed_over();
    play.says(Verb::Failover { assume_stopped: true }).unwrap();
    returns(&mut play);
    play.falls(Plane::Hub);
    play.falls(Plane::Proxy);
    play.running = vec![user("bob")];
    play.pass(20);
    play.says(Verb::Failover { assume_stopped: true }).unwrap();
    returns(&mut play);
    assert_eq!(play.store.stale, [user("ada"), user("bob")]);

    play.happens(HubEvent::StaleStopped { gone: vec![user("ada")] });
    assert_eq!(play.store.stale, [user("bob")], "an answer of the first return says nothing of bob");
}

#[test]
fn a_server_that_cannot_be_stopped_holds_the_hub_for_ten_minutes_and_stays_listed() {
    let mut quick = policy();
    quick.times.failback_after = std::time::Duration::from_secs(60);
    let mut play = failed_over_with(quick);
    play.says(Verb::Failover { assume_stopped: true }).unwrap();
    returns(&mut play);

    assert_eq!(play.seconds_until(Gate::Here), 600);
    assert_eq!(play.store.stale, [user("ada")]);
}

#[test]
fn with_stop_stale_off_nothing_is_stopped_and_nothing_waits_for_it() {
    let mut play = failed_over_with(Policy { stop_stale: false, ..policy() });
    play.says(Verb::Failover { assume_stopped: true }).unwrap();
    returns(&mut play);

    assert_eq!(play.seconds_until(Gate::Here), 600);
    assert_eq!(play.store.stale, [user("ada")]);
    assert!(!play.effects.iter().any(|effect| matches!(effect, Effect::StopStale { .. })));
}

#[test]
fn a_returned_hub_is_counted_at_once() {
    let mut play = failed_over();
    play.effects.clear();
    returns(&mut play);

    assert!(play.effects.contains(&Effect::AskCensus));
}
