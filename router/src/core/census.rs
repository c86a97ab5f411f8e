//! Who has a server where: what hubs and their proxies said, how old that is, and what may be concluded from it.
//!
//! Two layers, never mixed up. A *sighting* (a route in a proxy's table) says that a server exists. Only *authority*, the
//! hub's own list, says that one does not. What is too old is unknown, and unknown counts as running.
//!
//! Pure: answers and instants arrive as arguments; asking is left to `control`. The census never routes.

mod pace;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use hubrouter_config::HubId;
use hubrouter_hub_adapter::names::UserName;

pub use pace::Pace;

/// What is known of a user at one hub.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Presence {
    /// Has a running server there.
    Running,
    /// Has a server there that starts, stops or is being looked at.
    Pending,
    /// Has none there, by the hub's own word, and none was seen since.
    None,
    /// Nobody knows.
    Unknown,
}

impl Presence {
    /// Whether the user has to be taken for one with a server there: unknown counts as running.
    #[must_use]
    pub fn may_run(self) -> bool {
        match self {
            Self::Running | Self::Pending | Self::Unknown => true,
            Self::None => false,
        }
    }

    /// Whether a server is known to be there.
    #[must_use]
    pub fn is_seen(self) -> bool {
        match self {
            Self::Running | Self::Pending => true,
            Self::None | Self::Unknown => false,
        }
    }
}

/// When a question is put to the census, and by what its answers are too old.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct At {
    /// Now.
    pub now: Instant,
    /// The first failed probe of the hub's outage, if its hub plane is in one. What was known then stands while the outage
    /// lasts: ages are taken there.
    pub outage: Option<Instant>,
    /// `census.max_age`: 150 s.
    pub max_age: Duration,
}

impl At {
    /// How old what was known at `instant` counts as.
    #[must_use]
    pub fn age(self, instant: Instant) -> Duration {
        self.outage.unwrap_or(self.now).saturating_duration_since(instant)
    }

    fn is_fresh(self, instant: Instant) -> bool {
        self.age(instant) <= self.max_age
    }
}

/// From when to when an answer was on its way: what it tells was so at some instant in between.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asked {
    /// When the question was put.
    pub at: Instant,
    /// When the last of the answer came.
    pub answered_at: Instant,
}

/// The servers of one user at one hub, by the hub's own word.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Servers {
    /// Those that run.
    pub running: u32,
    /// Those that start, stop or are being looked at.
    pub pending: u32,
}

/// How many there are, by the last answers, however old these are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Users with a server.
    pub users: u64,
    /// Servers that run.
    pub servers: u64,
    /// Servers that start, stop or are being looked at.
    pub pending: u64,
}

/// What is known of the users of one hub.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HubCensus {
    /// When the hub was asked for its last answer.
    told_at: Option<Instant>,
    /// Everybody with a server, by that answer or by sightings since.
    users: BTreeMap<UserName, Seen>,
}

/// The evidence for one user's servers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Seen {
    /// By the hub's last answer; none: not on its list.
    told: Option<Servers>,
    /// The last sighting since, and how many servers it showed.
    sighted: Option<(Instant, u32)>,
    /// A server was there at this instant or before, ...
    from: Instant,
    /// ... and at this one or after, without a word that it was gone in between.
    to: Instant,
}

impl Seen {
    fn new(asked: Asked) -> Self {
        Self { told: None, sighted: None, from: asked.answered_at, to: asked.at }
    }
}

impl HubCensus {
    /// Takes in the hub's own word: everybody with a server. Whoever is not among them has none, unless a server was seen
    /// after the question was put. An answer to an older question than the last one tells nothing new.
    pub fn told(&mut self, asked: Asked, users: impl IntoIterator<Item = (UserName, Servers)>) {
        if self.told_at.is_some_and(|last| asked.at < last) {
            return;
        }
        self.told_at = Some(asked.at);
        let mut before = std::mem::take(&mut self.users);
        for (user, servers) in users {
            let known = before.remove(&user).map(|seen| Self::since(asked, seen));
            let mut seen = known.unwrap_or_else(|| Seen::new(asked));
            seen.told = Some(servers);
            seen.to = seen.to.max(asked.at);
            self.users.insert(user, seen);
        }
        let unlisted = before.into_iter().filter_map(|(user, seen)| {
            let left = Self::since(asked, seen);
            // What was there before the hub's word has ended; what was seen after it is another server.
            left.sighted.map(|(seen_at, _)| (user, Seen { from: seen_at, ..left }))
        });
        self.users.extend(unlisted);
    }

    /// What is left of the evidence when a newer answer is there: sightings after its question.
    fn since(asked: Asked, seen: Seen) -> Seen {
        Seen { told: None, sighted: seen.sighted.filter(|(at, _)| *at >= asked.at), ..seen }
    }

    /// Takes in a table of routes: users and how many of their servers are in it. Who is not in it may have a server all the
    /// same.
    pub fn sighted(&mut self, asked: Asked, users: impl IntoIterator<Item = (UserName, u32)>) {
        for (user, servers) in users {
            let seen = self.users.entry(user).or_insert_with(|| Seen::new(asked));
            seen.sighted = Some((asked.answered_at, servers));
            seen.to = seen.to.max(asked.at);
        }
    }

