//! What the site looks like from outside, and whom it believes.

use std::time::Duration;

use ipnet::IpNet;
use schemars::JsonSchema;
use serde::Serialize;

use super::{BaseUrl, HubId, PublicUrl};
use crate::values::text;

/// What the site looks like from outside, and whom it believes.
#[derive(Debug, Clone, Default, PartialEq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields, default)]
pub struct Site {
    /// The `base_url` that all hubs have in common; begins and ends with `/`.
    pub base_url: BaseUrl,
    /// Scheme and host under which browsers know the site. Its scheme is the scheme; used in redirects that the router makes
    /// itself. Absent: taken from each request.
    pub public_url: Option<PublicUrl>,
    /// Networks whose `X-Forwarded-*` and PROXY headers are believed. Nobody else's are.
    #[schemars(with = "Vec<crate::schema::Network>")]
    pub trusted_proxies: Vec<IpNet>,
    /// `off`, or how long browsers shall insist on https (Strict-Transport-Security).
    #[serde(serialize_with = "text::off_or_duration")]
    #[schemars(with = "crate::schema::OffOrDuration")]
    pub hsts: Option<Duration>,
    /// Names of identity headers that hubs may get from trusted proxies. From strangers they are always removed.
    pub identity_headers: Vec<String>,
    /// More names of cookies that the hubs' authenticators set and that need a jar per hub.
    pub jar_cookies: Vec<String>,
    /// Migration: JupyterHub cookies without a jar are taken as those of this hub. For the day on which the router is put in
    /// front of a living hub.
    pub adopt_sessions_of: Option<HubId>,
}
