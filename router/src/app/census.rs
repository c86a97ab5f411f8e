//! What the operator's door shows of the census: the desk of the census, beside what the configuration lets it ask.

use std::time::{Duration, Instant};

use hubrouter_config::Hub;
use hubrouter_hub_adapter::census::RouteSource;

use crate::admin::{CensusReport, DoubleReport, SightingsReport};
use crate::control::census::{Doubles, HubSeen, Layer};
use crate::core::census::At;

/// The census of one hub.
pub(super) fn report(hub: &Hub, seen: &HubSeen, at: At) -> CensusReport {
    // What was asked with a token that is not configured any more is not asked again.
    let authority = seen.authority.as_ref().filter(|_| hub.api_token.is_some());
    CensusReport {
        source: match RouteSource::of(hub) {
            Some(RouteSource::Proxy(_)) => "proxy_api",
            Some(RouteSource::Hub(_)) => "hub",
            None => "none",
        },
        users: seen.totals.users,
        servers: seen.totals.servers,
        pending: seen.totals.pending,
        asked_seconds_ago: authority.map(|layer| ago(layer.asked_at, at.now)),
        age_seconds: seen.age.map(|age| age.as_secs()),
        known: seen.known,
        reason: reason(hub, authority, seen.known, at),
        took_ms: authority.and_then(|layer| layer.took).map(millis),
        every_seconds: authority.map(|layer| layer.every.as_secs_f64()),
        sightings: seen.sightings.as_ref().map(|layer| sightings(layer, at)),
    }
}

/// Why the hub's own word is not there, not young, or not renewed.
fn reason(hub: &Hub, authority: Option<&Layer>, known: bool, at: At) -> Option<String> {
    if hub.api_token.is_none() {
        return Some("there is no api_token: the hub cannot be asked who has no server".to_owned());
    }
    let Some(layer) = authority else { return Some("the hub was not asked yet".to_owned()) };
    if let Some(reason) = &layer.reason {
        return Some(match (known, at.outage) {
            (true, Some(_)) => format!("{reason}; what was known when the outage began stands"),
            _ => reason.clone(),
        });
    }
    (layer.stretched && layer.every > at.max_age).then(|| {
        format!(
            "its answers take so long that it is asked every {} s only, and census.max_age is {} s",
            layer.every.as_secs(),
            at.max_age.as_secs()
        )
    })
}

fn sightings(layer: &Layer, at: At) -> SightingsReport {
    SightingsReport {
        asked_seconds_ago: ago(layer.asked_at, at.now),
        age_seconds: layer.answered.map(|answered| ago(answered, at.now)),
        reason: layer.reason.clone(),
        took_ms: layer.took.map(millis),
        every_seconds: layer.every.as_secs_f64(),
    }
}

/// Users with servers on more than one hub.
pub(super) fn doubles(doubles: &Doubles) -> Vec<DoubleReport> {
    let named = doubles.users.iter();
    named.map(|(user, hubs)| DoubleReport { user: user.to_string(), hubs: hubs.clone() }).collect()
}

fn ago(instant: Instant, now: Instant) -> u64 {
    now.saturating_duration_since(instant).as_secs()
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
