//! One public listener: where it is, and how it is spoken to at the moment.
//!
//! All threads share it. A reload changes the manner: connections that were accepted before keep theirs.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use arc_swap::ArcSwap;
use rustls::ServerConfig;

use super::redirect::Redirect;

/// A public listener.
#[derive(Debug)]
pub struct Door {
    /// Where it listens, with the port that was given for port 0.
    pub bound: SocketAddr,
    manner: ArcSwap<Manner>,
    announced: AtomicBool,
}

/// How a listener is spoken to.
#[derive(Clone, Debug)]
pub enum Manner {
    /// HTTP; HTTP/2 too, where the client begins with it and `h2c` allows it.
    Plain {
        /// `listen[].h2c`.
        h2c: bool,
    },
    /// The same, and every request is sent on to https.
    Redirect {
        /// To where.
        to: Arc<Redirect>,
        /// `listen[].h2c`.
        h2c: bool,
    },
    /// HTTP/1.1 or HTTP/2 over TLS with these certificates.
    Tls(Arc<ServerConfig>),
}

impl Door {
    /// A door at an address.
    #[must_use]
    pub fn new(bound: SocketAddr, manner: Manner) -> Self {
        Self { bound, manner: ArcSwap::from_pointee(manner), announced: AtomicBool::new(false) }
    }

    /// How to speak to who comes now.
    #[must_use]
    pub fn manner(&self) -> Manner {
        Manner::clone(&self.manner.load())
    }

    /// Whether a load balancer announces each client: `proxy_protocol`.
    #[must_use]
    pub fn is_announced(&self) -> bool {
        self.announced.load(Ordering::Relaxed)
    }

    /// From now on clients are announced here, or are not.
    pub fn announce(&self, announced: bool) {
        self.announced.store(announced, Ordering::Relaxed);
    }

    /// From now on it is spoken to like this.
    pub fn change(&self, manner: Manner) {
        self.manner.store(Arc::new(manner));
    }
}
