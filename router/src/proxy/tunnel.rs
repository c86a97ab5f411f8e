//! WebSockets: after the hub agreed, bytes go both ways until one side is done.
//!
//! A tunnel holds no buffer while it is idle: each thread relays all of its tunnels through one scratch buffer. Each side may be
//! in clear, inside TLS (`wire`), or, that of the client, a stream of HTTP/2; what is relayed in clear costs nothing for the others.

use std::cell::{Cell, RefCell};
use std::io;
use std::pin::pin;
use std::time::Duration;

use bytes::Bytes;
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};
use tokio_rustls::{client, server};

use super::frames::{Frames, Goodbye};
use super::http2::Streamed;
use super::strict::Guarded;
use super::wire::{Sealed, Wire};

/// Large enough for most messages of a kernel, small enough for a cache.
const SCRATCH: usize = 32 * 1024;

/// How long the other side may go on after one side ended: a close frame needs no longer (RFC 6455 7.1.1).
const LAST_WORDS: Duration = Duration::from_secs(5);

thread_local! {
    static BUFFER: RefCell<Vec<u8>> = RefCell::new(vec![0; SCRATCH]);
}

/// How a tunnel ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The client closed, and the hub was told.
    Client,
    /// The hub's side closed or broke, and the client was told.
    Hub,
    /// No byte came from either side for the time allowed.
    Idle,
    /// The router ends, and could not wait any longer.
    Cut,
}

/// What both directions know of the tunnel.
struct Course {
    /// When bytes last passed.
    active_at: Cell<Instant>,
    /// What has passed to the client.
    frames: RefCell<Frames>,
    /// Bytes for the client were read, counted in `frames`, and not all written.
    behind: Cell<bool>,
    /// The client sends nothing more, so that it waits for no word either.
    client_is_done: Cell<bool>,
}

impl Course {
    fn new() -> Self {
        Self {
            active_at: Cell::new(Instant::now()),
            frames: RefCell::default(),
            behind: Cell::new(false),
            client_is_done: Cell::new(false),
        }
    }

    /// Whether a close frame can be said now, and would be heard.
    fn may_say_goodbye(&self) -> bool {
        !self.behind.get() && !self.client_is_done.get() && self.frames.borrow().may_close()
    }

    /// Writes to the client what has been counted as passed.
    async fn write(&self, to: &impl Wire, bytes: &[u8]) -> Result<(), Broke> {
        self.behind.set(true);
        to.write_all(bytes).await.map_err(Broke::Writing)?;
        self.behind.set(false);
        Ok(())
    }
}

/// Why a direction stopped before its reader was done.
enum Broke {
    Reading(io::Error),
    Writing(io::Error),
}

/// Relays between the client and the hub until one side is done, nothing moved for `idle`, or `cut` is.
///
/// A browser that lost its hub in silence would know only that something broke (close code 1006). So where the hub's side
/// ends without a close frame, the client gets one from the router, unless a frame is under way.
///
/// # Errors
///
/// The client broke off: the hub is closed with it.
pub async fn relay(
    client: Upgraded,
    hub: Upgraded,
    idle: Duration,
    cut: impl Future<Output = ()>,
) -> io::Result<End> {
    let ((client, from_client), (hub, from_hub)) = (side(client)?, side(hub)?);
    // Six tunnels of one make: the kinds of the sides are settled here, and not at each byte.
    match (client, hub) {
        (_, Side::Streamed(_)) => Err(io::Error::other("an upgraded connection is of no known kind")),
        (Side::Streamed(client), Side::Plain(hub)) => {
            run(Sides { client, from_client, hub, from_hub }, idle, cut).await
        }
        (Side::Streamed(client), Side::Sealed(hub)) => {
            run(Sides { client, from_client, hub, from_hub }, idle, cut).await
        }
        (Side::Plain(client), Side::Plain(hub)) => {
            run(Sides { client, from_client, hub, from_hub }, idle, cut).await
        }
        (Side::Sealed(client), Side::Plain(hub)) => {
            run(Sides { client, from_client, hub, from_hub }, idle, cut).await
        }
        (Side::Plain(client), Side::Sealed(hub)) => {
            run(Sides { client, from_client, hub, from_hub }, idle, cut).await
        }
        (Side::Sealed(client), Side::Sealed(hub)) => {
            run(Sides { client, from_client, hub, from_hub }, idle, cut).await
        }
    }
}

