//! Who has a server at this hub? Two kinds of answers, which must not be mixed up.
//!
//! *Authority*: the hub's own word, [`HubClient::active_users`] and [`HubClient::user`]. Only it says that a server does
//! **not** exist. *Sightings*: the routes of the hub's proxy, [`HubClient::routes_of_hub`]. They say that a server exists,
//! and nothing by what they lack: routes appear late, vanish before a server is stopped, and are lost with the proxy.
//!
//! An answer is whole or an error. What several answers add up to, and how old they may be, is left to the router.

mod model;
mod pages;
mod routes;
mod tables;
mod time;

use std::collections::BTreeMap;
use std::time::{Duration, Instant, SystemTime};

use http::{HeaderMap, HeaderValue, StatusCode, header};
use hubrouter_config::Secret;

use crate::client::{Answer, Call, HubClient, HubError, PAGED, with_token};
use crate::{UserName, address};

pub use routes::{Route, RouteSource, Routes};
pub use tables::{Judgement, Tables};

/// What is wrong with an answer.
type Unreadable = Box<dyn std::error::Error + Send + Sync>;

/// Users on a page that is asked for: the most that hubs give (`api_page_max_limit`).
const PAGE: usize = 200;
/// Most bytes of one page. A user takes a kilobyte, more where spawners keep options.
const PAGE_BYTES: usize = 8 * 1024 * 1024;
/// Most pages of one answer: a hub with 50,000 servers is another hub than the ones that this is made for.
const PAGES: usize = 300;
/// Most bytes of all pages together.
const LIST_BYTES: usize = 64 * 1024 * 1024;
/// Most bytes of the model of one user.
const USER_BYTES: usize = 1024 * 1024;

/// The hub's word on who has a server, whole.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ActiveUsers {
    /// Everybody whom the hub counts as active, pending and stopping included. Who is not among them had no server when
    /// the question was put, or got one after that.
    pub users: BTreeMap<UserName, ActiveUser>,
    /// From the question to the end of the last page: about what it cost the hub.
    pub took: Duration,
}

/// A user with a server, or with one on its way.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ActiveUser {
    /// Their servers but the stopped ones, by name; the default server's is empty. None at all right after the hub's own
    /// start, when it has not looked at the server yet.
    pub servers: BTreeMap<String, Server>,
    /// When the hub saw the user last.
    pub last_activity: Option<SystemTime>,
}

/// A server that is not stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Server {
    /// Where it is in its life.
    pub state: ServerState,
    /// When it was used last, as far as the hub knows.
    pub last_activity: Option<SystemTime>,
}

/// Where a server is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ServerState {
    /// Runs.
    Ready,
    /// Starts, stops, or is being looked at.
    Pending,
    /// Does not run.
    Stopped,
}

/// A hub's word on one user.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum UserAt {
    /// Has a running server.
    Running,
    /// Has none that runs, but one that starts, stops or is being looked at.
    Pending,
    /// Has none, and nothing is under way.
    NoServer,
    /// The hub does not know the user.
    UnknownUser,
}

impl HubClient {
    /// Asks for everybody with a server (`GET /hub/api/users?state=active`, in pages): authority.
    ///
    /// `within` is for all pages together. `token` needs the scopes `list:users`, `read:users` and `read:servers` for all
    /// users: a hub does not say what a token that is limited to some of them leaves out.
    ///
    /// # Errors
    ///
    /// Any [`HubError`]: nothing is known then, whatever came before the failure. [`HubError::Failing`] with 401 or 403
    /// when the hub does not know the token or it lacks a scope.
    pub async fn active_users(
        &self,
        token: &Secret<String>,
        within: Duration,
    ) -> Result<ActiveUsers, HubError> {
        let path = format!("{}?state=active", address::users_api(self.site()));
        let started = Instant::now();
        let mut list = pages::List::new(self.site().names());
        while let Some(query) = list.next_page() {
            let path = format!("{path}&{query}");
            let call = Call { name: "GET /hub/api/users?state=active", path: &path };
            let page = self.page(call, token, left(within, started)).await?;
            list.add(&page).map_err(|source| self.unreadable(call, source))?;
        }
        Ok(ActiveUsers { users: list.into_users(), took: started.elapsed() })
    }

