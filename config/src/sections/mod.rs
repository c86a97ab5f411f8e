//! The sections of the file, one function each: which keys there are, of which type, and what fits together inside a section.
//!
//! What spans sections is judged by `validate`. Missing keys get what `Default` of the model says.

mod directory;
mod hub;
mod listen;
mod policy;
mod site;
mod telemetry;
mod timing;

use std::collections::BTreeMap;

use crate::model::{Config, HubId, ServiceHome};
use crate::read::{At, parsed, whole};

/// What a file says, with defaults in place of what is missing or wrong.
pub(crate) struct Draft {
    pub config: Config,
    /// Every hub id that could be read, with its key; also of hubs that are otherwise wrong.
    pub hub_ids: Vec<(String, HubId)>,
    /// Whether every hub's id could be read. If not, nobody can say that an id is unknown.
    pub all_ids_read: bool,
}

/// Reads the whole file; `None` if it is not even a map.
pub(crate) fn draft(root: &At<'_>) -> Option<Draft> {
    let mut keys = root.section()?;
    let mut defaults = Config::of_hubs(Vec::new());
    let listen = keys.or("listen", std::mem::take(&mut defaults.listen), listen::listeners);
    let admin = keys.or("admin", defaults.admin, listen::admin);
    let site = keys.or("site", defaults.site, site::site);
    let workers = keys.or("workers", defaults.workers, whole(0..=1024));
    let hubs = keys.required(
        "hubs",
        "name at least one hub: hubs: [{id: hub-a, url: 'http://hub-a:8000'}]",
        hub::hubs,
    );
    let services = keys.or("services", defaults.services, services);
    let config = Config {
        listen,
        admin,
        site,
        workers,
        hubs: Vec::new(),
        services,
        placement: keys.or("placement", defaults.placement, policy::placement),
        session: keys.or("session", defaults.session, policy::session),
        health: keys.or("health", defaults.health, timing::health),
        census: keys.or("census", defaults.census, timing::census),
        failover: keys.or("failover", defaults.failover, timing::failover),
        directory: keys.or("directory", defaults.directory, directory::directory),
        timeouts: keys.or("timeouts", defaults.timeouts, timing::timeouts),
        limits: keys.or("limits", defaults.limits, timing::limits),
        telemetry: keys.or("telemetry", defaults.telemetry, telemetry::telemetry),
    };
    keys.finish_with(site::subdomain_mode);
    let hubs = hubs.unwrap_or_default();
    let config = Config { hubs: hubs.hubs, ..config };
    Some(Draft { config, hub_ids: hubs.ids, all_ids_read: hubs.all_ids_read })
}

fn services(at: &At<'_>) -> Option<BTreeMap<String, ServiceHome>> {
    let mut services = BTreeMap::new();
    for (name, at) in at.named()? {
        if name.is_empty() || name.contains(['/', '\\', '%']) || name.chars().any(char::is_control) {
            at.problem::<()>("not the name of a service", "write the name as it stands in /services/<name>/");
        } else if let Some(home) = service_home(&at) {
            services.insert(name.to_owned(), home);
        }
    }
    Some(services)
}

fn service_home(at: &At<'_>) -> Option<ServiceHome> {
    // `home` has the form of a hub id, and is kept from being one.
    let id: HubId = parsed(at)?;
    Some(if id.as_str() == "home" { ServiceHome::Home } else { ServiceHome::Hub(id) })
}
