//! What a simulation found, in numbers. As JSON its keys never change their meaning.

use hubrouter_config::{Config, Hub, HubId, Tier};
use serde::Serialize;

use super::tally::{Counts, Play, Shift, Tally};
use crate::core::life::drain::{self, Load};
use crate::core::life::guard::{Evidence, Fleet, Held, due_at, may_fail_over};
use crate::core::life::records::Outage;
use crate::core::life::time::{StoreTime, Times};

#[derive(Debug, Serialize)]
pub(super) struct Report {
    pub(super) users: usize,
    pub(super) servers: usize,
    pub(super) hubs: Vec<HubRow>,
    pub(super) fullest: Option<Fullest>,
    pub(super) failover: Option<Failover>,
    pub(super) drain: Option<Drain>,
}

/// A hub when all is well.
#[derive(Debug, Serialize)]
pub(super) struct HubRow {
    pub(super) hub: HubId,
    pub(super) tier: Tier,
    /// 1 is the usual one.
    pub(super) weight: f64,
    pub(super) users: usize,
    pub(super) servers: usize,
}

/// The hub with the most users for its weight.
#[derive(Debug, Serialize)]
pub(super) struct Fullest {
    pub(super) hub: HubId,
    pub(super) users: usize,
    /// Its users relative to its share of all users by weight: with equal weights, relative to the mean.
    pub(super) ratio: f64,
}

/// Both planes of a hub die.
#[derive(Debug, Serialize)]
pub(super) struct Failover {
    pub(super) hub: HubId,
    /// Why it is not failed over without an operator; none: it is.
    pub(super) held: Option<String>,
    /// From the first failed probe on.
    pub(super) after_seconds: u64,
    pub(super) users: usize,
    /// Users with a server there: they are assigned to the hub and stay.
    pub(super) stay: usize,
    /// Users without one: their next start is at the next candidate.
    pub(super) go: usize,
    /// Users without one whom no hub takes.
    pub(super) stranded: usize,
    pub(super) stranded_because: Option<String>,
    pub(super) to: Vec<Survivor>,
    pub(super) fullest: Option<Fullest>,
    pub(super) max_starts_per_minute: u32,
    /// If all who go start at once.
    pub(super) starts_take_seconds: u64,
    pub(super) moved_needlessly: usize,
    pub(super) comes_home: ComesHome,
}

/// Another hub after a failover.
#[derive(Debug, Serialize)]
pub(super) struct Survivor {
    pub(super) hub: HubId,
    pub(super) starts: usize,
    pub(super) users: usize,
    /// Once all who come have started.
    pub(super) servers: usize,
    pub(super) starts_take_seconds: u64,
}

/// A hub is drained.
#[derive(Debug, Serialize)]
pub(super) struct Drain {
    pub(super) hub: HubId,
    pub(super) users: usize,
    /// Users who have a server there, and go at their next start after it ended.
    pub(super) running: usize,
    /// Users who go in the end.
    pub(super) moved: usize,
    pub(super) stranded: usize,
    pub(super) stranded_because: Option<String>,
    pub(super) to: Vec<Arrivals>,
    pub(super) overloaded: Vec<Overloaded>,
    /// Why the drain is refused unless forced.
    pub(super) refused: Option<String>,
    pub(super) moved_needlessly: usize,
    pub(super) comes_home: ComesHome,
}

#[derive(Debug, Serialize)]
pub(super) struct Arrivals {
    pub(super) hub: HubId,
    pub(super) users: usize,
}

/// A hub that would have more servers than `placement.load_bound` allows.
#[derive(Debug, Serialize)]
pub(super) struct Overloaded {
    pub(super) hub: HubId,
    pub(super) now: usize,
    pub(super) then: usize,
    pub(super) allowed: usize,
}

/// Who of those who went belongs to the hub again when it is back.
#[derive(Debug, Serialize)]
pub(super) struct ComesHome {
    pub(super) users: usize,
    /// Those without a server elsewhere.
    pub(super) at_once: usize,
    /// Those who have one by then, each when it has ended.
    pub(super) when_their_server_ends: usize,
}

impl Report {
    pub(super) fn of(config: &Config, play: &Play<'_>, tally: &Tally) -> Self {
        let row = |hub: &Hub| HubRow {
            hub: hub.id.clone(),
            tier: hub.tier,
            weight: f64::from(hub.weight.as_thousandths()) / 1000.0,
            users: tally.users.of(&hub.id),
            servers: tally.servers.of(&hub.id),
        };
        Self {
            users: tally.users.sum(),
            servers: tally.servers.sum(),
            hubs: config.hubs.iter().map(row).collect(),
            fullest: fullest(config.hubs.iter(), &tally.users),
            failover: play.failover.as_ref().map(|(hub, _)| failover(config, play, hub, tally)),
            drain: play.drain.as_ref().map(|(hub, _)| drain(config, hub, tally)),
        }
    }

    /// Whether a drain strands or overloads, or nobody takes the users of a dead hub.
    pub(super) fn finds_fault(&self) -> bool {
        self.failover.as_ref().is_some_and(|failover| failover.stranded > 0 || failover.moved_needlessly > 0)
            || self.drain.as_ref().is_some_and(|drain| drain.refused.is_some() || drain.moved_needlessly > 0)
    }
}

