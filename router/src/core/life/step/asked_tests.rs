//! Answers that come late, get lost, or are told by a clock that jumps; and replicas that do not know everything yet.

use super::event::{Effect, HubEvent, Verb};
use crate::core::health::Plane;
use crate::core::life::guard::Fleet;
use crate::core::life::hub_life::{Heard, HubLife, Securing};
use crate::core::life::records::{Cause, Starts, Whom};
use crate::core::life::state::{Gate, Spawning};
use crate::core::life::test_lives::{DRAIN, Play, at, policy, seconds};
use crate::core::life::votes::Agreed;

#[test]
fn users_secured_for_an_earlier_closing_do_not_count_and_hide_nothing() {
    let mut play = Play::new();
    play.says(DRAIN).unwrap();
    play.pass(9);
    let early = Securing { since: at(play.now - 9), assume_stopped: false };
    play.says(Verb::Abort).unwrap();
    play.says(DRAIN).unwrap();
    play.pass(9);
    let closed = play.now - 9;
    let now = Securing { since: at(closed), assume_stopped: false };
    let told = |securing| HubEvent::RunningSecured { securing, users: Vec::new() };
    let (life, asked) = super::step(
        play.life,
        HubEvent::Heard { asked_at: at(closed + 10), heard: Vec::new() },
        at(closed + 10),
    );
    assert_eq!(asked, [Effect::AskCensus], "what was told before anything could start unasked is too old");
    let census = HubEvent::Census { answered_at: at(closed + 10) };
    let (life, asked) = super::step(life, census, at(closed + 10));
    assert_eq!(asked, [Effect::SecureRunning(now)]);

    let (life, late) = super::step(life, told(early), at(closed + 11));
    assert_eq!(late, []);
    let (life, opened) = super::step(life, told(now), at(closed + 12));
    assert!(matches!(opened.as_slice(), [Effect::Write { .. }]), "{opened:?}");
    // The write is lost, the older task ends only now.
    let (life, _) = super::step(life, HubEvent::WriteUnknown { on: play.store.epoch }, at(closed + 13));
    let (_, again) = super::step(life, told(early), at(closed + 14));
    assert!(matches!(again.as_slice(), [Effect::Write { .. }]), "{again:?}");
}

#[test]
fn a_securing_that_was_given_up_is_asked_for_again() {
    let mut play = Play::new();
    play.falls(Plane::Hub);
    play.seconds_until(Gate::ClosedToAll);
    let securing = Securing { since: at(play.now), assume_stopped: false };
    let (life, first) = super::step(play.life.clone(), HubEvent::Due, at(play.now + 500));
    let (_, again) = super::step(life, HubEvent::SecuringEnded(securing), at(play.now + 501));

    assert_eq!(
        (first, again),
        (vec![Effect::SecureRunning(securing)], vec![Effect::SecureRunning(securing)])
    );
}

/// A replica that was heard then, and had read so far by then.
fn another(asked_at: u64, heard: u64, read: u64) -> HubEvent {
    HubEvent::Heard { asked_at: at(asked_at), heard: vec![Heard { at: at(heard), read: at(read) }] }
}

#[test]
fn who_read_the_store_before_a_late_closing_came_there_has_not_read_it() {
    let mut play = Play::new();
    play.says(Verb::Cordon).unwrap();
    let closed = play.now;
    // As if it had been proposed then and come to the store two seconds later, where this replica saw it.
    let closing = play.life.asked.closed.as_mut().unwrap();
    closing.seen = at(closed + 2);
    play.happens(another(play.now + 3, closed + 1, closed + 1));

    let opened = play.seconds_until(Gate::NewElsewhere);

    assert_eq!(opened, 1 + seconds(play.times().after));
}

#[test]
fn a_clock_that_is_set_back_keeps_a_closed_hub_closed_for_no_longer_than_all_need_to_read_it() {
    for seen_before in [true, false] {
        let mut play = Play::new();
        play.says(Verb::Cordon).unwrap();
        assert_eq!(play.gate(), Gate::ClosedToNew);
        play.now -= 3600;
        if seen_before {
            play.happens(HubEvent::ClockJumped);
        } else {
            // A replica that begins after the jump.
            play.life.asked.closed = None;
            play.happens(HubEvent::Stands(Box::new(play.store.clone())));
        }
        play.happens(another(play.now, play.now, play.now));
        assert_eq!(play.seconds_until(Gate::NewElsewhere), 10);
        play.says(Verb::Resume).unwrap();
        assert_eq!(play.gate(), Gate::Here);
    }
}

#[test]
fn who_falls_silent_when_the_clock_jumps_ahead_is_waited_for_from_the_jump_on() {
    let mut play = Play::new();
    play.says(Verb::Cordon).unwrap();
    play.happens(another(play.now, play.now, play.now));
    play.now += 3600;
    play.happens(HubEvent::ClockJumped);

    assert_eq!(play.seconds_until(Gate::NewElsewhere), seconds(play.times().after));
}

#[test]
fn an_outage_begins_and_ends_after_the_clock_was_set_back() {
    let mut play = Play::new();
    play.falls(Plane::Hub);
    play.now -= 3600;
    play.happens(HubEvent::ClockJumped);
    play.rises(Plane::Hub);

    assert!(play.store.outage.is_none());
}

/// A replica that has just begun, and reads that hub a has long been closed for this cause.
fn begun(cause: Cause) -> Play {
    let mut play = Play::new();
    let elsewhere = Starts::Elsewhere { since: at(play.now - 600), whom: Whom::New, cause };
    play.store.starts = elsewhere;
    play.store.changed_at = at(play.now - 600);
    play.store.epoch = play.store.epoch.next().unwrap();
    play.life = HubLife::new("a".parse().unwrap(), policy());
    play.happens(HubEvent::Stands(Box::new(play.store.clone())));
    play.happens(HubEvent::Agreed { plane: Plane::Proxy, verdict: Agreed::Up });
    play.pass(30);
    play
}

#[test]
fn a_replica_that_has_not_seen_the_evidence_undoes_nothing_that_another_one_did() {
    let fleet = HubEvent::Fleet(Fleet { hubs: 3, down: Vec::new(), open_in_pool: true });
    for (cause, evidence) in [
        (Cause::SpawnFailing, HubEvent::Spawning(Spawning::Ok)),
        (Cause::Slow, HubEvent::Agreed { plane: Plane::Hub, verdict: Agreed::Up }),
        (Cause::LoadBound, HubEvent::Overloaded(Some(false))),
    ] {
        let mut play = begun(cause);
        play.happens(fleet.clone());
        assert_eq!(play.gate(), Gate::NewElsewhere, "{cause:?}");
        play.happens(evidence);
        assert_eq!(play.gate(), Gate::Here, "{cause:?}");
    }
    let mut unknown = begun(Cause::LoadBound);
    unknown.happens(fleet);
    unknown.happens(HubEvent::Overloaded(None));
    unknown.pass(600);
    assert_eq!(unknown.gate(), Gate::NewElsewhere);
}
