//! Logging in at an outside provider: `/hub/oauth_login` there, `/hub/oauth_callback` back.
//!
//! As OAuthenticator does it: the state travels in a signed cookie and in the address, and must be the same.

use base64::Engine;
use base64::engine::general_purpose::{URL_SAFE, URL_SAFE_NO_PAD};
use http::StatusCode;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::time::Duration;

use super::super::options::Auth;
use super::super::provider;
use super::super::signed::{sign, verify};
use super::super::text::{random_hex, with_query};
use super::super::wire::{NewCookie, redirect};
use super::Outcome;
use super::login::{next_url, valid_name};
use super::visit::{Refusal, Visit};

/// OAuthenticator's cookie.
pub(crate) const STATE_COOKIE: &str = "oauthenticator-state";

/// `/hub/oauth_login`: sets the state and goes to the provider.
pub(crate) fn begin(visit: &mut Visit) -> Outcome {
    let Auth::OAuth { provider, .. } = visit.inner.options.auth.clone() else {
        return Err(Refusal::new(404));
    };
    let state_id = random_hex(16);
    let verifier = random_hex(32);
    let next = visit.argument("next").filter(|next| !next.is_empty()).map(|next| path_only(&next));
    let state = json!({"state_id": state_id, "next_url": next, "code_verifier": verifier});
    let value = sign(&visit.inner.secret, STATE_COOKIE, &URL_SAFE.encode(state.to_string()));
    let cookie = visit.guarded_cookie(STATE_COOKIE, &value, "/");
    visit.set_cookie(NewCookie { expires: Some(Duration::from_secs(86_400)), ..cookie });
    let state = URL_SAFE.encode(json!({ "state_id": state_id }).to_string());
    let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(&verifier));
    let url = with_query(
        &format!("{provider}/authorize"),
        &[
            ("response_type", "code"),
            ("redirect_uri", &callback_url(visit)),
            ("client_id", "jupyterhub"),
            ("code_challenge", &challenge),
            ("code_challenge_method", "S256"),
            ("state", &state),
        ],
    );
    Ok(redirect(StatusCode::FOUND, &url))
}

/// An address without scheme and host.
fn path_only(next: &str) -> String {
    let next = next.replace('\\', "%5C");
    let path = match next.split_once("://") {
        Some((_, rest)) => rest.find('/').map_or("", |slash| &rest[slash..]),
        None => next.as_str(),
    };
    format!("/{}", path.trim_start_matches('/'))
}

fn callback_url(visit: &Visit) -> String {
    match &visit.inner.options.auth {
        Auth::OAuth { callback_url: Some(url), .. } => url.clone(),
        _ => {
            format!("{}://{}{}", visit.ask.scheme(), visit.ask.host(), visit.inner.hub_path("oauth_callback"))
        }
    }
}

/// `/hub/oauth_callback`: the provider sent somebody back.
pub(crate) async fn finish(visit: &mut Visit) -> Outcome {
    let Auth::OAuth { provider, .. } = visit.inner.options.auth.clone() else {
        return Err(Refusal::new(404));
    };
    if let Some(error) = visit.argument("error") {
        let message = visit.argument("error_description").unwrap_or(error);
        return Err(Refusal::saying(400, format!("OAuth error: {message}")));
    }
    let Some(code) = visit.argument("code").filter(|code| !code.is_empty()) else {
        return Err(Refusal::saying(400, "OAuth callback made without a code"));
    };
    let state = check_state(visit)?;
    let verifier = state.get("code_verifier").and_then(Value::as_str).unwrap_or_default();
    let name = provider::user_of(&provider, &code, &callback_url(visit), verifier).await;
    let name = name.map(|name| name.to_lowercase()).filter(|name| valid_name(name));
    let name =
        name.ok_or_else(|| Refusal::saying(403, "Sorry, you are not currently authorized to use this hub."))?;
    visit.inner.data().user_or_new(&name);
    visit.log_in(&name);
    let next = state.get("next_url").and_then(Value::as_str).filter(|next| !next.is_empty());
    let next = match next {
        Some(next) => next.to_owned(),
        // the parameters here are the provider's: none of them goes on
        None => next_url(visit, Some(&name), None).split('?').next().unwrap_or_default().to_owned(),
    };
    Ok(redirect(StatusCode::FOUND, &next))
}

/// The cookie's state if the address carries the same; the cookie is gone in any case.
fn check_state(visit: &mut Visit) -> Result<Value, Refusal> {
    let cookie = visit.ask.cookie(STATE_COOKIE);
    visit.set_cookie(NewCookie::gone(STATE_COOKIE, "/"));
    let state = cookie.and_then(|value| verify(&visit.inner.secret, STATE_COOKIE, &value));
    let state = state.ok_or_else(|| Refusal::saying(400, "OAuth state missing from cookies"))?;
    let Some(given) = visit.argument("state") else {
        return Err(Refusal::saying(400, "OAuth state missing from URL"));
    };
    let (kept, given) = (decode(&state), decode(&given));
    if kept.get("state_id").is_none() || kept.get("state_id") != given.get("state_id") {
        return Err(Refusal::saying(400, "OAuth state mismatch"));
    }
    Ok(kept)
}

fn decode(text: &str) -> Value {
    let raw = URL_SAFE.decode(text).unwrap_or_default();
    serde_json::from_slice(&raw).unwrap_or_default()
}
