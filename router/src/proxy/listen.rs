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
    let first = open_one(address)?;
    let bound = first.local_addr()?;
    let mut sockets = vec![first];
    for _ in 1..count {
        sockets.push(open_one(bound)?);
    }
    Ok(sockets)
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
}
