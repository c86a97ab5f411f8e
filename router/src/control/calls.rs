//! How hubs are called and probed by everything that runs in the background: one trait, so that hubs can be simulated.

use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use hubrouter_config::{BaseUrl, Health, Hub, Secret};
use hubrouter_hub_adapter::census::{ActiveUsers, RouteSource, Routes, UserAt};
use hubrouter_hub_adapter::client::{HubClient, HubError, Resolver};
use hubrouter_hub_adapter::names::UserName;
use hubrouter_hub_adapter::probe::{Plane, ProbeResult, Prober};
use hubrouter_hub_adapter::site::Site;

/// An answer of a hub, or why there is none.
pub type Told<'a, T> = BoxFuture<'a, Result<T, HubError>>;

/// Calls to one hub, with the token that the configuration gives for it.
pub trait HubCalls: Send + Sync + Debug {
    /// Whether the hub can be asked at all: without `api_token` it cannot.
    fn may_be_asked(&self) -> bool;
    /// Whether the routes of its proxy can be looked at.
    fn has_routes(&self) -> bool;
    /// Everybody with a server.
    fn active_users(&self, within: Duration) -> Told<'_, ActiveUsers>;
    /// One user.
    fn user<'a>(&'a self, user: &'a UserName, within: Duration) -> Told<'a, UserAt>;
    /// How many users the hub knows.
    fn count_users(&self, within: Duration) -> Told<'_, usize>;
    /// The routes of its proxy.
    fn routes(&self, within: Duration) -> Told<'_, Routes>;
    /// Puts lost routes back.
    fn restore_routes(&self, within: Duration) -> Told<'_, ()>;
    /// Stops a server.
    fn stop_server<'a>(&'a self, user: &'a UserName, server: &'a str, within: Duration) -> Told<'a, ()>;
}

/// One look at one plane of a hub.
pub trait Probe: Send + Sync {
    /// Looks.
    fn probe(&self, plane: Plane) -> BoxFuture<'_, ProbeResult>;
}

/// Reaches hubs.
pub trait Dial: Send + Sync + Debug {
    /// The way to call `hub`.
    fn calls(&self, hub: &Hub, site: &Site) -> Arc<dyn HubCalls>;
    /// The way to probe it.
    fn probe(&self, hub: &Hub, base: &BaseUrl, health: &Health) -> Arc<dyn Probe>;
}

/// Reaches hubs over the network.
#[derive(Clone, Debug)]
pub struct Network {
    resolver: Resolver,
}

impl Network {
    /// Names are resolved by `resolver`.
    #[must_use]
    pub fn new(resolver: Resolver) -> Self {
        Self { resolver }
    }
}

impl Dial for Network {
    fn calls(&self, hub: &Hub, site: &Site) -> Arc<dyn HubCalls> {
        let client = HubClient::new(hub, site, self.resolver.clone());
        Arc::new(Client { hub: hub.clone(), client })
    }

    fn probe(&self, hub: &Hub, base: &BaseUrl, health: &Health) -> Arc<dyn Probe> {
        Arc::new(Prober::new(hub, base, health, self.resolver.clone()))
    }
}

impl Probe for Prober {
    fn probe(&self, plane: Plane) -> BoxFuture<'_, ProbeResult> {
        Box::pin(Prober::probe(self, plane))
    }
}

/// A hub behind its client.
#[derive(Debug)]
struct Client {
    hub: Hub,
    client: HubClient,
}

impl Client {
    /// An empty token is refused by every hub; nobody asks without one, see [`HubCalls::may_be_asked`].
    fn token(&self) -> Secret<String> {
        self.hub.api_token.clone().unwrap_or_else(|| Secret::new(String::new()))
    }
}

impl HubCalls for Client {
    fn may_be_asked(&self) -> bool {
        self.hub.api_token.is_some()
    }

    fn has_routes(&self) -> bool {
        RouteSource::of(&self.hub).is_some()
    }

    fn active_users(&self, within: Duration) -> Told<'_, ActiveUsers> {
        Box::pin(async move { self.client.active_users(&self.token(), within).await })
    }

    fn user<'a>(&'a self, user: &'a UserName, within: Duration) -> Told<'a, UserAt> {
        Box::pin(async move { self.client.user(&self.token(), user, within).await })
    }

    fn count_users(&self, within: Duration) -> Told<'_, usize> {
        Box::pin(async move { self.client.count_users(&self.token(), within).await })
    }

    fn routes(&self, within: Duration) -> Told<'_, Routes> {
        Box::pin(async move {
            match RouteSource::of(&self.hub) {
                Some(source) => self.client.routes_of_hub(source, within).await,
                None => Ok(Routes::default()),
            }
        })
    }

    fn restore_routes(&self, within: Duration) -> Told<'_, ()> {
        Box::pin(async move { self.client.restore_routes(&self.token(), within).await })
    }

    fn stop_server<'a>(&'a self, user: &'a UserName, server: &'a str, within: Duration) -> Told<'a, ()> {
        Box::pin(async move { self.client.stop_server(&self.token(), user, server, within).await })
    }
}
