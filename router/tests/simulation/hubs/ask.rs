//! What replicas and users ask hubs over the network, in the words of the adapter.
//!
//! A request that reached a process that hangs is done when it goes on, whoever has given up meanwhile.

use std::io;
use std::time::{Duration, SystemTime};

use http::StatusCode;
use hubrouter_config::HubId;
use hubrouter_hub_adapter::census::{ActiveUser, ActiveUsers, Route, Routes, Server, ServerState, UserAt};
use hubrouter_hub_adapter::client::HubError;
use hubrouter_hub_adapter::names::UserName;
use hubrouter_hub_adapter::probe::{Plane, ProbeResult, Seen};
use tokio::time::{Instant, sleep};

use super::super::net::{NoAnswer, Party};
use super::Hubs;
use super::hub::SimHub;
use super::words::{Process, Row, Started, Stopped, Visit};

/// Which way a request takes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum By {
    /// The hub's own port where replicas reach it, else its proxy.
    Api,
    Proxy,
}

/// What comes back.
enum Reply<T> {
    Done(T),
    /// Nobody listens there.
    Refused,
    /// The proxy's own answer for a hub that it cannot reach.
    Unavailable,
}

impl Hubs {
    /// `GET /hub/api/users?state=active`, all pages.
    pub async fn active_users(
        &self,
        from: Party,
        hub: &HubId,
        within: Duration,
    ) -> Result<ActiveUsers, HubError> {
        let asked_at = Instant::now();
        let this = self.clone();
        let call = "GET /hub/api/users?state=active";
        let list = move |hub: &mut SimHub, _| {
            let active = |(user, row): (&UserName, &Row)| {
                let last_activity = hub.last_activity(user).map(|at| this.date(at));
                (user.clone(), ActiveUser { servers: servers(*row, last_activity), last_activity })
            };
            hub.rows().iter().map(active).collect()
        };
        let users = self.ask(from, hub, call, By::Api, within, list).await?;
        Ok(ActiveUsers { users, took: asked_at.elapsed() })
    }

    /// `GET /hub/api/users/<name>`.
    pub async fn user(
        &self,
        from: Party,
        hub: &HubId,
        user: &UserName,
        within: Duration,
    ) -> Result<UserAt, HubError> {
        let user = user.clone();
        let look = move |hub: &mut SimHub, _| match hub.rows().get(&user) {
            Some(Row::Running) => UserAt::Running,
            Some(Row::Starting { .. } | Row::Stopping { .. } | Row::Unchecked { .. }) => UserAt::Pending,
            None if hub.knows(&user) => UserAt::NoServer,
            None => UserAt::UnknownUser,
        };
        self.ask(from, hub, "GET /hub/api/users/<name>", By::Api, within, look).await
    }

    /// `GET /hub/api/users?limit=1`, for the number of all users.
    pub async fn count_users(&self, from: Party, hub: &HubId, within: Duration) -> Result<usize, HubError> {
        let count = |hub: &mut SimHub, _| hub.count_users();
        self.ask(from, hub, "GET /hub/api/users?limit=1", By::Api, within, count).await
    }

    /// `DELETE /hub/api/users/<name>/server`.
    pub async fn stop(
        &self,
        from: Party,
        hub: &HubId,
        user: &UserName,
        within: Duration,
    ) -> Result<Stopped, HubError> {
        let user = user.clone();
        let stop = move |hub: &mut SimHub, now| hub.stop(&user, now);
        self.ask(from, hub, "DELETE /hub/api/users/<name>/server", By::Api, within, stop).await
    }

    /// `POST /hub/api/proxy`.
    pub async fn restore_routes(&self, from: Party, hub: &HubId, within: Duration) -> Result<(), HubError> {
        let restore = |hub: &mut SimHub, _| hub.restore_routes();
        self.ask(from, hub, "POST /hub/api/proxy", By::Api, within, restore).await
    }

    /// `GET /api/routes` of the hub's proxy: the hub has no part in it.
    pub async fn routes(&self, from: Party, hub: &HubId, within: Duration) -> Result<Routes, HubError> {
        let (asked_at, this, number) = (Instant::now(), self.clone(), self.number(hub));
        let read = async move {
            Some(this.with(number, |hub, _| match hub.is_proxy_up() {
                true => Reply::Done(routes_of(hub, |at| this.date(at))),
                false => Reply::Refused,
            }))
        };
        let answer = self.0.net.call(from, Party::Hub(number), within, read).await;
        let routes = judged(hub, "GET /api/routes of its proxy", within, answer)?;
        Ok(Routes { took: asked_at.elapsed(), ..routes })
    }

    /// `/_chp_healthz` or `/hub/health`.
    pub async fn probe(&self, from: Party, hub: &HubId, plane: Plane, within: Duration) -> ProbeResult {
        let asked_at = Instant::now();
        let answer = match plane {
            Plane::Proxy => {
                let (this, number) = (self.clone(), self.number(hub));
                let look = async move {
                    let up = this.with(number, |hub, _| hub.is_proxy_up());
                    Some(if up { Reply::Done(()) } else { Reply::Refused })
                };
                judged(
                    hub,
                    "/_chp_healthz",
                    within,
                    self.0.net.call(from, Party::Hub(number), within, look).await,
                )
            }
            Plane::Hub => self.ask(from, hub, "/hub/health", By::Api, within, |_, _| ()).await,
        };
        let seen = answer.map_or_else(|error| Seen::Failed(error.to_string()), |()| Seen::Ok);
        ProbeResult { seen, took: asked_at.elapsed() }
    }

