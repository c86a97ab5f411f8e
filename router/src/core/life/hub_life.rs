//! One hub as a controller holds it: the shared record as last read, and the evidence that may change it.
//!
//! What follows from both is [`step`](super::step)'s. A replica that starts anew begins with [`HubLife::new`] and writes
//! nothing before it has read the record.

use std::collections::BTreeSet;

use hubrouter_config::{Config, Hub, HubId, Intent, Storage};
use hubrouter_hub_adapter::names::UserName;

use super::guard::{Evidence, Fleet, Held};
use super::records::{Cause, Epoch, HubRecord, Outage, Starts};
use super::state::Spawning;
use super::time::{StoreTime, Times};
use super::votes::Agreed;

/// What the configuration says about a hub.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// All periods.
    pub times: Times,
    /// Whether the hub's users may move.
    pub storage: Storage,
    /// Whether the routers can ask the hub: without `api_token` there is no census.
    pub has_token: bool,
    /// The hub's `intent` key.
    pub configured: Intent,
    /// `failover.stop_stale`.
    pub stop_stale: bool,
}

impl Policy {
    /// The policy that `config` gives for `hub`.
    #[must_use]
    pub fn of(config: &Config, hub: &Hub) -> Self {
        Self {
            times: Times::of(&config.health, &config.failover, &config.census),
            storage: hub.storage,
            has_token: hub.api_token.is_some(),
            configured: hub.intent,
            stop_stale: config.failover.stop_stale,
        }
    }
}

/// A sign of life of one replica, itself included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Heard {
    /// When the store took its last heartbeat.
    pub at: StoreTime,
    /// How far it had read the directory by then, as it said itself: records that were written up to here it knows.
    pub read: StoreTime,
}

/// One hub's life, as one controller knows it. All fields are facts; only `step` changes them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HubLife {
    /// What the configuration says.
    pub policy: Policy,
    /// The shared record as last read.
    pub record: HubRecord,
    /// Whether the record was ever read: before that nothing is written.
    pub read: bool,
    /// The agreed verdict on the proxy plane; none: nobody has voted yet, and the record stands.
    pub proxy: Option<Agreed>,
    /// The same for the hub plane.
    pub hub: Option<Agreed>,
    /// When the votes behind both verdicts were asked for: the record knows of all that were cast before it changed.
    pub agreed_at: StoreTime,
    /// How starts end there, over all replicas.
    pub spawning: Spawning,
    /// Whether that was judged at all since this replica began.
    pub judged: bool,
    /// The hub's last authoritative answer about all its users.
    pub census: Option<StoreTime>,
    /// The last heartbeat of each replica that has not said goodbye.
    pub heard: Vec<Heard>,
    /// When these heartbeats were asked for.
    pub heard_at: StoreTime,
    /// Whether it has more than its share of the servers (`placement.load_bound`); none: this replica does not know who runs
    /// where.
    pub overloaded: Option<bool>,
    /// The other hubs.
    pub fleet: Fleet,
    pub(super) asked: Asked,
}

/// What this controller has already asked for, so that it asks once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Asked {
    /// A write on this epoch is under way.
    pub(super) writing: Option<Epoch>,
    /// The closing that stands, as this replica saw it.
    pub(super) closed: Option<Closing>,
    /// Users known as running are being assigned, for the closing or outage of this instant.
    pub(super) securing: Option<Securing>,
    /// They have been: these.
    pub(super) secured: Option<(Securing, Vec<UserName>)>,
    /// A census was asked for, because of what happened at this instant.
    pub(super) census: Option<StoreTime>,
    /// Stale servers are being stopped, after the return of this instant.
    pub(super) stopping: Option<StoreTime>,
    /// Whose stale servers are gone, until the record says so, too.
    pub(super) gone: BTreeSet<UserName>,
    /// Idle servers are being stopped, for the drain of this instant.
    pub(super) stopping_idle: Option<StoreTime>,
    /// What operators were last told of a failover that is held.
    pub(super) told: Option<Held>,
    /// The configuration was loaded: a word that was said under another `intent` key ends.
    pub(super) reloaded: bool,
}

/// A closing that this replica has seen in the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Closing {
    /// When its writer says that it was closed.
    pub(super) since: StoreTime,
    /// When this replica first saw that it stands: the write may have reached the store late.
    pub(super) seen: StoreTime,
    /// The store's clock has jumped: of instants before that nobody knows how long ago they are.
    pub(super) jumped: bool,
}

