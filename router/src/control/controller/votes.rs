//! What this replica tells the others of hubs, and what all of them agree on.

use hubrouter_config::HubId;

use super::Controller;
use crate::control::census::moment;
use crate::control::clock;
use crate::core::health::{HubHealth, HubPlane, Plane, ProxyPlane};
use crate::core::life::drain::is_overloaded;
use crate::core::life::records::{Cause, Heartbeat, SpawnOutcome, SpawnResult, Starts, Verdict, Vote};
use crate::core::life::step::{Effect, HubEvent};
use crate::core::life::time::{StoreTime, Times};
use crate::core::life::votes::agree;
use crate::core::moment::Clock;
use crate::core::spawning::{OUTCOMES_COUNT_FOR, agreed};

/// The part of the load bound below which a hub takes new users again.
const ENDS_AT: f64 = 0.9;

impl Controller {
    /// Makes the next heartbeat say what is known now.
    pub(super) fn vote(&mut self) {
        let clock = self.view.knowledge.clock;
        let config = &self.parts.loaded.config;
        let votes = config.hubs.iter().filter_map(|hub| Some((&hub.id, self.healths.get(&hub.id)?)));
        let votes =
            votes.flat_map(|(hub, health)| votes_on(hub, health, config.health.fall, clock)).collect();
        let outcomes = config.hubs.iter().flat_map(|hub| {
            self.passive.outcomes(&hub.id).into_iter().filter_map(|ended| {
                let result = if ended.ok { SpawnResult::Ok } else { SpawnResult::Failed };
                Some(SpawnOutcome {
                    hub: hub.id.clone(),
                    user: ended.user,
                    at: clock?.time_at(ended.at),
                    result,
                })
            })
        });
        let heartbeat = Heartbeat {
            replica: self.parts.share.me.as_str().to_owned(),
            at: StoreTime::default(),
            read: StoreTime::default(),
            goodbye: false,
            rebuilding: self.is_rebuilding(),
            votes,
            spawns: outcomes.collect(),
            starts: Vec::new(),
            proposes: self.placements.mark.clone(),
        };
        self.parts.share.heartbeat.send_replace(heartbeat);
    }

    /// How starts go at each hub, over all replicas.
    pub(super) fn spawn_verdicts(&mut self, now: StoreTime) -> Vec<(HubId, Effect)> {
        let mine = self.parts.share.heartbeat.borrow().clone();
        let others = self.heartbeats.iter().filter(|beat| beat.replica != mine.replica);
        let mut ended: Vec<SpawnOutcome> =
            others.chain([&mine]).flat_map(|beat| beat.spawns.clone()).collect();
        ended.retain(|outcome| now.since(outcome.at) < OUTCOMES_COUNT_FOR);
        ended.sort_by_key(|outcome| outcome.at);
        let hubs: Vec<HubId> = self.parts.loaded.config.hubs.iter().map(|hub| hub.id.clone()).collect();
        let mut effects = Vec::new();
        for hub in hubs {
            let there = ended.iter().filter(|outcome| outcome.hub == hub).filter_map(|outcome| match outcome
                .result
            {
                SpawnResult::Ok => Some((&outcome.user, true)),
                SpawnResult::Failed => Some((&outcome.user, false)),
                SpawnResult::Unknown => None,
            });
            let verdict = agreed(there);
            if self.lives.get(&hub).is_some_and(|life| !life.judged || life.spawning != verdict) {
                effects.extend(self.lives.happens(&hub, HubEvent::Spawning(verdict), now));
            }
        }
        effects
    }

    /// Which hubs have more than their share of the servers; unknown while this replica has not heard of all.
    pub(super) fn loads(&mut self) -> Vec<(HubId, Effect)> {
        let bound = self.parts.loaded.config.placement.load_bound;
        let loads = self.loads_by_hub();
        let known = self.knows_all_servers();
        let judged: Vec<(HubId, Option<bool>)> = loads
            .keys()
            .filter_map(|hub| {
                let life = self.lives.get(hub)?;
                let over = known.then(|| is_overloaded(hub, &loads, limit(bound, life.record.starts)));
                (life.overloaded != over).then(|| (hub.clone(), over))
            })
            .collect();
        let Some(now) = self.store_now() else { return Vec::new() };
        judged
            .into_iter()
            .flat_map(|(hub, over)| self.lives.happens(&hub, HubEvent::Overloaded(over), now))
            .collect()
    }

    /// Whether every hub that can be asked has told who runs there; of one that is down nobody can know more.
    fn knows_all_servers(&self) -> bool {
        let live = self.parts.live.load();
        let now = clock::now();
        live.snapshot.hubs.iter().all(|view| {
            let hub = &view.hub;
            let seen = || self.parts.board.census.hub(&hub.id, moment(&live.snapshot, &hub.id, now));
            hub.api_token.is_none() || view.record.outage.is_some() || seen().known
        })
    }

