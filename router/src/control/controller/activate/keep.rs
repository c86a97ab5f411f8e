//! Before a new placement is active: everybody with a server who gets another home by it is assigned to their present hub.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use hubrouter_config::{Hub, HubId};
use hubrouter_hub_adapter::names::UserName;
use hubrouter_hub_adapter::site::Site;
use tracing::warn;

use super::super::effects::WITHIN;
use crate::control::calls::Dial;
use crate::control::clock;
use crate::control::keeper::{Write, Writer, Wrote, user_key};
use crate::control::live::Live;
use crate::core::life::records::{Assignment, Cause, Epoch};
use crate::core::life::time::StoreTime;
use crate::core::placement::Placement;

/// Patience for a hub's list of servers.
const LIST_WITHIN: Duration = Duration::from_secs(30);

/// Assigns everybody with a server who gets another home to their present hub.
pub(super) struct Keep {
    pub(super) hubs: Vec<Hub>,
    pub(super) site: Arc<Site>,
    pub(super) dial: Arc<dyn Dial>,
    pub(super) writer: Writer,
    pub(super) live: Arc<ArcSwap<Live>>,
    pub(super) following: Arc<dyn Placement>,
    /// Who was last known to have a server at each hub.
    pub(super) known: BTreeMap<HubId, BTreeSet<UserName>>,
    pub(super) forced: bool,
}

impl Keep {
    /// The store's time when everybody was recorded.
    pub(super) async fn run(&self) -> Result<StoreTime, String> {
        for hub in &self.hubs {
            let calls = self.dial.calls(hub, &self.site);
            let told = if calls.may_be_asked() {
                calls.active_users(LIST_WITHIN).await.map_err(|error| error.to_string())
            } else {
                Err(format!("hub `{}` has no api_token", hub.id))
            };
            match told {
                Ok(active) => {
                    for user in active.users.keys() {
                        self.keep(user, &hub.id).await?;
                    }
                }
                Err(reason) if self.forced => {
                    warn!(hub.id = %hub.id, reason, "who has a server there is not known but from before: forced");
                    for user in self.known.get(&hub.id).into_iter().flatten() {
                        self.keep(user, &hub.id).await?;
                    }
                }
                // A hub that only joins has nobody who could move away from it.
                Err(_) if !self.is_placed(&hub.id) => {}
                Err(reason) => return Err(reason),
            }
        }
        self.now()
    }

    /// Whether somebody may have their home there by the active placement.
    fn is_placed(&self, hub: &HubId) -> bool {
        let live = self.live.load();
        let record = live.snapshot.exceptions.placement();
        record.is_some_and(|record| record.active.hubs.iter().any(|placed| placed.id == *hub))
    }

    fn now(&self) -> Result<StoreTime, String> {
        let known = self.live.load().snapshot.knowledge.clock;
        known
            .map(|known| known.time_at(clock::now()))
            .ok_or_else(|| "the directory was never heard".to_owned())
    }

    async fn keep(&self, user: &UserName, hub: &HubId) -> Result<(), String> {
        loop {
            let live = self.live.load_full();
            if live.snapshot.exceptions.assignment(user).is_some() || self.following.home(user) == Some(hub) {
                return Ok(());
            }
            let now = self.now()?;
            let assignment = Assignment {
                user: user.clone(),
                hub: hub.clone(),
                cause: Cause::Running,
                epoch: Epoch::default(),
                since: now,
                last_start: None,
                provisional_until: None,
            };
            let on = live.snapshot.exceptions.epoch_of(user);
            let Some(write) = user_key(user).and_then(|key| Write::set(key, on, &assignment)) else {
                return Ok(());
            };
            match self.writer.write(&write, WITHIN).await {
                Wrote::Stands(_) => return Ok(()),
                Wrote::Conflict(_) => {}
                Wrote::Unknown(reason) | Wrote::Unreachable(reason) => return Err(reason),
            }
        }
    }
}
