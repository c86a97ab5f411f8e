//! Reads the routes of a hub's proxy: from the proxy itself (`GET /api/routes`), or through the hub.
//!
//! configurable-http-proxy gives its whole table at once, with decoded paths as keys and the hub's words beside them; the
//! hub gives the same in pages, each route in an envelope (`proxy.py`, `_reformat_routespec`). Only routes that a JupyterHub
//! has put there count. Whether a table can be believed is judged in [`super::tables`].

use std::time::{Duration, Instant, SystemTime};

use http::{HeaderValue, Method, StatusCode, header};
use hubrouter_config::{Hub, ProxyApi, Secret};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::pages::{self, Page};
use super::{PAGE, Unreadable, left, model};
use crate::client::{Call, HubClient, HubError, Question, with_token};
use crate::{NameRule, UserName, address};

/// Most bytes of a whole table: 200 for each route, ten times as many where targets are long.
const TABLE_BYTES: usize = 32 * 1024 * 1024;
/// The call to the proxy, as operators know it.
const PROXY_CALL: &str = "GET /api/routes of its proxy";
const HUB_CALL: &str = "GET /hub/api/proxy";

/// Whom to ask for routes.
#[derive(Clone, Copy, Debug)]
pub enum RouteSource<'a> {
    /// The proxy itself: costs the hub nothing, and works while the hub is dead.
    Proxy(&'a ProxyApi),
    /// The hub, which asks its proxy: for each page of 200 routes anew, and for 30 s when the proxy is dead. The token needs
    /// the scope `proxy`.
    Hub(&'a Secret<String>),
}

impl RouteSource<'_> {
    /// The better source of those that are configured for `hub`, if any is.
    pub fn of(hub: &Hub) -> Option<RouteSource<'_>> {
        let through_hub = || hub.api_token.as_ref().map(RouteSource::Hub);
        hub.proxy_api.as_ref().map(RouteSource::Proxy).or_else(through_hub)
    }
}

/// A table of routes, as far as the census reads it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Routes {
    /// Those that lead to users' servers.
    pub servers: Vec<Route>,
    /// All routes of JupyterHub's, services and the hub's own included.
    pub count: usize,
    /// Whether the hub's own route is among them: it is the first that a hub makes.
    pub leads_to_hub: bool,
    /// From the question to the end of the answer.
    pub took: Duration,
}

/// A route to a server: it was there when the table was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// Whose server.
    pub user: UserName,
    /// Its name; empty for the default server.
    pub server: String,
    /// When something went through it last, as far as the proxy knows.
    pub last_activity: Option<SystemTime>,
}

/// What JupyterHub and the proxy keep beside a route.
#[derive(Debug, Default, Deserialize)]
struct Data {
    user: Option<String>,
    server_name: Option<String>,
    #[serde(default)]
    hub: bool,
    last_activity: Option<String>,
}

impl HubClient {
    /// Reads the routes of the hub's proxy: sightings.
    ///
    /// # Errors
    ///
    /// Any [`HubError`]: nothing was seen then. [`HubError::Failing`] with 401 or 403 for a wrong token, or one without the
    /// scope `proxy`.
    pub async fn routes_of_hub(&self, source: RouteSource<'_>, within: Duration) -> Result<Routes, HubError> {
        let started = Instant::now();
        let mut routes = match source {
            RouteSource::Proxy(api) => self.routes_of_proxy(api, within).await?,
            RouteSource::Hub(token) => self.routes_through_hub(token, within).await?,
        };
        routes.took = started.elapsed();
        Ok(routes)
    }

    async fn routes_of_proxy(&self, api: &ProxyApi, within: Duration) -> Result<Routes, HubError> {
        let mut headers = with_token(&api.token);
        headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
        let question = Question {
            method: Method::GET,
            path: "/api/routes".to_owned(),
            headers,
            body_limit: Some(TABLE_BYTES),
        };
        let answer = self.pose(&api.url, PROXY_CALL, question, within).await?;
        let call = Call { name: PROXY_CALL, path: "" };
        if answer.status != StatusCode::OK {
            return Err(self.refused_or_sent_away(call, &answer));
        }
        let mut routes = Routes::default();
        let table =
            serde_json::from_slice(&answer.body).map_err(|error| self.unreadable(call, error.into()))?;
        self.read(&mut routes, table, of_the_proxy).map_err(|source| self.unreadable(call, source))?;
        Ok(routes)
    }

    async fn routes_through_hub(&self, token: &Secret<String>, within: Duration) -> Result<Routes, HubError> {
        let path = address::proxy_api(self.site());
        let started = Instant::now();
        let mut routes = Routes::default();
        let mut next = Some(0);
        let mut bounds = pages::Bounds::default();
        while let Some(offset) = next {
            let path = format!("{path}?limit={PAGE}&offset={offset}");
            let call = Call { name: HUB_CALL, path: &path };
            let body = self.page(call, token, left(within, started)).await?;
            let read = bounds.count(&body).and_then(|()| table_of(&body, offset));
            let (table, following) = read.map_err(|source| self.unreadable(call, source))?;
            self.read(&mut routes, table, of_the_hub).map_err(|source| self.unreadable(call, source))?;
            next = following;
        }
        Ok(routes)
    }

    /// Adds the routes of a table, or of a page of it.
    fn read(
        &self,
        routes: &mut Routes,
        table: Map<String, Value>,
        data: fn(Value) -> Result<Option<Data>, Unreadable>,
    ) -> Result<(), Unreadable> {
        let (base, rule) = (self.site().base(), self.site().names());
        for (key, entry) in table {
            if let Some(data) = data(entry)? {
                routes.count += 1;
                let is_root = key == "/" || key.trim_end_matches('/') == base.trim_end_matches('/');
                routes.leads_to_hub |= data.hub || is_root;
                routes.servers.extend(route(&data, rule));
            }
        }
        Ok(())
    }
}

/// The table on a page at `offset`, and where the next page begins. A table without pages comes from a hub that knows none;
/// it may be cut, but what is missing in it means nothing anyway.
fn table_of(body: &[u8], offset: usize) -> Result<(Map<String, Value>, Option<usize>), Unreadable> {
    let object: Map<String, Value> = serde_json::from_slice(body)?;
    if !pages::is_page(&object) {
        return Ok((object, None));
    }
    let page: Page<Map<String, Value>> = serde_json::from_value(Value::Object(object))?;
    let next = page.pagination.next_after(offset)?;
    Ok((page.items, next))
}

/// A route as the proxy tells it; `None`: not one of JupyterHub's.
fn of_the_proxy(entry: Value) -> Result<Option<Data>, Unreadable> {
    let object = entry.as_object().ok_or(NO_ROUTE)?;
    if !object.contains_key("jupyterhub") {
        return Ok(None);
    }
    Ok(Some(serde_json::from_value(entry)?))
}

/// A route as the hub tells it; it has left out those that are not JupyterHub's.
fn of_the_hub(mut entry: Value) -> Result<Option<Data>, Unreadable> {
    let data = entry.as_object_mut().ok_or(NO_ROUTE)?.remove("data").ok_or(NO_ROUTE)?;
    Ok(Some(serde_json::from_value(data)?))
}

const NO_ROUTE: &str = "there is an entry in it that is no route";

fn route(data: &Data, rule: NameRule) -> Option<Route> {
    let user = UserName::canonical(data.user.as_deref()?, rule)?;
    Some(Route {
        user,
        server: data.server_name.clone().unwrap_or_default(),
        last_activity: model::instant(data.last_activity.as_deref()),
    })
}
