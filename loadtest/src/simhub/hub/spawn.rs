//! Starting a server from a browser, and what stands where a server does not run.
//!
//! Pages and redirects; the API's way to start one is `servers.rs`.

use std::time::Duration;

use http::header::ACCEPT;
use http::{Method, StatusCode};
use serde_json::{Map, Value, json};

use super::super::state::ServerState;
use super::super::text::{escape, form_pairs, quote_segment, with_query};
use super::super::wire::{Answer, html, json as json_answer, redirect};
use super::html::page;
use super::login::next_url;
use super::pages::no_access;
use super::scopes::On;
use super::servers::{check_name, limits};
use super::visit::{Refusal, Visit};
use super::{Outcome, models};

/// How long a browser's start waits before it goes on to the progress page.
const FIRST_WAIT: Duration = Duration::from_secs(1);

/// `/hub/spawn[/<user>[/<server>]]`: the form, or the start itself.
pub(crate) async fn spawn(visit: &mut Visit, user: Option<&str>, server: &str) -> Outcome {
    let me = visit.user()?;
    let user = user.unwrap_or(&me).to_owned();
    allow(visit, "servers", &user)?;
    if visit.inner.data().user(&user).is_none() {
        return Err(Refusal::saying(404, format!("No such user: {user}")));
    }
    check_name(&visit.inner, &user, server)?;
    let state = visit.inner.state_of(&user, server);
    if visit.ask.method == Method::POST {
        let log_name = models::log_name(&user, server);
        match state {
            ServerState::Ready => return Err(Refusal::saying(400, format!("{log_name} is already running"))),
            ServerState::Pending => return Err(Refusal::saying(400, format!("{log_name} is pending spawn"))),
            ServerState::Stopping => return Err(Refusal::saying(400, format!("{log_name} is pending stop"))),
            ServerState::Stopped => {}
        }
        let options = options_of(visit.form.iter().filter(|(name, _)| name != "_xsrf").cloned());
        return start(visit, &user, server, options).await;
    }
    match state {
        ServerState::Ready => {
            let url = server_url(visit, &user, server);
            return Ok(redirect(StatusCode::FOUND, &next_url(visit, Some(&user), Some(url))));
        }
        ServerState::Pending | ServerState::Stopping => {
            return Ok(redirect(StatusCode::FOUND, &pending_url(visit, &user, server)));
        }
        ServerState::Stopped => {}
    }
    let pairs = visit.query_without(&["next", "display_name"]);
    let prefixed = pairs.iter().any(|(name, _)| name.starts_with("opt-"));
    let chosen = pairs.into_iter().filter_map(|(name, value)| match name.strip_prefix("opt-") {
        Some(bare) => Some((bare.to_owned(), value)),
        None if prefixed => None,
        None => Some((name, value)),
    });
    let options = options_of(chosen);
    let asked = options.as_object().is_some_and(|options| !options.is_empty());
    if visit.inner.options.spawn_form && !asked {
        return Ok(form(visit, &user));
    }
    start(visit, &user, server, options).await
}

fn form(visit: &mut Visit, user: &str) -> Answer {
    let xsrf = visit.xsrf();
    let action = escape(&with_query(&visit.ask.target, &[("_xsrf", &xsrf)]));
    let main = format!(
        "<div class=\"container\">\n<h1>Server Options</h1>\n<p>Spawning server for {}</p>\n<form \
         enctype=\"multipart/form-data\" id=\"spawn_form\" action=\"{action}\" method=\"post\" role=\"form\">\n\
         <label>Size <select name=\"size\"><option>small</option><option>large</option></select></label>\n\
         <button type=\"submit\" class=\"btn\">Start</button>\n</form>\n</div>",
        escape(user)
    );
    html(StatusCode::OK, page(visit, &main))
}

async fn start(visit: &mut Visit, user: &str, server: &str, options: Value) -> Outcome {
    limits(&visit.inner)?;
    visit.inner.start_server(user, server, options);
    visit.inner.wait_for(user, server, FIRST_WAIT, |state| state != ServerState::Pending).await;
    Ok(redirect(StatusCode::FOUND, &pending_url(visit, user, server)))
}

/// Form fields as the hub hands them to a spawner: each a list of texts.
fn options_of(pairs: impl Iterator<Item = (String, String)>) -> Value {
    let mut options = Map::new();
    for (name, value) in pairs {
        if let Some(list) = options.entry(name).or_insert_with(|| json!([])).as_array_mut() {
            list.push(json!(value));
        }
    }
    Value::Object(options)
}