impl Closing {
    /// From when on it is known to stand. After a jump only what was seen counts.
    pub(super) fn stands_at(&self) -> StoreTime {
        if self.jumped { self.seen } else { self.since.max(self.seen) }
    }
}

/// For what users known as running get their assignments.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Securing {
    /// When the hub was closed, or its outage began.
    pub since: StoreTime,
    /// The operator declared their servers stopped: they lose the assignments that hold them there instead.
    pub assume_stopped: bool,
}

impl HubLife {
    /// A hub of which nothing is known yet but its configuration.
    #[must_use]
    pub fn new(hub: HubId, policy: Policy) -> Self {
        Self {
            policy,
            record: HubRecord::new(hub),
            read: false,
            proxy: None,
            hub: None,
            agreed_at: StoreTime::default(),
            spawning: Spawning::Unknown,
            census: None,
            heard: Vec::new(),
            heard_at: StoreTime::default(),
            overloaded: None,
            judged: false,
            fleet: Fleet::default(),
            asked: Asked { reloaded: true, ..Asked::default() },
        }
    }

    /// What is wanted of the hub now.
    #[must_use]
    pub fn intent(&self) -> Intent {
        self.record.intent(self.policy.configured)
    }

    /// Whether this replica knows all by which a hub is closed for this cause: one that has just begun, or has no census, must
    /// not undo what another one has evidence for.
    pub(super) fn can_judge(&self, cause: Cause) -> bool {
        let knows_fleet = self.fleet.hubs > 0;
        match cause {
            Cause::SpawnFailing => knows_fleet && self.judged,
            Cause::Slow => knows_fleet && self.hub.is_some(),
            Cause::LoadBound => knows_fleet && self.overloaded.is_some(),
            Cause::Cordon => knows_fleet,
            Cause::Running
            | Cause::Found
            | Cause::Failover
            | Cause::Drain
            | Cause::Maintenance
            | Cause::Rescue
            | Cause::Move
            | Cause::Pin
            | Cause::Unknown => true,
        }
    }

    /// When each replica was last heard that vanished and may have started servers here since: it had not read that the hub is
    /// closed.
    #[must_use]
    pub fn vanished(&self, now: StoreTime) -> Vec<StoreTime> {
        let closed = match self.record.starts {
            // It opened when none of them could start anything any more.
            Starts::Elsewhere { .. } => return Vec::new(),
            Starts::Here | Starts::Closed { .. } | Starts::Unknown => self.asked.closed,
        };
        let knows = |heard: &Heard| closed.is_some_and(|closed| heard.read >= closed.stands_at());
        let is_silent = |heard: &&Heard| !self.policy.times.is_live(heard.at, now) && !knows(heard);
        self.heard.iter().filter(is_silent).map(|heard| heard.at).collect()
    }

    /// What the guards look at for this outage.
    pub(super) fn evidence<'a>(&'a self, outage: &'a Outage, vanished: &'a [StoreTime]) -> Evidence<'a> {
        Evidence {
            outage,
            storage: self.policy.storage,
            has_token: self.policy.has_token,
            census: self.census,
            vanished,
            fleet: &self.fleet,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Closing, Heard};
    use crate::core::life::records::{Cause, Starts, Whom};
    use crate::core::life::test_lives::{Play, at};

    #[test]
    fn a_replica_has_vanished_when_its_last_heartbeat_is_no_longer_live() {
        let mut play = Play::new();
        let heard = |ago| Heard { at: at(play.now - ago), read: at(play.now - ago) };
        let heard = [heard(14), heard(15)];
        play.life.heard = heard.to_vec();
        assert_eq!(play.life.vanished(at(play.now)), [at(play.now - 15)]);
    }

    #[test]
    fn who_vanished_after_reading_that_the_hub_is_closed_started_nothing_since() {
        let mut play = Play::new();
        let closed = at(play.now);
        play.life.record.starts =
            Starts::Closed { since: closed, whom: Whom::Everybody, cause: Cause::Drain };
        play.life.asked.closed = Some(Closing { since: closed, seen: closed, jumped: false });
        let heard = |read: u64| Heard { at: at(play.now + 1), read: at(read) };
        play.life.heard = [heard(play.now - 1), heard(play.now)].to_vec();
        assert_eq!(play.life.vanished(at(play.now + 60)), [at(play.now + 1)]);

        play.life.record.starts =
            Starts::Elsewhere { since: closed, whom: Whom::Everybody, cause: Cause::Drain };
        assert!(play.life.vanished(at(play.now + 60)).is_empty());
    }
}