/// The two sides, and what was read from each before the tunnel began.
struct Sides<C, H> {
    client: C,
    from_client: Bytes,
    hub: H,
    from_hub: Bytes,
}

async fn run<C: Wire, H: Wire>(
    sides: Sides<C, H>,
    idle: Duration,
    cut: impl Future<Output = ()>,
) -> io::Result<End> {
    let course = Course::new();
    let end = tokio::select! {
        biased;
        ended = both(&sides, &course) => return ended,
        () = silence(&course, idle) => End::Idle,
        () = cut => End::Cut,
    };
    let Sides { client, hub, .. } = sides;
    drop(hub);
    let goodbye = if end == End::Idle { Goodbye::Idle } else { Goodbye::RouterStops };
    if course.may_say_goodbye() && client.try_write(&goodbye.frame()).is_ok() {
        client.shutdown().await?;
        linger(&client).await;
    }
    Ok(end)
}

/// Until both directions are done; when one is, the other has a moment to say its last words.
async fn both<C: Wire, H: Wire>(sides: &Sides<C, H>, course: &Course) -> io::Result<End> {
    let Sides { client, from_client, hub, from_hub } = sides;
    let mut up = pin!(up(from_client, client, hub, course));
    let mut down = pin!(down(from_hub, hub, client, course));
    tokio::select! {
        ended = &mut up => match ended {
            Err(Broke::Reading(error)) => Err(error),
            Ok(()) => {
                let _ = timeout(LAST_WORDS, down).await;
                Ok(End::Client)
            }
            // It takes nothing more; what it said before may be on the way still.
            Err(Broke::Writing(_)) => {
                let _ = timeout(LAST_WORDS, down).await;
                linger(client).await;
                Ok(End::Hub)
            }
        },
        ended = &mut down => match ended {
            Err(Broke::Writing(error)) => Err(error),
            Ok(()) | Err(Broke::Reading(_)) => {
                let _ = timeout(LAST_WORDS, async {
                    if up.await.is_err() {
                        linger(client).await;
                    }
                }).await;
                Ok(End::Hub)
            }
        },
    }
}

/// From the client to the hub.
async fn up(first: &[u8], from: &impl Wire, to: &impl Wire, course: &Course) -> Result<(), Broke> {
    to.write_all(first).await.map_err(Broke::Writing)?;
    loop {
        match next(from, to, |_| {}).await? {
            Passed::End => break,
            Passed::All => to.flush().await.map_err(Broke::Writing)?,
            Passed::Rest(rest) => to.write_all(&rest).await.map_err(Broke::Writing)?,
        }
        course.active_at.set(Instant::now());
    }
    course.client_is_done.set(true);
    to.shutdown().await.map_err(Broke::Writing)
}

/// From the hub to the client, who is told if the hub ended without a word.
async fn down(first: &[u8], from: &impl Wire, to: &impl Wire, course: &Course) -> Result<(), Broke> {
    course.frames.borrow_mut().pass(first);
    course.write(to, first).await?;
    let ended = loop {
        match next(from, to, |bytes| course.frames.borrow_mut().pass(bytes)).await {
            Ok(Passed::End) => break Ok(()),
            Err(Broke::Reading(error)) => break Err(Broke::Reading(error)),
            Err(Broke::Writing(error)) => return Err(Broke::Writing(error)),
            Ok(Passed::All) => course.write(to, &[]).await?,
            Ok(Passed::Rest(rest)) => course.write(to, &rest).await?,
        }
        course.active_at.set(Instant::now());
    };
    if course.may_say_goodbye() {
        to.write_all(&Goodbye::HubBroke.frame()).await.map_err(Broke::Writing)?;
    }
    to.shutdown().await.map_err(Broke::Writing)?;
    ended
}

