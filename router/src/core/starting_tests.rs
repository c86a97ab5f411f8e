//! Where starts go, by every kind of plan and for every reason.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use hubrouter_config::Storage;
use hubrouter_hub_adapter::names::{NameRule, UserName};

use super::*;
use crate::core::life::records::Epoch;
use crate::core::life::time::StoreTime;
use crate::core::moment::{Clock, Knowledge};
use crate::core::placement;
use crate::core::sketch_tests::{another, assigned, at, index, recorded, snapshot, user_at};

/// 100 s by the store, with a copy of this instant.
fn calm_moment() -> Moment {
    Moment {
        now: Some(at(100)),
        copy: Some(CopyOfStore::ReadAt(at(100))),
        silent_for: None,
        heard: None,
        behind: false,
    }
}

/// The store has been silent for so long, and was heard at `heard`.
fn silent(silent_for: u64, heard: Instant) -> Moment {
    Moment {
        copy: Some(CopyOfStore::Unreachable { since: at(100 - silent_for.min(50)) }),
        silent_for: Some(Duration::from_secs(silent_for)),
        heard: Some(heard),
        ..calm_moment()
    }
}

fn starter(user: &UserName) -> Starter {
    Starter { user: user.clone(), identity: Identity::Proven, chosen: None, trial: false }
}

/// The plan in words, for the first user of `a`.
fn plan(hubs: &str, records: &[&str]) -> String {
    plan_at(hubs, records, &calm_moment())
}

fn plan_at(hubs: &str, records: &[&str], moment: &Moment) -> String {
    let bare = snapshot(hubs, "{}");
    let ada = user_at(&bare, "a", 0);
    let records: Vec<String> =
        records.iter().map(|record| record.replace("ada@", &format!("{ada}@"))).collect();
    let records: Vec<&str> = records.iter().map(String::as_str).collect();
    let snapshot = recorded(bare, &records);
    words(&snapshot, &start_of(&snapshot, &starter(&ada), moment).expect("there are hubs"))
}

fn words(snapshot: &Snapshot, plan: &StartPlan) -> String {
    let id = |hub: HubIndex| snapshot.id(hub).to_string();
    match plan {
        StartPlan::Go(hub) => format!("go {}", id(*hub)),
        StartPlan::Claim(claiming) => {
            let why = claiming.because.map_or("no reason", NotCalm::label);
            match &claiming.facts.way {
                Way::Owner => format!("claim {}: {why}", claiming.facts.owner.hub),
                Way::Hold => format!("hold at {}", claiming.facts.owner.hub),
                Way::Elsewhere { to, whom, cause, ask } => {
                    let ask = match ask {
                        AskFirst::Ask => "ask",
                        AskFirst::CannotBeAsked => "unasked",
                    };
                    format!("claim {} for {whom:?} by {}, {ask}: {why}", to.hub, cause.label())
                }
            }
        }
        StartPlan::Wait { hub, why: StartWaits::Hub(why) } => format!("wait {}: {why}", id(*hub)),
        StartPlan::Wait { hub, why: StartWaits::Directory } => format!("wait {}: directory", id(*hub)),
        StartPlan::Page { hub, page, why } => format!("page {page:?} of {}: {why}", id(*hub)),
        StartPlan::NotThere { chosen, owner } => format!("not {} but {}", id(*chosen), id(*owner)),
    }
}

const TWO: &str = "a shared token, s standby shared token";

#[test]
fn a_start_goes_home_at_once_where_nothing_speaks_against_it() {
    assert_eq!(plan(TWO, &[]), "go a");
    assert_eq!(plan("a", &[]), "go a", "also a hub that nobody can leave and that cannot be asked");
}

#[test]
fn every_reason_against_calm_makes_the_start_claim_at_home() {
    for (records, why) in [(&["a changed 71"][..], "state_changed"), (&["ada@a running"], "assigned")] {
        let told = plan(TWO, records);
        assert!(told.starts_with("claim a: ") && told.ends_with(why), "{records:?}: {told}");
    }
    let old = Moment { copy: Some(CopyOfStore::ReadAt(at(94))), ..calm_moment() };
    assert_eq!(plan_at(TWO, &[], &old), "claim a: copy_too_old");
    let soon = Moment { now: Some(at(79)), copy: Some(CopyOfStore::ReadAt(at(79))), ..calm_moment() };
    assert_eq!(plan_at(TWO, &["a cordoned"], &soon), "claim a: intent_changed", "the word is of 50 s");
}

