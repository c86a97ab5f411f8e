//! The door of a server or service: who is it, by cookie or token, and the OAuth hop to the hub if unknown.
//!
//! As JupyterHub's `HubOAuth`. What is behind the door is for `singleuser` and `service`.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::{URL_SAFE, URL_SAFE_NO_PAD};
use http::StatusCode;
use http::header::CONTENT_TYPE;
use sha2::{Digest, Sha256};

use super::hub::{self, Identity};
use super::inner::Inner;
use super::signed::{sign, verify, xsrf_id, xsrf_token};
use super::text::{hex, random_hex, with_query};
use super::wire::{Answer, Ask, NewCookie, html, put, redirect, typed};

/// How long a login may be under way.
const STATE_AGE: Duration = Duration::from_secs(600);

/// How long Tornado lets signed cookies live in browsers.
const MONTH: Duration = Duration::from_secs(30 * 86_400);

/// One client of the hub's OAuth, with what its process remembers.
pub(crate) struct Gate {
    /// Its OAuth client id, and the name of its cookie.
    pub(crate) client_id: String,
    /// Where it stands and its cookies go: `/user/ada/`.
    pub(crate) prefix: String,
    secret: Vec<u8>,
    states: Mutex<HashMap<String, State>>,
    cache: Mutex<HashMap<(String, String), (Instant, Identity)>>,
}

/// A login under way.
struct State {
    next: String,
    verifier: String,
    cookie: String,
    begun: Instant,
}

/// Why nobody is let in.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Closed {
    /// Nobody known: log in first.
    Unknown,
    /// Somebody who may not.
    Forbidden(String),
    /// The hub cannot be asked.
    HubIsDead,
}

/// Somebody let in, or not, with the cookies that come of it.
pub(crate) struct Visitor {
    pub(crate) who: Result<Identity, Closed>,
    pub(crate) cookies: Vec<NewCookie>,
    /// The valid token of the cookie, whose hash is part of the `_xsrf` id.
    token: Option<String>,
    by_header: bool,
}

impl Gate {
    pub(crate) fn new(client_id: String, prefix: String) -> Gate {
        Gate {
            client_id,
            prefix,
            secret: random_hex(32).into_bytes(),
            states: Mutex::default(),
            cache: Mutex::default(),
        }
    }

    /// Who asks; a cookie that proves nobody is deleted.
    pub(crate) fn visitor(&self, inner: &Inner, ask: &Ask, may: impl Fn(&Identity) -> bool) -> Visitor {
        let header = ask.header("authorization").and_then(|header| {
            let (scheme, token) = header.split_once(' ')?;
            let known = scheme.eq_ignore_ascii_case("token") || scheme.eq_ignore_ascii_case("bearer");
            known.then(|| token.trim().to_owned())
        });
        let header = header.or_else(|| ask.argument("token").filter(|token| !token.is_empty()));
        if let Some(token) = header {
            let who = self.identify(inner, &token, "", &may);
            return Visitor { who, cookies: Vec::new(), token: None, by_header: true };
        }
        let cookie = ask.cookie(&self.client_id);
        let token = cookie.as_deref().and_then(|value| verify(&self.secret, &self.client_id, value));
        let Some(token) = token else {
            return Visitor { who: Err(Closed::Unknown), cookies: Vec::new(), token: None, by_header: false };
        };
        let mut visitor = Visitor {
            who: Err(Closed::Unknown),
            cookies: Vec::new(),
            token: Some(token.clone()),
            by_header: false,
        };
        if needs_xsrf(ask) && self.given_xsrf(ask) != Some(self.xsrf(&mut visitor, ask)) {
            visitor.cookies.clear();
            return visitor;
        }
        visitor.who = self.identify(inner, &token, &session_of(ask), &may);
        if visitor.who == Err(Closed::Unknown) {
            visitor.cookies.push(NewCookie::gone(&self.client_id, &self.prefix));
            visitor.token = None;
        }
        visitor
    }

