//! TLS handshakes of clients: bounded in time and in number, and one computes at a time.
//!
//! A handshake costs a thousand times what a request does, and who asks for it may be anybody. So whoever says nothing costs a
//! socket and nothing else; at the bound the handshake that has taken longest is given up, which is hardly ever an honest one; and
//! between two computations everything else of the thread gets its turn. What is spoken inside is left to `serve`.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::future::poll_fn;
use std::io;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use rustls::ServerConfig;
use rustls::server::Acceptor;
use tokio::net::TcpStream;
use tokio::sync::{Notify, Semaphore};
use tokio::time::timeout;
use tokio_rustls::LazyConfigAcceptor;
use tokio_rustls::server::TlsStream;

use super::counts::Counts;
use super::farewell;

/// How long a client may take from its connection to the end of the handshake.
const WITHIN: Duration = Duration::from_secs(10);
/// Handshakes under way on one thread; a connection in one takes some 10 KiB.
const AT_ONCE: usize = 1024;

/// The content type of a TLS record that carries a handshake (RFC 8446 5.1).
const HANDSHAKE_RECORD: u8 = 22;
const PLAIN_HTTP: &[u8] = b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\nCache-Control: no-store\r\n\
    Content-Length: 61\r\nConnection: close\r\n\r\nThis port speaks https. Use https:// instead of http:// here\n";

/// The handshakes under way on one thread.
pub struct Handshakes {
    /// By the order in which they began.
    under_way: RefCell<BTreeMap<u64, Rc<Notify>>>,
    begun: Cell<u64>,
    /// Held by the one that computes.
    turn: Semaphore,
}

/// Why a client connection never became one.
#[derive(Debug, thiserror::Error)]
pub enum NoHandshake {
    /// It took too long.
    #[error("the handshake took longer than {WITHIN:?}")]
    Late,
    /// So many handshakes were under way that the oldest was given up.
    #[error("given up for others: {AT_ONCE} handshakes were under way")]
    Shed,
    /// The client spoke plain HTTP, and was told so.
    #[error("plain HTTP where https is spoken")]
    PlainHttp,
    /// It broke off, or what it said is no TLS that is spoken here.
    #[error("{0}")]
    Failed(#[from] io::Error),
}

impl Default for Handshakes {
    fn default() -> Self {
        Self { under_way: RefCell::default(), begun: Cell::new(0), turn: Semaphore::new(1) }
    }
}

impl Handshakes {
    /// Agrees on TLS with a client.
    ///
    /// # Errors
    ///
    /// See [`NoHandshake`]; the connection is closed.
    pub async fn accept(
        &self,
        stream: TcpStream,
        config: Arc<ServerConfig>,
        counts: &Counts,
    ) -> Result<TlsStream<TcpStream>, NoHandshake> {
        let _counted = counts.handshakes.begin();
        let going = self.begin();
        let done = tokio::select! {
            biased;
            () = going.given_up.notified() => Err(NoHandshake::Shed),
            done = timeout(WITHIN, self.agree(stream, config)) => done.unwrap_or(Err(NoHandshake::Late)),
        };
        counts.handshakes.ended(done.as_ref().map(|_| ()));
        done
    }

    /// One more; the oldest makes room.
    fn begin(&self) -> Going<'_> {
        let mut under_way = self.under_way.borrow_mut();
        if under_way.len() >= AT_ONCE
            && let Some((_, oldest)) = under_way.pop_first()
        {
            oldest.notify_one();
        }
        let (number, given_up) = (self.begun.get(), Rc::new(Notify::new()));
        self.begun.set(number + 1);
        under_way.insert(number, Rc::clone(&given_up));
        Going { all: self, number, given_up }
    }

    async fn agree(
        &self,
        stream: TcpStream,
        config: Arc<ServerConfig>,
    ) -> Result<TlsStream<TcpStream>, NoHandshake> {
        // Nothing is made for a client that says nothing.
        let mut first = [0];
        match stream.peek(&mut first).await? {
            0 => return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into()),
            _ if first[0] == HANDSHAKE_RECORD => {}
            _ if first[0].is_ascii_uppercase() => {
                farewell::say(stream, PLAIN_HTTP).await;
                return Err(NoHandshake::PlainHttp);
            }
            // What it is, the library says; the client gets an alert.
            _ => {}
        }
        let hello = LazyConfigAcceptor::new(Acceptor::default(), stream).await?;
        // Open as long as the thread lives.
        let turn = self.turn.acquire().await.map_err(io::Error::other)?;
        let mut agreeing = pin!(hello.into_stream(config));
        // Keys are made and a signature computed in this one step, which waits for nothing.
        let first = poll_fn(|cx| Poll::Ready(agreeing.as_mut().poll(cx))).await;
        tokio::task::yield_now().await;
        drop(turn);
        match first {
            Poll::Ready(done) => Ok(done?),
            Poll::Pending => Ok(agreeing.await?),
        }
    }
}

/// A handshake under way; off the list when dropped.
struct Going<'a> {
    all: &'a Handshakes,
    number: u64,
    given_up: Rc<Notify>,
}

impl Drop for Going<'_> {
    fn drop(&mut self) {
        self.all.under_way.borrow_mut().remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_client_is_told_that_speaks_plain_http_is_as_long_as_it_says() {
        let text = std::str::from_utf8(PLAIN_HTTP).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(head.contains(&format!("Content-Length: {}\r\n", body.len())), "{}", body.len());
    }

    #[test]
    fn at_the_bound_the_oldest_handshake_makes_room() {
        let all = Handshakes::default();
        let mut going: Vec<Going<'_>> = (0..AT_ONCE).map(|_| all.begin()).collect();
        // One that has ended is not the oldest any more.
        drop(going.remove(0));
        going.push(all.begin());
        assert!(going.iter().all(|going| all.under_way.borrow().contains_key(&going.number)));

        let newest = all.begin();

        let under_way = all.under_way.borrow();
        assert!(!under_way.contains_key(&going[0].number) && under_way.contains_key(&newest.number));
        assert_eq!(under_way.len(), AT_ONCE);
        drop(under_way);
        let told = futures_util::FutureExt::now_or_never(going[0].given_up.notified());
        assert!(told.is_some(), "it was not told");
    }
}
