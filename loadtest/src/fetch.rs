//! A small HTTP/1.1 client: one request on one fresh connection, nothing followed, nothing remembered.
//!
//! For simulated hubs that ask a provider, and for conversations that must see every answer as it is.

use std::io;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// Sends `request` to `authority` (`host:port`) and returns the answer before its body is read.
///
/// # Errors
///
/// When there is no connection, no HTTP, or no answer within a minute.
pub(crate) async fn open(authority: &str, request: Request<Full<Bytes>>) -> io::Result<Response<Incoming>> {
    let asked = async {
        let stream = TcpStream::connect(authority).await?;
        stream.set_nodelay(true)?;
        let (mut sender, connection) =
            http1::handshake(TokioIo::new(stream)).await.map_err(io::Error::other)?;
        tokio::spawn(connection.with_upgrades());
        sender.send_request(request).await.map_err(io::Error::other)
    };
    tokio::time::timeout(PATIENCE, asked).await.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))?
}

/// As [`open`], with the body read to its end.
///
/// # Errors
///
/// As [`open`]; also when the body breaks off.
pub(crate) async fn send(authority: &str, request: Request<Full<Bytes>>) -> io::Result<Response<Bytes>> {
    let (head, body) = open(authority, request).await?.into_parts();
    let read = tokio::time::timeout(PATIENCE, body.collect()).await;
    let whole = read.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))?.map_err(io::Error::other)?;
    Ok(Response::from_parts(head, whole.to_bytes()))
}

/// The `host:port` of an `http://` address, and what follows it.
pub(crate) fn authority(url: &str) -> Option<(&str, &str)> {
    let rest = url.strip_prefix("http://")?;
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    (!authority.is_empty()).then_some((authority, path))
}
