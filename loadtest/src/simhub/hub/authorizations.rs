//! `/hub/api/authorizations/...`: whose token or cookie is this? Old, and still answered, to holders of a token only.

use http::{Method, StatusCode};

use super::super::signed::verify;
use super::super::wire::json;
use super::api::need;
use super::visit::{LOGIN_COOKIE, Refusal, Visit};
use super::{Identity, Outcome, models};

/// `/hub/api/authorizations/token`: made tokens, once.
pub(crate) fn gone(visit: &Visit) -> Outcome {
    need(visit, &[Method::POST])?;
    Err(Refusal::saying(
        404,
        "Deprecated endpoint /hub/api/authorizations/token is removed in JupyterHub 2.0. \
         Use /hub/api/users/:user/tokens instead.",
    ))
}

/// `/hub/api/authorizations/token/<token>`.
pub(crate) fn token(visit: &Visit, token: &str) -> Outcome {
    by_token(visit)?;
    let owner = Identity::of_token(&visit.inner, token).ok_or_else(|| Refusal::new(404))?;
    if !owner.service {
        return user(visit, &owner.name);
    }
    let services = &visit.inner.options.services;
    let service = services.iter().find(|service| service.name == owner.name);
    let model = service.map_or_else(
        || serde_json::json!({"kind": "service", "name": owner.name, "roles": [], "admin": false}),
        |service| models::service(&visit.inner, service),
    );
    Ok(json(StatusCode::OK, &model))
}

/// `/hub/api/authorizations/cookie/<name>/<value>`.
pub(crate) fn cookie(visit: &Visit, name: &str, value: &str) -> Outcome {
    by_token(visit)?;
    let id = verify(&visit.inner.secret, LOGIN_COOKIE, value).filter(|_| name == LOGIN_COOKIE);
    let name = id.and_then(|id| {
        let data = visit.inner.data();
        data.users.iter().find(|user| user.cookie_id == id).map(|user| user.name.clone())
    });
    user(visit, &name.ok_or_else(|| Refusal::new(404))?)
}

/// Only who shows a token is answered; a cookie is none.
fn by_token(visit: &Visit) -> Result<(), Refusal> {
    need(visit, &[Method::GET])?;
    if visit.by_token { Ok(()) } else { Err(Refusal::new(403)) }
}

/// A user, as they may see themselves.
fn user(visit: &Visit, name: &str) -> Outcome {
    let owner = Identity::of_user(&visit.inner, name);
    let data = visit.inner.data();
    let row = data.user(name).ok_or_else(|| Refusal::new(404))?;
    let model = models::user(&visit.inner, &data, &owner, row, false).ok_or_else(|| Refusal::new(404))?;
    Ok(json(StatusCode::OK, &model))
}
