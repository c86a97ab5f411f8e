//! HTTP/2 from clients (RFC 9113): one connection with its limits, from the first word to the last.
//!
//! A request is translated (`request`) and then takes the same way as one of HTTP/1.1. Streams are tasks of the thread, looked
//! after by `streams`; `guard` ends a connection whose frames carry nothing; `socket` is the client's end of a WebSocket
//! (RFC 8441). Towards hubs the router speaks HTTP/1.1 only.

mod guard;
mod request;
mod socket;
mod streams;

use std::convert::Infallible;
use std::rc::Rc;
use std::time::Duration;

use http::{Request, Response};
use hubrouter_config::Config;
use hyper::body::Incoming;
use hyper::server::conn::http2::Builder;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tracing::debug;

use super::connection::Connection;
use super::reply;
use super::serve::HARD_HEAD_BYTES;
use super::worker::Worker;
use guard::{Guard, Heard};
pub use socket::Streamed;
use streams::{Delivered, Local, Streams};

/// The name of the protocol in ALPN (RFC 9113 3.2).
pub const ALPN: &[u8] = b"h2";
/// What a client says first (RFC 9113 3.4).
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// Between two looks at a preface that comes in pieces.
const A_MOMENT: Duration = Duration::from_millis(10);

/// Requests and WebSockets at once on one connection. A browser puts all of a site's tabs on one, and each kernel and terminal
/// holds a stream for as long as its tab is open.
const STREAMS: u32 = 256;
/// How much of one body may lie here while its hub does not take it, in bytes.
const STREAM_WINDOW: u32 = 512 * 1024;
/// The same for all bodies of a connection: one hub that takes nothing leaves half of it to the others.
const CONNECTION_WINDOW: u32 = 1024 * 1024;
/// How much of one answer may lie here while the client does not take it, in bytes.
const SEND_BUFFER: usize = 128 * 1024;
/// The smallest that the protocol allows: larger frames would only make others wait.
const FRAME: u32 = 16 * 1024;
/// What the client may let the router remember of its fields, in bytes (RFC 7541 4.2).
const FIELD_TABLE: u32 = 4096;
/// Streams that were reset by the client before the router had looked at them (CVE-2023-44487): with more the connection ends.
const RESET_UNSEEN: usize = 20;
/// Streams that the router had to reset for what the client sent on them (CVE-2025-8671), over the whole life of a connection:
/// with more it ends.
const RESET_BY_US: usize = 1000;
/// How often in `timeouts.idle` a client is asked whether it is still there.
const ASKED: u32 = 3;
/// How long the client may take to let a connection go on which nothing is asked.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// Whether a client in clear begins with HTTP/2 ("prior knowledge", RFC 9113 3.3). It waits until that is certain.
pub async fn announced(stream: &TcpStream) -> bool {
    let mut seen = [0; PREFACE.len()];
    loop {
        match stream.peek(&mut seen).await {
            Ok(count) if count > 0 && PREFACE.starts_with(&seen[..count]) => {
                if count == PREFACE.len() {
                    return true;
                }
            }
            _ => return false,
        }
        tokio::time::sleep(A_MOMENT).await;
    }
}

/// How long a client may say nothing at all, not even that it is there: longer than a connection may be idle, so that those end in peace.
fn silence(config: &Config) -> Duration {
    config.timeouts.idle + config.timeouts.idle / ASKED
}

fn builder(config: &Config, streams: &Rc<Streams>) -> Builder<Local> {
    // Who is asked three times and says nothing is gone (`silence`). The library would not count that anything else was heard, and
    // on a slow line an answer to a ping waits behind what is downloaded: so it gets time.
    let asked_every = config.timeouts.idle / ASKED;
    let answered_within = config.timeouts.idle * ASKED;
    let mut builder = Builder::new(Local::new(streams));
    builder
        .timer(TokioTimer::new())
        .adaptive_window(false)
        .max_concurrent_streams(STREAMS)
        // As in HTTP/1.1: below it the router answers with a page that helps.
        .max_header_list_size(u32::try_from(HARD_HEAD_BYTES).unwrap_or(u32::MAX))
        .header_table_size(FIELD_TABLE)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_frame_size(FRAME)
        .max_send_buf_size(SEND_BUFFER)
        .max_pending_accept_reset_streams(RESET_UNSEEN)
        .max_local_error_reset_streams(RESET_BY_US)
        .keep_alive_interval(asked_every)
        .keep_alive_timeout(answered_within)
        .enable_connect_protocol();
    builder
}

impl Worker {
    /// HTTP/2 until the client is done, or the router is.
    pub(super) async fn http2<S>(&self, stream: S, connection: Connection)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let live = self.live();
        let config = &live.snapshot.config;
        let (idle, stalled) = (config.timeouts.idle, config.timeouts.stream_idle);
        let (streams, heard) = (Rc::new(Streams::default()), Rc::new(Heard::default()));
        let connection = Rc::new(connection);
        let (asked, peer, looked_after) =
            (Rc::clone(&connection), connection.peer.address, Rc::clone(&streams));
        let service = service_fn(move |request| {
            let (connection, delivery) = (Rc::clone(&connection), streams.announce());
            async move {
                Ok::<_, Infallible>(
                    answer(&connection, request).await.map(|body| Delivered::new(body, delivery)),
                )
            }
        });
        let io = TokioIo::new(Guard::new(stream, &heard));
        let mut serving = std::pin::pin!(builder(config, &looked_after).serve_connection(io, service));
        let course = async {
            let ended = tokio::select! {
                ended = serving.as_mut() => return ended,
                () = self.time_to_go(&asked) => "the router stops",
                () = looked_after.quiet_for(idle) => "nothing was asked",
            };
            debug!(%peer, why = ended, "a client is told that its connection ends");
            looked_after.now_quiet();
            serving.as_mut().graceful_shutdown();
            tokio::select! {
                ended = serving.as_mut() => ended,
                () = looked_after.quiet_for(LAST_WORDS) => Ok(()),
            }
        };
        let ended = tokio::select! {
            ended = course => ended,
            () = heard.nothing_for(silence(config)) => Ok(()),
            never = looked_after.give_up_stalled(stalled) => match never {},
        };
        if let Err(error) = ended {
            debug!(%peer, %error, "a client connection ended");
        }
    }
}

/// One request, as if it had come by HTTP/1.1; its answer, as HTTP/2 wants it.
async fn answer(connection: &Connection, request: Request<Incoming>) -> Response<super::body::ToClient> {
    let allowed = connection.worker.live().snapshot.config.limits.request_headers;
    match request::translated(request, allowed) {
        Ok((request, asked)) => request::translated_back(connection.answer(request).await, asked),
        Err(status) => reply::empty(status),
    }
}
