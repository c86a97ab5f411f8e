//! How the operator's door answers: JSON or one line of text, never kept and never guessed at by a browser.

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};
use http_body_util::Full;
use serde::Serialize;

/// An answer of the door.
pub(super) type Answer = Response<Full<Bytes>>;

pub(super) fn json(status: StatusCode, value: &impl Serialize) -> Answer {
    match serde_json::to_vec_pretty(value) {
        Ok(mut body) => {
            body.push(b'\n');
            respond(status, "application/json", body.into())
        }
        Err(error) => {
            text(StatusCode::INTERNAL_SERVER_ERROR, &format!("the report cannot be written: {error}"))
        }
    }
}

pub(super) fn text(status: StatusCode, line: &str) -> Answer {
    respond(status, "text/plain; charset=utf-8", format!("{line}\n").into())
}

fn respond(status: StatusCode, content_type: &'static str, body: Bytes) -> Answer {
    let mut response = Response::new(Full::new(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}
