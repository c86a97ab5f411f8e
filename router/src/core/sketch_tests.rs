//! For tests: a snapshot in a line, with its records in another, and users by their home.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use hubrouter_config::{FixedSources, Intent};
use hubrouter_hub_adapter::names::{NameRule, UserName};
use hubrouter_hub_adapter::site::Site;

use super::health::{HubHealth, Plane, ProbeResult, Rules, Seen};
use super::life::records::{Assignment, Cause, Epoch, HubRecord, Starts, Word};
use super::life::time::StoreTime;
use super::snapshot::{HubIndex, Shared, Snapshot};
use super::spawning::Verdict;

/// `"a, b shared token: down, s standby"`: ids, then in any order `standby`, `shared`, `attached`, `token`, and after a colon
/// `down | starting | slow | proxy-down | dead | maintenance`; services on hubs as `services` says (`{x: a}`).
pub fn snapshot(hubs: &str, services: &str) -> Snapshot {
    let mut lines = String::from("placement: {seed: test}\nhubs:\n");
    let mut health = Vec::new();
    for hub in hubs.split(',').map(str::trim) {
        let (name, state) = hub.split_once(':').map_or((hub, ""), |(name, state)| (name, state.trim()));
        let mut words = name.split(' ');
        let id = words.next().unwrap_or_default();
        let intent = if state == "maintenance" { "maintenance" } else { "active" };
        lines.push_str(&format!(
            "  - {{id: {id}, url: 'http://127.0.0.1:1', hub_url: 'http://127.0.0.1:2', intent: {intent}{}}}\n",
            words.map(key).collect::<String>()
        ));
        health.push(health_of(state));
    }
    lines.push_str(&format!("services: {services}\n"));
    let env = HashMap::from([("TOKEN".to_owned(), "token-of-a-router-0123".to_owned())]);
    let sources = FixedSources { env, ..FixedSources::default() };
    let config = hubrouter_config::parse(&lines, "t.yaml", &sources).expect("a legal file").config;
    let site = Site::new(config.site.base_url.clone(), NameRule::Lower, None);
    Snapshot::new(1, Arc::new(config), Arc::new(site), None, false, health)
}

fn key(word: &str) -> &'static str {
    match word {
        "standby" => ", tier: standby",
        "shared" => ", storage: shared",
        "attached" => ", storage: attached",
        "token" => ", api_token: {env: TOKEN}",
        other => panic!("no word for a hub: {other}"),
    }
}

fn health_of(state: &str) -> HubHealth {
    let start = Instant::now();
    let failed = |reason: &str| ProbeResult { seen: Seen::Failed(reason.into()), took: Duration::ZERO };
    let slow = ProbeResult { seen: Seen::Ok, took: Duration::from_secs(3) };
    let (planes, result, hold): (&[Plane], _, _) = match state {
        "down" => (&[Plane::Hub], failed("refused"), Duration::ZERO),
        "starting" => (&[Plane::Hub], failed("refused"), Duration::from_hours(9)),
        "slow" => (&[Plane::Hub], slow, Duration::ZERO),
        "proxy-down" => (&[Plane::Proxy], failed("refused"), Duration::ZERO),
        "dead" => (&[Plane::Hub, Plane::Proxy], failed("refused"), Duration::ZERO),
        _ => return HubHealth::new(start),
    };
    let rules = Rules { fall: 1, rise: 1, hold };
    let health = HubHealth::new(start);
    (1..9).fold(health, |health, second| {
        planes.iter().fold(health, |health, plane| {
            health.step(&rules, *plane, &result, start + Duration::from_secs(second * 60))
        })
    })
}

/// The same snapshot with records, each in a few words: `"a draining"` (or another intent: an operator's word), `"a closed
/// new|everybody drain"` and `"a open new|everybody drain"` (where its starts go since 50 s, and why), `"a changed 90"` (in
/// seconds of the store's time), `"a failing"` (starts fail there), `"ada@s failover"` (an assignment since 10 s).
pub fn recorded(mut snapshot: Snapshot, records: &[&str]) -> Snapshot {
    let mut exceptions = (*snapshot.exceptions).clone();
    for (number, record) in records.iter().enumerate() {
        let words: Vec<&str> = record.split(' ').collect();
        let epoch = Epoch::new(number as u64 + 1).expect("a small number");
        if let Some((user, hub)) = words[0].split_once('@') {
            let assignment = assigned(user, hub, word(words[1]), epoch);
            exceptions.set_assignment(&assignment.user.clone(), Some(assignment));
            continue;
        }
        let hub = index(&snapshot, words[0]);
        let view = &mut snapshot.hubs[usize::from(hub.0)];
        if words[1..] == ["failing"] {
            view.spawning = Verdict::Failing;
            continue;
        }
        let record = HubRecord { epoch, ..(*view.record).clone() };
        view.record = Arc::new(said(record, &words[1..]));
        exceptions.set_hub(&view.hub.id, Some((*view.record).clone()));
    }
    snapshot.exceptions = Arc::new(exceptions);
    snapshot
}

/// The same once more.
pub fn another(snapshot: &Snapshot) -> Snapshot {
    let shared = Shared {
        hubs: snapshot.hubs.clone(),
        exceptions: Arc::clone(&snapshot.exceptions),
        knowledge: snapshot.knowledge,
        placement: Arc::clone(&snapshot.placement),
        next_placement: snapshot.next_placement.clone(),
    };
    snapshot.with(snapshot.number, shared)
}

fn said(record: HubRecord, words: &[&str]) -> HubRecord {
    let since = at(50);
    match words {
        ["closed", whom, cause] => {
            HubRecord { starts: Starts::Closed { since, whom: word(whom), cause: word(cause) }, ..record }
        }
        ["open", whom, cause] => {
            HubRecord { starts: Starts::Elsewhere { since, whom: word(whom), cause: word(cause) }, ..record }
        }
        ["changed", seconds] => HubRecord { changed_at: at(seconds.parse().expect("seconds")), ..record },
        [intent] => HubRecord { word: Some(said_of(word_of_intent(intent))), ..record },
        other => panic!("no record: {other:?}"),
    }
}

fn word_of_intent(intent: &str) -> Intent {
    match intent {
        "active" => Intent::Active,
        "cordoned" => Intent::Cordoned,
        "draining" => Intent::Draining,
        "maintenance" => Intent::Maintenance,
        other => panic!("no intent: {other}"),
    }
}

fn said_of(intent: Intent) -> Word {
    Word {
        intent,
        who: "ops".to_owned(),
        why: String::new(),
        since: at(50),
        deadline: None,
        at_deadline: Default::default(),
        at_first: (0, 0),
        idle_for: 0,
        forced: false,
        configured: Intent::Active,
        before: None,
    }
}

/// An assignment since 10 s.
pub fn assigned(user: &str, hub: &str, cause: Cause, epoch: Epoch) -> Assignment {
    Assignment {
        user: UserName::canonical(user, NameRule::Lower).expect("a name"),
        hub: hub.parse().expect("an id"),
        cause,
        epoch,
        since: at(10),
        last_start: None,
        provisional_until: None,
    }
}

/// The store's time in seconds.
pub fn at(seconds: u64) -> StoreTime {
    StoreTime::from_millis(seconds * 1000)
}

fn word<T: serde::de::DeserializeOwned>(word: &str) -> T {
    serde_json::from_value(serde_json::Value::String(word.to_owned())).expect("a word of records")
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
