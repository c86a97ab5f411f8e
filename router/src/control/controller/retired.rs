//! Hubs that vanished from the configuration and still own users: they keep their last address until nobody needs it.

use hubrouter_config::{Config, Hub, HubId};
use tracing::{info, warn};

use super::Controller;
use crate::control::clock;

impl Controller {
    /// Adds to a new configuration the hubs that vanished from it and still own users.
    pub(super) fn retire(&mut self, config: &mut Config) {
        let vanished: Vec<Hub> = self
            .parts
            .loaded
            .config
            .hubs
            .iter()
            .filter(|hub| config.hub(&hub.id).is_none() && self.owns_users(&hub.id))
            .cloned()
            .collect();
        self.retired = vanished.iter().map(|hub| hub.id.clone()).collect();
        self.released.retain(|hub| self.retired.contains(hub));
        for hub in &vanished {
            warn!(
                hub.id = %hub.id,
                "hub `{}` is gone from the configuration and still owns users: it is kept until another placement is active and \
                 nobody is assigned there; `hubrouter apply --force` lets go of it at once",
                hub.id
            );
        }
        config.hubs.extend(vanished);
    }

    /// The configuration as the operator wrote it: what its placement proposes.
    pub(super) fn proposal_config(&self) -> Config {
        let mut config = self.parts.loaded.config.clone();
        config.hubs.retain(|hub| !self.retired.contains(&hub.id));
        config
    }

    /// Lets go of hubs that nobody needs any more.
    pub(super) fn let_go_of_retired(&mut self) {
        let free =
            |hub: &&HubId| !self.is_placed(hub) && (self.released.contains(*hub) || !self.owns_users(hub));
        let free: Vec<HubId> = self.retired.iter().filter(free).cloned().collect();
        if free.is_empty() {
            return;
        }
        for hub in &free {
            let why = if self.owns_users(hub) { "an operator let go of it" } else { "nobody is left there" };
            info!(hub.id = %hub, "hub `{hub}` is gone: {why}");
            self.retired.remove(hub);
            self.released.remove(hub);
        }
        self.parts.loaded.config.hubs.retain(|hub| !free.contains(&hub.id));
        let now = clock::now();
        self.know_hubs(now);
        self.draw(now);
        self.parts.probes.follow(&self.parts.loaded.config);
        self.follow_hubs();
    }

    /// From now on it is of no matter who is still at hubs that vanished from the configuration.
    pub(super) fn release_retired(&mut self) {
        self.released.clone_from(&self.retired);
        self.let_go_of_retired();
    }

    /// Hubs that vanished from the configuration and are still kept.
    pub(super) fn retired(&self) -> impl Iterator<Item = &HubId> {
        self.retired.iter()
    }

    fn owns_users(&self, hub: &HubId) -> bool {
        self.is_placed(hub) || self.view.exceptions.assignments().any(|assignment| assignment.hub == *hub)
    }

    /// Whether it is somebody's home by the active placement.
    fn is_placed(&self, hub: &HubId) -> bool {
        let record = self.view.exceptions.placement();
        record.is_some_and(|record| record.active.hubs.iter().any(|placed| placed.id == *hub))
    }
}
