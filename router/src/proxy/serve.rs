//! One client connection from its accept to its end: TLS if the door has it, then HTTP/1.1, or HTTP/2 (`http2`).
//!
//! The same code serves both, made twice by the compiler: plain connections pay nothing for those with TLS.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;

use hubrouter_config::Scheme;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tracing::debug;

use super::connection::Connection;
use super::door::Manner;
use super::http2;
use super::strict::{Guarded, Patience};
use super::worker::{Begun, Worker};

/// hyper refuses heads above this by itself; below it the router answers with a page that helps.
pub(super) const HARD_HEAD_BYTES: usize = 128 * 1024;

impl Worker {
    /// Serves who has just been accepted, in the manner of the door.
    pub(super) async fn connection(
        self: Rc<Self>,
        stream: TcpStream,
        peer: SocketAddr,
        manner: Manner,
        _begun: Begun,
    ) {
        // The guard borrows from what all threads share, and `self` goes on.
        let shared = Arc::clone(&self.shared);
        let _counted = shared.counts.connection();
        if stream.set_nodelay(true).is_err() {
            return;
        }
        match manner {
            Manner::Plain { h2c } => {
                self.clear(stream, Connection::new(&self, peer, Scheme::Http, None), h2c).await;
            }
            Manner::Redirect { to, h2c } => {
                self.clear(stream, Connection::new(&self, peer, Scheme::Http, Some(to)), h2c).await;
            }
            // Boxed, so that plain connections do not carry its size.
            Manner::Tls(config) => Box::pin(self.tls(stream, peer, config)).await,
        }
    }

    async fn tls(self: Rc<Self>, stream: TcpStream, peer: SocketAddr, config: Arc<ServerConfig>) {
        // Every protocol that is offered to clients is served like this one (`control/certificates`, `PROTOCOLS`).
        let agreed = tokio::select! {
            agreed = self.handshakes.accept(stream, config, &self.shared.counts) => agreed,
            // Who says nothing keeps no router from ending.
            () = self.time_to_agree() => return,
        };
        match agreed {
            Ok(stream) => {
                let connection = Connection::new(&self, peer, Scheme::Https, None);
                if stream.get_ref().1.alpn_protocol() == Some(http2::ALPN) {
                    self.http2(stream, connection).await;
                } else {
                    self.http(stream, connection).await;
                }
            }
            Err(error) => debug!(%peer, %error, "a client did not agree on TLS"),
        }
    }

    /// In clear; with `h2c` the client may begin with HTTP/2.
    async fn clear(&self, stream: TcpStream, connection: Connection, h2c: bool) {
        if !h2c {
            return self.http(stream, connection).await;
        }
        let idle = self.live().snapshot.config.timeouts.idle;
        let announced = tokio::select! {
            announced = tokio::time::timeout(idle, http2::announced(&stream)) => announced,
            () = self.time_to_agree() => return,
        };
        match announced {
            Ok(true) => Box::pin(self.http2(stream, connection)).await,
            Ok(false) => self.http(stream, connection).await,
            // It said nothing, or not enough.
            Err(_) => {}
        }
    }

    /// HTTP/1.1 until the client is done, or the router is.
    async fn http<S>(&self, stream: S, connection: Connection)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let live = self.live();
        let connection = Rc::new(connection);
        let (asked, peer) = (Rc::clone(&connection), connection.peer.address);
        let service = service_fn(move |request| {
            let connection = Rc::clone(&connection);
            async move { Ok::<_, Infallible>(connection.answer(request).await) }
        });
        let (limits, timeouts) = (&live.snapshot.config.limits, &live.snapshot.config.timeouts);
        let patience = Patience { head: timeouts.request_head, body: timeouts.body_progress };
        let serving = http1::Builder::new()
            .timer(TokioTimer::new())
            // hyper counts the silence between requests, too: clients' keep-alive is the longer of the two.
            .header_read_timeout(timeouts.idle)
            .max_buf_size(HARD_HEAD_BYTES)
            .max_headers(usize::try_from(limits.request_headers).unwrap_or(usize::MAX))
            .serve_connection(TokioIo::new(Guarded::client(stream, patience)), service)
            .with_upgrades();
        let mut serving = std::pin::pin!(serving);
        let ended = tokio::select! {
            ended = serving.as_mut() => ended,
            () = self.time_to_go(&asked) => {
                serving.as_mut().graceful_shutdown();
                serving.await
            }
        };
        if let Err(error) = ended {
            debug!(%peer, %error, "a client connection ended");
        }
    }
}
