//! `/hub/api/...`: finds the handler, and answers the small questions itself.

use http::{Method, StatusCode};
use serde_json::{Map, Value, json};
use std::time::Duration;

use super::super::proxy_api;
use super::super::text::quote_segment;
use super::super::wire::{Answer, html, json as json_answer};
use super::pages::{no_access, unauthorized};
use super::scopes::On;
use super::visit::{Refusal, Visit};
use super::{Outcome, authorizations, collections, models, servers, shares, tokens, users};

/// Below `/hub/api/`; `parts` are decoded segments.
pub(crate) async fn route(visit: &mut Visit, parts: &[&str]) -> Outcome {
    match parts {
        [] | [""] => Ok(json_answer(StatusCode::OK, &json!({"version": visit.inner.options.version}))),
        ["user"] => whoami(visit),
        ["users"] => users::collection(visit),
        ["users", user] => users::one(visit, user),
        ["users", user, "server"] => servers::one(visit, user, "").await,
        ["users", user, "servers", server] => servers::one(visit, user, server).await,
        ["users", user, "server", "progress"] => servers::progress(visit, user, ""),
        ["users", user, "servers", server, "progress"] => servers::progress(visit, user, server),
        ["users", user, "tokens"] => tokens::collection(visit, user),
        ["users", user, "tokens", id] => tokens::one(visit, user, id),
        ["users", user, "admin-access"] => admin_access(visit, user),
        ["users", user, "activity"] => users::activity(visit, user),
        ["users", user, "shared"] => shares::shared_with(visit, user),
        ["groups"] => collections::groups(visit),
        ["groups", group] => collections::group(visit, group),
        ["groups", group, "users"] => collections::members(visit, group),
        ["services"] => collections::services(visit),
        ["services", name] => collections::service(visit, name),
        ["shares", owner] => shares::of_server(visit, owner, None),
        ["shares", owner, server] => shares::of_server(visit, owner, Some(server)),
        ["share-codes", owner] => shares::codes(visit, owner, None),
        ["share-codes", owner, server] => shares::codes(visit, owner, Some(server)),
        ["info"] => info(visit),
        ["proxy"] => proxy(visit).await,
        ["metrics"] => super::pages::metrics(visit),
        ["shutdown"] => shutdown(visit),
        ["authorizations", "token"] => authorizations::gone(visit),
        ["authorizations", "token", token] => authorizations::token(visit, token),
        ["authorizations", "cookie", name, value] => authorizations::cookie(visit, name, value),
        _ => Err(Refusal::new(404)),
    }
}

/// `GET /hub/api/user`: who am I?
fn whoami(visit: &Visit) -> Outcome {
    need(visit, &[Method::GET])?;
    let who = visit.identity()?;
    let (id, session) = who.token.clone().map_or((None, None), |(id, session)| (Some(id), session));
    let mut model = if who.service {
        json!({"kind": "service", "name": who.name, "admin": false})
    } else {
        let me = super::Identity { scopes: with_own_name(&who), ..who.clone() };
        let data = visit.inner.data();
        let row = data.user(&who.name).ok_or_else(|| Refusal::new(403))?;
        models::user(&visit.inner, &data, &me, row, false).unwrap_or_default()
    };
    model["token_id"] = json!(id);
    model["session_id"] = json!(session);
    model["scopes"] = json!(who.scopes);
    Ok(json_answer(StatusCode::OK, &model))
}

/// A token may always learn the name and groups of its owner.
fn with_own_name(who: &super::Identity) -> std::collections::BTreeSet<String> {
    let mut scopes = who.scopes.clone();
    for scope in ["read:users:name", "read:users:groups"] {
        scopes.insert(format!("{scope}!user={}", who.name));
    }
    scopes
}

fn info(visit: &Visit) -> Outcome {
    allow_for(visit, "read:hub", On::All)?;
    Ok(json_answer(
        StatusCode::OK,
        &json!({
            "version": visit.inner.options.version,
            "python": "3.11 (simulated)",
            "sys_executable": "/usr/bin/python3",
            "spawner": {"class": "SimpleLocalProcessSpawner", "version": visit.inner.options.version},
            "authenticator": {"class": "DummyAuthenticator", "version": visit.inner.options.version},
        }),
    ))
}

/// How long a hub tries to reach its proxy, again and again, before it gives up.
const PROXY_PATIENCE: Duration = Duration::from_secs(30);

