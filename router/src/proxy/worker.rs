//! One thread of the fast path: its accept sockets, its connections, its pools.
//!
//! Threads share the live picture and nothing that is locked on the way of a request.

use std::cell::{Cell, RefCell};
use std::convert::Infallible;
use std::net::{SocketAddr, TcpListener};
use std::rc::Rc;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpStream;
use tokio::sync::{Notify, mpsc, watch};
use tokio::task::LocalSet;
use tracing::{debug, warn};

use super::connection::Connection;
use super::pool::Pools;
use super::shared::Shared;
use crate::control::live::Live;

/// hyper refuses heads above this by itself; below it the router answers with a page that helps (D5).
const HARD_HEAD_BYTES: usize = 128 * 1024;
/// After an accept that failed for lack of descriptors, so that the thread does not spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// How often idle connections to hubs are looked over.
const SWEEP: Duration = Duration::from_secs(1);

/// What the controller tells a thread.
#[derive(Debug)]
pub enum Order {
    /// Accept on this socket.
    Listen(SocketAddr, TcpListener),
    /// Close the socket of this address; its connections go on.
    Unlisten(SocketAddr),
    /// Accept no more, finish what was begun, end.
    Stop,
}

/// The handle of a running thread.
#[derive(Debug)]
pub struct Handle {
    /// Takes orders.
    pub orders: mpsc::UnboundedSender<Order>,
    /// Ends when everything it served has ended.
    pub thread: JoinHandle<()>,
}

/// The state of one thread.
pub struct Worker {
    /// What all threads share.
    pub shared: Arc<Shared>,
    /// Connections to hubs.
    pub pools: Pools,
    #[expect(
        clippy::redundant_allocation,
        reason = "threads count in the inner one seldom, requests in the outer one"
    )]
    live: RefCell<Rc<Arc<Live>>>,
    open: Cell<usize>,
    emptied: Notify,
    stopping: watch::Sender<bool>,
}

/// Starts thread number `number`.
///
/// # Errors
///
/// The operating system gives no thread.
pub fn start(number: usize, shared: Arc<Shared>) -> std::io::Result<Handle> {
    let (orders, receiver) = mpsc::unbounded_channel();
    let thread =
        std::thread::Builder::new().name(format!("proxy-{number}")).spawn(move || run(shared, receiver))?;
    Ok(Handle { orders, thread })
}

fn run(shared: Arc<Shared>, orders: mpsc::UnboundedReceiver<Order>) {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            tracing::error!(%error, "a proxy thread has no runtime and ends");
            return;
        }
    };
    LocalSet::new().block_on(&runtime, Worker::new(shared).obey(orders));
}

impl Worker {
    fn new(shared: Arc<Shared>) -> Rc<Self> {
        let live = RefCell::new(Rc::new(shared.live.load_full()));
        let pools = Pools::new(shared.resolver.clone());
        let stopping = watch::Sender::new(false);
        Rc::new(Self { shared, pools, live, open: Cell::new(0), emptied: Notify::new(), stopping })
    }

    /// The picture of now. A request keeps what it got; threads count references without touching each other.
    pub fn live(&self) -> Rc<Arc<Live>> {
        let current = self.shared.live.load();
        if !Arc::ptr_eq(&current, &self.live.borrow()) {
            *self.live.borrow_mut() = Rc::new(Arc::clone(&current));
        }
        Rc::clone(&self.live.borrow())
    }

    /// Counts something that has to end before the thread may; dropped at its end.
    pub fn begin(self: &Rc<Self>) -> Begun {
        self.open.set(self.open.get() + 1);
        Begun(Rc::clone(self))
    }

