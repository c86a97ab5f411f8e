//! Serves the operator's door over HTTP/1.1: few connections, small requests, short lives.

use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tracing::{debug, warn};

use super::AdminView;
use super::answer::Door;

/// Most connections at a time; more wait in the listener's queue.
const CONNECTIONS: usize = 64;
const HEAD_BYTES: usize = 16 * 1024;
const HEADERS: usize = 64;
/// How long a request's head may take, idle time on a kept connection included.
const HEAD_WITHIN: Duration = Duration::from_secs(10);
/// How long a connection lives, an answer that is being made aside: longer ones would only be kept by somebody who does not
/// read.
const LIFETIME: Duration = Duration::from_secs(60);
/// How long a connection that should end may finish its answer.
const FAREWELL: Duration = Duration::from_secs(2);
/// Pause after a failed accept, most likely for want of descriptors.
const PAUSE: Duration = Duration::from_millis(100);

/// Answers on `listener` until `stop` is over, and then until the last answer is out, for 2 s at most.
///
/// Must be called inside a tokio runtime.
pub async fn serve(listener: TcpListener, view: Arc<dyn AdminView>, stop: impl Future<Output = ()>) {
    serve_for(LIFETIME, listener, view, stop).await;
}

pub(super) async fn serve_for(
    lifetime: Duration,
    listener: TcpListener,
    view: Arc<dyn AdminView>,
    stop: impl Future<Output = ()>,
) {
    let mut stop = pin!(stop);
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    let (ending, told) = watch::channel(false);
    let door = Arc::new(Door::new(view, told));
    let mut connections = JoinSet::new();
    loop {
        let next = async {
            let place = Arc::clone(&places).acquire_owned().await;
            (place, listener.accept().await)
        };
        let (place, accepted) = tokio::select! {
            () = &mut stop => break,
            next = next => next,
            Some(_) = connections.join_next(), if !connections.is_empty() => continue,
        };
        match accepted {
            Ok((stream, peer)) => {
                let door = Arc::clone(&door);
                let ending = ending.subscribe();
                connections.spawn(async move {
                    let _place = place;
                    connection(stream, peer, door, lifetime, ending).await;
                });
            }
            Err(error) => {
                warn!(error = %error, "the admin listener cannot accept: {error}");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
    drop(listener);
    ending.send_replace(true);
    while connections.join_next().await.is_some() {}
}

async fn connection(
    stream: TcpStream,
    peer: SocketAddr,
    door: Arc<Door>,
    lifetime: Duration,
    mut ending: watch::Receiver<bool>,
) {
    let (busy, mut idle) = watch::channel(false);
    let busy = Arc::new(busy);
    let service = service_fn(move |request: http::Request<Incoming>| {
        let (door, from) = (Arc::clone(&door), peer.ip().to_canonical());
        let busy = Arc::clone(&busy);
        async move {
            busy.send_replace(true);
            let answer = door.answer(request, from, Instant::now()).await;
            busy.send_replace(false);
            Ok::<_, Infallible>(answer)
        }
    });
    let mut served = pin!(
        http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD_WITHIN)
            .max_buf_size(HEAD_BYTES)
            .max_headers(HEADERS)
            .serve_connection(TokioIo::new(stream), service)
    );
    let finished = tokio::select! {
        finished = &mut served => Some(finished),
        () = tokio::time::sleep(lifetime) => None,
        _ = ending.wait_for(|ending| *ending) => None,
    };
    let finished = match finished {
        Some(finished) => finished,
        None => {
            served.as_mut().graceful_shutdown();
            // Waiting for events and carrying out an order have limits of their own.
            let answered = async {
                tokio::select! {
                    _ = idle.wait_for(|busy| !*busy) => {}
                    _ = ending.wait_for(|ending| *ending) => {}
                }
                // Whoever has not read its answer by then does not want it.
                tokio::time::sleep(FAREWELL).await;
            };
            tokio::select! {
                finished = served => finished,
                () = answered => Ok(()),
            }
        }
    };
    if let Err(error) = finished {
        debug!(client.address = %peer, error = %error, "an admin connection ended early: {error}");
    }
}
