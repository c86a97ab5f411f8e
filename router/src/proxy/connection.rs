//! One client connection: who is at the other end, and what requests on it have in common.

use std::cell::Cell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;

use http::{HeaderMap, Request, Response};
use hubrouter_config::Scheme;
use hyper::body::Incoming;

use super::body::ToClient;
use super::exchange;
use super::peer::Peer;
use super::redirect::Redirect;
use super::worker::Worker;

/// One client connection of a thread.
pub struct Connection {
    /// The thread.
    pub worker: Rc<Worker>,
    /// The far end.
    pub peer: Peer,
    redirect: Option<Arc<Redirect>>,
    asked: Cell<bool>,
}

impl Connection {
    /// A connection from `peer`, over TLS if `scheme` is https; with `redirect`, requests in clear are sent on to there.
    pub fn new(
        worker: &Rc<Worker>,
        peer: SocketAddr,
        scheme: Scheme,
        redirect: Option<Arc<Redirect>>,
    ) -> Self {
        let peer = Peer::new(peer, scheme, &worker.live().snapshot.config);
        Self { worker: Rc::clone(worker), peer, redirect, asked: Cell::new(false) }
    }

    /// Where a request with these fields is sent on to; none: it is answered. What a trusted proxy took over https is where
    /// it should be.
    pub fn redirect(&self, fields: &HeaderMap) -> Option<&Redirect> {
        self.redirect.as_deref().filter(|_| !self.peer.is_https(fields))
    }

    /// Answers one request.
    pub async fn answer(&self, request: Request<Incoming>) -> Response<ToClient> {
        self.asked.set(true);
        exchange::answer(self, request).await
    }

    /// Whether a request came on it so far.
    pub fn was_asked(&self) -> bool {
        self.asked.get()
    }
}