    /// Asks about one user (`GET /hub/api/users/<name>`): authority. `token` as for [`HubClient::active_users`].
    ///
    /// # Errors
    ///
    /// Any [`HubError`]: the user has to be taken for one with a server.
    pub async fn user(
        &self,
        token: &Secret<String>,
        name: &UserName,
        within: Duration,
    ) -> Result<UserAt, HubError> {
        let path = address::user_api(self.site(), name);
        let call = Call { name: "GET /hub/api/users/<name>", path: &path };
        let mut headers = with_token(token);
        headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
        let answer = self.get(call, headers, Some(USER_BYTES), within).await?;
        match answer.status {
            StatusCode::OK => model::user_at(&answer.body).map_err(|source| self.unreadable(call, source)),
            // Whoever else stands in between answers 404 in words of its own.
            StatusCode::NOT_FOUND if model::is_no_such_user(&answer.body) => Ok(UserAt::UnknownUser),
            _ => Err(self.refused_or_sent_away(call, &answer)),
        }
    }

    /// Asks the hub to put the routes of all its servers into its proxy (`POST /hub/api/proxy`), for a proxy that lost
    /// them: the hub itself would look after five minutes (`check_routes`). Harmless when nothing is missing. `token` needs
    /// the scope `proxy`.
    ///
    /// # Errors
    ///
    /// Any [`HubError`]; asking again is harmless.
    pub async fn restore_routes(&self, token: &Secret<String>, within: Duration) -> Result<(), HubError> {
        let path = address::proxy_api(self.site());
        let call = Call { name: "POST /hub/api/proxy", path: &path };
        let answer = self.post(call, with_token(token), within).await?;
        if answer.status.is_success() { Ok(()) } else { Err(self.refused_or_sent_away(call, &answer)) }
    }

    /// Asks the hub to stop one server (`DELETE /hub/api/users/<name>/server[s/<server>]`); `server` is empty for the default
    /// one. Stopped already is as good. `token` needs the scope `delete:servers`.
    ///
    /// # Errors
    ///
    /// Any [`HubError`]; asking again is harmless.
    pub async fn stop_server(
        &self,
        token: &Secret<String>,
        name: &UserName,
        server: &str,
        within: Duration,
    ) -> Result<(), HubError> {
        let path = address::server_api(self.site(), name, server);
        let call = Call { name: "DELETE /hub/api/users/<name>/server", path: &path };
        let answer = self.delete(call, with_token(token), within).await?;
        let gone = matches!(answer.status, StatusCode::NOT_FOUND | StatusCode::BAD_REQUEST);
        if answer.status.is_success() || gone {
            Ok(())
        } else {
            Err(self.refused_or_sent_away(call, &answer))
        }
    }

    /// Asks how many users the hub knows, whether or not they have a server (`GET /hub/api/users?limit=1`).
    ///
    /// # Errors
    ///
    /// Any [`HubError`].
    pub async fn count_users(&self, token: &Secret<String>, within: Duration) -> Result<usize, HubError> {
        let path = format!("{}?limit=1", address::users_api(self.site()));
        let call = Call { name: "GET /hub/api/users", path: &path };
        let page = self.page(call, token, within).await?;
        pages::total(&page).map_err(|source| self.unreadable(call, source))
    }

    /// One page of a list.
    async fn page(
        &self,
        call: Call<'_>,
        token: &Secret<String>,
        within: Duration,
    ) -> Result<bytes::Bytes, HubError> {
        let mut headers: HeaderMap = with_token(token);
        headers.insert(header::ACCEPT, PAGED);
        let answer = self.get(call, headers, Some(PAGE_BYTES), within).await?;
        if answer.status == StatusCode::OK {
            Ok(answer.body)
        } else {
            Err(self.refused_or_sent_away(call, &answer))
        }
    }

    fn refused_or_sent_away(&self, call: Call<'_>, answer: &Answer) -> HubError {
        if answer.status.is_redirection() {
            return HubError::Redirects { hub: self.hub().clone(), call: call.name };
        }
        self.refused(call, answer)
    }
}

/// What is left of `within`, in tenths of a second: errors name it.
fn left(within: Duration, started: Instant) -> Duration {
    let tenths = within.saturating_sub(started.elapsed()).as_millis().div_ceil(100);
    Duration::from_millis(100) * u32::try_from(tenths).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests;
