//! Sharing a server: the API for shares and share codes, and the page that accepts an invitation.

use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::super::inner::Inner;
use super::super::sharing::{Share, ShareCode};
use super::super::state::ServerState;
use super::super::text::{escape, iso, random_hex, with_query};
use super::super::wire::{html, json as json_answer, redirect};
use super::Outcome;
use super::api::{allow_for, body, empty, need};
use super::html::page;
use super::login::on_this_site;
use super::scopes::On;
use super::users::{page_model, page_of};
use super::visit::{Refusal, Visit};

/// `/hub/api/shares/<owner>[/<server>]`.
pub(crate) fn of_server(visit: &mut Visit, owner: &str, server: Option<&str>) -> Outcome {
    need(visit, &[Method::GET, Method::POST, Method::PATCH, Method::DELETE])?;
    if allow_reading_or_writing(visit, owner, server)? {
        return list(visit, owner, server);
    }
    let Some(server) = server else { return Err(Refusal::new(405)) };
    if visit.ask.method == Method::DELETE {
        known(&visit.inner, owner, server)?;
        visit.inner.data().sharing.shares.retain(|share| share.owner != owner || share.server != server);
        return Ok(empty(StatusCode::NO_CONTENT));
    }
    let body = body(visit)?.unwrap_or_else(|| json!({}));
    let user = body.get("user").and_then(Value::as_str);
    let group = body.get("group").and_then(Value::as_str);
    if user.is_some() == group.is_some() {
        return Err(Refusal::saying(400, "Specify exactly one of `user` or `group`"));
    }
    known(&visit.inner, owner, server)?;
    let mut data = visit.inner.data();
    if visit.ask.method == Method::PATCH {
        data.sharing.shares.retain(|share| {
            !(share.owner == owner
                && share.server == server
                && share.user.as_deref() == user
                && share.group.as_deref() == group)
        });
        return Ok(json_answer(StatusCode::OK, &json!({})));
    }
    if let Some(user) = user.filter(|user| data.user(user).is_none()) {
        return Err(Refusal::saying(400, format!("No such user: {user}")));
    }
    if let Some(group) = group.filter(|group| !data.groups.contains_key(*group)) {
        return Err(Refusal::saying(400, format!("No such group: {group}")));
    }
    let share = data.sharing.grant(owner, server, user, group);
    drop(data);
    Ok(json_answer(StatusCode::OK, &share_model(&visit.inner, &share)))
}

fn list(visit: &Visit, owner: &str, server: Option<&str>) -> Outcome {
    if let Some(server) = server {
        known(&visit.inner, owner, server)?;
    }
    let shares = visit.inner.data().sharing.shares.clone();
    let ours = |share: &&Share| share.owner == owner && server.is_none_or(|server| share.server == server);
    pages_of(visit, shares.iter().filter(ours).map(|share| share_model(&visit.inner, share)).collect())
}

/// `/hub/api/users/<user>/shared`: what others share with them.
pub(crate) fn shared_with(visit: &mut Visit, user: &str) -> Outcome {
    need(visit, &[Method::GET])?;
    allow_for(visit, "read:users:shares", On::User(user))?;
    let shares = visit.inner.data().sharing.shares.clone();
    let theirs = shares.iter().filter(|share| share.user.as_deref() == Some(user));
    pages_of(visit, theirs.map(|share| share_model(&visit.inner, share)).collect())
}

fn pages_of(visit: &Visit, models: Vec<Value>) -> Outcome {
    let (offset, limit) = page_of(visit)?;
    let total = models.len();
    let items: Vec<Value> = models.into_iter().skip(offset).take(limit).collect();
    Ok(json_answer(StatusCode::OK, &page_model(visit, &items, offset, limit, total)))
}

/// Whether the request reads, where the visitor may do what it asks for.
fn allow_reading_or_writing(visit: &mut Visit, owner: &str, server: Option<&str>) -> Result<bool, Refusal> {
    let reading = visit.ask.method == Method::GET;
    let scope = if reading { "read:shares" } else { "shares" };
    allow_for(visit, scope, On::Server(owner, server.unwrap_or_default()))?;
    Ok(reading)
}

