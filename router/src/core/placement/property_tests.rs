//! What holds for every site: balance, few moves, weights, tiers. Both algorithms must pass all of it.

use std::collections::BTreeSet;

use hubrouter_config::{Algorithm, Tier};
use proptest::prelude::*;

use super::test_sites::{ALGORITHMS, active, counts, crowd, equal_hubs, homes, moves, standby, user};
use super::{Member, of};

/// A crowd that is large enough to see a needless move, small enough to try many sites.
const USERS: usize = 400;

fn sites() -> impl Strategy<Value = Vec<Member>> {
    let hub = ("[a-z0-9][a-z0-9-]{0,7}", 1_u32..=8_000, prop::bool::weighted(0.8));
    prop::collection::vec(hub, 1..7).prop_map(|hubs| {
        let mut seen = BTreeSet::new();
        hubs.into_iter()
            .filter(|(id, ..)| seen.insert(id.clone()))
            .map(|(id, weight, is_active)| if is_active { active(&id, weight) } else { standby(&id, weight) })
            .collect()
    })
}

fn names() -> impl Strategy<Value = String> {
    "[^\\x00-\\x1f\\x7f-\\x9f/\\\\]{1,40}".prop_filter("no dot segment", |name| name != "." && name != "..")
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn the_order_of_the_list_is_irrelevant(hubs in sites(), name in names()) {
        let mut turned = hubs.clone();
        turned.reverse();
        for algorithm in ALGORITHMS {
            let user = user(&name);
            prop_assert_eq!(of(algorithm, "s", &hubs).rank(&user), of(algorithm, "s", &turned).rank(&user));
        }
    }

    #[test]
    fn every_instance_says_the_same(hubs in sites(), name in names(), seed in ".{0,20}") {
        for algorithm in ALGORITHMS {
            let user = user(&name);
            prop_assert_eq!(of(algorithm, &seed, &hubs).rank(&user), of(algorithm, &seed, &hubs).rank(&user));
        }
    }

    #[test]
    fn the_rank_names_every_hub_once_active_ones_first_by_falling_score(hubs in sites(), name in names()) {
        for algorithm in ALGORITHMS {
            let ranked = of(algorithm, "s", &hubs).rank(&user(&name));
            let ids: BTreeSet<_> = ranked.iter().map(|ranked| ranked.hub.clone()).collect();
            prop_assert_eq!(ids.len(), hubs.len());
            prop_assert_eq!(ranked.len(), hubs.len());
            prop_assert!(ranked.is_sorted_by(|a, b| (a.tier, -a.score) <= (b.tier, -b.score)));
        }
    }

    #[test]
    fn the_home_is_the_first_of_the_rank(hubs in sites(), name in names()) {
        for algorithm in ALGORITHMS {
            let placement = of(algorithm, "s", &hubs);
            let user = user(&name);
            let first = placement.rank(&user).into_iter().map(|ranked| ranked.hub).next();
            prop_assert_eq!(placement.home(&user).cloned(), first);
        }
    }

    #[test]
    fn only_the_users_of_a_removed_hub_move(hubs in sites(), which: prop::sample::Index) {
        let removed = which.get(&hubs).clone();
        let rest: Vec<Member> = hubs.iter().filter(|hub| **hub != removed).cloned().collect();
        // Without an active hub left the standbys take over: that is another tier, not another order.
        prop_assume!(rest.iter().any(|hub| hub.tier == Tier::Active));
        for algorithm in ALGORITHMS {
            for (from, _) in moves(algorithm, &hubs, &rest, &crowd(USERS)) {
                prop_assert_eq!(&from, &removed.id);
            }
        }
    }

    #[test]
    fn an_added_hub_only_takes(hubs in sites(), weight in 1_u32..=8_000) {
        prop_assume!(hubs.iter().any(|hub| hub.tier == Tier::Active));
        let added = active("the-new-one", weight);
        let more: Vec<Member> = hubs.iter().cloned().chain([added.clone()]).collect();
        for algorithm in ALGORITHMS {
            for (_, to) in moves(algorithm, &hubs, &more, &crowd(USERS)) {
                prop_assert_eq!(&to, &added.id);
            }
        }
    }

    #[test]
    fn a_hub_that_gains_weight_only_takes(hubs in sites(), which: prop::sample::Index, more in 1_u32..=8_000) {
        let mut raised = hubs.clone();
        let hub = which.index(hubs.len());
        raised[hub].thousandths += more;
        for algorithm in ALGORITHMS {
            for (_, to) in moves(algorithm, &hubs, &raised, &crowd(USERS)) {
                prop_assert_eq!(&to, &hubs[hub].id);
            }
        }
    }

    #[test]
    fn the_rest_keeps_its_order_when_a_hub_leaves(hubs in sites(), which: prop::sample::Index, name in names()) {
        let removed = which.get(&hubs).clone();
        let rest: Vec<Member> = hubs.iter().filter(|hub| **hub != removed).cloned().collect();
        for algorithm in ALGORITHMS {
            let order = |members: &[Member]| -> Vec<_> {
                let ranked = of(algorithm, "s", members).rank(&user(&name));
                ranked.into_iter().map(|ranked| ranked.hub).filter(|hub| *hub != removed.id).collect()
            };
            prop_assert_eq!(order(&hubs), order(&rest));
        }
    }

    #[test]
    fn changes_in_standby_move_nobody(hubs in sites(), weight in 1_u32..=8_000) {
        prop_assume!(hubs.iter().any(|hub| hub.tier == Tier::Active));
        let more: Vec<Member> = hubs.iter().cloned().chain([standby("the-new-one", weight)]).collect();
        for algorithm in ALGORITHMS {
            prop_assert_eq!(moves(algorithm, &hubs, &more, &crowd(USERS)), vec![]);
        }
    }
}

