//! One request on its way through the hub: who asks, by which right, and which cookies it gains.
//!
//! Cookies and sessions by JupyterHub's rules; `_xsrf` tokens are in `xsrf.rs`, and what the request is about is for
//! the handlers.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, RETRY_AFTER, SERVER,
};
use http::{Method, StatusCode};
use serde_json::json;

use super::super::inner::Inner;
use super::super::signed::{sign, verify, xsrf_token};
use super::super::text::{form_pairs, quote, random_hex};
use super::super::wire::{Answer, Ask, NewCookie, html, json, put, redirect};
use super::html::error_page;
use super::scopes::Identity;
use super::{Outcome, login};

/// The login cookie; it holds the user's random id, signed.
pub(crate) const LOGIN_COOKIE: &str = "jupyterhub-hub-login";
/// The session's id, not signed.
pub(crate) const SESSION_COOKIE: &str = "jupyterhub-session-id";

/// How errors are written, and which rights count.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// HTML; cookies only.
    Page,
    /// HTML; cookies and tokens (`/hub/user/...`).
    Server,
    /// JSON; cookies and tokens.
    Api,
}

/// Why a handler refuses; becomes an error page or JSON.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) status: u16,
    pub(crate) message: Option<String>,
    pub(crate) retry_after: Option<u64>,
    /// Log in first: becomes a redirect.
    pub(crate) to_login: bool,
}

impl Refusal {
    pub(crate) fn new(status: u16) -> Refusal {
        Refusal { status, message: None, retry_after: None, to_login: false }
    }

    pub(crate) fn saying(status: u16, message: impl Into<String>) -> Refusal {
        Refusal { message: Some(message.into()), ..Refusal::new(status) }
    }

    pub(crate) fn login() -> Refusal {
        Refusal { to_login: true, ..Refusal::new(403) }
    }
}

/// One request and what is known about it.
pub(crate) struct Visit {
    pub(crate) inner: Arc<Inner>,
    pub(crate) ask: Ask,
    pub(crate) body: Vec<u8>,
    /// Fields of a form in the body.
    pub(crate) form: Vec<(String, String)>,
    pub(crate) kind: Kind,
    /// Who asks; `None`: nobody known.
    pub(crate) who: Option<Identity>,
    pub(super) by_token: bool,
    pub(super) session_id: Option<String>,
    cookies: Vec<NewCookie>,
    pub(super) xsrf: Option<String>,
}

impl Visit {
    pub(crate) fn new(inner: Arc<Inner>, ask: Ask, body: Vec<u8>, kind: Kind) -> Visit {
        let session_id = ask.cookie(SESSION_COOKIE);
        let form = ask.form(&body);
        let mut visit = Visit {
            inner,
            ask,
            body,
            form,
            kind,
            who: None,
            by_token: false,
            session_id,
            cookies: Vec::new(),
            xsrf: None,
        };
        visit.identify();
        visit
    }

    fn identify(&mut self) {
        if self.kind != Kind::Page
            && let Some(token) = self.ask.header("authorization").and_then(token_of)
            && let Some(identity) = Identity::of_token(&self.inner, token)
        {
            self.who = Some(identity);
            self.by_token = true;
            return;
        }
        self.who = self.user_of_cookie();
        if self.who.is_some() && self.session_id.is_none() {
            self.set_session();
        }
        // a form sent from elsewhere must not act in somebody's name
        let json_only = self.kind == Kind::Api && self.ask.method == Method::POST;
        let kind = self.ask.header("content-type").unwrap_or("application/json");
        if json_only && !kind.split(';').any(|part| part.trim().starts_with("application/json")) {
            self.who = None;
        }
    }

    /// The user of the login cookie; a cookie that proves nobody is deleted.
    fn user_of_cookie(&mut self) -> Option<Identity> {
        let cookie = self.ask.cookie(LOGIN_COOKIE).filter(|value| !value.is_empty())?;
        let id = verify(&self.inner.secret, LOGIN_COOKIE, &cookie);
        let found = id.and_then(|id| {
            let mut data = self.inner.data();
            let user = data.users.iter_mut().find(|user| user.cookie_id == id)?;
            user.last_activity = Some(SystemTime::now());
            Some(user.name.clone())
        });
        match found {
            Some(name) => Some(Identity::of_user(&self.inner, &name)),
            None => {
                self.cookies.push(NewCookie::gone(LOGIN_COOKIE, &self.inner.hub_path("")));
                None
            }
        }
    }

    /// The user who asks, or a redirect to the login; pages only.
    pub(crate) fn user(&self) -> Result<String, Refusal> {
        match &self.who {
            Some(Identity { service: false, name, .. }) => Ok(name.clone()),
            _ => Err(Refusal::login()),
        }
    }

    /// Whoever asks, or 403; API only.
    pub(crate) fn identity(&self) -> Result<Identity, Refusal> {
        self.who.clone().ok_or_else(|| Refusal::new(403))
    }

    /// A parameter of the body's form, else of the query.
    pub(crate) fn argument(&self, name: &str) -> Option<String> {
        let in_form = self.form.iter().rev().find(|(found, _)| found == name).map(|(_, value)| value.clone());
        in_form.or_else(|| self.ask.argument(name))
    }

