//! WebSockets of a server: kernels and terminals that send back what they get.
//!
//! Opened only for those whom the door let in; ends with the server, or with the proxy it came through.

use std::sync::Arc;

use futures_util::{SinkExt, StreamExt};
use http::StatusCode;
use http::header::{CONNECTION, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_PROTOCOL, UPGRADE};
use hyper_util::rt::TokioIo;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::Role;

use super::super::inner::Inner;
use super::super::wire::{Answer, Ask, html, plain, put};
use super::Process;

/// The only subprotocol that jupyter_server speaks with kernels.
const KERNEL_PROTOCOL: &str = "v1.kernel.websocket.jupyter.org";

/// Switches protocols for `api/kernels/<id>/channels`, `terminals/websocket/<name>` and the like.
pub(super) fn open(inner: &Arc<Inner>, process: &Arc<Process>, rest: &str, ask: Ask) -> Answer {
    let known = rest.ends_with("/channels")
        || rest.starts_with("terminals/websocket/")
        || rest.ends_with("/events/subscribe");
    let key = ask.header("sec-websocket-key").map(str::to_owned);
    let (true, Some(key)) = (known, key) else {
        return html(StatusCode::NOT_FOUND, "<h1>404 : Not Found</h1>".to_owned());
    };
    let offered = ask.header(SEC_WEBSOCKET_PROTOCOL.as_str()).unwrap_or_default();
    let protocol = offered.split(',').map(str::trim).find(|name| *name == KERNEL_PROTOCOL);
    let mut answer = plain(StatusCode::SWITCHING_PROTOCOLS, "");
    put(&mut answer, CONNECTION, "Upgrade");
    put(&mut answer, UPGRADE, "websocket");
    put(&mut answer, SEC_WEBSOCKET_ACCEPT, &derive_accept_key(key.as_bytes()));
    if let Some(protocol) = protocol {
        put(&mut answer, SEC_WEBSOCKET_PROTOCOL, protocol);
    }
    tokio::spawn(echo(Arc::clone(inner), Arc::clone(process), ask));
    answer
}

async fn echo(inner: Arc<Inner>, process: Arc<Process>, ask: Ask) {
    let mut proxy = inner.proxy_up.subscribe();
    let mut alive = process.alive.subscribe();
    let Ok(upgraded) = hyper::upgrade::on(ask.request).await else { return };
    let mut socket = WebSocketStream::from_raw_socket(TokioIo::new(upgraded), Role::Server, None).await;
    let talk = async {
        while let Some(Ok(message)) = socket.next().await {
            let sent = match message {
                message if message.is_text() || message.is_binary() => socket.send(message).await,
                message if message.is_close() => break,
                // pongs are sent by the library, but leave only with a flush
                _ => socket.flush().await,
            };
            if sent.is_err() {
                break;
            }
        }
    };
    tokio::select! {
        () = talk => {}
        _ = proxy.wait_for(|up| !up) => {}
        _ = alive.wait_for(|alive| !alive) => {}
    }
}
