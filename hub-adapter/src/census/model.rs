//! Reads what a hub says of a user and their servers (`apihandlers/base.py`, `user_model` and `server_model`).
//!
//! A hub leaves out what the token may not see. A field that is missing is therefore never taken for an empty one.

use std::collections::BTreeMap;
use std::time::SystemTime;

use serde::{Deserialize, Deserializer};

use super::{ActiveUser, Server, ServerState, Unreadable, UserAt, time};

/// A user, as far as the census reads them.
#[derive(Debug, Deserialize)]
pub(super) struct UserModel {
    pub name: String,
    /// The default server's address while it runs; outer `None`: not told.
    #[serde(default, deserialize_with = "told")]
    server: Option<Option<String>>,
    /// What is under way with the default server; outer `None`: not told.
    #[serde(default, deserialize_with = "told")]
    pending: Option<Option<String>>,
    /// `None`: not told.
    servers: Option<BTreeMap<String, ServerModel>>,
    last_activity: Option<String>,
}

/// A server, as far as the census reads it.
#[derive(Debug, Deserialize)]
struct ServerModel {
    #[serde(default)]
    ready: bool,
    #[serde(default)]
    stopped: bool,
    pending: Option<String>,
    last_activity: Option<String>,
}

/// A field that is there, null or not.
fn told<'de, D: Deserializer<'de>>(field: D) -> Result<Option<Option<String>>, D::Error> {
    Option::deserialize(field).map(Some)
}

/// An error of the API.
#[derive(Debug, Deserialize)]
struct Refusal {
    status: u16,
    message: Option<String>,
}

impl ServerModel {
    /// Nothing but a clear word means that it does not run.
    fn state(&self) -> ServerState {
        match (self.pending.is_some(), self.ready, self.stopped) {
            (true, _, _) | (false, false, false) => ServerState::Pending,
            (false, true, _) => ServerState::Ready,
            (false, false, true) => ServerState::Stopped,
        }
    }
}

impl UserModel {
    /// The user as one of the active ones.
    pub(super) fn active(&self) -> Result<ActiveUser, Unreadable> {
        let servers = self.servers.as_ref().ok_or(NO_SERVERS)?;
        let left = servers.iter().map(|(name, model)| {
            let server =
                Server { state: model.state(), last_activity: instant(model.last_activity.as_deref()) };
            (name.clone(), server)
        });
        let servers = left.filter(|(_, server)| server.state != ServerState::Stopped).collect();
        Ok(ActiveUser { servers, last_activity: instant(self.last_activity.as_deref()) })
    }

    fn at(&self) -> Result<UserAt, Unreadable> {
        let servers = self.servers.as_ref().ok_or(NO_SERVERS)?;
        let pending = self.pending.as_ref().ok_or(NO_PENDING)?;
        let any = |state: ServerState| servers.values().any(|server| server.state() == state);
        let default_runs = self.server.as_ref().is_some_and(Option::is_some);
        Ok(if any(ServerState::Ready) || default_runs && pending.is_none() {
            UserAt::Running
        } else if any(ServerState::Pending) || pending.is_some() {
            UserAt::Pending
        } else {
            UserAt::NoServer
        })
    }
}

const NO_SERVERS: &str = "it does not tell of servers: the token lacks the scope `read:servers`";
const NO_PENDING: &str = "it does not tell what is pending: the token lacks the scope `read:users`";

/// What the model of one user says.
pub(super) fn user_at(body: &[u8]) -> Result<UserAt, Unreadable> {
    serde_json::from_slice::<UserModel>(body)?.at()
}

/// Whether a 404 is the hub's own word that there is no such user. Proxies answer 404 as well, and so does the hub for a
/// user whom the token may not see (`scopes.py`, `needs_scope`): neither says anything about the user.
pub(super) fn is_no_such_user(body: &[u8]) -> bool {
    let out_of_reach = |refusal: &Refusal| {
        refusal.message.as_deref().is_some_and(|message| message.contains("No access to resources"))
    };
    serde_json::from_slice(body)
        .is_ok_and(|refusal: Refusal| refusal.status == 404 && !out_of_reach(&refusal))
}

pub(super) fn instant(text: Option<&str>) -> Option<SystemTime> {
    text.and_then(time::read)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(rest: &str) -> Result<UserAt, Unreadable> {
        user_at(format!(r#"{{"name":"ada",{rest}}}"#).as_bytes())
    }

    #[test]
    fn a_user_runs_is_pending_or_has_no_server_by_the_hubs_own_fields() {
        let ready = r#"{"ready":true,"stopped":false,"pending":null}"#;
        let stopped = r#"{"ready":false,"stopped":true,"pending":null}"#;
        let starts = r#"{"ready":false,"stopped":false,"pending":"spawn"}"#;
        let stops = r#"{"ready":false,"stopped":false,"pending":"stop"}"#;
        let looked_at = r#"{"ready":false,"stopped":false,"pending":"check"}"#;
        let odd = r#"{"ready":false,"stopped":false,"pending":null}"#;
        for (server, pending, servers, expected) in [
            ("\"/user/ada/\"", "null", format!(r#"{{"":{ready}}}"#), UserAt::Running),
            ("\"/user/ada/\"", "null", "{}".to_owned(), UserAt::Running),
            ("null", "null", format!(r#"{{"lab":{ready}}}"#), UserAt::Running),
            ("null", "\"spawn\"", format!(r#"{{"":{starts},"lab":{ready}}}"#), UserAt::Running),
            ("null", "\"spawn\"", format!(r#"{{"":{starts}}}"#), UserAt::Pending),
            ("\"/user/ada/\"", "\"stop\"", format!(r#"{{"":{stops}}}"#), UserAt::Pending),
            ("null", "\"check\"", "{}".to_owned(), UserAt::Pending),
            ("null", "null", format!(r#"{{"lab":{looked_at}}}"#), UserAt::Pending),
            ("null", "null", format!(r#"{{"":{odd}}}"#), UserAt::Pending),
            ("null", "null", "{}".to_owned(), UserAt::NoServer),
            ("null", "null", format!(r#"{{"":{stopped}}}"#), UserAt::NoServer),
        ] {
            let text = format!(r#""server":{server},"pending":{pending},"servers":{servers}"#);
            assert_eq!(at(&text).unwrap(), expected, "{text}");
        }
    }

    #[test]
    fn a_field_that_the_token_may_not_see_is_not_taken_for_an_empty_one() {
        for rest in [
            r#""server":null,"pending":null"#,
            r#""server":null,"servers":{}"#,
            r#""servers":{}"#,
            r#""x":1"#,
        ] {
            assert!(at(rest).unwrap_err().to_string().contains("lacks the scope"), "{rest}");
        }
        for rest in [r#""pending":null,"servers":null"#, r#""pending":null,"servers":[]"#] {
            assert!(at(rest).is_err(), "{rest}");
        }
    }

    #[test]
    fn only_the_hubs_own_404_means_that_there_is_no_such_user() {
        assert!(is_no_such_user(br#"{"status":404,"message":"Not Found"}"#));
        assert!(is_no_such_user(br#"{"status":404,"message":null}"#));
        let no_access = br#"{"status":404,"message":"No access to resources or resources not found"}"#;
        for body in [&no_access[..], b"", b"404 page not found", br#"{"status":403}"#, b"<html>"] {
            assert!(!is_no_such_user(body), "{}", String::from_utf8_lossy(body));
        }
    }
}