    /// Asks the hub about a token, or trusts what it said within the cache's time.
    fn identify(
        &self,
        inner: &Inner,
        token: &str,
        session: &str,
        may: impl Fn(&Identity) -> bool,
    ) -> Result<Identity, Closed> {
        let key = (token.to_owned(), session.to_owned());
        let kept =
            lock(&self.cache).get(&key).filter(|(at, _)| at.elapsed() < inner.options.auth_cache).cloned();
        let who = match kept {
            Some((_, who)) => who,
            None if !*inner.hub_up.borrow() => return Err(Closed::HubIsDead),
            None => {
                let who = hub::token_owner(inner, token).ok_or(Closed::Unknown)?;
                lock(&self.cache).insert(key, (Instant::now(), who.clone()));
                who
            }
        };
        if may(&who) { Ok(who) } else { Err(Closed::Forbidden(who.name)) }
    }

    /// The redirect to the hub that finds out who it is; remembers where to go on.
    pub(crate) fn to_login(&self, inner: &Inner, ask: &Ask) -> Answer {
        let state = random_hex(11);
        let verifier = random_hex(32);
        let mut cookie = self.state_cookie();
        if ask.cookie(&cookie).is_some() {
            cookie = format!("{cookie}-{}", &random_hex(4));
        }
        {
            let mut states = lock(&self.states);
            states.retain(|_, state| state.begun.elapsed() < STATE_AGE);
            let kept = State {
                next: ask.target.trim_end_matches('?').to_owned(),
                verifier: verifier.clone(),
                cookie: cookie.clone(),
                begun: Instant::now(),
            };
            states.insert(state.clone(), kept);
        }
        let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(&verifier));
        let url = with_query(
            &inner.hub_path("api/oauth2/authorize"),
            &[
                ("client_id", self.client_id.as_str()),
                ("redirect_uri", &self.callback()),
                ("response_type", "code"),
                ("code_challenge", &challenge),
                ("code_challenge_method", "S256"),
                ("state", &state),
            ],
        );
        let mut answer = moved(&url);
        let value = sign(&self.secret, &cookie, &state);
        let cookie = NewCookie::new(&cookie, &value, &self.prefix);
        let secure = ask.scheme() == "https";
        NewCookie { http_only: true, secure, max_age: Some(600), expires: Some(MONTH), ..cookie }
            .add_to(&mut answer);
        answer
    }

    /// The address at which the hub sends people back.
    pub(crate) fn callback(&self) -> String {
        format!("{}oauth_callback", self.prefix)
    }

    fn state_cookie(&self) -> String {
        format!("{}-oauth-state", self.client_id)
    }

    /// `oauth_callback`: code to token to cookie, and on to where the visitor wanted to go.
    pub(crate) fn finish_login(&self, inner: &Inner, ask: &Ask, may: impl Fn(&Identity) -> bool) -> Answer {
        let refuse =
            |status: StatusCode, text: &str| page(status, &format!("<h1>{status}</h1><p>{text}</p>"));
        let Some(code) = ask.argument("code").filter(|code| !code.is_empty()) else {
            return refuse(StatusCode::BAD_REQUEST, "OAuth callback made without a token");
        };
        let Some(given) = ask.argument("state") else {
            return refuse(StatusCode::BAD_REQUEST, "OAuth state is missing. Try logging in again.");
        };
        let state = lock(&self.states).remove(&given);
        let cookie = state.as_ref().map_or_else(|| self.state_cookie(), |state| state.cookie.clone());
        let kept = ask.cookie(&cookie).and_then(|value| verify(&self.secret, &cookie, &value));
        let (Some(state), true) = (state, kept.as_deref() == Some(given.as_str())) else {
            return refuse(StatusCode::FORBIDDEN, "oauth state does not match. Try logging in again.");
        };
        if !*inner.hub_up.borrow() {
            return hub_is_dead();
        }
        let Some(token) = hub::exchange(inner, &self.client_id, &self.callback(), &code, &state.verifier)
        else {
            return refuse(StatusCode::FORBIDDEN, "Failed to get a token for the code");
        };
        match self.identify(inner, &token, &session_of(ask), may) {
            Ok(_) => {}
            Err(_) => {
                return refuse(StatusCode::INTERNAL_SERVER_ERROR, "oauth callback failed to identify a user");
            }
        }
        let mut answer = moved(&state.next);
        for (name, _) in ask.cookies().iter().filter(|(name, _)| name.starts_with(&self.state_cookie())) {
            NewCookie::gone(name, &self.prefix).add_to(&mut answer);
        }
        let value = sign(&self.secret, &self.client_id, &token);
        let secure = ask.scheme() == "https";
        let cookie = NewCookie::new(&self.client_id, &value, &self.prefix);
        NewCookie { http_only: true, secure, expires: Some(MONTH), ..cookie }.add_to(&mut answer);
        let xsrf = xsrf_token(&self.secret, &xsrf_id_of(ask, Some(&token)));
        NewCookie::new("_xsrf", &xsrf, &self.prefix).add_to(&mut answer);
        answer
    }

    /// The visitor's `_xsrf` token; adds the cookie on a navigation without a valid one.
    pub(crate) fn xsrf(&self, visitor: &mut Visitor, ask: &Ask) -> String {
        let id = xsrf_id_of(ask, visitor.token.as_deref());
        let mut signed =
            ask.cookies().into_iter().filter(|(name, _)| name == "_xsrf").filter_map(|(_, token)| {
                let id = xsrf_id(&self.secret, &token)?;
                Some((token, id))
            });
        if let Some((token, _)) = signed.next().filter(|(_, found)| *found == id) {
            return token;
        }
        let token = xsrf_token(&self.secret, &id);
        if ask.is_navigation() {
            let max_age = if visitor.token.is_some() { None } else { Some(3600) };
            visitor.cookies.push(NewCookie { max_age, ..NewCookie::new("_xsrf", &token, &self.prefix) });
        }
        token
    }

    fn given_xsrf(&self, ask: &Ask) -> Option<String> {
        let given = ask.argument("_xsrf").filter(|token| !token.is_empty());
        let given = given.or_else(|| ask.header("x-xsrftoken").map(str::to_owned));
        given.or_else(|| ask.header("x-csrftoken").map(str::to_owned))
    }

    /// The cookies that end a visit.
    pub(crate) fn goodbye(&self, answer: &mut Answer) {
        NewCookie::gone(&self.client_id, &self.prefix).add_to(answer);
    }
}

