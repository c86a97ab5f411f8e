//! A request that can start a server: it goes home at once where the home is calm, else it claims, waits, or gets a page.
//!
//! Where it goes is decided by `core::starting`; claims are made by `control`. What waits is shown by `wait`.

use std::time::{Duration, Instant};

use http::header::LOCATION;
use http::{HeaderValue, Method, Response, StatusCode};
use hubrouter_config::HubId;
use hubrouter_hub_adapter::address::{self, Plane};
use hubrouter_hub_adapter::client::Browser;
use hubrouter_hub_adapter::start::{self, Parts, Said};

use super::body::{ToClient, ToHub};
use super::exchange::{Exchange, Trace};
use super::forward::{self, Going};
use super::gather::Known;
use super::hub_plane::is_proxys_own_error;
use super::shared::Shared;
use super::{collect, reply, wait};
use crate::control::claims::{Answered, Settled, Ticket, Waits};
use crate::core::health::{self, Answer};
use crate::core::life::claim::{StartAnswer, had_no_right};
use crate::core::life::tables;
use crate::core::route::Start;
use crate::core::snapshot::HubIndex;
use crate::core::starting::{StartPlan, Starter, start_of};
use crate::core::whereabouts::wait_reason;
use crate::pages::{Link, Page, WaitingFor};

/// How long a posted start is held when it has to wait: the choices of its form would be lost.
pub const START_HELD_FOR: Duration = Duration::from_secs(2);
/// The most bytes of a start: the choices of its form, with a small file among them.
const START_BYTES: usize = 1024 * 1024;
/// How often a held start looks whether it may go on.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Answers a request that can start a server.
pub async fn begin(
    exchange: Exchange<'_>,
    start: Start,
    known: Known,
    mut body: ToHub,
    trace: &mut Trace,
) -> Response<ToClient> {
    (trace.hub, trace.why) = (Some(exchange.id(start.hub).clone()), Some(start.why));
    let posted = exchange.parts.method == Method::POST;
    if posted {
        // A start that is let go must not dawdle: by the time its last byte is there its hub may have been closed.
        match collect::whole(&exchange, body, START_BYTES).await {
            Ok(bytes) => body = ToHub::from(bytes),
            Err(page) => return reply::page(&exchange, &page, None),
        }
    }
    let until = Instant::now() + START_HELD_FOR;
    let mut settled = settle(&exchange, &start, true).await;
    if posted && matches!(settled, Settled::Wait { .. }) {
        settled = held(&exchange, &start, settled, until).await;
    }
    let Settled::Start(id, ticket) = settled else { return answer_wait(&exchange, &known, &settled) };
    trace.hub = Some(id.clone());
    let Some(hub) = exchange.snapshot().find(&id) else {
        // It joined while this request waited: the next one knows it.
        return wait::soon(&exchange, start.hub, WaitingFor::Asking);
    };
    if let Answer::Wait(reason) = exchange.snapshot().hub(hub).answers(Plane::Hub)
        && !now_takes(&exchange, &id)
    {
        return wait::for_hub(&exchange, &known, hub, reason);
    }
    let patience = if posted { until.saturating_duration_since(Instant::now()) } else { Duration::ZERO };
    let going = Going { hub, why: start.why, known, form: None, patience, ticket };
    forward::forward(exchange, going, body).await
}

/// Whether the hub takes requests by the picture of now, and is where it was.
fn now_takes(exchange: &Exchange<'_>, id: &HubId) -> bool {
    let live = exchange.worker().live();
    live.snapshot.find(id).is_some_and(|hub| {
        let then = exchange.snapshot().config.hub(id).map(|hub| &hub.url);
        wait::takes(&live.snapshot, hub, Plane::Hub) && then == Some(&live.snapshot.hub(hub).hub.url)
    })
}

