//! A hub that answers what a test says, where simulated hubs are too well-behaved.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderValue, Request, Response};
use http_body_util::Full;
use hubrouter_loadtest::simhub::SimHub;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::site::TOKEN;

/// An answer.
pub type Canned = Response<Full<Bytes>>;

type Answers = dyn Fn(&str, &HeaderMap) -> Canned + Send + Sync;

/// A hub in the place of a simulated one.
pub struct CannedHub {
    heads: Arc<Mutex<Vec<(String, HeaderMap)>>>,
    tasks: Vec<JoinHandle<()>>,
}

impl CannedHub {
    /// Takes the place of `hub`: whatever is asked there is answered by `answers` (target and fields to answer), but for
    /// the probes.
    pub async fn instead_of(
        hub: &SimHub,
        answers: impl Fn(&str, &HeaderMap) -> Canned + Send + Sync + 'static,
    ) -> Self {
        hub.kill().await;
        let answers: Arc<Answers> = Arc::new(answers);
        let heads = Arc::new(Mutex::new(Vec::new()));
        let mut tasks = Vec::new();
        for address in [hub.address(), hub.hub_address()] {
            tasks.push(serve(address, Arc::clone(&answers), Arc::clone(&heads)).await);
        }
        Self { heads, tasks }
    }

    /// Targets and fields of what was asked, but for the router's own questions.
    pub fn seen(&self) -> Vec<(String, HeaderMap)> {
        self.heads.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for CannedHub {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

/// An answer with a status, fields and a body.
pub fn canned(status: u16, fields: &[(&str, &str)], body: &str) -> Canned {
    let mut answer = Response::builder().status(status);
    for (name, value) in fields {
        answer = answer.header(*name, *value);
    }
    answer.body(Full::new(Bytes::copy_from_slice(body.as_bytes()))).unwrap()
}

async fn serve(
    address: SocketAddr,
    answers: Arc<Answers>,
    heads: Arc<Mutex<Vec<(String, HeaderMap)>>>,
) -> JoinHandle<()> {
    let listener = TcpListener::bind(address).await.expect("the hub that was killed left its address");
    tokio::spawn(async move {
        loop {
            let Ok((stream, _)) = listener.accept().await else { continue };
            let (answers, heads) = (Arc::clone(&answers), Arc::clone(&heads));
            let service = service_fn(move |request: Request<Incoming>| {
                let answer = answer(&request, &*answers, &heads);
                async move { Ok::<_, Infallible>(answer) }
            });
            let connection =
                hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service);
            tokio::spawn(connection);
        }
    })
}

fn answer(request: &Request<Incoming>, answers: &Answers, heads: &Mutex<Vec<(String, HeaderMap)>>) -> Canned {
    let target = request.uri().to_string();
    if target == "/_chp_healthz" || target.ends_with("hub/health") {
        return canned(200, &[], "");
    }
    // What the router asks on its own behalf comes when its time has come, and is no part of a test.
    let by_router = |field: &HeaderValue| field.as_bytes().ends_with(TOKEN.as_bytes());
    if request.headers().get(AUTHORIZATION).is_some_and(by_router) {
        return answers(&target, request.headers());
    }
    let head = (format!("{} {target}", request.method()), request.headers().clone());
    heads.lock().unwrap_or_else(PoisonError::into_inner).push(head);
    answers(&target, request.headers())
}
