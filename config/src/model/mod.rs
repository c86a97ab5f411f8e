//! The validated configuration: what every other crate reads.
//!
//! Field names are the keys of the YAML file, doc comments are the text of the JSON Schema and of the reference page, and
//! `Default` holds every default. Nothing here reads files or judges values: that is `read` and `validate`.

mod admin;
mod directory;
mod hub;
mod listen;
mod policy;
mod session;
mod site;
mod telemetry;
mod timing;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

pub use crate::values::{
    BaseUrl, HubId, HubUrl, Moment, PemFault, PemFile, PublicUrl, Scheme, Secret, Standing, Validity, Weight,
};
pub use admin::{Admin, AdminToken, MetricsAccess, Role};
pub use directory::{Directory, RedisDirectory, RedisTls};
pub use hub::{Hub, HubTls, Intent, ProxyApi, ServiceHome, Storage, Tier};
pub use listen::{Certificate, Listen, ListenTls};
pub use policy::{Algorithm, Placement, UserNames};
pub use session::Session;
pub use site::Site;
pub use telemetry::{Log, LogFormat, LogLevel, Otlp, Telemetry};
pub use timing::{Census, Failover, Health, Limits, ResponseHead, Timeouts};

/// The configuration of one hubrouter site.
///
/// Durations are written `250ms`, `5s`, `10m`, `1h`, `14d`; sizes `64KiB`, `10MiB`, `1GiB` or plain bytes; a secret is
/// `{env: NAME}` or `{file: PATH}`. Paths are relative to the folder of the configuration file.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Config {
    /// The public listeners. Without any: `0.0.0.0:8000`, plain HTTP, which needs no root.
    #[schemars(default = "listen::default_listeners")]
    pub listen: Vec<Listen>,
    /// The operator's door: status, metrics and changes, on a listener of its own.
    #[schemars(default)]
    pub admin: Admin,
    /// What the site looks like from outside.
    #[schemars(default)]
    pub site: Site,
    /// Worker threads, each with its own accept socket and upstream pools; 0 = one per core.
    #[schemars(default)]
    pub workers: usize,
    /// The hubs, at least one. Their order means nothing.
    #[schemars(length(min = 1))]
    pub hubs: Vec<Hub>,
    /// Where `/services/<name>/` is served: a hub's id, or `home` for the visitor's own hub. Services that are not named here
    /// are served by `home`.
    #[schemars(default)]
    pub services: BTreeMap<String, ServiceHome>,
    /// Which user belongs to which hub.
    #[schemars(default)]
    pub placement: Placement,
    /// The router's own session cookie.
    #[schemars(default)]
    pub session: Session,
    /// How the hubs are probed.
    #[schemars(default)]
    pub health: Health,
    /// How the router learns which users have a server where.
    #[schemars(default)]
    pub census: Census,
    /// When users of a hub in trouble go to their next hub. All times count from the first failed probe of an outage.
    #[schemars(default)]
    pub failover: Failover,
    /// What replicas share: the exceptions to placement, and operators' intents.
    #[schemars(default)]
    pub directory: Directory,
    /// How long the router waits, and for what.
    #[schemars(default)]
    pub timeouts: Timeouts,
    /// How much one client may ask for.
    #[schemars(default)]
    pub limits: Limits,
    /// Logs and traces.
    #[schemars(default)]
    pub telemetry: Telemetry,
}

impl Config {
    /// A configuration of these hubs with the defaults for everything else.
    #[must_use]
    pub fn of_hubs(hubs: Vec<Hub>) -> Self {
        Self {
            listen: listen::default_listeners(),
            admin: Admin::default(),
            site: Site::default(),
            workers: 0,
            hubs,
            services: BTreeMap::new(),
            placement: Placement::default(),
            session: Session::default(),
            health: Health::default(),
            census: Census::default(),
            failover: Failover::default(),
            directory: Directory::default(),
            timeouts: Timeouts::default(),
            limits: Limits::default(),
            telemetry: Telemetry::default(),
        }
    }

    /// Whether browsers meet the site over https: `site.public_url` says so, or it names no scheme and every listener speaks
    /// TLS or sends on to one that does.
    #[must_use]
    pub fn is_https(&self) -> bool {
        match &self.site.public_url {
            Some(url) => url.scheme() == Scheme::Https,
            None => self.listen.iter().all(|listen| listen.tls.is_some() || listen.redirect_to_https),
        }
    }

    /// The hub with this id, if the configuration has it.
    #[must_use]
    pub fn hub(&self, id: &HubId) -> Option<&Hub> {
        self.hubs.iter().find(|hub| hub.id == *id)
    }
}
