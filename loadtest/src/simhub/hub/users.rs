//! `/hub/api/users`: lists with pages and filters, and one user's row.

use std::time::SystemTime;

use http::header::ACCEPT;
use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::super::state::{ServerState, User};
use super::super::text::query;
use super::super::wire::json as json_answer;
use super::api::{allow_for, body, empty, need};
use super::login::valid_name;
use super::pages::unauthorized;
use super::scopes::On;
use super::visit::{Refusal, Visit};
use super::{Outcome, models};

/// How many rows a page has, and at most has.
const PAGE: (usize, usize) = (50, 200);

/// `/hub/api/users`.
pub(crate) fn collection(visit: &mut Visit) -> Outcome {
    need(visit, &[Method::GET, Method::POST])?;
    if visit.ask.method == Method::POST { create_many(visit) } else { list(visit) }
}

fn list(visit: &Visit) -> Outcome {
    let who = visit.identity().map_err(|_| Refusal::saying(403, "Missing or invalid credentials."))?;
    if !who.may_for_some("list:users") {
        return Err(unauthorized("list:users"));
    }
    let state = visit.ask.argument("state");
    let matches_state = |user: &User| match state.as_deref() {
        None | Some("") => Ok(true),
        Some("active" | "ready") => Ok(user.active()),
        Some("inactive") => Ok(!user.active()),
        Some(other) => Err(Refusal::saying(400, format!("Unrecognized state filter: '{other}'"))),
    };
    let filter = visit.ask.argument("name_filter").unwrap_or_default().to_lowercase();
    let stopped_too = stopped_too(visit);
    let data = visit.inner.data();
    let mut found = Vec::new();
    for user in &data.users {
        if matches_state(user)?
            && user.name.to_lowercase().contains(&filter)
            && who.may("list:users", On::User(&user.name))
        {
            found.push(user);
        }
    }
    sort(&mut found, &visit.ask.argument("sort").unwrap_or_else(|| "id".to_owned()))?;
    let total = found.len();
    let (offset, limit) = page_of(visit)?;
    let ready = |user: &&&User| {
        state.as_deref() != Some("ready") || user.servers.values().any(|row| row.state == ServerState::Ready)
    };
    let page = found.iter().skip(offset).take(limit).filter(ready);
    let items: Vec<Value> =
        page.filter_map(|user| models::user(&visit.inner, &data, &who, user, stopped_too)).collect();
    Ok(paged(visit, &items, offset, limit, total))
}

fn sort(users: &mut [&User], by: &str) -> Result<(), Refusal> {
    let (name, down) = by.strip_prefix('-').map_or((by, false), |name| (name, true));
    match name {
        "id" => users.sort_by_key(|user| user.id),
        "name" => users.sort_by(|a, b| a.name.cmp(&b.name)),
        "last_activity" => users.sort_by_key(|user| user.last_activity),
        _ => {
            let text = format!("sort must be 'id', 'name', or 'last_activity', not '{by}'");
            return Err(Refusal::saying(400, text));
        }
    }
    if down {
        users.reverse();
    }
    Ok(())
}

/// Whether the client reads pages.
pub(crate) fn pages(visit: &Visit) -> bool {
    let accepts = visit.ask.header(ACCEPT.as_str()).unwrap_or_default();
    accepts.split(',').any(|kind| kind.trim().eq_ignore_ascii_case("application/jupyterhub-pagination+json"))
}

/// Offset and limit; a client that reads no pages gets the longest one.
pub(crate) fn page_of(visit: &Visit) -> Result<(usize, usize), Refusal> {
    let number = |name: &str, default: usize| match visit.ask.argument(name) {
        None => Ok(default),
        Some(text) => text
            .parse::<i64>()
            .map(|number| usize::try_from(number.unsigned_abs()).unwrap_or(usize::MAX))
            .map_err(|_| Refusal::saying(400, "Invalid argument type, offset and limit must be integers")),
    };
    let default = if pages(visit) { PAGE.0 } else { PAGE.1 };
    Ok((number("offset", 0)?, number("limit", default)?.clamp(1, PAGE.1)))
}

/// A list, or a page of it for clients that read pages.
pub(crate) fn paged(
    visit: &Visit,
    items: &[Value],
    offset: usize,
    limit: usize,
    total: usize,
) -> super::Answer {
    if !pages(visit) {
        return json_answer(StatusCode::OK, &Value::Array(items.to_vec()));
    }
    json_answer(StatusCode::OK, &page_model(visit, items, offset, limit, total))
}

/// A page with the way to the next one.
pub(crate) fn page_model(visit: &Visit, items: &[Value], offset: usize, limit: usize, total: usize) -> Value {
    let following = offset + limit;
    let next = (following < total).then(|| {
        let mut pairs = visit.query_without(&["offset", "limit"]);
        pairs.push(("offset".to_owned(), following.to_string()));
        pairs.push(("limit".to_owned(), limit.to_string()));
        let pairs: Vec<(&str, &str)> =
            pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let url =
            format!("{}://{}{}?{}", visit.ask.scheme(), visit.ask.host(), visit.ask.path, query(&pairs));
        json!({"offset": following, "limit": limit, "url": url})
    });
    json!({
        "items": items,
        "_pagination": {"offset": offset, "limit": limit, "total": total, "next": next},
    })
}

