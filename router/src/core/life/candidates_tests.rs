//! Which hub is the next one, and the refusals when none is.

use hubrouter_config::Tier;
use proptest::prelude::{Just, Strategy, any, prop_oneof, proptest};

use super::*;

fn id(name: &str) -> HubId {
    name.parse().unwrap()
}

fn rank(names: &[&str]) -> Vec<Ranked> {
    let tier = |name: &str| if name.starts_with('s') { Tier::Standby } else { Tier::Active };
    names.iter().map(|name| Ranked { hub: id(name), tier: tier(name), score: 1.0 }).collect()
}

fn open() -> Standing {
    Standing {
        pool: Pool::Named("main".to_owned()),
        intent: Intent::Active,
        proxy: ProxyPlane::Up,
        hub: HubPlane::Up,
        spawning: Spawning::Ok,
        gate: Gate::Here,
    }
}

fn site(hubs: &[(&str, Standing)]) -> impl Fn(&HubId) -> Option<Standing> {
    move |hub| hubs.iter().find(|(name, _)| *name == hub.as_str()).map(|(_, standing)| standing.clone())
}

#[test]
fn the_first_open_hub_of_the_pool_is_next() {
    let down = Standing { hub: HubPlane::Down, ..open() };
    let foreign = Standing { pool: Pool::Named("lab".to_owned()), ..open() };
    let hubs = [("a", down.clone()), ("b", foreign), ("c", down), ("d", open()), ("s", open())];

    assert_eq!(next_open(&rank(&["a", "b", "c", "d", "s"]), &id("a"), site(&hubs)), Ok(&id("d")));
}

#[test]
fn the_home_is_a_candidate_of_who_is_elsewhere() {
    let draining = Standing { intent: Intent::Draining, ..open() };
    let hubs = [("a", open()), ("b", draining), ("c", open())];

    assert_eq!(next_open(&rank(&["a", "b", "c"]), &id("b"), site(&hubs)), Ok(&id("a")));
}

#[test]
fn a_cordoned_or_slow_hub_takes_back_its_own_user_and_nobody_elses() {
    for standing in [
        Standing { intent: Intent::Cordoned, gate: Gate::NewElsewhere, ..open() },
        Standing { hub: HubPlane::Slow, ..open() },
    ] {
        let hubs = [("a", standing), ("b", open()), ("c", open())];
        assert_eq!(next_open(&rank(&["a", "b", "c"]), &id("b"), site(&hubs)), Ok(&id("a")));
        assert_eq!(next_open(&rank(&["b", "a", "c"]), &id("b"), site(&hubs)), Ok(&id("c")));
    }
}

#[test]
fn a_local_hub_has_no_candidates_and_is_nobodys() {
    let local = Standing { pool: Pool::Own(id("a")), ..open() };
    let hubs = [("a", local), ("b", open())];

    let refused = next_open(&rank(&["a", "b"]), &id("a"), site(&hubs)).unwrap_err();
    assert_eq!(refused, NoCandidate::Local(id("a")));
    assert_eq!(next_open(&rank(&["b", "a"]), &id("b"), site(&hubs)), Err(NoCandidate::Alone(id("b"))));
}

#[test]
fn the_refusal_names_each_hub_and_what_closes_it() {
    let hubs = [
        ("a", open()),
        ("b", Standing { hub: HubPlane::Down, ..open() }),
        ("s", Standing { intent: Intent::Draining, ..open() }),
    ];

    let refused = next_open(&rank(&["a", "b", "s"]), &id("a"), site(&hubs)).unwrap_err();

    assert_eq!(
        refused.to_string(),
        "no hub of the pool is open: `b`: the hub is down; `s`: the hub is being drained"
    );
    assert_eq!(
        NoCandidate::Local(id("a")).to_string(),
        "hub `a` has local storage: its users' files are there alone, and nobody moves"
    );
    assert_eq!(NoCandidate::Alone(id("a")).to_string(), "no other hub shares the storage of `a`");
}

fn standing() -> impl Strategy<Value = Standing> {
    let pool = prop_oneof![
        Just(Pool::Named("main".to_owned())),
        Just(Pool::Named("lab".to_owned())),
        Just(Pool::Own(id("x")))
    ];
    let intent = prop_oneof![
        Just(Intent::Active),
        Just(Intent::Cordoned),
        Just(Intent::Draining),
        Just(Intent::Maintenance)
    ];
    (pool, intent, any::<bool>(), any::<bool>(), any::<bool>()).prop_map(|(pool, intent, proxy, hub, ok)| {
        Standing {
            pool,
            intent,
            proxy: if proxy { ProxyPlane::Up } else { ProxyPlane::Down },
            hub: if hub { HubPlane::Up } else { HubPlane::Down },
            spawning: if ok { Spawning::Ok } else { Spawning::Failing },
            gate: Gate::Here,
        }
    })
}

const NAMES: [&str; 5] = ["a", "b", "c", "s1", "s2"];

proptest! {
    #[test]
    fn a_candidate_is_open_of_the_same_pool_and_no_standby_comes_before_an_open_active_hub(
        hubs in proptest::collection::vec(standing(), NAMES.len()), from in 0..NAMES.len(),
    ) {
        let hubs: Vec<(&str, Standing)> = NAMES.into_iter().zip(hubs).collect();
        let rank = rank(&NAMES);
        let pool = hubs[from].1.pool.clone();
        let takes = |place: usize| {
            let (name, standing) = &hubs[place];
            *name != NAMES[from] && standing.pool == pool && standing.closed_to(place == 0).is_none()
        };

        match next_open(&rank, &id(NAMES[from]), site(&hubs)) {
            Ok(next) => {
                let place = NAMES.iter().position(|name| *name == next.as_str()).unwrap();
                assert!(takes(place) && pool != Pool::Own(id("x")));
                if rank[place].tier == Tier::Standby {
                    assert!(!(0..place).any(|earlier| rank[earlier].tier == Tier::Active && takes(earlier)));
                }
            }
            Err(_) => assert!(pool == Pool::Own(id("x")) || !(0..NAMES.len()).any(takes)),
        }
    }
}
