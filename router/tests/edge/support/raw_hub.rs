//! A hub that says what a test tells it to say: the test itself stands at its end of each connection.
//!
//! Probes are answered by itself, so that the router takes it for a healthy hub; they are not shown to the test.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

use super::wire::{PATIENCE, Wire};
use super::{Site, Sketch};

/// A listening socket whose connections are the test's.
pub struct RawHub {
    pub address: SocketAddr,
    arrived: mpsc::UnboundedReceiver<AtHub>,
    counts: Arc<Counts>,
    task: tokio::task::JoinHandle<()>,
}

#[derive(Default)]
struct Counts {
    connections: AtomicUsize,
    probes: AtomicUsize,
    probes_take_ms: AtomicU64,
}

/// The hub's end of a connection of the router, with the head of the first request on it.
pub struct AtHub {
    pub head: String,
    pub wire: Wire,
}

impl RawHub {
    pub async fn start() -> Self {
        Self::start_at("127.0.0.1:0".parse().unwrap()).await
    }

    pub async fn start_at(address: SocketAddr) -> Self {
        Self::start_with(address, None).await
    }

    /// One that speaks TLS.
    pub async fn with_tls(config: rustls::ServerConfig) -> Self {
        Self::start_with("127.0.0.1:0".parse().unwrap(), Some(Arc::new(config).into())).await
    }

    async fn start_with(address: SocketAddr, tls: Option<TlsAcceptor>) -> Self {
        let socket = TcpListener::bind(address).await.unwrap();
        let address = socket.local_addr().unwrap();
        let (arrives, arrived) = mpsc::unbounded_channel();
        let counts = Arc::new(Counts::default());
        let task = tokio::spawn(accept(socket, tls, arrives, Arc::clone(&counts)));
        Self { address, arrived, counts, task }
    }

    /// The next connection that brings a request.
    pub async fn request(&mut self) -> AtHub {
        timeout(PATIENCE, self.arrived.recv()).await.expect("a request arrives").unwrap()
    }

    /// How many connections brought a request so far.
    pub fn connections(&self) -> usize {
        self.counts.connections.load(Ordering::SeqCst)
    }

    /// From now on probes are answered so much later.
    pub fn probes_take(&self, time: Duration) {
        let millis = u64::try_from(time.as_millis()).unwrap();
        self.counts.probes_take_ms.store(millis, Ordering::SeqCst);
    }

    /// How often it was probed so far, both planes together.
    pub fn probes(&self) -> usize {
        self.counts.probes.load(Ordering::SeqCst)
    }
}

/// A GET without anything special.
pub fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: site\r\n\r\n")
}

/// A request on its way: the client's end and the hub's.
pub async fn sent(request: &str) -> (RawHub, Site, Wire, AtHub) {
    let mut hub = RawHub::start().await;
    let site = Sketch::with_raw_hub(&hub).start().await;
    let mut client = site.wire().await;
    client.say(request).await;
    let at_hub = hub.request().await;
    (hub, site, client, at_hub)
}

impl Drop for RawHub {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl AtHub {
    /// The next request on the same connection.
    pub async fn next_request(&mut self) {
        self.head = self.wire.next_head().await.expect("another request on this connection");
    }

    /// An answer in one piece with its length.
    pub async fn answer(&mut self, body: &str) {
        self.wire.say(format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len())).await;
    }
}

async fn accept(
    socket: TcpListener,
    tls: Option<TlsAcceptor>,
    arrives: mpsc::UnboundedSender<AtHub>,
    counts: Arc<Counts>,
) {
    loop {
        let Ok((stream, _)) = socket.accept().await else { continue };
        let (tls, arrives, counts) = (tls.clone(), arrives.clone(), Arc::clone(&counts));
        tokio::spawn(async move {
            if let Some(wire) = wire(stream, tls).await {
                sort(wire, arrives, counts).await;
            }
        });
    }
}

async fn wire(stream: TcpStream, tls: Option<TlsAcceptor>) -> Option<Wire> {
    match tls {
        None => Some(Wire::new(stream)),
        Some(tls) => tls.accept(stream).await.ok().map(Wire::secured),
    }
}

async fn sort(mut wire: Wire, arrives: mpsc::UnboundedSender<AtHub>, counts: Arc<Counts>) {
    let Some(head) = wire.next_head().await else { return };
    if head.starts_with("GET /_chp_healthz ") || head.starts_with("GET /hub/health ") {
        counts.probes.fetch_add(1, Ordering::SeqCst);
        tokio::time::sleep(Duration::from_millis(counts.probes_take_ms.load(Ordering::SeqCst))).await;
        wire.say("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").await;
        return;
    }
    counts.connections.fetch_add(1, Ordering::SeqCst);
    // The test may be over.
    let _ = arrives.send(AtHub { head, wire });
}
