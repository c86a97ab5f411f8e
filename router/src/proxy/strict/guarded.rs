//! The stream of a connection, read through the judge.
//!
//! A wrong head is cut off and ended by bytes that no HTTP library takes for a head, so that hyper itself answers 400 to a client
//! and takes a hub's answer for garbage; a wrong body is an error of the stream, so that it never looks complete. What a client
//! sends behind a request for another protocol is held back until the answer says which one is spoken.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use bytes::{Buf, Bytes};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep};

use super::judge::{Judge, Side, Verdict};

/// A NUL is refused wherever it stands in a head, and the empty line says that the head is complete.
const POISON: &[u8] = b"\0\r\n\r\n";

/// How long a client may take.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// From the first byte of a head to its last: `timeouts.request_head`.
    pub head: Duration,
    /// Without a byte of a body that is waited for: `timeouts.body_progress`.
    pub body: Duration,
}

/// By this a hub's connection is told that it is used for a request.
#[derive(Clone, Debug, Default)]
pub struct Told(Arc<AtomicU8>);

impl Told {
    /// One answer may come; to `HEAD` it has no body.
    pub fn asked(&self, to_head: bool) {
        self.0.store(if to_head { 2 } else { 1 }, Ordering::Relaxed);
    }

    fn take(&self) -> Option<bool> {
        match self.0.swap(0, Ordering::Relaxed) {
            0 => None,
            asked => Some(asked == 2),
        }
    }
}

/// A stream whose incoming messages are judged.
pub struct Guarded<S> {
    stream: S,
    judge: Judge,
    told: Option<Told>,
    /// What is held back, and who waits for it.
    held: Bytes,
    waiting: Option<Waker>,
    /// The rest of [`POISON`] that is still to be read.
    poison: &'static [u8],
    /// Why nothing more can be read.
    broken: Option<&'static str>,
    patience: Option<Patience>,
    slow: Option<Slow>,
}

/// Somebody who is waited for.
struct Slow {
    sleep: Pin<Box<Sleep>>,
    in_head: bool,
    /// Where it moves on: the clock is not set anew for each piece.
    until: Instant,
}

impl<S> Guarded<S> {
    /// The stream of a client.
    pub fn client(stream: S, patience: Patience) -> Self {
        Self::new(stream, Judge::new(Side::Client), None, Some(patience))
    }

    /// The stream of a hub, and how it is told of requests.
    pub fn hub(stream: S) -> (Self, Told) {
        let told = Told::default();
        (Self::new(stream, Judge::new(Side::Hub), Some(told.clone()), None), told)
    }

    fn new(stream: S, judge: Judge, told: Option<Told>, patience: Option<Patience>) -> Self {
        let (held, waiting, slow) = (Bytes::new(), None, None);
        Self { stream, judge, told, held, waiting, poison: b"", broken: None, patience, slow }
    }

    /// The stream, and what was read from it and held back.
    pub fn into_parts(self) -> (S, Bytes) {
        (self.stream, self.held)
    }

    /// What is written while it is undecided which protocol follows decides it.
    fn see_written(&mut self, bytes: &[u8]) {
        if self.judge.is_undecided() && !bytes.is_empty() {
            self.judge.decide(bytes.starts_with(b"HTTP/1.1 101 "));
            if let Some(waiting) = self.waiting.take() {
                waiting.wake();
            }
        }
    }

    /// Judges what stands in `buffer` behind `before`; whether there is something to read, or an end.
    fn judged(&mut self, cx: &Context<'_>, buffer: &mut ReadBuf<'_>, before: usize) -> Poll<io::Result<()>> {
        let new = &buffer.filled()[before..];
        if new.is_empty() {
            return Poll::Ready(Ok(()));
        }
        if self.judge.is_unasked()
            && let Some(to_head) = self.told.as_ref().and_then(Told::take)
        {
            self.judge.expect(to_head);
        }
        match self.judge.pass(new) {
            Verdict::Pass => {}
            Verdict::Hold(at) => {
                self.held = Bytes::copy_from_slice(&new[at..]);
                buffer.set_filled(before + at);
                if at == 0 {
                    self.waiting = Some(cx.waker().clone());
                    return Poll::Pending;
                }
            }
            Verdict::WrongHead(at) => {
                buffer.set_filled(before + at);
                self.poison = POISON;
                self.read_poison(buffer);
            }
            Verdict::WrongBody(at) => {
                return self.broken(buffer, before, at, "the framing of a body is broken");
            }
            Verdict::Unasked(at) => return self.broken(buffer, before, at, "nobody asked for this"),
        }
        Poll::Ready(Ok(()))
    }

