//! The addresses that the router makes itself: redirects, links on its pages, calls to hubs.
//!
//! All are paths on the site, below `base_url`; scheme and host are the caller's.

use crate::destination::own_path;
use hubrouter_config::HubId;

use crate::names::{UserName, quoted};
use crate::site::Site;
use crate::urlencoded::encoded;

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

/// `<base>hub/home`.
pub fn home_url(site: &Site) -> String {
    format!("{}hub/home", site.base())
}

/// `<base>hub/logout`.
pub(crate) fn logout_url(site: &Site) -> String {
    format!("{}hub/logout", site.base())
}

/// `<base>hub/admin`: one hub's users, to its admins.
pub fn admin_page(site: &Site) -> String {
    format!("{}hub/admin", site.base())
}

/// `<base>hub/api/user`: who is it that this cookie or token belongs to?
pub(crate) fn whoami_path(site: &Site) -> String {
    format!("{}hub/api/user", site.base())
}

/// `<base>hub/api/users`: all users of a hub, in pages.
pub(crate) fn users_api(site: &Site) -> String {
    format!("{}hub/api/users", site.base())
}

/// `<base>hub/api/users/<owner>`: one user with their servers.
pub(crate) fn user_api(site: &Site, owner: &UserName) -> String {
    format!("{}hub/api/users/{}", site.base(), owner.quoted())
}

/// `<base>hub/api/users/<owner>/server` or `.../servers/<server>`: one server.
pub(crate) fn server_api(site: &Site, owner: &UserName, server: &str) -> String {
    let user = user_api(site, owner);
    if server.is_empty() { format!("{user}/server") } else { format!("{user}/servers/{}", quoted(server)) }
}

/// `<base>hub/api/proxy`: the routes of the hub's proxy, as the hub reads them there.
pub(crate) fn proxy_api(site: &Site) -> String {
    format!("{}hub/api/proxy", site.base())
}

/// The address of the form by which users declare their server at a dead hub lost.
#[must_use]
pub fn rescue_url(site: &Site) -> String {
    format!("{}_hubrouter/rescue", site.base())
}

/// The page that chooses a hub in a browser.
#[must_use]
pub fn choose_hub_url(site: &Site, hub: &HubId) -> String {
    format!("{}_hubrouter/hub/{hub}", site.base())
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
        Some(next) => format!("{path}?next={}", encoded(&next)),
        None => path.to_owned(),
    }
}
