//! What a server shows and streams: its page, big downloads, uploads, events, and two odd ones for tests.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream;
use http::StatusCode;
use http::header::{CACHE_CONTROL, CONTENT_LENGTH, HeaderValue, SET_COOKIE};
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Frame;
use serde_json::{Value, json};

use super::super::gate::page;
use super::super::inner::Inner;
use super::super::text::escape;
use super::super::wire::{Answer, Ask, html, json as json_answer, put, typed};
use super::Process;

/// A download comes in pieces of this size.
const PIECE: usize = 64 * 1024;

/// The notebook's page: who sees it, whose server it is, at which hub, and a kernel to try.
pub(super) fn lab(inner: &Inner, process: &Process, who: &str, xsrf: &str) -> Answer {
    let (owner, server, id) = (escape(&process.owner), escape(&process.server), escape(&inner.options.id));
    let (prefix, who, xsrf) = (escape(process.prefix()), escape(who), escape(xsrf));
    let logout = escape(&format!("{}logout", process.prefix()));
    page(
        StatusCode::OK,
        &format!(
            "<!doctype html>\n<html lang=\"en\">\n<head><meta charset=\"utf-8\"><title>JupyterLab</title></head>\n\
             <body data-user=\"{owner}\" data-server=\"{server}\" data-hub=\"{id}\" data-visitor=\"{who}\" \
             data-xsrf=\"{xsrf}\">\n<script id=\"jupyter-config-data\" type=\"application/json\">\
             {{\"baseUrl\": \"{prefix}\", \"hubUser\": \"{owner}\"}}</script>\n\
             <h1>Simulated JupyterLab</h1>\n<p>server of <b id=\"owner\">{owner}</b> at <b id=\"hub\">{id}</b>, \
             seen by <b id=\"visitor\">{who}</b></p>\n\
             <form id=\"cell\"><input name=\"code\" value=\"1 + 1\"><button>Run</button></form>\n\
             <pre id=\"output\"></pre>\n<p><a href=\"{logout}\">Log out</a></p>\n<script>\n\
             const url = location.origin.replace('http', 'ws') + '{prefix}api/kernels/echo/channels';\n\
             const kernel = new WebSocket(url, ['v1.kernel.websocket.jupyter.org']);\n\
             kernel.onmessage = (e) => document.getElementById('output').textContent += e.data + '\\n';\n\
             document.getElementById('cell').onsubmit = (e) => {{\n  e.preventDefault();\n  \
             kernel.send(e.target.code.value);\n}};\n</script>\n</body>\n</html>\n"
        ),
    )
}

/// `headers`: the request's headers as they arrived, as pairs.
pub(super) fn headers(ask: &Ask) -> Answer {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let pairs: Vec<Value> =
        ask.headers.iter().map(|(name, value)| json!([name.as_str(), text(value.as_bytes())])).collect();
    json_answer(
        StatusCode::OK,
        &json!({"method": ask.method.as_str(), "target": ask.target, "headers": pairs}),
    )
}

/// `toss?cookie=<line>&cookie=...`: answers with these `Set-Cookie` lines, as a hostile server might.
pub(super) fn toss(ask: &Ask) -> Answer {
    let mut answer = html(StatusCode::OK, "tossed".to_owned());
    for (_, line) in ask.query_pairs().iter().filter(|(name, _)| name == "cookie") {
        if let Ok(line) = HeaderValue::from_str(line) {
            answer.headers_mut().append(SET_COOKIE, line);
        }
    }
    answer
}

/// `big?bytes=N`: N bytes in pieces, made as fast as they are read.
pub(super) fn big(ask: &Ask) -> Answer {
    let total: u64 = ask.argument("bytes").and_then(|text| text.parse().ok()).unwrap_or(1 << 20);
    let piece = Bytes::from(vec![b'x'; PIECE]);
    let pieces = stream::unfold((total, piece), |(left, piece)| async move {
        if left == 0 {
            return None;
        }
        let now = usize::try_from(left).map_or(PIECE, |left| left.min(PIECE));
        let frame = Frame::data(piece.slice(..now));
        Some((Ok::<_, io::Error>(frame), (left - now as u64, piece)))
    });
    let mut answer = typed(StatusCode::OK, "application/octet-stream", "");
    *answer.body_mut() = StreamBody::new(pieces).boxed_unsync();
    put(&mut answer, CONTENT_LENGTH, &total.to_string());
    answer
}

/// `upload`: reads a body of any size, keeps nothing, and says how much it was.
pub(super) async fn upload(mut ask: Ask) -> Answer {
    let mut bytes = 0_u64;
    let mut pieces = 0_u64;
    while let Some(frame) = ask.request.body_mut().frame().await {
        let Ok(frame) = frame else {
            return json_answer(StatusCode::BAD_REQUEST, &json!({"received": bytes, "complete": false}));
        };
        if let Some(data) = frame.data_ref() {
            bytes += data.len() as u64;
            pieces += 1;
        }
    }
    json_answer(StatusCode::OK, &json!({"received": bytes, "pieces": pieces, "complete": true}))
}

/// `events?count=N&every_ms=M`: N events, one each M ms; by default 3, one each 100 ms.
pub(super) fn events(process: &Arc<Process>, ask: &Ask) -> Answer {
    let number =
        |name: &str, default: u64| ask.argument(name).and_then(|text| text.parse().ok()).unwrap_or(default);
    let (count, every) = (number("count", 3), Duration::from_millis(number("every_ms", 100)));
    let alive = process.alive.subscribe();
    let events = stream::unfold((0, alive), move |(sent, mut alive)| async move {
        if sent == count {
            return None;
        }
        if sent > 0 {
            let died = tokio::select! {
                () = tokio::time::sleep(every) => false,
                _ = alive.wait_for(|alive| !alive) => true,
            };
            if died {
                return Some((Err(io::Error::from(io::ErrorKind::ConnectionAborted)), (count, alive)));
            }
        }
        let text = format!("data: {{\"event\": {sent}}}\n\n");
        Some((Ok(Frame::data(Bytes::from(text))), (sent + 1, alive)))
    });
    let mut answer = typed(StatusCode::OK, "text/event-stream", "");
    *answer.body_mut() = StreamBody::new(events).boxed_unsync();
    put(&mut answer, CACHE_CONTROL, "no-cache");
    answer
}
