//! What a hub's answers mean for the records of its users.

use std::sync::Arc;

use hubrouter_hub_adapter::names::NameRule;

use super::*;
use crate::core::life::calm::CopyOfStore;
use crate::core::life::records::{Cause, FailedOver};
use crate::core::placement;
use crate::core::sketch_tests::{assigned, at, index, recorded, snapshot, user_at};

const TWO: &str = "a shared token, s standby shared token";
const RUNS: Servers = Servers { running: 1, pending: 0 };
const STARTS: Servers = Servers { running: 0, pending: 1 };

fn moment() -> Moment {
    Moment {
        now: Some(at(100)),
        copy: Some(CopyOfStore::ReadAt(at(100))),
        silent_for: None,
        heard: None,
        behind: false,
    }
}

fn there(users: &[(&UserName, Servers)]) -> BTreeMap<UserName, Servers> {
    users.iter().map(|(user, servers)| ((*user).clone(), *servers)).collect()
}

/// What is due at `hub` when it answers `now`, asked at 90 s, and answered `before`, asked at 30 s.
fn due(
    snapshot: &Snapshot,
    hub: &str,
    now: &BTreeMap<UserName, Servers>,
    before: Option<&BTreeMap<UserName, Servers>>,
) -> Vec<Tidy> {
    let answer = Answer { asked_at: at(90), users: now };
    let before = before.map(|users| Answer { asked_at: at(30), users });
    tidy(snapshot, index(snapshot, hub), answer, before, |_| false, &moment())
}

fn over(user: &UserName, epoch: u64) -> Tidy {
    Tidy::Over { user: user.clone(), on: Epoch::new(epoch).unwrap() }
}

#[test]
fn who_runs_away_from_home_is_found_and_who_runs_at_home_is_no_exception() {
    let snapshot = snapshot(TWO, "{}");
    let ada = user_at(&snapshot, "a", 0);
    assert_eq!(due(&snapshot, "s", &there(&[(&ada, RUNS)]), None), [Tidy::Found(ada.clone())]);
    assert_eq!(
        due(&snapshot, "s", &there(&[(&ada, STARTS)]), None),
        [Tidy::Found(ada.clone())],
        "pending, too"
    );
    assert_eq!(due(&snapshot, "a", &there(&[(&ada, RUNS)]), None), []);
}

#[test]
fn who_runs_at_a_home_that_sends_its_users_away_is_recorded_there() {
    let snapshot = recorded(snapshot(TWO, "{}"), &["a open everybody drain", "a draining"]);
    let ada = user_at(&snapshot, "a", 0);
    assert_eq!(due(&snapshot, "a", &there(&[(&ada, RUNS)]), None), [Tidy::Found(ada)]);
}

#[test]
fn who_is_recorded_elsewhere_or_runs_on_two_hubs_is_left_alone() {
    let bare = snapshot(TWO, "{}");
    let ada = user_at(&bare, "a", 0);
    let here = there(&[(&ada, RUNS)]);
    let answer = Answer { asked_at: at(90), users: &here };
    assert_eq!(tidy(&bare, index(&bare, "s"), answer, None, |_| true, &moment()), []);
    let pinned = recorded(bare, &[&format!("{ada}@a pin")]);
    assert_eq!(due(&pinned, "s", &here, None), []);
}

#[test]
fn whose_server_was_declared_lost_is_not_found_by_it() {
    let bare = snapshot(TWO, "{}");
    let (ada, eve) = (user_at(&bare, "a", 0), user_at(&bare, "a", 1));
    let moved = FailedOver {
        at: at(50),
        epoch: Epoch::new(1).unwrap(),
        who: Some("ops".to_owned()),
        why: "burnt".to_owned(),
        assume_stopped: true,
        moved: vec![ada.clone()],
    };
    for (stale, failed_over) in [(vec![ada.clone()], None), (Vec::new(), Some(moved))] {
        let mut snapshot = snapshot(TWO, "{}");
        let s = usize::from(index(&snapshot, "s").0);
        let record = Arc::make_mut(&mut snapshot.hubs[s].record);
        (record.stale, record.failed_over) = (stale, failed_over);
        let there = there(&[(&ada, RUNS), (&eve, RUNS)]);
        assert_eq!(due(&snapshot, "s", &there, None), [Tidy::Found(eve.clone())]);
    }
}

