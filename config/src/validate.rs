//! What must fit together across sections, and what is allowed but probably not meant.
//!
//! Single values and rules inside one section are judged while reading. Warnings are given only for a configuration without
//! mistakes, so that they never follow from one.

use std::collections::HashMap;
use std::time::Duration;

use crate::model::{Config, Directory, Hub, HubId, PublicUrl, Scheme, ServiceHome, Storage, Tier};
use crate::nearest::nearest;
use crate::read::Reader;
use crate::sections::Draft;

/// Reports every mistake that spans sections.
pub(crate) fn mistakes(draft: &Draft, reader: &Reader<'_>) {
    ids_are_unique(draft, reader);
    named_hubs_exist(draft, reader);
    addresses_differ(&draft.config, reader);
    redirects_lead_somewhere(&draft.config, reader);
    proxy_protocol_has_somebody_to_believe(&draft.config, reader);
    replicas_agree(&draft.config, reader);
}

/// Reports what is allowed but probably not meant.
pub(crate) fn warnings(config: &Config, reader: &Reader<'_>) {
    what_ends_with_the_process(config, reader);
    hubs_without_a_token(config, reader);
    hubs_nobody_can_leave(config, reader);
    hubs_that_look_odd(config, reader);
    times_that_look_odd(config, reader);
    if config.failover.self_rescue && config.hubs.iter().all(|hub| hub.storage != Storage::Shared) {
        reader.warn(
            "failover.self_rescue",
            "no hub has storage that is shared, so no user is offered to give a server up",
            "leave the key out, or set storage: shared where users' files are reachable from other hubs",
        );
    }
    if !config.site.identity_headers.is_empty() && config.site.trusted_proxies.is_empty() {
        reader.warn(
            "site.identity_headers",
            "nobody may set these headers",
            "name who may in site.trusted_proxies",
        );
    }
}

fn ids_are_unique(draft: &Draft, reader: &Reader<'_>) {
    let mut first: HashMap<&HubId, &str> = HashMap::new();
    for (key, id) in &draft.hub_ids {
        if let Some(first) = first.get(id) {
            reader.problem(
                key,
                format!("the id `{id}` is taken by {}", first.trim_end_matches(".id")),
                "give every hub an id of its own",
            );
        } else {
            first.insert(id, key);
        }
    }
}

fn named_hubs_exist(draft: &Draft, reader: &Reader<'_>) {
    if !draft.all_ids_read {
        return;
    }
    let known = |id: &HubId| draft.hub_ids.iter().any(|(_, known)| known == id);
    let unknown = |key: &str, id: &HubId| {
        let ids = draft.hub_ids.iter().map(|(_, id)| id.as_str());
        let hint = match nearest(id.as_str(), ids.clone()) {
            Some(meant) => format!("did you mean {meant}?"),
            None => format!("there are {}", ids.collect::<Vec<_>>().join(", ")),
        };
        reader.problem(key, format!("there is no hub `{id}`"), hint);
    };
    for (name, home) in &draft.config.services {
        match home {
            ServiceHome::Hub(id) if !known(id) => unknown(&format!("services.{name}"), id),
            ServiceHome::Hub(_) | ServiceHome::Home => {}
        }
    }
    if let Some(id) = draft.config.site.adopt_sessions_of.as_ref().filter(|id| !known(id)) {
        unknown("site.adopt_sessions_of", id);
    }
}

fn addresses_differ(config: &Config, reader: &Reader<'_>) {
    if !reader.sound(&["listen"]) {
        return; // the listeners that could be read have lost their numbers
    }
    for (index, listen) in config.listen.iter().enumerate() {
        // Port 0 is another port each time.
        let same = |other: &std::net::SocketAddr| *other == listen.address && other.port() != 0;
        if let Some(first) = config.listen[..index].iter().position(|other| same(&other.address)) {
            let message = format!("{} is the address of listen[{first}], too", listen.address);
            reader.problem(
                &format!("listen[{index}].address"),
                message,
                "give every listener its own address, or remove one",
            );
        }
        if same(&config.admin.address) && reader.sound(&["admin.address"]) {
            let message = format!("{} is also a public listener", listen.address);
            reader.problem(
                "admin.address",
                message,
                "use another port: the admin listener is never the public one",
            );
        }
    }
}

fn redirects_lead_somewhere(config: &Config, reader: &Reader<'_>) {
    if !reader.sound(&["listen", "site.public_url"]) {
        return;
    }
    let tls = config.listen.iter().any(|listen| listen.tls.is_some());
    let (message, hint) = match config.site.public_url.as_ref().map(PublicUrl::scheme) {
        Some(Scheme::Https) => return,
        None if tls => return,
        Some(Scheme::Http) => {
            ("the site itself is http", "make site.public_url https, or remove redirect_to_https")
        }
        None => ("no https to redirect to", "add a listener with tls, or an https site.public_url"),
    };
    for (index, _) in config.listen.iter().enumerate().filter(|(_, listen)| listen.redirect_to_https) {
        reader.problem(&format!("listen[{index}].redirect_to_https"), message, hint);
    }
}