fn failover(config: &Config, play: &Play<'_>, dead: &HubId, tally: &Tally) -> Failover {
    let shift = &tally.failover;
    let rate = config.failover.max_starts_per_minute;
    let survivor = |hub: &Hub| Survivor {
        hub: hub.id.clone(),
        starts: shift.go.of(&hub.id),
        users: shift.after.of(&hub.id),
        servers: tally.servers.of(&hub.id) + shift.go.of(&hub.id),
        starts_take_seconds: starts_take(shift.go.of(&hub.id), rate),
    };
    let survivors = || config.hubs.iter().filter(|hub| hub.id != *dead);
    let to: Vec<Survivor> = survivors().map(survivor).collect();
    let times = Times::of(&config.health, &config.failover, &config.census);
    // When it is does not matter: everything is known, and nothing else is down.
    let outage = Outage { proxy: Some(StoreTime::default()), hub: Some(StoreTime::default()) };
    Failover {
        hub: dead.clone(),
        held: held(config, play, dead, &outage, &times).map(|held| held.to_string()),
        after_seconds: due_at(&outage, &times).map_or(0, |due| due.since(StoreTime::default()).as_secs()),
        users: shift.users,
        stay: shift.stay,
        go: shift.go.sum(),
        stranded: shift.wait,
        stranded_because: shift.wait_because.clone(),
        fullest: fullest(survivors(), &shift.after),
        max_starts_per_minute: rate,
        starts_take_seconds: to.iter().map(|hub| hub.starts_take_seconds).max().unwrap_or(0),
        to,
        moved_needlessly: shift.moved_needlessly,
        comes_home: comes_home(shift, shift.come_home),
    }
}

/// What keeps the hub from being failed over by itself, where everything is known that can be known.
fn held(config: &Config, play: &Play<'_>, dead: &HubId, outage: &Outage, times: &Times) -> Option<Held> {
    let hub = config.hub(dead)?;
    let fleet =
        Fleet { hubs: config.hubs.len(), down: Vec::new(), open_in_pool: play.well.open_in_pool_of(dead) };
    let evidence = Evidence {
        outage,
        storage: hub.storage,
        has_token: hub.api_token.is_some(),
        census: outage.first(),
        vanished: &[],
        fleet: &fleet,
    };
    may_fail_over(&evidence, times).err()
}

/// The seconds that so many starts at one hub take.
fn starts_take(starts: usize, per_minute: u32) -> u64 {
    (starts as u64 * 60).div_ceil(u64::from(per_minute.max(1)))
}

fn drain(config: &Config, hub: &HubId, tally: &Tally) -> Drain {
    let load = |hub: &Hub| {
        let load = Load { servers: tally.servers.of(&hub.id), weight: hub.weight.as_thousandths() };
        (hub.id.clone(), load)
    };
    let loads = config.hubs.iter().map(load).collect();
    let plan = drain::plan(hub, &tally.residents, &loads, config.placement.load_bound);
    let running_who_go = tally.residents.iter().filter(|user| user.running && user.next.is_ok()).count();
    Drain {
        hub: hub.clone(),
        users: plan.users,
        running: plan.running,
        moved: plan.to.values().sum(),
        stranded: plan.stranded,
        stranded_because: plan.stranded_because.as_ref().map(ToString::to_string),
        refused: plan.refusal().map(|refused| refused.to_string()),
        to: plan.to.into_iter().map(|(hub, users)| Arrivals { hub, users }).collect(),
        overloaded: plan
            .overloaded
            .into_iter()
            .map(|over| Overloaded { hub: over.hub, now: over.now, then: over.then, allowed: over.allowed })
            .collect(),
        moved_needlessly: tally.drain.moved_needlessly,
        comes_home: comes_home(&tally.drain, running_who_go),
    }
}

fn comes_home(shift: &Shift, with_a_server: usize) -> ComesHome {
    let when_their_server_ends = with_a_server.min(shift.come_home);
    ComesHome {
        users: shift.come_home,
        at_once: shift.come_home - when_their_server_ends,
        when_their_server_ends,
    }
}

/// The fullest of the hubs that take users: the active ones, and others that have some.
fn fullest<'a>(hubs: impl Iterator<Item = &'a Hub>, users: &Counts) -> Option<Fullest> {
    let taking: Vec<&Hub> = hubs.filter(|hub| hub.tier == Tier::Active || users.of(&hub.id) > 0).collect();
    let weight = |hub: &Hub| f64::from(hub.weight.as_thousandths());
    let (all, weights) =
        taking.iter().fold((0, 0.0), |(all, weights), hub| (all + users.of(&hub.id), weights + weight(hub)));
    let ratio = |hub: &Hub| users.of(&hub.id) as f64 * weights / (weight(hub) * all as f64);
    let fullest = taking.iter().filter(|_| all > 0).max_by(|a, b| ratio(a).total_cmp(&ratio(b)))?;
    Some(Fullest {
        hub: fullest.id.clone(),
        users: users.of(&fullest.id),
        ratio: (ratio(fullest) * 1000.0).round() / 1000.0,
    })
}