/// `/hub/api/proxy`: the routing table, or a check that restores it.
async fn proxy(visit: &Visit) -> Outcome {
    need(visit, &[Method::GET, Method::POST])?;
    allow_for(visit, "proxy", On::All)?;
    let mut up = visit.inner.proxy_up.subscribe();
    if tokio::time::timeout(PROXY_PATIENCE, up.wait_for(|up| *up)).await.is_err() {
        return Err(Refusal::new(500));
    }
    if visit.ask.method == Method::POST {
        visit.inner.restore_routes();
        return Ok(empty(StatusCode::OK));
    }
    let (offset, limit) = users::page_of(visit)?;
    let table = proxy_api::table(&visit.inner);
    let of_hubs = table.into_iter().filter(|(_, route)| route.get("jupyterhub").is_some());
    let mut routes: Vec<(String, Value)> = of_hubs.map(routespec).collect();
    routes.sort_by(|(a, _), (b, _)| a.cmp(b));
    let total = routes.len();
    let page: Map<String, Value> = routes.into_iter().skip(offset).take(limit).collect();
    if !users::pages(visit) {
        return Ok(json_answer(StatusCode::OK, &Value::Object(page)));
    }
    let mut model = users::page_model(visit, &[], offset, limit, total);
    model["items"] = Value::Object(page);
    Ok(json_answer(StatusCode::OK, &model))
}

/// A route as the hub shows it: its path quoted again, the proxy's own words apart.
fn routespec((path, mut data): (String, Value)) -> (String, Value) {
    let quoted: Vec<String> = path.trim_end_matches('/').split('/').map(quote_segment).collect();
    let routespec = format!("{}/", quoted.join("/"));
    let target = data["target"].take();
    if let Some(fields) = data.as_object_mut() {
        fields.retain(|name, _| name != "target" && name != "jupyterhub");
    }
    (routespec.clone(), json!({"routespec": routespec, "target": target, "data": data}))
}

/// A simulated hub does not shut down on demand: it says who may.
fn shutdown(visit: &Visit) -> Outcome {
    need(visit, &[Method::POST])?;
    allow_for(visit, "shutdown", On::All)?;
    Ok(json_answer(StatusCode::ACCEPTED, &json!({"message": "Shutting down Hub"})))
}

/// `/hub/api/users/<user>/admin-access`: not needed since servers log people in by the hub, and switched off.
fn admin_access(visit: &Visit, user: &str) -> Outcome {
    need(visit, &[Method::POST])?;
    allow_for(visit, "servers", On::User(user))?;
    Err(Refusal::saying(403, "admin access to user servers disabled"))
}

/// Refuses other methods than these.
pub(crate) fn need(visit: &Visit, methods: &[Method]) -> Result<(), Refusal> {
    if methods.contains(&visit.ask.method) { Ok(()) } else { Err(Refusal::new(405)) }
}

/// Refuses whoever may not: 403 without any such right, 404 where only this thing is out of reach.
pub(crate) fn allow_for(visit: &Visit, scope: &str, on: On<'_>) -> Result<(), Refusal> {
    let who = visit.who.as_ref().ok_or_else(|| Refusal::saying(403, "Missing or invalid credentials."))?;
    match (who.may(scope, on), who.may_for_some(scope)) {
        (true, _) => Ok(()),
        (false, true) => Err(no_access()),
        (false, false) => Err(unauthorized(scope)),
    }
}

/// The body as a JSON object; an empty body is `None`.
pub(crate) fn body(visit: &Visit) -> Result<Option<Value>, Refusal> {
    if visit.body.is_empty() {
        return Ok(None);
    }
    serde_json::from_slice(&visit.body)
        .map(Some)
        .map_err(|_| Refusal::saying(400, "Invalid JSON in body of request"))
}

/// An answer without a body, as JSON answers without one are.
pub(crate) fn empty(status: StatusCode) -> Answer {
    let mut answer = html(status, String::new());
    super::super::wire::put(&mut answer, http::header::CONTENT_TYPE, "application/json");
    answer
}

/// An answer without a body to a start or a stop.
pub(crate) fn empty_text(status: StatusCode) -> Answer {
    let mut answer = empty(status);
    super::super::wire::put(&mut answer, http::header::CONTENT_TYPE, "text/plain");
    answer
}