impl Visitor {
    /// Adds the cookies to an answer.
    pub(crate) fn add_cookies(&self, answer: &mut Answer) {
        for cookie in &self.cookies {
            cookie.add_to(answer);
        }
    }

    /// Whether it came with a token, which needs no `_xsrf`.
    pub(crate) fn by_header(&self) -> bool {
        self.by_header
    }
}

/// A page as Tornado's own handlers write it.
pub(crate) fn page(status: StatusCode, text: &str) -> Answer {
    typed(status, "text/html; charset=UTF-8", text.to_owned())
}

/// A redirect of such a handler.
pub(crate) fn moved(location: &str) -> Answer {
    let mut answer = redirect(StatusCode::FOUND, location);
    put(&mut answer, CONTENT_TYPE, "text/html; charset=UTF-8");
    answer
}

/// What a server says when its hub does not answer and it remembers nothing.
pub(crate) fn hub_is_dead() -> Answer {
    let text =
        "<h1>500 : Internal Server Error</h1><p>Failed to connect to Hub API. Is the Hub accessible?</p>";
    html(StatusCode::INTERNAL_SERVER_ERROR, text.to_owned())
}

fn needs_xsrf(ask: &Ask) -> bool {
    let reads = ask.only_reads();
    match ask.header("sec-fetch-mode") {
        Some("websocket") => false,
        None | Some("navigate") => !reads,
        Some("no-cors") => !(reads && ask.header("sec-fetch-site") == Some("same-origin")),
        Some(_) => true,
    }
}

fn session_of(ask: &Ask) -> String {
    ask.cookie("jupyterhub-session-id").unwrap_or_default()
}

fn xsrf_id_of(ask: &Ask, token: Option<&str>) -> String {
    let anonymous = || {
        let mut hash = Sha256::new();
        hash.update(ask.remote_ip());
        hash.update(ask.header("user-agent").unwrap_or_default());
        hash.update([0xff]);
        URL_SAFE.encode(hash.finalize())
    };
    let session = session_of(ask);
    match token {
        Some(token) => {
            let session = if session.is_empty() { anonymous() } else { session };
            format!("{session}:{}", hex(&Sha256::digest(token)))
        }
        None => format!("{session}:{}", anonymous()),
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
