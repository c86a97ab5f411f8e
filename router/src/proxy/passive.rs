//! What requests and answers say of a hub while they pass: counts for its hub plane, words about its starts.
//!
//! Judged elsewhere (`core::health::passive`, `core::spawning`). A request costs one addition in a cell of its thread,
//! which the thread's sweeper hands to the controller once a second; a start costs a message. Nothing below `/user/` or
//! `/services/` comes here: their failures are their users' own.

use std::cell::RefCell;
use std::io;
use std::sync::Arc;
use std::time::Instant;

use http::header::{CONTENT_TYPE, LOCATION};
use http::{HeaderValue, Response, StatusCode};
use hubrouter_config::HubId;
use hubrouter_hub_adapter::address::{Act, Plane};
use hubrouter_hub_adapter::client::Browser;
use hubrouter_hub_adapter::names::UserName;
use hubrouter_hub_adapter::start::{self, End, Parts, Said, Scanner};

use super::body::ToClient;
use super::exchange::Exchange;
use super::fault::HubFault;
use super::forward::Going;
use super::hub_plane;
use super::shared::Shared;
use crate::control::signals::Signal;
use crate::core::health;
use crate::core::health::passive::Tally;
use crate::core::snapshot::HubIndex;
use crate::core::spawning::{Heard, Start, Told};

/// What one thread has counted since it was asked last.
#[derive(Debug, Default)]
pub struct Tallies(RefCell<Vec<(HubId, Tally)>>);

impl Tallies {
    fn count(&self, index: HubIndex, id: &HubId, failed: bool) {
        let mut all = self.0.borrow_mut();
        let guess = usize::from(index.0);
        // Almost always the hubs stand in the order of the configuration.
        let place = match all.get(guess) {
            Some((at, _)) if at == id => guess,
            _ => all.iter().position(|(at, _)| at == id).unwrap_or_else(|| {
                all.push((id.clone(), Tally::default()));
                all.len() - 1
            }),
        };
        let tally = &mut all[place].1;
        *tally = tally.and(Tally { answered: u32::from(!failed), failed: u32::from(failed) });
    }

    /// Tells what was counted and counts from zero; forgets hubs that are no longer configured.
    pub fn tell(&self, shared: &Shared, configured: impl Fn(&HubId) -> bool) {
        self.0.borrow_mut().retain_mut(|(id, tally)| {
            let counted = std::mem::take(tally);
            if counted.total() > 0 {
                shared.signal(Signal::Counted(id.clone(), counted));
            }
            configured(id)
        });
    }
}

/// Whether requests like this one are counted: to the hub's own pages and API, but no starts, which say more of
/// spawners than of the hub.
fn counts(exchange: &Exchange<'_>) -> bool {
    let row = exchange.place.row;
    row.plane == Plane::Hub && !row.is_start(&exchange.parts.method)
}

/// When a request was sent whose answer may tell of a start.
pub fn asked_at(exchange: &Exchange<'_>) -> Option<Instant> {
    matches!(exchange.place.row.act, Act::Start | Act::Progress).then(Instant::now)
}

/// Notes an answer of the hub plane, and reads along where it is a stream of events about a start.
pub fn answered(
    exchange: &Exchange<'_>,
    going: &Going,
    browser: &Browser,
    asked_at: Option<Instant>,
    answer: Response<ToClient>,
) -> Response<ToClient> {
    let id = exchange.id(going.hub);
    if counts(exchange) {
        let failed = matches!(
            answer.status(),
            StatusCode::BAD_GATEWAY | StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT
        );
        exchange.worker().tallies.count(going.hub, id, failed);
    }
    let Some(asked_at) = asked_at else { return answer };
    if let Some((start, heard)) = start_answered(exchange, going.known.user(), browser, &answer) {
        exchange.worker().shared.signal(Signal::Start(id.clone(), Told { start, heard, asked_at }));
    }
    if exchange.place.row.act == Act::Progress && is_event_stream(&answer) {
        let shared = Arc::clone(&exchange.worker().shared);
        let start = Start {
            user: exchange.place.owner.clone(),
            server: exchange.place.server.clone().unwrap_or_default(),
        };
        let reader = Reader { scanner: Scanner::default(), hub: id.clone(), start, asked_at, shared };
        return answer.map(|body| body.read_along(reader));
    }
    answer
}

