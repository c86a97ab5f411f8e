//! What a hub says about the start of a server: in its answer to the request, and in the events that follow.
//!
//! Pure reading. Whether a hub's starts go well is judged by the router.

mod progress;

use http::{Method, StatusCode};

use crate::address::{Place, Plane};
use crate::destination::place_at;
use crate::names::UserName;
use crate::site::Site;

pub use progress::{End, Scanner};

/// What an answer to a start says of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Said {
    /// It is under way; how it ends is told by events.
    Pending,
    /// It succeeded.
    Started,
    /// A server runs. Whether this start made it run, or one long ago, is not said.
    Runs,
    /// It failed.
    Failed,
}

/// A start, and what an answer says of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// What is said.
    pub said: Said,
    /// Whose server; not known where neither the address nor the answer names the owner.
    pub owner: Option<UserName>,
    /// Which server; the default one is empty.
    pub server: String,
}

/// The parts of an answer to a start.
#[derive(Clone, Copy, Debug)]
pub struct Parts<'a> {
    /// The request's method.
    pub method: &'a Method,
    /// The request's `Host`: a `Location` may spell out the whole address.
    pub host: Option<&'a str>,
    /// The answer's status.
    pub status: StatusCode,
    /// The answer's `Location`.
    pub location: Option<&'a str>,
}

/// What the answer to the start at `place` says; `None` if nothing: a form, a login, a refusal, "already running", and
/// 429, which asks for time (`apihandlers/users.py` `UserServerAPIHandler.post`, `handlers/pages.py` `SpawnHandler`).
///
/// An error that the hub's proxy makes up by itself says nothing of a start: leave it out.
pub fn answer(site: &Site, place: &Place, parts: Parts<'_>) -> Option<Answer> {
    if !place.row.is_start(parts.method) {
        return None;
    }
    let to = parts.location.filter(|_| parts.status.is_redirection());
    let to = to.and_then(|location| place_at(site, parts.host, location));
    let said = match parts.status {
        status if status.is_server_error() => Said::Failed,
        StatusCode::CREATED if place.row.is_api() => Said::Started,
        StatusCode::ACCEPTED if place.row.is_api() => Said::Pending,
        _ => after_redirect(to.as_ref()?, parts.method)?,
    };
    let server = place.server.clone().or_else(|| to.as_ref().and_then(|to| to.server.clone()));
    let owner = place.owner.clone().or_else(|| to.and_then(|to| to.owner));
    Some(Answer { said, owner, server: server.unwrap_or_default() })
}

fn after_redirect(to: &Place, method: &Method) -> Option<Said> {
    match to.row.plane {
        // A form is refused while a server runs, so what was posted has been done.
        Plane::User if method == Method::POST => Some(Said::Started),
        Plane::User => Some(Said::Runs),
        Plane::Hub if to.row.is_pending_page() => Some(Said::Pending),
        Plane::Hub | Plane::Service | Plane::Router => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::address::classify;
    use crate::names::NameRule;

    /// What the answer to a request says, as `said owner/server`.
    fn said(method: &Method, path: &str, status: u16, location: Option<&str>) -> String {
        let site = Site::new("/".parse().unwrap(), NameRule::Lower, None);
        let place = classify(&site, method, path, None).unwrap();
        let status = StatusCode::from_u16(status).unwrap();
        match answer(&site, &place, Parts { method, host: Some("site"), status, location }) {
            None => "nothing".to_owned(),
            Some(Answer { said, owner, server }) => {
                let owner = owner.map_or_else(|| "?".to_owned(), |owner| owner.to_string());
                format!("{said:?} {owner}/{server}")
            }
        }
    }

    #[test]
    fn the_api_says_by_its_status_how_a_start_went() {
        for (status, expected) in [
            (201, "Started ada/"),
            (202, "Pending ada/"),
            (400, "nothing"),
            (403, "nothing"),
            (404, "nothing"),
            (429, "nothing"),
            (500, "Failed ada/"),
            (503, "Failed ada/"),
        ] {
            assert_eq!(said(&Method::POST, "/hub/api/users/Ada/server", status, None), expected, "{status}");
        }
        assert_eq!(said(&Method::POST, "/hub/api/users/ada/servers/big", 202, None), "Pending ada/big");
    }

    #[test]
    fn the_spawn_page_says_by_its_redirect_how_a_start_went() {
        let to = |method, path, location| said(method, path, 302, Some(location));
        let (get, post) = (&Method::GET, &Method::POST);
        assert_eq!(to(get, "/hub/spawn", "/hub/spawn-pending/ada"), "Pending ada/");
        assert_eq!(to(post, "/hub/spawn/ada/big", "/hub/spawn-pending/ada/big?next=%2F"), "Pending ada/big");
        assert_eq!(to(get, "/hub/spawn", "http://site/hub/spawn-pending/ada/big"), "Pending ada/big");
        assert_eq!(to(get, "/hub/spawn/ada", "/user/ada/lab"), "Runs ada/");
        assert_eq!(to(post, "/hub/spawn/ada", "/user/ada/"), "Started ada/");
        for elsewhere in ["/hub/login?next=%2Fhub%2Fspawn", "/hub/spawn/ada", "https://idp.example/", "//x"] {
            assert_eq!(to(get, "/hub/spawn", elsewhere), "nothing", "{elsewhere}");
        }
    }

    #[test]
    fn an_error_page_is_a_failed_start_and_a_form_or_a_full_hub_is_none() {
        for (status, expected) in [(200, "nothing"), (429, "nothing"), (403, "nothing"), (500, "Failed ?/")] {
            assert_eq!(said(&Method::GET, "/hub/spawn", status, None), expected, "{status}");
        }
    }

    #[test]
    fn what_starts_nothing_says_nothing_of_starts() {
        for (method, path) in [
            (Method::GET, "/hub/home"),
            (Method::DELETE, "/hub/api/users/ada/server"),
            (Method::GET, "/hub/spawn-pending/ada"),
            (Method::POST, "/user/ada/api/sessions"),
        ] {
            for status in [201, 202, 500] {
                assert_eq!(said(&method, path, status, None), "nothing", "{method} {path} {status}");
            }
        }
    }
}
