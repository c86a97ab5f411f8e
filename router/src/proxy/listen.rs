//! Sockets that accept: one per thread and address, so that the kernel spreads connections and threads share nothing.

use std::io;
use std::net::{SocketAddr, TcpListener};

use socket2::{Domain, Protocol, Socket, Type};

/// How many connections may wait to be accepted on one socket; the kernel caps it at `net.core.somaxconn`.
const BACKLOG: i32 = 4096;

/// Opens `count` listening sockets on `address`. With port 0 all of them get the port that the first one got.
///
/// # Errors
///
/// The address is in use, not ours, or needs a privilege.
pub fn open(address: SocketAddr, count: usize) -> io::Result<Vec<TcpListener>> {
    refuse_taken(address)?;
    open_beside_ours(address, count)
}

/// The same where this process listens on the port already: on another address that may contain this one.
///
/// # Errors
///
/// As [`open`]; only another process that shares the port, as a second router does, is not noticed.
pub fn open_beside_ours(address: SocketAddr, count: usize) -> io::Result<Vec<TcpListener>> {
    let first = open_one(address)?;
    let bound = first.local_addr()?;
    let mut sockets = vec![first];
    for _ in 1..count {
        sockets.push(open_one(bound)?);
    }
    Ok(sockets)
}

/// Sockets that share a port also share it with those of another process, silently; one that shares with nobody cannot be
/// bound beside them. A router that starts in the instant between this and our own sockets is not noticed.
fn refuse_taken(address: SocketAddr) -> io::Result<()> {
    // For port 0 a free one is found anyway.
    if address.port() == 0 {
        return Ok(());
    }
    let trial = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    trial.set_reuse_address(true)?;
    trial.bind(&address.into())
}

fn open_one(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    // A restart must not wait for connections of the process before (TIME_WAIT).
    socket.set_reuse_address(true)?;
    socket.set_reuse_port(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_thread_gets_a_socket_on_the_same_port() {
        let sockets = open("127.0.0.1:0".parse().unwrap(), 3).unwrap();
        let ports: Vec<u16> = sockets.iter().map(|socket| socket.local_addr().unwrap().port()).collect();
        assert_eq!(ports.len(), 3);
        assert!(ports.iter().all(|port| *port == ports[0]));
    }

    #[test]
    fn a_port_that_others_share_is_taken_all_the_same() {
        let theirs = open("127.0.0.1:0".parse().unwrap(), 2).unwrap();
        let address = theirs[0].local_addr().unwrap();

        assert_eq!(open(address, 2).unwrap_err().kind(), io::ErrorKind::AddrInUse);
        let everywhere = SocketAddr::from(([0, 0, 0, 0], address.port()));
        assert_eq!(open(everywhere, 2).unwrap_err().kind(), io::ErrorKind::AddrInUse);
        assert_eq!(open_beside_ours(everywhere, 2).unwrap().len(), 2);
    }

    #[test]
    fn a_restart_does_not_wait_for_the_connections_of_the_process_before() {
        let before = open("127.0.0.1:0".parse().unwrap(), 1).unwrap();
        let address = before[0].local_addr().unwrap();
        let client = std::net::TcpStream::connect(address).unwrap();
        // Who closes first keeps the address in TIME_WAIT.
        drop(before[0].accept().unwrap());
        drop(before);
        drop(client);

        assert_eq!(open(address, 2).unwrap().len(), 2);
    }
}
