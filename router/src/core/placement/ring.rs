//! A consistent hash ring per tier, on the `consistent_hash` crate, with a hash of our own that is pinned.
//!
//! The ring of the crate is never changed after it was built. A hub that should get nobody is left out of it: a hub with no
//! virtual nodes would make every full walk pass the whole ring.

use std::hash::{Hash, Hasher};

use consistent_hash::{Node, RingHash, StaticHashRing};
use hubrouter_config::{HubId, Tier};
use hubrouter_hub_adapter::names::UserName;

use super::hash::Key;
use super::{Member, Placement, Ranked, in_tier};

/// Virtual nodes per unit of weight: with this many the fullest of 3 hubs is about 6 % above the mean.
const NODES_PER_UNIT: u64 = 1024;

/// The most virtual nodes of one hub (1 MiB): a weight of 64.
///
/// Where a weight is above 64, all hubs of that tier get half as many nodes, or a quarter, and so on until the heaviest
/// fits: shares are kept. Only a change across such a border (64, 128, 256, ...) moves more users than it must.
const MOST_NODES: u64 = 64 * NODES_PER_UNIT;

/// Both tiers, a ring each.
pub(super) struct Ring {
    active: TierRing,
    standby: TierRing,
}

type TierRing = StaticHashRing<'static, HubKey, (), PinnedHash>;

impl Ring {
    pub(super) fn new(site: Key, members: &[Member]) -> Self {
        let ring = |tier| tier_ring(site, &in_tier(tier, members));
        Self { active: ring(Tier::Active), standby: ring(Tier::Standby) }
    }
}

fn tier_ring(site: Key, members: &[&Member]) -> TierRing {
    let halvings = halvings(members);
    let nodes = members
        .iter()
        .map(|member| Node::new(HubKey(member.id.clone())).quantity(nodes_of(member.thousandths, halvings)));
    StaticHashRing::new(PinnedHash::new(site), nodes)
}

/// How often the nodes of this tier are halved until the heaviest hub fits.
fn halvings(members: &[&Member]) -> u32 {
    let heaviest = members.iter().map(|member| full_nodes(member.thousandths)).max().unwrap_or(0);
    (0..u64::BITS).find(|&halvings| heaviest >> halvings <= MOST_NODES).unwrap_or(0)
}

fn full_nodes(thousandths: u32) -> u64 {
    u64::from(thousandths) * NODES_PER_UNIT / 1000
}

/// The virtual nodes of one hub: at least one, so that every hub is found.
fn nodes_of(thousandths: u32, halvings: u32) -> usize {
    usize::try_from((full_nodes(thousandths) >> halvings).max(1)).expect("at most MOST_NODES")
}

impl Placement for Ring {
    fn rank(&self, user: &UserName) -> Vec<Ranked> {
        let mut ranked = rank_tier(&self.active, Tier::Active, user);
        ranked.append(&mut rank_tier(&self.standby, Tier::Standby, user));
        ranked
    }

    // The crate's iterator notes the hub it saw in a set: one small allocation per call, which cannot be avoided from here.
    fn home(&self, user: &UserName) -> Option<&HubId> {
        first_of(&self.active, user).or_else(|| first_of(&self.standby, user))
    }
}

fn first_of<'a>(ring: &'a TierRing, user: &UserName) -> Option<&'a HubId> {
    ring.calc_candidates(&Item(user)).next().map(|node| &node.key.0)
}

fn rank_tier(ring: &TierRing, tier: Tier, user: &UserName) -> Vec<Ranked> {
    ring.calc_candidates(&Item(user))
        .zip(1_u32..)
        .map(|(node, place)| Ranked { hub: node.key.0.clone(), tier, score: 1.0 / f64::from(place) })
        .collect()
}

impl std::fmt::Debug for Ring {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let hubs = |ring: &TierRing| -> Vec<String> {
            ring.nodes().iter().map(|node| format!("{} x {} nodes", node.key.0, node.quantity)).collect()
        };
        f.debug_struct("Ring")
            .field("active", &hubs(&self.active))
            .field("standby", &hubs(&self.standby))
            .finish()
    }
}

/// A hub on the ring; hashes as the bytes of its id and nothing else.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct HubKey(HubId);

impl Hash for HubKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write(self.0.as_ref().as_bytes());
    }
}

/// A user on the ring; hashes as the bytes of the canonical name and nothing else.
struct Item<'a>(&'a UserName);

impl Hash for Item<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write(self.0.as_ref().as_bytes());
    }
}

/// The ring's hash: keyed xxh3 over the bytes of [`HubKey`] and [`Item`], apart from each other.
struct PinnedHash {
    users: Key,
    hubs: Key,
}

impl PinnedHash {
    fn new(site: Key) -> Self {
        Self { users: site.then(b"ring: user"), hubs: site.then(b"ring: hub") }
    }
}

impl RingHash for PinnedHash {
    fn hash_item<T: Hash>(&self, item: &T) -> u64 {
        Chain::over(self.users, item).finish()
    }

    fn hash_vnode<K: Hash>(&self, node_key: &K, vnode_seq: usize) -> u64 {
        Chain::over(self.hubs, node_key).0.hash(&(vnode_seq as u64).to_le_bytes())
    }
}

/// A [`Hasher`] that chains what is written into a [`Key`].
struct Chain(Key);

impl Chain {
    fn over<T: Hash>(key: Key, value: &T) -> Self {
        let mut chain = Self(key);
        value.hash(&mut chain);
        chain
    }
}

impl Hasher for Chain {
    fn write(&mut self, bytes: &[u8]) {
        self.0 = self.0.then(bytes);
    }

    fn finish(&self) -> u64 {
        self.0.hash(b"")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hub_gets_1024_nodes_per_unit_of_weight() {
        assert_eq!(nodes_of(1000, 0), 1024);
        assert_eq!(nodes_of(1500, 0), 1536);
        assert_eq!(nodes_of(64_000, 0), 65_536);
    }

    #[test]
    fn the_lightest_hub_still_has_a_node() {
        assert_eq!(nodes_of(1, 0), 1);
        assert_eq!(nodes_of(1, 4), 1);
    }

    #[test]
    fn heavy_tiers_are_halved_as_a_whole_so_that_shares_stay() {
        let member =
            |id: &str, thousandths| Member { id: id.parse().unwrap(), thousandths, tier: Tier::Active };
        let (heavy, light) = (member("heavy", 1_000_000), member("light", 500_000));

        let halvings = halvings(&[&heavy, &light]);

        assert_eq!(nodes_of(heavy.thousandths, halvings), 64_000);
        assert_eq!(nodes_of(light.thousandths, halvings), 32_000);
    }
}
