//! One end of a TCP connection, byte for byte: what no HTTP library would send, or would hide.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsStream;

/// Long enough for a busy machine; whoever waits longer waits for nothing.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// The end of a connection that a test holds.
pub struct Wire {
    stream: Stream,
    read: Vec<u8>,
    /// How the peer ended it; nothing before.
    ended: Option<std::io::Result<()>>,
}

/// In clear, or inside TLS.
enum Stream {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl Stream {
    fn both(&mut self) -> &mut dyn ReadWrite {
        match self {
            Self::Plain(stream) => stream,
            Self::Tls(stream) => stream,
        }
    }

    fn socket(&self) -> &TcpStream {
        match self {
            Self::Plain(stream) => stream,
            Self::Tls(stream) => stream.get_ref().0,
        }
    }
}

trait ReadWrite: AsyncRead + AsyncWrite + Unpin + Send {}
impl<S: AsyncRead + AsyncWrite + Unpin + Send> ReadWrite for S {}

impl Wire {
    /// A connection to the router.
    pub async fn to(address: SocketAddr) -> Self {
        Self::new(TcpStream::connect(address).await.expect("somebody listens"))
    }

    pub fn new(stream: TcpStream) -> Self {
        stream.set_nodelay(true).unwrap();
        Self { stream: Stream::Plain(stream), read: Vec::new(), ended: None }
    }

    /// After the handshake.
    pub fn secured(stream: impl Into<TlsStream<TcpStream>>) -> Self {
        Self { stream: Stream::Tls(Box::new(stream.into())), read: Vec::new(), ended: None }
    }

    /// What the TLS library knows of the connection.
    pub fn session(&self) -> &rustls::CommonState {
        match &self.stream {
            Stream::Plain(_) => panic!("a connection in clear has no session"),
            Stream::Tls(stream) => stream.get_ref().1,
        }
    }

    /// The peer ended the connection as TLS wants it: with a word, so that nothing can be missing.
    pub fn ended_with_a_word(&self) -> bool {
        matches!(self.ended, Some(Ok(())))
    }

    /// Sends bytes; it must be possible to send them.
    pub async fn say(&mut self, bytes: impl AsRef<[u8]>) {
        let all = async {
            self.stream.both().write_all(bytes.as_ref()).await?;
            self.stream.both().flush().await
        };
        let sent = timeout(PATIENCE, all).await.expect("the peer reads");
        sent.expect("the peer is there");
    }

    /// Sends bytes until the peer takes no more for a moment, or all are sent; how many it took.
    pub async fn push(&mut self, piece: &[u8], total: usize) -> usize {
        let mut sent = 0;
        while sent < total {
            match timeout(Duration::from_millis(500), self.stream.both().write(piece)).await {
                Ok(Ok(took)) => sent += took,
                Ok(Err(_)) | Err(_) => break,
            }
        }
        sent
    }

    /// A head up to and with its empty line.
    pub async fn head(&mut self) -> String {
        self.until("\r\n\r\n").await
    }

    /// The next head, or nothing when the peer is done.
    pub async fn next_head(&mut self) -> Option<String> {
        if self.read.is_empty() && !self.more().await {
            return None;
        }
        Some(self.head().await)
    }

    /// Exactly so many bytes.
    pub async fn bytes(&mut self, count: usize) -> String {
        while self.read.len() < count {
            assert!(self.more().await, "the connection ended before {count} bytes: {:?}", self.so_far());
        }
        let bytes: Vec<u8> = self.read.drain(..count).collect();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Everything up to and with this text.
    pub async fn until(&mut self, text: &str) -> String {
        let mut searched = 0;
        loop {
            let found =
                self.read[searched..].windows(text.len()).position(|window| window == text.as_bytes());
            if let Some(at) = found {
                return self.bytes(searched + at + text.len()).await;
            }
            searched = self.read.len().saturating_sub(text.len() - 1);
            assert!(self.more().await, "the connection ended before {text:?}: {:?}", self.so_far());
        }
    }

    /// Everything until the peer ends the connection, whether orderly or not.
    pub async fn rest(&mut self) -> String {
        while self.more().await {}
        String::from_utf8_lossy(&std::mem::take(&mut self.read)).into_owned()
    }

    /// The peer ends the connection without another byte.
    pub async fn ends(&mut self) {
        let rest = self.rest().await;
        assert_eq!(rest, "", "bytes came instead of an end");
    }

    /// No byte and no end comes for so long.
    pub async fn is_silent_for(&mut self, time: Duration) {
        assert_eq!(self.so_far(), "", "bytes came");
        let mut byte = [0];
        let came = timeout(time, self.stream.both().read(&mut byte)).await;
        assert!(came.is_err(), "{came:?} came: {byte:?}");
    }

    /// Says that nothing more is sent; the other direction stays open.
    pub async fn half_close(&mut self) {
        self.stream.both().shutdown().await.unwrap();
    }

    /// Ends the connection as a process does that dies: with a reset.
    pub fn reset(self) {
        let socket = socket2::SockRef::from(self.stream.socket());
        socket.set_linger(Some(Duration::ZERO)).unwrap();
    }

    /// Takes in small steps: the kernel holds little for this end.
    pub fn with_small_buffer(self) -> Self {
        socket2::SockRef::from(self.stream.socket()).set_recv_buffer_size(4096).unwrap();
        self
    }

    fn so_far(&self) -> String {
        String::from_utf8_lossy(&self.read).into_owned()
    }

    async fn more(&mut self) -> bool {
        let mut piece = vec![0; 64 * 1024];
        let read = timeout(PATIENCE, self.stream.both().read(&mut piece)).await;
        match read.unwrap_or_else(|_| panic!("nothing came in {PATIENCE:?} after {:?}", self.so_far())) {
            Ok(0) => {
                self.ended = Some(Ok(()));
                false
            }
            Err(error) => {
                self.ended = Some(Err(error));
                false
            }
            Ok(count) => {
                self.read.extend_from_slice(&piece[..count]);
                true
            }
        }
    }
}

/// The value of a field in a head.
pub fn field<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    let mut fields = head.lines().filter_map(|line| line.split_once(':'));
    fields.find(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
}
