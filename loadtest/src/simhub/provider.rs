//! SimProvider: a tiny OpenID-like identity provider, and the hub's side of talking to one.
//!
//! No security at all: whoever says who they are is believed. For tests on loopback.

use std::collections::HashMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use http::{Method, Request, StatusCode};
use http_body_util::Full;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio::sync::watch;

use super::faults::Faults;
use super::listen::Listener;
use super::text::{query, random_hex, with_query};
use super::wire::{Answer, Ask, NewCookie, html, json as json_answer, redirect};
use crate::fetch;

/// The cookie that remembers who is logged in at the provider.
const USER_COOKIE: &str = "idp_user";

/// A running identity provider.
///
/// | path | what |
/// |---|---|
/// | `/login?user=NAME` | become NAME (a cookie), without a password |
/// | `/authorize` | 302 back at once as the user of the cookie, of `?login_hint=`, or of [`SimProvider::set_user`]; else a form |
/// | `/token`, `/userinfo` | code to token to `{"username": NAME}` |
pub struct SimProvider {
    address: SocketAddr,
    desk: Arc<Desk>,
    _listener: Listener,
    _faults: watch::Sender<Faults>,
}

#[derive(Default)]
struct Desk {
    user: Mutex<Option<String>>,
    codes: Mutex<HashMap<String, (String, Option<String>)>>,
    tokens: Mutex<HashMap<String, String>>,
    rounds: Mutex<u64>,
}

impl SimProvider {
    /// Starts a provider at a free port of loopback.
    ///
    /// # Errors
    ///
    /// When no port can be listened at.
    pub async fn start() -> io::Result<SimProvider> {
        SimProvider::start_at(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await
    }

    /// Starts a provider at an address.
    ///
    /// # Errors
    ///
    /// When it cannot be listened at.
    pub async fn start_at(address: SocketAddr) -> io::Result<SimProvider> {
        let desk = Arc::new(Desk::default());
        let faults = watch::Sender::new(Faults::default());
        let shared = Arc::clone(&desk);
        let listener = Listener::open(address, faults.subscribe(), move |request, peer| {
            answer(Arc::clone(&shared), Ask::new(request, peer.ip(), false))
        })
        .await?;
        Ok(SimProvider { address: listener.address(), desk, _listener: listener, _faults: faults })
    }

    /// Its address without a path: `http://127.0.0.1:9000`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// From now on everybody without a cookie is `user`; `None`: they are asked.
    pub fn set_user(&self, user: Option<&str>) {
        *lock(&self.desk.user) = user.map(str::to_owned);
    }

    /// How often somebody came to `/authorize`.
    pub fn rounds(&self) -> u64 {
        *lock(&self.desk.rounds)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn answer(desk: Arc<Desk>, mut ask: Ask) -> Answer {
    match (&ask.method, ask.path.as_str()) {
        (&Method::GET, "/login") => {
            let user = ask.argument("user").unwrap_or_default();
            let back = ask.argument("back").filter(|back| back.starts_with("/authorize"));
            let mut answer = match back {
                Some(back) => redirect(StatusCode::FOUND, &back),
                None => html(StatusCode::OK, format!("You are {}", super::text::escape(&user))),
            };
            NewCookie::new(USER_COOKIE, &user, "/").add_to(&mut answer);
            answer
        }
        (&Method::GET, "/authorize") => authorize(&desk, &ask),
        (&Method::POST, "/token") => match ask.read().await {
            Ok(body) => token(&desk, &ask.form(&body)),
            Err(_) => html(StatusCode::BAD_REQUEST, String::new()),
        },
        (&Method::GET, "/userinfo") => userinfo(&desk, &ask),
        _ => html(StatusCode::NOT_FOUND, "not found".to_owned()),
    }
}

fn authorize(desk: &Desk, ask: &Ask) -> Answer {
    *lock(&desk.rounds) += 1;
    let user =
        ask.cookie(USER_COOKIE).or_else(|| ask.argument("login_hint")).or_else(|| lock(&desk.user).clone());
    let Some(user) = user.filter(|user| !user.is_empty()) else {
        let back = super::text::escape(&ask.target);
        return html(
            StatusCode::OK,
            format!(
                "<h1>Who are you?</h1><form action=\"/login\"><input name=\"user\">\
                 <input type=\"hidden\" name=\"back\" value=\"{back}\"><button>Go on</button></form>"
            ),
        );
    };
    let code = random_hex(16);
    lock(&desk.codes).insert(code.clone(), (user, ask.argument("code_challenge")));
    let state = ask.argument("state").unwrap_or_default();
    let back = ask.argument("redirect_uri").unwrap_or_default();
    redirect(StatusCode::FOUND, &with_query(&back, &[("code", &code), ("state", &state)]))
}

fn token(desk: &Desk, form: &[(String, String)]) -> Answer {
    let field = |name: &str| form.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str());
    let taken = lock(&desk.codes).remove(field("code").unwrap_or_default());
    let fits = |challenge: &str| {
        URL_SAFE_NO_PAD.encode(Sha256::digest(field("code_verifier").unwrap_or_default())) == challenge
    };
    match taken {
        Some((user, challenge)) if challenge.as_deref().is_none_or(fits) => {
            let token = random_hex(16);
            lock(&desk.tokens).insert(token.clone(), user);
            json_answer(StatusCode::OK, &json!({"access_token": token, "token_type": "bearer"}))
        }
        _ => json_answer(StatusCode::BAD_REQUEST, &json!({"error": "invalid_grant"})),
    }
}

fn userinfo(desk: &Desk, ask: &Ask) -> Answer {
    let token = ask.header("authorization").and_then(|header| header.split_once(' ')).map(|(_, token)| token);
    match lock(&desk.tokens).get(token.unwrap_or_default()) {
        Some(user) => json_answer(StatusCode::OK, &json!({"username": user, "sub": user})),
        None => json_answer(StatusCode::UNAUTHORIZED, &json!({"error": "invalid_token"})),
    }
}

/// The hub's side: who brought `code`, as the provider says; `None`: it does not say.
pub(crate) async fn user_of(
    provider: &str,
    code: &str,
    redirect_uri: &str,
    verifier: &str,
) -> Option<String> {
    let (authority, prefix) = fetch::authority(provider)?;
    let form = query(&[
        ("grant_type", "authorization_code"),
        ("code", code),
        ("redirect_uri", redirect_uri),
        ("code_verifier", verifier),
        ("client_id", "jupyterhub"),
    ]);
    let request = Request::post(format!("{prefix}/token"))
        .header("host", authority)
        .header("content-type", "application/x-www-form-urlencoded")
        .body(Full::new(Bytes::from(form)))
        .ok()?;
    let answer: Value = serde_json::from_slice(fetch::send(authority, request).await.ok()?.body()).ok()?;
    let token = answer.get("access_token")?.as_str()?;
    let request = Request::get(format!("{prefix}/userinfo"))
        .header("host", authority)
        .header("authorization", format!("Bearer {token}"))
        .body(Full::default())
        .ok()?;
    let answer: Value = serde_json::from_slice(fetch::send(authority, request).await.ok()?.body()).ok()?;
    Some(answer.get("username")?.as_str()?.to_owned())
}
