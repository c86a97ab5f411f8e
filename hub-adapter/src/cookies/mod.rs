//! One browser, several hubs: whose cookie is whose, and under which name it travels.
//!
//! Every hub uses the same cookie names, and a hub that meets another hub's login cookie deletes it. So the
//! router keeps one *jar* per hub: what a hub sets as `jupyterhub-hub-login` the browser keeps as
//! `jupyterhub-hub-login.<hub id>`, and only that hub ever sees it again, under its own name.
//!
//! Pure: bytes in, bytes out. Who asks which hub, and when a jar has to end, is decided elsewhere; signing
//! and verifying the router's own cookies too. Here they are only found, and kept away from hubs and servers.
//!
//! # The same name twice
//!
//! A cookie can be planted for a longer or shorter path, by a script or by a sibling host, and then arrives
//! beside the real one. Browsers send longer paths first (RFC 6265, 5.4), tornado reads the last one, and
//! neither end of the field is reserved for the real cookie, whose path `<base>hub/` lies in the middle. So,
//! towards a hub:
//!
//! * **Login cookies and the operator's names**: values that differ are a dispute, and none is sent. A hub
//!   *deletes* a login cookie that it cannot verify, but never one that it was not shown: the real one
//!   survives, and works again as soon as, or wherever, the planted one does not. Nor does a planted login of
//!   a stranger win. A disputed login does not count as a login ([`Cookies::logins`]), so no refusal can end
//!   that jar either; the logout alone takes every value ([`Cookies::for_logout`]).
//! * **Session id and login state**: the last. The real ones lie on the site's shortest path, which comes
//!   last; no hub deletes a session id because it is unknown, and none at all would make it mint a new one
//!   per request.
//! * **`_xsrf`**: all of them. They are signed, and the hub takes the first that verifies (`_xsrf_utils.py`).
//!
//! Equal values are one cookie. What is nobody's jar passes as often as it came.

mod adopt;
mod expire;
mod field;
mod jars;
mod likeness;
mod line;
mod names;
mod pick;
mod read;
mod to_client;
mod to_hub;
mod xsrf;

#[cfg(test)]
mod properties;
#[cfg(test)]
pub(crate) mod testing;

pub use field::{COOKIE_FIELD_LIMIT, CookieField};
pub use line::{cookies_of_response, is_login_set, xsrf_of_set_cookie};
pub use names::{FLOW_SECONDS, JarRules, flow_tag};
pub use read::Cookies;
pub use to_client::{Reason, Sender, SetCookie};
pub(crate) use xsrf::token_of;
