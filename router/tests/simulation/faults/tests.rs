//! Schedules are what they promise.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::{Edge, Kind, Plan, Schedule, Target};

fn plan() -> Plan {
    Plan {
        hubs: 3,
        replicas: 3,
        users: 20,
        from: Duration::from_secs(120),
        until: Duration::from_secs(3600),
        faults: 8,
        kinds: BTreeSet::new(),
    }
}

#[test]
fn a_seed_gives_one_schedule_and_one_line_tells_it() {
    let schedule = Schedule::draw(7, &plan());

    assert_eq!(schedule, Schedule::draw(7, &plan()));
    assert_ne!(schedule, Schedule::draw(8, &plan()));
    let line = schedule.to_string();
    assert_eq!(line.matches("; ").count() + 1, schedule.faults.len(), "{line}");
    assert!(!line.contains('\n'));
    assert_eq!(schedule.without(0).faults, schedule.faults[1..]);
}

#[test]
fn everything_ends_in_time_and_nothing_goes_wrong_twice_at_once() {
    for seed in 0..300 {
        let schedule = Schedule::draw(seed, &plan());
        let mut open: BTreeMap<Target, usize> = BTreeMap::new();
        for (at, edge, number) in schedule.edges() {
            assert!((plan().from..plan().until).contains(&at), "{seed}: {schedule}");
            for target in schedule.faults[number].what.targets() {
                let now = match edge {
                    Edge::Begin => open.insert(target, number),
                    Edge::End => open.remove(&target).filter(|began| *began != number),
                };
                assert_eq!(now, None, "{seed}: {schedule}");
            }
        }
        assert!(open.is_empty());
    }
}

#[test]
fn every_kind_is_drawn_and_only_those_that_are_asked_for() {
    let seen = |kinds: &[Kind]| {
        let plan = Plan { kinds: kinds.iter().copied().collect(), ..plan() };
        let all = (0..300).flat_map(|seed| Schedule::draw(seed, &plan).faults);
        all.map(|fault| format!("{:?}", fault.what).split(['(', ' ']).next().unwrap().to_owned())
            .collect::<BTreeSet<_>>()
    };
    assert_eq!(seen(&[]).len(), 19);
    assert_eq!(
        seen(&[Kind::Replicas]),
        BTreeSet::from(["ReplicaDies", "ReplicaRollsOut"].map(str::to_owned))
    );
}
