//! Decides, and does what was decided; questions of the core are put to hubs until it can decide.

use std::time::SystemTime;

use bytes::Bytes;
use http::header::AUTHORIZATION;
use http::{HeaderValue, Method, Response, StatusCode};
use hubrouter_hub_adapter::address::{Act, Plane};
use hubrouter_hub_adapter::login::{FORM_LIMIT, LoginForm, read_form};
use hubrouter_hub_adapter::names::UserName;
use hyper::body::Incoming;

use super::body::{ToClient, ToHub};
use super::exchange::{Exchange, Trace};
use super::forward::{self, Going};
use super::gather::{self, CHOSEN_HUB_FIELD, Known};
use super::{ask, chosen, collect, edit_user, logout, reply, rescue, starting, token_request, wait};
use crate::core::facts::{Asked, RequestFacts};
use crate::core::route::{Decision, Own, Question, route};
use crate::core::snapshot::HubIndex;
use crate::pages::{Ambiguity, Page};

/// A login form that was read.
pub struct Form {
    /// Its fields.
    pub fields: LoginForm,
    /// Its bytes.
    pub body: Bytes,
}

/// Answers a request whose head was read.
pub async fn act(mut exchange: Exchange<'_>, body: Incoming, trace: &mut Trace) -> Response<ToClient> {
    if let Some(page) = refused(&exchange) {
        return reply::page(&exchange, &page, None);
    }
    let now = SystemTime::now();
    let known = Known::read(&exchange, now);
    let mut body = ToHub::of_client(body, exchange.parts.version);
    let mut form = None;
    if exchange.place.row.act == Act::LoginForm {
        match read_login(&exchange, body).await {
            Ok(Read::Form(read)) => {
                body = ToHub::from(read.body.clone());
                form = Some(read);
            }
            Ok(Read::Other(bytes)) => body = ToHub::from(bytes),
            Err(page) => return reply::page(&exchange, &page, None),
        }
    }
    if exchange.place.row.act == Act::EditUser {
        match edit_user::checked(&exchange, body).await {
            Ok(checked) => body = checked,
            Err(page) => return reply::page(&exchange, &page, None),
        }
    }
    if exchange.place.row.act == Act::TokenForCode {
        match token_request::read(&mut exchange, body).await {
            Ok(read) => body = read,
            Err(page) => return reply::page(&exchange, &page, None),
        }
    }
    if exchange.place.row.act == Act::Rescue {
        return rescue::declared_lost(&exchange, &known, body).await;
    }
    let form_user = form.as_ref().and_then(|form| user_of(&exchange, &form.fields.username));
    let mut facts = gather::facts(&exchange, &known, form_user, now);
    let mut found_out: Vec<HeaderValue> = Vec::new();
    let mut response = loop {
        match route(exchange.snapshot(), &facts) {
            Decision::Ask(Question::WhoseBrowser(hubs)) => {
                let found = ask::whose_browser(&exchange, &hubs).await;
                found_out.extend(found.cookies(&exchange, now));
                drop_refused(&mut facts, &found.refused);
                facts.jar_user = Asked::Answer(found.user);
            }
            Decision::Ask(Question::WhoseToken) => match ask::whose_token(&exchange).await {
                Ok(hubs) => facts.token = Asked::Answer(hubs),
                Err(page) => break reply::page(&exchange, &page, None),
            },
            Decision::Forward { hub, why } => {
                (trace.hub, trace.why) = (Some(exchange.id(hub).clone()), Some(why));
                break forward::forward(
                    exchange,
                    Going { hub, why, known, form, patience: starting::START_HELD_FOR, ticket: None },
                    body,
                )
                .await;
            }
            Decision::Start(start) => break starting::begin(exchange, start, known, body, trace).await,
            Decision::Wait { hub, why, reason, user } => {
                (trace.hub, trace.why) = (Some(exchange.id(hub).clone()), Some(why));
                break wait::for_page(&exchange, &known, hub, reason, user.as_ref());
            }
            Decision::Own(own) => break answer_own(&exchange, &known, own, now).await,
        }
    };
    // What was found out on the way is older than the answer.
    reply::set_cookies_first(&mut response, found_out);
    response
}

