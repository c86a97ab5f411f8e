//! Frames by hand (RFC 9113 4): what no library would send.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::client::TlsStream;

use super::super::support::wire::PATIENCE;
use super::Front;

pub const DATA: u8 = 0;
pub const HEADERS: u8 = 1;
pub const PRIORITY: u8 = 2;
pub const RST_STREAM: u8 = 3;
pub const SETTINGS: u8 = 4;
pub const PING: u8 = 6;
pub const GOAWAY: u8 = 7;
pub const WINDOW_UPDATE: u8 = 8;
pub const CONTINUATION: u8 = 9;
pub const END_STREAM: u8 = 1;
pub const END_HEADERS: u8 = 4;

pub const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// A connection after the preface and empty settings.
pub struct Raw {
    pub stream: TlsStream<TcpStream>,
}

#[derive(Debug)]
pub struct Frame {
    pub kind: u8,
    pub flags: u8,
    pub stream: u32,
    pub payload: Vec<u8>,
}

pub fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap();
    let mut bytes = length.to_be_bytes()[1..].to_vec();
    bytes.extend([kind, flags]);
    bytes.extend(stream.to_be_bytes());
    bytes.extend(payload);
    bytes
}

/// Fields, each literal and without a trace in the table (RFC 7541 6.2.2).
pub fn block(fields: &[(&str, &str)]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (name, value) in fields {
        bytes.push(0);
        for text in [name, value] {
            assert!(text.len() < 127);
            bytes.push(u8::try_from(text.len()).unwrap());
            bytes.extend(text.as_bytes());
        }
    }
    bytes
}

/// A request for a server's file.
pub const GOOD: &[(&str, &str)] =
    &[(":method", "GET"), (":scheme", "https"), (":path", "/user/ada/x"), (":authority", super::SITE)];

impl Raw {
    pub async fn open(front: &Front) -> Self {
        let mut raw = Self { stream: front.tls().await };
        raw.say(&[PREFACE, &frame(SETTINGS, 0, 0, &[])].concat()).await;
        raw
    }

    pub async fn say(&mut self, bytes: &[u8]) {
        let all = async {
            self.stream.write_all(bytes).await?;
            self.stream.flush().await
        };
        timeout(PATIENCE, all).await.expect("the router reads").unwrap();
    }

    /// The same, unless the connection has ended.
    pub async fn says(&mut self, bytes: &[u8]) -> bool {
        timeout(PATIENCE, self.stream.write_all(bytes)).await.expect("the router reads").is_ok()
    }

    /// A whole request without a body.
    pub async fn request(&mut self, stream: u32, fields: &[(&str, &str)]) {
        self.say(&frame(HEADERS, END_HEADERS | END_STREAM, stream, &block(fields))).await;
    }

    /// A request with a cookie of so many bytes.
    pub async fn long_request(&mut self, stream: u32, cookie: usize) {
        let mut fields = block(GOOD);
        fields.extend([0, 6]);
        fields.extend(b"cookie");
        // A length of several bytes (RFC 7541 5.1).
        let mut left = cookie - 127;
        fields.push(127);
        while left >= 128 {
            fields.push(u8::try_from(left % 128).unwrap() | 128);
            left /= 128;
        }
        fields.push(u8::try_from(left).unwrap());
        fields.extend(std::iter::repeat_n(b'x', cookie));
        let mut pieces = fields.chunks(16 * 1024).peekable();
        let mut kind = HEADERS;
        while let Some(piece) = pieces.next() {
            let end = if pieces.peek().is_none() { END_HEADERS } else { 0 };
            let own = if kind == HEADERS { END_STREAM } else { 0 };
            self.say(&frame(kind, end | own, stream, piece)).await;
            kind = CONTINUATION;
        }
    }

    /// Sends the same again and again, and takes what comes; whether the router ended the connection, after how many.
    pub async fn floods(self, times: usize, make: impl Fn(usize) -> Vec<u8>) -> (bool, usize) {
        let (mut reader, mut writer) = tokio::io::split(self.stream);
        let read = tokio::spawn(async move {
            let mut piece = vec![0; 64 * 1024];
            while !matches!(reader.read(&mut piece).await, Ok(0) | Err(_)) {}
        });
        for sent in 0..times {
            let written =
                timeout(PATIENCE, writer.write_all(&make(sent))).await.expect("the router reads or ends");
            if written.is_err() || read.is_finished() {
                return (true, sent);
            }
        }
        let _ = writer.flush().await;
        (timeout(Duration::from_secs(2), read).await.is_ok(), times)
    }

    /// The next frame, or nothing at the end of the connection.
    pub async fn next(&mut self) -> Option<Frame> {
        timeout(PATIENCE, self.read()).await.expect("a frame or an end comes")
    }

    async fn read(&mut self) -> Option<Frame> {
        let mut head = [0; 9];
        self.stream.read_exact(&mut head).await.ok()?;
        let [a, b, c, kind, flags, stream @ ..] = head;
        let length = usize::try_from(u32::from_be_bytes([0, a, b, c])).unwrap();
        let mut payload = vec![0; length];
        self.stream.read_exact(&mut payload).await.ok()?;
        Some(Frame { kind, flags, stream: u32::from_be_bytes(stream), payload })
    }

    /// The next frame of this kind, or nothing at the end.
    pub async fn until(&mut self, kind: u8) -> Option<Frame> {
        loop {
            let frame = self.next().await?;
            if frame.kind == kind {
                return Some(frame);
            }
        }
    }

    /// Whether an answer begins on this stream.
    pub async fn answered(&mut self, stream: u32) -> bool {
        self.first_of(stream, HEADERS).await
    }

    /// Whether the router resets this stream.
    pub async fn reset(&mut self, stream: u32) -> bool {
        self.first_of(stream, RST_STREAM).await
    }

    async fn first_of(&mut self, stream: u32, kind: u8) -> bool {
        loop {
            let Some(frame) = self.next().await else { return false };
            if frame.stream == stream && frame.kind != WINDOW_UPDATE {
                return frame.kind == kind;
            }
        }
    }
}
