//! What all parts of one simulated hub share, and the life of its servers.
//!
//! Starts and stops servers on a clock; who may ask for it is decided by the hub's handlers.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use serde_json::Value;
use tokio::sync::watch;

use super::faults::Faults;
use super::gate::Gate;
use super::log::Log;
use super::options::SimHubOptions;
use super::singleuser::Process;
use super::state::{Data, Server, ServerState, Target};
use super::text::random_hex;

/// One hub's shared parts.
pub(crate) struct Inner {
    pub(crate) options: SimHubOptions,
    /// Signs login cookies and `_xsrf` tokens.
    pub(crate) secret: Vec<u8>,
    /// Part of every static address: random for each start of the hub.
    pub(crate) version_hash: String,
    pub(crate) log: Log,
    pub(crate) faults: watch::Sender<Faults>,
    /// Whether the hub's process lives.
    pub(crate) hub_up: watch::Sender<bool>,
    /// Whether the proxy's process lives.
    pub(crate) proxy_up: watch::Sender<bool>,
    /// Changes whenever a server does.
    pub(crate) changed: watch::Sender<u64>,
    /// The doors of managed services, by name.
    pub(crate) gates: HashMap<String, Gate>,
    data: Mutex<Data>,
}

impl Inner {
    pub(crate) fn new(options: SimHubOptions) -> Inner {
        let secret = options.cookie_secret.clone().unwrap_or_else(|| random_hex(32).into_bytes());
        let data = Mutex::new(Data::new(&options));
        let gate = |name: &str| {
            Gate::new(format!("service-{name}"), format!("{}services/{name}/", options.base_url))
        };
        let gates =
            options.services.iter().map(|service| (service.name.clone(), gate(&service.name))).collect();
        Inner {
            options,
            secret,
            version_hash: random_hex(8),
            log: Log::default(),
            faults: watch::Sender::new(Faults::default()),
            hub_up: watch::Sender::new(false),
            proxy_up: watch::Sender::new(false),
            changed: watch::Sender::new(0),
            gates,
            data,
        }
    }

    /// The database; held for a moment only, never across an await.
    pub(crate) fn data(&self) -> MutexGuard<'_, Data> {
        self.data.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// `/` or `/jhub/`.
    pub(crate) fn base(&self) -> &str {
        &self.options.base_url
    }

    /// An address of the hub: `<base>hub/<rest>`.
    pub(crate) fn hub_path(&self, rest: &str) -> String {
        format!("{}hub/{rest}", self.options.base_url)
    }

    /// Where a server is in its life.
    pub(crate) fn state_of(&self, user: &str, server: &str) -> ServerState {
        self.data().user(user).map_or(ServerState::Stopped, |user| user.state_of(server))
    }

    /// Begins to start a stopped server of a user who exists; does nothing else.
    pub(crate) fn start_server(self: &Arc<Self>, user: &str, server: &str, user_options: Value) {
        let start = {
            let mut data = self.data();
            let Some(row) = data.user_mut(user) else { return };
            let row = row.servers.entry(server.to_owned()).or_insert_with(|| Server::new(server));
            if row.active() {
                return;
            }
            row.state = ServerState::Pending;
            row.start += 1;
            row.started = Some(SystemTime::now());
            row.last_activity = row.started;
            row.user_options = user_options;
            row.start
        };
        self.tell();
        if self.options.spawn_delay.is_zero() {
            self.finish_start(user, server, start);
            return;
        }
        let (inner, user, server) = (Arc::clone(self), user.to_owned(), server.to_owned());
        tokio::spawn(async move {
            tokio::time::sleep(inner.options.spawn_delay).await;
            inner.finish_start(&user, &server, start);
        });
    }

    fn finish_start(&self, user: &str, server: &str, start: u64) {
        {
            let mut data = self.data();
            let process = Arc::new(Process::new(self, &mut data, user, server));
            let Some(row) = data.user_mut(user).and_then(|row| row.servers.get_mut(server)) else { return };
            if row.state != ServerState::Pending || row.start != start {
                return;
            }
            row.state = ServerState::Ready;
            row.last_activity = Some(SystemTime::now());
            row.process = Some(Arc::clone(&process));
            data.routes.insert(route_of(self.base(), user, server), Target::Server(process));
        }
        self.tell();
    }

    /// Begins to stop a server that is active; does nothing else.
    pub(crate) fn stop_server(self: &Arc<Self>, user: &str, server: &str) {
        let start = {
            let mut data = self.data();
            let route = route_of(self.base(), user, server);
            let Some(row) = data.user_mut(user).and_then(|row| row.servers.get_mut(server)) else { return };
            if !matches!(row.state, ServerState::Ready | ServerState::Pending) {
                return;
            }
            row.state = ServerState::Stopping;
            let start = row.start;
            data.routes.remove(&route);
            start
        };
        self.tell();
        if self.options.stop_delay.is_zero() {
            self.finish_stop(user, server, start);
            return;
        }
        let (inner, user, server) = (Arc::clone(self), user.to_owned(), server.to_owned());
        tokio::spawn(async move {
            tokio::time::sleep(inner.options.stop_delay).await;
            inner.finish_stop(&user, &server, start);
        });
    }

    fn finish_stop(&self, user: &str, server: &str, start: u64) {
        {
            let mut data = self.data();
            let Some(row) = data.user_mut(user).and_then(|row| row.servers.get_mut(server)) else { return };
            if row.state != ServerState::Stopping || row.start != start {
                return;
            }
            row.state = ServerState::Stopped;
            row.started = None;
            if let Some(process) = row.process.take() {
                process.end();
                data.tokens.remove(&process.token);
            }
        }
        self.tell();
    }

    /// Ends every server process at once, as a machine that loses power.
    pub(crate) fn end_servers(&self) {
        {
            let mut data = self.data();
            for row in data.users.iter_mut().flat_map(|user| user.servers.values_mut()) {
                row.state = ServerState::Stopped;
                if let Some(process) = row.process.take() {
                    process.end();
                }
            }
            data.routes.retain(|_, target| !matches!(target, Target::Server(_)));
        }
        self.tell();
    }

    /// Puts a route into the proxy's table for every server that is ready, and for every service.
    pub(crate) fn restore_routes(&self) {
        let mut data = self.data();
        let mut routes = Vec::new();
        for user in &data.users {
            for (server, row) in &user.servers {
                if let (ServerState::Ready, Some(process)) = (row.state, &row.process) {
                    routes.push((
                        route_of(self.base(), &user.name, server),
                        Target::Server(Arc::clone(process)),
                    ));
                }
            }
        }
        for service in &self.options.services {
            let path = format!("{}services/{}", self.base(), service.name);
            routes.push((path, Target::Service(service.name.clone())));
        }
        data.routes.extend(routes);
        data.hub_routed = true;
    }

    /// Waits until `done` holds for the server's state, at most `at_most`; tells whether it does.
    pub(crate) async fn wait_for(
        &self,
        user: &str,
        server: &str,
        at_most: Duration,
        done: impl Fn(ServerState) -> bool,
    ) -> bool {
        let mut changed = self.changed.subscribe();
        let seen = changed.wait_for(|_| done(self.state_of(user, server)));
        tokio::time::timeout(at_most, seen).await.is_ok()
    }

    fn tell(&self) {
        self.changed.send_modify(|count| *count += 1);
    }
}

/// The key of a server in the proxy's table: its path, decoded, without the last slash.
fn route_of(base: &str, user: &str, server: &str) -> String {
    match server {
        "" => format!("{base}user/{user}"),
        server => format!("{base}user/{user}/{server}"),
    }
}