    /// What was right is read first, and the error with the next read.
    fn broken(
        &mut self,
        buffer: &mut ReadBuf<'_>,
        before: usize,
        at: usize,
        text: &'static str,
    ) -> Poll<io::Result<()>> {
        self.broken = Some(text);
        buffer.set_filled(before + at);
        Poll::Ready(if at == 0 { Err(wrong(text)) } else { Ok(()) })
    }

    fn read_poison(&mut self, buffer: &mut ReadBuf<'_>) {
        let (now, later) = self.poison.split_at(self.poison.len().min(buffer.remaining()));
        buffer.put_slice(now);
        self.poison = later;
    }

    /// Sets the clock for whom is waited for, and looks at it.
    fn is_late(&mut self, cx: &mut Context<'_>) -> bool {
        let Some(patience) = self.patience else { return false };
        let (in_head, in_body) = (self.judge.is_in_head(), self.judge.is_in_body());
        if !in_head && !in_body {
            self.slow = None;
            return false;
        }
        if self.slow.as_ref().is_none_or(|slow| slow.in_head != in_head) {
            let until = Instant::now() + if in_head { patience.head } else { patience.body };
            self.slow = Some(Slow { sleep: Box::pin(tokio::time::sleep_until(until)), in_head, until });
        }
        let Some(slow) = &mut self.slow else { return false };
        while slow.sleep.as_mut().poll(cx).is_ready() {
            if slow.until <= Instant::now() {
                return true;
            }
            slow.sleep.as_mut().reset(slow.until);
        }
        false
    }

    /// Something came: a body has all its time again, a head has not.
    fn came(&mut self) {
        let Some(patience) = self.patience else { return };
        match &mut self.slow {
            None => {}
            Some(slow) if slow.in_head && self.judge.is_in_head() => {}
            Some(slow) if !slow.in_head && self.judge.is_in_body() => {
                slow.until = Instant::now() + patience.body;
            }
            Some(_) => self.slow = None,
        }
    }
}

fn wrong(text: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, text)
}

impl<S: AsyncRead + Unpin> AsyncRead for Guarded<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if !this.poison.is_empty() {
            this.read_poison(buffer);
            return Poll::Ready(Ok(()));
        }
        if let Some(text) = this.broken {
            return Poll::Ready(Err(wrong(text)));
        }
        let before = buffer.filled().len();
        if !this.held.is_empty() {
            if this.judge.is_undecided() {
                this.waiting = Some(cx.waker().clone());
                return Poll::Pending;
            }
            let count = this.held.len().min(buffer.remaining());
            buffer.put_slice(&this.held[..count]);
            let rest = this.held.split_off(count);
            this.held = rest;
            return this.judged_of_held(cx, buffer, before);
        }
        match Pin::new(&mut this.stream).poll_read(cx, buffer) {
            Poll::Ready(read) => {
                read?;
                let judged = ready!(this.judged(cx, buffer, before));
                this.came();
                Poll::Ready(judged)
            }
            Poll::Pending if this.is_late(cx) => Poll::Ready(Err(io::ErrorKind::TimedOut.into())),
            Poll::Pending => Poll::Pending,
        }
    }
}

impl<S> Guarded<S> {
    /// What was held back may ask for another protocol itself: then its rest goes before what was still held.
    fn judged_of_held(
        &mut self,
        cx: &Context<'_>,
        buffer: &mut ReadBuf<'_>,
        before: usize,
    ) -> Poll<io::Result<()>> {
        let later = std::mem::take(&mut self.held);
        let judged = self.judged(cx, buffer, before);
        if !later.is_empty() {
            let first = std::mem::take(&mut self.held);
            let length = first.len() + later.len();
            self.held = first.chain(later).copy_to_bytes(length);
        }
        judged
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Guarded<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.see_written(bytes);
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if let Some(first) = pieces.iter().find(|piece| !piece.is_empty()) {
            self.see_written(first);
        }
        Pin::new(&mut self.stream).poll_write_vectored(cx, pieces)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
