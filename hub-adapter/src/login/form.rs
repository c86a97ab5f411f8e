//! Reading and changing the form's body, in both encodings.

use std::ops::Range;

use bytes::Bytes;
use hubrouter_config::HubId;

use super::multipart;
use crate::cookies::Cookies;
use crate::urlencoded::{decoded, encoded};

/// Longer bodies are not read as login forms, in bytes: 64 KiB.
pub const FORM_LIMIT: usize = 64 * 1024;

/// What routing and the exchange need of a login form. The password stays in the body.
#[derive(Clone, PartialEq, Eq)]
pub struct LoginForm {
    /// As typed, white space around it removed as JupyterHub does (`handlers/login.py`); not yet canonical.
    pub username: String,
    /// The form's token, if it has one.
    pub xsrf: Option<String>,
}

impl std::fmt::Debug for LoginForm {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LoginForm").field("username", &self.username).finish_non_exhaustive()
    }
}

/// A field that matters: where its value stands in the body, and what it says, decoded.
pub(super) struct Field {
    pub(super) name: Name,
    pub(super) at: Range<usize>,
    pub(super) value: String,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Name {
    Username,
    Xsrf,
}

impl Name {
    pub(super) fn of(name: &str) -> Option<Name> {
        match name {
            "username" => Some(Name::Username),
            "_xsrf" => Some(Name::Xsrf),
            _ => None,
        }
    }
}

#[derive(Clone, Copy)]
enum Encoding<'a> {
    Url,
    Multipart { boundary: &'a str },
}

/// Reads a login form, `application/x-www-form-urlencoded` or `multipart/form-data`.
///
/// `None`: another type, longer than [`FORM_LIMIT`], broken, without a `username`, or with two of `username`
/// or of `_xsrf`, which could be read two ways.
#[must_use]
pub fn read_form(content_type: Option<&str>, body: &[u8]) -> Option<LoginForm> {
    let fields = fields(encoding(content_type?)?, body)?;
    let username = only(&fields, Name::Username)?.value.trim().to_owned();
    Some(LoginForm { username, xsrf: only(&fields, Name::Xsrf).map(|field| field.value.clone()) })
}

/// The body with `new` as the value of its `_xsrf` field; every other byte stays. `new` is the token, without
/// quotes.
///
/// `None` when [`read_form`] cannot read it or it has no such field. The length changes: write
/// `Content-Length` anew.
#[must_use]
pub fn with_xsrf(content_type: Option<&str>, body: &[u8], new: &str) -> Option<Bytes> {
    let encoding = encoding(content_type?)?;
    let fields = fields(encoding, body)?;
    let at = only(&fields, Name::Xsrf)?.at.clone();
    let value = match encoding {
        Encoding::Url => encoded(new).to_string(),
        // A line break, and so a boundary, cannot be part of a token.
        Encoding::Multipart { .. } if new.bytes().any(|byte| byte.is_ascii_control()) => return None,
        Encoding::Multipart { .. } => new.to_owned(),
    };
    Some(Bytes::from([&body[..at.start], value.as_bytes(), &body[at.end..]].concat()))
}

/// Whether the form's token has to be exchanged for one of the target hub.
///
/// Only if it equals the `_xsrf` of another jar, not the target's own, **and** a page of this site sent it
/// ([`super::same_origin`]): with the first test alone, a planted cookie logs a foreign form in. Otherwise
/// the form goes on as it is, and the hub judges it.
#[must_use]
pub fn needs_exchange(cookies: &Cookies<'_>, form: &LoginForm, target: &HubId, same_origin: bool) -> bool {
    let Some(token) = form.xsrf.as_deref().filter(|_| same_origin) else { return false };
    let jars = cookies.jar_with_xsrf(token);
    !jars.is_empty() && !jars.contains(target)
}

fn encoding(content_type: &str) -> Option<Encoding<'_>> {
    let (kind, parameters) = content_type.split_once(';').unwrap_or((content_type, ""));
    match kind.trim() {
        "application/x-www-form-urlencoded" => Some(Encoding::Url),
        "multipart/form-data" => Some(Encoding::Multipart { boundary: multipart::boundary(parameters)? }),
        _ => None,
    }
}

