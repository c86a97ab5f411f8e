//! A directory that is empty, because it is new or was lost: who is away from home is found out before anything starts.
//!
//! Every hub that can be asked has to have told who has a server there, and what was found away from home has to stand. Hubs that
//! do not answer within 30 s are passed over and named.

use std::time::{Duration, Instant};

use hubrouter_config::HubId;
use tracing::{info, warn};

use super::Controller;
use crate::control::clock;
use crate::core::life::records::PlacementRecord;
use crate::core::life::time::StoreTime;

/// The longest that starts wait for it.
const PATIENCE: Duration = Duration::from_secs(30);

/// How often is looked.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// How far it is.
#[derive(Debug, Default)]
pub(super) struct Rebuild {
    began: Option<Instant>,
}

impl Controller {
    /// Whether it was found out who is away from home, by this replica or another one.
    pub(super) fn is_rebuilt(&self) -> bool {
        self.placements.record.as_ref().is_some_and(|record| record.rebuilt_at.is_some())
    }

    /// When it is to be looked at again: nobody waits longer than has to be.
    pub(super) fn look_at(&self) -> Option<Instant> {
        (self.view.read && !self.is_rebuilt()).then(|| clock::now() + LOOK_EVERY)
    }

    /// Goes on with it. Says what it waits for.
    pub(super) fn rebuild(&mut self, record: &PlacementRecord, now: StoreTime) -> Option<String> {
        let began = *self.rebuild.began.get_or_insert_with(clock::now);
        let silent = self.silent_hubs();
        let is_late = clock::now().saturating_duration_since(began) >= PATIENCE;
        if !silent.is_empty() && !is_late {
            return Some(format!(
                "the directory is empty, and it is not known yet who has a server at {}",
                names(&silent)
            ));
        }
        if !self.upkeep.is_idle() {
            return Some("the directory is empty, and who is away from home is being recorded".to_owned());
        }
        if silent.is_empty() {
            info!("the directory was empty: who is away from home is known now");
        } else {
            warn!(
                "the directory was empty, and nobody knows who has a server at {}: starts go on without",
                names(&silent)
            );
        }
        let rebuilt = PlacementRecord { rebuilt_at: Some(now), ..record.clone() };
        self.put(Some(record.epoch), rebuilt, "who is away from home is recorded");
        None
    }

    /// Founds the directory, or goes on with what is missing.
    pub(super) fn found(&mut self) {
        if let Some(now) = self.store_now() {
            self.activate(now);
        }
    }

    /// Hubs that can be asked and have not told yet.
    fn silent_hubs(&self) -> Vec<HubId> {
        let hubs = self.parts.loaded.config.hubs.iter().filter(|hub| hub.api_token.is_some());
        let told = |hub: &HubId| self.parts.board.census.told_at(hub).is_some();
        hubs.map(|hub| &hub.id).filter(|hub| !told(hub)).cloned().collect()
    }
}

fn names(hubs: &[HubId]) -> String {
    let names: Vec<String> = hubs.iter().map(|hub| format!("`{hub}`")).collect();
    names.join(", ")
}
