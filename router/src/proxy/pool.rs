//! Connections to hubs: one pool per thread, so nothing is shared and nothing is locked.
//!
//! The last one used is taken first. A connection lives idle for a shorter time than the hub's proxy keeps it, so that
//! the two rarely meet in the moment of closing. What may be sent on which connection is decided in `send`.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::fmt;
use std::io;
use std::rc::{Rc, Weak};
use std::time::{Duration, Instant};

use http::{Method, Request, Response};
use hubrouter_config::{Hub, HubId, HubTls, HubUrl};
use hubrouter_hub_adapter::client::Resolver;
use hubrouter_hub_adapter::secure::Link;
use hyper::body::Incoming;
use hyper::client::conn::TrySendError;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

use super::body::ToHub;
use super::strict::{Guarded, Told};

/// A connection may carry a request that must not be sent twice only when it was idle for less than this.
///
/// The hub's proxy closes idle connections after 5 s; younger ones are as good as fresh (hyper issue 2136).
const FRESH_FOR: Duration = Duration::from_secs(1);

/// At most so many idle connections per hub and thread.
const MAX_IDLE: usize = 256;

/// A hub that breaks connections would get twice its load when it can bear it least. So one request in ten may be repeated, counted in
/// tenths: each request adds one, each repetition takes ten.
const REPEAT: u32 = 10;
/// Ten at first, and a hundred at most after a quiet time.
const REPEATS_AT_FIRST: u32 = 10 * REPEAT;
const REPEATS_AT_MOST: u32 = 100 * REPEAT;

/// The pools of one thread, one per hub.
pub struct Pools {
    hubs: RefCell<HashMap<HubId, Rc<Pool>>>,
    resolver: Resolver,
}

/// Idle connections to one address of one hub, opened with the same trust.
struct Pool {
    url: HubUrl,
    tls: Option<HubTls>,
    idle: RefCell<Vec<Idle>>,
    /// Repetitions that may still be sent, in tenths.
    repeats: Cell<u32>,
}

struct Idle {
    sender: Sender,
    since: Instant,
}

/// Sends requests on one connection to a hub.
pub struct Sender {
    requests: SendRequest<ToHub>,
    told: Told,
}

impl Sender {
    /// Sends a request and returns the head of its answer; what is not an answer to it is refused.
    ///
    /// # Errors
    ///
    /// hyper's, with the request if not a byte of it was sent.
    pub async fn send(
        &mut self,
        request: Request<ToHub>,
    ) -> Result<Response<Incoming>, TrySendError<Request<ToHub>>> {
        self.told.asked(request.method() == Method::HEAD);
        self.requests.try_send_request(request).await
    }
}

/// A connection in use; given back when the answer was read to its end, closed when dropped.
pub struct Lease {
    /// Sends the request.
    pub sender: Sender,
    /// Whether it carried requests before: then the hub may just be closing it.
    pub reused: bool,
    pool: Weak<Pool>,
}

impl fmt::Debug for Lease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lease").field("reused", &self.reused).finish_non_exhaustive()
    }
}

impl Lease {
    /// The connection may carry another request.
    pub fn give_back(self) {
        let Some(pool) = self.pool.upgrade() else { return };
        if self.sender.requests.is_closed() {
            return;
        }
        let mut idle = pool.idle.borrow_mut();
        if idle.len() < MAX_IDLE {
            idle.push(Idle { sender: self.sender, since: Instant::now() });
        }
    }
}

/// What a request asks of its connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// Any that is open.
    Any,
    /// A fresh one, or one idle for less than a second: the request must not be sent twice.
    NearlyFresh,
    /// A new one.
    Fresh,
}

impl Pools {
    /// No connections yet; names are resolved by `resolver`.
    pub fn new(resolver: Resolver) -> Self {
        Self { hubs: RefCell::default(), resolver }
    }

    /// A connection to a hub.
    ///
    /// # Errors
    ///
    /// The hub refused, is not believed, did not answer within `connect`, or its name does not resolve: nothing was sent.
    pub async fn lease(
        &self,
        hub: &Hub,
        wanted: Wanted,
        connect: Duration,
        idle: Duration,
    ) -> io::Result<Lease> {
        let pool = self.pool(hub);
        pool.repeats.set((pool.repeats.get() + 1).min(REPEATS_AT_MOST));
        if let Some(sender) = pool.take_idle(wanted, idle) {
            return Ok(Lease { sender, reused: true, pool: Rc::downgrade(&pool) });
        }
        let sender = self.connect(hub, connect).await?;
        Ok(Lease { sender, reused: false, pool: Rc::downgrade(&pool) })
    }

    /// A connection of its own for a WebSocket: never pooled.
    ///
    /// # Errors
    ///
    /// As [`Pools::lease`].
    pub async fn connect_for_upgrade(&self, hub: &Hub, connect: Duration) -> io::Result<Sender> {
        match self.open(hub, connect).await? {
            Link::Plain(stream) => begin_for_upgrade(stream).await,
            Link::Tls(stream) => begin_for_upgrade(*stream).await,
        }
    }