#[test]
fn an_own_view_that_changed_lately_is_as_bad_as_a_recorded_one() {
    let mut snapshot = snapshot(TWO, "{}");
    let ada = user_at(&snapshot, "a", 0);
    for (state, intent, told) in [(80, 0, "state_changed"), (0, 80, "intent_changed"), (70, 70, "go a")] {
        let view = &mut snapshot.hubs[0];
        (view.seen_since, view.intent_since) = (at(state), at(intent));
        let plan = start_of(&snapshot, &starter(&ada), &calm_moment()).unwrap();
        assert!(words(&snapshot, &plan).ends_with(told), "{plan:?}");
    }
}

#[test]
fn a_placement_that_has_just_become_active_makes_starts_claim() {
    let mut snapshot = snapshot(TWO, "{}");
    let ada = user_at(&snapshot, "a", 0);
    let active = crate::core::life::records::ActivePlacement::of(&snapshot.config.placement, &[]);
    let record = crate::core::life::records::PlacementRecord::first(active, at(71));
    Arc::make_mut(&mut snapshot.exceptions).set_placement(Some(record));
    let plan = start_of(&snapshot, &starter(&ada), &calm_moment()).unwrap();
    assert_eq!(words(&snapshot, &plan), "claim a: placement_changed");
}

#[test]
fn only_who_moves_by_an_announced_placement_claims_at_the_present_home() {
    let mut snapshot = snapshot("a shared token, b shared token", "{}");
    let [ada, bob] = ["a", "b"].map(|hub| user_at(&snapshot, hub, 0));
    snapshot.next_placement = Some(placement::build(&snapshot.config.placement, &snapshot.config.hubs[1..]));

    let plan = |user: &UserName| {
        let plan = start_of(&snapshot, &starter(user), &calm_moment()).unwrap();
        words(&snapshot, &plan)
    };

    assert_eq!((plan(&ada), plan(&bob)), ("claim a: placement_changed".to_owned(), "go b".to_owned()));
}

#[test]
fn a_directory_that_was_never_read_lets_nobody_start() {
    let never = Knowledge::default().at(Instant::now(), &snapshot(TWO, "{}").times);
    assert_eq!(plan_at(TWO, &[], &never), "wait a: directory");
    assert_eq!(plan_at(TWO, &["a draining", "a open everybody drain"], &never), "wait a: directory");
}

#[test]
fn an_unreachable_store_stops_claims_and_no_start_at_a_calm_home() {
    let heard = Instant::now() + Duration::from_secs(1000);
    assert_eq!(plan_at(TWO, &[], &silent(7, heard)), "go a");
    assert_eq!(plan_at(TWO, &["a changed 90"], &silent(7, heard)), "wait a: directory");
    assert_eq!(plan_at(TWO, &["ada@s drain"], &silent(7, heard)), "wait s: directory");
    assert_eq!(
        plan_at(TWO, &["a draining", "a open everybody drain"], &silent(7, heard)),
        "wait a: directory"
    );
}

#[test]
fn after_a_long_silence_nothing_starts_unasked_but_where_nobody_can_be_sent_away() {
    let heard = Instant::now() + Duration::from_hours(2);
    assert_eq!(plan_at(TWO, &[], &silent(119, heard)), "go a");
    assert_eq!(plan_at(TWO, &[], &silent(120, heard)), "wait a: directory");
    let local = "a token, s standby token";
    assert_eq!(plan_at(local, &[], &silent(120, heard)), "go a");
    assert_eq!(plan_at(local, &[], &silent(50 * 60, heard)), "wait a: directory");
}

#[test]
fn a_home_whose_hub_failed_since_the_store_was_heard_gets_no_unasked_start() {
    let mut snapshot = snapshot(TWO, "{}");
    let ada = user_at(&snapshot, "a", 0);
    let heard = Instant::now();
    let failed = crate::core::health::ProbeResult {
        seen: crate::core::health::Seen::Failed("refused".into()),
        took: Duration::ZERO,
    };
    let rules = crate::core::health::Rules { fall: 3, rise: 1, hold: Duration::ZERO };
    let told = |snapshot: &Snapshot| {
        let plan = start_of(snapshot, &starter(&ada), &silent(7, heard)).unwrap();
        words(snapshot, &plan)
    };
    assert_eq!(told(&snapshot), "go a");

    let plane = crate::core::health::Plane::Hub;
    let view = &mut snapshot.hubs[0];
    let good = crate::core::health::ProbeResult { seen: crate::core::health::Seen::Ok, ..failed.clone() };
    view.health = view.health.clone().step(&rules, plane, &good, heard);
    view.health = view.health.clone().step(&rules, plane, &failed, heard + Duration::from_secs(1));

    assert_eq!(snapshot.hubs[0].health.hub.verdict, HubPlane::Up, "one failure is no verdict");
    assert_eq!(told(&snapshot), "wait a: directory");
}