/// The fields that matter, each once.
fn fields(encoding: Encoding<'_>, body: &[u8]) -> Option<Vec<Field>> {
    if body.len() > FORM_LIMIT {
        return None;
    }
    let fields = match encoding {
        Encoding::Url => url_fields(body)?,
        Encoding::Multipart { boundary } => multipart::fields(boundary, body)?,
    };
    let count = |name: Name| fields.iter().filter(|field| field.name == name).count();
    (count(Name::Username) <= 1 && count(Name::Xsrf) <= 1).then_some(fields)
}

fn url_fields(body: &[u8]) -> Option<Vec<Field>> {
    let text = std::str::from_utf8(body).ok()?;
    let mut fields = Vec::new();
    let mut start = 0;
    for part in text.split('&') {
        let end = start + part.len();
        let (key, value) = part.split_once('=').unwrap_or((part, ""));
        // A key that is no UTF-8 is none of ours.
        if let Some(name) = decoded(key).as_deref().and_then(Name::of) {
            fields.push(Field { name, at: end - value.len()..end, value: decoded(value)? });
        }
        start = end + 1;
    }
    Some(fields)
}

fn only(fields: &[Field], name: Name) -> Option<&Field> {
    fields.iter().find(|field| field.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cookies::testing::{hub, read, two_hubs};

    const URL: Option<&str> = Some("application/x-www-form-urlencoded");
    const MULTIPART: Option<&str> = Some("multipart/form-data; boundary=----b7Q");

    fn form(username: &str, xsrf: Option<&str>) -> Option<LoginForm> {
        Some(LoginForm { username: username.to_owned(), xsrf: xsrf.map(str::to_owned) })
    }

    fn part(name: &str, value: &str) -> String {
        format!("------b7Q\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
    }

    fn multipart(parts: &[String]) -> String {
        format!("{}------b7Q--\r\n", parts.concat())
    }

    #[test]
    fn a_login_form_is_read_decoded_and_trimmed() {
        let body = b"_xsrf=a%7Cb%3D%3D&username=+%C3%89lise%40x+&password=p%26w";

        assert_eq!(read_form(URL, body), form("Élise@x", Some("a|b==")));
        assert_eq!(
            read_form(Some("application/x-www-form-urlencoded; charset=UTF-8"), b"user%6eame=a"),
            form("a", None)
        );
        assert_eq!(read_form(URL, b"username"), form("", None));
    }

    #[test]
    fn a_multipart_login_form_is_read_too() {
        let file = "------b7Q\r\nContent-Disposition: form-data; name=\"f\"; filename=\"x.txt\"\r\nContent-Type: text/plain\r\n\r\n\r\n";
        let body = multipart(&[
            part("_xsrf", "a|b="),
            part("username", " bob "),
            file.to_owned(),
            part("password", "\r\n;="),
        ]);

        assert_eq!(read_form(MULTIPART, body.as_bytes()), form("bob", Some("a|b=")));
        let quoted = Some("multipart/form-data; charset=utf-8; boundary=\"----b7Q\"");
        assert_eq!(read_form(quoted, body.as_bytes()), form("bob", Some("a|b=")));
    }

    #[test]
    fn a_form_that_could_be_read_two_ways_is_not_read() {
        for body in [
            "username=a&username=b",
            "username=a&user%6eame=a",
            "username=a&_xsrf=x&_xsrf=y",
            "username=%ff",
            "password=x",
            "",
        ] {
            assert_eq!(read_form(URL, body.as_bytes()), None, "{body}");
        }
        assert_eq!(read_form(URL, b"username=\xff"), None);
        for kind in [None, Some("application/json"), Some(""), Some("application/x-www-form-urlencodedx")] {
            assert_eq!(read_form(kind, b"username=a"), None, "{kind:?}");
        }
        assert_eq!(read_form(URL, &[b"username=a&p=", &[b'x'; FORM_LIMIT][..]].concat()), None);
    }

    #[test]
    fn a_multipart_form_that_could_be_read_two_ways_is_not_read() {
        let user = part("username", "a");
        let head = |head: &str| format!("------b7Q\r\n{head}\r\n\r\nb\r\n");
        for second in [
            part("username", "b"),
            part("x", "------b7Qx"),
            part("x", "y ------b7Q\r\nz"),
            head("Content-Disposition: form-data; name*=utf-8''username"),
            head("Content-Disposition: form-data; name=\"x\"; name=\"username\""),
            head("Content-Disposition: form-data; name=\"x\"; filename=\"\"; name=\"username\""),
            head("Content-Disposition: form-data; name=\"_xsrf\"; filename=\"f\""),
            head(
                "Content-Disposition: form-data; name=\"x\"\r\nContent-Disposition: form-data; name=\"username\"",
            ),
            head("Content-Disposition: form-data;\r\n name=\"username\""),
            head("Content-Disposition: form-data; name=username"),
            head("Content-Disposition: form-data; name=\"user\\name\""),
            head("Content-Type: text/plain"),
            "------b7Q\r\nno head\r\n".to_owned(),
        ] {
            let body = multipart(&[user.clone(), second.clone()]);
            assert_eq!(read_form(MULTIPART, body.as_bytes()), None, "{second}");
        }
        let body = multipart(&[user]);
        for broken in
            [format!("preamble\r\n{body}"), format!("{body}epilogue"), body[..body.len() - 5].to_owned()]
        {
            assert_eq!(read_form(MULTIPART, broken.as_bytes()), None, "{broken}");
        }
        for kind in [
            "multipart/form-data",
            "multipart/form-data; boundary=",
            "multipart/form-data; boundary=x; boundary=----b7Q",
        ] {
            assert_eq!(read_form(Some(kind), body.as_bytes()), None, "{kind}");
        }
    }

    #[test]
    fn only_the_token_changes_in_an_exchanged_form() {
        let body = b"a=%2f&_xsrf=old%3D&username=+bob&password=%70+w";
        let new = with_xsrf(URL, body, "n|w=").unwrap();
        assert_eq!(new, "a=%2f&_xsrf=n%7Cw%3D&username=+bob&password=%70+w");

        let fields =
            |xsrf: &str| multipart(&[part("username", "bob"), part("_xsrf", xsrf), part("password", "p")]);
        let new = with_xsrf(MULTIPART, fields("old").as_bytes(), "n|w=").unwrap();
        assert_eq!(new, fields("n|w="));
        assert_eq!(with_xsrf(MULTIPART, fields("old").as_bytes(), "x\r\n------b7Q"), None);
        assert_eq!(with_xsrf(URL, b"username=bob", "new"), None);
    }

    #[test]
    fn a_form_is_exchanged_only_for_a_token_of_another_jar_sent_by_our_own_page() {
        let rules = two_hubs();
        let cookies = read(&rules, "_xsrf.hub-a=ta; _xsrf.hub-b=tb; _xsrf=raw");
        let sent = |xsrf: Option<&str>, target: &str, same_origin: bool| {
            needs_exchange(&cookies, &form("bob", xsrf).unwrap(), &hub(target), same_origin)
        };

        assert!(sent(Some("ta"), "hub-b", true));
        assert!(!sent(Some("ta"), "hub-b", false), "a foreign page");
        assert!(!sent(Some("tb"), "hub-b", true), "the target's own");
        assert!(!sent(Some("forged"), "hub-b", true) && !sent(Some("raw"), "hub-b", true), "in no jar");
        assert!(!sent(Some(""), "hub-b", true) && !sent(None, "hub-b", true), "no token");
    }

    #[test]
    fn a_form_does_not_print_its_token() {
        assert!(!format!("{:?}", form("bob", Some("tok"))).contains("tok"));
    }

    proptest::proptest! {
        #[test]
        fn no_body_makes_reading_fail(
            kind in "(application/x-www-form-urlencoded|multipart/form-data; boundary=b)",
            body in "(--b|\r\n|Content-Disposition: form-data; |name=\"username\"|name=\"_xsrf\"|[a&=%+;_\"\\\\-]|username|_xsrf|\u{e9}){0,24}",
        ) {
            if with_xsrf(Some(&kind), body.as_bytes(), "new").is_some() {
                // The same form with the new token, for every reader of ours.
                let new = with_xsrf(Some(&kind), body.as_bytes(), "new").unwrap();
                let (old, new) = (read_form(Some(&kind), body.as_bytes()), read_form(Some(&kind), &new));
                proptest::prop_assert_eq!(old.map(|form| form.username), new.map(|form| form.username));
            }
        }
    }
}
