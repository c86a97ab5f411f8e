//! One hub: its own database, its process, its proxy, and the servers that survive both.
//!
//! Pure: the time and the chance are arguments or owned. Nothing runs by itself: whoever looks first brings the hub up to
//! their instant ([`SimHub::settle`]), in the order in which things were due.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use hubrouter_hub_adapter::names::UserName;
use tokio::time::Instant;

use super::super::rng::Rng;
use super::words::{Habits, Process, Row, Spawning, Started, Stopped, Visit};

/// From the death of the hub to the first 500 of a notebook that asked it last just before (`HubAuth.cache_max_age`).
const AUTH_KEPT: Duration = Duration::from_secs(300);
/// How often a hub looks after its routes by itself (`last_activity_interval`).
const ROUTES_EVERY: Duration = Duration::from_secs(300);
/// The longest that a hub takes to look at one server after its own start.
const LOOKS_WITHIN: Duration = Duration::from_secs(8);

/// A user's server, the process.
#[derive(Clone, Copy, Debug)]
struct Server {
    ends_at: Option<Instant>,
    last_activity: Instant,
}

/// A hub.
#[derive(Debug)]
pub struct SimHub {
    pub habits: Habits,
    /// How starts go.
    pub spawning: Spawning,
    /// What every answer takes on average, beyond what the load makes of it.
    pub slow: Duration,
    rng: Rng,
    process: Process,
    /// How often the process was begun: what was asked of one is not done by the next.
    run: u64,
    proxy_up: bool,
    routes: BTreeSet<UserName>,
    /// Whether the hub's own route is in the proxy's table; without it the proxy knows the way by its command line.
    leads_to_hub: bool,
    routes_due: Instant,
    known: BTreeSet<UserName>,
    rows: BTreeMap<UserName, Row>,
    servers: BTreeMap<UserName, Server>,
    /// Nothing happens by itself before.
    next_due: Option<Instant>,
}

impl SimHub {
    /// A hub that is up and knows nobody.
    pub fn new(habits: Habits, rng: Rng, now: Instant) -> Self {
        Self {
            habits,
            spawning: Spawning::Well,
            slow: Duration::ZERO,
            rng,
            process: Process::Up,
            run: 1,
            proxy_up: true,
            routes: BTreeSet::new(),
            leads_to_hub: true,
            routes_due: now + ROUTES_EVERY,
            known: BTreeSet::new(),
            rows: BTreeMap::new(),
            servers: BTreeMap::new(),
            next_due: Some(now),
        }
    }

    pub fn process(&self) -> Process {
        self.process
    }

    pub fn run(&self) -> u64 {
        self.run
    }

    pub fn is_proxy_up(&self) -> bool {
        self.proxy_up
    }

    pub fn routes(&self) -> &BTreeSet<UserName> {
        &self.routes
    }

    pub fn leads_to_hub(&self) -> bool {
        self.leads_to_hub
    }

    /// Its database: who has a server row.
    pub fn rows(&self) -> &BTreeMap<UserName, Row> {
        &self.rows
    }

    pub fn count_users(&self) -> usize {
        self.known.len()
    }

    pub fn knows(&self, user: &UserName) -> bool {
        self.known.contains(user)
    }

    /// Whether the process of the user's server lives, whatever the database says.
    pub fn has_server(&self, user: &UserName) -> bool {
        self.servers.contains_key(user)
    }

    pub fn last_activity(&self, user: &UserName) -> Option<Instant> {
        self.servers.get(user).map(|server| server.last_activity)
    }

    /// How many starts are under way.
    pub fn starting(&self) -> usize {
        self.rows.values().filter(|row| matches!(row, Row::Starting { .. })).count()
    }

    /// What an answer takes now.
    pub fn latency(&mut self) -> Duration {
        let load = self.starting() * 10 + self.rows.len();
        let mean = Duration::from_millis(10 + load as u64) + self.slow;
        // A slow hub is slow each time.
        mean / 2 + self.rng.about(mean / 2)
    }

