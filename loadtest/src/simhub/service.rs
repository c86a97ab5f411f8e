//! A managed service: a page behind the hub's login that says who the visitor is.

use std::sync::Arc;

use http::StatusCode;
use serde_json::json;

use super::gate::{Closed, hub_is_dead};
use super::hub;
use super::inner::Inner;
use super::wire::{Answer, Ask, html, json as json_answer};

/// Answers one request below `/services/<name>/`.
pub(crate) async fn answer(inner: Arc<Inner>, name: &str, ask: Ask) -> Answer {
    let Some(gate) = inner.gates.get(name) else {
        return html(StatusCode::NOT_FOUND, String::new());
    };
    let may = |who: &hub::Identity| hub::may_use_service(who, name);
    if ask.path == gate.callback() {
        return gate.finish_login(&inner, &ask, may);
    }
    let visitor = gate.visitor(&inner, &ask, may);
    let mut answer = match &visitor.who {
        Ok(who) => json_answer(
            StatusCode::OK,
            &json!({"service": name, "hub": inner.options.id, "user": who.name, "admin": who.admin}),
        ),
        Err(Closed::Unknown) if ask.only_reads() && !visitor.by_header() => gate.to_login(&inner, &ask),
        Err(Closed::HubIsDead) => hub_is_dead(),
        Err(Closed::Unknown | Closed::Forbidden(_)) => html(StatusCode::FORBIDDEN, "<h1>403 : Forbidden</h1>".to_owned()),
    };
    visitor.add_cookies(&mut answer);
    answer
}