    /// Shows operators who sees a plane otherwise than most.
    pub(super) fn note_agreement(&self, now: StoreTime) {
        let config = &self.parts.loaded.config;
        let times = Times::of(&config.health, &config.failover, &config.census);
        for hub in &config.hubs {
            let dissenters = [Plane::Proxy, Plane::Hub]
                .map(|plane| agree(&self.heartbeats, &hub.id, plane, &times, now).dissenters)
                .concat();
            self.parts.board.note_dissenters(&hub.id, dissenters);
        }
        self.parts.board.note_replicas(&self.heartbeats, &times, now);
    }
}

/// By which bound a hub is overloaded: one that is closed for its load stays so until it is well below, so that replicas who
/// counted at different moments do not undo each other's work.
fn limit(bound: f64, starts: Starts) -> f64 {
    match starts {
        Starts::Closed { cause: Cause::LoadBound, .. }
        | Starts::Elsewhere { cause: Cause::LoadBound, .. } => {
            // An even share has to be enough to open again.
            (bound * ENDS_AT).max(bound.min(1.0))
        }
        Starts::Here | Starts::Closed { .. } | Starts::Elsewhere { .. } | Starts::Unknown => bound,
    }
}

/// The votes of one replica on one hub; none on a plane that it has not probed often enough.
fn votes_on(hub: &HubId, health: &HubHealth, fall: u32, clock: Option<Clock>) -> Vec<Vote> {
    let vote = |plane, verdict, failing: Option<std::time::Instant>| Vote {
        hub: hub.clone(),
        plane,
        verdict,
        failing_since: failing.zip(clock).map(|(at, clock)| clock.time_at(at)),
    };
    let (proxy, own) = (&health.proxy, &health.hub);
    let mut votes = Vec::new();
    if proxy.is_probed() {
        let down = proxy.verdict == ProxyPlane::Down || proxy.failures() >= fall.max(1);
        let verdict = if down { Verdict::Down } else { Verdict::Up };
        votes.push(vote(Plane::Proxy, verdict, proxy.failing_since.filter(|_| down)));
    }
    if own.is_probed() {
        let failed = own.failures() >= fall.max(1);
        let verdict = match own.verdict {
            HubPlane::Down => Verdict::Down,
            // A restart is an outage like any other until it is over: timers count from its beginning.
            HubPlane::Starting | HubPlane::Up | HubPlane::Slow if failed => Verdict::Down,
            HubPlane::Slow => Verdict::Slow,
            HubPlane::Starting | HubPlane::Up => Verdict::Up,
        };
        votes.push(vote(Plane::Hub, verdict, own.failing_since.filter(|_| verdict == Verdict::Down)));
    }
    votes
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;
    use crate::core::health::{ProbeResult, Rules, Seen};
    use crate::core::life::records::Whom;

    #[test]
    fn a_hub_that_is_closed_for_its_load_opens_when_it_is_well_below_the_bound() {
        let now = StoreTime::default();
        let closed = |cause| Starts::Closed { since: now, whom: Whom::New, cause };
        let limits = [Starts::Here, closed(Cause::Slow), closed(Cause::LoadBound)].map(|it| limit(2.0, it));
        assert_eq!(limits, [2.0, 2.0, 1.8]);
        assert_eq!(limit(1.05, closed(Cause::LoadBound)), 1.0, "an even share is enough");
    }

    #[test]
    fn a_plane_is_voted_down_after_so_many_failed_probes_and_since_the_first_of_them() {
        let (hub, start): (HubId, _) = ("a".parse().unwrap(), Instant::now());
        let rules = Rules { fall: 3, rise: 2, hold: Duration::from_secs(60) };
        let clock = Some(Clock { store: StoreTime::from_millis(1_000_000), at: start });
        let seen = |seen| ProbeResult { seen, took: Duration::ZERO };
        let mut health = HubHealth::new(start);
        assert_eq!(votes_on(&hub, &health, 3, clock), [], "nothing was probed yet");

        health = health.step(&rules, Plane::Hub, &seen(Seen::Ok), start);
        let mut verdicts = Vec::new();
        for second in 1..=3 {
            let failed = seen(Seen::Failed("refused".into()));
            health = health.step(&rules, Plane::Hub, &failed, start + Duration::from_secs(second));
            let votes = votes_on(&hub, &health, 3, clock);
            verdicts.push((votes[0].verdict, votes[0].failing_since));
        }
        let first = Some(StoreTime::from_millis(1_001_000));
        assert_eq!(verdicts, [(Verdict::Up, None), (Verdict::Up, None), (Verdict::Down, first)]);
    }
}
