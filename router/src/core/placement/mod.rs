//! Where a user belongs: the home hub first, then the candidates, in the order of the user.
//!
//! Pure and the same on every replica, machine and day: a user's order follows from the site's seed, the ids, weights and
//! tiers of the hubs, and the user's canonical name; never from addresses or from the order of the list. Who is healthy, who
//! is assigned elsewhere and what operators want is decided by others: placement says who *should* be where.
//!
//! Every change of the numbers here moves users of living sites. The vectors in `golden/` hold them fast.
//!
//! # The two algorithms, measured
//!
//! `cargo run --release --example placement` (10,000 users, equal weights; one core):
//!
//! | algorithm | hubs | fullest hub | fullest after one left | needless moves | `home` ns | `rank` ns | build |
//! |---|---|---|---|---|---|---|---|
//! | rendezvous | 2 | 1.009 | 1.000 | 0 | 27 | 71 | 1 us |
//! | rendezvous | 3 | 1.005 | 1.003 | 0 | 39 | 90 | 1 us |
//! | rendezvous | 8 | 1.027 | 1.031 | 0 | 96 | 206 | 1 us |
//! | rendezvous | 32 | 1.107 | 1.094 | 0 | 386 | 1042 | 6 us |
//! | ring | 2 | 1.005 | 1.000 | 0 | 32 | 83 | 0.12 ms |
//! | ring | 3 | 1.040 | 1.013 | 0 | 34 | 119 | 0.09 ms |
//! | ring | 8 | 1.067 | 1.079 | 0 | 47 | 448 | 0.28 ms |
//! | ring | 32 | 1.130 | 1.110 | 0 | 64 | 3885 | 1.1 ms |
//!
//! *Fullest* is relative to the mean; *needless moves* are users of a remaining hub who move when another hub leaves. The
//! rendezvous is as even as throwing dice and has nothing to build; the ring's `home` hardly grows with the number of hubs, its
//! full `rank` does, and so does the unevenness of its shares.

mod hash;
mod log;
mod rendezvous;
mod ring;

use std::fmt::Debug;
use std::sync::Arc;

use hubrouter_config::{Algorithm, Hub, HubId, Placement as Settings, Tier};
use hubrouter_hub_adapter::names::UserName;

use hash::Key;
use rendezvous::Rendezvous;
use ring::Ring;

/// Which hubs a user belongs to, in order. Immutable: another set of hubs is another placement.
pub trait Placement: Send + Sync + Debug {
    /// All hubs, best first: the active tier, then standby; inside a tier by score; equal scores by id.
    fn rank(&self, user: &UserName) -> Vec<Ranked>;

    /// The first of [`rank`](Self::rank), without making the list; `None` only when there are no hubs at all.
    ///
    /// A standby hub is a home only where no hub is active.
    fn home(&self, user: &UserName) -> Option<&HubId>;
}

/// One hub in the order of a user.
#[derive(Clone, Debug, PartialEq)]
pub struct Ranked {
    /// The hub.
    pub hub: HubId,
    /// Its tier: all active hubs stand before all standby hubs.
    pub tier: Tier,
    /// Higher is earlier inside a tier. Rendezvous: `weight / -ln(u)`, above 0 and without a bound. Ring, which has no
    /// scores of its own: 1, 1/2, 1/3, ... by place inside the tier.
    pub score: f64,
}

/// What placement needs to know of one hub.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// The hub's id; two members never share one.
    pub id: HubId,
    /// The hub's weight in thousandths, at least 1.
    pub thousandths: u32,
    /// The hub's tier.
    pub tier: Tier,
}

impl From<&Hub> for Member {
    fn from(hub: &Hub) -> Self {
        Self { id: hub.id.clone(), thousandths: hub.weight.as_thousandths(), tier: hub.tier }
    }
}

/// The placement that a configuration asks for. Without a seed: the fixed empty one.
#[must_use]
pub fn build(settings: &Settings, hubs: &[Hub]) -> Arc<dyn Placement> {
    let seed = settings.seed.as_ref().map_or("", |seed| seed.expose().as_str());
    let members: Vec<Member> = hubs.iter().map(Member::from).collect();
    of(settings.algorithm, seed, &members)
}

/// The placement of these members by this algorithm and seed. The order of `members` means nothing.
#[must_use]
pub fn of(algorithm: Algorithm, seed: &str, members: &[Member]) -> Arc<dyn Placement> {
    let key = Key::of_seed(seed);
    match algorithm {
        Algorithm::Rendezvous => Arc::new(Rendezvous::new(key, members)),
        Algorithm::Ring => Arc::new(Ring::new(key, members)),
    }
}

/// The members of one tier in the order of their ids: whatever is built from it cannot depend on the order of the list.
fn in_tier(tier: Tier, members: &[Member]) -> Vec<&Member> {
    let mut chosen: Vec<&Member> = members.iter().filter(|member| member.tier == tier).collect();
    chosen.sort_by(|a, b| a.id.cmp(&b.id));
    chosen
}

#[cfg(test)]
mod golden_tests;
#[cfg(test)]
mod property_tests;
#[cfg(test)]
mod test_sites;
