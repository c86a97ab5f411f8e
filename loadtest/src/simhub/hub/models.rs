//! What the API says about users, servers, tokens, groups and services, in JSON.
//!
//! Shapes only; who may see what is asked of the identity, as JupyterHub filters fields by scope.

use serde_json::{Map, Value, json};
use std::time::SystemTime;

use super::super::inner::Inner;
use super::super::options::{SimService, TokenOwner};
use super::super::state::{Data, Server, ServerState, Token, User};
use super::super::text::{iso, quote_segment};
use super::scopes::{Identity, On};

/// A server's name in messages: `ada` or `ada:lab`.
pub(crate) fn log_name(user: &str, server: &str) -> String {
    if server.is_empty() { user.to_owned() } else { format!("{user}:{server}") }
}

fn when(at: Option<SystemTime>) -> Value {
    at.map_or(Value::Null, |at| json!(iso(at)))
}

/// A user, as far as `who` may see them; `None`: not at all.
pub(crate) fn user(
    inner: &Inner,
    data: &Data,
    who: &Identity,
    row: &User,
    stopped_too: bool,
) -> Option<Value> {
    let may = |scope: &str| who.may(scope, On::User(&row.name));
    let groups: Vec<&String> =
        data.groups.iter().filter(|(_, members)| members.contains(&row.name)).map(|(name, _)| name).collect();
    let roles = if row.admin { json!(["user", "admin"]) } else { json!(["user"]) };
    let default = row.servers.get("");
    let running = default.is_some_and(|server| server.state == ServerState::Ready);
    let full = may("read:users");
    let mut model = Map::new();
    let seen = ["read:users", "read:users:name", "read:users:groups", "read:users:activity", "read:servers"];
    let shares = row.servers.keys().any(|server| who.may("read:servers", On::Server(&row.name, server)));
    if !seen.iter().any(|scope| may(scope)) && !shares {
        return None;
    }
    model.insert("kind".into(), json!("user"));
    model.insert("name".into(), json!(row.name));
    if full || may("read:users:name") {
        model.insert("admin".into(), json!(row.admin));
    }
    if full || may("read:roles:users") {
        model.insert("roles".into(), roles);
    }
    if full || may("read:users:groups") {
        model.insert("groups".into(), json!(groups));
    }
    if full {
        model.insert("server".into(), if running { json!(row.url(inner.base())) } else { Value::Null });
        model.insert("pending".into(), json!(default.and_then(Server::pending)));
        model.insert("created".into(), json!(iso(row.created)));
    }
    if full || may("read:users:activity") {
        model.insert("last_activity".into(), when(row.last_activity));
    }
    if may("admin:auth_state") {
        model.insert("auth_state".into(), Value::Null);
    }
    let listed = row.servers.iter().filter(|(name, server)| {
        (server.active() || stopped_too) && who.may("read:servers", On::Server(&row.name, name))
    });
    let servers: Map<String, Value> =
        listed.map(|(name, server)| (name.clone(), self::server(inner, who, row, name, server))).collect();
    if may("read:servers") || !servers.is_empty() {
        model.insert("servers".into(), Value::Object(servers));
    }
    if full || may("read:users:name") {
        model.insert("user_info".into(), Value::Null);
    }
    Some(Value::Object(model))
}

/// One server.
pub(crate) fn server(inner: &Inner, who: &Identity, user: &User, name: &str, row: &Server) -> Value {
    let progress = match name {
        "" => format!("api/users/{}/server/progress", quote_segment(&user.name)),
        name => format!("api/users/{}/servers/{}/progress", quote_segment(&user.name), quote_segment(name)),
    };
    let mut model = json!({
        "name": name,
        "display_name": row.display_name,
        "full_name": format!("{}/{name}", user.name),
        "last_activity": when(row.last_activity),
        "started": when(row.started),
        "pending": row.pending(),
        "ready": row.state == ServerState::Ready,
        "stopped": !row.active(),
        "url": user.server_url(inner.base(), name),
        "user_options": row.user_options,
        "progress_url": inner.hub_path(&progress),
        "full_url": null,
        "full_progress_url": null,
    });
    if who.may("admin:server_state", On::Server(&user.name, name)) {
        model["state"] = json!({});
    }
    model
}

/// One token, without its text.
pub(crate) fn token(inner: &Inner, row: &Token) -> Value {
    let (key, owner, scopes) = match &row.owner {
        TokenOwner::User(name) => ("user", name, Identity::of_row(inner, row).scopes),
        TokenOwner::Service(name) => ("service", name, Identity::of_row(inner, row).scopes),
    };
    let client = match row.client.as_str() {
        "jupyterhub" => "JupyterHub".to_owned(),
        other => other.to_owned(),
    };
    json!({
        key: owner,
        "id": row.id,
        "kind": "api_token",
        "roles": [],
        "scopes": scopes,
        "created": iso(row.created),
        "last_activity": when(row.last_activity),
        "expires_at": when(row.expires_at),
        "note": row.note,
        "session_id": row.session_id,
        "oauth_client": client,
    })
}

/// One group.
pub(crate) fn group(data: &Data, name: &str) -> Value {
    let users: Vec<&String> = data.groups.get(name).into_iter().flatten().collect();
    json!({"kind": "group", "name": name, "roles": [], "users": users, "properties": {}})
}

/// One managed service.
pub(crate) fn service(inner: &Inner, service: &SimService) -> Value {
    json!({
        "kind": "service",
        "name": service.name,
        "roles": [],
        "admin": false,
        "url": format!("http://127.0.0.1/services/{}", service.name),
        "prefix": format!("{}services/{}/", inner.base(), service.name),
        "command": ["simulated"],
        "pid": 0,
        "info": {},
        "display": true,
    })
}
