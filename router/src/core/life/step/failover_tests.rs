//! Failing a hub over: when, in which order, and when not.

use hubrouter_config::Storage;

use super::event::{Change, Effect, HubEvent, Refusal, Report, Verb};
use crate::core::health::Plane;
use crate::core::life::guard::{Fleet, Held};
use crate::core::life::hub_life::Policy;
use crate::core::life::records::{Cause, Heartbeat, Outage, Starts, Verdict, Vote, Whom};
use crate::core::life::state::{Gate, Spawning};
use crate::core::life::test_lives::{Play, at, heard_event, policy, user};
use crate::core::life::votes::Agreed;

#[test]
fn a_dead_hub_plane_fails_over_at_after_and_opens_the_candidates_ten_seconds_later() {
    let mut play = Play::new();
    play.falls(Plane::Hub);

    assert_eq!(play.seconds_until(Gate::ClosedToAll), 120 - 15);
    assert!(play.store.failed_over.is_none(), "closed is not failed over yet");
    assert_eq!(play.seconds_until(Gate::AllElsewhere), 10);
    assert!(play.store.failed_over.is_some());
    let wanted = Starts::Elsewhere { since: at(play.now), whom: Whom::Everybody, cause: Cause::Failover };
    assert_eq!(play.store.starts, wanted);
}

#[test]
fn both_planes_down_fail_over_at_dead_after() {
    let mut play = Play::new();
    play.falls(Plane::Hub);
    play.falls(Plane::Proxy);

    assert_eq!(play.seconds_until(Gate::ClosedToAll), 180 - 15);
}

#[test]
fn who_is_known_as_running_is_assigned_before_anybodys_candidate_opens() {
    let mut play = Play::new();
    play.falls(Plane::Hub);
    play.seconds_until(Gate::AllElsewhere);

    let position = |wanted: fn(&Effect) -> bool| play.effects.iter().position(wanted).unwrap();
    let secured = position(|effect| matches!(effect, Effect::SecureRunning(_)));
    let opened = position(
        |effect| matches!(effect, Effect::Write { changes, .. } if changes.contains(&Change::FailedOver)),
    );
    assert!(secured < opened);
}

#[test]
fn nothing_opens_while_users_known_as_running_are_not_assigned_yet() {
    let mut play = Play::new();
    play.falls(Plane::Hub);
    play.seconds_until(Gate::ClosedToAll);
    let closed = play.life.clone();

    let (later, effects) = super::step(closed, HubEvent::Due, at(play.now + 500));
    let (_, again) = super::step(later, HubEvent::Due, at(play.now + 501));

    assert!(matches!(effects.as_slice(), [Effect::SecureRunning(_)]), "{effects:?}");
    assert_eq!(again, [], "asked once");
}

#[test]
fn a_restart_within_hold_moves_nobody() {
    let mut play = Play::new();
    play.falls(Plane::Hub);
    play.pass(45);
    play.rises(Plane::Hub);
    play.pass(3000);

    assert_eq!((play.gate(), play.changed(Change::StartsClosed)), (Gate::Here, 0));
    assert!(play.store.outage.is_none() && play.store.failed_over.is_none());
}

#[test]
fn a_hub_that_returns_while_it_is_being_closed_is_opened_and_not_failed_over() {
    let mut play = Play::new();
    play.falls(Plane::Hub);
    play.seconds_until(Gate::ClosedToAll);
    play.pass(5);
    play.rises(Plane::Hub);

    assert_eq!(play.gate(), Gate::Here);
    play.pass(3000);
    assert!(play.store.failed_over.is_none());
}

#[test]
fn an_outage_keeps_its_first_failed_probe_whatever_later_votes_say() {
    let mut play = Play::new();
    play.falls(Plane::Hub);
    let first = play.store.outage.unwrap().hub;
    play.pass(30);
    play.falls(Plane::Hub);

    assert_eq!(play.store.outage.unwrap().hub, first);
}

#[test]
fn a_replica_that_has_no_votes_yet_leaves_the_recorded_outage_alone() {
    let mut play = Play::new();
    play.falls(Plane::Hub);
    play.life.hub = None;
    play.life.proxy = None;
    play.pass(3);

    assert!(play.store.outage.is_some());
}

#[test]
fn an_unknown_census_makes_the_failover_manual_and_says_so_once() {
    let mut play = Play::new();
    play.life.census = None;
    play.counts = false;
    play.falls(Plane::Hub);
    play.pass(600);

    assert_eq!(play.gate(), Gate::Here);
    let told =
        play.effects.iter().filter(|effect| **effect == Effect::Report(Report::Held(Held::CensusUnknown)));
    assert_eq!(told.count(), 1);
    assert_eq!(play.says(Verb::Failover { assume_stopped: false }), Err(Refusal::Held(Held::CensusUnknown)));
}

