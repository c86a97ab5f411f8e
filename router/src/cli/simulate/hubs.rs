//! The hubs of a simulated site in one state of affairs, and where its users belong then.
//!
//! What happens to whom is `core::life::tables`', who is next `core::life::candidates`': this only asks them.

use std::collections::BTreeMap;

use hubrouter_config::{Config, Hub, HubId, Intent, Secret, Storage, Tier};

use crate::core::health::{HubPlane, ProxyPlane};
use crate::core::life::candidates::{NoCandidate, Pool, Standing, next_open};
use crate::core::life::reason::Reason;
use crate::core::life::state::{Gate, Next, Situation, Spawning, UserState};
use crate::core::life::tables::{Start, start};
use crate::core::placement::Ranked;

/// Equal hubs with shared storage, `hub-01` and so on, and the standby `hub-standby`; everything else as by default.
pub(super) fn equal_hubs(count: u16) -> Config {
    let hub = |id: String| Hub {
        storage: Storage::Shared,
        // Nobody is asked, but without a token no hub fails over by itself.
        api_token: Some(Secret::new(String::new())),
        ..Hub::new(
            id.parse().expect("letters, digits and dashes"),
            format!("http://{id}").parse().expect("an id is a host"),
        )
    };
    let mut hubs: Vec<Hub> = (1..=count).map(|number| hub(format!("hub-{number:02}"))).collect();
    hubs.push(Hub { tier: Tier::Standby, ..hub("hub-standby".to_owned()) });
    Config::of_hubs(hubs)
}

/// Where a user belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Course<'a> {
    /// At home.
    Stays(&'a HubId),
    /// At the next candidate, from the next start on.
    Goes(&'a HubId),
    /// At home, which takes no start, and nobody else does.
    Waits(&'a HubId, Reason),
}

impl<'a> Course<'a> {
    pub(super) fn hub(self) -> &'a HubId {
        match self {
            Self::Stays(hub) | Self::Goes(hub) | Self::Waits(hub, _) => hub,
        }
    }
}

/// The hubs of a site in one state of affairs that all routers know of.
#[derive(Clone, Debug)]
pub(super) struct Hubs(BTreeMap<HubId, (Storage, Standing)>);

impl Hubs {
    /// All of them well, with the intents of the configuration.
    pub(super) fn well(config: &Config) -> Self {
        let standing = |hub: &Hub| Standing {
            pool: Pool::of(hub),
            intent: hub.intent,
            proxy: ProxyPlane::Up,
            hub: HubPlane::Up,
            spawning: Spawning::Ok,
            gate: gate_of(hub.intent),
        };
        Self(config.hubs.iter().map(|hub| (hub.id.clone(), (hub.storage, standing(hub)))).collect())
    }

    /// The same when `dead` was failed over: both its planes are down.
    pub(super) fn failed_over(&self, dead: &HubId) -> Self {
        self.with(dead, |hub| Standing {
            proxy: ProxyPlane::Down,
            hub: HubPlane::Down,
            gate: Gate::AllElsewhere,
            ..hub
        })
    }

    /// The same while `hub` is drained.
    pub(super) fn draining(&self, hub: &HubId) -> Self {
        let intent = Intent::Draining;
        self.with(hub, |hub| Standing { intent, gate: gate_of(intent), ..hub })
    }

    fn with(&self, changed: &HubId, change: impl FnOnce(Standing) -> Standing) -> Self {
        let mut hubs = self.clone();
        if let Some((_, standing)) = hubs.0.get_mut(changed) {
            *standing = change(standing.clone());
        }
        hubs
    }

    /// Where the user with this rank belongs; none: without hubs nowhere.
    pub(super) fn course<'a>(&self, rank: &'a [Ranked], user: UserState) -> Option<Course<'a>> {
        let home = &rank.first()?.hub;
        let (storage, at) = self.0.get(home)?;
        let next = self.next(rank, home);
        let situation = Situation {
            intent: at.intent,
            proxy: at.proxy,
            hub: at.hub,
            spawning: at.spawning,
            gate: at.gate,
            storage: *storage,
            next: if next.is_ok() { Next::Open } else { Next::Nobody },
            user,
        };
        let ruling = start(&situation);
        Some(match (ruling.answer, next) {
            (Start::Claim(_), Ok(next)) => Course::Goes(next),
            (Start::Here | Start::There, _) => Course::Stays(home),
            // Whoever has a server is where it is, answering or not.
            (Start::Wait | Start::Page(_), _) if user == UserState::RunningHere => Course::Stays(home),
            (Start::Claim(_) | Start::Wait | Start::Page(_), _) => Course::Waits(home, ruling.why),
        })
    }

    /// Who is next for a user who leaves `from`.
    pub(super) fn next<'a>(&self, rank: &'a [Ranked], from: &HubId) -> Result<&'a HubId, NoCandidate> {
        next_open(rank, from, |hub| self.0.get(hub).map(|(_, standing)| standing.clone()))
    }

    /// Whether another hub of this one's pool takes its users.
    pub(super) fn open_in_pool_of(&self, hub: &HubId) -> bool {
        let Some((_, of)) = self.0.get(hub) else { return false };
        self.0
            .iter()
            .any(|(id, (_, other))| id != hub && other.pool == of.pool && other.closed_to(false).is_none())
    }
}

/// What the record of a hub says when its intent has been known to everybody for long enough.
fn gate_of(intent: Intent) -> Gate {
    match intent {
        Intent::Active => Gate::Here,
        Intent::Cordoned => Gate::NewElsewhere,
        Intent::Draining | Intent::Maintenance => Gate::AllElsewhere,
    }
}
