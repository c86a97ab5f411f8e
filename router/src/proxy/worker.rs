//! One thread of the fast path: its accept sockets, its connections, its pools.
//!
//! Threads share the live picture and nothing that is locked on the way of a request.

use std::cell::{Cell, RefCell};
use std::convert::Infallible;
use std::net::{SocketAddr, TcpListener};
use std::rc::Rc;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use hubrouter_config::HubId;
use tokio::net::TcpStream;
use tokio::sync::{Notify, mpsc, oneshot, watch};
use tokio::task::LocalSet;
use tracing::warn;

use super::connection::Connection;
use super::door::Door;
use super::handshake::Handshakes;
use super::passive::Tallies;
use super::pool::Pools;
use super::shared::Shared;
use super::sightings::Sightings;
use crate::control::live::Live;

/// After an accept that failed for lack of descriptors, so that the thread does not spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// At shutdown a connection on which nothing was asked yet is closed after this long: its request may be on the way.
const FIRST_REQUEST_WITHIN: Duration = Duration::from_secs(1);
/// At shutdown WebSockets that outlived their time have this long to say so to their clients.
const GOODBYES_WITHIN: Duration = Duration::from_secs(1);
/// How often idle connections to hubs are looked over.
const SWEEP: Duration = Duration::from_secs(1);

/// What the controller tells a thread.
#[derive(Debug)]
pub enum Order {
    /// Accept on this socket, which is one of this door's.
    Listen(Arc<Door>, TcpListener),
    /// Close the socket of this door; its connections go on.
    Unlisten(Arc<Door>),
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
    /// What requests say of hubs.
    pub tallies: Tallies,
    /// Servers that were seen answering.
    pub sightings: Sightings,
    /// Clients that have not agreed on TLS yet.
    pub handshakes: Handshakes,
    #[expect(
        clippy::redundant_allocation,
        reason = "threads count in the inner one seldom, requests in the outer one"
    )]
    live: RefCell<Rc<Arc<Live>>>,
    open: Cell<usize>,
    emptied: Notify,
    stopping: watch::Sender<bool>,
    cutting: watch::Sender<bool>,
}

/// Starts thread number `number`.
///
/// # Errors
///
/// The operating system gives no thread.
pub fn start(number: usize, shared: Arc<Shared>) -> std::io::Result<Handle> {
    let (orders, receiver) = mpsc::unbounded_channel();
    let thread = std::thread::Builder::new()
        .name(format!("proxy-{number}"))
        .spawn(move || run(number, shared, receiver))?;
    Ok(Handle { orders, thread })
}

fn run(number: usize, shared: Arc<Shared>, orders: mpsc::UnboundedReceiver<Order>) {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            tracing::error!(%error, "a proxy thread has no runtime and ends");
            return;
        }
    };
    LocalSet::new().block_on(&runtime, Worker::new(shared).obey(number, orders));
}

