//! The REST API of the hub's proxy, as configurable-http-proxy serves it: the table of routes, for reading.
//!
//! Hub and proxy are one process here, so the hub changes the table without asking; what else the API can do is not
//! simulated and answered as a method that it does not know.

use std::sync::Arc;
use std::time::SystemTime;

use http::{Method, StatusCode};
use serde_json::{Map, Value, json};

use super::inner::Inner;
use super::state::Target;
use super::text::{iso, unquote};
use super::wire::{Answer, Ask, json as json_answer, plain};

/// Answers one request to the API.
pub(crate) async fn answer(inner: Arc<Inner>, ask: Ask) -> Answer {
    let faults = inner.faults.borrow().clone();
    faults.delay().await;
    if ask.header("authorization") != Some(&format!("token {}", inner.options.proxy_token)) {
        return plain(StatusCode::FORBIDDEN, "");
    }
    let Some(path) = ask.path.strip_prefix("/api/routes") else {
        return plain(StatusCode::NOT_FOUND, "");
    };
    if ask.method != Method::GET {
        return plain(StatusCode::METHOD_NOT_ALLOWED, "");
    }
    let mut table = table(&inner);
    match path {
        "" | "/" => json_answer(StatusCode::OK, &Value::Object(table)),
        path => match table.remove(unquote(path).trim_end_matches('/')) {
            Some(route) => json_answer(StatusCode::OK, &route),
            None => plain(StatusCode::NOT_FOUND, ""),
        },
    }
}

/// The whole table: decoded paths, and what JupyterHub and the proxy keep beside each. The proxy was started with the hub as
/// its default target; that route is JupyterHub's only when the hub has made it.
pub(crate) fn table(inner: &Inner) -> Map<String, Value> {
    let data = inner.data();
    let now = iso(SystemTime::now());
    let root = match inner.base().trim_end_matches('/') {
        "" => "/",
        base => base,
    };
    let to_hub = match data.hub_routed {
        true => json!({"hub": true, "target": "http://hub", "jupyterhub": true, "last_activity": now}),
        false => json!({"target": "http://hub", "last_activity": now}),
    };
    let mut table = Map::from_iter([(root.to_owned(), to_hub)]);
    for (path, target) in &data.routes {
        let route = match target {
            Target::Server(process) => {
                let server = data.user(&process.owner).and_then(|user| user.servers.get(&process.server));
                let used = server.and_then(|server| server.last_activity).map_or(now.clone(), iso);
                json!({
                    "user": process.owner,
                    "server_name": process.server,
                    "target": "http://server",
                    "jupyterhub": true,
                    "last_activity": used,
                })
            }
            Target::Service(name) => json!({
                "service": name,
                "target": "http://service",
                "jupyterhub": true,
                "last_activity": now,
            }),
        };
        table.insert(path.clone(), route);
    }
    table
}