fn create_many(visit: &mut Visit) -> Outcome {
    allow_for(visit, "admin:users", On::All)?;
    let body = body(visit)?.unwrap_or_default();
    let names = body.get("usernames").and_then(Value::as_array).filter(|names| !names.is_empty());
    let names = names.ok_or_else(|| Refusal::saying(400, "Must specify at least one user to create"))?;
    let names: Vec<String> = names.iter().filter_map(Value::as_str).map(str::to_lowercase).collect();
    let invalid: Vec<&String> = names.iter().filter(|name| !valid_name(name)).collect();
    match invalid.as_slice() {
        [] => {}
        [one] => return Err(Refusal::saying(400, format!("Invalid username: {one}"))),
        many => {
            let list: Vec<&str> = many.iter().map(|name| name.as_str()).collect();
            return Err(Refusal::saying(400, format!("Invalid usernames: {}", list.join(", "))));
        }
    }
    let who = visit.identity()?;
    let mut data = visit.inner.data();
    let fresh: Vec<&String> = names.iter().filter(|name| data.user(name).is_none()).collect();
    if fresh.is_empty() {
        return Err(Refusal::saying(409, format!("All {} users already exist", names.len())));
    }
    let admin = body.get("admin") == Some(&json!(true));
    for name in &fresh {
        data.user_or_new(name).admin |= admin;
    }
    let rows = fresh.iter().filter_map(|name| data.user(name));
    let models: Vec<Value> =
        rows.filter_map(|row| models::user(&visit.inner, &data, &who, row, false)).collect();
    Ok(json_answer(StatusCode::CREATED, &Value::Array(models)))
}

fn stopped_too(visit: &Visit) -> bool {
    let text = visit.ask.argument("include_stopped_servers").unwrap_or_else(|| "0".to_owned());
    !matches!(text.to_lowercase().as_str(), "0" | "false")
}

/// `/hub/api/users/<name>`.
pub(crate) fn one(visit: &mut Visit, name: &str) -> Outcome {
    need(visit, &[Method::GET, Method::POST, Method::DELETE, Method::PATCH])?;
    let scope = match visit.ask.method {
        Method::GET => "read:users:name",
        Method::DELETE => "delete:users",
        _ => "admin:users",
    };
    allow_for(visit, scope, On::User(name))?;
    let who = visit.identity()?;
    let known = visit.inner.data().user(name).is_some();
    let mut created = false;
    match visit.ask.method {
        Method::POST if known => return Err(Refusal::saying(409, format!("User {name} already exists"))),
        Method::POST => {
            let admin = body(visit)?.is_some_and(|body| body.get("admin") == Some(&json!(true)));
            visit.inner.data().user_or_new(name).admin |= admin;
            created = true;
        }
        _ if !known => return Err(Refusal::new(404)),
        Method::DELETE => {
            if name == who.name && !who.service {
                return Err(Refusal::saying(400, "Cannot delete yourself!"));
            }
            visit.inner.stop_server(name, "");
            visit.inner.data().remove_user(name);
            return Ok(empty(StatusCode::NO_CONTENT));
        }
        Method::PATCH => return change(visit, name),
        _ => {}
    }
    let data = visit.inner.data();
    let row = data.user(name).ok_or_else(|| Refusal::new(404))?;
    let model = models::user(&visit.inner, &data, &who, row, stopped_too(visit)).unwrap_or_default();
    Ok(json_answer(if created { StatusCode::CREATED } else { StatusCode::OK }, &model))
}

fn change(visit: &Visit, name: &str) -> Outcome {
    let who = visit.identity()?;
    let body = body(visit)?.unwrap_or_default();
    let mut data = visit.inner.data();
    let new_name = body.get("name").and_then(Value::as_str).map(str::to_lowercase).filter(|new| new != name);
    if let Some(new) = &new_name {
        if !valid_name(new) {
            return Err(Refusal::saying(400, format!("Invalid username: {new}")));
        }
        if data.user(new).is_some() {
            return Err(Refusal::saying(400, format!("User {new} already exists, username must be unique")));
        }
    }
    let row = data.user_mut(name).ok_or_else(|| Refusal::new(404))?;
    if let Some(admin) = body.get("admin").and_then(Value::as_bool) {
        row.admin = admin;
    }
    if let Some(new) = &new_name {
        row.name.clone_from(new);
    }
    let now = new_name.as_deref().unwrap_or(name);
    let row = data.user(now).ok_or_else(|| Refusal::new(404))?;
    Ok(json_answer(StatusCode::OK, &models::user(&visit.inner, &data, &who, row, false).unwrap_or_default()))
}

/// `POST /hub/api/users/<name>/activity`.
pub(crate) fn activity(visit: &mut Visit, name: &str) -> Outcome {
    need(visit, &[Method::POST])?;
    allow_for(visit, "users:activity", On::User(name))?;
    let body = body(visit)?.unwrap_or_default();
    let servers = body.get("servers").and_then(Value::as_object).cloned().unwrap_or_default();
    if body.get("last_activity").is_none() && servers.is_empty() {
        let text = "body must contain at least one of `last_activity` or `servers`";
        return Err(Refusal::saying(400, text));
    }
    let mut data = visit.inner.data();
    let row = data.user_mut(name).ok_or_else(|| Refusal::new(404))?;
    if let Some(server) = servers.keys().find(|server| !row.servers.contains_key(*server)) {
        return Err(Refusal::saying(400, format!("No such server '{server}' for user {name}")));
    }
    row.last_activity = Some(SystemTime::now());
    for server in servers.keys() {
        if let Some(server) = row.servers.get_mut(server) {
            server.last_activity = Some(SystemTime::now());
        }
    }
    Ok(empty(StatusCode::OK))
}