fn pending_url(visit: &Visit, user: &str, server: &str) -> String {
    let mut url = format!("{}{}", visit.inner.hub_path("spawn-pending/"), quote_segment(user));
    if !server.is_empty() {
        url = format!("{url}/{}", quote_segment(server));
    }
    let pairs = visit.query_without(&["next", "display_name"]);
    let pairs: Vec<(&str, &str)> =
        pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let url = with_query(&url, &pairs);
    match visit.argument("next").filter(|next| !next.is_empty()) {
        Some(next) => with_query(&url, &[("next", &next)]),
        None => url,
    }
}

/// `/hub/spawn-pending/<user>[/<server>]`: the progress page; it starts nothing.
pub(crate) fn pending(visit: &mut Visit, user: &str, server: &str) -> Outcome {
    visit.user()?;
    allow(visit, "servers", user)?;
    let known = {
        let data = visit.inner.data();
        let row = data.user(user).ok_or_else(|| Refusal::saying(404, format!("No such user: {user}")))?;
        server.is_empty() || row.servers.contains_key(server)
    };
    if !known {
        return Err(Refusal::saying(404, format!("{user} has no such server {server}")));
    }
    let main = match visit.inner.state_of(user, server) {
        ServerState::Ready => {
            let url = server_url(visit, user, server);
            return Ok(redirect(StatusCode::FOUND, &next_url(visit, None, Some(url))));
        }
        ServerState::Pending => progress_page(visit, user, server),
        ServerState::Stopping => "<div class=\"container\">\n<p>Your server is stopping.</p>\n\
             <p>You will be able to start it again once it has finished stopping.</p>\n\
             <a role=\"button\" id=\"refresh\" class=\"btn\" href=\"\">refresh</a></div>"
            .to_owned(),
        ServerState::Stopped => not_running_page(&spawn_url(visit, user, server), server),
    };
    let text = page(visit, &main);
    Ok(html(StatusCode::OK, text))
}

fn progress_page(visit: &mut Visit, user: &str, server: &str) -> String {
    let xsrf = visit.xsrf();
    let path = match server {
        "" => format!("api/users/{}/server/progress", quote_segment(user)),
        server => format!("api/users/{}/servers/{}/progress", quote_segment(user), quote_segment(server)),
    };
    let url = with_query(&visit.inner.hub_path(&path), &[("_xsrf", &xsrf)]);
    format!(
        "<div class=\"container\">\n<p>Your server is starting up.</p>\n\
         <p>You will be redirected automatically when it's ready for you.</p>\n\
         <progress id=\"progress-bar\" max=\"100\" value=\"0\"></progress>\n<p id=\"progress-message\"></p>\n\
         </div>\n<script>\nvar evtSource = new EventSource(\"{url}\");\nevtSource.onmessage = (e) => {{\n  \
         const evt = JSON.parse(e.data);\n  document.getElementById('progress-bar').value = evt.progress;\n  \
         document.getElementById('progress-message').textContent = evt.message;\n  \
         if (evt.ready) {{ evtSource.close(); window.location.reload(); }}\n  \
         if (evt.failed) {{ evtSource.close(); }}\n}};\n</script>"
    )
}

fn not_running_page(spawn_url: &str, server: &str) -> String {
    format!(
        "<div class=\"container\">\n<h1>Server not running</h1>\n<p>Your server {0} is not running. Would you like \
         to start it?</p>\n<a id=\"start\" role=\"button\" class=\"btn\" href=\"{1}\">Launch Server {0}</a>\n</div>",
        escape(server),
        escape(spawn_url)
    )
}

/// `/hub/user/<user>/...`: a server that does not run, or whose route the proxy does not have yet.
pub(crate) async fn not_running(visit: &mut Visit, user: &str, rest: &[&str]) -> Outcome {
    let server = server_in(visit, user, rest);
    if !matches!(visit.ask.method, Method::GET | Method::HEAD) {
        return Ok(no_server_for_scripts(visit, user, &server));
    }
    let who = visit.who.clone().ok_or_else(Refusal::login)?;
    let candidates = ["", rest.first().copied().filter(|_| rest.len() > 1).unwrap_or_default()];
    if !candidates.iter().any(|server| who.may("access:servers", On::Server(user, server))) {
        return Err(no_access());
    }
    if visit.inner.data().user(user).is_none() {
        return Err(Refusal::saying(404, format!("No such user {user}")));
    }
    let state = visit.inner.state_of(user, &server);
    if state == ServerState::Ready {
        return back_to_server(visit).await;
    }
    let accepts = visit.ask.header(ACCEPT.as_str()).unwrap_or_default();
    if prefers_json(accepts) || rest.contains(&"api") {
        return Ok(no_server_for_scripts(visit, user, &server));
    }
    let here = visit.ask.target.clone();
    if matches!(state, ServerState::Pending | ServerState::Stopping) {
        let mut url = format!("{}{}", visit.inner.hub_path("spawn-pending/"), quote_segment(user));
        if !server.is_empty() {
            url = format!("{url}/{}", quote_segment(&server));
        }
        return Ok(redirect(StatusCode::SEE_OTHER, &with_query(&url, &[("next", &here)])));
    }
    let url = with_query(&spawn_url(visit, user, &server), &[("next", &here)]);
    let text = page(visit, &not_running_page(&url, &server));
    Ok(html(StatusCode::FAILED_DEPENDENCY, text))
}

