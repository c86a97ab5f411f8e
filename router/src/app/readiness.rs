//! Whether this replica should get traffic: it knows the directory, or has tried for long enough; and it is not the only one
//! that sees no hub.

use std::time::{Duration, Instant};

use crate::control::board::{Board, Fleet};
use crate::core::health::{HubPlane, ProxyPlane};
use crate::core::snapshot::{HubView, Snapshot};

/// A directory that does not answer for so long is not waited for: pages and notebooks need it not.
const DIRECTORY_WITHIN: Duration = Duration::from_secs(10);
/// A replica that sees no hub for so long, while others do, is cut off.
const BLIND_FOR: Duration = Duration::from_secs(30);

/// What this replica lacks; none: it is ready.
pub(super) fn lacks(snapshot: &Snapshot, board: &Board, now: Instant) -> Option<String> {
    let fleet = board.fleet();
    let up_for = now.saturating_duration_since(board.started_at);
    let read = fleet.directory.as_ref().is_some_and(|view| view.read);
    if !read && up_for < DIRECTORY_WITHIN {
        return Some("the directory has not been read yet".to_owned());
    }
    if fleet.rebuilding {
        return Some(
            "the directory is empty or may be an old one: the hubs are asked who has a server away from home"
                .to_owned(),
        );
    }
    let blind = snapshot.hubs.iter().all(|hub| is_down_for(hub, now));
    (blind && others_see(&fleet)).then(|| "this replica sees no hub, and others do".to_owned())
}

fn is_down_for(view: &HubView, now: Instant) -> bool {
    let health = &view.health;
    let down = health.proxy.verdict == ProxyPlane::Down
        || matches!(health.hub.verdict, HubPlane::Down | HubPlane::Starting);
    let since = [health.proxy.failing_since, health.hub.failing_since].into_iter().flatten().min();
    down && since.is_some_and(|since| now.saturating_duration_since(since) >= BLIND_FOR)
}

fn others_see(fleet: &Fleet) -> bool {
    fleet.replicas.iter().any(|replica| replica.id != fleet.me && replica.live && replica.sees_hubs)
}
