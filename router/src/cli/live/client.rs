//! Asks the admin API of a running router: one connection for each question, bounded in time and size.
//!
//! What is asked and how answers are shown is left to the commands.

use std::error::Error;
use std::future::Future;
use std::io;
use std::pin::pin;
use std::time::Duration;

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONNECTION, CONTENT_TYPE, HOST};
use http::{HeaderValue, Method, Request, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use serde_json::Value;
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::url::AdminUrl;
use crate::admin::{OrderBody, Verb, plain};
use crate::cli::findings::CannotRun;

/// How long looking up the name and connecting may take.
const CONNECT: Duration = Duration::from_secs(5);
/// How long an answer may take that needs no waiting.
const READ: Duration = Duration::from_secs(10);
/// How long an order may take: longer than the router itself allows, so that its own words arrive.
const ORDER: Duration = Duration::from_secs(90);
/// Most bytes of an answer.
const BYTES: usize = 32 * 1024 * 1024;

/// A router, and what proves who asks.
pub(super) struct Client {
    url: AdminUrl,
    token: Option<HeaderValue>,
}

/// What the router does not do, in its own words.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(super) struct Refusal {
    pub(super) status: u16,
    /// The stable word.
    pub(super) kind: String,
    pub(super) message: String,
}

/// Why there is no answer to show.
#[derive(Debug)]
pub(super) enum Failure {
    /// The router answered, and refuses.
    Refused(Refusal),
    /// It did not answer, or what answers is no router.
    Silent(String),
}

impl Refusal {
    /// Whether the router understood and refuses what was asked, so that asking in the same way again changes nothing.
    pub(super) fn is_an_answer(&self) -> bool {
        matches!(
            self.kind.as_str(),
            "unknown_hub" | "unknown_user" | "conflict" | "unsafe" | "forbidden" | "cross_site"
        )
    }
}

impl Failure {
    /// The sentence for whoever asked.
    pub(super) fn sentence(&self) -> String {
        match self {
            Self::Refused(refusal) if refusal.kind == "unauthorized" => {
                "the router wants a token of its admin.tokens: set HUBROUTER_TOKEN to one".to_owned()
            }
            Self::Refused(refusal) => plain(&refusal.message),
            Self::Silent(why) => plain(why),
        }
    }
}

impl Client {
    /// A client of the router at `url` with the token in `HUBROUTER_TOKEN`, if there is one.
    pub(super) fn of_this_process(url: AdminUrl) -> Result<Self, CannotRun> {
        let token = std::env::var_os("HUBROUTER_TOKEN").unwrap_or_default();
        Self::new(url, token.to_str().unwrap_or("\0").trim())
    }

    fn new(url: AdminUrl, token: &str) -> Result<Self, CannotRun> {
        if token.is_empty() {
            return Ok(Self { url, token: None });
        }
        let refused = |_| CannotRun("HUBROUTER_TOKEN holds what no token can: use visible ASCII".to_owned());
        let mut token = HeaderValue::from_str(&format!("Bearer {token}")).map_err(refused)?;
        token.set_sensitive(true);
        Ok(Self { url, token: Some(token) })
    }

    /// What stands at `path`.
    pub(super) async fn get(&self, path: &str) -> Result<Value, Failure> {
        self.get_within(READ, path).await
    }

    /// What stands at `path`, which may take so long.
    pub(super) async fn get_within(&self, within: Duration, path: &str) -> Result<Value, Failure> {
        let answered = self.exchange(Method::GET, path, Bytes::new(), within).await?;
        answered.map_err(|why| Failure::Silent(format!("{} gave no answer: {why}", self.url)))
    }

    /// Orders something.
    pub(super) async fn order(&self, verb: Verb, target: &str, body: &OrderBody) -> Result<Value, Failure> {
        let body = serde_json::to_vec(body)
            .map_err(|error| Failure::Silent(format!("the order cannot be written: {error}")))?;
        let answered = self.exchange(Method::POST, &verb.path(target), body.into(), ORDER).await?;
        // It was sent: saying that nothing happened would be a guess.
        answered.map_err(|why| {
            Failure::Silent(format!(
                "{} gave no answer: {why}. The order may have been carried out: see `hubrouter status` before you try again",
                self.url
            ))
        })
    }

    /// The inner error: no answer, although it was asked.
    async fn exchange(
        &self,
        method: Method,
        path: &str,
        body: Bytes,
        within: Duration,
    ) -> Result<Result<Value, String>, Failure> {
        let request = self.request(method, path, body).map_err(Failure::Silent)?;
        let stream = self.connect().await?;
        match timeout(within, converse(stream, request)).await {
            Ok(Ok((status, body))) => read(&self.url, status, &body).map(Ok),
            Ok(Err(why)) => Ok(Err(why)),
            Err(_elapsed) => Ok(Err(format!("it takes longer than {} s", within.as_secs()))),
        }
    }

