//! Holds placement to the vectors in `golden/`: who belongs where, bit by bit.
//!
//! A difference here means that users of living sites would move: a breaking change with a changelog entry of its own. The
//! test prints what it computed, and nothing writes these files: whoever changes them does so by hand and on purpose.
//!
//! A line that begins with `site` describes a site (algorithm, quoted seed, hubs as `id=thousandths:tier`); each line below it is
//! a user and the user's order, as `hub=bits of the score`. Fields are separated by tabs.

use std::fmt::Write as _;
use std::sync::Arc;

use hubrouter_config::{Algorithm, Tier};

use super::test_sites::{active, standby, user};
use super::{Member, Placement, of};

const RENDEZVOUS: &str = include_str!("golden/rendezvous.txt");
const RING: &str = include_str!("golden/ring.txt");

#[test]
fn rendezvous_gives_every_user_the_order_they_always_had() {
    let computed = recompute(Algorithm::Rendezvous, RENDEZVOUS);
    assert!(
        computed == RENDEZVOUS,
        "golden/rendezvous.txt does not hold any more; computed now:\n{computed}"
    );
}

#[test]
fn the_ring_gives_every_user_the_order_they_always_had() {
    let computed = recompute(Algorithm::Ring, RING);
    assert!(computed == RING, "golden/ring.txt does not hold any more; computed now:\n{computed}");
}

#[test]
fn the_vectors_cover_sites_and_users_enough() {
    for golden in [RENDEZVOUS, RING] {
        assert!(golden.lines().filter(|line| line.starts_with("site\t")).count() >= 4);
        assert!(
            golden.lines().filter(|line| !line.starts_with("site\t") && !line.starts_with('#')).count() >= 60
        );
    }
}

/// The same file with all orders computed anew; equal to `golden` when nothing changed.
fn recompute(algorithm: Algorithm, golden: &str) -> String {
    let mut computed = String::new();
    let mut placement: Option<Arc<dyn Placement>> = None;
    for line in golden.lines() {
        if line.is_empty() || line.starts_with('#') {
            writeln!(computed, "{line}").unwrap();
        } else if let Some(site) = line.strip_prefix("site\t") {
            placement = Some(read_site(algorithm, site));
            writeln!(computed, "{line}").unwrap();
        } else {
            let name = line.split('\t').next().unwrap();
            let placement = placement.as_ref().expect("a site stands above its users");
            writeln!(computed, "{name}{}", order(placement.as_ref(), name)).unwrap();
        }
    }
    computed
}

fn read_site(algorithm: Algorithm, site: &str) -> Arc<dyn Placement> {
    let mut fields = site.split('\t');
    let seed = fields.next().unwrap().strip_prefix('"').and_then(|seed| seed.strip_suffix('"')).unwrap();
    let members: Vec<Member> = fields.map(read_member).collect();
    of(algorithm, seed, &members)
}

fn read_member(field: &str) -> Member {
    let (id, rest) = field.split_once('=').unwrap();
    match rest.split_once(':').unwrap() {
        (weight, "active") => active(id, weight.parse().unwrap()),
        (weight, "standby") => standby(id, weight.parse().unwrap()),
        (_, other) => panic!("unknown tier {other}"),
    }
}

fn order(placement: &dyn Placement, name: &str) -> String {
    let ranked = placement.rank(&user(name));
    ranked.iter().fold(String::new(), |mut line, ranked| {
        write!(line, "\t{}={:016x}", ranked.hub, ranked.score.to_bits()).unwrap();
        line
    })
}

#[test]
fn the_golden_sites_have_standbys() {
    let site = RENDEZVOUS.lines().find(|line| line.contains(":standby")).unwrap();
    let placement = read_site(Algorithm::Rendezvous, site.strip_prefix("site\t").unwrap());
    assert_eq!(placement.rank(&user("alice")).last().unwrap().tier, Tier::Standby);
}