    /// Does what was due up to `now`.
    pub fn settle(&mut self, now: Instant) {
        while let Some(due) = self.next_due.filter(|due| *due <= now) {
            self.happen(due);
            self.plan();
        }
    }

    /// When something happens by itself next.
    fn plan(&mut self) {
        let ends = self.servers.values().filter_map(|server| server.ends_at).min();
        let own = match self.process {
            Process::Up => {
                let rows = self.rows.values().filter_map(|row| row.due()).min();
                Some(rows.map_or(self.routes_due, |row| row.min(self.routes_due)))
            }
            Process::Booting { until, .. } => Some(until),
            Process::Hanging | Process::Down { .. } => None,
        };
        self.next_due = [ends, own].into_iter().flatten().min();
    }

    fn happen(&mut self, now: Instant) {
        self.servers.retain(|_, server| server.ends_at.is_none_or(|end| end > now));
        match self.process {
            Process::Booting { until, .. } if until <= now => {
                self.process = Process::Up;
                self.routes_due = now + ROUTES_EVERY;
                self.leads_to_hub = self.proxy_up;
                for row in self.rows.values_mut() {
                    *row = Row::Unchecked { until: now + self.rng.between(Duration::ZERO, LOOKS_WITHIN) };
                }
            }
            Process::Up => self.work(now),
            Process::Booting { .. } | Process::Hanging | Process::Down { .. } => {}
        }
    }

    /// What the hub does by itself while it runs.
    fn work(&mut self, now: Instant) {
        let due = |row: &Row| row.due().is_some_and(|due| due <= now);
        let all: Vec<(UserName, Row)> =
            self.rows.iter().filter(|(_, row)| due(row)).map(|(user, row)| (user.clone(), *row)).collect();
        for (user, row) in all {
            // One that got its signal before its hub died is looked at until it has ended.
            let ends = self.servers.get(&user).and_then(|server| server.ends_at);
            if let (Row::Unchecked { .. }, Some(until)) = (row, ends) {
                self.rows.insert(user, Row::Unchecked { until });
                continue;
            }
            let runs = match row {
                // A server that gets no route is stopped again.
                Row::Starting { well, .. } => well && self.proxy_up,
                Row::Unchecked { .. } => self.servers.contains_key(&user),
                Row::Stopping { .. } | Row::Running => false,
            };
            if runs {
                self.servers.entry(user.clone()).or_insert(Server { ends_at: None, last_activity: now });
                self.add_route(&user);
                self.rows.insert(user, Row::Running);
            } else {
                self.routes.remove(&user);
                self.rows.remove(&user);
            }
        }
        if self.routes_due <= now {
            self.routes_due = now + ROUTES_EVERY;
            self.restore_routes();
        }
    }

    fn add_route(&mut self, user: &UserName) {
        if self.proxy_up {
            self.routes.insert(user.clone());
        }
    }

    /// Puts the routes of all running servers into the proxy.
    pub fn restore_routes(&mut self) {
        self.leads_to_hub = self.proxy_up;
        let running: Vec<UserName> =
            self.rows.iter().filter(|(_, row)| **row == Row::Running).map(|(user, _)| user.clone()).collect();
        running.iter().for_each(|user| self.add_route(user));
    }

    /// The process is killed: its database stays, what it had begun does not go on.
    pub fn kill(&mut self, now: Instant) {
        self.settle(now);
        let since = self.down_since().unwrap_or(now);
        self.process = Process::Down { since };
        self.plan();
    }

    /// A new process with the same database, if none runs.
    pub fn begin(&mut self, now: Instant) {
        self.settle(now);
        if let Process::Down { since } = self.process {
            self.run += 1;
            let (least, most) = self.habits.boot;
            self.process = Process::Booting { until: now + self.rng.between(least, most), down_since: since };
            self.plan();
        }
    }