/// What is refused before anybody asks where it belongs.
fn refused(exchange: &Exchange<'_>) -> Option<Page> {
    if !chooses_clearly(exchange) {
        let ids: Vec<&str> = exchange.snapshot().hubs.iter().map(|view| view.hub.id.as_ref()).collect();
        return Some(Page::BadRequest(format!(
            "X-Hubrouter-Hub has to name one hub of this site; there are: {}",
            ids.join(", ")
        )));
    }
    if exchange.parts.headers.get_all(AUTHORIZATION).iter().nth(1).is_some() {
        return Some(Page::BadRequest("a request has one Authorization field".into()));
    }
    crosses_sites(exchange).then(|| {
        Page::Refused(
            "a page of another kind sent this request without asking (Sec-Fetch-Mode: no-cors)".into(),
        )
    })
}

/// Whether the field by which scripts choose a hub is absent, or names one hub once.
fn chooses_clearly(exchange: &Exchange<'_>) -> bool {
    let mut values = exchange.parts.headers.get_all(CHOSEN_HUB_FIELD).iter();
    let Some(first) = values.next() else { return true };
    let named = first.to_str().ok().and_then(|id| exchange.snapshot().find_named(id.trim()));
    named.is_some() && values.next().is_none()
}

/// A change under `/hub/` by a request that no page script could read the answer of: the mitigation that JupyterHub's
/// advisory CVE-2026-40864 names. Browsers' own reports are excepted; clients without the field are not concerned.
fn crosses_sites(exchange: &Exchange<'_>) -> bool {
    let row = exchange.place.row;
    let changes = !matches!(exchange.parts.method, Method::GET | Method::HEAD | Method::OPTIONS);
    row.plane == Plane::Hub
        && row.act != Act::CspReport
        && changes
        && exchange.field("sec-fetch-mode").is_some_and(|mode| mode.eq_ignore_ascii_case("no-cors"))
}

enum Read {
    Form(Form),
    Other(Bytes),
}

async fn read_login(exchange: &Exchange<'_>, body: ToHub) -> Result<Read, Page> {
    let body = collect::whole(exchange, body, FORM_LIMIT).await?;
    let fields = read_form(exchange.field(http::header::CONTENT_TYPE), &body);
    Ok(match fields {
        Some(fields) => Read::Form(Form { fields, body }),
        None => Read::Other(body),
    })
}

fn user_of(exchange: &Exchange<'_>, typed: &str) -> Option<UserName> {
    UserName::canonical(typed, exchange.snapshot().site.names())
}

fn drop_refused(facts: &mut RequestFacts<'_>, refused: &[HubIndex]) {
    facts.jars.retain(|hub| !refused.contains(hub));
}

async fn answer_own(exchange: &Exchange<'_>, known: &Known, own: Own, now: SystemTime) -> Response<ToClient> {
    let id = |hub: HubIndex| exchange.id(hub).clone();
    let page = match own {
        Own::Logout => return logout::everywhere(exchange, known).await,
        Own::Health => return reply::empty(StatusCode::OK),
        Own::RouterPage => return chosen::page(exchange, known, now),
        Own::WhoseStart(hub) => return wait::whose_start(exchange, known, hub),
        Own::LoginAnew => {
            let next = wait::flow_next(exchange);
            return reply::redirect(&wait::login_url(exchange, next.as_deref()));
        }
        Own::Refused(reason) => Page::Refused(reason.to_owned()),
        Own::Collection => Page::Conflict {
            hubs: exchange.snapshot().indices().map(id).collect(),
            why: Ambiguity::Collection,
        },
        Own::TokenOfSeveral(hubs) => {
            Page::Conflict { hubs: hubs.into_iter().map(id).collect(), why: Ambiguity::Token }
        }
        Own::TokenUnknown => Page::TokenUnknown,
        Own::Maintenance(hub) => {
            Page::Maintenance { hub: id(hub), notebook: wait::notebook(exchange, known) }
        }
        Own::NoHub => Page::NoHub,
    };
    reply::page(exchange, &page, known.chosen.map(id).as_ref())
}
