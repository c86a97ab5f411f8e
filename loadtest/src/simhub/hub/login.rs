//! Logging in by form, and logging out.
//!
//! The outside provider's way in is `callback.rs`.

use http::{Method, StatusCode};

use super::super::options::Auth;
use super::super::text::{quote, with_query};
use super::super::wire::{Answer, NewCookie, html, redirect};
use super::Outcome;
use super::callback::STATE_COOKIE;
use super::html::{login_form, login_link, page};
use super::visit::{LOGIN_COOKIE, Refusal, SESSION_COOKIE, Visit};

/// `/hub/login`.
pub(crate) fn login(visit: &mut Visit) -> Outcome {
    if visit.ask.method == Method::POST {
        return submit(visit);
    }
    if let Some(who) = visit.who.clone() {
        visit.log_in(&who.name);
        return Ok(redirect(StatusCode::FOUND, &next_url(visit, Some(&who.name), None)));
    }
    if visit.inner.options.auto_login {
        let url = visit.inner.hub_path("oauth_login");
        let url = match visit.argument("next").filter(|next| !next.is_empty()) {
            Some(_) => with_query(&url, &[("next", &next_url(visit, None, None))]),
            None => url,
        };
        return Ok(redirect(StatusCode::FOUND, &url));
    }
    // a page that is shown again starts the token's hour again
    let token = visit.xsrf();
    if visit.ask.is_navigation() {
        visit.set_xsrf(&token);
    }
    Ok(form_page(visit, StatusCode::OK, None))
}

/// The login page with what went wrong.
pub(crate) fn form_page(visit: &mut Visit, status: StatusCode, error: Option<&str>) -> Answer {
    let text = match visit.inner.options.auth {
        Auth::Form { .. } => login_form(visit, error),
        Auth::OAuth { .. } => login_link(visit),
    };
    html(status, text)
}

fn submit(visit: &mut Visit) -> Outcome {
    let Auth::Form { password } = visit.inner.options.auth.clone() else { return Err(Refusal::new(405)) };
    let name = visit.argument("username").unwrap_or_default().trim().to_lowercase();
    if visit.argument("password").as_deref() != Some(password.as_str()) || !valid_name(&name) {
        return Ok(form_page(visit, StatusCode::FORBIDDEN, Some("Invalid username or password")));
    }
    visit.inner.data().user_or_new(&name);
    visit.log_in(&name);
    Ok(redirect(StatusCode::FOUND, &next_url(visit, Some(&name), None)))
}

/// Whether a name can be a user's: a path segment, and neither `.` nor `..`.
pub(crate) fn valid_name(name: &str) -> bool {
    !name.is_empty() && name.trim() == name && !name.contains('/') && !matches!(name, "." | "..")
}

/// `/hub/logout`: ends the session and the tokens that belong to it.
pub(crate) fn logout(visit: &mut Visit) -> Outcome {
    if let Some(who) = visit.who.clone() {
        let hub = visit.inner.hub_path("");
        let base = visit.inner.base().to_owned();
        if let Some(session) = visit.session().map(str::to_owned) {
            let ended = Some(session);
            visit
                .inner
                .data()
                .tokens
                .retain(|_, token| token.session_id != ended || token.owner_name() != who.name);
            visit.set_cookie(NewCookie::gone(SESSION_COOKIE, &base));
        }
        visit.set_cookie(NewCookie::gone(LOGIN_COOKIE, &hub));
        visit.set_cookie(NewCookie::gone("jupyterhub-services", &format!("{base}services")));
        visit.set_cookie(NewCookie::gone("_xsrf", &hub));
    }
    if let Auth::OAuth { .. } = visit.inner.options.auth {
        visit.set_cookie(NewCookie::gone(STATE_COOKIE, "/"));
    }
    visit.forget();
    if visit.inner.options.auto_login {
        let main = "<div id=\"logout-main\" class=\"container\">\n<p>Successfully logged out.</p>\n</div>";
        let text = page(visit, main);
        return Ok(html(StatusCode::OK, text));
    }
    Ok(redirect(StatusCode::FOUND, &visit.inner.hub_path("login")))
}

/// Where a login leads: a safe `next`, else `default`, else the user's server or its start.
pub(crate) fn next_url(visit: &Visit, user: Option<&str>, default: Option<String>) -> String {
    let next = visit.argument("next").map(|next| on_this_site(visit, &next)).unwrap_or_default();
    if !next.is_empty() {
        return next;
    }
    let url = default.unwrap_or_else(|| home_of(visit, user));
    let pairs = visit.query_without(&["next", "_xsrf"]);
    let pairs: Vec<(&str, &str)> =
        pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    with_query(&url, &pairs)
}

fn home_of(visit: &Visit, user: Option<&str>) -> String {
    let Some(name) = user else { return visit.inner.hub_path("home") };
    let data = visit.inner.data();
    let running =
        data.user(name).filter(|user| user.servers.get("").is_some_and(super::super::state::Server::active));
    match running {
        Some(user) => user.url(visit.inner.base()),
        None => visit.inner.hub_path("spawn"),
    }
}

/// A `next` as a path on this site; empty if it leads elsewhere.
pub(crate) fn on_this_site(visit: &Visit, next: &str) -> String {
    let next = next.replace('\\', "%5C");
    let next = match next.starts_with("///") {
        true => format!("//{}", next.trim_start_matches('/')),
        false => next,
    };
    let host = visit.ask.host();
    let own = [format!("{}://{host}/", browser_scheme(visit)), format!("//{host}/")];
    let with_slash = format!("{next}/");
    if let Some(origin) = own.iter().find(|origin| with_slash.starts_with(origin.as_str())) {
        let rest = next.get(origin.len()..).unwrap_or_default();
        return format!("/{}", rest.trim_start_matches('/'));
    }
    let elsewhere = !next.starts_with('/') || next.starts_with("//");
    if elsewhere { String::new() } else { next }
}

/// The scheme that the browser used: the first of `Forwarded`'s or `X-Forwarded-Proto`'s, else the hub's own.
fn browser_scheme(visit: &Visit) -> String {
    if let Some(first) = visit.ask.header("forwarded").and_then(|list| list.split(',').next()) {
        let pairs = first.split(';').filter_map(|pair| pair.trim().split_once('='));
        let mut protos = pairs.filter(|(name, _)| name.eq_ignore_ascii_case("proto"));
        if let Some((_, proto)) = protos.next() {
            return proto.trim_matches('"').to_lowercase();
        }
    }
    let header = visit.ask.header("x-scheme").or_else(|| visit.ask.header("x-forwarded-proto"));
    let first = header.and_then(|list| list.split(',').next()).map(|scheme| scheme.trim().to_lowercase());
    first.unwrap_or_else(|| visit.ask.scheme().to_owned())
}

/// The login's address with a `next`.
pub(crate) fn login_url(visit: &Visit, next: &str) -> String {
    format!("{}?next={}", visit.inner.hub_path("login"), quote(next))
}
