//! What a hub's `Set-Cookie` line says: name, value, path, whether it deletes.
//!
//! Read as a browser reads (RFC 6265, 5.2), and only as far as the jars need it. Names here are the hub's
//! own: ask before the line is renamed. What becomes of a line is decided in `to_client`.

use http::{HeaderMap, HeaderValue, header::SET_COOKIE};

use super::names::LOGIN_COOKIES;
use super::read::trim;

/// A `Set-Cookie` line that has a name.
#[derive(Clone, Copy)]
pub(super) struct Line<'a> {
    /// Up to the name: white space only.
    pub(super) before: &'a [u8],
    pub(super) name: &'a [u8],
    pub(super) value: &'a [u8],
    /// From the byte after the name to the end.
    pub(super) after: &'a [u8],
}

impl<'a> Line<'a> {
    /// `None` for a nameless cookie.
    pub(super) fn read(line: &'a [u8]) -> Option<Line<'a>> {
        let end = memchr::memchr(b';', line).unwrap_or(line.len());
        let equals = memchr::memchr(b'=', &line[..end])?;
        let name = trim(&line[..equals]);
        let start = line[..equals].iter().position(|byte| !matches!(byte, b' ' | b'\t'))?;
        let after = &line[start + name.len()..];
        Some(Line { before: &line[..start], name, value: trim(&line[equals + 1..end]), after })
    }

    /// The attributes, in order: name and value, trimmed.
    fn attributes(&self) -> impl Iterator<Item = (&'a [u8], &'a [u8])> + use<'a> {
        self.after.split(|byte| *byte == b';').skip(1).map(|attribute| {
            let equals = memchr::memchr(b'=', attribute).unwrap_or(attribute.len());
            (trim(&attribute[..equals]), trim(attribute.get(equals + 1..).unwrap_or_default()))
        })
    }

    /// The last attribute of this name counts.
    fn attribute(&self, name: &str) -> Option<&'a [u8]> {
        self.attributes()
            .filter(|(key, _)| key.eq_ignore_ascii_case(name.as_bytes()))
            .last()
            .map(|(_, value)| value)
    }

    /// The `Path`, if there is one that a browser would take; else the browser goes by the request's path.
    pub(super) fn path(&self) -> Option<&'a [u8]> {
        self.attribute("path").filter(|path| path.starts_with(b"/"))
    }

    pub(super) fn has_domain(&self) -> bool {
        self.attribute("domain").is_some()
    }

    /// Whether the browser forgets the cookie: nothing in it, no age left, or an expiry of long ago.
    ///
    /// Hubs delete with an empty value. Without a clock, only years up to 2000 are known to be past.
    pub(super) fn deletes(&self) -> bool {
        if is_empty(self.value) {
            return true;
        }
        match self.attribute("max-age") {
            Some(age) => age.starts_with(b"-") || (!age.is_empty() && age.iter().all(|digit| *digit == b'0')),
            None => self.attribute("expires").is_some_and(is_long_ago),
        }
    }

    /// The line under another name, all else as it came.
    pub(super) fn renamed(&self, name: &str) -> Vec<u8> {
        [self.before, name.as_bytes(), self.after].concat()
    }

    /// The line under another name and with this `Max-Age` (in seconds) instead of its own.
    pub(super) fn renamed_for(&self, name: &str, seconds: u32) -> Vec<u8> {
        let mut line = [self.before, name.as_bytes()].concat();
        for (index, part) in self.after.split(|byte| *byte == b';').enumerate() {
            let key = trim(part.split(|byte| *byte == b'=').next().unwrap_or_default());
            if index > 0 && key.eq_ignore_ascii_case(b"max-age") {
                continue;
            }
            if index > 0 {
                line.push(b';');
            }
            line.extend_from_slice(part);
        }
        line.extend_from_slice(format!("; Max-Age={seconds}").as_bytes());
        line
    }
}

pub(super) fn is_empty(value: &[u8]) -> bool {
    matches!(value, b"" | b"\"\"")
}

fn is_long_ago(date: &[u8]) -> bool {
    let mut words = date.split(|byte| !byte.is_ascii_alphanumeric());
    words.any(|word| word.len() == 4 && word.iter().all(u8::is_ascii_digit) && word <= b"2000".as_slice())
}

fn is_login_name(name: &[u8]) -> bool {
    LOGIN_COOKIES.iter().any(|login| name == login.as_bytes())
}

