//! Periods, patience and bounds: health, census, failover, timeouts, limits.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Serialize;

use crate::values::text;

/// How the hubs are probed.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields, default)]
pub struct Health {
    /// Time between two probes of one plane, give or take a fifth.
    #[serde(serialize_with = "text::duration")]
    #[schemars(with = "crate::schema::DurationText")]
    pub interval: Duration,
    /// How long a probe waits for its answer; at most `interval`, so that probes never pile up.
    #[serde(serialize_with = "text::duration")]
    #[schemars(with = "crate::schema::DurationText")]
    pub timeout: Duration,
    /// Failed probes in a row until a plane is down.
    #[schemars(range(min = 1, max = 100))]
    pub fall: u32,
    /// Good probes in a row until a plane is up again.
    #[schemars(range(min = 1, max = 100))]
    pub rise: u32,
    /// Path that the hub's proxy itself answers.
    pub proxy_path: String,
    /// Path, below `site.base_url`, that the hub process answers without a login.
    pub hub_path: String,
}

/// How the router learns which users have a server where.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields, default)]
pub struct Census {
    /// Time between two sightings, the cheap look at the proxy's routes.
    #[serde(serialize_with = "text::duration")]
    #[schemars(with = "crate::schema::DurationText")]
    pub interval: Duration,
    /// Time between two questions to the hub itself, the only word that counts as proof.
    #[serde(serialize_with = "text::duration")]
    #[schemars(with = "crate::schema::DurationText")]
    pub authority: Duration,
    /// An answer older than this is unknown, and unknown counts as running. Above `authority`.
    #[serde(serialize_with = "text::duration")]
    #[schemars(with = "crate::schema::DurationText")]
    pub max_age: Duration,
}

/// When users of a hub in trouble go to their next hub. All times count from the first failed probe of an outage.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields, default)]
pub struct Failover {
    /// A hub that answers again within this time was only restarting, and nobody moves.
    #[serde(serialize_with = "text::duration")]
    #[schemars(with = "crate::schema::DurationText")]
    pub hold: Duration,
    /// One plane down for this long: idle users go to their next hub. Above `hold`, or every restart would scatter users; below
    /// 300 s, when notebooks lose their cached authentication.
    #[serde(serialize_with = "text::duration")]
    #[schemars(with = "crate::schema::DurationText")]
    pub after: Duration,
    /// Both planes down for this long: idle users go to their next hub. Above `after`.
    #[serde(serialize_with = "text::duration")]
    #[schemars(with = "crate::schema::DurationText")]
    pub dead_after: Duration,
    /// How long a hub must be healthy before idle users come home. Doubles with each relapse, up to 2 h.
    #[serde(serialize_with = "text::duration")]
    #[schemars(with = "crate::schema::DurationText")]
    pub failback_after: Duration,
    /// Two or more hubs of three or more down within this time look like our own network: automatic failover freezes.
    #[serde(serialize_with = "text::duration")]
    #[schemars(with = "crate::schema::DurationText")]
    pub freeze_window: Duration,
    /// Starts per surviving hub and minute while a hub is failed over. Logins are not counted.
    #[schemars(range(min = 1))]
    pub max_starts_per_minute: u32,
    /// Whether users of a dead hub may declare their own server lost. Storage must be shared.
    pub self_rescue: bool,
    /// Whether servers that come back on a returned hub, of users who were moved meanwhile, are stopped.
    pub stop_stale: bool,
}

