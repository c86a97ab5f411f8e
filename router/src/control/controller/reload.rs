//! A new configuration is taken whole or not at all, and never touches a connection.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::SystemTime;

use hubrouter_config::{Config, Loaded, Problem};
use tracing::{error, info, warn};

use super::{Controller, Unopened, Unprepared};
use crate::control::adoption::Adoption;
use crate::control::board::Reload;
use crate::control::clock;
use crate::control::load::Refusal;
use crate::control::picture::Healths;

impl Controller {
    /// Takes a new configuration whole or not at all; the last good one stays when it is refused.
    pub(super) fn reload(&mut self) {
        let at = SystemTime::now();
        let outcome = (self.parts.load)().and_then(|loaded| match self.open(&loaded) {
            Ok(()) => Ok(loaded),
            Err(problem) => Err(Refusal { problems: vec![problem], files: loaded.files }),
        });
        match outcome {
            Ok(loaded) => self.accept(loaded, at),
            Err(refusal) => {
                error!("the configuration was NOT reloaded, the one before stays in force:\n{refusal}");
                self.watch(refusal.files);
                self.parts.board.note(Reload { at, accepted: false, problems: refusal.problems });
            }
        }
    }

    fn open(&mut self, loaded: &Loaded) -> Result<(), Problem> {
        let prepared = self.parts.listeners.prepare(&loaded.config);
        prepared.map_err(|Unprepared { key, message, hint }| loaded.problem_at(&key, message, hint))?;
        let wanted: Vec<SocketAddr> = loaded.config.listen.iter().map(|listen| listen.address).collect();
        self.parts.listeners.change(&wanted).map_err(|Unopened { address, source }| {
            let at = wanted.iter().position(|wanted| *wanted == address).unwrap_or_default();
            loaded.problem_at(
                &format!("listen[{at}].address"),
                format!("{address} cannot be opened: {source}"),
                "free the address or name another one",
            )
        })
    }

    fn accept(&mut self, loaded: Loaded, at: SystemTime) {
        let now = clock::now();
        let mut loaded = loaded;
        self.retire(&mut loaded.config);
        for warning in &loaded.warnings {
            warn!("{warning}");
        }
        tell_what_needs_a_restart(&self.parts.loaded.config, &loaded.config);
        let adopted = self.adopted.take();
        self.adopted = Adoption::after(&self.parts.loaded.config, &loaded.config, adopted, now);
        forget_moved(&mut self.healths, &self.parts.loaded.config, &loaded.config);
        self.note_intents(&loaded.config, now);
        self.passive.follow(&self.healths);
        self.parts.loaded = loaded;
        self.know_hubs(now);
        self.draw(now);
        self.parts.probes.follow(&self.parts.loaded.config);
        self.follow_hubs();
        self.watch(self.parts.loaded.files.clone());
        let problems = self.parts.loaded.warnings.clone();
        self.parts.board.note(Reload { at, accepted: true, problems });
        info!(
            snapshot = self.number,
            hubs = self.parts.loaded.config.hubs.len(),
            "the configuration was reloaded"
        );
    }

    /// Watches the configuration file and those it names.
    pub(super) fn watch(&self, mut files: Vec<PathBuf>) {
        if let Some((file, watcher)) = &self.parts.watched {
            files.push(file.clone());
            watcher.watch(files);
        }
    }
}

/// A hub at another address is another hub as far as its health is concerned.
fn forget_moved(healths: &mut Healths, before: &Config, after: &Config) {
    healths.retain(|id, _| match (before.hub(id), after.hub(id)) {
        (Some(before), Some(after)) => before.url == after.url && before.hub_url == after.hub_url,
        _ => false,
    });
}

fn tell_what_needs_a_restart(before: &Config, after: &Config) {
    if before.workers != after.workers {
        warn!("workers changed: that takes effect at the next start");
    }
    if before.admin.address != after.admin.address {
        warn!("admin.address changed: that takes effect at the next start");
    }
    if before.directory != after.directory {
        warn!("directory changed: that takes effect at the next start");
    }
    if before.telemetry.log != after.telemetry.log {
        warn!("telemetry.log changed: that takes effect at the next start");
    }
}
