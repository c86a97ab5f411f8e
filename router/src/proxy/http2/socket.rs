//! The client's end of a WebSocket on a stream of HTTP/2 (RFC 8441), as a side of a tunnel.
//!
//! The stream can only be asked for bytes by taking them, so what came is held until the tunnel takes it, which it does at once.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use bytes::{Buf, BytesMut};
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::super::wire::Wire;

/// How much is taken from the stream at once, in bytes: a frame.
const PIECE: usize = 16 * 1024;

/// A stream that has become a connection.
pub struct Streamed {
    stream: RefCell<TokioIo<Upgraded>>,
    /// Taken from the stream, and not read yet; no memory while nothing moves.
    taken: RefCell<BytesMut>,
    ended: Cell<bool>,
}

impl Streamed {
    /// After the answer that agreed.
    pub fn new(stream: Upgraded) -> Self {
        Self {
            stream: RefCell::new(TokioIo::new(stream)),
            taken: RefCell::default(),
            ended: Cell::new(false),
        }
    }

    fn poll_taken(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut taken = self.taken.borrow_mut();
        if !taken.is_empty() || self.ended.get() {
            return Poll::Ready(Ok(()));
        }
        let mut piece = [0; PIECE];
        let mut buffer = ReadBuf::new(&mut piece);
        let read = Pin::new(&mut *self.stream.borrow_mut()).poll_read(cx, &mut buffer);
        if let Poll::Ready(Ok(())) = read {
            self.ended.set(buffer.filled().is_empty());
            taken.extend_from_slice(buffer.filled());
        }
        read
    }

    fn poll_room(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.stream.borrow_mut()).poll_flush(cx)
    }
}

/// On the heap, as the other kinds of sides that are not a plain socket.
impl Wire for Box<Streamed> {
    async fn readable(&self) -> io::Result<()> {
        // Who sends without end must not keep the thread for itself.
        tokio::task::coop::consume_budget().await;
        poll_fn(|cx| self.poll_taken(cx)).await
    }

    fn try_read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut taken = self.taken.borrow_mut();
        if taken.is_empty() {
            return if self.ended.get() { Ok(0) } else { Err(io::ErrorKind::WouldBlock.into()) };
        }
        let read = taken.len().min(buffer.len());
        taken.copy_to_slice(&mut buffer[..read]);
        if taken.is_empty() {
            *taken = BytesMut::new();
        }
        Ok(read)
    }

    fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        // Whoever is told to wait does so in `writable`.
        let mut cx = Context::from_waker(Waker::noop());
        match Pin::new(&mut *self.stream.borrow_mut()).poll_write(&mut cx, bytes) {
            Poll::Ready(written) => written,
            Poll::Pending => Err(io::ErrorKind::WouldBlock.into()),
        }
    }

    async fn writable(&self) -> io::Result<()> {
        poll_fn(|cx| self.poll_room(cx)).await
    }

    async fn flush(&self) -> io::Result<()> {
        poll_fn(|cx| self.poll_room(cx)).await
    }

    async fn shutdown(&self) -> io::Result<()> {
        poll_fn(|cx| Pin::new(&mut *self.stream.borrow_mut()).poll_shutdown(cx)).await
    }
}
