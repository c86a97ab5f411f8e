//! The quick path: `/user/<name>/...`, by far the most requests.
//!
//! Reads only as far as the owner and the segment behind, and allocates the owner's name alone. Everything else is
//! matched against the table (`pattern`).

use super::segments::{cut, has_dot_segment, is, name};
use super::table::{SERVER_CALLBACK, SERVER_LOGOUT, TABLE, USER, USER_CALLBACK, USER_LOGOUT};
use super::{BadPath, Place};
use crate::names::UserName;
use crate::site::Site;

/// First segments of a server's own pages. `/user/ada/files/logout` is a file called `logout`, not the logout of a
/// server called `files`.
#[rustfmt::skip]
const PAGES: &[&str] = &[
    "api", "consoles", "custom", "doc", "edit", "files", "lab", "nbconvert", "notebooks", "proxy", "static",
    "terminals", "tree", "view",
];

/// The place of `<base>user/<below>`; `below` is not empty.
pub(super) fn place(site: &Site, below: &str) -> Result<Place, BadPath> {
    if has_dot_segment(below) {
        return Err(BadPath::DotSegment);
    }
    let (owner, rest) = cut(below);
    let owner = owner_name(site, owner)?;
    let row = match rest {
        None | Some("") => USER,
        Some(rest) => {
            let (server, tail) = cut(rest);
            // It may be a server's name, and then hub and proxy must read the same one.
            name(server)?;
            row_below(server, tail)
        }
    };
    Ok(Place { owner: Some(owner), ..Place::of(&TABLE[row]) })
}

/// The canonical name in a raw segment.
pub(super) fn owner_name(site: &Site, raw: &str) -> Result<UserName, BadPath> {
    let decoded = name(raw)?;
    UserName::canonical(&decoded, site.names()).ok_or(BadPath::Control)
}

fn row_below(server: &str, tail: Option<&str>) -> usize {
    let last = tail.map(|tail| tail.strip_suffix('/').unwrap_or(tail));
    match last {
        None | Some("") if is(server, "logout") => USER_LOGOUT,
        None | Some("") if is(server, "oauth_callback") => USER_CALLBACK,
        Some(last) if is(last, "oauth_callback") => SERVER_CALLBACK,
        Some(last) if is(last, "logout") && !PAGES.contains(&server) => SERVER_LOGOUT,
        _ => USER,
    }
}
