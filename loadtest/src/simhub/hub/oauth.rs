//! The hub as an OAuth provider for its own servers and services: consent, codes, tokens.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::header::CACHE_CONTROL;
use http::{Method, StatusCode};
use serde_json::json;
use sha2::{Digest, Sha256};

use super::super::inner::Inner;
use super::super::options::TokenOwner;
use super::super::state::{Token, client_id};
use super::super::text::{escape, random_hex, with_query};
use super::super::wire::{html, json as json_answer, put, redirect};
use super::html::page;
use super::scopes::On;
use super::visit::{Refusal, Visit};
use super::{Identity, Outcome};

/// An OAuth client: whose server, or which service.
enum Client {
    Server { owner: String, server: String },
    Service(String),
}

impl Client {
    /// The client of an id; `None`: there is none.
    fn find(inner: &Inner, id: &str) -> Option<Client> {
        if let Some(name) = id.strip_prefix("service-") {
            let known = inner.options.services.iter().any(|service| service.name == name);
            return known.then(|| Client::Service(name.to_owned()));
        }
        let data = inner.data();
        let mut all =
            data.users.iter().flat_map(|user| user.servers.keys().map(move |server| (&user.name, server)));
        let (owner, server) = all.find(|(owner, server)| client_id(owner, server) == id)?;
        Some(Client::Server { owner: owner.clone(), server: server.clone() })
    }

    /// Where its users come back to.
    fn callback(&self, inner: &Inner) -> String {
        match self {
            Client::Server { owner, server } => {
                let url = inner.data().user(owner).map(|user| user.server_url(inner.base(), server));
                format!("{}oauth_callback", url.unwrap_or_default())
            }
            Client::Service(name) => format!("{}services/{name}/oauth_callback", inner.base()),
        }
    }

    fn description(&self, inner: &Inner) -> String {
        match self {
            Client::Server { owner, server } => {
                let url = inner.data().user(owner).map(|user| user.server_url(inner.base(), server));
                format!("Server at {}", url.unwrap_or_default())
            }
            Client::Service(name) => format!("Service {name}"),
        }
    }

    fn allows(&self, inner: &Inner, who: &Identity) -> bool {
        match self {
            Client::Server { owner, server } => super::scopes::may_access(inner, who, owner, server),
            Client::Service(name) => who.may("access:services", On::Service(name)),
        }
    }

    /// What a token for it may do.
    fn scopes(&self, user: &str) -> Vec<String> {
        let access = match self {
            Client::Server { owner, server } => format!("access:servers!server={owner}/{server}"),
            Client::Service(name) => format!("access:services!service={name}"),
        };
        vec![access, format!("read:users:groups!user={user}"), format!("read:users:name!user={user}")]
    }
}

/// `/hub/api/oauth2/authorize`: a code at once for one's own server, else after a click.
pub(crate) fn authorize(visit: &mut Visit) -> Outcome {
    let me = visit.user()?;
    let argument = |name: &str| visit.ask.argument(name).unwrap_or_default();
    let (id, redirect_uri, state) = (argument("client_id"), argument("redirect_uri"), argument("state"));
    let client = Client::find(&visit.inner, &id);
    let client =
        client.ok_or_else(|| Refusal::saying(400, "(invalid_request) Invalid client_id parameter value."))?;
    if redirect_uri != client.callback(&visit.inner) {
        return Err(Refusal::saying(400, "(invalid_request) Mismatching redirect URI."));
    }
    let who = Identity::of_user(&visit.inner, &me);
    if !client.allows(&visit.inner, &who) {
        let text = format!("You do not have permission to access {}", client.description(&visit.inner));
        return Err(Refusal::saying(403, text));
    }
    if visit.session().is_none() {
        visit.set_session();
    }
    if visit.ask.method == Method::GET && needs_consent(&visit.inner, &client, &id, &me) {
        return Ok(consent(visit, &client));
    }
    let challenge = visit.ask.argument("code_challenge");
    let session = visit.session().map(str::to_owned);
    let code = {
        let mut data = visit.inner.data();
        let (text, code) = data.new_code(&me, &id, &redirect_uri);
        code.session_id = session;
        code.challenge = challenge;
        text
    };
    Ok(redirect(StatusCode::FOUND, &with_query(&redirect_uri, &[("code", &code), ("state", &state)])))
}

