//! The streams of one connection: tasks of the thread, counted, and given up when the client takes nothing of an answer.

use std::cell::{Cell, RefCell};
use std::convert::Infallible;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::rt::Executor;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::super::body::ToClient;

/// So often in the time that a client may take nothing is looked whether it did.
const LOOKS: u32 = 4;
/// And not more often than this.
const SELDOM: Duration = Duration::from_millis(50);

/// What is open on one connection.
pub struct Streams {
    open: RefCell<Vec<Rc<Delivery>>>,
    /// When the last one ended, or the connection began.
    quiet_since: Cell<Instant>,
    emptied: Notify,
    /// Of a request whose task is about to begin.
    announced: RefCell<Option<Rc<Delivery>>>,
}

/// How far the answer of one stream has come.
#[derive(Default)]
pub struct Delivery {
    /// Since when a piece of it waits for the client to take it.
    waits_since: Cell<Option<Instant>>,
    given_up: Notify,
}

impl Default for Streams {
    fn default() -> Self {
        Self {
            open: RefCell::default(),
            quiet_since: Cell::new(Instant::now()),
            emptied: Notify::new(),
            announced: RefCell::default(),
        }
    }
}

impl Streams {
    /// Before the task of a request begins: the library calls the service, and then hands the task over.
    pub fn announce(&self) -> Rc<Delivery> {
        let delivery = Rc::<Delivery>::default();
        *self.announced.borrow_mut() = Some(Rc::clone(&delivery));
        delivery
    }

    /// Until nothing has been open for so long.
    pub async fn quiet_for(&self, time: Duration) {
        loop {
            if !self.open.borrow().is_empty() {
                self.emptied.notified().await;
                continue;
            }
            let until = self.quiet_since.get() + time;
            if until <= Instant::now() {
                return;
            }
            tokio::time::sleep_until(until).await;
        }
    }

    /// The quiet is counted from now on.
    pub fn now_quiet(&self) {
        self.quiet_since.set(Instant::now());
    }

    /// Ends streams whose client has taken nothing for so long; it never ends itself.
    pub async fn give_up_stalled(&self, after: Duration) -> Infallible {
        let every = (after / LOOKS).max(SELDOM);
        loop {
            tokio::time::sleep(every).await;
            let now = Instant::now();
            for delivery in self.open.borrow().iter() {
                if delivery.waits_since.get().is_some_and(|since| now.duration_since(since) >= after) {
                    delivery.given_up.notify_one();
                }
            }
        }
    }

    fn begin(self: &Rc<Self>) -> Open {
        let delivery = self.announced.borrow_mut().take().unwrap_or_default();
        self.open.borrow_mut().push(Rc::clone(&delivery));
        Open { streams: Rc::clone(self), delivery }
    }
}

/// An open stream; no longer open when dropped.
struct Open {
    streams: Rc<Streams>,
    delivery: Rc<Delivery>,
}

impl Drop for Open {
    fn drop(&mut self) {
        let mut open = self.streams.open.borrow_mut();
        if let Some(at) = open.iter().position(|other| Rc::ptr_eq(other, &self.delivery)) {
            open.swap_remove(at);
        }
        if open.is_empty() {
            self.streams.now_quiet();
            self.streams.emptied.notify_waiters();
        }
    }
}

/// Runs the streams of a connection as tasks of this thread.
#[derive(Clone)]
pub struct Local(Rc<Streams>);

impl Local {
    /// For one connection.
    pub fn new(streams: &Rc<Streams>) -> Self {
        Self(Rc::clone(streams))
    }
}

impl<F: Future + 'static> Executor<F> for Local {
    fn execute(&self, stream: F) {
        let open = self.0.begin();
        tokio::task::spawn_local(async move {
            tokio::select! {
                biased;
                _ = stream => {}
                () = open.delivery.given_up.notified() => {}
            }
        });
    }
}

/// An answer's body, with notice of whether the client takes it.
///
/// Trailers end here, as they do in HTTP/1.1: what they say nobody has looked at.
pub struct Delivered {
    body: ToClient,
    delivery: Rc<Delivery>,
}

impl Delivered {
    /// The body of the stream of `delivery`.
    pub fn new(body: ToClient, delivery: Rc<Delivery>) -> Self {
        Self { body, delivery }
    }
}

impl Body for Delivered {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        self.delivery.waits_since.set(None);
        loop {
            let frame = Pin::new(&mut self.body).poll_frame(cx);
            match &frame {
                Poll::Ready(Some(Ok(frame))) if frame.is_trailers() => continue,
                // The library asks for the next piece when this one is taken.
                Poll::Ready(Some(Ok(_))) => self.delivery.waits_since.set(Some(Instant::now())),
                Poll::Ready(_) | Poll::Pending => {}
            }
            return frame;
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
