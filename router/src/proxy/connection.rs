//! One client connection: who is at the other end, and what requests on it have in common.

use std::cell::Cell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;

use http::{Request, Response};
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
    /// Where every request on it is sent on to; none: it is answered.
    pub redirect: Option<Arc<Redirect>>,
    asked: Cell<bool>,
}

impl Connection {
    /// A connection from `peer`, over TLS if `scheme` is https.
    pub fn new(
        worker: &Rc<Worker>,
        peer: SocketAddr,
        scheme: Scheme,
        redirect: Option<Arc<Redirect>>,
    ) -> Self {
        let peer = Peer::new(peer, scheme, &worker.live().snapshot.config);
        Self { worker: Rc::clone(worker), peer, redirect, asked: Cell::new(false) }
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
