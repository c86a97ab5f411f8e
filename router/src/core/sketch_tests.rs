//! For tests: a snapshot in a line, and users by their home.

use std::sync::Arc;
use std::time::{Duration, Instant};

use hubrouter_config::FixedSources;
use hubrouter_hub_adapter::names::{NameRule, UserName};
use hubrouter_hub_adapter::site::Site;

use super::health::{HubHealth, Plane, ProbeResult, Rules, Seen};
use super::snapshot::{HubIndex, Snapshot};

/// `"a, b: down, s standby"`: ids, optional `: down | proxy-down | maintenance`, optional ` standby`; services on hubs
/// as `services` says (`{x: a}`).
pub fn snapshot(hubs: &str, services: &str) -> Snapshot {
    let mut lines = String::from("placement: {seed: test}\nhubs:\n");
    let mut health = Vec::new();
    for hub in hubs.split(',').map(str::trim) {
        let (name, state) = hub.split_once(':').map_or((hub, ""), |(name, state)| (name, state.trim()));
        let (id, tier) = name.split_once(' ').map_or((name, "active"), |(id, tier)| (id, tier));
        let intent = if state == "maintenance" { "maintenance" } else { "active" };
        lines.push_str(&format!(
            "  - {{id: {id}, url: 'http://127.0.0.1:1', hub_url: 'http://127.0.0.1:2', tier: {tier}, intent: {intent}}}\n"
        ));
        health.push(health_of(state));
    }
    lines.push_str(&format!("services: {services}\n"));
    let config =
        hubrouter_config::parse(&lines, "t.yaml", &FixedSources::default()).expect("a legal file").config;
    let site = Site::new(config.site.base_url.clone(), NameRule::Lower, None);
    Snapshot::new(1, Arc::new(config), Arc::new(site), None, false, health)
}

fn health_of(state: &str) -> HubHealth {
    let start = Instant::now();
    let rules = Rules { fall: 1, rise: 1, hold: Duration::ZERO };
    let plane = match state {
        "down" => Plane::Hub,
        "proxy-down" => Plane::Proxy,
        _ => return HubHealth::new(start),
    };
    let failed = ProbeResult { seen: Seen::Failed("refused".into()), took: Duration::ZERO };
    let health = HubHealth::new(start);
    (1..9).fold(health, |health, second| {
        health.step(&rules, plane, &failed, start + Duration::from_secs(second * 60))
    })
}

/// The nth user whose home is `hub`.
pub fn user_at(snapshot: &Snapshot, hub: &str, nth: usize) -> UserName {
    let hub = index(snapshot, hub);
    (0..1000)
        .filter_map(|number| UserName::canonical(&format!("user{number}"), NameRule::Lower))
        .filter(|user| snapshot.home(user) == Some(hub))
        .nth(nth)
        .expect("placement is balanced")
}

/// The place of a hub.
pub fn index(snapshot: &Snapshot, hub: &str) -> HubIndex {
    snapshot.find_named(hub).expect("a hub of the sketch")
}
