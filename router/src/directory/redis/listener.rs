//! Listens to the changes that the store publishes, and says so whenever some may have been missed.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures_util::StreamExt;
use tokio::time::{Instant, timeout, timeout_at};

use super::super::feed::{Change, Teller};
use super::link::{Link, Pauses};
use super::record;
use super::servers::{Address, Servers};

/// The longest wait for a connection, and for the answer to a ping.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);
/// How often the connection is tried, and the sentinels are asked.
const CHECK_EVERY: Duration = Duration::from_secs(2);

/// What the listener needs.
pub(super) struct Listener {
    pub(super) servers: Arc<Servers>,
    pub(super) link: Link,
    pub(super) channel: String,
    pub(super) teller: Teller,
    pub(super) malformed: Arc<AtomicU64>,
}

impl Listener {
    /// Listens for ever.
    pub(super) async fn run(self) {
        let mut pauses = Pauses::default();
        loop {
            if self.listen_once().await {
                pauses.after_success();
            }
            tokio::time::sleep(pauses.after_failure()).await;
        }
    }

    /// Until the connection ends. Says whether there was one.
    async fn listen_once(&self) -> bool {
        let Ok(Ok((listening, address))) = timeout(ANSWER_WITHIN, self.servers.listen()).await else {
            return false;
        };
        let (mut orders, mut messages) = listening.split();
        if !matches!(timeout(ANSWER_WITHIN, orders.subscribe(&self.channel)).await, Ok(Ok(()))) {
            return false;
        }
        // Whatever was published before this moment was not heard.
        self.teller.tell(Change::Resync);
        let mut check_at = Instant::now() + CHECK_EVERY;
        loop {
            match timeout_at(check_at, messages.next()).await {
                Ok(Some(message)) => self.heard(message.get_payload_bytes()),
                Ok(None) => return true,
                Err(_due) => {
                    let ping = timeout(ANSWER_WITHIN, orders.ping::<redis::Value>()).await;
                    if !matches!(ping, Ok(Ok(_))) || !self.is_still(&address).await {
                        return true;
                    }
                    check_at = Instant::now() + CHECK_EVERY;
                }
            }
        }
    }

    fn heard(&self, payload: &[u8]) {
        match record::message(payload) {
            Some(Some(entry)) => self.teller.tell(Change::Entry(entry)),
            Some(None) => self.teller.tell(Change::Resync),
            None => {
                self.malformed.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    /// A master that was cut off from its sentinels may answer for long: what it takes is lost.
    async fn is_still(&self, address: &Address) -> bool {
        if self.servers.is_still(address).await {
            self.link.leave_unless(address);
            return true;
        }
        if self.link.address().as_ref() == Some(address) {
            self.link.leave();
        }
        false
    }
}
