//! Stops servers that count as lost, once their hub is back.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use hubrouter_config::HubId;
use hubrouter_hub_adapter::census::ActiveUsers;
use hubrouter_hub_adapter::names::UserName;
use tracing::{info, warn};

use super::effects::WITHIN;
use crate::control::calls::HubCalls;
use crate::control::clock;
use crate::control::leases::Leases;
use crate::control::live::Live;

/// How long stopped servers have before it is looked whether they are gone.
const STOPPING: Duration = Duration::from_secs(5);
/// A list takes at most one of so many parts of the time.
const PARTS: u32 = 20;
/// Patience for a hub's list.
const LIST_WITHIN: Duration = Duration::from_secs(30);

/// Stops the old servers of users who were moved away by an operator's act or their own, while this replica looks after the hub.
pub(super) struct StopStale {
    pub(super) hub: HubId,
    pub(super) calls: Arc<dyn HubCalls>,
    pub(super) live: Arc<ArcSwap<Live>>,
    pub(super) leases: Arc<Leases>,
}

impl StopStale {
    /// Tells `gone` whose servers are gone, for as long as the record of the hub lists somebody, and is not open.
    pub(super) async fn run(&self, gone: impl Fn(Vec<UserName>)) {
        while let Some(listed) = self.listed() {
            let mut pause = STOPPING;
            if self.leases.holds(&self.hub) {
                let began = clock::now();
                let active = self.calls.active_users(LIST_WITHIN).await;
                pause = pause.max(clock::now().saturating_duration_since(began) * PARTS);
                match active {
                    Ok(active) => self.stop_all(listed, active, &gone).await,
                    Err(error) => {
                        warn!(hub.id = %self.hub, %error, "stale servers cannot be looked for");
                    }
                }
            }
            tokio::time::sleep(pause).await;
        }
    }

    /// Who is listed as having a stale server there, while the record says that the hub was failed over: only then they are stale.
    fn listed(&self) -> Option<BTreeSet<UserName>> {
        let live = self.live.load();
        let record = live.snapshot.exceptions.hub(&self.hub).filter(|record| record.failed_over.is_some())?;
        let is_there = live.snapshot.find(&self.hub).is_some() && !record.stale.is_empty();
        is_there.then(|| record.stale.iter().cloned().collect())
    }

    /// Stops what is left of them.
    async fn stop_all(&self, listed: BTreeSet<UserName>, active: ActiveUsers, gone: &impl Fn(Vec<UserName>)) {
        let over: Vec<UserName> =
            listed.iter().filter(|user| !active.users.contains_key(*user)).cloned().collect();
        if !over.is_empty() {
            gone(over);
        }
        for (user, active) in active.users.into_iter().filter(|(user, _)| listed.contains(user)) {
            for server in active.servers.keys().filter(|_| self.is_stale(&user)) {
                self.stop(&user, server).await;
            }
        }
    }

    fn is_stale(&self, user: &UserName) -> bool {
        self.listed().is_some_and(|listed| listed.contains(user))
    }

    async fn stop(&self, user: &UserName, server: &str) {
        let (hub, server_name) = (&self.hub, if server.is_empty() { "(default)" } else { server });
        match self.calls.stop_server(user, server, WITHIN * 2).await {
            Ok(()) => {
                info!(hub.id = %hub, user = %user, server = server_name, "a stale server is being stopped");
            }
            Err(error) => {
                warn!(hub.id = %hub, user = %user, server = server_name, %error, "a stale server is not stopped");
            }
        }
    }
}