#[test]
fn an_assignment_is_over_after_two_answers_without_a_server_and_never_after_one() {
    let bare = snapshot(TWO, "{}");
    let ada = user_at(&bare, "a", 0);
    let snapshot = recorded(bare, &[&format!("{ada}@s failover")]);
    let (nobody, runs) = (there(&[]), there(&[(&ada, STARTS)]));

    assert_eq!(due(&snapshot, "s", &nobody, None), []);
    assert_eq!(due(&snapshot, "s", &nobody, Some(&runs)), []);
    assert_eq!(due(&snapshot, "s", &runs, Some(&nobody)), []);
    assert_eq!(due(&snapshot, "s", &nobody, Some(&nobody)), [over(&ada, 1)]);
    assert_eq!(due(&snapshot, "a", &nobody, Some(&nobody)), [], "another hub's word says nothing");
}

#[test]
fn answers_that_were_asked_before_the_last_start_do_not_count() {
    let mut snapshot = snapshot(TWO, "{}");
    let ada = user_at(&snapshot, "a", 0);
    let nobody = there(&[]);
    // A start may be on its way for half of `failover.hold`.
    for (last_start, expected) in [(20, vec![over(&ada, 7)]), (30, vec![]), (95, vec![])] {
        let mut stands = assigned(ada.as_str(), "s", Cause::Failover, Epoch::new(7).unwrap());
        stands.last_start = Some(at(last_start));
        Arc::make_mut(&mut snapshot.exceptions).set_assignment(&ada, Some(stands));
        let asked = |asked_at| Answer { asked_at, users: &nobody };
        let (answer, before) = (asked(at(90)), Some(asked(at(60))));
        let due = tidy(&snapshot, index(&snapshot, "s"), answer, before, |_| false, &moment());
        assert_eq!(due, expected, "{last_start}");
    }
}

#[test]
fn a_pin_is_never_over() {
    let bare = snapshot(TWO, "{}");
    let ada = user_at(&bare, "a", 0);
    let snapshot = recorded(bare, &[&format!("{ada}@s pin")]);
    assert_eq!(due(&snapshot, "s", &there(&[]), Some(&there(&[]))), []);
}

#[test]
fn a_record_at_the_own_home_is_over_once_the_home_is_calm_and_its_start_was_seen() {
    let bare = snapshot(TWO, "{}");
    let ada = user_at(&bare, "a", 0);
    let name = format!("{ada}@a running");
    let calm = recorded(bare, &[&name]);
    assert_eq!(due(&calm, "a", &there(&[(&ada, RUNS)]), None), [over(&ada, 1)]);
    assert_eq!(due(&calm, "a", &there(&[(&ada, STARTS)]), None), [], "the start is still under way");

    let restless = recorded(snapshot(TWO, "{}"), &[&name, "a changed 90"]);
    assert_eq!(due(&restless, "a", &there(&[(&ada, RUNS)]), None), []);
}

#[test]
fn who_is_about_to_get_another_home_keeps_the_record_of_the_present_one() {
    let bare = snapshot("a shared token, b shared token", "{}");
    let ada = user_at(&bare, "a", 0);
    let mut snapshot = recorded(bare, &[&format!("{ada}@a running")]);
    assert_eq!(due(&snapshot, "a", &there(&[]), Some(&there(&[]))), [over(&ada, 1)]);

    snapshot.next_placement = Some(placement::build(&snapshot.config.placement, &snapshot.config.hubs[1..]));

    assert_eq!(due(&snapshot, "a", &there(&[]), Some(&there(&[]))), []);
}

