//! Stops servers that count as lost, once their hub is back.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use hubrouter_config::HubId;
use hubrouter_hub_adapter::names::UserName;
use tracing::{info, warn};

use super::effects::WITHIN;
use crate::control::calls::HubCalls;
use crate::control::live::Live;

/// How long stopped servers have before it is looked whether they are gone.
const STOPPING: Duration = Duration::from_secs(5);
/// Patience for a hub's list.
const LIST_WITHIN: Duration = Duration::from_secs(30);

/// Stops the old servers of users who were moved away by an operator's act or their own.
pub(super) struct StopStale {
    pub(super) hub: HubId,
    pub(super) calls: Arc<dyn HubCalls>,
    pub(super) live: Arc<ArcSwap<Live>>,
}

impl StopStale {
    /// Whose are gone: all; `None` when the hub's record has opened meanwhile, and nothing there is stale any more.
    pub(super) async fn run(&self, users: Vec<UserName>) -> Option<Vec<UserName>> {
        let wanted: BTreeSet<UserName> = users.into_iter().collect();
        loop {
            if !self.is_closed() {
                return None;
            }
            match self.calls.active_users(LIST_WITHIN).await {
                Err(error) => warn!(hub.id = %self.hub, %error, "stale servers cannot be looked for"),
                Ok(active) => {
                    let left: Vec<_> =
                        active.users.into_iter().filter(|(user, _)| wanted.contains(user)).collect();
                    if left.is_empty() {
                        return Some(wanted.into_iter().collect());
                    }
                    for (user, active) in &left {
                        for server in active.servers.keys().filter(|_| self.is_closed()) {
                            self.stop(user, server).await;
                        }
                    }
                }
            }
            tokio::time::sleep(STOPPING).await;
        }
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

    /// Whether the record still says that the hub was failed over: only then these servers are stale.
    fn is_closed(&self) -> bool {
        let live = self.live.load();
        live.snapshot.exceptions.hub(&self.hub).is_some_and(|record| record.failed_over.is_some())
    }
}
