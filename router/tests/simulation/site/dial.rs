//! How a replica reaches the simulated hubs: the traits of the production side over the played network.
//!
//! With it goes the [`Life`] of a replica: what a dead one still wanted to do never happens, and what it had sent does.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::future::BoxFuture;
use hubrouter::control::calls::{Dial, HubCalls, Probe, Told};
use hubrouter_config::{BaseUrl, Health, Hub, HubId};
use hubrouter_hub_adapter::census::{ActiveUsers, Routes, UserAt};
use hubrouter_hub_adapter::names::UserName;
use hubrouter_hub_adapter::probe::{Plane, ProbeResult};
use hubrouter_hub_adapter::site::Site;

use super::super::bell::Bell;
use super::super::hubs::Hubs;
use super::super::net::Party;
use super::rules::{Rule, Rules};

/// Whether a process lives. Clones are of the same one.
#[derive(Clone, Debug, Default)]
pub struct Life {
    dead: Arc<AtomicBool>,
    bell: Bell,
}

impl Life {
    /// It ends now, in the middle of whatever it does.
    pub fn end(&self) {
        self.dead.store(true, Ordering::SeqCst);
        self.bell.ring();
    }

    pub fn is_over(&self) -> bool {
        self.dead.load(Ordering::SeqCst)
    }

    /// When it is over.
    pub async fn over(&self) {
        self.bell.until(|| self.is_over().then_some(())).await;
    }

    /// Does this as long as it lives, and never goes on afterwards.
    pub async fn within<T>(&self, act: impl Future<Output = T>) -> T {
        if !self.is_over() {
            let done = act.await;
            if !self.is_over() {
                return done;
            }
        }
        std::future::pending().await
    }
}

/// The way of one replica to the hubs.
#[derive(Clone)]
pub struct SimDial {
    pub hubs: Hubs,
    pub me: Party,
    pub life: Life,
    pub rules: Rules,
}

impl fmt::Debug for SimDial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SimDial").field("me", &self.me).finish_non_exhaustive()
    }
}

impl Dial for SimDial {
    fn calls(&self, hub: &Hub, _: &Site) -> Arc<dyn HubCalls> {
        Arc::new(Way { dial: self.clone(), hub: hub.id.clone(), within: Duration::ZERO })
    }

    fn probe(&self, hub: &Hub, _: &BaseUrl, health: &Health) -> Arc<dyn Probe> {
        Arc::new(Way { dial: self.clone(), hub: hub.id.clone(), within: health.timeout })
    }
}

/// The way to one hub.
#[derive(Clone, Debug)]
struct Way {
    dial: SimDial,
    hub: HubId,
    within: Duration,
}

impl Probe for Way {
    fn probe(&self, plane: Plane) -> BoxFuture<'_, ProbeResult> {
        let SimDial { hubs, me, life, .. } = &self.dial;
        Box::pin(life.within(hubs.probe(*me, &self.hub, plane, self.within)))
    }
}

impl HubCalls for Way {
    fn may_be_asked(&self) -> bool {
        true
    }

    fn has_routes(&self) -> bool {
        true
    }

    fn active_users(&self, within: Duration) -> Told<'_, ActiveUsers> {
        let SimDial { hubs, me, life, rules, .. } = &self.dial;
        Box::pin(life.within(async move {
            let mut active = hubs.active_users(*me, &self.hub, within).await?;
            if rules.is_off(Rule::AuthorityCountsPending) {
                let runs = |server: &hubrouter_hub_adapter::census::Server| {
                    server.state == hubrouter_hub_adapter::census::ServerState::Ready
                };
                active.users.retain(|_, user| user.servers.values().any(runs));
            }
            Ok(active)
        }))
    }

    fn user<'a>(&'a self, user: &'a UserName, within: Duration) -> Told<'a, UserAt> {
        let SimDial { hubs, me, life, rules, .. } = &self.dial;
        if rules.is_off(Rule::AskTheOwnerHub) {
            return Box::pin(async { Ok(UserAt::NoServer) });
        }
        Box::pin(life.within(hubs.user(*me, &self.hub, user, within)))
    }

    fn count_users(&self, within: Duration) -> Told<'_, usize> {
        let SimDial { hubs, me, life, .. } = &self.dial;
        Box::pin(life.within(hubs.count_users(*me, &self.hub, within)))
    }

    fn routes(&self, within: Duration) -> Told<'_, Routes> {
        let SimDial { hubs, me, life, .. } = &self.dial;
        Box::pin(life.within(hubs.routes(*me, &self.hub, within)))
    }

    fn restore_routes(&self, within: Duration) -> Told<'_, ()> {
        let SimDial { hubs, me, life, .. } = &self.dial;
        Box::pin(life.within(hubs.restore_routes(*me, &self.hub, within)))
    }

    fn stop_server<'a>(&'a self, user: &'a UserName, _: &'a str, within: Duration) -> Told<'a, ()> {
        let SimDial { hubs, me, life, .. } = &self.dial;
        Box::pin(life.within(async move { hubs.stop(*me, &self.hub, user, within).await.map(|_| ()) }))
    }
}