/// How long the router waits, and for what. There is no limit on the whole of a stream, upload or WebSocket.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields, default)]
pub struct Timeouts {
    /// For the head of a request, from its first byte.
    #[serde(serialize_with = "text::duration")]
    #[schemars(with = "crate::schema::DurationText")]
    pub request_head: Duration,
    /// For a connection to a hub.
    #[serde(serialize_with = "text::duration")]
    #[schemars(with = "crate::schema::DurationText")]
    pub connect: Duration,
    /// For the head of a response, from the last byte of the request.
    pub response_head: ResponseHead,
    /// A client's connection without a request. Above the one of a load balancer in front, or requests get lost.
    #[serde(serialize_with = "text::duration")]
    #[schemars(with = "crate::schema::DurationText")]
    pub idle: Duration,
    /// A connection to a hub without a request. Below the 5 s after which configurable-http-proxy closes it.
    #[serde(serialize_with = "text::duration")]
    #[schemars(with = "crate::schema::DurationText")]
    pub hub_idle: Duration,
    /// A request body without a byte.
    #[serde(serialize_with = "text::duration")]
    #[schemars(with = "crate::schema::DurationText")]
    pub body_progress: Duration,
    /// A WebSocket or event stream without a byte in either direction.
    #[serde(serialize_with = "text::duration")]
    #[schemars(with = "crate::schema::DurationText")]
    pub stream_idle: Duration,
    /// How long open streams are kept when the process was asked to end.
    #[serde(serialize_with = "text::duration")]
    #[schemars(with = "crate::schema::DurationText")]
    pub shutdown: Duration,
}

/// Patience for the head of a response, by plane.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields, default)]
pub struct ResponseHead {
    /// On the hub plane.
    #[serde(serialize_with = "text::duration")]
    #[schemars(with = "crate::schema::DurationText")]
    pub hub: Duration,
    /// From users' servers, where long answers are ordinary.
    #[serde(serialize_with = "text::duration")]
    #[schemars(with = "crate::schema::DurationText")]
    pub user: Duration,
}

/// How much one client may ask for.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields, default)]
pub struct Limits {
    /// The head of a request, in bytes: request line and all fields.
    #[serde(serialize_with = "text::size")]
    #[schemars(with = "crate::schema::SizeText")]
    pub request_head_bytes: u64,
    /// Fields in the head of a request.
    #[schemars(range(min = 10, max = 1000))]
    pub request_headers: u32,
    /// The request target, in bytes.
    #[serde(serialize_with = "text::size")]
    #[schemars(with = "crate::schema::SizeText")]
    pub uri_bytes: u64,
    /// Connections from clients at one time; 0 = from the file descriptor limit.
    pub connections: u64,
    /// The same, per client address; 0 = no limit.
    pub connections_per_client: u64,
}

impl Default for Health {
    fn default() -> Self {
        Self {
            interval: Duration::from_secs(5),
            timeout: Duration::from_secs(2),
            fall: 3,
            rise: 2,
            proxy_path: "/_chp_healthz".to_owned(),
            hub_path: "/hub/health".to_owned(),
        }
    }
}

impl Default for Census {
    fn default() -> Self {
        Self {
            interval: Duration::from_secs(10),
            authority: Duration::from_secs(60),
            max_age: Duration::from_secs(150),
        }
    }
}

impl Default for Failover {
    fn default() -> Self {
        Self {
            hold: Duration::from_secs(60),
            after: Duration::from_secs(120),
            dead_after: Duration::from_secs(180),
            failback_after: Duration::from_mins(10),
            freeze_window: Duration::from_mins(5),
            max_starts_per_minute: 300,
            self_rescue: false,
            stop_stale: true,
        }
    }
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            request_head: Duration::from_secs(10),
            connect: Duration::from_secs(2),
            response_head: ResponseHead::default(),
            idle: Duration::from_secs(75),
            hub_idle: Duration::from_secs(4),
            body_progress: Duration::from_secs(30),
            stream_idle: Duration::from_hours(1),
            shutdown: Duration::from_mins(5),
        }
    }
}

impl Default for ResponseHead {
    fn default() -> Self {
        Self { hub: Duration::from_secs(120), user: Duration::from_hours(1) }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            request_head_bytes: 32 * 1024,
            request_headers: 100,
            uri_bytes: 16 * 1024,
            connections: 0,
            connections_per_client: 0,
        }
    }
}
