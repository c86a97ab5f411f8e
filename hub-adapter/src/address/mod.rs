//! Whose address is this? One static table, matched on segments that are percent-decoded once.
//!
//! Decoding follows the hub's proxy, so that both read the same owner from every path; where two readings are
//! possible the address is refused ([`BadPath`]). Which hub the owner belongs to is the router's question.

mod bad;
mod logged;
mod make;
mod oauth;
mod pattern;
mod query;
mod segments;
mod table;
mod user;

#[cfg(test)]
mod tests;

use http::Method;
use hubrouter_config::Secret;

pub use bad::BadPath;
pub use logged::logged_path;
pub use make::{admin_page, choose_hub_url, home_url, login_url, rescue_url, server_url, spawn_url};
pub(crate) use make::{logout_url, proxy_api, server_api, user_api, users_api, whoami_path};
pub use query::{next_of, oauth_state};
pub use table::{Act, By, Plane, Row, TABLE};

use crate::names::UserName;
use crate::site::Site;

/// What an address says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Its row in the routing table.
    pub row: &'static Row,
    /// The owner: from the path, the OAuth client, or the `next` of a share link. Decides the hub before anything
    /// that is known of the visitor.
    pub owner: Option<UserName>,
    /// The owner's server, decoded, where the address names one for certain. `None` below `/user/`, where the
    /// segment after the owner may be a server or a page.
    pub server: Option<String>,
    /// The service, decoded: `/services/<name>/`, or the OAuth client `service-<name>`.
    pub service: Option<String>,
    /// The hub in `/_hubrouter/hub/<id>`, decoded, not checked.
    pub chosen: Option<String>,
    /// The API token that is asked about in `/hub/api/authorizations/token/<token>`, decoded.
    pub token: Option<Secret<String>>,
}

impl Place {
    fn of(row: &'static Row) -> Place {
        Place { row, owner: None, server: None, service: None, chosen: None, token: None }
    }
}

/// Reads an address: `path` and `query` as they came in the request target, without `?`.
///
/// # Errors
///
/// [`BadPath`] when the address could be read as two users' or cannot be read at all: answer 400, forward nothing.
pub fn classify(site: &Site, method: &Method, path: &str, query: Option<&str>) -> Result<Place, BadPath> {
    classify_nested(site, method, path, query, 0)
}

/// Adds to `place` whose the OAuth client is that exchanges its code for a token: the form of `POST
/// /hub/api/oauth2/token` (RFC 6749 section 4.1.3) says it in the parameters of an authorization's query.
///
/// # Errors
///
/// [`BadPath`] when the form names two owners, a parameter twice, or a bad name: answer 400, forward nothing.
pub fn read_token_request(site: &Site, place: &mut Place, form: &str) -> Result<(), BadPath> {
    oauth::name_client(site, place, Some(form), 0)
}

/// [`classify`] for an address found inside another; `depth` counts them, and a too deep one names nobody.
pub(crate) fn classify_nested(
    site: &Site,
    method: &Method,
    path: &str,
    query: Option<&str>,
    depth: u8,
) -> Result<Place, BadPath> {
    match path.strip_prefix(site.user_prefix()) {
        // `/user/` alone names nobody and is matched with the rest.
        Some(below) if !below.is_empty() => user::place(site, below),
        _ => pattern::place(site, method, path, query, depth),
    }
}
