//! The addresses that the router makes itself: redirects, links on its pages, calls to hubs.
//!
//! All are paths on the site, below `base_url`; scheme and host are the caller's.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::destination::own_path;
use crate::names::{UserName, quoted};
use crate::site::Site;

/// Everything but RFC 3986's unreserved characters.
const QUERY_VALUE: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// `<base>hub/`: the path of the hub's own cookies, and the beginning of all its pages.
pub fn hub_prefix(site: &Site) -> String {
    format!("{}hub/", site.base())
}

/// `<base>user/<owner>/`: the path of the cookies of the owner's server.
pub fn user_prefix(site: &Site, owner: &UserName) -> String {
    server_url(site, owner, None)
}

/// `<base>user/<owner>/[<server>/]`: the owner's server, the default one if `server` is `None` or empty.
pub fn server_url(site: &Site, owner: &UserName, server: Option<&str>) -> String {
    let server = server.filter(|name| !name.is_empty()).map(|name| quoted(name) + "/").unwrap_or_default();
    format!("{}user/{}/{server}", site.base(), owner.quoted())
}

/// `<base>hub/login[?next=...]`. A `next` that is no path of this site is left out.
pub fn login_url(site: &Site, next: Option<&str>) -> String {
    with_next(site.login_path(), site, next)
}

/// `<base>hub/spawn[/<owner>[/<server>]][?next=...]`: the page that starts a server, the visitor's own if `owner` is
/// `None` (then `server` is not written).
pub fn spawn_url(site: &Site, owner: Option<&UserName>, server: Option<&str>, next: Option<&str>) -> String {
    with_next(&format!("{}hub/spawn{}", site.base(), whose(owner, server)), site, next)
}

/// `<base>hub/spawn-pending/<owner>[/<server>]`: the page that shows the progress of a start.
pub fn spawn_pending_url(site: &Site, owner: &UserName, server: Option<&str>) -> String {
    format!("{}hub/spawn-pending{}", site.base(), whose(Some(owner), server))
}

/// `<base>hub/home`.
pub fn home_url(site: &Site) -> String {
    format!("{}hub/home", site.base())
}

/// `<base>hub/logout`.
pub fn logout_url(site: &Site) -> String {
    format!("{}hub/logout", site.base())
}

/// `<base>hub/token`: where a user makes API tokens.
pub fn token_page(site: &Site) -> String {
    format!("{}hub/token", site.base())
}

/// `<base>hub/admin`: one hub's users, to its admins.
pub fn admin_page(site: &Site) -> String {
    format!("{}hub/admin", site.base())
}

/// `<base>hub/api/oauth2/authorize`: where a server sends visitors it does not know.
pub fn authorize_path(site: &Site) -> String {
    format!("{}hub/api/oauth2/authorize", site.base())
}

/// `<base>hub/api/user`: who is it that this cookie or token belongs to?
pub fn whoami_path(site: &Site) -> String {
    format!("{}hub/api/user", site.base())
}

/// `<base>hub/api/users`: all users of a hub, in pages.
pub fn users_api(site: &Site) -> String {
    format!("{}hub/api/users", site.base())
}

/// `<base>hub/api/users/<user>`: one user and what is running.
pub fn user_api(site: &Site, user: &UserName) -> String {
    format!("{}hub/api/users/{}", site.base(), user.quoted())
}

/// `<base>hub/api/users/<user>/server`, or `.../servers/<server>`: POST starts it, DELETE stops it.
pub fn server_api(site: &Site, user: &UserName, server: Option<&str>) -> String {
    match server.filter(|name| !name.is_empty()) {
        None => format!("{}/server", user_api(site, user)),
        Some(name) => format!("{}/servers/{}", user_api(site, user), quoted(name)),
    }
}

/// `<base>hub/api/proxy`: the routes of the hub's proxy; POST restores them.
pub fn routes_api(site: &Site) -> String {
    format!("{}hub/api/proxy", site.base())
}

/// `<base>hub/api`: the hub's version, to everybody.
pub fn version_path(site: &Site) -> String {
    format!("{}hub/api", site.base())
}

/// `<base>hub/api/health`: 200 while the hub's process answers. Through its proxy it tells of both.
pub fn health_path(site: &Site) -> String {
    format!("{}hub/api/health", site.base())
}

/// `/_chp_healthz`: 200 while the hub's proxy lives, whatever `base_url` is.
pub const PROXY_HEALTH_PATH: &str = "/_chp_healthz";

/// `<base>_hubrouter/`: what is the router's own.
pub fn router_prefix(site: &Site) -> String {
    format!("{}_hubrouter/", site.base())
}

/// `<base>_hubrouter/hub/<id>`: chooses a hub for an hour.
pub fn choose_url(site: &Site, hub: &hubrouter_config::HubId) -> String {
    format!("{}_hubrouter/hub/{hub}", site.base())
}

/// `<base>_hubrouter/hub/`: ends the choice.
pub fn clear_choice_url(site: &Site) -> String {
    format!("{}_hubrouter/hub/", site.base())
}

fn whose(owner: Option<&UserName>, server: Option<&str>) -> String {
    match (owner, server.filter(|name| !name.is_empty())) {
        (None, _) => String::new(),
        (Some(owner), None) => format!("/{}", owner.quoted()),
        (Some(owner), Some(server)) => format!("/{}/{}", owner.quoted(), quoted(server)),
    }
}

fn with_next(path: &str, site: &Site, next: Option<&str>) -> String {
    match next.and_then(|next| own_path(site, None, next)) {
        Some(next) => format!("{path}?next={}", utf8_percent_encode(&next, QUERY_VALUE)),
        None => path.to_owned(),
    }
}
