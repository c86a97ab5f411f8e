//! The hub's own pages and API: each hub sees its jar and nobody else's, and a login lands where its page lives.

use std::time::SystemTime;

use http::header::{CONTENT_TYPE, COOKIE, LOCATION};
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, Uri};
use hubrouter_config::HubId;
use hubrouter_hub_adapter::address::{Act, next_of, oauth_state};
use hubrouter_hub_adapter::client::Browser;
use hubrouter_hub_adapter::cookies::{flow_tag, xsrf_of_set_cookie};

use super::body::{ToClient, ToHub};
use super::exchange::Exchange;
use super::forward::{self, Going};
use super::landing::{self, Landed};
use super::login_form;
use super::proxy_plane::outgoing;
use super::starting::{self, OnItsWay};
use super::{headers, logout, passive, reply, send, set_cookie, wait};
use crate::core::health;
use crate::core::life::claim::StartAnswer;
use crate::core::login::Strength;
use crate::core::snapshot::HubIndex;
use crate::identify::signed::Flow;
use crate::pages::Page;

const XSRF_FIELDS: [HeaderName; 2] =
    [HeaderName::from_static("x-xsrftoken"), HeaderName::from_static("x-csrftoken")];

/// Sends a request to the hub plane of its hub.
pub async fn forward(mut exchange: Exchange<'_>, mut going: Going, body: ToHub) -> Response<ToClient> {
    let browser = exchange.browser();
    let now = SystemTime::now();
    let state = match exchange.place.row.act {
        Act::Callback => oauth_state(exchange.parts.uri.query()),
        _ => None,
    };
    let jar = exchange.cookies.for_hub_plane(exchange.id(going.hub), state.as_deref()).value;
    translate_tokens(&mut exchange, going.hub);

    let mut fields = std::mem::take(&mut exchange.parts.headers);
    let (peer, client, config) = (&exchange.connection.peer, &exchange.client, &exchange.snapshot().config);
    if let Err(bad) = headers::to_hub(&mut fields, peer, client, config, false) {
        return reply::page(&exchange, &Page::BadRequest(bad.to_string()), None);
    }
    let exchanged = match going.form.take() {
        Some(form) => login_form::exchange(&exchange, going.hub, &form, &browser, &fields).await,
        None => None,
    };
    let (sent_jar, body, fresh_token) = match exchanged {
        Some(exchanged) => {
            headers::set_length(&mut fields, exchanged.body.len());
            (Some(exchanged.cookie), ToHub::from(exchanged.body), Some(exchanged.set_cookie))
        }
        None => (jar, body, None),
    };
    if let Some(jar) = &sent_jar {
        fields.insert(COOKIE, jar.clone());
    }
    let request = outgoing(&exchange, fields, body);
    let hub = &exchange.snapshot().hub(going.hub).hub;
    let manner = forward::manner(&exchange, &going);
    let asked_at = passive::asked_at(&exchange);
    let start = OnItsWay::new(&exchange.worker().shared, going.ticket.take());
    let answer = match send::send(&exchange.worker().pools, hub, request, manner).await {
        Ok(answer) => passive::answered(&exchange, &going, &browser, asked_at, answer),
        Err(fault) => {
            let lost = if fault.was_sent() { StartAnswer::Lost } else { StartAnswer::Other };
            start.tell(lost);
            return forward::failed(&exchange, going.hub, &fault);
        }
    };
    if is_proxys_own_error(&answer) {
        start.tell(StartAnswer::Gone);
        exchange.worker().shared.look(exchange.id(going.hub), health::Plane::Hub);
        return wait::hub_gone(&exchange, &going.known, going.hub);
    }
    if start.decides() {
        start.tell(starting::answered(&exchange, &browser, &answer));
    }
    let answered =
        Answered { exchange: &exchange, going: &going, browser: &browser, flow: state.as_deref(), now };
    let landed = landing::landed(&answered, &answer, sent_jar.as_ref()).await;
    match landed {
        Landed::Elsewhere(response) => response,
        Landed::Here(lines) => {
            let mut response = answered.passed_on(answer, fresh_token.as_ref());
            reply::set_cookies(&mut response, lines);
            response
        }
    }
}

/// A hub's answer, and the request it answers.
pub struct Answered<'a, 'e> {
    /// The request.
    pub exchange: &'a Exchange<'e>,
    /// Where it went, and why.
    pub going: &'a Going,
    /// The browser, as hubs see it.
    pub browser: &'a Browser,
    /// The state of the OAuth login that this request brought back, if it is a callback.
    pub flow: Option<&'a str>,
    /// When.
    pub now: SystemTime,
}

/// The proxy answers 503 without a type when the hub behind it is gone; a browser would offer to download that.
#[must_use]
pub fn is_proxys_own_error(answer: &Response<ToClient>) -> bool {
    answer.status() == StatusCode::SERVICE_UNAVAILABLE && !answer.headers().contains_key(CONTENT_TYPE)
}