#[test]
fn a_store_that_lost_writes_gives_no_claims() {
    let behind = Moment { behind: true, ..calm_moment() };
    assert_eq!(plan_at(TWO, &["ada@s drain"], &behind), "wait s: directory");
    assert_eq!(plan_at(TWO, &["a draining", "a open everybody drain"], &behind), "wait a: directory");
}

#[test]
fn a_drained_hub_lets_its_users_go_by_a_claim_that_asks_it_first() {
    let closed = ["a draining", "a closed everybody drain"];
    let open = ["a draining", "a open everybody drain"];
    assert_eq!(plan(TWO, &closed), "wait a: closing");
    assert_eq!(plan(TWO, &open), "claim s for Everybody by drain, ask: no reason");
    assert_eq!(plan("a shared token", &open), "page Draining of a: nobody_open");
    assert_eq!(plan("a token, b token", &["a draining"]), "page Draining of a: local_storage");
}

#[test]
fn a_hub_in_maintenance_shows_its_page_where_nobody_takes_its_users() {
    let open = ["a maintenance", "a open everybody maintenance"];
    assert_eq!(plan(TWO, &open), "claim s for Everybody by maintenance, ask: no reason");
    assert_eq!(plan("a token, b token", &["a maintenance"]), "page Maintenance of a: local_storage");
    assert_eq!(
        plan("a shared token: maintenance, s standby shared token: down", &[]),
        "page Maintenance of a: nobody_open"
    );
}

#[test]
fn a_hub_that_cannot_be_asked_lets_its_idle_users_go_once_its_record_is_open() {
    let failed_over = ["a open everybody failover"];
    assert_eq!(plan("a shared token: down, s shared standby token", &[]), "wait a: hub_down");
    assert_eq!(
        plan("a shared token: down, s shared standby token", &failed_over),
        "claim s for Everybody by failover, unasked: no reason"
    );
    assert_eq!(
        plan("a attached token: down, s attached token standby", &failed_over),
        "wait a: attached_storage"
    );
    assert_eq!(plan("a shared token: starting, s shared standby token", &[]), "wait a: hub_starting");
    assert_eq!(plan("a shared token: proxy-down, s shared standby token", &[]), "wait a: proxy_down");
}

#[test]
fn a_forced_drain_of_a_hub_without_a_token_asks_nobody() {
    let open = ["a draining", "a open everybody drain"];
    assert_eq!(
        plan("a shared, s standby shared token", &open),
        "claim s for Everybody by drain, unasked: no reason"
    );
}

#[test]
fn only_new_users_leave_a_hub_that_takes_no_new_ones_and_the_hub_says_who_is_new() {
    let open = ["a cordoned", "a open new cordon"];
    assert_eq!(plan(TWO, &open), "claim s for New by cordon, ask: closed");
    let without_token = plan("a shared, s standby shared token", &open);
    assert_eq!(without_token, "claim a: closed", "nobody can tell, so everybody stays");
    assert_eq!(plan(TWO, &["a cordoned", "a open new cordon", "ada@a running"]), "claim a: assigned");
}

#[test]
fn who_is_assigned_starts_there_and_by_a_claim() {
    assert_eq!(plan(TWO, &["ada@s failover"]), "claim s: assigned");
    assert_eq!(plan("a shared token, s standby shared token: down", &["ada@s failover"]), "wait s: hub_down");
}

#[test]
fn who_is_assigned_to_a_drained_hub_goes_on_by_its_word() {
    let open = ["s draining", "s open everybody drain", "ada@s failover"];
    assert_eq!(plan(TWO, &open), "claim a for Everybody by drain, ask: no reason", "home again");
}

#[test]
fn who_is_pinned_to_a_drained_hub_stays() {
    assert_eq!(plan(TWO, &["s draining", "s open everybody drain", "ada@s pin"]), "claim s: assigned");
}

#[test]
fn a_start_that_may_still_be_on_its_way_counts_as_running() {
    let mut snapshot = recorded(snapshot(TWO, "{}"), &["s draining", "s open everybody drain"]);
    let ada = user_at(&snapshot, "a", 0);
    let mut told = |last_start: u64| {
        let mut stands = assigned(ada.as_str(), "s", Cause::Failover, Epoch::new(9).unwrap());
        stands.last_start = Some(at(last_start));
        Arc::make_mut(&mut snapshot.exceptions).set_assignment(&ada, Some(stands));
        let plan = start_of(&snapshot, &starter(&ada), &calm_moment()).unwrap();
        words(&snapshot, &plan)
    };
    assert_eq!(told(71), "claim s: assigned");
    assert!(told(70).starts_with("claim a for Everybody by drain, ask"));
}

