//! Short calls to one hub: who is this, a token for its login form, a logout.
//!
//! Each call is one HTTP/1.1 exchange on a connection of its own, bounded in time by its caller and in size here;
//! redirects are answers, never followed. Nothing is retried, logged or remembered, and no header of the browser
//! travels but those named below: above all no `Sec-Fetch-*`, which would make the hub refuse the question.
//! When to call, and what an answer means for the browser, is left to the caller.

mod browser;
mod call;
mod error;
#[cfg(test)]
pub(crate) mod played;
mod read;
mod resolve;

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use hubrouter_config::{Hub, HubId, HubTls, HubUrl, Scheme, Secret};
use serde::Deserialize;

pub use self::browser::Browser;
use self::browser::may_be_added;
pub(crate) use self::call::{Answer, At, Fault, Question, ask};
pub use self::error::HubError;
pub use self::resolve::Resolver;
use crate::{Site, address};

/// Most bytes of an answer's body: a model or a page is a tenth of it.
const BODY_BYTES: usize = 256 * 1024;

/// Calls one hub. Cheap to clone; clones share the resolver.
#[derive(Clone, Debug)]
pub struct HubClient {
    hub: HubId,
    /// The hub itself where its address is configured, else its proxy.
    url: HubUrl,
    /// For those of its addresses that are https.
    tls: Option<Arc<HubTls>>,
    paths: Arc<Paths>,
    resolver: Resolver,
}

/// What is called, `base_url` included.
#[derive(Debug)]
struct Paths {
    whoami: String,
    login: String,
    logout: String,
    one_user: String,
    site: Site,
}

/// A call: its path, and its name in errors, which is without `base_url`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Call<'a> {
    pub name: &'static str,
    pub path: &'a str,
}

/// The kind of answer that comes in pages (`apihandlers/base.py`, `accepts_pagination`).
pub(crate) const PAGED: HeaderValue = HeaderValue::from_static("application/jupyterhub-pagination+json");

/// What kind of principal a cookie or token stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A person; also what is meant when a hub does not say.
    User,
    /// A service of the hub: the same name may be declared on several hubs.
    Service,
}

/// Whom a hub sees behind a browser's cookies or an API token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal {
    /// A user or a service.
    pub kind: Kind,
    /// The name as the hub writes it, 1 to 1024 bytes without control characters; not yet canonical.
    pub name: String,
}

/// A token for the login form of one hub, made for one browser.
#[derive(Clone)]
pub struct XsrfToken {
    /// What the form field `_xsrf` must hold.
    pub value: String,
    /// The `Cookie` field that goes with it: `_xsrf=...`, nothing else.
    pub cookie: HeaderValue,
    /// The hub's `Set-Cookie`, unchanged, for the browser (to be renamed into the hub's jar).
    pub set_cookie: HeaderValue,
}

/// What a hub answered to a logout; it is over there, whatever the answer looks like.
#[derive(Clone)]
pub struct LogoutAnswer {
    /// 302 to the login page or to the provider's logout, or 200 with a page.
    pub status: StatusCode,
    /// All fields but those that concern the connection and the body's length.
    pub headers: HeaderMap,
    /// The page, at most 256 KiB.
    pub body: Bytes,
}

impl LogoutAnswer {
    /// Where the hub sends the browser next, if anywhere.
    pub fn location(&self) -> Option<&HeaderValue> {
        self.headers.get(header::LOCATION)
    }

    /// The cookies that the hub sets or ends, under their original names.
    pub fn set_cookies(&self) -> impl Iterator<Item = &HeaderValue> {
        self.headers.get_all(header::SET_COOKIE).iter()
    }
}

impl std::fmt::Debug for XsrfToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("XsrfToken([redacted])")
    }
}

impl std::fmt::Debug for LogoutAnswer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LogoutAnswer").field("status", &self.status).finish_non_exhaustive()
    }
}

impl HubClient {
    /// A client for `hub`: calls go to the hub itself where `hub_url` is configured, else through its proxy.
    pub fn new(hub: &Hub, site: &Site, resolver: Resolver) -> HubClient {
        if hub.url.scheme() == Scheme::Https {
            // Files of authorities are read here, and not on the way of the first request. What is wrong is said by each call.
            let _ = resolver.trusts().misfit(&hub.url, hub.tls.as_ref());
        }
        let url = hub.hub_url.as_ref().unwrap_or(&hub.url).clone();
        let paths = Arc::new(Paths {
            whoami: address::whoami_path(site),
            login: address::login_url(site, None),
            logout: address::logout_url(site),
            one_user: format!("{}?limit=1", address::users_api(site)),
            site: site.clone(),
        });
        HubClient { hub: hub.id.clone(), url, tls: hub.tls.clone().map(Arc::new), paths, resolver }
    }