    fn request(&self, method: Method, path: &str, body: Bytes) -> Result<Request<Full<Bytes>>, String> {
        let unsendable = |error: http::Error| format!("this cannot be asked: {error}");
        let has_body = method == Method::POST;
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header(HOST, self.url.authority.as_str())
            .header(CONNECTION, "close")
            .body(Full::new(body))
            .map_err(unsendable)?;
        if has_body {
            request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        if let Some(token) = &self.token {
            request.headers_mut().insert(AUTHORIZATION, token.clone());
        }
        Ok(request)
    }

    async fn connect(&self) -> Result<TcpStream, Failure> {
        let connecting = TcpStream::connect((self.url.host.as_str(), self.url.port));
        let connected = timeout(CONNECT, connecting).await.unwrap_or_else(|_elapsed| {
            Err(io::Error::new(io::ErrorKind::TimedOut, format!("no answer within {} s", CONNECT.as_secs())))
        });
        connected.map_err(|error| {
            Failure::Silent(format!(
                "{} cannot be reached: {error}. Does the router run, and is this its admin.address? \
                 (--admin, HUBROUTER_ADMIN_URL)",
                self.url
            ))
        })
    }
}

async fn converse(stream: TcpStream, request: Request<Full<Bytes>>) -> Result<(StatusCode, Bytes), String> {
    let (mut sender, connection) =
        http1::handshake(TokioIo::new(stream)).await.map_err(|error| error.to_string())?;
    let exchange = async move {
        let (head, body) = sender.send_request(request).await.map_err(|error| in_full(&error))?.into_parts();
        let body = Limited::new(body, BYTES).collect().await.map_err(|error| in_full(&*error))?;
        Ok((head.status, body.to_bytes()))
    };
    beside(exchange, connection).await
}

/// Runs `work` to its end while `connection` moves its bytes.
async fn beside<T>(work: impl Future<Output = T>, connection: impl Future) -> T {
    let mut work = pin!(work);
    tokio::select! {
        biased;
        done = &mut work => done,
        // The connection is over; what it brought, or why it failed, is waiting inside `work`.
        _ = connection => work.await,
    }
}

fn in_full(error: &(dyn Error + 'static)) -> String {
    match error.source() {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }
}

fn read(url: &AdminUrl, status: StatusCode, body: &[u8]) -> Result<Value, Failure> {
    let strange = || {
        let message =
            format!("what answers at {url} (HTTP {}) is no admin API of hubrouter", status.as_u16());
        Failure::Silent(message)
    };
    if status.is_success() {
        return serde_json::from_slice(body).map_err(|_| strange());
    }
    Err(serde_json::from_slice(body).map_or_else(|_| strange(), Failure::Refused))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url() -> AdminUrl {
        "http://127.0.0.1:9901".parse().unwrap()
    }

    fn refused(kind: &str) -> Refusal {
        Refusal { status: 400, kind: kind.to_owned(), message: "no\x1b[2J".to_owned() }
    }

    #[test]
    fn what_the_router_refuses_is_an_answer_and_what_it_does_not_understand_is_none() {
        for kind in ["unknown_hub", "unknown_user", "conflict", "unsafe", "forbidden"] {
            assert!(refused(kind).is_an_answer(), "{kind}");
        }
        for kind in
            ["unauthorized", "too_many_guesses", "invalid", "unavailable", "no_page", "internal", "new"]
        {
            assert!(!refused(kind).is_an_answer(), "{kind}");
        }
    }

    #[test]
    fn what_is_no_admin_api_is_told_apart_from_a_refusal() {
        let ok = |body: &[u8]| read(&url(), StatusCode::OK, body);
        assert_eq!(ok(b"{\"a\":1}").unwrap()["a"], 1);
        assert!(ok(b"<html>").unwrap_err().sentence().contains("(HTTP 200) is no admin API"));
        let gone = read(&url(), StatusCode::NOT_FOUND, b"not here").unwrap_err();
        assert!(gone.sentence().contains("(HTTP 404) is no admin API"));
        let refusal = br#"{"status":409,"kind":"conflict","message":"a drain is under way","more":1}"#;
        let refused = read(&url(), StatusCode::CONFLICT, refusal).unwrap_err();
        assert_eq!(refused.sentence(), "a drain is under way");
    }

    #[test]
    fn words_of_the_router_are_shown_without_control_characters() {
        assert_eq!(Failure::Refused(refused("unsafe")).sentence(), "no\\u{1b}[2J");
    }

    #[test]
    fn a_token_that_no_field_can_hold_is_refused_without_showing_it() {
        let refused = Client::new(url(), "se\nsame").err().unwrap();
        assert!(!refused.0.contains("same") && refused.0.contains("HUBROUTER_TOKEN"));
        let client = Client::new(url(), "sesame").unwrap();
        let request = client.request(Method::GET, "/status", Bytes::new()).unwrap();
        assert!(!format!("{request:?}").contains("sesame"));
        assert!(Client::new(url(), "").unwrap().token.is_none());
    }
}