    async fn obey(self: Rc<Self>, mut orders: mpsc::UnboundedReceiver<Order>) {
        let sweeper = tokio::task::spawn_local(Rc::clone(&self).sweep());
        let mut sockets: Vec<(SocketAddr, tokio::task::JoinHandle<()>)> = Vec::new();
        while let Some(order) = orders.recv().await {
            match order {
                Order::Listen(address, socket) => {
                    sockets.push((address, tokio::task::spawn_local(Rc::clone(&self).accept(socket))));
                }
                Order::Unlisten(address) => {
                    sockets.retain(|(open, task)| {
                        let stays = *open != address;
                        if !stays {
                            task.abort();
                        }
                        stays
                    });
                }
                Order::Stop => break,
            }
        }
        for (_, task) in &sockets {
            task.abort();
        }
        self.wind_down().await;
        sweeper.abort();
    }

    /// Finishes requests at once and lets WebSockets live for `timeouts.shutdown`.
    async fn wind_down(&self) {
        self.stopping.send_replace(true);
        let patience = self.live().snapshot.config.timeouts.shutdown;
        let emptied = async {
            while self.open.get() > 0 {
                self.emptied.notified().await;
            }
        };
        if tokio::time::timeout(patience, emptied).await.is_err() {
            warn!(open = self.open.get(), "connections are cut: they did not end within timeouts.shutdown");
        }
    }

    async fn sweep(self: Rc<Self>) {
        let mut every = tokio::time::interval(SWEEP);
        loop {
            every.tick().await;
            let live = self.live();
            let idle = live.snapshot.config.timeouts.hub_idle;
            self.pools.sweep(idle, |id| live.snapshot.find(id).is_some());
        }
    }

    async fn accept(self: Rc<Self>, socket: TcpListener) {
        let listener = match tokio::net::TcpListener::from_std(socket) {
            Ok(listener) => listener,
            Err(error) => {
                tracing::error!(%error, "a listening socket cannot be used");
                return;
            }
        };
        loop {
            match listener.accept().await {
                Ok((stream, peer)) => {
                    tokio::task::spawn_local(Rc::clone(&self).connection(stream, peer));
                }
                // The client is gone again; the socket is fine.
                Err(error) if error.kind() == std::io::ErrorKind::ConnectionAborted => {}
                Err(error) => {
                    warn!(%error, "no connection can be accepted, pausing");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }

    async fn connection(self: Rc<Self>, stream: TcpStream, peer: SocketAddr) {
        let _begun = self.begin();
        let _counted = self.shared.counts.connection();
        if stream.set_nodelay(true).is_err() {
            return;
        }
        let live = self.live();
        let connection = Rc::new(Connection::new(Rc::clone(&self), peer));
        let service = service_fn(move |request| {
            let connection = Rc::clone(&connection);
            async move { Ok::<_, Infallible>(connection.answer(request).await) }
        });
        let limits = &live.snapshot.config.limits;
        let serving = http1::Builder::new()
            .timer(TokioTimer::new())
            // hyper counts the silence between requests, too: clients' keep-alive is the longer of the two.
            .header_read_timeout(live.snapshot.config.timeouts.idle)
            .max_buf_size(HARD_HEAD_BYTES)
            .max_headers(usize::try_from(limits.request_headers).unwrap_or(usize::MAX))
            .serve_connection(TokioIo::new(stream), service)
            .with_upgrades();
        let mut serving = std::pin::pin!(serving);
        let mut stopping = self.stopping.subscribe();
        let ended = tokio::select! {
            ended = serving.as_mut() => ended,
            _ = stopping.wait_for(|stopping| *stopping) => {
                serving.as_mut().graceful_shutdown();
                serving.await
            }
        };
        if let Err(error) = ended {
            debug!(%peer, %error, "a client connection ended");
        }
    }
}

/// Something that has begun and must end before its thread may.
pub struct Begun(Rc<Worker>);

impl Drop for Begun {
    fn drop(&mut self) {
        let left = self.0.open.get().saturating_sub(1);
        self.0.open.set(left);
        if left == 0 {
            self.0.emptied.notify_waiters();
        }
    }
}
