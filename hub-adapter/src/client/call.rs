//! One HTTP/1.1 exchange with a hub: a fresh connection, bounded in time and in size, no redirects followed.
//!
//! What is asked and what an answer means is left to [`super::HubClient`] and [`crate::probe`].

use std::error::Error;
use std::future::Future;
use std::io;
use std::pin::pin;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode, header};
use http_body_util::{BodyExt, Empty, LengthLimitError, Limited};
use hubrouter_config::{HubTls, HubUrl};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};

use super::resolve::Resolver;
use crate::secure::{Link, tls_trouble};

/// Most bytes of an answer's head: far above what a hub sends, far below what would hurt.
const HEAD_BYTES: usize = 64 * 1024;
const HEADERS: usize = 100;

/// What is asked of a hub, always without a body.
#[derive(Debug)]
pub(crate) struct Question {
    pub method: Method,
    /// Path and query, `base_url` included.
    pub path: String,
    /// Sent as they are; `Host` is that of the hub unless it is among them.
    pub headers: HeaderMap,
    /// Most bytes of the answer's body; `None` reads the head only.
    pub body_limit: Option<usize>,
}

/// What came back, whatever its status.
#[derive(Debug)]
pub(crate) struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

/// Why nothing usable came back.
#[derive(Debug)]
pub(crate) enum Fault {
    /// No connection: nothing was sent.
    Connect(io::Error),
    /// Asked, but no whole answer came within the time.
    Late,
    /// Asked, but the connection ended before the answer did.
    Lost(hyper::Error),
    /// Asked, and what came is not HTTP or larger than allowed.
    Unreadable(Box<dyn Error + Send + Sync>),
}

/// Where a question is put: an address of a hub, and the hub's TLS settings.
#[derive(Clone, Copy, Debug)]
pub(crate) struct At<'a> {
    pub url: &'a HubUrl,
    pub tls: Option<&'a HubTls>,
}

/// Asks `question` there, all within `within`.
pub(crate) async fn ask(
    resolver: &Resolver,
    at: At<'_>,
    question: Question,
    within: Duration,
) -> Result<Answer, Fault> {
    let At { url, tls } = at;
    let deadline = Instant::now() + within;
    let request = request(url, &question)?;
    let stream = connect(resolver, url, deadline).await.map_err(Fault::Connect)?;
    // Small requests, asked once: waiting for more bytes would only cost time. A refusal changes nothing.
    let _ = stream.set_nodelay(true);
    let secured = timeout_at(deadline, resolver.trusts().secure(url, tls, stream));
    let limit = question.body_limit;
    let answered = match secured.await.map_err(|_elapsed| Fault::Connect(late(url)))? {
        Ok(Link::Plain(stream)) => timeout_at(deadline, converse(stream, request, limit)).await,
        Ok(Link::Tls(stream)) => timeout_at(deadline, converse(stream, request, limit)).await,
        Err(error) => return Err(Fault::Connect(error)),
    };
    answered.unwrap_or(Err(Fault::Late))
}

fn request(url: &HubUrl, question: &Question) -> Result<Request<Empty<Bytes>>, Fault> {
    let unsendable = |error: http::Error| Fault::Connect(io::Error::new(io::ErrorKind::InvalidInput, error));
    let mut request = Request::builder()
        .method(question.method.clone())
        .uri(question.path.as_str())
        .body(Empty::new())
        .map_err(unsendable)?;
    *request.headers_mut() = question.headers.clone();
    if !question.headers.contains_key(header::HOST) {
        let host = HeaderValue::from_str(url.authority()).map_err(|error| unsendable(error.into()))?;
        request.headers_mut().insert(header::HOST, host);
    }
    if question.method != Method::GET {
        // Without it a request that may have a body is one of unknown length to some servers.
        request.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from_static("0"));
    }
    // One call, one connection: the hub may forget it at once.
    request.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    Ok(request)
}

/// Connects to the first address that answers; each gets its share of the time that is left.
async fn connect(resolver: &Resolver, url: &HubUrl, deadline: Instant) -> io::Result<TcpStream> {
    let addresses = timeout_at(deadline, resolver.addresses(url)).await.map_err(|_elapsed| late(url))??;
    let mut last = late(url);
    for (tried, address) in addresses.iter().enumerate() {
        let share = deadline.saturating_duration_since(Instant::now())
            / u32::try_from(addresses.len() - tried).unwrap_or(u32::MAX);
        match tokio::time::timeout(share, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) => last = io::Error::new(error.kind(), format!("{address}: {error}")),
            Err(_elapsed) => {
                last = io::Error::new(io::ErrorKind::TimedOut, format!("{address} did not answer"));
            }
        }
    }
    Err(last)
}

fn late(url: &HubUrl) -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, format!("`{}` did not answer", url.authority()))
}

async fn converse(
    stream: impl AsyncRead + AsyncWrite + Unpin,
    request: Request<Empty<Bytes>>,
    body_limit: Option<usize>,
) -> Result<Answer, Fault> {
    let (mut sender, connection) = http1::Builder::new()
        .max_headers(HEADERS)
        .max_buf_size(HEAD_BYTES)
        .handshake::<_, Empty<Bytes>>(TokioIo::new(stream))
        .await
        .map_err(broken)?;
    let exchange = async move {
        let (head, body) = sender.send_request(request).await.map_err(broken)?.into_parts();
        let body = match body_limit {
            Some(limit) => Limited::new(body, limit).collect().await.map_err(|e| cut(e, limit))?.to_bytes(),
            None => Bytes::new(),
        };
        Ok(Answer { status: head.status, headers: head.headers, body })
    };
    beside(exchange, connection).await
}

/// Runs `work` to its end while `connection` moves its bytes.
async fn beside<T>(work: impl Future<Output = T>, connection: impl Future) -> T {
    let mut work = pin!(work);
    let connection = pin!(connection);
    tokio::select! {
        biased;
        done = &mut work => done,
        // The connection is over; what it brought, or why it failed, is waiting inside `work`.
        _ = connection => work.await,
    }
}

fn broken(error: hyper::Error) -> Fault {
    if tls_trouble(&error).is_some() {
        return Fault::Lost(error);
    }
    if error.is_parse() || error.is_parse_too_large() || is_malformed_body(&error) {
        Fault::Unreadable(error.into())
    } else {
        Fault::Lost(error)
    }
}

/// A body whose framing makes no sense; hyper keeps that in the source.
fn is_malformed_body(error: &hyper::Error) -> bool {
    let source = error.source().and_then(|source| source.downcast_ref::<io::Error>());
    source.is_some_and(|io| matches!(io.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData))
}

fn cut(error: Box<dyn Error + Send + Sync>, limit: usize) -> Fault {
    if error.is::<LengthLimitError>() {
        return Fault::Unreadable(format!("the answer is longer than {limit} bytes").into());
    }
    match error.downcast::<hyper::Error>() {
        Ok(error) => broken(*error),
        Err(other) => Fault::Unreadable(other),
    }
}
