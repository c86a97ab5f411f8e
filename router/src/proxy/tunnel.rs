//! WebSockets: after the hub agreed, bytes go both ways until one side is done.
//!
//! A tunnel holds no buffer while it is idle: each thread relays all of its tunnels through one scratch buffer.

use std::cell::RefCell;
use std::io;
use std::pin::{Pin, pin};
use std::time::Duration;

use bytes::Bytes;
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::net::tcp::{ReadHalf, WriteHalf};

/// Large enough for most messages of a kernel, small enough for a cache.
const SCRATCH: usize = 32 * 1024;

/// How long the other side may go on after one side ended: a close frame needs no longer (RFC 6455 7.1.1).
const LAST_WORDS: Duration = Duration::from_secs(5);

thread_local! {
    static BUFFER: RefCell<Vec<u8>> = RefCell::new(vec![0; SCRATCH]);
}

/// How a tunnel ended.
#[derive(Debug, PartialEq, Eq)]
pub enum End {
    /// One side closed, and the other was told.
    Closed,
    /// No byte came from either side for the time allowed.
    Idle,
}

/// Relays between the client and the hub until one side is done or nothing moved for `idle`.
///
/// # Errors
///
/// A side broke off: the other is closed with it.
pub async fn relay(client: Upgraded, hub: Upgraded, idle: Duration) -> io::Result<End> {
    let (mut client, from_client) = into_stream(client)?;
    let (mut hub, from_hub) = into_stream(hub)?;
    hub.write_all(&from_client).await?;
    client.write_all(&from_hub).await?;
    let (client_read, client_write) = client.split();
    let (hub_read, hub_write) = hub.split();
    let activity = RefCell::new(tokio::time::Instant::now());
    let up = copy(client_read, hub_write, &activity);
    let down = copy(hub_read, client_write, &activity);
    tokio::select! {
        done = both(up, down) => done.map(|()| End::Closed),
        () = silence(&activity, idle) => Ok(End::Idle),
    }
}

/// Until both directions are done; when one is, the other has a moment to say its last words.
async fn both(
    up: impl Future<Output = io::Result<()>>,
    down: impl Future<Output = io::Result<()>>,
) -> io::Result<()> {
    let (mut up, mut down) = (pin!(up), pin!(down));
    let (first, other): (_, Pin<&mut dyn Future<Output = io::Result<()>>>) = tokio::select! {
        done = &mut up => (done, down),
        done = &mut down => (done, up),
    };
    first?;
    tokio::time::timeout(LAST_WORDS, other).await.unwrap_or(Ok(()))
}

/// The socket below an upgraded connection, and what was read from it already.
fn into_stream(upgraded: Upgraded) -> io::Result<(TcpStream, Bytes)> {
    match upgraded.downcast::<TokioIo<TcpStream>>() {
        Ok(parts) => Ok((parts.io.into_inner(), parts.read_buf)),
        Err(_) => Err(io::Error::other("an upgraded connection is not a TCP stream")),
    }
}

async fn copy(
    from: ReadHalf<'_>,
    mut to: WriteHalf<'_>,
    activity: &RefCell<tokio::time::Instant>,
) -> io::Result<()> {
    loop {
        from.readable().await?;
        match pass_on(&from, &to)? {
            Passed::Nothing => continue,
            Passed::End => return to.shutdown().await,
            Passed::All => {}
            Passed::Rest(rest) => to.write_all(&rest).await?,
        }
        *activity.borrow_mut() = tokio::time::Instant::now();
    }
}

/// What became of one read.
enum Passed {
    /// There was nothing to read after all.
    Nothing,
    /// The side is done.
    End,
    /// The other side took it all at once.
    All,
    /// The other side is slower: this is still to be written.
    Rest(Vec<u8>),
}

/// Reads what is there and writes what fits, through the thread's buffer; only what does not fit is copied out of it.
fn pass_on(from: &ReadHalf<'_>, to: &WriteHalf<'_>) -> io::Result<Passed> {
    BUFFER.with_borrow_mut(|buffer| {
        let read = match from.try_read(buffer) {
            Ok(0) => return Ok(Passed::End),
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(Passed::Nothing),
            Err(error) => return Err(error),
        };
        let written = match to.try_write(&buffer[..read]) {
            Ok(written) => written,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => 0,
            Err(error) => return Err(error),
        };
        if written == read { Ok(Passed::All) } else { Ok(Passed::Rest(buffer[written..read].to_vec())) }
    })
}

async fn silence(activity: &RefCell<tokio::time::Instant>, idle: Duration) {
    loop {
        let until = *activity.borrow() + idle;
        if until <= tokio::time::Instant::now() {
            return;
        }
        tokio::time::sleep_until(until).await;
    }
}
