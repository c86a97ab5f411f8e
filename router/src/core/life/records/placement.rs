//! The placement that all replicas route by, as the directory holds it ("Placement is activated, not loaded").
//!
//! The seed itself is a secret and stays in the configuration: the record holds its fingerprint.

use hubrouter_config::{Algorithm, HubId, Placement, Tier, UserNames};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::super::time::StoreTime;
use super::super::wire;
use super::Epoch;
use crate::core::placement::Member;

/// What is recorded of the placement: the one by which all replicas route, and the one that may follow.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlacementRecord {
    /// By this one all replicas route.
    pub active: ActivePlacement,
    /// When it became active.
    pub since: StoreTime,
    /// The write that made the record so.
    #[serde(default)]
    pub epoch: Epoch,
    /// The one that is about to follow: whoever moves by it is recorded at their present home from now on.
    #[serde(default)]
    pub next: Option<NextPlacement>,
    /// The hub whose cookies without a jar count as its own, since it was alone once.
    #[serde(default)]
    pub adopted: Option<AdoptedHub>,
}

/// A placement that is being activated.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NextPlacement {
    /// It.
    pub placement: ActivePlacement,
    /// Since when it is announced.
    pub since: StoreTime,
    /// The operator who insisted; none: the replicas agree.
    #[serde(default)]
    pub forced_by: Option<String>,
}

/// A hub that was alone when a second one joined.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AdoptedHub {
    /// Which.
    #[serde(with = "wire::hub")]
    pub hub: HubId,
    /// When the second one joined.
    pub since: StoreTime,
}

impl PlacementRecord {
    /// The first placement, active at once.
    #[must_use]
    pub fn first(active: ActivePlacement, now: StoreTime) -> Self {
        Self { active, since: now, epoch: Epoch::default(), next: None, adopted: None }
    }
}

/// The active placement. One that names an algorithm, a tier or a name rule of a newer release is not read: nobody may route
/// by a guess.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActivePlacement {
    /// Grows by one with each activation.
    pub generation: u64,
    /// The write that activated it.
    #[serde(default)]
    pub epoch: Epoch,
    /// How homes are computed.
    #[serde(with = "wire::algorithm")]
    pub algorithm: Algorithm,
    /// Tells two seeds apart without telling either.
    pub seed: String,
    /// How user names are made canonical.
    #[serde(with = "wire::user_names")]
    pub user_names: UserNames,
    /// The hubs, in the order of their ids.
    pub hubs: Vec<PlacedHub>,
}

/// A hub as placement knows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlacedHub {
    /// Its id.
    #[serde(with = "wire::hub")]
    pub id: HubId,
    /// Its weight in thousandths.
    pub weight: u32,
    /// Its tier.
    #[serde(with = "wire::tier")]
    pub tier: Tier,
}

impl ActivePlacement {
    /// The placement that a configuration proposes, as the first generation.
    #[must_use]
    pub fn of(settings: &Placement, members: &[Member]) -> Self {
        let mut hubs: Vec<PlacedHub> = members
            .iter()
            .map(|member| PlacedHub { id: member.id.clone(), weight: member.thousandths, tier: member.tier })
            .collect();
        hubs.sort_by(|a, b| a.id.cmp(&b.id));
        Self {
            generation: 1,
            epoch: Epoch::default(),
            algorithm: settings.algorithm,
            seed: seed_fingerprint(settings.seed.as_ref().map_or("", |seed| seed.expose().as_str())),
            user_names: settings.user_names,
            hubs,
        }
    }

    /// Whether both send every user to the same hubs, whatever their generation.
    #[must_use]
    pub fn places_alike(&self, other: &Self) -> bool {
        (self.algorithm, &self.seed, self.user_names, &self.hubs)
            == (other.algorithm, &other.seed, other.user_names, &other.hubs)
    }

    /// A mark by which replicas see that they propose the same, whatever the generation: 32 hexadecimal digits.
    #[must_use]
    pub fn mark(&self) -> String {
        let same = Self { generation: 0, epoch: Epoch::default(), ..self.clone() };
        // A record of plain data is always written; an empty text would only be another proposal.
        half_hash(b"hubrouter placement\0", serde_json::to_string(&same).unwrap_or_default().as_bytes())
    }

    /// The members for [`placement::of`](crate::core::placement::of).
    #[must_use]
    pub fn members(&self) -> Vec<Member> {
        let member = |hub: &PlacedHub| Member { id: hub.id.clone(), thousandths: hub.weight, tier: hub.tier };
        self.hubs.iter().map(member).collect()
    }
}

/// The first half of a hash of the seed, in hexadecimal: 32 digits.
#[must_use]
pub fn seed_fingerprint(seed: &str) -> String {
    half_hash(b"hubrouter placement seed\0", seed.as_bytes())
}

fn half_hash(kind: &[u8], bytes: &[u8]) -> String {
    let mut hash = Sha256::new();
    hash.update(kind);
    hash.update(bytes);
    hash.finalize().iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}