#[test]
fn two_hubs_that_fall_together_freeze_until_an_operator_speaks_or_one_returns() {
    let fleet = |down: Vec<_>| HubEvent::Fleet(Fleet { hubs: 3, down, open_in_pool: true });
    let frozen = || {
        let mut play = Play::new();
        play.happens(fleet(vec![("b".parse().unwrap(), at(play.now))]));
        play.falls(Plane::Hub);
        play.pass(600);
        assert_eq!(play.gate(), Gate::Here);
        play
    };

    let mut by_force = frozen();
    assert_eq!(by_force.says(Verb::Failover { assume_stopped: false }), Ok(()));
    assert_eq!(by_force.gate(), Gate::ClosedToAll);
    assert_eq!(by_force.seconds_until(Gate::AllElsewhere), 10);
    assert_eq!(by_force.store.failed_over.unwrap().who.as_deref(), Some("kim"));

    let mut by_return = frozen();
    by_return.happens(fleet(Vec::new()));
    assert_eq!(by_return.gate(), Gate::ClosedToAll);
    assert!(by_return.effects.contains(&Effect::Report(Report::HeldNoMore)));
}

#[test]
fn a_vanished_replica_delays_the_opening_until_it_cannot_start_anything_any_more() {
    let mut play = Play::new();
    assert_eq!(play.says(Verb::Maintenance { forced: false }), Ok(()));
    // It was heard last before it could read that the hub is closed: a start of its may be on the way without the store.
    let heard = at(play.now - 3);
    play.happens(heard_event(play.now, heard));
    play.seconds_until(Gate::AllElsewhere);

    assert_eq!(at(play.now), heard.plus(play.times().after));
}

#[test]
fn a_replica_that_vanished_before_or_in_the_outage_makes_the_failover_manual() {
    for heard_ago in [100, 0] {
        let mut play = Play::new();
        play.happens(heard_event(play.now, at(play.now - heard_ago)));
        // Its first probe failed 15 s ago.
        play.falls(Plane::Hub);
        play.pass(600);

        assert_eq!(play.gate(), Gate::Here);
        assert_eq!(play.says(Verb::Failover { assume_stopped: false }), Ok(()));
        play.seconds_until(Gate::AllElsewhere);
    }
}

#[test]
fn users_of_local_and_attached_hubs_never_move_by_a_failover() {
    for storage in [Storage::Local, Storage::Attached] {
        let mut play = Play::with(Policy { storage, ..policy() });
        play.falls(Plane::Hub);
        play.falls(Plane::Proxy);
        play.pass(600);
        assert_eq!(play.gate(), Gate::Here);
        assert!(matches!(play.says(Verb::Failover { assume_stopped: true }), Err(Refusal::Held(_))));
    }
}

#[test]
fn failing_starts_close_the_hub_and_one_success_opens_it() {
    let mut play = Play::new();
    play.happens(HubEvent::Spawning(Spawning::Failing));
    assert_eq!((play.gate(), play.seconds_until(Gate::AllElsewhere)), (Gate::ClosedToAll, 10));

    play.happens(HubEvent::Spawning(Spawning::Ok));
    assert_eq!(
        (play.gate(), play.seconds_until(Gate::Here)),
        (Gate::AllElsewhere, 10),
        "nobody undoes what was just done"
    );
}

#[test]
fn a_slow_hub_sends_new_users_on_unless_nobody_else_is_open() {
    let slow = HubEvent::Agreed { plane: Plane::Hub, verdict: Agreed::Slow };
    let mut play = Play::new();
    play.happens(slow.clone());
    assert_eq!((play.gate(), play.seconds_until(Gate::NewElsewhere)), (Gate::ClosedToNew, 10));

    let mut alone = Play::new();
    alone.happens(HubEvent::Fleet(Fleet { hubs: 1, down: Vec::new(), open_in_pool: false }));
    alone.happens(slow);
    assert_eq!(alone.gate(), Gate::Here);
}

#[test]
fn the_votes_of_the_replicas_begin_and_end_an_outage() {
    let mut play = Play::new();
    let heartbeats = |now: u64, verdict| {
        let votes = vec![Vote {
            hub: "a".parse().unwrap(),
            plane: Plane::Hub,
            verdict,
            failing_since: Some(at(now - 15)),
        }];
        let heartbeat =
            |replica: &str| Heartbeat { at: at(now), votes: votes.clone(), ..Heartbeat::silent(replica) };
        HubEvent::Votes { asked_at: at(now), heartbeats: vec![heartbeat("r1"), heartbeat("r2")] }
    };

    play.happens(heartbeats(play.now, Verdict::Down));
    assert_eq!(play.store.outage, Some(Outage { proxy: None, hub: Some(at(play.now - 15)) }));
    play.happens(heartbeats(play.now, Verdict::Up));
    assert_eq!(play.store.outage, None);
}

#[test]
fn a_replica_that_has_not_read_the_votes_for_an_outage_does_not_undo_it() {
    let mut ahead = Play::new();
    let mut behind = Play::new();
    for plane in [Plane::Proxy, Plane::Hub] {
        behind.happens(HubEvent::Agreed { plane, verdict: Agreed::Up });
        (ahead.now, behind.now) = (ahead.now + 1, behind.now + 1);
        ahead.falls(plane);
        let theirs = ahead.store.clone();
        behind.store = theirs.clone();

        behind.happens(HubEvent::Stands(Box::new(theirs.clone())));
        assert_eq!(behind.store, theirs, "it has only older votes");

        behind.happens(HubEvent::Agreed { plane: Plane::Proxy, verdict: ahead.life.proxy.unwrap() });
        behind.happens(HubEvent::Agreed { plane: Plane::Hub, verdict: ahead.life.hub.unwrap() });
        assert_eq!(behind.store.outage, theirs.outage, "votes of now say the same");
    }
    behind.rises(Plane::Proxy);
    behind.rises(Plane::Hub);
    assert_eq!(behind.store.outage, None, "votes of now count");
}