    /// `POST /hub/login` by somebody who is let in: the hub knows them from then on.
    pub async fn login(
        &self,
        from: Party,
        hub: &HubId,
        user: &UserName,
        within: Duration,
    ) -> Result<(), HubError> {
        let user = user.clone();
        let login = move |hub: &mut SimHub, _| hub.login(&user);
        self.ask(from, hub, "POST /hub/login", By::Proxy, within, login).await
    }

    /// `GET /hub/spawn`, forwarded for a user who is logged in.
    pub async fn start(
        &self,
        from: Party,
        hub: &HubId,
        user: &UserName,
        within: Duration,
    ) -> Result<Started, HubError> {
        let user = user.clone();
        let start = move |hub: &mut SimHub, now| hub.start(&user, now);
        self.ask(from, hub, "GET /hub/spawn", By::Proxy, within, start).await
    }

    /// `GET /user/<name>/`, through the proxy.
    pub async fn visit(
        &self,
        from: Party,
        hub: &HubId,
        user: &UserName,
        within: Duration,
    ) -> Result<Visit, HubError> {
        let (this, number, name) = (self.clone(), self.number(hub), user.clone());
        let visit = async move {
            let by_proxy = this.with(number, |hub, now| match hub.is_proxy_up() {
                true => hub.visit(&name, now).map(Reply::Done),
                false => Some(Reply::Refused),
            });
            match by_proxy {
                Some(reply) => Some(reply),
                None => Some(match this.served(number, By::Proxy, |_, _| ()).await? {
                    Reply::Done(()) => Reply::Done(Visit::NoServer),
                    Reply::Unavailable => Reply::Done(Visit::Unavailable),
                    Reply::Refused => Reply::Refused,
                }),
            }
        };
        let answer = self.0.net.call(from, Party::Hub(number), within, visit).await;
        judged(hub, "GET /user/<name>/", within, answer)
    }

    async fn ask<T: Send + 'static>(
        &self,
        from: Party,
        hub: &HubId,
        call: &'static str,
        by: By,
        within: Duration,
        act: impl FnOnce(&mut SimHub, Instant) -> T + Send + 'static,
    ) -> Result<T, HubError> {
        let (this, number) = (self.clone(), self.number(hub));
        let served = async move { this.served(number, by, act).await };
        judged(hub, call, within, self.0.net.call(from, Party::Hub(number), within, served).await)
    }

    /// What the hub's process does with a request; `None`: it dies over it.
    async fn served<T>(
        &self,
        number: usize,
        by: By,
        act: impl FnOnce(&mut SimHub, Instant) -> T,
    ) -> Option<Reply<T>> {
        let (process, run, proxied, proxy_up, latency) = self.with(number, |hub, _| {
            let proxied = by == By::Proxy || !hub.habits.direct;
            (hub.process(), hub.run(), proxied, hub.is_proxy_up(), hub.latency())
        });
        if proxied && !proxy_up {
            return Some(Reply::Refused);
        }
        if matches!(process, Process::Down { .. } | Process::Booting { .. }) {
            return Some(if proxied { Reply::Unavailable } else { Reply::Refused });
        }
        sleep(latency).await;
        let settled = || match self.with(number, |hub, _| (hub.process(), hub.run() == run)) {
            (Process::Up, true) => Some(true),
            (Process::Hanging, true) => None,
            (Process::Down { .. } | Process::Booting { .. }, _) | (_, false) => Some(false),
        };
        if !self.0.changed.until(settled).await {
            return None;
        }
        let (done, heard) = self.with(number, |hub, now| (act(hub, now), !proxied || hub.is_proxy_up()));
        heard.then_some(Reply::Done(done))
    }

    /// The date of an instant, for answers that name one.
    fn date(&self, at: Instant) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000) + at.duration_since(self.0.began)
    }
}

fn judged<T>(
    hub: &HubId,
    call: &'static str,
    waited: Duration,
    answer: Result<Reply<T>, NoAnswer>,
) -> Result<T, HubError> {
    let hub = hub.clone();
    match answer {
        Ok(Reply::Done(done)) => Ok(done),
        Ok(Reply::Refused) => {
            let source = io::Error::new(io::ErrorKind::ConnectionRefused, "connection refused");
            Err(HubError::Connect { hub, call, waited, source })
        }
        Ok(Reply::Unavailable) => {
            Err(HubError::Failing { hub, call, status: StatusCode::SERVICE_UNAVAILABLE })
        }
        Err(NoAnswer) => Err(HubError::NoAnswer { hub, call, waited, source: None }),
    }
}

fn servers(row: Row, last_activity: Option<SystemTime>) -> std::collections::BTreeMap<String, Server> {
    let state = match row {
        Row::Running => ServerState::Ready,
        Row::Starting { .. } | Row::Stopping { .. } => ServerState::Pending,
        // The hub counts it, and has not looked at it yet.
        Row::Unchecked { .. } => return [].into(),
    };
    [(String::new(), Server { state, last_activity })].into()
}

fn routes_of(hub: &SimHub, date: impl Fn(Instant) -> SystemTime) -> Routes {
    let servers: Vec<Route> = hub
        .routes()
        .iter()
        .map(|user| Route {
            user: user.clone(),
            server: String::new(),
            last_activity: hub.last_activity(user).map(&date),
        })
        .collect();
    let leads_to_hub = hub.leads_to_hub();
    Routes { count: servers.len() + usize::from(leads_to_hub), leads_to_hub, servers, took: Duration::ZERO }
}
