//! `/hub/api/users/<name>/server`: start, stop, state, and the progress of a start as an event stream.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream;
use http::header::CACHE_CONTROL;
use http::{Method, StatusCode};
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Frame;
use serde_json::{Value, json};

use super::super::inner::Inner;
use super::super::state::{Server, ServerState};
use super::super::text::escape;
use super::super::wire::{Answer, json as json_answer, put, typed};
use super::api::{allow_for, body, empty_text, need};
use super::scopes::On;
use super::visit::{Refusal, Visit};
use super::{Outcome, models};

/// Blank lines keep an event stream open through proxies that count silence.
const KEEP_ALIVE: Duration = Duration::from_secs(8);
/// After so long a stop answers 202.
const SLOW_STOP: Duration = Duration::from_secs(10);

/// `/hub/api/users/<user>/server` and `.../servers/<server>`.
pub(crate) async fn one(visit: &mut Visit, user: &str, server: &str) -> Outcome {
    need(visit, &[Method::GET, Method::POST, Method::DELETE, Method::PUT, Method::PATCH])?;
    let scope = match visit.ask.method {
        Method::GET => "read:servers",
        Method::DELETE => "delete:servers",
        _ => "start:servers",
    };
    allow_for(visit, scope, On::Server(user, server))?;
    if visit.inner.data().user(user).is_none() {
        return Err(Refusal::new(404));
    }
    match visit.ask.method {
        Method::POST => start(visit, user, server).await,
        Method::DELETE => stop(visit, user, server).await,
        Method::PUT => create(visit, user, server),
        Method::PATCH => change(visit, user, server),
        _ => show(visit, user, server),
    }
}

fn show(visit: &Visit, user: &str, server: &str) -> Outcome {
    let who = visit.identity()?;
    let data = visit.inner.data();
    let unknown = || Refusal::new(404);
    let owner = data.user(user).ok_or_else(unknown)?;
    // the default server is always there, if only as a possibility
    let idle = Server::new("");
    let row = owner.servers.get(server).or((server.is_empty()).then_some(&idle)).ok_or_else(unknown)?;
    Ok(json_answer(StatusCode::OK, &models::server(&visit.inner, &who, owner, server, row)))
}

async fn start(visit: &mut Visit, user: &str, server: &str) -> Outcome {
    let body = body(visit)?.unwrap_or_else(|| json!({}));
    if !body.is_object() {
        return Err(Refusal::saying(400, "Body must be a JSON object"));
    }
    check_name(&visit.inner, user, server)?;
    let log_name = models::log_name(user, server);
    match visit.inner.state_of(user, server) {
        ServerState::Pending => return Ok(empty_text(StatusCode::ACCEPTED)),
        ServerState::Stopping => return Err(Refusal::saying(400, format!("{log_name} is pending stop"))),
        ServerState::Ready => return Err(Refusal::saying(400, format!("{log_name} is already running"))),
        ServerState::Stopped => {}
    }
    limits(&visit.inner)?;
    let options = body.get("user_options").filter(|options| !options.is_null()).cloned();
    visit.inner.start_server(user, server, options.unwrap_or(body));
    let at_most = visit.inner.options.slow_spawn_timeout;
    let done = visit.inner.wait_for(user, server, at_most, |state| state != ServerState::Pending).await;
    Ok(empty_text(if done { StatusCode::CREATED } else { StatusCode::ACCEPTED }))
}

