//! The hub itself: finds the handler of a path and turns its outcome into an answer.
//!
//! Paths are matched here, once; each handler lives in the file of its subject.

mod api;
mod authorizations;
mod callback;
mod collections;
mod html;
mod login;
mod models;
mod oauth;
mod pages;
mod scopes;
mod servers;
mod shares;
mod spawn;
mod tokens;
mod users;
mod visit;
mod xsrf;

use std::sync::Arc;

use http::StatusCode;

use super::inner::Inner;
use super::log::{Plane, Seen};
use super::singleuser::Process;
use super::text::unquote;
use super::wire::{Answer, Ask, redirect};

pub(crate) use scopes::Identity;
use visit::{Refusal, Visit};

/// What a handler comes to.
type Outcome = Result<Answer, Refusal>;

/// Answers one request to the hub and notes it.
pub(crate) async fn answer_logged(inner: Arc<Inner>, ask: Ask) -> Answer {
    inner.log.note(Seen::of(&ask, Plane::Hub));
    let faults = inner.faults.borrow().clone();
    faults.delay().await;
    if let Some(refusal) = faults.refusal() {
        return refusal;
    }
    answer(inner, ask).await
}

async fn answer(inner: Arc<Inner>, mut ask: Ask) -> Answer {
    let hub = inner.hub_path("");
    let path = ask.path.clone();
    if path == hub.trim_end_matches('/') {
        return visit::outside(&inner, redirect(StatusCode::MOVED_PERMANENTLY, &hub));
    }
    if path == format!("{}favicon.ico", inner.base()) {
        return pages::files("favicon.ico", &ask);
    }
    let Some(rest) = path.strip_prefix(&hub) else {
        return visit::outside(&inner, outside_the_hub(&inner, &ask));
    };
    if matches!(rest, "health" | "api/health") {
        return pages::health(&inner, &ask);
    }
    let Ok(body) = ask.read().await else {
        return visit::outside(&inner, redirect(StatusCode::BAD_REQUEST, "/"));
    };
    let parts: Vec<String> = rest.split('/').map(unquote).collect();
    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    let kind = match parts.as_slice() {
        ["api", "oauth2", "authorize"] => visit::Kind::Page,
        ["api", "metrics"] => visit::Kind::Server,
        ["api", ..] => visit::Kind::Api,
        ["user", ..] | ["metrics"] => visit::Kind::Server,
        ["static" | "logo", ..] => return pages::files(rest, &ask),
        _ => visit::Kind::Page,
    };
    let mut visit = Visit::new(inner, ask, body.to_vec(), kind);
    let outcome = match visit.check_xsrf() {
        Ok(()) => route(&mut visit, &parts).await,
        Err(refusal) => Err(refusal),
    };
    visit.finish(outcome, &parts)
}

/// What stands outside `/hub/` goes inside, cookies or not; a bare user or service gets its slash.
fn outside_the_hub(inner: &Inner, ask: &Ask) -> Answer {
    let base = inner.base();
    let below = ask.path.strip_prefix(base).unwrap_or_default();
    if let Some(("user" | "services", name)) = below.split_once('/')
        && !name.is_empty()
        && !name.contains('/')
    {
        let query = ask.query.as_ref().map(|query| format!("?{query}")).unwrap_or_default();
        return redirect(StatusCode::MOVED_PERMANENTLY, &format!("{}/{query}", ask.path));
    }
    let with_slash = if ask.target.ends_with('/') { ask.target.clone() } else { format!("{}/", ask.target) };
    let rest = match with_slash.starts_with(base) {
        true => ask.target.get(base.len()..).unwrap_or_default(),
        false => ask.path.as_str(),
    };
    redirect(StatusCode::FOUND, &inner.hub_path(rest.trim_start_matches('/')))
}

async fn route(visit: &mut Visit, parts: &[&str]) -> Outcome {
    match parts {
        [""] => pages::root(visit),
        ["home"] => pages::home(visit),
        ["admin"] => pages::admin(visit),
        ["token"] => pages::token(visit),
        ["login"] => login::login(visit),
        ["logout"] => login::logout(visit),
        ["oauth_login"] => callback::begin(visit),
        ["oauth_callback"] => callback::finish(visit).await,
        ["spawn"] => spawn::spawn(visit, None, "").await,
        ["spawn", user] => spawn::spawn(visit, Some(user), "").await,
        ["spawn", user, server] => spawn::spawn(visit, Some(user), server).await,
        ["spawn-pending", user] => spawn::pending(visit, user, ""),
        ["spawn-pending", user, server] => spawn::pending(visit, user, server),
        ["user", user, rest @ ..] => spawn::not_running(visit, user, rest).await,
        ["user-redirect", ..] => spawn::user_redirect(visit),
        ["accept-share"] => shares::accept(visit),
        ["metrics"] => pages::metrics(visit),
        ["error", code] => pages::error(visit, code),
        ["security", "csp-report"] => pages::csp_report(visit),
        ["api", "oauth2", "authorize"] => oauth::authorize(visit),
        ["api", "oauth2", "token"] => oauth::token(visit),
        ["api", rest @ ..] => api::route(visit, rest).await,
        _ => Err(Refusal::new(404)),
    }
}

/// Whom a token belongs to, as a server asks the hub; `None`: an unknown token.
pub(crate) fn token_owner(inner: &Inner, token: &str) -> Option<Identity> {
    Identity::of_token(inner, token)
}

/// Gives a server (or service) the token for an OAuth code, as `POST /hub/api/oauth2/token` does.
pub(crate) fn exchange(
    inner: &Inner,
    client: &str,
    redirect_uri: &str,
    code: &str,
    verifier: &str,
) -> Option<String> {
    oauth::exchange(inner, client, redirect_uri, code, verifier)
}

/// Whether somebody may use a server.
pub(crate) fn may_use(inner: &Inner, who: &Identity, process: &Process) -> bool {
    scopes::may_access(inner, who, &process.owner, &process.server)
}

/// Whether somebody may use a managed service.
pub(crate) fn may_use_service(who: &Identity, name: &str) -> bool {
    who.may("access:services", scopes::On::Service(name))
}
