//! Plain counters of what passes through this process; each thread adds without waiting for another.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use hubrouter_config::HubId;

use super::handshake::NoHandshake;

/// The counters of one process.
#[derive(Debug, Default)]
pub struct Counts {
    connections: AtomicU64,
    streams: AtomicU64,
    requests: AtomicU64,
    dropped_cookies: AtomicU64,
    /// TLS with clients.
    pub handshakes: Handshakes,
    by_hub: Mutex<BTreeMap<HubId, Arc<AtomicU64>>>,
}

/// How TLS handshakes with clients went.
#[derive(Debug, Default)]
pub struct Handshakes {
    under_way: AtomicU64,
    done: AtomicU64,
    failed: AtomicU64,
    late: AtomicU64,
    shed: AtomicU64,
}

/// How they went up to one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HandshakesCounted {
    /// Under way now.
    pub under_way: u64,
    /// Agreed, since the start.
    pub done: u64,
    /// Not agreed: the client broke off, or speaks no TLS that is spoken here.
    pub failed: u64,
    /// Given up because the client took too long.
    pub late: u64,
    /// Given up because too many were under way.
    pub shed: u64,
}

impl Handshakes {
    /// One that is under way for as long as the answer lives.
    pub fn begin(&self) -> Open<'_> {
        Open::new(&self.under_way)
    }

    /// One has ended like this.
    pub fn ended(&self, how: Result<(), &NoHandshake>) {
        let counter = match how {
            Ok(()) => &self.done,
            Err(NoHandshake::Late) => &self.late,
            Err(NoHandshake::Shed) => &self.shed,
            Err(NoHandshake::PlainHttp | NoHandshake::Failed(_)) => &self.failed,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    fn now(&self) -> HandshakesCounted {
        let of = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        HandshakesCounted {
            under_way: of(&self.under_way),
            done: of(&self.done),
            failed: of(&self.failed),
            late: of(&self.late),
            shed: of(&self.shed),
        }
    }
}

/// What was counted up to one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counted {
    /// Open connections of clients.
    pub connections: u64,
    /// Open WebSockets.
    pub streams: u64,
    /// Requests since the start.
    pub requests: u64,
    /// `Set-Cookie` lines that hubs and servers had no business to send, since the start.
    pub dropped_cookies: u64,
    /// TLS with clients.
    pub handshakes: HandshakesCounted,
}

/// Something that is open; counted down when it is dropped.
#[derive(Debug)]
pub struct Open<'a>(&'a AtomicU64);

/// An open WebSocket; counted down when it is dropped.
#[derive(Debug)]
pub struct Stream<'a> {
    _all: Open<'a>,
    to_hub: Arc<AtomicU64>,
}

impl Drop for Stream<'_> {
    fn drop(&mut self) {
        self.to_hub.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Counts {
    /// A request more.
    pub fn request(&self) {
        self.requests.fetch_add(1, Ordering::Relaxed);
    }

    /// A `Set-Cookie` line that was dropped.
    pub fn dropped_cookie(&self) {
        self.dropped_cookies.fetch_add(1, Ordering::Relaxed);
    }

    /// A connection of a client, as long as the answer lives.
    pub fn connection(&self) -> Open<'_> {
        Open::new(&self.connections)
    }

    /// A WebSocket to `hub`, as long as the answer lives.
    pub fn stream(&self, hub: &HubId) -> Stream<'_> {
        let to_hub = self.of(hub);
        to_hub.fetch_add(1, Ordering::Relaxed);
        Stream { _all: Open::new(&self.streams), to_hub }
    }

    /// Open WebSockets to `hub`.
    #[must_use]
    pub fn streams_to(&self, hub: &HubId) -> u64 {
        self.of(hub).load(Ordering::Relaxed)
    }

    /// Whole entries come under the lock, so a poisoned one is as good as any.
    fn of(&self, hub: &HubId) -> Arc<AtomicU64> {
        let mut by_hub = self.by_hub.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = by_hub.get(hub) {
            return Arc::clone(found);
        }
        Arc::clone(by_hub.entry(hub.clone()).or_default())
    }

    /// What was counted until now.
    #[must_use]
    pub fn now(&self) -> Counted {
        Counted {
            connections: self.connections.load(Ordering::Relaxed),
            streams: self.streams.load(Ordering::Relaxed),
            requests: self.requests.load(Ordering::Relaxed),
            dropped_cookies: self.dropped_cookies.load(Ordering::Relaxed),
            handshakes: self.handshakes.now(),
        }
    }
}

impl<'a> Open<'a> {
    fn new(counter: &'a AtomicU64) -> Self {
        counter.fetch_add(1, Ordering::Relaxed);
        Self(counter)
    }
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