/// The named server that a path below a user means, if there is one of that name.
fn server_in(visit: &Visit, user: &str, rest: &[&str]) -> String {
    let data = visit.inner.data();
    let first = rest.first().copied().unwrap_or_default();
    let known = data.user(user).is_some_and(|user| user.servers.contains_key(first));
    if known { first.to_owned() } else { String::new() }
}

/// The server runs and its route must be there soon: back to it, counting the rounds.
async fn back_to_server(visit: &Visit) -> Outcome {
    let rounds: u32 = visit.argument("redirects").and_then(|text| text.parse().ok()).unwrap_or(0);
    if rounds >= 4 {
        return Err(Refusal::saying(500, "Redirect loop detected."));
    }
    let hub = visit.inner.hub_path("");
    let below = visit.ask.target.get(hub.len()..).unwrap_or_default();
    let target = format!("{}{below}", visit.inner.base());
    if rounds == 0 {
        return Ok(redirect(StatusCode::FOUND, &with_query(&target, &[("redirects", "1")])));
    }
    tokio::time::sleep(Duration::from_secs(2_u64.pow(rounds).min(10))).await;
    let (path, query) = target.split_once('?').unwrap_or((&target, ""));
    let next = (rounds + 1).to_string();
    let pairs = form_pairs(query);
    let pairs: Vec<(&str, &str)> = pairs
        .iter()
        .map(|(name, value)| {
            (name.as_str(), if name == "redirects" { next.as_str() } else { value.as_str() })
        })
        .collect();
    Ok(redirect(StatusCode::FOUND, &with_query(path, &pairs)))
}

fn no_server_for_scripts(visit: &Visit, user: &str, server: &str) -> Answer {
    let hub = visit.inner.hub_path("");
    let path = super::super::text::unquote(visit.ask.path.get(hub.len() - 1..).unwrap_or_default());
    let mut spawn = format!("{}://{}{hub}spawn/{user}", visit.ask.scheme(), visit.ask.host());
    if !server.is_empty() {
        spawn = format!("{spawn}/{server}");
    }
    let message = format!("JupyterHub server no longer running at {path}. Restart the server at {spawn}");
    json_answer(StatusCode::FAILED_DEPENDENCY, &json!({ "message": message }))
}

/// Whether a client asks for JSON rather than HTML.
fn prefers_json(accept: &str) -> bool {
    let weight = |kind: &str| {
        let found = accept.split(',').find(|part| part.split(';').next().map(str::trim) == Some(kind))?;
        let q = found.split(';').find_map(|part| part.trim().strip_prefix("q="));
        Some(q.and_then(|q| q.parse::<f32>().ok()).unwrap_or(1.0))
    };
    match (weight("application/json"), weight("text/html")) {
        (Some(json), Some(html)) => json > html,
        (Some(_), None) => true,
        (None, _) => false,
    }
}

/// `/hub/user-redirect/<path>`: to the same path of one's own server.
pub(crate) fn user_redirect(visit: &mut Visit) -> Outcome {
    let me = visit.user()?;
    let prefix = visit.inner.hub_path("user-redirect/");
    let rest = visit.ask.path.strip_prefix(&prefix).unwrap_or_default().to_owned();
    let server = format!("{}{}", server_url(visit, &me, ""), super::super::text::unquote(&rest));
    let pairs = visit.ask.query_pairs();
    let pairs: Vec<(&str, &str)> =
        pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let next = with_query(&server, &pairs);
    Ok(redirect(StatusCode::FOUND, &with_query(&spawn_url(visit, &me, ""), &[("next", &next)])))
}

fn spawn_url(visit: &Visit, user: &str, server: &str) -> String {
    let url = format!("{}{}", visit.inner.hub_path("spawn/"), quote_segment(user));
    if server.is_empty() { url } else { format!("{url}/{}", quote_segment(server)) }
}

fn server_url(visit: &Visit, user: &str, server: &str) -> String {
    let data = visit.inner.data();
    data.user(user).map(|user| user.server_url(visit.inner.base(), server)).unwrap_or_default()
}

fn allow(visit: &Visit, scope: &str, user: &str) -> Result<(), Refusal> {
    let allowed = visit.who.as_ref().is_some_and(|who| who.may(scope, On::User(user)));
    if allowed { Ok(()) } else { Err(no_access()) }
}
