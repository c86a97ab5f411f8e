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
        let free: Vec<HubId> = self.retired.iter().filter(|hub| !self.owns_users(hub)).cloned().collect();
        if free.is_empty() {
            return;
        }
        for hub in &free {
            info!(hub.id = %hub, "hub `{hub}` is gone: nobody is left there");
            self.retired.remove(hub);
        }
        self.parts.loaded.config.hubs.retain(|hub| !free.contains(&hub.id));
        let now = clock::now();
        self.know_hubs(now);
        self.draw(now);
        self.parts.probes.follow(&self.parts.loaded.config);
        self.follow_hubs();
    }

    fn owns_users(&self, hub: &HubId) -> bool {
        let exceptions = &self.view.exceptions;
        let placed = exceptions
            .placement()
            .is_some_and(|record| record.active.hubs.iter().any(|placed| placed.id == *hub));
        placed || exceptions.assignments().any(|assignment| assignment.hub == *hub)
    }
}