    /// The hub that is called.
    pub fn hub(&self) -> &HubId {
        &self.hub
    }

    /// Asks the hub whose cookies these are (`GET /hub/api/user`); none when it knows nobody by them.
    ///
    /// `cookie` goes as it is, under the hub's own names. What the hub sets in its answer is discarded: it sets a
    /// new session id for every question that comes without one.
    ///
    /// # Errors
    ///
    /// Any [`HubError`]; asking again is harmless.
    pub async fn whoami(
        &self,
        cookie: HeaderValue,
        browser: &Browser,
        within: Duration,
    ) -> Result<Option<Principal>, HubError> {
        let mut headers = browser.headers();
        headers.insert(header::COOKIE, cookie);
        self.identity(headers, within).await
    }

    /// Asks the hub whose token this `Authorization` field holds (`GET /hub/api/user`); none when it is not the
    /// hub's. The question counts as activity of the token and of its owner: keep the answer.
    ///
    /// # Errors
    ///
    /// Any [`HubError`]; asking again is harmless.
    pub async fn token_owner(
        &self,
        authorization: HeaderValue,
        within: Duration,
    ) -> Result<Option<Principal>, HubError> {
        let headers = HeaderMap::from_iter([(header::AUTHORIZATION, authorization)]);
        self.identity(headers, within).await
    }

    /// Fetches a token for the hub's login form that fits this browser: `GET /hub/login` without cookies.
    ///
    /// `extra` are the headers of the browser that the hubs mix into their anonymous id
    /// (`JUPYTERHUB_XSRF_ANONYMOUS_ID_HEADERS`); those that would change the question are left out.
    ///
    /// # Errors
    ///
    /// [`HubError::Redirects`] when the hub has no form to show (`auto_login`); any other [`HubError`] too.
    pub async fn fresh_login_token(
        &self,
        browser: &Browser,
        extra: &HeaderMap,
        within: Duration,
    ) -> Result<XsrfToken, HubError> {
        let call = Call { name: "GET /hub/login", path: &self.paths.login };
        let mut headers = browser.headers();
        for (name, value) in extra.iter().filter(|(name, _)| may_be_added(name)) {
            headers.append(name.clone(), value.clone());
        }
        let answer = self.get(call, headers, None, within).await?;
        if answer.status.is_redirection() {
            return Err(HubError::Redirects { hub: self.hub.clone(), call: call.name });
        }
        if answer.status != StatusCode::OK {
            return Err(self.refused(call, &answer));
        }
        read::xsrf(&answer.headers).map_err(|source| self.unreadable(call, source))
    }

    /// Ends the session that these cookies hold (`GET /hub/logout`). `cookie` is the whole jar: without the
    /// session id the hub would forget the login but keep the session's tokens.
    ///
    /// # Errors
    ///
    /// Any [`HubError`]: the session may live on, try again when the hub is back. Doing it twice is harmless.
    pub async fn logout(
        &self,
        cookie: HeaderValue,
        browser: &Browser,
        within: Duration,
    ) -> Result<LogoutAnswer, HubError> {
        let call = Call { name: "GET /hub/logout", path: &self.paths.logout };
        let mut headers = browser.headers();
        headers.insert(header::COOKIE, cookie);
        let Answer { status, mut headers, body } = self.get(call, headers, Some(BODY_BYTES), within).await?;
        if !status.is_success() && !status.is_redirection() {
            return Err(self.refused(call, &Answer { status, headers, body }));
        }
        for name in [header::CONNECTION, header::TRANSFER_ENCODING, header::CONTENT_LENGTH, header::UPGRADE] {
            headers.remove(name);
        }
        headers.remove("keep-alive");
        Ok(LogoutAnswer { status, headers, body })
    }

    /// Asks for something that the hub has to look up in its database (`GET /hub/api/users?limit=1`); returns how long
    /// that took. Health pages answer without it.
    ///
    /// # Errors
    ///
    /// [`HubError::Failing`] with 401 or 403 when the hub does not know the token or it lacks `list:users`; any other
    /// [`HubError`] too.
    pub async fn ask_database(&self, token: &Secret<String>, within: Duration) -> Result<Duration, HubError> {
        let call = Call { name: "GET /hub/api/users?limit=1", path: &self.paths.one_user };
        let mut headers = with_token(token);
        // Whoever does not expect pages makes the hub log a warning each time.
        headers.insert(header::ACCEPT, PAGED);
        let started = Instant::now();
        let answer = self.get(call, headers, None, within).await?;
        if answer.status.is_success() { Ok(started.elapsed()) } else { Err(self.refused(call, &answer)) }
    }