/// Where the start goes by the picture of now; with `claims` also if that takes one.
async fn settle(exchange: &Exchange<'_>, start: &Start, claims: bool) -> Settled {
    let shared = &exchange.worker().shared;
    let live = exchange.worker().live();
    let snapshot = &live.snapshot;
    let id = |hub: HubIndex| snapshot.id(hub).clone();
    let chosen_id = start.chosen.map(|chosen| exchange.id(chosen).clone());
    let chosen = chosen_id.as_ref().and_then(|chosen| snapshot.find(chosen));
    let starter = Starter { user: start.user.clone(), identity: start.identity, chosen, trial: false };
    let moment = snapshot.knowledge.at(Instant::now(), &snapshot.times);
    match start_of(snapshot, &starter, &moment) {
        None => return Settled::NoHub,
        Some(StartPlan::Go(hub)) => {
            let noted = moment.now.and_then(|now| shared.journal.note(snapshot.id(hub), &start.user, now));
            if let Some(noted) = noted {
                return Settled::Start(id(hub), Some(Ticket::Unasked(noted, start.identity)));
            }
        }
        Some(StartPlan::Wait { hub, why }) => {
            let why = match why {
                crate::core::starting::StartWaits::Hub(why) => Waits::Hub(why),
                crate::core::starting::StartWaits::Directory => Waits::Directory,
            };
            return Settled::Wait { hub: id(hub), why };
        }
        Some(StartPlan::Page { hub, page, why }) => return Settled::Page { hub: id(hub), page, why },
        Some(StartPlan::NotThere { chosen, owner }) => {
            return Settled::NotThere { chosen: id(chosen), owner: id(owner), runs: false };
        }
        Some(StartPlan::Claim(_)) => {}
    }
    let hub = exchange.id(start.hub).clone();
    let nobody = Settled::Wait { hub, why: Waits::Directory };
    if !claims {
        return nobody;
    }
    shared.claims.settle(start.user.clone(), start.identity, chosen_id).await.unwrap_or(nobody)
}

/// Waits for a moment whether the start may go on after all.
async fn held(exchange: &Exchange<'_>, start: &Start, mut settled: Settled, until: Instant) -> Settled {
    let shared = &exchange.worker().shared;
    while Instant::now() < until {
        let Settled::Wait { hub, why } = &settled else { break };
        if let Waits::Hub(_) = why {
            // Probes are seconds apart, and somebody waits for this one.
            shared.look(hub, health::Plane::Proxy);
            shared.look(hub, health::Plane::Hub);
        }
        tokio::time::sleep(LOOK_EVERY).await;
        settled = settle(exchange, start, true).await;
    }
    settled
}

/// What somebody sees whose start does not go on now.
fn answer_wait(exchange: &Exchange<'_>, known: &Known, settled: &Settled) -> Response<ToClient> {
    let index = |id: &HubId| exchange.snapshot().find(id);
    let page = match settled {
        Settled::Start(..) | Settled::NoHub => Page::NoHub,
        Settled::Wait { hub, why } => {
            let Some(hub) = index(hub) else { return reply::page(exchange, &Page::NoHub, None) };
            return waits(exchange, known, hub, *why);
        }
        Settled::Page { hub, page, .. } => {
            let notebook = wait::notebook(exchange, known);
            match page {
                tables::Page::Maintenance => Page::Maintenance { hub: hub.clone(), notebook },
                tables::Page::Draining => Page::Draining { hub: hub.clone(), notebook },
            }
        }
        Settled::NotThere { chosen, owner, runs: false } => {
            Page::StartElsewhere { user: user(exchange, known), hub: owner.clone(), chosen: chosen.clone() }
        }
        Settled::NotThere { chosen, owner, runs: true } => {
            let site = &exchange.snapshot().site;
            let notebook = wait::notebook(exchange, known)
                .unwrap_or_else(|| Link::new(address::home_url(site), "Go on in the running notebook"));
            Page::StillRuns {
                user: user(exchange, known),
                hub: owner.clone(),
                notebook,
                stop: Link::new(wait::choose_url(exchange, owner), "Stop it there"),
                wanted: Some(chosen.clone()),
            }
        }
    };
    reply::page(exchange, &page, known.chosen.map(|hub| exchange.id(hub).clone()).as_ref())
}