#[test]
fn nothing_is_over_while_the_stores_time_is_not_known() {
    let bare = snapshot(TWO, "{}");
    let ada = user_at(&bare, "a", 0);
    let snapshot = recorded(bare, &[&format!("{ada}@s failover")]);
    let (nobody, never) = (there(&[]), Moment { now: None, copy: None, ..moment() });
    let answer = |asked_at| Answer { asked_at, users: &nobody };
    let due = tidy(&snapshot, index(&snapshot, "s"), answer(at(90)), Some(answer(at(30))), |_| false, &never);
    assert_eq!(due, []);
}

/// ada, bob and eve at `s`: her time is over at 100 s, his a second later, eve's record lasts.
fn named(mut snapshot: Snapshot) -> (Snapshot, UserName) {
    let [ada, bob, eve] =
        ["ada", "bob", "eve"].map(|name| UserName::canonical(name, NameRule::Lower).unwrap());
    for (user, until) in [(&ada, Some(at(100))), (&bob, Some(at(101))), (&eve, None)] {
        let mut stands = assigned(user.as_str(), "s", Cause::Failover, Epoch::new(3).unwrap());
        (stands.provisional_until, stands.last_start) = (until, Some(at(40)));
        Arc::make_mut(&mut snapshot.exceptions).set_assignment(user, Some(stands));
    }
    (snapshot, ada)
}

#[test]
fn what_merely_named_users_claimed_at_a_hub_that_can_not_be_asked_lapses_when_its_time_is_over() {
    let without_token = "a shared token, s standby shared";
    assert_eq!(lapsed(&snapshot(without_token, "{}"), at(100), &moment()), []);
    let (stand, ada) = named(snapshot(without_token, "{}"));
    assert_eq!(lapsed(&stand, at(100), &moment()), [over(&ada, 3)]);
}

#[test]
fn what_merely_named_users_claimed_is_over_by_their_hubs_word_and_never_by_time_alone() {
    let (stand, ada) = named(snapshot(TWO, "{}"));
    assert_eq!(lapsed(&stand, at(9999), &moment()), []);
    assert_eq!(due(&stand, "s", &there(&[]), None), [over(&ada, 3)]);
    assert_eq!(due(&stand, "s", &there(&[(&ada, STARTS)]), None), []);
}

#[test]
fn a_record_at_a_home_that_can_never_be_asked_lapses_once_that_is_calm_and_the_start_long_ago() {
    let hubs = "a shared, s standby shared token";
    let bare = snapshot(hubs, "{}");
    let ada = user_at(&bare, "a", 0);
    let [here, there, pin] = ["a running", "s running", "a pin"].map(|record| format!("{ada}@{record}"));
    let told = |records: &[&str], now| lapsed(&recorded(snapshot(hubs, "{}"), records), at(now), &moment());

    assert_eq!(told(&[&here], 70), [over(&ada, 1)]);
    assert_eq!(told(&[&here], 69), [], "since 10 s, and failover.hold is a minute");
    assert_eq!(told(&[&here, "a changed 90"], 100), []);
    assert_eq!(told(&[&there], 100), [], "away from home only the hub's word counts");
    assert_eq!(told(&[&pin], 100), []);
    let asked = recorded(snapshot(TWO, "{}"), &[&here]);
    assert_eq!(lapsed(&asked, at(100), &moment()), [], "a hub that can be asked is waited for");
}

#[test]
fn a_start_counts_until_its_hub_was_asked_once_it_had_arrived() {
    let times = snapshot(TWO, "{}").times;
    let hub: HubId = "a".parse().unwrap();
    let start = |name, hub: &str, seconds| UnclaimedStart {
        user: UserName::canonical(name, NameRule::Lower).unwrap(),
        hub: hub.parse().unwrap(),
        at: at(seconds),
    };
    let told = [start("ada", "a", 69), start("bob", "a", 70), start("eve", "s", 90)];
    let names = |asked_at| -> Vec<String> {
        unaccounted(&told, &hub, asked_at, &times).map(|start| start.user.to_string()).collect()
    };
    assert_eq!(names(Some(at(100))), ["bob"]);
    assert_eq!(names(Some(at(101))), Vec::<String>::new());
    assert_eq!(names(None), ["ada", "bob"], "it was never asked");
}