/// A page of one hub may call another: its token is exchanged for the one in the target's jar.
fn translate_tokens(exchange: &mut Exchange<'_>, hub: HubIndex) {
    let id = exchange.id(hub).clone();
    if let Some(query) = exchange.parts.uri.query()
        && let Some(query) = exchange.cookies.translated_query(query, &id)
    {
        let target = format!("{}?{query}", exchange.parts.uri.path());
        // Only a token changed, into characters that need no escape: the target stays one.
        if let Ok(uri) = target.parse::<Uri>() {
            exchange.parts.uri = uri;
        }
    }
    for name in &XSRF_FIELDS {
        if let Some(value) = exchange.parts.headers.get(name)
            && let Some(token) = exchange.cookies.translated_header(value, &id)
        {
            exchange.parts.headers.insert(name, token);
        }
    }
}

/// Whether a state cookie among these lines is named after the flow.
fn names_flow(lines: &[HeaderValue], state: &str) -> bool {
    let tag = flow_tag(state);
    let name = |line: &HeaderValue| {
        line.to_str().ok().and_then(|line| line.split_once('=')).map(|(name, _)| name.to_owned())
    };
    lines.iter().filter_map(name).any(|name| name.ends_with(&tag))
}

impl Answered<'_, '_> {
    /// The hub's answer for the browser: its cookies in its jar, and ours beside them.
    fn passed_on(
        &self,
        mut answer: Response<ToClient>,
        fresh_token: Option<&HeaderValue>,
    ) -> Response<ToClient> {
        headers::to_client(answer.headers_mut(), false);
        let begun = self.state_that_begins(answer.headers());
        let state = begun.as_deref().or(self.flow);
        let lines = set_cookie::take(answer.headers_mut());
        let sets_token = lines.iter().any(|line| xsrf_of_set_cookie(line).is_some());
        let kept = fresh_token.filter(|_| !sets_token).cloned();
        let lines = self.jarred(lines.into_iter().chain(kept), state);
        let flow = begun.map(|state| (names_flow(&lines, &state), state));
        // Adopted cookies stand before the hub's own lines, whose word is newer.
        reply::set_cookies(&mut answer, self.exchange.cookies.adopted());
        reply::set_cookies(&mut answer, lines);
        self.add_own(&mut answer, flow.as_ref());
        answer
    }

    /// The hub's lines under the names of its jar.
    pub fn jarred(
        &self,
        lines: impl IntoIterator<Item = HeaderValue>,
        state: Option<&str>,
    ) -> Vec<HeaderValue> {
        set_cookie::for_browser(self.exchange, self.going.hub, lines, state)
    }

    /// The state of the OAuth login that this answer sends the browser off with.
    fn state_that_begins(&self, fields: &HeaderMap) -> Option<String> {
        if !matches!(self.exchange.place.row.act, Act::OAuthLogin | Act::LoginPage) {
            return None;
        }
        let location = fields.get(LOCATION)?.to_str().ok()?;
        oauth_state(location.split_once('?').map(|(_, query)| query.split('#').next().unwrap_or_default()))
    }

    /// Our own cookies: the flow, the stranger's hub, a renewed session, and an end for jars that must not stay.
    fn add_own(&self, answer: &mut Response<ToClient>, flow: Option<&(bool, String)>) {
        let exchange = self.exchange;
        let snapshot = exchange.snapshot();
        if snapshot.is_single() {
            return;
        }
        let own = &exchange.live.own;
        let id = exchange.id(self.going.hub);
        let mut lines = Vec::new();
        lines.extend(flow.map(|(jarred, state)| {
            let next = next_of(exchange.parts.uri.query());
            own.set_flow(state, &Flow { hub: id.clone(), next, jarred: *jarred }, self.now)
        }));
        if landing::begins_as_stranger(self) {
            lines.push(landing::mark(own, id, Strength::Weak, 0, self.now));
        }
        if let Some(session) = &self.going.known.session
            && exchange.place.row.is_page()
            && exchange.is_navigation()
            && session.needs_renewal(self.now)
        {
            lines.extend(own.set_session(&session.user, self.now));
        }
        lines.extend(exchange.cookies.foreign());
        lines.extend(exchange.cookies.flows_over_cap(flow.map(|(_, state)| state.as_str())));
        lines.extend(self.jars_over_cap());
        reply::set_cookies(answer, lines);
    }

    /// More jars than a browser should carry: the oldest end, never this hub's or the owner's.
    fn jars_over_cap(&self) -> Vec<HeaderValue> {
        let exchange = self.exchange;
        let snapshot = exchange.snapshot();
        let home = self.going.known.user().and_then(|user| snapshot.owner(user));
        let keep: Vec<&HubId> =
            home.into_iter().chain([self.going.hub]).map(|hub| exchange.id(hub)).collect();
        let excess = exchange.cookies.over_cap(&keep);
        let hubs: Vec<HubIndex> = excess.iter().filter_map(|id| snapshot.find(id)).collect();
        logout::in_background(exchange, self.browser, &hubs);
        let ends = |id: &HubId| [snapshot.jars.expire_jar(id), exchange.cookies.expire_flows(id)].concat();
        excess.iter().flat_map(ends).collect()
    }
}