#[test]
fn an_assignment_to_a_hub_that_does_not_exist_is_ignored() {
    assert_eq!(plan(TWO, &["ada@gone drain"]), "go a");
}

#[test]
fn one_start_in_ten_is_tried_at_a_hub_where_starts_fail() {
    let snapshot = recorded(snapshot(TWO, "{}"), &["a failing", "a open everybody spawn_failing"]);
    let ada = user_at(&snapshot, "a", 0);
    let told = |trial| {
        let plan = start_of(&snapshot, &Starter { trial, ..starter(&ada) }, &calm_moment()).unwrap();
        words(&snapshot, &plan)
    };
    assert_eq!(told(false), "claim s for Everybody by spawn_failing, ask: no reason");
    assert_eq!(told(true), "claim a: closed");
}

/// The plan of somebody at home on `a` who chose `b`.
fn chosen(hubs: &str, records: &[&str]) -> String {
    let bare = snapshot(hubs, "{}");
    let ada = user_at(&bare, "a", 0);
    let records: Vec<String> =
        records.iter().map(|record| record.replace("ada@", &format!("{ada}@"))).collect();
    let records: Vec<&str> = records.iter().map(String::as_str).collect();
    let snapshot = recorded(bare, &records);
    let starter = Starter { chosen: Some(index(&snapshot, "b")), ..starter(&ada) };
    words(&snapshot, &start_of(&snapshot, &starter, &calm_moment()).expect("there are hubs"))
}

#[test]
fn a_chosen_hub_gets_a_start_by_the_owner_hubs_word_and_inside_its_pool_only() {
    let both = "a shared token, b shared token";
    assert_eq!(chosen(both, &[]), "hold at a", "until every replica claims their starts");
    assert_eq!(chosen(both, &["ada@a move"]), "claim b for Everybody by move, ask: no reason");
    assert_eq!(chosen("a token, b token", &[]), "not b but a", "local storage");
    assert_eq!(chosen("a shared, b shared token", &[]), "not b but a", "nobody can be asked");
    assert_eq!(chosen("a shared token, b token", &[]), "not b but a", "another pool");
    assert_eq!(chosen(both, &["ada@a pin"]), "not b but a");
    assert_eq!(chosen("a shared token: down, b shared token", &[]), "wait a: may_run");
    assert_eq!(chosen("a shared token, b shared token: down", &[]), "wait b: hub_down");
    assert_eq!(chosen(both, &["ada@b move"]), "claim b: assigned", "it is the owner hub");
}

#[test]
fn a_claim_names_what_it_was_decided_by() {
    let snapshot = recorded(snapshot(TWO, "{}"), &["a draining", "a open everybody drain"]);
    let ada = user_at(&snapshot, "a", 0);
    let plan = start_of(&snapshot, &starter(&ada), &calm_moment()).unwrap();
    let StartPlan::Claim(claiming) = plan else { panic!("{plan:?}") };
    assert_eq!(claiming.facts.owner.epoch, Epoch::new(2).unwrap());
    assert_eq!((claiming.facts.user_epoch, claiming.placement), (None, None));
    assert_eq!(claiming.facts.owner_says, OwnerSays::NotAsked);
}

#[test]
fn a_start_that_nobody_could_remember_claims_at_its_calm_home() {
    let snapshot = snapshot(TWO, "{}");
    let ada = user_at(&snapshot, "a", 0);
    let claimed = |moment: &Moment| {
        let plan = claimed_start_of(&snapshot, &starter(&ada), moment).unwrap();
        words(&snapshot, &plan)
    };
    assert_eq!(claimed(&calm_moment()), "claim a: no reason");
    assert_eq!(claimed(&silent(7, Instant::now() + Duration::from_secs(1000))), "wait a: directory");
}

#[test]
fn only_a_calm_hub_is_calm() {
    let snapshot = recorded(snapshot(TWO, "{}"), &["s changed 90"]);
    assert!(is_calm(&snapshot, index(&snapshot, "a"), &calm_moment()));
    assert!(!is_calm(&snapshot, index(&snapshot, "s"), &calm_moment()));
}

const STATES: [&str; 6] = ["", ": slow", ": starting", ": down", ": proxy-down", ": dead"];
const INTENTS: [&str; 4] = ["active", "cordoned", "draining", "maintenance"];
const GATES: [&str; 5] =
    ["changed 0", "closed new cordon", "closed everybody drain", "open new cordon", "open everybody drain"];
