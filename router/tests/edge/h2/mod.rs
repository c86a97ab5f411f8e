//! HTTP/2 from clients, with an independent library and with frames written by hand.

mod bodies;
mod clear;
mod ends;
mod floods;
mod raw;
mod requests;
mod websocket;

use std::sync::Arc;

use ::h2::client::{self, ResponseFuture, SendRequest};
use ::h2::{RecvStream, SendStream};
use bytes::Bytes;
use http::{Request, Response};
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::support::wire::PATIENCE;
use super::support::{Authority, RawHub, Site, Sketch};

/// The name of the site.
const SITE: &str = "site.example";
const LISTEN: &str =
    "listen: [{address: '127.0.0.1:0', tls: {certificates: [{cert: site.crt, key: site.key}]}}]";

/// A site with TLS in front of a hub that the test plays, and who signed for it.
struct Front {
    authority: Authority,
    hub: RawHub,
    site: Site,
}

impl Front {
    async fn open(more: &str) -> Self {
        let (authority, hub) = (Authority::new("site"), RawHub::start().await);
        let pair = authority.signs(&[SITE]);
        let sketch = Sketch::with_raw_hub(&hub).configured(LISTEN).configured(more);
        let site = sketch.with_file("site.crt", &pair.cert).with_file("site.key", &pair.key).start().await;
        Self { authority, hub, site }
    }

    /// The same in front of a hub that speaks TLS.
    async fn open_before_tls() -> Self {
        let (authority, inside) = (Authority::new("site"), Authority::new("hubs"));
        let hub = RawHub::with_tls(inside.signs(&["127.0.0.1"]).hub(None)).await;
        let mut sketch = Sketch::with_hubs(&[]).configured(LISTEN).with_file("ca.crt", &inside.pem);
        let line = format!(
            "  - {{id: raw, url: 'https://{}', storage: shared, tls: {{ca: ca.crt}}}}\n",
            hub.address
        );
        sketch.played.push_str(&line);
        let pair = authority.signs(&[SITE]);
        let site = sketch.with_file("site.crt", &pair.cert).with_file("site.key", &pair.key).start().await;
        Self { authority, hub, site }
    }

    /// A connection on which HTTP/2 was agreed on.
    async fn tls(&self) -> TlsStream<TcpStream> {
        let mut config: ClientConfig = self.authority.client();
        config.alpn_protocols = vec![b"http/1.1".to_vec(), b"h2".to_vec()];
        let stream = TcpStream::connect(self.site.address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        let name = ServerName::try_from(SITE).unwrap();
        let stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await.unwrap();
        assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
        stream
    }

    async fn client(&self) -> Client {
        Client::on(self.tls().await, &client::Builder::new()).await
    }
}

/// A client of the library `h2`.
struct Client {
    requests: SendRequest<Bytes>,
    connection: JoinHandle<Result<(), ::h2::Error>>,
}

impl Client {
    async fn on(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, how: &client::Builder) -> Self {
        let (requests, connection) = how.handshake(stream).await.unwrap();
        Self { requests: requests.ready().await.unwrap(), connection: tokio::spawn(connection) }
    }

    /// Sends the head of a request whose body follows.
    async fn begin(&mut self, request: Request<()>) -> (ResponseFuture, SendStream<Bytes>) {
        let mut ready = self.requests.clone().ready().await.unwrap();
        ready.send_request(request, false).unwrap()
    }

    /// Sends a request without a body.
    async fn send(&mut self, request: Request<()>) -> ResponseFuture {
        let mut ready = self.requests.clone().ready().await.unwrap();
        ready.send_request(request, true).unwrap().0
    }

    async fn answer(&mut self, request: Request<()>) -> Response<RecvStream> {
        let sent = self.send(request).await;
        patient(sent).await.unwrap()
    }

    /// How the connection ends.
    async fn ended(self) -> Result<(), ::h2::Error> {
        let Self { requests, connection } = self;
        let ended = patient(connection).await.unwrap();
        drop(requests);
        ended
    }
}

async fn patient<T>(what: impl Future<Output = T>) -> T {
    timeout(PATIENCE, what).await.expect("it takes too long")
}

fn get(path: &str) -> Request<()> {
    Request::get(format!("https://{SITE}{path}")).body(()).unwrap()
}

fn put(path: &str) -> Request<()> {
    Request::put(format!("https://{SITE}{path}")).body(()).unwrap()
}

/// The rest of a body, or why it did not come whole.
async fn whole(mut body: RecvStream) -> Result<Vec<u8>, ::h2::Error> {
    let mut bytes = Vec::new();
    while let Some(piece) = patient(body.data()).await {
        let piece = piece?;
        body.flow_control().release_capacity(piece.len()).unwrap();
        bytes.extend_from_slice(&piece);
    }
    Ok(bytes)
}

async fn text(answer: Response<RecvStream>) -> String {
    String::from_utf8(whole(answer.into_body()).await.unwrap()).unwrap()
}
