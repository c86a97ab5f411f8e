//! The steady clock of everything that runs on tokio's time, so that a simulation can play hours in a moment.

use std::time::Instant;

/// Now. Outside of a runtime the system's own steady clock.
#[must_use]
pub fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

/// Waits until then; without a time, for ever.
pub async fn until(time: Option<Instant>) {
    match time {
        Some(time) => tokio::time::sleep_until(time.into()).await,
        None => std::future::pending().await,
    }
}