    /// A process that is up answers nothing any more, or one that hangs goes on.
    pub fn hang(&mut self, hangs: bool, now: Instant) {
        self.settle(now);
        match (self.process, hangs) {
            (Process::Up, true) => self.process = Process::Hanging,
            (Process::Hanging, false) => self.process = Process::Up,
            _ => return,
        }
        self.plan();
        self.settle(now);
    }

    /// The proxy is killed: its routes are gone with it.
    pub fn kill_proxy(&mut self, now: Instant) {
        self.settle(now);
        self.proxy_up = false;
        self.leads_to_hub = false;
        self.routes.clear();
    }

    /// A new proxy, without routes: the hub notices some minutes later, or when it is told.
    pub fn begin_proxy(&mut self, now: Instant) {
        self.settle(now);
        self.proxy_up = true;
        self.leads_to_hub = false;
        self.routes.clear();
        self.routes_due = now + self.rng.between(Duration::ZERO, ROUTES_EVERY);
        self.plan();
    }

    fn down_since(&self) -> Option<Instant> {
        match self.process {
            Process::Down { since } | Process::Booting { down_since: since, .. } => Some(since),
            Process::Up | Process::Hanging => None,
        }
    }

    /// The user is known from now on, as after a login.
    pub fn login(&mut self, user: &UserName) {
        self.known.insert(user.clone());
    }

    /// A request that starts the user's server arrives at a process that is up.
    pub fn start(&mut self, user: &UserName, now: Instant) -> Started {
        self.settle(now);
        self.login(user);
        match self.rows.get(user) {
            Some(Row::Running) => return Started::Runs,
            Some(Row::Starting { .. }) => return Started::Pending,
            Some(Row::Stopping { .. } | Row::Unchecked { .. }) => return Started::Refused,
            None => {}
        }
        if self.starting() >= self.habits.spawns_at_once {
            let (least, most) = (Duration::from_secs(30), Duration::from_secs(60));
            return Started::Busy { retry_after: self.rng.between(least, most) };
        }
        let well = match self.spawning {
            Spawning::FailsAtOnce => return Started::Failed,
            Spawning::FailsLater => false,
            Spawning::Well => true,
        };
        let (least, most) = self.habits.spawn;
        let until = now + self.rng.between(least, most);
        self.rows.insert(user.clone(), Row::Starting { until, well });
        self.plan();
        Started::Pending
    }

    /// A request that stops the user's server arrives at a process that is up.
    pub fn stop(&mut self, user: &UserName, now: Instant) -> Stopped {
        self.settle(now);
        if !self.knows(user) {
            return Stopped::UnknownUser;
        }
        match self.rows.get(user) {
            None => return Stopped::Nothing,
            Some(Row::Stopping { .. }) => return Stopped::Pending,
            Some(Row::Running | Row::Starting { .. } | Row::Unchecked { .. }) => {}
        }
        let (least, most) = self.habits.stop;
        let until = now + self.rng.between(least, most);
        // The route goes first; the process has got its signal, and ends whatever becomes of its hub.
        self.routes.remove(user);
        self.rows.insert(user.clone(), Row::Stopping { until });
        if let Some(server) = self.servers.get_mut(user) {
            server.ends_at = Some(until);
        }
        self.plan();
        Stopped::Pending
    }

    /// What a proxy that is up answers by itself for `/user/<user>/`; `None`: it asks the hub.
    pub fn visit(&mut self, user: &UserName, now: Instant) -> Option<Visit> {
        self.settle(now);
        if !self.routes.contains(user) {
            return None;
        }
        let broken = self.down_since().is_some_and(|since| now.duration_since(since) > AUTH_KEPT);
        let Some(server) = self.servers.get_mut(user) else { return Some(Visit::Unavailable) };
        server.last_activity = now;
        Some(if broken { Visit::Broken } else { Visit::Server })
    }
}
