//! For tests: a hub that says what it was told to say, on a real socket, and remembers what it heard.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use hubrouter_config::{Hub, HubUrl};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// What the hub does once it has read a request's head.
#[derive(Clone)]
pub(crate) enum Play {
    /// Says this and closes.
    Say(String),
    /// Says this and then nothing more, for ever.
    SayAndHang(String),
    /// Says the first to the first request, the second to the second, and the last one to all others.
    InTurn(Vec<String>),
    /// Says the first, then the second again and again, as fast as it is read.
    SayEndlessly(String, String),
    /// Says the first, then the second every 10 ms.
    Drip(String, String),
}

pub(crate) struct PlayedHub {
    pub url: HubUrl,
    heard: Arc<Mutex<Vec<String>>>,
}

impl PlayedHub {
    pub(crate) async fn start(play: Play) -> PlayedHub {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
        let heard = Arc::new(Mutex::new(Vec::new()));
        let ears = Arc::clone(&heard);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(converse(stream, play.clone(), Arc::clone(&ears)));
            }
        });
        PlayedHub { url, heard }
    }

    pub(crate) async fn saying(text: impl Into<String>) -> PlayedHub {
        PlayedHub::start(Play::Say(text.into())).await
    }

    pub(crate) fn as_hub(&self) -> Hub {
        Hub::new("a".parse().unwrap(), self.url.clone())
    }

    /// The only request so far, in lower case.
    pub(crate) fn heard(&self) -> String {
        let heard = self.heard.lock().unwrap();
        assert_eq!(heard.len(), 1, "requests: {heard:?}");
        heard[0].to_lowercase()
    }

    /// All requests so far, in lower case.
    pub(crate) fn all_heard(&self) -> Vec<String> {
        self.heard.lock().unwrap().iter().map(|head| head.to_lowercase()).collect()
    }

    pub(crate) fn heard_count(&self) -> usize {
        self.heard.lock().unwrap().len()
    }
}

/// An address where nobody listens.
pub(crate) async fn nowhere() -> HubUrl {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    format!("http://{}", listener.local_addr().unwrap()).parse().unwrap()
}

/// A 200 with a body of this type.
pub(crate) fn ok(content_type: &str, body: &str) -> String {
    format!("HTTP/1.1 200 OK\r\nContent-Type: {content_type}\r\nContent-Length: {}\r\n\r\n{body}", body.len())
}

/// Another status, with these header lines and no body.
pub(crate) fn status(status: &str, headers: &[&str]) -> String {
    let headers: String = headers.iter().map(|line| format!("{line}\r\n")).collect();
    format!("HTTP/1.1 {status}\r\n{headers}Content-Length: 0\r\n\r\n")
}

async fn converse(mut stream: TcpStream, play: Play, heard: Arc<Mutex<Vec<String>>>) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => return,
        }
    }
    let turn = {
        let mut heard = heard.lock().unwrap();
        heard.push(String::from_utf8(head).unwrap());
        heard.len() - 1
    };
    match play {
        Play::Say(text) => drop(stream.write_all(text.as_bytes()).await),
        Play::InTurn(texts) => {
            drop(stream.write_all(texts[turn.min(texts.len() - 1)].as_bytes()).await);
        }
        Play::SayAndHang(text) => {
            stream.write_all(text.as_bytes()).await.unwrap();
            std::future::pending::<()>().await;
        }
        Play::SayEndlessly(first, again) => {
            let mut next = stream.write_all(first.as_bytes()).await;
            while next.is_ok() {
                next = stream.write_all(again.as_bytes()).await;
            }
        }
        Play::Drip(first, again) => {
            let mut next = stream.write_all(first.as_bytes()).await;
            while next.is_ok() {
                tokio::time::sleep(Duration::from_millis(10)).await;
                next = stream.write_all(again.as_bytes()).await;
            }
        }
    }
}
