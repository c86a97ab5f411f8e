//! Measures the placement algorithms side by side and prints the table of `core::placement`.
//!
//! `cargo run --release --example placement`; nothing here is part of the router.

use std::collections::HashMap;
use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

use hubrouter::core::placement::{Member, Placement, of};
use hubrouter_config::{Algorithm, HubId, Tier, UserNames};
use hubrouter_hub_adapter::names::UserName;

const USERS: usize = 10_000;
const ROUNDS: usize = 50;

fn main() {
    let users: Vec<UserName> = (0..USERS).map(|number| user(&format!("user{number}@example.org"))).collect();
    println!(
        "| algorithm | hubs | fullest hub | fullest after one left | needless moves | `home` ns | `rank` ns | build |"
    );
    println!("|---|---|---|---|---|---|---|---|");
    for (name, algorithm) in [("rendezvous", Algorithm::Rendezvous), ("ring", Algorithm::Ring)] {
        for count in [2, 3, 8, 32] {
            println!("| {name} | {count} | {} |", measure(algorithm, count, &users));
        }
    }
}

/// The cells of one row.
fn measure(algorithm: Algorithm, count: usize, users: &[UserName]) -> String {
    let hubs = hubs(count);
    let began_at = Instant::now();
    let placement = black_box(of(algorithm, "seed", &hubs));
    let build = began_at.elapsed();
    let after = of(algorithm, "seed", &hubs[1..]);
    format!(
        "{:.3} | {:.3} | {} | {:.0} | {:.0} | {:.1?}",
        fullest(&placement, users, count),
        fullest(&after, users, count - 1),
        needless(&placement, &after, &hubs[0].id, users),
        nanoseconds(users, |user| placement.home(user).is_some()),
        nanoseconds(users, |user| !placement.rank(user).is_empty()),
        build,
    )
}

/// The fullest hub relative to the mean.
fn fullest(placement: &Arc<dyn Placement>, users: &[UserName], hubs: usize) -> f64 {
    let mut counts: HashMap<&HubId, usize> = HashMap::new();
    for hub in users.iter().filter_map(|user| placement.home(user)) {
        *counts.entry(hub).or_default() += 1;
    }
    counts.values().max().map_or(0.0, |&most| most as f64 * hubs as f64 / users.len() as f64)
}

/// Users who move though their hub stayed.
fn needless(
    before: &Arc<dyn Placement>,
    after: &Arc<dyn Placement>,
    left: &HubId,
    users: &[UserName],
) -> usize {
    let moved = |user: &&UserName| before.home(user) != Some(left) && before.home(user) != after.home(user);
    users.iter().filter(moved).count()
}

/// Mean time of one call in the best of many rounds: what else the machine does only ever makes it slower.
fn nanoseconds(users: &[UserName], call: impl Fn(&UserName) -> bool) -> f64 {
    let round = || {
        let began_at = Instant::now();
        black_box(users.iter().filter(|user| call(black_box(user))).count());
        began_at.elapsed().as_nanos() as f64 / users.len() as f64
    };
    (0..ROUNDS).map(|_| round()).fold(f64::INFINITY, f64::min)
}

fn hubs(count: usize) -> Vec<Member> {
    (0..count)
        .map(|number| Member { id: id(&format!("hub-{number}")), thousandths: 1000, tier: Tier::Active })
        .collect()
}

fn id(text: &str) -> HubId {
    text.parse().expect("a legal id")
}

fn user(text: &str) -> UserName {
    UserName::canonical(text, UserNames::Lower).expect("a legal name")
}
