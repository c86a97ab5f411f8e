//! A path as it may stand in a log: secrets that travel in it are masked.
//!
//! Queries are left to the caller, who never logs them.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

use super::{Plane, Row};

/// The API below which a token or a login cookie is a segment of the path (`jupyterhub/apihandlers/auth.py`).
const API: &str = "authorizations";
/// What may stand between the API and the secret.
const KINDS: [&str; 2] = ["/token", "/cookie"];

/// `path` for the log: of `/hub/api/authorizations/token/<token>` and `.../cookie/<name>/<value>`, what follows the kind
/// is `[redacted]`. `row` is `None` for an address that was refused.
///
/// Addresses that only look like these are masked, too, in whatever encoding and below whatever base path: a secret
/// that was sent to a wrong address is still one.
pub fn logged_path<'p>(row: Option<&Row>, path: &'p str) -> Cow<'p, str> {
    // Files of users may be called anything.
    if row.is_some_and(|row| matches!(row.plane, Plane::User | Plane::Service)) {
        return Cow::Borrowed(path);
    }
    let read = percent_decode_str(path).decode_utf8_lossy();
    let Some(end) = read.to_ascii_lowercase().find(API).map(|at| at + API.len()) else {
        return Cow::Borrowed(path);
    };
    let (shown, rest) = read.split_at(end);
    if rest.is_empty() {
        return Cow::Borrowed(path);
    }
    let kind = KINDS.iter().find(|kind| rest.starts_with(**kind)).copied().unwrap_or_default();
    Cow::Owned(format!("{shown}{kind}/[redacted]"))
}

#[cfg(test)]
mod tests {
    use super::super::TABLE;
    use super::*;

    #[test]
    fn a_secret_in_a_path_is_masked_in_every_spelling_and_below_every_base_path() {
        for (path, logged) in [
            ("/hub/api/authorizations/token/s3cret", "/hub/api/authorizations/token/[redacted]"),
            ("/jhub/hub/api/authorizations/token/s3cret/", "/jhub/hub/api/authorizations/token/[redacted]"),
            ("/hub/api/authorizations/cookie/name/s3cret", "/hub/api/authorizations/cookie/[redacted]"),
            ("/hub/api/authorizations/cookie/s3cret", "/hub/api/authorizations/cookie/[redacted]"),
            ("/hub/api/%61uthorization%73/tok%65n/s3cret", "/hub/api/authorizations/token/[redacted]"),
            ("/hub/%2e/api/authorizations%2ftoken%2fs3cret", "/hub/./api/authorizations/token/[redacted]"),
            ("/hub/api/authorizations//token/s3cret", "/hub/api/authorizations/[redacted]"),
            ("/hub/api/Authorizations/s3cret", "/hub/api/Authorizations/[redacted]"),
            ("/%ff/authorizations/token/s3cret", "/\u{fffd}/authorizations/token/[redacted]"),
        ] {
            assert_eq!(logged_path(None, path), logged);
        }
    }

    #[test]
    fn every_row_below_that_api_is_masked() {
        let secret = TABLE.iter().filter(|row| row.pattern.contains(API)).collect::<Vec<_>>();
        assert!(!secret.is_empty());
        for row in secret {
            assert!(
                logged_path(Some(row), "/hub/api/authorizations/cookie/a/s3cret").ends_with("[redacted]")
            );
        }
    }

    #[test]
    fn all_other_paths_are_logged_as_they_came() {
        for path in
            ["/hub/home", "/user/a%20b/lab", "/hub/api/users/ada/tokens/a1", "/hub/api/authorizations"]
        {
            assert_eq!(logged_path(None, path), path);
        }
        let user = TABLE.iter().find(|row| row.name == "user");
        let file = "/user/ada/files/authorizations/token/notes";
        assert_eq!(logged_path(user, file), file);
    }
}