/// The fullest and the emptiest hub relative to the mean, for 20,000 users on equal hubs and the worst of three seeds.
fn extremes(algorithm: Algorithm, hubs: usize) -> (f64, f64) {
    let users = crowd(20_000);
    let (mut fullest, mut emptiest) = (0.0_f64, f64::MAX);
    for seed in ["", "two", "three"] {
        let homes = homes(&of(algorithm, seed, &equal_hubs(hubs)), &users);
        let mean = users.len() as f64 / hubs as f64;
        let counts = counts(&homes);
        assert_eq!(counts.len(), hubs);
        fullest = fullest.max(*counts.values().max().unwrap() as f64 / mean);
        emptiest = emptiest.min(*counts.values().min().unwrap() as f64 / mean);
    }
    (fullest, emptiest)
}

/// Four standard deviations of what fair dice would do: by chance one hub in 16,000 would be outside.
fn noise(hubs: usize) -> f64 {
    4.0 * ((hubs - 1) as f64 / 20_000.0).sqrt()
}

#[test]
fn rendezvous_is_as_even_as_fair_dice() {
    for hubs in [2, 3, 8, 32] {
        let (fullest, emptiest) = extremes(Algorithm::Rendezvous, hubs);
        assert!(fullest < 1.0 + noise(hubs), "{hubs} hubs: {fullest}");
        assert!(emptiest > 1.0 - noise(hubs), "{hubs} hubs: {emptiest}");
    }
}

#[test]
fn the_ring_is_even_up_to_a_tenth_above_dice() {
    for hubs in [2, 3, 8, 32] {
        let (fullest, emptiest) = extremes(Algorithm::Ring, hubs);
        assert!(fullest < 1.1 + noise(hubs), "{hubs} hubs: {fullest}");
        assert!(emptiest > 0.9 - noise(hubs), "{hubs} hubs: {emptiest}");
    }
}

#[test]
fn weights_are_kept() {
    let hubs = [active("a", 1000), active("b", 2000), active("c", 4000)];
    let users = crowd(14_000);
    for (algorithm, tolerance) in [(Algorithm::Rendezvous, 0.06), (Algorithm::Ring, 0.12)] {
        let homes = homes(&of(algorithm, "seed", &hubs), &users);
        for (hub, share) in [("a", 2000.0), ("b", 4000.0), ("c", 8000.0)] {
            let ratio = counts(&homes)[hub] as f64 / share;
            assert!((ratio - 1.0).abs() < tolerance, "{algorithm:?} {hub}: {ratio}");
        }
    }
}

#[test]
fn the_users_of_a_lost_hub_spread_over_all_others() {
    let (hubs, users) = (equal_hubs(8), crowd(16_000));
    for algorithm in ALGORITHMS {
        let taken = moves(algorithm, &hubs, &hubs[1..], &users);
        let to: Vec<_> = taken.iter().map(|(_, to)| to.clone()).collect();
        let mean = to.len() as f64 / 7.0;
        assert_eq!(counts(&to).len(), 7);
        assert!(
            counts(&to).values().all(|&count| (count as f64) < 1.35 * mean),
            "{algorithm:?} {:?}",
            counts(&to)
        );
    }
}

#[test]
fn another_seed_moves_users() {
    let (hubs, users) = (equal_hubs(2), crowd(1000));
    for algorithm in ALGORITHMS {
        let one = homes(&of(algorithm, "one", &hubs), &users);
        let two = homes(&of(algorithm, "two", &hubs), &users);
        let moved = one.iter().zip(&two).filter(|(one, two)| one != two).count();
        assert!((350..650).contains(&moved), "{algorithm:?}: {moved}");
    }
}

#[test]
fn a_standby_is_home_only_where_no_hub_is_active() {
    for algorithm in ALGORITHMS {
        let beside_active = of(algorithm, "", &[active("a", 1), standby("s", 1_000_000)]);
        let alone = of(algorithm, "", &[standby("s", 1000)]);
        for user in crowd(200) {
            assert_eq!(beside_active.home(&user).unwrap().as_ref(), "a");
            assert_eq!(alone.home(&user).unwrap().as_ref(), "s");
        }
    }
}

#[test]
fn without_hubs_nobody_has_a_home() {
    for algorithm in ALGORITHMS {
        let nothing = of(algorithm, "", &[]);
        assert_eq!(nothing.home(&user("ada")), None);
        assert_eq!(nothing.rank(&user("ada")), []);
    }
}

#[test]
fn debug_output_tells_no_key() {
    for algorithm in ALGORITHMS {
        let shown = format!("{:?}", of(algorithm, "seed", &[active("hub-a", 1500)]));
        assert!(shown.contains("hub-a"), "{shown}");
        let other = format!("{:?}", of(algorithm, "other seed", &[active("hub-a", 1500)]));
        assert_eq!(shown, other);
    }
}