const STORAGES: [&str; 3] = ["", " shared", " attached"];
const ASSIGNED: [&str; 5] = ["", "ada@a running", "ada@a pin", "ada@s failover", "ada@gone drain"];

/// All moments: everything known, never read, silent for a while and for long, behind.
fn moments() -> Vec<Moment> {
    let known = Knowledge {
        clock: Some(Clock { store: at(100), at: Instant::now() }),
        in_step: Some(Instant::now()),
        heard: Some(Instant::now()),
        behind: false,
    };
    let times = snapshot(TWO, "{}").times;
    let in_time = |seconds| known.at(Instant::now() + Duration::from_secs(seconds), &times);
    vec![
        in_time(0),
        Knowledge::default().at(Instant::now(), &times),
        in_time(10),
        in_time(300),
        Moment { behind: true, ..in_time(0) },
    ]
}

#[test]
fn every_situation_has_a_plan_that_keeps_the_rules() {
    let mut plans = 0;
    let mut kinds = BTreeSet::new();
    for state in STATES {
        for storage in STORAGES {
            for token in ["", " token"] {
                let hubs = format!("a{storage}{token}{state}, s{storage}{token} standby");
                let bare = snapshot(&hubs, "{}");
                let ada = user_at(&bare, "a", 0);
                for intent in INTENTS {
                    for gate in GATES {
                        for assigned in ASSIGNED {
                            for failing in [false, true] {
                                let records = [
                                    format!("a {intent}"),
                                    format!("a {gate}"),
                                    assigned.replace("ada@", &format!("{ada}@")),
                                    if failing { "a failing".to_owned() } else { String::new() },
                                ];
                                let given: Vec<&str> =
                                    records.iter().map(String::as_str).filter(|it| !it.is_empty()).collect();
                                let snapshot = recorded(another(&bare), &given);
                                for moment in moments() {
                                    for (trial, choice) in [(false, None), (true, None), (false, Some("s"))] {
                                        let chosen = choice.map(|hub| index(&snapshot, hub));
                                        let starter = Starter { trial, chosen, ..starter(&ada) };
                                        let plan =
                                            start_of(&snapshot, &starter, &moment).expect("there are hubs");
                                        keeps_the_rules(&snapshot, &starter, &moment, &plan);
                                        kinds.insert(
                                            words(&snapshot, &plan)
                                                .split(' ')
                                                .next()
                                                .unwrap_or_default()
                                                .to_owned(),
                                        );
                                        plans += 1;
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
    assert_eq!(plans, 6 * 3 * 2 * 4 * 5 * 5 * 2 * 5 * 3);
    assert_eq!(kinds, ["claim", "go", "hold", "not", "page", "wait"].map(str::to_owned).into());
}

fn keeps_the_rules(snapshot: &Snapshot, starter: &Starter, moment: &Moment, plan: &StartPlan) {
    let place = snapshot.whereabouts(&starter.user).unwrap();
    let view = snapshot.hub(place.at);
    match plan {
        StartPlan::Go(hub) => {
            assert!(*hub == place.at && place.assignment.is_none(), "unasked only at home");
            assert!(view.is_plain() && moment.now.is_some(), "{plan:?}");
            assert_eq!(view.health.proxy.verdict, crate::core::health::ProxyPlane::Up);
        }
        StartPlan::Claim(claiming) => {
            assert!(moment.silent_for.is_none() && !moment.behind && moment.copy.is_some());
            assert_eq!(claiming.owner, place.at);
            if let Way::Elsewhere { to, ask, .. } = &claiming.facts.way {
                assert_ne!(view.hub.storage, Storage::Local, "nobody leaves a hub with local storage");
                assert_ne!(to.hub, *snapshot.id(place.at));
                assert_eq!(*ask == AskFirst::Ask, may_be_asked(view) && answers(view), "{plan:?}");
                assert!(!place.assignment.is_some_and(|it| it.cause == Cause::Pin), "{plan:?}");
            }
        }
        StartPlan::Wait { .. } | StartPlan::Page { .. } => {}
        StartPlan::NotThere { chosen, .. } => assert_eq!(Some(*chosen), starter.chosen),
    }
}

#[test]
fn a_site_without_the_users_home_has_no_plan() {
    let mut snapshot = snapshot("a", "{}");
    snapshot.hubs.clear();
    let ada = UserName::canonical("ada", NameRule::Lower).unwrap();
    assert_eq!(start_of(&snapshot, &starter(&ada), &calm_moment()), None);
    assert_eq!(StoreTime::default(), snapshot.exceptions.placement_since());
}