impl Worker {
    fn new(shared: Arc<Shared>) -> Rc<Self> {
        let live = RefCell::new(Rc::new(shared.live.load_full()));
        let pools = Pools::new(shared.resolver.clone());
        let (stopping, cutting) = (watch::Sender::new(false), watch::Sender::new(false));
        let (tallies, sightings) = (Tallies::default(), Sightings::default());
        let handshakes = Handshakes::default();
        let (open, emptied) = (Cell::new(0), Notify::new());
        Rc::new(Self {
            shared,
            pools,
            tallies,
            sightings,
            handshakes,
            live,
            open,
            emptied,
            stopping,
            cutting,
        })
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

    async fn obey(self: Rc<Self>, number: usize, mut orders: mpsc::UnboundedReceiver<Order>) {
        let sweeper = tokio::task::spawn_local(Rc::clone(&self).sweep(number));
        let mut doors: Vec<OpenDoor> = Vec::new();
        while let Some(order) = orders.recv().await {
            match order {
                Order::Listen(door, socket) => doors.push(self.open_door(door, socket)),
                Order::Unlisten(gone) => doors.retain(|open| !Arc::ptr_eq(&open.door, &gone)),
                Order::Stop => break,
            }
        }
        for open in doors {
            open.close().await;
        }
        self.wind_down().await;
        sweeper.abort();
    }

    fn open_door(self: &Rc<Self>, door: Arc<Door>, socket: TcpListener) -> OpenDoor {
        let (open, closed) = oneshot::channel();
        let task = tokio::task::spawn_local(Rc::clone(self).attend(Arc::clone(&door), socket, closed));
        OpenDoor { door, open, task }
    }

    /// Finishes requests at once and lets WebSockets live for `timeouts.shutdown`.
    async fn wind_down(&self) {
        self.stopping.send_replace(true);
        let patience = self.live().snapshot.config.timeouts.shutdown;
        if tokio::time::timeout(patience, self.until_empty()).await.is_err() {
            warn!(open = self.open.get(), "connections are cut: they did not end within timeouts.shutdown");
            self.cutting.send_replace(true);
            let _ = tokio::time::timeout(GOODBYES_WITHIN, self.until_empty()).await;
        }
    }

    async fn until_empty(&self) {
        while self.open.get() > 0 {
            self.emptied.notified().await;
        }
    }

    /// Until what is still open has to end: `timeouts.shutdown` after the router was told to stop.
    pub async fn time_is_over(&self) {
        let mut cutting = self.cutting.subscribe();
        // The sender lives in `self`.
        let _ = cutting.wait_for(|cutting| *cutting).await;
    }

    async fn sweep(self: Rc<Self>, number: usize) {
        let task = self.shared.tasks.add(format!("sweep connections of thread {number}"), SWEEP);
        let mut every = tokio::time::interval_at((self.shared.began + SWEEP).into(), SWEEP);
        // A tick that was missed is not made up for: threads stay in step.
        every.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
        loop {
            every.tick().await;
            let live = self.live();
            let idle = live.snapshot.config.timeouts.hub_idle;
            let configured = |id: &HubId| live.snapshot.find(id).is_some();
            self.pools.sweep(idle, configured);
            self.tallies.tell(&self.shared, configured);
            self.sightings.tell(&self.shared);
            task.ran(Instant::now(), "ok");
        }
    }

    /// Accepts until the door is closed, and then whoever stands in front of it.
    async fn attend(
        self: Rc<Self>,
        door: Arc<Door>,
        socket: TcpListener,
        closed: oneshot::Receiver<Infallible>,
    ) {
        let listener = match tokio::net::TcpListener::from_std(socket) {
            Ok(listener) => listener,
            Err(error) => {
                tracing::error!(%error, "a listening socket cannot be used");
                return;
            }
        };
        tokio::select! {
            () = self.accept(&door, &listener) => {}
            _ = closed => {}
        }
        self.empty_queue(&door, listener);
    }

    async fn accept(self: &Rc<Self>, door: &Door, listener: &tokio::net::TcpListener) {
        loop {
            match listener.accept().await {
                Ok((stream, peer)) => self.welcome(door, stream, peer),
                // The client is gone again; the socket is fine.
                Err(error) if error.kind() == std::io::ErrorKind::ConnectionAborted => {}
                Err(error) => {
                    warn!(%error, "no connection can be accepted, pausing");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }

    /// Clients in the kernel's queue have got through already: closing the socket alone would reset them.
    fn empty_queue(self: &Rc<Self>, door: &Door, listener: tokio::net::TcpListener) {
        let Ok(socket) = listener.into_std() else { return };
        while let Ok((stream, peer)) = socket.accept() {
            if stream.set_nonblocking(true).is_ok()
                && let Ok(stream) = TcpStream::from_std(stream)
            {
                self.welcome(door, stream, peer);
            }
        }
    }

    fn welcome(self: &Rc<Self>, door: &Door, stream: TcpStream, peer: SocketAddr) {
        // Begun here and not in the task: the thread must not find itself empty in between.
        let (this, begun) = (Rc::clone(self), self.begin());
        if door.is_announced() {
            tokio::task::spawn_local(this.announced(stream, peer, door.manner(), begun));
        } else {
            tokio::task::spawn_local(this.admit(stream, peer, door.manner(), begun));
        }
    }

    async fn until_stopping(&self) {
        let mut stopping = self.stopping.subscribe();
        // The sender lives in `self`.
        let _ = stopping.wait_for(|stopping| *stopping).await;
    }

    /// Until this thread ends, and a client that has just got through has had time to agree on TLS.
    pub(super) async fn time_to_agree(&self) {
        self.until_stopping().await;
        tokio::time::sleep(FIRST_REQUEST_WITHIN).await;
    }

    /// Until this thread ends, and a client that has just got through has had time to say what it came for.
    pub(super) async fn time_to_go(&self, connection: &Connection) {
        self.until_stopping().await;
        if !connection.was_asked() {
            tokio::time::sleep(FIRST_REQUEST_WITHIN).await;
        }
    }
}

/// A socket that a thread accepts on.
struct OpenDoor {
    door: Arc<Door>,
    /// Open as long as this lives.
    open: oneshot::Sender<Infallible>,
    task: tokio::task::JoinHandle<()>,
}

impl OpenDoor {
    async fn close(self) {
        drop(self.open);
        // A task that panicked accepts nobody either.
        let _ = self.task.await;
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
