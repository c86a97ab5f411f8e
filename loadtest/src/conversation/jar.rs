//! A browser's cookies, by name and path (RFC 6265), for one host.

/// One client's cookies.
#[derive(Clone, Debug, Default)]
pub(super) struct Jar {
    cookies: Vec<Cookie>,
}

#[derive(Clone, Debug)]
struct Cookie {
    name: String,
    path: String,
    /// As sent, quotes included.
    value: String,
}

/// A `Set-Cookie` line taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SetCookie {
    pub(super) name: String,
    pub(super) value: String,
    /// As written, in their order.
    pub(super) attributes: Vec<(String, Option<String>)>,
}

impl SetCookie {
    pub(super) fn parse(line: &str) -> Option<SetCookie> {
        let mut parts = line.split(';').map(str::trim);
        let (name, value) = parts.next()?.split_once('=')?;
        let attributes = parts.map(|part| match part.split_once('=') {
            Some((name, value)) => (name.to_owned(), Some(value.to_owned())),
            None => (part.to_owned(), None),
        });
        Some(SetCookie { name: name.to_owned(), value: value.to_owned(), attributes: attributes.collect() })
    }

    pub(super) fn attribute(&self, name: &str) -> Option<&str> {
        let found = self.attributes.iter().find(|(found, _)| found.eq_ignore_ascii_case(name));
        found.and_then(|(_, value)| value.as_deref())
    }

    /// Whether it ends the cookie: no value, or long expired.
    pub(super) fn deletes(&self) -> bool {
        self.value.trim_matches('"').is_empty() || self.attribute("max-age").is_some_and(|age| age == "0")
    }
}

impl Jar {
    /// Takes what an answer to `request_path` sets.
    pub(super) fn take(&mut self, line: &str, request_path: &str) {
        let Some(set) = SetCookie::parse(line) else { return };
        let default = request_path.rfind('/').map_or("/", |slash| &request_path[..slash.max(1)]);
        let path = set.attribute("path").unwrap_or(default).to_owned();
        let deletes = set.deletes();
        let old = self.cookies.iter().position(|cookie| cookie.name == set.name && cookie.path == path);
        match (old, deletes) {
            (Some(index), true) => drop(self.cookies.remove(index)),
            (Some(index), false) => self.cookies[index].value = set.value,
            (None, true) => {}
            (None, false) => self.cookies.push(Cookie { name: set.name, path, value: set.value }),
        }
    }

    /// The `Cookie` header for a path; longer paths first.
    pub(super) fn header(&self, path: &str) -> Option<String> {
        let mut fitting: Vec<&Cookie> =
            self.cookies.iter().filter(|cookie| covers(&cookie.path, path)).collect();
        fitting.sort_by_key(|cookie| std::cmp::Reverse(cookie.path.len()));
        let pairs: Vec<String> =
            fitting.iter().map(|cookie| format!("{}={}", cookie.name, cookie.value)).collect();
        (!pairs.is_empty()).then(|| pairs.join("; "))
    }

    /// A cookie's value as a path would send it.
    pub(super) fn value(&self, name: &str, path: &str) -> Option<&str> {
        let fitting = self.cookies.iter().filter(|cookie| cookie.name == name && covers(&cookie.path, path));
        fitting.max_by_key(|cookie| cookie.path.len()).map(|cookie| cookie.value.as_str())
    }

    /// Puts a cookie in, as if a hub had set it.
    pub(super) fn plant(&mut self, name: &str, value: &str, path: &str) {
        self.take(&format!("{name}={value}; Path={path}"), path);
    }

    /// Throws a cookie away.
    pub(super) fn forget(&mut self, name: &str) {
        self.cookies.retain(|cookie| cookie.name != name);
    }
}

/// Path matching of RFC 6265 5.1.4.
fn covers(cookie: &str, path: &str) -> bool {
    path == cookie
        || path.strip_prefix(cookie).is_some_and(|rest| cookie.ends_with('/') || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_goes_where_its_path_says() {
        let mut jar = Jar::default();
        jar.take("a=1; Path=/hub/", "/hub/login");
        jar.take("b=2; HttpOnly; Path=/", "/hub/login");

        assert_eq!(jar.header("/hub/home").as_deref(), Some("a=1; b=2"));
        assert_eq!(jar.header("/user/ada/").as_deref(), Some("b=2"));
    }

    #[test]
    fn an_empty_value_deletes() {
        let mut jar = Jar::default();
        jar.take("a=1; Path=/hub/", "/hub/");
        jar.take("a=\"\"; expires=Mon, 24 Nov 2025 06:15:35 GMT; Path=/hub/", "/hub/");

        assert_eq!(jar.header("/hub/"), None);
    }
}
