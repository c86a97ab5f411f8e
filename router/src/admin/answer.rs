//! What the operator's door answers: from a method, a path and a view to a response. No sockets here.

use std::net::IpAddr;
use std::time::Instant;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode, header};
use http_body_util::Full;
use hubrouter_config::Role;
use serde::Serialize;

use super::access::{Denied, Guesses};
use super::{AdminView, Readiness};

/// A refusal that a script can read.
#[derive(Serialize)]
struct Refusal<'a> {
    status: u16,
    message: &'a str,
}

/// The answer to one request that came from `from` at `now`.
pub(super) fn answer(
    view: &dyn AdminView,
    guesses: &Guesses,
    method: &Method,
    path: &str,
    headers: &HeaderMap,
    from: IpAddr,
    now: Instant,
) -> Response<Full<Bytes>> {
    let page: fn(&dyn AdminView) -> Response<Full<Bytes>> = match path {
        "/livez" => |_| text(StatusCode::OK, "alive"),
        "/readyz" => |view| ready(&view.readiness()),
        "/status" => |view| json(StatusCode::OK, &view.status()),
        "/metrics" => |_| text(StatusCode::NOT_FOUND, "this release has no metrics yet; /status has numbers"),
        _ => return refuse(StatusCode::NOT_FOUND, "no such page: try /livez, /readyz or /status"),
    };
    if method != Method::GET && method != Method::HEAD {
        let mut response = refuse(StatusCode::METHOD_NOT_ALLOWED, "this page is read with GET");
        response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
        return response;
    }
    if path == "/status" {
        match view.access().check(headers.get(header::AUTHORIZATION), Role::Read) {
            Ok(()) => {}
            Err(Denied::Wrong) => return deny(guesses.count(from, now)),
            Err(denied) => return deny(denied),
        }
    }
    page(view)
}

fn ready(readiness: &Readiness) -> Response<Full<Bytes>> {
    match readiness {
        Readiness::Ready => text(StatusCode::OK, "ready"),
        Readiness::NotReady(why) => text(StatusCode::SERVICE_UNAVAILABLE, &format!("not ready: {why}")),
    }
}

fn deny(denied: Denied) -> Response<Full<Bytes>> {
    match denied {
        Denied::Nameless | Denied::Wrong => {
            let mut response =
                refuse(StatusCode::UNAUTHORIZED, "send a token of admin.tokens: `Authorization: Bearer ...`");
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            response
        }
        Denied::Role => refuse(
            StatusCode::FORBIDDEN,
            "this needs a token with a higher role: configure one in admin.tokens",
        ),
        Denied::TooMany(wait) => {
            let mut response =
                refuse(StatusCode::TOO_MANY_REQUESTS, "too many wrong tokens from this address");
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(wait.as_secs().max(1)));
            response
        }
    }
}

fn refuse(status: StatusCode, message: &str) -> Response<Full<Bytes>> {
    json(status, &Refusal { status: status.as_u16(), message })
}

fn json(status: StatusCode, value: &impl Serialize) -> Response<Full<Bytes>> {
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

fn text(status: StatusCode, line: &str) -> Response<Full<Bytes>> {
    respond(status, "text/plain; charset=utf-8", format!("{line}\n").into())
}

fn respond(status: StatusCode, content_type: &'static str, body: Bytes) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}
