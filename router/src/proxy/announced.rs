//! The PROXY protocol, version 2: a load balancer says who the client is before the client's own bytes (HAProxy,
//! `proxy-protocol.txt`, section 2.2).
//!
//! On a listener with `proxy_protocol` it is required of everybody and believed from `site.trusted_proxies` only: whoever else
//! comes is let go. Not a byte behind the header is read here.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::rc::Rc;
use std::time::Duration;

use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tracing::debug;

use super::door::Manner;
use super::worker::{Begun, Worker};

/// How long the header may take; it comes with the first packet.
const WITHIN: Duration = Duration::from_secs(5);

const SIGNATURE: [u8; 12] = *b"\r\n\r\n\0\r\nQUIT\n";
/// Version 2, and whether the connection is a client's or the balancer's own.
const LOCAL: u8 = 0x20;
const PROXY: u8 = 0x21;
/// TCP over IPv4 and over IPv6.
const TCP4: u8 = 0x11;
const TCP6: u8 = 0x21;
const UNSPECIFIED: u8 = 0x00;
/// What may follow the addresses: names, certificates.
const LONGEST: usize = 4096;

/// Why a connection was let go.
#[derive(Debug, thiserror::Error)]
enum NoHeader {
    #[error("no header within {WITHIN:?}")]
    Late,
    #[error("not a header of version 2")]
    Other,
    #[error("neither of a client nor of the balancer itself, or not over TCP")]
    Unknown,
    #[error("{0} bytes of addresses and more: too many, or too few")]
    Length(usize),
    #[error("broke off: {0}")]
    Broken(#[from] io::Error),
}

impl Worker {
    /// Serves a client whom a load balancer announces.
    pub(super) async fn announced(
        self: Rc<Self>,
        mut stream: TcpStream,
        peer: SocketAddr,
        manner: Manner,
        begun: Begun,
    ) {
        let ip = peer.ip().to_canonical();
        if !self.live().snapshot.config.site.trusted_proxies.iter().any(|net| net.contains(&ip)) {
            debug!(%peer, "let go: not one of site.trusted_proxies on a listener with proxy_protocol");
            return;
        }
        let header = tokio::select! {
            header = tokio::time::timeout(WITHIN, read(&mut stream)) => header.unwrap_or(Err(NoHeader::Late)),
            () = self.time_to_agree() => return,
        };
        match header {
            Ok(client) => self.admit(stream, client.unwrap_or(peer), manner, begun).await,
            Err(error) => debug!(%peer, %error, "let go: the PROXY protocol is required here"),
        }
    }
}

/// The client's address; nothing, where the balancer speaks for itself or does not know.
async fn read(stream: &mut TcpStream) -> Result<Option<SocketAddr>, NoHeader> {
    let mut head = [0; 16];
    stream.read_exact(&mut head).await?;
    let [command, family, high, low] = [head[12], head[13], head[14], head[15]];
    if head[..12] != SIGNATURE {
        return Err(NoHeader::Other);
    }
    let length = usize::from(u16::from_be_bytes([high, low]));
    if length > LONGEST {
        return Err(NoHeader::Length(length));
    }
    let mut rest = vec![0; length];
    stream.read_exact(&mut rest).await?;
    match (command, family) {
        (LOCAL, _) | (PROXY, UNSPECIFIED) => Ok(None),
        (PROXY, TCP4 | TCP6) => source(family, &rest).map(Some).ok_or(NoHeader::Length(length)),
        _ => Err(NoHeader::Unknown),
    }
}

/// Source address, destination address, source port, destination port; what follows is not needed.
fn source(family: u8, addresses: &[u8]) -> Option<SocketAddr> {
    let (ip, ports): (IpAddr, &[u8]) = if family == TCP4 {
        let (source, rest) = addresses.split_first_chunk::<4>()?;
        (Ipv4Addr::from(*source).into(), rest.get(4..8)?)
    } else {
        let (source, rest) = addresses.split_first_chunk::<16>()?;
        (Ipv6Addr::from(*source).into(), rest.get(16..20)?)
    };
    Some(SocketAddr::new(ip, u16::from_be_bytes([ports[0], ports[1]])))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_source_is_read_and_what_is_too_short_is_nobody() {
        let four = [203, 0, 113, 9, 10, 0, 0, 1, 0x13, 0x88, 0, 80];
        assert_eq!(source(TCP4, &four), Some("203.0.113.9:5000".parse().unwrap()));
        assert_eq!(source(TCP4, &[&four[..], b"more"].concat()), Some("203.0.113.9:5000".parse().unwrap()));
        let mut six = [0; 36];
        (six[0], six[1], six[15], six[33]) = (0x20, 0x01, 9, 7);
        assert_eq!(source(TCP6, &six), Some("[2001::9]:7".parse().unwrap()));
        for short in 0..12 {
            assert_eq!(source(TCP4, &four[..short]), None);
        }
        for short in 0..36 {
            assert_eq!(source(TCP6, &six[..short]), None);
        }
    }
}
