//! The configuration of the simulated site, as every replica reads it from text, and what another one may say.

use std::io;
use std::path::Path;

use hubrouter::control::load::parse;
use hubrouter_config::{HubId, Loaded, Sources};

use super::super::rng::Rng;

/// The hubs of a site, and how they are reached.
#[derive(Clone, Debug)]
pub struct Layout {
    pub hubs: Vec<HubId>,
    /// Whether replicas reach the hub's own port.
    pub direct: Vec<bool>,
    pub people: usize,
    pub replicas: usize,
}

/// What one configuration says otherwise than the one of all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Otherwise {
    /// Another weight of the first hub: other homes.
    pub weights: bool,
    /// The last hub is cordoned by its `intent`.
    pub intent: bool,
    /// No word of a hub is ever too old.
    pub ageless: bool,
}

struct Nowhere;

impl Sources for Nowhere {
    fn env(&self, name: &str) -> Option<String> {
        Some(format!("{name}-that-is-long-enough-for-everybody-who-wants-one"))
    }

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        Err(io::Error::new(io::ErrorKind::NotFound, path.display().to_string()))
    }
}

impl Layout {
    /// One to three active hubs and a standby, one to three replicas, some people.
    pub fn draw(seed: u64) -> Self {
        let mut rng = Rng::named(seed, "layout");
        let active = rng.weighted(&[(1, 1), (3, 2), (2, 3)]);
        let names = ["a", "b", "c"].into_iter().take(active).chain(["s"]);
        let hubs: Vec<HubId> = names.map(|name| name.parse().unwrap()).collect();
        let direct = hubs.iter().map(|_| rng.happens(0.8)).collect();
        let replicas = rng.weighted(&[(1, 1), (3, 2), (2, 3)]);
        Self { hubs, direct, people: 6 + rng.below(15), replicas }
    }

    /// The text of the configuration.
    pub fn text(&self, otherwise: Otherwise) -> String {
        let last = self.hubs.len() - 1;
        let hub = |(number, id): (usize, &HubId)| {
            let tier = if number == last { "standby" } else { "active" };
            let weight = if otherwise.weights && number == 0 { 3 } else { 1 };
            let intent = if otherwise.intent && number == last { "cordoned" } else { "active" };
            let direct =
                if self.direct[number] { format!("hub_url: 'http://{id}:8081', ") } else { String::new() };
            format!(
                "  - {{id: {id}, url: 'http://{id}:8000', {direct}api_token: {{env: TOKEN}}, tier: {tier}, weight: {weight}, \
                 intent: {intent}, storage: shared, storage_pool: all, \
                 proxy_api: {{url: 'http://{id}:8001', token: {{env: TOKEN}}}}}}\n"
            )
        };
        let max_age = if otherwise.ageless { "1d" } else { "150s" };
        let hubs: String = self.hubs.iter().enumerate().map(hub).collect();
        format!(
            "hubs:\n{hubs}placement: {{seed: simulated}}\nsession: {{keys: [{{env: KEY}}]}}\n\
             failover: {{failback_after: 2m}}\ncensus: {{max_age: {max_age}}}\ndirectory: {{kind: redis, url: 'redis://store:6379'}}\n"
        )
    }
}

/// Reads it as a process does.
pub fn read(text: &str) -> Result<Loaded, hubrouter::control::load::Refusal> {
    parse(text, "simulated.yaml", &Nowhere)
}

#[test]
fn every_layout_can_be_read_and_another_configuration_is_another_one() {
    for seed in 0..20 {
        let layout = Layout::draw(seed);
        let usual = read(&layout.text(Otherwise::default())).unwrap();
        let other = read(&layout.text(Otherwise { weights: true, intent: true, ageless: true })).unwrap();
        assert_eq!(usual.config.hubs.len(), layout.hubs.len());
        assert_ne!(usual.config.hubs, other.config.hubs);
    }
}
