//! A user's server: one process with its own secret, files and kernels, behind the hub's login.
//!
//! A look-alike of jupyter_server with JupyterHub's extension. It outlives its hub; it ends with [`Process::end`].

mod files;
mod pages;
mod socket;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE, ORIGIN, SERVER};
use http::{HeaderName, StatusCode};
use serde_json::{Value, json};
use tokio::sync::watch;

use super::gate::{Closed, Gate, Visitor, hub_is_dead, moved, page};
use super::hub;
use super::inner::Inner;
use super::options::TokenOwner;
use super::state::{Data, Token, client_id};
use super::text::{quote_segment, random_hex, unquote};
use super::wire::{Answer, Ask, html, json as json_answer, put};

/// One server's process.
pub(crate) struct Process {
    pub(crate) owner: String,
    pub(crate) server: String,
    /// The token with which it talks to the hub.
    pub(crate) token: String,
    gate: Gate,
    files: Mutex<BTreeMap<String, Value>>,
    kernels: Mutex<BTreeMap<String, Value>>,
    alive: watch::Sender<bool>,
}

impl Process {
    /// A fresh process; its token is known to the hub from now on.
    pub(crate) fn new(inner: &Inner, data: &mut Data, owner: &str, server: &str) -> Process {
        let prefix = match server {
            "" => format!("{}user/{}/", inner.base(), quote_segment(owner)),
            server => format!("{}user/{}/{}/", inner.base(), quote_segment(owner), quote_segment(server)),
        };
        let client = client_id(owner, server);
        let token = random_hex(16);
        let made =
            data.new_token(TokenOwner::User(owner.to_owned()), &client, &format!("Server at {prefix}"));
        let scopes =
            vec![format!("access:servers!server={owner}/{server}"), format!("users:activity!user={owner}")];
        data.tokens.insert(token.clone(), Token { scopes, ..made });
        Process {
            owner: owner.to_owned(),
            server: server.to_owned(),
            token,
            gate: Gate::new(client, prefix),
            files: Mutex::default(),
            kernels: Mutex::default(),
            alive: watch::Sender::new(true),
        }
    }

    /// Ends it: its WebSockets and streams break off.
    pub(crate) fn end(&self) {
        self.alive.send_replace(false);
    }

    fn files(&self) -> MutexGuard<'_, BTreeMap<String, Value>> {
        self.files.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn kernels(&self) -> MutexGuard<'_, BTreeMap<String, Value>> {
        self.kernels.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where it stands: `/user/ada/`.
    fn prefix(&self) -> &str {
        &self.gate.prefix
    }
}

/// Answers one request that the proxy sent to a server.
pub(crate) async fn answer(inner: Arc<Inner>, process: Arc<Process>, ask: Ask) -> Answer {
    let mut answer = handle(&inner, &process, ask).await;
    put(&mut answer, SERVER, "TornadoServer/6.6.1");
    put(&mut answer, HeaderName::from_static("x-jupyterhub-version"), &inner.options.version);
    put(&mut answer, HeaderName::from_static("x-simhub"), &inner.options.id);
    put(&mut answer, HeaderName::from_static("x-content-type-options"), "nosniff");
    answer
}

async fn handle(inner: &Arc<Inner>, process: &Arc<Process>, ask: Ask) -> Answer {
    let path = unquote(&ask.path);
    let prefix = unquote(process.prefix());
    let rest = path.strip_prefix(prefix.as_str()).map(str::to_owned);
    let Some(rest) = rest.filter(|rest| !rest.is_empty()) else {
        return moved(&format!("{}lab?{}", process.prefix(), ask.query.as_deref().unwrap_or_default()));
    };
    let gate = &process.gate;
    let may = |who: &hub::Identity| hub::may_use(inner, who, process);
    match rest.as_str() {
        "oauth_callback" => return gate.finish_login(inner, &ask, may),
        "api" | "api/" => return strict(json_answer(StatusCode::OK, &json!({"version": "2.21.1"}))),
        "logout" => {
            let mut answer = framed(moved(&inner.hub_path("logout")));
            gate.goodbye(&mut answer);
            return answer;
        }
        _ => {}
    }
    let is_socket = ask.header("upgrade").is_some_and(|kind| kind.eq_ignore_ascii_case("websocket"));
    let is_api = rest.starts_with("api/") && !is_socket;
    let mut visitor = gate.visitor(inner, &ask, may);
    let mut answer = match refusal(inner, process, &visitor, &ask, is_socket, is_api) {
        Some(_) if is_socket && !foreign(&ask) => {
            gate.xsrf(&mut visitor, &ask);
            html(StatusCode::FORBIDDEN, "<h1>403 : Forbidden</h1>".to_owned())
        }
        _ if !is_api && !is_socket && !is_page(&rest) => {
            gate.xsrf(&mut visitor, &ask);
            framed(html(StatusCode::NOT_FOUND, "<h1>404 : Not Found</h1>".to_owned()))
        }
        Some(refusal) => refusal,
        None if is_socket => return socket::open(inner, process, &rest, ask),
        None => {
            let shows = matches!(rest.as_str(), "lab" | "tree") || rest.starts_with("lab/");
            let xsrf = if shows { gate.xsrf(&mut visitor, &ask) } else { String::new() };
            let name = visitor.who.as_ref().map(|who| who.name.clone()).unwrap_or_default();
            let answer = behind_the_door(inner, process, &rest, ask, &name, &xsrf).await;
            if is_api { strict(answer) } else { framed(answer) }
        }
    };
    visitor.add_cookies(&mut answer);
    if answer.status() == StatusCode::NO_CONTENT {
        answer.headers_mut().remove(CONTENT_TYPE);
    }
    answer
}

