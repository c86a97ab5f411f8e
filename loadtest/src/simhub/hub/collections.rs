//! `/hub/api/groups` and `/hub/api/services`.

use http::{Method, StatusCode};
use serde_json::{Map, Value};

use super::super::wire::json as json_answer;
use super::api::{allow_for, body, empty, need};
use super::scopes::On;
use super::users::{page_of, paged};
use super::visit::{Refusal, Visit};
use super::{Outcome, models};

/// `/hub/api/groups`.
pub(crate) fn groups(visit: &mut Visit) -> Outcome {
    need(visit, &[Method::GET, Method::POST])?;
    if visit.ask.method == Method::POST {
        allow_for(visit, "admin:groups", On::All)?;
        let body = body(visit)?.unwrap_or_default();
        let names = body.get("groups").and_then(Value::as_array).filter(|names| !names.is_empty());
        let names = names.ok_or_else(|| Refusal::saying(400, "Must specify at least one group to create"))?;
        let names: Vec<String> = names.iter().filter_map(Value::as_str).map(str::to_owned).collect();
        let mut data = visit.inner.data();
        if let Some(name) = names.iter().find(|name| data.groups.contains_key(*name)) {
            return Err(Refusal::saying(409, format!("Group {name} already exists")));
        }
        for name in &names {
            data.groups.entry(name.clone()).or_default();
        }
        let models = names.iter().map(|name| models::group(&data, name)).collect();
        return Ok(json_answer(StatusCode::CREATED, &Value::Array(models)));
    }
    allow_for(visit, "list:groups", On::All)?;
    let (offset, limit) = page_of(visit)?;
    let data = visit.inner.data();
    let total = data.groups.len();
    let items: Vec<Value> =
        data.groups.keys().skip(offset).take(limit).map(|name| models::group(&data, name)).collect();
    Ok(paged(visit, &items, offset, limit, total))
}

/// `/hub/api/groups/<name>`.
pub(crate) fn group(visit: &mut Visit, name: &str) -> Outcome {
    need(visit, &[Method::GET, Method::POST, Method::DELETE])?;
    let scope = match visit.ask.method {
        Method::GET => "read:groups",
        Method::DELETE => "delete:groups",
        _ => "admin:groups",
    };
    allow_for(visit, scope, On::Group(name))?;
    let mut data = visit.inner.data();
    let known = data.groups.contains_key(name);
    match visit.ask.method {
        Method::POST if known => Err(Refusal::saying(409, format!("Group {name} already exists"))),
        Method::POST => {
            data.groups.entry(name.to_owned()).or_default();
            Ok(json_answer(StatusCode::CREATED, &models::group(&data, name)))
        }
        _ if !known => Err(Refusal::saying(404, format!("No such group: {name}"))),
        Method::DELETE => {
            data.groups.remove(name);
            Ok(empty(StatusCode::NO_CONTENT))
        }
        _ => Ok(json_answer(StatusCode::OK, &models::group(&data, name))),
    }
}

/// `/hub/api/groups/<name>/users`: adds or removes members.
pub(crate) fn members(visit: &mut Visit, name: &str) -> Outcome {
    need(visit, &[Method::POST, Method::DELETE])?;
    allow_for(visit, "groups", On::Group(name))?;
    let body = body(visit)?.unwrap_or_default();
    let users = body.get("users").and_then(Value::as_array).cloned();
    let users = users.ok_or_else(|| Refusal::saying(400, "Must specify users to add"))?;
    let mut data = visit.inner.data();
    for user in users.iter().filter_map(Value::as_str) {
        let user = user.to_lowercase();
        if data.user(&user).is_none() {
            return Err(Refusal::saying(400, format!("No such user: {user}")));
        }
        let missing = || Refusal::saying(404, format!("No such group: {name}"));
        let members = data.groups.get_mut(name).ok_or_else(missing)?;
        if visit.ask.method == Method::POST {
            members.insert(user);
        } else {
            members.remove(&user);
        }
    }
    Ok(json_answer(StatusCode::OK, &models::group(&data, name)))
}

/// `/hub/api/services`.
pub(crate) fn services(visit: &mut Visit) -> Outcome {
    need(visit, &[Method::GET])?;
    allow_for(visit, "list:services", On::All)?;
    let all = visit.inner.options.services.iter();
    let models: Map<String, Value> =
        all.map(|service| (service.name.clone(), models::service(&visit.inner, service))).collect();
    Ok(json_answer(StatusCode::OK, &Value::Object(models)))
}

/// `/hub/api/services/<name>`.
pub(crate) fn service(visit: &mut Visit, name: &str) -> Outcome {
    need(visit, &[Method::GET])?;
    allow_for(visit, "read:services", On::Service(name))?;
    let found = visit.inner.options.services.iter().find(|service| service.name == name);
    let found = found.ok_or_else(|| Refusal::saying(404, format!("No such service: {name}")))?;
    Ok(json_answer(StatusCode::OK, &models::service(&visit.inner, found)))
}
