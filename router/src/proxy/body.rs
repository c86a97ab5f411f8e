//! Bodies in both directions: streamed as they come, never collected.
//!
//! A body from a hub holds the connection it comes on and gives it back to the pool only when its last byte was read;
//! one that fails stays an error to its end, so a broken answer never looks complete.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::Version;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;

use super::passive::Reader;
use super::pool::Lease;

/// Why a client's body is not whole.
#[derive(Debug, thiserror::Error)]
pub enum Broken {
    /// The connection or the stream broke.
    #[error(transparent)]
    Off(#[from] hyper::Error),
    /// The client reset its stream and called that no error: the library takes it for an end.
    #[error("the client reset the stream of its request")]
    Reset,
}

/// A body on its way to a hub.
#[derive(Debug)]
pub enum ToHub {
    /// Nothing.
    Empty,
    /// Bytes the router holds: a login form, a held start.
    Full(Option<Bytes>),
    /// What the client sends, as it sends it.
    Client(Incoming),
    /// The same on a stream of HTTP/2, whose library takes some resets for an end.
    Stream(Incoming),
}

impl ToHub {
    /// What a client sends in a request of this version.
    #[must_use]
    pub fn of_client(body: Incoming, version: Version) -> Self {
        if version == Version::HTTP_2 { Self::Stream(body) } else { Self::Client(body) }
    }

    /// Whether the request has no body at all.
    pub fn is_empty(&self) -> bool {
        self.is_end_stream()
    }
}

impl From<Bytes> for ToHub {
    fn from(bytes: Bytes) -> Self {
        if bytes.is_empty() { Self::Empty } else { Self::Full(Some(bytes)) }
    }
}

impl Body for ToHub {
    type Data = Bytes;
    type Error = Broken;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        match &mut *self {
            Self::Empty => Poll::Ready(None),
            Self::Full(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Self::Client(body) => Pin::new(body).poll_frame(cx).map_err(Broken::from),
            Self::Stream(body) => match ready!(Pin::new(&mut *body).poll_frame(cx)) {
                None if !body.is_end_stream() => Poll::Ready(Some(Err(Broken::Reset))),
                frame => Poll::Ready(frame.map(|frame| frame.map_err(Broken::from))),
            },
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Empty => true,
            Self::Full(bytes) => bytes.is_none(),
            Self::Client(body) | Self::Stream(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Empty => SizeHint::with_exact(0),
            Self::Full(bytes) => SizeHint::with_exact(bytes.as_ref().map_or(0, |bytes| bytes.len() as u64)),
            Self::Client(body) | Self::Stream(body) => body.size_hint(),
        }
    }
}

/// A body on its way to a client.
#[derive(Debug)]
pub enum ToClient {
    /// A page of the router's own.
    Own(Option<Bytes>),
    /// What a hub answers, as it answers it.
    Hub(FromHub),
}

/// An answer's body and the connection it comes on.
#[derive(Debug)]
pub struct FromHub {
    body: Incoming,
    lease: Option<Lease>,
    reader: Option<Box<Reader>>,
}

impl FromHub {
    /// The body that arrives on the connection of `lease`.
    pub fn new(body: Incoming, lease: Option<Lease>) -> Self {
        let mut this = Self { body, lease, reader: None };
        this.give_back_at_end();
        this
    }

    fn give_back_at_end(&mut self) {
        if self.body.is_end_stream()
            && let Some(lease) = self.lease.take()
        {
            lease.give_back();
        }
    }
}

impl ToClient {
    /// The same body, with `reader` looking at its bytes as they pass.
    pub fn read_along(mut self, reader: Reader) -> Self {
        if let Self::Hub(from) = &mut self {
            from.reader = Some(Box::new(reader));
        }
        self
    }
}

impl From<Bytes> for ToClient {
    fn from(bytes: Bytes) -> Self {
        Self::Own((!bytes.is_empty()).then_some(bytes))
    }
}

impl Body for ToClient {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        match &mut *self {
            Self::Own(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Self::Hub(from) => {
                let frame = Pin::new(&mut from.body).poll_frame(cx);
                match &frame {
                    Poll::Ready(Some(Err(_))) => from.lease = None,
                    Poll::Ready(frame) => {
                        if let (Some(reader), Some(Ok(frame))) = (&mut from.reader, frame)
                            && let Some(bytes) = frame.data_ref()
                        {
                            reader.read(bytes);
                        }
                        // hyper asks no further once a body says that it is at its end.
                        from.give_back_at_end();
                    }
                    Poll::Pending => {}
                }
                frame
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Own(bytes) => bytes.is_none(),
            Self::Hub(from) => from.body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Own(bytes) => SizeHint::with_exact(bytes.as_ref().map_or(0, |bytes| bytes.len() as u64)),
            Self::Hub(from) => from.body.size_hint(),
        }
    }
}