/// What the answer to a start says; an error that the hub's proxy made up says that the hub is gone, and nothing else.
fn start_answered(
    exchange: &Exchange<'_>,
    visitor: Option<&UserName>,
    browser: &Browser,
    answer: &Response<ToClient>,
) -> Option<(Start, Heard)> {
    if hub_plane::is_proxys_own_error(answer) {
        return None;
    }
    let parts = Parts {
        method: &exchange.parts.method,
        host: browser.host.to_str().ok(),
        status: answer.status(),
        location: answer.headers().get(LOCATION).and_then(|value| value.to_str().ok()),
    };
    let said = start::answer(&exchange.snapshot().site, &exchange.place, parts)?;
    let heard = match said.said {
        Said::Pending => Heard::Pending,
        Said::Started => Heard::Started,
        Said::Runs => Heard::Runs,
        Said::Failed => Heard::Failed,
    };
    Some((Start { user: said.owner.or_else(|| visitor.cloned()), server: said.server }, heard))
}

fn is_event_stream(answer: &Response<ToClient>) -> bool {
    let kind = answer.headers().get(CONTENT_TYPE).map(HeaderValue::as_bytes);
    answer.status() == StatusCode::OK && kind.is_some_and(|kind| kind.starts_with(b"text/event-stream"))
}

/// Notes that the hub gave no answer, and asks for a probe of what may be the cause.
pub fn unanswered(exchange: &Exchange<'_>, hub: HubIndex, fault: &HubFault) {
    let (worker, id) = (exchange.worker(), exchange.id(hub));
    let look = |plane| worker.shared.look(id, plane);
    let no_answer = || {
        if counts(exchange) {
            worker.tallies.count(hub, id, true);
        }
    };
    match fault {
        HubFault::Unreachable { source, .. } if is_connections_fault(source.kind()) => {
            worker.shared.signal(Signal::Unreachable(id.clone()));
        }
        // Out of descriptors, or a name that is unknown: not the hub's doing.
        HubFault::Unreachable { .. } => look(health::Plane::Proxy),
        HubFault::Closed { .. } => {
            look(health::Plane::Proxy);
            // A notebook server that breaks off is no news of the hub.
            if exchange.place.row.plane == Plane::Hub {
                look(health::Plane::Hub);
            }
            no_answer();
        }
        HubFault::Late { .. } | HubFault::Garbage { .. } => no_answer(),
        HubFault::ClientGone => {}
    }
}

/// Refused, reset or timed out.
fn is_connections_fault(kind: io::ErrorKind) -> bool {
    matches!(
        kind,
        io::ErrorKind::ConnectionRefused | io::ErrorKind::ConnectionReset | io::ErrorKind::TimedOut
    )
}

/// Reads along in a stream of events about a start.
#[derive(Debug)]
pub struct Reader {
    scanner: Scanner,
    hub: HubId,
    start: Start,
    asked_at: Instant,
    shared: Arc<Shared>,
}

impl Reader {
    /// Looks at bytes that pass.
    pub fn read(&mut self, bytes: &[u8]) {
        let Some(end) = self.scanner.feed(bytes) else { return };
        let heard = Heard::LastEvent { ready: end == End::Ready, under_way: self.scanner.was_under_way() };
        let told = Told { start: self.start.clone(), heard, asked_at: self.asked_at };
        self.shared.signal(Signal::Start(self.hub.clone(), told));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_says_something_of_the_hubs_address_is_refused_reset_or_timed_out() {
        use io::ErrorKind::{
            AddrNotAvailable, ConnectionAborted, ConnectionRefused, ConnectionReset, NotFound, Other,
            TimedOut,
        };
        let faults = [ConnectionRefused, ConnectionReset, TimedOut].map(is_connections_fault);
        let own = [AddrNotAvailable, ConnectionAborted, NotFound, Other].map(is_connections_fault);

        assert_eq!((faults, own), ([true; 3], [false; 4]));
    }

    #[test]
    fn each_hub_is_counted_by_itself_wherever_it_stands() {
        let [a, b]: [HubId; 2] = ["a", "b"].map(|id| id.parse().unwrap());
        let tallies = Tallies::default();
        // The order changes with a reload, and a hub may be met before those that stand before it.
        for (index, id, failed) in [(1, &b, true), (0, &a, false), (1, &a, true), (0, &b, true)] {
            tallies.count(HubIndex(index), id, failed);
        }

        let mut counted = tallies.0.into_inner();
        counted.sort_by(|(one, _), (other, _)| one.cmp(other));
        assert_eq!(counted, [(a, Tally { answered: 1, failed: 1 }), (b, Tally { answered: 0, failed: 2 })]);
    }
}
