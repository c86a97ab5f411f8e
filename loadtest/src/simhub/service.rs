//! A managed service: a page behind the hub's login that says who the visitor is.
//!
//! The login itself is the gate's; the header `X-SimHub` names the hub.

use std::sync::Arc;

use http::{HeaderName, StatusCode};
use serde_json::json;

use super::gate::{Closed, hub_is_dead, page};
use super::hub;
use super::inner::Inner;
use super::wire::{Answer, Ask, put, typed};

/// Answers one request below `/services/<name>/`.
pub(crate) async fn answer(inner: Arc<Inner>, name: &str, ask: Ask) -> Answer {
    let Some(gate) = inner.gates.get(name) else {
        return page(StatusCode::NOT_FOUND, "<h1>404: Not Found</h1>");
    };
    let may = |who: &hub::Identity| hub::may_use_service(who, name);
    if !ask.path.starts_with(&gate.prefix) {
        return page(StatusCode::NOT_FOUND, "<h1>404: Not Found</h1>");
    }
    if ask.path == gate.callback() {
        return gate.finish_login(&inner, &ask, may);
    }
    let visitor = gate.visitor(&inner, &ask, may);
    let mut answer = match &visitor.who {
        Ok(who) => {
            let model = json!({"service": name, "user": who.name, "admin": who.admin});
            typed(StatusCode::OK, "application/json; charset=UTF-8", model.to_string())
        }
        Err(Closed::Unknown) if ask.only_reads() && !visitor.by_header() => gate.to_login(&inner, &ask),
        Err(Closed::HubIsDead) => hub_is_dead(),
        Err(Closed::Unknown | Closed::Forbidden(_)) => {
            page(StatusCode::FORBIDDEN, "<h1>403 : Forbidden</h1>")
        }
    };
    visitor.add_cookies(&mut answer);
    put(&mut answer, HeaderName::from_static("x-simhub"), &inner.options.id);
    answer
}