    /// Whether one more request to a hub may be repeated that it may have got already.
    pub fn may_repeat(&self, hub: &Hub) -> bool {
        let pool = self.pool(hub);
        let left = pool.repeats.get().checked_sub(REPEAT);
        pool.repeats.set(left.unwrap_or_else(|| pool.repeats.get()));
        left.is_some()
    }

    /// Closes what was idle for longer than `idle`, and forgets hubs that are no longer configured.
    pub fn sweep(&self, idle: Duration, configured: impl Fn(&HubId) -> bool) {
        let now = Instant::now();
        self.hubs.borrow_mut().retain(|id, pool| {
            pool.idle
                .borrow_mut()
                .retain(|entry| now.duration_since(entry.since) < idle && !entry.sender.requests.is_closed());
            configured(id)
        });
    }

    fn pool(&self, hub: &Hub) -> Rc<Pool> {
        let mut hubs = self.hubs.borrow_mut();
        if let Some(pool) = hubs.get(&hub.id).filter(|pool| pool.url == hub.url && pool.tls == hub.tls) {
            return Rc::clone(pool);
        }
        // A new hub, or one that moved or is trusted otherwise: its old connections are dropped with the old pool.
        let pool = Rc::new(Pool {
            url: hub.url.clone(),
            tls: hub.tls.clone(),
            idle: RefCell::default(),
            repeats: Cell::new(REPEATS_AT_FIRST),
        });
        hubs.insert(hub.id.clone(), Rc::clone(&pool));
        pool
    }

    async fn connect(&self, hub: &Hub, connect: Duration) -> io::Result<Sender> {
        match self.open(hub, connect).await? {
            Link::Plain(stream) => begin(stream).await,
            Link::Tls(stream) => begin(*stream).await,
        }
    }

    /// TLS included, where the hub's address is https.
    async fn open(&self, hub: &Hub, connect: Duration) -> io::Result<Link> {
        let opening = async {
            let stream = self.open_any(&hub.url).await?;
            self.resolver.trusts().secure(&hub.url, hub.tls.as_ref(), stream).await
        };
        tokio::time::timeout(connect, opening).await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
    }

    async fn open_any(&self, url: &HubUrl) -> io::Result<TcpStream> {
        let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
        for address in self.resolver.addresses(url).await? {
            match TcpStream::connect(address).await {
                Ok(stream) => {
                    stream.set_nodelay(true)?;
                    return Ok(stream);
                }
                Err(error) => last = error,
            }
        }
        Err(last)
    }
}

impl Pool {
    /// The connection used last, if one fits and is ready; what is too old or closed is let go.
    fn take_idle(&self, wanted: Wanted, idle: Duration) -> Option<Sender> {
        let oldest = match wanted {
            Wanted::Any => idle,
            Wanted::NearlyFresh => idle.min(FRESH_FOR),
            Wanted::Fresh => return None,
        };
        let now = Instant::now();
        let mut entries = self.idle.borrow_mut();
        let mut at = entries.len();
        while at > 0 {
            at -= 1;
            let entry = &entries[at];
            if entry.sender.requests.is_closed() {
                entries.swap_remove(at);
                continue;
            }
            if now.duration_since(entry.since) >= oldest {
                // Older ones lie below; a request that must not be repeated takes none of them.
                return None;
            }
            if entry.sender.requests.is_ready() {
                return Some(entries.remove(at).sender);
            }
        }
        None
    }
}

async fn begin<S>(stream: S) -> io::Result<Sender>
where
    S: AsyncRead + AsyncWrite + Unpin + 'static,
{
    let (sender, connection) = speak(stream).await?;
    tokio::task::spawn_local(async move {
        // How it ends is seen by whoever waits for the answer.
        let _ = connection.await;
    });
    Ok(sender)
}

async fn begin_for_upgrade<S>(stream: S) -> io::Result<Sender>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (sender, connection) = speak(stream).await?;
    tokio::task::spawn_local(async move {
        let _ = connection.with_upgrades().await;
    });
    Ok(sender)
}

type Spoken<S> = (Sender, http1::Connection<TokioIo<Guarded<S>>, ToHub>);

async fn speak<S: AsyncRead + AsyncWrite + Unpin>(stream: S) -> io::Result<Spoken<S>> {
    let (stream, told) = Guarded::hub(stream);
    let (requests, connection) = http1::Builder::new()
        // A hub's answer head is small; hyper's own bound would be 400 KiB for each connection.
        .max_buf_size(128 * 1024)
        .handshake(TokioIo::new(stream))
        .await
        .map_err(io::Error::other)?;
    Ok((Sender { requests, told }, connection))
}
