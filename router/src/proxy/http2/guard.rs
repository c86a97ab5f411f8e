//! Looks at the frames that a client sends, and ends a connection on which most carry nothing.
//!
//! Pings, settings, resets, priorities, empty pieces and the like cost the router more than the client, and the library answers
//! each. So they have to stay in proportion: each costs credit, time and bytes sent to the client bring it back. Only the nine
//! bytes at the beginning of each frame are looked at (RFC 9113 4.1); what they mean is left to the library. At the end it lingers
//! until the client is done, too.

use std::cell::Cell;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Sleep;

use super::PREFACE;

const HEAD: usize = 9;
const DATA: u8 = 0x0;
const HEADERS: u8 = 0x1;
const WINDOW_UPDATE: u8 = 0x8;
const END_STREAM: u8 = 0x1;
const PADDED: u8 = 0x8;
/// A frame whose padding takes all of it is no longer than this: the length of the padding, and as many bytes.
const MOST_PADDING: u32 = 256;

/// What a frame costs that carries nothing.
const IDLE_FRAME: i64 = 16;
/// Room for more data comes with data, often twice for each piece, and makes no answer.
const ROOM: i64 = 1;
/// At most so much is saved up: a thousand frames. A page that is closed may reset everything it had asked for.
const MOST: i64 = 1000 * IDLE_FRAME;
/// What a second brings.
const A_SECOND: i64 = 20 * IDLE_FRAME;
/// So many bytes sent to the client bring one unit.
const BYTES: usize = 16;

/// How long the client may take to close its side, and how much it may still send meanwhile, in bytes.
const LINGER: Duration = Duration::from_secs(2);
const LINGER_BYTES: usize = 1024 * 1024;

/// A client's connection, with the frames that come on it counted.
pub struct Guard<S> {
    stream: S,
    frames: Frames,
    heard: Rc<Heard>,
    /// Everything was said; what still comes is thrown away.
    lingering: Option<Lingering>,
}

struct Lingering {
    until: Pin<Box<Sleep>>,
    read: usize,
}

impl<S> Guard<S> {
    /// Before the first byte; `heard` is told of what comes.
    pub fn new(stream: S, heard: &Rc<Heard>) -> Self {
        Self { stream, frames: Frames::new(Instant::now()), heard: Rc::clone(heard), lingering: None }
    }
}

/// When a client was heard last.
pub struct Heard(Cell<Instant>);

impl Default for Heard {
    fn default() -> Self {
        Self(Cell::new(Instant::now()))
    }
}

impl Heard {
    /// Until not a byte has come for so long.
    pub async fn nothing_for(&self, time: Duration) {
        loop {
            let until = self.0.get() + time;
            if until <= Instant::now() {
                return;
            }
            tokio::time::sleep_until(until.into()).await;
        }
    }
}

/// Where the frames begin, and what credit is left.
struct Frames {
    /// Bytes to skip until the next one begins.
    left: u64,
    head: [u8; HEAD],
    read: usize,
    credit: i64,
    since: Instant,
}

impl Frames {
    fn new(now: Instant) -> Self {
        Self { left: PREFACE.len() as u64, head: [0; HEAD], read: 0, credit: MOST, since: now }
    }

    /// Takes notice of bytes from the client; `false` when there were too many frames that carry nothing.
    fn pass(&mut self, mut bytes: &[u8], now: impl Fn() -> Instant) -> bool {
        while !bytes.is_empty() {
            if self.left > 0 {
                let skipped = usize::try_from(self.left).unwrap_or(usize::MAX).min(bytes.len());
                self.left -= skipped as u64;
                bytes = &bytes[skipped..];
                continue;
            }
            let taken = (HEAD - self.read).min(bytes.len());
            self.head[self.read..self.read + taken].copy_from_slice(&bytes[..taken]);
            self.read += taken;
            bytes = &bytes[taken..];
            if self.read == HEAD {
                self.begin();
            }
        }
        self.credit >= 0 || self.earn(now())
    }

    fn begin(&mut self) {
        let [a, b, c, kind, flags, ..] = self.head;
        let length = u32::from_be_bytes([0, a, b, c]);
        self.read = 0;
        self.left = u64::from(length);
        self.credit -= cost(length, kind, flags);
    }

    /// The clock is asked only when credit has run out.
    fn earn(&mut self, now: Instant) -> bool {
        let millis = i64::try_from(now.duration_since(self.since).as_millis()).unwrap_or(i64::MAX);
        self.credit = self.credit.saturating_add(millis.saturating_mul(A_SECOND) / 1000).min(MOST);
        self.since = now;
        self.credit >= 0
    }

    fn sent(&mut self, bytes: usize) {
        let earned = i64::try_from(bytes / BYTES).unwrap_or(MOST);
        self.credit = self.credit.saturating_add(earned).min(MOST);
    }
}