    /// Adds a cookie to the answer; a later one of the same name and path replaces it.
    pub(crate) fn set_cookie(&mut self, cookie: NewCookie) {
        self.cookies.retain(|old| old.name != cookie.name);
        self.cookies.push(cookie);
    }

    /// A cookie as the hub sets those that scripts must not read.
    pub(crate) fn guarded_cookie(&self, name: &str, value: &str, path: &str) -> NewCookie {
        let secure = self.ask.scheme() == "https";
        NewCookie { http_only: true, secure, ..NewCookie::new(name, value, path) }
    }

    /// The session's id, if there is a session.
    pub(crate) fn session(&self) -> Option<&str> {
        self.session_id.as_deref()
    }

    /// Begins a session.
    pub(crate) fn set_session(&mut self) -> String {
        let id = random_hex(16);
        self.session_id = Some(id.clone());
        let cookie = self.guarded_cookie(SESSION_COOKIE, &id, self.inner.base());
        self.set_cookie(cookie);
        id
    }

    /// Logs `name` in: session, login cookie and token, as far as they are not there yet.
    pub(crate) fn log_in(&mut self, name: &str) {
        if self.session_id.is_none() {
            self.set_session();
        }
        let known = self.who.as_ref().is_some_and(|who| who.name == name);
        if !known {
            let cookie_id = self.inner.data().user_or_new(name).cookie_id.clone();
            let value = sign(&self.inner.secret, LOGIN_COOKIE, &cookie_id);
            let cookie = self.guarded_cookie(LOGIN_COOKIE, &value, &self.inner.hub_path(""));
            self.set_cookie(NewCookie { expires: Some(Duration::from_secs(30 * 86_400)), ..cookie });
        }
        self.who = Some(Identity::of_user(&self.inner, name));
        let id = self.xsrf_id();
        let token = xsrf_token(&self.inner.secret, &id);
        self.set_cookie(NewCookie::new("_xsrf", &token, &self.inner.hub_path("")));
        self.xsrf = Some(token);
    }

    /// Forgets who asked, as after a logout.
    pub(crate) fn forget(&mut self) {
        self.who = None;
        self.xsrf = None;
    }

    /// Turns an outcome into the answer: errors written, cookies and the hub's headers added.
    pub(crate) fn finish(mut self, outcome: Outcome, parts: &[&str]) -> Answer {
        let mut answer = match outcome {
            Ok(answer) => answer,
            Err(refusal) if refusal.to_login && self.ask.only_reads() => self.to_login(),
            Err(refusal) => self.refuse(&refusal, parts),
        };
        for cookie in &self.cookies {
            cookie.add_to(&mut answer);
        }
        if answer.status() == StatusCode::NO_CONTENT {
            answer.headers_mut().remove(CONTENT_TYPE);
        }
        let strict = self.kind == Kind::Api;
        stamp(&self.inner, &mut answer, strict);
        answer
    }

    fn to_login(&self) -> Answer {
        let next = quote(&self.ask.target);
        redirect(StatusCode::FOUND, &format!("{}?next={next}", self.inner.hub_path("login")))
    }

    fn refuse(&mut self, refusal: &Refusal, parts: &[&str]) -> Answer {
        let status = StatusCode::from_u16(refusal.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let message = refusal.message.clone();
        let mut answer = match (self.kind, parts) {
            (Kind::Api, _) => json(status, &json!({"status": refusal.status, "message": message})),
            (_, ["login"]) if self.ask.method == Method::POST && self.ask.is_navigation() => {
                login::form_page(self, status, message.as_deref())
            }
            _ => {
                let page = error_page(self, status, message.as_deref());
                html(status, page)
            }
        };
        if let Some(seconds) = refusal.retry_after {
            put(&mut answer, RETRY_AFTER, &seconds.to_string());
        }
        answer
    }

    /// The pairs of the query except `without`, in their order.
    pub(crate) fn query_without(&self, without: &[&str]) -> Vec<(String, String)> {
        let pairs = form_pairs(self.ask.query.as_deref().unwrap_or_default());
        pairs
            .into_iter()
            .filter(|(name, value)| !without.contains(&name.as_str()) && !value.is_empty())
            .collect()
    }
}

/// Adds the headers that the hub puts on answers outside its handlers too.
pub(crate) fn outside(inner: &Inner, mut answer: Answer) -> Answer {
    stamp(inner, &mut answer, false);
    answer
}

fn stamp(inner: &Inner, answer: &mut Answer, strict: bool) {
    let report = inner.hub_path("security/csp-report");
    let policy = format!("frame-ancestors 'none'; report-uri {report}");
    let policy = if strict { format!("{policy}; default-src 'none'") } else { policy };
    put(answer, SERVER, "TornadoServer/6.6.1");
    put(answer, HeaderName::from_static("x-jupyterhub-version"), &inner.options.version);
    put(answer, ACCESS_CONTROL_ALLOW_HEADERS, "accept, content-type, authorization");
    put(answer, CONTENT_SECURITY_POLICY, &policy);
}

/// The token of an `Authorization` header: `token <t>` or `Bearer <t>` in any case.
fn token_of(header: &str) -> Option<&str> {
    let (scheme, token) = header.split_once(char::is_whitespace)?;
    let known = scheme.eq_ignore_ascii_case("token") || scheme.eq_ignore_ascii_case("bearer");
    let token = token.split_whitespace().next()?;
    (known && token.len() <= 64).then_some(token)
}
