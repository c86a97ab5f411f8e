//! A body read whole, where that is unavoidable: a login form, a change of a user, a start that is held. Bounded in size
//! and time.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;

use super::body::ToHub;
use super::exchange::Exchange;
use crate::pages::Page;

/// Why a body was not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unread {
    /// It is longer than allowed.
    TooLarge,
    /// Nothing came for too long.
    Late,
    /// The client broke it off.
    Broken,
}

/// The whole body of a request that has to be looked at, of at most `limit` bytes.
///
/// # Errors
///
/// The page that says why there is none.
pub async fn whole(exchange: &Exchange<'_>, body: ToHub, limit: usize) -> Result<Bytes, Page> {
    let progress = exchange.snapshot().config.timeouts.body_progress;
    bounded(body, limit, progress).await.map_err(|unread| match unread {
        Unread::TooLarge => Page::TooLarge { limit: limit as u64 },
        Unread::Late => Page::RequestTimeout,
        Unread::Broken => Page::BadRequest("the request body broke off".into()),
    })
}

/// The whole body, of at most `limit` bytes, with no silence longer than `progress`.
///
/// # Errors
///
/// Says why there is no whole body; what was read is lost, and the connection is not used again.
pub async fn bounded(mut body: ToHub, limit: usize, progress: Duration) -> Result<Bytes, Unread> {
    let mut whole = BytesMut::new();
    loop {
        let frame = tokio::time::timeout(progress, body.frame()).await.map_err(|_| Unread::Late)?;
        let Some(frame) = frame else { return Ok(whole.freeze()) };
        let Ok(data) = frame.map_err(|_| Unread::Broken)?.into_data() else { continue };
        if whole.len() + data.len() > limit {
            return Err(Unread::TooLarge);
        }
        whole.extend_from_slice(&data);
    }
}
