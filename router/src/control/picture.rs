//! From a configuration to the picture that everything is decided by: the same way at start-up and at every reload.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use hubrouter_config::{Config, HubId};
use hubrouter_hub_adapter::client::{HubClient, Resolver};
use hubrouter_hub_adapter::site::Site;

use super::live::Live;
use crate::core::health::HubHealth;
use crate::core::snapshot::Snapshot;
use crate::identify::signed::{Keyring, OwnCookies};

/// What a picture is made with, besides the configuration.
#[derive(Debug)]
pub struct Materials {
    /// Signs our cookies where the configuration names no key; drawn once per process.
    pub fallback_key: [u8; 32],
    /// Names of hubs.
    pub resolver: Resolver,
}

/// The health of hubs by id; a hub that is not in it has just become known.
pub type Healths = BTreeMap<HubId, HubHealth>;

/// Makes the picture number `number` of `config`.
#[must_use]
pub fn of(
    config: Config,
    number: u64,
    adopt: Option<&HubId>,
    healths: &Healths,
    materials: &Materials,
    now: Instant,
) -> Live {
    let config = Arc::new(config);
    let secure = config.is_https();
    let hosts = config.site.public_url.as_ref().map(|url| url.authority().to_owned());
    let names = config.placement.user_names;
    let site = Arc::new(Site::new(config.site.base_url.clone(), names, hosts));
    let own = OwnCookies::new(Keyring::from_config(&config.session, materials.fallback_key), secure, names);
    let clients =
        config.hubs.iter().map(|hub| HubClient::new(hub, &site, materials.resolver.clone())).collect();
    let health = in_order(&config, healths, now);
    Live::new(Snapshot::new(number, config, site, adopt, secure, health), own, clients)
}

/// The health of every hub of `config`, in its order.
#[must_use]
pub fn in_order(config: &Config, healths: &Healths, now: Instant) -> Vec<HubHealth> {
    let of = |id: &HubId| healths.get(id).cloned().unwrap_or_else(|| HubHealth::new(now));
    config.hubs.iter().map(|hub| of(&hub.id)).collect()
}
