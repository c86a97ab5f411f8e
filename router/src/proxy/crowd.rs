//! How many connections of clients there may be, in total and from one address.
//!
//! At the limit a newcomer is told 503 and let go at once, and those who are inside go on. Whoever waits for the end of its goodbye
//! is bounded, too: the descriptors are what the limit protects.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use hubrouter_config::Limits;
use tokio::net::TcpStream;

use super::door::Manner;
use super::farewell;
use super::worker::{Begun, Worker};
use crate::core::client::one_client;

/// Left for hubs, the directory, the admin listener, files.
const KEPT_BACK: u64 = 256;
/// What a client costs: its own connection, and one to its hub.
const EACH: u64 = 2;
/// How many of those who were turned away are seen to the door.
const AT_THE_DOOR: u64 = 64;

const FULL: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/plain; charset=utf-8\r\nCache-Control: no-store\r\n\
    Retry-After: 5\r\nContent-Length: 53\r\nConnection: close\r\n\r\nThis site has too many connections. Come back later.\n";

/// The clients of one process.
#[derive(Debug)]
pub struct Crowd {
    /// As many as the descriptors allow.
    most: u64,
    inside: AtomicU64,
    turned_away: AtomicU64,
    leaving: AtomicU64,
    /// Only where each client has a limit.
    by_client: Mutex<HashMap<IpAddr, u64>>,
}

/// A client inside; counted out when dropped.
#[derive(Debug)]
pub struct Inside<'a> {
    crowd: &'a Crowd,
    client: Option<IpAddr>,
}

impl Crowd {
    /// Nobody yet, and room for as many as the descriptors of this process allow.
    #[must_use]
    pub fn new() -> Self {
        let descriptors = rlimit::Resource::NOFILE.get_soft().unwrap_or(1024);
        Self::with_room_for(descriptors.saturating_sub(KEPT_BACK).max(EACH) / EACH)
    }

    fn with_room_for(most: u64) -> Self {
        let zero = AtomicU64::default;
        Self { most, inside: zero(), turned_away: zero(), leaving: zero(), by_client: Mutex::default() }
    }

    /// One more from `address`; nothing, where there is no room.
    pub fn enter(&self, address: IpAddr, limits: &Limits) -> Option<Inside<'_>> {
        let most = if limits.connections == 0 { self.most } else { limits.connections };
        let before = self.inside.fetch_add(1, Ordering::Relaxed);
        // Counted out again by its drop, whatever follows.
        let mut inside = Inside { crowd: self, client: None };
        let fits = before < most
            && (limits.connections_per_client == 0 || {
                let client = one_client(address);
                let mut by_client = self.by_client.lock().unwrap_or_else(PoisonError::into_inner);
                let count = by_client.entry(client).or_default();
                let fits = *count < limits.connections_per_client;
                if fits {
                    *count += 1;
                    inside.client = Some(client);
                }
                fits
            });
        if !fits {
            self.turned_away.fetch_add(1, Ordering::Relaxed);
        }
        fits.then_some(inside)
    }

    /// How many were turned away since the start.
    #[must_use]
    pub fn turned_away(&self) -> u64 {
        self.turned_away.load(Ordering::Relaxed)
    }

    async fn see_off(&self, stream: TcpStream) {
        let before = self.leaving.fetch_add(1, Ordering::Relaxed);
        if before < AT_THE_DOOR {
            farewell::say(stream, FULL).await;
        } else {
            let _ = stream.try_write(FULL);
        }
        self.leaving.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Default for Crowd {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Inside<'_> {
    fn drop(&mut self) {
        self.crowd.inside.fetch_sub(1, Ordering::Relaxed);
        let Some(client) = self.client else { return };
        let mut by_client = self.crowd.by_client.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = by_client.get_mut(&client) {
            *count -= 1;
            if *count == 0 {
                by_client.remove(&client);
            }
        }
    }
}

impl Worker {
    /// Serves a client if there is room for it.
    pub(super) async fn admit(
        self: Rc<Self>,
        stream: TcpStream,
        peer: SocketAddr,
        manner: Manner,
        begun: Begun,
    ) {
        let shared = Arc::clone(&self.shared);
        let entered = shared.crowd.enter(peer.ip(), &self.live().snapshot.config.limits);
        match (entered, manner) {
            (Some(_inside), manner) => self.connection(stream, peer, manner, begun).await,
            // A handshake costs more than the client is worth now.
            (None, Manner::Tls(_)) => {}
            (None, Manner::Plain { .. } | Manner::Redirect { .. }) => shared.crowd.see_off(stream).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits(connections: u64, connections_per_client: u64) -> Limits {
        Limits { connections, connections_per_client, ..Limits::default() }
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn what_is_said_to_whom_is_turned_away_is_as_long_as_it_says() {
        let text = std::str::from_utf8(FULL).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(head.contains(&format!("Content-Length: {}\r\n", body.len())), "{}", body.len());
    }

    #[test]
    fn there_is_room_again_when_somebody_leaves() {
        let crowd = Crowd::with_room_for(2);
        let all = limits(0, 0);
        let first = crowd.enter(ip("192.0.2.1"), &all);
        let _second = crowd.enter(ip("192.0.2.1"), &all).expect("room for two");
        assert!(first.is_some() && crowd.enter(ip("192.0.2.2"), &all).is_none());
        drop(first);
        assert!(crowd.enter(ip("192.0.2.2"), &all).is_some());
        assert!(crowd.enter(ip("192.0.2.2"), &limits(1, 0)).is_none(), "a limit that was set decides");
        assert_eq!(crowd.turned_away(), 2);
    }

    #[test]
    fn each_client_has_its_share_and_nothing_is_kept_of_those_who_left() {
        let crowd = Crowd::with_room_for(100);
        let each = limits(0, 2);
        let mine: Vec<_> = (0..2).map(|_| crowd.enter(ip("192.0.2.1"), &each).expect("room")).collect();
        assert!(crowd.enter(ip("192.0.2.1"), &each).is_none());
        assert!(crowd.enter(ip("::ffff:192.0.2.1"), &each).is_none());
        assert!(crowd.enter(ip("192.0.2.2"), &each).is_some());
        drop(mine);
        assert!(crowd.by_client.lock().unwrap().is_empty());
        assert_eq!(crowd.inside.load(Ordering::Relaxed), 0);
    }
}