#[test]
fn an_order_ends_with_the_outage_it_was_given_for() {
    let mut play = Play::new();
    play.falls(Plane::Hub);
    play.says(Verb::Failover { assume_stopped: false }).unwrap();
    play.rises(Plane::Hub);
    assert!(play.store.ordered.is_none());

    play.falls(Plane::Hub);
    play.pass(60);
    assert_eq!(play.gate(), Gate::Here);
}

#[test]
fn a_record_that_comes_late_changes_nothing() {
    let mut play = Play::new();
    let old = play.store.clone();
    play.falls(Plane::Hub);
    let life = play.life.clone();

    let (after, effects) = super::step(life.clone(), HubEvent::Stands(Box::new(old)), at(play.now));

    assert_eq!((after, effects), (life, Vec::new()));
}

#[test]
fn what_calm_counts_from_is_written_with_each_change_of_outage_intent_and_starts() {
    let mut play = Play::new();
    play.pass(5);
    play.falls(Plane::Hub);
    assert_eq!(play.store.changed_at, at(play.now));
    play.pass(5);
    play.rises(Plane::Hub);
    assert_eq!(play.store.changed_at, at(play.now));
    play.pass(5);
    play.says(Verb::Cordon).unwrap();
    assert_eq!(play.store.changed_at, at(play.now));
    play.seconds_until(Gate::NewElsewhere);
    assert_eq!(play.store.changed_at, at(play.now));
}

#[test]
fn a_second_order_to_fail_over_sees_the_first() {
    let mut play = Play::new();
    play.falls(Plane::Hub);
    play.says(Verb::Failover { assume_stopped: false }).unwrap();

    let refusal = play.says(Verb::Failover { assume_stopped: false });

    assert_eq!(refusal, Err(Refusal::Already { who: Some("kim".to_owned()), since: at(play.now) }));
}

#[test]
fn a_closing_that_reached_the_store_late_opens_ten_seconds_after_it_was_seen() {
    let mut play = Play::new();
    let mut late = play.store.clone();
    late.epoch = late.epoch.next().unwrap();
    late.word = None;
    late.starts = Starts::Closed { since: at(play.now - 9), whom: Whom::New, cause: Cause::Cordon };
    let mut cordoned = play.life.policy.clone();
    cordoned.configured = hubrouter_config::Intent::Cordoned;
    play.store = late.clone();
    play.life.policy = cordoned;
    play.happens(HubEvent::Stands(Box::new(late)));

    assert_eq!(play.seconds_until(Gate::NewElsewhere), 10);
}

#[test]
fn a_way_to_close_of_a_newer_release_is_left_alone() {
    let mut play = Play::new();
    play.store.starts = Starts::Unknown;
    play.store.epoch = play.store.epoch.next().unwrap();
    play.happens(HubEvent::Stands(Box::new(play.store.clone())));
    play.falls(Plane::Hub);
    play.pass(300);

    assert_eq!((play.store.starts, play.gate()), (Starts::Unknown, Gate::ClosedToAll));
}

#[test]
fn a_write_under_way_is_proposed_again_when_its_outcome_is_known_and_time_has_passed() {
    let play = Play::new();
    let down = HubEvent::Agreed { plane: Plane::Hub, verdict: Agreed::Down { since: at(play.now) } };
    let writes = |effects: &[Effect]| effects.iter().any(|effect| matches!(effect, Effect::Write { .. }));

    let (life, first) = super::step(play.life, down, at(play.now));
    let (life, second) = super::step(life, HubEvent::Due, at(play.now + 1));
    let (life, unknown) =
        super::step(life, HubEvent::WriteUnknown { on: play.store.epoch }, at(play.now + 2));
    let (_, late) = super::step(life, HubEvent::Due, at(play.now + 3));

    assert_eq!([&first, &second, &unknown, &late].map(|effects| writes(effects)), [true, false, false, true]);
}

#[test]
fn a_loser_obeys_the_record_that_stands_and_asks_for_what_is_still_wanted() {
    let mut play = Play::new();
    let mut theirs = play.store.clone();
    theirs.epoch = theirs.epoch.raised();
    theirs.relapses = 3;
    let down = HubEvent::Agreed { plane: Plane::Hub, verdict: Agreed::Down { since: at(play.now) } };
    let (life, _) = super::step(play.life.clone(), down, at(play.now));
    play.store = theirs.clone();
    play.life = life;
    play.happens(HubEvent::Stands(Box::new(theirs)));

    assert_eq!(play.store.relapses, 3);
    assert!(play.store.outage.is_some());
    assert_eq!(play.running, [user("ada")]);
}
