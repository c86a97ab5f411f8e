//! One side of a tunnel: bytes in and out of a socket, in clear or inside TLS.
//!
//! Both directions of a tunnel use a side at once, by reference, on one thread. What is read goes into the buffer of the caller, so
//! that nothing is held while nothing moves. The tunnel is made by the compiler for each kind of side: in clear a read is the
//! system call and nothing else.

use std::cell::{Cell, RefCell};
use std::io::{self, Read, Write};
use std::net::Shutdown;

use rustls::Connection;
use tokio::net::TcpStream;

/// One side of a tunnel.
pub trait Wire {
    /// Until there may be something to read.
    async fn readable(&self) -> io::Result<()>;
    /// Reads what is there, 0 at the end.
    fn try_read(&self, buffer: &mut [u8]) -> io::Result<usize>;
    /// Takes as much as fits; what it took may still have to be flushed.
    fn try_write(&self, bytes: &[u8]) -> io::Result<usize>;
    /// Until more may fit.
    async fn writable(&self) -> io::Result<()>;
    /// Until everything that was taken is on its way.
    async fn flush(&self) -> io::Result<()>;
    /// Says that nothing more is written; reading goes on.
    async fn shutdown(&self) -> io::Result<()>;

    /// Writes all of it.
    async fn write_all(&self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            match self.try_write(bytes) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => bytes = &bytes[written..],
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.writable().await?,
                Err(error) => return Err(error),
            }
        }
        self.flush().await
    }
}

impl Wire for TcpStream {
    async fn readable(&self) -> io::Result<()> {
        Self::readable(self).await
    }

    fn try_read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        Self::try_read(self, buffer)
    }

    fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        Self::try_write(self, bytes)
    }

    async fn writable(&self) -> io::Result<()> {
        Self::writable(self).await
    }

    async fn flush(&self) -> io::Result<()> {
        Ok(())
    }

    async fn shutdown(&self) -> io::Result<()> {
        match socket2::SockRef::from(self).shutdown(Shutdown::Write) {
            // The peer is gone already.
            Err(error) if error.kind() == io::ErrorKind::NotConnected => Ok(()),
            done => done,
        }
    }
}

/// A socket with TLS, of a client or of a hub, after the handshake.
pub struct Sealed {
    socket: TcpStream,
    session: RefCell<Connection>,
    /// Something may be there that the socket does not tell of: it was read and decrypted, or not looked at yet.
    unread: Cell<bool>,
}

impl Sealed {
    /// Goes on where a stream has come to; what it has decrypted and nobody has read comes first.
    pub fn new(socket: TcpStream, session: Connection) -> Self {
        Self { socket, session: RefCell::new(session), unread: Cell::new(true) }
    }

    /// Sends what is sealed and waits; an error of kind `WouldBlock` when not all of it fits.
    fn push(&self) -> io::Result<()> {
        let mut session = self.session.borrow_mut();
        while session.wants_write() {
            session.write_tls(&mut Raw(&self.socket))?;
        }
        Ok(())
    }

    /// One more read from the socket; `false` at its end.
    fn pull(&self) -> io::Result<bool> {
        let mut session = self.session.borrow_mut();
        if session.read_tls(&mut Raw(&self.socket))? == 0 {
            return Ok(false);
        }
        let taken = session.process_new_packets();
        drop(session);
        // An answer of the protocol itself, or the alert that says what was wrong; when it does not fit it goes with the next bytes.
        match self.push() {
            Err(error) if error.kind() != io::ErrorKind::WouldBlock && taken.is_ok() => return Err(error),
            _ => {}
        }
        taken.map(|_| true).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
    }

    fn take(&self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.session.borrow_mut().reader().read(buffer) {
            // An end without a word (RFC 8446 6.1): over plain TCP nobody would know either. A WebSocket says itself whether it
            // was complete.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(0),
            read => read,
        }
    }
}

/// On the heap: a tunnel in clear does not carry the size of a session.
impl Wire for Box<Sealed> {
    async fn readable(&self) -> io::Result<()> {
        if self.unread.get() {
            // Who sends without end must not keep the thread for itself.
            tokio::task::coop::consume_budget().await;
            return Ok(());
        }
        self.socket.readable().await
    }

    fn try_read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.take(buffer) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                read => {
                    self.unread.set(true);
                    return read;
                }
            }
            match self.pull() {
                Ok(true) => {}
                // The session knows now, too, and says so to the reader.
                Ok(false) => return self.take(buffer).or(Ok(0)),
                Err(error) => {
                    self.unread.set(false);
                    return Err(error);
                }
            }
        }
    }

    fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        // What was sealed before goes first: no more than one buffer of the caller is ever held here.
        self.push()?;
        let taken = self.session.borrow_mut().writer().write(bytes)?;
        match self.push() {
            Err(error) if error.kind() != io::ErrorKind::WouldBlock => Err(error),
            _ => Ok(taken),
        }
    }

    async fn writable(&self) -> io::Result<()> {
        self.socket.writable().await
    }

    async fn flush(&self) -> io::Result<()> {
        loop {
            match self.push() {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.socket.writable().await?,
                done => return done,
            }
        }
    }

    async fn shutdown(&self) -> io::Result<()> {
        self.session.borrow_mut().send_close_notify();
        self.flush().await?;
        Wire::shutdown(&self.socket).await
    }
}

/// The socket as the TLS library reads and writes it: at once or not at all.
struct Raw<'a>(&'a TcpStream);

impl Read for Raw<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.try_read(buffer)
    }
}

impl Write for Raw<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.try_write(bytes)
    }

    fn write_vectored(&mut self, pieces: &[io::IoSlice<'_>]) -> io::Result<usize> {
        self.0.try_write_vectored(pieces)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
