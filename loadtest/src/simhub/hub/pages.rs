//! The hub's plain pages: root, home, tokens, admin, errors, health, static files.
//!
//! Each shows what a user needs to click on; starting servers is `spawn.rs`.

use http::header::{CACHE_CONTROL, ETAG, HeaderName};
use http::{Method, StatusCode};

use super::super::inner::Inner;
use super::super::text::{escape, quote_segment};
use super::super::wire::{Answer, Ask, html, plain, put, redirect, typed};
use super::Outcome;
use super::html::{error_page, page};
use super::login::{login_url, next_url};
use super::scopes::On;
use super::visit::{Refusal, Visit};

/// `/hub/health` and `/hub/api/health`: alive, and no more is said.
pub(crate) fn health(inner: &Inner, ask: &Ask) -> Answer {
    match ask.method {
        Method::GET | Method::HEAD => super::visit::outside(inner, html(StatusCode::OK, String::new())),
        _ => super::visit::outside(inner, plain(StatusCode::METHOD_NOT_ALLOWED, "")),
    }
}

/// `/hub/`: onwards to the server, its start, or the login.
pub(crate) fn root(visit: &mut Visit) -> Outcome {
    let url = match &visit.who {
        Some(who) => next_url(visit, Some(&who.name), None),
        None => login_url(visit, &visit.ask.target),
    };
    Ok(redirect(StatusCode::FOUND, &url))
}

/// `/hub/home`.
pub(crate) fn home(visit: &mut Visit) -> Outcome {
    let name = visit.user()?;
    let hub = visit.inner.hub_path("");
    let main = {
        let data = visit.inner.data();
        let user = data.user(&name).ok_or_else(Refusal::login)?;
        let running = user.active();
        let url = if running {
            user.url(visit.inner.base())
        } else {
            format!("{hub}spawn/{}", quote_segment(&name))
        };
        let url = url.strip_suffix('/').unwrap_or(&url);
        let (label, stop) = match running {
            true => ("My Server", "<a id=\"stop\" role=\"button\" class=\"btn\">Stop My Server</a> "),
            false => ("Start My Server", ""),
        };
        let named = user.servers.iter().filter(|(server, _)| !server.is_empty());
        let rows: String = named
            .map(|(server, row)| {
                let url = escape(&user.server_url(visit.inner.base(), server));
                let state = if row.active() { "running" } else { "stopped" };
                format!("<tr class=\"home-server-row\" data-server-name=\"{}\"><td><a href=\"{url}\">{}</a></td><td>{state}</td></tr>", escape(server), escape(server))
            })
            .collect();
        format!(
            "<div class=\"container\">\n{stop}<a id=\"start\" role=\"button\" class=\"btn\" href=\"{}\">{label}</a>\n\
             <table class=\"server-table\">{rows}</table>\n</div>\n{}",
            escape(url),
            stop_script(&name)
        )
    };
    let text = page(visit, &main);
    Ok(html(StatusCode::OK, text))
}

/// Lets the button "Stop My Server" work.
fn stop_script(name: &str) -> String {
    let user = quote_segment(name);
    format!(
        "<script>\nconst stop = document.getElementById('stop');\nif (stop) stop.onclick = async () => {{\n  \
         const d = window.jhdata;\n  await fetch(`${{d.base_url}}api/users/{user}/server?_xsrf=${{d.xsrf_token}}`, \
         {{method: 'DELETE'}});\n  window.location.reload();\n}};\n</script>"
    )
}

/// `/hub/token`.
pub(crate) fn token(visit: &mut Visit) -> Outcome {
    let name = visit.user()?;
    let user = quote_segment(&name);
    let main = format!(
        "<div class=\"container\">\n<h1>Request new API token</h1>\n<form id=\"request-token-form\" class=\"row\">\n\
         <button type=\"submit\" class=\"btn\">Request new API token</button>\n</form>\n<pre id=\"token-result\"></pre>\n\
         </div>\n<script>\ndocument.getElementById('request-token-form').onsubmit = async (event) => {{\n  \
         event.preventDefault();\n  const d = window.jhdata;\n  const answer = await fetch(\
         `${{d.base_url}}api/users/{user}/tokens?_xsrf=${{d.xsrf_token}}`, {{method: 'POST', body: '{{}}'}});\n  \
         document.getElementById('token-result').textContent = (await answer.json()).token;\n}};\n</script>"
    );
    let text = page(visit, &main);
    Ok(html(StatusCode::OK, text))
}