async fn stop(visit: &mut Visit, user: &str, server: &str) -> Outcome {
    let body = body(visit)?.unwrap_or_default();
    let remove = body.get("remove") == Some(&json!(true));
    let known = visit.inner.data().user(user).is_some_and(|user| user.servers.contains_key(server));
    if !server.is_empty() && !known {
        return Err(Refusal::saying(404, format!("{user} has no server named '{server}'")));
    }
    if server.is_empty() && remove {
        return Err(Refusal::saying(400, "Cannot delete the default server"));
    }
    if visit.inner.state_of(user, server) == ServerState::Stopping {
        return Ok(empty_text(StatusCode::ACCEPTED));
    }
    visit.inner.stop_server(user, server);
    let done = visit.inner.wait_for(user, server, SLOW_STOP, |state| state != ServerState::Stopping).await;
    if done
        && remove
        && let Some(user) = visit.inner.data().user_mut(user)
    {
        user.servers.remove(server);
    }
    Ok(empty_text(if done { StatusCode::NO_CONTENT } else { StatusCode::ACCEPTED }))
}

fn create(visit: &Visit, user: &str, server: &str) -> Outcome {
    let who = visit.identity()?;
    if server.is_empty() {
        return Err(Refusal::saying(409, format!("User {user} already has a default server")));
    }
    if visit.inner.data().user(user).is_some_and(|row| row.servers.contains_key(server)) {
        return Err(Refusal::saying(409, format!("User {user} already has server {server}")));
    }
    check_name(&visit.inner, user, server)?;
    let mut data = visit.inner.data();
    let owner = data.user_mut(user).ok_or_else(|| Refusal::new(404))?;
    owner.servers.insert(server.to_owned(), Server::new(server));
    let mut model = models::server(&visit.inner, &who, owner, server, &owner.servers[server]);
    model["user_options"] = json!({});
    Ok(json_answer(StatusCode::CREATED, &model))
}

fn change(visit: &Visit, user: &str, server: &str) -> Outcome {
    let who = visit.identity()?;
    let body = body(visit)?.unwrap_or_default();
    if body.as_object().is_none_or(serde_json::Map::is_empty) {
        return Err(Refusal::saying(400, "Must specify at least one field to modify."));
    }
    let new_name = body.get("name").and_then(Value::as_str).map(str::to_owned);
    if let Some(new) = &new_name {
        check_name(&visit.inner, user, new)?;
    }
    let mut data = visit.inner.data();
    let owner = data.user_mut(user).ok_or_else(|| Refusal::new(404))?;
    let missing = || Refusal::saying(404, format!("User {user} has no such server {server}"));
    let active = owner.servers.get(server).ok_or_else(missing)?.active();
    if active {
        let name = models::log_name(user, server);
        return Err(Refusal::saying(400, format!("{name} is active. Please stop it before modifying it.")));
    }
    if let Some(new) = &new_name {
        if owner.servers.contains_key(new) {
            return Err(Refusal::saying(409, format!("User {user} already has server '{new}'")));
        }
        if let Some(row) = owner.servers.remove(server) {
            owner.servers.insert(new.clone(), row);
        }
    }
    let name = new_name.as_deref().unwrap_or(server);
    let row = owner.servers.get_mut(name).ok_or_else(missing)?;
    if let Some(options) = body.get("user_options") {
        row.user_options = options.clone();
    }
    let model = models::server(&visit.inner, &who, owner, name, &owner.servers[name]);
    Ok(typed(StatusCode::OK, "application/json; charset=UTF-8", model.to_string()))
}

/// Refuses a named server that may not be: they are off, or the name is not `[a-z][a-z0-9-]*[a-z0-9]`.
pub(crate) fn check_name(inner: &Inner, user: &str, server: &str) -> Result<(), Refusal> {
    if server.is_empty() {
        return Ok(());
    }
    if !inner.options.named_servers {
        return Err(Refusal::saying(400, "Named servers are not enabled."));
    }
    let legal = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let safe = (2..=30).contains(&server.len())
        && server.bytes().all(legal)
        && server.starts_with(|c: char| c.is_ascii_lowercase())
        && !server.ends_with('-');
    let known = inner.data().user(user).is_some_and(|user| user.servers.contains_key(server));
    if safe || known { Ok(()) } else { Err(Refusal::saying(400, format!("Invalid server_name: '{server}'"))) }
}