    /// Takes in that a server of `user` answered at `at`: a sighting of one server at least.
    pub fn answering(&mut self, user: UserName, at: Instant) {
        let asked = Asked { at, answered_at: at };
        let seen = self.users.entry(user).or_insert_with(|| Seen::new(asked));
        let servers = seen.sighted.map_or(1, |(_, servers)| servers.max(1));
        seen.sighted = Some((at, servers));
        seen.to = seen.to.max(at);
    }

    /// Drops sightings that have become too old to say anything. Nothing that is asked of the census changes by it, but the
    /// totals.
    pub fn forget_old(&mut self, at: At) {
        self.users.retain(|_, seen| {
            seen.sighted = seen.sighted.filter(|(seen_at, _)| at.is_fresh(*seen_at));
            seen.told.is_some() || seen.sighted.is_some()
        });
    }

    /// Whether the hub's own word is there and not too old. If not, nobody is known to be without a server.
    #[must_use]
    pub fn is_known(&self, at: At) -> bool {
        self.told_at.is_some_and(|told_at| at.is_fresh(told_at))
    }

    /// The age of the hub's last word, as it is judged by; none before the first.
    #[must_use]
    pub fn age(&self, at: At) -> Option<Duration> {
        self.told_at.map(|told_at| at.age(told_at))
    }

    /// What is known of `user` here.
    #[must_use]
    pub fn presence(&self, user: &UserName, at: At) -> Presence {
        match self.users.get(user) {
            Some(seen) => self.presence_of(seen, at),
            None if self.is_known(at) => Presence::None,
            None => Presence::Unknown,
        }
    }

    fn presence_of(&self, seen: &Seen, at: At) -> Presence {
        let sighted = seen.sighted.is_some_and(|(seen_at, _)| at.is_fresh(seen_at));
        match (sighted, seen.told) {
            (true, _) => Presence::Running,
            (false, Some(servers)) if self.is_known(at) => {
                // A hub that has just started lists users before it has looked at their servers.
                if servers.running > 0 { Presence::Running } else { Presence::Pending }
            }
            (false, _) => Presence::Unknown,
        }
    }

    /// Everybody who was seen with a server since the hub's last word, or by it.
    pub fn users(&self) -> impl Iterator<Item = &UserName> {
        self.users.keys()
    }

    /// When the hub was asked for its last word.
    #[must_use]
    pub fn told_at(&self) -> Option<Instant> {
        self.told_at
    }

    /// How many there are, by the last answers.
    #[must_use]
    pub fn totals(&self) -> Totals {
        let mut totals = Totals { users: self.users.len() as u64, ..Totals::default() };
        for seen in self.users.values() {
            let told = seen.told.unwrap_or_default();
            let running = told.running.max(seen.sighted.map_or(0, |(_, servers)| servers));
            // What was pending when the hub was asked and is a route by now runs.
            let pending = told.pending.saturating_sub(running - told.running);
            totals.servers += u64::from(running);
            totals.pending += u64::from(pending);
        }
        totals
    }
}

/// What is known of the users of all hubs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Census {
    hubs: BTreeMap<HubId, HubCensus>,
}

impl Census {
    /// What is known of one hub; nothing yet if it is new.
    pub fn hub_mut(&mut self, hub: &HubId) -> &mut HubCensus {
        if !self.hubs.contains_key(hub) {
            self.hubs.insert(hub.clone(), HubCensus::default());
        }
        self.hubs.get_mut(hub).expect("just inserted")
    }

    /// What is known of one hub.
    #[must_use]
    pub fn hub(&self, hub: &HubId) -> Option<&HubCensus> {
        self.hubs.get(hub)
    }

    /// Forgets all but these hubs.
    pub fn retain(&mut self, keep: impl Fn(&HubId) -> bool) {
        self.hubs.retain(|hub, _| keep(hub));
    }

    /// What is known of `user` at `hub`.
    #[must_use]
    pub fn presence(&self, hub: &HubId, user: &UserName, at: At) -> Presence {
        self.hubs.get(hub).map_or(Presence::Unknown, |census| census.presence(user, at))
    }

    /// Users with servers on more than one hub at the same time, and where. `at` gives each hub's own [`At`].
    ///
    /// Somebody whose server ended here before one began there is not among them, though the list of the first hub is not
    /// renewed yet: each server has to be known of both before and after the other one was.
    #[must_use]
    pub fn on_two_hubs(&self, at: impl Fn(&HubId) -> At) -> BTreeMap<UserName, Vec<HubId>> {
        let mut found: BTreeMap<&UserName, Vec<(&HubId, &Seen)>> = BTreeMap::new();
        for (id, hub) in &self.hubs {
            let at = at(id);
            for (user, seen) in hub.users.iter().filter(|(_, seen)| hub.presence_of(seen, at).is_seen()) {
                found.entry(user).or_default().push((id, seen));
            }
        }
        found
            .into_iter()
            .filter_map(|(user, places)| {
                let together = at_the_same_time(&places);
                (together.len() > 1).then(|| (user.clone(), together))
            })
            .collect()
    }
}

/// Those hubs whose servers existed together with one of another hub.
fn at_the_same_time(places: &[(&HubId, &Seen)]) -> Vec<HubId> {
    let overlap = |a: &Seen, b: &Seen| a.from.max(b.from) <= a.to.min(b.to);
    let beside = |here: &HubId, seen: &Seen| {
        places.iter().any(|(there, other)| *there != here && overlap(seen, other))
    };
    let together = places.iter().filter(|(here, seen)| beside(here, seen));
    together.map(|(hub, _)| (*hub).clone()).collect()
}

#[cfg(test)]
mod tests;
