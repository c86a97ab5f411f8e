//! A small browser for tests: cookies by path, redirects on demand, WebSockets.

use std::collections::BTreeMap;

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use http::{HeaderMap, Request};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;

pub struct Browser {
    authority: String,
    /// By name and path.
    pub cookies: BTreeMap<(String, String), String>,
}

pub struct Page {
    pub status: u16,
    pub headers: HeaderMap,
    pub text: String,
}

impl Page {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.text).unwrap()
    }
}

impl Browser {
    pub fn at(url: &str) -> Browser {
        Browser { authority: url.trim_start_matches("http://").to_owned(), cookies: BTreeMap::new() }
    }

    fn header(&self, path: &str) -> String {
        let fitting = self.cookies.iter().filter(|((_, at), _)| path.starts_with(at.as_str()));
        fitting.map(|((name, _), value)| format!("{name}={value}")).collect::<Vec<_>>().join("; ")
    }

    pub fn cookie(&self, name: &str, path: &str) -> String {
        self.cookies.get(&(name.to_owned(), path.to_owned())).cloned().unwrap_or_default()
    }

    pub async fn open(
        &mut self,
        request: http::request::Builder,
        path: &str,
        body: Vec<u8>,
    ) -> hyper::Result<http::Response<Incoming>> {
        let stream = TcpStream::connect(&self.authority).await.unwrap();
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        let bare = path.split('?').next().unwrap();
        let mut request = request.uri(path).header("host", &self.authority);
        let cookies = self.header(bare);
        if !cookies.is_empty() {
            request = request.header("cookie", cookies);
        }
        let answer = sender.send_request(request.body(Full::new(Bytes::from(body))).unwrap()).await?;
        for line in answer.headers().get_all("set-cookie") {
            self.take(line.to_str().unwrap());
        }
        Ok(answer)
    }

    fn take(&mut self, line: &str) {
        let (pair, rest) = line.split_once(';').unwrap_or((line, ""));
        let (name, value) = pair.split_once('=').unwrap();
        let path = rest.split(';').find_map(|part| part.trim().strip_prefix("Path=")).unwrap_or("/");
        let key = (name.to_owned(), path.to_owned());
        match value {
            "\"\"" => drop(self.cookies.remove(&key)),
            value => drop(self.cookies.insert(key, value.to_owned())),
        }
    }

    pub async fn send(&mut self, request: http::request::Builder, path: &str, body: &str) -> Page {
        let answer = self.open(request, path, body.as_bytes().to_vec()).await.unwrap();
        let (head, body) = answer.into_parts();
        let text = body.collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
        Page {
            status: head.status.as_u16(),
            headers: head.headers,
            text: String::from_utf8_lossy(&text).into_owned(),
        }
    }

    pub async fn get(&mut self, path: &str) -> Page {
        self.send(Request::get("/"), path, "").await
    }

    /// Follows redirects, at most ten.
    pub async fn visit(&mut self, path: &str) -> Page {
        let mut page = self.get(path).await;
        for _ in 0..10 {
            if !(300..400).contains(&page.status) {
                break;
            }
            let location = page.header("location").to_owned();
            page = self.get(&location).await;
        }
        page
    }

    pub async fn post(&mut self, path: &str, form: &str) -> Page {
        let request = Request::post("/").header("content-type", "application/x-www-form-urlencoded");
        self.send(request, path, form).await
    }

    /// Logs in by form at a hub that stands at `base`.
    pub async fn log_in(&mut self, base: &str, user: &str) -> Page {
        self.get(&format!("{base}hub/login")).await;
        let xsrf = self.cookie("_xsrf", &format!("{base}hub/"));
        self.post(&format!("{base}hub/login"), &format!("username={user}&password=pw&_xsrf={xsrf}")).await
    }

    /// Opens a kernel's WebSocket.
    pub async fn kernel(&self, path: &str) -> Result<Kernel, u16> {
        let mut request = format!("ws://{}{path}", self.authority).into_client_request().unwrap();
        let headers = request.headers_mut();
        headers.insert("cookie", self.header(path).parse().unwrap());
        headers.insert("origin", format!("http://{}", self.authority).parse().unwrap());
        headers.insert("sec-websocket-protocol", "v1.kernel.websocket.jupyter.org".parse().unwrap());
        let stream = TcpStream::connect(&self.authority).await.unwrap();
        match tokio_tungstenite::client_async(request, stream).await {
            Ok((socket, _)) => Ok(Kernel { socket }),
            Err(tokio_tungstenite::tungstenite::Error::Http(answer)) => Err(answer.status().as_u16()),
            Err(error) => panic!("{error}"),
        }
    }
}

pub struct Kernel {
    socket: WebSocketStream<TcpStream>,
}

impl Kernel {
    /// Sends a text and returns what comes back; `None`: the connection is over.
    pub async fn echo(&mut self, text: &str) -> Option<String> {
        self.socket.send(Message::text(text)).await.ok()?;
        loop {
            match self.socket.next().await?.ok()? {
                Message::Text(text) => return Some(text.to_string()),
                Message::Close(_) => return None,
                _ => {}
            }
        }
    }

    pub async fn echo_bytes(&mut self, bytes: Vec<u8>) -> Option<Vec<u8>> {
        self.socket.send(Message::binary(bytes)).await.ok()?;
        self.socket.next().await?.ok().map(|message| message.into_data().to_vec())
    }
}
