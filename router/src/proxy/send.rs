//! One request to one hub: on which connection, how long, and when a second time.
//!
//! What must not be sent twice never is: such a request goes on a connection that is as good as fresh, and once a
//! byte of it was sent it is not repeated. Others are repeated once, on a fresh connection, when a reused one was stale, as long as
//! the hub's budget for that lasts.

use std::time::{Duration, Instant};

use http::{Request, Response, StatusCode, Version};
use hubrouter_config::Hub;
use hubrouter_hub_adapter::secure::tls_trouble;
use hyper::body::Incoming;

use super::body::{FromHub, ToClient, ToHub};
use super::fault::HubFault;
use super::headers;
use super::pool::{Lease, Pools, Wanted};

/// How a request may be sent.
#[derive(Clone, Copy, Debug)]
pub struct Manner {
    /// It must not be sent twice.
    pub once: bool,
    /// How long a connection may take: `timeouts.connect`.
    pub connect: Duration,
    /// How long the answer's head may take: `timeouts.response_head`.
    pub head: Duration,
    /// How long connections stay idle: `timeouts.hub_idle`.
    pub idle: Duration,
    /// How long a connection that is refused is tried for: nothing was sent yet, and the hub may be restarting.
    pub patience: Duration,
}

/// Between two tries for a connection.
const CONNECT_AGAIN: Duration = Duration::from_millis(100);

/// Sends `request` to `hub` and returns its answer, whose body keeps the connection.
///
/// # Errors
///
/// [`HubFault::Unreachable`] when nothing was sent; anything else may have reached the hub.
pub async fn send(
    pools: &Pools,
    hub: &Hub,
    request: Request<ToHub>,
    manner: Manner,
) -> Result<Response<ToClient>, HubFault> {
    let wanted = if manner.once { Wanted::NearlyFresh } else { Wanted::Any };
    let lease = lease(pools, hub, wanted, manner).await?;
    let again = (lease.reused && !manner.once && request.body().is_empty()).then(|| copy_of(&request));
    let reused = lease.reused;
    let failed = match attempt(lease, hub, request, manner.head).await {
        Ok(answer) => return Ok(answer),
        Err(failed) => failed,
    };
    // Not a byte was sent: the very same request may go, whatever it does.
    let may_repeat = || matches!(failed.fault, HubFault::Closed { .. }) && pools.may_repeat(hub);
    let request = failed.unsent.or_else(|| again.filter(|_| may_repeat()));
    let Some(request) = request.filter(|_| reused) else { return Err(failed.fault) };
    let lease = self::lease(pools, hub, Wanted::Fresh, manner).await?;
    attempt(lease, hub, request, manner.head).await.map_err(|failed| failed.fault)
}

struct Failed {
    fault: HubFault,
    unsent: Option<Request<ToHub>>,
}

async fn lease(pools: &Pools, hub: &Hub, wanted: Wanted, manner: Manner) -> Result<Lease, HubFault> {
    let until = Instant::now() + manner.patience;
    loop {
        match pools.lease(hub, wanted, manner.connect, manner.idle).await {
            Ok(lease) => return Ok(lease),
            // Who is not believed will not be a moment later.
            Err(source) if Instant::now() >= until || tls_trouble(&source).is_some() => {
                return Err(HubFault::Unreachable { hub: hub.id.clone(), source });
            }
            Err(_) => tokio::time::sleep(CONNECT_AGAIN).await,
        }
    }
}

async fn attempt(
    mut lease: Lease,
    hub: &Hub,
    request: Request<ToHub>,
    head: Duration,
) -> Result<Response<ToClient>, Failed> {
    let sending = tokio::time::timeout(head, lease.sender.send(request));
    match sending.await {
        Ok(Ok(answer)) if answer.status() == StatusCode::SWITCHING_PROTOCOLS => Err(Failed {
            fault: HubFault::Garbage { hub: hub.id.clone(), text: "101 that nobody asked for".into() },
            unsent: None,
        }),
        Ok(Ok(mut answer)) => {
            settle_framing(hub, &mut answer).map_err(|fault| Failed { fault, unsent: None })?;
            // A version belongs to one connection (RFC 9110 6.2): the hub's says nothing about the client's.
            *answer.version_mut() = Version::HTTP_11;
            Ok(answer.map(|body| ToClient::Hub(FromHub::new(body, Some(lease)))))
        }
        Ok(Err(mut error)) => {
            let unsent = error.take_message();
            Err(Failed { fault: HubFault::from_hyper(&hub.id, error.into_error()), unsent })
        }
        Err(_) => Err(Failed { fault: HubFault::Late { hub: hub.id.clone(), waited: head }, unsent: None }),
    }
}

/// Refuses an answer whose end is unclear: its connection goes with it, for the same is unclear of the next one.
fn settle_framing(hub: &Hub, answer: &mut Response<Incoming>) -> Result<(), HubFault> {
    let settled = headers::settle_framing(answer.headers_mut());
    settled.map_err(|text| HubFault::Garbage { hub: hub.id.clone(), text: text.into() })
}

/// The same head again; only for requests without a body.
fn copy_of(request: &Request<ToHub>) -> Request<ToHub> {
    let mut copy = Request::new(ToHub::Empty);
    *copy.method_mut() = request.method().clone();
    *copy.uri_mut() = request.uri().clone();
    *copy.headers_mut() = request.headers().clone();
    copy
}

/// Sends a WebSocket's opening request on a connection of its own.
///
/// # Errors
///
/// As [`send`]; a 101 for another protocol is [`HubFault::Garbage`].
pub async fn open_websocket(
    pools: &Pools,
    hub: &Hub,
    request: Request<ToHub>,
    manner: Manner,
) -> Result<Response<Incoming>, HubFault> {
    let mut sender = pools
        .connect_for_upgrade(hub, manner.connect)
        .await
        .map_err(|source| HubFault::Unreachable { hub: hub.id.clone(), source })?;
    let mut answer = match tokio::time::timeout(manner.head, sender.send(request)).await {
        Ok(Ok(answer)) => answer,
        Ok(Err(error)) => return Err(HubFault::from_hyper(&hub.id, error.into_error())),
        Err(_) => return Err(HubFault::Late { hub: hub.id.clone(), waited: manner.head }),
    };
    let switched = answer.status() == StatusCode::SWITCHING_PROTOCOLS;
    if switched && !headers::is_websocket(answer.headers()) {
        let text = "101 for another protocol than websocket".into();
        return Err(HubFault::Garbage { hub: hub.id.clone(), text });
    }
    settle_framing(hub, &mut answer)?;
    *answer.version_mut() = Version::HTTP_11;
    Ok(answer)
}