    async fn identity(
        &self,
        mut headers: HeaderMap,
        within: Duration,
    ) -> Result<Option<Principal>, HubError> {
        let call = Call { name: "GET /hub/api/user", path: &self.paths.whoami };
        headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
        let answer = self.get(call, headers, Some(BODY_BYTES), within).await?;
        match answer.status {
            StatusCode::OK => match read::identity(&answer.body) {
                Ok(identity) => Ok(Some(identity)),
                Err(source) => Err(self.unreadable(call, source)),
            },
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Ok(None),
            status if status.is_redirection() => {
                Err(HubError::Redirects { hub: self.hub.clone(), call: call.name })
            }
            _ => Err(self.refused(call, &answer)),
        }
    }

    /// The site that the hub is a part of.
    pub(crate) fn site(&self) -> &Site {
        &self.paths.site
    }

    pub(crate) async fn get(
        &self,
        call: Call<'_>,
        headers: HeaderMap,
        body_limit: Option<usize>,
        within: Duration,
    ) -> Result<Answer, HubError> {
        let question = Question { method: Method::GET, path: call.path.to_owned(), headers, body_limit };
        self.pose(&self.url, call.name, question, within).await
    }

    /// Puts a question that changes something; only the head of the answer is read.
    pub(crate) async fn post(
        &self,
        call: Call<'_>,
        headers: HeaderMap,
        within: Duration,
    ) -> Result<Answer, HubError> {
        let path = call.path.to_owned();
        let question = Question { method: Method::POST, path, headers, body_limit: None };
        self.pose(&self.url, call.name, question, within).await
    }

    /// Puts a question that removes something; only the head of the answer is read.
    pub(crate) async fn delete(
        &self,
        call: Call<'_>,
        headers: HeaderMap,
        within: Duration,
    ) -> Result<Answer, HubError> {
        let path = call.path.to_owned();
        let question = Question { method: Method::DELETE, path, headers, body_limit: None };
        self.pose(&self.url, call.name, question, within).await
    }

    /// Puts a question at `url`, which is the hub's or that of a part of it.
    pub(crate) async fn pose(
        &self,
        url: &HubUrl,
        call: &'static str,
        question: Question,
        within: Duration,
    ) -> Result<Answer, HubError> {
        let at = At { url, tls: self.tls.as_deref() };
        ask(&self.resolver, at, question, within).await.map_err(|fault| {
            let hub = self.hub.clone();
            match fault {
                Fault::Connect(source) => HubError::Connect { hub, call, waited: within, source },
                Fault::Late => HubError::NoAnswer { hub, call, waited: within, source: None },
                Fault::Lost(source) => HubError::NoAnswer { hub, call, waited: within, source: Some(source) },
                Fault::Unreadable(source) => HubError::Unreadable { hub, call, source },
            }
        })
    }

    pub(crate) fn refused(&self, call: Call<'_>, answer: &Answer) -> HubError {
        let hub = self.hub.clone();
        // 503 with a wish is a hub that throttles; without one it is a proxy that found nobody.
        let asks_for_time = answer.status == StatusCode::TOO_MANY_REQUESTS
            || (answer.status == StatusCode::SERVICE_UNAVAILABLE
                && answer.headers.contains_key(header::RETRY_AFTER));
        if asks_for_time {
            return HubError::Busy { hub, retry_after: read::retry_after(&answer.headers) };
        }
        HubError::Failing { hub, call: call.name, status: answer.status }
    }

    pub(crate) fn unreadable(
        &self,
        call: Call<'_>,
        source: Box<dyn std::error::Error + Send + Sync>,
    ) -> HubError {
        HubError::Unreadable { hub: self.hub.clone(), call: call.name, source }
    }
}

/// The router's token, as hubs and their proxies take it; none where it cannot stand in a header field.
pub(crate) fn with_token(token: &Secret<String>) -> HeaderMap {
    let field = HeaderValue::from_str(&format!("token {}", token.expose()));
    field.map_or_else(
        |_| HeaderMap::new(),
        |mut field| {
            field.set_sensitive(true);
            HeaderMap::from_iter([(header::AUTHORIZATION, field)])
        },
    )
}

#[cfg(test)]
mod tests;
