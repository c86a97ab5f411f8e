//! The start of a server whose hub is just not there: held for a moment, because the choices in its form would be lost.
//!
//! Nothing was sent yet, so nothing can happen twice. After the moment a page leads back to the form.

use std::time::{Duration, Instant};

use http::Response;
use hubrouter_hub_adapter::address::Plane;

use super::body::{ToClient, ToHub};
use super::exchange::Exchange;
use super::forward::{self, Going};
use super::{collect, wait};
use crate::core::health::{self, WaitReason};

/// How long a start is held when its hub is away, or refuses connections.
pub const START_HELD_FOR: Duration = Duration::from_secs(2);
/// The most bytes of a start that is held: the choices of its form, and no upload.
const START_BYTES: usize = 64 * 1024;
/// How often a held start looks whether its hub is back.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Forwards the start as soon as its hub is back, or shows the page after all.
pub async fn start(
    exchange: Exchange<'_>,
    going: Going,
    body: ToHub,
    reason: WaitReason,
) -> Response<ToClient> {
    let until = Instant::now() + START_HELD_FOR;
    let Ok(body) = collect::bounded(body, START_BYTES, START_HELD_FOR).await else {
        return wait::for_hub(&exchange, &going.known, going.hub, reason);
    };
    let id = exchange.id(going.hub).clone();
    let shared = &exchange.worker().shared;
    while Instant::now() < until {
        let live = exchange.worker().live();
        let Some(hub) = live.snapshot.find(&id) else { break };
        if live.snapshot.hub(hub).hub.url != exchange.snapshot().hub(going.hub).hub.url {
            // The hub moved meanwhile: this request holds its old address.
            break;
        }
        if wait::takes(&live.snapshot, hub, Plane::Hub) {
            let going = Going { patience: until.saturating_duration_since(Instant::now()), ..going };
            return forward::forward(exchange, going, ToHub::from(body)).await;
        }
        // Probes are seconds apart, and somebody waits for this one.
        shared.look(&id, health::Plane::Proxy);
        shared.look(&id, health::Plane::Hub);
        tokio::time::sleep(LOOK_EVERY).await;
    }
    wait::for_hub(&exchange, &going.known, going.hub, reason)
}
