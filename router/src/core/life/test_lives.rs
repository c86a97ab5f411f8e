//! For tests: one hub, its record in a store, and a controller that carries every effect out at once.

use std::time::Duration;

use hubrouter_config::{Census, Failover, Health, HubId, Intent, Storage};
use hubrouter_hub_adapter::names::{NameRule, UserName};

use super::guard::Fleet;
use super::hub_life::{Heard, HubLife, Policy};
use super::records::{AtDeadline, HubRecord};
use super::state::Gate;
use super::step::{Change, Effect, HubEvent, Refusal, Verb, step};
use super::time::{StoreTime, Times};
use super::votes::Agreed;
use crate::core::health::Plane;

pub(super) fn at(seconds: u64) -> StoreTime {
    StoreTime::from_millis(seconds * 1000)
}

pub(super) fn user(name: &str) -> UserName {
    UserName::canonical(name, NameRule::Exact).unwrap()
}

pub(super) fn policy() -> Policy {
    Policy {
        times: Times::of(&Health::default(), &Failover::default(), &Census::default()),
        storage: Storage::Shared,
        has_token: true,
        configured: Intent::Active,
        stop_stale: true,
    }
}

/// Hub `a` of three, all well, counted a moment ago; time begins at 10,000 s. What runs there is known to be ada's.
pub(super) struct Play {
    pub(super) life: HubLife,
    pub(super) now: u64,
    pub(super) store: HubRecord,
    pub(super) changes: Vec<Change>,
    pub(super) effects: Vec<Effect>,
    pub(super) running: Vec<UserName>,
    /// Whether the hub answers questions about its servers.
    pub(super) counts: bool,
}

impl Play {
    pub(super) fn new() -> Self {
        Self::with(policy())
    }

    pub(super) fn with(policy: Policy) -> Self {
        let hub: HubId = "a".parse().unwrap();
        let mut play = Self {
            life: HubLife::new(hub.clone(), policy),
            now: 10_000,
            store: HubRecord::new(hub),
            changes: Vec::new(),
            effects: Vec::new(),
            running: vec![user("ada")],
            counts: true,
        };
        play.happens(HubEvent::Stands(Box::new(play.store.clone())));
        play.happens(HubEvent::Census { answered_at: at(play.now) });
        play.happens(HubEvent::Fleet(Fleet { hubs: 3, down: Vec::new(), open_in_pool: true }));
        play.happens(HubEvent::Agreed { plane: Plane::Proxy, verdict: Agreed::Up });
        play.happens(HubEvent::Agreed { plane: Plane::Hub, verdict: Agreed::Up });
        play
    }

    /// The event happens now, and everything that follows from it at once.
    pub(super) fn happens(&mut self, event: HubEvent) {
        let mut due = vec![event];
        while let Some(event) = due.pop() {
            let (life, effects) = step(self.life.clone(), event, at(self.now));
            self.life = life;
            for effect in effects {
                due.extend(self.carried_out(&effect));
                self.effects.push(effect);
            }
        }
    }

    fn carried_out(&mut self, effect: &Effect) -> Option<HubEvent> {
        match effect {
            Effect::Write { on, record, changes } => {
                assert_eq!(*on, self.store.epoch, "a single controller never loses a write");
                self.store = HubRecord { epoch: on.next().unwrap(), ..(**record).clone() };
                self.changes.extend(changes);
                Some(HubEvent::Stands(Box::new(self.store.clone())))
            }
            Effect::SecureRunning(securing) => {
                Some(HubEvent::RunningSecured { securing: *securing, users: self.running.clone() })
            }
            Effect::AskCensus if self.counts => Some(HubEvent::Census { answered_at: at(self.now) }),
            Effect::AskCensus
            | Effect::StopStale { .. }
            | Effect::StopIdle
            | Effect::Report(_)
            | Effect::Refuse(_) => None,
        }
    }

    /// Time passes second by second; a hub whose hub plane is up is counted every minute.
    pub(super) fn pass(&mut self, seconds: u64) {
        for _ in 0..seconds {
            self.now += 1;
            if self.counts
                && self.now.is_multiple_of(60)
                && !matches!(self.life.hub, Some(Agreed::Down { .. }))
            {
                self.happens(HubEvent::Census { answered_at: at(self.now) });
            }
            self.heartbeats();
            self.happens(HubEvent::Due);
        }
    }

    /// Heartbeats are read; those of replicas that `silent` names stay as they were.
    fn heartbeats(&mut self) {
        let heard = self.life.heard.clone();
        self.happens(HubEvent::Heard { asked_at: at(self.now), heard });
    }

    /// The plane is agreed down, its first probe having failed 15 s ago.
    pub(super) fn falls(&mut self, plane: Plane) {
        let since = at(self.now - 15);
        self.happens(HubEvent::Agreed { plane, verdict: Agreed::Down { since } });
    }

    pub(super) fn rises(&mut self, plane: Plane) {
        self.happens(HubEvent::Agreed { plane, verdict: Agreed::Up });
    }

    /// An operator speaks; what is refused comes back.
    pub(super) fn says(&mut self, verb: Verb) -> Result<(), Refusal> {
        let before = self.effects.len();
        self.happens(HubEvent::Operator { verb, who: "kim".to_owned(), why: "because".to_owned() });
        for effect in &self.effects[before..] {
            if let Effect::Refuse(refusal) = effect {
                return Err(refusal.clone());
            }
        }
        Ok(())
    }

    pub(super) fn gate(&self) -> Gate {
        Gate::from(self.store.starts)
    }

    pub(super) fn changed(&self, change: Change) -> usize {
        self.changes.iter().filter(|one| **one == change).count()
    }

    /// Seconds until the gate is this; it has to be within an hour.
    pub(super) fn seconds_until(&mut self, gate: Gate) -> u64 {
        for waited in 0..3600 {
            if self.gate() == gate {
                return waited;
            }
            self.pass(1);
        }
        panic!("the gate is {:?} after an hour", self.gate());
    }

    pub(super) fn times(&self) -> &Times {
        &self.life.policy.times
    }
}

pub(super) const DRAIN: Verb = Verb::Drain {
    deadline: None,
    at_deadline: AtDeadline::Wait,
    idle_for: Duration::ZERO,
    at_first: (0, 0),
    forced: false,
};

pub(super) fn seconds(duration: Duration) -> u64 {
    duration.as_secs()
}

/// One replica, whose last heartbeat came then, and said that it had read everything up to then.
pub(super) fn heard_event(now: u64, heard: StoreTime) -> HubEvent {
    HubEvent::Heard { asked_at: at(now), heard: vec![Heard { at: heard, read: heard }] }
}