/// Whether this `Set-Cookie`, as the hub sent it, logs somebody in: a hub login cookie that is not being
/// deleted.
#[must_use]
pub fn is_login_set(value: &HeaderValue) -> bool {
    Line::read(value.as_bytes()).is_some_and(|line| is_login_name(line.name) && !line.deletes())
}

/// The value of the `_xsrf` cookie that this `Set-Cookie`, as the hub sent it, sets: as it stands there,
/// quotes included.
#[must_use]
pub fn xsrf_of_set_cookie(value: &HeaderValue) -> Option<&str> {
    let line = Line::read(value.as_bytes()).filter(|line| line.name == b"_xsrf" && !line.deletes())?;
    std::str::from_utf8(line.value).ok()
}

/// The `Cookie` field with which the router asks the hub whom it has just let in: what its answer sets, and
/// nothing else. A later line of the same name replaces an earlier one.
///
/// `None` when the answer sets nothing.
#[must_use]
pub fn cookies_of_response(headers: &HeaderMap) -> Option<HeaderValue> {
    let mut kept: Vec<Line<'_>> = Vec::new();
    for line in headers.get_all(SET_COOKIE).iter().filter_map(|value| Line::read(value.as_bytes())) {
        kept.retain(|earlier| earlier.name != line.name);
        if !line.deletes() {
            kept.push(line);
        }
    }
    let pairs: Vec<Vec<u8>> = kept.iter().map(|line| [line.name, b"=", line.value].concat()).collect();
    if pairs.is_empty() { None } else { HeaderValue::from_bytes(&pairs.join(&b"; "[..])).ok() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(text: &str) -> HeaderValue {
        HeaderValue::from_str(text).unwrap()
    }

    #[test]
    fn a_login_is_a_hub_login_cookie_that_is_not_being_deleted() {
        assert!(is_login_set(&value(
            "jupyterhub-hub-login=\"2|1:0|10:17|x\"; expires=Thu, 24 Dec 2026 06:00:00 GMT; Path=/hub/"
        )));
        assert!(is_login_set(&value("__Host-jupyterhub-hub-login=x; Path=/; Secure")));
        for not_a_login in [
            "jupyterhub-hub-login=\"\"; expires=Mon, 24 Nov 2025 06:00:00 GMT; Path=/hub/",
            "jupyterhub-hub-login=; Path=/hub/",
            "jupyterhub-hub-login=x; Max-Age=0",
            "jupyterhub-hub-login=x; max-age=-1",
            "jupyterhub-hub-login=x; Expires=Thu, 01 Jan 1970 00:00:00 GMT",
            "jupyterhub-session-id=x; Path=/",
            "jupyterhub-hub-login.hub-a=x",
            "jupyterhub-hub-login",
        ] {
            assert!(!is_login_set(&value(not_a_login)), "{not_a_login}");
        }
    }

    #[test]
    fn the_hub_is_asked_with_exactly_the_cookies_of_its_answer() {
        let mut headers = HeaderMap::new();
        for line in [
            "_xsrf=old; Path=/hub/",
            "jupyterhub-session-id=s; HttpOnly; Path=/",
            "jupyterhub-hub-login=\"2|1:0\"; Path=/hub/",
            "_xsrf=new=; Path=/hub/",
            "oauthenticator-state=\"\"; expires=Mon, 24 Nov 2025 06:00:00 GMT; Path=/",
        ] {
            headers.append(SET_COOKIE, value(line));
        }

        let field = cookies_of_response(&headers).unwrap();

        assert_eq!(field, "jupyterhub-session-id=s; jupyterhub-hub-login=\"2|1:0\"; _xsrf=new=");
        assert_eq!(cookies_of_response(&HeaderMap::new()), None);
    }

    #[test]
    fn the_forms_token_is_read_from_the_line_that_sets_it_as_it_stands() {
        assert_eq!(xsrf_of_set_cookie(&value("_xsrf=\"a|b=\"; Path=/hub/; Max-Age=3600")), Some("\"a|b=\""));
        assert_eq!(xsrf_of_set_cookie(&value("_xsrf=; Path=/hub/")), None);
        assert_eq!(xsrf_of_set_cookie(&value("_xsrf.hub-a=x; Path=/hub/")), None);
    }

    #[test]
    fn of_an_attribute_that_stands_twice_the_last_counts() {
        let line = Line::read(b"a=b; PATH=/x/;path = /y/ ; Domain").unwrap();

        assert_eq!(line.path(), Some(&b"/y/"[..]));
        assert!(line.has_domain());
    }
}