fn cost(length: u32, kind: u8, flags: u8) -> i64 {
    let is = |flag: u8| flags & flag != 0;
    match kind {
        DATA if is(END_STREAM) => 0,
        DATA if length == 0 || (is(PADDED) && length <= MOST_PADDING) => IDLE_FRAME,
        DATA | HEADERS => 0,
        WINDOW_UPDATE => ROOM,
        // CONTINUATION among them: its number is bounded for each request by the library.
        _ => IDLE_FRAME,
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Guard<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(cx, buffer);
        if !matches!(read, Poll::Ready(Ok(()))) {
            return read;
        }
        self.heard.0.set(Instant::now());
        if !self.frames.pass(&buffer.filled()[before..], Instant::now) {
            return Poll::Ready(Err(io::Error::other("too many frames that carry nothing")));
        }
        read
    }
}

impl<S: AsyncWrite + Unpin> Guard<S> {
    fn count(&mut self, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if let Poll::Ready(Ok(written)) = written {
            self.frames.sent(written);
        }
        written
    }
}

impl<S: AsyncRead + Unpin> Guard<S> {
    /// Until the client ends its side: a socket that is closed on unread bytes takes the last answers away from it.
    fn poll_linger(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let lingering = self
            .lingering
            .get_or_insert_with(|| Lingering { until: Box::pin(tokio::time::sleep(LINGER)), read: 0 });
        while lingering.read < LINGER_BYTES {
            if lingering.until.as_mut().poll(cx).is_ready() {
                break;
            }
            let mut piece = [0; 4096];
            let mut buffer = ReadBuf::new(&mut piece);
            match ready!(Pin::new(&mut self.stream).poll_read(cx, &mut buffer)) {
                Ok(()) if !buffer.filled().is_empty() => lingering.read += buffer.filled().len(),
                _ => break,
            }
        }
        Poll::Ready(())
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Guard<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.count(written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, pieces);
        self.count(written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.lingering.is_none() {
            ready!(Pin::new(&mut self.stream).poll_shutdown(cx))?;
        }
        self.poll_linger(cx).map(Ok)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(kind: u8, flags: u8, length: u32) -> Vec<u8> {
        let mut bytes = length.to_be_bytes()[1..].to_vec();
        bytes.extend([kind, flags, 0, 0, 0, 1]);
        bytes.resize(bytes.len() + length as usize, 0);
        bytes
    }

    /// How many of these frames pass on a connection that is new.
    fn passed(frame: &[u8], most: usize, step: usize) -> usize {
        let now = Instant::now();
        let mut frames = Frames::new(now);
        assert!(frames.pass(PREFACE, || now));
        (0..most).take_while(|_| frame.chunks(step).all(|piece| frames.pass(piece, || now))).count()
    }

    #[test]
    fn frames_that_carry_nothing_are_bounded_however_they_are_cut() {
        for step in [1, 7, 9, 1000] {
            for (name, idle) in [
                ("ping", frame(0x6, 0, 8)),
                ("settings", frame(0x4, 0, 0)),
                ("reset", frame(0x3, 0, 4)),
                ("priority", frame(0x2, 0, 5)),
                ("continuation", frame(0x9, 0, 0)),
                ("empty data", frame(DATA, 0, 0)),
                ("nothing but padding", frame(DATA, PADDED, 256)),
                ("a kind that nobody knows", frame(0x77, 0, 3)),
            ] {
                assert_eq!(passed(&idle, 5000, step), 1000, "{name} in pieces of {step}");
            }
        }
        assert_eq!(passed(&frame(WINDOW_UPDATE, 0, 4), 100_000, 1000), 16_000);
    }

    #[test]
    fn requests_and_data_are_free() {
        for bytes in
            [frame(HEADERS, 5, 300), frame(DATA, 0, 1), frame(DATA, END_STREAM, 0), frame(DATA, PADDED, 300)]
        {
            assert_eq!(passed(&bytes, 5000, 1000), 5000);
        }
    }

    #[test]
    fn time_and_bytes_sent_bring_credit_back() {
        let (began, ping) = (Instant::now(), frame(0x6, 0, 8));
        let mut frames = Frames::new(began);
        frames.pass(PREFACE, || began);
        frames.credit = 0;
        assert!(!frames.pass(&ping, || began));
        assert!(frames.pass(&[], || began + Duration::from_millis(50)));
        assert!(!frames.pass(&ping, || began + Duration::from_millis(60)));

        frames.sent(64 * 1024);
        for _ in 0..200 {
            assert!(frames.pass(&ping, || began + Duration::from_millis(60)));
        }
        frames.sent(usize::MAX);
        assert_eq!(frames.credit, MOST);
    }
}
