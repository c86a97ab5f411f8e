//! One hub as the operator describes it. How it feels at the moment is the router's to find out.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Serialize, Serializer};

use super::{HubId, HubUrl, PemFile, Secret, Weight};

/// One JupyterHub with its own proxy and database.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Hub {
    /// 1 to 32 of `a-z`, `0-9`, `-`. Never changes in the life of the hub: placement and cookie names use it.
    pub id: HubId,
    /// The hub's public proxy, which serves both planes. Scheme, host and port only.
    pub url: HubUrl,
    /// The hub process itself, past its proxy: for probes and calls. Without it a dead proxy looks like a dead hub.
    pub hub_url: Option<HubUrl>,
    /// The REST API of the hub's proxy: the cheapest census.
    pub proxy_api: Option<ProxyApi>,
    /// A service token on the hub. Without it there is no census, so nobody can be moved safely. Scopes: `list:users`,
    /// `read:users`, `read:servers`, `delete:servers`, `proxy`, `read:hub`.
    #[schemars(with = "Option<crate::schema::SecretSource>")]
    pub api_token: Option<Secret<String>>,
    /// The hub's share of the users, relative to the other hubs of its tier.
    #[schemars(default)]
    pub weight: Weight,
    /// Standby hubs get users only when no active hub can take them.
    #[schemars(default)]
    pub tier: Tier,
    /// What the operator wants of the hub. The admin API may override it until the key changes here.
    #[schemars(default)]
    pub intent: Intent,
    /// Where the users' files live, and so whether users may move to another hub.
    #[schemars(default)]
    pub storage: Storage,
    /// Users move only inside a pool. A hub with local storage is a pool of its own.
    #[schemars(default = "Hub::default_pool")]
    pub storage_pool: String,
    /// Allows addresses that clouds use for their metadata (169.254.0.0/16, fe80::/10 and the like).
    #[schemars(default)]
    pub allow_link_local: bool,
    /// TLS towards a hub whose url is https.
    pub tls: Option<HubTls>,
}

/// The REST API of a hub's configurable-http-proxy.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct ProxyApi {
    /// Scheme, host and port of the API.
    pub url: HubUrl,
    /// The proxy's `CONFIGPROXY_AUTH_TOKEN`.
    #[schemars(with = "crate::schema::SecretSource")]
    pub token: Secret<String>,
}

/// TLS towards a hub.
#[derive(Debug, Clone, Default, PartialEq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct HubTls {
    /// PEM file with the authorities that may sign the hub's certificate; absent: the usual public ones.
    #[schemars(with = "Option<PathBuf>")]
    pub ca: Option<PemFile>,
    /// PEM file with a certificate that the router shows to the hub; needs `client_key`.
    #[schemars(with = "Option<PathBuf>")]
    pub client_cert: Option<PemFile>,
    /// PEM file with the key of `client_cert`.
    #[schemars(with = "Option<PathBuf>")]
    pub client_key: Option<PemFile>,
    /// The name that the hub's certificate must carry; absent: the host of the url.
    pub server_name: Option<String>,
}

/// Whether a hub takes users in ordinary times.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Tier {
    /// Takes its share of the users.
    #[default]
    Active,
    /// Waits for the day when an active hub is away.
    Standby,
}

/// What the operator wants of a hub.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Intent {
    /// Ordinary work.
    #[default]
    Active,
    /// Keeps its users and takes no new ones.
    Cordoned,
    /// Running servers go on; the next start of a user goes elsewhere.
    Draining,
    /// Closed but for servers that run.
    Maintenance,
}

impl Intent {
    /// Its word, as the configuration spells it.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Cordoned => "cordoned",
            Self::Draining => "draining",
            Self::Maintenance => "maintenance",
        }
    }
}

/// Where the users' files live.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Storage {
    /// On this hub only: its users never move.
    #[default]
    Local,
    /// Reachable from all hubs of the pool at once: users may move inside it.
    Shared,
    /// A volume that one server at a time can use: users move only with proof that the old server is gone.
    Attached,
}

/// Where a service is served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ServiceHome {
    /// At the visitor's own hub.
    Home,
    /// At this hub, whoever asks.
    Hub(HubId),
}

impl Hub {
    pub(crate) fn default_pool() -> String {
        "main".to_owned()
    }

    /// A hub with nothing but an id and an address; everything else as by default.
    #[must_use]
    pub fn new(id: HubId, url: HubUrl) -> Self {
        Self {
            id,
            url,
            hub_url: None,
            proxy_api: None,
            api_token: None,
            weight: Weight::default(),
            tier: Tier::default(),
            intent: Intent::default(),
            storage: Storage::default(),
            storage_pool: Self::default_pool(),
            allow_link_local: false,
            tls: None,
        }
    }
}

impl Serialize for ServiceHome {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Home => serializer.serialize_str("home"),
            Self::Hub(id) => id.serialize(serializer),
        }
    }
}
