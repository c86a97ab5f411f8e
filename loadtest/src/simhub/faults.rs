//! Faults that a test switches on: a hub that is slow, hangs, fails, or speaks nonsense.

use std::time::Duration;

use http::StatusCode;

use super::wire::{Answer, plain};

/// What is wrong with a hub right now; the default is nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Faults {
    /// Every connection is answered with bytes that are not HTTP.
    pub garbage: bool,
    /// Every answer comes this much later.
    pub slow: Duration,
    /// No answer ever comes, though connections are accepted.
    pub hang: bool,
    /// Every answer of the hub (not of servers) has this status.
    pub status: Option<u16>,
}

impl Faults {
    /// Waits as the faults say; never returns when the hub hangs.
    pub(crate) async fn delay(&self) {
        if self.hang {
            std::future::pending::<()>().await;
        }
        if !self.slow.is_zero() {
            tokio::time::sleep(self.slow).await;
        }
    }

    /// The answer that a failing hub gives to everything.
    pub(crate) fn refusal(&self) -> Option<Answer> {
        let status = StatusCode::from_u16(self.status?).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        Some(plain(status, status.to_string()))
    }
}