/// `/hub/admin`: a shell; its data come from the API.
pub(crate) fn admin(visit: &mut Visit) -> Outcome {
    visit.user()?;
    if !visit.who.as_ref().is_some_and(|who| who.may("admin-ui", On::All)) {
        return Err(unauthorized("admin-ui"));
    }
    let main = "<div id=\"admin\">\n<div id=\"react-admin-hook\"></div>\n<ul id=\"users\"></ul>\n</div>\n<script>\n\
        (async () => {\n  const d = window.jhdata;\n  const users = await (await fetch(\
        `${d.base_url}api/users?_xsrf=${d.xsrf_token}`)).json();\n  for (const user of users) {\n    \
        const row = document.createElement('li');\n    row.textContent = user.name + (user.server ? ' (running)' : '');\n    \
        document.getElementById('users').append(row);\n  }\n})();\n</script>";
    let text = page(visit, main);
    Ok(html(StatusCode::OK, text))
}

/// What the hub says to somebody who lacks a scope altogether.
pub(crate) fn unauthorized(scope: &str) -> Refusal {
    Refusal::saying(403, format!("Action is not authorized with current scopes; requires any of [{scope}]"))
}

/// What the hub says to somebody without the right, so as not to say more.
pub(crate) fn no_access() -> Refusal {
    Refusal::saying(404, "No access to resources or resources not found")
}

/// `/hub/metrics`: with the right only.
pub(crate) fn metrics(visit: &mut Visit) -> Outcome {
    if !visit.who.as_ref().is_some_and(|who| who.may("read:metrics", On::All)) {
        return Err(Refusal::new(403));
    }
    let (_, active) = visit.inner.data().load();
    let users = visit.inner.data().users.len();
    let text = format!(
        "# HELP jupyterhub_running_servers the number of user servers currently running\n\
         # TYPE jupyterhub_running_servers gauge\njupyterhub_running_servers {active}.0\n\
         # HELP jupyterhub_total_users total number of users\n# TYPE jupyterhub_total_users gauge\n\
         jupyterhub_total_users {users}.0\n"
    );
    Ok(typed(StatusCode::OK, "text/plain; version=1.0.0; charset=utf-8", text))
}

/// `/hub/error/<n>`: the page of an error, though this is none.
pub(crate) fn error(visit: &mut Visit, code: &str) -> Outcome {
    let status = code.parse().ok().and_then(|code| StatusCode::from_u16(code).ok());
    let status = status.ok_or_else(|| Refusal::new(404))?;
    let reason = status.canonical_reason().unwrap_or("Unknown HTTP Error");
    let text = error_page(visit, status, Some(reason));
    Ok(html(StatusCode::OK, text))
}

/// `/hub/security/csp-report`.
pub(crate) fn csp_report(visit: &mut Visit) -> Outcome {
    if visit.ask.method != Method::POST {
        return Err(Refusal::new(405));
    }
    visit.user()?;
    Ok(html(StatusCode::OK, String::new()))
}

/// `/hub/static/...`, `/hub/logo` and `/favicon.ico`: something of the right type.
pub(crate) fn files(path: &str, ask: &Ask) -> Answer {
    const FOLDERS: &[&str] =
        &["static/css/", "static/js/", "static/components/", "static/images/", "static/favicon.ico"];
    let known =
        matches!(path, "logo" | "favicon.ico") || FOLDERS.iter().any(|folder| path.starts_with(folder));
    let kind = match path.rsplit('.').next().unwrap_or_default() {
        "css" => "text/css",
        "js" => "text/javascript",
        "ico" => "image/vnd.microsoft.icon",
        _ => "image/png",
    };
    if !known {
        return typed(StatusCode::NOT_FOUND, "text/html; charset=UTF-8", "<h1>404: Not Found</h1>");
    }
    let content = match kind {
        "text/css" | "text/javascript" => format!("/* {path} of a simulated hub */\n").into_bytes(),
        _ => b"\x89PNG\r\n\x1a\n".to_vec(),
    };
    let mut answer =
        typed(StatusCode::OK, kind, if ask.method == Method::HEAD { Vec::new() } else { content });
    match ask.argument("v") {
        Some(_) => put(&mut answer, CACHE_CONTROL, "max-age=315360000"),
        None if path == "logo" => {}
        None => put(&mut answer, CACHE_CONTROL, "no-cache"),
    }
    put(&mut answer, ETAG, "\"simulated\"");
    put(&mut answer, HeaderName::from_static("accept-ranges"), "bytes");
    answer
}