fn proxy_protocol_has_somebody_to_believe(config: &Config, reader: &Reader<'_>) {
    if !reader.sound(&["listen", "site.trusted_proxies"]) || !config.site.trusted_proxies.is_empty() {
        return;
    }
    for (index, _) in config.listen.iter().enumerate().filter(|(_, listen)| listen.proxy_protocol) {
        let key = format!("listen[{index}].proxy_protocol");
        reader.problem(
            &key,
            "required of everybody, and nobody is believed",
            "name the load balancers in site.trusted_proxies",
        );
    }
}

fn replicas_agree(config: &Config, reader: &Reader<'_>) {
    if !matches!(config.directory, Directory::Redis(_)) {
        return;
    }
    if config.session.keys.is_empty() && reader.sound(&["session"]) {
        reader.problem(
            "session.keys",
            "directory.kind: redis needs session keys",
            "replicas must verify each other's cookies: add keys: [{file: session.key}], the same for all",
        );
    }
    if config.placement.seed.is_none() && reader.sound(&["placement"]) {
        reader.problem(
            "placement.seed",
            "directory.kind: redis needs a placement seed",
            "replicas must compute the same homes: add seed: {env: NAME}, the same for all",
        );
    }
}

fn what_ends_with_the_process(config: &Config, reader: &Reader<'_>) {
    if config.session.keys.is_empty() {
        reader.warn(
            "session.keys",
            "no session keys: a random one is used, and sessions end with the process",
            "add keys: [{file: session.key}]; make one with: openssl rand -base64 48",
        );
    }
    if config.placement.seed.is_none() {
        reader.warn(
            "placement.seed",
            "no placement seed: the fixed empty one is used, and users can choose names for their hub",
            "set one before there are users, for changing it moves them: seed: {env: NAME}",
        );
    }
}

fn hubs_without_a_token(config: &Config, reader: &Reader<'_>) {
    for (index, hub) in config.hubs.iter().enumerate().filter(|(_, hub)| hub.api_token.is_none()) {
        reader.warn(
            &format!("hubs[{index}].api_token"),
            format!(
                "hub `{}` has no api_token: no census, so nobody can be moved safely, neither by a drain or failover nor by other \
                 weights or hubs",
                hub.id
            ),
            "add api_token: {env: NAME} with a service token of that hub",
        );
    }
}

fn hubs_nobody_can_leave(config: &Config, reader: &Reader<'_>) {
    if config.hubs.len() < 2 {
        return;
    }
    let has_active = config.hubs.iter().any(|hub| hub.tier == Tier::Active);
    for (index, hub) in config.hubs.iter().enumerate() {
        let partner = |other: &Hub| {
            // A standby takes users of active hubs, where there are any.
            let helps = !has_active || hub.tier == Tier::Active || other.tier == Tier::Active;
            other.id != hub.id
                && other.storage != Storage::Local
                && other.storage_pool == hub.storage_pool
                && helps
        };
        let local = hub.storage == Storage::Local;
        if !local && config.hubs.iter().any(partner) {
            continue;
        }
        let message = match hub.tier {
            Tier::Standby => format!("nobody may move to the standby `{}`", hub.id),
            Tier::Active => format!("nobody can leave hub `{}`: when it is down its users wait", hub.id),
        };
        let (key, hint) = match local {
            true => ("storage", "set storage: shared if its users' files are reachable from the other hubs"),
            false => (
                "storage_pool",
                "no other hub is in its pool: give hubs with common storage the same storage_pool",
            ),
        };
        reader.warn(&format!("hubs[{index}].{key}"), message, hint);
    }
}

fn hubs_that_look_odd(config: &Config, reader: &Reader<'_>) {
    if config.hubs.iter().all(|hub| hub.tier == Tier::Standby) {
        reader.warn("hubs", "all hubs are standbys", "make the ones that take users every day tier: active");
    }
    for (index, hub) in config.hubs.iter().enumerate() {
        if let Some(first) = config.hubs[..index].iter().find(|other| other.url == hub.url) {
            let message = format!("hub `{}` has the address of hub `{}`", hub.id, first.id);
            reader.warn(
                &format!("hubs[{index}].url"),
                message,
                "one JupyterHub is one hub: give each its own address",
            );
        }
    }
}

fn times_that_look_odd(config: &Config, reader: &Reader<'_>) {
    if config.timeouts.hub_idle >= Duration::from_secs(5) {
        reader.warn(
            "timeouts.hub_idle",
            "configurable-http-proxy closes idle connections after 5s, so requests may meet a closed one",
            "keep it below 5s unless the hubs' proxy keeps connections longer",
        );
    }
    if config.failover.after >= Duration::from_mins(5) {
        reader.warn(
            "failover.after",
            "after 300s notebooks lose their cached authentication, before anybody moves",
            "keep it below 300s",
        );
    }
}
