//! Weighted rendezvous hashing: every hub draws a score for the user, the highest wins.
//!
//! `score = weight / -ln(u)`, where `u` is the hash of hub and user as a number between 0 and 1. A hub's chance to win is
//! then exactly its share of the weights, and no hub's score depends on another hub: who leaves takes only its own users
//! along, who joins or gains weight only wins, never rearranges.

use hubrouter_config::{HubId, Tier};
use hubrouter_hub_adapter::names::UserName;

use super::hash::Key;
use super::log::{minus_ln, unit};
use super::{Member, Placement, Ranked, in_tier};

/// Both tiers, each in the order of the hubs' ids.
#[derive(Debug)]
pub(super) struct Rendezvous {
    active: Vec<Seat>,
    standby: Vec<Seat>,
}

/// One hub with all that does not depend on the user.
struct Seat {
    hub: HubId,
    /// The site's key after the hub's id; never shown, it tells about the seed.
    key: Key,
    weight: f64,
}

impl Rendezvous {
    pub(super) fn new(site: Key, members: &[Member]) -> Self {
        let seats = |tier| in_tier(tier, members).into_iter().map(|member| Seat::new(site, member)).collect();
        Self { active: seats(Tier::Active), standby: seats(Tier::Standby) }
    }
}

impl Seat {
    fn new(site: Key, member: &Member) -> Self {
        Self {
            hub: member.id.clone(),
            key: site.then(member.id.as_ref().as_bytes()),
            weight: f64::from(member.thousandths) / 1000.0,
        }
    }

    fn score(&self, user: &UserName) -> f64 {
        self.weight / minus_ln(unit(self.key.hash(user.as_ref().as_bytes())))
    }
}

impl std::fmt::Debug for Seat {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} x {}", self.hub, self.weight)
    }
}

impl Placement for Rendezvous {
    fn rank(&self, user: &UserName) -> Vec<Ranked> {
        let mut ranked = rank_tier(&self.active, Tier::Active, user);
        ranked.append(&mut rank_tier(&self.standby, Tier::Standby, user));
        ranked
    }

    fn home(&self, user: &UserName) -> Option<&HubId> {
        best(&self.active, user).or_else(|| best(&self.standby, user))
    }
}

fn rank_tier(seats: &[Seat], tier: Tier, user: &UserName) -> Vec<Ranked> {
    let mut ranked: Vec<Ranked> =
        seats.iter().map(|seat| Ranked { hub: seat.hub.clone(), tier, score: seat.score(user) }).collect();
    // A stable sort of seats in the order of their ids: equal scores stay in that order.
    ranked.sort_by(|a, b| b.score.total_cmp(&a.score));
    ranked
}

fn best<'a>(seats: &'a [Seat], user: &UserName) -> Option<&'a HubId> {
    let (mut winner, mut highest) = (None, 0.0);
    for seat in seats {
        let score = seat.score(user);
        // Strictly: of equal scores the smaller id wins, as in the full rank.
        if score > highest {
            (winner, highest) = (Some(&seat.hub), score);
        }
    }
    winner
}
