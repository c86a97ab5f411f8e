//! `/hub/api/users/<name>/tokens`: making, listing and revoking API tokens.

use std::time::{Duration, SystemTime};

use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::super::options::TokenOwner;
use super::super::state::Token;
use super::super::text::random_hex;
use super::super::wire::json as json_answer;
use super::api::{allow_for, body, empty_text, need};
use super::scopes::On;
use super::visit::{Refusal, Visit};
use super::{Outcome, models};

/// `/hub/api/users/<user>/tokens`.
pub(crate) fn collection(visit: &mut Visit, user: &str) -> Outcome {
    need(visit, &[Method::GET, Method::POST])?;
    if visit.ask.method == Method::POST {
        return create(visit, user);
    }
    allow_for(visit, "read:tokens", On::User(user))?;
    let mut rows: Vec<Token> = {
        let data = visit.inner.data();
        data.user(user).ok_or_else(|| Refusal::saying(404, format!("No such user: {user}")))?;
        data.tokens.values().filter(|token| token.owner_name() == user).cloned().collect()
    };
    rows.sort_by_key(|token| token.created);
    let models: Vec<Value> = rows.iter().map(|row| models::token(&visit.inner, row)).collect();
    Ok(json_answer(StatusCode::OK, &json!({ "api_tokens": models })))
}

fn create(visit: &mut Visit, user: &str) -> Outcome {
    let body = body(visit)?.unwrap_or_else(|| json!({}));
    let who = visit.identity()?;
    if !body.is_object() {
        return Err(Refusal::saying(400, "Body must be a JSON dict or empty"));
    }
    let kind = if who.service { "Service" } else { "User" };
    let known = visit.inner.data().user(user).is_some();
    if !known || !who.may("tokens", On::User(user)) {
        let text = format!("{kind} {user} not found or no permissions to generate tokens");
        return Err(Refusal::saying(403, text));
    }
    let note = match body.get("note").and_then(Value::as_str).filter(|note| !note.is_empty()) {
        Some(note) => note.to_owned(),
        None if who.name == user && !who.service => "Requested via api".to_owned(),
        None => format!("Requested via api by {} {}", kind.to_lowercase(), who.name),
    };
    let scopes = body.get("scopes").and_then(Value::as_array).cloned().unwrap_or_default();
    let scopes: Vec<String> = scopes.iter().filter_map(Value::as_str).map(str::to_owned).collect();
    let expires_in = body.get("expires_in").and_then(Value::as_u64);
    let text = random_hex(16);
    let token = {
        let mut data = visit.inner.data();
        let token = data.new_token(TokenOwner::User(user.to_owned()), "jupyterhub", &note);
        let expires_at = expires_in.map(|seconds| SystemTime::now() + Duration::from_secs(seconds));
        let token = Token { scopes, expires_at, ..token };
        data.tokens.insert(text.clone(), token.clone());
        token
    };
    let mut model = models::token(&visit.inner, &token);
    model["token"] = json!(text);
    Ok(json_answer(StatusCode::CREATED, &model))
}

/// `/hub/api/users/<user>/tokens/<id>`.
pub(crate) fn one(visit: &mut Visit, user: &str, id: &str) -> Outcome {
    need(visit, &[Method::GET, Method::DELETE])?;
    let delete = visit.ask.method == Method::DELETE;
    allow_for(visit, if delete { "tokens" } else { "read:tokens" }, On::User(user))?;
    let found = {
        let data = visit.inner.data();
        data.tokens.values().find(|token| token.id == id && token.owner_name() == user).cloned()
    };
    let found = found.ok_or_else(|| Refusal::saying(404, format!("No such token {id} for user {user}")))?;
    if !delete {
        return Ok(json_answer(StatusCode::OK, &models::token(&visit.inner, &found)));
    }
    // an OAuth client's tokens go together
    let together = found.client != "jupyterhub";
    visit.inner.data().tokens.retain(|_, token| {
        token.owner_name() != user || !(token.id == found.id || together && token.client == found.client)
    });
    Ok(empty_text(StatusCode::NO_CONTENT))
}
