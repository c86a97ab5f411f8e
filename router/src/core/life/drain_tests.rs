//! The plan's numbers, its refusals, and the end of a drain.

use hubrouter_config::Intent;
use hubrouter_hub_adapter::names::NameRule;

use super::*;
use crate::core::life::reason::Reason;
use crate::core::life::test_lives::at;

fn id(name: &str) -> HubId {
    name.parse().unwrap()
}

fn residents(count: usize, running: bool, next: &Result<HubId, NoCandidate>) -> Vec<Resident> {
    (0..count)
        .map(|number| Resident {
            user: UserName::canonical(&format!("user{number}"), NameRule::Lower).unwrap(),
            running,
            next: next.clone(),
        })
        .collect()
}

fn loads(hubs: &[(&str, usize)]) -> BTreeMap<HubId, Load> {
    hubs.iter().map(|(name, servers)| (id(name), Load { servers: *servers, weight: 1000 })).collect()
}

fn word(at_deadline: AtDeadline, deadline: Option<StoreTime>) -> Word {
    Word {
        intent: Intent::Draining,
        who: String::new(),
        why: String::new(),
        since: at(1000),
        deadline,
        at_deadline,
        idle_for: 0,
        at_first: (0, 0),
        forced: false,
        configured: Intent::Active,
        before: None,
    }
}

fn facts(running: usize) -> DrainFacts {
    DrainFacts {
        users: 500,
        moved: 20,
        running_at_first: 100,
        running: Some(running),
        asked_at: Some(at(1060)),
        open_since: Some(at(1010)),
        idle_since: Some(at(900)),
        streams: 0,
    }
}

#[test]
fn the_plan_counts_who_goes_where() {
    let users = [residents(60, true, &Ok(id("b"))), residents(40, false, &Ok(id("c")))].concat();
    let plan = plan(&id("a"), &users, &loads(&[("a", 60), ("b", 60), ("c", 60)]), 0.0);

    assert_eq!((plan.users, plan.running, plan.stranded), (100, 60, 0));
    assert_eq!(plan.to, [(id("b"), 60), (id("c"), 40)].into());
    assert_eq!(plan.refusal(), None);
}

#[test]
fn a_drain_that_would_strand_users_is_refused_with_the_numbers() {
    let closed = Err(NoCandidate::AllClosed(vec![(id("b"), Reason::HubDown)]));
    let users = [residents(3, true, &closed), residents(7, false, &Ok(id("c")))].concat();
    let plan = plan(&id("a"), &users, &loads(&[("a", 3), ("c", 0)]), 0.0);

    assert_eq!(
        plan.refusal().unwrap().to_string(),
        "draining `a` would strand 3 of its 10 users: no hub of the pool is open: `b`: the hub is down"
    );
}

#[test]
fn a_drain_that_would_overload_a_hub_is_refused_where_a_bound_is_set() {
    let users = residents(60, true, &Ok(id("b")));
    let site = loads(&[("a", 60), ("b", 60), ("c", 60)]);

    let refused = plan(&id("a"), &users, &site, 1.25).refusal().unwrap();

    assert_eq!(
        refused.to_string(),
        "draining `a` would give `b` 120 servers, 60 now; placement.load_bound allows 75"
    );
    assert_eq!(plan(&id("a"), &users, &site, 2.5).refusal(), None);
    assert_eq!(plan(&id("a"), &users, &site, 0.0).refusal(), None);
}

#[test]
fn few_servers_never_overload_and_idle_users_bring_none() {
    let few = plan(&id("a"), &residents(20, true, &Ok(id("b"))), &loads(&[("a", 20), ("b", 20)]), 1.25);
    assert_eq!(few.refusal(), None);
    let idle = plan(&id("a"), &residents(900, false, &Ok(id("b"))), &loads(&[("a", 0), ("b", 60)]), 1.25);
    assert_eq!(idle.refusal(), None);
}

#[test]
fn a_drain_is_over_when_authority_says_so_and_no_stream_is_open() {
    assert!(is_drained(&facts(0)));
    for not_yet in [
        facts(1),
        DrainFacts { running: None, ..facts(0) },
        DrainFacts { streams: 1, ..facts(0) },
        DrainFacts { asked_at: Some(at(1005)), ..facts(0) },
        DrainFacts { asked_at: None, ..facts(0) },
        DrainFacts { open_since: None, ..facts(0) },
    ] {
        assert!(!is_drained(&not_yet), "{not_yet:?}");
    }
}

#[test]
fn the_end_is_estimated_by_what_has_ended() {
    let waiting = word(AtDeadline::Wait, None);
    let eta = |running| progress(&waiting, &facts(running), at(1100)).eta;
    assert_eq!(eta(100), Eta::Unknown);
    // Half of them in 100 s: the other half in as many.
    assert_eq!(eta(50), Eta::Estimate(at(1200)));
    assert_eq!(eta(0), Eta::Drained);
    assert_eq!(eta(120), Eta::Unknown);
}

#[test]
fn a_deadline_counts_where_idle_servers_are_stopped_then() {
    let eta = |word: &Word| progress(word, &facts(100), at(1100)).eta;
    assert_eq!(eta(&word(AtDeadline::StopIdle, Some(at(1500)))), Eta::Deadline(at(1500)));
    assert_eq!(eta(&word(AtDeadline::Wait, Some(at(1500)))), Eta::Unknown);
    assert_eq!(eta(&word(AtDeadline::StopIdle, Some(at(1050)))), Eta::Unknown);
}

#[test]
fn progress_tells_the_age_and_who_is_idle() {
    let progress = progress(&word(AtDeadline::Wait, None), &facts(50), at(4600));
    assert_eq!((progress.age, progress.idle_since), (Duration::from_secs(3600), Some(at(900))));
    assert_eq!((progress.users, progress.moved, progress.running), (500, 20, Some(50)));
}