/// Asked once for each client: not for one's own servers, nor while a token for it is valid.
fn needs_consent(inner: &Inner, client: &Client, id: &str, me: &str) -> bool {
    let own = matches!(client, Client::Server { owner, .. } if owner == me);
    let known = || inner.data().tokens.values().any(|token| token.client == id && token.owner_name() == me);
    !own && !known()
}

fn consent(visit: &mut Visit, client: &Client) -> super::Answer {
    let xsrf = escape(&visit.xsrf());
    let description = escape(&client.description(&visit.inner));
    let me = visit.who.as_ref().map(|who| who.name.clone()).unwrap_or_default();
    let scopes: String = client
        .scopes(&me)
        .iter()
        .map(|scope| format!("<input type=\"hidden\" name=\"scopes\" value=\"{}\" />\n", escape(scope)))
        .collect();
    let main = format!(
        "<div class=\"container\">\n<h1>Authorize access</h1>\n<h2>An application is requesting authorization to access \
         data associated with your JupyterHub account</h2>\n<p>{description} would like permission to identify you.</p>\n\
         <form method=\"post\" action=\"\">\n<input type=\"hidden\" name=\"_xsrf\" value=\"{xsrf}\" />\n{scopes}\
         <button type=\"submit\" class=\"btn\">Authorize</button>\n</form>\n</div>"
    );
    html(StatusCode::OK, page(visit, &main))
}

/// `POST /hub/api/oauth2/token`: a code for a token; asked by servers, not by browsers.
pub(crate) fn token(visit: &mut Visit) -> Outcome {
    if visit.ask.method != Method::POST {
        return Err(Refusal::new(405));
    }
    let (status, model) = match granted(visit) {
        Ok(token) => (
            StatusCode::OK,
            json!({"access_token": token, "expires_in": 1_209_600, "token_type": "Bearer", "scope": ""}),
        ),
        Err((status, error)) => (status, json!({"error": error})),
    };
    let mut answer = json_answer(status, &model);
    put(&mut answer, CACHE_CONTROL, "no-store");
    Ok(answer)
}

/// The token for the code in the form, or what is wrong with the request (RFC 6749 5.2).
fn granted(visit: &Visit) -> Result<String, (StatusCode, &'static str)> {
    let argument = |name: &str| visit.argument(name).unwrap_or_default();
    if argument("grant_type") != "authorization_code" {
        return Err((StatusCode::BAD_REQUEST, "unsupported_grant_type"));
    }
    let (id, secret) = (argument("client_id"), argument("client_secret"));
    let known = Identity::of_token(&visit.inner, &secret).is_some();
    if !known || Client::find(&visit.inner, &id).is_none() {
        return Err((StatusCode::UNAUTHORIZED, "invalid_client"));
    }
    let (code, verifier) = (argument("code"), argument("code_verifier"));
    exchange(&visit.inner, &id, &argument("redirect_uri"), &code, &verifier)
        .ok_or((StatusCode::BAD_REQUEST, "invalid_grant"))
}

/// The token for a code; `None`: unknown, used, late, of another client, or the verifier is wrong.
pub(crate) fn exchange(
    inner: &Inner,
    id: &str,
    redirect_uri: &str,
    code: &str,
    verifier: &str,
) -> Option<String> {
    let client = Client::find(inner, id)?;
    let mut data = inner.data();
    let code = data.take_code(code).filter(|code| code.client == id && code.redirect_uri == redirect_uri)?;
    if let Some(challenge) = &code.challenge {
        let hash = URL_SAFE_NO_PAD.encode(Sha256::digest(verifier));
        if *challenge != hash {
            return None;
        }
    }
    let scopes = client.scopes(&code.user);
    let made = data.new_token(TokenOwner::User(code.user.clone()), id, "OAuth");
    let token = Token { scopes, session_id: code.session_id, ..made };
    let text = random_hex(16);
    data.tokens.insert(text.clone(), token);
    Some(text)
}