fn user(exchange: &Exchange<'_>, known: &Known) -> String {
    exchange.place.owner.as_ref().or(known.user()).map(ToString::to_string).unwrap_or_default()
}

fn waits(exchange: &Exchange<'_>, known: &Known, hub: HubIndex, why: Waits) -> Response<ToClient> {
    use crate::core::life::reason::Reason;
    match why {
        Waits::Hub(reason) => match wait_reason(reason) {
            Some(reason) => {
                let user = exchange.place.owner.as_ref().or(known.user());
                wait::for_page(exchange, known, hub, reason, user)
            }
            None => match reason {
                Reason::MayRun | Reason::AttachedStorage | Reason::NobodyOpen => {
                    wait::stuck(exchange, known, hub)
                }
                _ => wait::soon(exchange, hub, WaitingFor::Moving),
            },
        },
        Waits::Turn => wait::soon(exchange, hub, WaitingFor::Moving),
        Waits::Directory | Waits::Claim(_) => wait::soon(exchange, hub, WaitingFor::Asking),
    }
}

/// What the hub's answer to a claimed start means for the claim.
#[must_use]
pub fn answered(exchange: &Exchange<'_>, browser: &Browser, answer: &Response<ToClient>) -> StartAnswer {
    let location = answer.headers().get(LOCATION).and_then(|value| value.to_str().ok());
    let parts = Parts {
        method: &exchange.parts.method,
        host: browser.host.to_str().ok(),
        status: answer.status(),
        location,
    };
    match answer.status() {
        StatusCode::TOO_MANY_REQUESTS => StartAnswer::Busy,
        StatusCode::BAD_REQUEST => StartAnswer::BadRequest,
        StatusCode::OK => StartAnswer::Form,
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN | StatusCode::NOT_FOUND => StartAnswer::Refused,
        // The hub's proxy, or whoever else is in between: the hub may have the start.
        StatusCode::SERVICE_UNAVAILABLE if is_proxys_own_error(answer) => StartAnswer::Gone,
        StatusCode::BAD_GATEWAY | StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT => {
            StartAnswer::Lost
        }
        _ => match start::answer(&exchange.snapshot().site, &exchange.place, parts).map(|said| said.said) {
            Some(Said::Pending | Said::Started | Said::Runs) => StartAnswer::Accepted,
            Some(Said::Failed) => StartAnswer::Other,
            None if leads_to_login(exchange, answer.headers().get(LOCATION)) => StartAnswer::Login,
            None => StartAnswer::Other,
        },
    }
}

fn leads_to_login(exchange: &Exchange<'_>, location: Option<&HeaderValue>) -> bool {
    let login = address::login_url(&exchange.snapshot().site, None);
    location.and_then(|location| location.to_str().ok()).is_some_and(|location| location.contains(&login))
}

/// A start on its way to its hub, whose answer decides something.
pub struct OnItsWay<'a> {
    shared: &'a Shared,
    ticket: Option<Ticket>,
}

impl<'a> OnItsWay<'a> {
    /// From now on the hub may have it.
    #[must_use]
    pub fn new(shared: &'a Shared, ticket: Option<Ticket>) -> Self {
        Self { shared, ticket }
    }

    /// Whether anything waits for the answer.
    #[must_use]
    pub fn decides(&self) -> bool {
        self.ticket.is_some()
    }

    /// Tells how the hub answered, where something waits for that.
    pub fn tell(mut self, answer: StartAnswer) {
        self.end(answer);
    }

    fn end(&mut self, answer: StartAnswer) {
        match self.ticket.take() {
            Some(Ticket::Claim(claimed)) => {
                self.shared.claims.answered(Answered { claimed: *claimed, answer });
            }
            Some(Ticket::Unasked(noted, identity)) if had_no_right(answer, identity) => {
                self.shared.journal.refused(&noted);
            }
            Some(Ticket::Unasked(..)) | None => {}
        }
    }
}

/// A client that hangs up takes the request's future with it, and not the start.
impl Drop for OnItsWay<'_> {
    fn drop(&mut self) {
        self.end(StartAnswer::Lost);
    }
}