/// Refuses a start when too many servers start or run.
pub(crate) fn limits(inner: &Inner) -> Result<(), Refusal> {
    let (pending, active) = inner.data().load();
    let options = &inner.options;
    if options.concurrent_spawn_limit > 0 && pending >= options.concurrent_spawn_limit {
        let wait = 60;
        let text = format!("Too many users trying to log in right now. Try again in {wait} seconds.");
        return Err(Refusal { retry_after: Some(wait), ..Refusal::saying(429, text) });
    }
    if options.active_server_limit > 0 && active >= options.active_server_limit {
        return Err(Refusal::saying(429, "Active user limit exceeded. Try again in a few minutes."));
    }
    Ok(())
}

/// `.../progress`: events until the server is ready or has failed.
pub(crate) fn progress(visit: &mut Visit, user: &str, server: &str) -> Outcome {
    need(visit, &[Method::GET])?;
    allow_for(visit, "read:servers", On::Server(user, server))?;
    let known = visit
        .inner
        .data()
        .user(user)
        .is_some_and(|row| server.is_empty() || row.servers.contains_key(server));
    if !known {
        return Err(Refusal::new(404));
    }
    let state = visit.inner.state_of(user, server);
    if !matches!(state, ServerState::Ready | ServerState::Pending) {
        return Err(Refusal::saying(400, format!("{} is not starting...", models::log_name(user, server))));
    }
    let steps = Steps {
        inner: Arc::clone(&visit.inner),
        user: user.to_owned(),
        server: server.to_owned(),
        begun: false,
        done: false,
    };
    let events = stream::unfold(steps, |mut steps| async move {
        let text = steps.next().await?;
        Some((text.map(|text| Frame::data(Bytes::from(text))), steps))
    });
    let mut answer: Answer = typed(StatusCode::OK, "text/event-stream", "");
    *answer.body_mut() = StreamBody::new(events).boxed_unsync();
    put(&mut answer, CACHE_CONTROL, "no-cache");
    Ok(answer)
}

/// The events of one start.
struct Steps {
    inner: Arc<Inner>,
    user: String,
    server: String,
    begun: bool,
    done: bool,
}

impl Steps {
    /// The next piece of the stream; `None`: the end; an error: the hub died.
    async fn next(&mut self) -> Option<io::Result<String>> {
        if self.done {
            return None;
        }
        let mut up = self.inner.hub_up.subscribe();
        let state = self.inner.state_of(&self.user, &self.server);
        if !self.begun {
            self.begun = true;
            if state == ServerState::Pending {
                return Some(Ok(format!(
                    "\n\n{}",
                    event(&json!({"progress": 0, "message": "Server requested"}))
                )));
            }
        }
        if state == ServerState::Pending {
            let (inner, user, server) = (Arc::clone(&self.inner), self.user.clone(), self.server.clone());
            let seen = inner.wait_for(&user, &server, KEEP_ALIVE, |state| state != ServerState::Pending);
            let changed = tokio::select! {
                changed = seen => changed,
                _ = up.wait_for(|up| !up) => return Some(Err(io::ErrorKind::ConnectionAborted.into())),
            };
            if !changed {
                return Some(Ok("\n\n".to_owned()));
            }
        }
        self.done = true;
        Some(Ok(self.last_event()))
    }

    fn last_event(&self) -> String {
        if self.inner.state_of(&self.user, &self.server) != ServerState::Ready {
            return event(&json!({"progress": 100, "failed": true, "message": "Spawn failed"}));
        }
        let data = self.inner.data();
        let user = data.user(&self.user);
        let url = user.map(|user| user.server_url(self.inner.base(), &self.server)).unwrap_or_default();
        let shown = escape(&url);
        event(&json!({
            "progress": 100,
            "ready": true,
            "message": format!("Server ready at {url}"),
            "html_message": format!("Server ready at <a href=\"{shown}\">{shown}</a>"),
            "url": url,
        }))
    }
}

fn event(value: &Value) -> String {
    format!("data: {value}\n\n")
}