/// Takes what the client still sends, until it ends too: closing the socket on unread bytes would reset the connection, and
/// the client might lose the last words that it was sent.
async fn linger(client: &impl Wire) {
    let ended = async {
        loop {
            let readable = client.readable().await;
            let read = BUFFER.with_borrow_mut(|buffer| client.try_read(buffer));
            match (readable, read) {
                (Ok(()), Ok(1..)) => {}
                (Ok(()), Err(error)) if error.kind() == io::ErrorKind::WouldBlock => {}
                _ => return,
            }
        }
    };
    let _ = timeout(LAST_WORDS, ended).await;
}

/// A side of a tunnel, of any kind.
enum Side {
    Plain(TcpStream),
    Sealed(Box<Sealed>),
    Streamed(Box<Streamed>),
}

/// The socket below an upgraded connection, and what was read from it already.
fn side(upgraded: Upgraded) -> io::Result<(Side, Bytes)> {
    let upgraded = match below::<TcpStream>(upgraded) {
        Ok((socket, read)) => return Ok((Side::Plain(socket), read)),
        Err(upgraded) => upgraded,
    };
    let upgraded = match below::<server::TlsStream<TcpStream>>(upgraded) {
        Ok((stream, read)) => {
            let (socket, session) = stream.into_inner();
            return Ok((Side::Sealed(Box::new(Sealed::new(socket, session.into()))), read));
        }
        Err(upgraded) => upgraded,
    };
    match below::<client::TlsStream<TcpStream>>(upgraded) {
        Ok((stream, read)) => {
            let (socket, session) = stream.into_inner();
            Ok((Side::Sealed(Box::new(Sealed::new(socket, session.into()))), read))
        }
        // There is no socket of its own below it.
        Err(upgraded) => Ok((Side::Streamed(Box::new(Streamed::new(upgraded))), Bytes::new())),
    }
}

/// The stream of one kind, and what was read from it: what hyper has comes before what was held back.
fn below<S: AsyncRead + AsyncWrite + Unpin + 'static>(upgraded: Upgraded) -> Result<(S, Bytes), Upgraded> {
    let parts = upgraded.downcast::<TokioIo<Guarded<S>>>()?;
    let (stream, held) = parts.io.into_inner().into_parts();
    let read = if held.is_empty() { parts.read_buf } else { [parts.read_buf, held].concat().into() };
    Ok((stream, read))
}

/// What became of one read.
enum Passed {
    /// The side is done.
    End,
    /// The other side took it all at once.
    All,
    /// The other side is slower: this is still to be written.
    Rest(Vec<u8>),
}

/// Passes on what comes next; `seen` gets to see it.
async fn next(from: &impl Wire, to: &impl Wire, mut seen: impl FnMut(&[u8])) -> Result<Passed, Broke> {
    loop {
        from.readable().await.map_err(Broke::Reading)?;
        if let Some(passed) = pass_on(from, to, &mut seen)? {
            return Ok(passed);
        }
    }
}

/// Reads what is there and writes what fits, through the thread's buffer; only what does not fit is copied out of it.
/// Nothing, if there was nothing to read after all.
fn pass_on(from: &impl Wire, to: &impl Wire, seen: &mut impl FnMut(&[u8])) -> Result<Option<Passed>, Broke> {
    BUFFER.with_borrow_mut(|buffer| {
        let read = match from.try_read(buffer) {
            Ok(0) => return Ok(Some(Passed::End)),
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(None),
            Err(error) => return Err(Broke::Reading(error)),
        };
        seen(&buffer[..read]);
        let written = match to.try_write(&buffer[..read]) {
            Ok(written) => written,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => 0,
            Err(error) => return Err(Broke::Writing(error)),
        };
        Ok(Some(if written == read { Passed::All } else { Passed::Rest(buffer[written..read].to_vec()) }))
    })
}

async fn silence(course: &Course, idle: Duration) {
    loop {
        let until = course.active_at.get() + idle;
        if until <= Instant::now() {
            return;
        }
        tokio::time::sleep_until(until).await;
    }
}
