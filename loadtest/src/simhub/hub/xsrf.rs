//! `_xsrf` tokens of the hub: bound to session and user, or to session and anonymous client.
//!
//! JupyterHub's `_xsrf_utils.py`: the cookie's value is the token, signed; a request that acts must repeat it.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE;
use http::Method;
use sha2::{Digest, Sha256};

use super::super::signed::{xsrf_id, xsrf_token};
use super::super::wire::NewCookie;
use super::visit::{Kind, Refusal, Visit};

impl Visit {
    /// What a valid token of this request holds: the session, and the user or the anonymous client.
    pub(super) fn xsrf_id(&mut self) -> String {
        if self.session_id.is_none() && self.who.as_ref().is_some_and(|who| !who.service) {
            self.set_session();
        }
        let session = self.session_id.as_deref().unwrap_or("None");
        let user = match &self.who {
            Some(who) if who.service => return ":".to_owned(),
            Some(who) => self.inner.data().user(&who.name).map(|user| user.cookie_id.clone()),
            None => None,
        };
        let client = user.unwrap_or_else(|| {
            let mut hash = Sha256::new();
            hash.update(self.ask.remote_ip());
            hash.update(self.ask.header("user-agent").unwrap_or_default());
            hash.update([0xff]);
            URL_SAFE.encode(hash.finalize())
        });
        format!("{session}:{client}")
    }

    /// This request's `_xsrf` token: the cookie's if it is valid, else a new one (set on navigations).
    pub(crate) fn xsrf(&mut self) -> String {
        if let Some(token) = &self.xsrf {
            return token.clone();
        }
        let id = self.xsrf_id();
        let mut signed =
            self.ask.cookies().into_iter().filter(|(name, _)| name == "_xsrf").filter_map(|(_, token)| {
                let id = xsrf_id(&self.inner.secret, &token)?;
                Some((token, id))
            });
        let kept = signed.next().filter(|(_, found)| *found == id).map(|(token, _)| token);
        let token = kept.unwrap_or_else(|| {
            let token = xsrf_token(&self.inner.secret, &id);
            if self.ask.is_navigation() {
                self.set_xsrf(&token);
            }
            token
        });
        self.xsrf = Some(token.clone());
        token
    }

    /// Sets the token's cookie, for an hour if nobody is logged in.
    pub(crate) fn set_xsrf(&mut self, token: &str) {
        let max_age = if self.who.is_some() { None } else { Some(3600) };
        let path = self.inner.hub_path("");
        self.set_cookie(NewCookie { max_age, ..NewCookie::new("_xsrf", token, &path) });
    }

    /// Refuses a request that acts by cookie without the token of its page.
    pub(crate) fn check_xsrf(&mut self) -> Result<(), Refusal> {
        if self.by_token || !self.needs_xsrf() {
            return Ok(());
        }
        if self.kind == Kind::Api && self.who.is_none() && self.ask.header("origin").is_none() {
            return Ok(());
        }
        let method = self.ask.method.clone();
        let header = |name| self.ask.header(name).map(str::to_owned);
        let given = self.argument("_xsrf").filter(|token| !token.is_empty());
        let given = given.or_else(|| header("x-xsrftoken")).or_else(|| header("x-csrftoken"));
        let problem = match given.filter(|token| !token.is_empty()) {
            None => format!("'_xsrf' argument missing from {method}"),
            Some(given) if given != self.xsrf() => format!("XSRF cookie does not match {method} argument"),
            Some(_) => return Ok(()),
        };
        match self.ask.path.ends_with("/login") && self.ask.is_navigation() {
            true => Err(Refusal::saying(403, "Login form invalid or expired. Try again.")),
            false => Err(Refusal::saying(403, problem)),
        }
    }

    fn needs_xsrf(&self) -> bool {
        let safe = match self.kind {
            Kind::Api => matches!(self.ask.method, Method::HEAD | Method::OPTIONS),
            Kind::Page | Kind::Server => self.ask.only_reads(),
        };
        if safe || self.ask.path.ends_with("/api/oauth2/token") {
            return false;
        }
        let reads = self.ask.only_reads();
        match self.ask.header("sec-fetch-mode") {
            Some("websocket") => false,
            None | Some("navigate") => !reads,
            Some("no-cors") => !(reads && self.ask.header("sec-fetch-site") == Some("same-origin")),
            Some(_) => true,
        }
    }
}