/// `/hub/api/share-codes/<owner>[/<server>]`.
pub(crate) fn codes(visit: &mut Visit, owner: &str, server: Option<&str>) -> Outcome {
    need(visit, &[Method::GET, Method::POST, Method::DELETE])?;
    if allow_reading_or_writing(visit, owner, server)? {
        let codes = visit.inner.data().sharing.codes.clone();
        let ours =
            |code: &&ShareCode| code.owner == owner && server.is_none_or(|server| code.server == server);
        return pages_of(
            visit,
            codes.iter().filter(ours).map(|code| code_model(&visit.inner, code)).collect(),
        );
    }
    let Some(server) = server else { return Err(Refusal::new(405)) };
    known(&visit.inner, owner, server)?;
    if visit.ask.method == Method::DELETE {
        visit.inner.data().sharing.codes.retain(|code| code.owner != owner || code.server != server);
        return Ok(empty(StatusCode::NO_CONTENT));
    }
    let text = random_hex(16);
    let code = visit.inner.data().sharing.new_code(text.clone(), owner, server);
    let mut model = code_model(&visit.inner, &code);
    model["code"] = json!(text);
    model["accept_url"] = json!(with_query(&visit.inner.hub_path("accept-share"), &[("code", &text)]));
    model["full_accept_url"] = Value::Null;
    Ok(json_answer(StatusCode::OK, &model))
}

/// `/hub/accept-share?code=`: the invitation, and its acceptance.
pub(crate) fn accept(visit: &mut Visit) -> Outcome {
    need(visit, &[Method::GET, Method::POST])?;
    let me = visit.user()?;
    let text = visit.argument("code").ok_or_else(|| Refusal::saying(400, "Missing argument code"))?;
    let found = visit.inner.data().sharing.codes.iter().find(|code| code.code == text).cloned();
    let accepting = visit.ask.method == Method::POST;
    let found = found.ok_or_else(|| match accepting {
        true => Refusal::saying(400, format!("Invalid share code: {text}")),
        false => Refusal::saying(404, "Share not found or expired"),
    })?;
    if found.owner == me {
        return Err(Refusal::saying(if accepting { 400 } else { 403 }, "You can't share with yourself!"));
    }
    let url = server_url(&visit.inner, &found.owner, &found.server);
    let next = visit.argument("next").map(|next| on_this_site(visit, &next)).filter(|next| !next.is_empty());
    let next = next.unwrap_or_else(|| url.clone());
    if accepting {
        let mut data = visit.inner.data();
        if let Some(code) = data.sharing.codes.iter_mut().find(|code| code.code == text) {
            code.exchanges += 1;
        }
        data.sharing.grant(&found.owner, &found.server, Some(&me), None);
        return Ok(redirect(StatusCode::FOUND, &next));
    }
    let xsrf = visit.xsrf();
    let main = format!(
        "<div class=\"container\">\n<h1>Accept sharing invitation</h1>\n<p>You ({}) have been invited to access {}'s \
         server at <a href=\"{2}\">{2}</a></p>\n<form method=\"post\" action=\"\">\n<input type=\"hidden\" \
         name=\"_xsrf\" value=\"{3}\" />\n<input type=\"hidden\" name=\"code\" value=\"{4}\" />\n\
         <button type=\"submit\" class=\"btn\">Accept invitation</button>\n</form>\n</div>",
        escape(&me),
        escape(&found.owner),
        escape(&url),
        escape(&xsrf),
        escape(&text)
    );
    let text = page(visit, &main);
    Ok(html(StatusCode::OK, text))
}

fn known(inner: &Inner, owner: &str, server: &str) -> Result<(), Refusal> {
    let data = inner.data();
    let known = data.user(owner).is_some_and(|user| user.servers.contains_key(server));
    if known { Ok(()) } else { Err(Refusal::saying(404, format!("No such server: {owner}/{server}"))) }
}

fn server_url(inner: &Inner, owner: &str, server: &str) -> String {
    inner.data().user(owner).map(|user| user.server_url(inner.base(), server)).unwrap_or_default()
}

fn server_model(inner: &Inner, owner: &str, server: &str) -> Value {
    json!({
        "user": {"name": owner},
        "name": server,
        "url": server_url(inner, owner, server),
        "full_url": null,
        "ready": inner.state_of(owner, server) == ServerState::Ready,
    })
}

fn share_model(inner: &Inner, share: &Share) -> Value {
    json!({
        "server": server_model(inner, &share.owner, &share.server),
        "scopes": [format!("access:servers!server={}/{}", share.owner, share.server)],
        "user": share.user.as_ref().map(|name| json!({"name": name})),
        "group": share.group.as_ref().map(|name| json!({"name": name})),
        "kind": if share.group.is_some() { "group" } else { "user" },
        "created_at": iso(share.created),
    })
}

fn code_model(inner: &Inner, code: &ShareCode) -> Value {
    json!({
        "server": server_model(inner, &code.owner, &code.server),
        "scopes": [format!("access:servers!server={}/{}", code.owner, code.server)],
        "id": code.id,
        "created_at": iso(code.created),
        "expires_at": iso(code.created + std::time::Duration::from_secs(86_400)),
        "exchange_count": code.exchanges,
        "last_exchanged_at": null,
    })
}
