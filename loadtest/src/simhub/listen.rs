//! A listening socket that can die and come back at the same address.
//!
//! Accepts, serves HTTP/1.1, and breaks connections on demand. What is answered is decided elsewhere.

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

use super::faults::Faults;
use super::wire::Answer;

/// What a broken hub says instead of HTTP.
const GARBAGE: &[u8] = b"\x15\x03\x01\x00\x02\x02\x46 this is not HTTP \xff\xfe\r\n\r\n";

/// Holds an address at which nobody listens: connections are refused, and nobody else's socket gets its port.
pub(crate) fn keep(address: SocketAddr) -> Option<TcpSocket> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }.ok()?;
    // With this a listener may be opened beside it.
    socket.set_reuseaddr(true).ok()?;
    socket.bind(address).ok()?;
    Some(socket)
}

/// An open listener; dropped or closed, it takes its connections along.
pub(crate) struct Listener {
    address: SocketAddr,
    task: JoinHandle<()>,
}

impl Listener {
    /// Listens at `address` and answers each request with `answer`.
    pub(crate) async fn open<A, F>(
        address: SocketAddr,
        faults: watch::Receiver<Faults>,
        answer: A,
    ) -> io::Result<Listener>
    where
        A: Fn(Request<Incoming>, SocketAddr) -> F + Send + Sync + 'static,
        F: Future<Output = Answer> + Send + 'static,
    {
        let socket = TcpListener::bind(address).await?;
        let address = socket.local_addr()?;
        let task = tokio::spawn(accept(socket, faults, Arc::new(answer)));
        Ok(Listener { address, task })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Closes the socket and cuts every connection; afterwards new ones are refused.
    pub(crate) async fn close(mut self) {
        self.task.abort();
        // ends with "cancelled", which is what was asked for
        let _ = (&mut self.task).await;
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn accept<A, F>(socket: TcpListener, faults: watch::Receiver<Faults>, answer: Arc<A>)
where
    A: Fn(Request<Incoming>, SocketAddr) -> F + Send + Sync + 'static,
    F: Future<Output = Answer> + Send + 'static,
{
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            accepted = socket.accept() => accepted,
            Some(_) = connections.join_next() => continue,
        };
        // out of descriptors or a client that left at once: the next one may work
        let Ok((stream, peer)) = accepted else { continue };
        connections.spawn(serve(stream, peer, faults.clone(), Arc::clone(&answer)));
    }
}

async fn serve<A, F>(
    mut stream: TcpStream,
    peer: SocketAddr,
    mut faults: watch::Receiver<Faults>,
    answer: Arc<A>,
) where
    A: Fn(Request<Incoming>, SocketAddr) -> F + Send + Sync + 'static,
    F: Future<Output = Answer> + Send + 'static,
{
    // small answers must not wait for the peer's acknowledgement
    let _ = stream.set_nodelay(true);
    if faults.borrow().garbage {
        let mut ignored = [0; 4096];
        let _ = stream.read(&mut ignored).await;
        let _ = stream.write_all(GARBAGE).await;
        let _ = stream.shutdown().await;
        return;
    }
    let service = service_fn(move |request| {
        let answer = answer(request, peer);
        async move { Ok::<_, Infallible>(answer.await) }
    });
    let connection = http1::Builder::new()
        .half_close(true)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    tokio::select! {
        // the client left or broke HTTP: nothing to tell anybody
        _ = connection => {}
        _ = faults.wait_for(|faults| faults.garbage) => {}
    }
}
