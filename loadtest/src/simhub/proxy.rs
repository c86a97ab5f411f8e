//! The hub's proxy, as configurable-http-proxy: a table of paths, the hub as the default route.
//!
//! Finds what serves a path and answers for parts that are dead; the parts themselves answer the rest.

use std::sync::Arc;

use http::StatusCode;
use serde_json::json;

use super::hub;
use super::inner::Inner;
use super::log::{Plane, Seen};
use super::service;
use super::singleuser;
use super::state::{Data, Target};
use super::text::unquote;
use super::wire::{Answer, Ask, json, plain};

/// What Node's HTTP server takes as request line and headers, in bytes.
const HEAD_LIMIT: usize = 16 * 1024;

/// Answers one request that came to the proxy.
pub(crate) async fn answer(inner: Arc<Inner>, ask: Ask) -> Answer {
    if head_size(&ask) > HEAD_LIMIT {
        inner.log.note(Seen::of(&ask, Plane::Proxy));
        return plain(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, "");
    }
    if ask.path == "/_chp_healthz" {
        inner.log.note(Seen::of(&ask, Plane::Proxy));
        let faults = inner.faults.borrow().clone();
        faults.delay().await;
        return json(StatusCode::OK, &json!({"status": "OK"}));
    }
    let target = find(&inner.data(), &ask.path);
    match target {
        Some(Target::Server(process)) => {
            inner.log.note(Seen::of(&ask, Plane::User));
            let faults = inner.faults.borrow().clone();
            faults.delay().await;
            singleuser::answer(inner, process, ask).await
        }
        Some(Target::Service(name)) => {
            inner.log.note(Seen::of(&ask, Plane::Service));
            let faults = inner.faults.borrow().clone();
            faults.delay().await;
            service::answer(inner, &name, ask).await
        }
        None => ask_hub(inner, ask).await,
    }
}

/// The default route; a hub that is dead, or dies before it answers, is "Service Unavailable".
async fn ask_hub(inner: Arc<Inner>, ask: Ask) -> Answer {
    let dead = || plain(StatusCode::SERVICE_UNAVAILABLE, "Service Unavailable");
    let mut up = inner.hub_up.subscribe();
    if !*up.borrow_and_update() {
        inner.log.note(Seen::of(&ask, Plane::Hub));
        return dead();
    }
    tokio::select! {
        answer = hub::answer_logged(inner, ask) => answer,
        _ = up.wait_for(|up| !up) => dead(),
    }
}

/// The longest route that is a prefix of `path` by whole segments, of the path decoded once.
fn find(data: &Data, path: &str) -> Option<Target> {
    let path = unquote(path);
    let mut prefix = path.trim_end_matches('/');
    loop {
        if let Some(target) = data.routes.get(prefix) {
            return Some(target.clone());
        }
        prefix = &prefix[..prefix.rfind('/')?];
    }
}

/// Bytes of the request line and the headers, as they came.
fn head_size(ask: &Ask) -> usize {
    let line = ask.method.as_str().len() + ask.target.len() + " HTTP/1.1\r\n".len() + 1;
    let headers: usize = ask.headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum();
    line + headers
}