/// Whether there is such a page, besides the API.
fn is_page(rest: &str) -> bool {
    matches!(rest, "lab" | "tree" | "headers" | "toss" | "big" | "events" | "upload")
        || rest.starts_with("lab/")
}

/// What keeps a visitor out; `None`: nothing.
fn refusal(
    inner: &Inner,
    process: &Process,
    visitor: &Visitor,
    ask: &Ask,
    is_socket: bool,
    is_api: bool,
) -> Option<Answer> {
    let from_elsewhere = foreign(ask);
    match &visitor.who {
        Ok(_) if from_elsewhere && is_socket => Some(page(StatusCode::FORBIDDEN, "")),
        Ok(_) if from_elsewhere && is_api && !visitor.by_header() => {
            Some(strict(problem(StatusCode::NOT_FOUND, "Not Found")))
        }
        Ok(_) => None,
        Err(Closed::HubIsDead) => Some(hub_is_dead()),
        Err(Closed::Unknown | Closed::Forbidden(_)) if is_socket => Some(page(StatusCode::FORBIDDEN, "")),
        Err(Closed::Unknown) if is_api && !ask.only_reads() && !visitor.by_header() => {
            let text = format!("'_xsrf' argument missing from {}", ask.method);
            Some(strict(problem(StatusCode::FORBIDDEN, &text)))
        }
        Err(Closed::Unknown) if !is_api && ask.only_reads() => {
            Some(framed(process.gate.to_login(inner, ask)))
        }
        Err(Closed::Unknown | Closed::Forbidden(_)) if is_api => {
            Some(strict(problem(StatusCode::FORBIDDEN, "Forbidden")))
        }
        Err(Closed::Unknown | Closed::Forbidden(_)) => {
            Some(framed(html(StatusCode::FORBIDDEN, "<h1>403 : Forbidden</h1>".to_owned())))
        }
    }
}

async fn behind_the_door(
    inner: &Arc<Inner>,
    process: &Arc<Process>,
    rest: &str,
    ask: Ask,
    who: &str,
    xsrf: &str,
) -> Answer {
    match rest {
        "lab" | "tree" => pages::lab(inner, process, who, xsrf),
        "headers" => pages::headers(&ask),
        "toss" => pages::toss(&ask),
        "big" => pages::big(&ask),
        "events" => pages::events(process, &ask),
        "upload" => pages::upload(ask).await,
        "api/me" => json_answer(StatusCode::OK, &json!({"identity": {"username": who, "name": who}})),
        "api/status" => {
            json_answer(StatusCode::OK, &json!({"connections": 0, "kernels": process.kernels().len()}))
        }
        "api/kernels" => files::kernels(process, &ask),
        _ if rest.starts_with("api/kernels/") => files::kernel(process, rest, &ask),
        _ if rest.starts_with("api/contents") => files::contents(process, rest, ask).await,
        _ if rest.starts_with("lab/") => pages::lab(inner, process, who, xsrf),
        _ => problem(StatusCode::NOT_FOUND, "Not Found"),
    }
}

/// A page that must not be framed.
fn framed(mut answer: Answer) -> Answer {
    put(&mut answer, CONTENT_SECURITY_POLICY, "frame-ancestors 'none'");
    answer
}

/// An answer of the API, which must not act as a page.
fn strict(mut answer: Answer) -> Answer {
    put(&mut answer, CONTENT_SECURITY_POLICY, "frame-ancestors 'none'; default-src 'none'");
    answer
}

/// Whether a request names an origin other than this site: its host and port must be those of `Host`, to the byte.
fn foreign(ask: &Ask) -> bool {
    let Some(origin) = ask.header(ORIGIN.as_str()) else { return false };
    let netloc = origin.split_once("://").map_or(origin, |(_, rest)| rest);
    netloc.split('/').next() != Some(ask.host())
}

/// An error as jupyter_server writes it.
fn problem(status: StatusCode, message: &str) -> Answer {
    json_answer(status, &json!({"message": message, "reason": null}))
}
